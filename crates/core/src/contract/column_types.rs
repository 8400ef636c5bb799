//! Checks that an export can have each column's source type, and that a column of this source type
//! can have the BigQuery type. Without this check, the table would be held on the first day.
//!
//! A contract does not name the engine. Most of its tables and source types exist in one engine
//! only; where they do not decide, a type is possible if it is possible in one of the engines.

use super::{ColumnContract, Contract, Mode, TableContract, Transform};
use crate::{
    plan::{SourceColumn, columns::plan_column},
    rewrite::Action,
    types::{
        BigQueryType, ColumnType, Engine, ParquetColumn, TextForm, TimeRules, array_element,
        catalogue_name, export_forms, is_array, is_extension_type, misspelt, text_form,
    },
    yaml::{KeyPath, Violation},
};

/// All engines.
const ALL: [Engine; 2] = [Engine::Postgres, Engine::Mysql];

/// The types that a column of a source type of which nothing is known can have: RDS exports it as
/// text, or as bytes like a geometry.
const UNKNOWN: [BigQueryType; 2] = [BigQueryType::String, BigQueryType::Bytes];

/// The engines that the database of a contract may have.
pub(super) struct Engines(Vec<Engine>);

impl Engines {
    /// Decides by the names that exist in one engine only: a schema `public`, which MySQL databases
    /// are hardly ever named, and source types.
    pub(super) fn of(contract: &Contract) -> Self {
        /// So many columns count as much as one schema `public`.
        const PUBLIC: usize = 4;
        let mut votes = [0; 2];
        for (name, table) in &contract.tables {
            votes[0] += if name.starts_with("public.") { PUBLIC } else { 0 };
            for column in table.columns.values() {
                match ALL.map(|engine| catalogue_name(engine, &column.source).is_some()) {
                    [true, false] => votes[0] += 1,
                    [false, true] => votes[1] += 1,
                    _ => {}
                }
            }
        }
        Self(match votes {
            [postgres, mysql] if postgres >= PUBLIC * mysql && postgres > 0 => vec![ALL[0]],
            [postgres, mysql] if mysql >= PUBLIC * postgres && mysql > 0 => vec![ALL[1]],
            _ => ALL.into(),
        })
    }

    /// Those that have the source type.
    fn with(&self, source: &str) -> Vec<Engine> {
        let known = |engine: &&Engine| catalogue_name(**engine, source).is_some();
        self.0.iter().filter(known).copied().collect()
    }
}

/// Adds a violation for each column of `table` whose types are impossible.
pub(super) fn check(
    engines: &Engines,
    table: &TableContract,
    path: &KeyPath,
    problems: &mut Vec<Violation>,
) {
    for (name, column) in &table.columns {
        let path = path.key("columns").key(name);
        let problem = unknown_source(engines, name, column, &path)
            .or_else(|| impossible_transform(engines, name, column, &path))
            .or_else(|| impossible_type(engines, name, column, &path));
        problems.extend(problem);
    }
}

/// The violation of a source type that is of another engine or probably misspelt, or of such a
/// type of an array's elements.
fn unknown_source(
    engines: &Engines,
    name: &str,
    column: &ColumnContract,
    path: &KeyPath,
) -> Option<Violation> {
    let (source, suffix) = match array_element(&column.source) {
        Some((element, dimensions)) => (element, "[]".repeat(dimensions)),
        None => (column.source.as_str(), String::new()),
    };
    if !engines.with(source).is_empty() {
        return None;
    }
    let path = path.key("source");
    let of_engine = |engine: &Engine| catalogue_name(*engine, source).is_some();
    // PostGIS has types with names of MySQL.
    let other = ALL.into_iter().find(of_engine).filter(|_| !is_extension_type(source));
    if let (Some(other), [of_contract]) = (other, engines.0.as_slice()) {
        let what = format!(
            "column `{name}` has the source type `{source}` of {}, and the contract is of {}",
            other.title(),
            of_contract.title()
        );
        let help = "write the type as the catalogue of the database does: see docs/types.md";
        return Some(Violation::new(path, what).help(help));
    }
    let meant = match misspelt(&engines.0, source)? {
        meant @ ("array" | "user-defined") => meant.to_ascii_uppercase(),
        meant => format!("{meant}{suffix}"),
    };
    let what = format!("column `{name}` has an unknown source type `{}`", column.source);
    Some(Violation::new(path, what).help(format!("did you mean `{meant}`?")))
}

