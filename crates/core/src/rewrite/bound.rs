//! The minimum and maximum of a column.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The minimum or maximum of a column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// A whole number.
    Integer(i64),
    /// A double; stored as text, because JSON has no infinity.
    Double(#[serde(with = "as_text")] f64),
    /// FALSE or TRUE.
    Bool(bool),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970, UTC.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 00:00:00 of a clock without a zone.
    Datetime(i64),
    /// Microseconds since midnight.
    Time(i64),
    /// A decimal: the unscaled value, and the digits after the decimal point.
    Decimal(i128, u8),
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(super) fn serialize<S: Serializer>(it: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(it)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        String::deserialize(from)?.parse().map_err(|_| D::Error::custom("a bound is not a number"))
    }
}

impl Bound {
    /// Whether it is larger than another bound of the same column.
    pub fn is_above(self, other: Self) -> bool {
        match (self, other) {
            (Self::Double(a), Self::Double(b)) => a > b,
            (Self::Bool(a), Self::Bool(b)) => a && !b,
            _ => self.units() > other.units(),
        }
    }

    fn units(self) -> i128 {
        match self {
            Self::Integer(it) | Self::Timestamp(it) | Self::Datetime(it) | Self::Time(it) => {
                it.into()
            }
            Self::Date(it) => it.into(),
            Self::Decimal(it, _) => it,
            Self::Bool(_) | Self::Double(_) => 0,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = |f: &mut fmt::Formatter<'_>, days: i64| {
            let (year, month, day) = civil(days);
            write!(f, "{year:04}-{month:02}-{day:02}")
        };
        let clock = |f: &mut fmt::Formatter<'_>, micros: i64| {
            let seconds = micros / 1_000_000;
            write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
            match micros % 1_000_000 {
                0 => Ok(()),
                rest => write!(f, ".{rest:06}"),
            }
        };
        match *self {
            Self::Integer(it) => write!(f, "{it}"),
            Self::Double(it) => write!(f, "{it}"),
            Self::Bool(it) => write!(f, "{it}"),
            Self::Date(days) => date(f, days.into()),
            Self::Timestamp(micros) | Self::Datetime(micros) => {
                const DAY: i64 = 86_400_000_000;
                date(f, micros.div_euclid(DAY))?;
                f.write_str("T")?;
                clock(f, micros.rem_euclid(DAY))?;
                if matches!(self, Self::Timestamp(_)) { f.write_str("Z") } else { Ok(()) }
            }
            Self::Time(micros) => clock(f, micros),
            Self::Decimal(units, 0) => write!(f, "{units}"),
            Self::Decimal(units, scale) => {
                let digits =
                    format!("{:0>width$}", units.unsigned_abs(), width = usize::from(scale) + 1);
                let (whole, rest) = digits.split_at(digits.len() - usize::from(scale));
                write!(f, "{}{whole}.{rest}", if units < 0 { "-" } else { "" })
            }
        }
    }
}

/// Year, month and day of days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_survives_serialisation() {
        for bound in [
            Bound::Integer(i64::MIN),
            Bound::Double(f64::INFINITY),
            Bound::Double(-0.1),
            Bound::Double(f64::MIN_POSITIVE),
            Bound::Bool(true),
            Bound::Date(-719_162),
            Bound::Timestamp(253_402_300_799_999_999),
            Bound::Datetime(-1),
            Bound::Time(0),
            Bound::Decimal(i128::MAX, 38),
            Bound::Decimal(-1, 2),
        ] {
            let json = serde_json::to_vec(&bound).expect("JSON");
            assert_eq!(serde_json::from_slice::<Bound>(&json).expect("a bound"), bound);
        }
    }

    #[test]
    fn a_bound_is_shown_as_its_value() {
        let shown: Vec<String> = [
            Bound::Integer(-12),
            Bound::Double(-0.5),
            Bound::Bool(true),
            // The first and the last day, ends of years and of leap years, of centuries and of eras.
            Bound::Date(-719_162),
            Bound::Date(-1),
            Bound::Date(0),
            Bound::Date(58),
            Bound::Date(59),
            Bound::Date(10_956),
            Bound::Date(11_016),
            Bound::Date(11_017),
            Bound::Date(11_322),
            Bound::Date(11_323),
            Bound::Date(20_778),
            Bound::Date(-25_509),
            Bound::Date(-25_508),
            Bound::Date(47_540),
            Bound::Date(47_541),
            Bound::Date(157_113),
            Bound::Date(2_932_896),
            Bound::Timestamp(0),
            Bound::Timestamp(-1),
            Bound::Timestamp(1_795_225_530_000_001),
            Bound::Datetime(1_795_225_530_250_000),
            Bound::Time(86_399_999_999),
            Bound::Time(3_725_000_000),
            Bound::Decimal(-5, 0),
            Bound::Decimal(-5, 2),
            Bound::Decimal(12_345, 2),
            Bound::Decimal(0, 3),
        ]
        .map(|bound| bound.to_string())
        .into();
        expect_test::expect![[r#"
            -12
            -0.5
            true
            0001-01-01
            1969-12-31
            1970-01-01
            1970-02-28
            1970-03-01
            1999-12-31
            2000-02-29
            2000-03-01
            2000-12-31
            2001-01-01
            2026-11-21
            1900-02-28
            1900-03-01
            2100-02-28
            2100-03-01
            2400-02-29
            9999-12-31
            1970-01-01T00:00:00Z
            1969-12-31T23:59:59.999999Z
            2026-11-21T01:45:30.000001Z
            2026-11-21T01:45:30.250000
            23:59:59.999999
            01:02:05
            -5
            -0.05
            123.45
            0.000"#]]
        .assert_eq(&shown.join("\n"));
    }

    /// The dates by the rules of the calendar, one after the other.
    #[test]
    fn each_day_is_the_next_of_the_day_before() {
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..330_000 {
            assert_eq!(civil(days), (year, month, day), "{days} days");
            let length = match month {
                2 => 28 + i64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (day == length, month) {
                (false, _) => (year, month, day + 1),
                (true, 12) => (year + 1, 1, 1),
                (true, _) => (year, month + 1, 1),
            };
        }
    }

    #[test]
    fn bounds_of_a_column_are_ordered() {
        for (less, more) in [
            (Bound::Integer(-3), Bound::Integer(2)),
            (Bound::Double(f64::NEG_INFINITY), Bound::Double(-0.5)),
            (Bound::Bool(false), Bound::Bool(true)),
            (Bound::Date(-1), Bound::Date(1)),
            (Bound::Timestamp(1), Bound::Timestamp(2)),
            (Bound::Datetime(-2), Bound::Datetime(-1)),
            (Bound::Time(0), Bound::Time(1)),
            (Bound::Decimal(-100, 2), Bound::Decimal(-99, 2)),
        ] {
            assert!(more.is_above(less), "{more} > {less}");
            assert!(!less.is_above(more), "{less} > {more}");
            assert!(!less.is_above(less) && !more.is_above(more), "{less}, {more}");
        }
    }
}
