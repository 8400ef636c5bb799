//! Whether the tables and columns that `audits` names are in the contract, and whether the checks can be made with them.
//! The functions do not read this: a misspelt name is found by `landbridge check` and `landbridge doctor`.

use super::Check;
use crate::config::{AuditLevel, Config, TableAudits};
use crate::contract::{ColumnContract, Contract, TableContract};
use crate::types::BigQueryType;
use crate::yaml::{KeyPath, Violation, nearest};

/// What is wrong with the names in `audits`, given the contract; none if every declared check can be made.
pub fn audits_violations(config: &Config, contract: &Contract) -> Vec<Violation> {
    let path = KeyPath::root().key("audits").key("tables");
    let mut problems = Vec::new();
    for (name, declared) in &config.audits.tables {
        let path = path.key(name);
        match contract.tables.get(name) {
            None => problems.push(no_table(path, name, contract)),
            Some(table) => Declared { name, declared, table, contract, path }.check(&mut problems),
        }
    }
    problems
}

/// What `audits` declares and no check, or only a part of one, can see. The tables are published, so these are no errors.
pub fn audits_notes(config: &Config, contract: &Contract) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, declared) in &config.audits.tables {
        let Some(table) = contract.tables.get(name) else { continue };
        if let Some(key) = &declared.key
            && let Some(why) = repeats_unseen(config, table.columns.get(key))
        {
            notes.push(format!(
                "`audits.tables.{name}.key`: {why}, so only NULLs of `{key}` are seen, no repeated values"
            ));
        }
        notes.extend(idle_levels(declared).map(|(check, missing)| {
            format!("`audits.tables.{name}.levels.{check}` has no effect: the table declares no `{missing}`")
        }));
    }
    notes
}

/// Why repeated values of a key are not seen.
fn repeats_unseen(config: &Config, column: Option<&ColumnContract>) -> Option<&'static str> {
    let column = column.filter(|it| !it.stays_in_aws())?;
    if column.transform.is_some() {
        return Some("the column is tokenised");
    }
    if column.bigquery_type != BigQueryType::Int64 {
        return Some("the column has no whole numbers");
    }
    config.transfer.token_key.is_none().then_some("`transfer.token_key` is not set")
}

/// Levels of a table whose check is made only with a declaration that is not there.
fn idle_levels(declared: &TableAudits) -> impl Iterator<Item = (Check, &'static str)> {
    let needs = [
        (Check::Freshness, "fresh", declared.fresh.is_none()),
        (Check::References, "references", declared.references.is_empty()),
        (Check::Values, "values", declared.values.is_empty()),
    ];
    let is_set = |check| declared.levels.of(check).is_some_and(|it| it != AuditLevel::Off);
    let idle = needs.into_iter().filter(move |(check, _, missing)| *missing && is_set(*check));
    idle.map(|(check, key, _)| (check, key)).collect::<Vec<_>>().into_iter()
}

fn no_table(path: KeyPath, name: &str, contract: &Contract) -> Violation {
    let help = match nearest(name, contract.tables.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write a table of contract.yaml, as `schema.table`".to_owned(),
    };
    Violation::new(path, format!("the contract has no table `{name}`")).help(help)
}

/// What is declared of one table.
struct Declared<'a> {
    name: &'a str,
    declared: &'a TableAudits,
    table: &'a TableContract,
    contract: &'a Contract,
    path: KeyPath,
}

impl Declared<'_> {
    fn check(&self, problems: &mut Vec<Violation>) {
        let Self { name, declared, table, path, .. } = self;
        if let Some(key) = &declared.key {
            let found = column(path.key("key"), name, table, key);
            problems.extend(found.and_then(|(at, it)| stays(at, name, key, it)).err());
        }
        if let Some(fresh) = &declared.fresh {
            let at = path.key("fresh").key("column");
            let found = visible(at, name, table, &fresh.column);
            problems.extend(found.and_then(|(at, it)| is_time(at, name, &fresh.column, it)).err());
        }
        for (child, parent) in &declared.references {
            let at = path.key("references").key(child);
            let found = visible(at.clone(), name, table, child);
            problems.extend(found.and_then(|(at, it)| is_whole(at, name, child, it)).err());
            problems.extend(self.parent(at, parent).err());
        }
        for listed in declared.values.keys() {
            let at = path.key("values").key(listed);
            let found = visible(at, name, table, listed);
            problems.extend(found.and_then(|(at, it)| is_text(at, name, listed, it)).err());
        }
    }

    /// Whether the column that another refers to is known, and has bounds.
    fn parent(&self, at: KeyPath, parent: &str) -> Result<(), Violation> {
        let split = parent.rsplit_once('.').filter(|(table, _)| table.contains('.'));
        let Some((table_name, key)) = split else {
            let message = format!("`{parent}` does not name a column of a table");
            return Err(Violation::new(at, message)
                .help("write `schema.table.column`, for example `public.customers.id`"));
        };
        let Some(table) = self.contract.tables.get(table_name) else {
            return Err(no_table(at, table_name, self.contract));
        };
        visible(at, table_name, table, key).and_then(|(at, it)| is_whole(at, table_name, key, it))
    }
}

