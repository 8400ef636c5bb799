//! `landbridge.yaml`: which database is transferred where and when, and who may
//! read which data.
//!
//! | module | contents |
//! |---|---|
//! | here | [`Config`], [`parse`], [`schema`] |
//! | `sections` | one struct per section of the file, with its defaults |
//! | `alerts` | where messages about incidents go |
//! | `fan_out` | when objects are handed to workers |
//! | `many` | [`parse_databases`]: many databases in one file |
//! | `pii` | classes of personal data, masks, readers |
//! | `audits` | what is compared with earlier days before a table is published |
//! | `proof` | which figures of columns the transfer computes |
//! | `countries` | whether the transfer crosses a border |
//! | `domain` | whether the values of a class can be listed |
//! | `tables` | what is wanted of single tables |
//! | `validate` | rules that involve more than one value |
//!
//! Rules about a single value (the format of an identifier, a range) are part of
//! the JSON Schema, see [`crate::yaml`], so editors check them too.

mod alerts;
mod audits;
mod countries;
mod domain;
mod fan_out;
mod many;
mod pii;
mod proof;
mod sections;
mod tables;
mod validate;

#[cfg(test)]
mod tests;

pub use alerts::{AlertsConfig, Channel, EmailConfig, SlackConfig, WebhookConfig};
pub use audits::{AuditLevel, AuditLevels, AuditsConfig, Freshness, TableAudits};
pub use countries::{country_of_aws_region, country_of_google_location};
pub use domain::{Domain, SMALL_DOMAINS};
pub use fan_out::FanOutConfig;
pub use many::{
    Database, Databases, NotOne, check_databases, has_databases, parse_databases,
    parse_databases_with_borders,
};
pub use pii::{CLASS_NONE, CLASS_UNCLASSIFIED, ClassConfig, Mask, PiiConfig};
pub use proof::{KeptColumns, ProofConfig};
pub use sections::{
    ChecksConfig, ExportConfig, ExportedSnapshot, Ga4Config, LedgerConfig, LoadConfig,
    ModelsConfig, Recompression, ScheduleConfig, SnapshotsConfig, SourceConfig, SourceKind,
    TransferConfig, UnchangedTables, ViewsConfig, WarehouseConfig,
};
pub use tables::{DeltaConfig, HistoryConfig, TableConfig, tables_violations};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::yaml::{self, Diagnostics, Violation};

/// The default file name. `contract.yaml` is expected in the same directory.
pub const FILE_NAME: &str = "landbridge.yaml";

/// The version of the file format; there is only one so far.
pub const VERSION: u32 = 1;

/// The functions of every deployment, in the order of a day.
pub const FUNCTIONS: [&str; 5] = ["snapshot", "export", "transfer", "load", "protect"];
/// The function that is deployed only if the configuration has `warehouse.views`.
pub const FUNCTION_VIEWS: &str = "views";
/// The function that is deployed only if the configuration has `alerts`.
pub const FUNCTION_NOTIFY: &str = "notify";
/// The function that carries objects from the queue; deployed with `transfer.fan_out`. It has no schedule.
pub const FUNCTION_WORKER: &str = "transfer-item";

/// Configuration of Landbridge: which database is transferred where and when,
/// and who may read which data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of this file's format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The source database.
    pub source: SourceConfig,
    /// The hours at which the stages run.
    pub schedule: ScheduleConfig,
    /// How many snapshots are kept, by age.
    #[serde(default)]
    pub snapshots: SnapshotsConfig,
    /// The S3 location, IAM role and KMS key of the daily export.
    pub export: ExportConfig,
    /// Where progress and receipts are recorded.
    #[serde(default)]
    pub ledger: LedgerConfig,
    /// The transfer of exported files to Google Cloud Storage.
    pub transfer: TransferConfig,
    /// The BigQuery project, location and datasets.
    pub warehouse: WarehouseConfig,
    /// Classes of personal data: how each is masked, and who reads it unmasked.
    #[serde(default)]
    pub pii: PiiConfig,
    /// Limits that raise an alert or hold a table when exceeded.
    #[serde(default)]
    pub checks: ChecksConfig,
    /// Load jobs and their retries.
    #[serde(default)]
    pub load: LoadConfig,
    /// The proof of columns: which figures the transfer computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofConfig>,
    /// Where messages about incidents go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertsConfig>,
    /// What is compared with earlier days before a table is published.
    #[serde(default, skip_serializing_if = "AuditsConfig::is_default")]
    pub audits: AuditsConfig,
    /// What is wanted of single tables, by their name in the source: `schema.table`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableConfig>,
}

impl Config {
    /// All violations of the rules; empty when the configuration is valid. [`parse`]
    /// has already checked what it returns; a `Config` built in code is unchecked.
    pub fn validate(&self) -> Vec<Violation> {
        let mut problems = yaml::violations_of(self);
        problems.extend(validate::check_config(self));
        problems
    }

    /// The functions that this configuration deploys, with those that no schedule starts.
    pub fn all_functions(&self) -> Vec<&'static str> {
        let worker = self.transfer.fan_out.is_some().then_some(FUNCTION_WORKER);
        self.functions().into_iter().chain(worker).collect()
    }

    /// The name of the queue from which workers take objects. Terraform creates it.
    pub fn items_queue(&self) -> String {
        format!("landbridge-{}-items", self.source.name)
    }

    /// The name of the queue of messages that no worker could process.
    pub fn failed_items_queue(&self) -> String {
        format!("landbridge-{}-items-failed", self.source.name)
    }

    /// The functions that this configuration starts by a schedule, in the order of a day.
    pub fn functions(&self) -> Vec<&'static str> {
        let views = self.warehouse.views.is_some().then_some(FUNCTION_VIEWS);
        let notify = self.alerts.is_some().then_some(FUNCTION_NOTIFY);
        FUNCTIONS.into_iter().chain(views).chain(notify).collect()
    }

    /// The class with this name. `unclassified` always exists; [`CLASS_NONE`] never
    /// does, because a column of class `none` has no policy tag.
    pub fn class(&self, name: &str) -> Option<ClassConfig> {
        self.pii.class(name)
    }
}

/// Parses and validates the text of a `landbridge.yaml`. `file` is the name shown
/// in diagnostics.
///
/// # Errors
/// All diagnostics at once, each with its line and column.
pub fn parse(file: &str, text: &str) -> Result<Config, Diagnostics> {
    yaml::parse_checked(file, text, validate::check_config)
}

/// As [`parse`], and also applies [`Config::crosses_border`].
///
/// # Errors
/// All diagnostics at once, each with its line and column.
pub fn parse_with_borders(file: &str, text: &str) -> Result<Config, Diagnostics> {
    yaml::parse_checked(file, text, |config: &Config| {
        let mut problems = validate::check_config(config);
        problems.extend(config.crosses_border());
        problems
    })
}

/// The JSON Schema of the file, as stored in `schemas/landbridge.schema.json`.
pub fn schema() -> serde_json::Value {
    many::of_file()
}
