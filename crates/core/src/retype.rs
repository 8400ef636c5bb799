//! A column whose type in the contract is another one than in BigQuery.
//!
//! No call of ours changes the type of a column or recreates a table, so such a table is held until a
//! person chooses: the contract keeps the type, or the column lands a second time under another name.
//! The next load adds that column with its policy tag before its first row; the old one stays, is NULL
//! in every row, and is `unclassified`, because the contract does not describe it any more.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::contract::{ColumnContract, Contract, Mode, TableContract, Transform};
use crate::diff::{DesiredColumn, LiveTable};
use crate::names::{ColumnNames, column_name, folded, is_same};
use crate::plan::TablePlan;
use crate::protection::TableRows;
use crate::types::{BigQueryType, ColumnType};
use crate::{Error, ErrorKind, Result};

/// A column as it has landed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landed {
    /// Its name in BigQuery.
    pub name: String,
    /// Its type in BigQuery.
    pub ty: ColumnType,
    /// Whether it stays text because of a misfit.
    pub stays_text: bool,
}

/// The columns of a table as they have landed, by their key in the contract.
pub type LandedColumns = BTreeMap<String, Landed>;

/// A column that contract.yaml gives another type than it has in BigQuery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedColumn {
    /// Its key in the contract.
    pub column: String,
    /// Its class.
    pub class: String,
    /// The column that BigQuery has.
    pub landed: Landed,
    /// The type in the contract.
    pub wanted: ColumnType,
    /// A name for the column with the new type.
    pub new_name: String,
}

/// The columns of the contract's table among `rows`.
pub fn landed_columns(rows: &TableRows, table: &TableContract) -> LandedColumns {
    let columns = rows.columns.iter().flatten().filter_map(|(source, column)| {
        let own = table.columns.contains_key(source).then_some(source);
        let key = own.or(column.contract_key.as_ref())?;
        let landed = Landed {
            name: column.name(source).to_owned(),
            ty: ColumnType { ty: column.ty, repeated: column.repeated },
            stays_text: column.stays_text,
        };
        Some((key.clone(), landed))
    });
    columns.collect()
}

/// The columns that have landed under the name that the contract gives them now, and with another type.
pub fn changed_columns(
    table: &TableContract,
    landed: &LandedColumns,
    style: ColumnNames,
) -> Vec<ChangedColumn> {
    let changed = table.columns.iter().filter_map(|(key, column)| {
        let found = landed.get(key)?;
        let moves = column.name.as_ref().is_some_and(|name| {
            let name = column_name(name, style);
            !is_same(&name, &found.name)
        });
        let as_text = found.stays_text && column.may_stay_text();
        let is_dropped = column.transform == Some(Transform::Drop);
        if moves || as_text || is_dropped || found.ty == column.column_type() {
            return None;
        }
        Some(ChangedColumn {
            column: key.clone(),
            class: column.class.clone(),
            landed: found.clone(),
            wanted: column.column_type(),
            new_name: new_name(table, landed, (key, column), style),
        })
    });
    changed.collect()
}

/// `created_at_datetime`: the name of the column and its new type. The same on every run, and no name
/// that another column of the contract or of the rows has.
fn new_name(
    table: &TableContract,
    landed: &LandedColumns,
    (key, column): (&str, &ColumnContract),
    style: ColumnNames,
) -> String {
    let suffix = |ty: ColumnType| {
        let array = if ty.repeated { "_array" } else { "" };
        format!("_{}{array}", ty.ty.name().to_ascii_lowercase())
    };
    let others = table.columns.iter().filter(|(it, _)| *it != key);
    let others =
        others.map(|(key, column)| column_name(column.name.as_ref().unwrap_or(key), style));
    let taken: BTreeSet<String> = others
        .chain(landed.values().map(|landed| landed.name.clone()))
        .map(|name| folded(&name))
        .collect();
    let set = column.name.as_ref().map(|name| column_name(name, style));
    let base = match (set, landed.get(key)) {
        // A name that an earlier change of type gave does not grow with the next one.
        (Some(name), Some(landed)) => {
            let former = suffix(landed.ty);
            name.strip_suffix(&former).unwrap_or(&name).to_owned()
        }
        _ => column_name(key, style),
    };
    let first = format!("{base}{}", suffix(column.column_type()));
    let numbered = (2..).map(|number| format!("{first}_{number}"));
    let names = std::iter::once(first.clone()).chain(numbered);
    let mut names = names.map(|name| column_name(&name, style));
    names.find(|name| !taken.contains(&folded(name))).unwrap_or(first)
}

