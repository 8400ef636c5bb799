//! Suggestions for misspelt words.

/// The candidate with the smallest edit distance to `word`, if it is close enough;
/// otherwise the only candidate that starts with `word`, as `EMAIL_MASK` does with
/// `email`. Ignores letter case; among equal distances the first candidate wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Shorter words are prefixes of too many candidates.
    const MIN_PREFIX_LENGTH: usize = 3;
    let word = word.to_lowercase();
    let length = word.chars().count();
    // Up to a third of the letters may differ; more is another word.
    let tolerance = (length / 3).max(1);
    let mut best: Option<(usize, &'a str)> = None;
    let mut with_prefix: Vec<&'a str> = Vec::new();
    for candidate in candidates {
        let lower = candidate.to_lowercase();
        if length >= MIN_PREFIX_LENGTH && lower.starts_with(&word) {
            with_prefix.push(candidate);
        }
        let distance = strsim::damerau_levenshtein(&word, &lower);
        if distance <= tolerance && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    match (best, with_prefix.as_slice()) {
        (Some((_, candidate)), _) => Some(candidate),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// `did you mean …?` with the nearest candidate; otherwise the list of candidates, if
/// it is short; otherwise `None`.
pub(crate) fn suggestion(word: &str, candidates: &[&str]) -> Option<String> {
    /// The maximum number of candidates listed in an error.
    const MAX_LISTED: usize = 16;
    match nearest(word, candidates.iter().copied()) {
        Some(candidate) => Some(format!("did you mean `{candidate}`?")),
        None if candidates.is_empty() || candidates.len() > MAX_LISTED => None,
        None => {
            let list: Vec<String> = candidates.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("use one of {}", list.join(", ")))
        }
    }
}
