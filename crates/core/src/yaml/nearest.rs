//! What was probably meant.

/// The candidate that is spelt most like `word`, if any is near enough to be
/// worth suggesting; else the only one that begins with it, as `EMAIL_MASK`
/// does with `email`. Letter case doesn't count; among equals the first wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// A shorter word begins too much.
    const SHORTEST_BEGINNING: usize = 3;
    let word = word.to_lowercase();
    let length = word.chars().count();
    // A third of the letters wrong is still a misspelling; more is another word.
    let tolerance = (length / 3).max(1);
    let mut best: Option<(usize, &'a str)> = None;
    let mut beginning: Vec<&'a str> = Vec::new();
    for candidate in candidates {
        let lower = candidate.to_lowercase();
        if length >= SHORTEST_BEGINNING && lower.starts_with(&word) {
            beginning.push(candidate);
        }
        let distance = strsim::damerau_levenshtein(&word, &lower);
        if distance <= tolerance && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    match (best, beginning.as_slice()) {
        (Some((_, candidate)), _) => Some(candidate),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// `did you mean …?` for the nearest candidate, else the list of candidates
/// when it is short enough to read, else nothing.
pub(crate) fn suggestion(word: &str, candidates: &[&str]) -> Option<String> {
    /// More than a dozen names are looked up, not read in an error.
    const READABLE: usize = 12;
    match nearest(word, candidates.iter().copied()) {
        Some(candidate) => Some(format!("did you mean `{candidate}`?")),
        None if candidates.is_empty() || candidates.len() > READABLE => None,
        None => {
            let list: Vec<String> = candidates.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("use one of {}", list.join(", ")))
        }
    }
}
