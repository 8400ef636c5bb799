//! Finding and reading `landbridge.yaml` and `contract.yaml`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use landbridge_core::config::{self, Config};
use landbridge_core::contract::{self, Contract};
use landbridge_core::yaml::Diagnostics;

use crate::args::FileArgs;
use crate::failure::{Failure, Result};

/// The directory of the demo's files in the repository.
pub const EXAMPLES: &str = "examples/demo";
/// The demo's `landbridge.yaml`.
pub const EXAMPLE_CONFIG: &str = include_str!("../../../examples/demo/landbridge.yaml");

/// The path of the configuration: `option` (`--config`), else `$LANDBRIDGE_CONFIG`, else
/// `landbridge.yaml` in the current directory.
pub fn config_path(option: Option<&Path>) -> PathBuf {
    option_or_variable(option, "LANDBRIDGE_CONFIG").unwrap_or_else(|| config::FILE_NAME.into())
}

/// Whether neither `--config` nor `$LANDBRIDGE_CONFIG` names a configuration and the current
/// directory contains none.
pub fn no_config(option: Option<&Path>) -> bool {
    option_or_variable(option, "LANDBRIDGE_CONFIG").is_none()
        && !Path::new(config::FILE_NAME).exists()
}

/// The path of the contract: `--contract`, else `$LANDBRIDGE_CONTRACT` (ignored with `--config`), else
/// `contract.yaml` next to the configuration.
pub fn contract_path(files: &FileArgs) -> PathBuf {
    let path = if files.config.is_none() {
        option_or_variable(files.contract.as_deref(), "LANDBRIDGE_CONTRACT")
    } else {
        files.contract.clone()
    };
    path.unwrap_or_else(|| config_path(files.config.as_deref()).with_file_name(contract::FILE_NAME))
}

/// The path in an option, else in an environment variable that is not empty.
fn option_or_variable(option: Option<&Path>, variable: &str) -> Option<PathBuf> {
    let from_environment = || std::env::var_os(variable).filter(|value| !value.is_empty());
    option.map(Path::to_owned).or_else(|| from_environment().map(PathBuf::from))
}

/// Reads a file as text. `option` is the option that names the file, for the error message.
///
/// # Errors
/// [`Failure::Usage`] with the path and the cause.
pub fn read(path: &Path, option: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let path = path.display();
        Failure::Usage(match error.kind() {
            ErrorKind::NotFound => {
                format!("the file {path} does not exist; name another file with {option}")
            }
            _ => format!("cannot read {path}: {error}"),
        })
    })
}

/// Reads and validates the configuration.
///
/// # Errors
/// [`Failure::Usage`] with all faults of the file.
pub fn config(path: &Path) -> Result<Config> {
    let text = read(path, "--config")?;
    config::parse(&path.display().to_string(), &text).map_err(invalid_file)
}

/// The configuration for an estimate before there is one: if none is named and the current directory has none, the demo's,
/// and standard error says so.
///
/// # Errors
/// As [`config`].
pub fn config_for_estimate(option: Option<&Path>) -> Result<Config> {
    if !no_config(option) {
        return config(&config_path(option));
    }
    let (_, example) = example_config()?;
    eprintln!(
        "There is no {} here: schedule, region and retention are the demo's. Name yours with --config.",
        config::FILE_NAME
    );
    Ok(example)
}

/// Reads the contract and validates it against the configuration.
///
/// # Errors
/// [`Failure::Usage`] with all faults of the file.
pub fn contract(path: &Path, config: &Config) -> Result<Contract> {
    let text = read(path, "--contract")?;
    contract::parse(&path.display().to_string(), &text, config).map_err(invalid_file)
}

/// The faults of a file as an error.
fn invalid_file(faults: Diagnostics) -> Failure {
    Failure::Usage(format!("a file is invalid\n{faults}"))
}

/// The name and the content of the demo's configuration: the repository's file if the command runs
/// there, otherwise the copy in the program.
///
/// # Errors
/// [`Failure::Usage`] when the repository's file is invalid.
pub fn example_config() -> Result<(String, Config)> {
    let path = Path::new(EXAMPLES).join(config::FILE_NAME);
    let name = path.display().to_string();
    if path.is_file() {
        return Ok((name, config(&path)?));
    }
    let config = config::parse(&name, EXAMPLE_CONFIG).map_err(invalid_file)?;
    Ok((name, config))
}
