//! Which class of personal data a column's name and type suggest. Names are
//! read in English and in Korean, in Hangul or romanised.
//!
//! Wrong guesses cost differently: a harmless column guessed to be personal is
//! masked until someone says otherwise, a personal one guessed to be harmless
//! is read by everyone. So only the obvious is called harmless.

use crate::types::BigQueryType;

/// What a column seems to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// Personal data of a known kind.
    Personal(PersonalDataKind),
    /// Nothing that points at a person.
    Harmless,
    /// Anything.
    Unsure,
}

/// Kinds of personal data that names tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PersonalDataKind {
    Email,
    Phone,
    Identity,
    Account,
    Birth,
    /// Of a machine, which points at whoever sat before it.
    Network,
    Address,
    Name,
    /// Age, sex, health, belief, income: personal, but no usual class.
    Sensitive,
    Secret,
}

impl PersonalDataKind {
    /// What a class for this kind is usually called, the likeliest first.
    pub(super) fn class_names(self) -> &'static [&'static str] {
        match self {
            PersonalDataKind::Email => &["email", "e_mail", "mail", "contact"],
            PersonalDataKind::Phone => &["phone", "tel", "telephone", "mobile", "contact"],
            PersonalDataKind::Identity => {
                &["identity", "id_document", "national_id", "passport", "ssn", "government_id"]
            }
            PersonalDataKind::Account => {
                &["account", "bank_account", "bank", "card", "financial", "payment"]
            }
            PersonalDataKind::Birth => &["birth", "birth_date", "birthday", "dob"],
            PersonalDataKind::Network => &["ip", "ip_address", "network", "address"],
            PersonalDataKind::Address => &["address", "location", "contact"],
            PersonalDataKind::Name => &["name", "person_name", "full_name"],
            PersonalDataKind::Sensitive | PersonalDataKind::Secret => &["sensitive"],
        }
    }
}

/// Words that give a kind away, wherever in the name they stand; the kinds in
/// order, since `email_address` is an e-mail and `birth_name` a name… of a
/// person either way.
const WORDS: &[(PersonalDataKind, &[&str])] = &[
    (
        PersonalDataKind::Secret,
        &[
            "password",
            "passwd",
            "pwd",
            "secret",
            "token",
            "otp",
            "pin",
            "hash",
            "salt",
            "bimil",
            "비밀번호",
        ],
    ),
    (PersonalDataKind::Email, &["email", "emails", "mail", "imeil", "이메일", "메일"]),
    (
        PersonalDataKind::Phone,
        &[
            "phone",
            "phones",
            "tel",
            "telephone",
            "mobile",
            "cell",
            "cellphone",
            "fax",
            "handphone",
            "hp",
            "jeonhwa",
            "junhwa",
            "hyudae",
            "hyudaepon",
            "haendeupon",
            "yeollakcheo",
            "msisdn",
            "kakao",
            "whatsapp",
            "전화",
            "휴대",
            "핸드폰",
            "연락처",
        ],
    ),
    (
        PersonalDataKind::Identity,
        &[
            "passport",
            "ssn",
            "sin",
            "nin",
            "resident",
            "rrn",
            "jumin",
            "yeogwon",
            "license",
            "licence",
            "myeonheo",
            "visa",
            "tax",
            "vat",
            "saeopja",
            "national",
            "여권",
            "주민",
            "면허",
            "사업자",
        ],
    ),
    (
        PersonalDataKind::Account,
        &[
            "account", "accounts", "acct", "iban", "bic", "swift", "card", "cvc", "cvv", "pan",
            "gyejwa", "gyeja", "kyejwa", "tongjang", "kadeu", "계좌", "카드", "통장",
        ],
    ),
    (
        PersonalDataKind::Birth,
        &[
            "birth",
            "birthday",
            "birthdate",
            "dob",
            "born",
            "saengil",
            "saengnyeon",
            "saengnyeonwolil",
            "생일",
            "생년",
        ],
    ),
    (PersonalDataKind::Network, &["ip", "ipaddr", "inet", "mac"]),
    (
        PersonalDataKind::Address,
        &[
            "address",
            "addresses",
            "addr",
            "street",
            "postcode",
            "postal",
            "zip",
            "zipcode",
            "lat",
            "latitude",
            "lng",
            "lon",
            "longitude",
            "geo",
            "juso",
            "upyeon",
            "주소",
            "우편",
        ],
    ),
    (
        PersonalDataKind::Name,
        &[
            "name",
            "names",
            "firstname",
            "lastname",
            "fullname",
            "surname",
            "forename",
            "givenname",
            "familyname",
            "nickname",
            "username",
            "login",
            "holder",
            "recipient",
            "contact",
            "ireum",
            "irum",
            "seongmyeong",
            "sungmyung",
            "seongham",
            "byeolmyeong",
            "yegeumju",
            "이름",
            "성명",
            "예금주",
        ],
    ),
    (
        PersonalDataKind::Sensitive,
        &[
            "age",
            "gender",
            "sex",
            "salary",
            "income",
            "religion",
            "nationality",
            "health",
            "disability",
            "blood",
            "marital",
            "ethnicity",
            "nai",
            "seongbyeol",
            "나이",
            "성별",
            "국적",
        ],
    ),
];

