//! `landbridge.yaml`: the one file that says what is carried where, when, and
//! who may read what.
//!
//! | module | what it holds |
//! |---|---|
//! | here | [`Config`], [`parse`], [`schema`] |
//! | `sections` | one struct per section of the file, with its defaults |
//! | `pii` | classes of personal data, masks, readers |
//! | `validate` | the rules that span more than one value |
//!
//! Rules about a single value (an identifier's shape, a range) live in the
//! schema itself, see [`crate::yaml`], so an editor shows them as well.

mod pii;
mod sections;
mod validate;

#[cfg(test)]
mod tests;

pub use pii::{CLASS_NONE, CLASS_UNCLASSIFIED, ClassConfig, Mask, PiiConfig};
pub use sections::{
    ChecksConfig, ExportConfig, LedgerConfig, LoadConfig, ScheduleConfig, SnapshotsConfig,
    SourceConfig, SourceKind, TransferConfig, WarehouseConfig,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::yaml::{self, Diagnostics, Violation};

/// The file's usual name, beside which `contract.yaml` lies.
pub const FILE_NAME: &str = "landbridge.yaml";

/// The only version of the file's format so far.
pub const VERSION: u32 = 1;

/// Landbridge: what is carried where, when, and who may read what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of this file's format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The database that is carried.
    pub source: SourceConfig,
    /// What happens at which hour of the source's day.
    pub schedule: ScheduleConfig,
    /// How many snapshots are kept, by age.
    #[serde(default)]
    pub snapshots: SnapshotsConfig,
    /// Where RDS writes a day's Parquet files, and as whom.
    pub export: ExportConfig,
    /// Where progress and receipts are recorded.
    #[serde(default)]
    pub ledger: LedgerConfig,
    /// How files cross to Google Cloud Storage.
    pub transfer: TransferConfig,
    /// The BigQuery side.
    pub warehouse: WarehouseConfig,
    /// Classes of personal data: how each is masked, and for whom it is not.
    #[serde(default)]
    pub pii: PiiConfig,
    /// Limits beyond which a day is not quietly accepted.
    #[serde(default)]
    pub checks: ChecksConfig,
    /// How loading into BigQuery is tried.
    #[serde(default)]
    pub load: LoadConfig,
}

impl Config {
    /// Every fault of this value, none when it may be used. [`parse`] has done
    /// this already; a `Config` built in code has not been checked yet.
    pub fn validate(&self) -> Vec<Violation> {
        let mut problems = yaml::violations_of(self);
        problems.extend(validate::across(self));
        problems
    }

    /// The class of that name. `unclassified` always exists, [`CLASS_NONE`] never
    /// does: a column of class `none` carries no tag.
    pub fn class(&self, name: &str) -> Option<ClassConfig> {
        self.pii.class(name)
    }
}

/// Reads the text of a `landbridge.yaml`. `file` is only used to name it in
/// faults.
///
/// # Errors
/// Every fault found, each with its line: nothing is reported one at a time.
pub fn parse(file: &str, text: &str) -> Result<Config, Diagnostics> {
    yaml::parse_checked(file, text, validate::across)
}

/// The JSON Schema of the file, as kept in `schemas/landbridge.schema.json`.
pub fn schema() -> serde_json::Value {
    yaml::schema_of::<Config>()
}
