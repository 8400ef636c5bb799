//! What a mask shows of a value. Written from Google's documentation, "Introduction to data masking", and
//! not from the emulator, whose own list of masks it is compared with.

use base64::{Engine, engine::general_purpose::STANDARD};
use landbridge_core::config::Mask;
use landbridge_core::proof::text;
use sha2::{Digest, Sha256};

use super::leaf::{Leaf, Meaning};

const REPLACEMENT: &str = "XXXXX";
/// The characters that FIRST_FOUR_CHARACTERS and LAST_FOUR_CHARACTERS show.
const SHOWN: usize = 4;
const DAY_MICROS: i64 = 86_400_000_000;

/// A mask whose result can be compared, for the type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Hash,
    Email,
    FirstFour,
    LastFour,
    YearOfDate,
    YearOfInstant,
}

impl Shown {
    /// `None` if the mask shows nothing, or does not support the type.
    pub(super) fn of(mask: Mask, leaf: &Leaf) -> Option<Self> {
        match (mask, leaf.meaning) {
            _ if leaf.list => None,
            (Mask::Sha256, Meaning::Text | Meaning::Bytes) => Some(Self::Hash),
            (Mask::EmailMask, Meaning::Text) => Some(Self::Email),
            (Mask::FirstFourCharacters, Meaning::Text) => Some(Self::FirstFour),
            (Mask::LastFourCharacters, Meaning::Text) => Some(Self::LastFour),
            (Mask::DateYearMask, Meaning::Date) => Some(Self::YearOfDate),
            (Mask::DateYearMask, Meaning::Instant) => Some(Self::YearOfInstant),
            _ => None,
        }
    }

    /// Appends the canonical text of what the mask shows. `None` if the documentation does not decide
    /// it: then the column cannot be compared through its mask.
    pub(super) fn text(self, leaf: &Leaf, raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Hash => hash(leaf, raw, out),
            Self::YearOfDate => text::integer(first_day_of_year(leaf.integer(raw)), out),
            Self::YearOfInstant => {
                let day = leaf.integer(raw).div_euclid(DAY_MICROS);
                text::integer(first_day_of_year(day) * DAY_MICROS, out);
            }
            Self::Email => match email(std::str::from_utf8(raw).ok()?) {
                Email::Address { domain } => {
                    out.extend_from_slice(REPLACEMENT.as_bytes());
                    out.push(b'@');
                    out.extend_from_slice(domain.as_bytes());
                }
                Email::None => hash(leaf, raw, out),
                Email::Unclear => return None,
            },
            Self::FirstFour => match std::str::from_utf8(raw).ok()?.char_indices().nth(SHOWN) {
                Some((at, _)) => {
                    out.extend_from_slice(&raw[..at]);
                    out.extend_from_slice(REPLACEMENT.as_bytes());
                }
                None => hash(leaf, raw, out),
            },
            Self::LastFour => {
                let text = std::str::from_utf8(raw).ok()?;
                match text.char_indices().nth_back(SHOWN - 1) {
                    Some((at, _)) if at > 0 => {
                        out.extend_from_slice(REPLACEMENT.as_bytes());
                        out.extend_from_slice(&raw[at..]);
                    }
                    _ => hash(leaf, raw, out),
                }
            }
        }
        Some(())
    }
}

/// SHA-256, in base64 for text.
fn hash(leaf: &Leaf, raw: &[u8], out: &mut Vec<u8>) {
    let hash = Sha256::digest(raw);
    match leaf.meaning {
        Meaning::Bytes => out.extend_from_slice(&hash),
        _ => {
            let mut encoded = [0; 44];
            // 32 bytes are encoded as 44 letters.
            let _ = STANDARD.encode_slice(hash, &mut encoded);
            out.extend_from_slice(&encoded);
        }
    }
}

/// Whether EMAIL_MASK takes a text as an address. The documentation says "a valid email" and no more, so
/// only texts that every definition agrees on are decided.
enum Email<'a> {
    Address { domain: &'a str },
    None,
    Unclear,
}

