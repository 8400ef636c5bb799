//! The tables and views of `warehouse.ops_dataset`.
//!
//! `receipts` proves the day, so a day is published only after its receipts are there. Nothing waits for the
//! other tables and the views: what fails is said, and every later tick of the stage tries it again, also on later
//! days. `ops.json` has what is not there yet.
//!
//! Every row is appended by a load job: jobs of this kind cost nothing, and BigQuery runs an id once. What a job
//! loads is recorded before the job is inserted, and its id is derived from that, so a tick that ends anywhere is
//! continued by the next one, and two ticks at once append rows once.
//!
//! The load stage writes the incidents too, although `notify` makes them: `notify` has no right on Google Cloud.
//! An incident that changes after the last tick of the load is in the table on the next day; its times are exact.
//!
//! | module | responsibility |
//! |---|---|
//! | here | what follows the work of a tick, and `ops.json` |
//! | [`receipts`] | receipts, in batches that also contain the rows of `columns` and `audits` |
//! | [`append`] | one batch of rows of one table |
//! | [`columns`] | the rows of `columns` and `audits` |
//! | [`incidents`] | the rows of `incidents` |
//! | [`views`] | the views |

mod append;
mod columns;
mod incidents;
pub(super) mod receipts;
mod views;

use landbridge_core::calendar::Day;
use landbridge_core::plan::Problem;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{OPS, OpsRecord};
use landbridge_ledger::{SourceLedger, Written};

use super::STOP_BEFORE;
use crate::{Context, Tick, alert};

/// The value of the label of the tables and views: they belong to all sources of the project.
const OPS_LABEL: &str = "landbridge";
/// How often `ops.json` is read and replaced until no other tick is faster.
const MAX_READS: usize = 10;
/// Days whose rows are tried again. Older ones are given up; their receipts have the same facts.
const MAX_WAITING_DAYS: usize = 14;

/// What follows the work of a tick: the rows of `columns`, `audits` and `incidents`, and the views. Idempotent.
/// Nothing fails because of it: the log names an error, and a notice does if it will not pass by itself.
pub(super) async fn follow(context: &Context, tick: Tick) {
    if !tick.has_for_more(STOP_BEFORE) {
        return;
    }
    let ledger = context.ledger.source();
    let today = context.calendar.day_of(tick.now);
    let record = match ledger.value(&OPS).await {
        Ok(record) => record.unwrap_or_default(),
        Err(error) => return report(&ledger, "ops.json", &error, today).await,
    };
    let results = [
        ("columns and audits", Box::pin(columns::append_waiting(context, &record, tick)).await),
        ("incidents", Box::pin(incidents::append_changed(context, &record, tick)).await),
        ("views", Box::pin(views::write(context, &record, today)).await),
    ];
    for (what, result) in results {
        if let Err(error) = result {
            report(&ledger, what, &error, today).await;
        }
    }
}

/// Says that something of the dataset is not written.
async fn report(ledger: &SourceLedger, what: &str, error: &Error, today: Day) {
    tracing::warn!(kind = error.kind().name(), %error, "{what} of the ops dataset are not written");
    if error.kind().is_transient() {
        return;
    }
    let of = Problem::from(error);
    let problem = Problem::notice(
        "a table or view of the ops dataset is not written",
        format!("{what}: {}, {}; the tables of the day are not affected", of.what, of.context),
        &format!("{}; later ticks try again", of.action),
    );
    if let Err(error) = alert::notice(ledger, &problem, &format!("ops\n{what}"), today).await {
        tracing::warn!(kind = error.kind().name(), %error, "a notice was not recorded");
    }
}

/// Says that the rows of a day are given up. Each error can have been one that passes by itself, of which nothing was said.
/// It is said before they are: a crash in between says it again, as the same notice.
async fn report_given_up(ledger: &SourceLedger, day: Day) -> Result<()> {
    let problem = Problem::notice(
        "a table or view of the ops dataset is not written",
        format!(
            "columns and audits: the rows of {day} are given up, because newer days wait as well"
        ),
        "the receipts of the day have the same facts (`landbridge receipt`); the log of `load` says why rows are not written",
    );
    alert::notice(ledger, &problem, &format!("ops\ngiven up\n{day}"), day).await
}

/// Replaces `ops.json` by what `change` makes of it; `change` may run several times.
///
/// # Errors
/// Any ledger error; [`ErrorKind::Transient`] if other ticks replace it all the time.
async fn update(ledger: &SourceLedger, change: impl Fn(&mut OpsRecord)) -> Result<()> {
    for _ in 0..MAX_READS {
        let recorded = ledger.get(&OPS).await?;
        let mut record = recorded.as_ref().map(|it| it.value.clone()).unwrap_or_default();
        change(&mut record);
        while record.waiting.len() > MAX_WAITING_DAYS {
            let Some((day, _)) = record.waiting.pop_first() else { break };
            report_given_up(ledger, day).await?;
        }
        let written = match recorded {
            Some(recorded) if recorded.value == record => return Ok(()),
            Some(recorded) => ledger.replace(&OPS, &recorded.etag, &record).await?,
            None => ledger.create(&OPS, &record).await?,
        };
        if written == Written::Yes {
            return Ok(());
        }
    }
    Err(Error::new(
        ErrorKind::Transient,
        "the record of the ops dataset is changed all the time",
        OPS.path(),
    ))
}
