//! Columns of class `none` that are judged again every day: what the receipt says of them, and the notices. What a
//! verdict means for the column decides [`landbridge_core::protection`].

use landbridge_core::Result;
use landbridge_core::incident::what;
use landbridge_core::plan::Problem;
use landbridge_core::protection::{LooksPersonal, NotJudged};
use landbridge_core::receipt::{Note, NoteCode, Receipt};

use super::TableLoad;
use super::claim::Held;
use crate::alert;

impl TableLoad<'_> {
    /// A note if the values of a column of class `none` look personal.
    pub(super) fn looks_personal(&self, column: &str, held: &Held) -> Option<Note> {
        let rows = held.newest_rows()?;
        let mut suspected = rows.suspected(&self.context.contract);
        let (_, looks_like) = suspected.find(|(name, _)| *name == column)?;
        let LooksPersonal { reason, day, .. } = looks_like;
        let text = format!(
            "column `{column}` is masked for everyone: contract.yaml calls it `none`, and on {day} {reason}"
        );
        Some(Note::of_column(NoteCode::LooksPersonal, column, text))
    }

    /// A note if the values of a column of class `none` cannot be judged.
    pub(super) fn not_judged(&self, column: &str, held: &Held) -> Option<Note> {
        let rows = held.newest_rows()?;
        let mut not_judged = rows.not_judged(&self.context.contract);
        let (_, NotJudged { since, never_before }) =
            not_judged.find(|(name, _)| *name == column)?;
        let text = if never_before {
            format!(
                "column `{column}` is masked for everyone: contract.yaml calls it `none`, and its values have never been judged, because a sample of them cannot be read (since {since})"
            )
        } else {
            format!(
                "column `{column}` was not judged: a sample of its values cannot be read (since {since}); it stays readable by its earlier verdict"
            )
        };
        Some(Note::of_column(NoteCode::NotJudged, column, text))
    }

    /// Reports columns of class `none` whose values look personal, until a person decides.
    pub(super) async fn report_looks_personal(&self, receipt: &Receipt) -> Result<()> {
        let notes = receipt.notes.iter().filter(|note| note.code == NoteCode::LooksPersonal);
        let columns: Vec<&str> = notes.filter_map(|note| note.column.as_deref()).collect();
        if columns.is_empty() {
            return Ok(());
        }
        let table = &self.table.source_table;
        let problem = Problem::notice(
            what::LOOKS_PERSONAL,
            format!("{}: {}", self.name(), columns.join(", ")),
            &format!(
                "they are masked for everyone until contract.yaml says more: look at the values of {table} in the source, then give the columns a class, or write `pinned: true` if they are harmless, and deploy; `landbridge receipt {} --table {}` says what was found",
                self.day.day, self.table.table
            ),
        );
        let key = alert::looks_personal_key(&self.table.table, columns);
        alert::notice(&self.ledger.source(), &problem, &key, self.day.day).await
    }

    /// Reports columns of class `none` that cannot be judged: at once if they are closed, otherwise from
    /// the third day on, because an object that cannot be read on one day is no reason to call anyone.
    pub(super) async fn report_not_judged(&self, held: &Held) -> Result<()> {
        let rows = held.newest_rows();
        let found = rows.iter().flat_map(|rows| rows.not_judged(&self.context.contract));
        let lasting = found.filter(|(_, it)| it.needs_a_person(self.day.day));
        let columns: Vec<&str> = lasting.map(|(name, _)| name).collect();
        if columns.is_empty() {
            return Ok(());
        }
        let (columns, table) = (columns.join(", "), &self.table.source_table);
        let problem = Problem::notice(
            what::NOT_JUDGED,
            format!("{}: {columns}", self.name()),
            &format!(
                "look at the values of {table} in the source, then give the columns a class, or write `pinned: true` if they are harmless, and deploy; `landbridge receipt {} --table {}` says which are masked for everyone until then",
                self.day.day, self.table.table
            ),
        );
        let key = alert::not_judged_key(&self.table.table, &columns);
        alert::notice(&self.ledger.source(), &problem, &key, self.day.day).await
    }
}
