//! The verdict by the type, where no phrase says what the column is. `Harmless` must be earned: in
//! a table about people, by words that all mean nothing personal.

use super::{
    super::{
        Confidence::{High, Low, Medium},
        Kind, Rows, Verdict,
        shape::Shape,
        vocabulary::{
            BUSINESS_DATES, HARMLESS_HEADS, MEDICAL, PAY, PEOPLE, RECORDS, REMEDIES, THINGS,
            VALUATIONS,
        },
    },
    Names, PAGES, TECHNICAL, ends_as_key, harmless, has, is_known, is_plain_word, personal,
    phrase::{ends_harmless, find},
    quoted, unsure,
};

/// Last words of columns of text with a date.
pub(super) const DATE_TAILS: [&str; 10] =
    ["dt", "ymd", "date", "day", "de", "dd", "일", "일자", "dttm", "ym"];

/// Last words of numbers that only count or order, of whatever stands before them.
const COUNTS: [&str; 33] = [
    "bytes", "cnt", "count", "depth", "height", "hour", "hours", "idx", "index", "interval",
    "length", "limit", "max", "min", "minutes", "ms", "number", "offset", "ord", "order", "page",
    "port", "pos", "position", "qty", "quantity", "seconds", "seq", "size", "sort", "version",
    "width", "수량",
];

/// Last words of numbers that may be a person's.
const NUMBERS: [&str; 8] = ["no", "num", "nbr", "number", "beonho", "번호", "key", "ref"];

/// Last words of numbers that a table about people has as well, and that do not describe them.
const ORDINARY: [&str; 22] = [
    "sn", "srl", "point", "points", "level", "lv", "lvl", "grade", "color", "fee", "tax", "nights",
    "attempts", "secs", "sec", "days", "months", "units", "by", "sms", "balance", "잔액",
];

/// Last words of texts that describe a person in a table about people, and a thing elsewhere.
const DESCRIBING: [&str; 8] = [
    "availability",
    "habit",
    "habits",
    "interest",
    "interests",
    "preference",
    "preferences",
    "size",
];

/// Words of amounts.
const AMOUNTS: [&str; 12] = [
    "amt",
    "amount",
    "pay",
    "net",
    "gross",
    "total",
    "sum",
    "금액",
    "액",
    "급",
    "수령액",
    "지급액",
];

/// Words of tables of accounts, which are `disabled` without an illness.
const ACCOUNTS: [&str; 8] =
    ["user", "users", "account", "accounts", "admin", "admins", "login", "member"];

impl Names {
    /// By the type and by words with one harmless meaning.
    pub(super) fn by_type(&self) -> Verdict {
        let measures = match self.shape {
            Shape::Bool | Shape::Integer | Shape::Decimal | Shape::Date | Shape::Other => true,
            Shape::Instant => self.is_protected(),
            _ => false,
        };
        if matches!(self.shape, Shape::Integer | Shape::Uuid) && ends_as_key(&self.column) {
            return harmless(High, "a surrogate key");
        }
        if let Some(verdict) = self.by_topic() {
            return verdict;
        }
        if measures && !self.is_earned() {
            return unsure(match self.is_of_persons() {
                true => "a value in a table about people, of a word that is not known",
                false => "a value of a word that is not known",
            });
        }
        if self.is_medical_word() {
            return unsure("a word about health");
        }
        if self.values_person() {
            return unsure("a number that may value the person of the row");
        }
        let last = self.last();
        match self.shape {
            Shape::Bool => harmless(High, "a boolean with a harmless name"),
            Shape::Integer | Shape::Decimal => harmless(Medium, "a number with a harmless name"),
            Shape::Instant | Shape::Other => harmless(Medium, "the type and a harmless name"),
            Shape::Uuid => harmless(Medium, "a UUID with a harmless name"),
            Shape::Date if BUSINESS_DATES.contains(last) || last.ends_with('일') => {
                harmless(Medium, format!("a date that is {}", quoted(last)))
            }
            Shape::Text => self.by_type_of_text(),
            _ => unsure("neither name nor type say what it contains"),
        }
    }

