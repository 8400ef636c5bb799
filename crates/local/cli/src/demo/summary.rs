//! The texts before the first day and after the last day.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use landbridge_cli_support::paint::Paint;
use landbridge_cli_support::program;
use landbridge_cli_support::receipts::classes_of;
use landbridge_cli_support::render::{counted, grouped, printable};
use landbridge_core::calendar::Day;
use landbridge_core::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use serde::Serialize;

use super::published;
use super::report::DayReport;
use super::sample::UnlistedColumn;
use crate::environment::LocalEnvironment;

/// The text before the first day: source, clock, and the proposed contract if there is one.
pub(super) fn introduction(environment: &LocalEnvironment, days: u16) -> String {
    let config = environment.config();
    let database = match &environment.engine {
        Some(engine) => format!("your {engine} database"),
        None => "a PostgreSQL sample database of a travel-affiliate business".to_owned(),
    };
    let days = match days {
        1 => "One day is".to_owned(),
        days => format!("{days} days are"),
    };
    let mut text = format!(
        "Source: {database}, emulated as RDS instance {}.\n{days} simulated on a virtual clock in {}. \
         The clouds are emulated on 127.0.0.1; the\nfunctions, their clients and the schedules are \
         the ones that are deployed.\n",
        config.source.id, config.schedule.zone
    );
    if let Some(proposed) = &environment.proposed {
        let _ = writeln!(
            text,
            "\nNo contract was given. This contract is proposed from the names and types of the \
             columns\n(saved as {}):\n",
            environment.contract_path.display()
        );
        for line in proposed.lines() {
            let _ = writeln!(text, "  {line}");
        }
        for left_out in &environment.left_out {
            let _ = writeln!(text, "  left out: {}", printable(left_out));
        }
    }
    text
}

/// The summary of all days.
#[derive(Serialize)]
pub(super) struct Summary {
    source: String,
    warehouse: String,
    days: usize,
    tables: usize,
    /// Rows of all tables on all days.
    rows: u64,
    /// The number of columns of each class of personal data, as text.
    classes: String,
    personal_columns: usize,
    /// The number of unclassified columns, whether the contract names them or not.
    unclassified_columns: usize,
    /// The columns that the contract does not name, each with the day on which it first appeared.
    unlisted_columns: Vec<(Day, UnlistedColumn)>,
    available_classes: Vec<String>,
    contract: String,
    /// Whether this command proposed the contract.
    contract_is_proposed: bool,
    logs: String,
    /// The first sample query of the last day.
    sample_query: Option<String>,
    /// The arguments that keep the same local cloud running.
    local_up_arguments: String,
}

impl Summary {
    /// The summary of a run.
    pub(super) fn new(environment: &LocalEnvironment, days: &[DayReport], data_dir: &Path) -> Self {
        let config = environment.config();
        let receipts = || days.iter().flat_map(|day| published(&day.receipts));
        let columns: BTreeMap<(&str, &str), &str> = receipts()
            .flat_map(|receipt| {
                receipt.columns.iter().map(|column| {
                    ((receipt.table.as_str(), column.name.as_str()), column.class.as_str())
                })
            })
            .collect();
        let personal = || {
            columns
                .values()
                .copied()
                .filter(|class| ![CLASS_NONE, CLASS_UNCLASSIFIED].contains(class))
        };
        let mut unlisted_columns = Vec::new();
        let mut seen = BTreeSet::new();
        for day in days {
            for check in &day.unlisted_columns {
                let column = &check.column;
                if seen.insert((column.table.clone(), column.column.clone())) {
                    unlisted_columns.push((day.day, column.clone()));
                }
            }
        }
        let classes = config.pii.classes.keys().filter(|class| *class != CLASS_UNCLASSIFIED);
        Self {
            source: config.source.id.clone(),
            warehouse: format!("{}.{}", config.warehouse.project, config.warehouse.dataset),
            days: days.len(),
            tables: receipts().map(|receipt| &receipt.table).collect::<BTreeSet<_>>().len(),
            rows: receipts().map(|receipt| receipt.rows_table.unwrap_or(0)).sum(),
            classes: classes_of(personal()),
            personal_columns: personal().count(),
            unclassified_columns: columns
                .values()
                .filter(|class| **class == CLASS_UNCLASSIFIED)
                .count(),
            unlisted_columns,
            available_classes: classes.cloned().collect(),
            contract: environment.contract_path.display().to_string(),
            contract_is_proposed: environment.proposed.is_some(),
            logs: data_dir.join("logs").display().to_string(),
            sample_query: days
                .last()
                .and_then(|day| day.samples.first())
                .map(|sample| sample.sql.clone()),
            local_up_arguments: if environment.uses_real_database() {
                "local up --source …".to_owned()
            } else {
                format!("local up --days {}", days.len())
            },
        }
    }

