//! Words that are looked up in sorted lists: `spellings.txt` and `known_words.txt`.
//!
//! Both follow from `vocabulary.txt` and `standard_words.txt`, and are written once by a test: every function judges names when it
//! reads its contract, and hashing all words takes longer than the rest of its start.

use std::sync::LazyLock;

/// Lines of two words, sorted by the first.
type Lines = LazyLock<Vec<(&'static str, &'static str)>>;

/// Spellings of Korean words, each with its word.
static SPELLINGS: Lines = LazyLock::new(|| lines(include_str!("spellings.txt")));

/// Words, each with a letter of [`Known`].
static KNOWN_WORDS: Lines = LazyLock::new(|| lines(include_str!("known_words.txt")));

/// What is known of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// `i`: a word of the vocabulary that indicates a kind, alone or in a phrase.
    Indicates,
    /// `p`: a word of the vocabulary that means nothing personal.
    Plain,
    /// `s`: a word of the public standard that is not in the vocabulary, and means nothing personal.
    Standard,
    /// `c`: the consonants of a word that means nothing personal, as schemas abbreviate it: `cntrct` of `contract`.
    Consonants,
}

/// What is known of the word.
pub(super) fn known(word: &str) -> Option<Known> {
    match lookup(&KNOWN_WORDS, word)? {
        "i" => Some(Known::Indicates),
        "p" => Some(Known::Plain),
        "s" => Some(Known::Standard),
        "c" => Some(Known::Consonants),
        _ => None,
    }
}

/// The Korean word of a spelling.
pub(super) fn spelled(word: &str) -> Option<&'static str> {
    lookup(&SPELLINGS, word)
}

fn lines(text: &'static str) -> Vec<(&'static str, &'static str)> {
    text.lines().filter_map(|line| line.split_once(' ')).collect()
}

/// What stands behind the word.
fn lookup(lines: &Lines, word: &str) -> Option<&'static str> {
    let found = lines.binary_search_by(|(known, _)| (*known).cmp(word));
    found.ok().map(|at| lines[at].1)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::{
        super::{
            spelling::spellings,
            vocabulary::{standard, words_of_vocabulary, words_that_indicate_nothing},
        },
        *,
    };

    /// Compares a file with its lines; with `UPDATE_WORDS=1`, writes it.
    fn compare(file: &str, made: &BTreeMap<String, String>) {
        let lines: Vec<String> = made.iter().map(|(one, other)| format!("{one} {other}")).collect();
        let path = format!("{}/src/personal/{file}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var("UPDATE_WORDS").is_ok_and(|it| it == "1") {
            std::fs::write(path, lines.join("\n")).expect("the file can be written");
        } else {
            let written = std::fs::read_to_string(path).expect("the file can be read");
            assert!(lines.join("\n") == written, "{file}: run this test with UPDATE_WORDS=1");
        }
    }

    /// Of words with the same spelling, the one in the section that comes first counts.
    #[test]
    fn the_spellings_are_those_of_the_words() {
        let mut made: BTreeMap<String, String> = BTreeMap::new();
        for word in words_of_vocabulary().chain(standard().map(|(word, _)| word)) {
            for spelling in spellings(word) {
                made.entry(spelling).or_insert_with(|| word.to_owned());
            }
        }
        compare("spellings.txt", &made);
        for (spelling, word) in &made {
            assert_eq!(spelled(spelling), Some(word.as_str()), "{spelling}");
        }
        for other in ["", "a", "zzzz", "juso ", "jus", "주소", "~"] {
            assert_eq!(spelled(other), None, "{other}");
        }
    }

    #[test]
    fn the_known_words_are_those_of_the_vocabulary_and_the_standard() {
        let all: HashSet<&str> =
            words_of_vocabulary().flat_map(|phrase| phrase.split(' ')).collect();
        let plain: HashSet<&str> = words_that_indicate_nothing().collect();
        let standard: HashSet<&str> =
            standard().map(|(word, _)| word).filter(|word| !all.contains(word)).collect();
        let indicates: HashSet<&str> = all.difference(&plain).copied().collect();

        let mut made: BTreeMap<String, String> = BTreeMap::new();
        for (words, letter) in [(&indicates, "i"), (&plain, "p"), (&standard, "s")] {
            for word in words {
                let before = made.insert((*word).to_owned(), letter.to_owned());
                assert_eq!(before, None, "{word} has two meanings");
            }
        }
        // Consonants that another word has too say nothing.
        let of_indicating: HashSet<String> =
            indicates.iter().filter_map(|word| consonants(word)).collect();
        for consonants in plain.iter().filter_map(|word| consonants(word)) {
            if !of_indicating.contains(&consonants) {
                made.entry(consonants).or_insert_with(|| "c".to_owned());
            }
        }
        compare("known_words.txt", &made);
        for (word, letter) in &made {
            let known = match known(word).expect("a word of the list") {
                Known::Indicates => "i",
                Known::Plain => "p",
                Known::Standard => "s",
                Known::Consonants => "c",
            };
            assert_eq!(known, letter, "{word}");
        }
        assert_eq!(known("no such word"), None);
    }

    /// The consonants of an English word of five letters or more, its first letter included; `None` if fewer than four are left.
    fn consonants(word: &str) -> Option<String> {
        let is_word = word.len() >= 5 && word.bytes().all(|it| it.is_ascii_lowercase());
        let kept = word.char_indices().filter(|(at, it)| *at == 0 || !"aeiou".contains(*it));
        let kept: String = kept.map(|(_, it)| it).collect();
        (is_word && kept.len() >= 4 && kept.len() < word.len()).then_some(kept)
    }
}
