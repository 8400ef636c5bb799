//! The forms of single values. Each function says whether a whole text has the form.
//!
//! Sources: RFC 5321 (e-mail), ITU-T E.164 (phone numbers), ISO/IEC 7812-1 (card numbers), ISO 13616
//! (IBAN), Korean Resident Registration Act, Enforcement Rule, Art. 2 (resident registration numbers;
//! since October 2020 the last digits are random), National Tax Service (business registration
//! numbers), 3GPP TS 23.003 (IMEI), ICD-10 (diagnosis codes).

use std::{
    collections::HashMap,
    net::{Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use super::{
    super::vocabulary::{Words, section_of},
    WORDS,
};

/// Words for streets and parts of buildings in English addresses.
static STREETS: Words = LazyLock::new(|| section_of(WORDS, "streets"));
/// Diseases, drugs and treatments by their first letters: every value is searched for all of them.
static ILLNESS: LazyLock<HashMap<char, Vec<&str>>> = LazyLock::new(|| {
    let mut by_letter: HashMap<char, Vec<&str>> = HashMap::new();
    for word in section_of(WORDS, "illness") {
        by_letter.entry(word.chars().next().unwrap_or_default()).or_default().push(word);
    }
    by_letter
});
/// Values that describe a person: belief, marital state, education, type of personality.
static TRAITS: Words = LazyLock::new(|| section_of(WORDS, "traits"));

pub(super) fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

/// Whether the text consists of digits and of the given other characters.
fn only_digits_and(text: &str, others: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || others.contains(c))
}

/// Whether digits stand in groups of these lengths, separated by hyphens: `010-1234-5678`.
fn grouped(text: &str, lengths: &[&[usize]]) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let numeric = groups.iter().all(|group| !group.is_empty() && only_digits_and(group, ""));
    let fits =
        |lengths: &&[usize]| groups.iter().map(|group| group.len()).eq(lengths.iter().copied());
    numeric && lengths.iter().any(fits)
}

pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let in_local = |c: char| c.is_alphanumeric() || "._%+-'*".contains(c);
    let in_domain = |c: char| c.is_alphanumeric() || ".-".contains(c);
    let ending = domain.rsplit('.').next().unwrap_or_default();
    !local.is_empty()
        && local.chars().all(in_local)
        && domain.contains('.')
        && domain.chars().all(in_domain)
        && ending.chars().count() >= 2
        && ending.chars().all(char::is_alphabetic)
}

/// A phone number that is written as one: with a country code, or in groups.
pub(super) fn is_phone(text: &str) -> bool {
    let digits = digits(text);
    if !only_digits_and(text, "+-(). x") || !(8..=15).contains(&digits.len()) {
        return false;
    }
    if text.starts_with('+') {
        return true;
    }
    let hyphens = text.replace(['.', ' '], "-").replace(['(', ')'], "");
    let korean = digits[0] == 0
        && grouped(&hyphens, &[&[3, 4, 4], &[3, 3, 4], &[2, 4, 4], &[2, 3, 4], &[4, 4, 4]]);
    let american = digits.len() == 10 && digits[0] > 1 && grouped(&hyphens, &[&[3, 3, 4]]);
    let american_long = digits.len() == 11 && digits[0] == 1 && grouped(&hyphens, &[&[1, 3, 3, 4]]);
    korean || american || american_long || is_mobile_digits(text)
}

/// A Korean mobile number without separators. The leading zero is lost in a column of numbers.
pub(super) fn is_mobile_digits(text: &str) -> bool {
    let zero = text.len() == 11 && text.starts_with("010");
    let no_zero = text.len() == 10 && text.starts_with("10");
    (zero || no_zero) && only_digits_and(text, "")
}

/// A Korean mobile number, in groups or not.
pub(super) fn is_mobile(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    is_mobile_digits(&digits) && only_digits_and(text, "+-(). ")
}

/// A Korean resident or foreigner registration number, whole or with the last digits hidden.
pub(super) fn is_resident_number(text: &str) -> bool {
    let compact: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    if compact.len() != 13 || !compact.is_ascii() {
        return false;
    }
    let (birth, rest) = compact.split_at(6);
    let hidden = rest[1..].chars().all(|c| c.is_ascii_digit() || c == '*');
    is_short_date(birth) && hidden && rest.starts_with(|c: char| ('1'..='8').contains(&c))
}

/// A number that [`is_resident_number`] accepts, and whose first digit after the birth date is one of
/// those that foreigners get (5 to 8).
pub(super) fn is_foreigner_number(text: &str) -> bool {
    let seventh = text.chars().filter(|c| !matches!(c, '-' | ' ')).nth(6);
    is_resident_number(text) && seventh.is_some_and(|digit| ('5'..='8').contains(&digit))
}

