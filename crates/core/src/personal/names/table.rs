//! What a table is about, by the words of its name.

use super::{
    super::{
        vocabulary::{
            ABOUT_PEOPLE, CATALOGUES, GOODS, INTIMATE, MACHINES, MEDICAL, PEOPLE, PLACES, THINGS,
            WEAK_CATALOGUES, WRITTEN, Words,
        },
        words::{hangul_pieces, words},
    },
    is_known,
};

/// The words of a table's name. Compounds in Hangul are followed by their parts.
pub(super) struct Table {
    words: Vec<String>,
}

impl Table {
    pub(super) fn of(name: &str) -> Self {
        let mut all = Vec::new();
        for word in words(name) {
            let pieces: Vec<String> = match word.is_ascii() {
                true => Vec::new(),
                false => hangul_pieces(&word).into_iter().map(str::to_owned).collect(),
            };
            all.push(word);
            if pieces.len() > 1 {
                all.extend(pieces);
            }
        }
        Self { words: all }
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Whether the name says anything that the vocabulary knows of tables.
    pub(super) fn is_one_of(&self, list: &[&str]) -> bool {
        self.words.iter().any(|word| list.contains(&word.as_str()))
    }

    /// Whether a word of the name contains the text.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.words.iter().any(|word| word.contains(text))
    }

    /// Whether the name has a word of the list.
    pub(super) fn has(&self, list: &Words) -> bool {
        self.words.iter().any(|word| list.contains(word.as_str()))
    }

    /// The answer of the last word that gives one.
    fn last<T>(&self, answer: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.words.iter().rev().find_map(|word| answer(word))
    }

    /// Whether the table is about people, by the last word that says what it is about.
    pub(super) fn of_people(&self) -> Option<bool> {
        self.last(|word| match (PEOPLE.contains(word), THINGS.contains(word)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        })
    }

    /// Whether the table lists what others refer to, or counts.
    pub(super) fn is_catalogue(&self) -> bool {
        if self.of_people() == Some(true) {
            return false;
        }
        let of_life = |word: &str| tells_of_people(word) || INTIMATE.contains(word);
        let strong = self.last(|word| match (CATALOGUES.contains(word), of_life(word)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            _ => None,
        });
        strong.unwrap_or_else(|| {
            (self.has(&WEAK_CATALOGUES) || self.has(&GOODS)) && self.is_all_known()
        })
    }

    /// Whether the vocabulary has every word: `mst` alone does not say that
    /// the table lists things.
    pub(super) fn is_all_known(&self) -> bool {
        let means_nothing = |word: &str| word == "tb" || word.chars().count() == 1;
        self.words.iter().all(|word| means_nothing(word) || is_known(word))
    }

    /// Whether each row of the table is about a person.
    pub(super) fn is_about_people(&self) -> bool {
        self.of_people() == Some(true)
            || (!self.is_catalogue() && (self.has(&ABOUT_PEOPLE) || self.has(&MEDICAL)))
    }

    /// Whether each row of the table is about the health of a person.
    pub(super) fn is_medical(&self) -> bool {
        self.has(&MEDICAL) && !self.is_catalogue()
    }

    /// Whether each row is about a side of a person's life that law or custom protects.
    pub(super) fn is_intimate(&self) -> bool {
        self.has(&INTIMATE) && !self.is_catalogue()
    }

    /// Whether the table is about things, as far as its name says.
    pub(super) fn is_about_things(&self) -> bool {
        self.is_catalogue() || (self.of_people() == Some(false) && !self.is_about_people())
    }

    /// Whether each row is a place or an organisation.
    pub(super) fn is_of_places(&self) -> bool {
        let place = |word: &str| match (PLACES.contains(word), tells_of_people(word)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            _ => None,
        };
        self.of_people() != Some(true) && self.last(place) == Some(true)
    }

    /// Whether each row is a machine or a part of one.
    pub(super) fn is_of_machines(&self) -> bool {
        self.has(&MACHINES)
            && self.of_people() != Some(true)
            && !self.is_one_of(&[
                "client",
                "clients",
                "visitor",
                "user",
                "users",
                "home",
                "subscriber",
            ])
            && !self.words.iter().any(|word| tells_of_people(word))
    }

    /// Whether people write in the table.
    pub(super) fn is_written(&self) -> bool {
        self.has(&WRITTEN)
    }
}

/// Whether a word of a table's name says that its rows are about people.
fn tells_of_people(word: &str) -> bool {
    ABOUT_PEOPLE.contains(word) || MEDICAL.contains(word)
}
