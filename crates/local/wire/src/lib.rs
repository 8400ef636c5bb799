//! The common base of all servers of the local cloud: virtual time, HTTP on loopback, and a
//! monitor that counts calls and injects faults.
//!
//! | module | responsibility |
//! |---|---|
//! | [`clock`] | the virtual clock that all servers read |
//! | [`serve`] | the accept loop of a server |
//! | [`monitor`] | counts, records, observes and holds calls, and injects faults into them |

pub mod clock;
pub mod monitor;
pub mod serve;

pub use clock::Clock;
pub use monitor::{
    Admission, ArrivedCall, Call, CallFault, CallFaultKind, CallMonitor, CallObserver, Delivery,
};
pub use serve::{Body, BoxError, Request, Response, Server, Service, empty_body, full_body, serve};
