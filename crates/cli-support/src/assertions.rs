//! The tests that a dbt or Dataform package declares, and what of a package is not run at all.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::compiled::{self, Makes};
use crate::failure::{Failure, Result};

/// A test of the rows of models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Its name in the package.
    pub name: String,
    /// A query whose rows are failures.
    pub sql: String,
    /// How failures are counted, and which counts are too many.
    pub rule: Rule,
}

/// What makes an assertion fail: expressions of SQL, as dbt writes them. (dbt's documentation, "severity,
/// error_if, and warn_if", "fail_calc")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// An aggregate over the rows, such as `count(*)`.
    pub count: String,
    /// A comparison of the count, such as `!= 0`: the assertion fails.
    pub fails_if: Option<String>,
    /// As `fails_if`, for a warning.
    pub warns_if: Option<String>,
}

/// A part of a package that is not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Its name in the package.
    pub name: String,
    /// Why, as the rest of a sentence.
    pub why: String,
}

/// The assertions at a path, in the order of their names, and what is not run. Files of SQL have none.
///
/// # Errors
/// A usage error if the file cannot be read.
pub fn read(path: &Path) -> Result<(Vec<Assertion>, Vec<Dropped>)> {
    if path.is_dir() || path.extension().is_none_or(|extension| extension != "json") {
        return Ok((Vec::new(), Vec::new()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!("cannot read {}: {error}; name the compiled models", path.display()))
    })?;
    let json: Value = serde_json::from_str(&text)
        .map_err(|_| Failure::Usage(format!("{}: it is not JSON", path.display())))?;
    let (mut assertions, mut dropped) =
        if json.get("nodes").is_some() { of_dbt(&json) } else { of_dataform(&json) };
    assertions.sort_by(|one, other| one.name.cmp(&other.name));
    dropped.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((assertions, dropped))
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str)
}

/// dbt's documentation, "Manifest JSON file": `nodes`, `unit_tests`, `disabled`.
fn of_dbt(manifest: &Value) -> (Vec<Assertion>, Vec<Dropped>) {
    let (mut assertions, mut dropped) = (Vec::new(), Vec::new());
    let mut drop = |name: &str, why: &str| {
        dropped.push(Dropped { name: name.to_owned(), why: why.to_owned() });
    };
    let map = |key: &str| manifest.get(key).and_then(Value::as_object).into_iter().flatten();
    for (name, node) in map("nodes") {
        match text(node, "/resource_type") {
            Some("test") => match text(node, "/compiled_code") {
                Some(sql) if !sql.trim().is_empty() => assertions.push(dbt_test(name, node, sql)),
                _ => drop(name, "it is not compiled; run `dbt compile` without a selection"),
            },
            Some("seed") => drop(name, "a seed reads a file; run `dbt seed`"),
            Some("snapshot") => drop(name, "a snapshot keeps history; run `dbt snapshot`"),
            Some("operation") => drop(name, "a hook of the project is not run; run `dbt build`"),
            Some("model") if compiled::made_by_dbt(node) == Makes::Other => {
                let kind = text(node, "/config/materialized").unwrap_or("unknown");
                if kind != "ephemeral" {
                    drop(name, &format!("its materialization is `{kind}`; run `dbt build`"));
                }
            }
            _ => {}
        }
    }
    for (name, _) in map("unit_tests") {
        drop(name, "a unit test has rows of its own; run `dbt test`");
    }
    for (name, _) in map("disabled") {
        drop(name, "it is disabled");
    }
    (assertions, dropped)
}

/// `limit` is how many failures are read at most. (dbt's documentation, "limit")
fn dbt_test(name: &str, node: &Value, sql: &str) -> Assertion {
    let sql = sql.trim().trim_end_matches(';');
    let limit = node.pointer("/config/limit").and_then(Value::as_u64);
    let sql = limit.map_or_else(|| sql.to_owned(), |limit| format!("{sql}\nLIMIT {limit}"));
    let part = |key: &str, default: &str| {
        text(node, &format!("/config/{key}")).unwrap_or(default).to_owned()
    };
    let is_warning = part("severity", "ERROR").eq_ignore_ascii_case("warn");
    let rule = Rule {
        count: part("fail_calc", "count(*)"),
        fails_if: (!is_warning).then(|| part("error_if", "!= 0")),
        warns_if: Some(part("warn_if", "!= 0")),
    };
    Assertion { name: name.to_owned(), sql, rule }
}