fn email(text: &str) -> Email<'_> {
    let Some((local, domain)) = text.split_once('@') else { return Email::None };
    let is_word = |text: &str, more: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    let plain = is_word(local, "._-+") && !local.contains("..");
    let labels = domain.split('.');
    let top = domain.rsplit('.').next().unwrap_or_default();
    let is_domain = domain.contains('.')
        && labels.clone().all(|label| is_word(label, "-"))
        && top.len() >= 2
        && top.chars().all(|c| c.is_ascii_alphabetic());
    if plain && is_domain { Email::Address { domain } } else { Email::Unclear }
}

/// 1 January of the year of a day. Both are days since 1970-01-01, of the proleptic Gregorian calendar.
fn first_day_of_year(day: i64) -> i64 {
    // A year of 365.2425 days, so the guess is at most one year too late or too early.
    let mut year = 1970 + (day * 10_000).div_euclid(3_652_425);
    while january_first(year) > day {
        year -= 1;
    }
    while january_first(year + 1) <= day {
        year += 1;
    }
    january_first(year)
}

fn january_first(year: i64) -> i64 {
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    before * 365 + leap_days - 719_162
}

#[cfg(test)]
mod tests {
    use super::super::leaf::Stored;
    use super::*;

    fn leaf(stored: Stored, meaning: Meaning) -> Leaf {
        Leaf { stored, meaning, width: None, list: false, total: None }
    }

    fn shown(mask: Mask, text: &str) -> Option<String> {
        let leaf = leaf(Stored::Bytes, Meaning::Text);
        let mut out = Vec::new();
        Shown::of(mask, &leaf)?.text(&leaf, text.as_bytes(), &mut out)?;
        String::from_utf8(out).ok()
    }

    #[test]
    fn masks_of_text() {
        let hashed = |text: &str| STANDARD.encode(Sha256::digest(text));
        assert_eq!(hashed("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", "FIPS 180-4");
        for (mask, text, expected) in [
            (Mask::Sha256, "abc", Some(hashed("abc"))),
            (Mask::Sha256, "", Some(hashed(""))),
            (Mask::EmailMask, "ada@example.org", Some("XXXXX@example.org".to_owned())),
            (Mask::EmailMask, "a.b+c@mail.example.co", Some("XXXXX@mail.example.co".to_owned())),
            (Mask::EmailMask, "no address", Some(hashed("no address"))),
            (Mask::EmailMask, "", Some(hashed(""))),
            (Mask::EmailMask, "a@b", None),
            (Mask::EmailMask, "a@b@example.org", None),
            (Mask::EmailMask, "김@example.org", None),
            (Mask::EmailMask, ".a@example.org", None),
            (Mask::LastFourCharacters, "010-1234-5678", Some("XXXXX5678".to_owned())),
            (Mask::LastFourCharacters, "대한민국만세", Some("XXXXX민국만세".to_owned())),
            (Mask::LastFourCharacters, "1234", Some(hashed("1234"))),
            (Mask::FirstFourCharacters, "010-1234", Some("010-XXXXX".to_owned())),
            (Mask::FirstFourCharacters, "대한민국만", Some("대한민국XXXXX".to_owned())),
            (Mask::FirstFourCharacters, "1234", Some(hashed("1234"))),
            (Mask::AlwaysNull, "abc", None),
            (Mask::DefaultMaskingValue, "abc", None),
            (Mask::DateYearMask, "2026-11-27", None),
        ] {
            assert_eq!(shown(mask, text), expected, "{mask} of {text:?}");
        }
    }

    #[test]
    fn masks_of_dates_show_the_year() {
        for (day, first) in [
            (0, 0),
            (364, 0),
            (365, 365),
            (-1, -365),
            // 2000-12-31 and 2001-01-01
            (11_322, 10_957),
            (11_323, 11_323),
            // 0001-01-01 and 9999-12-31
            (-719_162, -719_162),
            (2_932_896, 2_932_532),
        ] {
            assert_eq!(first_day_of_year(day), first, "{day}");
        }
        let instants = leaf(Stored::Int64, Meaning::Instant);
        let mut out = Vec::new();
        let year = Shown::of(Mask::DateYearMask, &instants).expect("it supports instants");
        year.text(&instants, &(-1_i64).to_le_bytes(), &mut out).expect("always decided");
        assert_eq!(out, (-365 * DAY_MICROS).to_string().into_bytes());
    }
}
