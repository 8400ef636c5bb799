//! A contract from a database's catalogue: one that `landbridge check` takes as it is.

use std::collections::BTreeMap;

use landbridge_core::config::Config;
use landbridge_core::contract::{Contract, Mode, ProposedColumn, ProposedTable, table_name};
use landbridge_core::ids::{ColumnName, short_hash};
use landbridge_core::types::{self, BigQueryType, Original};
use landbridge_local_database::{Column, EngineFamily, ExternalDatabase, SourceDatabase, Table};

use crate::failure::{Failure, Result};

/// What a column does to its table while its name is one that BigQuery cannot take.
const WAITS: &str = "no day carries its table until it is renamed in the source";

/// Digits of a hash that tell two tables of one name apart.
const APART: usize = 8;

/// A contract that is proposed.
#[derive(Debug)]
pub(crate) struct Proposal {
    /// The contract, without a fault.
    pub(crate) contract: Contract,
    /// Tables and columns of the database that it does not name, each with the reason.
    pub(crate) left_out: Vec<String>,
}

/// What of a database a contract can name.
struct Catalogue {
    tables: Vec<ProposedTable>,
    left_out: Vec<String>,
}

/// Connects to a real database.
pub(crate) async fn connect(url: &str) -> Result<ExternalDatabase> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("postgres" | "postgresql" | "mysql" | "mariadb")) {
        // The address itself is not repeated: it may hold a password.
        return Err(Failure::Usage(
            "a source is written postgres://user:password@host:port/database or \
             mysql://user:password@host:port/database; other databases are not read"
                .to_owned(),
        ));
    }
    Ok(ExternalDatabase::connect(&with_database(url)).await?)
}

/// The address with its database: one of PostgreSQL that names none means the database
/// called like its user (PostgreSQL documentation, "Database Connection Control Functions"). Said outright,
/// an error names what was tried.
fn with_database(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut parsed)
            if parsed.scheme().starts_with("postgres")
                && matches!(parsed.path(), "" | "/")
                && !parsed.username().is_empty()
                && !parsed.query_pairs().any(|(name, _)| name == "dbname") =>
        {
            let user = parsed.username().to_owned();
            parsed.set_path(&user);
            parsed.into()
        }
        // What is wrong with an address is for the client to say.
        _ => url.to_owned(),
    }
}

/// Proposes a contract for a database: what `base` says, and what the database holds beyond.
///
/// Only its catalogue is read.
///
/// # Errors
/// [`Failure::Failed`] when the database cannot be read, or holds nothing to carry.
pub(crate) async fn propose(
    source: &ExternalDatabase,
    base: Contract,
    config: &Config,
) -> Result<Proposal> {
    let tables = source.tables().await?;
    of_tables(source.engine().family(), source.name(), &tables, base, config)
}

fn of_tables(
    flavour: EngineFamily,
    database: &str,
    tables: &[Table],
    base: Contract,
    config: &Config,
) -> Result<Proposal> {
    let Catalogue { tables, left_out } = catalogue(flavour, tables, &base);
    if tables.is_empty() {
        let why = if left_out.is_empty() { "" } else { ": " };
        return Err(Failure::Failed(format!(
            "the database `{database}` has no tables that can be carried{why}{}",
            left_out.join("; ")
        )));
    }
    let mut contract = base.clone();
    contract.extend(&tables, config);
    name_apart(&mut contract, &base, database);
    // What is written out must be what is read back, whatever a database may hold.
    if let Some(problem) = contract.validate(config).first() {
        return Err(Failure::Failed(format!(
            "no contract can be proposed for the database `{database}`: {problem}"
        )));
    }
    Ok(Proposal { contract, left_out })
}

fn catalogue(flavour: EngineFamily, tables: &[Table], base: &Contract) -> Catalogue {
    let mut found = Catalogue { tables: Vec::new(), left_out: Vec::new() };
    for table in tables {
        let name = format!("{}.{}", table.schema, table.name);
        if let Some(reason) = &table.skip_reason {
            found.left_out.push(format!("{name}: {reason}"));
        } else if let Some(parent) = &table.partition_of {
            found.left_out.push(format!("{name}: a partition, carried with {parent}"));
        } else {
            let columns = columns(flavour, table, &name, base, &mut found.left_out);
            found.tables.push(ProposedTable {
                schema: table.schema.clone(),
                name: table.name.clone(),
                columns,
            });
        }
    }
    // A contract cannot hold a table without columns, nor could BigQuery.
    found.tables.retain(|table| !table.columns.is_empty());
    found
}