/// Text that cannot point at a person: closed vocabularies of a business.
const HARMLESS_TEXT: &[&str] = &[
    "status", "currency", "country", "locale", "language", "lang", "kind", "type", "category",
    "channel", "slug", "sku", "timezone", "platform", "tier", "unit",
];

/// What the column seems to hold.
pub(super) fn hint(name: &str, source_type: &str, bigquery_type: BigQueryType) -> Hint {
    let words = words(name);
    let source_type = source_type.to_ascii_lowercase();
    let is_key = is_key(&words, &source_type, bigquery_type);

    let holds_no_text = matches!(bigquery_type, BigQueryType::Bool | BigQueryType::Timestamp)
        || source_type.starts_with("timestamp");

    for (kind, triggers) in WORDS {
        let hit = triggers.iter().any(|trigger| hits(trigger, &words));
        // `account_id bigint` refers to a row; `passport_id bigint` is a passport.
        let refers =
            is_key && !matches!(kind, PersonalDataKind::Identity | PersonalDataKind::Secret);
        // When an e-mail was sent is no e-mail; when one was born is.
        let is_told =
            !holds_no_text || matches!(kind, PersonalDataKind::Birth | PersonalDataKind::Sensitive);
        if hit && is_told && !refers {
            return Hint::Personal(*kind);
        }
    }
    let harmless_type = match bigquery_type {
        BigQueryType::Bool
        | BigQueryType::Int64
        | BigQueryType::Float64
        | BigQueryType::Numeric
        | BigQueryType::BigNumeric
        | BigQueryType::Time
        | BigQueryType::Timestamp
        | BigQueryType::DateTime => true,
        // A date of one's own life looks like any other.
        BigQueryType::Date => is_date_of_business(&words),
        BigQueryType::String => exported_as_text(&source_type, &words),
        BigQueryType::Bytes | BigQueryType::Json => false,
    };
    let harmless_word = bigquery_type == BigQueryType::String
        && words.last().is_some_and(|last| HARMLESS_TEXT.contains(&last.as_str()));
    if is_key || harmless_type || harmless_word { Hint::Harmless } else { Hint::Unsure }
}

/// PostgreSQL's types that RDS exports as text but that hold none.
fn exported_as_text(source_type: &str, words: &[String]) -> bool {
    if source_type == "date" {
        return is_date_of_business(words);
    }
    ["timestamp", "time ", "numeric", "decimal", "money", "interval"]
        .iter()
        .any(|harmless| source_type.starts_with(harmless))
        || matches!(source_type, "time" | "uuid" | "pg_lsn")
}

fn is_date_of_business(words: &[String]) -> bool {
    matches!(
        words.last().map(String::as_str),
        Some("at" | "on" | "day" | "month" | "date" | "from" | "until")
    )
}

/// Whether the column is a surrogate key: named an id, and of a type that
/// holds nothing else.
fn is_key(words: &[String], source_type: &str, bigquery_type: BigQueryType) -> bool {
    let named = matches!(words.last().map(String::as_str), Some("id" | "uuid"));
    named && (bigquery_type == BigQueryType::Int64 || source_type == "uuid")
}

/// Korean compounds are written together, so Hangul triggers hit anywhere in a
/// word; others only as a whole word.
fn hits(trigger: &str, words: &[String]) -> bool {
    if trigger.is_ascii() {
        words.iter().any(|word| word == trigger)
    } else {
        words.iter().any(|word| word.contains(trigger))
    }
}

/// The words of a name, lower-case: `billingEmail2` → `billing`, `email`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut after_lower = false;
    for c in name.chars() {
        let begins_next = !c.is_alphabetic() || (c.is_uppercase() && after_lower);
        if begins_next && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
