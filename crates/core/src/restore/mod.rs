//! Restores: the choice of the snapshot, the settings of the new database, and the swap of names.
//!
//! | module | responsibility |
//! |---|---|
//! | [`settings`] | the settings of a database, and the record of those that a snapshot does not contain |
//! | [`points`] | selects the restore point for an instant |
//! | [`plan`] | the settings of a restore, compared with the current settings of the source |
//! | [`storage`] | which IOPS and throughput a request may name |
//! | [`copies`] | which databases are restored copies of a source, and what a copy does by itself |
//! | [`groups`] | parameter and option groups belong to a major version of the engine |
//! | [`swap`] | the steps in which the source and the restored database exchange names, and back |

pub mod copies;
pub mod groups;
pub mod plan;
pub mod points;
pub mod settings;
pub mod storage;
pub mod swap;

pub use plan::{ClusterMember, RestoreOrigin, RestorePlan};
pub use points::{CreatedBy, RestorePoint};
pub use settings::{Setting, SettingValue, Settings, SettingsRecord};
