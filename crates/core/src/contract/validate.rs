//! Reads a contract and checks its rules, including the rules that involve the configuration.

use std::collections::BTreeMap;

use super::column_types::{self, Engines};
use super::{
    ColumnContract, Contract, Mode, TableContract, Transform, default_table_name, law, times,
};
use crate::{
    config::{CLASS_NONE, CLASS_UNCLASSIFIED, Config, Mask},
    names::{check_column, column_name, folded},
    rewrite::OnMisfit,
    types::{BigQueryType, ColumnType},
    yaml::{self, Diagnostics, KeyPath, Violation, format, nearest},
};

/// Parses the text of a `contract.yaml` and validates it, given the configuration.
/// `file` is the name shown in diagnostics.
///
/// # Errors
/// All diagnostics at once, each with its line and column.
pub fn parse(file: &str, text: &str, config: &Config) -> Result<Contract, Diagnostics> {
    yaml::parse_checked(file, text, |contract| check_contract(contract, config))
}

impl Contract {
    /// All violations of the rules, given the configuration; empty when the contract
    /// is valid. [`parse`] has already checked what it returns.
    pub fn validate(&self, config: &Config) -> Vec<Violation> {
        let mut problems = yaml::violations_of(self);
        problems.extend(check_contract(self, config));
        problems
    }
}

/// All violations of the rules.
fn check_contract(contract: &Contract, config: &Config) -> Vec<Violation> {
    let mut problems = Vec::new();
    let all = KeyPath::root().key("tables");
    let engines = Engines::of(contract);
    for (name, table) in &contract.tables {
        let path = all.key(name);
        if source_table(name).is_none() {
            problems.push(
                Violation::new(path.clone(), format!("`{name}` is not the name of a source table"))
                    .help("write `schema.table` (PostgreSQL) or `database.table` (MySQL)"),
            );
        }
        column_names(table, config, &path, &mut problems);
        column_types::check(&engines, table, &path, &mut problems);
        classes(table, config, &path, &mut problems);
        transforms(table, config, &path, &mut problems);
        law::check(name, table, config, &path, &mut problems);
        bounds(table, &path, &mut problems);
        pins(table, &path, &mut problems);
        times::check(table, config, &path, &mut problems);
    }
    bigquery_names(contract, &all, &mut problems);
    problems
}

/// Splits a key of `tables` into schema and table. The table name may contain dots.
fn source_table(name: &str) -> Option<(&str, &str)> {
    name.split_once('.').filter(|(schema, table)| !schema.is_empty() && !table.is_empty())
}

/// Checks the names that the contract sets. A column without `name:` always gets one.
fn column_names(
    table: &TableContract,
    config: &Config,
    path: &KeyPath,
    problems: &mut Vec<Violation>,
) {
    let style = config.warehouse.column_names;
    let lands = table.columns.iter().filter(|(_, it)| it.transform != Some(Transform::Drop));
    // Names that are set come last, so that a message is about them.
    let (set, derived): (Vec<_>, Vec<_>) = lands.partition(|(_, column)| column.name.is_some());
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (key, _) in derived {
        seen.insert(folded(&column_name(key, style)), key);
    }
    for (key, column) in set {
        let Some(name) = &column.name else { continue };
        let path = path.key("columns").key(key).key("name");
        if !format::fits("bigquery-column", name) {
            continue;
        }
        if let Err(rule) = check_column(name, style) {
            problems.push(
                Violation::new(path.clone(), format!("column `{key}` cannot be named `{name}`: {rule}"))
                    .help(format!(
                        "write another name, for example `{}`, or set `warehouse.column_names: flexible` in landbridge.yaml",
                        column_name(name, style)
                    )),
            );
        }
        if let Some(other) = seen.insert(folded(name), key) {
            problems.push(
                Violation::new(
                    path,
                    format!("columns `{other}` and `{key}` would both be named `{name}`; BigQuery ignores letter case"),
                )
                .help(format!("write another `name:` for one of them, for example `{name}_2`")),
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
                None => format!(
                    "define the class in `pii.classes` of landbridge.yaml, or use one of {}",
                    list(&names)
                ),
            };
            problems.push(
                Violation::new(
                    path,
                    format!("column `{name}` has an unknown class `{}`", column.class),
                )
                .help(help),
            );
            continue;
        };
        let possible = possible_types(column);
        if let Some(unfit) = possible.iter().find(|it| !class.mask.fits(**it)) {
            let is = match *unfit == column.column_type() {
                true => format!("is {unfit}"),
                false => {
                    let rule = match column.mode {
                        Mode::Nullable => "on_misfit: keep_text",
                        Mode::Repeated => "array_nulls: text",
                    };
                    format!("becomes {unfit} when a value does not fit (`{rule}`)")
                }
            };
            let fitting = Mask::ALL.iter().filter(|mask| possible.iter().all(|it| mask.fits(*it)));
            let fitting: Vec<&str> = fitting.map(|mask| mask.as_str()).collect();
            problems.push(
                Violation::new(
                    path,
                    format!(
                        "column `{name}` {is}, and BigQuery cannot apply the mask {1} of class `{0}` to this type",
                        column.class, class.mask
                    ),
                )
                .help(format!(
                    "use a class whose mask is one of {}, or write `class: {CLASS_UNCLASSIFIED}`: its mask, ALWAYS_NULL, fits every type",
                    list(&fitting)
                )),
            );
        }
    }
}

