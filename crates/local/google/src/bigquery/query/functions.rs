//! Translation of BigQuery's functions, types and operators to the query engine's.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType as ArrowType;
use datafusion::common::DFSchema;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{ExprSchemable, cast};
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, ExactNumberInfo, Expr, Function, FunctionArguments, TimezoneInfo,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::own_functions::TRUNCATE;

/// Replaces a BigQuery type by the engine's equivalent.
pub(super) fn to_engine_type(data_type: &mut DataType) {
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
        // In microseconds, as BigQuery's: the engine's default is nanoseconds, which end in 2262.
        DataType::Timestamp(None, TimezoneInfo::None) => {
            DataType::Timestamp(Some(6), TimezoneInfo::WithTimeZone)
        }
        DataType::Datetime(_) => DataType::Timestamp(Some(6), TimezoneInfo::None),
        _ => return,
    };
}

/// The engine's equivalent of a BigQuery function that the engine lacks or names differently.
/// `None`: the function needs no translation. The arguments must have been translated already.
pub(super) fn translate_function(function: &Function) -> Option<Expr> {
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
            format!("{TRUNCATE}({value}, '{part}')")
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
        ("TIMESTAMP", [value]) => format!("CAST({value} AS TIMESTAMP(6) WITH TIME ZONE)"),
        ("DATETIME", [value]) => format!("CAST({value} AS TIMESTAMP(6))"),
        ("LOGICAL_OR", [value]) => format!("bool_or({value})"),
        ("LOGICAL_AND", [value]) => format!("bool_and({value})"),
        ("ANY_VALUE", [value]) => format!("first_value({value})"),
        ("APPROX_COUNT_DISTINCT", [value]) => format!("approx_distinct({value})"),
        ("TO_HEX", [value]) => format!("encode({value}, 'hex')"),
        ("TO_BASE64", [value]) => format!("encode({value}, 'base64pad')"),
        ("REGEXP_CONTAINS", [value, pattern]) => format!("regexp_like({value}, {pattern})"),
        _ => return None,
    };
    let mut new = parse_expression(&text)?;
    // An aggregate function keeps its OVER clause.
    if let (Expr::Function(new), Some(over)) = (&mut new, &function.over) {
        new.over = Some(over.clone());
    }
    Some(new)
}

/// `CURRENT_TIMESTAMP()` and its like at the virtual time `now`; `None` for any other function. The
/// engine would return the time of the machine.
pub(super) fn current_time(function: &Function, now: Timestamp) -> Option<Expr> {
    let has_arguments = match &function.args {
        FunctionArguments::None => false,
        FunctionArguments::List(list) => !list.args.is_empty(),
        FunctionArguments::Subquery(_) => true,
    };
    let utc = now.to_zoned(TimeZone::UTC).datetime();
    let text = match function.name.to_string().to_ascii_uppercase().as_str() {
        _ if has_arguments => return None,
        "CURRENT_TIMESTAMP" => format!("CAST('{now}' AS TIMESTAMP(6) WITH TIME ZONE)"),
        "CURRENT_DATETIME" => format!("CAST('{utc}' AS TIMESTAMP(6))"),
        "CURRENT_DATE" => format!("CAST('{}' AS DATE)", utc.date()),
        "CURRENT_TIME" => format!("CAST('{}' AS TIME)", utc.time()),
        _ => return None,
    };
    parse_expression(&text)
}

/// Parses a generated expression. In the generic dialect a backslash in a text is literal, which
/// matches how the syntax tree prints texts.
pub(super) fn parse_expression(text: &str) -> Option<Expr> {
    Parser::new(&GenericDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}

/// Makes the engine divide as BigQuery does.
pub(super) fn register_division(context: &SessionContext) {
    // Registering a planner cannot fail for a `SessionContext`.
    let _ = context.state_ref().write().register_expr_planner(Arc::new(FloatDivision));
}

/// In BigQuery, `/` of two INT64 returns a FLOAT64.
#[derive(Debug)]
struct FloatDivision;

impl ExprPlanner for FloatDivision {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> datafusion::error::Result<PlannerResult<RawBinaryExpr>> {
        let is_integer = |it: &datafusion::logical_expr::Expr| {
            it.get_type(schema).is_ok_and(|it| it.is_integer())
        };
        if expr.op == BinaryOperator::Divide && is_integer(&expr.left) && is_integer(&expr.right) {
            return Ok(PlannerResult::Original(RawBinaryExpr {
                left: cast(expr.left, ArrowType::Float64),
                ..expr
            }));
        }
        Ok(PlannerResult::Original(expr))
    }
}
