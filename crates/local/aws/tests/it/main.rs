//! The local AWS account, driven by the AWS SDKs over loopback.

mod account;
mod exports;
mod objects;
mod snapshots;
