//! Aggregates that need all rows at once.

use std::collections::HashMap;

use super::{Accumulator, Aggregate, keeping, skipping};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::functions::add;
use crate::bigquery::query::googlesql::value::{Key, Value};

pub(super) static AGGREGATES: &[Aggregate] = &[
    keeping("ARRAY_AGG", "T -> ARRAY<T>", |_| {
        collect(|rows| {
            if rows.is_empty() {
                return Ok(Value::Null);
            }
            Ok(Value::array(rows.iter().map(|it| it[0].clone()).collect()))
        })
    }),
    skipping("ARRAY_CONCAT_AGG", "ARRAY<T> -> ARRAY<T>", |_| {
        collect(|rows| {
            let mut joined = Vec::new();
            for row in rows {
                if let Value::Array(items) = &row[0] {
                    joined.extend_from_slice(items);
                }
            }
            Ok(if rows.is_empty() { Value::Null } else { Value::array(joined) })
        })
    }),
    skipping("STRING_AGG", "STRING, STRING? -> STRING | BYTES, BYTES? -> BYTES", |_| {
        collect(string_agg)
    }),
    skipping("APPROX_COUNT_DISTINCT", "T -> INT64", |_| {
        collect(|rows| {
            let distinct: std::collections::HashSet<_> =
                rows.iter().map(|it| Key(vec![it[0].clone()])).collect();
            Ok(Value::Int(i64::try_from(distinct.len()).unwrap_or(i64::MAX)))
        })
    }),
    keeping("APPROX_QUANTILES", "T, INT64 -> ARRAY<T>", |_| collect(quantiles)),
    keeping("APPROX_TOP_COUNT", "T, INT64 -> special", |_| collect(|rows| top(rows, false))),
    keeping("APPROX_TOP_SUM", "T, INT64, INT64 -> special | T, FLOAT64, INT64 -> special", |_| {
        collect(|rows| top(rows, true))
    }),
    skipping("MAX_BY", "T, U -> T", |_| collect(|rows| by(rows, std::cmp::Ordering::Greater))),
    skipping("MIN_BY", "T, U -> T", |_| collect(|rows| by(rows, std::cmp::Ordering::Less))),
    skipping("STDDEV", FLOAT, |_| collect(|rows| spread(rows, true, true))),
    skipping("STDDEV_SAMP", FLOAT, |_| collect(|rows| spread(rows, true, true))),
    skipping("STDDEV_POP", FLOAT, |_| collect(|rows| spread(rows, false, true))),
    skipping("VARIANCE", FLOAT, |_| collect(|rows| spread(rows, true, false))),
    skipping("VAR_SAMP", FLOAT, |_| collect(|rows| spread(rows, true, false))),
    skipping("VAR_POP", FLOAT, |_| collect(|rows| spread(rows, false, false))),
    skipping("CORR", PAIR, |_| collect(correlation)),
    skipping("COVAR_POP", PAIR, |_| collect(|rows| covariance(rows, 0.0))),
    skipping("COVAR_SAMP", PAIR, |_| collect(|rows| covariance(rows, 1.0))),
];

const FLOAT: &str = "FLOAT64 -> FLOAT64";
const PAIR: &str = "FLOAT64, FLOAT64 -> FLOAT64";

type Finish = fn(&[Vec<Value>]) -> Result<Value>;

struct Collected {
    rows: Vec<Vec<Value>>,
    finish: Finish,
}

fn collect(finish: Finish) -> Box<dyn Accumulator> {
    Box::new(Collected { rows: Vec::new(), finish })
}

impl Accumulator for Collected {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.rows.push(args.to_vec());
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        (self.finish)(&self.rows)
    }
}

/// The separator of a row stands before its text; that of the first is unused.
fn string_agg(rows: &[Vec<Value>]) -> Result<Value> {
    let mut text = String::new();
    let mut bytes = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        match (&row[0], row.get(1)) {
            (Value::Text(it), separator) => {
                let separator = match separator {
                    None => ",",
                    Some(Value::Text(it)) => it,
                    Some(_) => return Ok(Value::Null),
                };
                if at > 0 {
                    text.push_str(separator);
                }
                text.push_str(it);
            }
            (Value::Bytes(it), separator) => {
                let separator: &[u8] = match separator {
                    None => b",",
                    Some(Value::Bytes(it)) => it,
                    Some(_) => return Ok(Value::Null),
                };
                if at > 0 {
                    bytes.extend_from_slice(separator);
                }
                bytes.extend_from_slice(it);
            }
            _ => {}
        }
    }
    Ok(match rows.first().map(|it| &it[0]) {
        None => Value::Null,
        Some(Value::Bytes(_)) => Value::bytes(bytes),
        Some(_) => Value::text(text),
    })
}

