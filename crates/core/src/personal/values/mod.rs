//! What a sample of a column's values looks like: counts of forms, never a value.

mod patterns;
mod people;

use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{
    Confidence::{self, High, Low, Medium},
    Finding, Kind, Rows, Subject, Verdict,
    names::{Names, is_person},
};
use crate::types::BigQueryType;
use patterns as p;

/// Lists of words in values.
const WORDS: &str = include_str!("words.txt");

/// A form that a value can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Email,
    Phone,
    MobileDigits,
    /// A Korean mobile number, written in any way.
    Mobile,
    ResidentNumber,
    ForeignerNumber,
    Card,
    Iban,
    Ssn,
    BusinessNumber,
    Passport,
    Licence,
    Account,
    Ip,
    Mac,
    Imei,
    UserAgent,
    Secret,
    Random,
    KoreanName,
    EnglishName,
    KoreanAddress,
    EnglishAddress,
    Position,
    Coordinate,
    ShortDate,
    /// A date, of any year.
    Date,
    /// A date before 1995, when few businesses had records and most adults were born.
    EarlyDate,
    DiagnosisCode,
    BloodType,
    Sex,
    Illness,
    /// A value of an attribute that people have: `married`.
    Trait,
    Sentence,
    Contact,
    /// JSON with a member whose name is that of personal data.
    PersonalJson,
    Json,
    Number,
    /// A code of upper-case letters and digits.
    Code,
    Flag,
    /// What people choose to log in with: letters and digits, lower-case.
    Login,
    /// What people choose as a password: letters, a digit, a special character.
    Password,
    Plate,
    Url,
    Path,
    Version,
}

use Form::{
    Account, BloodType, BusinessNumber, Card, Code, Contact, Coordinate, Date, DiagnosisCode,
    EarlyDate, Email, EnglishAddress, EnglishName, Flag, ForeignerNumber, Iban, Illness, Imei, Ip,
    Json, KoreanAddress, KoreanName, Licence, Login, Mac, Mobile, MobileDigits, Number, Passport,
    Password, Path, PersonalJson, Phone, Plate, Position, Random, ResidentNumber, Secret, Sentence,
    Sex, ShortDate, Ssn, Trait, Url, UserAgent, Version,
};

/// Whether a value has a form.
type Test = fn(&str) -> bool;

/// The forms that one function of [`patterns`] or [`people`] decides.
const TESTS: &[(Form, Test)] = &[
    (Email, p::is_email),
    (Phone, p::is_phone),
    (MobileDigits, p::is_mobile_digits),
    (Mobile, p::is_mobile),
    (ResidentNumber, p::is_resident_number),
    (ForeignerNumber, p::is_foreigner_number),
    (Card, p::is_card),
    (Iban, p::is_iban),
    (Ssn, p::is_ssn),
    (BusinessNumber, p::is_business_number),
    (Passport, p::is_passport),
    (Licence, p::is_licence),
    (Account, p::is_account),
    (Ip, p::is_ip),
    (Mac, p::is_mac),
    (Imei, p::is_imei),
    (UserAgent, p::is_user_agent),
    (Secret, p::is_secret),
    (Random, p::is_random),
    (KoreanName, people::is_korean_name),
    (EnglishName, people::is_english_name),
    (KoreanAddress, p::is_korean_address),
    (EnglishAddress, p::is_english_address),
    (Position, p::is_position),
    (Coordinate, p::is_inhabited),
    (ShortDate, p::is_short_date),
    (DiagnosisCode, p::is_diagnosis_code),
    (BloodType, p::is_blood_type),
    (Sex, p::is_sex),
    (Illness, p::names_illness),
    (Trait, p::is_trait),
    (Sentence, p::is_sentence),
    (Contact, p::contains_contact),
    (Number, p::is_number),
    (Code, p::is_code),
    (Flag, p::is_flag),
    (Login, p::is_login),
    (Password, p::is_password),
    (Plate, p::is_plate),
    (Url, p::is_url),
    (Path, p::is_path),
    (Version, p::is_version),
];

/// What a form says of a column.
struct Sign {
    form: Form,
    kind: Kind,
    /// The share of the values that must have the form.
    share: f64,
    /// At least so many different values, because a few can have the form by chance.
    distinct: usize,
    confidence: Confidence,
}

