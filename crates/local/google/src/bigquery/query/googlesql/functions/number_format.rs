//! CAST of numbers to STRING with FORMAT.
//!
//! Semantics: GoogleSQL reference, "Format numeric type as string". `TM` and `RN` are refused, as by Google's
//! open-source engine.

use super::format::{Shape, number_text};
use super::{Context, Result, SqlError, text};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

/// The longest row of hexadecimal digits.
const MOST_HEX_DIGITS: usize = 16;

/// An element that makes characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Zero,
    Nine,
    /// A hexadecimal digit, in upper case or not.
    Hex(bool),
    Point,
    /// A decimal point that is not written.
    HiddenPoint,
    Comma,
    /// `EEEE`, in upper case or not.
    Exponent(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Before,
    After,
    /// `MI`: behind the number, `-` or a blank.
    Minus,
    /// `PR`: angle brackets.
    Brackets,
}

#[derive(Debug, Default)]
struct Format {
    elements: Vec<Element>,
    /// The index of the decimal point or of the exponent; otherwise the number of elements.
    point: usize,
    sign: Option<Sign>,
    currency: Option<&'static str>,
    compact: bool,
    /// `B`: blanks instead of a whole part that is zero.
    blank_zero: bool,
    has_exponent: bool,
}

/// A number as its parts: `12.50e+03` without its sign.
#[derive(Debug, Default)]
struct Number {
    negative: bool,
    /// Empty if it is zero.
    whole: String,
    fraction: String,
    exponent: String,
    /// `INF` or `NAN`.
    special: Option<&'static str>,
}

/// The text of a number in a format.
pub(super) fn to_text(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let format = parse(text(args, 1)?)?;
    if format.elements.iter().any(|it| matches!(it, Element::Hex(_))) {
        return hexadecimal(&format, &args[0]).map(Value::text);
    }
    let scale = format.elements[format.point..]
        .iter()
        .filter(|it| matches!(it, Element::Zero | Element::Nine))
        .count();
    let mut number = parts(&args[0], &context.types[0], scale, format.has_exponent)?;
    if format.compact {
        let kept = number.fraction.trim_end_matches('0').len();
        number.fraction.truncate(kept);
    }
    Ok(Value::text(match number.special {
        Some(name) => special(&format, &number, name),
        None => decimal(&format, &number),
    }))
}

fn wrong(what: &str) -> SqlError {
    SqlError::failed(format!("Error in format string: {what}"))
}

/// The elements as they are written, the longer ones first.
const WRITTEN: [&str; 17] = [
    "EEEE", "TM9", "TME", "TM", "MI", "PR", "RN", "FM", "$", "0", "9", "X", ".", "D", ",", "G", "S",
];

fn parse(pattern: &str) -> Result<Format> {
    let mut format = Format { point: usize::MAX, ..Format::default() };
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let upper = rest.to_ascii_uppercase();
        let known = WRITTEN.iter().chain(&["B", "V", "C", "L"]);
        let Some(name) = known.copied().find(|it| upper.starts_with(*it)) else {
            return Err(wrong("an element that GoogleSQL does not know"));
        };
        format.take(name, first.is_ascii_uppercase())?;
        rest = &rest[name.len()..];
    }
    format.point = format.point.min(format.elements.len());
    let digits = format.digits(format.elements.len());
    if digits == 0 {
        return Err(wrong("it needs at least one of 'X', '0' or '9'"));
    }
    format.check_hexadecimal(digits)?;
    Ok(format)
}

impl Format {
    /// The number of digits before an element.
    fn digits(&self, end: usize) -> usize {
        let is_digit =
            |it: &&Element| matches!(it, Element::Zero | Element::Nine | Element::Hex(_));
        self.elements[..end].iter().filter(is_digit).count()
    }

    /// Adds an element where it may stand.
    fn take(&mut self, name: &str, upper: bool) -> Result<()> {
        let once = |flag: &mut bool| match std::mem::replace(flag, true) {
            true => Err(wrong("an element is repeated")),
            false => Ok(()),
        };
        match name {
            "FM" => return once(&mut self.compact),
            "B" => return once(&mut self.blank_zero),
            "$" | "L" | "C" => {
                let symbol = match (name, upper) {
                    ("C", true) => "USD",
                    ("C", false) => "usd",
                    _ => "$",
                };
                return match self.currency.replace(symbol) {
                    None => Ok(()),
                    Some(_) => Err(wrong("there can be at most one of '$', 'C' or 'L'")),
                };
            }
            "TM" | "TM9" | "TME" | "RN" => {
                return Err(SqlError::unknown(format!("the element {name} of a FORMAT")));
            }
            _ => {}
        }
        if matches!(self.sign, Some(Sign::After | Sign::Minus | Sign::Brackets)) {
            return Err(wrong("nothing can stand behind the sign"));
        }
        if matches!(name, "S" | "MI" | "PR") {
            return self.take_sign(name);
        }
        if self.has_exponent {
            return Err(wrong("only a sign can stand behind 'EEEE'"));
        }
        let has_point = self.point != usize::MAX;
        let has_comma = self.elements.contains(&Element::Comma);
        let element = match name {
            "0" => Element::Zero,
            "9" => Element::Nine,
            "X" => Element::Hex(upper),
            "." | "D" if !has_point => Element::Point,
            "V" if !has_point => Element::HiddenPoint,
            "," | "G" if !has_point && !self.elements.is_empty() => Element::Comma,
            // With a sign alone before it.
            "," | "G" if !has_point && self.sign.is_some() => Element::Comma,
            "EEEE" if !has_comma && (has_point || !self.elements.is_empty()) => {
                self.has_exponent = true;
                Element::Exponent(upper)
            }
            _ => return Err(wrong("an element stands where it cannot")),
        };
        if matches!(element, Element::Point | Element::HiddenPoint)
            || (self.has_exponent && !has_point)
        {
            self.point = self.elements.len();
        }
        self.elements.push(element);
        Ok(())
    }

