//! Columns that are missing: contract.yaml names them, or an earlier day loaded them, and today's export does not
//! contain them. They are NULL in the rows of today. The receipt says so every day, and one notice when it begins.

use landbridge_core::Result;
use landbridge_core::diff::TableColumn;
use landbridge_core::names::is_same;
use landbridge_core::plan::Problem;
use landbridge_core::plan::table::ResolvedTable;
use landbridge_core::receipt::{Note, NoteCode, Receipt};

use super::TableLoad;
use crate::alert;

/// Adds a note for each column of BigQuery that neither the export nor the contract has, and reports all missing
/// columns of the table with one notice on the first day that the same ones are missing. `live` are the columns of
/// the table. Idempotent.
///
/// # Errors
/// Any ledger error.
pub(super) async fn report(
    load: &TableLoad<'_>,
    resolved: &ResolvedTable,
    live: &[TableColumn],
    receipt: &mut Receipt,
) -> Result<()> {
    let is_wanted =
        |it: &&TableColumn| !resolved.columns.iter().any(|wanted| is_same(&wanted.name, &it.name));
    for column in live.iter().filter(is_wanted) {
        let name = &column.name;
        let text = format!(
            "column `{name}` was loaded on an earlier day; contract.yaml does not name it and today's export does not have it: it is NULL"
        );
        receipt.notes.push(Note::of_column(NoteCode::ColumnNotInExport, name, text));
    }
    let missing = receipt.notes.iter().filter(|it| it.code == NoteCode::ColumnNotInExport);
    let mut missing: Vec<&str> = missing.filter_map(|it| it.column.as_deref()).collect();
    missing.sort_unstable();
    if missing.is_empty() {
        return Ok(());
    }
    let columns = missing.join(", ");
    let problem = Problem::notice(
        "columns of a table are not in the export any more",
        format!("{}: {columns}", load.table.table),
        "they are NULL in today's rows. If they were dropped on purpose, remove them from contract.yaml; a renamed column needs an entry of its own",
    );
    let key = format!("columns\n{}\n{columns}", load.table.table);
    alert::notice(&load.ledger.source(), &problem, &key, load.day.day).await
}