const fn sign(form: Form, kind: Kind, share: f64, distinct: usize, confidence: Confidence) -> Sign {
    Sign { form, kind, share, distinct, confidence }
}

/// Forms that hardly anything else has: they outweigh a harmless name. The first that fits counts.
const STRONG: &[Sign] = &[
    sign(Email, Kind::Email, 0.3, 2, High),
    // One resident among foreigners, and the stricter rules of resident numbers apply.
    sign(ForeignerNumber, Kind::ForeignerNumber, 1.0, 2, High),
    sign(ResidentNumber, Kind::ResidentNumber, 0.5, 2, High),
    sign(Iban, Kind::Account, 0.5, 2, High),
    sign(Licence, Kind::Licence, 0.7, 3, High),
    sign(Plate, Kind::Licence, 0.7, 3, High),
    sign(Card, Kind::Card, 0.8, 3, High),
    sign(BusinessNumber, Kind::BusinessId, 0.8, 3, High),
    sign(Ssn, Kind::NationalId, 0.8, 3, High),
    sign(MobileDigits, Kind::Phone, 0.7, 3, High),
    sign(Phone, Kind::Phone, 0.5, 3, High),
    sign(Secret, Kind::Secret, 0.5, 2, High),
    sign(UserAgent, Kind::Device, 0.5, 2, High),
    sign(Mac, Kind::Network, 0.8, 2, High),
    sign(Ip, Kind::Network, 0.8, 3, High),
    sign(Imei, Kind::Device, 0.9, 5, Medium),
    sign(Position, Kind::Position, 0.8, 3, High),
    sign(KoreanAddress, Kind::Address, 0.6, 3, High),
    sign(EnglishAddress, Kind::Address, 0.6, 3, High),
    sign(KoreanName, Kind::Name, 0.8, 8, Medium),
    sign(EnglishName, Kind::Name, 0.6, 8, Medium),
    sign(PersonalJson, Kind::FreeText, 0.05, 1, Medium),
    sign(Contact, Kind::FreeText, 0.02, 1, Medium),
];

/// Forms that other things have as well: they count where the name says nothing.
const WEAK: &[Sign] = &[
    sign(Email, Kind::FreeText, 0.01, 1, Medium),
    sign(Passport, Kind::Passport, 0.8, 3, Medium),
    sign(KoreanName, Kind::Name, 0.6, 3, Medium),
    sign(EnglishName, Kind::Name, 0.4, 3, Medium),
    sign(Account, Kind::Account, 0.8, 3, Low),
    sign(Coordinate, Kind::Position, 0.9, 3, Low),
    sign(EarlyDate, Kind::Birth, 0.2, 3, Medium),
    sign(ShortDate, Kind::Birth, 0.95, 3, Low),
    sign(Illness, Kind::Health, 0.2, 2, Medium),
    sign(BloodType, Kind::Health, 0.95, 3, Medium),
    sign(DiagnosisCode, Kind::Health, 0.9, 8, Low),
    sign(Sex, Kind::Sensitive, 0.95, 2, Medium),
    sign(Trait, Kind::Sensitive, 0.6, 2, Medium),
    sign(Sentence, Kind::FreeText, 0.3, 2, Medium),
    sign(Random, Kind::Secret, 0.8, 3, Low),
    sign(Password, Kind::Secret, 0.25, 10, Low),
    sign(Login, Kind::Name, 0.5, 15, Low),
];

/// Forms of values that identify no person. The first may describe one.
const HARMLESS: &[(Form, &str)] = &[
    (Version, "versions"),
    (Number, "numbers"),
    (Url, "URLs"),
    (Path, "paths"),
    (Date, "dates"),
    (Json, "JSON without personal members"),
];

/// How many different values are distinguished.
const MAX_DISTINCT: usize = 400;

/// With fewer values than this, few different ones do not show a closed vocabulary.
const ENOUGH: u32 = 40;

