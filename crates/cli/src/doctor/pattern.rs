//! Names with wildcards, as IAM writes them: `*` is any text, `?` any character (IAM User Guide,
//! "IAM JSON policy elements: Resource").

/// Whether `pattern` names all that `name` stands for, which may hold wildcards itself: `s3:*`
/// covers `s3:Put*`, and `s3:PutObject` does not.
pub(super) fn covers(pattern: &str, name: &str) -> bool {
    // A wildcard of the name stands for more than one character does.
    meet(pattern, name, false, |wild, plain| plain != '*' && (wild == plain || wild == '?'))
}

/// Whether there is a name that both stand for.
pub(super) fn overlaps(one: &str, other: &str) -> bool {
    meet(one, other, true, |a, b| a == b || a == '?' || b == '?')
}

/// Compares them from their ends, so that no pattern takes longer than the product of both
/// lengths. `both` tells whether a `*` of the other one is any text as well.
fn meet(one: &str, other: &str, both: bool, same: fn(char, char) -> bool) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let star = |it: Option<&char>| it == Some(&'*');
    // Of what remains from i and from j on: whether it meets. `below` is the row of i + 1.
    let mut below = vec![false; other.len() + 1];
    for i in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            let (a, b) = (one.get(i), other.get(j));
            row[j] = match (a, b) {
                // A star is nothing more, or takes one character of the other side.
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