/// A date of two digits each: year, month, day.
pub(super) fn is_short_date(text: &str) -> bool {
    let digits = digits(text);
    if text.len() != 6 || digits.len() != 6 {
        return false;
    }
    let month = digits[2] * 10 + digits[3];
    let day = digits[4] * 10 + digits[5];
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

fn luhn(digits: &[u32]) -> bool {
    let doubled = digits.iter().rev().enumerate().map(|(at, digit)| match at % 2 {
        0 => *digit,
        _ if *digit > 4 => digit * 2 - 9,
        _ => digit * 2,
    });
    doubled.sum::<u32>() % 10 == 0
}

pub(super) fn is_card(text: &str) -> bool {
    let digits = digits(text);
    let separated = only_digits_and(text, "- ");
    let issuer = matches!(digits.first(), Some(2..=6 | 9));
    let hidden =
        text.contains('*') && only_digits_and(text, "-* ") && text.len() >= 15 && digits.len() >= 4;
    hidden || (separated && issuer && (14..=19).contains(&digits.len()) && luhn(&digits))
}

/// A number that identifies a mobile device: 15 digits with a check digit.
pub(super) fn is_imei(text: &str) -> bool {
    text.len() == 15 && only_digits_and(text, "") && luhn(&digits(text))
}

pub(super) fn is_iban(text: &str) -> bool {
    let compact: String = text.chars().filter(|c| *c != ' ').collect();
    if !(15..=34).contains(&compact.len())
        || !compact.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    {
        return false;
    }
    let (head, tail) = compact.split_at(4);
    let country = head[..2].chars().all(|c| c.is_ascii_uppercase());
    let remainder = tail.chars().chain(head.chars()).fold(0_u32, |remainder, c| {
        let value = c.to_digit(36).unwrap_or(0);
        if value < 10 { (remainder * 10 + value) % 97 } else { (remainder * 100 + value) % 97 }
    });
    country && remainder == 1
}

/// A social security number of the United States, as it is written.
pub(super) fn is_ssn(text: &str) -> bool {
    grouped(text, &[&[3, 2, 4]]) && !text.starts_with("000") && !text.starts_with("666")
}

/// A Korean business registration number, as it is written.
pub(super) fn is_business_number(text: &str) -> bool {
    let digits = digits(text);
    if !grouped(text, &[&[3, 2, 5]]) {
        return false;
    }
    let weights = [1, 3, 7, 1, 3, 7, 1, 3, 5];
    let sum: u32 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
    (10 - (sum + digits[8] * 5 / 10) % 10) % 10 == digits[9]
}

/// A Korean passport number, old or new.
pub(super) fn is_passport(text: &str) -> bool {
    let mut chars = text.chars();
    let kind = chars.next().is_some_and(|c| "MSRODGPTC".contains(c));
    let rest: Vec<char> = chars.collect();
    let new = rest.len() == 8
        && rest[3].is_ascii_uppercase()
        && rest.iter().filter(|c| c.is_ascii_digit()).count() == 7;
    let old = rest.len() == 8 && rest.iter().all(char::is_ascii_digit);
    kind && (new || old)
}

/// A Korean driving licence number: region, year, serial number, check digits.
pub(super) fn is_licence(text: &str) -> bool {
    let (region, rest) = text.split_once('-').unwrap_or((text, ""));
    let named = region.chars().count() == 2 && region.chars().all(|c| ('가'..='힣').contains(&c));
    grouped(text, &[&[2, 2, 6, 2]]) || (named && grouped(rest, &[&[2, 6, 2]]))
}

/// A Korean bank account number, as it is written.
pub(super) fn is_account(text: &str) -> bool {
    let groups = text.split('-').count();
    only_digits_and(text, "-")
        && (3..=4).contains(&groups)
        && (10..=14).contains(&digits(text).len())
        && !is_phone(text)
}

pub(super) fn is_ip(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    let v4 = host
        .parse::<Ipv4Addr>()
        .is_ok_and(|address| address.octets()[0] > 9 || address.octets()[0] == 8);
    v4 || (host.parse::<Ipv6Addr>().is_ok() && host.len() > 4)
}

pub(super) fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    parts.len() == 6
        && parts.iter().all(|part| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit()))
}

/// What a browser says of itself.
pub(super) fn is_user_agent(text: &str) -> bool {
    text.starts_with("Mozilla/") || text.contains(" (Linux; Android") || text.contains("CFNetwork/")
}

