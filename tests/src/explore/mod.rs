//! The explorer and its oracle. They share no rule with the product: the oracle recognises every
//! value of the source by its content, wherever it appears.
//!
//! | module | what |
//! |---|---|
//! | [`canary`] | unique values for every cell of the source, and how they are recognised |
//! | [`terms`] | a contract as the oracle understands it, its edits, and its YAML |
//! | [`oracle`] | who can read which value, and whether a contract in force allows it |
//! | [`gate`] | watches every call, holds calls, and lets callers die |
//! | [`world`] | a local cloud with a small source; runs ticks in this process |
//! | `days` | worlds in which past days are kept |
//! | `deltas` | worlds in which only changed rows leave AWS |
//! | `rows` | the rows of the source |
//! | `workers` | workers that take objects from the queue |
//! | [`history`] | the events of a history, and running them |
//! | [`generate`] | draws histories |
//! | [`shrink`] | removes the events that a violation does not need |
//! | [`many`] | runs many drawn histories |
//! | [`rng`] | random numbers that are the same for the same seed |

pub mod canary;
mod days;
mod deltas;
pub mod gate;
pub mod generate;
pub mod history;
pub mod many;
pub mod oracle;
pub mod rng;
mod rows;
pub mod shrink;
pub mod terms;
mod workers;
pub mod world;

pub use history::{Event, History, Outcome, run};
