//! The words of a name.

use super::vocabulary::{is_spelling, is_word, korean};

/// Endings of two letters that people write without a separator: `custno`, `userid`, `regdt`.
const SHORT_ENDINGS: [&str; 9] = ["id", "no", "nm", "cd", "dt", "yn", "ip", "hp", "tm"];

/// The shortest piece of a joined word, but for an ending.
const SHORTEST_PIECE: usize = 3;

/// The shortest piece of a joined word that is Korean in Latin letters.
const SHORTEST_KOREAN_PIECE: usize = 5;

/// Endings of joined words that hardly anything else has, after a prefix that all columns of a table share: `covssn`, `cilname`.
const PERSONAL_ENDINGS: [&str; 14] = [
    "address", "birth", "dob", "email", "fname", "gender", "lname", "mname", "passwd", "password",
    "phone", "ssn", "telno", "zipcode",
];

/// The longest prefix of such a word; longer ones are words that end in the same letters: `gramophone`.
const LONGEST_PREFIX: usize = 4;

/// Words with such an ending and a short beginning.
const NOT_JOINED: [&str; 3] = ["earphone", "megaphone", "rebirth"];

/// Syllables that end a Korean word and are often written apart: `jinryo_bi`.
const SYLLABLES: &[(&str, &str)] = &[
    ("aek", "액"),
    ("beon", "번"),
    ("bi", "비"),
    ("bu", "부"),
    ("bun", "분"),
    ("cheo", "처"),
    ("geum", "금"),
    ("gwan", "관"),
    ("il", "일"),
    ("in", "인"),
    ("ja", "자"),
    ("je", "제"),
    ("jeom", "점"),
    ("ji", "지"),
    ("ki", "키"),
    ("myeong", "명"),
    ("nyeon", "년"),
    ("ryang", "량"),
    ("ryo", "료"),
    ("se", "세"),
    ("si", "시"),
    ("sil", "실"),
    ("su", "수"),
    ("wol", "월"),
    ("yak", "약"),
    ("yo", "료"),
    ("yul", "율"),
];

/// The words of a name, lower-case, without digits: `billingEmail2` → `billing`, `email`. A word that is not
/// known and consists of known words is split: `phonenumber` → `phone`, `number`. Korean words in Latin
/// letters are written in Hangul: `gyeolje_geumaek` → `결제`, `금액`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in separated(name) {
        match pieces(&word) {
            Some(pieces) if !is_word(&word) && !is_spelling(&word) => {
                words.extend(pieces.into_iter().map(str::to_owned));
            }
            None if !is_word(&word) && !is_spelling(&word) => match prefixed(&word) {
                Some((prefix, ending)) => words.extend([prefix.to_owned(), ending.to_owned()]),
                None => words.push(word),
            },
            _ => words.push(word),
        }
    }
    // The separators of `e_mail` and `i_p` part no words.
    join(&mut words, "e", "mail", "email");
    join(&mut words, "user", "name", "username");
    in_hangul(&mut words);
    words
}

/// Writes Korean words in Hangul, and words that belong together as one.
fn in_hangul(words: &mut Vec<String>) {
    let mut latin = 0;
    for at in 0..words.len() {
        let own = korean(&words[at]);
        // A syllable alone is too often something else, but for a name in which another word is Korean.
        let syllable = || SYLLABLES.iter().find(|(spelling, _)| *spelling == words[at]);
        let beside = at > 0 && is_hangul(&words[at - 1])
            || words.get(at + 1).is_some_and(|next| korean(next).is_some_and(|_| next.len() > 3));
        if let Some(hangul) = own.or_else(|| syllable().filter(|_| beside).map(|(_, it)| *it)) {
            hangul.clone_into(&mut words[at]);
            latin += 1;
        }
    }
    let mut at = 1;
    while latin > 0 && at < words.len() {
        let joined = format!("{}{}", words[at - 1], words[at]);
        if is_hangul(&joined) && is_word(&joined) {
            words[at - 1] = joined;
            words.remove(at);
        } else {
            at += 1;
        }
    }
}

/// Whether the text consists of Korean syllables.
fn is_hangul(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| ('가'..='힣').contains(&c))
}

/// The known words that a word in Hangul consists of, as few as possible: `고객전화번호` → `고객`,
/// `전화번호`. What is not known between them stays a piece.
pub(super) fn hangul_pieces(word: &str) -> Vec<&str> {
    let bounds: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
    // The least cost of each prefix, with the start of its last piece. A syllable that belongs to no
    // known word costs more than any known word.
    let mut best = vec![(0_usize, 0_usize); bounds.len()];
    for end in 1..bounds.len() {
        best[end] = (0..end)
            .map(|start| {
                let piece = &word[bounds[start]..bounds[end]];
                let cost = if is_word(piece) { 1 } else { 100 * (end - start) };
                (best[start].0 + cost, start)
            })
            .min()
            .unwrap_or_default();
    }
    let mut pieces = Vec::new();
    let mut end = bounds.len() - 1;
    while end > 0 {
        let start = best[end].1;
        pieces.push(&word[bounds[start]..bounds[end]]);
        end = start;
    }
    pieces.reverse();
    pieces
}

