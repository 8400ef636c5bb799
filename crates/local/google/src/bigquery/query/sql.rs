//! Translation of a SELECT statement from BigQuery's SQL to the engine's, on the syntax tree.
//!
//! Table names become aliases of the registered tables, column names get the tables' spelling, and
//! functions, types and parameters are replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::parser;
use datafusion::sql::sqlparser::ast::{
    self, Expr, Ident, JoinConstraint, ObjectName, ObjectNamePart, Query, Select, SelectItem,
    SetExpr, TableAlias, TableFactor, TableVersion, Value as Literal, ValueWithSpan, VisitMut,
    VisitorMut,
};
use datafusion::sql::sqlparser::dialect::BigQueryDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Tokenizer;
use jiff::Timestamp;

use super::functions::{current_time, to_engine_type, translate_function};
use super::masked_table::MaskedTable;
use super::parameters::Parameter;
use super::time_travel::{hide_aliases, take_alias};
use crate::bigquery::catalog::TableName;
use crate::bigquery::schema::Field;
use crate::error::GoogleError;

/// The table or view that a name in a FROM clause refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TableSource {
    Table {
        name: TableName,
        /// The expression after `FOR SYSTEM_TIME AS OF`.
        as_of: Option<String>,
    },
    InformationSchema {
        dataset: String,
        view: String,
    },
}

/// The value of a parameter as an expression of the engine. The engine takes scalars only.
fn parameter_literal(parameter: &Parameter) -> Option<Expr> {
    let parser = Parser::new(&BigQueryDialect {}).try_with_sql(&parameter.sql);
    let mut literal = parser.ok()?.parse_expr().ok()?;
    match &mut literal {
        Expr::Cast { data_type, .. } => to_engine_type(data_type),
        Expr::Value(_) => {}
        _ => return None,
    }
    Some(literal)
}

/// The name under which table number `at` of the query is registered in the engine.
pub(super) fn table_alias(at: usize) -> String {
    format!("{ALIAS_PREFIX}{at}")
}

const ALIAS_PREFIX: &str = "__table_";

/// The table number of an alias that [`table_alias`] created.
pub(super) fn table_of_alias(name: &str) -> Option<usize> {
    name.strip_prefix(ALIAS_PREFIX)?.parse().ok()
}

/// One SELECT statement.
pub(super) struct Statement(ast::Statement);

impl Statement {
    pub(super) fn parse(sql: &str) -> Result<Self, GoogleError> {
        let tokens = Tokenizer::new(&BigQueryDialect {}, sql).tokenize_with_location();
        let statements = tokens.map_err(ParserError::from).and_then(|tokens| {
            let tokens = hide_aliases(tokens);
            Parser::new(&BigQueryDialect {}).with_tokens_with_locations(tokens).parse_statements()
        });
        let statements = statements
            .map_err(|error| GoogleError::invalid_query(format!("Syntax error: {error}")))?;
        match <[_; 1]>::try_from(statements) {
            Ok([statement @ ast::Statement::Query(_)]) => Ok(Self(statement)),
            _ => Err(GoogleError::invalid_query(
                "Only a single SELECT statement is supported by this server.",
            )),
        }
    }

    /// Returns the tables of the query and replaces their names by [`table_alias`]es.
    pub(super) fn resolve_tables(
        &mut self,
        project: &str,
        default_dataset: Option<&(String, String)>,
    ) -> Result<Vec<TableSource>, GoogleError> {
        let mut ctes = CteNames(BTreeSet::new());
        let _ = self.0.visit(&mut ctes);
        let mut finder = TableFinder { project, default_dataset, ctes: ctes.0, tables: Vec::new() };
        match self.0.visit(&mut finder) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(finder.tables),
        }
    }

    /// Replaces column names, functions, types and parameters. `now` is the current time of the
    /// query.
    pub(super) fn rewrite(
        &mut self,
        tables: &[Arc<MaskedTable>],
        parameters: &[Parameter],
        now: Timestamp,
    ) -> Result<(), GoogleError> {
        let mut names = BTreeMap::new();
        for table in tables {
            collect_column_names(&table.fields, &mut names);
        }
        alias_unnamed_results(&mut self.0);
        let mut rewriter = Rewriter { names, tables, parameters, positional_count: 0, now };
        match self.0.visit(&mut rewriter) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    pub(super) fn into_inner(self) -> parser::Statement {
        parser::Statement::Statement(Box::new(self.0))
    }
}

fn collect_column_names(fields: &[Field], names: &mut BTreeMap<String, String>) {
    for field in fields {
        names.entry(field.name.to_lowercase()).or_insert_with(|| field.name.clone());
        collect_column_names(&field.fields, names);
    }
}