    /// By what the table is about: health, or another protected side of life.
    fn by_topic(&self) -> Option<Verdict> {
        let technical = self.column.iter().any(|word| TECHNICAL.contains(&word.as_str()));
        let says = |list: &super::Words| self.pieces().any(|piece| list.contains(piece));
        if self.is_medical() && !technical {
            let measured = match self.shape {
                Shape::Integer | Shape::Decimal | Shape::Date | Shape::Instant => true,
                Shape::Bool => !self.is_all_plain(),
                Shape::Text => DATE_TAILS.contains(&self.last()),
                _ => false,
            };
            if measured {
                let reason = "a measure or a time in a table about health";
                return Some(personal(Kind::Health, Low, reason));
            }
            if self.shape == Shape::Text && says(&REMEDIES) {
                let reason = "a remedy or a finding in a table about health";
                return Some(personal(Kind::Health, Low, reason));
            }
        }
        let disabled = ["disabled", "handicapped", "impaired"].contains(&self.last())
            && self.is_of_persons()
            && !self.table.is_one_of(&ACCOUNTS);
        if disabled {
            return Some(personal(Kind::Health, Low, "a disability in a table about people"));
        }
        let amount = matches!(self.shape, Shape::Integer | Shape::Decimal)
            && self.table.has(&PAY)
            && !self.table.is_catalogue()
            && self.pieces().any(|piece| AMOUNTS.contains(&piece));
        if amount {
            return Some(personal(Kind::Sensitive, Low, "an amount in a table about pay"));
        }
        let valued = self.table.is_intimate()
            && says(&VALUATIONS)
            && !matches!(self.shape, Shape::Instant | Shape::Uuid | Shape::Other)
            && !self.column.iter().any(|word| THINGS.contains(word.as_str()))
            && !technical;
        valued.then(|| {
            personal(Kind::Sensitive, Low, "a valuation in a table about a protected side of life")
        })
    }

    /// Whether a measure, a mark or a date is harmless by the words of its name.
    fn is_earned(&self) -> bool {
        if self.is_impersonal() || self.is_of_event() || self.is_of_business() {
            return true;
        }
        if self.is_of_persons() {
            return self.is_all_plain() && self.has_record();
        }
        self.table.is_about_things() || self.is_all_known() || COUNTS.contains(&self.last())
    }

    /// Whether nothing in the table is about people, as far as its columns and its name say.
    pub(in crate::personal) fn is_impersonal(&self) -> bool {
        self.rows == Rows::Impersonal
            && self.table.of_people() != Some(true)
            && !self.is_protected()
            && !self.may_describe()
    }

    /// Whether the row is what a person did, as an order is, and no word of the column says that the value is about
    /// the person.
    fn is_of_event(&self) -> bool {
        self.rows == Rows::OfPerson
            && self.table.of_people() != Some(true)
            && self.table.is_all_known()
            && !self.is_protected()
            && !self.is_paid()
            && !self.may_describe()
    }

    /// Whether the last word of a number says that it is an amount of a bill or a number of a row.
    fn is_of_business(&self) -> bool {
        const ENDS: [&str; 12] = [
            "amt", "amount", "fee", "price", "cost", "total", "copay", "seq", "sn", "srl", "금액",
            "료",
        ];
        let last = self.last();
        self.is_number()
            && ENDS.iter().any(|end| last == *end || (!end.is_ascii() && last.ends_with(end)))
            && !self.is_protected()
            && !self.is_paid()
            && !self.may_describe()
    }

    /// Whether a word of the column says that the value is about a person, or values one.
    pub(super) fn may_describe(&self) -> bool {
        let word = |piece: &str| {
            (PEOPLE.contains(piece) && !THINGS.contains(piece))
                || VALUATIONS.contains(piece)
                || MEDICAL.contains(piece)
        };
        self.pieces().any(word) || find(&self.column).is_some_and(|hit| hit.kind.is_some())
    }

    /// Whether a word says that a number or a mark is about the record, if one must: the table is about a protected
    /// side of life, or another column describes the person of the row.
    fn has_record(&self) -> bool {
        let described = self.is_about_person() && !self.table.is_catalogue();
        match self.is_protected() || self.is_paid() {
            true => self.is_of_record(),
            false => !described || self.is_of_record() || self.is_ordinary(),
        }
    }

    /// Whether the last word counts, orders or pays something, as in the accounts of any shop.
    fn is_ordinary(&self) -> bool {
        NUMBERS.contains(&self.last())
            || COUNTS.contains(&self.last())
            || ORDINARY.contains(&self.last())
            || ["료", "세", "금액", "번호", "인원수"].iter().any(|end| self.last().ends_with(end))
    }

    /// Whether the value describes the person of the row, for all that is known.
    pub(super) fn lacks_record(&self) -> bool {
        self.is_of_persons() && self.is_protected() && !self.is_of_record()
    }