    fn take_sign(&mut self, name: &str) -> Result<()> {
        if self.sign.is_some() {
            return Err(wrong("there can be at most one of 'S', 'MI' or 'PR'"));
        }
        self.sign = Some(match (name, self.elements.is_empty()) {
            ("S", true) => Sign::Before,
            ("S", false) => Sign::After,
            ("MI", false) => Sign::Minus,
            ("PR", false) => Sign::Brackets,
            _ => return Err(wrong("'MI' and 'PR' can only stand behind all digits")),
        });
        Ok(())
    }

    fn check_hexadecimal(&self, digits: usize) -> Result<()> {
        if !self.elements.iter().any(|it| matches!(it, Element::Hex(_))) {
            return Ok(());
        }
        let others = |it: &Element| !matches!(it, Element::Hex(_) | Element::Zero);
        if self.elements.iter().any(others) || self.currency.is_some() || self.blank_zero {
            return Err(wrong("'X' can only stand with '0', 'FM' and a sign"));
        }
        if digits > MOST_HEX_DIGITS {
            return Err(wrong("the greatest number of 'X' is 16"));
        }
        Ok(())
    }

    /// What stands before and behind the number.
    fn signs(&self, negative: bool, blank: bool) -> (&'static str, &'static str) {
        match (self.sign, blank, negative) {
            (Some(Sign::Before) | None, true, _) => (" ", ""),
            (Some(Sign::After | Sign::Minus), true, _) => ("", " "),
            (Some(Sign::Brackets), true, _) | (Some(Sign::Brackets), _, false) => (" ", " "),
            (Some(Sign::Before), _, false) => ("+", ""),
            (Some(Sign::Before) | None, _, true) => ("-", ""),
            (None, _, false) => (" ", ""),
            (Some(Sign::After), _, false) => ("", "+"),
            (Some(Sign::After | Sign::Minus), _, true) => ("", "-"),
            (Some(Sign::Minus), _, false) => ("", " "),
            (Some(Sign::Brackets), _, true) => ("<", ">"),
        }
    }

    /// Puts the parts together; blanks fill the left side.
    fn joined(&self, padding: usize, negative: bool, blank: bool, number: &str) -> String {
        let (before, behind) = self.signs(negative, blank);
        let currency = self.currency.unwrap_or_default();
        let currency = if blank { " ".repeat(currency.len()) } else { currency.to_owned() };
        let all = format!("{}{before}{currency}{number}{behind}", " ".repeat(padding));
        if self.compact { all.trim().to_owned() } else { all }
    }
}

/// The digits of a number, rounded to `scale` places.
fn parts(value: &Value, of: &Type, scale: usize, scientific: bool) -> Result<Number> {
    let shape = Shape { precision: scale, scientific };
    let written = number_text(value, of, shape)?;
    let (negative, written) = match written.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, written.as_str()),
    };
    let special = match written {
        "inf" => Some("INF"),
        "nan" => Some("NAN"),
        _ => None,
    };
    if special.is_some() {
        return Ok(Number { negative, special, ..Number::default() });
    }
    let (mantissa, exponent) = written.split_once('e').unwrap_or((written, ""));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    Ok(Number {
        negative,
        whole: if whole == "0" { String::new() } else { whole.to_owned() },
        fraction: fraction.to_owned(),
        exponent: exponent.to_owned(),
        special: None,
    })
}

fn decimal(format: &Format, number: &Number) -> String {
    let overflow = number.whole.len() > format.digits(format.point);
    let blank = format.blank_zero && number.whole.is_empty();
    let first_zero = format.elements.iter().position(|it| *it == Element::Zero);
    let zero_before_point = first_zero.is_some_and(|it| it < format.point);
    let has_whole = format.digits(format.point) > 0
        && (!number.whole.is_empty()
            || format.has_exponent
            || zero_before_point
            || number.fraction.is_empty());
    let (whole, padding) = match has_whole {
        true => whole_part(format, number, (overflow, blank), first_zero),
        false => (String::new(), format.point),
    };
    let all = format!("{whole}{}", fraction_part(format, number, overflow, blank));
    format.joined(padding, number.negative, blank, &all)
}