/// Collects the names that WITH clauses define.
struct CteNames(BTreeSet<String>);

impl VisitorMut for CteNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.0.insert(cte.alias.name.value.clone());
        }
        ControlFlow::Continue(())
    }
}

/// Replaces the names of tables and collects the tables.
struct TableFinder<'a> {
    project: &'a str,
    default_dataset: Option<&'a (String, String)>,
    ctes: BTreeSet<String>,
    tables: Vec<TableSource>,
}

impl TableFinder<'_> {
    fn resolve(&self, parts: &[&str], as_of: Option<String>) -> Result<TableSource, GoogleError> {
        let unqualified = |table: &str| {
            GoogleError::invalid(format!(
                "Table \"{table}\" must be qualified with a dataset (e.g. dataset.table)."
            ))
        };
        let is_information_schema = |part: &str| part.eq_ignore_ascii_case("INFORMATION_SCHEMA");
        match parts {
            [.., dataset, schema, view] if is_information_schema(schema) => {
                Ok(TableSource::InformationSchema {
                    dataset: (*dataset).to_owned(),
                    view: (*view).to_owned(),
                })
            }
            // Without a dataset, the views of the default dataset, or of the project.
            [schema, view] if is_information_schema(schema) => {
                let default =
                    self.default_dataset.filter(|_| !view.eq_ignore_ascii_case("SCHEMATA"));
                Ok(TableSource::InformationSchema {
                    dataset: default.map(|(_, dataset)| dataset.clone()).unwrap_or_default(),
                    view: (*view).to_owned(),
                })
            }
            [project, dataset, table] => {
                Ok(TableSource::Table { name: TableName::new(project, dataset, table), as_of })
            }
            [dataset, table] => {
                Ok(TableSource::Table { name: TableName::new(self.project, dataset, table), as_of })
            }
            [table] => match self.default_dataset {
                Some((project, dataset)) => {
                    Ok(TableSource::Table { name: TableName::new(project, dataset, table), as_of })
                }
                None => Err(unqualified(table)),
            },
            other => {
                Err(GoogleError::invalid_query(format!("Invalid table name: {}", other.join("."))))
            }
        }
    }
}

impl VisitorMut for TableFinder<'_> {
    type Break = GoogleError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<GoogleError> {
        let TableFactor::Table { name, alias, args: None, version, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let as_of = match version.take() {
            None => None,
            Some(TableVersion::ForSystemTimeAsOf(mut at)) => {
                if alias.is_some() {
                    return ControlFlow::Break(GoogleError::invalid_query(
                        "Syntax error: An alias stands before FOR SYSTEM_TIME AS OF.",
                    ));
                }
                let hidden = take_alias(&mut at);
                *alias = hidden.map(|name| TableAlias {
                    explicit: true,
                    name,
                    columns: Vec::new(),
                    at: None,
                });
                Some(at.to_string())
            }
            Some(other) => {
                return ControlFlow::Break(GoogleError::invalid_query(format!(
                    "Syntax error: Unexpected {other}"
                )));
            }
        };
        // The name `a.b.c` may be quoted as a whole or in parts.
        let full_name: Vec<_> =
            name.0.iter().filter_map(|it| it.as_ident().map(|it| it.value.clone())).collect();
        let full_name = full_name.join(".");
        let parts: Vec<&str> = full_name.split('.').collect();
        if parts.len() == 1 && self.ctes.contains(parts[0]) || table_of_alias(&full_name).is_some()
        {
            return ControlFlow::Continue(());
        }
        let source = match self.resolve(&parts, as_of) {
            Ok(source) => source,
            Err(error) => return ControlFlow::Break(error),
        };
        let at = match self.tables.iter().position(|it| *it == source) {
            Some(at) => at,
            None => {
                self.tables.push(source);
                self.tables.len() - 1
            }
        };
        // Without an alias, a query refers to a table by the last part of its name.
        if alias.is_none() {
            let name = Ident::new(parts[parts.len() - 1]);
            *alias = Some(TableAlias { explicit: false, name, columns: Vec::new(), at: None });
        }
        *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(table_alias(at)))]);
        ControlFlow::Continue(())
    }
}

/// Names the unnamed columns of the result `f0_`, `f1_` and so on, as BigQuery does.
fn alias_unnamed_results(statement: &mut ast::Statement) {
    let ast::Statement::Query(query) = statement else { return };
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let mut unnamed = 0;
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = item
            && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        {
            let alias = Ident::new(format!("f{unnamed}_"));
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            unnamed += 1;
        }
    }
}