/// Whether values of the source type can be tokenised, in every engine that has the type.
pub(super) fn can_be_tokenised(source: &str) -> bool {
    let mut engines = ALL.into_iter().filter(|engine| catalogue_name(*engine, source).is_some());
    engines.all(|engine| {
        export_forms(engine, source, false).iter().any(ParquetColumn::can_be_tokenised)
    })
}

/// The violation of a column that cannot be tokenised.
fn impossible_transform(
    engines: &Engines,
    name: &str,
    column: &ColumnContract,
    path: &KeyPath,
) -> Option<Violation> {
    if column.transform != Some(Transform::Tokenise) {
        return None;
    }
    let engines = engines.with(&column.source);
    let mut forms = engines.iter().flat_map(|engine| export_forms(*engine, &column.source, false));
    if engines.is_empty() || forms.any(|form| form.can_be_tokenised()) {
        return None;
    }
    let what =
        format!("column `{name}` cannot be tokenised: its source type is `{}`", column.source);
    Some(Violation::new(path.key("transform"), what).help(
        "tokens replace text, bytes and whole numbers; write `transform: set_null` or `transform: drop`",
    ))
}

/// The violation of a column that cannot have its BigQuery type.
fn impossible_type(
    engines: &Engines,
    name: &str,
    column: &ColumnContract,
    path: &KeyPath,
) -> Option<Violation> {
    // A dropped column has no type; one of NULLs and one of tokens is in no file as it was.
    if column.transform.is_some() {
        return None;
    }
    if is_possible(engines, column, true) {
        return None;
    }
    let possible = possible_types(engines, column);
    let source = &column.source;
    let of_mode = |mode: Mode| -> Vec<BigQueryType> {
        let same = possible.iter().filter(|it| it.repeated != mode.is_nullable());
        same.map(|it| it.ty).collect()
    };
    let ty = column.bigquery_type;
    if !column.mode.is_nullable() && of_mode(Mode::Repeated).is_empty() {
        let what = format!("column `{name}` cannot be an array: its source type is `{source}`");
        let one_of = use_one_of(&of_mode(Mode::Nullable));
        let help = format!("remove `mode: REPEATED`, and {one_of}");
        return Some(Violation::new(path.key("mode"), what).help(help));
    }
    if is_array(source) && column.mode.is_nullable() && of_mode(Mode::Repeated).contains(&ty) {
        let what =
            format!("column `{name}` is an array, and `type: {ty}` without `mode` is one value");
        let help = "add `mode: REPEATED`, or write `type: STRING` for the text of the array";
        return Some(Violation::new(path.key("type"), what).help(help));
    }
    let what = match ty {
        BigQueryType::Json => format!(
            "column `{name}` cannot be JSON: a load job reads JSON columns only from Avro, CSV and JSON files, and an export is Parquet"
        ),
        _ => format!(
            "column `{name}` cannot be {}: its source type is `{source}`",
            column.column_type()
        ),
    };
    let help = match (ty, of_mode(column.mode)) {
        (BigQueryType::Json, possible) if possible.contains(&BigQueryType::String) => {
            "use `STRING`; queries read it with JSON_VALUE or PARSE_JSON".to_owned()
        }
        (_, possible) => use_one_of(&possible),
    };
    Some(Violation::new(path.key("type"), what).help(help))
}

fn use_one_of(types: &[BigQueryType]) -> String {
    let names: Vec<String> = types.iter().map(|ty| format!("`{ty}`")).collect();
    match names.as_slice() {
        [only] => format!("use {only}"),
        _ => format!("use one of {}", names.join(", ")),
    }
}

/// The types that a column which is no domain can have, in the order of [`BigQueryType::ALL`].
fn possible_types(engines: &Engines, column: &ColumnContract) -> Vec<ColumnType> {
    let modes = [Mode::Nullable, Mode::Repeated];
    let all = modes.iter().flat_map(|mode| BigQueryType::ALL.map(|ty| (*mode, ty)));
    let wanted =
        all.map(|(mode, bigquery_type)| ColumnContract { mode, bigquery_type, ..column.clone() });
    let possible = wanted.filter(|wanted| is_possible(engines, wanted, false));
    possible.map(|it| it.column_type()).collect()
}

