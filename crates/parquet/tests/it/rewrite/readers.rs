//! Independent readers, DuckDB and pyarrow, read the same values from the output.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use landbridge_core::rewrite::{Compression, Decimal};
use serde_json::{Value, json};

use super::*;

/// The Python environment that `scripts/python-for-tests.sh` creates in `target/python`. Without it,
/// prints a message, or fails if the environment is required.
pub(crate) fn python() -> Option<PathBuf> {
    let program = std::env::current_exe().expect("this program's path");
    let mut folders = program.ancestors().skip(1).map(|folder| folder.join("python"));
    // The stamp is written last: without it, the environment is incomplete.
    let made = folders
        .find(|python| python.join("stamp").is_file())
        .map(|python| python.join("bin/python"));
    let ready = |python: &PathBuf| {
        let imported = Command::new(python).args(["-c", "import duckdb, pyarrow"]).output();
        imported.is_ok_and(|it| it.status.success())
    };
    let found = made.filter(ready);
    if found.is_none() {
        let line = "=".repeat(80);
        let text = format!(
            "\n{line}\n  NOT RUN: Parquet by DuckDB and pyarrow\n  target/python is not there, or has \
             neither: run scripts/python-for-tests.sh\n{line}\n"
        );
        // Bypasses the test harness, which hides the output of a passing test.
        let _ = writeln!(std::io::stderr(), "{text}");
        let required = std::env::var("LANDBRIDGE_REQUIRE_PYTHON").is_ok_and(|it| it == "1");
        assert!(!required, "LANDBRIDGE_REQUIRE_PYTHON=1, and there is no Python for this test");
    }
    found
}

/// A script of `tests/parquet`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/parquet").join(name)
}

/// The values of a file, by reader and column.
pub(crate) fn read(python: &Path, file: &Bytes) -> Value {
    let place = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(place.path(), file).expect("written");
    let output = Command::new(python)
        .arg(script("read.py"))
        .arg(place.path())
        // DuckDB shows times in the zone of the machine.
        .env("TZ", "UTC")
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Text, its target type, and the value that a reader returns.
fn columns() -> Vec<(&'static str, TargetType, [&'static str; 2], [Value; 2])> {
    let decimal = |precision, scale| Decimal { precision, scale };
    let list = |of| TargetType::List(Box::new(of));
    vec![
        (
            "date",
            TargetType::Date,
            ["2026-11-22", "0001-01-01"],
            [json!("2026-11-22"), json!("0001-01-01")],
        ),
        (
            "timestamp",
            TargetType::Timestamp,
            ["2026-11-22 10:20:30.123456+09", "1969-12-31 23:59:59"],
            [json!("2026-11-22T01:20:30.123456+00:00"), json!("1969-12-31T23:59:59+00:00")],
        ),
        (
            "time",
            TargetType::Time,
            ["23:59:59.999999", "00:00:00"],
            [json!("23:59:59.999999"), json!("00:00:00")],
        ),
        (
            "short",
            TargetType::Numeric(decimal(12, 2)),
            ["-1.5", "9999999999.99"],
            [json!("-1.50"), json!("9999999999.99")],
        ),
        (
            "long",
            TargetType::Numeric(decimal(38, 9)),
            ["-0.000000001", "99999999999999999999999999999"],
            [json!("-0.000000001"), json!("99999999999999999999999999999.000000000")],
        ),
        (
            "int",
            TargetType::Int64,
            ["-9223372036854775808", "9223372036854775807"],
            [json!("-9223372036854775808"), json!("9223372036854775807")],
        ),
        ("double", TargetType::Float64, ["0.5", "-1e300"], [json!("0.5"), json!("-1e+300")]),
        ("bool", TargetType::Bool, ["t", "f"], [json!("True"), json!("False")]),
        ("bytes", TargetType::Bytes, ["1111111100000001", "0"], [json!("ff01"), json!("00")]),
        ("ints", list(TargetType::Int64), ["{1,-2}", "{}"], [json!(["1", "-2"]), json!([])]),
        (
            "texts",
            list(TargetType::Text),
            [r#"{"a,b",é}"#, "{x}"],
            [json!(["a,b", "é"]), json!(["x"])],
        ),
        (
            "dates",
            list(TargetType::Date),
            ["{2026-11-22}", "{}"],
            [json!(["2026-11-22"]), json!([])],
        ),
    ]
}

#[test]
fn duckdb_and_pyarrow_read_the_right_values() {
    let Some(python) = python() else { return };
    let columns = columns();
    let fill = ["kept", "kept too", "∅"];
    let mut arrays: Vec<(&str, ArrayRef)> = columns
        .iter()
        .map(|(name, _, text, _)| (*name, texts(&[Some(text[0]), Some(text[1]), None])))
        .collect();
    arrays.push(("account", texts(&[Some("1"), Some("2"), None])));
    arrays.push(("kept", texts(&fill.map(Some))));
    arrays.push(("dropped", numbers(0..3)));
    for compression in
        [Compression::Zstd, Compression::Snappy, Compression::Lz4Raw, Compression::None]
    {
        let source = file(&arrays, WriterProperties::default());
        let mut actions: Vec<_> =
            columns.iter().map(|(name, to, ..)| (*name, retype(to.clone()))).collect();
        actions.push(("account", Action::Tokenise { domain: String::new() }));
        actions.push(("dropped", Action::Drop));
        let (out, _) = rewritten(&source, RewritePlan { compression, ..plan(actions) });
        let found = read(&python, &out);
        let mut expected = serde_json::Map::new();
        for (name, to, _, [first, second]) in &columns {
            let missing = if matches!(to, TargetType::List(_)) { json!([]) } else { Value::Null };
            expected.insert((*name).to_owned(), json!([first, second, missing]));
        }
        let token = |value: &str| key().token("", value.as_bytes());
        expected.insert("account".to_owned(), json!([token("1"), token("2"), Value::Null]));
        expected.insert("kept".to_owned(), json!(fill));
        for reader in ["duckdb", "pyarrow"] {
            assert_eq!(found[reader], Value::Object(expected.clone()), "{reader}, {compression:?}");
        }
    }
}

/// Row groups, pages and dictionaries of a larger file: sums show whether rows were lost.
#[test]
fn duckdb_and_pyarrow_read_every_row() {
    let Some(python) = python() else { return };
    let rows = 50_000_i64;
    let amounts: Vec<_> = (0..rows).map(|it| format!("{}.{:02}", it % 977, it % 100)).collect();
    let amounts: Vec<_> = amounts.iter().map(|it| Some(it.as_str())).collect();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(7000)).build();
    let source = file(&[("amount", texts(&amounts)), ("n", numbers(0..rows))], properties);
    let to = TargetType::Numeric(Decimal { precision: 12, scale: 2 });
    let (out, _) = rewritten(&source, plan([("amount", retype(to))]));
    let found = read(&python, &out);
    for reader in ["duckdb", "pyarrow"] {
        let list = |name: &str| found[reader][name].as_array().expect("a list").clone();
        let expected: Vec<_> = amounts.iter().map(|it| json!(it)).collect();
        assert_eq!(list("amount"), expected, "{reader}");
        assert_eq!(
            list("n"),
            (0..rows).map(|it| json!(it.to_string())).collect::<Vec<_>>(),
            "{reader}"
        );
    }
}
