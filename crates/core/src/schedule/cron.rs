//! EventBridge cron expressions, `cron(minutes hours day-of-month month day-of-week year)`.
//!
//! Source: EventBridge Scheduler user guide, "Schedule types". Day-of-week
//! counts from SUN = 1, exactly one of the two day fields is `?`, and the
//! expression is evaluated on the wall clock of the schedule's zone. `L`, `W`
//! and `#` are not supported.

use std::str::FromStr;

use cron::TimeUnitSpec;
use jiff::civil::DateTime;

/// A parsed expression.
#[derive(Clone, Debug)]
pub struct CronExpression(cron::Schedule);

impl CronExpression {
    /// Parses `cron(…)`.
    ///
    /// # Errors
    /// One sentence that quotes the expression and names the invalid part.
    pub fn parse(expression: &str) -> Result<Self, String> {
        let fields = expression
            .trim()
            .strip_prefix("cron(")
            .and_then(|rest| rest.strip_suffix(')'))
            .ok_or_else(|| format!("`{expression}` is not of the form `cron(0 * * * ? *)`"))?;
        let parts: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, day_of_month, month, day_of_week, year] = parts[..] else {
            return Err(format!(
                "`{expression}` has {} fields, not six (minutes hours day-of-month month day-of-week year)",
                parts.len()
            ));
        };
        if (day_of_month == "?") == (day_of_week == "?") {
            return Err(format!(
                "`{expression}` must have `?` in exactly one of day-of-month and day-of-week"
            ));
        }
        let six = [minutes, hours, day_of_month, month, day_of_week, year].join(" ");
        cron::Schedule::from_str(&format!("0 {six}"))
            .map(Self)
            .map_err(|error| format!("`{expression}` is not a cron expression: {error}"))
    }

    /// Whether the expression matches this minute of the zone's wall clock. Seconds are ignored.
    pub fn matches(&self, civil: DateTime) -> bool {
        let unit = |value: i8| u32::try_from(value).unwrap_or(u32::MAX);
        self.0.minutes().includes(unit(civil.minute()))
            && self.0.hours().includes(unit(civil.hour()))
            && self.0.days_of_month().includes(unit(civil.day()))
            && self.0.months().includes(unit(civil.month()))
            && self.0.days_of_week().includes(unit(civil.weekday().to_sunday_one_offset()))
            && self.0.years().includes(u32::try_from(civil.year()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::datetime;

    use super::*;

    #[test]
    fn fires_on_its_minutes_only() {
        let expression = CronExpression::parse("cron(0/5 2-3 * * ? *)").unwrap();
        assert!(expression.matches(datetime(2026, 11, 21, 2, 0, 0, 0)));
        assert!(expression.matches(datetime(2026, 11, 21, 3, 55, 0, 0)));
        assert!(!expression.matches(datetime(2026, 11, 21, 3, 56, 0, 0)));
        assert!(!expression.matches(datetime(2026, 11, 21, 4, 0, 0, 0)));
    }

    #[test]
    fn sunday_is_one() {
        let expression = CronExpression::parse("cron(0 1 ? * 1 *)").unwrap();
        assert!(expression.matches(datetime(2026, 11, 22, 1, 0, 0, 0)));
        assert!(!expression.matches(datetime(2026, 11, 23, 1, 0, 0, 0)));
    }

    #[test]
    fn an_error_names_the_wrong_part() {
        for (expression, part) in [
            ("0 * * * *", "is not of the form"),
            ("cron(0 * * * *)", "has 5 fields"),
            ("cron(0 * * * * *)", "exactly one of"),
            ("cron(99 * * * ? *)", "is not a cron expression"),
        ] {
            let error = CronExpression::parse(expression).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
