//! Columns of class `none` are judged again by a sample of the day's values, in memory: what is recorded of an
//! object is the verdict.
//!
//! The sample is read from the source before the object is transferred, so that its memory is that of the transfer.
//! Reads are bounded per table ([`MAX_OBJECTS`](landbridge_core::plan::judged::MAX_OBJECTS)) and per column
//! ([`sample`]).

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::plan::judged::{JudgedColumn, is_sampled, judged_columns};
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::plan::{ItemSource, TablePlan, TransferItem};
use landbridge_core::protection::LooksPersonal;
use landbridge_parquet::rewrite::sample::{Part, sample};
use landbridge_parquet::{Footer, RangeReader};

use super::item::S3Object;
use crate::Context;

/// Objects up to this size are read at once instead of column by column.
const SMALL: u64 = 1 << 20;

/// What samples of an object say of its columns of class `none`, by their names in the source.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// The columns whose values look personal.
    pub(super) personal: BTreeMap<String, LooksPersonal>,
    /// The columns of which a part cannot be read and no other part looks personal.
    pub(super) not_judged: BTreeSet<String>,
}

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
    let judged = Judged { name: format!("s3://{bucket}/{key}"), bytes: *bytes, item, day };
    if *bytes <= SMALL {
        let all = object.read(0, *bytes).await?;
        return judged.of(&all, &columns).await;
    }
    judged.of(&object, &columns).await
}

/// The object that is judged.
struct Judged<'a> {
    name: String,
    bytes: u64,
    item: &'a TransferItem,
    day: Day,
}

impl Judged<'_> {
    async fn of<R: RangeReader>(
        &self,
        source: &R,
        columns: &[JudgedColumn<'_>],
    ) -> Result<Verdicts> {
        let footer = Footer::read(source, self.bytes, &self.name).await?;
        let groups = match &self.item.row_groups {
            Some(groups) => groups.clone(),
            None => 0..footer.metadata.num_row_groups(),
        };
        let mut verdicts = Verdicts::default();
        let Some(last) = groups.clone().last() else { return Ok(verdicts) };
        let parts = [(groups.start, Part::First), (last, Part::Last)];
        for column in columns {
            let name = column.name();
            let mut before = Vec::new();
            let mut unreadable = false;
            for (group, part) in parts {
                let sample = sample(source, &footer, (group, name), part).await?;
                unreadable |= sample.unreadable;
                // A chunk that is small has one sample.
                if sample.values == before {
                    continue;
                }
                let values = sample.values.iter().map(String::as_str);
                if let Some(looks_like) = column.judge(values, self.day) {
                    verdicts.personal.insert(name.to_owned(), looks_like);
                    unreadable = false;
                    break;
                }
                before = sample.values;
            }
            if unreadable {
                let object = &self.name;
                tracing::warn!(object, column = name, "a sample of a column cannot be read");
                verdicts.not_judged.insert(name.to_owned());
            }
        }
        Ok(verdicts)
    }
}