/// The types that a column can have in BigQuery. With `on_misfit: keep_text` or `array_nulls: text`,
/// all its values stay text if one of them does not fit.
fn possible_types(column: &ColumnContract) -> Vec<ColumnType> {
    let mut types = vec![column.column_type()];
    if column.may_stay_text() {
        types.push(ColumnType::scalar(BigQueryType::String));
    }
    types
}

/// Checks that each transformation is possible, and that a column is left.
fn transforms(
    table: &TableContract,
    config: &Config,
    path: &KeyPath,
    problems: &mut Vec<Violation>,
) {
    let path = path.key("columns");
    for (name, column) in &table.columns {
        let path = path.key(name);
        tokens(name, column, config, &path, problems);
        if column.on_misfit == Some(OnMisfit::KeepText) && !column.mode.is_nullable() {
            problems.push(
                Violation::new(
                    path.key("on_misfit"),
                    format!("`on_misfit: keep_text` is not possible for the array column `{name}`"),
                )
                .help("remove `on_misfit`, and write `array_nulls: text`"),
            );
        }
        if let Some(rule) = column.array_nulls.filter(|_| column.mode.is_nullable()) {
            problems.push(
                Violation::new(
                    path.key("array_nulls"),
                    format!("column `{name}` has `array_nulls: {}` but is no array", rule.name()),
                )
                .help("add `mode: REPEATED`, or remove `array_nulls`"),
            );
        }
    }
    if !table.columns.is_empty() && table.columns.values().all(ColumnContract::stays_in_aws) {
        problems.push(
            Violation::new(path, "every column of the table is dropped or set to NULL".to_owned())
                .help(
                    "to keep the table in AWS, list only the other tables in `export.only` of landbridge.yaml; otherwise remove `transform` from a column",
                ),
        );
    }
}

/// Checks what belongs to tokens: the type, the key and the domain.
fn tokens(
    name: &str,
    column: &ColumnContract,
    config: &Config,
    path: &KeyPath,
    problems: &mut Vec<Violation>,
) {
    let token = column.transform == Some(Transform::Tokenise);
    let text = column.bigquery_type == BigQueryType::String && column.mode.is_nullable();
    if token && !text {
        problems.push(
            Violation::new(
                path.key("type"),
                format!("column `{name}` is tokenised, but its type is not a single STRING"),
            )
            .help("tokens are text: write `type: STRING` and remove `mode`"),
        );
    }
    if token && config.transfer.token_key.is_none() {
        problems.push(
            Violation::new(
                path.key("transform"),
                format!("column `{name}` is tokenised, but no token key is configured"),
            )
            .help(
                "set `transfer.token_key` in landbridge.yaml to the name of the secret that contains the key, for example `landbridge/shop/token-key`",
            ),
        );
    }
    if !token && column.token_domain.is_some() {
        problems.push(
            Violation::new(
                path.key("token_domain"),
                format!("column `{name}` has a `token_domain` but is not tokenised"),
            )
            .help("add `transform: tokenise`, or remove `token_domain`"),
        );
    }
}

