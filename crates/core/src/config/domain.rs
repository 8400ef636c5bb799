//! The domain of a class: whether all its possible values can be listed.
//!
//! BigQuery's SHA-256 masks have no secret key (Google's documentation, "Introduction to data
//! masking"). Whoever can run a query can hash every possible telephone number in seconds and look
//! up a masked one. So a mask from which a listed value can be computed protects only classes whose
//! values cannot be listed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether all possible values of a class can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// All values can be listed, or most of them are in a list that others have: telephone
    /// numbers, dates of birth, identity numbers, names.
    Small,
    /// Nobody can list the values: random ids, free text.
    Large,
}

impl Domain {
    /// The domain of a class that does not state one: [`Domain::Small`] if a word of its name is
    /// in [`SMALL_DOMAINS`]. Words of five or more letters also count as a part of a longer word:
    /// `mobilephone` contains `phone`.
    pub fn of_class_name(name: &str) -> Self {
        let mut listed = SMALL_DOMAINS.iter().flat_map(|(_, words)| words.iter());
        let words = || name.split(|c: char| !c.is_ascii_alphabetic());
        let small = listed.any(|listed| {
            words().any(|word| word == *listed || listed.len() >= 5 && word.contains(listed))
        });
        if small { Self::Small } else { Self::Large }
    }
}

/// Words of class names that mark a small domain, in English and in romanised Korean, by the
/// values that they name. `docs/masking.md` contains the same table.
pub const SMALL_DOMAINS: [(&str, &[&str]); 8] = [
    (
        "telephone numbers",
        &[
            "phone",
            "tel",
            "mobile",
            "cell",
            "fax",
            "hp",
            "msisdn",
            "whatsapp",
            "contact",
            "jeonhwa",
            "junhwa",
            "hyudae",
            "haendeupon",
            "yeollakcheo",
        ],
    ),
    (
        "dates of birth, other dates, ages",
        &["birth", "dob", "born", "saengil", "saengnyeon", "date", "day", "year", "age", "nai"],
    ),
    (
        "identity numbers",
        &[
            "identity",
            "national",
            "government",
            "document",
            "resident",
            "rrn",
            "jumin",
            "ssn",
            "sin",
            "nin",
            "passport",
            "yeogwon",
            "license",
            "licence",
            "myeonheo",
            "visa",
            "tax",
            "vat",
            "saeopja",
            "plate",
            "number",
            "num",
            "no",
            "beonho",
        ],
    ),
    (
        "accounts and cards",
        &[
            "account",
            "acct",
            "bank",
            "iban",
            "bic",
            "swift",
            "card",
            "creditcard",
            "cvc",
            "cvv",
            "pan",
            "payment",
            "financial",
            "gyejwa",
            "gyeja",
            "kyejwa",
            "tongjang",
            "kadeu",
        ],
    ),
    ("addresses of devices", &["ip", "ipv", "ipaddr", "inet", "mac", "network"]),
    (
        "postal addresses and places",
        &[
            "address",
            "addr",
            "street",
            "postal",
            "postcode",
            "zip",
            "zipcode",
            "location",
            "lat",
            "latitude",
            "lng",
            "lon",
            "longitude",
            "geo",
            "juso",
            "upyeon",
        ],
    ),
    (
        "names",
        &[
            "name",
            "names",
            "firstname",
            "lastname",
            "fullname",
            "surname",
            "forename",
            "nickname",
            "username",
            "ireum",
            "irum",
            "seongmyeong",
            "sungmyung",
            "seongham",
            "byeolmyeong",
            "yegeumju",
        ],
    ),
    (
        "properties with few values, secrets that people choose",
        &[
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
            "seongbyeol",
            "sensitive",
            "password",
            "passwd",
            "pwd",
            "bimil",
            "pin",
            "otp",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_name_marks_a_small_domain() {
        let domain = |names: &[&'static str], domain| {
            names
                .iter()
                .copied()
                .filter(|name| Domain::of_class_name(name) != domain)
                .collect::<Vec<&str>>()
        };
        let small = [
            "phone",
            "mobile_phone",
            "mobilephone",
            "home_tel",
            "birth",
            "birthday",
            "rrn",
            "resident_number",
            "ssn",
            "card",
            "creditcard",
            "bank_account",
            "iban",
            "passport",
            "postal",
            "zip",
            "ip",
            "ipv4",
            "ip_address",
            "pin",
            "name",
            "jumin",
            "gyejwa",
        ];
        assert_eq!(domain(&small, Domain::Small), [""; 0]);
        // `ip` and `tel` are short: they do not count inside `recipe` and `hotel`.
        let large = ["email", "memo", "note", "recipe", "hotel", "token", "device_uuid", "url"];
        assert_eq!(domain(&large, Domain::Large), [""; 0]);
    }

    #[test]
    fn the_documentation_has_the_same_words() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/masking.md");
        let document = std::fs::read_to_string(path).unwrap();
        let mut table = "| values | words of the class's name |\n|---|---|\n".to_owned();
        for (values, words) in SMALL_DOMAINS {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            table += &format!("| {values} | {} |\n", words.join(", "));
        }
        assert!(document.contains(&table), "docs/masking.md must contain this table:\n{table}");
    }
}
