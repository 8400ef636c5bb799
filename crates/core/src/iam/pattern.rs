//! Compares names with wildcards as IAM does: `*` stands for any text, `?` for any character (IAM User
//! Guide, "IAM JSON policy elements: Resource").

/// Whether `pattern` matches every name that `name` stands for; `name` may contain wildcards itself.
/// `s3:*` covers `s3:Put*`, `s3:PutObject` does not.
pub(super) fn covers(pattern: &str, name: &str) -> bool {
    // A single character of the pattern never covers a `*` of the name.
    match_patterns(pattern, name, false, |wild, plain| {
        plain != '*' && (wild == plain || wild == '?')
    })
}

/// Whether some name matches both patterns.
pub(super) fn overlaps(one: &str, other: &str) -> bool {
    match_patterns(one, other, true, |a, b| a == b || a == '?' || b == '?')
}

/// Compares two patterns from their ends; the time is at most proportional to the product of their
/// lengths. With `both`, a `*` in `other` stands for any text as well.
fn match_patterns(one: &str, other: &str, both: bool, same: fn(char, char) -> bool) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let star = |it: Option<&char>| it == Some(&'*');
    // row[j]: whether one[i..] and other[j..] match. `below` is the row of i + 1.
    let mut below = vec![false; other.len() + 1];
    for i in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            let (a, b) = (one.get(i), other.get(j));
            row[j] = match (a, b) {
                // A `*` ends here, or takes one more character of the other side.
                _ if star(a) || (both && star(b)) => {
                    (a.is_some() && below[j]) || (b.is_some() && row[j + 1])
                }
                (Some(a), Some(b)) => same(*a, *b) && below[j + 1],
                (None, None) => true,
                _ => false,
            };
        }
        below = row;
    }
    below[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_and_overlap() {
        for (one, other, covering, overlapping) in [
            ("*", "", true, true),
            ("*", "s3:Put*", true, true),
            ("s3:*", "s3:PutObject*", true, true),
            ("s3:PutObject*", "s3:PutObject*", true, true),
            ("s3:PutObject", "s3:PutObject*", false, true),
            ("s3:PutObject?", "s3:PutObject*", false, true),
            ("s3:Put*Acl", "s3:PutObject*", false, true),
            ("s3:Get*", "s3:PutObject*", false, false),
            ("arn:*:shop/*", "arn:aws:s3:::shop/a-*", true, true),
            ("arn:aws:s3:::shop/b*", "arn:aws:s3:::shop/a-*", false, false),
            ("arn:*:shop/a-2026*", "arn:aws:s3:::shop/a-*", false, true),
            ("?", "a", true, true),
            ("?", "", false, false),
            ("a*b*c", "abc", true, true),
            ("a*b*c", "acb", false, false),
        ] {
            assert_eq!(covers(one, other), covering, "{one} covers {other}");
            assert_eq!(overlaps(one, other), overlapping, "{one} overlaps {other}");
            assert_eq!(overlaps(other, one), overlapping, "{other} overlaps {one}");
        }
    }
}
