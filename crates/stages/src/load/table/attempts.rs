//! When a load whose jobs fail is tried again. A cause that remains would use up the jobs that BigQuery
//! allows a table and a project per day, so the pauses between the ticks that try it grow.

use jiff::{SignedDuration, Timestamp};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{self, LoadAttempts};

use super::TableLoad;

/// The time between two ticks of the schedule.
const TICK: SignedDuration = SignedDuration::from_mins(5);
/// The ticks after which the pause does not grow any more: it is 35 minutes then.
const MOST: u32 = 4;

/// When the load may be tried again after so many ticks that failed, the last of them at `at`: by the next
/// tick, then after 5, 15 and 35 minutes.
fn next_at(ticks: u32, at: Timestamp) -> Timestamp {
    let pauses = 2_i32.pow(ticks.clamp(1, MOST) - 1) - 1;
    at + TICK * pauses
}

impl TableLoad<'_> {
    /// Whether the load of these rows failed, and its next attempt is due later. Another contract, another
    /// transfer and a redo are other loads, which begin at once.
    ///
    /// # Errors
    /// Any ledger error.
    pub(super) async fn waits(&self, digest: &str) -> Result<bool> {
        let failed = self.ledger.value(&records::attempts(&self.table.table)).await?;
        let failed = failed.filter(|it| self.is_of(it, digest));
        Ok(failed.is_some_and(|it| self.tick.now < next_at(it.ticks, it.tried_at)))
    }

    /// Records that the jobs of this tick have failed, and returns the error. A cause that concerns more
    /// than the table is not counted: when a person has removed it, the next tick continues.
    ///
    /// # Errors
    /// Any ledger error.
    pub(super) async fn failed(
        &self,
        digest: &str,
        (kind, what): (ErrorKind, &'static str),
        mut failure: String,
    ) -> Result<Error> {
        if kind.holds_table() {
            let name = records::attempts(&self.table.table);
            let earlier = self.ledger.value(&name).await?.filter(|it| self.is_of(it, digest));
            let record = LoadAttempts {
                digest: digest.to_owned(),
                deployment: self.context.deployment.number,
                ticks: earlier.map_or(0, |it| it.ticks) + 1,
                tried_at: self.tick.now,
            };
            self.ledger.set(&name, &record).await?;
            let next = next_at(record.ticks, record.tried_at);
            if next > self.tick.now {
                failure = format!(
                    "{failure}; {} ticks have failed, the next attempt is at {next}, or at once after a deployment or `landbridge redo`",
                    record.ticks
                );
            }
        }
        Ok(Error::new(kind, what, failure))
    }

    fn is_of(&self, attempts: &LoadAttempts, digest: &str) -> bool {
        attempts.digest == digest && attempts.deployment == self.context.deployment.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_between_failing_ticks_grow_up_to_a_limit() {
        let minutes = |ticks| {
            next_at(ticks, Timestamp::UNIX_EPOCH).duration_since(Timestamp::UNIX_EPOCH).as_mins()
        };
        assert_eq!([0, 1, 2, 3, 4, 5, 99].map(minutes), [0, 0, 5, 15, 35, 35, 35]);
    }
}
