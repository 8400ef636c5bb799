//! What every server of the local cloud shares: virtual time, serving HTTP on
//! loopback, and counting (or breaking) the calls that arrive.
//!
//! | module | what |
//! |---|---|
//! | [`clock`] | the virtual clock that all servers read |
//! | [`serve`] | the accept loop, one per server |
//! | [`calls`] | the record of calls, and the faults put between a call and its answer |

pub mod calls;
pub mod clock;
pub mod serve;

pub use calls::{Call, Calls, Fault, FaultKind};
pub use clock::Clock;
pub use serve::{Body, BoxError, Request, Response, Server, Service, empty, full, serve};