/// Whether a person can change the type in place with `ALTER COLUMN SET DATA TYPE`, which keeps rows,
/// tags and rights (Google's documentation, "Data definition language", "`ALTER COLUMN SET DATA TYPE`
/// statement", "Details").
pub fn can_widen(from: ColumnType, to: ColumnType) -> bool {
    use BigQueryType::{BigNumeric, Float64, Int64, Numeric};
    !from.repeated
        && !to.repeated
        && matches!(
            (from.ty, to.ty),
            (Int64, Numeric | BigNumeric | Float64) | (Numeric, BigNumeric | Float64)
        )
}

/// Checks that contract.yaml is valid if the column has the type with which it landed.
///
/// # Errors
/// What would be wrong.
pub fn can_keep(
    contract: &Contract,
    config: &Config,
    table: &str,
    column: &str,
    landed: ColumnType,
) -> Result<(), String> {
    let mut kept = contract.clone();
    let entry = kept.tables.get_mut(table).and_then(|table| table.columns.get_mut(column));
    let Some(entry) = entry else { return Err(format!("contract.yaml has no column `{column}`")) };
    entry.bigquery_type = landed.ty;
    entry.mode = if landed.repeated { Mode::Repeated } else { Mode::Nullable };
    kept.validate(config).first().map_or(Ok(()), |violation| Err(violation.message.clone()))
}

/// How contract.yaml says that a column has a type.
pub fn type_keys(ty: ColumnType) -> String {
    let mode = if ty.repeated { ", mode: REPEATED" } else { "" };
    format!("type: {}{mode}", ty.ty)
}

/// The command that loads the changed columns of a table beside the old ones.
pub fn command(table: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    match table.chars().all(is_plain) {
        true => format!("landbridge retype {table}"),
        false => format!("landbridge retype '{}'", table.replace('\'', r"'\''")),
    }
}

/// The table whose columns are compared with BigQuery.
#[derive(Clone, Copy)]
pub struct CheckedTable<'a> {
    /// `dataset.table`.
    pub name: &'a str,
    /// Its plan.
    pub plan: &'a TablePlan,
    /// The columns that the load wants.
    pub desired: &'a [DesiredColumn],
    /// The deployed contract.
    pub contract: &'a Contract,
    /// The deployed configuration.
    pub config: &'a Config,
}

