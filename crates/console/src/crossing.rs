//! How far one day is: from the snapshot to the receipts. Pure, from the day's records.

use std::collections::BTreeMap;

use jiff::Timestamp;
use landbridge_core::Result;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::Config;
use landbridge_core::plan::DayPlan;
use landbridge_core::receipt::ReceiptState;
use landbridge_ledger::records::{
    CARRIED, DAY, DayRecord, DayState, EXPORT, ExportRecord, ITEMS, PLAN, UNCHANGED,
};
use landbridge_ledger::{DayLedger, ReceiptSummaries};

/// A part of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The snapshot of the source.
    Snapshot,
    /// RDS writes it to S3.
    Export,
    /// Objects go to Cloud Storage.
    Transfer,
    /// Tables are replaced and proven.
    Load,
}

/// How far a part of the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not begun.
    Waits,
    /// In work.
    Works,
    /// Done.
    Done,
    /// Ended, and not all of it is done.
    Stopped,
}

impl Progress {
    /// Its name, in classes and keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Works => "works",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

/// One lane of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The part.
    pub stage: Stage,
    /// How far it is.
    pub progress: Progress,
    /// When it began.
    pub from: Option<Timestamp>,
    /// When it ended at the latest.
    pub until: Option<Timestamp>,
    /// How many objects or tables are done, and of how many.
    pub done: u64,
    /// See [`Self::done`]; 0 if nothing is counted.
    pub of: u64,
}

/// One day on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The day.
    pub day: Day,
    /// How it ended, if it has.
    pub end: Option<DayState>,
    /// When it was finished.
    pub finished_at: Option<Timestamp>,
    /// The hour of the snapshot: the left end of the picture.
    pub starts_at: Timestamp,
    /// When the day must be published.
    pub deadline: Timestamp,
    /// Snapshot, export, transfer, load.
    pub lanes: Vec<Lane>,
    /// The snapshot that was taken, if it is recorded.
    pub snapshot: Option<String>,
    /// Tables of the plan.
    pub tables: u64,
    /// Tables published.
    pub published: u64,
    /// Rows of the published tables.
    pub rows: u64,
    /// Objects of the plan.
    pub objects: u64,
    /// Bytes of the plan's files in S3.
    pub bytes: u64,
    /// The tables that keep the rows of an earlier day.
    pub held: Vec<String>,
    /// The tables that have no rows of this day, because they are not in the export.
    pub gaps: Vec<String>,
}

impl Crossing {
    /// Whether the day has begun and has not ended.
    pub fn is_running(&self) -> bool {
        self.end.is_none() && self.snapshot.is_some()
    }

    /// Reads how far a day is. Four calls, and of a day that is not published, one for each thousand objects and, with
    /// `transfer.unchanged: skip`, two more.
    ///
    /// # Errors
    /// Any ledger error.
    pub async fn read(
        ledger: &DayLedger,
        day: Day,
        receipts: ReceiptSummaries,
        config: &Config,
        calendar: &Calendar,
    ) -> Result<(Self, ReceiptSummaries)> {
        let end = ledger.value(&DAY).await?;
        // All objects of a published day crossed.
        let items = match end.as_ref().is_some_and(|it| it.published) {
            true => BTreeMap::new(),
            false => ledger.names(ITEMS).await?,
        };
        let mut items: BTreeMap<String, usize> =
            items.into_iter().map(|(name, of)| (name, of.len())).collect();
        if end.as_ref().is_none_or(|it| !it.published) && config.transfer.unchanged.skips() {
            // What is unchanged need not cross any more.
            let carried = ledger.names(CARRIED).await?;
            let unchanged = ledger.names(UNCHANGED).await?.into_keys();
            let unchanged = unchanged.filter(|name| !carried.contains_key(name));
            items.extend(unchanged.map(|name| (name, usize::MAX)));
        }
        let records = Records {
            export: ledger.value(&EXPORT).await?,
            plan: ledger.value(&PLAN).await?,
            items,
            receipts,
            end,
        };
        Ok((Self::of(day, &records, config, calendar), records.receipts))
    }

