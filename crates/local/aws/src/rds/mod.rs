//! RDS, in its query protocol (version 2014-10-31): a form goes in, XML comes out.
//!
//! | module | what |
//! |---|---|
//! | [`serve`] | one request: signature, knobs, action, envelope |
//! | [`form`] | the request's parameters: scalars, lists, tags, filters, pages |
//! | [`xml`] | writing answers |
//! | [`fault`] | refusals, with the codes that the SDKs know |
//! | [`names`] | rules for identifiers, and ARNs |
//! | [`model`] | databases, snapshots, exports; their states by the clock |
//! | [`settings`] | what a database is set to, and what AWS takes where nothing is said |
//! | [`databases`], [`changes`], [`snapshots`], [`restores`], [`exports`], [`tags`] | the actions |
//! | [`greeter`] | addresses of restored databases |
//! | [`settle`] | exports that have ended write their objects |

mod changes;
mod databases;
mod exports;
mod fault;
mod form;
mod greeter;
mod model;
mod names;
mod restores;
mod serve;
mod settings;
mod settle;
mod snapshots;
mod tags;
mod xml;

pub(crate) use changes::settle as settle_databases;
pub(crate) use databases::{add_cluster, add_instance};
pub(crate) use model::RdsState;
pub(crate) use serve::RdsServer;
pub(crate) use settle::settle;
pub(crate) use snapshots::add_snapshot;
pub(crate) use tags::{tag, untag};

pub use model::{DatabaseKind, ExportView, NewSnapshot, SnapshotType, SnapshotView};
pub use settings::DatabaseSettings;
