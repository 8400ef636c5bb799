//! The databases of a local cloud: one or several in one `landbridge.yaml`, on the same servers.
//!
//! As in the real clouds, each has functions, roles, schedules, queues and datasets of its own; the bucket, the
//! keys, the landing bucket, the taxonomy and the identity pool are shared.

use std::path::Path;

use landbridge_core::config::{self, Config, Databases};

use crate::error::LocalError;

/// What the file says.
pub(crate) struct Deployed {
    /// Each database with its name.
    pub(crate) databases: Databases,
    /// The configuration of what all share: that of the first database, under the name of the shared resources.
    pub(crate) shared: Config,
}

impl Deployed {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or has faults: all of them.
    pub(crate) fn read(path: &Path) -> Result<Self, LocalError> {
        let text = std::fs::read_to_string(path).map_err(LocalError::io("read", path))?;
        let databases = config::parse_databases(&path.display().to_string(), &text)
            .map_err(|errors| LocalError::Config(errors.to_string()))?;
        let first = databases.all().first();
        let mut shared = first
            .map(|it| it.config.clone())
            .ok_or_else(|| LocalError::Config("the configuration has no database".to_owned()))?;
        databases.shared_name().clone_into(&mut shared.source.name);
        Ok(Self { databases, shared })
    }

    /// The configurations of all databases.
    pub(crate) fn configs(&self) -> Vec<&Config> {
        self.databases.all().iter().map(|it| &it.config).collect()
    }

    /// The name of a function in this cloud: `export`, or `shop-export` if there are several databases.
    pub(crate) fn function_name(&self, config: &Config, function: &str) -> String {
        match self.databases.is_many() {
            true => format!("{}-{function}", config.source.name),
            false => function.to_owned(),
        }
    }
}