    /// The same from the records.
    pub fn of(day: Day, records: &Records, config: &Config, calendar: &Calendar) -> Self {
        let Records { export, plan, items, receipts, end } = records;
        let published = receipts.values().filter(|it| it.state == ReceiptState::Published);
        let held = receipts.values().filter(|it| it.state == ReceiptState::Held);
        let finished_at = end.as_ref().map(|it| it.finished_at);
        let tables = plan.as_ref().map_or(0, |plan| plan.tables.len() as u64);
        let mut crossing = Self {
            day,
            end: end.as_ref().map(DayRecord::state),
            finished_at,
            starts_at: calendar.export_hour(day).start(),
            deadline: config.schedule.deadline(calendar, day).start(),
            lanes: Vec::new(),
            snapshot: export.as_ref().map(|it| it.snapshot.clone()),
            tables,
            published: published.clone().count() as u64,
            rows: published.filter_map(|it| it.rows_table).sum(),
            objects: 0,
            bytes: plan.iter().flat_map(|plan| &plan.tables).map(|it| it.bytes).sum(),
            held: held.map(|it| it.source_table.clone()).collect(),
            gaps: end.as_ref().map(|it| it.gaps.clone()).unwrap_or_default(),
        };
        let (mut done, of) = objects(plan.as_ref(), items);
        if end.as_ref().is_some_and(|it| it.published) {
            done = of;
        }
        crossing.objects = of;
        crossing.lanes = vec![
            snapshot(export.as_ref()),
            self::export(export.as_ref()),
            crossing.transfer(plan.as_ref(), (done, of)),
            crossing.load(plan.as_ref(), receipts),
        ];
        crossing
    }

    fn transfer(&self, plan: Option<&DayPlan>, (done, of): (u64, u64)) -> Lane {
        let progress = match plan {
            None => Progress::Waits,
            Some(_) if done >= of => Progress::Done,
            Some(_) if self.end.is_some() => Progress::Stopped,
            Some(_) => Progress::Works,
        };
        let from = plan.map(|it| it.planned_at);
        Lane { stage: Stage::Transfer, progress, from, until: self.finished_at, done, of }
    }

    fn load(&self, plan: Option<&DayPlan>, receipts: &ReceiptSummaries) -> Lane {
        let done = receipts.values().filter(|it| it.is_final()).count() as u64;
        let progress = match (plan, &self.end) {
            (None, _) => Progress::Waits,
            (_, Some(DayState::Published)) => Progress::Done,
            (_, Some(DayState::PublishedWithGaps)) if done >= self.tables => Progress::Done,
            (_, Some(_)) => Progress::Stopped,
            (Some(_), None) if receipts.is_empty() => Progress::Waits,
            _ => Progress::Works,
        };
        let from = plan.filter(|_| progress != Progress::Waits).map(|it| it.planned_at);
        Lane { stage: Stage::Load, progress, from, until: self.finished_at, done, of: self.tables }
    }
}

/// The records of a day that say how far it is.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// The export.
    pub export: Option<ExportRecord>,
    /// The plan.
    pub plan: Option<DayPlan>,
    /// The objects that crossed, or need not, by the name of the plan of their table.
    pub items: BTreeMap<String, usize>,
    /// The receipts.
    pub receipts: ReceiptSummaries,
    /// The end.
    pub end: Option<DayRecord>,
}

/// How many objects of the plan crossed, and how many there are.
fn objects(plan: Option<&DayPlan>, items: &BTreeMap<String, usize>) -> (u64, u64) {
    let tables = plan.map(|plan| plan.tables.as_slice()).unwrap_or_default();
    let done =
        tables.iter().map(|it| items.get(&it.record_name()).copied().unwrap_or(0).min(it.items));
    let of = tables.iter().map(|it| it.items);
    (done.sum::<usize>() as u64, of.sum::<usize>() as u64)
}

fn snapshot(export: Option<&ExportRecord>) -> Lane {
    let at = export.and_then(|it| it.snapshot_at);
    let progress = if export.is_some() { Progress::Done } else { Progress::Waits };
    Lane { stage: Stage::Snapshot, progress, from: at, until: at, done: 0, of: 0 }
}

fn export(export: Option<&ExportRecord>) -> Lane {
    let progress = match export {
        None => Progress::Waits,
        Some(export) if export.complete => Progress::Done,
        Some(_) => Progress::Works,
    };
    let (from, until) = export.map_or((None, None), |it| (it.started_at, it.ended_at));
    Lane { stage: Stage::Export, progress, from, until, done: 0, of: 0 }
}
