//! Writes PostgreSQL arrays of any depth as JSON text: `{{1,2},{3,NULL}}` becomes `[[1,2],[3,null]]`.
//!
//! Lower bounds other than 1 (`[0:1]={1,2}`) are left out: JSON has none.

use landbridge_core::rewrite::{JsonElement, Misfit};

use super::array::{body, quoted_element};

/// The most dimensions of an array; PostgreSQL has at most 6 (its documentation, "Arrays" and
/// `MAXDIM`).
const MAX_DEPTH: usize = 6;

/// Appends the JSON text of an array. Appends nothing if the text is not an array. `scratch` is a
/// buffer for elements with escapes.
pub(in crate::rewrite) fn array_as_json(
    text: &[u8],
    element: JsonElement,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let start = out.len();
    let result = write_array(text, element, scratch, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn write_array(
    text: &[u8],
    element: JsonElement,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    // What follows is split at ASCII characters only, so every element is UTF-8 as well.
    std::str::from_utf8(text).map_err(|_| Misfit::Malformed)?;
    // Checks the bounds and the outer braces, which are read again.
    let mut rest = &text[text.len() - body(text, MAX_DEPTH)?.len() - 2..];
    let (mut depth, mut after_value) = (0, false);
    loop {
        match rest {
            [b'{', after @ ..] if !after_value && depth < MAX_DEPTH => {
                out.push(b'[');
                depth += 1;
                rest = after;
                if let [b'}', ..] = rest {
                    after_value = true;
                }
            }
            [b'}', after @ ..] if after_value && depth > 0 => {
                out.push(b']');
                depth -= 1;
                rest = after;
                if depth == 0 {
                    return if rest.is_empty() { Ok(()) } else { Err(Misfit::Malformed) };
                }
            }
            [b',', after @ ..] if after_value => {
                out.push(b',');
                (rest, after_value) = (after, false);
            }
            _ if after_value || depth == 0 => return Err(Misfit::Malformed),
            [b'"', quoted @ ..] => {
                rest = quoted_element(quoted, scratch, &mut |element| {
                    write_text(element, out);
                    Ok(())
                })?;
                after_value = true;
            }
            _ => {
                let end = rest.iter().position(|byte| b",\"\\{}".contains(byte));
                let (plain, after) = rest.split_at(end.unwrap_or(rest.len()));
                write_plain(plain, element, out)?;
                (rest, after_value) = (after, true);
            }
        }
    }
}

/// Writes an element without quotes.
fn write_plain(text: &[u8], element: JsonElement, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if text.is_empty() {
        return Err(Misfit::Malformed);
    }
    if text.eq_ignore_ascii_case(b"NULL") {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match element {
        JsonElement::Number if is_json_number(text) => out.extend_from_slice(text),
        JsonElement::Bool if text == b"t" || text == b"true" => out.extend_from_slice(b"true"),
        JsonElement::Bool if text == b"f" || text == b"false" => out.extend_from_slice(b"false"),
        // Also `NaN` and `Infinity`, for which JSON has no number.
        _ => write_text(text, out),
    }
    Ok(())
}

/// Whether text is a number in JSON (RFC 8259, section 6).
fn is_json_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let [b'.', fraction @ ..] = rest {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', exponent @ ..] => exponent,
            exponent => exponent,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// Writes a JSON string (RFC 8259, section 7).
fn write_text(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str, element: JsonElement) -> Result<String, Misfit> {
        let mut out = b"before".to_vec();
        let result = array_as_json(text.as_bytes(), element, &mut Vec::new(), &mut out);
        let out = String::from_utf8(out).expect("UTF-8");
        let json = out.strip_prefix("before").expect("what was there stays");
        if result.is_err() {
            assert_eq!(json, "", "{text}");
        }
        result.map(|()| json.to_owned())
    }

    #[test]
    fn arrays_of_any_depth_are_json() {
        use JsonElement::{Bool, Number, Text};
        for (text, element, expected) in [
            ("{}", Number, "[]"),
            ("{1,NULL,-3}", Number, "[1,null,-3]"),
            ("{{1,2},{3,4}}", Number, "[[1,2],[3,4]]"),
            ("{{{1}},{{2}}}", Number, "[[[1]],[[2]]]"),
            ("{{}}", Number, "[[]]"),
            ("[0:1][5:6]={{1,2},{3,4}}", Number, "[[1,2],[3,4]]"),
            ("{0.5,1e+300,NaN,Infinity,-0}", Number, r#"[0.5,1e+300,"NaN","Infinity",-0]"#),
            ("{01,1.,.5,+1}", Number, r#"["01","1.",".5","+1"]"#),
            ("{t,f,NULL}", Bool, "[true,false,null]"),
            ("{12.50,1}", Text, r#"["12.50","1"]"#),
            (r#"{"a b",c,"NULL",NULL,""}"#, Text, r#"["a b","c","NULL",null,""]"#),
            (r#"{"a\"b","c\\d","{,}",가}"#, Text, r#"["a\"b","c\\d","{,}","가"]"#),
            ("{\"a\nb\",\"\u{1}\"}", Text, r#"["a\nb","\u0001"]"#),
        ] {
            let found = json(text, element).expect(text);
            assert_eq!(found, expected, "{text}");
            serde_json::from_str::<serde_json::Value>(&found).expect("JSON");
        }
    }

    #[test]
    fn what_is_not_an_array_is_malformed() {
        for text in [
            "",
            "{",
            "}",
            "1",
            "{1",
            "{1,}",
            "{,1}",
            "{1}}",
            "{{1}",
            "{{1}{2}}",
            "{1}{2}",
            "{\"a\"b}",
            "{\"a}",
            "{a\"b\"}",
            "{,}",
            "[x]={1}",
            "{{{{{{{1}}}}}}}",
            "{a\\b}",
        ] {
            assert_eq!(json(text, JsonElement::Number), Err(Misfit::Malformed), "{text}");
        }
        let mut out = Vec::new();
        let result = array_as_json(b"{\xff}", JsonElement::Text, &mut Vec::new(), &mut out);
        assert_eq!((result, out.len()), (Err(Misfit::Malformed), 0));
    }
}
