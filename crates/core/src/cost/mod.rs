//! What a month costs, and what a day did. A pure model: the configuration, what was measured
//! and a dated file of prices in, items out.
//!
//! | module | what it holds |
//! |---|---|
//! | [`prices`] | unit prices per AWS region and Google location, each with its free allowance |
//! | [`workload`] | what is measured, and what a day of it does: starts, requests, bytes |
//! | [`estimate`] | the month, item by item, and what dominates it |
//! | [`actual`] | one day's charges from its receipts |

pub mod actual;
pub mod estimate;
pub mod prices;
pub mod workload;

#[cfg(test)]
mod tests;

pub use actual::{Actual, DayCost};
pub use estimate::{CostItem, Estimate, estimate};
pub use prices::{Aws, Google, Price, Prices};
pub use workload::Workload;
