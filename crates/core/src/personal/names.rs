//! The verdict by the names of table and column and by the type.

use super::{
    Confidence::{self, High, Low, Medium},
    Finding, Kind, Subject, Verdict,
    shape::{Shape, shape},
    vocabulary::{
        ABOUT_PEOPLE, BUSINESS_DATES, BY, CATALOGUES, HARMLESS_HEADS, MEDICAL, NAME_WORDS,
        NEUTRAL_TAILS, PEOPLE, PHRASES, Phrase, SETTINGS, TEXT_HEADS, THINGS, VALUE_TAILS, WRITTEN,
        Words, is_word,
    },
    words::words,
};

/// A column with what its names and its type were read as.
struct Names {
    column: Vec<String>,
    table: Vec<String>,
    shape: Shape,
}

/// A phrase that was found in a name.
struct Hit {
    /// `None` for a phrase that means no personal data.
    kind: Option<Kind>,
    confidence: Confidence,
    phrase: &'static str,
    /// Number of words of the name after the phrase.
    rest: usize,
}

/// Judges a column by its names and its type.
pub(super) fn judge(subject: Subject<'_>) -> Verdict {
    let names = Names::of(subject);
    match names.shape {
        Shape::Network => {
            return personal(Kind::Network, High, "the type contains network addresses");
        }
        Shape::Place => return personal(Kind::Position, Medium, "the type contains positions"),
        _ => {}
    }
    names
        .by_phrase()
        .or_else(|| names.by_name_word())
        .or_else(|| names.by_actor())
        .or_else(|| names.by_text())
        .unwrap_or_else(|| names.by_type())
}

/// Whether the column is a surrogate key: its name ends in `id` or `uuid`, and its type is an integer
/// or UUID.
pub(super) fn is_surrogate_key(subject: Subject<'_>) -> bool {
    let shape = shape(subject.source_type, subject.bigquery_type);
    matches!(shape, Shape::Integer | Shape::Uuid) && ends_as_key(&words(subject.column))
}

fn ends_as_key(words: &[String]) -> bool {
    matches!(words.last().map(String::as_str), Some("id" | "uuid" | "guid" | "pk" | "fk" | "oid"))
}

fn personal(kind: Kind, confidence: Confidence, reason: impl Into<String>) -> Verdict {
    Verdict::new(Finding::Personal(kind), confidence, reason)
}

fn unsure(reason: impl Into<String>) -> Verdict {
    Verdict::new(Finding::Unsure, Low, reason)
}

fn harmless(confidence: Confidence, reason: impl Into<String>) -> Verdict {
    Verdict::new(Finding::Harmless, confidence, reason)
}

impl Names {
    fn of(subject: Subject<'_>) -> Self {
        Names {
            column: words(subject.column),
            table: words(subject.table),
            shape: shape(subject.source_type, subject.bigquery_type),
        }
    }

    fn last(&self) -> &str {
        self.column.last().map_or("", String::as_str)
    }

    fn is_text(&self) -> bool {
        matches!(self.shape, Shape::Text | Shape::Bytes | Shape::Json)
    }

    fn table_is_one_of(&self, list: &[&str]) -> bool {
        self.table.iter().any(|word| list.contains(&word.as_str()))
    }

    fn table_has(&self, list: &Words) -> bool {
        self.table.iter().any(|word| has(list, word))
    }

    /// Whether the table is about people, by the last word that says what it is about.
    fn of_people(&self) -> Option<bool> {
        self.table.iter().rev().find_map(|word| match (has(&PEOPLE, word), has(&THINGS, word)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        })
    }

    /// Whether the table lists what others refer to, or counts.
    fn is_catalogue(&self) -> bool {
        self.table_has(&CATALOGUES) && self.of_people() != Some(true)
    }

    /// Whether each row of the table is about a person.
    fn is_about_people(&self) -> bool {
        self.of_people() == Some(true)
            || (!self.is_catalogue() && (self.table_has(&ABOUT_PEOPLE) || self.is_medical()))
    }

