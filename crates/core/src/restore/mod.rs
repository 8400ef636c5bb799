//! Restoring: which snapshot, with which settings, under which name.
//!
//! | module | what it decides |
//! |---|---|
//! | [`settings`] | what a database is set to, and what of it a snapshot does not keep |
//! | [`points`] | the restore point for an instant |
//! | [`plan`] | what a restore asks for, beside what the source is set to |
//! | [`swap`] | two databases changing names, and back |

pub mod plan;
pub mod points;
pub mod settings;
pub mod swap;

pub use plan::{ClusterMember, RestoreOrigin, RestorePlan};
pub use points::{CreatedBy, RestorePoint};
pub use settings::{Setting, SettingValue, Settings, SettingsRecord};
