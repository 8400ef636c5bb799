//! `tables`: what is wanted of single tables.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use crate::contract::Contract;
use crate::names::{history_table, is_same};
use crate::yaml::{KeyPath, Violation, nearest};

/// What is wanted of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// Keeps the rows of past days in a second table of the same dataset, `<table>_history`, one partition per
    /// day. Without it, only the newest day exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryConfig>,
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

impl Config {
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
