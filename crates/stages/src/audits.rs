//! Why a table is held whose audits cannot be made: the transfer and the load say it in the same words.

use landbridge_core::ErrorKind;
use landbridge_core::audit::Verdict;
use landbridge_core::calendar::Day;
use landbridge_core::plan::{Problem, TablePlan};

/// Why a table is held whose audits lack figures.
const NOT_MADE: &str = "an audit that may block a table cannot be made";

/// Why a table is held whose audits of level `block` lack figures.
pub(crate) fn not_made(day: Day, table: &TablePlan, missing: &[&Verdict]) -> Problem {
    let named = |it: &&Verdict| format!("audit `{}`: {it}", it.check);
    let named: Vec<String> = missing.iter().map(named).collect();
    let context = format!("{}: {}", table.table, named.join("; "));
    let mut problem = Problem::new(ErrorKind::Held, NOT_MADE, context);
    let table = &table.source_table;
    problem.action = format!(
        "each tick tries again; figures that were not recorded come with `landbridge redo {day} --table {table}`. To publish the table without these audits: `landbridge redo {day} --table {table} --accept-audits`"
    );
    problem
}