type Found<'a> = (KeyPath, &'a ColumnContract);

/// The column in the contract.
fn column<'a>(
    at: KeyPath,
    table_name: &str,
    table: &'a TableContract,
    name: &str,
) -> Result<Found<'a>, Violation> {
    if let Some(column) = table.columns.get(name) {
        return Ok((at, column));
    }
    // People also write the name in BigQuery.
    let renamed = table.columns.iter().find(|(_, it)| it.name.as_deref() == Some(name));
    let near = renamed.map(|(source, _)| source.as_str());
    let help = match near.or_else(|| nearest(name, table.columns.keys().map(String::as_str))) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write the column's name in the source, as in contract.yaml".to_owned(),
    };
    let message = format!("the contract has no column `{name}` of `{table_name}`");
    Err(Violation::new(at, message).help(help))
}

/// The column, if its values leave AWS as they are.
fn visible<'a>(
    at: KeyPath,
    table_name: &str,
    table: &'a TableContract,
    name: &str,
) -> Result<Found<'a>, Violation> {
    let (at, found) = column(at, table_name, table, name)?;
    match found.transform {
        None => Ok((at, found)),
        Some(transform) => Err(hidden(at, table_name, name, transform.name())),
    }
}

/// A tokenised key still has its NULLs; one that stays in AWS has nothing.
fn stays(at: KeyPath, table: &str, name: &str, found: &ColumnContract) -> Result<(), Violation> {
    match found.transform {
        Some(transform) if found.stays_in_aws() => Err(hidden(at, table, name, transform.name())),
        _ => Ok(()),
    }
}

fn hidden(at: KeyPath, table: &str, name: &str, transform: &str) -> Violation {
    let message = format!(
        "`{name}` of `{table}` has the transform `{transform}`, so its values cannot be compared"
    );
    Violation::new(at, message).help("declare a column without a transform, or remove this line")
}

fn is_time(at: KeyPath, table: &str, name: &str, it: &ColumnContract) -> Result<(), Violation> {
    use BigQueryType::{Date, DateTime, Timestamp};
    let is_it = matches!(it.bigquery_type, Timestamp | DateTime | Date);
    typed(at, table, name, it, is_it, "TIMESTAMP, DATETIME or DATE")
}

fn is_whole(at: KeyPath, table: &str, name: &str, it: &ColumnContract) -> Result<(), Violation> {
    typed(at, table, name, it, it.bigquery_type == BigQueryType::Int64, "INT64")
}

fn is_text(at: KeyPath, table: &str, name: &str, it: &ColumnContract) -> Result<(), Violation> {
    typed(at, table, name, it, it.bigquery_type == BigQueryType::String, "STRING")
}

