//! Window functions.
//!
//! Semantics: GoogleSQL reference, "Window function calls".

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use super::aggregate::Collector;
use super::sort::compare_keys;
use super::{Outer, Run, env, eval_all};
use crate::bigquery::query::googlesql::ast::Bound;
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::functions::add as add_values;
use crate::bigquery::query::googlesql::plan::{Expr, WindowCall, WindowKind};
use crate::bigquery::query::googlesql::value::{Key, Row, Value};
use crate::bigquery::query::googlesql::window_functions::WindowFunction;

/// Adds the results of the calls to the rows.
pub(super) fn run(
    mut rows: Vec<Row>,
    calls: &[WindowCall],
    cx: &Run<'_>,
    outer: Outer<'_>,
) -> Result<Vec<Row>> {
    let width = rows.first().map_or(0, Vec::len);
    for call in calls {
        let mut results = vec![Value::Null; rows.len()];
        for partition in partitions(&rows, call, cx, outer)? {
            let window = Partition { call, rows: &rows, members: &partition, cx, outer };
            for (member, result) in partition.iter().zip(window.results()?) {
                results[member.0] = result;
            }
        }
        for (row, result) in rows.iter_mut().zip(results) {
            row.push(result);
        }
    }
    assert!(rows.iter().all(|it| it.len() == width + calls.len()));
    Ok(rows)
}

/// The index of a row and its order keys.
type Member = (usize, Row);

fn partitions(
    rows: &[Row],
    call: &WindowCall,
    cx: &Run<'_>,
    outer: Outer<'_>,
) -> Result<Vec<Vec<Member>>> {
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut found: Vec<Vec<Member>> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let env = env(row, outer);
        let key = Key(eval_all(&call.partition, cx, &env)?);
        let keys = call.order.iter().map(|it| it.expr.eval(cx, &env)).collect::<Result<Row>>()?;
        let place = *places.entry(key).or_insert_with(|| {
            found.push(Vec::new());
            found.len() - 1
        });
        found[place].push((at, keys));
    }
    for partition in &mut found {
        partition.sort_by(|a, b| compare_keys(&call.order, &a.1, &b.1));
    }
    Ok(found)
}

struct Partition<'a> {
    call: &'a WindowCall,
    rows: &'a [Row],
    members: &'a [Member],
    cx: &'a Run<'a>,
    outer: Outer<'a>,
}

