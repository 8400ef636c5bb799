//! What a redo does again, what it costs, and what is refused before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::cost::{Prices, day};
use landbridge_core::plan::objects::{assign_folders, group_by_table};
use landbridge_core::plan::{DayPlan, SkippedTable, TableEntry};
use landbridge_core::redo::{RedoDone, RedoRequest};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{Claim, EXPORT, ExportRecord, MANIFEST, PLAN};
use serde::Serialize;

use crate::cost::storage_gib;
use crate::failure::{Failure, Result};
use crate::forget::record;
use crate::requests::{Place, read_claims};

/// The plan; its fields are the keys of `--output json`.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    pub(super) source: String,
    pub(super) day: Day,
    /// Whether the request was written.
    pub(super) requested: bool,
    /// The number of the request.
    pub(super) number: u32,
    /// When an earlier request that has not ended asks for all of this.
    pub(super) requested_before: Option<Timestamp>,
    /// The tables; empty if the day is not planned yet: all that the export contains.
    pub(super) tables: Vec<PlannedTable>,
    /// The tables that keep the rows of a newer day.
    pub(super) newer: Vec<NewerTable>,
    /// Whether every table of the day is meant, also those that the plan does not know.
    pub(super) complete: bool,
    /// The other export, if one is made.
    pub(super) export: Option<OtherExport>,
    /// Whether tables are published although an audit blocks them.
    pub(super) accept_audits: bool,
    /// The bytes of the tables in S3.
    pub(super) bytes: u64,
    pub(super) cost: Cost,
}

/// What the person asked for, beside the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Another export.
    pub(super) export: bool,
    /// Tables are published although an audit blocks them.
    pub(super) accept_audits: bool,
}

/// One table that is done again.
#[derive(Debug, Serialize)]
pub(super) struct PlannedTable {
    pub(super) source_table: String,
    pub(super) table: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// The day whose rows it has now; `None` if it has none.
    pub(super) has_rows_of: Option<Day>,
}

/// A table that a newer day has loaded.
#[derive(Debug, Serialize)]
pub(super) struct NewerTable {
    pub(super) source_table: String,
    pub(super) day: Day,
}

/// Another export of the day's snapshot.
#[derive(Debug, Serialize)]
pub(super) struct OtherExport {
    pub(super) snapshot: String,
    /// Why it is made.
    pub(super) why: String,
}

/// What the redo costs, in US dollars; `None` if the size or the price is unknown.
#[derive(Debug, Serialize)]
pub(super) struct Cost {
    pub(super) export_usd: Option<f64>,
    pub(super) egress_usd: Option<f64>,
    pub(super) prices_as_of: Option<String>,
}

/// The records of a day.
struct DayRecords {
    day: Day,
    export: ExportRecord,
    plan: Option<DayPlan>,
    /// By BigQuery table.
    claims: BTreeMap<String, Claim>,
}

impl Plan {
    /// Makes the plan. Changes nothing.
    ///
    /// # Errors
    /// `Usage` for a day in the future and an unknown table; `Failed` for a day that cannot be done
    /// again, with the reason; any AWS error.
    pub(super) async fn make(
        place: &Place<'_>,
        day: Day,
        tables: &[String],
        Wanted { export: wants_export, accept_audits }: Wanted,
    ) -> Result<Self> {
        let records = DayRecords::read(place, day).await?;
        if !records.export.complete && !wants_export {
            return Err(Failure::Failed(format!(
                "the export of {day} is not complete: {}, attempt {}. The next ticks of `export` continue it; if every attempt has failed, `--export` begins with new ones",
                records.export.export, records.export.attempt
            )));
        }
        refuse_forgotten(place, &records, tables).await?;
        let chosen = records.choose(tables, wants_export)?;
        let export = other_export(place, &records, &chosen.tables, wants_export).await?;
        let requests = place.ledger.source();
        let days = requests.redo_days().await?;
        let number = days.get(&day).and_then(|it| it.keys().max()).map_or(1, |newest| newest + 1);
        let earlier = requests.redo_requests(day, &days).await?;
        let mut plan = Self {
            source: place.config.source.name.clone(),
            day,
            requested: false,
            number,
            requested_before: None,
            bytes: chosen.tables.iter().map(|table| table.bytes).sum(),
            tables: chosen.tables,
            newer: chosen.newer,
            complete: chosen.complete,
            export,
            accept_audits,
            cost: Cost { export_usd: None, egress_usd: None, prices_as_of: None },
        };
        plan.refuse_forgotten(place).await?;
        let covers = |(request, done): &&(RedoRequest, Option<RedoDone>)| {
            done.is_none() && plan.is_covered_by(request)
        };
        plan.requested_before =
            earlier.iter().find(covers).map(|(request, _)| request.requested_at);
        plan.cost = cost(place, &plan).await?;
        Ok(plan)
    }