fn typed(
    at: KeyPath,
    table: &str,
    name: &str,
    found: &ColumnContract,
    is_it: bool,
    wanted: &str,
) -> Result<(), Violation> {
    if is_it && found.mode.is_nullable() {
        return Ok(());
    }
    let is = found.column_type();
    let message =
        format!("`{name}` of `{table}` is {is}; this check compares values of type {wanted}");
    Err(Violation::new(at, message)
        .help(format!("declare a column of type {wanted}, or remove this line")))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{config, contract};

    const CONFIG: &str = include_str!("../../../../examples/demo/landbridge.yaml");
    const CONTRACT: &str = "\
version: 1
tables:
  public.orders:
    columns:
      id: { source: bigint, type: INT64, class: none }
      uid: { source: uuid, type: STRING, class: none }
      customer_id: { source: bigint, type: INT64, class: none, name: customer }
      placed_at: { source: timestamp with time zone, type: TIMESTAMP, class: none }
      state: { source: text, type: STRING, class: none }
      card: { source: text, type: STRING, class: account, transform: tokenise }
      note: { source: text, type: STRING, class: free_text, transform: drop }
  public.customers:
    columns:
      id: { source: bigint, type: INT64, class: none }
      name: { source: text, type: STRING, class: name }
";

    fn check(audits: &str, expected: &Expect) {
        let text = format!("{CONFIG}audits:\n  tables:\n{audits}");
        let config = config::parse("landbridge.yaml", &text).expect("a configuration");
        let contract = contract::parse("contract.yaml", CONTRACT, &config).expect("a contract");
        let mut lines: Vec<String> = audits_violations(&config, &contract)
            .iter()
            .map(|it| {
                format!("{}: {it}\n", it.path.to_string().trim_start_matches("audits.tables."))
            })
            .collect();
        lines.extend(audits_notes(&config, &contract).iter().map(|it| format!("note {it}\n")));
        expected.assert_eq(&lines.concat());
    }

    #[test]
    fn every_name_is_in_the_contract() {
        check(
            "    public.orders: { key: id, fresh: { column: placed_at }, references: { customer_id: public.customers.id }, values: { state: [new] } }\n",
            &expect![[""]],
        );
        check(
            "    public.order: { key: id }\n    public.customers: { key: nmae, fresh: { column: since }, references: { od: public.customers.id } }\n",
            &expect![[r#"
                "public.customers".key: the contract has no column `nmae` of `public.customers`; did you mean `name`?
                "public.customers".fresh.column: the contract has no column `since` of `public.customers`; write the column's name in the source, as in contract.yaml
                "public.customers".references.od: the contract has no column `od` of `public.customers`; did you mean `id`?
                "public.order": the contract has no table `public.order`; did you mean `public.orders`?
            "#]],
        );
        check(
            "    public.orders: { references: { customer_id: public.customer.id, id: customers, customer: public.customers.idd } }\n",
            &expect![[r#"
                "public.orders".references.customer: the contract has no column `customer` of `public.orders`; did you mean `customer_id`?
                "public.orders".references.customer: the contract has no column `idd` of `public.customers`; did you mean `id`?
                "public.orders".references.customer_id: the contract has no table `public.customer`; did you mean `public.customers`?
                "public.orders".references.id: `customers` does not name a column of a table; write `schema.table.column`, for example `public.customers.id`
            "#]],
        );
    }

    #[test]
    fn every_check_can_be_made() {
        check(
            "    public.orders: { key: note, fresh: { column: card }, references: { state: public.customers.name }, values: { note: [a], card: [b], id: [c] } }\n",
            &expect![[r#"
                "public.orders".key: `note` of `public.orders` has the transform `drop`, so its values cannot be compared; declare a column without a transform, or remove this line
                "public.orders".fresh.column: `card` of `public.orders` has the transform `tokenise`, so its values cannot be compared; declare a column without a transform, or remove this line
                "public.orders".references.state: `state` of `public.orders` is STRING; this check compares values of type INT64; declare a column of type INT64, or remove this line
                "public.orders".references.state: `name` of `public.customers` is STRING; this check compares values of type INT64; declare a column of type INT64, or remove this line
                "public.orders".values.card: `card` of `public.orders` has the transform `tokenise`, so its values cannot be compared; declare a column without a transform, or remove this line
                "public.orders".values.id: `id` of `public.orders` is INT64; this check compares values of type STRING; declare a column of type STRING, or remove this line
                "public.orders".values.note: `note` of `public.orders` has the transform `drop`, so its values cannot be compared; declare a column without a transform, or remove this line
            "#]],
        );
        check(
            "    public.orders: { key: card, fresh: { column: state }, levels: { references: block, values: off } }\n    public.customers: { key: name }\n",
            &expect![[r#"
                "public.orders".fresh.column: `state` of `public.orders` is STRING; this check compares values of type TIMESTAMP, DATETIME or DATE; declare a column of type TIMESTAMP, DATETIME or DATE, or remove this line
                note `audits.tables.public.customers.key`: the column has no whole numbers, so only NULLs of `name` are seen, no repeated values
                note `audits.tables.public.orders.key`: the column is tokenised, so only NULLs of `card` are seen, no repeated values
                note `audits.tables.public.orders.levels.references` has no effect: the table declares no `references`
            "#]],
        );
    }
}
