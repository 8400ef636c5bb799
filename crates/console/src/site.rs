//! What all pages need: the two files, the ledger, the clouds, and the history in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_core::Result;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::Config;
use landbridge_core::contract::Contract;
use landbridge_ledger::read::days;
use landbridge_ledger::records::REDO;
use landbridge_ledger::{Ledger, ReceiptSummaries};
use tokio::sync::Mutex;

use crate::crossing::Crossing;
use crate::history::History;
use crate::outside::{Outside, Restore};

/// Receipts read at once, if a day's index lacks them.
const AT_ONCE: usize = 16;
/// The age of days that may end late: the ticks of the next day continue a day (`stages/src/late.rs`). Older ones change
/// only on request.
const UNSETTLED_DAYS: usize = 3;
/// How long an answer of RDS is shown again. RDS limits the calls of an account (`Throttling`).
const RESTORE_AGE: Duration = Duration::from_secs(30);

/// When RDS was asked for the restore points, and its answer.
type RestoreRead = (Instant, Arc<std::result::Result<Restore, String>>);

/// What all pages need.
pub struct Site {
    /// `landbridge.yaml`.
    pub config: Config,
    /// `contract.yaml`.
    pub contract: Contract,
    /// The ledger.
    pub ledger: Ledger,
    /// The clouds.
    pub outside: Arc<dyn Outside>,
    /// How many days are kept in memory.
    pub days: u16,
    calendar: Calendar,
    history: RwLock<History>,
    /// How far each day with a record is.
    crossings: RwLock<BTreeMap<Day, Crossing>>,
    /// The version of the requests to do days again, when all days were read.
    redo: Mutex<Option<String>>,
    restore: Mutex<Option<RestoreRead>>,
}

impl Site {
    /// A site that has read nothing.
    ///
    /// # Errors
    /// An invalid zone or hour in the configuration.
    pub fn new(
        config: Config,
        contract: Contract,
        ledger: Ledger,
        outside: Arc<dyn Outside>,
        days: u16,
    ) -> Result<Self> {
        let calendar = Calendar::new(&config.schedule.zone, config.schedule.export_hour)?;
        Ok(Self {
            config,
            contract,
            ledger,
            outside,
            days,
            calendar,
            history: RwLock::default(),
            crossings: RwLock::default(),
            redo: Mutex::default(),
            restore: Mutex::default(),
        })
    }

    /// The zone of the schedule.
    pub fn zone(&self) -> &TimeZone {
        self.calendar.zone()
    }

    /// The calendar of the schedule.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.outside.now()
    }

    /// What was read of all days.
    pub fn history(&self) -> History {
        self.history.read().map(|it| it.clone()).unwrap_or_default()
    }

    /// The day on its way, or the newest one that began.
    pub fn today(&self) -> Option<Crossing> {
        self.crossings.read().ok()?.last_key_value().map(|it| it.1.clone())
    }

    /// Sets the history: for a generated ledger.
    pub fn set_history(&self, history: History) {
        if let Ok(mut place) = self.history.write() {
            *place = history;
        }
    }

    /// Reads the days that may have changed, the newest first: today and yesterday, days that have not ended, and all of
    /// them when a day was requested again. `limit` ends it after so many days, so that a first page need not wait for a
    /// year. Returns whether there is more to read.
    ///
    /// # Errors
    /// Any ledger error. What was read before it is kept.
    pub async fn refresh(&self, limit: usize) -> Result<bool> {
        let now = self.now();
        // One refresh at a time.
        let mut redo = self.redo.lock().await;
        let version = self.ledger.source().versions(REDO).await?;
        let is_new = redo.as_ref().is_some_and(|it| *it != version);
        let mut left = limit;
        for (age, day) in days::newest(&self.calendar, now, self.days).into_iter().enumerate() {
            let known = self.history();
            let is_settled = known.day(day).is_some_and(|it| {
                let is_done = it.line.finished_at.is_some() && it.line.state != "held";
                age > UNSETTLED_DAYS || is_done || it.line.state == "nothing"
            });
            if is_settled && age > 1 && !is_new {
                continue;
            }
            if left == 0 {
                return Ok(true);
            }
            left -= 1;
            self.read_day(day).await?;
        }
        *redo = Some(version);
        let mut history = self.history();
        history.read_at = Some(now);
        self.set_history(history);
        Ok(false)
    }

    /// Reads one day, and stores it.
    async fn read_day(&self, day: Day) -> Result<()> {
        let line = days::line(&self.ledger, day).await?;
        let (mut crossing, mut receipts) = (None, ReceiptSummaries::new());
        if line.state != "nothing" {
            let ledger = self.ledger.day(day);
            let read = ledger.receipt_summaries_read_only(AT_ONCE).await?;
            let (found, read) =
                Crossing::read(&ledger, day, read, &self.config, &self.calendar).await?;
            (crossing, receipts) = (Some(found), read);
        }
        let mut history = self.history();
        history.set(line, receipts);
        history.keep(self.days.into());
        let oldest = history.days().last().map(|it| it.line.day);
        self.set_history(history);
        if let Ok(mut crossings) = self.crossings.write() {
            crossings.extend(crossing.map(|it| (day, it)));
            crossings.retain(|day, _| Some(*day) >= oldest);
        }
        Ok(())
    }

    /// How far a day is; `None` if nothing of it is recorded, or it is older than the days that are read.
    pub fn crossing(&self, day: Day) -> Option<Crossing> {
        self.crossings.read().ok()?.get(&day).cloned()
    }

    /// What the source can be restored to, as of the last 30 seconds.
    pub async fn restore(&self) -> Arc<std::result::Result<Restore, String>> {
        let mut place = self.restore.lock().await;
        if let Some((at, restore)) = &*place
            && at.elapsed() < RESTORE_AGE
        {
            return restore.clone();
        }
        let restore = Arc::new(self.outside.restore().await);
        *place = Some((Instant::now(), restore.clone()));
        restore
    }
}
