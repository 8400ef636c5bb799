//! What words mean in names of tables and columns: `vocabulary.txt`, parsed once.

use std::{collections::HashSet, sync::LazyLock};

use super::{Confidence, Kind};

const TEXT: &str = include_str!("vocabulary.txt");

/// Words of one section.
pub(super) type Words = LazyLock<HashSet<&'static str>>;

/// Words, side by side, that indicate a kind, or that indicate no personal data (`None`).
pub(super) struct Phrase {
    pub(super) kind: Option<Kind>,
    pub(super) confidence: Confidence,
    pub(super) text: &'static str,
    pub(super) words: Vec<&'static str>,
}

/// All phrases.
pub(super) static PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let phrases = sections().flat_map(|(name, words)| {
        let meaning = meaning(name);
        let phrase = move |text: &'static str| {
            let (kind, confidence) = meaning?;
            Some(Phrase { kind, confidence, text, words: text.split(' ').collect() })
        };
        words.filter_map(phrase)
    });
    phrases.collect()
});

/// Last words that say that the column contains a value of what stands before them: `phone_number`.
pub(super) static VALUE_TAILS: Words = LazyLock::new(|| section("value_tails"));

/// Last words that say something *about* what stands before them: `email_verified`, `card_type`.
pub(super) static NEUTRAL_TAILS: Words = LazyLock::new(|| section("neutral_tails"));

/// Words for people: before `name` they make it a person's name, and tables of such things are about people.
pub(super) static PEOPLE: Words = LazyLock::new(|| section("people"));

/// Words for things: before `name` they make it no person's name.
pub(super) static THINGS: Words = LazyLock::new(|| section("things"));

/// Words for `name`.
pub(super) static NAME_WORDS: Words = LazyLock::new(|| section("name_words"));

/// Last words of columns with a closed or technical vocabulary, which identifies no person.
pub(super) static HARMLESS_HEADS: Words = LazyLock::new(|| section("harmless_heads"));

/// Last words of columns whose text is about things in tables about things, and about people elsewhere.
pub(super) static TEXT_HEADS: Words = LazyLock::new(|| section("text_heads"));

/// Tables in which people write to or about people.
pub(super) static WRITTEN: Words = LazyLock::new(|| section("written"));

/// Names of JSON columns with settings of a system rather than data about people.
pub(super) static SETTINGS: Words = LazyLock::new(|| section("settings"));

/// Last words of dates of a business, not of a person's life.
pub(super) static BUSINESS_DATES: Words = LazyLock::new(|| section("business_dates"));

/// Tables that list what others refer to, or that count: they are about no single person.
pub(super) static CATALOGUES: Words = LazyLock::new(|| section("catalogues"));

/// Tables in which each row is about a person, although their names say something else.
pub(super) static ABOUT_PEOPLE: Words = LazyLock::new(|| section("about_people"));

/// Words of tables about health.
pub(super) static MEDICAL: Words = LazyLock::new(|| section("medical"));

/// The last word of columns that say who did something: `created_by`.
pub(super) const BY: &str = "by";

/// All words, also those that phrases consist of.
static ALL: Words = LazyLock::new(|| {
    sections().flat_map(|(_, words)| words.flat_map(|phrase| phrase.split(' '))).collect()
});

/// Whether the vocabulary contains the word.
pub(super) fn is_word(word: &str) -> bool {
    ALL.contains(word)
}

/// The sections by name, each with its words and phrases.
fn sections() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    TEXT.split("\n[").skip(1).filter_map(|section| section.split_once("]\n")).map(|(name, rest)| {
        let lines = rest.lines().filter(|line| !line.starts_with('#'));
        (name, lines.flat_map(|line| line.split(',')).map(str::trim).filter(|it| !it.is_empty()))
    })
}

fn section(name: &str) -> HashSet<&'static str> {
    sections()
        .find(|(found, _)| *found == name)
        .map(|(_, words)| words.collect())
        .unwrap_or_default()
}

/// What a section of phrases indicates; `None` for a section of words.
fn meaning(section: &str) -> Option<(Option<Kind>, Confidence)> {
    if section == "harmless_phrases" {
        return Some((None, Confidence::Medium));
    }
    let (kind, confidence) = section.split_once(' ')?;
    let kind = Kind::ALL.into_iter().find(|known| format!("{known:?}") == kind)?;
    let all = [Confidence::Low, Confidence::Medium, Confidence::High];
    Some((Some(kind), all.into_iter().find(|known| known.name() == confidence)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_known_and_used() {
        let words = [
            "value_tails",
            "neutral_tails",
            "people",
            "things",
            "name_words",
            "harmless_heads",
            "text_heads",
            "written",
            "settings",
            "business_dates",
            "catalogues",
            "about_people",
            "medical",
        ];
        for (name, entries) in sections() {
            assert!(words.contains(&name) || meaning(name).is_some(), "unknown section [{name}]");
            let entries: Vec<&str> = entries.collect();
            let different: HashSet<&&str> = entries.iter().collect();
            assert_eq!(different.len(), entries.len(), "[{name}] contains an entry twice");
        }
        assert!(words.iter().all(|name| !section(name).is_empty()));
    }
}
