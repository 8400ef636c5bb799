//! Lambda on one machine: real programs, real processes, the real Runtime API.
//!
//! | module | what |
//! |---|---|
//! | [`functions`] | the functions, their warm processes, and one invocation |
//! | `api` | the Runtime API as one process sees it |
//! | `process` | a process: its start, its death, and how it is killed |
//! | [`logs`] | what functions wrote, kept as JSON lines |
//!
//! A process gets a Runtime API of its own on a port of its own, as an execution
//! environment does in the cloud. So there is never a doubt which process asked
//! for work, and work can never be handed to one that is gone.

mod api;
pub mod functions;
pub mod logs;
mod process;

pub use functions::{ColdStart, FunctionSpec, Functions, InvocationOutcome};
pub use logs::LogLine;
