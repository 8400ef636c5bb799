//! What the combination of name and values asks of a name.

use super::{
    super::{
        Rows,
        shape::Shape,
        vocabulary::{BUSINESS_DATES, NAME_WORDS, PEOPLE, THINGS},
        words::words,
    },
    Names, ends_as_key, ends_as_name, has,
    plain::DATE_TAILS,
};

/// Whether a name is a word for a person: `user`.
pub(in crate::personal) fn is_person(name: &str) -> bool {
    matches!(words(name).as_slice(), [only] if has(&PEOPLE, only) && !has(&THINGS, only))
}

/// What is known of a column besides what its name means.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent signs, each of them yes or no")]
pub(in crate::personal) struct Context {
    pub(in crate::personal) is_text: bool,
    pub(in crate::personal) is_integer: bool,
    pub(in crate::personal) is_number: bool,
    pub(in crate::personal) is_date: bool,
    /// The table's name says that it is about people.
    pub(in crate::personal) of_people: bool,
    /// The table is about health or another protected side of life.
    pub(in crate::personal) protected_life: bool,
    pub(in crate::personal) medical: bool,
    /// A word of the column is a word for a person.
    pub(in crate::personal) names_person: bool,
    /// A word of the column says that the value is about the record.
    pub(in crate::personal) of_record: bool,
    pub(in crate::personal) all_known: bool,
}

impl Names {
    /// Whether the column is a surrogate key: its name ends in `id` or `uuid`, and its type is an integer
    /// or UUID.
    pub(in crate::personal) fn is_surrogate_key(&self) -> bool {
        matches!(self.shape, Shape::Integer | Shape::Uuid) && ends_as_key(&self.column)
    }

    /// Whether the table lists what others refer to, or counts.
    pub(in crate::personal) fn is_of_catalogue(&self) -> bool {
        self.table.is_catalogue()
    }

    /// Whether the name says yes or no, and the table is not about a side of life where that describes a
    /// person: `push_yn`.
    pub(in crate::personal) fn is_mark(&self) -> bool {
        let last = self.last();
        (["yn", "flag", "flg"].contains(&last) || last.ends_with("여부")) && !self.is_protected()
    }

    /// Whether neither the table nor another column says that the rows describe people, and no word of the name is about one,
    /// or says that it is the name of something.
    pub(in crate::personal) fn is_of_no_person(&self) -> bool {
        !self.is_of_persons()
            && !self.is_protected()
            && self.rows != Rows::AboutPerson
            && !self.column.iter().any(|word| has(&NAME_WORDS, word) || ends_as_name(word))
            && !self.may_describe()
            && !self.is_opaque()
    }

    /// Whether the column is a key that refers to a person: `member_id`.
    pub(in crate::personal) fn refers_to_person(&self) -> bool {
        let person = |word: &String| has(&PEOPLE, word) && !has(&THINGS, word);
        self.column.iter().any(person)
    }

    /// Whether the last word says that the text is a code, and another word is not known.
    pub(in crate::personal) fn is_code_of_unknown(&self) -> bool {
        self.is_code() && !self.is_all_known()
    }

    /// Whether the last word says that the text is a code, which may open something: `lockbox_code`.
    pub(in crate::personal) fn is_code(&self) -> bool {
        let code = ["code", "cd", "key", "pin", "코드"].contains(&self.last());
        code && self.is_text() && !self.table.is_catalogue()
    }

    /// Whether the value says something of the person of the row, or is the address of a page that may name one: few
    /// different values, or a harmless form, do not make it harmless.
    pub(in crate::personal) fn says_of_person(&self) -> bool {
        self.is_said_of_person()
            || self.is_picture_of_person()
            || self.values_person()
            || (self.is_medical_word() && !self.table.is_catalogue())
            || (self.is_page() && (self.is_of_persons() || self.table.is_written()))
    }

    /// Whether a date in a table about a protected side of life may be of the person's life: no word says that it is of the
    /// record or of a business.
    pub(in crate::personal) fn is_date_of_life(&self) -> bool {
        let of_business = |piece: &str| has(&BUSINESS_DATES, piece) && !DATE_TAILS.contains(&piece);
        self.lacks_record() && !self.pieces().any(of_business)
    }

    /// Whether the table is about people or has a column about one, and a word of the column may be personal or is not known.
    pub(in crate::personal) fn may_be_of_person(&self) -> bool {
        (self.is_of_persons() || self.has_person()) && !self.is_all_plain()
    }

    /// What is known of a column besides what its name means.
    pub(in crate::personal) fn context(&self) -> Context {
        Context {
            is_integer: self.shape == Shape::Integer,
            is_text: matches!(self.shape, Shape::Text | Shape::Bytes | Shape::Json),
            is_number: self.is_number(),
            is_date: matches!(self.shape, Shape::Date | Shape::Instant),
            of_people: self.table.of_people() == Some(true),
            protected_life: self.is_protected(),
            medical: self.is_medical(),
            names_person: self.pieces().any(|piece| has(&PEOPLE, piece) && !has(&THINGS, piece)),
            of_record: self.is_of_record(),
            all_known: self.is_all_known(),
        }
    }
}
