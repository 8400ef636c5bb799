//! The current time: the machine's, or the virtual time of a local cloud.

use jiff::{SignedDuration, Timestamp};

use crate::failure::{Failure, Result};

/// The environment variable with the virtual time of `landbridge local up`. It contains a virtual
/// instant, the machine's time at that instant, and the virtual seconds per second, separated by
/// spaces.
pub const VARIABLE: &str = "LANDBRIDGE_CLOCK";

/// A clock that is derived from the machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The time of this clock at `machine_start`.
    start: Timestamp,
    /// The machine's time when this clock showed `start`.
    machine_start: Timestamp,
    /// Seconds of this clock per second of the machine's clock.
    speed: f64,
}

impl Clock {
    /// The clock that [`VARIABLE`] describes, or the machine's clock if the variable is not set.
    ///
    /// # Errors
    /// [`Failure::Usage`] if the variable cannot be parsed.
    pub fn from_env() -> Result<Self> {
        let now = Timestamp::now();
        match std::env::var(VARIABLE) {
            Ok(text) if !text.is_empty() => Self::parse(&text).ok_or_else(|| {
                Failure::Usage(format!(
                    "the environment variable {VARIABLE} is invalid: `{text}`; load it from \
                     local.env of `landbridge local up`, or unset it"
                ))
            }),
            _ => Ok(Self { start: now, machine_start: now, speed: 1.0 }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let start = parts.next()?.parse().ok()?;
        let machine_start = parts.next()?.parse().ok()?;
        let speed: f64 = parts.next()?.parse().ok()?;
        (speed.is_finite() && parts.next().is_none()).then_some(Self {
            start,
            machine_start,
            speed,
        })
    }

    /// The value of [`VARIABLE`] for a clock that shows `now` at this moment and advances `speed`
    /// seconds per second.
    pub fn variable(now: Timestamp, speed: f64) -> String {
        format!("{now} {} {speed}", Timestamp::now())
    }

    /// The current time of this clock.
    pub fn now(&self) -> Timestamp {
        let seconds =
            Timestamp::now().duration_since(self.machine_start).as_secs_f64() * self.speed;
        let elapsed = SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
        self.start.checked_add(elapsed).unwrap_or(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_is_parsed_and_advances() {
        let start: Timestamp = "2026-11-21T05:00:00Z".parse().unwrap();
        let clock = Clock::parse(&Clock::variable(start, 0.0)).unwrap();
        assert_eq!(clock.now(), start);
        let fast = Clock::parse("2026-11-21T05:00:00Z 2000-01-01T00:00:00Z 60").unwrap();
        assert!(fast.now() > start);
        for wrong in
            ["", "2026-11-21T05:00:00Z", "a b c", "2026-11-21T05:00:00Z 2000-01-01T00:00:00Z x"]
        {
            assert!(Clock::parse(wrong).is_none(), "{wrong}");
        }
    }
}
