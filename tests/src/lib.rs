//! The explorer: draws histories of contract edits, ticks, crashes and redos, runs them on the local
//! cloud, and asks an oracle at every external call whether somebody can read what the contract
//! hides. The simulation of large days. And the alarms, evaluated as CloudWatch does. The tests of the complete pipeline are in `it/`.
#![recursion_limit = "256"]
#![allow(unreachable_pub, missing_docs, clippy::unwrap_used)]

pub mod alarms;
pub mod context;
pub mod explore;
pub mod simulate;