fn columns(
    flavour: EngineFamily,
    table: &Table,
    name: &str,
    base: &Contract,
    left_out: &mut Vec<String>,
) -> Vec<ProposedColumn> {
    let engine = match flavour {
        EngineFamily::Postgres => types::Engine::Postgres,
        EngineFamily::MySql => types::Engine::Mysql,
    };
    // To BigQuery, letter case does not tell columns apart.
    let known = base.tables.get(name).into_iter().flat_map(|table| table.columns.keys());
    let mut taken: BTreeMap<String, String> =
        known.map(|column| (column.to_ascii_lowercase(), column.clone())).collect();
    let mut columns = Vec::new();
    for column in &table.columns {
        let mut leave_out =
            |reason: &str| left_out.push(format!("{name}.{}: {reason}", column.name));
        if let Err(error) = ColumnName::new(column.name.as_str()) {
            leave_out(&format!("{}; {WAITS}", error.what()));
            continue;
        }
        let same = taken.entry(column.name.to_ascii_lowercase());
        let same = same.or_insert_with(|| column.name.clone());
        if *same != column.name {
            // Which of the two names is to change depends on where the other one is.
            let in_source = table.columns.iter().any(|other| other.name == *same);
            leave_out(&if in_source {
                format!("to BigQuery it is the same as `{same}`; {WAITS}")
            } else {
                format!("the contract calls it `{same}`; write it there as the source does")
            });
            continue;
        }
        let original = Original {
            name: column.name.clone(),
            original_type: column.original_type.clone(),
            precision: column.num_precision.unwrap_or(0),
            scale: column.num_scale,
            // Not as declared but as exported: a domain lands as the text it is written as.
            expected_exported: column.source_type.parquet_type().manifest_type(),
        };
        match types::landing(&types::exported(engine, &original), &column.original_type) {
            Ok(landing) => {
                let (bigquery_type, mode) = match landing.ty {
                    BigQueryType::String => meant(engine, column, &original),
                    ty => (ty, Mode::Nullable),
                };
                columns.push(ProposedColumn {
                    name: column.name.clone(),
                    source_type: column.original_type.clone(),
                    bigquery_type,
                    mode,
                });
            }
            Err(reason) => leave_out(&reason),
        }
    }
    columns
}

/// The type that text means in the source: the export writes dates, decimals and arrays so.
fn meant(engine: types::Engine, column: &Column, original: &Original) -> (BigQueryType, Mode) {
    let Some(element) = column.source_type.element() else {
        return (types::natural(engine, original), Mode::Nullable);
    };
    let (precision, scale) = element.numeric_precision();
    let element = Original {
        original_type: element.original_type(),
        precision: precision.unwrap_or(0),
        scale,
        ..original.clone()
    };
    (types::natural(engine, &element), Mode::Repeated)
}