    /// The tables as the request names them; `None`: every table of the day.
    pub(super) fn requested_tables(&self) -> Option<BTreeSet<String>> {
        let all = self.complete && self.newer.is_empty();
        (!all).then(|| self.tables.iter().map(|table| table.source_table.clone()).collect())
    }

    /// Refuses tables of which rows were forgotten since the day; asked again after the operator has confirmed.
    ///
    /// # Errors
    /// `Failed` with the record; any ledger error.
    pub(super) async fn refuse_forgotten(&self, place: &Place<'_>) -> Result {
        if self.tables.is_empty() {
            return refuse_unplanned(place, self.day).await;
        }
        for table in &self.tables {
            refuse_table(place, &table.source_table, self.day).await?;
        }
        Ok(())
    }

    /// Whether this request asks for all of the plan.
    fn is_covered_by(&self, request: &RedoRequest) -> bool {
        let tables = match (&request.tables, self.requested_tables()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(requested), Some(wanted)) => wanted.is_subset(requested),
        };
        tables
            && (request.export || self.export.is_none())
            && (request.accept_audits || !self.accept_audits)
    }
}

/// The tables that are done again, and those that are not.
struct Chosen {
    tables: Vec<PlannedTable>,
    newer: Vec<NewerTable>,
    complete: bool,
}

impl DayRecords {
    async fn read(place: &Place<'_>, day: Day) -> Result<Self> {
        let schedule = &place.config.schedule;
        let today = Calendar::new(&schedule.zone, schedule.export_hour)?.day_of(place.now);
        if day > today {
            return Err(Failure::Usage(format!(
                "{day} is in the future: today is {today} in {}",
                schedule.zone
            )));
        }
        let ledger = place.ledger.day(day);
        let Some(export) = ledger.value(&EXPORT).await? else {
            return Err(Failure::Failed(format!(
                "{day} was never exported: there is no {}. `landbridge status` shows the last day; today's day is done by the functions",
                ledger.location(EXPORT.path())
            )));
        };
        let plan = ledger.value(&PLAN).await?;
        let claims = read_claims(place.ledger).await?;
        Ok(Self { day, export, plan, claims })
    }

    /// The tables that `tables` names, or all of them.
    fn choose(&self, tables: &[String], wants_export: bool) -> Result<Chosen> {
        let Some(plan) = &self.plan else { return self.choose_unplanned(tables) };
        let named = self.named(plan, tables, wants_export)?;
        let (mut newer, mut chosen) = (Vec::new(), Vec::new());
        for entry in named {
            let claim = self.claims.get(&entry.table);
            match claim.map(|claim| claim.day).filter(|day| *day > self.day) {
                Some(day) => newer.push(NewerTable { source_table: entry.source_table, day }),
                None => chosen.push(PlannedTable {
                    has_rows_of: claim.and_then(|claim| claim.loaded.as_ref()?.newest_day()),
                    source_table: entry.source_table,
                    table: entry.table,
                    rows: entry.rows,
                    bytes: entry.bytes,
                }),
            }
        }
        let refused = match tables {
            [] if chosen.is_empty() => newer.first(),
            [] => None,
            _ => newer.first(),
        };
        match refused {
            Some(NewerTable { source_table, day }) => Err(Failure::Failed(format!(
                "`{source_table}` has the rows of {day}, newer than {}, so they stay. Nothing was requested",
                self.day
            ))),
            None if chosen.is_empty() && !wants_export => Err(Failure::Failed(format!(
                "the export of {} contains no table that can be loaded; `--export` exports its snapshot again",
                self.day
            ))),
            None => Ok(Chosen { tables: chosen, newer, complete: tables.is_empty() }),
        }
    }

