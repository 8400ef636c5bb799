//! Numbers that an office, a bank or a maker gives out, with the check digits that they have.

use super::Rng;

/// Numbers of persons, businesses, cards and accounts.
pub(super) fn value(name: &str, rng: &mut Rng) -> Option<String> {
    Some(match name {
        "rrn" => resident_number(rng, true),
        "rrn_plain" => resident_number(rng, false),
        "rrn_masked" => format!("{}-{}******", six_digit_birth(rng, 50, 99), rng.between(1, 2)),
        "foreigner_no" => foreigner_number(rng),
        "passport" => format!("{}{}", rng.pick(&["M", "M", "S", "R"]), passport_tail(rng)),
        "passport_intl" => passport_intl(rng),
        "kr_licence" => kr_licence(rng),
        "us_licence" => format!("{}{}", rng.letters("ABCDEFGHJKLMNPRSTVWXYZ", 1), rng.digits(7)),
        "plate_kr" => plate(rng),
        "bizno" => business_number(rng, true),
        "bizno_plain" => business_number(rng, false),
        "corpno" => format!("{}-{}", rng.between(110_111, 285_999), rng.digits(7)),
        "vat" => format!("{}{}", rng.pick(&["DE", "IT", "PL"]), rng.digits(9)),
        "ein" => format!("{}-{}", rng.between(10, 88), rng.digits(7)),
        "ssn" => social_security_number(rng),
        "card" => card(rng),
        "card_masked" => format!("{}-****-****-{}", rng.between(4000, 5599), rng.digits(4)),
        "card_expiry" => format!("{:02}/{}", rng.between(1, 12), rng.between(26, 33)),
        "kr_account" => kr_account(rng),
        "us_account" => {
            let length = usize::try_from(rng.between(9, 12)).unwrap_or(9);
            rng.digits(length)
        }
        "iban" => iban(rng),
        "connecting_info" => connecting_information(rng),
        "student_no" => format!("{}{}", rng.between(2015, 2026), rng.digits(5)),
        _ => return None,
    })
}

/// `YYMMDD` with a year from `first` to `last`.
fn six_digit_birth(rng: &mut Rng, first: i64, last: i64) -> String {
    format!("{:02}{:02}{:02}", rng.between(first, last), rng.between(1, 12), rng.between(1, 28))
}

/// A Korean resident registration number. Numbers issued before October 2020 end in a check
/// digit; in later numbers the last six digits are random.
fn resident_number(rng: &mut Rng, hyphen: bool) -> String {
    let after_2020 = rng.chance(6);
    let century = rng.below(100);
    let (birth, marker) = if after_2020 {
        (six_digit_birth(rng, 21, 26), rng.between(3, 4))
    } else if century < 80 {
        (six_digit_birth(rng, 45, 99), rng.between(1, 2))
    } else {
        (six_digit_birth(rng, 0, 19), rng.between(3, 4))
    };
    let body = format!("{birth}{marker}{}", rng.digits(5));
    let last = if after_2020 { rng.digits(1) } else { resident_check_digit(&body).to_string() };
    let number = format!("{body}{last}");
    if hyphen { format!("{}-{}", &number[..6], &number[6..]) } else { number }
}

/// The thirteenth digit of a resident registration number: eleven less the weighted sum modulo
/// eleven, modulo ten.
fn resident_check_digit(twelve: &str) -> u32 {
    let weights = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
    let sum: u32 = digits_of(twelve).zip(weights).map(|(digit, weight)| digit * weight).sum();
    (11 - sum % 11) % 10
}

/// The number of a foreigner's registration card: the seventh digit is 5 to 8, and the check
/// digit is the resident's plus two.
fn foreigner_number(rng: &mut Rng) -> String {
    let birth = six_digit_birth(rng, 55, 99);
    let body = format!("{birth}{}{}", rng.between(5, 6), rng.digits(5));
    let last = (resident_check_digit(&body) + 2) % 10;
    format!("{birth}-{}{last}", &body[6..])
}

/// Eight digits (old passports), or three digits, a letter and four digits (since 2021).
fn passport_tail(rng: &mut Rng) -> String {
    if rng.chance(50) {
        return rng.digits(8);
    }
    format!("{}{}{}", rng.digits(3), rng.letters("ABCDEFGHJKLMNPRSTUVWXY", 1), rng.digits(4))
}

