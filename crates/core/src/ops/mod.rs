//! The tables and views of `warehouse.ops_dataset`: what analysts may query of the days. The load stage writes
//! them.
//!
//! | module | contents |
//! |---|---|
//! | here | [`OpsTable`]: names, columns, descriptions |
//! | [`rows`] | the rows of `columns`, `audits` and `incidents`; rows of `receipts` are in [`crate::receipt`] |
//! | [`views`] | the views `table_health`, `freshness` and `row_trend`, from SQL files |
//!
//! Everyone who may read the dataset reads every row, and rows stay. So the tables obey the rule of
//! `docs/proof.md` for columns of every class, `none` included, because a column can get a class later: no hash,
//! sum, bound or distinct count of a column is in them. Numbers of rows, of NULLs and of values that did not fit
//! are: they do not depend on what a value is. The reasons why values did not fit are not, because some of them
//! name a value (`zero_date`); nor is the text of a finding, which can count values.

mod fields;
pub mod rows;
#[cfg(test)]
mod tests;
pub mod views;

use crate::diff::TableColumn;
use crate::receipt::FIELDS;
use crate::types::BigQueryType;

/// A column of a table of the dataset.
#[derive(Clone, Copy, Debug)]
pub struct OpsField {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: BigQueryType,
    /// Whether it is an array of that type.
    pub repeated: bool,
    /// Its description in BigQuery and in the documentation.
    pub description: &'static str,
}

/// A table of the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpsTable {
    /// One row per table and day.
    Receipts,
    /// One row per column, table and day.
    Columns,
    /// One row per check, table and day.
    Audits,
    /// One row per change of an incident.
    Incidents,
}

impl OpsTable {
    /// All tables.
    pub const ALL: [Self; 4] = [Self::Receipts, Self::Columns, Self::Audits, Self::Incidents];

    /// Its name in BigQuery.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receipts => "receipts",
            Self::Columns => "columns",
            Self::Audits => "audits",
            Self::Incidents => "incidents",
        }
    }

    /// Its description in BigQuery.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Receipts => {
                "One row per table and day: what was exported, what was loaded, and what proves it"
            }
            Self::Columns => {
                "One row per column, table and published day: class, transform, way of proof, and how many values are NULL or did not fit. No figure of the values"
            }
            Self::Audits => {
                "One row per check, table and day: the verdict, without figures. `deadline` says whether the table was published in time"
            }
            Self::Incidents => {
                "One row per change of an incident that a tick of the load stage saw. The last row of an incident counts"
            }
        }
    }

    /// Its columns, in order. None has a policy tag.
    pub fn columns(self) -> Vec<TableColumn> {
        let column = |name: &str, ty, repeated, description: &str| TableColumn {
            name: name.to_owned(),
            ty,
            repeated,
            policy_tag: None,
            description: Some(description.to_owned()),
        };
        match self {
            Self::Receipts => {
                FIELDS.iter().map(|it| column(it.name, it.ty, false, it.description)).collect()
            }
            _ => {
                let fields = self.fields().iter();
                fields.map(|it| column(it.name, it.ty, it.repeated, it.description)).collect()
            }
        }
    }

    /// The columns of a table other than `receipts`.
    pub(crate) const fn fields(self) -> &'static [OpsField] {
        match self {
            Self::Receipts => &[],
            Self::Columns => &fields::COLUMNS,
            Self::Audits => &fields::AUDITS,
            Self::Incidents => &fields::INCIDENTS,
        }
    }
}
