//! Query jobs: which tables and columns they read, for whom, and where their results went.
//!
//! The text of a query contains values that people compare with. It is read here and goes nowhere else:
//! [`QueryText`] cannot be printed or serialised, and what is kept are names of tables and columns of the
//! contract. Columns are a best effort: a name that occurs in a query of a table counts as its column.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::own_tables::OwnTables;
use crate::config::Config;
use crate::contract::{Contract, Transform};
use crate::models::laundering::{ColumnsRead, columns_read};
use crate::names::{column_name, is_same};

/// The text of a query. It has no way out of this crate.
#[derive(Clone, Default)]
pub struct QueryText(String);

impl QueryText {
    /// Takes a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for QueryText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a query")
    }
}

/// A table or view, as a job names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobTable {
    /// The project.
    pub project: String,
    /// The dataset.
    pub dataset: String,
    /// The table or view.
    pub table: String,
}

impl fmt::Display for JobTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.project, self.dataset, self.table)
    }
}

/// A query job that succeeded (BigQuery v2, resource `Job`).
#[derive(Clone, Debug)]
pub struct QueryJob {
    /// `user_email`: the address of a person or a service account, or a federated principal.
    pub user: String,
    /// When it was created.
    pub created: Timestamp,
    /// The tables that it read, also behind views. Empty for a result from the cache.
    pub tables: Vec<JobTable>,
    /// Where the result was written; `None` for a temporary table.
    pub destination: Option<JobTable>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The text.
    pub text: QueryText,
}

/// What reads a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reader {
    /// A report of Looker Studio, by the labels of its jobs (Google's documentation, "Monitor BI Engine",
    /// section on Looker Studio).
    Dashboard {
        /// The address of the report; of the data source, if the job names no report.
        url: String,
    },
    /// A service account.
    ServiceAccount {
        /// Its address.
        name: String,
    },
    /// An identity of another cloud, or a function of ours.
    Federated {
        /// The principal.
        name: String,
    },
    /// A person.
    Person {
        /// The address.
        name: String,
    },
}

/// The labels of a job of Looker Studio.
const REQUESTOR: (&str, &str) = ("requestor", "looker_studio");
const REPORT: &str = "looker_studio_report_id";
const DATA_SOURCE: &str = "looker_studio_datasource_id";

impl QueryJob {
    /// What reads: a dashboard, or the identity that started the job.
    pub fn reader(&self) -> Reader {
        self.dashboard().unwrap_or_else(|| self.identity())
    }

    /// The identity that started the job.
    pub fn identity(&self) -> Reader {
        let name = self.user.clone();
        if name.contains("://") {
            Reader::Federated { name }
        } else if name.ends_with(".gserviceaccount.com") {
            Reader::ServiceAccount { name }
        } else {
            Reader::Person { name }
        }
    }

    /// The dashboard that sent the job.
    pub fn dashboard(&self) -> Option<Reader> {
        let label = |key: &str| self.labels.get(key).filter(|it| is_id(it));
        let is_looker = self.labels.get(REQUESTOR.0).is_some_and(|it| it == REQUESTOR.1);
        let url = match (label(REPORT), label(DATA_SOURCE)) {
            (Some(report), _) => format!("https://lookerstudio.google.com/reporting/{report}"),
            (None, Some(source)) if is_looker => {
                format!("https://lookerstudio.google.com/datasources/{source}")
            }
            _ => return None,
        };
        Some(Reader::Dashboard { url })
    }

    /// The member of IAM policies whose job this is.
    pub fn member(&self) -> String {
        match self.identity() {
            Reader::ServiceAccount { name } => format!("serviceAccount:{name}"),
            Reader::Person { name } => format!("user:{}", name.to_lowercase()),
            Reader::Federated { name } | Reader::Dashboard { url: name } => name,
        }
    }
}

/// Whether a label is an id. Anything else could be a text that a person wrote.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '-' || it == '_')
}

/// What a job read of a table of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRead {
    /// The table, as the contract names it.
    pub table: String,
    /// The columns, by their names in BigQuery. A best effort.
    pub columns: BTreeSet<String>,
    /// Whether the query was understood. If not, more names count than it reads.
    pub understood: bool,
}

/// The tables of the contract that jobs can read, with their columns in BigQuery.
pub struct Readable<'a> {
    config: &'a Config,
    /// BigQuery table → table of the contract, columns in BigQuery → class.
    tables: BTreeMap<String, (&'a str, BTreeMap<String, &'a str>)>,
    own: OwnTables<'a>,
}

