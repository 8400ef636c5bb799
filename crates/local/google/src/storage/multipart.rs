//! Parser for the `multipart/related` body of an upload: a JSON part, then the object's bytes.

use bytes::Bytes;

/// One part of the body.
pub(crate) struct Part {
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
}

/// The boundary that a `Content-Type` header names.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let value = content_type.split(';').map(str::trim).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case("boundary").then_some(value.trim())
    })?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// Splits a body into its two parts. Lines may end with a bare LF, and a part may have no
/// headers. The bytes of the second part are returned unchanged.
pub(crate) fn split_parts(body: &Bytes, boundary: &str) -> Option<(Part, Part)> {
    let dashed = format!("--{boundary}");
    let opening = find(body, dashed.as_bytes(), 0)?;
    let line_end = find(body, b"\n", opening)?;
    let crlf = line_end > 0 && body[line_end - 1] == b'\r';
    let delimiter = if crlf { format!("\r\n{dashed}") } else { format!("\n{dashed}") };
    let middle = find(body, delimiter.as_bytes(), line_end)?;
    let second = find(body, b"\n", middle + delimiter.len())? + 1;
    // Take the last closing delimiter: the object's own bytes may contain the same sequence.
    let closing = format!("{delimiter}--");
    let end = rfind(body, closing.as_bytes()).filter(|end| *end + 2 >= second)?;
    Some((
        parse_part(body.slice(line_end + 1..middle.max(line_end + 1)))?,
        parse_part(body.slice(second..end.max(second)))?,
    ))
}

fn parse_part(bytes: Bytes) -> Option<Part> {
    let mut at = 0;
    let mut content_type = None;
    loop {
        let Some(end) = find(&bytes, b"\n", at) else {
            // The part ends with its headers: there is no body.
            return Some(Part { content_type, body: Bytes::new() });
        };
        let line = std::str::from_utf8(&bytes[at..end]).ok()?.trim_end_matches('\r');
        at = end + 1;
        if line.is_empty() {
            return Some(Part { content_type, body: bytes.slice(at..) });
        }
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-type")
        {
            content_type = Some(value.trim().to_owned());
        }
    }
}

fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(needle.len()).position(|it| it == needle).map(|at| at + from)
}

fn rfind(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).rposition(|it| it == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_different_clients_are_split() {
        let crlf = "--b\r\nContent-Type: application/json\r\n\r\n{\"name\":\"x\"}\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\n--bye\r\n\r\n--b--\r\n";
        let lf = "--b\nContent-Type: application/json\n\n{\"name\":\"x\"}\n--b\nContent-Type: text/plain\n\nhello\n--bye\r\n\n--b--";
        let no_type = "--b\r\nContent-Type: application/json\r\n\r\n{\"name\":\"x\"}\r\n--b\r\n\r\nhello\n--bye\r\n\r\n--b--";
        for (body, content_type) in
            [(crlf, Some("text/plain")), (lf, Some("text/plain")), (no_type, None)]
        {
            let (first, second) = split_parts(&Bytes::from(body), "b").expect("two parts");
            assert_eq!(first.body, "{\"name\":\"x\"}");
            assert_eq!(second.body, "hello\n--bye\r\n");
            assert_eq!(second.content_type.as_deref(), content_type);
        }
        let empty = "--b\r\n\r\n{}\r\n--b\r\n\r\n\r\n--b--\r\n";
        let (_, second) = split_parts(&Bytes::from(empty), "b").expect("two parts");
        assert!(second.body.is_empty());
        assert!(split_parts(&Bytes::from("--b\r\n\r\n{}\r\n"), "b").is_none(), "truncated body");
    }
}