/// The elements before the point from right to left, and how many of them are blank.
fn whole_part(
    format: &Format,
    number: &Number,
    (overflow, blank): (bool, bool),
    first_zero: Option<usize>,
) -> (String, usize) {
    let digits = if number.whole.is_empty() { "0" } else { &number.whole };
    let mut digits = digits.chars().rev().peekable();
    let mut made = Vec::new();
    let mut at = format.point;
    while at > 0 {
        let leading = first_zero.is_some_and(|zero| at > zero);
        if digits.peek().is_none() && !leading {
            break;
        }
        at -= 1;
        made.push(match format.elements[at] {
            Element::Comma if blank => ' ',
            Element::Comma => ',',
            _ => {
                let digit = digits.next().unwrap_or('0');
                match (overflow, blank) {
                    (true, _) => '#',
                    (_, true) => ' ',
                    _ => digit,
                }
            }
        });
    }
    (made.into_iter().rev().collect(), at)
}

fn fraction_part(format: &Format, number: &Number, overflow: bool, blank: bool) -> String {
    let mut made = String::new();
    let mut digits = number.fraction.chars();
    for element in &format.elements[format.point..] {
        match element {
            Element::Point => made.push(if blank { ' ' } else { '.' }),
            Element::Exponent(_) if overflow => made.push_str("####"),
            Element::Exponent(_) if blank => made.push_str("    "),
            Element::Exponent(upper) => {
                made.push(if *upper { 'E' } else { 'e' });
                made.push_str(&number.exponent);
            }
            Element::Zero | Element::Nine if overflow => made.push('#'),
            Element::Zero | Element::Nine => {
                // FM has taken the zeros at the end.
                made.extend(digits.next().map(|it| if blank { ' ' } else { it }));
            }
            _ => {}
        }
    }
    made
}

/// An infinity or NaN: in the places of the digits before the point.
fn special(format: &Format, number: &Number, name: &str) -> String {
    let mut signs = format.signs(number.negative, false);
    if name == "NAN" {
        let blanks = |it: &str| if it.is_empty() { "" } else { " " };
        signs = (blanks(signs.0), blanks(signs.1));
    }
    let overflow = !format.has_exponent && format.point < name.len();
    let (text, padding) = if format.has_exponent {
        (name.to_owned(), format.elements.len())
    } else {
        let from = format.point.saturating_sub(name.len());
        let shown = format.elements[from..format.point].iter().zip(name.chars());
        let shown: String = match overflow {
            false => name.to_owned(),
            true => shown.map(|(it, _)| if *it == Element::Comma { ',' } else { '#' }).collect(),
        };
        let rest = format.elements[format.point..].iter().filter_map(|it| match it {
            Element::Point => Some(if overflow { '.' } else { ' ' }),
            Element::Zero | Element::Nine => Some(if overflow { '#' } else { ' ' }),
            _ => None,
        });
        let rest: String = rest.collect();
        let rest = if format.compact { rest.trim() } else { &rest };
        (format!("{shown}{rest}"), from)
    };
    let currency = format.currency.unwrap_or_default();
    let all = format!("{}{}{currency}{text}{}", " ".repeat(padding), signs.0, signs.1);
    if format.compact { all.trim().to_owned() } else { all }
}

/// The whole number in base 16. A number that has more digits than the format becomes `#`.
fn hexadecimal(format: &Format, value: &Value) -> Result<String> {
    let too_long = "0".repeat(MOST_HEX_DIGITS + 1);
    let (negative, digits) = match value {
        Value::Int(it) => (*it < 0, format!("{:x}", it.unsigned_abs())),
        // The half is rounded away from zero.
        Value::Float(it) => {
            let rounded = it.abs().round();
            let fits = rounded < 18_446_744_073_709_551_616.0;
            let digits = if fits { format!("{:x}", rounded as u64) } else { too_long };
            (*it < 0.0, digits)
        }
        other => {
            let shape = Shape { precision: 0, scientific: false };
            let rounded = number_text(other, &Type::Numeric, shape)?;
            let (negative, rounded) = match rounded.strip_prefix('-') {
                Some(rest) => (true, rest),
                None => (false, rounded.as_str()),
            };
            let whole: Option<u64> = rounded.split('.').next().and_then(|it| it.parse().ok());
            (negative, whole.map_or(too_long, |it| format!("{it:x}")))
        }
    };
    let overflow = digits.len() > format.elements.len();
    // A zero is written in the case of the next X.
    let is_upper = |at: usize| {
        let next = format.elements[at..].iter().find_map(|it| match it {
            Element::Hex(upper) => Some(*upper),
            _ => None,
        });
        next.unwrap_or(true)
    };
    let first_zero = format.elements.iter().position(|it| *it == Element::Zero);
    let mut digits = digits.chars().rev().peekable();
    let mut made = Vec::new();
    let mut at = format.elements.len();
    while at > 0 && (digits.peek().is_some() || first_zero.is_some_and(|zero| at > zero)) {
        at -= 1;
        let digit = digits.next().unwrap_or('0');
        made.push(match overflow {
            true => '#',
            false if is_upper(at) => digit.to_ascii_uppercase(),
            false => digit,
        });
    }
    let number: String = made.into_iter().rev().collect();
    Ok(format.joined(at, negative, false, &number))
}
