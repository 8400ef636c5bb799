//! Thin, typed clients for Cloud Storage and BigQuery, over public crates.
//!
//! | module | responsibility |
//! |---|---|
//! | [`client`] | both clients from the environment |
//! | [`credentials`] | an access token without a stored key |
//! | [`federation`] | exchanges the credentials of an AWS role for an access token |
//! | [`storage`] | objects: conditional writes and metadata |
//! | [`bigquery`] | tables and load jobs |
//! | [`inspect`] | read-only checks of buckets, datasets, policy tags and permissions |
//! | [`raw`] | calls whose answers are looked at as they are, for `landbridge probe` |
//! | [`error`] | maps every Google error to an `ErrorKind` |
//! | `message` | which of BigQuery's messages may be shown |

pub mod bigquery;
pub mod client;
pub mod credentials;
pub mod error;
pub mod federation;
pub mod inspect;
mod message;
pub mod raw;
pub mod storage;
mod upload;

pub use bigquery::BigQuery;
pub use client::Gcp;
pub use inspect::Inspector;
pub use storage::Storage;
