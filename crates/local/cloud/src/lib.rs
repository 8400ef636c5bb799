//! The local cloud: RDS, S3, Secrets Manager, Cloud Storage and BigQuery on loopback, a scheduler
//! on a virtual clock, and the functions as processes behind the Lambda Runtime API.
//!
//! | module | responsibility |
//! |---|---|
//! | [`cloud`] | [`LocalCloud`]: starts all parts and gives access to them |
//! | [`servers`] | starts the HTTP servers |
//! | [`options`] | options of a local cloud |
//! | [`principals`] | the principals of the local Google Cloud, and what each can read |
//! | `resources` | properties of bucket and datasets, and the identity pool, as Terraform sets them |
//! | [`roles`] | the roles of the functions in both clouds |
//! | `token_key` | generates and stores the token key |
//! | `caller_lookup` | how the local Google finds out who signed a federated request |
//! | [`runtime`] | Lambda: functions, processes, invocations, logs |
//! | [`scheduler`] | EventBridge Scheduler: which tick is due when |
//! | [`tick_runner`] | advances virtual time and invokes the ticks that are due |
//! | [`error`] | errors of the local cloud |

mod caller_lookup;
pub mod cloud;
mod databases;
pub mod error;
mod event_source;
pub mod options;
pub mod principals;
mod resources;
pub mod roles;
pub mod runtime;
pub mod scheduler;
mod servers;
pub mod tick_runner;
mod token_key;

pub use cloud::{ACCESS_KEY, LocalCloud, SECRET_KEY};
pub use error::LocalError;
pub use event_source::{Drained, EventSource};
pub use landbridge_local_google::QueryLimits;
pub use options::{LocalCloudOptions, Ports};
pub use principals::Principal;
pub use roles::role_name;
pub use runtime::{ColdStart, FunctionSpec, Functions, InvocationOutcome, LogLine};
pub use scheduler::{Scheduler, Tick};
pub use tick_runner::{RunEvent, RunSummary, TickRunner};
