//! Who a person is and where the person lives: names, contacts, addresses, birth.

use super::Rng;
use super::words::{
    CITIES, EN_FIRST, EN_LAST, KR_DISTRICTS, KR_GIVEN_FIRST, KR_GIVEN_LATIN, KR_GIVEN_SECOND,
    KR_PROVINCES, KR_SURNAMES, KR_SURNAMES_LATIN,
};

/// Names, contacts and birthday of a person.
pub(super) fn value(name: &str, rng: &mut Rng) -> Option<String> {
    Some(match name {
        "email" => email(rng),
        "email_kr" => email_kr(rng),
        "email_corp" => email_corp(rng),
        "email_array" => format!("{{{},{}}}", email(rng), email_corp(rng)),
        "kr_mobile" => kr_mobile(rng),
        "kr_mobile_plain" => format!("010{}{}", rng.between(2000, 9999), rng.digits(4)),
        "kr_landline" => kr_landline(rng),
        "intl_phone" => intl_phone(rng),
        "us_phone" => us_phone(rng),
        "kr_name" => kr_name(rng),
        "kr_name_masked" => kr_name_masked(rng),
        "kr_name_roman" => kr_name_roman(rng),
        "en_name" => format!("{} {}", rng.pick(EN_FIRST), rng.pick(EN_LAST)),
        "en_first" => (*rng.pick(EN_FIRST)).to_owned(),
        "en_last" => (*rng.pick(EN_LAST)).to_owned(),
        "en_name_last_first" => format!("{}, {}", rng.pick(EN_LAST), rng.pick(EN_FIRST)),
        "nickname" => nickname(rng),
        "nickname_kr" => nickname_kr(rng),
        "login" => login(rng),
        "certificate_dn" => {
            format!("cn={}()0083{},ou=personal,o=testsign,c=kr", kr_name(rng), rng.digits(12))
        }
        "birth_date" => birth(rng, "-"),
        "birth_yyyymmdd" => birth(rng, ""),
        "birth_dots" => birth(rng, "."),
        "birth_timestamp" => format!("{} 00:00:00", birth(rng, "-")),
        "yymmdd" => birth(rng, "")[2..].to_owned(),
        "birth_year" => rng.between(1940, 2012).to_string(),
        _ => return None,
    })
}

/// Addresses and places.
pub(super) fn place(name: &str, rng: &mut Rng) -> Option<String> {
    Some(match name {
        "kr_address" => format!("{}, {}", kr_address_base(rng), kr_address_detail(rng)),
        "kr_address_base" => kr_address_base(rng),
        "kr_address_detail" => kr_address_detail(rng),
        "us_address" => us_address(rng),
        "us_address_full" => format!(
            "{}, {}, {} {}",
            us_address(rng),
            rng.pick(CITIES),
            us_state(rng),
            rng.digits(5)
        ),
        "us_unit" => {
            let kind = *rng.pick(&["Apt", "Unit", "Suite", "#"]);
            format!("{kind} {}", rng.between(1, 980))
        }
        "us_state" => us_state(rng),
        "zip_us" => {
            let zip = rng.digits(5);
            if rng.chance(20) { format!("{zip}-{}", rng.digits(4)) } else { zip }
        }
        "zip_kr" => format!("{:05}", rng.between(1000, 63999)),
        "zip_kr_old" => format!("{}-{}", rng.between(100, 799), rng.digits(3)),
        "city" => (*rng.pick(CITIES)).to_owned(),
        "province_kr" => (*rng.pick(KR_PROVINCES)).to_owned(),
        "district_kr" => rng.pick(KR_DISTRICTS).1.to_owned(),
        _ => return None,
    })
}

/// A Korean name of two to four syllables.
pub(super) fn kr_name(rng: &mut Rng) -> String {
    let (surname, first) = (rng.pick(KR_SURNAMES), rng.pick(KR_GIVEN_FIRST));
    if rng.chance(6) {
        return format!("{surname}{first}");
    }
    format!("{surname}{first}{}", rng.pick(KR_GIVEN_SECOND))
}

