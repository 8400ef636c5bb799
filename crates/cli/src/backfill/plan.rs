//! Which days of a history can be filled, and why others cannot.

use std::fmt::Write;

use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::cost::{Prices, day};
use landbridge_core::plan::objects::{assign_folders, group_by_table};
use landbridge_core::plan::{DayPlan, TableEntry};
use landbridge_core::protection::has_expired;
use landbridge_core::receipt::ReceiptState;
use landbridge_ledger::RedoDays;
use landbridge_ledger::records::{self, EXPORT, MANIFEST, PLAN};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::forget::record;
use crate::render::{self, bytes, counted, grouped, left, right};
use crate::requests::Place;

/// The most days of one command: BigQuery deletes older partitions anyway.
const MOST_DAYS: usize = 3_660;

/// The plan; its fields are the keys of `--output json`.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    pub(super) source: String,
    pub(super) source_table: String,
    pub(super) days: Vec<PlannedDay>,
    /// The bytes of the files that are transferred, in S3.
    pub(super) bytes: u64,
    /// What their transfer out of AWS costs, in US dollars; `None` if the price is unknown.
    pub(super) egress_usd: Option<f64>,
    pub(super) prices_as_of: String,
}

/// One day.
#[derive(Debug, Serialize)]
pub(super) struct PlannedDay {
    pub(super) day: Day,
    pub(super) state: DayState,
    /// Rows by the plan of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<u64>,
    /// Bytes of its files in S3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    /// Why it cannot be filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

/// What becomes of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DayState {
    /// The history has it.
    Kept,
    /// It can be filled.
    Fill,
    /// It is requested.
    Requested,
    /// It cannot be filled.
    Refused,
}

impl Plan {
    /// Makes the plan. Changes nothing.
    ///
    /// # Errors
    /// `Usage` for a table without a history and for days in the wrong order; any AWS error.
    pub(super) async fn make(
        place: &Place<'_>,
        table: &str,
        (from, to): (Day, Day),
        again: bool,
    ) -> Result<Self> {
        let config = place.config;
        let schedule = &config.schedule;
        let today = Calendar::new(&schedule.zone, schedule.export_hour)?.day_of(place.now);
        if from > to || to > today {
            return Err(Failure::Usage(format!(
                "--from ({from}) must not be after --to ({to}), and --to not after today ({today} in {})",
                schedule.zone
            )));
        }
        let source_table = source_table(place, table, to).await?;
        let requests = place.ledger.source().redo_days().await?;
        let mut days = Vec::new();
        let all = std::iter::successors(Some(to), |day| day.before());
        for day in all.take_while(|day| *day >= from).take(MOST_DAYS) {
            days.push(planned_day(place, &source_table, (day, again), &requests).await?);
        }
        days.reverse();
        let fills = days.iter().filter(|day| day.state == DayState::Fill);
        let bytes = fills.filter_map(|day| day.bytes).sum();
        let prices = Prices::shipped()?;
        let aws = prices.aws(&config.source.region).ok();
        Ok(Self {
            source: config.source.name.clone(),
            source_table,
            days,
            bytes,
            egress_usd: aws.map(|aws| day::gib(bytes) * aws.egress_gib.usd),
            prices_as_of: prices.as_of,
        })
    }

    fn count(&self, state: DayState) -> usize {
        self.days.iter().filter(|day| day.state == state).count()
    }

    /// Fails if no day is kept, requested or can be filled.
    pub(super) fn verdict(&self) -> Result {
        match self.count(DayState::Refused) == self.days.len() {
            true => Err(Failure::Failed("none of these days can be filled".to_owned())),
            false => Ok(()),
        }
    }

    /// The plan as text.
    pub(super) fn text(&self) -> String {
        let columns = [left("day"), left(""), right("rows"), right("size"), left("")];
        let rows = self.days.iter().map(|day| {
            let state = match day.state {
                DayState::Kept => "kept",
                DayState::Fill => "fill",
                DayState::Requested => "requested",
                DayState::Refused => "not",
            };
            let number =
                |it: Option<u64>, text: fn(u64) -> String| it.map_or_else(String::new, text);
            vec![
                day.day.to_string(),
                state.to_owned(),
                number(day.rows, grouped),
                number(day.bytes, bytes),
                day.why.clone().unwrap_or_default(),
            ]
        });
        let mut text = format!("History of {} of {}\n", self.source_table, self.source);
        text += &render::table(&columns, rows.collect(), 2);
        let usd = self
            .egress_usd
            .map_or_else(|| "an unknown amount".to_owned(), |it| format!("{it:.2} USD"));
        let _ = write!(
            text,
            "{} to fill, {}: {usd} for the transfer out of AWS (prices of {}); BigQuery does not charge loads",
            counted(self.count(DayState::Fill), "day"),
            bytes(self.bytes),
            self.prices_as_of
        );
        text
    }

    /// What happens now, after the requests were written.
    pub(super) fn requested_text(&self) -> String {
        format!(
            "{} requested. The functions `transfer` and `load` fill them in their next ticks, after today's day, the newest first; `landbridge receipt DAY` says when a day is kept. To follow them, run this command again with --dry-run.",
            counted(self.count(DayState::Requested), "day")
        )
    }
}

