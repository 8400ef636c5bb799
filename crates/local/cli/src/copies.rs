//! Copies of the configuration with a change, for the functions of a local cloud.

use std::path::{Path, PathBuf};

use landbridge_core::config::{self, AlertsConfig, Config, EmailConfig};

use crate::data_dir::{SCHEDULE_FILES, write_file};
use crate::failure::{Failure, Result};

/// When `notify` starts as it is deployed, and in the demo.
const NOTIFY_ALWAYS: &str = "cron(2/5 * * * ? *)";
const NOTIFY_AT_NIGHT: &str = "cron(2/5 ${transfer_from_hour}-${deadline_hour} * * ? *)";

/// Writes a copy of the configuration with another DB instance, for the functions, and returns its
/// path. The copy is JSON, which is also valid YAML.
pub(crate) fn write_config_with_instance(
    config: &Config,
    id: &str,
    data_dir: &Path,
) -> Result<PathBuf> {
    let mut config = config.clone();
    id.clone_into(&mut config.source.id);
    write_config(&config, data_dir)
}

/// Writes a configuration as JSON, which is YAML too.
fn write_config(config: &Config, dir: &Path) -> Result<PathBuf> {
    let json = serde_json::to_string_pretty(config).map_err(|error| {
        Failure::Failed(format!("cannot write the configuration as JSON: {error}"))
    })?;
    let path = dir.join(config::FILE_NAME);
    write_file(&path, &json)?;
    Ok(path)
}

/// Lets the functions send messages, if the configuration has no `alerts` itself: the demo shows them. The topic of the
/// local SNS has no subscriber. Returns the paths of the configuration and of the schedules.
///
/// `notify` starts only in the hours of the transfer: with the 288 ticks a day that are deployed, the demo of three days
/// takes half a minute of processor time more (development profile).
pub(crate) fn write_config_with_alerts(
    config: &Config,
    data_dir: &Path,
) -> Result<(PathBuf, PathBuf)> {
    let Config { source, export, .. } = config;
    let account = export.role_arn.split(':').nth(4).unwrap_or_default();
    let topic =
        format!("arn:aws:sns:{}:{account}:landbridge-{}-alerts", source.region, source.name);
    let alerts = AlertsConfig { email: Some(EmailConfig { topic }), ..AlertsConfig::default() };
    let config = Config { alerts: Some(alerts), ..config.clone() };
    let dir = data_dir.join("deployed");
    let path = write_config(&config, &dir)?;
    let schedules = dir.join("schedules");
    for (file, text) in SCHEDULE_FILES {
        let text = match file {
            "notify.json" => text.replace(NOTIFY_ALWAYS, NOTIFY_AT_NIGHT),
            _ => text.to_owned(),
        };
        write_file(&schedules.join(file), &text)?;
    }
    Ok((path, schedules))
}