/// What a sample of a column's values looks like. It counts, and keeps no value: of different
/// values it keeps hashes, in memory alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    seen: u32,
    counts: HashMap<Form, u32>,
    distinct: BTreeSet<u64>,
    /// How many values were compared with those before them: later ones are not, once there are [`MAX_DISTINCT`]
    /// different ones.
    compared: u32,
    /// Values of more than this many characters are rarely from a closed vocabulary.
    long: u32,
    /// The lengths of the shortest and of the longest value, in characters.
    lengths: Option<(usize, usize)>,
}

impl Evidence {
    /// How many values were observed, without empty ones.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Counts the forms of one value. Empty text counts as no value.
    pub fn observe(&mut self, value: &str) {
        const LONG: usize = 40;
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        self.seen += 1;
        let length = value.chars().count();
        self.long += u32::from(length > LONG);
        let (shortest, longest) = self.lengths.unwrap_or((length, length));
        self.lengths = Some((shortest.min(length), longest.max(length)));
        if self.distinct.len() < MAX_DISTINCT {
            self.compared += 1;
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            self.distinct.insert(hasher.finish());
        }
        for (form, test) in TESTS {
            self.count(*form, test(value));
        }
        if let Some(year) = p::year_of_date(value) {
            self.count(Date, true);
            self.count(EarlyDate, year < 1995);
        }
        if value.starts_with(['{', '['])
            && let Ok(json) = serde_json::from_str(value)
        {
            self.count(Json, true);
            self.count(PersonalJson, is_personal(&json));
        } else {
            self.count(PersonalJson, is_personal_list(value));
        }
    }

    /// Counts the forms of the elements of an array, as PostgreSQL writes it: `{a,b}`.
    pub fn observe_array(&mut self, value: &str) {
        let elements = value.trim().trim_start_matches('{').trim_end_matches('}');
        for element in elements.split(',').map(|it| it.trim_matches('"')).filter(|it| *it != "NULL")
        {
            self.observe(element);
        }
    }

    /// Whether all values have the same length of four characters or more.
    fn have_one_length(&self) -> bool {
        self.lengths.is_some_and(|(shortest, longest)| shortest == longest && shortest > 3)
    }

    /// At most so many different values can be a closed vocabulary.
    fn vocabulary(&self) -> usize {
        (self.seen as usize / 8).clamp(5, 40)
    }

    fn count(&mut self, form: Form, applies: bool) {
        if applies {
            *self.counts.entry(form).or_default() += 1;
        }
    }

    fn share(&self, form: Form) -> f64 {
        f64::from(self.counts.get(&form).copied().unwrap_or(0)) / f64::from(self.seen.max(1))
    }

    fn matches(&self, sign: &Sign) -> bool {
        // Of fewer values than that, all must be different.
        let distinct = sign.distinct.min(self.seen as usize);
        self.share(sign.form) >= sign.share && self.distinct.len() >= distinct
    }

    fn first(&self, signs: &[Sign]) -> Option<Verdict> {
        signs.iter().find(|sign| self.matches(sign)).map(|sign| self.verdict(sign))
    }

    fn verdict(&self, sign: &Sign) -> Verdict {
        let what = match (sign.form, sign.kind) {
            (Contact, _) => {
                "contain an e-mail address, a telephone or a resident number".to_owned()
            }
            (PersonalJson, _) => "have members with personal data".to_owned(),
            (Email, Kind::FreeText) => "are e-mail addresses".to_owned(),
            _ => format!("look like {}", sign.kind.plural()),
        };
        let reason = format!("{} {what}", self.describe(sign.form));
        Verdict::new(Finding::Personal(sign.kind), sign.confidence, reason)
    }

    fn describe(&self, form: Form) -> String {
        let percent = (self.share(form) * 100.0).round();
        format!("{percent} % of {} sampled values", self.seen)
    }
}

/// Whether a member, at any depth, has the name of personal data, or a text that is a contact.
fn is_personal(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Object(members) => members.iter().any(|(name, value)| {
            let text = match value {
                serde_json::Value::String(text) => Some(text.as_str()),
                serde_json::Value::Number(_) => Some(""),
                _ => None,
            };
            text.is_some_and(|text| is_personal_member(name, text)) || is_personal(value)
        }),
        serde_json::Value::Array(elements) => elements.iter().any(is_personal),
        serde_json::Value::String(text) => p::contains_contact(text),
        _ => false,
    }
}

