//! Judges text columns of a file by samples of their values. Which columns, and what a sample says, decides
//! [`landbridge_core::plan::judged`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use futures::{StreamExt, TryStreamExt, stream};
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::plan::judged::JudgedColumn;
use landbridge_core::protection::LooksPersonal;

use super::sample::{Part, is_read_whole, sample};
use crate::{Footer, RangeReader};

/// So many columns are read at once: a read waits for the network most of the time. Each needs at most 4 MiB.
const AT_ONCE: usize = 4;

/// What samples of a file say of its columns, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// The columns whose values look personal.
    pub personal: BTreeMap<String, LooksPersonal>,
    /// The columns of which a part cannot be read, and of which no other part looks personal.
    pub not_judged: BTreeSet<String>,
}

/// Judges `columns` by their first pages in the first of `row_groups` and their last pages in the last one, where
/// newer rows are. The same file always has the same verdicts.
///
/// # Errors
/// Any error of `source`. Pages that cannot be decoded are no error: see [`Verdicts::not_judged`].
pub async fn judge<R: RangeReader>(
    source: &R,
    footer: &Footer,
    row_groups: Range<usize>,
    columns: &[JudgedColumn<'_>],
    day: Day,
) -> Result<Verdicts> {
    let Some(last) = row_groups.clone().last() else { return Ok(Verdicts::default()) };
    let groups = [row_groups.start, last];
    let judging: Vec<_> =
        columns.iter().map(|column| judge_column(source, footer, groups, *column, day)).collect();
    let found: Vec<Judged> = stream::iter(judging).buffered(AT_ONCE).try_collect().await?;
    let mut verdicts = Verdicts::default();
    for (column, judged) in columns.iter().zip(found) {
        let name = column.name().to_owned();
        match judged {
            Judged::Harmless => {}
            Judged::LooksPersonal(looks_like) => {
                verdicts.personal.insert(name, looks_like);
            }
            Judged::Unreadable => {
                verdicts.not_judged.insert(name);
            }
        }
    }
    Ok(verdicts)
}

/// What the samples of one column say.
enum Judged {
    Harmless,
    LooksPersonal(LooksPersonal),
    Unreadable,
}

async fn judge_column<R: RangeReader>(
    source: &R,
    footer: &Footer,
    [first, last]: [usize; 2],
    column: JudgedColumn<'_>,
    day: Day,
) -> Result<Judged> {
    let name = column.name();
    let parts = [(first, Part::First), (last, Part::Last)];
    // Both samples of one small chunk are the same.
    let count = if first == last && is_read_whole(footer, (first, name)) { 1 } else { 2 };
    let mut unreadable = false;
    for (group, part) in parts.into_iter().take(count) {
        let sample = sample(source, footer, (group, name), part).await?;
        unreadable |= sample.unreadable;
        if let Some(looks_like) = column.judge(sample.values.iter().map(String::as_str), day) {
            return Ok(Judged::LooksPersonal(looks_like));
        }
    }
    Ok(if unreadable { Judged::Unreadable } else { Judged::Harmless })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use landbridge_core::contract::{ColumnContract, TableContract};
    use landbridge_core::plan::judged::judged_columns;
    use landbridge_core::plan::{SourceColumn, TablePlan};
    use landbridge_core::types::{Annotation, BigQueryType, ParquetColumn, Physical};
    use parquet::file::properties::WriterProperties;

    use super::super::sample::tests::text_file;
    use super::*;

    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

    /// A source whose reads take a millisecond; how many there were, and how many at once.
    struct Slow {
        bytes: Bytes,
        reads: AtomicUsize,
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl RangeReader for Slow {
        async fn read(&self, start: u64, length: u64) -> Result<Bytes> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(now, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.now.fetch_sub(1, Ordering::Relaxed);
            self.bytes.read(start, length).await
        }
    }

    fn plan() -> (TablePlan, TableContract) {
        let mut plan: TablePlan = serde_json::from_value(serde_json::json!({
            "source_table": "public.orders", "table": "orders", "columns": [], "items": [],
            "rows": 0, "bytes": 0, "notes": [],
        }))
        .unwrap();
        let mut contract = TableContract::default();
        for name in NAMES {
            let parquet = ParquetColumn {
                name: name.to_owned(),
                physical: Physical::ByteArray,
                annotation: Annotation::String,
            };
            plan.columns.push(SourceColumn::new(parquet, "text"));
            let column = ColumnContract::new("text", BigQueryType::String, "none");
            contract.columns.insert(name.to_owned(), column);
        }
        (plan, contract)
    }

    #[tokio::test]
    async fn small_chunks_are_read_once_and_some_at_once() {
        let values: Vec<Vec<String>> = (0..NAMES.len())
            .map(|column| {
                let value = |n: usize| match column {
                    2 => format!("9001{:02}-2345678", 10 + n % 18),
                    _ => format!("order {n} was packed"),
                };
                (0..400).map(value).collect()
            })
            .collect();
        let columns: Vec<(&str, Vec<String>)> = NAMES.into_iter().zip(values).collect();
        let (bytes, footer) = text_file(&columns, WriterProperties::builder().build());
        // The pages of `e` are damaged.
        let mut damaged = bytes.to_vec();
        let chunk = footer.metadata.row_group(0).column(4);
        let (start, length) = chunk.byte_range();
        damaged[start as usize..(start + length) as usize].fill(0xff);
        let source = Slow {
            bytes: damaged.into(),
            reads: AtomicUsize::default(),
            now: AtomicUsize::default(),
            most: AtomicUsize::default(),
        };
        let (plan, contract) = plan();
        let columns = judged_columns(&plan, Some(&contract));
        let day = "2026-11-22".parse().unwrap();
        let found = judge(&source, &footer, 0..1, &columns, day).await.unwrap();
        assert_eq!(found.personal.keys().collect::<Vec<_>>(), ["c"]);
        assert_eq!(found.personal["c"].kind, "resident registration numbers");
        assert_eq!(found.not_judged, ["e".to_owned()].into());
        assert_eq!(source.reads.into_inner(), NAMES.len());
        assert_eq!(source.most.into_inner(), AT_ONCE);
        let none = judge(&bytes, &footer, 0..0, &columns, day).await.unwrap();
        assert_eq!(none, Verdicts::default());
    }
}
