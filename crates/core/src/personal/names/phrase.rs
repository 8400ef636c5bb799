//! Phrases of the vocabulary in the words of a name.

use super::{
    super::{
        Confidence, Kind,
        vocabulary::{HANGUL_ENDS, Phrase, phrases_in},
    },
    CODED_TAILS,
};

/// A phrase that was found in a name.
pub(super) struct Hit {
    /// `None` for a phrase that means no personal data.
    pub(super) kind: Option<Kind>,
    pub(super) confidence: Confidence,
    pub(super) phrase: &'static str,
    /// Number of words of the name after the phrase.
    pub(super) rest: usize,
}

/// Where a phrase ends in a name: the word, the letter in this word, and how much the phrase covers.
/// The greatest is what the name is about.
type End = (usize, usize, usize);

/// The phrase that says what the column is: the one that ends last, then the longest.
pub(super) fn find(words: &[String]) -> Option<Hit> {
    let mut best: Option<(End, Hit)> = None;
    for phrase in phrases_in(words) {
        let Some(end) = end(phrase, words) else { continue };
        // Of equal phrases, the one that means no personal data counts.
        let outweighs = best
            .as_ref()
            .is_none_or(|(last, hit)| (end, phrase.kind.is_none()) > (*last, hit.kind.is_none()));
        if outweighs {
            let Phrase { kind, confidence, text, .. } = *phrase;
            let rest = words.len() - end.0;
            best = Some((end, Hit { kind, confidence, phrase: text, rest }));
        }
    }
    best.map(|(_, hit)| hit)
}

/// Where the last occurrence of the phrase ends. Korean compounds are written as one word, so a
/// phrase in Hangul matches inside a word.
fn end(phrase: &Phrase, words: &[String]) -> Option<End> {
    let Phrase { text, words: parts, .. } = phrase;
    if !phrase.is_compound() {
        let at = words.windows(parts.len()).rposition(|window| window.iter().eq(parts.iter()))?;
        return Some((at + parts.len(), 0, parts.len() * 4));
    }
    let characters = text.chars().count();
    // One syllable is part of too many other words.
    let at = words.iter().rposition(|word| match characters {
        1 => word == text,
        _ => word.contains(text),
    })?;
    let word = &words[at];
    let coded = CODED_TAILS.iter().any(|tail| !tail.is_ascii() && word.ends_with(tail));
    let describes = matches!(phrase.kind, Some(Kind::Health | Kind::Sensitive));
    let counts = word.ends_with(text) || !ends_harmless(word) || (coded && describes);
    let letter = word.rfind(text)? + text.len();
    counts.then_some((at + 1, letter, characters))
}

/// Whether a word in Hangul ends with a word for something harmless: `카드종류` (card type).
pub(super) fn ends_harmless(word: &str) -> bool {
    !word.is_ascii() && HANGUL_ENDS.iter().any(|harmless| word.ends_with(harmless))
}
