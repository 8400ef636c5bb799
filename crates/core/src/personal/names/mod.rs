//! The verdict by the names of table and column and by the type.

mod clues;
mod phrase;
mod plain;
mod questions;
mod table;

use super::{
    Confidence::{self, High, Low, Medium},
    Finding, Kind, Rows, Subject, Verdict,
    shape::{Shape, shape},
    vocabulary::{
        BY, HARMLESS_HEADS, NAME_WORDS, NEUTRAL_TAILS, PEOPLE, REMEDIES, SETTINGS, TEXT_HEADS,
        THINGS, VALUE_TAILS, Words, is_plain, is_word,
    },
    words::{hangul_pieces, words},
};
use phrase::{Hit, find};
pub(super) use questions::{Context, is_person};
use table::Table;

/// A column with what its names and its type were read as.
pub(super) struct Names {
    column: Vec<String>,
    table: Table,
    shape: Shape,
    rows: Rows,
}

fn ends_as_key(words: &[String]) -> bool {
    let last = words.last().map(String::as_str);
    matches!(last, Some("id" | "uuid" | "guid" | "pk" | "fk" | "oid" | "uid"))
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
    /// Reads the names and the type of a column. It costs more than any question about the result.
    pub(super) fn of(subject: Subject<'_>) -> Self {
        Names {
            column: words(subject.column),
            table: Table::of(subject.table),
            shape: shape(subject.source_type, subject.bigquery_type),
            rows: subject.rows,
        }
    }

    /// Judges a column by its names and its type.
    pub(super) fn judge(&self) -> Verdict {
        match self.shape {
            Shape::Network if self.is_of_thing(Kind::Network) => {
                return harmless(Low, "a network address of a machine");
            }
            Shape::Network => {
                return personal(Kind::Network, High, "the type contains network addresses");
            }
            Shape::Place => return personal(Kind::Position, Medium, "the type contains positions"),
            _ => {}
        }
        self.by_phrase()
            .or_else(|| self.by_name_word())
            .or_else(|| self.by_actor())
            .or_else(|| self.by_text())
            .unwrap_or_else(|| self.by_type())
    }

    fn last(&self) -> &str {
        self.column.last().map_or("", String::as_str)
    }

    /// The words of the column. Compounds in Hangul are followed by their parts.
    fn pieces(&self) -> impl Iterator<Item = &str> {
        self.column.iter().flat_map(|word| {
            let parts = if word.is_ascii() { Vec::new() } else { hangul_pieces(word) };
            std::iter::once(word.as_str()).chain(parts)
        })
    }

    /// Whether each row of the table is about a person.
    pub(super) fn is_about_people(&self) -> bool {
        self.table.is_about_people()
            || (!self.table.is_catalogue() && (self.is_medical() || self.is_about_person()))
    }

    /// Whether another column describes a person, so that the rows are about people.
    fn is_about_person(&self) -> bool {
        self.rows == Rows::AboutPerson
    }

    /// Whether a word of the column says of which person the value is: `owner_phone`.
    fn is_of_someone(&self) -> bool {
        let person = |word: &str| {
            (has(&PEOPLE, word) && !has(&THINGS, word))
                || ["client", "home", "private"].contains(&word)
        };
        self.pieces().any(person)
    }

    /// Whether values of this kind belong to the place or the machine of the row, and to no person.
    pub(super) fn is_of_thing(&self, kind: Kind) -> bool {
        let of_place = matches!(kind, Kind::Address | Kind::Position | Kind::Phone);
        let of_machine = kind == Kind::Network;
        !self.is_of_someone()
            && ((of_place && self.table.is_of_places())
                || (of_machine && self.table.is_of_machines() && !self.is_of_visit()))
    }

    /// Whether the column says who came over the network: `login_ip`.
    fn is_of_visit(&self) -> bool {
        let visits =
            ["login", "access", "remote", "wan", "visitor", "src", "signup", "last", "접속"];
        self.column.iter().any(|word| visits.contains(&word.as_str()))
    }

    fn is_text(&self) -> bool {
        matches!(self.shape, Shape::Text | Shape::Bytes | Shape::Json)
    }

    /// By words that indicate a kind, such as `hp_no` or `email`.
    fn by_phrase(&self) -> Option<Verdict> {
        let hit = find(&self.column)?;
        let quoted = quoted(hit.phrase);
        let Some(kind) = hit.kind else { return Some(self.by_harmless_phrase(&quoted)) };
        let rest = &self.column[self.column.len() - hit.rest..];
        let tail = rest.last().map_or("", String::as_str);
        if self.is_name_of(kind, tail) {
            return None;
        }
        let describes = matches!(kind, Kind::Sensitive | Kind::Health);
        if has(&NEUTRAL_TAILS, tail)
            && let Some(verdict) = self.by_neutral_tail(kind, &hit, tail, &quoted)
        {
            return Some(verdict);
        }
        if !self.type_fits(kind, &hit, rest) {
            let may_describe = !ends_as_key(rest)
                && ((describes && self.is_of_persons()) || self.is_number_of(kind));
            return Some(match may_describe {
                true => unsure(format!("{quoted} in a column of this type may describe a person")),
                false => harmless(
                    Medium,
                    format!("{quoted} in a column of this type is not the value itself"),
                ),
            });
        }
        if self.is_of_thing(kind) || self.is_hash_of_thing(kind, &hit) {
            return Some(harmless(Low, format!("{quoted} of a thing")));
        }
        let written = kind == Kind::FreeText && self.table.is_written();
        if self.table.is_catalogue() && !written && self.is_about_things(kind, &hit) {
            // A list of things has its clerks and its secrets as well, and people keep lists of places of their own.
            let doubtful = matches!(kind, Kind::Name | Kind::Secret | Kind::Account)
                || (kind == Kind::Position && self.has_person());
            let reason = format!("{quoted} in a table about things");
            return Some(if doubtful { unsure(reason) } else { harmless(Low, reason) });
        }
        if hit.confidence < High
            && (self.is_thing_before(&hit) && self.table.of_people() != Some(true))
        {
            return None;
        }
        if hit.confidence == Low && self.table.of_people() == Some(false) && !self.is_about_people()
        {
            return None;
        }
        let explained = rest.iter().all(|word| has(&VALUE_TAILS, word) || has(&PEOPLE, word));
        let confidence = if explained { hit.confidence } else { hit.confidence.min(Medium) };
        Some(personal(kind, confidence, format!("the name contains {quoted}")))
    }

    /// A phrase that is no personal data.
    fn by_harmless_phrase(&self, quoted: &str) -> Verdict {
        if self.is_page() && (self.is_of_persons() || self.table.is_written()) {
            return unsure("an address of a page, which may name the person of the row");
        }
        if self.is_paid() && self.is_number() {
            return unsure(format!("{quoted} in a table about pay"));
        }
        harmless(Medium, format!("{quoted} is no personal data"))
    }

    /// What a last word says that is *about* the phrase before it; `None` if it is a value of it.
    fn by_neutral_tail(&self, kind: Kind, hit: &Hit, tail: &str, quoted: &str) -> Option<Verdict> {
        let describes = matches!(kind, Kind::Sensitive | Kind::Health);
        let coded = CODED_TAILS.contains(&tail);
        let is_age = kind == Kind::Birth && AGE_TAILS.contains(&tail);
        let value_too = (has(&VALUE_TAILS, tail) && self.is_text())
            || ((describes || is_age) && coded)
            || (kind == Kind::Device && ["sn", "serial"].contains(&tail))
            || (describes && MEASURE_TAILS.contains(&tail) && self.is_of_persons())
            || (describes && self.is_picture_of_person());
        if value_too {
            return None;
        }
        let weak = (coded || ["tp", "ty"].contains(&tail))
            && (hit.confidence < High || kind == Kind::Address);
        let visa = hit.phrase == "visa";
        if (describes || weak || visa) && self.is_of_persons() && !RECORD_TAILS.contains(&tail) {
            return Some(unsure(format!("`{tail}` of {quoted} may describe a person")));
        }
        Some(harmless(Medium, format!("`{tail}` of {quoted} is not the value itself")))
    }

    /// Whether the column is the address of a page.
    fn is_page(&self) -> bool {
        self.last() == "page" || PAGES.contains(&self.last())
    }

    /// Whether it is the hash of a thing: `image_digest`, `files.hash`.
    fn is_hash_of_thing(&self, kind: Kind, hit: &Hit) -> bool {
        let hash = kind == Kind::Secret && ["hash", "digest", "fingerprint"].contains(&hit.phrase);
        let alone = self.column.len() == 1 + hit.rest;
        hash && self.table.of_people() != Some(true)
            && (self.is_thing_before(hit) || (alone && self.table.is_about_things()))
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

    /// Whether a number can be a measure or a part of a value of this kind, because the table does not say
    /// that it is about things.
    fn is_number_of(&self, kind: Kind) -> bool {
        matches!(self.shape, Shape::Integer | Shape::Decimal)
            && !self.table.is_about_things()
            && !matches!(kind, Kind::Email | Kind::Name | Kind::FreeText)
    }

    /// Whether a column of this type can be the value.
    fn type_fits(&self, kind: Kind, hit: &Hit, rest: &[String]) -> bool {
        let describes = matches!(kind, Kind::Sensitive | Kind::Health);
        match self.shape {
            Shape::Bool => describes && hit.confidence > Low,
            Shape::Instant => kind == Kind::Birth || (describes && hit.confidence == High),
            Shape::Date => {
                let document = matches!(kind, Kind::Card | Kind::Passport | Kind::NationalId);
                describes || kind == Kind::Birth || (document && hit.confidence == High)
            }
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
                    && (hit.confidence > Low
                        || self.table.of_people() == Some(true)
                        || self.is_medical())
            }
            Kind::Address => {
                !refers && (hit.confidence == High || self.table.of_people() == Some(true))
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
            Some(word) if has(&REMEDIES, word) && self.is_medical() => {
                personal(Kind::Health, Low, format!("the name of {}", quoted(word)))
            }
            Some(word)
                if has(&PEOPLE, word)
                    && (!has(&THINGS, word) || self.table.of_people() == Some(true)) =>
            {
                personal(Kind::Name, High, format!("the name of {}", quoted(word)))
            }
            Some(word)
                if (has(&THINGS, word) || has(&HARMLESS_HEADS, word)) && self.lacks_record() =>
            {
                unsure(format!(
                    "the name of {} in a table about a protected side of life",
                    quoted(word)
                ))
            }
            Some(word) if has(&THINGS, word) || has(&HARMLESS_HEADS, word) => {
                harmless(Medium, format!("the name of {}, which is a thing", quoted(word)))
            }
            None if self.table.of_people() == Some(true) => {
                personal(Kind::Name, High, "a name in a table about people")
            }
            None if self.table.is_written() => {
                personal(Kind::Name, Low, "a name in a table in which people write")
            }
            None if self.table.of_people() == Some(false) => {
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
        if self.table.is_one_of(&["session", "sessions"]) {
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
        // What people write, also in tables about things.
        const PEOPLES: [&str; 14] = [
            "answer", "answers", "body", "message", "messages", "msg", "opinion", "opnn", "reason",
            "request", "response", "review", "reviews", "story",
        ];
        const SHORT: [&str; 4] = ["title", "subject", "ttl", "sj"];
        let last = self.last();
        let of_people = self.table.of_people() == Some(true);
        if self.shape == Shape::Json {
            let of_persons = of_people || self.is_about_people();
            let settings = has(&SETTINGS, last) && (!of_persons || OF_SYSTEMS.contains(&last));
            return Some(match settings {
                true => harmless(Low, format!("JSON with {}", quoted(last))),
                false => personal(Kind::FreeText, Low, "JSON, which can contain anything"),
            });
        }
        if self.shape != Shape::Text || !has(&TEXT_HEADS, last) {
            return None;
        }
        let things = || harmless(Low, format!("{} in a table about things", quoted(last)));
        // A line of a log names people as well.
        if PEOPLES.contains(&last) && self.table.is_one_of(&["audit", "log", "logs", "trail"]) {
            return Some(unsure(format!("{} may be about people", quoted(last))));
        }
        if self.table.is_catalogue() {
            return Some(things());
        }
        if SHORT.contains(&last) && self.table.is_intimate() {
            let reason = format!("{} in a table about a protected side of life", quoted(last));
            return Some(unsure(reason));
        }
        if self.table.is_written() || (of_people && !SHORT.contains(&last)) {
            let reason = format!("{} in a table in which people write", quoted(last));
            return Some(personal(Kind::FreeText, Low, reason));
        }
        if PEOPLES.contains(&last) {
            return Some(unsure(format!("{} may be about people", quoted(last))));
        }
        let of_things = self.table.of_people() == Some(false)
            || (has(&HARMLESS_HEADS, last) && (self.column.len() > 1 || !SHORT.contains(&last)));
        Some(match of_things {
            true => things(),
            false => unsure(format!("{} can contain anything", quoted(last))),
        })
    }
}

/// Last words that, of an attribute of a person, are the attribute itself: `gender_cd`.
const CODED_TAILS: &[&str] = &[
    "code", "cd", "type", "status", "group", "level", "score", "yn", "코드", "여부", "amount",
    "amt", "unit", "flag", "flg", "class", "category", "result", "results", "balance", "구분",
    "종류", "유형", "등급", "grade", "history", "record", "kind", "gb", "se", "list", "count",
    "cnt",
];

/// Last words that, of an age, are the age itself: `age_group_cd`.
const AGE_TAILS: &[&str] =
    &["code", "cd", "group", "class", "category", "level", "코드", "구분", "유형"];

/// Last words of addresses of pages.
const PAGES: [&str; 6] = ["url", "uri", "link", "homepage", "website", "blog"];

/// Last words that, of a measure of a person, are the measure itself: `heart_rate_avg`.
const MEASURE_TAILS: &[&str] = &[
    "avg",
    "days",
    "delta",
    "duration",
    "freq",
    "frequency",
    "height",
    "hours",
    "index",
    "length",
    "max",
    "min",
    "minutes",
    "pct",
    "percent",
    "plan",
    "rank",
    "rate",
    "ratio",
    "size",
    "sum",
    "threshold",
    "time",
    "times",
    "total",
    "width",
    "평균",
    "비율",
    "횟수",
    "순위",
];

/// Last words that say something about the record of a person's attribute, and not of the person.
const RECORD_TAILS: &[&str] = &[
    "agre", "agree", "consent", "created", "currency", "error", "fee", "fees", "format", "href",
    "idx", "lang", "language", "order", "price", "schema", "seq", "sort", "template", "updated",
    "uri", "url", "ver", "version", "동의",
];

/// Words of columns about a record itself, also in a table about health.
const TECHNICAL: &[&str] = &[
    "id", "no", "created", "updated", "modified", "deleted", "version", "creator", "changed",
    "voided", "seq", "order", "sort", "count", "cnt", "reg", "mdfcn", "frst", "last", "price",
    "fee", "amount", "amt", "cost", "paid", "total", "copay", "rows", "uuid", "row", "quantity",
    "qty", "year", "page",
];

/// What a word in Hangul that ends with the syllable for `name` names: `상품명` → `상품`.
fn stem(word: &str) -> Option<&str> {
    word.strip_suffix("이름")
        .or_else(|| word.strip_suffix('명'))
        .filter(|stem| !stem.is_empty() && !word.is_ascii())
}

/// Whether the vocabulary has the word, or all parts of a compound in Hangul.
fn is_known(word: &str) -> bool {
    is_word(word) || (!word.is_ascii() && hangul_pieces(word).into_iter().all(is_word))
}

/// Whether the word means nothing personal, or no part of a compound in Hangul does.
fn is_plain_word(word: &str) -> bool {
    is_plain(word) || (!word.is_ascii() && hangul_pieces(word).into_iter().all(is_plain))
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
