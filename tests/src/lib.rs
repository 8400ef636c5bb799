//! The explorer: draws histories of contract edits, ticks, crashes and redos, runs them on the local
//! cloud, and asks an oracle at every external call whether somebody can read what the contract
//! hides. And the alarms, evaluated as CloudWatch does. The tests of the complete pipeline are in `it/`.
#![allow(unreachable_pub, missing_docs, clippy::unwrap_used)]

pub mod alarms;
pub mod context;
pub mod explore;
