//! BigQuery's SQL, rewritten on its syntax tree to what the engine speaks: table names
//! become the registered tables, column names get the tables' own spelling, and functions and
//! types that the engine knows under other names are replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType as ArrowType;
use datafusion::common::DFSchema;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{ExprSchemable, cast};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser;
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, DataType, ExactNumberInfo, Expr, Function, FunctionArguments, Ident,
    JoinConstraint, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr, TableAlias,
    TableFactor, TimezoneInfo, Value as Literal, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::{BigQueryDialect, GenericDialect};
use datafusion::sql::sqlparser::parser::Parser;
use serde_json::Value;

use super::provider::MaskedTable;
use crate::bigquery::catalog::TableName;
use crate::bigquery::schema::Field;
use crate::error::GoogleError;

/// What a name after FROM stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Table(TableName),
    Information { dataset: String, view: String },
}

/// A query parameter.
pub(super) struct Parameter {
    name: String,
    kind: String,
    value: Option<String>,
}

impl Parameter {
    pub(super) fn parse(value: &Value) -> Result<Self, GoogleError> {
        let text = |path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let kind = text("/parameterType/type").unwrap_or_default();
        if ["", "ARRAY", "STRUCT"].contains(&kind.as_str()) {
            return Err(GoogleError::invalid(
                "Array and struct parameters are not supported by this server.",
            ));
        }
        Ok(Self {
            name: text("/name").unwrap_or_default(),
            kind,
            value: text("/parameterValue/value"),
        })
    }

    fn literal(&self) -> Option<Expr> {
        let value = match &self.value {
            Some(text) => Literal::SingleQuotedString(text.clone()).to_string(),
            None => "NULL".to_owned(),
        };
        let mut literal = expression(&format!("CAST({value} AS {})", self.kind))?;
        if let Expr::Cast { data_type, .. } = &mut literal {
            engine_type(data_type);
        }
        Some(literal)
    }
}

/// The name under which the engine knows the query's table number `at`.
pub(super) fn table_alias(at: usize) -> String {
    format!("{ALIAS}{at}")
}

const ALIAS: &str = "__table_";

/// The table number behind a name, if the name is one of ours.
pub(super) fn table_of_alias(name: &str) -> Option<usize> {
    name.strip_prefix(ALIAS)?.parse().ok()
}

/// One SELECT statement.
pub(super) struct Statement(ast::Statement);

impl Statement {
    pub(super) fn parse(sql: &str) -> Result<Self, GoogleError> {
        let statements = Parser::parse_sql(&BigQueryDialect {}, sql)
            .map_err(|error| GoogleError::invalid_query(format!("Syntax error: {error}")))?;
        match <[_; 1]>::try_from(statements) {
            Ok([statement @ ast::Statement::Query(_)]) => Ok(Self(statement)),
            _ => Err(GoogleError::invalid_query(
                "Only a single SELECT statement is supported by this server.",
            )),
        }
    }

    /// Finds the tables of the query and puts the engine's names in their places.
    pub(super) fn sources(
        &mut self,
        project: &str,
        default: Option<&(String, String)>,
    ) -> Result<Vec<Source>, GoogleError> {
        let mut ctes = Ctes(BTreeSet::new());
        let _ = self.0.visit(&mut ctes);
        let mut finder = Finder { project, default, ctes: ctes.0, found: Vec::new() };
        match self.0.visit(&mut finder) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(finder.found),
        }
    }

    /// Rewrites names, functions, types and parameters.
    pub(super) fn rewrite(
        &mut self,
        tables: &[Arc<MaskedTable>],
        parameters: &[Parameter],
    ) -> Result<(), GoogleError> {
        let mut names = BTreeMap::new();
        for table in tables {
            spellings(&table.fields, &mut names);
        }
        name_results(&mut self.0);
        let mut rewriter = Rewriter { names, parameters, positional: 0 };
        match self.0.visit(&mut rewriter) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    pub(super) fn into_inner(self) -> parser::Statement {
        parser::Statement::Statement(Box::new(self.0))
    }
}

fn spellings(fields: &[Field], names: &mut BTreeMap<String, String>) {
    for field in fields {
        names.entry(field.name.to_lowercase()).or_insert_with(|| field.name.clone());
        spellings(&field.fields, names);
    }
}

/// The names that WITH clauses introduce.
struct Ctes(BTreeSet<String>);

impl VisitorMut for Ctes {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.0.insert(cte.alias.name.value.clone());
        }
        ControlFlow::Continue(())
    }
}

struct Finder<'a> {
    project: &'a str,
    default: Option<&'a (String, String)>,
    ctes: BTreeSet<String>,
    found: Vec<Source>,
}

