//! What is told at the beginning and at the end.

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

use super::report::DayReport;
use super::sample::Unnamed;
use super::{published, tables};
use crate::environment::LocalEnvironment;

/// What is said before the first day.
pub(super) fn opening(world: &LocalEnvironment, days: u16) -> String {
    let config = world.config();
    let source = &config.source;
    let what = match &world.engine {
        Some(engine) => format!("Your {engine} database"),
        None => "An invented travel business, in PostgreSQL,".to_owned(),
    };
    let days = match days {
        1 => "One day passes".to_owned(),
        days => format!("{days} days pass"),
    };
    let mut text = format!(
        "{what} plays the RDS instance {}.\n{days} on a virtual clock in {}. The clouds are \
         emulated on 127.0.0.1; the functions,\ntheir clients and the schedules are the ones that \
         are deployed.\n",
        source.id, config.schedule.zone
    );
    if world.proposed {
        let _ = writeln!(
            text,
            "\nNobody has written a contract for it yet. This one is proposed, from names and \
             types alone\n(kept in {}):\n",
            world.contract_path.display()
        );
        for line in world.contract.render().lines() {
            let _ = writeln!(text, "  {line}");
        }
        for left_out in &world.left_out {
            let _ = writeln!(text, "  left out: {}", printable(left_out));
        }
    }
    text
}

/// What there is to say of all days.
#[derive(Serialize)]
pub(super) struct Summary {
    source: String,
    target: String,
    days: usize,
    tables: usize,
    rows: u64,
    classes: String,
    personal_columns: usize,
    /// Columns that nobody has judged, named by the contract or not.
    unclassified_columns: usize,
    /// Columns that no contract names, by the day they were first seen.
    unnamed: Vec<(Day, Unnamed)>,
    classes_to_choose_from: Vec<String>,
    contract: String,
    /// Whether the contract was proposed just now.
    proposed: bool,
    logs: String,
    select: Option<String>,
    /// How the same days are had again.
    again: String,
}

impl Summary {
    /// The summary of a run.
    pub(super) fn of(world: &LocalEnvironment, days: &[DayReport], data_dir: &Path) -> Self {
        let config = world.config();
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
        let mut unnamed = Vec::new();
        let mut known = BTreeSet::new();
        for day in days {
            for proof in &day.unnamed {
                let column = &proof.column;
                if known.insert((column.table.clone(), column.column.clone())) {
                    unnamed.push((day.day, column.clone()));
                }
            }
        }
        let classes = config.pii.classes.keys().filter(|class| *class != CLASS_UNCLASSIFIED);
        Self {
            source: config.source.id.clone(),
            target: format!("{}.{}", config.warehouse.project, config.warehouse.dataset),
            days: days.len(),
            tables: receipts().map(|receipt| &receipt.table).collect::<BTreeSet<_>>().len(),
            rows: receipts().map(|receipt| receipt.rows_table.unwrap_or(0)).sum(),
            classes: classes_of(personal()),
            personal_columns: personal().count(),
            unclassified_columns: columns
                .values()
                .filter(|class| **class == CLASS_UNCLASSIFIED)
                .count(),
            unnamed,
            classes_to_choose_from: classes.cloned().collect(),
            contract: world.contract_path.display().to_string(),
            proposed: world.proposed,
            logs: data_dir.join("logs").display().to_string(),
            select: days
                .last()
                .and_then(|day| day.samples.first())
                .map(|sample| sample.sql.clone()),
            again: if world.real() {
                "local up --source …".to_owned()
            } else {
                format!("local up --days {}", days.len())
            },
        }
    }

    /// In plain words.
    pub(super) fn text(&self, paint: Paint) -> String {
        let program = program();
        let mut text = format!("\n{}\n", paint.bold("What you saw"));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  {} rows of {} crossed from {} to {} in {}, by way of snapshot,\n  export, S3 and \
             Cloud Storage. Each row was counted four times: in the files, in the plan, by the\n  \
             load job and in the table.",
            grouped(self.rows),
            tables(self.tables),
            self.source,
            self.target,
            counted(self.days, "day"),
        );
        let _ = writeln!(
            text,
            "  {} hold personal data ({}): masked for the analyst,\n  plain for the pii-reader, \
             refused to anyone else. The tags were there before the data.",
            counted(self.personal_columns, "column"),
            self.classes
        );
        for (day, Unnamed { source_table, column, .. }) in &self.unnamed {
            let _ = writeln!(
                text,
                "  On {day}, the new column `{column}` of {source_table} was masked, because the \
                 contract does not\n  name it: NULL for everyone, the pii-reader too, until \
                 somebody decides what it is."
            );
        }
        if self.unclassified_columns > self.unnamed.len() {
            let _ = writeln!(
                text,
                "  {} unclassified: NULL for everyone, because the contract leaves open what they \
                 are.",
                match self.unclassified_columns {
                    1 => "1 column is".to_owned(),
                    count => format!("{count} columns are"),
                }
            );
        }
        let _ = writeln!(text, "\n{}", paint.bold("Where to look next"));
        self.decide(&mut text);
        if self.proposed {
            let _ = writeln!(
                text,
                "  correct the proposed contract, and see what changes:\n      cp {} contract.yaml\n      \
                 {program} demo --source … --contract contract.yaml",
                self.contract
            );
        }
        let select = self.select.as_deref().unwrap_or("SELECT …");
        let _ =
            writeln!(text, "  keep a cloud running, and ask it yourself from another terminal:");
        let _ = writeln!(text, "      {program} {}", self.again);
        let _ = writeln!(text, "      {program} query --as analyst '{select}'");
        if !self.proposed {
            let _ = writeln!(text, "  carry a database of your own:");
            let _ = writeln!(text, "      {program} demo --source postgres://user@host/database");
            let _ = writeln!(text, "      {program} demo --source mysql://user@host/database");
        }
        let _ = writeln!(
            text,
            "  read on: docs/cli.md (this command), ARCHITECTURE.md (how it works), {} (what the\n  \
             functions logged)",
            self.logs
        );
        text
    }

    /// How a column that nobody has judged yet is judged.
    fn decide(&self, text: &mut String) {
        let mut tables: BTreeMap<&str, Vec<&Unnamed>> = BTreeMap::new();
        for (_, column) in &self.unnamed {
            tables.entry(&column.source_table).or_default().push(column);
        }
        if tables.is_empty() {
            return;
        }
        let _ = writeln!(text, "  decide about the new column, in {}:", self.contract);
        for (target, columns) in tables {
            let _ = writeln!(text, "      \"{target}\":\n        columns:");
            for Unnamed { column, source_type, ty, .. } in columns {
                let _ = writeln!(
                    text,
                    "          {column}: {{ source: {source_type}, type: {ty}, class: … }}"
                );
            }
        }
        let _ = writeln!(
            text,
            "      with one of {}, or none when everyone may read it",
            self.classes_to_choose_from.join(", ")
        );
    }
}