/// Whether a list of `name=value` has a member with the name of personal data: `userNm=…&page=2`.
fn is_personal_list(text: &str) -> bool {
    let query = text.rsplit_once('?').map_or(text, |(_, query)| query);
    query.split(['&', ';', ',', '|']).any(|member| {
        let Some((name, value)) = member.split_once('=').or_else(|| member.split_once(": ")) else {
            return false;
        };
        let name = name.trim();
        let is_name = name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
        is_name
            && (1..=40).contains(&name.chars().count())
            && is_personal_member(name, value.trim())
    })
}

/// Whether the name of a member is that of personal data, and its value is not empty and not a mere
/// mark.
fn is_personal_member(name: &str, value: &str) -> bool {
    let subject = Subject {
        table: "",
        column: name,
        source_type: "text",
        bigquery_type: BigQueryType::String,
        rows: Rows::Unknown,
    };
    let verdict = Names::of(subject).judge();
    // `name` alone may be of anything, `user` is a person.
    let sure = verdict.confidence > Low || is_person(name);
    let kind = matches!(verdict.finding, Finding::Personal(kind) if kind != Kind::FreeText);
    kind && sure && !p::is_flag(value) && value.len() < 200
}

/// What the values say, where it outweighs a harmless name.
pub(super) fn strong(evidence: &Evidence) -> Option<Verdict> {
    evidence.first(STRONG)
}

/// As [`strong`], of a form that at least [`SEVERAL`] values have.
pub(super) fn strong_of_several(evidence: &Evidence) -> Option<Verdict> {
    let several = STRONG.iter().filter(|sign| {
        let count = evidence.counts.get(&sign.form).copied().unwrap_or(0);
        evidence.matches(sign) && count >= SEVERAL
    });
    several.map(|sign| evidence.verdict(sign)).next()
}

/// So many values must have a form for [`strong_of_several`].
const SEVERAL: u32 = 3;

/// The share of values that have a form, for all of them to count as having it.
const ALL: f64 = 0.98;

/// What the values say, where the name says nothing. `cautious`: the table is about people, or nothing
/// is known of it. Then, or if a word of the name is not `known`, numbers, codes and few different values
/// are no sign that the column is harmless: they can be a code for an attribute of a person.
pub(super) fn judge(evidence: &Evidence, cautious: bool, known: bool) -> Option<Verdict> {
    let personal = personal(evidence);
    let telling = evidence.share(Number) >= ALL || evidence.share(Url) >= ALL;
    let only_marks = evidence.share(Flag) >= ALL;
    let by_form = || harmless_form(evidence).filter(|_| (known && !cautious) || !telling);
    let says_more = !cautious && (known || only_marks);
    let by_vocabulary = || if says_more { harmless_vocabulary(evidence) } else { None };
    personal.or_else(by_form).or_else(by_vocabulary)
}

/// What the values say, if they have a form of personal data.
pub(super) fn personal(evidence: &Evidence) -> Option<Verdict> {
    evidence.first(STRONG).or_else(|| evidence.first(WEAK))
}

/// What the values say with a form that other things have as well, with medium confidence.
pub(super) fn weak(evidence: &Evidence) -> Option<Verdict> {
    evidence.first(WEAK).filter(|verdict| verdict.confidence > Low)
}

/// Whether some values are numbers of mobile phones, which people have and places rarely.
pub(super) fn has_mobiles(evidence: &Evidence) -> bool {
    evidence.share(Mobile) >= 0.2
}

/// Values that only say yes or no: about something personal, and not it.
pub(super) fn flags(evidence: &Evidence) -> Option<Verdict> {
    let flags =
        evidence.seen >= ENOUGH && evidence.share(Flag) >= ALL && evidence.distinct.len() <= 3;
    let reason = format!("{} only say yes or no", evidence.describe(Flag));
    flags.then(|| Verdict::new(Finding::Harmless, Medium, reason))
}

