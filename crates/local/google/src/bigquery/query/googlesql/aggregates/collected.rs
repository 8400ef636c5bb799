//! Aggregates that need all rows at once.

use std::collections::HashMap;

use num_bigint::BigInt;

use super::{Accumulator, Aggregate, keeping, skipping};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::functions::{Sketch, add};
use crate::bigquery::query::googlesql::numeric::{
    BIG_SCALE, NUMERIC_SCALE, divide_rounded, power_of_ten, to_big, units_to_float,
};
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
    keeping("APPROX_QUANTILES", "T, INT64 -> ARRAY<T> | T, INT64, BOOL -> ARRAY<T>", |_| {
        collect(quantiles)
    }),
    keeping("APPROX_TOP_COUNT", "T, INT64 -> special", |_| collect(|rows| top(rows, false))),
    keeping("APPROX_TOP_SUM", "T, INT64, INT64 -> special | T, FLOAT64, INT64 -> special", |_| {
        collect(|rows| top(rows, true))
    }),
    skipping("HLL_COUNT.INIT", HLL_INPUT, |_| collect(|rows| sketch(rows, false))),
    skipping("HLL_COUNT.MERGE_PARTIAL", "BYTES -> BYTES", |_| collect(|rows| sketch(rows, true))),
    skipping("HLL_COUNT.MERGE", "BYTES -> INT64", |_| collect(|rows| Ok(merged(rows)?.count()))),
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

const FLOAT: &str = "FLOAT64 -> FLOAT64 | NUMERIC -> FLOAT64 | BIGNUMERIC -> FLOAT64";
/// The values, and the precision, which changes nothing here.
const HLL_INPUT: &str = "INT64, INT64? -> BYTES | NUMERIC, INT64? -> BYTES | \
                         BIGNUMERIC, INT64? -> BYTES | STRING, INT64? -> BYTES | BYTES, INT64? -> BYTES";
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

    fn keeps_rows(&self) -> bool {
        true
    }

    fn result(&self) -> Result<Value> {
        (self.finish)(&self.rows)
    }
}

/// A sketch of values or of sketches; NULL without any.
fn sketch(rows: &[Vec<Value>], merging: bool) -> Result<Value> {
    if rows.is_empty() {
        return Ok(Value::Null);
    }
    if merging {
        return merged(rows)?.write();
    }
    let mut sketch = Sketch::default();
    for row in rows {
        if !matches!(row.get(1), None | Some(Value::Int(10..=24))) {
            return Err(SqlError::failed("the precision of HLL_COUNT.INIT must be from 10 to 24"));
        }
        sketch.add(&row[0])?;
    }
    sketch.write()
}

fn merged(rows: &[Vec<Value>]) -> Result<Sketch> {
    let mut sketch = Sketch::default();
    for row in rows {
        if let Value::Bytes(bytes) = &row[0] {
            sketch.merge(bytes)?;
        }
    }
    Ok(sketch)
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
    // RESPECT NULLS has a third argument.
    if rows.first().is_some_and(|it| it.len() == 2) {
        values.retain(|it| !it.is_null());
    }
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

/// The differences of numbers from their mean, divided by a power of two that keeps their squares
/// finite, and that power. They are taken from the first number, so equal numbers have no difference.
fn deviations(values: &[f64]) -> (Vec<f64>, f64) {
    let most = values.iter().fold(0.0_f64, |most, it| most.max(it.abs()));
    let scale = if most.is_finite() && most > 1e100 { 2.0_f64.powi(600) } else { 1.0 };
    let first = values.first().map_or(0.0, |it| it / scale);
    let shifted: Vec<f64> = values.iter().map(|it| it / scale - first).collect();
    let mean = shifted.iter().sum::<f64>() / values.len() as f64;
    (shifted.iter().map(|it| it - mean).collect(), scale)
}

fn spread(rows: &[Vec<Value>], sample: bool, root: bool) -> Result<Value> {
    let divisor = rows.len() as i64 - i64::from(sample);
    if divisor <= 0 {
        return Ok(Value::Null);
    }
    if !matches!(rows[0][0], Value::Float(_)) {
        let variance = exact_variance(rows, divisor)?;
        return Ok(Value::Float(if root { variance.sqrt() } else { variance }));
    }
    let values = floats(rows, 0);
    if values.len() == 1 && values[0].is_finite() {
        return Ok(Value::Float(0.0));
    }
    let (differences, scale) = deviations(&values);
    let variance = differences.iter().map(|it| it.powi(2)).sum::<f64>() / divisor as f64;
    let result = if root { variance.sqrt() * scale } else { variance * scale * scale };
    if result.is_infinite() && values.iter().all(|it| it.is_finite()) {
        return Err(SqlError::overflow("FLOAT64"));
    }
    Ok(Value::Float(result))
}

/// The variance of decimals: exact until its last step.
fn exact_variance(rows: &[Vec<Value>], divisor: i64) -> Result<f64> {
    let (mut sum, mut squares, mut scale) = (BigInt::ZERO, BigInt::ZERO, NUMERIC_SCALE);
    for row in rows {
        let units = match &row[0] {
            Value::Numeric(it) => BigInt::from(*it),
            Value::BigNumeric(it) => {
                scale = BIG_SCALE;
                to_big(**it)
            }
            _ => return Err(SqlError::failed("a number was expected")),
        };
        squares += &units * &units;
        sum += units;
    }
    let count = BigInt::from(rows.len());
    let difference = &count * squares - &sum * &sum;
    // Far more digits than a FLOAT64 keeps.
    const MORE: u32 = 60;
    let quotient = divide_rounded(&(difference * power_of_ten(MORE)), &(count * divisor));
    Ok(units_to_float(&quotient, MORE + 2 * scale))
}

/// Rows with a NULL in either argument do not count.
fn complete(rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
    rows.iter().filter(|it| !it.iter().any(Value::is_null)).cloned().collect()
}

fn covariance(rows: &[Vec<Value>], fewer: f64) -> Result<Value> {
    let rows = complete(rows);
    let divisor = rows.len() as f64 - fewer;
    if divisor <= 0.0 {
        return Ok(Value::Null);
    }
    let (xs, by_x) = deviations(&floats(&rows, 0));
    let (ys, by_y) = deviations(&floats(&rows, 1));
    let sum: f64 = xs.iter().zip(&ys).map(|(a, b)| a * b).sum();
    Ok(Value::Float(sum / divisor * by_x * by_y))
}

fn correlation(rows: &[Vec<Value>]) -> Result<Value> {
    let rows = complete(rows);
    if rows.len() < 2 {
        return Ok(Value::Null);
    }
    // The powers of two cancel out.
    let (xs, _) = deviations(&floats(&rows, 0));
    let (ys, _) = deviations(&floats(&rows, 1));
    let sum: f64 = xs.iter().zip(&ys).map(|(a, b)| a * b).sum();
    let square = |values: &[f64]| values.iter().map(|it| it.powi(2)).sum::<f64>();
    Ok(Value::Float(sum / (square(&xs).sqrt() * square(&ys).sqrt())))
}