/// `number + 1` boundaries, the least and greatest values among them.
fn quantiles(rows: &[Vec<Value>]) -> Result<Value> {
    let Some(Value::Int(number)) = rows.first().and_then(|it| it.get(1)) else {
        return Ok(Value::Null);
    };
    let number = usize::try_from(*number).ok().filter(|it| *it > 0);
    let number =
        number.ok_or_else(|| SqlError::failed("APPROX_QUANTILES needs a positive number"))?;
    let mut values: Vec<&Value> = rows.iter().map(|it| &it[0]).collect();
    values.retain(|it| !it.is_null());
    values.sort_by(|a, b| a.order(b));
    let Some(last) = values.len().checked_sub(1) else { return Ok(Value::Null) };
    // The first value that has the wanted share of all values before it or at it.
    let at = |step: usize| (step * values.len()).div_ceil(number).saturating_sub(1);
    Ok(Value::array((0..=number).map(|step| values[at(step).min(last)].clone()).collect()))
}

fn top(rows: &[Vec<Value>], weighted: bool) -> Result<Value> {
    let wanted = rows.first().and_then(|it| it.last().cloned());
    let Some(Value::Int(wanted)) = wanted else { return Ok(Value::Null) };
    let wanted = usize::try_from(wanted).ok().filter(|it| *it > 0);
    let wanted =
        wanted.ok_or_else(|| SqlError::failed("a number of top values must be positive"))?;
    let mut found: Vec<(Value, Value)> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for row in rows {
        let weight = if weighted { row[1].clone() } else { Value::Int(1) };
        let place = *places.entry(Key(vec![row[0].clone()])).or_insert_with(|| {
            found.push((row[0].clone(), Value::Null));
            found.len() - 1
        });
        let so_far = &mut found[place].1;
        *so_far = match (so_far.is_null(), weight.is_null()) {
            (true, _) => weight,
            (_, true) => so_far.clone(),
            _ => add(&[so_far.clone(), weight])?,
        };
    }
    found.sort_by(|a, b| b.1.order(&a.1));
    let items = found.into_iter().take(wanted);
    Ok(Value::array(items.map(|(value, weight)| Value::Struct([value, weight].into())).collect()))
}

fn by(rows: &[Vec<Value>], wanted: std::cmp::Ordering) -> Result<Value> {
    let mut best: Option<&Vec<Value>> = None;
    for row in rows.iter().filter(|it| !it[1].is_null()) {
        if best.is_none_or(|best| row[1].order(&best[1]) == wanted) {
            best = Some(row);
        }
    }
    Ok(best.map_or(Value::Null, |it| it[0].clone()))
}

fn floats(rows: &[Vec<Value>], at: usize) -> Vec<f64> {
    let value = |row: &Vec<Value>| match row.get(at) {
        Some(Value::Float(it)) => *it,
        _ => f64::NAN,
    };
    rows.iter().map(value).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn spread(rows: &[Vec<Value>], sample: bool, root: bool) -> Result<Value> {
    let values = floats(rows, 0);
    let divisor = values.len() as f64 - if sample { 1.0 } else { 0.0 };
    if divisor <= 0.0 {
        return Ok(Value::Null);
    }
    if values.len() == 1 && values[0].is_finite() {
        return Ok(Value::Float(0.0));
    }
    let mean = mean(&values);
    let variance = values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / divisor;
    Ok(Value::Float(if root { variance.sqrt() } else { variance }))
}

/// Rows with a NULL in either argument do not count.
fn complete(rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
    rows.iter().filter(|it| !it.iter().any(Value::is_null)).cloned().collect()
}

fn covariance(rows: &[Vec<Value>], fewer: f64) -> Result<Value> {
    let rows = complete(rows);
    let (xs, ys) = (floats(&rows, 0), floats(&rows, 1));
    let divisor = rows.len() as f64 - fewer;
    if divisor <= 0.0 {
        return Ok(Value::Null);
    }
    let (x, y) = (mean(&xs), mean(&ys));
    let sum: f64 = xs.iter().zip(&ys).map(|(a, b)| (a - x) * (b - y)).sum();
    Ok(Value::Float(sum / divisor))
}

fn correlation(rows: &[Vec<Value>]) -> Result<Value> {
    let rows = complete(rows);
    if rows.len() < 2 {
        return Ok(Value::Null);
    }
    let (xs, ys) = (floats(&rows, 0), floats(&rows, 1));
    let (x, y) = (mean(&xs), mean(&ys));
    let sum: f64 = xs.iter().zip(&ys).map(|(a, b)| (a - x) * (b - y)).sum();
    let square =
        |values: &[f64], mean: f64| values.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
    Ok(Value::Float(sum / (square(&xs, x) * square(&ys, y)).sqrt()))
}