impl Finder<'_> {
    fn resolve(&self, parts: &[&str]) -> Result<Source, GoogleError> {
        let unqualified = |table: &str| {
            GoogleError::invalid(format!(
                "Table \"{table}\" must be qualified with a dataset (e.g. dataset.table)."
            ))
        };
        let information = |part: &str| part.eq_ignore_ascii_case("INFORMATION_SCHEMA");
        match parts {
            [.., dataset, schema, view] if information(schema) => {
                Ok(Source::Information { dataset: (*dataset).to_owned(), view: (*view).to_owned() })
            }
            [schema, view] if information(schema) => match self.default {
                Some((_, dataset)) => {
                    Ok(Source::Information { dataset: dataset.clone(), view: (*view).to_owned() })
                }
                None => Err(unqualified(view)),
            },
            [project, dataset, table] => Ok(Source::Table(TableName::new(project, dataset, table))),
            [dataset, table] => Ok(Source::Table(TableName::new(self.project, dataset, table))),
            [table] => match self.default {
                Some((project, dataset)) => {
                    Ok(Source::Table(TableName::new(project, dataset, table)))
                }
                None => Err(unqualified(table)),
            },
            other => {
                Err(GoogleError::invalid_query(format!("Invalid table name: {}", other.join("."))))
            }
        }
    }
}

impl VisitorMut for Finder<'_> {
    type Break = GoogleError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<GoogleError> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        // `a.b.c` may be quoted as a whole or part by part.
        let whole: Vec<_> =
            name.0.iter().filter_map(|it| it.as_ident().map(|it| it.value.clone())).collect();
        let whole = whole.join(".");
        let parts: Vec<&str> = whole.split('.').collect();
        if parts.len() == 1 && self.ctes.contains(parts[0]) || table_of_alias(&whole).is_some() {
            return ControlFlow::Continue(());
        }
        let source = match self.resolve(&parts) {
            Ok(source) => source,
            Err(error) => return ControlFlow::Break(error),
        };
        let at = match self.found.iter().position(|it| *it == source) {
            Some(at) => at,
            None => {
                self.found.push(source);
                self.found.len() - 1
            }
        };
        // A table is known in its query by the last part of its name.
        if alias.is_none() {
            let name = Ident::new(parts[parts.len() - 1]);
            *alias = Some(TableAlias { explicit: false, name, columns: Vec::new(), at: None });
        }
        *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(table_alias(at)))]);
        ControlFlow::Continue(())
    }
}

/// Columns of the result without a name are `f0_`, `f1_` and so on.
fn name_results(statement: &mut ast::Statement) {
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

struct Rewriter<'a> {
    /// A column's name in lower case → as the table spells it.
    names: BTreeMap<String, String>,
    parameters: &'a [Parameter],
    positional: usize,
}

