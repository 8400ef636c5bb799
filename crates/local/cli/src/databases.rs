//! Several databases of one configuration in `landbridge local up`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use landbridge_cli_support::files;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::{Config, Databases};
use landbridge_local_database::{SourceDatabase, external_database};
use landbridge_source::Database;

use crate::failure::{Failure, Result};

/// The databases behind the instances of a configuration with several: `NAME=URL` each. One that is not named is the
/// sample database.
///
/// # Errors
/// A value names no database of the configuration, or names one twice; a database cannot be reached.
pub(crate) async fn connect(
    sources: &[String],
    databases: &Databases,
) -> Result<BTreeMap<String, Arc<dyn SourceDatabase>>> {
    let mut connected: BTreeMap<String, Arc<dyn SourceDatabase>> = BTreeMap::new();
    let names = databases.names();
    for source in sources {
        let named = source.split_once('=').filter(|(name, _)| names.iter().any(|it| it == name));
        // The URL has a password, so it is not shown.
        let Some((name, url)) = named else {
            return Err(Failure::Usage(format!(
                "the configuration has several databases: write --source NAME=URL, where NAME is one of {}",
                names.join(", ")
            )));
        };
        let database = Database::connect(url, None).await?;
        if connected.insert(name.to_owned(), external_database(database)).is_some() {
            return Err(Failure::Usage(format!("--source names the database `{name}` twice")));
        }
    }
    Ok(connected)
}

/// Reads the contract of every database, so that a fault in one is known before the cloud starts.
///
/// # Errors
/// A contract is missing or has faults.
pub(crate) fn check_contracts(config_path: &Path, databases: &Databases) -> Result {
    for database in databases.all() {
        files::contract(&files::contract_of(database, config_path, false), &database.config)?;
    }
    Ok(())
}

/// The latest deadline of a day in all databases. Until then, a day that seems finished may be one that has not begun.
///
/// # Errors
/// A time zone is unknown.
pub(crate) fn latest_deadline(configs: &[&Config], day: Day) -> Result<Option<Timestamp>> {
    let mut latest = None;
    for config in configs {
        let schedule = &config.schedule;
        let calendar = Calendar::new(&schedule.zone, schedule.export_hour)?;
        let hour = i8::try_from(schedule.deadline_hour).unwrap_or(23);
        latest = latest.max(Some(calendar.hour_at(day, hour).start()));
    }
    Ok(latest)
}

/// The first export hour of a day in all databases.
///
/// # Errors
/// A time zone is unknown.
pub(crate) fn first_export(configs: &[&Config], day: Day) -> Result<Option<Timestamp>> {
    let mut first: Option<Timestamp> = None;
    for config in configs {
        let schedule = &config.schedule;
        let start = Calendar::new(&schedule.zone, schedule.export_hour)?.export_hour(day).start();
        first = Some(first.map_or(start, |it| it.min(start)));
    }
    Ok(first)
}
