//! What words mean in names of tables and columns: `vocabulary.txt`, parsed once, and the words of
//! `standard_words.txt`.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use super::{
    Confidence, Kind,
    lookup::{Known, known, spelled},
};

const TEXT: &str = include_str!("vocabulary.txt");

/// Pairs of a Korean word and its abbreviation in public databases.
const STANDARD: &str = include_str!("standard_words.txt");

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
static PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let phrases = sections(TEXT).flat_map(|(name, words)| {
        let meaning = meaning(name);
        let phrase = move |text: &'static str| {
            let (kind, confidence) = meaning?;
            Some(Phrase { kind, confidence, text, words: text.split(' ').collect() })
        };
        words.filter_map(phrase)
    });
    phrases.collect()
});

/// The places in [`PHRASES`] of the phrases that begin with a word, or are written inside of words in Hangul.
struct Index {
    by_first_word: HashMap<&'static str, Vec<usize>>,
    in_hangul: Vec<usize>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { by_first_word: HashMap::new(), in_hangul: Vec::new() };
    for (at, phrase) in PHRASES.iter().enumerate() {
        match phrase.is_compound() {
            true => index.in_hangul.push(at),
            false => index.by_first_word.entry(phrase.words[0]).or_default().push(at),
        }
    }
    index
});

impl Phrase {
    /// Whether the phrase is one word in Hangul, which compounds contain.
    pub(super) fn is_compound(&self) -> bool {
        self.words.len() == 1 && !self.text.is_ascii()
    }
}

/// The phrases that a name of these words may contain, in the order of the vocabulary: a name is compared with a few of some
/// thousand phrases.
pub(super) fn phrases_in(words: &[String]) -> impl Iterator<Item = &'static Phrase> {
    let mut found: Vec<usize> = Vec::new();
    for word in words {
        found.extend(INDEX.by_first_word.get(word.as_str()).into_iter().flatten());
    }
    if words.iter().any(|word| !word.is_ascii()) {
        found.extend(&INDEX.in_hangul);
    }
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|at| &PHRASES[at])
}

/// The phrases for resident registration numbers.
static RESIDENT_NUMBERS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let of_kind =
        |name: &str| meaning(name).is_some_and(|(kind, _)| kind == Some(Kind::ResidentNumber));
    sections(TEXT).filter(|(name, _)| of_kind(name)).flat_map(|(_, phrases)| phrases).collect()
});

/// Whether a name of these words may contain a phrase for resident registration numbers. Every function asks it of every column
/// when it starts, so it takes far less than [`phrases_in`].
pub(super) fn may_be_resident_number(words: &[String]) -> bool {
    let contains = |phrase: &str| match phrase.split_once(' ') {
        Some((first, _)) => words.iter().any(|word| word == first),
        None => words.iter().any(|word| word.contains(phrase)),
    };
    RESIDENT_NUMBERS.iter().any(|phrase| contains(phrase))
}

/// Words in Hangul for something harmless, as they end compounds: `종류` of `카드종류` (card type). One syllable is part of too
/// many other words, and a number may be a person's.
pub(super) static HANGUL_ENDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let all = HARMLESS_HEADS.iter().chain(NEUTRAL_TAILS.iter()).copied();
    all.filter(|it| !it.is_ascii() && it.chars().count() > 1 && *it != "번호").collect()
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

/// Tables that list places or organisations: their addresses and telephone numbers are no person's.
pub(super) static PLACES: Words = LazyLock::new(|| section("places"));

/// Tables of machines: the network addresses in them are no person's.
pub(super) static MACHINES: Words = LazyLock::new(|| section("machines"));

/// Words of tables about a side of people's lives that the law or custom protects: loans, school,
/// belief, work, love.
pub(super) static INTIMATE: Words = LazyLock::new(|| section("intimate"));

/// Words that value a person in such a table: `score`.
pub(super) static VALUATIONS: Words = LazyLock::new(|| section("valuations"));

/// Words for remedies and findings: in a table about patients they are about the patient's health.
pub(super) static REMEDIES: Words = LazyLock::new(|| section("remedies"));

