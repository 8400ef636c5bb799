//! A database as the target: a new table of it, never one that exists.

use landbridge_source::fill::{Filling, NewTable};
use landbridge_source::{Database, SourceError};
use tokio::sync::mpsc::Receiver;

use super::columns::Choice;
use super::sql::Names;
use super::target::Address;
use super::{Command, Types};
use crate::failure::{Failure, Result};

/// How many statements wait for the server.
pub(super) const WAITING: usize = 1;

/// A database that answered, and what decides the name of the new table.
pub(super) struct TargetDatabase {
    pub(super) database: Database,
    /// Whether this may be the server of the source, so that the live table's name is never taken.
    pub(super) may_be_source: bool,
}

impl TargetDatabase {
    /// Connects.
    ///
    /// # Errors
    /// As [`Address::connect`].
    pub(super) async fn connect(command: &Command, address: &Address) -> Result<Self> {
        let source = &command.config.source;
        // Without its address, any server may be the source.
        let may_be_source = match command.aws.rds.database(source.kind, &source.id).await {
            Ok(Some(it)) => match &it.endpoint {
                Some((host, port)) => address.is(host, *port).await,
                None => true,
            },
            Ok(None) => false,
            Err(_) => true,
        };
        let (variable, ca) = (command.args.password_env.as_deref(), command.args.ca.as_deref());
        let database = address.connect(variable, ca).await?;
        Ok(Self { database, may_be_source })
    }

    /// The names there: of MySQL and MariaDB, the schema is the database of the URL.
    pub(super) fn place(&self, mut names: Names) -> Names {
        if matches!(self.database, Database::MySql(_)) {
            self.database.name().clone_into(&mut names.schema);
        }
        names
    }

    /// Where the types come from, unless the operator says: the live table if it is there with all columns.
    pub(super) async fn types(
        &self,
        given: Option<Types>,
        names: &Names,
        chosen: &Choice,
    ) -> Result<Types> {
        if let Some(given) = given {
            return Ok(given);
        }
        let tables = self.database.tables().await?;
        let live = tables.iter().find(|it| it.schema == names.schema && it.name == names.live);
        let has = |name: &str| {
            live.is_some_and(|live| live.columns.iter().any(|column| column.name == name))
        };
        Ok(match chosen.kept.iter().all(|column| has(&column.name)) {
            true => Types::Live,
            false => Types::Export,
        })
    }

    /// Makes the new table, which no other session sees yet.
    ///
    /// # Errors
    /// If the table exists or the server refuses.
    pub(super) async fn begin(&self, names: &Names, begin: &str) -> Result<Filling<'_>> {
        let table = NewTable {
            schema: names.schema.clone(),
            name: names.new.clone(),
            begin: begin.to_owned(),
        };
        Ok(self.database.fill(table).await?)
    }
}

/// Runs the statements until no more comes, or one fails.
pub(super) async fn insert(
    filling: &mut Filling<'_>,
    mut statements: Receiver<String>,
) -> Result<(), SourceError> {
    while let Some(statement) = statements.recv().await {
        filling.insert(&statement).await?;
    }
    Ok(())
}

/// Makes the table visible if all rows are in it.
///
/// # Errors
/// The first error of reading or writing; then there is no new table.
pub(super) async fn finish(
    filling: Filling<'_>,
    inserted: Result<(), SourceError>,
    read: Result<u64>,
) -> Result<u64> {
    let read = match inserted {
        Ok(()) => read,
        Err(error) => Err(Failure::from(error)),
    };
    match read {
        Ok(rows) => {
            filling.finish(rows).await?;
            Ok(rows)
        }
        Err(error) => {
            filling.abandon().await;
            Err(error)
        }
    }
}
