//! Options that several subcommands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The output format of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people
    #[default]
    Text,
    /// JSON for programs
    Json,
}

/// `--output`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct OutputArgs {
    /// Output format
    #[arg(long = "output", value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Output,
}

/// `--config`.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigArgs {
    /// The configuration [default: $LANDBRIDGE_CONFIG, else landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// `--database`.
    #[command(flatten)]
    pub one: DatabaseArgs,
}

/// `--database`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct DatabaseArgs {
    /// One database of a configuration with several [default: $LANDBRIDGE_DATABASE]
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
}

/// `--config` and `--contract`.
#[derive(Clone, Debug, Default, Args)]
pub struct FileArgs {
    /// The configuration [default: $LANDBRIDGE_CONFIG, else landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The contract [default: $LANDBRIDGE_CONTRACT, else contract.yaml next to the configuration, or the one
    /// of the database]
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,
    /// `--database`.
    #[command(flatten)]
    pub one: DatabaseArgs,
}

/// Parses the reason that a person gives for a record: 1 to 200 characters.
///
/// # Errors
/// A message that names the bounds.
pub fn reason(text: &str) -> Result<String, String> {
    let reason = text.trim();
    match reason.chars().count() {
        1..=200 => Ok(reason.to_owned()),
        _ => Err("must have 1 to 200 characters".to_owned()),
    }
}

/// Parses a number from `least` to `most`, both included.
///
/// # Errors
/// A message that names the bounds.
pub fn number_between(text: &str, least: f64, most: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("must be a number from {least} to {most}"))
}