/// Whether [`plan_column`] gives the type of the contract to a column of one of the forms of an
/// export; `domains` are included.
fn is_possible(engines: &Engines, column: &ColumnContract, domains: bool) -> bool {
    let engines = engines.with(&column.source);
    if engines.is_empty() {
        return column.mode.is_nullable() && UNKNOWN.contains(&column.bigquery_type);
    }
    engines.iter().any(|engine| {
        let forms = export_forms(*engine, &column.source, domains);
        forms.into_iter().any(|parquet| gives_type(*engine, parquet, column))
    })
}

/// Whether a column that the export of `engine` writes as `parquet` gets the type of the contract.
fn gives_type(engine: Engine, parquet: ParquetColumn, column: &ColumnContract) -> bool {
    let exported = SourceColumn::new(parquet, &column.source);
    plan_column(&exported, Some(column), &TimeRules::default()).is_ok_and(|plan| {
        plan.column_type == Some(column.column_type())
            && can_be_read(&plan.action, column, text_form(engine, &column.source))
    })
}

/// Whether text in this form can be read as what the action makes of it.
fn can_be_read(action: &Action, column: &ColumnContract, form: TextForm) -> bool {
    let Action::Retype { to, .. } = action else { return true };
    match (to.element().is_some(), is_array(&column.source)) {
        (true, false) => form == TextForm::Free,
        // The text of an array has the form of no single value.
        (false, true) => column.bigquery_type == BigQueryType::String,
        _ => form.can_be(column.bigquery_type),
    }
}

