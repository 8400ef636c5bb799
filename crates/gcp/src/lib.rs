//! The Google side: thin, typed clients over the public crates.
//!
//! | module | what |
//! |---|---|
//! | [`client`] | both clients from the environment |
//! | [`credentials`] | an access token without a stored key |
//! | [`federation`] | an AWS role's credentials exchanged for an access token |
//! | [`storage`] | objects: conditional writes, and what is known of one |
//! | [`bigquery`] | tables, load jobs, queries |
//! | [`inspect`] | buckets, datasets, tags and rights, looked at and not touched |
//! | [`error`] | every answer of Google, sorted once |

pub mod bigquery;
pub mod client;
pub mod credentials;
pub mod error;
pub mod federation;
pub mod inspect;
pub mod storage;

pub use bigquery::BigQuery;
pub use client::Gcp;
pub use inspect::Inspector;
pub use storage::Storage;
