//! Proposes a contract from a database's catalogue. `landbridge check` accepts it unchanged.

use std::collections::BTreeMap;

use landbridge_core::config::Config;
use landbridge_core::contract::{
    ColumnContract, ColumnOrder, Contract, Mode, ProposedColumn, ProposedTable, Reason, Samples,
    TableContract, default_table_name,
};
use landbridge_core::ids::short_hash;
use landbridge_core::names::columns::{LandedColumns, name_columns};
use landbridge_core::names::{ColumnNames, check_table, folded};
use landbridge_core::personal::Evidence;
use landbridge_core::types::{self, BigQueryType, OriginalColumn, TimeRules};

use crate::catalogue::{Column, Table};
use crate::database::Database;
use crate::engine::EngineFamily;
use crate::error::SourceError;
use crate::postgres::numeric_size;
use crate::sample::{Observer, SampleLimits};

/// `expectedExportedType` in the manifest of a column that an export writes as text.
const EXPORTED_AS_TEXT: &str = "binary (UTF8)";

/// What a manifest writes for the types that people define.
const USER_DEFINED: &str = "USER-DEFINED";

/// Number of digits of the hash that distinguishes two tables of the same name.
const HASH_DIGITS: usize = 8;

/// A proposed contract.
#[derive(Debug)]
pub struct Proposal {
    /// The contract, which has no validation errors.
    pub contract: Contract,
    /// The columns of each table in the order of the database.
    pub order: ColumnOrder,
    /// Tables and columns of the database that the contract leaves out, each with the reason.
    pub left_out: Vec<String>,
    /// Why each new column has its class.
    pub reasons: Vec<Reason>,
    /// Tables of which no sample could be read, each with the reason.
    pub not_sampled: Vec<String>,
}

impl Proposal {
    /// The contract as YAML. The columns of a table are in the order of `first`, the file that the
    /// proposal extends, and then in that of the table.
    pub fn render(&self, mut first: ColumnOrder) -> String {
        for (table, columns) in &self.order {
            let order = first.entry(table.clone()).or_default();
            let new = columns.iter().filter(|column| !order.contains(column));
            let new: Vec<String> = new.cloned().collect();
            order.extend(new);
        }
        self.contract.render_in_order(&first)
    }
}

/// Why no contract can be proposed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProposalError {
    /// The catalogue cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// No table of the database can be transferred.
    #[error("the database `{database}` has no tables that can be transferred{}", reasons(.left_out))]
    NoTables {
        /// The database's name.
        database: String,
        /// The tables and columns that were left out, each with the reason.
        left_out: Vec<String>,
    },
    /// The proposed contract would be invalid.
    #[error("cannot propose a contract for the database `{database}`: {problem}")]
    Invalid {
        /// The database's name.
        database: String,
        /// The first validation error.
        problem: String,
    },
}

fn reasons(left_out: &[String]) -> String {
    if left_out.is_empty() { String::new() } else { format!(": {}", left_out.join("; ")) }
}

/// Proposes a contract for a database: `base`, extended by the tables and columns that `base`
/// does not name. Reads the catalogue and, with `limits`, some rows of each table, whose values
/// stay in memory and are only counted by their form.
///
/// # Errors
/// Any [`ProposalError`].
pub async fn propose(
    database: &Database,
    base: Contract,
    config: &Config,
    limits: Option<SampleLimits>,
) -> Result<Proposal, ProposalError> {
    let tables = database.tables().await?;
    let (samples, failed) = sample(database, &tables, limits).await?;
    let (family, name) = (database.engine().family(), database.name());
    let proposal = propose_for_tables(family, name, &tables, base, &samples, config)?;
    Ok(Proposal { not_sampled: failed, ..proposal })
}

/// What samples of the values of tables look like, and the tables of which no sample could be read, each
/// with the reason. Without `limits`, no row is read.
///
/// # Errors
/// Any [`SourceError`] of the connection.
pub async fn sample(
    database: &Database,
    tables: &[Table],
    limits: Option<SampleLimits>,
) -> Result<(Samples, Vec<String>), SourceError> {
    let mut sampler = Sampler { tables, samples: Samples::new(), failed: Vec::new() };
    if let Some(limits) = limits {
        // A partition's rows are read with its parent, and a skipped table may not be readable.
        database.sample(tables, limits, &mut sampler).await?;
    }
    Ok((sampler.samples, sampler.failed))
}

