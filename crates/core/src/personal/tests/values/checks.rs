//! Checks of the generators themselves: a wrong value would judge the classifier wrongly.

use super::generate;

const COLUMNS: &str = include_str!("../columns.tsv");

/// The values of `generator`, without NULL, of several seeds.
fn sample(generator: &str) -> Vec<String> {
    (0..20).flat_map(|seed| generate(generator, seed, 100)).flatten().collect()
}

/// The digits of `text`, without its separators.
fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|letter| letter.to_digit(10)).collect()
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

#[test]
fn every_generator_of_the_set_gives_values_and_the_same_ones_again() {
    for (line, row) in COLUMNS.lines().enumerate().skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let [_, table, column, _, _, generator] = fields[..] else {
            panic!("line {} has {} fields, not 6", line + 1, fields.len())
        };
        let values = generate(generator, line as u64, 200);
        assert_eq!(values.len(), 200);
        assert!(values.iter().any(Option::is_some), "{table}.{column} has only NULL");
        assert_eq!(values, generate(generator, line as u64, 200), "{table}.{column}");
    }
}

#[test]
fn no_table_stands_in_both_halves() {
    let tables = |half: &str| -> std::collections::BTreeSet<&str> {
        let rows = COLUMNS.lines().map(|row| row.split('\t').collect::<Vec<_>>());
        rows.filter(|row| row[0] == half).map(|row| row[1]).collect()
    };
    let shared: Vec<_> = tables("a").intersection(&tables("b")).copied().collect();
    assert!(shared.is_empty(), "{shared:?}");
}

#[test]
fn card_numbers_and_imeis_pass_the_luhn_check() {
    for number in sample("card").iter().chain(&sample("imei")) {
        let sum: u32 = digits(number)
            .iter()
            .rev()
            .enumerate()
            .map(
                |(place, digit)| {
                    if place % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { *digit }
                },
            )
            .sum();
        assert_eq!(sum % 10, 0, "{number}");
    }
}

#[test]
fn ibans_have_the_remainder_one() {
    for number in sample("iban") {
        let plain = number.replace(' ', "");
        let turned = format!("{}{}", &plain[4..], &plain[..4]);
        let rest = turned.chars().fold(0, |rest, letter| {
            let value = letter.to_digit(36).expect("a letter or a digit");
            (rest * if value > 9 { 100 } else { 10 } + value) % 97
        });
        assert_eq!(rest, 1, "{number}");
    }
}

#[test]
fn resident_numbers_before_2020_have_a_check_digit_and_later_ones_do_not() {
    let weights = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
    let (mut later, mut later_that_pass) = (0, 0);
    for number in sample("rrn") {
        let digits = digits(&number);
        assert_eq!(digits.len(), 13, "{number}");
        let passes = (11 - weighted(&digits, &weights) % 11) % 10 == digits[12];
        if digits[6] >= 3 && digits[0] * 10 + digits[1] > 20 {
            later += 1;
            later_that_pass += u32::from(passes);
        } else {
            assert!(passes, "{number}");
        }
    }
    assert!(later > 0 && later_that_pass < later, "{later_that_pass} of {later} pass");
}

#[test]
fn business_numbers_have_their_check_digit() {
    for number in sample("bizno") {
        let digits = digits(&number);
        let sum = weighted(&digits, &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + digits[8] * 5 / 10;
        assert_eq!((10 - sum % 10) % 10, digits[9], "{number}");
    }
}

#[test]
fn modifiers_set_the_share_of_null_and_of_empty_strings() {
    let nulls = |generator: &str| {
        generate(generator, 1, 1000).iter().filter(|value| value.is_none()).count()
    };
    assert_eq!(nulls("email+full"), 0);
    assert!((500..700).contains(&nulls("email+sparse")));
    let values = generate("email+empty", 1, 1000);
    let empty = values.iter().filter(|value| value.as_deref() == Some("")).count();
    assert!((280..420).contains(&empty), "{empty}");
}

#[test]
#[should_panic(expected = "no generator is called \"emial\"")]
fn an_unknown_generator_panics() {
    generate("emial", 1, 10);
}
