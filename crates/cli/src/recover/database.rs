//! A database as the target: a new table of it, never one that exists.

use landbridge_core::types::Engine;
use landbridge_parquet::table::CellType;
use landbridge_source::fill::{Filling, NewTable};
use landbridge_source::{Database, SourceError};
use tokio::sync::mpsc::Receiver;

use super::columns::{Choice, Column};
use super::sql::{self, Names};
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

    /// Where the types come from, unless the operator says: the live table if it is there, and if its types are those that the rows
    /// were exported with.
    ///
    /// # Errors
    /// If the operator asks for the types of the live table, and the server could change values to them.
    pub(super) async fn types(
        &self,
        engine: Engine,
        given: Option<Types>,
        names: &Names,
        chosen: &Choice,
    ) -> Result<Decided> {
        let decided = |types, note| Decided { types, fractions: Vec::new(), note };
        if given == Some(Types::Export) {
            return Ok(decided(Types::Export, None));
        }
        let tables = self.database.tables().await?;
        let live = tables.iter().find(|it| it.schema == names.schema && it.name == names.live);
        let Some(live) = live else {
            // If the operator asks for it, the server says that it is not there.
            return Ok(decided(given.unwrap_or(Types::Export), None));
        };
        let of_live = |name: &str| live.columns.iter().find(|it| it.name == name);
        let is_other = |kept: &&Column| {
            sql::takes_live_type(engine, kept)
                && of_live(kept.name.as_str()).is_none_or(|it| !is_same(kept, it))
        };
        let Some(other) = chosen.kept.iter().find(is_other) else {
            let kept = chosen.kept.iter();
            let fractions = kept
                .map(|kept| of_live(kept.name.as_str()).and_then(|it| fraction(engine, it)))
                .collect();
            return Ok(Decided { types: Types::Live, fractions, note: None });
        };
        let why = format!(
            "the live table has not the type of `{}` that the rows were exported with, so the server could change values without an error",
            other.name
        );
        match given {
            Some(_) => Err(Failure::Failed(format!(
                "{why}; take the types from the export: --types export"
            ))),
            None => {
                let note = format!("{why}: the new table has the types of the export");
                Ok(decided(Types::Export, Some(note)))
            }
        }
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

/// Where the types of the new table come from.
pub(super) struct Decided {
    pub(super) types: Types,
    /// Digits of a fraction that the chosen columns hold, as [`Statements::limited`](super::sql::Statements::limited) has them.
    pub(super) fractions: Vec<Option<u32>>,
    /// Why they are not the live table's although it is there.
    pub(super) note: Option<String>,
}

/// Whether a column of the live table has the type that the rows were exported with, as far as the export knows it.
fn is_same(kept: &Column, live: &landbridge_source::Column) -> bool {
    let base = |declared: &str| {
        let declared = declared.trim().to_ascii_lowercase();
        match declared.split(['(', ' ']).next().unwrap_or_default() {
            "integer" => "int".to_owned(),
            "numeric" => "decimal".to_owned(),
            other => other.to_owned(),
        }
    };
    let (then, now) = (base(&kept.source), base(&live.data_type));
    let is_smaller = match (kept.ty, live.numeric_scale) {
        (CellType::Decimal { scale, .. }, Some(digits)) if now == "decimal" => digits < scale,
        _ => false,
    };
    then.is_empty() || (then == now && !is_smaller)
}

/// Digits of a fraction that a column of MySQL or MariaDB holds: it rounds more of them without an error, in every SQL mode.
fn fraction(engine: Engine, live: &landbridge_source::Column) -> Option<u32> {
    match (engine, live.data_type.split(' ').next()) {
        (Engine::Mysql, Some("decimal")) => live.numeric_scale,
        (Engine::Mysql, Some("datetime" | "timestamp" | "time")) => live.datetime_precision,
        _ => None,
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
