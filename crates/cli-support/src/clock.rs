//! What time it is: the machine's, or that of a local cloud.

use jiff::{SignedDuration, Timestamp};

use crate::failure::{Failure, Result};

/// The variable in which `landbridge local up` says how its virtual time runs:
/// virtual instant, machine's instant, virtual seconds a second.
pub const VARIABLE: &str = "LANDBRIDGE_CLOCK";

/// A clock that runs along with the machine's.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    shown: Timestamp,
    when: Timestamp,
    speed: f64,
}

impl Clock {
    /// The machine's clock, unless the environment tells of another.
    pub fn from_env() -> Result<Self> {
        let now = Timestamp::now();
        match std::env::var(VARIABLE) {
            Ok(text) if !text.is_empty() => Self::parse(&text).ok_or_else(|| {
                Failure::Usage(format!(
                    "{VARIABLE} is not what `landbridge local up` writes: `{text}`"
                ))
            }),
            _ => Ok(Self { shown: now, when: now, speed: 1.0 }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let shown = parts.next()?.parse().ok()?;
        let when = parts.next()?.parse().ok()?;
        let speed: f64 = parts.next()?.parse().ok()?;
        (speed.is_finite() && parts.next().is_none()).then_some(Self { shown, when, speed })
    }

    /// How a clock that shows `shown` now and runs at `speed` is told to others.
    pub fn variable(shown: Timestamp, speed: f64) -> String {
        format!("{shown} {} {speed}", Timestamp::now())
    }

    /// The time it shows.
    pub fn now(&self) -> Timestamp {
        let passed = Timestamp::now().duration_since(self.when).as_secs_f64() * self.speed;
        let passed = SignedDuration::try_from_secs_f64(passed).unwrap_or_default();
        self.shown.checked_add(passed).unwrap_or(self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_runs_along() {
        let shown: Timestamp = "2026-11-21T05:00:00Z".parse().unwrap();
        let clock = Clock::parse(&Clock::variable(shown, 0.0)).unwrap();
        assert_eq!(clock.now(), shown);
        let fast = Clock::parse("2026-11-21T05:00:00Z 2000-01-01T00:00:00Z 60").unwrap();
        assert!(fast.now() > shown);
        for wrong in
            ["", "2026-11-21T05:00:00Z", "a b c", "2026-11-21T05:00:00Z 2000-01-01T00:00:00Z x"]
        {
            assert!(Clock::parse(wrong).is_none(), "{wrong}");
        }
    }
}
