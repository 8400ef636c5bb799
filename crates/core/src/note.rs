//! Notes: remarks for readers of a plan or a receipt. They do not stop the load.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a note of a receipt is about. Code decides by this, never by a note's text.
///
/// `docs/ledger.md` lists the codes. Notes are created by `plan::table` and by the load stage
/// (`stages/src/load/`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteCode {
    /// The export warns about the table.
    ExportWarning,
    /// The contract does not contain the table: every column is masked for everyone.
    TableNotInContract,
    /// The contract does not contain the column: it is masked for everyone.
    ColumnNotInContract,
    /// The contract does not contain the column, and it stays in AWS.
    ColumnStaysInAws,
    /// The contract does not contain the table, and it stays in AWS.
    TableStaysInAws,
    /// The export does not contain a column of the contract: it is NULL.
    ColumnNotInExport,
    /// A column or table has another name in BigQuery than in the source.
    NameDiffers,
    /// The contract spells a column with other letter case than the source.
    LetterCaseDiffers,
    /// A column stays STRING because not all its values can be read as its type.
    ColumnStaysText,
    /// Values of a column do not fit its type and are NULL.
    ValuesSetToNull,
    /// NULLs in arrays of a column were left out.
    ArrayNullsDropped,
    /// A change of the clock skips or repeats local times of a column that is loaded as instants.
    ClockChanged,
    /// The table was created in BigQuery.
    TableCreated,
    /// The schema of the table in BigQuery changed.
    SchemaChanged,
    /// The table's tokens are made with another key than those of an earlier day.
    TokenKeyChanged,
    /// The class of a column waits until time travel does not reach former rows any more.
    ClassWaits,
    /// The source type of a column is not the one in the contract: it is masked for everyone.
    SourceTypeDiffers,
    /// The values of a column of class `none` look personal: it is masked for everyone until a person
    /// pins it or gives it a class.
    LooksPersonal,
    /// No sample of the values of a column of class `none` can be read: it keeps its verdict, or, if it
    /// has none yet, is masked for everyone.
    NotJudged,
    /// A policy tag was lost during the load and was set again.
    PolicyTagRestored,
    /// The table has lost more rows than `checks.max_shrink_percent`.
    TableShrank,
    /// An audit found something unusual.
    AuditFinding,
    /// The day's data is of a later snapshot than that of the export hour.
    LateSnapshot,
    /// The export has the same content as that of an earlier day, whose rows the table keeps.
    Unchanged,
    /// Only the rows that changed since an earlier day were transferred, and merged into the table.
    Delta,
    /// A newer day is loaded already.
    Superseded,
    /// The receipt replaces an earlier one, because an operator requested the day again.
    Redone,
    /// The table was loaded on an earlier day and is not in today's export; its rows stay.
    TableGone,
    /// The contract names the table, no day loaded it, and it is not in today's export.
    TableNotInExport,
    /// The history of the table continues in another history table.
    HistoryContinues,
    /// The table is a partition; its rows are in its parent table.
    Partition,
}

impl NoteCode {
    /// Whether the source contains a table or column that the contract does not contain, or not in
    /// this type, so it is masked for everyone.
    pub const fn is_unclassified(self) -> bool {
        matches!(
            self,
            Self::TableNotInContract | Self::ColumnNotInContract | Self::SourceTypeDiffers
        )
    }
}

/// A remark for readers of a receipt. It does not stop the load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it is about.
    pub code: NoteCode,
    /// The column, for a note about one column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The note as one sentence for people. Its wording may change, so it is private: code can
    /// print it and cannot read it.
    text: String,
}

impl Note {
    /// A note about the table.
    pub fn new(code: NoteCode, text: impl Into<String>) -> Self {
        Self { code, column: None, text: text.into() }
    }

    /// A note about one column.
    pub fn of_column(code: NoteCode, column: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code, column: Some(column.into()), text: text.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
