//! Models do not launder.
//!
//! BigQuery carries no policy tag into a table that a query makes, so a masked value that a model
//! writes (the last four characters of an account, a hash of an address) is read by everyone who may
//! query the models' dataset, also by people to whom the class is refused. So each reader of that
//! dataset must be a reader, masked or plain, of every class that a model uses; otherwise the model
//! is refused. (Whether BigQuery lets a masked reader save masks at all is not documented; if it does
//! not, the model fails.)
//!
//! A query that calls a function of `AI` or `ML` may use no column with a class and no token at all: a
//! trained model keeps what it learnt without policy tags, and a prompt leaves BigQuery.
//!
//! What a model uses is over-estimated: a column counts as used if its name occurs in a query that
//! names its table, or if the query selects `*` from the table, or uses a whole row. A text that is
//! not understood is refused ([`query`]).
//!
//! | module | responsibility |
//! |---|---|
//! | here | the classes that a model uses, compared with the readers |
//! | [`query`] | which tables and columns a query names |
//! | [`tokens`] | the words of a query |

mod query;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use self::query::{Query, Star, TableReference};
use super::sources::bigquery_table;
use crate::config::{CLASS_UNCLASSIFIED, Config};
use crate::contract::{Contract, Transform};
use crate::names::{column_name, is_same};

/// A model: a compiled query, and where its result is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its name, for messages.
    pub name: String,
    /// The project of its table or view; `None` if the text does not say, then it is
    /// `warehouse.project`.
    pub project: Option<String>,
    /// The dataset of its table or view; `None` if the text does not say, then it is
    /// `warehouse.models.dataset`.
    pub dataset: Option<String>,
    /// What is done beside the query, for example by a hook; it is not checked, so it is refused.
    pub beside: Vec<String>,
    /// GoogleSQL, as it is sent to BigQuery.
    pub sql: String,
}

/// Why a model is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// A reader of the models is no reader of a class that the model uses.
    Launders {
        /// `table.column`.
        column: String,
        /// The class of the column.
        class: String,
        /// The members who may not see its masked values.
        readers: Vec<String>,
    },
    /// The model calls a function of `AI` or `ML`, and uses a column that may be learnt or sent by none.
    Learns {
        /// `table.column`.
        column: String,
        /// The class of the column; `None` for a token.
        class: Option<String>,
    },
    /// The model uses a column of class `unclassified`.
    Unclassified {
        /// `table.column`.
        column: String,
    },
    /// The query cannot be checked.
    NotUnderstood {
        /// What is not understood, and what to write instead.
        why: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launders { column, class, readers } => write!(
                f,
                "it uses {column} of class {class}, which {} may not read, but may read the models; leave the column out, or add them to pii.classes.{class}.masked_readers, or remove them from warehouse.models.readers",
                readers.join(", ")
            ),
            Self::Learns { column, class } => write!(
                f,
                "it calls a function of AI or ML and uses {column}{}, in whatever form; a trained model and a prompt get columns of class none only, so leave the column out",
                match class {
                    Some(class) => format!(" of class {class}"),
                    None => ", a token".to_owned(),
                }
            ),
            Self::Unclassified { column } => write!(
                f,
                "it uses {column} of class {CLASS_UNCLASSIFIED}, which is NULL for everyone; give the column a class in contract.yaml, or leave it out"
            ),
            Self::NotUnderstood { why } => f.write_str(why),
        }
    }
}

/// A column with a class, or a token.
struct Classed {
    name: String,
    /// `None` for a token of class `none`.
    class: Option<String>,
}

/// The paths of the tables that a query reads, without its own subqueries.
///
/// # Errors
/// What is not understood, as in [`Refusal::NotUnderstood`].
pub fn tables_of(sql: &str) -> Result<Vec<Vec<String>>, String> {
    query::parse(sql).map(|query| query.tables.into_iter().map(|table| table.path).collect())
}

/// The columns of one table that a text reads.
pub(crate) struct ColumnsRead {
    pub(crate) columns: BTreeSet<String>,
    /// Whether the text was understood. If not, every name that occurs counts.
    pub(crate) understood: bool,
}

