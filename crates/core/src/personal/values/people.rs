//! Whether a text looks like the name of a person.
//!
//! Sources: surnames by number of bearers (Statistics Korea, census of 2015; United States census of
//! 2010); frequent given names of newborn children and of adults in both countries.

use std::sync::LazyLock;

use super::{
    super::vocabulary::{Words, is_word, section_of},
    WORDS,
};

/// Surnames of one syllable that cover more than 99 % of the Korean population.
const KOREAN_SURNAMES: &str = "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민진나지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모";

/// Syllables of Korean given names.
const KOREAN_GIVEN: &str = "가강건겸경계고관광구국권규균근기길나남노다단달담대덕도동두라람란래려련령로록론루률리린림마만명모목무문미민바반배백범별병보복봉부비빈빛사산상새서석선설섭성세소솔송수숙순슬승시식신실심아안애약양언업여연열염엽영예오옥온완용우욱운웅원월위유윤율은을음의이익인일임자작장재전정제조종주준중지진찬창채천철청초춘충치태택하학한해향혁현형혜호홍화환효후훈휘휴흥희";

/// Endings of Korean words of two to four syllables that name places and departments.
static NO_NAMES: Words = LazyLock::new(|| section_of(WORDS, "no_names"));

/// Frequent English given names.
static GIVEN: Words = LazyLock::new(|| section_of(WORDS, "given"));

/// Frequent family names of the United States.
static FAMILY: Words = LazyLock::new(|| section_of(WORDS, "family"));

/// Whether a text looks like a Korean name: a surname and one to three syllables of given names.
pub(super) fn is_korean_name(text: &str) -> bool {
    let syllables: Vec<char> = text.chars().filter(|c| !matches!(c, '*' | 'O' | '○')).collect();
    let (Some(surname), 2..=4) = (syllables.first(), syllables.len()) else { return false };
    let compound =
        ["남궁", "황보", "제갈", "선우", "사공", "독고"].iter().any(|name| text.starts_with(name));
    let given = &syllables[if compound && syllables.len() > 2 { 2 } else { 1 }..];
    (compound || KOREAN_SURNAMES.contains(*surname))
        && given.len() <= 2 + usize::from(compound)
        && given.iter().all(|c| KOREAN_GIVEN.contains(*c))
        && !NO_NAMES.iter().any(|ending| text.ends_with(ending))
        && !is_word(text)
}

/// Whether a text looks like an English name, whole or in part.
pub(super) fn is_english_name(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty() && !matches!(*word, "Mr." | "Ms." | "Mrs." | "Dr."))
        .collect();
    let is_word =
        |word: &&str| word.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '.'));
    if words.is_empty() || words.len() > 4 || !words.iter().all(is_word) {
        return false;
    }
    let known = |list: &Words, word: &str| list.contains(word.to_lowercase().as_str());
    match words.as_slice() {
        [only] => known(&GIVEN, only) || known(&FAMILY, only),
        [first, .., last] => {
            known(&GIVEN, first) || known(&GIVEN, last) || (known(&FAMILY, last) && first.len() > 1)
        }
        [] => false,
    }
}
