//! Friendly views follow the tables: one view per table, and `_freshness`.
//!
//! The stage has a principal of its own, because creating a view asks for the right to read the
//! tables that it names, which the load must not have (Google's documentation, "Create logical
//! views", section "Required permissions": `bigquery.tables.getData` on all tables that the view's
//! query references). Nothing waits for this stage, and it waits for no other.
//!
//! A tick compares one digest with the record `views.json` and stops if they are equal. Otherwise,
//! and on the first tick of a day, it compares every view. It touches only views that have its label.
//!
//! | module | responsibility |
//! |---|---|
//! | here | one tick, and the changes of a view |
//! | [`read`] | what is known of the tables now |

mod read;

use futures::StreamExt;
use landbridge_core::views::{View, ViewContext};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::BigQuery;
use landbridge_ledger::records::{VIEWS, ViewsRecord};
use landbridge_ledger::{SourceLedger, Written};

use crate::view_writer::{MAX_READS, ViewWriter};
use crate::{Context, Progress, Tick, TickOutcome, deployment};

/// Views that are written at once. BigQuery allows 100 requests a second and user.
const AT_ONCE: usize = 8;

/// Runs one tick. Idempotent: views are computed from the tables and the ledger, changes are
/// conditional on the version that was read, and a second tick changes nothing.
///
/// # Errors
/// The first error, after the other views were written; the next tick tries again.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let Some(views) = &context.config.warehouse.views else {
        return Ok(TickOutcome::new(Progress::Idle, "landbridge.yaml has no warehouse.views"));
    };
    let ledger = context.ledger.source();
    if !deployment::is_newest(context, &ledger).await? {
        return Ok(TickOutcome::new(Progress::Waiting, "a newer deployment writes the views"));
    }
    let day = context.calendar.day_of(tick.now);
    let digest = read::digest(context, day).await?;
    let recorded = ledger.get(&VIEWS).await?;
    if recorded.as_ref().is_some_and(|it| it.value.digest == digest && it.value.day >= day) {
        return Ok(TickOutcome::new(Progress::Idle, "the views show the newest rows"));
    }
    let Some(view_context) = ViewContext::new(&context.config, &context.contract, &context.tags)
    else {
        return Ok(TickOutcome::new(Progress::Idle, "landbridge.yaml has no warehouse.views"));
    };
    let wanted = read::wanted_views(context, &view_context, day).await?;
    let writer = Writer { context, dataset: &views.dataset };
    let changed = writer.write_all(&wanted).await?;
    let deleted = writer.delete_others(&wanted).await?;
    let record = ViewsRecord { digest, day, written_at: tick.now, views: wanted.len() };
    let written = match recorded {
        Some(recorded) => ledger.replace(&VIEWS, &recorded.etag, &record).await?,
        None => ledger.create(&VIEWS, &record).await?,
    };
    if written == Written::Overtaken {
        compare_again(&ledger).await?;
    }
    let message = format!(
        "{} views in {}: {changed} written, {deleted} deleted",
        wanted.len(),
        views.dataset
    );
    tracing::info!(views = wanted.len(), changed, deleted, "{message}");
    Ok(TickOutcome::new(Progress::Done, message))
}

/// Two ticks wrote at once. Each may have replaced views of the other by views of older rows, so what
/// the record says is not what is there: the next tick compares every view.
async fn compare_again(ledger: &SourceLedger) -> Result<()> {
    for _ in 0..MAX_READS {
        let Some(recorded) = ledger.get(&VIEWS).await? else { return Ok(()) };
        let record = ViewsRecord { digest: String::new(), ..recorded.value };
        if ledger.replace(&VIEWS, &recorded.etag, &record).await? == Written::Yes {
            return Ok(());
        }
    }
    Err(Error::new(
        ErrorKind::Transient,
        "the record of the views is changed all the time",
        "views.json",
    ))
}

/// Writes views into their dataset.
struct Writer<'a> {
    context: &'a Context,
    dataset: &'a str,
}

impl Writer<'_> {
    fn bigquery(&self) -> &BigQuery {
        &self.context.gcp.bigquery
    }

    /// Writes every view. Returns how many were changed.
    async fn write_all(&self, wanted: &[View]) -> Result<usize> {
        let mut results = futures::stream::iter(wanted)
            .map(|view| async move { (view, self.write(view).await) })
            .buffer_unordered(AT_ONCE);
        let (mut changed, mut first_error) = (0, None);
        while let Some((view, result)) = results.next().await {
            match result {
                Ok(was_changed) => changed += usize::from(was_changed),
                Err(error) => {
                    let kind = error.kind().name();
                    tracing::warn!(view = view.name, kind, %error, "a view was not written");
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(changed), Err)
    }

    /// Creates or changes a view until it is as it should be. Returns whether it was changed.
    async fn write(&self, view: &View) -> Result<bool> {
        let label = self.context.config.source.name.as_str();
        let number = self.context.deployment.number;
        let writer = ViewWriter { bigquery: self.bigquery(), dataset: self.dataset, label, number };
        writer.write(view).await
    }

    /// Deletes our views that no table needs any more. Returns how many.
    async fn delete_others(&self, wanted: &[View]) -> Result<usize> {
        let source = self.context.config.source.name.as_str();
        let mut deleted = 0;
        for name in self.bigquery().tables_of(self.dataset, source).await? {
            if wanted.iter().any(|view| view.name == name) {
                continue;
            }
            let Some(live) = self.bigquery().view(self.dataset, &name).await? else { continue };
            let ours = live.is_view && live.source_label.as_deref() == Some(source);
            if ours && live.contract <= self.context.deployment.number {
                self.bigquery().delete_view(self.dataset, &name).await?;
                tracing::info!(view = name, "the view of a table that is gone was deleted");
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}