/// The hash of a password, or a signed token.
pub(super) fn is_secret(text: &str) -> bool {
    let hash =
        ["$2a$", "$2b$", "$2y$", "$argon2", "$5$", "$6$", "pbkdf2_", "{bcrypt}", "$P$", "scrypt:"];
    let key =
        ["sk_live_", "sk_test_", "pk_live_", "ghp_", "AKIA", "xoxb-", "xoxp-", "AIza", "glpat-"];
    let token = text.starts_with("eyJ") && text.split('.').count() == 3;
    hash.iter().chain(&key).any(|prefix| text.starts_with(prefix)) || token
}

/// A long text of mixed letters and digits without a meaning that a reader sees.
pub(super) fn is_random(text: &str) -> bool {
    let has = |test: fn(&char) -> bool| text.chars().any(|c| test(&c));
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_+/=".contains(c));
    let hex = matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128)
        && text.chars().all(|c| c.is_ascii_hexdigit());
    let mixed = text.len() >= 20
        && has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit);
    hex || (plain && mixed)
}

/// An address as it is written in Korea: at least two parts of one, and a number.
pub(super) fn is_korean_address(text: &str) -> bool {
    const ENDINGS: [char; 11] = ['시', '도', '구', '군', '읍', '면', '동', '로', '길', '리', '가'];
    let parts: Vec<&str> = text.split_whitespace().collect();
    let of_address = |part: &&&str| {
        part.chars().count() > 1
            && part.trim_end_matches(|c: char| c.is_ascii_digit() || c == ',').ends_with(ENDINGS)
    };
    let number = parts.iter().any(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    parts.len() >= 2 && parts.len() <= 12 && number && parts.iter().filter(of_address).count() >= 2
}

/// An address as it is written in the United States: a number, a street, its kind.
pub(super) fn is_english_address(text: &str) -> bool {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| c.is_whitespace() || c == ',' || c == '.')
        .filter(|word| !word.is_empty())
        .collect();
    let number = words
        .first()
        .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.len() < 7);
    number
        && (3..=14).contains(&words.len())
        && words[1..].iter().any(|word| STREETS.contains(word))
}

/// A pair of latitude and longitude, or a point in well-known text.
pub(super) fn is_position(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let inner = lower
        .trim_start_matches("srid=4326;")
        .trim_start_matches("point")
        .trim_matches(|c: char| "() ".contains(c));
    let parts: Vec<&str> = inner.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    let [first, second] = parts.as_slice() else { return false };
    is_coordinate(first) && is_coordinate(second)
}

/// A decimal between -180 and 180 with at least four digits after the point.
pub(super) fn is_coordinate(text: &str) -> bool {
    let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    fraction >= 4 && text.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= 180.0)
}

/// A coordinate of a place where many people live. Rates from 0 to 1 or to 100 have as many digits,
/// and most of them lie elsewhere.
pub(super) fn is_inhabited(text: &str) -> bool {
    let degrees = text.parse::<f64>().unwrap_or_default();
    let latitude = (24.0..=60.0).contains(&degrees) || (-45.0..=-5.0).contains(&degrees);
    let longitude = (100.0..=154.0).contains(&degrees) || (-125.0..=-65.0).contains(&degrees);
    is_coordinate(text) && (latitude || longitude)
}

/// The year of a date, written as `1990-03-01`, `1990.03.01` or `19900301`.
pub(super) fn year_of_date(text: &str) -> Option<u32> {
    let day = text.get(..10).filter(|_| text.len() <= 25).unwrap_or(text);
    let compact: String = day.chars().filter(|c| !matches!(c, '-' | '.' | '/')).collect();
    let valid = compact.len() == 8 && compact.is_ascii() && is_short_date(&compact[2..]);
    compact.get(..4).filter(|_| valid)?.parse().ok().filter(|year| (1900..=2100).contains(year))
}

/// A code of the international classification of diseases.
pub(super) fn is_diagnosis_code(text: &str) -> bool {
    let (category, detail) = text.split_once('.').unwrap_or((text, ""));
    let mut chars = category.chars();
    chars.next().is_some_and(|c| c.is_ascii_uppercase())
        && category.len() == 3
        && chars.all(|c| c.is_ascii_digit())
        && detail.len() <= 4
        && detail.chars().all(|c| c.is_ascii_alphanumeric())
}

pub(super) fn is_blood_type(text: &str) -> bool {
    let upper = text.to_uppercase();
    let group = upper.trim_start_matches("RH").trim_matches(|c: char| "+-형 ".contains(c));
    matches!(group, "A" | "B" | "AB" | "O")
}

