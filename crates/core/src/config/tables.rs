//! `tables`: what is wanted of single tables.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CLASS_NONE, Config};
use crate::contract::Contract;
use crate::names::{history_table, is_same};
use crate::types::BigQueryType;
use crate::yaml::{KeyPath, Violation, nearest};

/// What is wanted of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// Keeps the rows of past days in a second table of the same dataset, `<table>_history`, one partition per
    /// day. Without it, only the newest day exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryConfig>,
    /// Transfers only the rows that changed since the day whose rows the table has, and merges them into the
    /// table. Needs `transfer.unchanged: skip`; not together with `history`. Without it, a table that changed is transferred
    /// completely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<DeltaConfig>,
}

/// How rows of two days are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeltaConfig {
    /// The columns whose values together name a row, by their names in the source: of class `none`, without
    /// `transform`, of type INT64 or STRING.
    #[schemars(length(min = 1, max = 16))]
    pub key: Vec<String>,
}

/// The days that a history table keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryConfig {
    /// Number of days. BigQuery deletes the partition of a day this many days after that day began, in UTC.
    /// Validity ranges (SCD2) are not supported.
    #[schemars(range(min = 1, max = 3660))]
    pub days: u32,
}

/// The names under `tables` that contract.yaml does not have, and history tables whose names it gives to other
/// tables. The functions do not stop at them.
pub fn tables_violations(config: &Config, contract: &Contract) -> Vec<Violation> {
    let path = KeyPath::root().key("tables");
    let names = contract.bigquery_tables();
    let mut problems = Vec::new();
    for name in config.tables.keys() {
        let Some(table) = names.iter().find(|(it, _)| *it == name).map(|(_, table)| table) else {
            let help = match nearest(name, contract.tables.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write a table of contract.yaml, as `schema.table`".to_owned(),
            };
            let message = format!("the contract has no table `{name}`");
            problems.push(Violation::new(path.key(name), message).help(help));
            continue;
        };
        problems.extend(delta_violations(config, contract, name));
        let history = history_table(table, 1);
        let other = names.iter().find(|(_, it)| is_same(it, &history));
        if let Some((other, _)) = other.filter(|_| config.history_of(name).is_some()) {
            problems.push(
                Violation::new(
                    path.key(name).key("history"),
                    format!("the history of `{name}` would be the BigQuery table `{history}`, which `{other}` is loaded into"),
                )
                .help(format!("give `{other}` another name in contract.yaml (`table:`)")),
            );
        }
    }
    problems
}

/// Why changes of a table are never transferred alone.
fn delta_violations(config: &Config, contract: &Contract, name: &str) -> Vec<Violation> {
    let table = config.tables.get(name);
    let Some(delta) = table.and_then(|table| table.delta.as_ref()) else { return Vec::new() };
    let path = KeyPath::root().key("tables").key(name);
    let mut problems = Vec::new();
    let mut add = |path: KeyPath, message: String, help: &str| {
        problems.push(Violation::new(path, message).help(help));
    };
    let always_full = format!("`{name}` would always be transferred completely");
    if !config.transfer.unchanged.skips() {
        let message = format!("{always_full}: `transfer.unchanged` is `carry`");
        add(path.key("delta"), message, "set `unchanged: skip` under `transfer`");
    }
    if table.is_some_and(|table| table.history.is_some()) {
        let message = format!("{always_full}: a day of its history needs all rows");
        add(path.key("delta"), message, "choose one of `delta` and `history`");
    }
    let columns = contract.tables.get(name).map(|table| &table.columns);
    for column in &delta.key {
        let named = columns.and_then(|columns| columns.get(column));
        let why = match named {
            None => "contract.yaml does not name it",
            Some(named) if named.class != CLASS_NONE => "it has a class",
            Some(named) if named.transform.is_some() => "it is changed on the way",
            Some(named)
                if !matches!(named.bigquery_type, BigQueryType::Int64 | BigQueryType::String)
                    || !named.mode.is_nullable() =>
            {
                "it is neither INT64 nor STRING"
            }
            Some(_) => continue,
        };
        let message = format!("`{column}` cannot be a key of `{name}`: {why}");
        let help = "name columns of class `none`, without `transform`, of type INT64 or STRING";
        add(path.key("delta").key("key"), message, help);
    }
    problems
}

impl Config {
    /// The key by which changes of a table of the source (`schema.table`) are found; `None` if the table is
    /// always transferred completely.
    pub fn delta_of(&self, source_table: &str) -> Option<&DeltaConfig> {
        let table = self.tables.get(source_table)?;
        let is_possible = self.transfer.unchanged.skips() && table.history.is_none();
        table.delta.as_ref().filter(|_| is_possible)
    }

    /// Whether changes of a table may be transferred alone. Then the function `load` reads the tables that it writes.
    pub fn has_deltas(&self) -> bool {
        self.tables.values().any(|table| table.delta.is_some())
    }

    /// The history that is kept of a table of the source (`schema.table`).
    pub fn history_of(&self, source_table: &str) -> Option<HistoryConfig> {
        self.tables.get(source_table)?.history
    }

    /// The tables of the source with a history, with what is kept.
    pub fn histories(&self) -> impl Iterator<Item = (&str, HistoryConfig)> {
        let tables = self.tables.iter();
        tables.filter_map(|(name, table)| Some((name.as_str(), table.history?)))
    }
}