/// Dataform core, `CompiledGraph` in protos/core.proto.
fn of_dataform(graph: &Value) -> (Vec<Assertion>, Vec<Dropped>) {
    let (mut assertions, mut dropped) = (Vec::new(), Vec::new());
    let list = |key: &str| graph.get(key).and_then(Value::as_array).into_iter().flatten();
    let name = |action: &Value| {
        let part = |key: &str| text(action, &format!("/target/{key}")).unwrap_or_default();
        format!("{}.{}", part("schema"), part("name"))
    };
    let is_disabled = |action: &Value| action.get("disabled") == Some(&Value::Bool(true));
    let mut drop = |action: &Value, why: &str| {
        dropped.push(Dropped { name: name(action), why: why.to_owned() });
    };
    for action in list("assertions") {
        match text(action, "/query") {
            _ if is_disabled(action) => drop(action, "it is disabled"),
            Some(sql) => assertions.push(Assertion {
                name: name(action),
                sql: sql.trim().trim_end_matches(';').to_owned(),
                rule: Rule {
                    count: "COUNT(*)".to_owned(),
                    fails_if: Some("!= 0".to_owned()),
                    warns_if: None,
                },
            }),
            None => drop(action, "it has no query"),
        }
    }
    list("operations").for_each(|it| drop(it, "an operation is any statement; Dataform runs it"));
    for action in list("tables") {
        let statements = ["preOps", "postOps"].iter().any(|key| {
            action.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
        });
        if statements {
            drop(action, "its statements before and after the query are not run, only the query");
        }
    }
    (assertions, dropped)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(dropped: &[Dropped]) -> Vec<&str> {
        let mut names: Vec<&str> = dropped.iter().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn tests_of_dbt_have_its_rule_and_what_is_not_run_is_named() {
        let manifest = json!({
            "nodes": {
                "test.a": {"resource_type": "test", "compiled_code": "SELECT 1;", "config": {"severity": "ERROR"}},
                "test.b": {"resource_type": "test", "compiled_code": "SELECT 2",
                    "config": {"severity": "warn", "warn_if": "> 3", "fail_calc": "sum(n)", "limit": 5}},
                "test.c": {"resource_type": "test"},
                "seed.d": {"resource_type": "seed"},
                "model.e": {"resource_type": "model", "config": {"materialized": "materialized_view"}},
                "model.f": {"resource_type": "model", "config": {"materialized": "ephemeral"}},
                "model.g": {"resource_type": "model", "config": {"materialized": "table"}},
            },
            "unit_tests": {"unit_test.h": {}},
            "disabled": {"test.i": []},
        });
        let (assertions, dropped) = of_dbt(&manifest);
        let rule = |count: &str, fails: Option<&str>, warns: &str| Rule {
            count: count.to_owned(),
            fails_if: fails.map(str::to_owned),
            warns_if: Some(warns.to_owned()),
        };
        assert_eq!(assertions[0].rule, rule("count(*)", Some("!= 0"), "!= 0"));
        assert_eq!(assertions[0].sql, "SELECT 1");
        assert_eq!(assertions[1].rule, rule("sum(n)", None, "> 3"));
        assert_eq!(assertions[1].sql, "SELECT 2\nLIMIT 5");
        assert_eq!(names(&dropped), ["model.e", "seed.d", "test.c", "test.i", "unit_test.h"]);
    }

    #[test]
    fn assertions_of_dataform_fail_with_any_row() {
        let target = |name: &str| json!({"schema": "s", "name": name});
        let graph = json!({
            "assertions": [
                {"target": target("a"), "query": "SELECT 1"},
                {"target": target("b"), "query": "SELECT 1", "disabled": true},
                {"target": target("c")},
            ],
            "operations": [{"target": target("d"), "queries": ["SELECT 1"]}],
            "tables": [{"target": target("e"), "query": "SELECT 1", "preOps": ["SELECT 2"]},
                {"target": target("f"), "query": "SELECT 1", "preOps": []}],
        });
        let (assertions, dropped) = of_dataform(&graph);
        assert_eq!(assertions.len(), 1);
        assert_eq!(assertions[0].rule.fails_if.as_deref(), Some("!= 0"));
        assert_eq!(names(&dropped), ["s.b", "s.c", "s.d", "s.e"]);
    }
}
