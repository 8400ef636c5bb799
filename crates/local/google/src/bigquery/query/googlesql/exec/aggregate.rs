//! GROUP BY with aggregate functions.

use std::collections::{HashMap, HashSet};

use super::{Charge, Flow, Outer, Run, Sink, env, eval_all, sort::compare_keys};
use crate::bigquery::query::googlesql::aggregates::{Accumulator, Init, Nulls};
use crate::bigquery::query::googlesql::error::Result;
use crate::bigquery::query::googlesql::eval::Env;
use crate::bigquery::query::googlesql::plan::{AggregateCall, AggregateNode};
use crate::bigquery::query::googlesql::value::{Key, Row, Value};

pub(super) fn run(
    node: &AggregateNode,
    cx: &Run<'_>,
    outer: Outer<'_>,
    sink: Sink<'_>,
) -> Result<Flow> {
    let mut groups: HashMap<(usize, Key), usize> = HashMap::new();
    let mut found: Vec<(Row, usize, Vec<Collector<'_>>)> = Vec::new();
    let mut charge = cx.usage.charge();
    let new_collectors = || node.calls.iter().map(Collector::new).collect::<Vec<_>>();
    // Without keys there is one group, even of no rows; an empty set among others has none.
    for (at, set) in node.sets.iter().enumerate() {
        if set.is_empty() && node.keys.is_empty() {
            let key = vec![Value::Null; node.keys.len()];
            groups.insert((at, Key(key.clone())), found.len());
            found.push((key, at, new_collectors()));
        }
    }
    super::run(&node.input, cx, outer, &mut |row| {
        let env = env(&row, outer);
        let keys = eval_all(&node.keys, cx, &env)?;
        for (at, set) in node.sets.iter().enumerate() {
            let complete = set.len() == keys.len();
            let key: Row = match complete {
                true => keys.clone(),
                false => {
                    let part =
                        |at: usize| if set.contains(&at) { keys[at].clone() } else { Value::Null };
                    (0..keys.len()).map(part).collect()
                }
            };
            let groups_before = found.len();
            let place = *groups.entry((at, Key(key))).or_insert_with_key(|(at, key)| {
                found.push((key.0.clone(), *at, new_collectors()));
                found.len() - 1
            });
            if found.len() > groups_before {
                charge.add(&found[place].0)?;
            }
            for collector in &mut found[place].2 {
                collector.add(cx, &env, &mut charge)?;
            }
        }
        Ok(Flow::Continue)
    })?;
    for (mut row, set, collectors) in found {
        for collector in collectors {
            row.push(match collector.call.grouping {
                Some(key) => Value::Int(i64::from(!node.sets[set].contains(&key))),
                None => collector.finish()?,
            });
        }
        if sink(row)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

/// Takes the rows of a group: at once, or after sorting them.
pub(super) struct Collector<'a> {
    pub(super) call: &'a AggregateCall,
    accumulator: Box<dyn Accumulator>,
    /// Rows that wait for their order: keys and arguments.
    waiting: Vec<(Row, Row)>,
    seen: HashSet<Key>,
    /// The best value of HAVING MAX or MIN.
    best: Option<Value>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(call: &'a AggregateCall) -> Self {
        let init = Init { types: &call.types };
        Self {
            call,
            accumulator: (call.function.make)(&init),
            waiting: Vec::new(),
            seen: HashSet::new(),
            best: None,
        }
    }

    fn waits(&self) -> bool {
        !self.call.order.is_empty() || self.call.limit.is_some() || self.call.having.is_some()
    }

    /// Takes a row. `charge` is for what is kept of it.
    pub(super) fn add(
        &mut self,
        cx: &Run<'_>,
        env: &Env<'_>,
        charge: &mut Charge<'_>,
    ) -> Result<()> {
        if let Some(filter) = &self.call.filter
            && !filter.eval(cx, env)?.is_true()
        {
            return Ok(());
        }
        let args = eval_all(&self.call.args, cx, env)?;
        if let Some((max, expr)) = &self.call.having {
            let value = expr.eval(cx, env)?;
            if value.is_null() {
                return Ok(());
            }
            let order = self.best.as_ref().map(|best| value.order(best));
            match order {
                Some(order) if order.is_eq() => {}
                Some(order) if order.is_gt() != *max => return Ok(()),
                _ => {
                    self.best = Some(value);
                    self.waiting.clear();
                    self.seen.clear();
                }
            }
        }
        let skips = self.call.function.nulls == Nulls::Skipped || self.call.ignore_nulls;
        if skips && args.first().is_some_and(Value::is_null) {
            return Ok(());
        }
        if self.call.distinct {
            if !self.seen.insert(Key(args[..1].to_vec())) {
                return Ok(());
            }
            charge.add(&args[..1])?;
        }
        if self.accumulator.keeps_rows() || self.waits() {
            charge.add(&args)?;
        }
        if self.waits() {
            let keys = self.call.order.iter().map(|it| it.expr.eval(cx, env));
            self.waiting.push((keys.collect::<Result<_>>()?, args));
            return Ok(());
        }
        self.accumulator.add(&args)
    }

    /// The result of the rows so far, if they do not wait.
    pub(super) fn current(&self) -> Result<Value> {
        self.accumulator.result()
    }

    pub(super) fn finish(mut self) -> Result<Value> {
        let order = &self.call.order;
        self.waiting.sort_by(|a, b| compare_keys(order, &a.0, &b.0));
        let limit = self.call.limit.unwrap_or(usize::MAX);
        for (_, args) in self.waiting.drain(..).take(limit) {
            self.accumulator.add(&args)?;
        }
        self.accumulator.result()
    }
}