fn passport_intl(rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => rng.digits(9),
        1 => format!("C{}", rng.letters("0123456789CFGHJKLMNPRTVWXYZ", 8)),
        _ => format!("{}{}", rng.letters("ABCDEFGHKLMNPRST", 2), rng.digits(7)),
    }
}

/// Region, year, serial, check: `11-98-123456-70`.
fn kr_licence(rng: &mut Rng) -> String {
    let region = rng.between(11, 28);
    format!("{region}-{:02}-{}-{}", rng.between(0, 25), rng.digits(6), rng.digits(2))
}

fn plate(rng: &mut Rng) -> String {
    let letter =
        *rng.pick(&["가", "나", "다", "라", "마", "거", "너", "더", "러", "허", "하", "호"]);
    format!("{}{letter}{}", rng.between(10, 699), rng.digits(4))
}

/// A Korean business registration number with its check digit.
fn business_number(rng: &mut Rng, hyphens: bool) -> String {
    let body = format!("{}{:02}{}", rng.between(101, 899), rng.between(1, 89), rng.digits(4));
    let weights = [1, 3, 7, 1, 3, 7, 1, 3, 5];
    let sum: u32 = digits_of(&body).zip(weights).map(|(digit, weight)| digit * weight).sum();
    let ninth = body[8..].parse::<u32>().expect("a digit");
    let number = format!("{body}{}", (10 - (sum + ninth * 5 / 10) % 10) % 10);
    if hyphens { format!("{}-{}-{}", &number[..3], &number[3..5], &number[5..]) } else { number }
}

/// A number whose three parts are in the ranges that the office issues.
fn social_security_number(rng: &mut Rng) -> String {
    let area = match rng.between(1, 898) {
        666 => 665,
        area => area,
    };
    let (group, serial) = (rng.between(1, 99), rng.between(1, 9999));
    let separator = if rng.chance(85) { "-" } else { "" };
    format!("{area:03}{separator}{group:02}{separator}{serial:04}")
}

/// A card number of 16 digits that starts as the schemes' test cards do, with its check digit.
fn card(rng: &mut Rng) -> String {
    let prefix = *rng.pick(&["411111", "424242", "555555", "520082", "400000", "943645"]);
    let body = format!("{prefix}{}", rng.digits(9));
    let number = format!("{body}{}", luhn_digit(&body));
    let separator = *rng.pick(&["-", " ", "", ""]);
    [&number[..4], &number[4..8], &number[8..12], &number[12..]].join(separator)
}

/// The digit that makes `body` and itself pass the Luhn check.
pub(super) fn luhn_digit(body: &str) -> u32 {
    let digits: Vec<u32> = digits_of(body).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2 == 0, digit * 2) {
            (true, double) if double > 9 => double - 9,
            (true, double) => double,
            (false, _) => digit,
        })
        .sum();
    (10 - sum % 10) % 10
}

/// Account numbers as Korean banks group them.
fn kr_account(rng: &mut Rng) -> String {
    const GROUPS: &[&[usize]] =
        &[&[6, 2, 6], &[3, 6, 5], &[4, 3, 6], &[3, 4, 4, 2], &[4, 2, 7], &[12], &[14]];
    let groups = *rng.pick(GROUPS);
    groups.iter().map(|&length| rng.digits(length)).collect::<Vec<_>>().join("-")
}

/// An IBAN of four countries with its two check digits (ISO 7064, modulo 97).
fn iban(rng: &mut Rng) -> String {
    let (country, account) = match rng.below(4) {
        0 => ("DE", rng.digits(18)),
        1 => ("GB", format!("WEST{}", rng.digits(14))),
        2 => ("NL", format!("ABNA{}", rng.digits(10))),
        _ => ("FR", rng.digits(23)),
    };
    let rest = format!("{account}{country}00").chars().fold(0, |rest, letter| {
        let number = letter.to_digit(36).expect("a letter or a digit");
        if number > 9 { (rest * 100 + number) % 97 } else { (rest * 10 + number) % 97 }
    });
    let number = format!("{country}{:02}{account}", 98 - rest);
    if rng.chance(70) {
        return number;
    }
    let letters: Vec<char> = number.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Connecting information (CI) or duplicate information (DI) of a Korean identity check: 64
/// bytes in Base64, derived from the resident registration number.
fn connecting_information(rng: &mut Rng) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    format!("{}==", rng.letters(alphabet, 86))
}

fn digits_of(text: &str) -> impl Iterator<Item = u32> + '_ {
    text.chars().map(|letter| letter.to_digit(10).expect("only digits"))
}
