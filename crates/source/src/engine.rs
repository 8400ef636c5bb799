//! Database engines and the two families of export that RDS makes of them.

/// A database engine and its version, as `DescribeDBInstances` names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres {
        /// For example `15.4`.
        version: String,
    },
    /// MySQL.
    MySql {
        /// For example `8.0.36`.
        version: String,
    },
    /// MariaDB.
    MariaDb {
        /// For example `10.11.6`.
        version: String,
    },
}

/// The family of an engine: exports of MySQL and MariaDB have the same types and folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineFamily {
    /// MySQL and MariaDB: the schema is the database.
    MySql,
    /// PostgreSQL.
    Postgres,
}

impl Engine {
    /// PostgreSQL of this version.
    pub fn postgres(version: &str) -> Engine {
        Engine::Postgres { version: version.to_owned() }
    }

    /// MySQL of this version.
    pub fn mysql(version: &str) -> Engine {
        Engine::MySql { version: version.to_owned() }
    }

    /// MariaDB of this version.
    pub fn mariadb(version: &str) -> Engine {
        Engine::MariaDb { version: version.to_owned() }
    }

    /// The name in the RDS API: `postgres`, `mysql` or `mariadb`.
    pub fn name(&self) -> &'static str {
        match self {
            Engine::Postgres { .. } => "postgres",
            Engine::MySql { .. } => "mysql",
            Engine::MariaDb { .. } => "mariadb",
        }
    }

    /// The name for people: `PostgreSQL`, `MySQL` or `MariaDB`.
    pub fn display_name(&self) -> &'static str {
        match self {
            Engine::Postgres { .. } => "PostgreSQL",
            Engine::MySql { .. } => "MySQL",
            Engine::MariaDb { .. } => "MariaDB",
        }
    }

    /// The engine's version.
    pub fn version(&self) -> &str {
        match self {
            Engine::Postgres { version }
            | Engine::MySql { version }
            | Engine::MariaDb { version } => version,
        }
    }

    /// The engine's family.
    pub fn family(&self) -> EngineFamily {
        match self {
            Engine::Postgres { .. } => EngineFamily::Postgres,
            Engine::MySql { .. } | Engine::MariaDb { .. } => EngineFamily::MySql,
        }
    }
}

impl EngineFamily {
    /// The name for messages: `MySQL` or `PostgreSQL`.
    pub fn name(self) -> &'static str {
        match self {
            EngineFamily::MySql => "MySQL",
            EngineFamily::Postgres => "PostgreSQL",
        }
    }
}