/// Which of `columns` of a table a text reads. `table` is its name in BigQuery, whatever the dataset. A
/// best effort that over-estimates: what is not understood, for example a script, reads each column
/// whose name occurs, and all of them if it selects `*` or cannot be split into words.
pub(crate) fn columns_read(sql: &str, table: &str, columns: &[&str]) -> ColumnsRead {
    let of = |reads: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
        columns.iter().filter(|it| reads(it)).map(|it| (*it).to_owned()).collect()
    };
    if let Ok(query) = query::parse(sql) {
        let is_table =
            |it: &&TableReference| it.path.last().is_some_and(|name| is_same(name, table));
        let references: Vec<_> = query.tables.iter().filter(is_table).collect();
        // A view of another name reads the table, so its names may be columns.
        let references = match references.is_empty() {
            true => query.tables.iter().collect(),
            false => references,
        };
        let reads = |column: &str| {
            references.iter().any(|it| {
                query.mentions(it, column) || it.stars.iter().any(|star| star.includes(column))
            })
        };
        return ColumnsRead { columns: of(&reads), understood: true };
    }
    let columns = match tokens::tokens(sql) {
        Ok(tokens) if !tokens::selects_star(&tokens) => {
            of(&|column| tokens.iter().any(|token| token.is_name(column)))
        }
        _ => of(&|_| true),
    };
    ColumnsRead { columns, understood: false }
}

/// Checks one model. Empty: it launders nothing.
///
/// Without `warehouse.models` there is no reader to compare with, so every model is refused.
pub fn refusals(config: &Config, contract: &Contract, model: &Model) -> Vec<Refusal> {
    let not_understood = |why: String| vec![Refusal::NotUnderstood { why }];
    let Some(models) = &config.warehouse.models else {
        return not_understood(
            "landbridge.yaml does not say who reads the models; add warehouse.models with dataset and readers"
                .to_owned(),
        );
    };
    let project = model.project.as_ref().unwrap_or(&config.warehouse.project);
    let dataset = model.dataset.as_ref().unwrap_or(&models.dataset);
    if (project, dataset) != (&config.warehouse.project, &models.dataset) {
        return not_understood(format!(
            "it is written to the dataset {project}.{dataset}, whose readers landbridge.yaml does not name; write it to warehouse.models.dataset ({}.{})",
            config.warehouse.project, models.dataset
        ));
    }
    if let Some(beside) = model.beside.first() {
        return not_understood(format!("it has {beside}, which is not checked; leave it out"));
    }
    let query = match query::parse(&model.sql) {
        Ok(query) => query,
        Err(why) => return not_understood(why),
    };
    let tables = classed_columns(config, contract);
    let mut found = BTreeSet::new();
    for (table, columns) in match used_tables(config, &tables, &query) {
        Ok(used) => used,
        Err(why) => return not_understood(why),
    } {
        for column in columns {
            let name = format!("{table}.{}", column.name);
            if query.learns {
                found.insert(Refusal::Learns { column: name, class: column.class.clone() });
                continue;
            }
            // Everyone may read a token of class `none`.
            let Some(column_class) = &column.class else { continue };
            if column_class == CLASS_UNCLASSIFIED {
                found.insert(Refusal::Unclassified { column: name });
                continue;
            }
            let class = config.class(column_class);
            let may = |member: &String| {
                class.as_ref().is_some_and(|class| {
                    class.masked_readers.contains(member) || class.readers.contains(member)
                })
            };
            let readers: Vec<String> =
                models.readers.iter().filter(|member| !may(member)).cloned().collect();
            if !readers.is_empty() {
                let class = column_class.clone();
                found.insert(Refusal::Launders { column: name, class, readers });
            }
        }
    }
    found.into_iter().collect()
}

/// The columns with a class, and the tokens, of every table of the contract, by the table's name in
/// BigQuery.
fn classed_columns(config: &Config, contract: &Contract) -> BTreeMap<String, Vec<Classed>> {
    let mut tables = BTreeMap::new();
    for (source_table, table) in &contract.tables {
        let classed = table.columns.iter().filter_map(|(source, column)| {
            let class = column.tagged_class().map(str::to_owned);
            let is_token = column.transform == Some(Transform::Tokenise);
            if column.transform == Some(Transform::Drop) || class.is_none() && !is_token {
                return None;
            }
            let style = config.warehouse.column_names;
            let name = column.name.clone().unwrap_or_else(|| column_name(source, style));
            Some(Classed { name, class })
        });
        tables.insert(bigquery_table(contract, source_table), classed.collect());
    }
    tables
}