impl<'a> Readable<'a> {
    /// All tables of a contract.
    pub fn new(config: &'a Config, contract: &'a Contract) -> Self {
        let names = contract.bigquery_tables();
        let columns = |table: &String| {
            let style = config.warehouse.column_names;
            let landed = contract.tables[table].columns.iter();
            landed
                .filter(|(_, it)| it.transform != Some(Transform::Drop))
                .map(|(source, it)| {
                    let name = it.name.clone().unwrap_or_else(|| column_name(source, style));
                    (name, it.class.as_str())
                })
                .collect()
        };
        let entry = |table: &'a String| (names[table].clone(), (table.as_str(), columns(table)));
        let own = OwnTables::new(config, contract);
        Self { config, tables: contract.tables.keys().map(entry).collect(), own }
    }

    /// The class of a column.
    pub fn class(&self, table: &str, column: &str) -> Option<&'a str> {
        let (_, columns) = self.tables.values().find(|(name, _)| *name == table)?;
        columns.iter().find(|(name, _)| is_same(name, column)).map(|(_, class)| *class)
    }

    /// The classes of a table's columns.
    pub fn classes_of(&self, table: &str) -> BTreeSet<&'a str> {
        let of = self.tables.values().find(|(name, _)| *name == table);
        of.into_iter().flat_map(|(_, columns)| columns.values().copied()).collect()
    }

    /// The table of the contract behind a table, the past days that are kept of it, or a friendly view.
    pub fn table(&self, of: &JobTable) -> Option<&'a str> {
        let warehouse = &self.config.warehouse;
        let is_ours = of.dataset == warehouse.dataset
            || warehouse.views.as_ref().is_some_and(|it| it.dataset == of.dataset);
        if of.project != warehouse.project || !is_ours {
            return None;
        }
        let found = self.tables.iter().find(|(name, _)| is_same(name, &of.table));
        found.map(|(_, (table, _))| *table).or_else(|| self.own.source_of(without_partition(of)))
    }

    /// What a job read of the tables of the contract.
    pub fn reads(&self, job: &QueryJob) -> Vec<TableRead> {
        let mut reads: BTreeMap<&str, TableRead> = BTreeMap::new();
        for of in &job.tables {
            let Some(table) = self.table(of) else { continue };
            let columns = self.tables.values().find(|(name, _)| *name == table);
            let names: Vec<&str> = columns
                .iter()
                .flat_map(|(_, columns)| columns.keys().map(String::as_str))
                .collect();
            let ColumnsRead { columns, understood } =
                columns_read(job.text.text(), without_partition(of), &names);
            let read = reads.entry(table).or_insert_with(|| TableRead {
                table: table.to_owned(),
                columns: BTreeSet::new(),
                understood: true,
            });
            read.columns.extend(columns);
            read.understood &= understood;
        }
        reads.into_values().collect()
    }

    /// Whether a table is one that Landbridge writes, or a temporary one. A table with another name beside
    /// Landbridge's own is a person's.
    pub fn is_ours(&self, table: &JobTable) -> bool {
        table.dataset.starts_with('_')
            || (table.project == self.config.warehouse.project
                && self.own.contains(&table.dataset, &table.table))
    }
}

