//! The analyser: names, types and conversions of a syntax tree. Its result is a plan.
//!
//! Semantics: GoogleSQL reference, "Query syntax" (scopes and aliases) and "Conversion rules".
//! Everything that it does not know, it refuses.

mod call;
mod cast;
mod condition;
mod expr;
mod from;
mod json;
mod lambda;
mod parts;
mod pivot;
mod query;
mod scope;
mod select;
mod typed;
mod user_call;
mod window;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::ast::{Query, TableRef};
use jiff::Timestamp;

use super::error::{Result, SqlError};
use super::eval::Env;
use super::exec::{QueryLimits, Run};
use super::plan::{Expr, Node, SharedNode};
use super::tables::same_name;
use super::types::Type;
use super::user_function::UserFunction;
use super::value::Value;
use crate::bigquery::schema::Field;

pub(crate) use call::has_aggregate;
pub(crate) use typed::{Literal, Typed, supertype};

/// The parameter with the caller of the query. No parameter of a statement can have this name.
pub(crate) const SESSION_USER: &str = "$session_user";

/// A table of a query and its columns.
#[derive(Clone, Debug)]
pub(crate) struct BoundTable {
    pub(crate) name: TableRef,
    pub(crate) columns: Vec<(String, Type)>,
    /// How many of the last columns `*` leaves out.
    pub(crate) hidden: usize,
}

/// A query parameter.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    /// Empty for a positional parameter.
    pub(crate) name: String,
    pub(crate) of: Type,
    pub(crate) value: Value,
}

/// A query whose names and types are known.
#[derive(Debug)]
pub(crate) struct Analyzed {
    pub(crate) node: Node,
    pub(crate) fields: Vec<Field>,
}

/// A column of an intermediate result.
#[derive(Clone, Debug)]
struct OutColumn {
    /// Empty if the column has no name.
    name: String,
    typed: Typed,
}

/// An intermediate result.
struct Relation {
    node: Node,
    columns: Vec<OutColumn>,
    /// The rows are values without column names: `SELECT AS STRUCT`, `SELECT AS VALUE`.
    value_table: bool,
}

#[derive(Clone)]
enum With {
    Shared { node: Arc<SharedNode>, columns: Vec<(String, Type)>, value_table: bool },
    Recursive { id: usize, columns: Vec<(String, Type)> },
}

/// The analyser of one query.
pub(crate) struct Analyzer<'a> {
    tables: &'a [BoundTable],
    parameters: &'a [Parameter],
    functions: &'a [UserFunction],
    /// How many calls of such functions are around the expression.
    calls: Cell<usize>,
    with: RefCell<Vec<(String, With)>>,
    next_id: Cell<usize>,
}

/// Analyses a query.
pub(crate) fn analyze(
    query: &Query,
    tables: &[BoundTable],
    parameters: &[Parameter],
    functions: &[UserFunction],
) -> Result<Analyzed> {
    let analyzer = Analyzer::new(tables, parameters, functions);
    let mut relation = analyzer.query(query, None)?;
    if relation.value_table {
        relation = expand_value(relation);
    }
    let mut fields = Vec::new();
    let mut unnamed = 0;
    for column in &relation.columns {
        let name = if column.name.is_empty() {
            unnamed += 1;
            format!("f{}_", unnamed - 1)
        } else {
            column.name.clone()
        };
        let of = &column.typed.ty;
        let field = of.to_field(&name);
        fields.push(field.ok_or_else(|| {
            SqlError::unknown(format!("result columns of type {of} (column {name})"))
        })?);
    }
    Ok(Analyzed { node: relation.node, fields })
}

/// The type and value of a constant expression.
pub(crate) fn constant(expr: &super::ast::Expr, now: Timestamp) -> Result<(Type, Value)> {
    let analyzer = Analyzer::new(&[], &[], &[]);
    let scope = scope::Scope::new(scope::Names::default(), None);
    let typed = analyzer.expr(expr, &scope)?;
    let run = Run::new(now, &[], QueryLimits::default());
    let value = typed.expr.eval(&run, &Env { row: &[], outer: None })?;
    Ok((typed.ty, value))
}

/// The fields of a struct as columns.
fn expand_value(relation: Relation) -> Relation {
    let Some(Type::Struct(fields)) = relation.columns.first().map(|it| it.typed.ty.clone()) else {
        return relation;
    };
    let field = |at: usize| Expr::Field(Box::new(Expr::column(0)), at);
    let columns = fields.iter().enumerate().map(|(at, (name, of))| OutColumn {
        name: name.clone(),
        typed: Typed::new(Expr::column(at), of.clone()),
    });
    let exprs = (0..fields.len()).map(field).collect();
    Relation {
        node: Node::Project { input: Box::new(relation.node), exprs },
        columns: columns.collect(),
        value_table: false,
    }
}

impl<'a> Analyzer<'a> {
    fn new(
        tables: &'a [BoundTable],
        parameters: &'a [Parameter],
        functions: &'a [UserFunction],
    ) -> Self {
        Self {
            tables,
            parameters,
            functions,
            calls: Cell::new(0),
            with: RefCell::default(),
            next_id: Cell::new(0),
        }
    }

    fn new_id(&self) -> usize {
        self.next_id.set(self.next_id.get() + 1);
        self.next_id.get()
    }
}
