//! The plan of a swap of tables, as text. Landbridge runs none of it: a swap loses what Landbridge
//! promises to keep, so a person reads each statement and runs it with a person's rights.
//!
//! The facts are from Google's documentation: "Data definition language", statements `CREATE TABLE`
//! and `ALTER TABLE RENAME TO` (rights and row access policies are preserved; creates the table again),
//! `ALTER COLUMN SET DATA TYPE` (what is wider). The new table lists its columns, instead of `CREATE TABLE
//! LIKE` with `DROP COLUMN` and `ADD COLUMN`: BigQuery is believed to reserve the name of a dropped column
//! for the time travel window, and refuses wildcard queries and legacy SQL on a table that lost one.

use std::fmt::Write;

use landbridge_core::config::Config;
use landbridge_core::ids::LABEL_SOURCE;
use landbridge_core::protection::MAX_TIME_TRAVEL_HOURS;
use landbridge_core::retype::{ChangedColumn, LandedColumns, can_widen};

/// The plan for the table `name` of the warehouse, whose rows come from `source_table`. `landed` are all
/// columns that are known to have landed.
pub(super) fn plan(
    config: &Config,
    (source_table, name): (&str, &str),
    landed: &LandedColumns,
    columns: &[ChangedColumn],
) -> String {
    let warehouse = &config.warehouse;
    let (wider, others): (Vec<&ChangedColumn>, Vec<&ChangedColumn>) =
        columns.iter().partition(|it| can_widen(it.landed.ty, it.wanted));
    let sql = |table: &str| format!("`{}.{}.{table}`", warehouse.project, warehouse.dataset);
    let mut text = String::new();
    if !wider.is_empty() {
        widen(&mut text, &sql(name), &wider);
    }
    if !others.is_empty() {
        let bq = |table: &str| format!("'{}:{}.{table}'", warehouse.project, warehouse.dataset);
        let create = create(&config.source.name, &sql(&retyped(name)), landed, columns);
        replace(&mut text, (source_table, name), &others, &create, sql, bq);
    }
    text
}

/// Writing to a String cannot fail.
fn widen(text: &mut String, table: &str, columns: &[&ChangedColumn]) {
    text.push_str(
        "-- No swap is needed: the type becomes wider, and BigQuery changes it in place. Rows and rights stay.\n\
         -- Until the next load the column is unclassified; check that it still has its policy tag afterwards.\n",
    );
    for ChangedColumn { landed, wanted, .. } in columns {
        let _ = writeln!(
            text,
            "ALTER TABLE {table} ALTER COLUMN `{}` SET DATA TYPE {wanted};",
            landed.name
        );
    }
}

/// The name that the new table has until it takes the place of the old one.
fn retyped(name: &str) -> String {
    format!("{name}_retyped")
}

/// The statement for a table with the columns that have landed, of which `columns` get their wanted type.
/// Landbridge only loads into tables with its label.
fn create(source: &str, table: &str, landed: &LandedColumns, columns: &[ChangedColumn]) -> String {
    let lines: Vec<String> = landed
        .values()
        .map(|column| {
            let changed = columns.iter().find(|it| it.landed.name == column.name);
            let ty = changed.map_or(column.ty, |it| it.wanted);
            format!("  `{}` {ty}", column.name)
        })
        .collect();
    format!(
        "CREATE TABLE {table} (\n{}\n) OPTIONS (labels = [('{LABEL_SOURCE}', '{source}')]);",
        lines.join(",\n")
    )
}

fn replace(
    text: &mut String,
    (source_table, name): (&str, &str),
    columns: &[&ChangedColumn],
    create: &str,
    sql: impl Fn(&str) -> String,
    bq: impl Fn(&str) -> String,
) {
    let new = retyped(name);
    let names: Vec<String> = columns.iter().map(|it| format!("`{}`", it.landed.name)).collect();
    let _ = writeln!(
        text,
        "-- A swap of tables, for a person to read and run. Landbridge runs none of it.\n\
         -- Lost: the rights (IAM) and row access policies that step 2 does not give to the new table; the history of\n\
         --   the table; descriptions, labels and options that people set; columns that the source no longer has;\n\
         --   materialised views, search indexes and catalogue entries on the table.\n\
         -- Not lost: views and queries that name {name}, and authorised views.\n\
         -- For up to {MAX_TIME_TRAVEL_HOURS} hours afterwards, {} stays unclassified: the ledger remembers the former rows.",
        names.join(", ")
    );
    let _ = writeln!(
        text,
        "\n-- 1. A new table without rows. Without rows, its columns need no policy tags; the load sets all of them\n\
         --    before the first row. The load also adds, with its tag, every column that is not listed here.\n{create}"
    );
    let _ = writeln!(
        text,
        "\n-- 2. While it has no rows: the rights of the old table, and a CREATE ROW ACCESS POLICY for each of its policies.\n\
         --    A policy that is missing here shows rows that were hidden.\n\
         bq get-iam-policy --format=prettyjson {1} > rights.json\n\
         bq set-iam-policy {0} rights.json\n\
         bq ls --row_access_policies {1}",
        bq(&new),
        bq(name)
    );
    exchange(text, source_table, name, &sql(name), &sql(&new));
}

/// The old table is deleted and not renamed: renaming creates a table again, and Google's documentation
/// does not say whether its columns keep their policy tags. The new one has no rows yet.
fn exchange(text: &mut String, source_table: &str, name: &str, old: &str, new: &str) {
    let _ = writeln!(
        text,
        "\n-- 3. Between two ticks of `load`. Queries fail between the two statements, and find no rows until step 4.\n\
         --    Keep no copy of the old table: the tags of a copy do not follow the contract.\n\
         DROP TABLE {old};\nALTER TABLE {new} RENAME TO `{name}`;"
    );
    // A comment ends at the end of its line.
    let source_table = source_table.replace(['\n', '\r'], " ");
    let _ = writeln!(
        text,
        "\n-- 4. The next tick of `load` sets the tags and loads {source_table}. See its receipt:\n\
         landbridge receipt DAY --table {name}"
    );
}