impl CheckedTable<'_> {
    /// Checks that every column has the type that it has in BigQuery.
    ///
    /// # Errors
    /// [`ErrorKind::Held`], naming each column, both types, and the ways out.
    pub fn has_types_of(&self, live: &LiveTable) -> Result<()> {
        let mut changed = Vec::new();
        for live in &live.columns {
            let Some(desired) = self.desired.iter().find(|it| is_same(&it.name, &live.name)) else {
                continue;
            };
            // Another type is one that Landbridge never creates; the comparison of the schemas names it.
            let Ok(ty) = live.ty.parse() else { continue };
            let landed = ColumnType { ty, repeated: live.mode == "REPEATED" };
            let wanted = ColumnType { ty: desired.ty, repeated: desired.repeated };
            if landed != wanted {
                let ways = self.ways_out(desired, landed, wanted);
                changed.push(format!(
                    "{}.{} is {landed} in BigQuery and would become {wanted}: {ways}",
                    self.name, live.name
                ));
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Held,
            "a column changed its type, so the table is not loaded",
            changed.join("; "),
        ))
    }

    /// What a person can do.
    fn ways_out(&self, desired: &DesiredColumn, landed: ColumnType, wanted: ColumnType) -> String {
        let table = &self.plan.source_table;
        let source = &desired.source_column;
        let planned = self.plan.columns.iter().find(|it| it.parquet.name == *source);
        let key = planned.map_or(source.as_str(), |it| it.key());
        let entry = self.contract.tables.get(table).and_then(|it| it.columns.get(key));
        let beside = format!("run `{}` to load it as another column", command(table));
        let Some(entry) = entry else {
            return format!(
                "add `{key}` to contract.yaml with `{}`; or with its new type, and {beside}",
                type_keys(landed)
            );
        };
        if entry.may_stay_text() && entry.column_type() != wanted {
            let rule = if entry.mode.is_nullable() { "on_misfit" } else { "array_nulls" };
            return format!(
                "not all its values can be read as {}; remove `{rule}` of `{key}` in contract.yaml, or write `{}` and {beside}",
                entry.column_type(),
                type_keys(wanted)
            );
        }
        match can_keep(self.contract, self.config, table, key, landed) {
            Ok(()) => format!(
                "write `{}` for `{key}` in contract.yaml to keep the type, or {beside}",
                type_keys(landed)
            ),
            Err(why) => {
                format!("contract.yaml cannot have `{}` there ({why}); {beside}", type_keys(landed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::config;
    use crate::contract;
    use crate::diff::LiveColumn;

    fn config() -> Config {
        let text = include_str!("../../../examples/demo/landbridge.yaml");
        config::parse(config::FILE_NAME, text).expect("it is valid")
    }

    fn contract(columns: &str) -> Contract {
        let text = format!("version: 1\ntables:\n  public.visits:\n    columns:\n{columns}");
        contract::parse(contract::FILE_NAME, &text, &config()).expect("it is valid")
    }

    fn landed(columns: &[(&str, &str, &str)]) -> LandedColumns {
        let column = |(key, name, ty): &(&str, &str, &str)| {
            let (ty, repeated) = match ty.strip_suffix("[]") {
                Some(ty) => (ty, true),
                None => (*ty, false),
            };
            let ty = ColumnType { ty: ty.parse().unwrap(), repeated };
            let landed = Landed { name: (*name).to_owned(), ty, stays_text: false };
            ((*key).to_owned(), landed)
        };
        columns.iter().map(column).collect()
    }

    /// `landed name TYPE → new name TYPE` of each changed column.
    fn changed(columns: &str, landed: &LandedColumns) -> String {
        let contract = contract(columns);
        let table = &contract.tables["public.visits"];
        let changed = changed_columns(table, landed, ColumnNames::Flexible);
        let shown = changed.iter().map(|it| {
            let Landed { name, ty, .. } = &it.landed;
            format!("{name} {ty} → {} {}", it.new_name, it.wanted)
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    const AT: &str =
        "      at: { source: timestamp without time zone, type: DATETIME, class: none }\n";

    #[test]
    fn a_changed_column_gets_a_readable_name_of_its_own() {
        let at = landed(&[("at", "at", "TIMESTAMP")]);
        assert_eq!(changed(AT, &at), "at TIMESTAMP → at_datetime DATETIME");
        // The same type, another column, a column that has not landed.
        assert_eq!(changed(AT, &landed(&[("at", "at", "DATETIME")])), "");
        assert_eq!(changed(AT, &landed(&[("id", "id", "INT64")])), "");
        // Each name that could collide: of the contract, set by the contract, landed.
        let other = "      AT_datetime: { source: text, type: STRING, class: none }\n";
        assert_eq!(changed(&format!("{AT}{other}"), &at), "at TIMESTAMP → at_datetime_2 DATETIME");
        let set = "      b: { source: text, type: STRING, class: none, name: at_datetime }\n";
        assert_eq!(changed(&format!("{AT}{set}"), &at), "at TIMESTAMP → at_datetime_2 DATETIME");
        let gone = landed(&[("at", "at", "TIMESTAMP"), ("gone", "at_datetime", "STRING")]);
        assert_eq!(changed(AT, &gone), "at TIMESTAMP → at_datetime_2 DATETIME");
        let korean = AT.replace("at:", "\"생성일(원)\":");
        let landed_korean = landed(&[("생성일(원)", "생성일_원", "TIMESTAMP")]);
        assert_eq!(
            changed(&korean, &landed_korean),
            "생성일_원 TIMESTAMP → 생성일_원_datetime DATETIME"
        );
        let tags =
            "      tags: { source: \"text[]\", type: STRING, mode: REPEATED, class: none }\n";
        let text = landed(&[("tags", "tags", "STRING")]);
        assert_eq!(changed(tags, &text), "tags STRING → tags_string_array ARRAY<STRING>");
    }

    #[test]
    fn a_column_that_moves_to_another_name_is_not_changed() {
        let at = landed(&[("at", "at", "TIMESTAMP")]);
        let moved = AT.replace(" }", ", name: at_datetime }");
        assert_eq!(changed(&moved, &at), "");
        // Case only: BigQuery has one column of this name.
        let upper = AT.replace(" }", ", name: AT }");
        assert_eq!(changed(&upper, &at), "at TIMESTAMP → AT_datetime DATETIME");
        // The next change of the type: the name does not grow.
        let text = moved.replace("DATETIME", "STRING");
        let again = landed(&[("at", "at_datetime", "DATETIME")]);
        assert_eq!(changed(&text, &again), "at_datetime DATETIME → at_string STRING");
        let dropped = AT.replace(" }", ", transform: drop }")
            + "      id: { source: bigint, type: INT64, class: none }\n";
        assert_eq!(changed(&dropped, &at), "");
    }

    #[test]
    fn a_column_that_stays_text_is_as_the_contract_says() {
        let mut text = landed(&[("at", "at", "STRING")]);
        text.get_mut("at").unwrap().stays_text = true;
        let keeps = AT.replace(" }", ", on_misfit: keep_text }");
        assert_eq!(changed(&keeps, &text), "");
        assert_eq!(changed(AT, &text), "at STRING → at_datetime DATETIME");
    }

    #[test]
    fn google_documents_which_types_can_be_widened_in_place() {
        let can = |from: &str, to: &str| {
            let types = landed(&[("a", "a", from), ("b", "b", to)]);
            can_widen(types["a"].ty, types["b"].ty)
        };
        assert!(can("INT64", "NUMERIC") && can("INT64", "FLOAT64") && can("NUMERIC", "BIGNUMERIC"));
        assert!(
            !can("NUMERIC", "INT64") && !can("TIMESTAMP", "DATETIME") && !can("INT64", "STRING")
        );
        assert!(!can("INT64[]", "NUMERIC[]") && !can("INT64", "INT64"));
    }

    #[test]
    fn the_command_of_a_table_can_be_pasted() {
        assert_eq!(command("public.고객"), "landbridge retype public.고객");
        assert_eq!(command("public.it's a $t"), r"landbridge retype 'public.it'\''s a $t'");
    }

    fn held(columns: &str, desired: &[(&str, &str)], live: &[(&str, &str)]) -> String {
        let desired: Vec<DesiredColumn> = desired
            .iter()
            .map(|(name, ty)| DesiredColumn {
                name: (*name).to_owned(),
                source_column: (*name).to_owned(),
                ty: ty.parse().unwrap(),
                repeated: false,
                class: "none".to_owned(),
                description: None,
                in_source: true,
                in_contract: true,
            })
            .collect();
        let live = live.iter().map(|(name, ty)| LiveColumn {
            name: (*name).to_owned(),
            ty: ty.trim_end_matches("[]").to_owned(),
            mode: if ty.ends_with("[]") { "REPEATED" } else { "" }.to_owned(),
            policy_tag: None,
            description: None,
        });
        let live = LiveTable { source_label: Some("shop".to_owned()), columns: live.collect() };
        let plan = TablePlan {
            source_table: "public.visits".to_owned(),
            table: "visits".to_owned(),
            default_table: String::new(),
            revision: 1,
            redo: 0,
            export_redo: 0,
            columns: Vec::new(),
            items: Vec::new(),
            rows: 0,
            bytes: 0,
            listing: String::new(),
            problem: None,
            notes: Vec::new(),
        };
        let checked = CheckedTable {
            name: "shop.visits",
            plan: &plan,
            desired: &desired,
            contract: &contract(columns),
            config: &config(),
        };
        match checked.has_types_of(&live) {
            Ok(()) => "good".to_owned(),
            Err(error) => error.context().replace("; shop.", ";\nshop."),
        }
    }

    /// A person gets every column at once, and for each what to write or to run.
    #[test]
    fn a_changed_type_names_the_ways_out() {
        let columns = format!(
            "{AT}{}",
            "      born: { source: date, type: DATE, class: none, on_misfit: keep_text }
      n: { source: bigint, type: INT64, class: none }
      tags: { source: \"text[]\", type: STRING, class: none }
      same: { source: text, type: STRING, class: none }
"
        );
        let desired = [
            ("at", "DATETIME"),
            ("born", "STRING"),
            ("n", "INT64"),
            ("tags", "STRING"),
            ("new", "STRING"),
            ("same", "STRING"),
        ];
        let live = [
            ("at", "TIMESTAMP"),
            ("born", "DATE"),
            ("n", "DATE"),
            ("tags", "STRING[]"),
            ("new", "INTEGER"),
            ("same", "STRING"),
            ("by_hand", "GEOGRAPHY"),
        ];
        expect![[r#"
            shop.visits.at is TIMESTAMP in BigQuery and would become DATETIME: write `type: TIMESTAMP` for `at` in contract.yaml to keep the type, or run `landbridge retype public.visits` to load it as another column;
            shop.visits.born is DATE in BigQuery and would become STRING: not all its values can be read as DATE; remove `on_misfit` of `born` in contract.yaml, or write `type: STRING` and run `landbridge retype public.visits` to load it as another column;
            shop.visits.n is DATE in BigQuery and would become INT64: contract.yaml cannot have `type: DATE` there (column `n` cannot be DATE: its source type is `bigint`); run `landbridge retype public.visits` to load it as another column;
            shop.visits.tags is ARRAY<STRING> in BigQuery and would become STRING: write `type: STRING, mode: REPEATED` for `tags` in contract.yaml to keep the type, or run `landbridge retype public.visits` to load it as another column;
            shop.visits.new is INT64 in BigQuery and would become STRING: add `new` to contract.yaml with `type: INT64`; or with its new type, and run `landbridge retype public.visits` to load it as another column"#]].assert_eq(&held(&columns, &desired, &live));
        assert_eq!(held(&columns, &desired, &[("same", "STRING")]), "good");
    }

    #[test]
    fn types_that_bigquery_widens_in_place() {
        use BigQueryType::{BigNumeric, Float64, Int64, Numeric, String};
        let one = ColumnType::scalar;
        let many = |ty| ColumnType { ty, repeated: true };
        for (from, to) in [
            (Int64, Numeric),
            (Int64, BigNumeric),
            (Int64, Float64),
            (Numeric, BigNumeric),
            (Numeric, Float64),
        ] {
            assert!(can_widen(one(from), one(to)), "{from} to {to}");
            assert!(!can_widen(one(to), one(from)), "{to} to {from}");
            assert!(!can_widen(many(from), many(to)), "arrays of {from} to {to}");
            assert!(!can_widen(one(from), many(to)) && !can_widen(many(from), one(to)));
        }
        assert!(!can_widen(one(Int64), one(String)) && !can_widen(one(Int64), one(Int64)));
    }
}