/// Values that have a harmless form.
pub(super) fn harmless_form(evidence: &Evidence) -> Option<Verdict> {
    if evidence.seen < ENOUGH {
        return None;
    }
    let (form, plural) = HARMLESS.iter().find(|(form, _)| evidence.share(*form) >= ALL)?;
    // Numbers of one length are numbers of something: the end of a card's, the code of a door.
    if *form == Number && are_digits_of_one_length(evidence) && are_many(evidence) {
        return None;
    }
    let personal = evidence.share(PersonalJson) > 0.0 || evidence.share(EarlyDate) > 0.02;
    let reason = format!("{} look like {plural}", evidence.describe(*form));
    (!personal).then(|| Verdict::new(Finding::Harmless, Low, reason))
}

/// Whether the values are numbers of one length, of four digits or more.
pub(super) fn are_digits_of_one_length(evidence: &Evidence) -> bool {
    evidence.share(Number) >= ALL && evidence.have_one_length()
}

/// Whether the values are dates.
pub(super) fn are_dates(evidence: &Evidence) -> bool {
    evidence.share(Date) >= ALL
}

/// Whether there are more different values than a closed vocabulary has.
pub(super) fn are_many(evidence: &Evidence) -> bool {
    evidence.distinct.len() > evidence.vocabulary()
}

/// Few different words, as states and kinds of things have them. Numbers, marks, and codes of one or two characters can be
/// an attribute of a person, and words for one have a form of their own.
pub(super) fn words(evidence: &Evidence) -> Option<Verdict> {
    const SHORTEST: usize = 2;
    let enough = evidence.seen >= ENOUGH && evidence.distinct.len() >= 2;
    let wordy = evidence
        .lengths
        .is_some_and(|(shortest, longest)| shortest >= SHORTEST && longest > SHORTEST);
    let forms = [Number, Flag, Sex, Trait, BloodType, Illness, KoreanName, EnglishName];
    let plain = forms.iter().all(|form| evidence.share(*form) == 0.0);
    (enough && wordy && plain && evidence.long == 0 && !are_many(evidence)).then(|| {
        let reason = format!("few different words in a sample of {}", evidence.seen);
        Verdict::new(Finding::Harmless, Low, reason)
    })
}

/// Whether enough values were seen for what is common to them to count.
pub(super) fn are_enough(evidence: &Evidence) -> bool {
    evidence.seen >= ENOUGH
}

/// Whether nearly no value occurs twice, as in numbers of rows, of orders and of bills.
pub(super) fn are_all_different(evidence: &Evidence) -> bool {
    const NEARLY: f64 = 0.95;
    evidence.distinct.len() as f64 >= NEARLY * f64::from(evidence.compared)
}

/// How many different values there are, as far as that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variety {
    /// One or two, as a mark has.
    Two,
    /// Up to five, as kinds and states have.
    Few,
    /// As many as a list to choose from has.
    Chosen,
    /// More.
    Many,
}

/// How many different values there are.
pub(super) fn variety(evidence: &Evidence) -> Variety {
    match evidence.distinct.len() {
        ..=2 => Variety::Two,
        3..=5 => Variety::Few,
        _ if are_many(evidence) => Variety::Many,
        _ => Variety::Chosen,
    }
}

/// Whether all values are numbers.
pub(super) fn are_numbers(evidence: &Evidence) -> bool {
    evidence.share(Number) >= ALL
}

/// Whether all values are addresses of pages or paths of files.
pub(super) fn are_links(evidence: &Evidence) -> bool {
    evidence.share(Url) >= ALL || evidence.share(Path) >= ALL
}

/// Whether all values are codes of capital letters and digits that are neither numbers nor marks.
pub(super) fn are_codes(evidence: &Evidence) -> bool {
    evidence.share(Code) >= ALL && !are_numbers(evidence) && evidence.share(Flag) < ALL
}

/// Values of a closed vocabulary, or codes.
fn harmless_vocabulary(evidence: &Evidence) -> Option<Verdict> {
    if evidence.seen < ENOUGH {
        return None;
    }
    if !are_many(evidence) && evidence.long == 0 {
        let reason = format!("few different values in a sample of {}", evidence.seen);
        return Some(Verdict::new(Finding::Harmless, Medium, reason));
    }
    let codes = evidence.share(Code) >= ALL && !are_digits_of_one_length(evidence);
    let reason = format!("{} look like codes", evidence.describe(Code));
    codes.then(|| Verdict::new(Finding::Harmless, Low, reason))
}
