//! Whether an export has the same rows as that of an earlier day, in another order or in other files: by the figures
//! of all columns and of the rows that `proof` recorded of that day. They do not depend on the order. Today's are
//! computed as if the objects were transferred, and nothing is stored.
//!
//! Their hash has no key: a person who can write the source and wants to deceive can make other rows with the
//! same figures. They stay for at most `transfer.full_every` days.

use std::collections::BTreeMap;

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::plan::columns::rewrite_plan;
use landbridge_core::plan::{ItemSource, TablePlan};
use landbridge_core::proof::rows::{RowProof, RowSet};
use landbridge_core::proof::{ColumnProof, Figures};
use landbridge_core::rewrite::{Action, ColumnStats, Misfit};
use landbridge_ledger::records::{ItemRecord, proof_context, row_proof_context};
use landbridge_parquet::rewrite::{ProofKey, RewriteReport};

use super::{Before, Comparison};
use crate::plan::read_items;
use crate::transfer::{item, text_columns};

/// What is the same if the rows are the same.
#[derive(Debug, Default, PartialEq)]
pub(super) struct TableFigures {
    /// The figures of each column that is not dropped.
    columns: BTreeMap<String, Option<ColumnProof>>,
    /// What was counted of the values that did not land as they are.
    counts: BTreeMap<String, Counts>,
    rows: Option<RowProof>,
}

/// Misfits by reason, NULLs left out of arrays, and local times that a change of the clock skips and repeats.
type Counts = (BTreeMap<Misfit, u64>, [u64; 3]);

impl TableFigures {
    fn add(
        &mut self,
        is_first: bool,
        columns: impl Iterator<Item = (String, Option<ColumnProof>, ColumnStats)>,
        rows: Option<RowProof>,
    ) {
        for (name, proof, stats) in columns {
            let sum =
                self.columns.entry(name.clone()).or_insert(if is_first { proof } else { None });
            if !is_first {
                *sum = sum.zip(proof).map(|(mut sum, proof)| {
                    sum.merge(&proof);
                    sum
                });
            }
            let (misfits, others) = self.counts.entry(name).or_default();
            for (reason, count) in stats.misfits {
                *misfits.entry(reason).or_default() += count;
            }
            let counted = [stats.dropped_nulls, stats.skipped_times, stats.repeated_times];
            others.iter_mut().zip(counted).for_each(|(sum, count)| *sum += count);
        }
        self.rows = match (is_first, self.rows, rows) {
            (true, _, rows) => rows,
            (false, Some(sum), Some(rows)) => sum.merged(&rows),
            (false, ..) => None,
        };
    }

    /// The figures of the values of each column and of the rows; `None` if one is not known, so that nothing is
    /// proven.
    fn known(&self) -> Option<(Vec<(&str, Figures)>, RowProof)> {
        let columns = self.columns.iter();
        let columns = columns.map(|(name, proof)| Some((name.as_str(), proof.as_ref()?.plain)));
        Some((columns.collect::<Option<_>>()?, self.rows?))
    }

    /// Whether both are known and the same.
    pub(super) fn equal(&self, other: &Self) -> bool {
        let (one, two) = (self.known(), other.known());
        one.is_some() && one == two && self.counts == other.counts
    }
}