pub(super) fn is_sex(text: &str) -> bool {
    let lower = text.to_lowercase();
    matches!(
        lower.as_str(),
        "m" | "f"
            | "male"
            | "female"
            | "남"
            | "여"
            | "남자"
            | "여자"
            | "남성"
            | "여성"
            | "man"
            | "woman"
            | "other"
            | "x"
            | "nonbinary"
            | "non-binary"
    )
}

/// Whether the text names a disease, a drug or a treatment.
pub(super) fn names_illness(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.char_indices().any(|(at, first)| {
        let words = ILLNESS.get(&first).map_or(&[][..], Vec::as_slice);
        words.iter().any(|word| lower[at..].starts_with(word))
    })
}

/// Whether the text is a value of an attribute that people have.
pub(super) fn is_trait(text: &str) -> bool {
    TRAITS.contains(text.to_lowercase().as_str())
}

/// Whether the text is several words as people write them.
pub(super) fn is_sentence(text: &str) -> bool {
    const CODE: [&str; 9] =
        ["{", "[", "-----BEGIN", "SELECT ", "INSERT ", "CREATE ", "ALTER ", "UPDATE ", "DELETE "];
    if CODE.iter().any(|start| text.starts_with(start)) {
        return false;
    }
    let words = text.split_whitespace().count();
    let hangul = text.chars().filter(|c| ('가'..='힣').contains(c)).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    (words >= 5 || (words >= 3 && hangul >= 8)) && letters * 2 > text.chars().count()
}

/// Whether an e-mail address, a mobile number or a resident number is inside the text.
pub(super) fn contains_contact(text: &str) -> bool {
    let particles = |c: char| ".:!?은는이가을를로의에게".contains(c);
    text.split(|c: char| c.is_whitespace() || ",;()<>\"'[]{}".contains(c))
        .map(|part| part.trim_matches(particles))
        .any(|part| {
            // Without a hyphen, barcodes and times in milliseconds look the same.
            let resident = part.len() == 14 && part.contains('-') && is_resident_number(part);
            let phone =
                part.len() >= 10 && (part.contains('-') || part.starts_with('+')) && is_phone(part);
            is_email(part) || resident || phone
        })
}

pub(super) fn is_number(text: &str) -> bool {
    text.len() <= 24
        && text.parse::<f64>().is_ok_and(f64::is_finite)
        && text.ends_with(|c: char| c.is_ascii_digit())
}

pub(super) fn is_url(text: &str) -> bool {
    ["http://", "https://", "s3://", "gs://", "ftp://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

pub(super) fn is_path(text: &str) -> bool {
    !text.contains(' ')
        && (text.starts_with('/') || text.starts_with("./") || text.matches('/').count() > 1)
}

pub(super) fn is_version(text: &str) -> bool {
    text.contains('.') && only_digits_and(text.trim_start_matches('v'), ".")
}

/// Upper-case letters, digits and separators, with a digit or alone: `ORD-2024-0001`, `KRW`.
pub(super) fn is_code(text: &str) -> bool {
    // Long numbers may be of a person, a card or an account.
    if only_digits_and(text, "-") && digits(text).len() > 8 {
        return false;
    }
    let plain =
        text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || "-_/.:".contains(c));
    plain && text.len() <= 40 && text.chars().any(|c| c.is_ascii_alphanumeric())
}

pub(super) fn is_flag(text: &str) -> bool {
    let lower = text.to_lowercase();
    matches!(
        lower.as_str(),
        "y" | "n" | "yes" | "no" | "true" | "false" | "t" | "f" | "0" | "1" | "예" | "아니오"
    )
}

/// Lower-case letters with a digit, dot or underscore, as people choose them for an account.
pub(super) fn is_login(text: &str) -> bool {
    let plain =
        text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c));
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
    let chosen = text.chars().any(|c| c.is_ascii_digit() || "._".contains(c));
    (4..=20).contains(&text.len()) && plain && begins && chosen
}

/// A word of letters and digits with a special character, as people choose it for a password.
pub(super) fn is_password(text: &str) -> bool {
    let has = |test: fn(&char) -> bool| text.chars().any(|c| test(&c));
    (6..=20).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_graphic())
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit)
        && text.contains(['!', '@', '#', '$', '%', '^', '&', '*', '?', '~'])
        && !text.contains(['/', '=', '<', '{', '(', '.', ':'])
}

/// A Korean number plate: `12가 3456`.
pub(super) fn is_plate(text: &str) -> bool {
    let compact: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
    let Some(at) = compact.iter().position(|c| ('가'..='힣').contains(c)) else { return false };
    let digits = |part: &[char]| part.iter().all(char::is_ascii_digit);
    (2..=3).contains(&at)
        && compact.len() == at + 5
        && digits(&compact[..at])
        && digits(&compact[at + 1..])
}