fn int(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

impl Partition<'_> {
    fn results(&self) -> Result<Vec<Value>> {
        match &self.call.kind {
            WindowKind::Aggregate(call) => {
                let frames = self.frames()?;
                let mut results = Vec::with_capacity(frames.len());
                let mut running = Collector::new(call);
                let mut charge = self.cx.usage.charge();
                let mut done = 0..0;
                for frame in frames {
                    // A frame that only grows keeps its accumulator.
                    let plain =
                        call.order.is_empty() && call.having.is_none() && call.limit.is_none();
                    let grows = plain && frame.start == done.start && frame.end >= done.end;
                    if !grows {
                        running = Collector::new(call);
                        charge = self.cx.usage.charge();
                        done = frame.start..frame.start;
                    }
                    for at in done.end..frame.end {
                        let row = &self.rows[self.members[at].0];
                        running.add(self.cx, &env(row, self.outer), &mut charge)?;
                    }
                    done = frame.start..frame.end.max(frame.start);
                    results.push(if plain {
                        running.current()?
                    } else {
                        let finished = std::mem::replace(&mut running, Collector::new(call));
                        done = usize::MAX..usize::MAX;
                        finished.finish()?
                    });
                }
                Ok(results)
            }
            WindowKind::Function { function, args, ignore_nulls } => {
                self.function(*function, args, *ignore_nulls)
            }
        }
    }

    fn args(&self, args: &[Expr], at: usize) -> Result<Row> {
        let row = &self.rows[self.members[at].0];
        eval_all(args, self.cx, &env(row, self.outer))
    }

    fn same(&self, a: usize, b: usize) -> bool {
        compare_keys(&self.call.order, &self.members[a].1, &self.members[b].1) == Ordering::Equal
    }

    /// For each row, the first and the end of its peers.
    fn peers(&self) -> Vec<Range<usize>> {
        let total = self.members.len();
        let mut ranges = Vec::with_capacity(total);
        let mut start = 0;
        while start < total {
            let end = (start + 1..total).find(|it| !self.same(start, *it)).unwrap_or(total);
            ranges.extend((start..end).map(|_| start..end));
            start = end;
        }
        ranges
    }

    fn function(
        &self,
        function: WindowFunction,
        args: &[Expr],
        ignore_nulls: bool,
    ) -> Result<Vec<Value>> {
        use WindowFunction as F;
        let total = self.members.len();
        let peers = self.peers();
        match function {
            F::RowNumber => Ok((1..=total).map(int).collect()),
            F::Rank => Ok(peers.iter().map(|it| int(it.start + 1)).collect()),
            F::DenseRank => {
                let mut rank = 0;
                let ranks = peers.iter().enumerate().map(|(at, it)| {
                    rank += usize::from(it.start == at);
                    int(rank)
                });
                Ok(ranks.collect())
            }
            F::PercentRank => {
                let share = |it: &Range<usize>| match total {
                    1 => 0.0,
                    _ => it.start as f64 / (total - 1) as f64,
                };
                Ok(peers.iter().map(|it| Value::Float(share(it))).collect())
            }
            F::CumeDist => {
                Ok(peers.iter().map(|it| Value::Float(it.end as f64 / total as f64)).collect())
            }
            F::Ntile => self.ntile(args),
            F::Lag | F::Lead => self.neighbours(args, function == F::Lead),
            F::FirstValue | F::LastValue | F::NthValue => {
                self.of_frame(function, args, ignore_nulls)
            }
            F::PercentileCont | F::PercentileDisc => {
                self.percentile(args, function == F::PercentileCont, ignore_nulls)
            }
        }
    }

    fn ntile(&self, args: &[Expr]) -> Result<Vec<Value>> {
        let total = self.members.len();
        let Some(Value::Int(buckets)) = self.args(args, 0)?.pop() else {
            return Err(SqlError::failed("NTILE needs a number"));
        };
        let buckets = usize::try_from(buckets).ok().filter(|it| *it > 0);
        let buckets = buckets.ok_or_else(|| SqlError::failed("NTILE needs a positive number"))?;
        let (size, larger) = (total / buckets, total % buckets);
        let bucket = |at: usize| match at < larger * (size + 1) {
            true => at / (size + 1),
            false => larger + (at - larger * (size + 1)) / size.max(1),
        };
        Ok((0..total).map(|at| int(bucket(at) + 1)).collect())
    }

    fn neighbours(&self, args: &[Expr], ahead: bool) -> Result<Vec<Value>> {
        let mut results = Vec::new();
        for at in 0..self.members.len() {
            let values = self.args(args, at)?;
            let by = match values.get(1) {
                None => 1,
                Some(Value::Int(by)) if *by >= 0 => usize::try_from(*by).unwrap_or(usize::MAX),
                Some(_) => {
                    return Err(SqlError::failed(
                        "LAG and LEAD need an offset that is not negative",
                    ));
                }
            };
            let other = if ahead { at.checked_add(by) } else { at.checked_sub(by) };
            results.push(match other.filter(|it| *it < self.members.len()) {
                Some(other) => self.args(args, other)?[0].clone(),
                None => values.get(2).cloned().unwrap_or(Value::Null),
            });
        }
        Ok(results)
    }

    fn of_frame(
        &self,
        function: WindowFunction,
        args: &[Expr],
        ignore_nulls: bool,
    ) -> Result<Vec<Value>> {
        let values: Vec<Value> = (0..self.members.len())
            .map(|at| Ok(self.args(&args[..1], at)?.remove(0)))
            .collect::<Result<_>>()?;
        let mut results = Vec::new();
        for (at, frame) in self.frames()?.into_iter().enumerate() {
            let frame = frame.start.min(values.len())..frame.end.max(frame.start).min(values.len());
            let mut wanted = values[frame].iter().filter(|it| !ignore_nulls || !it.is_null());
            let found = match function {
                WindowFunction::FirstValue => wanted.next(),
                WindowFunction::LastValue => wanted.next_back(),
                _ => match self.args(args, at)?.get(1) {
                    Some(Value::Int(n)) if *n > 0 => {
                        wanted.nth(usize::try_from(n - 1).unwrap_or(usize::MAX))
                    }
                    _ => return Err(SqlError::failed("NTH_VALUE needs a positive number")),
                },
            };
            results.push(found.cloned().unwrap_or(Value::Null));
        }
        Ok(results)
    }

    fn percentile(
        &self,
        args: &[Expr],
        continuous: bool,
        ignore_nulls: bool,
    ) -> Result<Vec<Value>> {
        let total = self.members.len();
        let mut values = Vec::new();
        let mut at_share = 0.0;
        for at in 0..total {
            let row = self.args(args, at)?;
            match row.get(1) {
                Some(Value::Float(it)) if (0.0..=1.0).contains(it) => at_share = *it,
                _ => return Err(SqlError::failed("a percentile must be between 0 and 1")),
            }
            if !ignore_nulls || !row[0].is_null() {
                values.push(row[0].clone());
            }
        }
        values.sort_by(Value::order);
        let result = percentile(&values, at_share, continuous);
        Ok(vec![result; total])
    }

    /// The rows that each row's function sees.
    fn frames(&self) -> Result<Vec<Range<usize>>> {
        let total = self.members.len();
        let peers = self.peers();
        let mut frames = Vec::with_capacity(total);
        for at in 0..total {
            let start = self.bound(&self.call.start, at, &peers, true)?;
            let end = self.bound(&self.call.end, at, &peers, false)?;
            frames.push(start..end.max(start));
        }
        Ok(frames)
    }

    /// The first row of a frame, or the one behind its last.
    fn bound(
        &self,
        bound: &Bound<Expr>,
        at: usize,
        peers: &[Range<usize>],
        start: bool,
    ) -> Result<usize> {
        let total = self.members.len();
        let (distance, preceding) = match bound {
            Bound::UnboundedPreceding => return Ok(0),
            Bound::UnboundedFollowing => return Ok(total),
            Bound::CurrentRow if self.call.rows => return Ok(at + usize::from(!start)),
            Bound::CurrentRow => return Ok(if start { peers[at].start } else { peers[at].end }),
            Bound::Preceding(it) => (it, true),
            Bound::Following(it) => (it, false),
        };
        let row = &self.rows[self.members[at].0];
        let distance = distance.eval(self.cx, &env(row, self.outer))?;
        if !self.call.rows {
            return self.range_bound(&distance, preceding, at, start);
        }
        let distance = match distance {
            Value::Int(it) if it >= 0 => usize::try_from(it).unwrap_or(usize::MAX),
            _ => return Err(SqlError::failed("a frame needs a number that is not negative")),
        };
        let edge =
            if preceding { at.checked_sub(distance) } else { Some(at.saturating_add(distance)) };
        Ok(match (edge, start) {
            (None, _) => 0,
            (Some(edge), true) => edge.min(total),
            (Some(edge), false) => edge.saturating_add(1).min(total),
        })
    }

    /// RANGE with a distance: rows whose key is within it.
    fn range_bound(
        &self,
        distance: &Value,
        preceding: bool,
        at: usize,
        start: bool,
    ) -> Result<usize> {
        let (Some(key), Some(order)) = (self.members[at].1.first(), self.call.order.first()) else {
            return Err(SqlError::invalid("RANGE with a distance needs one ORDER BY key"));
        };
        if key.is_null() || matches!(key, Value::Float(it) if it.is_nan()) {
            let same = |member: &Member| member.1[0].order(key).is_eq();
            let first = self.members.iter().position(same).unwrap_or(0);
            let last = self.members.iter().rposition(same).map_or(0, |it| it + 1);
            return Ok(if start { first } else { last });
        }
        let negative = preceding != order.descending;
        let distance = match (distance, negative) {
            (Value::Int(it), true) => Value::Int(-it),
            (Value::Float(it), true) => Value::Float(-it),
            (Value::Numeric(it), true) => Value::Numeric(-it),
            (other, false) => other.clone(),
            _ => return Err(SqlError::unknown("RANGE over keys of this type")),
        };
        let edge = add_values(&[key.clone(), distance])?;
        let ahead =
            |value: &Value| if order.descending { edge.order(value) } else { value.order(&edge) };
        let reached = |member: &Member| {
            let value = &member.1[0];
            if value.is_null() {
                // NULL stands before or after all keys.
                return !order.nulls_first;
            }
            if start { ahead(value).is_ge() } else { ahead(value).is_gt() }
        };
        Ok(self.members.iter().position(reached).unwrap_or(self.members.len()))
    }
}

