//! What a month costs, and what a day did. A pure model: the configuration, what was measured
//! and a dated file of prices in, items out.
//!
//! | module | what it holds |
//! |---|---|
//! | [`prices`] | unit prices per AWS region and GooglePrices location, each with its free allowance |
//! | [`workload`] | what is measured, and what a day of it does: starts, requests, bytes |
//! | [`estimate`] | the month, item by item, and what largest_item it |
//! | [`day`] | one day's charges from its receipts |

pub mod day;
pub mod estimate;
pub mod prices;
pub mod workload;

#[cfg(test)]
mod tests;

pub use day::{DayCost, DayUsage};
pub use estimate::{CostItem, Estimate, estimate};
pub use prices::{AwsPrices, GooglePrices, Price, Prices};
pub use workload::Workload;
