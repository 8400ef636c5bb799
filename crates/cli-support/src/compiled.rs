//! Reads compiled models: what dbt and Dataform write, and files of SQL.

use std::path::{Path, PathBuf};

use landbridge_core::models::laundering::Model;
use serde::Serialize;
use serde_json::Value;

use crate::failure::{Failure, Result};

/// What a model makes, as far as the compiled text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Makes {
    /// A table, with the rows of the query.
    Table,
    /// A table. The compiled query of dbt may have the rows of a later run only.
    Incremental,
    /// A view.
    View,
    /// Something else: rows of a test, effects of statements, a table from a file.
    Other,
}

/// A model, and the table or view that it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// What is checked.
    pub model: Model,
    /// The name of the table or view in its dataset.
    pub relation: String,
    /// What it makes.
    pub makes: Makes,
}

/// The models at a path, in the order of their names.
///
/// # Errors
/// A usage error if a file cannot be read, or has no model.
pub fn read(path: &Path) -> Result<Vec<Compiled>> {
    let mut models = Vec::new();
    if path.is_dir() {
        for file in sql_files(path)? {
            models.push(sql_file(&file)?);
        }
    } else if path.extension().is_some_and(|extension| extension == "json") {
        models = json_file(path)?;
    } else {
        models.push(sql_file(path)?);
    }
    if models.is_empty() {
        let path = path.display();
        return Err(Failure::Usage(format!(
            "{path} contains no compiled model; compile the models first (`dbt compile`, `dataform compile --json`)"
        )));
    }
    models.sort_by(|one, other| one.model.name.cmp(&other.model.name));
    Ok(models)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("cannot read {}: {error}; name the compiled models", path.display()))
}