    /// The summary as text.
    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = format!("\n{}\n", paint.bold("Summary"));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  {} rows of {} were transferred from {} to {} in {}: by\n  snapshot, export, S3 and \
             Cloud Storage. Rows were counted four times: in the files, in the plan,\n  by the load \
             job and in the table.",
            grouped(self.rows),
            counted(self.tables, "table"),
            self.source,
            self.warehouse,
            counted(self.days, "day"),
        );
        let _ = writeln!(
            text,
            "  {} {} personal data ({}): masked for\n  analyst, plain for pii-reader, refused \
             for all other users. The policy tags were attached before\n  the data was loaded.",
            counted(self.personal_columns, "column"),
            if self.personal_columns == 1 { "contains" } else { "contain" },
            self.classes
        );
        for (day, UnlistedColumn { source_table, column, .. }) in &self.unlisted_columns {
            let _ = writeln!(
                text,
                "  On {day}, the column `{column}` of {source_table} was new. The contract does \
                 not name it, so\n  it is NULL for everyone, including pii-reader, until the contract \
                 gives it a class."
            );
        }
        if self.unclassified_columns > self.unlisted_columns.len() {
            let _ = writeln!(
                text,
                "  {} unclassified: NULL for everyone until the contract assigns a class.",
                match self.unclassified_columns {
                    1 => "1 column is".to_owned(),
                    count => format!("{count} columns are"),
                }
            );
        }
        let _ = writeln!(text, "\n{}", paint.bold("Next steps"));
        self.write_classification_step(&mut text);
        self.write_commands(&mut text);
        text
    }

    /// Appends the commands that the user can run next.
    fn write_commands(&self, text: &mut String) {
        let program = program();
        if self.contract_is_proposed {
            let _ = writeln!(
                text,
                "  correct the proposed contract and run the demo with it:\n      cp {} contract.yaml\n      \
                 {program} demo --source … --contract contract.yaml",
                self.contract
            );
        }
        let query = self.sample_query.as_deref().unwrap_or("SELECT …");
        let _ = writeln!(text, "  keep a local cloud running and query it from another terminal:");
        let _ = writeln!(text, "      {program} {}", self.local_up_arguments);
        let _ = writeln!(text, "      {program} query --as analyst '{query}'");
        let _ = writeln!(text, "  see it in a browser, from that other terminal:");
        let _ = writeln!(text, "      . .landbridge/local.env; {program} console");
        if !self.contract_is_proposed {
            let _ = writeln!(text, "  transfer your own database:");
            let _ = writeln!(text, "      {program} demo --source postgres://user@host/database");
            let _ = writeln!(text, "      {program} demo --source mysql://user@host/database");
        }
        let _ = writeln!(
            text,
            "  read more: docs/cli.md (this command), ARCHITECTURE.md (how it works), {} (the\n  \
             logs of the functions)",
            self.logs
        );
    }

    /// Appends how to classify the unlisted columns; nothing if there are none.
    fn write_classification_step(&self, text: &mut String) {
        let mut tables: BTreeMap<&str, Vec<&UnlistedColumn>> = BTreeMap::new();
        for (_, column) in &self.unlisted_columns {
            tables.entry(&column.source_table).or_default().push(column);
        }
        if tables.is_empty() {
            return;
        }
        let _ = writeln!(text, "  classify the new column in {}:", self.contract);
        for (source_table, columns) in tables {
            let _ = writeln!(text, "      \"{source_table}\":\n        columns:");
            for UnlistedColumn { column, source_type, ty, .. } in columns {
                let _ = writeln!(
                    text,
                    "          {column}: {{ source: {source_type}, type: {ty}, class: … }}"
                );
            }
        }
        let _ = writeln!(
            text,
            "      where class is none if everyone may read the column, otherwise one of\n        {}",
            self.available_classes.join(", ")
        );
    }
}
