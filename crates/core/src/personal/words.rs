//! The words of a name.

use super::vocabulary::is_word;

/// Endings of two letters that people write without a separator: `custno`, `userid`, `regdt`.
const SHORT_ENDINGS: [&str; 9] = ["id", "no", "nm", "cd", "dt", "yn", "ip", "hp", "tm"];

/// The shortest piece of a joined word, but for an ending.
const SHORTEST_PIECE: usize = 3;

/// The words of a name, lower-case, without digits: `billingEmail2` → `billing`, `email`. A word that is not
/// known and consists of known words is split: `phonenumber` → `phone`, `number`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in separated(name) {
        match pieces(&word) {
            Some(pieces) if !is_word(&word) => words.extend(pieces.into_iter().map(str::to_owned)),
            _ => words.push(word),
        }
    }
    // The separators of `e_mail` and `i_p` part no words.
    join(&mut words, "e", "mail", "email");
    join(&mut words, "user", "name", "username");
    words
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
        let begins = !c.is_alphabetic() || (c.is_uppercase() && (after_lower || ends_acronym));
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
                is_word(piece)
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

#[cfg(test)]
mod tests {
    use super::words;

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
            hotel: hotel
            mbrHpNo: mbr hp no
            ipaddress: ipaddress
            휴대폰_번호: 휴대폰 번호
            TEL1: tel
            notes: notes
            emladdr: emladdr
            casino: casino"#]]
        .assert_eq(&shown.join("\n"));
    }
}