    /// By words that indicate a kind, such as `hp_no` or `email`.
    fn by_phrase(&self) -> Option<Verdict> {
        let hit = find(&self.column)?;
        let quoted = quoted(hit.phrase);
        let Some(kind) = hit.kind else {
            return Some(harmless(Medium, format!("{quoted} is no personal data")));
        };
        let rest = &self.column[self.column.len() - hit.rest..];
        let tail = rest.last().map_or("", String::as_str);
        if self.is_name_of(kind, tail) {
            return None;
        }
        let describes = matches!(kind, Kind::Sensitive | Kind::Health);
        if has(&NEUTRAL_TAILS, tail) {
            let value_too = has(&VALUE_TAILS, tail) && self.is_text();
            let is_code_of_it = describes && CODED_TAILS.contains(&tail);
            if !(value_too || is_code_of_it) {
                return Some(harmless(
                    Medium,
                    format!("`{tail}` of {quoted} is not the value itself"),
                ));
            }
        }
        if !self.type_fits(kind, &hit, rest) {
            let reason = format!("{quoted} in a column of this type is not the value itself");
            return Some(harmless(Medium, reason));
        }
        if self.is_catalogue() && self.is_about_things(kind, &hit) {
            return Some(harmless(Low, format!("{quoted} in a table about things")));
        }
        if hit.confidence < High && (self.is_thing_before(&hit) && self.of_people() != Some(true)) {
            return None;
        }
        if hit.confidence == Low && self.of_people() == Some(false) && !self.is_about_people() {
            return None;
        }
        let explained = rest.iter().all(|word| has(&VALUE_TAILS, word) || has(&PEOPLE, word));
        let confidence = if explained { hit.confidence } else { hit.confidence.min(Medium) };
        Some(personal(kind, confidence, format!("the name contains {quoted}")))
    }

    /// Whether the column is the name of such a thing: `card_name` is no card number.
    fn is_name_of(&self, kind: Kind, tail: &str) -> bool {
        let things = [Kind::Card, Kind::Network, Kind::Device, Kind::Licence, Kind::Position];
        has(&NAME_WORDS, tail) && things.contains(&kind)
    }

    /// Whether a phrase of this kind is usual for things as well.
    fn is_about_things(&self, kind: Kind, hit: &Hit) -> bool {
        match kind {
            Kind::FreeText | Kind::Address | Kind::Position | Kind::Health => true,
            Kind::Birth | Kind::Sensitive | Kind::Device => {
                hit.confidence < High || !self.is_text()
            }
            Kind::Account | Kind::Name | Kind::Secret => hit.confidence < High,
            _ => false,
        }
    }

    /// Whether a column of this type can be the value.
    fn type_fits(&self, kind: Kind, hit: &Hit, rest: &[String]) -> bool {
        let describes = matches!(kind, Kind::Sensitive | Kind::Health);
        match self.shape {
            Shape::Bool => describes && hit.confidence > Low,
            Shape::Instant => kind == Kind::Birth || (describes && hit.confidence == High),
            Shape::Date => describes || kind == Kind::Birth,
            Shape::Integer | Shape::Decimal => self.number_fits(kind, hit, rest),
            Shape::Uuid => matches!(kind, Kind::Device | Kind::Secret),
            _ => true,
        }
    }

    /// Whether a number can be the value of this kind.
    fn number_fits(&self, kind: Kind, hit: &Hit, rest: &[String]) -> bool {
        // `account_id` and `phone_id` refer to rows; `passport_id` and `device_id` are values.
        let refers = ends_as_key(rest);
        match kind {
            Kind::ResidentNumber
            | Kind::ForeignerNumber
            | Kind::NationalId
            | Kind::Passport
            | Kind::Licence
            | Kind::BusinessId => true,
            Kind::Device => hit.confidence == High || !refers,
            Kind::Secret => !refers && hit.confidence == High || hit.phrase == "pin",
            Kind::Phone | Kind::Card | Kind::Account => {
                !refers && (hit.confidence == High || kind == Kind::Phone)
            }
            Kind::Birth | Kind::Position | Kind::Network => !refers,
            Kind::Health | Kind::Sensitive => {
                !refers
                    && (hit.confidence > Low || self.of_people() == Some(true) || self.is_medical())
            }
            Kind::Address => {
                let postal = [
                    "zip",
                    "postal",
                    "postcode",
                    "zipcode",
                    "zip code",
                    "postal code",
                    "zipno",
                    "upyeonbeonho",
                    "우편번호",
                ];
                !refers && postal.contains(&hit.phrase)
            }
            Kind::Email | Kind::Name | Kind::FreeText => false,
        }
    }

    /// Whether the word before the phrase is a thing, as in `product_note` or `server_address`.
    fn is_thing_before(&self, hit: &Hit) -> bool {
        let length = hit.phrase.split(' ').count();
        let at = self.column.len() - hit.rest - length;
        at > 0 && has(&THINGS, &self.column[at - 1]) && !has(&PEOPLE, &self.column[at - 1])
    }