/// The name of a table of which a job can name a partition: `table$20261121`.
fn without_partition(table: &JobTable) -> &str {
    table.table.split('$').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job with the labels that Google documents for Looker Studio.
    pub(crate) fn job(user: &str, text: &str, tables: &[&str]) -> QueryJob {
        let table = |it: &&str| JobTable {
            project: "shop-analytics".into(),
            dataset: "shop".into(),
            table: (*it).to_owned(),
        };
        QueryJob {
            user: user.to_owned(),
            created: "2026-11-21T00:00:00Z".parse().expect("a time"),
            tables: tables.iter().map(table).collect(),
            destination: None,
            labels: BTreeMap::new(),
            text: QueryText::new(text),
        }
    }

    fn files() -> (Config, Contract) {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        let config = crate::config::parse("landbridge.yaml", text).expect("a configuration");
        let text = include_str!("../../../../examples/demo/contract.yaml");
        let contract = crate::contract::parse("contract.yaml", text, &config).expect("a contract");
        (config, contract)
    }

    #[test]
    fn the_columns_of_a_query() {
        let (config, contract) = files();
        let readable = Readable::new(&config, &contract);
        let secret = "kim.minji@example.com";
        for (text, expected) in [
            (
                format!("SELECT name FROM shop.creators WHERE email = '{secret}'"),
                "email name, true",
            ),
            ("SELECT COUNT(*) FROM shop.creators".into(), "none, true"),
            (
                "SELECT * EXCEPT (phone) FROM `shop-analytics.shop.creators`".into(),
                "all but phone, true",
            ),
            ("SELECT l.title FROM shop.links AS l".into(), "none, true"),
            (
                "CREATE TABLE other.copy AS SELECT id, phone FROM shop.creators".into(),
                "id phone, false",
            ),
            ("FROM shop.creators |> SELECT email".into(), "email, false"),
            ("CREATE TABLE o.c AS SELECT * FROM shop.creators".into(), "all, false"),
            ("SELECT 'unclosed FROM shop.creators".into(), "all, false"),
            ("DECLARE x INT64; SELECT tier FROM shop.creators".into(), "tier, false"),
        ] {
            let job = job("a@example.com", &text, &["creators"]);
            let read = readable.reads(&job).remove(0);
            let all: BTreeSet<String> = readable.tables["creators"].1.keys().cloned().collect();
            let missing: Vec<_> = all.difference(&read.columns).cloned().collect();
            let shown = match (missing.as_slice(), read.columns.is_empty()) {
                ([], _) => "all".to_owned(),
                (_, true) => "none".to_owned(),
                ([one], _) => format!("all but {one}"),
                _ => read.columns.iter().cloned().collect::<Vec<_>>().join(" "),
            };
            assert_eq!(format!("{shown}, {}", read.understood), expected, "{text}");
            assert!(!format!("{job:?} {read:?}").contains(secret));
        }
    }

    #[test]
    fn a_dashboard_is_known_by_its_labels_and_a_label_of_a_person_is_not_shown() {
        let mut report = job("owner@example.com", "SELECT 1", &[]);
        report.labels = BTreeMap::from([
            ("requestor".into(), "looker_studio".into()),
            ("looker_studio_report_id".into(), "0a1b-2c".into()),
            ("looker_studio_datasource_id".into(), "9f".into()),
        ]);
        let url = "https://lookerstudio.google.com/reporting/0a1b-2c".to_owned();
        assert_eq!(report.reader(), Reader::Dashboard { url });
        report.labels.insert("looker_studio_report_id".into(), "kim minji".into());
        let url = "https://lookerstudio.google.com/datasources/9f".to_owned();
        assert_eq!(report.reader(), Reader::Dashboard { url });
        report.labels.remove("requestor");
        assert_eq!(report.reader(), Reader::Person { name: "owner@example.com".into() });
        for (user, member) in [
            ("Owner@Example.com", "user:owner@example.com"),
            ("x@p.iam.gserviceaccount.com", "serviceAccount:x@p.iam.gserviceaccount.com"),
            ("principal://iam.googleapis.com/x", "principal://iam.googleapis.com/x"),
        ] {
            assert_eq!(job(user, "SELECT 1", &[]).member(), member);
        }
    }

    /// Past days are read, and copied, under another name.
    #[test]
    fn reading_a_history_is_reading_its_table() {
        let (config, contract) = files();
        let readable = Readable::new(&config, &contract);
        for (table, text) in [
            ("creators_history", "SELECT email FROM shop.creators_history"),
            ("creators_history_2", "SELECT email FROM shop.creators_history_2 AS h"),
            ("creators_history$20261121", "SELECT email FROM shop.creators_history"),
        ] {
            let reads = readable.reads(&job("a@example.com", text, &[table]));
            assert_eq!(reads.len(), 1, "{text}");
            assert_eq!(reads[0].table, "public.creators");
            assert!(reads[0].columns.iter().eq(["email"]) && reads[0].understood, "{reads:?}");
        }
        let both = "SELECT t.tier, h.email FROM shop.creators AS t JOIN shop.creators_history AS h USING (id)";
        let reads = readable.reads(&job("a@example.com", both, &["creators", "creators_history"]));
        assert_eq!(reads.len(), 1);
        assert!(["email", "tier"].iter().all(|it| reads[0].columns.contains(*it)), "{reads:?}");
    }
}
