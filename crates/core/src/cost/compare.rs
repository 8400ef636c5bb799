//! Two estimates side by side: what became cheaper, item by item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Estimate;
use crate::{Error, ErrorKind, Result};

/// The smallest difference that is shown, in US dollars a month.
const CENT: f64 = 0.005;

/// An estimate that `landbridge cost --output json` wrote earlier, perhaps by another version.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct EarlierEstimate {
    prices_as_of: String,
    items: Vec<EarlierItem>,
    month: f64,
    month_without_allowances: f64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct EarlierItem {
    id: String,
    what: String,
    month: f64,
    month_without_allowances: f64,
}

/// An item, or the total, in two estimates. All amounts are US dollars a month; an item that an estimate does not
/// have costs nothing in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The identifier of the item; `total` for the sum.
    pub id: String,
    /// Description of the item.
    pub what: String,
    /// Earlier, if the account's free allowances were unused.
    pub before: f64,
    /// Now, likewise.
    pub now: f64,
    /// Earlier, if other workloads had used up the free allowances.
    pub before_without_allowances: f64,
    /// Now, likewise.
    pub now_without_allowances: f64,
}

impl Change {
    fn difference(&self) -> f64 {
        let without = self.now_without_allowances - self.before_without_allowances;
        (self.now - self.before).abs().max(without.abs())
    }
}

/// Two estimates side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The month or day of the earlier estimate's prices.
    pub prices_as_of: String,
    /// The items that differ by a cent or more, the largest difference first; then the total.
    pub changes: Vec<Change>,
}

impl EarlierEstimate {
    /// Parses the JSON of `landbridge cost --output json`. `file` is the name shown in errors.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is not such a report.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Report {
            estimate: EarlierEstimate,
        }
        let report: Report = serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorKind::Config, "the file is not an estimate", file)
                .caused_by(error.to_string())
        })?;
        Ok(report.estimate)
    }

    /// Compares this estimate with the present one.
    pub fn compare(&self, now: &Estimate) -> Comparison {
        let mut by_id: BTreeMap<&str, Change> = BTreeMap::new();
        for item in &self.items {
            let change = by_id.entry(&item.id).or_insert_with(|| nothing(&item.id, &item.what));
            change.before += item.month;
            change.before_without_allowances += item.month_without_allowances;
        }
        for item in &now.items {
            let change = by_id.entry(item.id).or_insert_with(|| nothing(item.id, item.what));
            item.what.clone_into(&mut change.what);
            change.now += item.month;
            change.now_without_allowances += item.month_without_allowances;
        }
        let mut changes: Vec<Change> = by_id.into_values().collect();
        changes.retain(|it| it.difference() >= CENT);
        changes.sort_by(|a, b| b.difference().total_cmp(&a.difference()).then(a.id.cmp(&b.id)));
        changes.push(Change {
            before: self.month,
            now: now.month,
            before_without_allowances: self.month_without_allowances,
            now_without_allowances: now.month_without_allowances,
            ..nothing("total", "total")
        });
        Comparison { prices_as_of: self.prices_as_of.clone(), changes }
    }
}

fn nothing(id: &str, what: &str) -> Change {
    Change {
        id: id.to_owned(),
        what: what.to_owned(),
        before: 0.0,
        now: 0.0,
        before_without_allowances: 0.0,
        now_without_allowances: 0.0,
    }
}
