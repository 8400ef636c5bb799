//! How people write Korean words in Latin letters: `주소` as `juso`, `결제` as `gyeolje`.
//!
//! Source: the Revised Romanization of Korean (Ministry of Culture, notice 2000-8). People follow it
//! in part: they keep letters that change in speech (`saengnyeonwolil`), and write `u` or `o` for
//! `eo`. So a word has several spellings.

const INITIALS: [&str; 19] = [
    "g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p",
    "h",
];
const VOWELS: [&str; 21] = [
    "a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we",
    "wi", "yu", "eu", "ui", "i",
];
/// Final consonants as they are spoken at the end of a word.
const FINALS: [&str; 28] = [
    "", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "p", "l", "l", "p", "l", "m", "p", "p",
    "t", "t", "ng", "t", "t", "k", "t", "p", "t",
];
/// Final consonants before a vowel, where they are spoken as the next syllable's first.
const LINKED: [&str; 28] = [
    "", "g", "kk", "ks", "n", "nj", "n", "d", "r", "lg", "lm", "lb", "ls", "lt", "lp", "r", "m",
    "b", "ps", "s", "ss", "ng", "j", "ch", "k", "t", "p", "",
];
/// Number of the initial consonant that is silent.
const SILENT: u32 = 11;

/// The shortest spelling that is taken for a Korean word: shorter ones are too often something else.
const SHORTEST: usize = 4;

/// The spelling of one syllable: initial consonant, vowel, final consonant.
type Syllable = (u32, u32, u32);

/// All usual spellings of a word of two or more syllables, all of them different.
pub(super) fn spellings(word: &str) -> Vec<String> {
    let Some(syllables) = word.chars().map(syllable).collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    if syllables.len() < 2 {
        return Vec::new();
    }
    let plain = write(&syllables, false);
    let linked = write(&syllables, true);
    let spoken = assimilated(&linked);
    let mut spellings = Vec::new();
    for spelling in [plain, linked, spoken] {
        let spelling = spelling.replace('-', "");
        let variants = [
            spelling.replace("eo", "u"),
            spelling.replace("eo", "u").replace("eu", "u"),
            spelling.replace("eo", "o"),
            spelling.replace("eu", "u"),
            hard(&spelling),
            hard(&spelling.replace("eo", "u")),
            spelling,
        ];
        for variant in variants {
            if variant.len() >= SHORTEST && !spellings.contains(&variant) {
                spellings.push(variant);
            }
        }
    }
    spellings
}

/// The letters of a syllable, as Unicode composes them.
fn syllable(c: char) -> Option<Syllable> {
    let at = (u32::from(c)).checked_sub(u32::from('가')).filter(|at| *at < 11_172)?;
    Some((at / 588, at % 588 / 28, at % 28))
}

/// The syllables in Latin letters, separated by hyphens. `linked`: a final consonant before a vowel
/// is written as it is spoken.
fn write(syllables: &[Syllable], linked: bool) -> String {
    let letter = |list: &[&'static str], at: u32| {
        usize::try_from(at).ok().and_then(|at| list.get(at).copied()).unwrap_or_default()
    };
    let mut text = String::new();
    for (at, (initial, vowel, last)) in syllables.iter().enumerate() {
        let next = syllables.get(at + 1);
        let before_vowel = next.is_some_and(|(initial, ..)| *initial == SILENT);
        text.push_str(letter(&INITIALS, *initial));
        text.push_str(letter(&VOWELS, *vowel));
        let finals = if linked && before_vowel { &LINKED } else { &FINALS };
        text.push_str(letter(finals, *last));
        if next.is_some() {
            text.push('-');
        }
    }
    text
}

/// Consonants that change each other where two syllables meet: `hak-ryeok` → `hang-nyeok`.
fn assimilated(spelling: &str) -> String {
    const CHANGES: [(&str, &str); 14] = [
        ("k-n", "ng-n"),
        ("k-m", "ng-m"),
        ("k-r", "ng-n"),
        ("t-n", "n-n"),
        ("t-m", "n-m"),
        ("p-n", "m-n"),
        ("p-m", "m-m"),
        ("p-r", "m-n"),
        ("ng-r", "ng-n"),
        ("m-r", "m-n"),
        ("n-r", "l-l"),
        ("l-n", "l-l"),
        ("l-r", "l-l"),
        ("t-h", "t-"),
    ];
    CHANGES.iter().fold(spelling.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The spelling with `k` for a `g` at its beginning, as older systems write it: `kyejwa`.
fn hard(spelling: &str) -> String {
    match spelling.strip_prefix('g') {
        Some(rest) => format!("k{rest}"),
        None => spelling.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::spellings;

    #[test]
    fn korean_words_have_the_spellings_that_people_use() {
        for (word, spelling) in [
            ("주소", "juso"),
            ("휴대전화", "hyudaejeonhwa"),
            ("휴대전화", "hyudaejunhwa"),
            ("생년월일", "saengnyeonwolil"),
            ("생년월일", "saengnyeonworil"),
            ("성명", "sungmyung"),
            ("성명", "seongmyeong"),
            ("학력", "hakryeok"),
            ("학력", "hangnyeok"),
            ("결혼", "gyeolhon"),
            ("연락처", "yeollakcheo"),
            ("계좌", "kyejwa"),
            ("흡연", "heubyeon"),
            ("처방", "cheobang"),
            ("금액", "geumaek"),
        ] {
            assert!(
                spellings(word).iter().any(|it| it == spelling),
                "{word}: {:?}",
                spellings(word)
            );
        }
        assert!(spellings("키").is_empty() && spellings("email").is_empty());
    }
}
