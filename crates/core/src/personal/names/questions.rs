//! What the combination of name and values asks of a name.

use super::{
    super::{
        Kind, Subject,
        shape::{Shape, shape},
        vocabulary::{BUSINESS_DATES, NAME_WORDS, PEOPLE, THINGS},
        words::words,
    },
    Names, ends_as_key, ends_as_name, has,
    plain::DATE_TAILS,
};

/// Whether the column is a surrogate key: its name ends in `id` or `uuid`, and its type is an integer
/// or UUID.
pub(in crate::personal) fn is_surrogate_key(subject: Subject<'_>) -> bool {
    let shape = shape(subject.source_type, subject.bigquery_type);
    matches!(shape, Shape::Integer | Shape::Uuid) && ends_as_key(&words(subject.column))
}

/// Whether each row of the table is about a person.
pub(in crate::personal) fn is_about_people(subject: Subject<'_>) -> bool {
    Names::of(subject).is_about_people()
}

/// Whether the table lists what others refer to, or counts.
pub(in crate::personal) fn is_of_catalogue(subject: Subject<'_>) -> bool {
    Names::of(subject).table.is_catalogue()
}

/// Whether every word of the column's name is in the vocabulary.
pub(in crate::personal) fn is_all_known(subject: Subject<'_>) -> bool {
    Names::of(subject).is_all_known()
}

/// Whether the name says yes or no, and the table is not about a side of life where that describes a
/// person: `push_yn`.
pub(in crate::personal) fn is_mark(subject: Subject<'_>) -> bool {
    let names = Names::of(subject);
    let last = names.last();
    (["yn", "flag", "flg"].contains(&last) || last.ends_with("여부")) && !names.is_protected()
}

/// Whether a name is a word for a person: `user`.
pub(in crate::personal) fn is_person(name: &str) -> bool {
    matches!(words(name).as_slice(), [only] if has(&PEOPLE, only) && !has(&THINGS, only))
}

/// Whether values of this kind would belong to the place or the machine of the row.
pub(in crate::personal) fn is_of_thing(subject: Subject<'_>, kind: Kind) -> bool {
    Names::of(subject).is_of_thing(kind)
}

/// Whether weak signs do not make the column harmless: its table is about people, or neither a word
/// of its name nor its table says what it is about.
pub(in crate::personal) fn needs_caution(subject: Subject<'_>) -> bool {
    Names::of(subject).needs_caution()
}

/// Whether neither the table nor another column says that the rows describe people, and no word of the name is about one,
/// or says that it is the name of something.
pub(in crate::personal) fn is_of_no_person(subject: Subject<'_>) -> bool {
    let names = Names::of(subject);
    !names.is_of_persons()
        && !names.is_protected()
        && names.rows != super::super::Rows::AboutPerson
        && !names.column.iter().any(|word| has(&NAME_WORDS, word) || ends_as_name(word))
        && !names.may_describe()
        && !names.is_opaque()
}

/// Whether nothing in the table is about people, as far as its columns and its name say.
pub(in crate::personal) fn is_of_impersonal(subject: Subject<'_>) -> bool {
    Names::of(subject).is_impersonal()
}

/// Whether the column is a key that refers to a person: `member_id`.
pub(in crate::personal) fn refers_to_person(subject: Subject<'_>) -> bool {
    let names = Names::of(subject);
    let person = |word: &String| has(&PEOPLE, word) && !has(&THINGS, word);
    names.column.iter().any(person)
}

/// Whether the last word says that the text is a code, and another word is not known.
pub(in crate::personal) fn is_code_of_unknown(subject: Subject<'_>) -> bool {
    is_code(subject) && !is_all_known(subject)
}

/// Whether the last word says that the text is a code, which may open something: `lockbox_code`.
pub(in crate::personal) fn is_code(subject: Subject<'_>) -> bool {
    let names = Names::of(subject);
    let code = ["code", "cd", "key", "pin", "코드"].contains(&names.last());
    code && names.is_text() && !names.table.is_catalogue()
}

/// Whether the value says something of the person of the row, or is the address of a page that may name one: few
/// different values, or a harmless form, do not make it harmless.
pub(in crate::personal) fn is_said_of_person(subject: Subject<'_>) -> bool {
    let names = Names::of(subject);
    names.is_said_of_person()
        || names.is_picture_of_person()
        || names.values_person()
        || (names.is_medical_word() && !names.table.is_catalogue())
        || (names.is_page() && (names.is_of_persons() || names.table.is_written()))
}

/// Whether a date in a table about a protected side of life may be of the person's life: no word says that it is of the
/// record or of a business.
pub(in crate::personal) fn is_date_of_life(subject: Subject<'_>) -> bool {
    let names = Names::of(subject);
    let of_business = |piece: &str| has(&BUSINESS_DATES, piece) && !DATE_TAILS.contains(&piece);
    names.lacks_record() && !names.pieces().any(of_business)
}

/// Whether the table is about people or has a column about one, and a word of the column may be personal or is not known.
pub(in crate::personal) fn may_be_of_person(subject: Subject<'_>) -> bool {
    let names = Names::of(subject);
    (names.is_of_persons() || names.has_person()) && !names.is_all_plain()
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

/// What is known of a column besides what its name means.
pub(in crate::personal) fn context(subject: Subject<'_>) -> Context {
    let names = Names::of(subject);
    Context {
        is_integer: names.shape == Shape::Integer,
        is_text: matches!(names.shape, Shape::Text | Shape::Bytes | Shape::Json),
        is_number: names.is_number(),
        is_date: matches!(names.shape, Shape::Date | Shape::Instant),
        of_people: names.table.of_people() == Some(true),
        protected_life: names.is_protected(),
        medical: names.is_medical(),
        names_person: names.pieces().any(|piece| has(&PEOPLE, piece) && !has(&THINGS, piece)),
        of_record: names.is_of_record(),
        all_known: names.is_all_known(),
    }
}
