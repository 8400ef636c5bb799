//! Estimates the cost of a month and of a day, from the configuration, measured quantities and
//! a dated price list.
//!
//! | module | contents |
//! |---|---|
//! | [`prices`] | unit prices per AWS region and Google Cloud location, each with its free allowance |
//! | [`workload`] | measured quantities, and the usage that follows from them: starts, requests, bytes |
//! | [`estimate`] | the cost of a month, item by item, and its largest item |
//! | [`compare`] | two estimates side by side |
//! | `squeeze` | what must be saved so that compressing files again pays |
//! | [`day`] | the cost of one day, from its receipts |

pub mod compare;
pub mod day;
pub mod estimate;
pub mod prices;
mod squeeze;
pub mod workload;

#[cfg(test)]
mod tests;

pub use compare::{Change, Comparison, EarlierEstimate};
pub use day::{DayCost, DayUsage};
pub use estimate::{CostItem, Estimate, Ga4Copy, estimate};
pub use prices::{AwsPrices, GooglePrices, Price, Prices};
pub use squeeze::min_saving;
pub use workload::Workload;
