//! Suggests a class of personal data from a column's name and type. Recognises
//! English words and Korean words, in Hangul or romanised.
//!
//! Wrong suggestions have different costs: a harmless column suggested as personal
//! is masked until someone corrects it, but a personal column suggested as harmless
//! is readable by everyone. So only obviously harmless columns are suggested as such.

use crate::types::BigQueryType;

/// What a column seems to contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// Personal data of a known kind.
    Personal(PersonalDataKind),
    /// No personal data.
    Harmless,
    /// Unknown: it may contain anything.
    Unsure,
}

/// Kinds of personal data that column names distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PersonalDataKind {
    Email,
    Phone,
    Identity,
    Account,
    Birth,
    /// The address of a device, which identifies its user.
    Network,
    Address,
    Name,
    /// Age, sex, health, belief, income: personal, but without a usual class.
    Sensitive,
    Secret,
}

impl PersonalDataKind {
    /// Whether the values can be listed, so that some masks do not hide them
    /// ([`Mask::is_computable`](crate::config::Mask::is_computable)).
    pub(super) fn has_small_domain(self) -> bool {
        self != PersonalDataKind::Email
    }

    /// Usual names of a class for this kind, the most likely first.
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

/// Words that indicate a kind, anywhere in the name. The first matching kind wins:
/// `email_address` is an e-mail address, not an address.
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

/// Last words of text columns with a closed vocabulary, which cannot identify a person.
const HARMLESS_TEXT: &[&str] = &[
    "status", "currency", "country", "locale", "language", "lang", "kind", "type", "category",
    "channel", "slug", "sku", "timezone", "platform", "tier", "unit",
];

/// What the column seems to contain.
pub(super) fn hint(name: &str, source_type: &str, bigquery_type: BigQueryType) -> Hint {
    let words = words(name);
    let source_type = source_type.to_ascii_lowercase();
    let is_key = is_key(&words, &source_type, bigquery_type);

    let is_not_text = matches!(bigquery_type, BigQueryType::Bool | BigQueryType::Timestamp)
        || source_type.starts_with("timestamp");

    for (kind, triggers) in WORDS {
        let hit = triggers.iter().any(|trigger| hits(trigger, &words));
        // `account_id bigint` refers to a row; `passport_id bigint` is a passport.
        let refers =
            is_key && !matches!(kind, PersonalDataKind::Identity | PersonalDataKind::Secret);
        // The time when an e-mail was sent is harmless; the time of a birth is not.
        let applies =
            !is_not_text || matches!(kind, PersonalDataKind::Birth | PersonalDataKind::Sensitive);
        if hit && applies && !refers {
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
        // The type does not tell a date in a person's life from any other date.
        BigQueryType::Date => is_date_of_business(&words),
        BigQueryType::String => exported_as_text(&source_type, &words),
        BigQueryType::Bytes | BigQueryType::Json => false,
    };
    let harmless_word = bigquery_type == BigQueryType::String
        && words.last().is_some_and(|last| HARMLESS_TEXT.contains(&last.as_str()));
    if is_key || harmless_type || harmless_word { Hint::Harmless } else { Hint::Unsure }
}

/// Whether a PostgreSQL type is exported by RDS as text although its values are not text.
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

/// Whether the column is a surrogate key: its name ends in `id` or `uuid`, and its type
/// is an integer or UUID.
fn is_key(words: &[String], source_type: &str, bigquery_type: BigQueryType) -> bool {
    let named = matches!(words.last().map(String::as_str), Some("id" | "uuid"));
    named && (bigquery_type == BigQueryType::Int64 || source_type == "uuid")
}

/// Korean compounds are written as one word, so Hangul triggers match anywhere in a
/// word; other triggers match whole words only.
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