    /// A day that was exported and never planned has no list of its tables.
    fn choose_unplanned(&self, tables: &[String]) -> Result<Chosen> {
        if let Some(name) = tables.first() {
            return Err(Failure::Failed(format!(
                "{} is not planned yet, so `{name}` cannot be chosen; without --table, every table is done",
                self.day
            )));
        }
        let newest = self.claims.values().map(|claim| claim.day);
        if !self.claims.is_empty() && newest.clone().all(|day| day > self.day) {
            let newest = newest.max().unwrap_or(self.day);
            return Err(Failure::Failed(format!(
                "every table has the rows of a newer day, the newest of {newest}, so they stay. Nothing was requested",
            )));
        }
        Ok(Chosen { tables: Vec::new(), newer: Vec::new(), complete: true })
    }

    /// The entries of the named tables, or of all.
    fn named(
        &self,
        plan: &DayPlan,
        tables: &[String],
        wants_export: bool,
    ) -> Result<Vec<TableEntry>> {
        if tables.is_empty() {
            return Ok(plan.tables.clone());
        }
        let mut named: BTreeMap<String, TableEntry> = BTreeMap::new();
        for name in tables {
            let is_it = |it: &&TableEntry| it.table == *name || it.source_table == *name;
            let skipped = |it: &&SkippedTable| it.source_table == *name;
            if let Some(entry) = plan.tables.iter().find(is_it) {
                named.insert(entry.source_table.clone(), entry.clone());
            } else if let Some(skipped) = plan.skipped.iter().find(skipped) {
                if !wants_export {
                    return Err(Failure::Failed(format!(
                        "`{name}` was not loaded on {}: {}. `--export` exports the snapshot again",
                        self.day, skipped.reason
                    )));
                }
                named.insert(name.clone(), unplanned_entry(name));
            } else {
                let known: Vec<&str> =
                    plan.tables.iter().map(|entry| entry.source_table.as_str()).collect();
                return Err(Failure::Usage(format!(
                    "{} has no table `{name}`. It has: {}",
                    self.day,
                    known.join(", ")
                )));
            }
        }
        Ok(named.into_values().collect())
    }
}

/// The entry of a table of which only the name is known: RDS skipped it.
fn unplanned_entry(source_table: &str) -> TableEntry {
    TableEntry {
        source_table: source_table.to_owned(),
        table: String::new(),
        items: 0,
        rows: 0,
        bytes: 0,
        revision: 1,
        digest: String::new(),
        transfer_fingerprint: String::new(),
        has_problem: false,
        unread: false,
    }
}

/// The other export, if one is requested or needed. Its snapshot must exist.
async fn other_export(
    place: &Place<'_>,
    records: &DayRecords,
    tables: &[PlannedTable],
    wants_export: bool,
) -> Result<Option<OtherExport>> {
    let why = match wants_export {
        true => "you asked for it (--export)".to_owned(),
        false => match missing_objects(place, records, tables).await? {
            Some(why) => why,
            None => return Ok(None),
        },
    };
    let snapshot = &records.export.snapshot;
    if place.aws.rds.snapshot(snapshot).await?.is_none() {
        return Err(Failure::Failed(format!(
            "{} cannot be done again: {why}, and its snapshot {snapshot} does not exist any more. The tables keep their rows",
            records.day
        )));
    }
    Ok(Some(OtherExport { snapshot: snapshot.clone(), why }))
}