impl Comparison<'_> {
    /// Whether today's export has the rows of the day that was loaded.
    pub(super) async fn have_equal_figures(
        &self,
        table: &TablePlan,
        before: &Before,
    ) -> Result<bool> {
        let Some(key) = self.shared.proof_key(self.context).await? else { return Ok(false) };
        let earlier = self.earlier_figures(&key, before).await?;
        if earlier.known().is_none() {
            return Ok(false);
        }
        let text = text_columns::decided(&before.ledger, &before.loaded).await?;
        let mut today = TableFigures::default();
        for (place, item) in table.items.iter().enumerate() {
            let bytes = match &item.from {
                ItemSource::Object { bytes, .. } => *bytes,
                ItemSource::NoRows { .. } => 0,
            };
            let figures = self.shared.figures_of(self.context, table, bytes).await?;
            let Some(plan) = figures.and_then(|figures| figures.plan_of_all()) else {
                return Ok(false);
            };
            let rewrite = rewrite_plan(&table.columns, &text);
            let tokens = &self.shared.tokens;
            let rewriter = item::rewriter(self.context, self.ledger, rewrite, tokens).await?;
            let rewriter = rewriter.with_proof(plan);
            let result = item::read_through(self.context, table, item, rewriter).await?;
            let RewriteReport { columns, row_proofs, .. } = result.report(item)?;
            let columns = columns.iter().map(|it| (it.name.clone(), it.proof, it.stats()));
            today.add(place == 0, columns, row_proofs.get(&RowSet::All).copied());
        }
        Ok(today.equal(&earlier))
    }

    /// The figures that were recorded of the day that was loaded.
    async fn earlier_figures(&self, key: &ProofKey, before: &Before) -> Result<TableFigures> {
        let (day, loaded) = (before.earlier.since, &before.loaded);
        let records = read_items(&before.ledger, loaded).await?;
        let mut figures = TableFigures::default();
        for (place, (item, record)) in loaded.items.iter().zip(&records).enumerate() {
            let open = |column: &str| {
                let context = proof_context(day, loaded, item.number, column);
                key.open(&context.each_ref().map(String::as_str), record.proof.get(column)?)
            };
            let stays = loaded.columns.iter().filter(|it| it.action != Action::Drop);
            let columns = stays.map(|it| it.parquet.name.as_str()).map(|name| {
                (name.to_owned(), open(name), record.columns.get(name).cloned().unwrap_or_default())
            });
            figures.add(place == 0, columns, rows(key, (day, loaded, item.number), record));
        }
        Ok(figures)
    }
}

fn rows(
    key: &ProofKey,
    (day, plan, number): (Day, &TablePlan, usize),
    record: &ItemRecord,
) -> Option<RowProof> {
    let name = RowSet::All.name();
    let context = row_proof_context(day, plan, number, name);
    key.open_rows(&context.each_ref().map(String::as_str), record.row_proofs.get(name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(hashes: &[u64]) -> ColumnProof {
        let mut plain = Figures::none(None);
        plain.add_all(hashes);
        ColumnProof { plain, masked: None, texts: None, content: None }
    }

    fn table(parts: &[(&[u64], Option<&[u64]>)]) -> TableFigures {
        let mut figures = TableFigures::default();
        for (place, (values, rows)) in parts.iter().enumerate() {
            let row = |hashes: &[u64]| RowProof { columns: 1, figures: proof(hashes).plain };
            let column = ("id".to_owned(), Some(proof(values)), ColumnStats::default());
            figures.add(place == 0, std::iter::once(column), rows.map(row));
        }
        figures
    }

    #[test]
    fn the_order_and_the_number_of_files_do_not_matter_and_what_is_unknown_is_different() {
        let one = table(&[(&[1, 2, 3], Some(&[7, 8, 9]))]);
        assert!(one.equal(&table(&[(&[3, 1], Some(&[9])), (&[2], Some(&[8, 7]))])));
        assert!(!one.equal(&table(&[(&[1, 2, 4], Some(&[7, 8, 9]))])));
        assert!(!one.equal(&table(&[(&[1, 2, 3], Some(&[7, 8, 8]))])));
        // The rows of a part are not known.
        let unknown = table(&[(&[1, 2], Some(&[7, 8])), (&[3], None)]);
        assert!(!unknown.equal(&unknown) && !one.equal(&unknown));
        let unknown = table(&[(&[1, 2], None), (&[3], Some(&[7]))]);
        assert!(!unknown.equal(&unknown));
        let mut unknown = table(&[(&[1], Some(&[7]))]);
        unknown.columns.insert("note".to_owned(), None);
        assert!(!unknown.equal(&unknown));
        let mut misfit = table(&[(&[1, 2, 3], Some(&[7, 8, 9]))]);
        misfit.counts.entry("id".to_owned()).or_default().1[0] = 1;
        assert!(!one.equal(&misfit));
    }
}
