//! The names that Landbridge gives to tables and views. What has another name is not Landbridge's: no tag of it
//! is set or checked.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::contract::Contract;
use crate::models::bigquery_table;
use crate::names::{MOST_HISTORY_TABLES, earlier_table_name, history_table, table_with_suffix};
use crate::ops::OpsTable;
use crate::ops::views::ops_views;
use crate::views::FRESHNESS;

/// The tables and views of a database.
pub(super) struct OwnTables<'a> {
    config: &'a Config,
    /// BigQuery table → table of the contract.
    tables: BTreeMap<String, &'a str>,
    /// What is in the dataset of receipts.
    ops: BTreeSet<String>,
}

impl<'a> OwnTables<'a> {
    pub(super) fn new(config: &'a Config, contract: &'a Contract) -> Self {
        let mut tables: BTreeMap<String, &'a str> = BTreeMap::new();
        // The present names of all tables are entered first, because they win.
        for (source, name) in first_names(contract) {
            tables.entry(name).or_insert(source);
        }
        // A table gets a second name if another table has the one that it wants.
        for (source, name) in first_names(contract) {
            tables.entry(table_with_suffix(&name, source)).or_insert(source);
        }
        let views = ops_views("", "").into_iter().map(|it| it.name);
        let ops = OpsTable::ALL.iter().map(|it| it.name().to_owned()).chain(views).collect();
        Self { config, tables, ops }
    }

    /// The table of the contract whose rows, or whose past days, a table of the dataset has.
    pub(super) fn source_of(&self, table: &str) -> Option<&'a str> {
        self.current(table).or_else(|| self.current(kept_of(table)?))
    }

    fn current(&self, table: &str) -> Option<&'a str> {
        self.tables.get(table).copied()
    }

    /// Whether Landbridge writes a table or view with this name in a dataset.
    pub(super) fn contains(&self, dataset: &str, table: &str) -> bool {
        let warehouse = &self.config.warehouse;
        // A job can name a partition: `table$20261121`.
        let table = table.split('$').next().unwrap_or_default();
        if dataset == warehouse.dataset {
            let kept = kept_of(table).and_then(|of| self.current(of));
            let is_kept = kept.is_some_and(|source| self.config.history_of(source).is_some());
            return is_kept || self.current(table).is_some();
        }
        if dataset == warehouse.ops_dataset {
            return self.ops.contains(table);
        }
        let is_views = warehouse.views.as_ref().is_some_and(|it| it.dataset == dataset);
        is_views && (table == FRESHNESS || self.current(table).is_some())
    }
}

/// The names that the tables of the contract can have in BigQuery if no other table has them: the present ones of all
/// tables, then the ones of earlier versions, which a table that has landed keeps.
fn first_names(contract: &Contract) -> Vec<(&str, String)> {
    let is_postgres = contract.tables.keys().any(|it| it.starts_with("public."));
    let present = contract.tables.keys().map(|it| (it.as_str(), bigquery_table(contract, it)));
    let without_own = contract.tables.iter().filter(|(_, entry)| entry.table.is_none());
    let earlier = without_own.filter_map(|(source, _)| {
        let (schema, table) = source.split_once('.')?;
        let database = if is_postgres { "" } else { schema };
        Some((source.as_str(), earlier_table_name(database, schema, table)))
    });
    present.chain(earlier).collect()
}

/// The table whose past days a history table keeps.
fn kept_of(table: &str) -> Option<&str> {
    let (of, number) = table.rsplit_once("_history")?;
    let number: u32 = match number {
        "" => 1,
        number => number.strip_prefix('_')?.parse().ok()?,
    };
    let is_history =
        (1..=MOST_HISTORY_TABLES).contains(&number) && history_table(of, number) == table;
    is_history.then_some(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_tables_are_named_after_the_table() {
        for (table, of) in [
            ("orders_history", Some("orders")),
            ("orders_history_2", Some("orders")),
            ("orders_history_100", Some("orders")),
            ("orders_history_history", Some("orders_history")),
            ("orders_history_1", None),
            ("orders_history_02", None),
            ("orders_history_101", None),
            ("orders_historyx", None),
            ("orders", None),
        ] {
            assert_eq!(kept_of(table), of, "{table}");
        }
    }

    #[test]
    fn only_names_that_landbridge_gives_are_its_own() {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        let config = crate::config::parse("landbridge.yaml", text).expect("a configuration");
        let text = include_str!("../../../../examples/demo/contract.yaml");
        let contract = crate::contract::parse("contract.yaml", text, &config).expect("a contract");
        let own = OwnTables::new(&config, &contract);
        let warehouse = &config.warehouse;
        let views = &warehouse.views.as_ref().expect("a dataset of views").dataset;
        for (dataset, table, expected) in [
            (&warehouse.dataset, "creators", true),
            (&warehouse.dataset, "tmp", false),
            (&warehouse.dataset, "receipts", false),
            (&warehouse.ops_dataset, "receipts", true),
            (&warehouse.ops_dataset, "table_health", true),
            (&warehouse.ops_dataset, "creators", false),
            (views, "creators", true),
            (views, "_freshness", true),
            (views, "tmp", false),
        ] {
            assert_eq!(own.contains(dataset, table), expected, "{dataset}.{table}");
        }
        assert_eq!(own.source_of("creators"), Some("public.creators"));
        assert_eq!(own.source_of("creators_history_2"), Some("public.creators"));
        assert_eq!(
            own.source_of(&table_with_suffix("creators", "public.creators")),
            Some("public.creators")
        );
        assert_eq!(own.source_of("tmp"), None);
    }
}