/// Counts the forms of the values of each column.
struct Sampler<'a> {
    tables: &'a [Table],
    samples: Samples,
    failed: Vec<String>,
}

impl Observer for Sampler<'_> {
    fn value(&mut self, table: usize, column: usize, value: &str) {
        let table = &self.tables[table];
        let columns = self.samples.entry(source_name(table)).or_default();
        let name = &table.columns[column].name;
        if !columns.contains_key(name) {
            columns.insert(name.clone(), Evidence::default());
        }
        let Some(evidence) = columns.get_mut(name) else { return };
        if table.columns[column].is_array() {
            evidence.observe_array(value)
        } else {
            evidence.observe(value)
        }
    }

    fn failed(&mut self, table: usize, error: &SourceError) {
        let table = &self.tables[table];
        if table.skip_reason.is_none() {
            self.failed.push(format!("{}: {error}", source_name(table)));
        }
    }
}

fn propose_for_tables(
    family: EngineFamily,
    database: &str,
    tables: &[Table],
    base: Contract,
    samples: &Samples,
    config: &Config,
) -> Result<Proposal, ProposalError> {
    let style = config.warehouse.column_names;
    let found = tables;
    let Transferable { tables, mut left_out } = transferable(family, tables, &base, config);
    if tables.is_empty() {
        return Err(ProposalError::NoTables { database: database.to_owned(), left_out });
    }
    let mut contract = base.clone();
    let mut reasons = contract.add_missing(&tables, samples, config);
    for name in leave_out_emptied(&mut contract, &base) {
        reasons.retain(|reason| reason.table != name);
        left_out.push(format!("{name}: all its columns stay in AWS by default; list the other tables in `export.only` of landbridge.yaml, or add the table with `legal_basis`"));
    }
    rename_duplicates(&mut contract, &base, database);
    name_new_columns(&mut contract, &base, found, style);
    // The contract must be valid when it is read again, whatever the database contains.
    if let Some(problem) = contract.validate(config).first() {
        let problem = problem.to_string();
        return Err(ProposalError::Invalid { database: database.to_owned(), problem });
    }
    let columns = |table: &Table| column_names(table).into_iter().map(str::to_owned).collect();
    let order = found.iter().map(|table| (source_name(table), columns(table))).collect();
    Ok(Proposal { contract, order, left_out, reasons, not_sampled: Vec::new() })
}

/// Removes the new tables no column of which would leave AWS: a contract names no such table.
fn leave_out_emptied(contract: &mut Contract, base: &Contract) -> Vec<String> {
    let is_emptied = |name: &String, table: &TableContract| {
        !base.tables.contains_key(name)
            && !table.columns.is_empty()
            && table.columns.values().all(ColumnContract::stays_in_aws)
    };
    let emptied = contract.tables.iter().filter(|(name, table)| is_emptied(name, table));
    let emptied: Vec<String> = emptied.map(|(name, _)| name.clone()).collect();
    contract.tables.retain(|name, _| !emptied.contains(name));
    emptied
}

/// Why an export does not contain a table with these names; `None` if it does. Such a table would be in
/// the contract and never in BigQuery.
///
/// Amazon RDS User Guide, "Exporting DB snapshot data to Amazon S3", "Limitations": tables with one of
/// these characters in a column name, or with a slash in their own, are skipped.
fn not_exported(table: &Table) -> Option<String> {
    const IN_COLUMNS: [char; 10] = [',', ';', '{', '}', '(', ')', '\n', '\t', '=', ' '];
    if table.name.contains('/') {
        return Some(
            "RDS does not export it, because its name contains `/`; rename it in the source"
                .to_owned(),
        );
    }
    let column = table.columns.iter().find(|column| column.name.contains(IN_COLUMNS))?;
    // Debug format shows a tab or a line break.
    Some(format!(
        "RDS does not export it, because the name of its column {:?} contains one of `, ; {{ }} ( ) =`, a space, a tab or a line break; rename the column in the source",
        column.name
    ))
}

