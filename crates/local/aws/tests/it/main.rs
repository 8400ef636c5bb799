//! The local AWS account, driven by the AWS SDKs over loopback.
#![allow(clippy::unwrap_used)]

mod account;
mod exports;
mod objects;
mod snapshots;
