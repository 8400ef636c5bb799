//! What was probably meant.

/// The candidate that is spelt most like `word`, if any is near enough to be
/// worth suggesting. Letter case doesn't count; among equals the first wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // A third of the letters wrong is still a misspelling; more is another word.
    let tolerance = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
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
