//! `landbridge probe`: shows on real accounts what Landbridge assumes of the clouds.
//!
//! Each probe shows one claim of `docs/claims.md`: it does what the sentence speaks of, and says whether what it
//! saw is what the sentence says. It runs on scratch resources with generated rows, or reads; it moves no
//! row of a customer anywhere.
//!
//! | module | responsibility |
//! |---|---|
//! | [`report`] | verdicts, and what may be said of what was seen |
//! | [`aws`] | RDS and S3: what can be read, and conditional writes |
//! | [`google`] | BigQuery, Cloud Storage, policy tags, masks |

pub mod aws;
pub mod google;
pub mod report;

pub use report::{Finding, Report, Shape, Verdict};
