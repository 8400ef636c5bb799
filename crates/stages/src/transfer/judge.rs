//! Columns of text are judged by a sample of the day's values, in memory: what is recorded of an object is the
//! verdict. The contract that is deployed next may say `none` of any of them.
//!
//! The sample is read from the source before the object is transferred, so that its memory is that of the transfer.
//! Reads are bounded per table ([`MAX_OBJECTS`](landbridge_core::plan::judged::MAX_OBJECTS)) and per column
//! ([`judge`]).

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::plan::judged::{JudgedColumn, is_sampled, judged_columns};
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::plan::{ItemSource, TablePlan, TransferItem};
use landbridge_parquet::rewrite::judge::{Verdicts, judge};
use landbridge_parquet::{Footer, RangeReader};

use super::s3_object::S3Object;
use crate::Context;

/// Objects up to this size are read at once instead of column by column.
const SMALL: u64 = 1 << 20;

/// The verdicts on the columns of an object. The same object always has the same verdicts.
///
/// # Errors
/// Any S3 error, [`ErrorKind::Corrupt`](landbridge_core::ErrorKind::Corrupt) if the file has no valid footer.
pub(super) async fn verdicts(
    context: &Context,
    (table, item): (&TablePlan, &TransferItem),
    day: Day,
) -> Result<Verdicts> {
    let contract = context.contract.tables.get(&table.source_table);
    let columns = judged_columns(table, contract);
    let ItemSource::Object { key, etag, bytes } = &item.from else {
        return Ok(Verdicts::default());
    };
    if columns.is_empty() || item.rows == 0 || !is_sampled(item.number, table.items.len()) {
        return Ok(Verdicts::default());
    }
    let bucket = &context.config.export.bucket;
    let object = S3Object {
        s3: context.aws.s3.clone(),
        bucket: bucket.clone(),
        object: ObjectMeta { key: key.clone(), etag: etag.clone(), bytes: *bytes },
    };
    let name = format!("s3://{bucket}/{key}");
    let found = if *bytes <= SMALL {
        let all = object.read(0, *bytes).await?;
        of(&all, (&name, *bytes), item, &columns, day).await?
    } else {
        of(&object, (&name, *bytes), item, &columns, day).await?
    };
    for column in &found.not_judged {
        tracing::warn!(object = name, column, "a sample of a column cannot be read");
    }
    Ok(found)
}

/// The verdicts on the columns of the object with this name and length.
async fn of<R: RangeReader>(
    source: &R,
    (name, bytes): (&str, u64),
    item: &TransferItem,
    columns: &[JudgedColumn<'_>],
    day: Day,
) -> Result<Verdicts> {
    let footer = Footer::read(source, bytes, name).await?;
    let groups = match &item.row_groups {
        Some(groups) => groups.clone(),
        None => 0..footer.metadata.num_row_groups(),
    };
    judge(source, &footer, groups, columns, day).await
}
