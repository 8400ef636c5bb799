//! Finding and reading `landbridge.yaml` and `contract.yaml`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use landbridge_core::config::{self, Config, Database, Databases, NotOne};
use landbridge_core::contract::{self, Contract};
use landbridge_core::yaml::Diagnostics;

use crate::args::{ConfigArgs, DatabaseArgs, FileArgs};
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

impl ConfigArgs {
    /// Reads and validates the configuration of the database that is meant.
    ///
    /// # Errors
    /// As [`config`].
    pub fn read(&self) -> Result<Config> {
        config(&config_path(self.config.as_deref()), &self.one)
    }
}

impl FileArgs {
    /// Reads and validates the configuration of the database that is meant.
    ///
    /// # Errors
    /// As [`config`].
    pub fn read(&self) -> Result<Config> {
        config(&config_path(self.config.as_deref()), &self.one)
    }

    /// Reads and validates all databases of the configuration, whichever is meant.
    ///
    /// # Errors
    /// As [`databases`].
    pub fn read_all(&self) -> Result<Databases> {
        databases(&config_path(self.config.as_deref()))
    }

    /// Reads the contract of the database that is meant, and validates it against its configuration.
    ///
    /// # Errors
    /// As [`contract`].
    pub fn read_contract(&self, config: &Config) -> Result<Contract> {
        contract(&self.contract_path()?, config)
    }

    /// The path of the contract: `--contract`; in a configuration with several databases, the path that it
    /// says; otherwise `$LANDBRIDGE_CONTRACT` (ignored with `--config`), else `contract.yaml` next to the
    /// configuration.
    ///
    /// # Errors
    /// As [`database`].
    pub fn contract_path(&self) -> Result<PathBuf> {
        if let Some(path) = &self.contract {
            return Ok(path.clone());
        }
        let config = config_path(self.config.as_deref());
        let database = database(&config, &self.one)?;
        Ok(contract_of(&database, &config, self.config.is_none()))
    }
}

/// The path of the contract of a database of the file at `config`. `use_environment`: whether
/// `$LANDBRIDGE_CONTRACT` counts if the file has one database.
pub fn contract_of(database: &Database, config: &Path, use_environment: bool) -> PathBuf {
    match &database.contract {
        Some(path) => config.with_file_name(path),
        None => only_contract(config, use_environment),
    }
}

/// The path of the contract of a file with one database, as of [`contract_of`].
pub fn only_contract(config: &Path, use_environment: bool) -> PathBuf {
    let named = use_environment.then(|| option_or_variable(None, "LANDBRIDGE_CONTRACT")).flatten();
    named.unwrap_or_else(|| config.with_file_name(contract::FILE_NAME))
}

/// Options that name a configuration and one of its databases.
pub trait NamesDatabase: Clone {
    /// `--config`.
    fn config_option(&self) -> Option<&Path>;
    /// `--database`.
    fn one(&mut self) -> &mut DatabaseArgs;

    /// The same options for each database: one if a database is named or the file has one, otherwise all of the
    /// file, with their names.
    ///
    /// # Errors
    /// [`Failure::Usage`] with all faults of the file.
    fn each(&self) -> Result<Vec<(Option<String>, Self)>> {
        let path = config_path(self.config_option());
        let mut options = self.clone();
        let Some(names) = names_if_none_is_named(&path, options.one())? else {
            return Ok(vec![(None, options)]);
        };
        let named = |name: String| {
            let mut options = self.clone();
            options.one().database = Some(name.clone());
            (Some(name), options)
        };
        Ok(names.into_iter().map(named).collect())
    }
}

impl NamesDatabase for ConfigArgs {
    fn config_option(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn one(&mut self) -> &mut DatabaseArgs {
        &mut self.one
    }
}

impl NamesDatabase for FileArgs {
    fn config_option(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn one(&mut self) -> &mut DatabaseArgs {
        &mut self.one
    }
}

impl DatabaseArgs {
    /// The name in `--database`, else in `$LANDBRIDGE_DATABASE`.
    pub fn name(&self) -> Option<String> {
        let from_environment =
            || std::env::var("LANDBRIDGE_DATABASE").ok().filter(|name| !name.is_empty());
        self.database.clone().or_else(from_environment)
    }
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

/// Reads and validates all databases of the configuration.
///
/// # Errors
/// [`Failure::Usage`] with all faults of the file.
pub fn databases(path: &Path) -> Result<Databases> {
    let text = read(path, "--config")?;
    config::parse_databases(&path.display().to_string(), &text).map_err(invalid_file)
}

/// The database of the file that is meant: the one that `--database` or `$LANDBRIDGE_DATABASE` names, or the
/// only one.
///
/// # Errors
/// [`Failure::Usage`] with all faults of the file, or with the names of its databases.
pub fn database(path: &Path, one: &DatabaseArgs) -> Result<Database> {
    let databases = databases(path)?;
    let named = one.name();
    databases.one(named.as_deref()).cloned().map_err(|why| Failure::Usage(not_one(&why, path)))
}

/// Why no single database is meant, with what to write.
fn not_one(why: &NotOne, path: &Path) -> String {
    let example = match why {
        NotOne::NotNamed(all) | NotOne::Unknown { all, .. } => all.first().cloned(),
    };
    format!(
        "{}: {why}; name one with --database, for example `--database {}`, or in LANDBRIDGE_DATABASE",
        path.display(),
        example.unwrap_or_default()
    )
}

/// The names of all databases, if the file at `path` has several and none is named.
///
/// # Errors
/// As [`databases`].
pub fn names_if_none_is_named(path: &Path, one: &DatabaseArgs) -> Result<Option<Vec<String>>> {
    if one.name().is_some() {
        return Ok(None);
    }
    let databases = databases(path)?;
    Ok(databases.is_many().then(|| databases.names()))
}

/// Reads and validates the configuration of one database.
///
/// # Errors
/// As [`database`].
pub fn config(path: &Path, one: &DatabaseArgs) -> Result<Config> {
    Ok(database(path, one)?.config)
}

/// The configuration for an estimate before there is one: if none is named and the current directory has none, the demo's,
/// and standard error says so.
///
/// # Errors
/// As [`config`].
pub fn config_for_estimate(option: Option<&Path>, one: &DatabaseArgs) -> Result<Config> {
    if !no_config(option) {
        return config(&config_path(option), one);
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
        return Ok((name, config(&path, &DatabaseArgs::default())?));
    }
    let config = config::parse(&name, EXAMPLE_CONFIG).map_err(invalid_file)?;
    Ok((name, config))
}
