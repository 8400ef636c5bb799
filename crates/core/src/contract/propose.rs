//! Proposes a contract for the tables of a source, for people to correct.

use super::{
    ColumnContract, Contract, Mode, Others, TableContract, VERSION,
    hints::{Hint, PersonalDataKind, hint},
};
use crate::{
    config::{CLASS_NONE, CLASS_UNCLASSIFIED, ClassConfig, Config},
    types::{BigQueryType, ColumnType, is_array},
};

/// A source table for which a contract is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedTable {
    /// Its schema; for MySQL, the database.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<ProposedColumn>,
}

/// A source column for which a class is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedColumn {
    /// Its name.
    pub name: String,
    /// Its source type, as the export manifest writes it.
    pub source_type: String,
    /// Its BigQuery type.
    pub bigquery_type: BigQueryType,
    /// Whether it contains single values or arrays.
    pub mode: Mode,
}

impl Contract {
    /// Proposes a contract. A column gets a configured class if its name and type
    /// suggest one whose mask fits the type and hides such values, `none` if it is obviously harmless,
    /// and `unclassified` otherwise. Values are not read.
    pub fn propose(tables: &[ProposedTable], config: &Config) -> Contract {
        let tables = tables
            .iter()
            .map(|table| {
                let columns = table
                    .columns
                    .iter()
                    .map(|column| (column.name.clone(), propose(column, config)))
                    .collect();
                let proposed = TableContract { columns, ..TableContract::default() };
                (format!("{}.{}", table.schema, table.name), proposed)
            })
            .collect();
        Contract { version: VERSION, others: Others::default(), tables }
    }

    /// Adds the tables and columns of the source that this contract does not contain.
    /// Existing entries are not changed.
    pub fn add_missing(&mut self, tables: &[ProposedTable], config: &Config) {
        for (name, proposed) in Contract::propose(tables, config).tables {
            let table = self.tables.entry(name).or_default();
            for (name, column) in proposed.columns {
                table.columns.entry(name).or_insert(column);
            }
        }
    }
}

/// Whether the mask of a class fits the type and hides values of this kind, also from those who
/// can list the possible values.
fn hides(class: &ClassConfig, kind: PersonalDataKind, column: &ProposedColumn) -> bool {
    let ty = ColumnType { ty: column.bigquery_type, repeated: !column.mode.is_nullable() };
    class.mask.fits(ty) && !(class.mask.is_computable() && kind.has_small_domain())
}

fn propose(column: &ProposedColumn, config: &Config) -> ColumnContract {
    // The type of an array's elements does not say that they are harmless, and neither does one bit.
    let (source_type, bigquery_type) = match column.source_type.as_str() {
        array if is_array(array) => ("ARRAY", BigQueryType::String),
        bits @ ("bit" | "bit varying") => (bits, BigQueryType::String),
        source_type => (source_type, column.bigquery_type),
    };
    let class = match hint(&column.name, source_type, bigquery_type) {
        Hint::Harmless => CLASS_NONE,
        Hint::Unsure => CLASS_UNCLASSIFIED,
        Hint::Personal(kind) => kind
            .class_names()
            .iter()
            .copied()
            .find(|name| {
                config.pii.classes.get(*name).is_some_and(|class| hides(class, kind, column))
            })
            .unwrap_or(CLASS_UNCLASSIFIED),
    };
    ColumnContract {
        mode: column.mode,
        ..ColumnContract::new(&column.source_type, column.bigquery_type, class)
    }
}
