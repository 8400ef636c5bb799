//! What a contract must keep, alone and against the config.

use std::collections::BTreeMap;

use super::{Contract, TableContract, Transform, default_table_name};
use crate::{
    config::{CLASS_NONE, CLASS_UNCLASSIFIED, Config},
    ids::RESERVED_COLUMN_PREFIXES,
    rewrite::OnMisfit,
    types::BigQueryType,
    yaml::{KeyPath, Violation, format, nearest},
};

/// BigQuery's limit, in characters.
const MAX_COLUMN_NAME: usize = 300;

/// Every broken rule.
pub(super) fn against(contract: &Contract, config: &Config) -> Vec<Violation> {
    let mut problems = Vec::new();
    let all = KeyPath::root().key("tables");
    for (name, table) in &contract.tables {
        let path = all.key(name);
        if source_table(name).is_none() {
            problems.push(
                Violation::new(
                    path.clone(),
                    format!("`{name}` doesn't name a table of the source"),
                )
                .help("write `schema.table` (PostgreSQL) or `database.table` (MySQL)"),
            );
        }
        column_names(table, &path, &mut problems);
        classes(table, config, &path, &mut problems);
        transforms(table, config, &path, &mut problems);
    }
    bigquery_names(contract, &all, &mut problems);
    problems
}

/// Schema and table of a contract's key. A table's name may hold a dot itself.
fn source_table(name: &str) -> Option<(&str, &str)> {
    name.split_once('.').filter(|(schema, table)| !schema.is_empty() && !table.is_empty())
}

fn column_names(table: &TableContract, path: &KeyPath, problems: &mut Vec<Violation>) {
    let path = path.key("columns");
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in table.columns.keys() {
        let path = path.key(name);
        let upper = name.to_ascii_uppercase();
        let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !is_word || !begins_well {
            problems.push(
                Violation::new(
                    path.clone(),
                    format!("BigQuery cannot load a column named {}", format::quoted(name)),
                )
                .help("rename it in the source to letters, digits and `_`, no digit first"),
            );
        } else if name.len() > MAX_COLUMN_NAME {
            problems.push(
                Violation::new(
                    path.clone(),
                    format!("the name of column {} is too long for BigQuery", format::quoted(name)),
                )
                .help(format!("at most {MAX_COLUMN_NAME} characters")),
            );
        } else if let Some(prefix) =
            RESERVED_COLUMN_PREFIXES.iter().find(|prefix| upper.starts_with(*prefix))
        {
            problems.push(
                Violation::new(
                    path.clone(),
                    format!("column `{name}` begins with `{prefix}`, which BigQuery reserves"),
                )
                .help("rename it in the source"),
            );
        }
        if let Some(other) = seen.insert(upper, name) {
            problems.push(
                Violation::new(
                    path,
                    format!("columns `{other}` and `{name}` are the same to BigQuery"),
                )
                .help("letter case doesn't tell its columns apart; rename one in the source"),
            );
        }
    }
}

fn classes(table: &TableContract, config: &Config, path: &KeyPath, problems: &mut Vec<Violation>) {
    let defined = config.pii.all();
    let names: Vec<&str> = defined.keys().map(String::as_str).chain([CLASS_NONE]).collect();
    for (name, column) in &table.columns {
        let path = path.key("columns").key(name).key("class");
        if column.class == CLASS_NONE || !format::fits("class-reference", &column.class) {
            continue;
        }
        let Some(class) = defined.get(&column.class) else {
            let help = match nearest(&column.class, names.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("define it in `pii.classes`, or use one of {}", list(&names)),
            };
            problems.push(
                Violation::new(
                    path,
                    format!("column `{name}` has the unknown class `{}`", column.class),
                )
                .help(help),
            );
            continue;
        };
        if !class.mask.fits(column.bigquery_type) {
            problems.push(
                Violation::new(
                    path,
                    format!(
                        "class `{}` masks by {}, which BigQuery cannot apply to the {} column `{name}`",
                        column.class, class.mask, column.bigquery_type
                    ),
                )
                .help(format!(
                    "use a class whose mask fits, or `{CLASS_UNCLASSIFIED}`: ALWAYS_NULL fits every type"
                )),
            );
        }
    }
}

/// What the transfer is asked to do must be possible.
fn transforms(
    table: &TableContract,
    config: &Config,
    path: &KeyPath,
    problems: &mut Vec<Violation>,
) {
    let path = path.key("columns");
    for (name, column) in &table.columns {
        let path = path.key(name);
        let token = column.transform == Some(Transform::Tokenise);
        let text = column.bigquery_type == BigQueryType::String && column.mode.is_nullable();
        if token && !text {
            problems.push(
                Violation::new(path.key("type"), format!("a token of column `{name}` is text"))
                    .help("write `type: STRING`, without a mode"),
            );
        }
        if token && config.transfer.token_key.is_none() {
            problems.push(
                Violation::new(
                    path.key("transform"),
                    format!("column `{name}` is tokenised without a key"),
                )
                .help(
                    "name the secret that holds the key in `transfer.token_key` of landbridge.yaml",
                ),
            );
        }
        if !token && column.token_domain.is_some() {
            problems.push(
                Violation::new(
                    path.key("token_domain"),
                    format!("column `{name}` has a domain of tokens and no tokens"),
                )
                .help("write `transform: tokenise` as well, or leave the domain out"),
            );
        }
        if column.on_misfit == Some(OnMisfit::KeepText) && !column.mode.is_nullable() {
            problems.push(
                Violation::new(
                    path.key("on_misfit"),
                    format!("the array `{name}` cannot stay text in some rows' favour"),
                )
                .help("only columns of one value can: use `set_null`"),
            );
        }
    }
    let left = table
        .columns
        .values()
        .filter(|column| column.transform.is_none_or(|it| it == Transform::Tokenise));
    if !table.columns.is_empty() && left.count() == 0 {
        problems.push(
            Violation::new(path, "every column of the table is dropped or emptied".to_owned())
                .help(
                    "leave the table out of the export instead (`export.only` in landbridge.yaml)",
                ),
        );
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// No two tables may land in one. The contract doesn't say which database a
/// schema is in: without a `public` schema it reads like MySQL's, where a
/// schema is its own database and leaves no trace in the derived name.
fn bigquery_names(contract: &Contract, all: &KeyPath, problems: &mut Vec<Violation>) {
    let is_postgres =
        contract.tables.keys().any(|name| matches!(source_table(name), Some(("public", _))));
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, entry) in &contract.tables {
        let Some((schema, table)) = source_table(name) else {
            continue;
        };
        let landed = match &entry.table {
            Some(table) => table.clone(),
            None if is_postgres => default_table_name("", schema, table),
            None => default_table_name(schema, schema, table),
        };
        if let Some(other) = seen.get(&landed) {
            let path = match entry.table {
                Some(_) => all.key(name).key("table"),
                None => all.key(name),
            };
            problems.push(
                Violation::new(
                    path,
                    format!("tables `{other}` and `{name}` both land in BigQuery's `{landed}`"),
                )
                .help("give one of them another name by `table:`"),
            );
        } else {
            seen.insert(landed, name);
        }
    }
}
