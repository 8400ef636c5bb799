//! Creates and changes one view of ours, also if another tick or person writes it at the same time.

use landbridge_core::views::View;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::BigQuery;
use landbridge_gcp::bigquery::Patched;

/// How often a view is read until it is as it should be: it is created, its text is set, its columns are described,
/// and another tick may do the same.
pub(crate) const MAX_READS: usize = 6;

/// Writes views into a dataset.
#[derive(Clone, Copy)]
pub(crate) struct ViewWriter<'a> {
    pub(crate) bigquery: &'a BigQuery,
    pub(crate) dataset: &'a str,
    /// The value of the label `landbridge_source`: a view with another one is not ours.
    pub(crate) label: &'a str,
    /// The number of the deployment. A view of a newer one stays.
    pub(crate) number: i64,
}

impl ViewWriter<'_> {
    /// Creates or changes a view until it is as it should be. Returns whether it was changed. Idempotent.
    ///
    /// # Errors
    /// [`ErrorKind::Held`] if Landbridge did not create what has its name; any BigQuery error.
    pub(crate) async fn write(&self, view: &View) -> Result<bool> {
        let Self { bigquery, dataset, label, number } = *self;
        let mut changed = false;
        for _ in 0..MAX_READS {
            let Some(live) = bigquery.view(dataset, &view.name).await? else {
                let _ = bigquery.create_view(dataset, view, label, number).await?;
                changed = true;
                continue;
            };
            if !live.is_view || live.source_label.as_deref() != Some(label) {
                return Err(Error::new(
                    ErrorKind::Held,
                    "a view cannot be written, because Landbridge did not create what has its name; rename or delete that, the next tick creates the view",
                    format!("{dataset}.{}", view.name),
                ));
            }
            if live.contract > number {
                return Ok(changed);
            }
            let patched = if !live.has_text_of(view) || live.contract < number {
                bigquery.patch_view(dataset, &live, view, number).await?
            } else if !live.describes(&view.columns) {
                bigquery.describe_view(dataset, &live, view).await?
            } else {
                return Ok(changed);
            };
            changed |= patched == Patched::Yes;
        }
        Err(Error::new(
            ErrorKind::Transient,
            "a view does not keep its text or its descriptions, or is changed all the time",
            format!("{dataset}.{}", view.name),
        ))
    }
}
