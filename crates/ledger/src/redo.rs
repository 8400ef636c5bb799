//! The requests to do days again: reading them, for the stages and for the operator's command.

use std::collections::BTreeMap;

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::redo::{Redo, RedoDone, RedoRequest};

use crate::SourceLedger;
use crate::records::{REDO, redo, redo_done};

/// The numbers of the requests for each day, and whether each has ended.
pub type RedoDays = BTreeMap<Day, BTreeMap<u32, bool>>;

impl SourceLedger {
    /// The days for which there are requests. One listing, however many days there are.
    ///
    /// # Errors
    /// Any ledger error.
    pub async fn redo_days(&self) -> Result<RedoDays> {
        let mut days = RedoDays::new();
        for (day, names) in self.names(REDO).await? {
            // A file that is not ours asks for nothing.
            let Ok(day) = day.parse::<Day>() else { continue };
            let numbers = days.entry(day).or_default();
            for name in names {
                let (number, is_end) = match name.strip_suffix("-done") {
                    Some(number) => (number, true),
                    None => (name.as_str(), false),
                };
                if let Ok(number) = number.parse() {
                    *numbers.entry(number).or_default() |= is_end;
                }
            }
        }
        Ok(days)
    }

    /// The requests of one day with their ends, in order.
    ///
    /// # Errors
    /// As [`Records::get`](crate::Records::get).
    pub async fn redo_requests(
        &self,
        day: Day,
        days: &RedoDays,
    ) -> Result<Vec<(RedoRequest, Option<RedoDone>)>> {
        let mut requests = Vec::new();
        for (number, has_ended) in days.get(&day).into_iter().flatten() {
            let Some(request) = self.value(&redo(day, *number)).await? else { continue };
            let done = match has_ended {
                true => self.value(&redo_done(day, *number)).await?,
                false => None,
            };
            requests.push((request, done));
        }
        Ok(requests)
    }

    /// What the requests of one day ask for.
    ///
    /// # Errors
    /// As [`Records::get`](crate::Records::get).
    pub async fn redo_of(&self, day: Day, days: &RedoDays) -> Result<Redo> {
        Ok(Redo::of(self.redo_requests(day, days).await?))
    }
}
