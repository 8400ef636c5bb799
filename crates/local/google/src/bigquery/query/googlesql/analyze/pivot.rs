//! PIVOT and UNPIVOT.
//!
//! Semantics: GoogleSQL reference, "PIVOT operator" and "UNPIVOT operator".

use super::from::{Source, as_typed};
use super::scope::{NamedColumn, Names, RangeVariable, Scope};
use super::typed::{cast_expr, supertype};
use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::ast::{Expr as Ast, Pivot, Unpivot};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::plan::{AggregateNode, Expr, Node};
use crate::bigquery::query::googlesql::tables::same_name;
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

impl Analyzer<'_> {
    pub(super) fn pivot(
        &self,
        (node, names): Source,
        pivot: &Pivot,
        alias: Option<&str>,
        parent: Option<&Scope<'_>>,
    ) -> Result<Source> {
        let scope = Scope::new(names.clone(), parent);
        let input = self.expr(&pivot.input, &scope)?;
        let mut used = Vec::new();
        input.expr.columns(&mut used);
        let mut calls = Vec::new();
        let mut columns = Vec::new();
        for (value, value_alias) in &pivot.values {
            let label = match value_alias {
                Some(alias) => alias.clone(),
                None => value_label(value)?,
            };
            let value = self.expr(value, &scope)?;
            let test = self.apply("$is_distinct", vec![input.clone(), value])?;
            let test = self.apply("$not", vec![test])?;
            for (aggregate, aggregate_alias) in &pivot.aggregates {
                let Ast::Call(call) = aggregate else {
                    return Err(SqlError::invalid("PIVOT needs calls of aggregate functions"));
                };
                let mut found = self.aggregate_call(call, &scope, None)?;
                found.args.iter().for_each(|it| it.columns(&mut used));
                found.order.iter().for_each(|it| it.expr.columns(&mut used));
                found.filter = Some(test.expr.clone());
                let name = match aggregate_alias {
                    Some(alias) => format!("{alias}_{label}"),
                    None if pivot.aggregates.len() > 1 => {
                        return Err(SqlError::invalid(
                            "PIVOT with several aggregates needs aliases",
                        ));
                    }
                    // A name cannot start with a digit.
                    None if label.starts_with(|it: char| it.is_ascii_digit()) => {
                        format!("_{label}")
                    }
                    None => label.clone(),
                };
                columns.push((name, found.result.clone()));
                calls.push(found);
            }
        }
        let is_key = |column: &&NamedColumn| {
            let mut own = Vec::new();
            column.expr.columns(&mut own);
            !own.iter().any(|it| used.contains(it))
        };
        let keys: Vec<NamedColumn> = names.columns.iter().filter(is_key).cloned().collect();
        let mut named = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            if !key.ty.is_groupable() {
                return Err(SqlError::invalid(format!(
                    "PIVOT cannot group by column {}",
                    key.name
                )));
            }
            named.push(NamedColumn { expr: Expr::column(at), ..key.clone() });
        }
        for (at, (name, ty)) in columns.into_iter().enumerate() {
            named.push(NamedColumn { name, ty, expr: Expr::column(keys.len() + at) });
        }
        let sets = vec![(0..keys.len()).collect()];
        let keys = keys.into_iter().map(|it| it.expr).collect();
        let node = Node::Aggregate(Box::new(AggregateNode { input: node, keys, sets, calls }));
        Ok((node, names_under(named, alias)))
    }

    pub(super) fn unpivot(
        &self,
        (node, names): Source,
        unpivot: &Unpivot,
        alias: Option<&str>,
    ) -> Result<Source> {
        let column = |name: &String| {
            let found = names.columns.iter().find(|it| same_name(&it.name, name));
            found.ok_or_else(|| SqlError::invalid(format!("Column {name} of UNPIVOT not found")))
        };
        let mut groups = Vec::new();
        for (columns, label) in &unpivot.columns {
            if columns.len() != unpivot.values.len() {
                return Err(SqlError::invalid("UNPIVOT has groups of columns of different sizes"));
            }
            let columns = columns.iter().map(column).collect::<Result<Vec<_>>>()?;
            let joined = columns.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join("_");
            let label = match label {
                None => Typed::constant(Value::text(joined), Type::String),
                Some(Ast::Text(text)) => Typed::constant(Value::text(text), Type::String),
                Some(Ast::Int(number)) => Typed::constant(Value::Int(*number), Type::Int64),
                Some(_) => {
                    return Err(SqlError::invalid("UNPIVOT needs a constant for its column"));
                }
            };
            groups.push((columns, label));
        }
        let label_type = groups.first().map_or(Type::String, |it| it.1.ty.clone());
        if groups.iter().any(|it| it.1.ty != label_type) {
            return Err(SqlError::invalid("UNPIVOT has constants of different types"));
        }
        let taken = |it: &&NamedColumn| {
            !groups.iter().flat_map(|(columns, _)| columns).any(|taken| taken.expr == it.expr)
        };
        let kept: Vec<&NamedColumn> = names.columns.iter().filter(taken).collect();
        let mut named: Vec<NamedColumn> = Vec::new();
        for (at, column) in kept.iter().enumerate() {
            named.push(NamedColumn { expr: Expr::column(at), ..(*column).clone() });
        }
        let mut value_types = Vec::new();
        for (at, name) in unpivot.values.iter().enumerate() {
            let values: Vec<_> = groups.iter().map(|(columns, _)| as_typed(columns[at])).collect();
            let of = supertype(&values).filter(|of| values.iter().all(|it| it.ty == *of));
            let of = of.ok_or_else(|| SqlError::invalid("UNPIVOT needs columns of one type"))?;
            let expr = Expr::column(named.len());
            named.push(NamedColumn { name: name.clone(), ty: of.clone(), expr });
            value_types.push(of);
        }
        let expr = Expr::column(named.len());
        named.push(NamedColumn { name: unpivot.name.clone(), ty: label_type, expr });
        let rows = groups.iter().map(|(columns, label)| {
            let values = columns.iter().zip(&value_types);
            let values = values.map(|(it, of)| cast_expr(it.expr.clone(), &it.ty, of));
            let kept = kept.iter().map(|it| it.expr.clone());
            kept.chain(values).chain([label.expr.clone()]).collect()
        });
        let rows = rows.collect();
        let range = kept.len()..kept.len() + value_types.len();
        let skip_nulls = (!unpivot.include_nulls).then_some(range);
        let node = Node::Unpivot { input: Box::new(node), rows, skip_nulls };
        Ok((node, names_under(named, alias)))
    }
}

fn names_under(columns: Vec<NamedColumn>, alias: Option<&str>) -> Names {
    let width = columns.len();
    let ranges = alias.map(|alias| RangeVariable {
        alias: alias.to_owned(),
        columns: columns.clone(),
        value: None,
    });
    Names { columns, hidden: Vec::new(), ranges: ranges.into_iter().collect(), width }
}

/// `minus_1_point_5`.
fn number_label(number: &str) -> String {
    number.replace('-', "minus_").replace('.', "_point_")
}

/// The name that a value gives to its column.
fn value_label(value: &Ast) -> Result<String> {
    Ok(match value {
        Ast::Text(text) => text.clone(),
        Ast::Int(number) => number_label(&number.to_string()),
        Ast::Float(_, image) if !image.contains(['e', 'E']) => number_label(image),
        Ast::Typed(Type::Numeric | Type::BigNumeric, text) => number_label(text),
        Ast::Bool(value) => value.to_string(),
        Ast::Null => "NULL".to_owned(),
        Ast::Typed(Type::Date, text) => text.replace('-', "_"),
        _ => return Err(SqlError::invalid("A value of PIVOT needs an alias")),
    })
}