/// A table, with the classed columns that a query uses.
type UsedTable<'a> = (&'a str, Vec<&'a Classed>);

/// The tables of ours that a query names, with the classed columns that it uses.
fn used_tables<'a>(
    config: &Config,
    tables: &'a BTreeMap<String, Vec<Classed>>,
    query: &Query,
) -> Result<Vec<UsedTable<'a>>, String> {
    let mut used = Vec::new();
    for reference in &query.tables {
        let Some((name, columns)) = our_table(config, tables, reference)? else { continue };
        let uses = |column: &&Classed| {
            query.mentions(reference, &column.name)
                || reference.stars.iter().any(|star| star.includes(&column.name))
        };
        used.push((name, columns.iter().filter(uses).collect()));
    }
    Ok(used)
}

/// The table or view of ours that a path names; `None` if it is a table without classes.
fn our_table<'a>(
    config: &Config,
    tables: &'a BTreeMap<String, Vec<Classed>>,
    reference: &TableReference,
) -> Result<Option<(&'a str, &'a [Classed])>, String> {
    let warehouse = &config.warehouse;
    let path = &reference.path;
    let shown = path.join(".");
    let unknown = |dataset: &str| {
        format!(
            "it reads `{shown}`; if {dataset} contains no personal data that a reader of the models may not read, add it to warehouse.models.reads"
        )
    };
    if let [.., schema, view] = path.as_slice()
        && schema.eq_ignore_ascii_case("INFORMATION_SCHEMA")
    {
        // The texts of queries contain values.
        return match view.to_ascii_uppercase().starts_with("JOBS") {
            true => Err(format!("it reads `{shown}`, which contains the texts of queries")),
            false => Ok(None),
        };
    }
    let [project @ .., dataset, table] = path.as_slice() else {
        return Err(format!(
            "it reads from `{shown}`, which is neither a subquery of it nor a table with its dataset; write `dataset.table`"
        ));
    };
    let is = |name: &str| is_same(dataset, name);
    // A project of the old form contains a dot.
    let project = project.join(".");
    if !project.is_empty() && project != warehouse.project && !reference.may_be_array {
        let reads = warehouse.models.as_ref().is_some_and(|it| it.reads.iter().any(|it| is(it)));
        return if reads { Ok(None) } else { Err(unknown(&format!("{project}.{dataset}"))) };
    }
    if table.eq_ignore_ascii_case("__TABLES__") {
        return Ok(None);
    }
    let views = warehouse.views.as_ref().is_some_and(|views| is(&views.dataset));
    if is(&warehouse.dataset) || views {
        if views && table == crate::views::FRESHNESS {
            return Ok(None);
        }
        if table.contains('*') {
            return Err(format!("it reads `{shown}`, a wildcard; name the tables"));
        }
        let found = tables.iter().find(|(name, _)| is_same(name, table));
        let (name, columns) = found.ok_or_else(|| {
            format!("it reads `{shown}`, which contract.yaml does not contain; add the table")
        })?;
        return Ok(Some((name, columns)));
    }
    if reference.may_be_array {
        return Ok(None);
    }
    let models = warehouse.models.as_ref();
    let allowed = is(&warehouse.ops_dataset)
        || models.is_some_and(|models| is(&models.dataset) || models.reads.iter().any(|it| is(it)));
    if allowed {
        return Ok(None);
    }
    Err(unknown(dataset))
}

impl Query {
    /// Whether the name of a column of the table, or of its local time in a friendly view, occurs.
    fn mentions(&self, table: &TableReference, column: &str) -> bool {
        let local = format!("{}_local", column.to_lowercase());
        let is_column = |name: &str| is_same(name, column) || name.starts_with(&local);
        // `other.name` is no column of this table if the query calls another table `other`.
        let of_other = |of: &String| *of != table.alias && self.aliases.contains(of);
        table.names.iter().any(|it| is_column(&it.name) && !it.of.as_ref().is_some_and(of_other))
    }
}

impl Star {
    /// Whether `*` stands for the column.
    fn includes(&self, column: &str) -> bool {
        !self.except.iter().any(|name| is_same(name, column))
    }
}
