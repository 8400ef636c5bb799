//! The figures of `landbridge verify` by Google's own GoogleSQL engine (`zetasql` from PyPI).

use std::path::Path;
use std::time::Duration;

use landbridge_core::proof::rows::{RowColumn, RowSet};
use landbridge_core::proof::sql::{self, ProofColumn};
use landbridge_core::types::{BigQueryType, ColumnType};
use landbridge_local_database::SampleDatabase;

use super::*;
use crate::python;

/// Google's own engine computes the same figures from the query of `verify` as the local warehouse, whose figures
/// equal the figures of the transfer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn googles_engine_computes_the_same_figures() {
    let test = "the figures of columns, by Google's GoogleSQL engine";
    let Some(python) = python::installed_dbt(test) else { return };
    let env = published("proof: { key: landbridge/shop/proof-key, kept: always }\n").await;
    let columns: Vec<(String, ColumnType)> = KINDS.lines().filter_map(kind).collect();
    assert_eq!(columns.len(), 19);
    let rows = engines_agree(&env, &python, test, "kinds", &columns).await;
    assert_eq!(rows, 300);
}

/// Asserts that Google's engine computes the same figures of a table of `shop` from the query of `verify` as the local
/// warehouse, and returns its number of rows. The rows go to it as literals, so the table must be small.
async fn engines_agree(
    env: &TestEnv,
    python: &Path,
    test: &str,
    table: &str,
    columns: &[(String, ColumnType)],
) -> usize {
    let proven: Vec<ProofColumn<'_>> = columns
        .iter()
        .enumerate()
        .map(|(place, (name, ty))| ProofColumn {
            name,
            ty: *ty,
            total: matches!(ty.ty, BigQueryType::Int64 | BigQueryType::Numeric) && !ty.repeated,
            place: (place, RowColumn::Open),
        })
        .collect();
    let query = sql::query("shop-analytics", "shop", table, &proven, &[RowSet::Open], proven.len());
    let local = env.query(PiiReader, &query).await.expect("figures");
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let literals =
        format!("SELECT FORMAT('%T', STRUCT({})) FROM shop.{table} AS t", names.join(", "));
    let rows = env.query(PiiReader, &literals).await.expect("rows");
    let types: Vec<String> =
        columns.iter().map(|(name, ty)| format!("{name} {}", type_name(*ty))).collect();
    let literal = format!(
        "(SELECT * FROM UNNEST(ARRAY<STRUCT<{}>>[{}]))",
        types.join(", "),
        rows.concat().join(",\n")
    );
    let query = query.replace(&format!("`shop-analytics.shop.{table}`"), &literal);
    assert!(query.contains(&literal), "{query}");
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("figures.json");
    let given = serde_json::json!({ "query": query, "expected": local[0] });
    std::fs::write(&file, given.to_string()).expect("a file");
    let mut command = python::pytest(python, "googlesql", &["figures.py"]);
    command.env("FIGURES", &file);
    python::assert_pytest_passes(test, command, Duration::from_secs(120)).await;
    rows.len()
}

/// Asserts that Google's engine computes the same figures of small tables of `shop` as the local warehouse, whose figures
/// equal the figures of the transfer. Without the engine, the test prints that it did not run, and fails with
/// LANDBRIDGE_REQUIRE_MODELS=1.
pub(crate) async fn assert_googles_engine_agrees(env: &TestEnv, tables: &[(&str, usize)]) {
    let test = "the figures of demo and TPC-H, by Google's GoogleSQL engine";
    let Some(python) = python::installed_dbt(test) else { return };
    for (table, rows) in tables {
        let columns = format!(
            "SELECT column_name, data_type FROM shop.INFORMATION_SCHEMA.COLUMNS \
             WHERE table_name = '{table}' ORDER BY ordinal_position"
        );
        let columns = env.query(PiiReader, &columns).await.expect("columns");
        let columns: Vec<(String, ColumnType)> =
            columns.into_iter().map(|row| (row[0].clone(), parsed_type(&row[1]))).collect();
        assert!(columns.len() > 2, "{table}: {columns:?}");
        assert_eq!(engines_agree(env, &python, test, table, &columns).await, *rows, "{table}");
    }
}

/// Name and type of a column, from its line in the contract.
fn kind(line: &str) -> Option<(String, ColumnType)> {
    let (name, rest) = line.trim().split_once(": { source")?;
    let (_, rest) = rest.split_once("type: ")?;
    let (ty, _) = rest.split_once(',')?;
    let ty = serde_json::from_value(Value::from(ty)).expect("a type");
    Some((name.to_owned(), ColumnType { ty, repeated: rest.contains("REPEATED") }))
}

fn type_name(ty: ColumnType) -> String {
    let name = ty.ty.to_string();
    if ty.repeated { format!("ARRAY<{name}>") } else { name }
}

/// The type of `data_type` in `INFORMATION_SCHEMA`: `NUMERIC(12, 2)`, `ARRAY<STRING>`.
fn parsed_type(text: &str) -> ColumnType {
    let element = text.strip_prefix("ARRAY<").and_then(|it| it.strip_suffix('>'));
    let name = element.unwrap_or(text).split('(').next().unwrap_or_default();
    let ty = serde_json::from_value(Value::from(name)).expect("a type");
    ColumnType { ty, repeated: element.is_some() }
}

/// All tables of the demo: figures of the transfer, of the local warehouse, and of small tables of Google's engine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_is_proven_and_googles_engine_agrees() {
    let mut builder = TestEnvBuilder::demo(Arc::new(SampleDatabase::new(date(2026, 11, 21), 0.01)));
    builder.config += "proof: { key: landbridge/shop/proof-key, kept: always }\n";
    let env = builder.build().await;
    assert!(env.run_until("2026-11-20T20:00:00Z").await.is_empty(), "{}", env.log_output());
    let receipts = env.receipts("2026-11-21").await;
    let tables: Vec<(&str, usize)> = receipts
        .iter()
        .map(|(name, it)| (name.trim_start_matches("public."), it.rows_footer as usize))
        .collect();
    assert_eq!(tables.len(), 7, "{tables:?}");
    assert_verified(&env, &tables.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let small: Vec<_> = tables.into_iter().filter(|(_, rows)| (1..1500).contains(rows)).collect();
    assert!(small.len() >= 3, "{small:?}");
    assert_googles_engine_agrees(&env, &small).await;
}
