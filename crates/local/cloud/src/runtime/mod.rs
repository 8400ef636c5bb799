//! Lambda on one machine: runs the functions as processes behind the Runtime API.
//!
//! | module | responsibility |
//! |---|---|
//! | [`functions`] | defines functions, keeps warm processes, invokes functions |
//! | `api` | the Runtime API of one process |
//! | `process` | starts, observes and kills a process |
//! | [`logs`] | stores the output of functions as JSON lines |
//!
//! Each process has a Runtime API of its own on a port of its own, like an execution environment in
//! the cloud. Therefore it is always known which process polls, and no invocation is handed to a
//! process that has ended.

mod api;
pub mod functions;
pub mod logs;
mod process;

pub use functions::{ColdStart, FunctionSpec, Functions, InvocationOutcome};
pub use logs::LogLine;
