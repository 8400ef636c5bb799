//! The functions' AWS side against moto: RDS and S3 that others wrote.
//!
//! | module | what |
//! |---|---|
//! | [`server`] | moto as a process |
//! | [`capabilities`] | where moto is not AWS, each gap named and shown to be there still |
//! | [`world`] | the stages' context over moto, and a local Google |
//! | [`stages`] | snapshots and thinning, export, transfer |
//! | [`doctor`] | what `landbridge doctor` reads of IAM, KMS and EventBridge Scheduler |

mod capabilities;
mod doctor;
mod server;
mod stages;
mod world;

pub(crate) use server::Moto;