/// Replaces column names, functions, types and parameters.
struct Rewriter<'a> {
    /// Column name in lower case → the table's spelling.
    names: BTreeMap<String, String>,
    tables: &'a [Arc<MaskedTable>],
    parameters: &'a [Parameter],
    /// The number of positional parameters (`?`) that were replaced so far.
    positional_count: usize,
    now: Timestamp,
}

impl Rewriter<'_> {
    fn respell(&self, ident: &mut Ident) {
        if let Some(name) = self.names.get(&ident.value.to_lowercase()) {
            ident.value.clone_from(name);
        }
    }

    /// Adds the hidden columns of the tables in a FROM clause to the EXCEPT of its `*`.
    fn leave_out_hidden_columns(&self, select: &mut Select) {
        let factors = select.from.iter().flat_map(|it| {
            std::iter::once(&it.relation).chain(it.joins.iter().map(|join| &join.relation))
        });
        let mut hidden: Vec<Ident> = Vec::new();
        for factor in factors {
            let TableFactor::Table { name, .. } = factor else { continue };
            let table = table_of_alias(&name.to_string()).and_then(|at| self.tables.get(at));
            let Some(table) = table else { continue };
            let first = table.fields.len() - table.hidden_columns();
            hidden.extend(table.fields[first..].iter().map(|it| Ident::new(&it.name)));
        }
        let Some((first, rest)) = hidden.split_first() else { return };
        for item in &mut select.projection {
            let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item
            else {
                continue;
            };
            match &mut options.opt_except {
                Some(except) => except.additional_elements.extend(hidden.clone()),
                None => {
                    options.opt_except = Some(ast::ExceptSelectItem {
                        first_element: first.clone(),
                        additional_elements: rest.to_vec(),
                    });
                }
            }
        }
    }

    fn parameter_literal(&mut self, placeholder: &str) -> Option<Expr> {
        let tables = match placeholder.strip_prefix('@') {
            Some(name) => self
                .parameters
                .iter()
                .find(|it| it.name.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(name))),
            None => {
                self.positional_count += 1;
                self.parameters.get(self.positional_count - 1)
            }
        };
        parameter_literal(tables?)
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = GoogleError;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<GoogleError> {
        self.leave_out_hidden_columns(select);
        for item in &mut select.projection {
            let options = match item {
                SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
                    options
                }
                _ => continue,
            };
            if let Some(except) = &mut options.opt_except {
                self.respell(&mut except.first_element);
                except.additional_elements.iter_mut().for_each(|it| self.respell(it));
            }
        }
        for join in select.from.iter_mut().flat_map(|it| &mut it.joins) {
            use ast::JoinOperator as Op;
            let (Op::Join(on)
            | Op::Inner(on)
            | Op::Left(on)
            | Op::LeftOuter(on)
            | Op::Right(on)
            | Op::RightOuter(on)
            | Op::FullOuter(on)) = &mut join.join_operator
            else {
                continue;
            };
            if let JoinConstraint::Using(columns) = on {
                for part in columns.iter_mut().flat_map(|it| &mut it.0) {
                    if let ObjectNamePart::Identifier(ident) = part {
                        self.respell(ident);
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<GoogleError> {
        // The parser reads `@name` as an identifier and `?` as a placeholder.
        let placeholder = match &*expr {
            Expr::Identifier(ident) if ident.value.starts_with('@') => Some(&ident.value),
            Expr::Value(ValueWithSpan { value: Literal::Placeholder(name), .. }) => Some(name),
            _ => None,
        };
        if let Some(name) = placeholder.cloned() {
            return match self.parameter_literal(&name) {
                Some(literal) => {
                    *expr = literal;
                    ControlFlow::Continue(())
                }
                None => ControlFlow::Break(GoogleError::invalid_query(format!(
                    "Query parameter {name} not found"
                ))),
            };
        }
        match expr {
            Expr::Identifier(ident) => self.respell(ident),
            Expr::CompoundIdentifier(parts) => {
                parts.iter_mut().skip(1).for_each(|it| self.respell(it));
            }
            Expr::Cast { data_type, .. } => to_engine_type(data_type),
            Expr::TypedString(typed) => to_engine_type(&mut typed.data_type),
            // A function's arguments are printed and parsed again, where a double-quoted text would
            // become a name.
            Expr::Value(ValueWithSpan { value, .. }) => {
                if let Literal::DoubleQuotedString(text)
                | Literal::TripleDoubleQuotedString(text)
                | Literal::TripleSingleQuotedString(text) = value
                {
                    *value = Literal::SingleQuotedString(std::mem::take(text));
                }
            }
            Expr::Function(function) => {
                let new = current_time(function, self.now);
                if let Some(new) = new.or_else(|| translate_function(function)) {
                    *expr = new;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