/// The value at a share of sorted values: one of them, or one between two of them.
fn percentile(values: &[Value], share: f64, continuous: bool) -> Value {
    let Some(last) = values.len().checked_sub(1) else { return Value::Null };
    if !continuous {
        // The first value whose share of the rows is at least `share`.
        let (whole, _, rest) = position(share, values.len());
        let at = if rest > 0.0 { whole } else { whole.saturating_sub(1) };
        return values[at.min(last)].clone();
    }
    let (low, left, right) = position(share, last);
    let high = if right > 0.0 { (low + 1).min(last) } else { low };
    match (&values[low], &values[high]) {
        (Value::Float(a), Value::Float(b)) if low == high || a == b => Value::Float(*a),
        (Value::Float(a), Value::Float(b)) => Value::Float(a * left + b * right),
        // Between NULL and a value there is only the value.
        (Value::Null, other) | (other, Value::Null) => {
            if low == high {
                Value::Null
            } else {
                other.clone()
            }
        }
        (other, _) => other.clone(),
    }
}

/// `share * count` as a whole number and the weights of the values on its left and right. Every bit of the
/// product counts, as in Google's engine: 0.9 is a little more than nine tenths, so 0.9 of 20 is more than 18.
/// `share` is from 0 to 1.
fn position(share: f64, count: usize) -> (usize, f64, f64) {
    if share <= 0.0 {
        return (0, 1.0, 0.0);
    }
    if share >= 1.0 {
        return (count, 1.0, 0.0);
    }
    // IEEE 754: `share` is `mantissa` / 2^`places`.
    let bits = share.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, places) = match exponent {
        0 => (fraction, 1074),
        _ => (fraction | 1 << 52, 1075 - exponent),
    };
    let product = u128::from(mantissa) * count as u128;
    if places >= 128 {
        return (0, 1.0, if product > 0 { share * count as f64 } else { 0.0 });
    }
    let scale = 1_u128 << places;
    let rest = product & (scale - 1);
    let whole = usize::try_from(product >> places).unwrap_or(usize::MAX);
    // The smaller weight is computed, the other one follows.
    if rest > scale >> 1 {
        let left = (scale - rest) as f64 / scale as f64;
        (whole, left, 1.0 - left)
    } else {
        let right = rest as f64 / scale as f64;
        (whole, 1.0 - right, right)
    }
}
