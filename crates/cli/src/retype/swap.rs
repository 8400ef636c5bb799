//! The plan of a swap of tables, as text. Landbridge runs none of it: a swap loses what Landbridge
//! promises to keep, so a person reads each statement and runs it with a person's rights.
//!
//! The facts are those of Google's documentation: "Data definition language", statements `CREATE TABLE
//! LIKE` (only metadata; inherits partitioning, clustering and options), `ALTER TABLE RENAME TO` (rights
//! and row access policies are preserved; creates the table again),
//! `ALTER TABLE DROP COLUMN` (not in a table with row access policies; afterwards no wildcard queries
//! and no legacy SQL), `ALTER COLUMN SET DATA TYPE` (what is wider).

use std::fmt::Write;

use landbridge_core::config::WarehouseConfig;
use landbridge_core::protection::MAX_TIME_TRAVEL_HOURS;
use landbridge_core::retype::{ChangedColumn, can_widen};

/// The plan for the table `name` of the warehouse, whose rows come from `source_table`.
pub(super) fn plan(
    warehouse: &WarehouseConfig,
    (source_table, name): (&str, &str),
    columns: &[ChangedColumn],
) -> String {
    let (wider, others): (Vec<&ChangedColumn>, Vec<&ChangedColumn>) =
        columns.iter().partition(|it| can_widen(it.landed.ty, it.wanted));
    let sql = |table: &str| format!("`{}.{}.{table}`", warehouse.project, warehouse.dataset);
    let mut text = String::new();
    if !wider.is_empty() {
        widen(&mut text, &sql(name), &wider);
    }
    if !others.is_empty() {
        let bq = |table: &str| format!("'{}:{}.{table}'", warehouse.project, warehouse.dataset);
        replace(&mut text, source_table, name, &others, sql, bq);
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

fn replace(
    text: &mut String,
    source_table: &str,
    name: &str,
    columns: &[&ChangedColumn],
    sql: impl Fn(&str) -> String,
    bq: impl Fn(&str) -> String,
) {
    let new = format!("{name}_retyped");
    let names: Vec<String> = columns.iter().map(|it| format!("`{}`", it.landed.name)).collect();
    let _ = writeln!(
        text,
        "-- A swap of tables, for a person to read and run. Landbridge runs none of it.\n\
         -- Lost: the rights (IAM) and row access policies that step 2 does not give to the new table; the history of\n\
         --   the table; materialised views, search indexes and catalogue entries on it; wildcard queries and legacy\n\
         --   SQL, because a column is dropped.\n\
         -- Not lost: views and queries that name {name}, and authorised views.\n\
         -- For up to {MAX_TIME_TRAVEL_HOURS} hours afterwards, {} stays unclassified: the ledger remembers the former rows.",
        names.join(", ")
    );
    let _ = writeln!(
        text,
        "\n-- 1. A new table without rows. Without rows, its columns need no policy tags; the load sets all of them\n\
         --    before the first row.\nCREATE TABLE {} LIKE {};",
        sql(&new),
        sql(name)
    );
    for ChangedColumn { landed, .. } in columns {
        let _ = writeln!(text, "ALTER TABLE {} DROP COLUMN `{}`;", sql(&new), landed.name);
    }
    for ChangedColumn { landed, wanted, .. } in columns {
        let _ = writeln!(text, "ALTER TABLE {} ADD COLUMN `{}` {wanted};", sql(&new), landed.name);
    }
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
    let _ = writeln!(
        text,
        "\n-- 4. The next tick of `load` sets the tags and loads {source_table}. See its receipt:\n\
         landbridge receipt DAY --table {name}"
    );
}