/// Gives tables that `base` does not name another name in BigQuery where two would land in
/// one. Letter case does not tell them apart, and a name is taken both as it lands and as
/// `landbridge check` reads it, which does not know the database: without a `public` schema
/// it takes each schema for one of MySQL's, which leave no trace in the name.
fn name_apart(contract: &mut Contract, base: &Contract, database: &str) {
    let of_postgres = contract.tables.keys().any(|target| target.starts_with("public."));
    let names = |target: &str, given: Option<&String>| -> [String; 2] {
        let (schema, table) = target.split_once('.').unwrap_or(("", target));
        let read_as = if of_postgres { "" } else { schema };
        match given {
            Some(given) => [given.clone(), given.clone()],
            None => [table_name(database, schema, table), table_name(read_as, schema, table)],
        }
    };
    let is_old = |target: &String| base.tables.contains_key(target);
    let (old, new): (Vec<_>, Vec<_>) =
        contract.tables.iter_mut().partition(|(target, _)| is_old(target));
    let mut taken: BTreeMap<String, ()> = BTreeMap::new();
    let mut take = |names: &[String; 2]| {
        let names = names.each_ref().map(|name| name.to_ascii_lowercase());
        let free = names.iter().all(|name| !taken.contains_key(name));
        if free {
            taken.extend(names.map(|name| (name, ())));
        }
        free
    };
    for (target, table) in old {
        take(&names(target, table.table.as_ref()));
    }
    for (target, table) in new {
        let derived = names(target, None);
        if take(&derived) {
            continue;
        }
        let [landed, _] = derived;
        let hash: String = short_hash(target).chars().take(APART).collect();
        let apart = [landed.clone(), format!("{landed}_{hash}")];
        table.table = apart.into_iter().find(|name| take(&[name.clone(), name.clone()]));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use landbridge_core::config;
    use landbridge_core::contract::{self, Contract};
    use landbridge_local_database::Column;

    use super::*;

    fn demo_config() -> Config {
        let text = include_str!("../../../examples/demo/landbridge.yaml");
        config::load(config::FILE_NAME, text).unwrap()
    }

    fn nothing() -> Contract {
        Contract::propose(&[], &demo_config())
    }

    fn table(schema: &str, name: &str, columns: &[(&str, &str)]) -> Table {
        let column =
            |(name, ty): &(&str, &str)| Column::declared(EngineFamily::Postgres, name, ty).unwrap();
        Table::new(schema, name, columns.iter().map(column).collect())
    }

    /// The proposal as it is printed, which must be good as it stands.
    fn shown(tables: &[Table], base: Contract) -> String {
        let config = demo_config();
        let proposal = of_tables(EngineFamily::Postgres, "shop", tables, base, &config).unwrap();
        let text = proposal.contract.render();
        let read = contract::load(contract::FILE_NAME, &text, &config);
        assert_eq!(read.expect("it is good"), proposal.contract);
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let left_out = proposal.left_out.iter().map(|left_out| format!("left out: {left_out}"));
        lines.map(str::to_owned).chain(left_out).map(|line| line + "\n").collect()
    }

    #[test]
    fn partitions_and_skipped_tables_are_left_out_with_a_reason() {
        let mut part = table("public", "sales_2026", &[("id", "bigint")]);
        part.partition_of = Some("sales".to_owned());
        let mut scratch = table("public", "scratch", &[("id", "bigint")]);
        scratch.skip_reason = Some("it is unlogged".to_owned());
        let whole = table("public", "sales", &[("id", "bigint")]);
        expect![[r#"
            version: 1
            tables:
              "public.sales":
                columns:
                  id: { source: bigint, type: INT64, class: none }
            left out: public.sales_2026: a partition, carried with sales
            left out: public.scratch: it is unlogged
        "#]]
        .assert_eq(&shown(&[part, scratch, whole], nothing()));
    }

    #[test]
    fn columns_that_bigquery_cannot_take_are_left_out() {
        let columns = [
            ("id", "bigint"),
            ("계좌번호", "text"),
            ("the column", "text"),
            ("1st", "text"),
            ("_TABLE_x", "text"),
            ("Email", "text"),
            ("email", "text"),
        ];
        let only = table("public", "only", &[("이름", "text")]);
        expect![[r#"
            version: 1
            tables:
              "public.people":
                columns:
                  Email: { source: text, type: STRING, class: email }
                  id: { source: bigint, type: INT64, class: none }
            left out: public.people.계좌번호: a BigQuery column name holds ASCII letters, digits and underscores only; no day carries its table until it is renamed in the source
            left out: public.people.the column: a BigQuery column name holds ASCII letters, digits and underscores only; no day carries its table until it is renamed in the source
            left out: public.people.1st: a BigQuery column name does not start with a digit; no day carries its table until it is renamed in the source
            left out: public.people._TABLE_x: a BigQuery column name does not start with a reserved prefix; no day carries its table until it is renamed in the source
            left out: public.people.email: to BigQuery it is the same as `Email`; no day carries its table until it is renamed in the source
            left out: public.only.이름: a BigQuery column name holds ASCII letters, digits and underscores only; no day carries its table until it is renamed in the source
        "#]]
        .assert_eq(&shown(&[table("public", "people", &columns), only], nothing()));
    }

    #[test]
    fn a_domain_lands_as_the_text_that_the_export_writes() {
        let mut points = table("public", "points", &[("id", "integer"), ("score", "integer")]);
        points.columns[1].source_type = points.columns[1].source_type.clone().in_domain();
        expect![[r#"
            version: 1
            tables:
              "public.points":
                columns:
                  id: { source: integer, type: INT64, class: none }
                  score: { source: integer, type: INT64, class: none }
        "#]]
        .assert_eq(&shown(&[points], nothing()));
    }

    #[test]
    fn tables_of_one_name_are_told_apart() {
        let of = |schema, name| table(schema, name, &[("id", "bigint")]);
        expect![[r#"
            version: 1
            tables:
              "public.Base":
                columns:
                  id: { source: bigint, type: INT64, class: none }
              "public.base":
                table: base_61c5a45d
                columns:
                  id: { source: bigint, type: INT64, class: none }
              "public.고객 표":
                columns:
                  id: { source: bigint, type: INT64, class: none }
              "public.한글 표":
                table: _____99ac506b
                columns:
                  id: { source: bigint, type: INT64, class: none }
              "sales.base":
                columns:
                  id: { source: bigint, type: INT64, class: none }
              "shop.base":
                table: base_ddabdc33
                columns:
                  id: { source: bigint, type: INT64, class: none }
        "#]]
        .assert_eq(&shown(
            &[
                of("public", "Base"),
                of("public", "base"),
                of("public", "고객 표"),
                of("public", "한글 표"),
                of("shop", "base"),
                of("sales", "base"),
            ],
            nothing(),
        ));
    }

    #[test]
    fn without_a_public_schema_tables_of_one_name_are_told_apart_for_the_check() {
        let of = |schema, name| table(schema, name, &[("id", "bigint")]);
        expect![[r#"
            version: 1
            tables:
              "a.users":
                columns:
                  id: { source: bigint, type: INT64, class: none }
              "b.links":
                columns:
                  id: { source: bigint, type: INT64, class: none }
              "b.users":
                table: b__users
                columns:
                  id: { source: bigint, type: INT64, class: none }
        "#]]
        .assert_eq(&shown(&[of("a", "users"), of("b", "users"), of("b", "links")], nothing()));
    }

    #[test]
    fn what_people_wrote_stays_when_a_contract_is_extended() {
        let text = "version: 1\ntables:\n  public.old:\n    table: base\n    columns:\n      \
                    EMAIL: { source: text, type: STRING, class: email }\n";
        let base = contract::load(contract::FILE_NAME, text, &demo_config()).unwrap();
        let old = table("public", "old", &[("id", "bigint"), ("email", "text")]);
        expect![[r#"
            version: 1
            tables:
              "public.base":
                table: base_61c5a45d
                columns:
                  id: { source: bigint, type: INT64, class: none }
              "public.old":
                table: base
                columns:
                  EMAIL: { source: text, type: STRING, class: email }
                  id: { source: bigint, type: INT64, class: none }
            left out: public.old.email: the contract calls it `EMAIL`; write it there as the source does
        "#]]
        .assert_eq(&shown(&[old, table("public", "base", &[("id", "bigint")])], base));
    }

    #[test]
    fn a_database_without_tables_is_told_at_once() {
        let mut scratch = table("public", "scratch", &[("id", "bigint")]);
        scratch.skip_reason = Some("it is unlogged".to_owned());
        for (tables, told) in [
            (vec![], "the database `shop` has no tables that can be carried"),
            (
                vec![scratch],
                "the database `shop` has no tables that can be carried: public.scratch: it is unlogged",
            ),
        ] {
            let config = demo_config();
            let failure = of_tables(EngineFamily::Postgres, "shop", &tables, nothing(), &config);
            let failure = failure.expect_err("there is nothing to propose");
            assert!(matches!(failure, Failure::Failed(_)));
            assert_eq!(failure.to_string(), told);
        }
    }

    #[test]
    fn an_address_without_a_database_means_that_of_its_user() {
        for (address, means) in [
            ("postgres://me@host", "postgres://me@host/me"),
            ("postgres://me:a%2Fb@host:5433/", "postgres://me:a%2Fb@host:5433/me"),
            (
                "postgresql://me@[::1]?connect_timeout=3",
                "postgresql://me@[::1]/me?connect_timeout=3",
            ),
            ("postgres://me@host/shop", "postgres://me@host/shop"),
            ("postgres://me@host?dbname=shop", "postgres://me@host?dbname=shop"),
            ("postgres://host", "postgres://host"),
            ("postgres://me@a:1,b:2", "postgres://me@a:1,b:2"),
            // MySQL has no such rule.
            ("mysql://me@host", "mysql://me@host"),
        ] {
            assert_eq!(with_database(address), means);
        }
    }
}
