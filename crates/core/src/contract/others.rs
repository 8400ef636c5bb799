//! What happens to the columns and tables that the contract does not name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Contract;

/// What happens to a column that the contract does not name, and to all columns of a table that it
/// does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Others {
    /// It is loaded with the class `unclassified`: NULL for every reader, until the contract names it.
    /// Its values are in Cloud Storage and BigQuery.
    #[default]
    Unclassified,
    /// The table is held before any of its objects leaves AWS; the rows in BigQuery stay.
    Hold,
    /// It stays in AWS: the transfer leaves the column out. A table that the contract does not name
    /// is skipped.
    Drop,
}

impl Others {
    /// The value in `contract.yaml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unclassified => "unclassified",
            Self::Hold => "hold",
            Self::Drop => "drop",
        }
    }

    /// Whether this is the default.
    pub fn is_unclassified(&self) -> bool {
        *self == Self::Unclassified
    }
}

impl Contract {
    /// The rule for the columns of a source table that the contract does not name: the table's own,
    /// otherwise that of the contract.
    pub fn others_of(&self, source_table: &str) -> Others {
        self.tables.get(source_table).and_then(|table| table.others).unwrap_or(self.others)
    }
}