/// The part of a database that a contract can name.
struct Transferable {
    tables: Vec<ProposedTable>,
    left_out: Vec<String>,
}

fn transferable(
    family: EngineFamily,
    tables: &[Table],
    base: &Contract,
    config: &Config,
) -> Transferable {
    let mut found = Transferable { tables: Vec::new(), left_out: Vec::new() };
    for table in tables {
        let name = format!("{}.{}", table.schema, table.name);
        if let Some(reason) = table.skip_reason.clone().or_else(|| not_exported(table)) {
            found.left_out.push(format!("{name}: {reason}"));
        } else if let Some(parent) = &table.partition_of {
            found.left_out.push(format!("{name}: a partition, transferred with {parent}"));
        } else {
            let columns = columns(family, table, base, config, &mut found.left_out);
            found.tables.push(ProposedTable {
                schema: table.schema.clone(),
                name: table.name.clone(),
                columns,
            });
        }
    }
    // Neither a contract nor BigQuery has tables without columns.
    found.tables.retain(|table| !table.columns.is_empty());
    found
}

fn columns(
    family: EngineFamily,
    table: &Table,
    base: &Contract,
    config: &Config,
    left_out: &mut Vec<String>,
) -> Vec<ProposedColumn> {
    let engine = match family {
        EngineFamily::Postgres => types::Engine::Postgres,
        EngineFamily::MySql => types::Engine::Mysql,
    };
    let known = base.tables.get(&source_name(table));
    let rules = TimeRules::of(config, known);
    let style = config.warehouse.column_names;
    let named = name_columns(&column_names(table), known, &LandedColumns::new(), style, true);
    let mut columns = Vec::new();
    for (column, named) in table.columns.iter().zip(named) {
        // An entry that differs in letter case only describes the column already.
        if let Some(key) = named.key.filter(|key| *key != column.name) {
            if family == EngineFamily::Postgres {
                left_out.push(format!(
                    "{}.{}: the contract names it `{key}`; write the name as the source does",
                    source_name(table),
                    column.name
                ));
            }
            continue;
        }
        match propose_column(engine, column, &rules) {
            Ok(proposed) => columns.push(proposed),
            Err(reason) => {
                left_out.push(format!("{}.{}: {reason}", source_name(table), column.name));
            }
        }
    }
    columns
}

/// `schema.table`.
fn source_name(table: &Table) -> String {
    format!("{}.{}", table.schema, table.name)
}

fn column_names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|column| column.name.as_str()).collect()
}

/// Writes the BigQuery name of each new column that cannot have its own.
fn name_new_columns(
    contract: &mut Contract,
    base: &Contract,
    tables: &[Table],
    style: ColumnNames,
) {
    for table in tables {
        let name = source_name(table);
        let Some(entry) = contract.tables.get_mut(&name) else { continue };
        let sources = column_names(table);
        let named = name_columns(&sources, Some(entry), &LandedColumns::new(), style, true);
        let is_known = |source: &str| {
            base.tables.get(&name).is_some_and(|known| known.columns.contains_key(source))
        };
        for (source, named) in sources.into_iter().zip(named) {
            if named.name != source
                && !is_known(source)
                && let Some(column) = entry.columns.get_mut(source)
            {
                column.name = Some(named.name);
            }
        }
    }
}