fn sql_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| unreadable(dir, &error))? {
        let path = entry.map_err(|error| unreadable(dir, &error))?.path();
        if path.is_dir() {
            files.extend(sql_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn sql_file(path: &Path) -> Result<Compiled> {
    let sql = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let name = path.display().to_string();
    let relation = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let model = Model { name, project: None, dataset: None, beside: Vec::new(), sql };
    Ok(Compiled { model, relation, makes: Makes::Table })
}

fn json_file(path: &Path) -> Result<Vec<Compiled>> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let usage = |what: &str| Failure::Usage(format!("{}: {what}", path.display()));
    let json: Value = serde_json::from_str(&text).map_err(|_| usage("it is not JSON"))?;
    if json.get("nodes").is_some_and(Value::is_object) {
        return Ok(of_dbt(&json));
    }
    if ["tables", "operations", "assertions"].iter().any(|key| json.get(key).is_some()) {
        if json.pointer("/graphErrors/compilationErrors/0").is_some() {
            return Err(usage("Dataform could not compile everything; correct its errors first"));
        }
        return Ok(of_dataform(&json));
    }
    Err(usage("it is neither dbt's manifest.json nor the output of `dataform compile --json`"))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// The nodes that make tables or views. A test makes one only if it stores its failures. A node without
/// compiled text has an empty one, which the check refuses. (dbt's documentation, "Manifest JSON file")
fn of_dbt(manifest: &Value) -> Vec<Compiled> {
    let nodes = manifest.get("nodes").and_then(Value::as_object).into_iter().flatten();
    let makes = |node: &Value| match text(node, "resource_type") {
        Some("model") => node.pointer("/config/materialized") != Some(&Value::from("ephemeral")),
        Some("snapshot") => true,
        Some("test") => node.pointer("/config/store_failures") == Some(&Value::from(true)),
        // An analysis is compiled, not run. What is unknown is checked.
        Some("analysis") => false,
        _ => true,
    };
    // A seed reads a file.
    let sql = |node: &Value| match text(node, "resource_type") {
        Some("seed") => "SELECT 1".to_owned(),
        _ => text(node, "compiled_code").unwrap_or_default().to_owned(),
    };
    nodes
        .filter(|(_, node)| makes(node))
        .map(|(name, node)| Compiled {
            model: Model {
                name: name.clone(),
                project: text(node, "database").map(str::to_owned),
                dataset: text(node, "schema").map(str::to_owned),
                beside: beside(node),
                sql: sql(node),
            },
            relation: text(node, "alias").or_else(|| text(node, "name")).unwrap_or(name).to_owned(),
            makes: made_by_dbt(node),
        })
        .collect()
}

/// dbt's documentation, "Materializations".
pub(crate) fn made_by_dbt(node: &Value) -> Makes {
    let materialized = node.pointer("/config/materialized").and_then(Value::as_str);
    match (text(node, "resource_type"), materialized) {
        (Some("model"), Some("table")) => Makes::Table,
        (Some("model"), Some("incremental")) => Makes::Incremental,
        (Some("model"), Some("view")) => Makes::View,
        _ => Makes::Other,
    }
}

/// What dbt does beside the query of a node: hooks run any statement, `grants` gives readers. (dbt's
/// documentation, "pre-hook & post-hook" and "grants")
fn beside(node: &Value) -> Vec<String> {
    let is_used = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    let parts = ["pre-hook", "post-hook", "pre_hook", "post_hook", "grants"];
    let config = node.get("config").unwrap_or(&Value::Null);
    let used = parts.into_iter().filter(|key| config.get(key).is_some_and(is_used));
    used.map(|key| format!("`{key}` in its configuration")).collect()
}

/// Tables, operations and assertions, with the statements before and after them. (Dataform core,
/// `CompiledGraph` in protos/core.proto)
fn of_dataform(graph: &Value) -> Vec<Compiled> {
    let mut models = Vec::new();
    let actions = ["tables", "operations", "assertions"];
    let actions = actions.iter().filter_map(|kind| graph.get(kind)?.as_array()).flatten();
    for action in actions {
        let target = action.get("target").unwrap_or(&Value::Null);
        let part = |key: &str| text(target, key).unwrap_or_default();
        let name = format!("{}.{}", part("schema"), part("name"));
        let relation = part("name").to_owned();
        let [project, dataset] =
            ["database", "schema"].map(|it| text(target, it).map(str::to_owned));
        let mut texts = vec![];
        for key in ["query", "incrementalQuery"] {
            texts.extend(text(action, key).map(str::to_owned));
        }
        for key in ["queries", "preOps", "postOps", "incrementalPreOps", "incrementalPostOps"] {
            let list = action.get(key).and_then(Value::as_array).into_iter().flatten();
            texts.extend(list.map(|it| it.as_str().unwrap_or_default().to_owned()));
        }
        if texts.is_empty() {
            texts.push(String::new());
        }
        // The first text of a table is its full query; the others are checked, too.
        let first = match text(action, "type") {
            Some("table" | "incremental") => Makes::Table,
            Some("view") => Makes::View,
            _ => Makes::Other,
        };
        models.extend(texts.into_iter().enumerate().map(|(number, sql)| Compiled {
            model: Model {
                name: name.clone(),
                project: project.clone(),
                dataset: dataset.clone(),
                beside: Vec::new(),
                sql,
            },
            relation: relation.clone(),
            makes: if number == 0 { first } else { Makes::Other },
        }));
    }
    models
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(models: &[Compiled]) -> Vec<String> {
        let line = |Compiled { model: it, .. }: &Compiled| {
            let place =
                [&it.project, &it.dataset].map(|it| it.clone().unwrap_or_default()).join(".");
            format!("{} {place} {} {}", it.name, it.beside.join(","), it.sql)
        };
        models.iter().map(line).collect()
    }

    #[test]
    fn every_node_of_dbt_that_makes_a_table_is_a_model() {
        let manifest = json!({"nodes": {
            "model.a": {"resource_type": "model", "database": "p", "schema": "shop_models", "compiled_code": "SELECT 1",
                "config": {"pre-hook": [], "post-hook": [], "grants": {}}},
            "model.b": {"resource_type": "model", "schema": "other",
                "config": {"post-hook": [{"sql": "GRANT"}], "grants": {"roles/bigquery.dataViewer": ["user:a@b.c"]}}},
            "model.c": {"resource_type": "model", "config": {"materialized": "ephemeral"}},
            "test.d": {"resource_type": "test", "compiled_code": "SELECT 2"},
            "test.e": {"resource_type": "test", "config": {"store_failures": true}, "compiled_code": "SELECT 3"},
            "seed.f": {"resource_type": "seed"},
            "new.g": {"resource_type": "function", "compiled_code": "SELECT 4"},
        }});
        assert_eq!(
            shown(&of_dbt(&manifest)),
            [
                "model.a p.shop_models  SELECT 1",
                "model.b .other `post-hook` in its configuration,`grants` in its configuration ",
                "test.e .  SELECT 3",
                "seed.f .  SELECT 1",
                "new.g .  SELECT 4",
            ]
        );
    }

    #[test]
    fn every_statement_of_dataform_is_a_model() {
        let target = json!({"schema": "shop_models", "name": "t"});
        let graph = json!({
            "tables": [{"target": target, "query": "SELECT 1", "preOps": ["SELECT 2"]}],
            "operations": [{"target": target, "queries": ["SELECT 3", "SELECT 4"]}],
            "assertions": [{"target": target}],
        });
        let sql: Vec<String> = of_dataform(&graph).into_iter().map(|it| it.model.sql).collect();
        assert_eq!(sql, ["SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", ""]);
    }

    #[test]
    fn what_a_model_makes_is_in_its_configuration() {
        let node = |materialized: &str| json!({"resource_type": "model", "name": "n", "alias": "a", "config": {"materialized": materialized}});
        let manifest = json!({"nodes": {
            "1": node("table"), "2": node("view"), "3": node("incremental"), "4": node("materialized_view"),
            "5": {"resource_type": "seed", "name": "s"},
        }});
        let made: Vec<(String, Makes)> =
            of_dbt(&manifest).into_iter().map(|it| (it.relation, it.makes)).collect();
        let a = |makes| ("a".to_owned(), makes);
        assert_eq!(
            made,
            [
                a(Makes::Table),
                a(Makes::View),
                a(Makes::Incremental),
                a(Makes::Other),
                ("s".to_owned(), Makes::Other),
            ]
        );
        let target = json!({"schema": "shop_models", "name": "t"});
        let graph = json!({
            "tables": [
                {"target": target, "type": "incremental", "query": "SELECT 1", "incrementalQuery": "SELECT 2"},
                {"target": target, "type": "view", "query": "SELECT 3"},
            ],
            "assertions": [{"target": target, "query": "SELECT 4"}],
        });
        let made: Vec<Makes> = of_dataform(&graph).into_iter().map(|it| it.makes).collect();
        assert_eq!(made, [Makes::Table, Makes::Other, Makes::View, Makes::Other]);
    }
}
