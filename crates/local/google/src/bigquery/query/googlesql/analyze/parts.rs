//! Date parts: words such as DAY in the arguments of functions, EXTRACT and INTERVAL.

use super::scope::Scope;
use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::ast::{Call, Expr as Ast};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

/// Functions with a date part, and the index of that argument.
const WITH_PART: [(&str, usize); 11] = [
    ("DATE_DIFF", 2),
    ("DATETIME_DIFF", 2),
    ("TIMESTAMP_DIFF", 2),
    ("TIME_DIFF", 2),
    ("DATE_TRUNC", 1),
    ("DATETIME_TRUNC", 1),
    ("TIMESTAMP_TRUNC", 1),
    ("TIME_TRUNC", 1),
    ("LAST_DAY", 1),
    ("NORMALIZE", 1),
    ("NORMALIZE_AND_CASEFOLD", 1),
];

/// Functions with `INTERVAL number part`, and the index of that argument.
const WITH_INTERVAL: [(&str, usize); 10] = [
    ("DATE_ADD", 1),
    ("DATE_SUB", 1),
    ("DATETIME_ADD", 1),
    ("DATETIME_SUB", 1),
    ("TIMESTAMP_ADD", 1),
    ("TIMESTAMP_SUB", 1),
    ("TIME_ADD", 1),
    ("TIME_SUB", 1),
    ("GENERATE_DATE_ARRAY", 2),
    ("GENERATE_TIMESTAMP_ARRAY", 2),
];

const DATE_PARTS: [&str; 17] = [
    "YEAR",
    "ISOYEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "ISOWEEK",
    "DAY",
    "DAYOFWEEK",
    "DAYOFYEAR",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
    "MICROSECOND",
    "DATE",
    "TIME",
    "DATETIME",
];

fn index_in(list: &[(&str, usize)], name: &str) -> Option<usize> {
    list.iter().find(|(it, _)| *it == name).map(|(_, at)| *at)
}

fn text(text: &str) -> Typed {
    Typed::constant(Value::text(text), Type::String)
}

/// A date part that is written as an argument.
fn part_name(arg: &Ast) -> Option<String> {
    match arg {
        Ast::Path(path) if path.len() == 1 => Some(path[0].to_ascii_uppercase()),
        Ast::Call(call) if call.name == "WEEK" => match call.args.as_slice() {
            [Ast::Path(day)] if day.len() == 1 => {
                Some(format!("WEEK({})", day[0].to_ascii_uppercase()))
            }
            _ => None,
        },
        _ => None,
    }
}

fn check_part(part: &str) -> Result<()> {
    let day = part.strip_prefix("WEEK(").and_then(|it| it.strip_suffix(')'));
    let known = match day {
        Some(day) => ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"]
            .contains(&day),
        None => DATE_PARTS.contains(&part),
    };
    if known { Ok(()) } else { Err(SqlError::invalid("A valid date part name is required")) }
}

impl Analyzer<'_> {
    /// The arguments of a call; date parts become texts.
    pub(super) fn arguments(&self, call: &Call, scope: &Scope<'_>) -> Result<Vec<Typed>> {
        let part_at = index_in(&WITH_PART, &call.name);
        let interval_at = index_in(&WITH_INTERVAL, &call.name);
        let mut args = Vec::new();
        for (at, arg) in call.args.iter().enumerate() {
            if Some(at) == part_at {
                let part = part_name(arg);
                let part =
                    part.ok_or_else(|| SqlError::invalid("A valid date part name is required"))?;
                if !call.name.starts_with("NORMALIZE") {
                    check_part(&part)?;
                }
                args.push(text(&part));
            } else if Some(at) == interval_at {
                let Ast::Interval { value, part, to: None } = arg else {
                    return Err(SqlError::unknown(format!(
                        "{} with another argument than INTERVAL number part",
                        call.name
                    )));
                };
                check_part(part)?;
                args.push(self.expr(value, scope)?);
                args.push(text(part));
            } else {
                args.push(self.expr(arg, scope)?);
            }
        }
        Ok(args)
    }

    pub(super) fn extract(
        &self,
        part: &str,
        value: &Ast,
        zone: Option<&Ast>,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        check_part(part)?;
        let mut value = self.expr(value, scope)?;
        if matches!(value.ty, Type::String) {
            return Err(SqlError::invalid("EXTRACT does not support STRING arguments"));
        }
        if value.is_null() {
            if part == "DATETIME" {
                return Err(SqlError::invalid("EXTRACT of DATETIME from NULL without a type"));
            }
            value = value.coerce(&Type::Timestamp)?;
        }
        let whole = match part {
            "DATE" => Some("$extract_date"),
            "TIME" => Some("$extract_time"),
            "DATETIME" => Some("$extract_datetime"),
            _ => None,
        };
        let fits = match (&value.ty, part) {
            (Type::Date, "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND" | "MICROSECOND") => false,
            (Type::Date | Type::Time | Type::Interval, _) if whole.is_some() => false,
            (Type::Time, part) => {
                matches!(part, "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND" | "MICROSECOND")
            }
            _ => true,
        };
        if !fits {
            return Err(SqlError::invalid(format!("EXTRACT of {part} from a {}", value.ty)));
        }
        let mut args = vec![value];
        if whole.is_none() {
            args.push(text(part));
        }
        if let Some(zone) = zone {
            args.push(self.expr(zone, scope)?);
        }
        self.apply(whole.unwrap_or("$extract"), args)
    }

    pub(super) fn interval(
        &self,
        value: &Ast,
        part: &str,
        to: Option<&str>,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        check_part(part)?;
        let value = self.expr(value, scope)?;
        match to {
            Some(to) => {
                check_part(to)?;
                self.apply("$interval_text", vec![value, text(part), text(to)])
            }
            None => self.apply("$interval", vec![value, text(part)]),
        }
    }
}
