//! RDS with its query protocol (version 2014-10-31): requests are forms, responses are XML.
//!
//! | module | responsibility |
//! |---|---|
//! | [`serve`] | one HTTP request: signature, injected errors, action, response |
//! | [`form`] | parameters of a request: scalars, lists, tags, filters, pages |
//! | [`xml`] | writes responses |
//! | [`error`] | error codes and messages of the protocol |
//! | [`kind`] | instances and clusters, and the names by which their APIs differ |
//! | [`names`] | rules for identifiers; ARNs |
//! | [`settings`] | settings of databases, with AWS's defaults |
//! | [`model`] | databases, snapshots and export tasks, with their status at a virtual time |
//! | [`views`] | snapshots and exports as the public API returns them |
//! | [`state`] | [`Rds`]: everything that RDS of one account stores |
//! | [`databases`], [`changes`], [`snapshots`], [`restores`], [`exports`], [`tags`] | the actions |
//! | [`backups`] | automated snapshots in the backup window |
//! | [`description`] | writes the description of a database |
//! | [`refusing_server`] | loopback addresses of restored databases, and a server that refuses sessions |
//! | [`export_completion`] | writes the objects of export tasks that have ended |

mod backups;
mod changes;
mod databases;
mod description;
mod error;
mod export_completion;
mod exports;
pub(crate) mod form;
mod kind;
mod model;
mod names;
mod refusing_server;
mod restores;
mod serve;
mod settings;
mod snapshots;
mod state;
mod tags;
mod views;
pub(crate) mod xml;

pub(crate) use changes::complete_due_tasks;
pub(crate) use databases::{add_cluster, add_instance, add_multi_az_cluster};
pub(crate) use export_completion::complete_due_exports;
pub(crate) use serve::RdsServer;
pub(crate) use snapshots::add_snapshot;
pub(crate) use state::Rds;
pub(crate) use tags::{remove_tag, set_tag};

pub use kind::DatabaseKind;
pub use settings::DatabaseSettings;
pub use views::{ExportView, NewSnapshot, SnapshotType, SnapshotView};