/// Refuses tables that the operator names and of which rows were forgotten since the day.
async fn refuse_forgotten(place: &Place<'_>, records: &DayRecords, tables: &[String]) -> Result {
    let planned = records.plan.iter().flat_map(|plan| &plan.tables);
    for entry in planned {
        if tables.iter().any(|it| *it == entry.source_table || *it == entry.table) {
            refuse_table(place, &entry.source_table, records.day).await?;
        }
    }
    Ok(())
}

/// Refuses a day without a list of its tables if rows of any table were forgotten since: the first plan of the day would be made of the
/// files that are left, without the other rows of the deleted ones, or of another export, which has the rows still.
async fn refuse_unplanned(place: &Place<'_>, day: Day) -> Result {
    match record::of_day(place.ledger, None, day).await? {
        None => Ok(()),
        Some(why) => Err(Failure::Failed(format!(
            "{day} was never planned and cannot be done any more: {why}. Do a newer day again"
        ))),
    }
}

/// Refuses a table of which rows were forgotten since the day: its rows of that day have them still.
async fn refuse_table(place: &Place<'_>, source_table: &str, day: Day) -> Result {
    match record::of_day(place.ledger, Some(source_table), day).await? {
        None => Ok(()),
        Some(why) => Err(Failure::Failed(format!(
            "{source_table} of {day} cannot be done again: {why}. Name the other tables with --table, or do a newer day again"
        ))),
    }
}

/// Why the objects of the tables cannot be transferred again: they are not in the bucket any more.
async fn missing_objects(
    place: &Place<'_>,
    records: &DayRecords,
    tables: &[PlannedTable],
) -> Result<Option<String>> {
    let bucket = &place.config.export.bucket;
    let ledger: DayLedger = place.ledger.day(records.day);
    let Some(manifest) = ledger.value(&MANIFEST).await? else {
        return Ok(Some("the ledger lacks the manifests of its export".to_owned()));
    };
    let listed = place.aws.s3.list(bucket, &manifest.root).await?;
    if listed.is_empty() {
        let why = format!("s3://{bucket}/{} contains nothing any more", manifest.root);
        return Ok(Some(why));
    }
    let folders = group_by_table(&manifest.root, listed);
    let assigned = assign_folders(records.export.engine, &manifest.tables, folders);
    let found: BTreeMap<&str, u64> = assigned
        .tables
        .iter()
        .map(|table| {
            let bytes = table.folder.data.iter().map(|object| object.bytes).sum();
            (table.source.name.as_str(), bytes)
        })
        .collect();
    let is_missing = |table: &&PlannedTable| {
        found.get(table.source_table.as_str()).copied().unwrap_or_default() < table.bytes
    };
    Ok(tables.iter().find(is_missing).map(|table| {
        format!("objects of `{}` in s3://{bucket}/{} are gone", table.source_table, manifest.root)
    }))
}

/// The cost by the price list of the program. A region that the list lacks has no price.
async fn cost(place: &Place<'_>, plan: &Plan) -> Result<Cost> {
    let prices = Prices::shipped()?;
    let Ok(aws) = prices.aws(&place.config.source.region) else {
        return Ok(Cost { export_usd: None, egress_usd: None, prices_as_of: None });
    };
    let database_gib = match plan.export {
        Some(_) => storage_gib(place.aws, place.config).await?,
        None => Some(0.0),
    };
    let is_known = !plan.tables.is_empty();
    Ok(Cost {
        export_usd: database_gib.map(|gib| gib * aws.export_gib.usd),
        egress_usd: is_known.then(|| day::gib(plan.bytes) * aws.egress_gib.usd),
        prices_as_of: Some(prices.as_of),
    })
}
