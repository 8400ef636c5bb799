//! Cloud Storage, BigQuery and the Security Token Service on loopback: servers that speak
//! Google's JSON protocols well enough for the official clients, and that keep the rules a
//! warehouse with masked personal data depends on (who may read what, what a
//! load does to policy tags, which types BigQuery refuses to coerce).
//!
//! The rules here are written from Google's documentation and share no code with
//! the project's own: an emulation that borrowed the rules it checks would agree
//! with every mistake in them.
//!
//! | module | what |
//! |---|---|
//! | [`local`] | [`LocalGoogle`]: both servers, their set-up, and direct access for tests |
//! | [`access`] | principals, roles, policy tags, data policies, and who sees what |
//! | [`masking`] | the masking rules, on whole columns |
//! | [`error`] | an error as Google words it |
//! | `web` | requests and answers, bearer tokens |
//! | `storage` | buckets and objects: uploads, downloads, preconditions |
//! | `bigquery` | datasets, tables, jobs, loads |
//! | [`sts`] | workload identity federation with AWS: a signed request for an access token |
//! | `query` | SQL over the tables, masked per caller |

mod bigquery;
mod storage;
mod web;

pub mod access;
pub mod error;
pub mod masking;
pub mod servers;
pub mod sts;

pub use access::{ALL_AUTHENTICATED_USERS, Grants, PolicyTag, Role};
pub use error::GoogleError;
pub use masking::MaskingRule;
pub use servers::{GoogleOptions, LocalGoogle, ObjectSummary, QueryRows};
pub use sts::{
    AwsCaller, AwsProvider, CallerIdentityLookup, CallerIdentityResult, SignedAwsRequest,
};