/// Checks that `bounds: true` is only at columns whose values everyone may read.
fn bounds(table: &TableContract, path: &KeyPath, problems: &mut Vec<Violation>) {
    use BigQueryType::{Bytes, Json, String};
    for (name, column) in table.columns.iter().filter(|(_, column)| column.bounds) {
        let (why, help) = if column.class != CLASS_NONE {
            let why = format!("has class `{}`", column.class);
            (
                why,
                "remove `bounds`: everyone who reads receipts would see two values of a column that not everyone may read",
            )
        } else if let Some(transform) = column.transform {
            let why = format!("has `transform: {}`", transform.name());
            (why, "remove `bounds`: the values of the column stay in AWS")
        } else if matches!(column.bigquery_type, String | Bytes | Json)
            || !column.mode.is_nullable()
        {
            let why = format!("is {}", column.column_type());
            (why, "remove `bounds`: only single numbers, dates and times have them")
        } else {
            continue;
        };
        problems.push(
            Violation::new(
                path.key("columns").key(name).key("bounds"),
                format!("`bounds: true` is not possible for column `{name}`, which {why}"),
            )
            .help(help),
        );
    }
}

/// Checks that `pinned: true` is only at columns whose values everyone may read: no other column is
/// judged again.
fn pins(table: &TableContract, path: &KeyPath, problems: &mut Vec<Violation>) {
    for (name, column) in table.columns.iter().filter(|(_, column)| column.pinned) {
        if column.class == CLASS_NONE && column.transform.is_none() {
            continue;
        }
        let why = match column.transform {
            Some(transform) => format!("has `transform: {}`", transform.name()),
            None => format!("has class `{}`", column.class),
        };
        problems.push(
            Violation::new(
                path.key("columns").key(name).key("pinned"),
                format!("`pinned: true` has no effect for column `{name}`, which {why}"),
            )
            .help("remove `pinned`: only columns of class `none` are judged again"),
        );
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Checks that no two source tables have the same BigQuery table. The contract does
/// not name the database of a schema: without a `public` schema, MySQL is assumed,
/// where a schema is its own database and is not part of the default name.
///
/// Names that differ in letter case only count as one, as [`crate::names::tables`] counts them. Two
/// tables that the contract gives no name each land with their own class all the same; a table with
/// `table:` that gets another name is masked for everyone.
fn bigquery_names(contract: &Contract, all: &KeyPath, problems: &mut Vec<Violation>) {
    let is_postgres =
        contract.tables.keys().any(|name| matches!(source_table(name), Some(("public", _))));
    let mut seen: BTreeMap<String, (&str, String, bool)> = BTreeMap::new();
    for (name, entry) in &contract.tables {
        let Some((schema, table)) = source_table(name) else {
            continue;
        };
        let landed = match &entry.table {
            Some(table) => table.clone(),
            None if is_postgres => default_table_name("", schema, table),
            None => default_table_name(schema, schema, table),
        };
        let is_set = entry.table.is_some();
        let Some((other, as_other, other_is_set)) = seen.get(&folded(&landed)) else {
            seen.insert(folded(&landed), (name, landed, is_set));
            continue;
        };
        let path = if is_set { all.key(name).key("table") } else { all.key(name) };
        let what = if *as_other == landed {
            format!(
                "tables `{other}` and `{name}` would both be loaded into the BigQuery table `{landed}`"
            )
        } else if is_set || *other_is_set {
            format!(
                "tables `{other}` and `{name}` would be loaded into the BigQuery tables `{as_other}` and `{landed}`, which count as one: letter case does not distinguish tables in every dataset"
            )
        } else {
            continue;
        };
        problems
            .push(Violation::new(path, what).help(format!(
                "set another name for one of them, for example `table: {landed}_2`"
            )));
    }
}
