//! An incident in the course of a day: a table that Landbridge may not replace, the message about it, and its end.

use jiff::SignedDuration;
use landbridge_cli_support::paint::Paint;
use landbridge_core::calendar::Day;
use landbridge_local::{Principal, RunSummary};
use serde::Serialize;

use super::deploy;
use crate::bigquery::BigQuery;
use crate::environment::LocalEnvironment;
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// The table whose label is removed. A contract of the user's may not have it.
const SOURCE_TABLE: &str = "public.partners";
const TABLE: &str = "partners";
/// When it is removed: before the day is loaded. Hour and minute in the zone of the calendar.
const REMOVED_AT: (i8, i8) = (1, 50);
/// How long it is missing: two ticks of the load meet it.
const MISSING_FOR: SignedDuration = SignedDuration::from_mins(30);

/// What was done to the table, and the messages of the day.
#[derive(Serialize)]
pub(super) struct Incident {
    table: String,
    /// `HH:MM` in the zone of the calendar.
    removed_at: String,
    restored_at: String,
    /// The titles of the day's messages, in order.
    messages: Vec<String>,
}

/// Simulates a day until the label is there again. Returns the two times, and the summary of this part of the day;
/// `None` if the functions send no messages, or the table does not exist.
pub(super) async fn run(
    environment: &LocalEnvironment,
    day: Day,
    warehouse: &BigQuery,
    progress: &mut Progress,
) -> Result<(Option<Incident>, RunSummary)> {
    let removed_at = deploy::time_of(environment, day, REMOVED_AT.0, REMOVED_AT.1)?;
    let mut summary = environment.run_until(removed_at, progress).await?;
    let has_table = environment.contract.tables.contains_key(SOURCE_TABLE);
    if environment.config().alerts.is_none() || !has_table {
        return Ok((None, summary));
    }
    warehouse.set_source_label(Principal::Loader, TABLE, None).await?;
    let restored_at =
        removed_at.checked_add(MISSING_FOR).map_err(|error| Failure::Failed(error.to_string()))?;
    deploy::add(&mut summary, environment.run_until(restored_at, progress).await?);
    let source = &environment.config().source.name;
    warehouse.set_source_label(Principal::Loader, TABLE, Some(source)).await?;
    let zone = environment.calendar.zone();
    let clock = |at: jiff::Timestamp| at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    let incident = Incident {
        table: TABLE.to_owned(),
        removed_at: clock(removed_at),
        restored_at: clock(restored_at),
        messages: Vec::new(),
    };
    Ok((Some(incident), summary))
}

impl Incident {
    /// Takes the messages that were sent since the first `before` of them.
    pub(super) fn with_messages(mut self, environment: &LocalEnvironment, before: usize) -> Self {
        let all = environment.cloud.aws().published();
        self.messages = all.into_iter().skip(before).map(|it| it.subject).collect();
        self
    }

    /// What went wrong, as a clause: the incident has one message when it begins and one when it is over.
    pub(super) fn fault(&self) -> Option<String> {
        let about = |words: &str| {
            let is_it = |it: &&String| it.contains(words) && it.contains("was not created by");
            self.messages.iter().filter(is_it).count()
        };
        let (resolved, all) = (about("is resolved"), about("incident"));
        ((resolved, all) != (1, 2)).then(|| {
            format!(
                "{} messages say that the table {} is held, and {resolved} that it is over, instead of one each",
                all - resolved,
                self.table
            )
        })
    }

    /// The incident as text: what was done, and each message.
    pub(super) fn text(&self, paint: Paint) -> String {
        let Self { table, removed_at, restored_at, messages } = self;
        let heading =
            "Incidents: one message when something begins to be wrong, one when it is over";
        let mut text = format!(
            "\n  {}\n  {removed_at} another tool removes the label of {table} in BigQuery; {restored_at} the label is set again, as the message says\n",
            paint.dim(heading)
        );
        // The sample empties this table on this day: an audit sees it.
        if messages.iter().any(|it| it.contains("shrank")) {
            text.push_str("  coupons is empty in the source from this day on; it is published, and a notice says so\n");
        }
        for message in messages {
            text.push_str(&format!("  e-mail  {message}\n"));
        }
        text
    }
}
