//! Names of tables as parts of addresses and as names of files.

use std::fmt::Write;

use landbridge_core::ids::short_hash;

/// The longest part. Names of files have at most 255 bytes on the usual file systems.
const MAX: usize = 200;

/// A name as one part of an address: the same text is a file name and needs no escaping in HTML or in a URL. Different
/// names have different slugs (a shortened one has a digest of the whole name).
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for (place, byte) in name.bytes().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        // No `.`, no `..`, no hidden file.
        if is_plain && !(place == 0 && byte == b'.') {
            slug.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(slug, "~{byte:02x}");
        }
    }
    if slug.len() > MAX {
        slug.truncate(MAX - 20);
        let _ = write!(slug, "~~{}", short_hash(name));
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_one_harmless_part_of_a_path() {
        for (name, expected) in [
            ("public.orders", "public.orders"),
            ("<script>alert(1)</script>", "~3cscript~3ealert~281~29~3c~2fscript~3e"),
            ("../../etc/passwd", "~2e.~2f..~2fetc~2fpasswd"),
            ("..", "~2e."),
            ("a%2f\"b", "a~252f~22b"),
            ("고객", "~ea~b3~a0~ea~b0~9d"),
            ("a~2fb", "a~7e2fb"),
        ] {
            assert_eq!(slug(name), expected);
        }
        let long = |last: char| format!("public.{}{last}", "고".repeat(100));
        let (one, other) = (slug(&long('a')), slug(&long('b')));
        assert!(one.len() <= MAX && other.len() <= MAX && one != other, "{one} {other}");
    }
}