impl Rewriter<'_> {
    fn respell(&self, ident: &mut Ident) {
        if let Some(name) = self.names.get(&ident.value.to_lowercase()) {
            ident.value.clone_from(name);
        }
    }

    fn parameter(&mut self, placeholder: &str) -> Option<Expr> {
        let found = match placeholder.strip_prefix('@') {
            Some(name) => self.parameters.iter().find(|it| it.name.eq_ignore_ascii_case(name)),
            None => {
                self.positional += 1;
                self.parameters.get(self.positional - 1)
            }
        };
        found?.literal()
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = GoogleError;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<GoogleError> {
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
        // The dialect reads `@name` as an identifier, `?` as a placeholder.
        let placeholder = match &*expr {
            Expr::Identifier(ident) if ident.value.starts_with('@') => Some(&ident.value),
            Expr::Value(ValueWithSpan { value: Literal::Placeholder(name), .. }) => Some(name),
            _ => None,
        };
        if let Some(name) = placeholder.cloned() {
            return match self.parameter(&name) {
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
            Expr::Cast { data_type, .. } => engine_type(data_type),
            Expr::TypedString(typed) => engine_type(&mut typed.data_type),
            // Printed and parsed again, a double-quoted text would be taken for a name.
            Expr::Value(ValueWithSpan { value, .. }) => {
                if let Literal::DoubleQuotedString(text)
                | Literal::TripleDoubleQuotedString(text)
                | Literal::TripleSingleQuotedString(text) = value
                {
                    *value = Literal::SingleQuotedString(std::mem::take(text));
                }
            }
            Expr::Function(function) => {
                if let Some(new) = engine_function(function) {
                    *expr = new;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// BigQuery's types under the engine's names.
fn engine_type(data_type: &mut DataType) {
    *data_type = match data_type {
        DataType::Int64
        | DataType::Int(_)
        | DataType::Integer(_)
        | DataType::SmallInt(_)
        | DataType::TinyInt(_) => DataType::BigInt(None),
        DataType::Float64 => DataType::Double(ExactNumberInfo::None),
        DataType::String(_) => DataType::Text,
        DataType::Bytes(_) => DataType::Bytea,
        DataType::Numeric(ExactNumberInfo::None) | DataType::Decimal(ExactNumberInfo::None) => {
            DataType::Decimal(ExactNumberInfo::PrecisionAndScale(38, 9))
        }
        DataType::BigNumeric(_) | DataType::BigDecimal(_) => {
            DataType::Decimal(ExactNumberInfo::PrecisionAndScale(76, 38))
        }
        DataType::Timestamp(None, TimezoneInfo::None) => {
            DataType::Timestamp(None, TimezoneInfo::WithTimeZone)
        }
        DataType::Datetime(_) => DataType::Timestamp(None, TimezoneInfo::None),
        _ => return,
    };
}

/// A function that the engine lacks or names otherwise. Its arguments are rewritten already.
fn engine_function(function: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let args: Vec<String> = list.args.iter().map(ToString::to_string).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let name = function.name.to_string().to_ascii_uppercase();
    let text = match (name.as_str(), args.as_slice()) {
        ("COUNTIF", [test]) => format!("count(CASE WHEN {test} THEN 1 END)"),
        ("IF", [test, yes, no]) => format!("CASE WHEN {test} THEN {yes} ELSE {no} END"),
        ("IFNULL", [a, b]) => format!("coalesce({a}, {b})"),
        ("SAFE_DIVIDE", [a, b]) => format!("CASE WHEN ({b}) = 0 THEN NULL ELSE ({a}) / ({b}) END"),
        ("FORMAT_DATE" | "FORMAT_TIMESTAMP" | "FORMAT_DATETIME", [format, value]) => {
            format!("to_char({value}, {format})")
        }
        ("PARSE_DATE", [format, value]) => format!("to_date({value}, {format})"),
        ("DATE_TRUNC", [value, part]) => {
            format!("CAST(date_trunc('{}', {value}) AS DATE)", part.to_lowercase())
        }
        ("TIMESTAMP_TRUNC" | "DATETIME_TRUNC", [value, part]) => {
            format!("date_trunc('{}', {value})", part.to_lowercase())
        }
        ("DATE_ADD", [value, interval]) => format!("CAST(({value}) + {interval} AS DATE)"),
        ("DATE_SUB", [value, interval]) => format!("CAST(({value}) - {interval} AS DATE)"),
        ("TIMESTAMP_ADD", [value, interval]) => format!("({value}) + {interval}"),
        ("TIMESTAMP_SUB", [value, interval]) => format!("({value}) - {interval}"),
        ("DATE_DIFF", [a, b, part]) if part.eq_ignore_ascii_case("day") => format!(
            "CAST((date_part('epoch', CAST({a} AS DATE)) - date_part('epoch', CAST({b} AS DATE))) / 86400 AS BIGINT)"
        ),
        ("DATE", [value]) => format!("CAST({value} AS DATE)"),
        ("DATE", [year, month, day]) => format!("make_date({year}, {month}, {day})"),
        ("TIMESTAMP", [value]) => format!("CAST({value} AS TIMESTAMP WITH TIME ZONE)"),
        ("DATETIME", [value]) => format!("CAST({value} AS TIMESTAMP)"),
        ("LOGICAL_OR", [value]) => format!("bool_or({value})"),
        ("LOGICAL_AND", [value]) => format!("bool_and({value})"),
        ("ANY_VALUE", [value]) => format!("first_value({value})"),
        ("APPROX_COUNT_DISTINCT", [value]) => format!("approx_distinct({value})"),
        ("TO_HEX", [value]) => format!("encode({value}, 'hex')"),
        ("TO_BASE64", [value]) => format!("encode({value}, 'base64pad')"),
        ("REGEXP_CONTAINS", [value, pattern]) => format!("regexp_like({value}, {pattern})"),
        _ => return None,
    };
    let mut new = expression(&text)?;
    // An aggregate keeps its window.
    if let (Expr::Function(new), Some(over)) = (&mut new, &function.over) {
        new.over = Some(over.clone());
    }
    Some(new)
}

/// Parses an expression that was put together here. The generic dialect takes a backslash in a
/// text for itself, which is how the syntax tree prints it.
fn expression(text: &str) -> Option<Expr> {
    Parser::new(&GenericDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}

/// Gives the engine BigQuery's division.
pub(super) fn register(context: &SessionContext) {
    // Registering a planner cannot fail for a session context.
    let _ = context.state_ref().write().register_expr_planner(Arc::new(Division));
}

/// `/` of two INT64 is a FLOAT64 in BigQuery.
#[derive(Debug)]
struct Division;

impl ExprPlanner for Division {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> datafusion::error::Result<PlannerResult<RawBinaryExpr>> {
        let whole = |it: &datafusion::logical_expr::Expr| {
            it.get_type(schema).is_ok_and(|it| it.is_integer())
        };
        if expr.op == BinaryOperator::Divide && whole(&expr.left) && whole(&expr.right) {
            return Ok(PlannerResult::Original(RawBinaryExpr {
                left: cast(expr.left, ArrowType::Float64),
                ..expr
            }));
        }
        Ok(PlannerResult::Original(expr))
    }
}