/// The parts of a name between separators, digits and changes from lower to upper case.
fn separated(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after_lower = before.is_some_and(char::is_lowercase);
        // `HTTPHost`: the last upper-case letter before a lower-case one begins a word.
        let ends_acronym = before.is_some_and(char::is_uppercase)
            && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        // `장비IP`: Hangul and Latin letters are words apart.
        let changes = before.is_some_and(|before| {
            c.is_alphabetic() && before.is_alphabetic() && c.is_ascii() != before.is_ascii()
        });
        let begins =
            !c.is_alphabetic() || changes || (c.is_uppercase() && (after_lower || ends_acronym));
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn join(words: &mut Vec<String>, first: &str, second: &str, joined: &str) {
    while let Some(at) = words.windows(2).position(|pair| pair[0] == first && pair[1] == second) {
        joined.clone_into(&mut words[at]);
        words.remove(at + 1);
    }
}

/// The known words that a word of Latin letters consists of, at least two and as few as possible.
fn pieces(word: &str) -> Option<Vec<&str>> {
    if !word.is_ascii() || word.len() < SHORTEST_PIECE + 2 {
        return None;
    }
    // The fewest pieces of each prefix, as the start of its last piece.
    let mut best: Vec<Option<(usize, usize)>> = vec![None; word.len() + 1];
    best[0] = Some((0, 0));
    for end in 1..=word.len() {
        for start in 0..end {
            let piece = &word[start..end];
            let fits = if piece.len() >= SHORTEST_PIECE {
                is_word(piece) || (piece.len() >= SHORTEST_KOREAN_PIECE && is_spelling(piece))
            } else {
                start > 0 && end == word.len() && SHORT_ENDINGS.contains(&piece)
            };
            let Some((count, _)) = best[start].filter(|_| fits) else { continue };
            if best[end].is_none_or(|(fewest, _)| count + 1 < fewest) {
                best[end] = Some((count + 1, start));
            }
        }
    }
    let mut end = word.len();
    best[end]?;
    let mut pieces = Vec::new();
    while end > 0 {
        let (_, start) = best[end]?;
        pieces.push(&word[start..end]);
        end = start;
    }
    pieces.reverse();
    (pieces.len() > 1).then_some(pieces)
}

/// A short prefix that is no word, and one of [`PERSONAL_ENDINGS`].
fn prefixed(word: &str) -> Option<(&str, &str)> {
    let ending = PERSONAL_ENDINGS.iter().find(|ending| word.ends_with(**ending))?;
    let prefix = word.strip_suffix(*ending)?;
    let joined = (1..=LONGEST_PREFIX).contains(&prefix.len()) && !NOT_JOINED.contains(&word);
    joined.then_some((prefix, *ending))
}

#[cfg(test)]
mod tests {
    use super::{hangul_pieces, words};

    #[test]
    fn a_prefix_that_columns_of_a_table_share_hides_no_personal_ending() {
        assert_eq!(words("covssn"), ["cov", "ssn"]);
        assert_eq!(words("CIHPHONE2"), ["cih", "phone"]);
        assert_eq!(words("earphone"), ["earphone"]);
        assert_eq!(words("gramophone"), ["gramophone"]);
    }

    #[test]
    fn names_are_split_into_words() {
        let shown: Vec<String> = [
            "billingEmail2",
            "M_NAME",
            "custNm",
            "userid",
            "phonenumber",
            "e_mail",
            "HTTPHost",
            "hotel",
            "mbrHpNo",
            "ipaddress",
            "휴대폰_번호",
            "TEL1",
            "notes",
            "emladdr",
            "casino",
            "gyeoljeGeumaek",
            "hyudaejunhwabeonho",
            "saengnyeon_wolil",
            "jinryo_bi",
            "RSDC_NM",
        ]
        .iter()
        .map(|name| format!("{name}: {}", words(name).join(" ")))
        .collect();
        expect_test::expect![[r#"
            billingEmail2: billing email
            M_NAME: m name
            custNm: cust nm
            userid: user id
            phonenumber: phone number
            e_mail: email
            HTTPHost: http host
            hotel: 호텔
            mbrHpNo: mbr hp no
            ipaddress: ipaddress
            휴대폰_번호: 휴대폰 번호
            TEL1: tel
            notes: notes
            emladdr: emladdr
            casino: casino
            gyeoljeGeumaek: 결제금액
            hyudaejunhwabeonho: 휴대전화번호
            saengnyeon_wolil: 생년 wolil
            jinryo_bi: 진료비
            RSDC_NM: rsdc nm"#]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn hangul_compounds_are_split_into_known_words() {
        assert_eq!(hangul_pieces("고객전화번호"), ["고객", "전화번호"]);
        assert_eq!(hangul_pieces("배송상태"), ["배송", "상태"]);
        assert_eq!(hangul_pieces("뷁쀍상태"), ["뷁쀍", "상태"]);
    }
}