/// Tables that list or count, unless another word says that they are about people.
pub(super) static WEAK_CATALOGUES: Words = LazyLock::new(|| section("weak_catalogues"));

/// Words of tables about what people are paid.
pub(super) static PAY: Words = LazyLock::new(|| section("pay"));

/// Words that say that a value is about the record and not about its person.
pub(super) static RECORDS: Words = LazyLock::new(|| section("records"));

/// Things that a list can be about, and a person's record as well.
pub(super) static GOODS: Words = LazyLock::new(|| section("goods"));

/// The words of the public standard by their abbreviations.
static ABBREVIATED: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| standard().map(|(word, abbreviation)| (abbreviation, word)).collect());

/// Whether the word is known: of the vocabulary, of the public standard, or the consonants of such a word.
pub(super) fn is_word(word: &str) -> bool {
    known(word).is_some()
}

/// Whether the word means nothing personal.
pub(super) fn is_plain(word: &str) -> bool {
    matches!(known(word), Some(Known::Plain | Known::Standard))
}

/// Whether the word is a spelling of a Korean word.
pub(super) fn is_spelling(word: &str) -> bool {
    korean(word).is_some()
}

/// The Korean word that a word in Latin letters spells or abbreviates.
pub(super) fn korean(word: &str) -> Option<&'static str> {
    // A short spelling may be another word that the vocabulary has.
    const LONG: usize = 5;
    let unknown = !matches!(known(word), Some(Known::Indicates | Known::Plain));
    let spelled = if unknown || word.len() >= LONG { spelled(word) } else { None };
    spelled.or_else(|| {
        let abbreviated = if unknown && word.len() > 2 { ABBREVIATED.get(word) } else { None };
        abbreviated.copied()
    })
}

/// The words of the public standard, each with its abbreviation.
pub(super) fn standard() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = STANDARD.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| line.split(',')).filter_map(|pair| pair.trim().split_once(' '))
}

/// The words and phrases of all sections.
#[cfg(test)]
pub(super) fn words_of_vocabulary() -> impl Iterator<Item = &'static str> {
    sections(TEXT).flat_map(|(_, words)| words)
}

/// Words that mean nothing personal where no phrase was found: all but the words of phrases that
/// indicate a kind.
#[cfg(test)]
pub(super) fn words_that_indicate_nothing() -> impl Iterator<Item = &'static str> {
    let plain = sections(TEXT).filter(|(name, _)| {
        let telling = ["medical", "intimate", "valuations", "remedies"];
        !telling.contains(name) && meaning(name).is_none_or(|(kind, _)| kind.is_none())
    });
    plain.flat_map(|(_, words)| words.flat_map(|phrase| phrase.split(' ')))
}

/// The sections of a text by name, each with its words and phrases.
pub(super) fn sections(
    text: &'static str,
) -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    text.split("\n[").skip(1).filter_map(|section| section.split_once("]\n")).map(|(name, rest)| {
        let lines = rest.lines().filter(|line| !line.starts_with('#'));
        (name, lines.flat_map(|line| line.split(',')).map(str::trim).filter(|it| !it.is_empty()))
    })
}

fn section(name: &str) -> HashSet<&'static str> {
    section_of(TEXT, name)
}

/// The words of one section of a text.
pub(super) fn section_of(text: &'static str, name: &str) -> HashSet<&'static str> {
    sections(text)
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
            "places",
            "machines",
            "intimate",
            "valuations",
            "remedies",
            "plain",
            "weak_catalogues",
            "goods",
            "pay",
            "records",
        ];
        for (name, entries) in sections(TEXT) {
            assert!(words.contains(&name) || meaning(name).is_some(), "unknown section [{name}]");
            let entries: Vec<&str> = entries.collect();
            let different: HashSet<&&str> = entries.iter().collect();
            assert_eq!(different.len(), entries.len(), "[{name}] contains an entry twice");
        }
        assert!(words.iter().all(|name| !section(name).is_empty()));
    }
}
