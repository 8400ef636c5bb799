//! Aggregates that keep a running value.

use std::cmp::Ordering;

use num_bigint::BigInt;

use super::{Accumulator, Aggregate, Init, keeping, skipping};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::functions::zero;
use crate::bigquery::query::googlesql::interval::Interval;
use crate::bigquery::query::googlesql::numeric::{
    bignumeric_from_big, divide_rounded, numeric_from_big, to_big,
};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

pub(super) static AGGREGATES: &[Aggregate] = &[
    skipping("COUNT", "T -> INT64", |_| Box::new(Count(0))),
    // COUNT(*), which has no argument.
    keeping("$count_star", "-> INT64", |_| Box::new(Count(0))),
    // GROUPING, whose argument is whether the key is NULL for its set.
    keeping("GROUPING", "T -> INT64", |_| Box::new(Count(0))),
    keeping("COUNTIF", "BOOL -> INT64", |_| Box::new(CountIf(0))),
    skipping(
        "SUM",
        "INT64 -> INT64 | FLOAT64 -> FLOAT64 | NUMERIC -> NUMERIC | BIGNUMERIC -> BIGNUMERIC | \
         INTERVAL -> INTERVAL",
        |init| Box::new(Sum::new(init)),
    ),
    skipping(
        "AVG",
        "INT64 -> FLOAT64 | FLOAT64 -> FLOAT64 | NUMERIC -> NUMERIC | BIGNUMERIC -> BIGNUMERIC | \
         INTERVAL -> INTERVAL",
        |init| Box::new(Average(Sum::new(init))),
    ),
    skipping("MIN", "T -> T", |_| Box::new(Extreme(Ordering::Less, None))),
    skipping("MAX", "T -> T", |_| Box::new(Extreme(Ordering::Greater, None))),
    keeping("ANY_VALUE", "T -> T", |_| Box::new(Any(None))),
    skipping("LOGICAL_AND", "BOOL -> BOOL", |_| Box::new(Logical(true, None))),
    skipping("LOGICAL_OR", "BOOL -> BOOL", |_| Box::new(Logical(false, None))),
    skipping("BIT_AND", "INT64 -> INT64", |_| Box::new(Bits(|a, b| a & b, None))),
    skipping("BIT_OR", "INT64 -> INT64", |_| Box::new(Bits(|a, b| a | b, None))),
    skipping("BIT_XOR", "INT64 -> INT64", |_| Box::new(Bits(|a, b| a ^ b, None))),
];

struct Count(i64);

impl Accumulator for Count {
    fn add(&mut self, _: &[Value]) -> Result<()> {
        self.0 += 1;
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        Ok(Value::Int(self.0))
    }
}

struct CountIf(i64);

impl Accumulator for CountIf {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.0 += i64::from(args[0].is_true());
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        Ok(Value::Int(self.0))
    }
}

/// A sum without rounding or overflow on the way.
struct Sum {
    of: Type,
    count: i64,
    whole: i128,
    float: f64,
    big: BigInt,
    interval: Interval,
}

impl Sum {
    fn new(init: &Init<'_>) -> Self {
        Self {
            of: init.types[0].clone(),
            count: 0,
            whole: 0,
            float: 0.0,
            big: BigInt::ZERO,
            interval: Interval::default(),
        }
    }
}

impl Accumulator for Sum {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.count += 1;
        match &args[0] {
            Value::Int(it) => self.whole += i128::from(*it),
            Value::Numeric(it) => {
                self.whole = match self.whole.checked_add(*it) {
                    Some(sum) => sum,
                    None => {
                        self.big += self.whole;
                        *it
                    }
                };
            }
            Value::Float(it) => {
                let sum = self.float + it;
                if sum.is_infinite() && self.float.is_finite() && it.is_finite() {
                    return Err(SqlError::overflow("FLOAT64"));
                }
                self.float = sum;
            }
            Value::BigNumeric(it) => self.big += to_big(**it),
            Value::Interval(it) => self.interval = self.interval.plus(it)?,
            _ => return Err(SqlError::failed("SUM needs numbers")),
        }
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        Ok(match zero(&self.of) {
            Value::Int(_) => {
                Value::Int(i64::try_from(self.whole).map_err(|_| SqlError::overflow("INT64"))?)
            }
            Value::Float(_) => Value::Float(self.float),
            Value::Numeric(_) => Value::Numeric(numeric_from_big(&(&self.big + self.whole))?),
            Value::BigNumeric(_) => Value::big(bignumeric_from_big(&self.big)?),
            _ => Value::Interval(Box::new(self.interval)),
        })
    }
}

struct Average(Sum);

impl Accumulator for Average {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.0.add(args)
    }

    fn result(&self) -> Result<Value> {
        let sum = &self.0;
        if sum.count == 0 {
            return Ok(Value::Null);
        }
        let count = BigInt::from(sum.count);
        Ok(match zero(&sum.of) {
            Value::Int(_) => Value::Float(sum.whole as f64 / sum.count as f64),
            Value::Float(_) => Value::Float(sum.float / sum.count as f64),
            Value::Numeric(_) => {
                let average = divide_rounded(&(&sum.big + sum.whole), &count);
                Value::Numeric(numeric_from_big(&average)?)
            }
            Value::BigNumeric(_) => {
                Value::big(bignumeric_from_big(&divide_rounded(&sum.big, &count))?)
            }
            _ => Value::Interval(Box::new(sum.interval.divided_by(sum.count)?)),
        })
    }
}

/// The least or greatest value; NaN if there is one.
struct Extreme(Ordering, Option<Value>);

impl Accumulator for Extreme {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        let is_nan = |it: &Value| matches!(it, Value::Float(it) if it.is_nan());
        let better = match &self.1 {
            None => true,
            Some(best) => !is_nan(best) && (is_nan(&args[0]) || args[0].order(best) == self.0),
        };
        if better {
            self.1 = Some(args[0].clone());
        }
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        Ok(self.1.clone().unwrap_or(Value::Null))
    }
}

struct Any(Option<Value>);

impl Accumulator for Any {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.0.get_or_insert_with(|| args[0].clone());
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        Ok(self.0.clone().unwrap_or(Value::Null))
    }
}

struct Logical(bool, Option<bool>);

impl Accumulator for Logical {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        let value = args[0].is_true();
        let so_far = self.1.unwrap_or(self.0);
        self.1 = Some(if self.0 { so_far && value } else { so_far || value });
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        Ok(self.1.map_or(Value::Null, Value::Bool))
    }
}

struct Bits(fn(i64, i64) -> i64, Option<i64>);

impl Accumulator for Bits {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        if let Value::Int(value) = &args[0] {
            self.1 = Some(self.1.map_or(*value, |it| self.0(it, *value)));
        }
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        Ok(self.1.map_or(Value::Null, Value::Int))
    }
}
