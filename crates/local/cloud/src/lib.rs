//! The cloud on one machine, assembled: RDS, S3, Secrets Manager, Cloud Storage and
//! BigQuery on loopback, a scheduler on a virtual clock, and the functions as real processes
//! behind the Lambda Runtime API.
//!
//! | module | what |
//! |---|---|
//! | [`cloud`] | [`LocalCloud`]: everything started, wired together, handed out |
//! | [`options`] | what a local cloud is made of |
//! | [`principals`] | who there is in the local Google Cloud, and what each may see |
//! | [`roles`] | the functions' roles, and how Google knows them without a key |
//! | `key` | the key of tokens that it makes for itself |
//! | `ask_aws` | whom the local Google asks who signed a request |
//! | [`runtime`] | Lambda: functions, processes, invocations, logs |
//! | [`scheduler`] | EventBridge Scheduler: what fires when |
//! | [`run`] | letting virtual time pass |
//! | [`error`] | why the local cloud cannot do what it was asked |

mod ask_aws;
pub mod cloud;
pub mod error;
mod key;
pub mod options;
pub mod principals;
pub mod roles;
pub mod run;
pub mod runtime;
pub mod scheduler;

pub use cloud::{ACCESS_KEY, LocalCloud, SECRET_KEY};
pub use error::LocalError;
pub use options::{LocalCloudOptions, Ports};
pub use principals::Principal;
pub use roles::role_name;
pub use run::{RunEvent, RunSummary, TickRunner};
pub use runtime::{ColdStart, FunctionSpec, Functions, InvocationOutcome, LogLine};
pub use scheduler::{Scheduler, Tick};
