//! The rows of the source of a history.

use std::sync::PoisonError;

use landbridge_local_database::MemoryTable;

use super::canary::{Canaries, Origin};
use super::deltas::KEY;
use super::world::{Columns, World};

/// Rows of each table.
const FEW: usize = 3;
/// Rows of each table of which changes are merged: of fewer, no day has changes that are cheaper than all rows.
const MANY: usize = 40;

/// Cells by row, as the engine prints them.
type Cells = Vec<Vec<Option<String>>>;

/// The rows of a table, and what they were made of.
pub(super) struct Rows {
    columns: Columns,
    personal: Vec<String>,
    rows: Cells,
}

impl World {
    /// Writes new rows into every table of the source.
    pub fn write_rows(&mut self) {
        for (name, columns) in self.source.tables.clone() {
            let (schema, table) = name.split_once('.').unwrap_or(("public", &name));
            let mut memory = MemoryTable::new(schema, table);
            let mut origins = Vec::new();
            let mut oracle = self.oracle.lock().unwrap_or_else(PoisonError::into_inner);
            oracle.source_has(&name, columns.keys());
            for (column, source) in &columns {
                memory = memory.column(column, source.declared());
                let begins = self.source.personal.contains(&(name.clone(), column.clone()));
                let personal = Canaries::look_personal(column, *source, begins);
                let (table, column) = (name.clone(), column.clone());
                let origin = Origin { table, column, source: *source, personal };
                oracle.writes(&origin);
                origins.push(origin);
            }
            drop(oracle);
            memory = memory.rows(match self.merges_changes {
                true => self.changed_rows(&name, &columns, &origins),
                false => self.new_rows(&origins),
            });
            if self.source.skipped.contains(&name) {
                memory = memory.skipped("the table is unlogged");
            }
            self.database.set_table(memory).expect("a table");
        }
    }

    fn new_rows(&self, origins: &[Origin]) -> Cells {
        let mut oracle = self.oracle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = vec![Vec::new(); FEW];
        for origin in origins {
            for row in &mut rows {
                row.push(Some(oracle.canaries.new_value(origin)));
            }
        }
        rows
    }

    /// Removes a table from the source.
    pub fn remove_table(&mut self, name: &str) {
        let (schema, table) = name.split_once('.').unwrap_or(("public", name));
        self.database.remove_table(schema, table);
        self.source.tables.remove(name);
        self.oracle().source_has(name, [].iter());
    }

    /// The rows of a table after a day on which one was deleted, one was changed and one was added; all are new if the table has
    /// other columns than before, or other values.
    pub(super) fn changed_rows(
        &mut self,
        table: &str,
        columns: &Columns,
        origins: &[Origin],
    ) -> Cells {
        let personal = origins.iter().filter(|it| it.personal).map(|it| it.column.clone());
        let personal: Vec<String> = personal.collect();
        let mut oracle = self.oracle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new_row = || -> Vec<Option<String>> {
            origins.iter().map(|it| Some(oracle.canaries.new_value(it))).collect()
        };
        let same = |it: &&mut Rows| it.columns == *columns && it.personal == personal;
        if let Some(kept) = self.rows.get_mut(table).filter(same) {
            kept.rows.remove(0);
            let mut changed = new_row();
            let keys = origins.iter().enumerate().filter(|(_, it)| it.column == KEY);
            keys.for_each(|(at, _)| changed[at].clone_from(&kept.rows[0][at]));
            kept.rows[0] = changed;
            kept.rows.push(new_row());
            return kept.rows.clone();
        }
        let rows: Cells = (0..MANY).map(|_| new_row()).collect();
        let columns = columns.clone();
        self.rows.insert(table.to_owned(), Rows { columns, personal, rows: rows.clone() });
        rows
    }
}