    /// By a word for `name`, together with what stands before it or with the table.
    fn by_name_word(&self) -> Option<Verdict> {
        let at =
            self.column.iter().rposition(|word| has(&NAME_WORDS, word) || ends_as_name(word))?;
        let rest = &self.column[at + 1..];
        if let Some(tail) = rest.last().filter(|tail| has(&NEUTRAL_TAILS, tail)) {
            return Some(harmless(Medium, format!("`{tail}` of a name is not the name itself")));
        }
        if !self.is_text() {
            return Some(harmless(Medium, "a name is text, and the type is not"));
        }
        let own = stem(&self.column[at]);
        let before = own.or_else(|| self.column[..at].last().map(String::as_str));
        Some(match before {
            Some(word)
                if has(&PEOPLE, word)
                    && (!has(&THINGS, word) || self.of_people() == Some(true)) =>
            {
                personal(Kind::Name, High, format!("the name of {}", quoted(word)))
            }
            Some(word) if has(&THINGS, word) || has(&HARMLESS_HEADS, word) => {
                harmless(Medium, format!("the name of {}, which is a thing", quoted(word)))
            }
            None if self.of_people() == Some(true) => {
                personal(Kind::Name, High, "a name in a table about people")
            }
            None if self.table_has(&WRITTEN) => {
                personal(Kind::Name, Low, "a name in a table in which people write")
            }
            None if self.of_people() == Some(false) => {
                harmless(Medium, "a name in a table about things")
            }
            None => personal(Kind::Name, Low, "a name, and the table does not say of what"),
            Some(word) => Verdict::new(
                Finding::Unsure,
                Low,
                format!("a name of {}, which may be a person", quoted(word)),
            ),
        })
    }

    /// By words for people: `requested_by`, `assignee`, `member_id` as text.
    fn by_actor(&self) -> Option<Verdict> {
        if !self.is_text() || self.shape == Shape::Json {
            return None;
        }
        let last = self.last();
        if last == BY {
            return Some(personal(Kind::Name, Medium, "it says by which person"));
        }
        let person =
            |word: &str| has(&PEOPLE, word) && !has(&THINGS, word) && !has(&HARMLESS_HEADS, word);
        if person(last) {
            return Some(personal(Kind::Name, Low, format!("{} is a person", quoted(last))));
        }
        if last != "id" {
            return None;
        }
        let before = self.column.iter().rev().nth(1).map_or("", String::as_str);
        if person(before) {
            let reason = format!("text that identifies {}", quoted(before));
            return Some(personal(Kind::Name, Low, reason));
        }
        if self.table_is_one_of(&["session", "sessions"]) {
            return Some(personal(Kind::Device, Low, "text that identifies a session"));
        }
        let thing = has(&THINGS, before) || has(&HARMLESS_HEADS, before);
        let unknown = !before.is_empty() && !thing;
        unknown
            .then(|| unsure(format!("text that identifies {}, perhaps a person", quoted(before))))
    }

    /// By words for text that people write, and for JSON.
    fn by_text(&self) -> Option<Verdict> {
        const OF_SYSTEMS: [&str; 8] = [
            "settings",
            "preferences",
            "config",
            "options",
            "permissions",
            "features",
            "flags",
            "scopes",
        ];
        const SHORT: [&str; 4] = ["title", "subject", "ttl", "sj"];
        let last = self.last();
        let of_people = self.of_people() == Some(true);
        if self.shape == Shape::Json {
            let settings = has(&SETTINGS, last) && (!of_people || OF_SYSTEMS.contains(&last));
            return Some(match settings {
                true => harmless(Low, format!("JSON with {}", quoted(last))),
                false => personal(Kind::FreeText, Low, "JSON, which can contain anything"),
            });
        }
        if self.shape != Shape::Text || !has(&TEXT_HEADS, last) {
            return None;
        }
        let things = || harmless(Low, format!("{} in a table about things", quoted(last)));
        if self.is_catalogue() {
            return Some(things());
        }
        if self.table_has(&WRITTEN) || (of_people && !SHORT.contains(&last)) {
            let reason = format!("{} in a table in which people write", quoted(last));
            return Some(personal(Kind::FreeText, Low, reason));
        }
        let of_things = self.of_people() == Some(false)
            || (has(&HARMLESS_HEADS, last) && (self.column.len() > 1 || !SHORT.contains(&last)));
        Some(match of_things {
            true => things(),
            false => unsure(format!("{} can contain anything", quoted(last))),
        })
    }