impl Contract {
    /// The engine of the source, by names and types that exist in one engine only; `None` if they do
    /// not decide.
    pub fn engine(&self) -> Option<Engine> {
        match Engines::of(self).0.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The columns whose types are possible only if the column is a domain of PostgreSQL: the key of
    /// the table, and the column's name. An export writes domains as text and has their base type in
    /// its manifest, so a contract cannot distinguish them. If such a column is none of a domain, its
    /// table is held.
    pub fn columns_of_domains(&self) -> Vec<(&str, &str)> {
        let engines = Engines::of(self);
        let columns = self.tables.iter().flat_map(|(table, entry)| {
            entry.columns.iter().map(move |(name, column)| (table, name, column))
        });
        let is_of_domain = |column: &ColumnContract| {
            column.transform.is_none()
                && is_possible(&engines, column, true)
                && !is_possible(&engines, column, false)
        };
        let of_domains = columns.filter(|(.., column)| is_of_domain(column));
        of_domains.map(|(table, name, _)| (table.as_str(), name.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::config::{self, Config};
    use crate::contract::{self, ColumnContract};

    fn config() -> Config {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        config::parse(config::FILE_NAME, text).expect("the demo's file is valid")
    }

    /// A contract of one table with these columns, one per line: `name: source → type [mode]`.
    fn contract(table: &str, columns: &str) -> String {
        let lines = columns.lines().filter(|line| !line.trim().is_empty()).map(|line| {
            let (name, rest) = line.trim().split_once(": ").expect("a name");
            let (source, rest) = rest.split_once(" → ").expect("a source type");
            let (ty, rest) = rest.split_once(", ").map_or((rest, ""), |(ty, rest)| (ty, rest));
            let rest = if rest.is_empty() { String::new() } else { format!(", {rest}") };
            let source = source.replace('"', "\\\"");
            format!("      {name}: {{ source: \"{source}\", type: {ty}{rest}, class: none }}\n")
        });
        format!("version: 1\ntables:\n  {table}:\n    columns:\n{}", lines.collect::<String>())
    }

    fn check(table: &str, columns: &str, expect: Expect) {
        let text = contract(table, columns);
        let found = match contract::parse(contract::FILE_NAME, &text, &config()) {
            Ok(_) => "good".to_owned(),
            Err(errors) => errors.to_string(),
        };
        expect.assert_eq(&found);
    }

    /// A newcomer's contract: each of these columns was accepted, and held its table on day one.
    #[test]
    fn impossible_types_are_refused_with_what_is_possible() {
        check(
            "public.people",
            "id: bigit → INT64
             created: bigint → DATE
             profile: jsonb → JSON
             count: bigint → JSON
             flag: boolean → STRING, mode: REPEATED
             price: money → NUMERIC
             wait: interval → TIME
             opened: time with time zone → TIME
             born: date → TIMESTAMP
             sizes: integer[] → INT64
             days: date[] → INT64, mode: REPEATED
             tags: txet[] → STRING, mode: REPEATED
             moved: datetime → TIMESTAMP
             kind: order_status → INT64
             bits: bit(4) → INT64
             boxes: box[] → STRING, mode: REPEATED",
            expect![[r#"
                contract.yaml:5:21: column `id` has an unknown source type `bigit`; did you mean `bigint`?
                contract.yaml:6:42: column `created` cannot be DATE: its source type is `bigint`; use `INT64`
                contract.yaml:7:41: column `profile` cannot be JSON: a load job reads JSON columns only from Avro, CSV and JSON files, and an export is Parquet; use `STRING`; queries read it with JSON_VALUE or PARSE_JSON
                contract.yaml:8:40: column `count` cannot be JSON: a load job reads JSON columns only from Avro, CSV and JSON files, and an export is Parquet; use `INT64`
                contract.yaml:9:54: column `flag` cannot be an array: its source type is `boolean`; remove `mode: REPEATED`, and use `BOOL`
                contract.yaml:10:39: column `price` cannot be NUMERIC: its source type is `money`; use `STRING`
                contract.yaml:11:41: column `wait` cannot be TIME: its source type is `interval`; use `STRING`
                contract.yaml:12:54: column `opened` cannot be TIME: its source type is `time with time zone`; use `STRING`
                contract.yaml:13:37: column `born` cannot be TIMESTAMP: its source type is `date`; use one of `STRING`, `DATE`
                contract.yaml:14:43: column `sizes` is an array, and `type: INT64` without `mode` is one value; add `mode: REPEATED`, or write `type: STRING` for the text of the array
                contract.yaml:15:39: column `days` cannot be ARRAY<INT64>: its source type is `date[]`; use one of `STRING`, `DATE`
                contract.yaml:16:23: column `tags` has an unknown source type `txet[]`; did you mean `text[]`?
                contract.yaml:17:24: column `moved` has the source type `datetime` of MySQL or MariaDB, and the contract is of PostgreSQL; write the type as the catalogue of the database does: see docs/types.md
                contract.yaml:18:45: column `kind` cannot be INT64: its source type is `order_status`; use one of `STRING`, `BYTES`
                contract.yaml:19:39: column `bits` cannot be INT64: its source type is `bit(4)`; use one of `STRING`, `BYTES`, `BOOL`
                contract.yaml:20:53: column `boxes` cannot be an array: its source type is `box[]`; remove `mode: REPEATED`, and use `STRING`
                16 errors in contract.yaml"#]],
        );
    }

    #[test]
    fn possible_types_are_accepted() {
        check(
            "public.people",
            "id: bigint → INT64
             small: int2 → INT64
             domain: integer → STRING
             email: character varying(120) → STRING
             text_day: text → DATE
             born: date → DATE
             at: timestamptz → TIMESTAMP
             amount: numeric(12,2) → NUMERIC
             whole: numeric → INT64
             big: numeric → BIGNUMERIC
             flag: bit → BOOL
             flags: bit → BYTES
             more: bit varying → STRING
             raw: bytea → BYTES
             kind: USER-DEFINED → STRING
             mood: order_status → STRING
             place: geometry → STRING
             tags: ARRAY → STRING, mode: REPEATED
             sizes: integer[] → INT64, mode: REPEATED
             text_of_array: ARRAY → STRING
             matrix: integer[][] → STRING",
            expect!["good"],
        );
        check(
            "shop.orders",
            "id: bigint unsigned → NUMERIC
             small: tinyint → INT64
             code: char → STRING
             amount: decimal → NUMERIC
             long: decimal → STRING
             at: datetime → TIMESTAMP
             hour: time → TIME
             raw: blob → BYTES
             place: point → BYTES",
            expect!["good"],
        );
    }

    #[test]
    fn mysql_has_no_domains() {
        check(
            "shop.orders",
            "id: bigint unsigned → INT64
             code: tinyint → STRING
             flag: tinyint(1) → BOOL
             place: point → STRING
             doc: json → JSON
             amount: decimal → INT64
             at: datetime → DATE",
            expect![[r#"
                contract.yaml:5:46: column `id` cannot be INT64: its source type is `bigint unsigned`; use `NUMERIC`
                contract.yaml:6:40: column `code` cannot be STRING: its source type is `tinyint`; use `INT64`
                contract.yaml:7:43: column `flag` cannot be BOOL: its source type is `tinyint(1)`; use `INT64`
                contract.yaml:8:39: column `place` cannot be STRING: its source type is `point`; use `BYTES`
                contract.yaml:9:36: column `doc` cannot be JSON: a load job reads JSON columns only from Avro, CSV and JSON files, and an export is Parquet; use `STRING`; queries read it with JSON_VALUE or PARSE_JSON
                contract.yaml:10:42: column `amount` cannot be INT64: its source type is `decimal`; use one of `STRING`, `NUMERIC`, `BIGNUMERIC`
                contract.yaml:11:39: column `at` cannot be DATE: its source type is `datetime`; use one of `DATETIME`, `TIMESTAMP`
                7 errors in contract.yaml"#]],
        );
    }

    #[test]
    fn what_the_transform_replaces_may_have_any_type() {
        check(
            "public.people",
            "a: bigint → DATE, transform: drop
             b: jsonb → JSON, transform: set_null
             c: boolean → STRING, transform: tokenise
             d: numeric → STRING, transform: tokenise
             e: text → STRING",
            expect![[r#"
                contract.yaml:7:56: column `c` cannot be tokenised: its source type is `boolean`; tokens replace text, bytes and whole numbers; write `transform: set_null` or `transform: drop`
                1 error in contract.yaml"#]],
        );
    }

    #[test]
    fn columns_that_must_be_domains_are_listed() {
        let text = contract(
            "public.people",
            "id: bigint → STRING\nscore: integer → INT64\nborn: date → DATE\n",
        );
        let contract = contract::parse(contract::FILE_NAME, &text, &config()).expect("valid");
        assert_eq!(contract.columns_of_domains(), [("public.people", "id")]);
    }

    /// What `contract propose` writes is possible.
    #[test]
    fn the_natural_type_of_every_known_type_is_possible() {
        use crate::types::{
            OriginalColumn, SOURCE_TYPES, exported_column, load_mapping, natural_type,
        };
        for (engine, names) in SOURCE_TYPES {
            for name in names.iter().filter(|name| **name != "array") {
                let original = OriginalColumn {
                    original_type: (*name).to_owned(),
                    ..OriginalColumn::default()
                };
                let landing = load_mapping(&exported_column(engine, &original), name).unwrap();
                let bigquery_type = match landing.ty {
                    BigQueryType::String => natural_type(engine, &original, &TimeRules::default()),
                    ty => ty,
                };
                let column = ColumnContract::new(*name, bigquery_type, "none");
                assert!(
                    is_possible(&Engines(vec![engine]), &column, false),
                    "{engine:?} {name} → {bigquery_type}"
                );
            }
        }
    }

    #[test]
    fn the_engine_is_that_of_most_names() {
        use Engine::{Mysql, Postgres};
        let both = &[Postgres, Mysql][..];
        for (tables, engines) in [
            (&[("shop.a", &["bigint"][..])][..], both),
            (&[("public.a", &["bigint"])], &[Postgres]),
            (&[("shop.a", &["jsonb"])], &[Postgres]),
            (&[("shop.a", &["datetime"])], &[Mysql]),
            // So many of one engine as make a name of the other a mistake.
            (&[("shop.a", &["jsonb", "datetime"])], both),
            (&[("shop.a", &["jsonb", "inet", "uuid", "jsonb", "datetime"])], both),
            (&[("public.a", &["datetime"])], &[Postgres]),
            (&[("public.a", &["datetime", "datetime"])], both),
            (&[("public.a", &["datetime"]), ("public.b", &["datetime"])], &[Postgres]),
            (&[("s.a", &["datetime", "mediumint", "tinyblob", "year", "jsonb"])], &[Mysql]),
            (&[("s.a", &["datetime", "mediumint", "tinyblob", "jsonb"])], both),
            (&[], both),
        ] {
            let mut contract = Contract::of_no_table();
            for (name, sources) in tables {
                let columns = sources.iter().enumerate().map(|(at, source)| {
                    let column = ColumnContract::new(*source, BigQueryType::String, "none");
                    (format!("c{at}"), column)
                });
                let columns = columns.collect();
                let table = TableContract { columns, ..TableContract::default() };
                contract.tables.insert((*name).to_owned(), table);
            }
            assert_eq!(Engines::of(&contract).0, engines, "{tables:?}");
        }
    }
}
