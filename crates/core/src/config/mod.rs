//! `landbridge.yaml`: the one file that says what is carried where, when, and
//! who may read what.
//!
//! | module | what it holds |
//! |---|---|
//! | here | [`Config`], [`load`], [`schema`] |
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

pub use pii::{Class, Mask, NONE, Pii, UNCLASSIFIED};
pub use sections::{
    Checks, Export, Ledger, Load, Schedule, Snapshots, Source, SourceKind, Transfer, Warehouse,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::yaml::{self, Faults, Problem};

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
    pub source: Source,
    /// What happens at which hour of the source's day.
    pub schedule: Schedule,
    /// How many snapshots are kept, by age.
    #[serde(default)]
    pub snapshots: Snapshots,
    /// Where RDS writes a day's Parquet files, and as whom.
    pub export: Export,
    /// Where progress and receipts are recorded.
    #[serde(default)]
    pub ledger: Ledger,
    /// How files cross to Google Cloud Storage.
    pub transfer: Transfer,
    /// The BigQuery side.
    pub warehouse: Warehouse,
    /// Classes of personal data: how each is masked, and for whom it is not.
    #[serde(default)]
    pub pii: Pii,
    /// Limits beyond which a day is not quietly accepted.
    #[serde(default)]
    pub checks: Checks,
    /// How loading into BigQuery is tried.
    #[serde(default)]
    pub load: Load,
}

impl Config {
    /// Every fault of this value, none when it may be used. [`load`] has done
    /// this already; a `Config` built in code has not been checked yet.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = yaml::problems_of(self);
        problems.extend(validate::across(self));
        problems
    }

    /// The class of that name. `unclassified` always exists, [`NONE`] never
    /// does: a column of class `none` carries no tag.
    pub fn class(&self, name: &str) -> Option<Class> {
        self.pii.class(name)
    }
}

/// Reads the text of a `landbridge.yaml`. `file` is only used to name it in
/// faults.
///
/// # Errors
/// Every fault found, each with its line: nothing is reported one at a time.
pub fn load(file: &str, text: &str) -> Result<Config, Faults> {
    yaml::load_checked(file, text, validate::across)
}

/// The JSON Schema of the file, as kept in `schemas/landbridge.schema.json`.
pub fn schema() -> serde_json::Value {
    yaml::schema_of::<Config>()
}
