//! The tables that a schema dump and migrations make: SQL files, read without a server.
//!
//! | module | contents |
//! |---|---|
//! | here | [`Schema`]: the tables, where each column was written, and what could not be read |
//! | `split` | a file as statements, each with its line |
//! | `tokens` | a statement as tokens |
//! | `apply` | what each statement does to the tables |
//! | `types` | the type of a column, as the catalogue of the database would describe it |
//!
//! A statement that may change a table and cannot be read is listed in [`Schema::unread`]: it is never
//! skipped silently. A statement is named by its first words, never by its values.
//!
//! Sources: PostgreSQL documentation, "SQL Commands" (`CREATE TABLE`, `ALTER TABLE`, `CREATE TYPE`,
//! `CREATE DOMAIN`); MySQL Reference Manual, "Data Definition Statements".

mod apply;
mod split;
mod tokens;
mod types;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use landbridge_core::contract::Contract;
use landbridge_core::types::array_element;

use crate::catalogue::{Column, Storage, Table};
use crate::engine::EngineFamily;

/// Where a statement or a column was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
}

/// A statement that may change a table and that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Where it begins.
    pub place: Place,
    /// Its first words, and why it could not be read; no value.
    pub what: String,
}

/// A table or a column that a statement removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The table: `schema.table`.
    pub table: String,
    /// The column; `None` for the table.
    pub column: Option<String>,
    /// Its new name, if it was renamed.
    pub to: Option<String>,
    /// Where.
    pub place: Place,
}

/// A column and where it was written last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DdlColumn {
    /// The column, as the catalogue would describe it.
    pub column: Column,
    /// Where; `None` if no statement named it, so that it is as it was at the start.
    pub place: Option<Place>,
}

/// A table and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DdlTable {
    /// Its schema; for MySQL the database.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<DdlColumn>,
    /// Where it was created; `None` if it was there at the start.
    pub place: Option<Place>,
    /// The table that this one is a partition of: `schema.table`.
    pub partition_of: Option<String>,
    /// Why a snapshot export skips it.
    pub skip_reason: Option<String>,
}

impl DdlTable {
    /// The table as a catalogue describes it.
    pub fn table(&self) -> Table {
        Table {
            schema: self.schema.clone(),
            name: self.name.clone(),
            columns: self.columns.iter().map(|it| it.column.clone()).collect(),
            partition_of: self.partition_of.clone(),
            skip_reason: self.skip_reason.clone(),
            storage: Storage::MySql { bytes: 0, transactional: true },
        }
    }
}

/// A type that a file defines.
#[derive(Clone, Debug)]
enum UserType {
    Enum,
    /// The base type.
    Domain(Column),
    Other,
}

/// Schema and name.
type Name = (String, String);

/// The tables after all statements so far.
#[derive(Clone, Debug)]
pub struct Schema {
    family: EngineFamily,
    /// Where names without a schema are.
    current: String,
    start: String,
    /// Whether a column that no file named is as the contract says.
    of_contract: bool,
    tables: BTreeMap<Name, DdlTable>,
    types: BTreeMap<Name, UserType>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Tables and columns that a statement removed.
    pub removed: Vec<Removed>,
}

impl Schema {
    /// No tables. `current` is the schema of names without one; for MySQL the database.
    pub fn empty(family: EngineFamily, current: &str) -> Self {
        Self {
            family,
            current: current.to_owned(),
            start: current.to_owned(),
            of_contract: false,
            tables: BTreeMap::new(),
            types: BTreeMap::new(),
            unread: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// The tables as a contract describes them.
    pub fn of_contract(family: EngineFamily, current: &str, contract: &Contract) -> Self {
        let mut schema = Self { of_contract: true, ..Self::empty(family, current) };
        for (key, table) in &contract.tables {
            let Some((of, name)) = key.split_once('.') else { continue };
            let columns = table.columns.iter().map(|(name, column)| {
                let mut described = Column::new(name, &column.source);
                if let Some((_, dimensions)) = array_element(&column.source) {
                    described.data_type = "ARRAY".to_owned();
                    described.array_dimensions = u32::try_from(dimensions).unwrap_or(1);
                }
                described
            });
            schema.insert(of, name, columns.collect());
        }
        schema
    }

    /// The tables of a database's catalogue.
    pub fn of_catalogue(family: EngineFamily, current: &str, tables: Vec<Table>) -> Self {
        let mut schema = Self::empty(family, current);
        for table in tables {
            schema.insert(&table.schema, &table.name, table.columns);
            let key = (table.schema, table.name);
            if let Some(it) = schema.tables.get_mut(&key) {
                it.partition_of = table.partition_of;
                it.skip_reason = table.skip_reason;
            }
        }
        schema
    }

    fn insert(&mut self, schema: &str, name: &str, columns: Vec<Column>) {
        let columns = columns.into_iter().map(|column| DdlColumn { column, place: None });
        let table = DdlTable {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns: columns.collect(),
            place: None,
            partition_of: None,
            skip_reason: None,
        };
        self.tables.insert((schema.to_owned(), name.to_owned()), table);
    }

    /// Whether a column is as the contract says, because no file named it.
    pub(crate) fn is_unchanged(&self, column: &DdlColumn) -> bool {
        self.of_contract && column.place.is_none()
    }

    /// The family of the engine.
    pub fn family(&self) -> EngineFamily {
        self.family
    }

    /// All tables, in the order of schemas and names.
    pub fn tables(&self) -> impl Iterator<Item = &DdlTable> {
        self.tables.values()
    }

    /// Reads a file on top of what was read before. `file` is its name in messages.
    pub fn read(&mut self, file: &str, text: &str) {
        self.current.clone_from(&self.start);
        for statement in split::statements(text, self.family) {
            let place = Place { file: file.to_owned(), line: statement.line };
            if statement.text.starts_with('\\') {
                let what = format!(
                    "`{}`: psql reads another file here; name that file too, and leave this line out",
                    statement.text
                );
                self.unread.push(Unread { place, what });
                continue;
            }
            if let Err(why) = self.apply(&statement.text, &place) {
                let head = apply::head(&statement.text);
                self.unread.push(Unread { place, what: format!("`{head}`: {why}") });
            }
        }
    }
}

/// The engine whose tool wrote a dump, by its first lines.
pub fn engine_of_dump(text: &str) -> Option<EngineFamily> {
    /// The header is within this many lines.
    const HEADER: usize = 20;
    text.lines().take(HEADER).find_map(|line| {
        let line = line.trim_start_matches(['-', ' ']);
        let begins = |beginnings: &[&str]| beginnings.iter().any(|it| line.starts_with(it));
        if begins(&["PostgreSQL database"]) {
            return Some(EngineFamily::Postgres);
        }
        begins(&["MySQL dump", "MariaDB dump"]).then_some(EngineFamily::MySql)
    })
}

/// The database that the header of a dump of MySQL or MariaDB names.
pub fn database_of_dump(text: &str) -> Option<&str> {
    const HEADER: usize = 20;
    let line = text.lines().take(HEADER).find(|line| line.starts_with("-- Host:"))?;
    let (_, database) = line.split_once("Database:")?;
    Some(database.trim()).filter(|it| !it.is_empty())
}