/// A Korean name with its middle hidden, as a list of a web page shows it.
fn kr_name_masked(rng: &mut Rng) -> String {
    format!("{}*{}", rng.pick(KR_SURNAMES), rng.pick(KR_GIVEN_SECOND))
}

fn kr_name_roman(rng: &mut Rng) -> String {
    let surname = *rng.pick(KR_SURNAMES_LATIN);
    let (first, second) = (*rng.pick(KR_GIVEN_LATIN), *rng.pick(KR_GIVEN_LATIN));
    match rng.below(3) {
        0 => format!("{surname} {}{second}", capital(first)),
        1 => format!("{} {}", surname.to_uppercase(), format!("{first}{second}").to_uppercase()),
        _ => format!("{}-{second} {surname}", capital(first)),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A login name that a person chose.
pub(super) fn login(rng: &mut Rng) -> String {
    let first = *rng.pick(KR_GIVEN_LATIN);
    let last = rng.pick(KR_SURNAMES_LATIN).to_lowercase();
    match rng.below(4) {
        0 => format!("{last}{first}{}", rng.between(1, 99)),
        1 => format!("{first}_{last}"),
        2 => format!("{first}{}{}", rng.pick(KR_GIVEN_LATIN), rng.between(70, 2009)),
        _ => format!(
            "{}{last}",
            rng.pick(EN_FIRST).to_lowercase().replace(|c: char| !c.is_ascii_lowercase(), "")
        ),
    }
}

fn nickname(rng: &mut Rng) -> String {
    let first =
        *rng.pick(&["Shadow", "Pixel", "Cosmic", "Sleepy", "Iron", "Mango", "xX_", "Captain"]);
    let second = *rng.pick(&["Fox", "Panda", "Rider", "Noodle", "Wolf", "Wizard", "Duck", "Comet"]);
    if rng.chance(50) {
        format!("{first}{second}{}", rng.between(1, 9999))
    } else {
        format!("{first} {second}")
    }
}

fn nickname_kr(rng: &mut Rng) -> String {
    let first =
        *rng.pick(&["행복한", "졸린", "달리는", "배고픈", "우리동네", "밤하늘", "커피", "초코"]);
    let second = *rng.pick(&["고양이", "토끼", "아빠", "맘", "여우", "별", "곰돌이", "라떼"]);
    if rng.chance(40) {
        format!("{first}{second}{}", rng.between(1, 999))
    } else {
        format!("{first}{second}")
    }
}

/// The local part of an address; letters outside ASCII are dropped.
fn local_part(rng: &mut Rng) -> String {
    let clean = |text: &&str| -> String {
        text.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
    };
    let (first, last) = (clean(rng.pick(EN_FIRST)), clean(rng.pick(EN_LAST)));
    match rng.below(4) {
        0 => format!("{first}.{last}"),
        1 => format!("{first}{}", rng.between(1, 1999)),
        2 => format!("{first}_{last}+shop"),
        _ => login(rng),
    }
}

/// An address at a reserved domain.
pub(super) fn email(rng: &mut Rng) -> String {
    let domain = *rng.pick(&[
        "example.com",
        "example.org",
        "example.net",
        "mail.example.com",
        "gmail.example",
        "outlook.example",
        "inbox.test",
    ]);
    let address = format!("{}@{domain}", local_part(rng));
    if rng.chance(5) { address.to_uppercase() } else { address }
}

/// An address at a reserved domain that looks like a Korean mail provider.
pub(super) fn email_kr(rng: &mut Rng) -> String {
    let domain = *rng.pick(&[
        "naver.example",
        "hanmail.example",
        "daum.example",
        "nate.example",
        "kakao.test",
    ]);
    format!("{}@{domain}", login(rng))
}

fn email_corp(rng: &mut Rng) -> String {
    let domain =
        *rng.pick(&["acme.example", "corp.example.com", "hq.example.net", "hanbit.example"]);
    format!("{}@{domain}", local_part(rng))
}

/// A Korean mobile number with hyphens, without, or with the country code.
pub(super) fn kr_mobile(rng: &mut Rng) -> String {
    let (middle, last) = (rng.between(2000, 9999), rng.digits(4));
    match rng.below(10) {
        0..=5 => format!("010-{middle}-{last}"),
        6 | 7 => format!("010{middle}{last}"),
        8 => format!("+82 10-{middle}-{last}"),
        _ => format!("+8210{middle}{last}"),
    }
}

fn kr_landline(rng: &mut Rng) -> String {
    let area = *rng.pick(&["02", "031", "032", "051", "053", "042", "064", "070"]);
    let separator = *rng.pick(&["-", "-", "-", ")", ""]);
    let line = if separator.is_empty() { "" } else { "-" };
    format!("{area}{separator}{}{line}{}", rng.between(300, 8999), rng.digits(4))
}

/// A number from a range that the country's regulator keeps for fiction.
fn intl_phone(rng: &mut Rng) -> String {
    match rng.below(6) {
        0 => format!("+44 7700 900{}", rng.digits(3)),
        1 => format!("+447700900{}", rng.digits(3)),
        2 => format!("+1 415 555 01{}", rng.digits(2)),
        3 => format!("+33 6 39 98 {} {}", rng.digits(2), rng.digits(2)),
        4 => format!("+49 30 23125 {}", rng.digits(3)),
        _ => format!("+61491570{}", rng.digits(3)),
    }
}

/// A number of the range 555-0100 to 555-0199, which no subscriber has.
pub(super) fn us_phone(rng: &mut Rng) -> String {
    let (area, last) = (rng.between(201, 989), rng.digits(2));
    match rng.below(5) {
        0 => format!("({area}) 555-01{last}"),
        1 => format!("{area}-555-01{last}"),
        2 => format!("{area}.555.01{last}"),
        3 => format!("+1{area}55501{last}"),
        _ => format!("{area}55501{last}"),
    }
}

/// A birthday from 1935 to 2012, its parts joined by `separator`.
fn birth(rng: &mut Rng, separator: &str) -> String {
    let (year, month, day) = (rng.between(1935, 2012), rng.between(1, 12), rng.between(1, 28));
    format!("{year}{separator}{month:02}{separator}{day:02}")
}

/// A Korean road or lot address up to the building number.
fn kr_address_base(rng: &mut Rng) -> String {
    let (province, district) = *rng.pick(KR_DISTRICTS);
    if rng.chance(65) {
        let road = *rng.pick(&[
            "새봄로",
            "한빛대로",
            "은행나무길",
            "중앙로12번길",
            "강변북로",
            "솔밭로",
            "테스트로",
        ]);
        format!("{province} {district} {road} {}", rng.between(1, 420))
    } else {
        let quarter = *rng.pick(&["가상동", "역삼동", "봉담읍", "중동", "신촌동", "화정면 새터리"]);
        format!("{province} {district} {quarter} {}-{}", rng.between(1, 990), rng.between(1, 40))
    }
}

fn kr_address_detail(rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => format!("{}동 {}호", rng.between(101, 130), rng.between(101, 2504)),
        1 => format!("{}층", rng.between(1, 12)),
        2 => format!("푸른아파트 {}동 {}호", rng.between(1, 20), rng.between(101, 1904)),
        _ => format!("{}호", rng.between(101, 908)),
    }
}

fn us_address(rng: &mut Rng) -> String {
    let name = *rng.pick(&[
        "Maple",
        "Oak",
        "2nd",
        "Washington",
        "Lakeview",
        "Sunset",
        "Cedar Hill",
        "Elm",
    ]);
    let kind = *rng.pick(&["St", "Ave", "Blvd", "Street", "Road", "Ln", "Dr", "Court"]);
    format!("{} {name} {kind}", rng.between(1, 9899))
}

fn us_state(rng: &mut Rng) -> String {
    (*rng.pick(&["CA", "NY", "TX", "WA", "Ohio", "Florida", "MA", "IL", "Oregon"])).to_owned()
}