    /// By the type and by words with one harmless meaning.
    fn by_type(&self) -> Verdict {
        let last = self.last();
        let technical = || self.column.iter().any(|word| TECHNICAL.contains(&word.as_str()));
        match self.shape {
            Shape::Bool => harmless(High, "a boolean with a harmless name"),
            Shape::Integer | Shape::Uuid if ends_as_key(&self.column) => {
                harmless(High, "a surrogate key")
            }
            Shape::Integer | Shape::Decimal | Shape::Date | Shape::Instant
                if self.is_medical() && !technical() =>
            {
                personal(Kind::Health, Low, "a measure or a time in a table about health")
            }
            Shape::Integer | Shape::Decimal | Shape::Date if self.is_unknown_of_people() => {
                unsure("a value in a table about people, of a word that is not known")
            }
            Shape::Integer | Shape::Decimal => harmless(Medium, "a number with a harmless name"),
            Shape::Instant | Shape::Other => harmless(Medium, "the type and a harmless name"),
            Shape::Uuid => harmless(Medium, "a UUID with a harmless name"),
            Shape::Date if has(&BUSINESS_DATES, last) || last.ends_with('일') => {
                harmless(Medium, format!("a date that is {}", quoted(last)))
            }
            Shape::Text => self.by_type_of_text(),
            _ => unsure("neither name nor type say what it contains"),
        }
    }

    fn by_type_of_text(&self) -> Verdict {
        const PAGES: [&str; 6] = ["url", "uri", "link", "homepage", "website", "blog"];
        let last = self.last();
        if self.is_card_part() {
            return personal(Kind::Card, Medium, "a part of a card in a table about cards");
        }
        if self.of_people() == Some(true) && PAGES.contains(&last) {
            return unsure("an address of a page in a table about people, which may name one");
        }
        if self.is_opaque() {
            return unsure("the name says nothing");
        }
        if self.is_unknown_of_people() {
            return unsure("a text in a table about people, of a word that is not known");
        }
        if last == "id" {
            return harmless(Low, "an identifier of a thing");
        }
        if has(&HARMLESS_HEADS, last) || ends_harmless(last) {
            return harmless(Medium, format!("{} says what kind of text it is", quoted(last)));
        }
        unsure("neither name nor type say what it contains")
    }

    /// Whether the name only counts columns: `field_13`.
    fn is_opaque(&self) -> bool {
        const COUNTED: [&str; 12] = [
            "field",
            "fld",
            "col",
            "column",
            "attr",
            "attribute",
            "val",
            "value",
            "etc",
            "data",
            "param",
            "property",
        ];
        matches!(self.column.as_slice(), [only] if COUNTED.contains(&only.as_str()))
    }

    /// Whether a word of the name is in no vocabulary, in a table about people.
    fn is_unknown_of_people(&self) -> bool {
        let known = |word: &String| is_word(word) || is_compound(word);
        self.is_about_people() && !self.column.iter().all(known)
    }

    /// Whether the column belongs to a payment card whose number another column has.
    fn is_card_part(&self) -> bool {
        let parts = ["expiry", "expiration", "exp", "token", "유효기간"];
        (self.table_is_one_of(&["card", "cards"])
            || self.table.iter().any(|word| word.contains("카드")))
            && self.column.iter().any(|word| parts.contains(&word.as_str()))
    }

    fn is_medical(&self) -> bool {
        const ACTS: [&str; 5] = ["visited", "admitted", "discharged", "diagnosed", "hospitalized"];
        let medical = self.table_has(&MEDICAL) && !self.table_has(&CATALOGUES);
        medical || self.column.iter().any(|word| ACTS.contains(&word.as_str()))
    }
}

/// Last words that, of an attribute of a person, are the attribute itself: `gender_cd`.
const CODED_TAILS: &[&str] = &[
    "code", "cd", "type", "status", "group", "level", "score", "yn", "코드", "여부", "amount",
    "amt", "unit", "flag", "flg", "class", "category", "result", "results", "balance", "구분",
    "종류", "유형", "등급", "grade", "history", "record", "kind", "gb", "se", "list", "count",
];

