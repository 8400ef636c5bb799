//! Contracts that are deployed in the course of a day, and the minute from which they are in force.

use jiff::{SignedDuration, Timestamp};
use landbridge_cli_support::render::{counted, grouped};
use landbridge_core::calendar::Day;
use landbridge_core::config::CLASS_NONE;
use landbridge_core::contract::Contract;
use landbridge_local::{Principal, RunSummary};
use serde::Serialize;

use super::sample::{VisibleValues, visible_values};
use crate::bigquery::BigQuery;
use crate::environment::LocalEnvironment;
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// How long after its deployment a contract must be in force: the interval of the protection pass.
const IN_FORCE_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How long the demo waits for it, so that a failure has a measured time, too.
const WAIT_AT_MOST: SignedDuration = SignedDuration::from_mins(15);
/// The class that the columns get.
const CLASS: &str = "account";

/// A column of class `none` that gets [`CLASS`], and when.
struct Tightening {
    /// Hour and minute in the zone of the calendar: one while the functions load tables, one when
    /// no load is due for hours.
    at: (i8, i8),
    source_table: &'static str,
    table: &'static str,
    column: &'static str,
}

/// The deployments of a day of the sample database.
const TIGHTENINGS: [Tightening; 2] = [
    Tightening {
        at: (3, 10),
        source_table: "public.creators",
        table: "creators",
        column: "commission_rate",
    },
    Tightening {
        at: (10, 10),
        source_table: "public.creators",
        table: "creators",
        column: "bank_code",
    },
];

/// A contract that was deployed, with what each user could read before and after.
#[derive(Serialize)]
pub(super) struct Deployment {
    table: String,
    column: String,
    from_class: String,
    to_class: String,
    /// `HH:MM` in the zone of the calendar.
    deployed_at: String,
    /// The first minute in which the class was in force, measured by the query; `None` if it was
    /// not within [`WAIT_AT_MOST`].
    in_force_at: Option<String>,
    /// Whether that was at most [`IN_FORCE_WITHIN`] later.
    in_time: bool,
    /// The query that counts the values of the column that a user can read.
    sql: String,
    before: Vec<VisibleValues>,
    after: Vec<VisibleValues>,
}

/// Simulates a day until the last deployment is in force. Returns the deployments, and the summary
/// of the simulated part of the day.
///
/// A column that the contract does not have with class `none` is left out: the user may have
/// changed the contract.
pub(super) async fn run(
    environment: &LocalEnvironment,
    day: Day,
    warehouse: &BigQuery,
    progress: &mut Progress,
) -> Result<(Vec<Deployment>, RunSummary)> {
    let mut contract = environment.contract.clone();
    let mut summary = RunSummary::default();
    let mut deployments = Vec::new();
    for tightening in &TIGHTENINGS {
        if !tighten(&mut contract, tightening, environment) {
            continue;
        }
        let (hour, minute) = tightening.at;
        let at = time_of(environment, day, hour, minute)?;
        add(&mut summary, environment.run_until(at, progress).await?);
        let Tightening { table, column, .. } = tightening;
        let sql = format!("SELECT COUNT(`{column}`) AS visible FROM `{table}`");
        let before = visible_values(warehouse, &sql).await?;
        environment.deploy_contract(&contract)?;
        let mut after = visible_values(warehouse, &sql).await?;
        let mut now = at;
        while !is_hidden(&after) && now.duration_since(at) < WAIT_AT_MOST {
            now = now.checked_add(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MAX);
            add(&mut summary, environment.run_until(now, progress).await?);
            after = visible_values(warehouse, &sql).await?;
        }
        let zone = environment.calendar.zone();
        let clock = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
        let in_force = is_hidden(&after);
        deployments.push(Deployment {
            table: (*table).to_owned(),
            column: (*column).to_owned(),
            from_class: CLASS_NONE.to_owned(),
            to_class: CLASS.to_owned(),
            deployed_at: clock(at),
            in_force_at: in_force.then(|| clock(now)),
            in_time: in_force && now.duration_since(at) <= IN_FORCE_WITHIN,
            sql,
            before,
            after,
        });
    }
    Ok((deployments, summary))
}

/// Gives the column its class in the contract, if the column exists and everyone may read it.
fn tighten(contract: &mut Contract, to: &Tightening, environment: &LocalEnvironment) -> bool {
    let column = contract
        .tables
        .get_mut(to.source_table)
        .and_then(|table| table.columns.get_mut(to.column))
        .filter(|column| column.class == CLASS_NONE && column.transform.is_none());
    let Some(column) = column else { return false };
    let Some(class) = environment.config().class(CLASS) else { return false };
    if !class.mask.fits(column.column_type()) {
        return false;
    }
    CLASS.clone_into(&mut column.class);
    column.bounds = false;
    true
}

/// A wall-clock time of the day.
pub(super) fn time_of(
    environment: &LocalEnvironment,
    day: Day,
    hour: i8,
    minute: i8,
) -> Result<Timestamp> {
    let time = day.date().at(hour, minute, 0, 0).to_zoned(environment.calendar.zone().clone());
    time.map(|time| time.timestamp()).map_err(|error| Failure::Failed(error.to_string()))
}

/// Whether the analyst reads no value and the user without rights is refused.
fn is_hidden(visible: &[VisibleValues]) -> bool {
    let of = |user: Principal| visible.iter().find(|visible| visible.user == user.name());
    of(Principal::Analyst).is_some_and(|visible| visible.values == Some(0))
        && of(Principal::Stranger).is_some_and(|visible| visible.values.is_none())
}

/// Adds a part of a day to its summary.
pub(super) fn add(total: &mut RunSummary, part: RunSummary) {
    total.ticks += part.ticks;
    total.invocations += part.invocations;
    total.given_up.extend(part.given_up);
}

impl Deployment {
    /// What went wrong, as a clause.
    pub(super) fn fault(&self) -> Option<String> {
        let Self { table, column, deployed_at, in_force_at, .. } = self;
        let measured = match in_force_at {
            Some(at) => format!("only at {at}"),
            None => format!("not within {} minutes", WAIT_AT_MOST.as_mins()),
        };
        (!self.in_time).then(|| {
            format!(
                "the class of {table}.{column} deployed at {deployed_at} was in force {measured}"
            )
        })
    }

    /// The deployment as text, one line per fact.
    pub(super) fn text(&self) -> String {
        let Self { table, column, from_class, to_class, deployed_at, in_force_at, .. } = self;
        let in_force = in_force_at.as_deref().unwrap_or("never");
        let readers: Vec<String> = self
            .before
            .iter()
            .zip(&self.after)
            .map(|(before, after)| format!("{} {} → {}", before.user, count(before), count(after)))
            .collect();
        format!(
            "  {deployed_at} deployed: class of {table}.{column} {from_class} → {to_class}; in force at {in_force}\n  \
             values visible before and after: {}\n",
            readers.join(", ")
        )
    }
}

fn count(visible: &VisibleValues) -> String {
    visible.values.map_or_else(|| "refused".to_owned(), grouped)
}

/// The heading of the deployments of a day.
pub(super) fn heading(deployments: &[Deployment]) -> String {
    counted(deployments.len(), "contract") + " with a stricter class deployed on this day"
}