    /// Whether the table is about what people are paid.
    pub(super) fn is_paid(&self) -> bool {
        self.table.has(&PAY) && !self.table.is_catalogue()
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self.shape, Shape::Integer | Shape::Decimal)
    }

    /// Whether the table is about a side of life where a mere code or mark can describe a person.
    pub(super) fn is_protected(&self) -> bool {
        self.table.is_intimate() || self.is_medical()
    }

    /// Whether a word says that the value is about the record and not about its person.
    pub(super) fn is_of_record(&self) -> bool {
        self.pieces()
            .any(|piece| has(&RECORDS, piece) || (TECHNICAL.contains(&piece) && piece != "no"))
    }

    /// Whether the table is about people, or about a protected side of their lives.
    pub(super) fn is_of_persons(&self) -> bool {
        self.is_about_people() || self.table.is_intimate()
    }

    /// Whether a column identifies or describes a person.
    pub(super) fn has_person(&self) -> bool {
        matches!(self.rows, Rows::OfPerson | Rows::AboutPerson)
    }

    /// Whether a number counts a person's family or presence, or values what the row is about, in a table that has
    /// columns about a person, or that does not list things.
    pub(super) fn values_person(&self) -> bool {
        const OF_LIFE: [&str; 22] = [
            "absence",
            "absences",
            "attendance",
            "child",
            "children",
            "chldrn",
            "dependants",
            "dependents",
            "dpndnt",
            "family",
            "fmly",
            "kids",
            "sibling",
            "siblings",
            "tardy",
            "가족",
            "결석",
            "부양가족",
            "자녀",
            "출결",
            "출석",
            "형제",
        ];
        let of_life = self.pieces().any(|piece| OF_LIFE.contains(&piece));
        let valued = VALUATIONS.contains(self.last()) && !ORDINARY.contains(&self.last());
        let catalogue = self.table.is_catalogue() && !self.has_person();
        self.is_number() && (of_life || valued) && self.rows != Rows::Impersonal && !catalogue
    }

    /// Whether the text is where a picture or a recording is kept, or a proof, or a picture of a person: it may show the person of
    /// the row.
    pub(super) fn is_picture_of_person(&self) -> bool {
        const PLACES: [&str; 12] = [
            "path",
            "url",
            "uri",
            "file",
            "filename",
            "key",
            "link",
            "src",
            "경로",
            "파일",
            "파일명",
            "주소",
        ];
        const PICTURES: [&str; 32] = [
            "audio",
            "avatar",
            "face",
            "icon",
            "image",
            "images",
            "img",
            "imgs",
            "photo",
            "photos",
            "pic",
            "picture",
            "pictures",
            "portrait",
            "proof",
            "recording",
            "scan",
            "selfie",
            "signature",
            "snapshot",
            "still",
            "video",
            "voice",
            "webcam",
            "녹음",
            "녹취",
            "사진",
            "서명",
            "이미지",
            "신분증",
            "얼굴",
            "영상",
        ];
        let kept = self.pieces().any(|piece| PLACES.contains(&piece));
        let shows = self.pieces().any(|piece| PICTURES.contains(&piece));
        let of_person = self.column.iter().any(|word| has(&PEOPLE, word) && !has(&THINGS, word));
        (kept || of_person) && shows && self.rows != Rows::Impersonal && !self.table.is_catalogue()
    }

    fn by_type_of_text(&self) -> Verdict {
        let last = self.last();
        if self.is_picture_of_person() {
            return unsure("a picture or a recording, which may show the person of the row");
        }
        let refers = ["ref", "key", "uid"].contains(&last);
        if refers && self.column.iter().any(|word| has(&PEOPLE, word) && !has(&THINGS, word)) {
            return unsure("text that refers to a person");
        }
        if self.is_number_of_thing() {
            return harmless(Low, "a number of a thing, in a table that is not about people");
        }
        if self.is_card_part() {
            return personal(Kind::Card, Medium, "a part of a card in a table about cards");
        }
        if self.is_of_persons() && PAGES.contains(&last) {
            return unsure("an address of a page in a table about people, which may name one");
        }
        if self.is_opaque() {
            return unsure("the name says nothing");
        }
        if self.is_of_persons() && !self.is_all_plain() {
            return unsure("a text in a table about people, of a word that is not known");
        }
        if self.is_protected() && !self.is_of_record() {
            return unsure("a text in a table about a protected side of life");
        }
        if self.is_of_persons() && DESCRIBING.contains(&last) {
            return unsure("a text that may describe the person of the row");
        }
        if self.is_said_of_person() {
            return unsure("a mark or a kind of a person");
        }
        if self.is_place_of_person() {
            return unsure("a place in a table about people");
        }
        if VALUATIONS.contains(last) && !self.table.is_about_things() && !self.is_all_known() {
            return unsure("a valuation of a word that is not known");
        }
        if NUMBERS.contains(&last) && !self.table.is_about_things() && !self.is_all_known() {
            return unsure("a number of a word that is not known");
        }
        // A user's own name is often the key of a table.
        if self.column == ["id"] && !self.is_impersonal() {
            return unsure("a text that is the key of a row, which may be a login name");
        }
        if last == "id" {
            return harmless(Low, "an identifier of a thing");
        }
        if HARMLESS_HEADS.contains(last) || ends_harmless(last) {
            return harmless(Medium, format!("{} says what kind of text it is", quoted(last)));
        }
        unsure("neither name nor type say what it contains")
    }

    /// Whether a compound in Hangul is the number of something that is no person: `정류장번호`.
    fn is_number_of_thing(&self) -> bool {
        let numbered = self.last().strip_suffix("번호").is_some_and(|stem| !stem.is_empty());
        numbered
            && self.is_all_plain()
            && !self.is_of_persons()
            && !self.is_protected()
            && self.rows != Rows::AboutPerson
    }

    /// Whether a mark, a measure or a text has a word about health, in a table that lists no things.
    pub(super) fn is_medical_word(&self) -> bool {
        let kind =
            matches!(self.shape, Shape::Bool | Shape::Integer | Shape::Decimal | Shape::Text);
        kind && self.rows != Rows::Impersonal
            && (self.shape == Shape::Bool || !self.table.is_about_things())
            && !self.is_of_record()
            && self.pieces().any(|piece| MEDICAL.contains(piece))
    }

    /// Whether the text says something of a person, such as `guest_type` or `householder_yn`.
    pub(super) fn is_said_of_person(&self) -> bool {
        const TAILS: [&str; 9] =
            ["yn", "type", "kind", "flag", "gb", "gubun", "여부", "구분", "유형"];
        let person = |word: &str| PEOPLE.contains(word) && !THINGS.contains(word);
        let tail = TAILS
            .iter()
            .any(|tail| self.last().ends_with(tail) && (!tail.is_ascii() || self.last() == *tail));
        tail && self.pieces().any(person) && !self.table.is_catalogue() && !self.is_of_record()
    }

    /// Whether the text may be where a person comes from: `region` of a member.
    fn is_place_of_person(&self) -> bool {
        const PLACES: [&str; 14] = [
            "region", "regions", "area", "province", "county", "district", "city", "nation", "ntn",
            "sido", "sigungu", "지역", "시도", "국가",
        ];
        self.table.of_people() == Some(true) && self.pieces().any(|piece| PLACES.contains(&piece))
    }

    /// Whether the name only counts columns: `field_13`.
    pub(super) fn is_opaque(&self) -> bool {
        const COUNTED: [&str; 22] = [
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
            "c",
            "f",
            "v",
            "x",
            "item",
            "필드",
            "컬럼",
            "기타",
            "항목",
            "값",
        ];
        matches!(self.column.as_slice(), [only] if COUNTED.contains(&only.as_str()))
    }

    /// Whether every word of the name means nothing personal.
    pub(super) fn is_all_plain(&self) -> bool {
        self.column.iter().all(|word| is_plain_word(word))
    }

    /// Whether every word of the name is in the vocabulary.
    pub(in crate::personal) fn is_all_known(&self) -> bool {
        self.column.iter().all(|word| is_known(word))
    }

    /// Whether the column belongs to a payment card whose number another column has.
    fn is_card_part(&self) -> bool {
        let parts = ["expiry", "expiration", "exp", "token", "유효기간"];
        (self.table.is_one_of(&["card", "cards"]) || self.table.contains("카드"))
            && self.column.iter().any(|word| parts.contains(&word.as_str()))
    }

    /// Whether the row is about the health of a person, by the table or by the column.
    pub(super) fn is_medical(&self) -> bool {
        const ACTS: [&str; 5] = ["visited", "admitted", "discharged", "diagnosed", "hospitalized"];
        self.table.is_medical()
            || self.column.iter().any(|word| ACTS.contains(&word.as_str()))
            || (self.rows != Rows::Impersonal
                && self.pieces().any(|piece| !piece.is_ascii() && MEDICAL.contains(piece)))
    }

    /// Whether a finding that is not `Personal` needs strong signs to be `Harmless`.
    pub(in crate::personal) fn needs_caution(&self) -> bool {
        if self.is_impersonal() {
            return false;
        }
        let known = self.table.is_about_things() || self.is_all_known();
        let doubtful = find(&self.column).is_some_and(|hit| hit.kind.is_some());
        self.is_of_persons() || !known || doubtful
    }
}