/// Words of columns about a record itself, also in a table about health.
const TECHNICAL: &[&str] = &[
    "id", "no", "created", "updated", "modified", "deleted", "version", "creator", "changed",
    "voided", "seq", "order", "sort", "count", "cnt", "reg", "mdfcn", "frst", "last", "price",
    "fee", "amount", "amt", "cost", "paid", "total", "copay", "rows", "uuid", "row", "quantity",
    "qty", "year", "page",
];

/// Whether each row of the table is about a person.
pub(super) fn is_about_people(subject: Subject<'_>) -> bool {
    Names::of(subject).is_about_people()
}

/// Whether weak signs do not make the column harmless: its table is about people, or neither a word
/// of its name nor its table says what it is about.
pub(super) fn needs_caution(subject: Subject<'_>) -> bool {
    let names = Names::of(subject);
    let known = names.is_catalogue()
        || names.of_people() == Some(false)
        || names.column.iter().any(|word| is_word(word) || is_compound(word));
    names.is_about_people() || !known
}

/// The phrase that says what the column is: the one that ends last, then the longest.
fn find(words: &[String]) -> Option<Hit> {
    let mut best: Option<(usize, usize, Hit)> = None;
    for phrase in PHRASES.iter() {
        let Some((end, length)) = ends(phrase, words) else { continue };
        // Of equal phrases, the one that means no personal data counts.
        let outweighs = best.as_ref().is_none_or(|(last, longest, hit)| {
            (end, length, phrase.kind.is_none()) > (*last, *longest, hit.kind.is_none())
        });
        if outweighs {
            let Phrase { kind, confidence, text, .. } = *phrase;
            best = Some((
                end,
                length,
                Hit { kind, confidence, phrase: text, rest: words.len() - end },
            ));
        }
    }
    best.map(|(_, _, hit)| hit)
}

/// Where the last occurrence of the phrase ends, and how many words or letters it covers. Korean
/// compounds are written as one word, so a phrase in Hangul matches inside a word.
fn ends(phrase: &Phrase, words: &[String]) -> Option<(usize, usize)> {
    let Phrase { text, words: parts, .. } = phrase;
    let characters = text.chars().count();
    if !text.is_ascii() {
        // One syllable is part of too many other words.
        let at = words.iter().rposition(|word| match characters {
            1 => word == text,
            _ => word.contains(text),
        })?;
        let word = &words[at];
        let coded = CODED_TAILS.iter().any(|tail| !tail.is_ascii() && word.ends_with(tail));
        let describes = matches!(phrase.kind, Some(Kind::Health | Kind::Sensitive));
        let counts = word.ends_with(text) || !ends_harmless(word) || (coded && describes);
        return counts.then_some((at + 1, characters));
    }
    let at = words.windows(parts.len()).rposition(|window| window.iter().eq(parts.iter()))?;
    Some((at + parts.len(), parts.len() * 4))
}

/// Whether a word in Hangul ends with a word for something harmless: `카드종류` (card type).
fn ends_harmless(word: &str) -> bool {
    // One syllable is part of too many other words, and a number may be a person's.
    let hangul = |harmless: &str| !harmless.is_ascii() && harmless.chars().count() > 1;
    !word.is_ascii()
        && HARMLESS_HEADS
            .iter()
            .chain(NEUTRAL_TAILS.iter())
            .any(|harmless| hangul(harmless) && *harmless != "번호" && word.ends_with(harmless))
}

/// What a word in Hangul that ends with the syllable for `name` names: `상품명` → `상품`.
fn stem(word: &str) -> Option<&str> {
    word.strip_suffix("이름")
        .or_else(|| word.strip_suffix('명'))
        .filter(|stem| !stem.is_empty() && !word.is_ascii())
}

/// Whether a word in Hangul consists of two known ones: `배송상태`.
fn is_compound(word: &str) -> bool {
    let splits = word.char_indices().skip(1).map(|(at, _)| word.split_at(at));
    !word.is_ascii() && splits.into_iter().any(|(first, second)| is_word(first) && is_word(second))
}

/// Whether a word in Hangul ends with the syllable for `name`: `상품명`.
fn ends_as_name(word: &str) -> bool {
    !word.is_ascii() && word.chars().count() > 1 && (word.ends_with('명') || word.ends_with("이름"))
}

fn has(list: &Words, word: &str) -> bool {
    list.contains(word)
}

fn quoted(phrase: &str) -> String {
    format!("`{}`", phrase.replace(' ', "_"))
}