/// # Errors
/// The reason why BigQuery has no type for the column.
fn propose_column(
    engine: types::Engine,
    column: &Column,
    rules: &TimeRules,
) -> Result<ProposedColumn, String> {
    // An export writes domains as text, whatever their base type.
    let as_text = column.is_domain;
    let original = OriginalColumn {
        name: column.name.clone(),
        original_type: column.data_type.clone(),
        precision: column.numeric_precision.unwrap_or(0),
        scale: column.numeric_scale,
        expected_exported: if as_text { EXPORTED_AS_TEXT.to_owned() } else { String::new() },
    };
    if column.is_array() {
        return Ok(propose_array(column, rules));
    }
    let landing =
        types::load_mapping(&types::exported_column(engine, &original), &column.data_type)?;
    let bigquery_type = match landing.ty {
        // Of one bit, the text is `0` or `1`.
        BigQueryType::String if column.data_type == "bit" && column.declaration == "bit(1)" => {
            BigQueryType::Bool
        }
        BigQueryType::String => types::natural_type(engine, &original, rules),
        _ if types::is_naive_time(engine, &column.data_type) => rules.default_type(),
        ty => ty,
    };
    Ok(ProposedColumn {
        name: column.name.clone(),
        source_type: column.data_type.clone(),
        bigquery_type,
        mode: Mode::Nullable,
    })
}

/// An array of PostgreSQL gets the type of its elements. One that is declared with several
/// dimensions becomes JSON text, because BigQuery has no arrays of arrays.
fn propose_array(column: &Column, rules: &TimeRules) -> ProposedColumn {
    let (declared, _) = types::array_element(&column.declaration).unwrap_or_default();
    // Enumerations, composites and domains have no name of a catalogue: their values are text.
    let element = types::catalogue_name(types::Engine::Postgres, declared).unwrap_or(USER_DEFINED);
    let size = if element == "numeric" { numeric_size(declared) } else { None };
    let original = OriginalColumn {
        original_type: element.to_owned(),
        precision: size.map_or(0, |(precision, _)| precision),
        scale: size.map(|(_, scale)| scale),
        ..OriginalColumn::default()
    };
    // The elements of `box[]` contain commas, so its text cannot be split.
    let is_list = column.array_dimensions <= 1 && element != "box";
    let (bigquery_type, mode) = match is_list {
        true => (types::natural_type(types::Engine::Postgres, &original, rules), Mode::Repeated),
        false => (BigQueryType::String, Mode::Nullable),
    };
    let dimensions = column.array_dimensions.max(1) as usize;
    ProposedColumn {
        name: column.name.clone(),
        source_type: format!("{element}{}", "[]".repeat(dimensions)),
        bigquery_type,
        mode,
    }
}

/// Gives another BigQuery name to each table that `base` does not name and whose name would be
/// taken already.
///
/// Names are compared without regard to letter case. Each table takes two names: the one that it
/// gets in BigQuery, and the one that `landbridge check` derives. The check does not know the
/// database: without a `public` schema it assumes MySQL, where the schema is not part of the name.
fn rename_duplicates(contract: &mut Contract, base: &Contract, database: &str) {
    let is_postgres = contract.tables.keys().any(|target| target.starts_with("public."));
    let names = |target: &str, given: Option<&String>| -> [String; 2] {
        let (schema, table) = target.split_once('.').unwrap_or(("", target));
        let schema_in_check = if is_postgres { "" } else { schema };
        match given {
            Some(given) => [given.clone(), given.clone()],
            None => [
                default_table_name(database, schema, table),
                default_table_name(schema_in_check, schema, table),
            ],
        }
    };
    let is_known = |target: &String| base.tables.contains_key(target);
    let (old, new): (Vec<_>, Vec<_>) =
        contract.tables.iter_mut().partition(|(target, _)| is_known(target));
    let mut taken: BTreeMap<String, ()> = BTreeMap::new();
    let mut take = |names: &[String; 2]| {
        let names = names.each_ref().map(|name| folded(name));
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
            let own = target.split_once('.').map_or("", |(_, name)| name);
            if check_table(own).is_err() {
                table.table = Some(derived[0].clone());
            }
            continue;
        }
        let [in_bigquery, _] = derived;
        let hash: String = short_hash(target).chars().take(HASH_DIGITS).collect();
        let candidates = [in_bigquery.clone(), format!("{in_bigquery}_{hash}")];
        table.table = candidates.into_iter().find(|name| take(&[name.clone(), name.clone()]));
    }
}

#[cfg(feature = "ddl")]
mod reviewed;
#[cfg(feature = "ddl")]
pub use reviewed::{Reviewed, reviewed};

#[cfg(test)]
mod sample_tests;
#[cfg(test)]
mod tests;
