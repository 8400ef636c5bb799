//! Parses the text forms of database values, without allocations per value and without panics on any
//! input.
//!
//! | module | parses |
//! |---|---|
//! | [`datetime`] | dates, times, timestamps |
//! | [`number`] | decimals, integers, doubles |
//! | [`array`], [`array_json`] | PostgreSQL arrays `{…}`; the same as JSON |
//! | here | booleans, bit strings, text |

pub(super) mod array;
pub(super) mod array_json;
pub(super) mod datetime;
pub(super) mod number;

use landbridge_core::rewrite::Misfit;

/// Parses `t`, `f`, `true`, `false`, `1`, `0`.
pub(super) fn boolean(text: &[u8]) -> Result<bool, Misfit> {
    match text {
        b"t" | b"true" | b"1" => Ok(true),
        b"f" | b"false" | b"0" => Ok(false),
        _ => Err(Misfit::Malformed),
    }
}

/// Appends a bit string `0101…` as big-endian bytes, padded with zeros on the left.
pub(super) fn bits(text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let start = out.len();
    for chunk in text.rchunks(8).rev() {
        let mut byte = 0;
        for bit in chunk {
            byte = byte << 1
                | match bit {
                    b'0' => 0,
                    b'1' => 1,
                    _ => {
                        out.truncate(start);
                        return Err(Misfit::Malformed);
                    }
                };
        }
        out.push(byte);
    }
    Ok(())
}

/// Checks that text is UTF-8.
pub(super) fn utf8(text: &[u8]) -> Result<&[u8], Misfit> {
    std::str::from_utf8(text).map(str::as_bytes).map_err(|_| Misfit::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans() {
        for (text, value) in [("t", true), ("f", false), ("true", true), ("false", false)] {
            assert_eq!(boolean(text.as_bytes()), Ok(value), "{text}");
        }
        for text in ["", "T", "yes", "2", "truee"] {
            assert_eq!(boolean(text.as_bytes()), Err(Misfit::Malformed), "{text}");
        }
    }

    #[test]
    fn bit_strings() {
        let read = |text: &str| {
            let mut out = Vec::new();
            bits(text.as_bytes(), &mut out).map(|()| out)
        };
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("101"), Ok(vec![5]));
        assert_eq!(read("11111111"), Ok(vec![255]));
        assert_eq!(read("100000001"), Ok(vec![1, 1]));
        assert_eq!(read("0000000000000001"), Ok(vec![0, 1]));
        assert_eq!(read("10x"), Err(Misfit::Malformed));
    }
}
