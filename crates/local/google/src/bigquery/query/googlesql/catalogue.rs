//! The list of what the engine knows, for the comparison with Google's engine and for the
//! documentation. `UPDATE_DOCS=1` writes both files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::casts::can_cast;
use super::special_calls::{CONDITIONAL, WITH_LAMBDA};
use super::types::Type;
use super::window_functions::WINDOW_FUNCTIONS;
use super::{aggregates, functions};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn signatures(text: &str) -> Vec<&str> {
    text.split('|').map(str::trim).collect()
}

/// The casts between types, arrays and structs excluded.
fn casts() -> Vec<String> {
    let types = [
        "BOOL",
        "INT64",
        "FLOAT64",
        "NUMERIC",
        "BIGNUMERIC",
        "STRING",
        "BYTES",
        "DATE",
        "TIME",
        "DATETIME",
        "TIMESTAMP",
        "INTERVAL",
        "JSON",
    ];
    let mut found = Vec::new();
    for from in types {
        for to in types {
            let (a, b) = (Type::named(from), Type::named(to));
            if a.zip(b).is_some_and(|(a, b)| can_cast(&a, &b)) {
                found.push(format!("{from} -> {to}"));
            }
        }
    }
    found
}

fn entries() -> Vec<Value> {
    let entry = |kind: &str, name: &str, text: &str| json!({"kind": kind, "name": name, "signatures": signatures(text)});
    let scalar = functions::all().map(|it| entry("scalar", it.name, it.signatures));
    let conditional = CONDITIONAL.iter().map(|(name, it)| entry("scalar", name, it));
    let aggregate = aggregates::all().map(|it| entry("aggregate", it.name, it.signatures));
    let window = WINDOW_FUNCTIONS.iter().map(|(name, _)| entry("window", name, ""));
    let mut found: Vec<Value> = scalar.chain(conditional).chain(aggregate).chain(window).collect();
    for name in ["CAST", "SAFE_CAST"] {
        found.push(json!({"kind": "cast", "name": name, "signatures": casts()}));
    }
    found
}

/// Compares a file with its text, or writes it.
fn check_file(path: &str, text: &str) {
    let path = repository().join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).expect("the file is written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let help = format!("{} differs; UPDATE_DOCS=1 writes it", path.display());
    assert!(found == text, "{help}");
}

#[test]
fn the_comparison_knows_every_function_of_the_engine() {
    let lines: Vec<_> = entries().iter().map(|it| format!("  {it}")).collect();
    check_file("tests/googlesql/functions.json", &format!("[\n{}\n]\n", lines.join(",\n")));
}

#[test]
fn the_documentation_lists_every_function_of_the_engine() {
    let mut themes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut add = |theme: &'static str, name: &str| {
        if !name.starts_with('$') {
            themes.entry(theme).or_default().push(name.to_owned());
        }
    };
    for (theme, table) in &functions::TABLES {
        table.iter().for_each(|it| add(theme, it.name));
    }
    CONDITIONAL.iter().for_each(|(name, _)| add("conditions", name));
    WITH_LAMBDA.iter().for_each(|name| add("arrays", name));
    aggregates::all().for_each(|it| add("aggregates", it.name));
    WINDOW_FUNCTIONS.iter().for_each(|(name, _)| add("windows", name));
    let mut table = String::from("| functions | known |\n|---|---|\n");
    for (theme, mut names) in themes {
        names.sort();
        names.dedup();
        table += &format!("| {theme} | `{}` |\n", names.join("`, `"));
    }
    let path = "docs/local-cloud.md";
    let page = std::fs::read_to_string(repository().join(path)).expect("the page");
    let (before, rest) = page.split_once(START).expect("the start of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    check_file(path, &format!("{before}{START}\n{table}{END}{after}"));
}

const START: &str = "<!-- functions: written by a test -->";
const END: &str = "<!-- end of functions -->";