/// The table's name in the source: as it is given, or that of the BigQuery table of the newest day that has it.
async fn source_table(place: &Place<'_>, name: &str, newest: Day) -> Result<String> {
    let known: Vec<&str> = place.config.histories().map(|(name, _)| name).collect();
    if known.contains(&name) {
        return Ok(name.to_owned());
    }
    let plan = place.ledger.day(newest).value(&PLAN).await?;
    let entry = plan.iter().flat_map(|plan| &plan.tables).find(|entry| entry.table == name);
    match entry.filter(|entry| known.contains(&entry.source_table.as_str())) {
        Some(entry) => Ok(entry.source_table.clone()),
        None => Err(Failure::Usage(format!(
            "landbridge.yaml keeps no history of `{name}`{}; write `tables: {{ schema.table: {{ history: {{ days: 90 }} }} }}` and deploy it first",
            match known.as_slice() {
                [] => String::new(),
                known => format!(", only of {}", known.join(", ")),
            }
        ))),
    }
}

async fn planned_day(
    place: &Place<'_>,
    source_table: &str,
    (day, again): (Day, bool),
    requests: &RedoDays,
) -> Result<PlannedDay> {
    let mut planned =
        PlannedDay { day, state: DayState::Refused, rows: None, bytes: None, why: None };
    let ledger = place.ledger.day(day);
    let kept = ledger.value(&records::history(source_table)).await?;
    if let Some(why) = expired(place, source_table, day) {
        planned.why = Some(why);
    } else if let Some(kept) = kept.filter(|it| it.is_kept() && !again) {
        (planned.state, planned.rows) = (DayState::Kept, kept.rows);
    } else if is_requested(place, source_table, day, requests).await? {
        planned.state = DayState::Requested;
    } else {
        match fillable(place, source_table, day).await? {
            Ok(entry) => {
                planned.state = DayState::Fill;
                (planned.rows, planned.bytes) = (Some(entry.rows), Some(entry.bytes));
            }
            Err(why) => planned.why = Some(why),
        }
    }
    Ok(planned)
}

/// Whether a request for the day and the table has not ended.
async fn is_requested(
    place: &Place<'_>,
    source_table: &str,
    day: Day,
    requests: &RedoDays,
) -> Result<bool> {
    let of_day = place.ledger.source().redo_requests(day, requests).await?;
    Ok(of_day.iter().any(|(request, done)| {
        let tables = request.tables.as_ref();
        done.is_none() && tables.is_none_or(|tables| tables.contains(source_table))
    }))
}

/// Why BigQuery would delete the partition of the day at once, if it would.
fn expired(place: &Place<'_>, source_table: &str, day: Day) -> Option<String> {
    let days = place.config.history_of(source_table).map_or(0, |history| history.days);
    has_expired(day, days, place.now)
        .then(|| format!("it is older than the {days} days that the history keeps"))
}

/// Why a day cannot be filled that the table itself waits for: it would be published on the way.
async fn unpublished(place: &Place<'_>, entry: &TableEntry, day: Day) -> Result<Option<String>> {
    let claim = place.ledger.source().value(&records::claim(&entry.table)).await?;
    if claim.is_some_and(|claim| claim.day > day) {
        return Ok(None);
    }
    let receipt = place.ledger.day(day).value(&records::receipt(&entry.table)).await?;
    let is_published = receipt.is_some_and(|it| it.state == ReceiptState::Published);
    Ok((!is_published).then(|| {
        format!(
            "the table is not published of this day and has no newer rows; `landbridge redo {day} --table {}` does it again",
            entry.source_table
        )
    }))
}

/// The table's entry in the plan of the day, or why the day cannot be filled.
async fn fillable(
    place: &Place<'_>,
    source_table: &str,
    day: Day,
) -> Result<Result<TableEntry, String>> {
    if let Some(why) = record::of_day(place.ledger, Some(source_table), day).await? {
        return Ok(Err(why));
    }
    let ledger = place.ledger.day(day);
    let Some(export) = ledger.value(&EXPORT).await? else {
        return Ok(Err("the day was never exported".to_owned()));
    };
    let (Some(plan), Some(manifest)) = (ledger.value(&PLAN).await?, ledger.value(&MANIFEST).await?)
    else {
        return Ok(Err("the day was exported and never planned".to_owned()));
    };
    let entry = match entry(&plan, source_table) {
        Ok(entry) => entry,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(why) = unpublished(place, &entry, day).await? {
        return Ok(Err(why));
    }
    let bucket = &place.config.export.bucket;
    let listed = place.aws.s3.list(bucket, &manifest.root).await?;
    let folders = group_by_table(&manifest.root, listed);
    let assigned = assign_folders(export.engine, &manifest.tables, folders);
    let table = assigned.tables.into_iter().find(|it| it.source.name == source_table);
    let found = table.map_or(0, |it| it.folder.data.iter().map(|object| object.bytes).sum());
    Ok(if found < entry.bytes {
        Err(format!("files of its export in s3://{bucket}/{} are deleted", manifest.root))
    } else {
        Ok(entry)
    })
}

fn entry(plan: &DayPlan, source_table: &str) -> Result<TableEntry, String> {
    let found = plan.tables.iter().find(|entry| entry.source_table == source_table);
    if let Some(entry) = found {
        return Ok(entry.clone());
    }
    let skipped = plan.skipped.iter().find(|skipped| skipped.source_table == source_table);
    Err(skipped.map_or_else(
        || "the export of the day does not have the table".to_owned(),
        |skipped| format!("the table was not loaded: {}", skipped.reason),
    ))
}
