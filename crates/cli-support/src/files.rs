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

/// Where the configuration is: as asked for, else `$LANDBRIDGE_CONFIG`, else here.
pub fn config_path(asked: Option<&Path>) -> PathBuf {
    named(asked, "LANDBRIDGE_CONFIG").unwrap_or_else(|| config::FILE_NAME.into())
}

/// Whether nobody says where the configuration is and there is none here.
pub fn no_config(asked: Option<&Path>) -> bool {
    named(asked, "LANDBRIDGE_CONFIG").is_none() && !Path::new(config::FILE_NAME).exists()
}

/// Where the contract is: as asked for, else `$LANDBRIDGE_CONTRACT` (unless another
/// configuration was asked for), else beside the configuration.
pub fn contract_path(files: &FileArgs) -> PathBuf {
    let variable = if files.config.is_none() {
        named(files.contract.as_deref(), "LANDBRIDGE_CONTRACT")
    } else {
        files.contract.clone()
    };
    variable
        .unwrap_or_else(|| config_path(files.config.as_deref()).with_file_name(contract::FILE_NAME))
}

fn named(asked: Option<&Path>, variable: &str) -> Option<PathBuf> {
    let from_environment = || std::env::var_os(variable).filter(|value| !value.is_empty());
    asked.map(Path::to_owned).or_else(|| from_environment().map(PathBuf::from))
}

/// The text of a file.
pub fn read(path: &Path, option: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let path = path.display();
        Failure::Usage(match error.kind() {
            ErrorKind::NotFound => {
                format!("there is no file {path}; name another with {option}")
            }
            _ => format!("cannot read {path}: {error}"),
        })
    })
}

/// Reads and validates the configuration.
pub fn config(path: &Path) -> Result<Config> {
    let text = read(path, "--config")?;
    config::parse(&path.display().to_string(), &text).map_err(faulty)
}

/// Reads the contract and validates it against the configuration.
pub fn contract(path: &Path, config: &Config) -> Result<Contract> {
    let text = read(path, "--contract")?;
    contract::parse(&path.display().to_string(), &text, config).map_err(faulty)
}

/// Faults of a file as an error: nothing else is done until the file is corrected.
pub fn faulty(faults: Diagnostics) -> Failure {
    Failure::Usage(format!("a file is not as it should be\n{faults}"))
}

/// The demo's configuration: the repository's file when the command runs there, else the copy in
/// the program. Returns the file's name with it.
///
/// # Errors
/// [`Failure::Usage`] when the repository's file is invalid.
pub fn example_config() -> Result<(String, Config)> {
    let path = Path::new(EXAMPLES).join(config::FILE_NAME);
    let name = path.display().to_string();
    if path.is_file() {
        return Ok((name, config(&path)?));
    }
    let config = config::parse(&name, EXAMPLE_CONFIG).map_err(faulty)?;
    Ok((name, config))
}
