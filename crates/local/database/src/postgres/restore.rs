//! An image of PostgreSQL that can be a server again.

use std::net::SocketAddrV4;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type};
use bytes::Bytes;
use futures::SinkExt;
use futures::future::BoxFuture;
use tokio_postgres::{Client, NoTls};

use super::definition::Definition;
use super::{PostgresDatabase, SESSION};
use crate::error::DatabaseError;
use crate::prefetch::Prefetch;
use crate::snapshot::{Batches, DatabaseSnapshot, StartedServer, Table};
use crate::stored::Stored;
use crate::test_server::TestPostgres;
use landbridge_source::Engine;
use landbridge_source::catalogue::quote_name;
use landbridge_source::postgres::reason;

/// Rows, and what is needed to have them in a server again.
pub(super) struct PostgresSnapshot {
    pub(super) rows: Stored,
    pub(super) definition: Option<Definition>,
}

impl DatabaseSnapshot for PostgresSnapshot {
    fn engine(&self) -> &Engine {
        self.rows.engine()
    }

    fn database(&self) -> &str {
        self.rows.database()
    }

    fn tables(&self) -> &[Table] {
        self.rows.tables()
    }

    fn read(&self, table: &Table) -> Result<Batches, DatabaseError> {
        self.rows.read(table)
    }

    fn start_server(
        self: Arc<Self>,
        address: SocketAddrV4,
    ) -> BoxFuture<'static, Result<Option<StartedServer>, DatabaseError>> {
        Box::pin(async move {
            let Some(definition) = &self.definition else { return Ok(None) };
            let server =
                tokio::task::spawn_blocking(move || TestPostgres::start_at(address)).await??;
            let failed = |error: tokio_postgres::Error| DatabaseError::Restored {
                doing: "filling".to_owned(),
                reason: reason(&error),
            };
            let client = connect(&server.url()).await.map_err(failed)?;
            let database = quote_name('"', self.database());
            if self.database() != "postgres" {
                let create = format!("CREATE DATABASE {database}");
                client.batch_execute(&create).await.map_err(failed)?;
            }
            roles(&client, definition).await.map_err(failed)?;
            let url = server.url_of(self.database());
            let client = connect(&url).await.map_err(failed)?;
            client.batch_execute(&definition.before).await.map_err(failed)?;
            // The dump's own settings hide every schema; these are a session's again.
            client.batch_execute("RESET ALL").await.map_err(failed)?;
            client.batch_execute(SESSION).await.map_err(failed)?;
            for table in self.tables() {
                if table.skip_reason.is_none() && !self.is_partitioned(table) {
                    self.fill(&client, definition, table).await?;
                }
            }
            client.batch_execute(&definition.after).await.map_err(failed)?;
            for (name, value) in &definition.sequences {
                let set = "SELECT setval($1::text::regclass, $2, true)";
                client.execute(set, &[name, value]).await.map_err(failed)?;
            }
            let source = Arc::new(PostgresDatabase::connect(&url).await?);
            Ok(Some(StartedServer { database: source, process: Arc::new(server) }))
        })
    }
}

impl PostgresSnapshot {
    /// Whether its rows stand in its partitions.
    fn is_partitioned(&self, table: &Table) -> bool {
        let full = format!("{}.{}", table.schema, table.name);
        self.tables().iter().any(|it| {
            let same = it.schema == table.schema;
            it.partition_of.as_ref().is_some_and(|of| *of == full || same && *of == table.name)
        })
    }

    async fn fill(
        self: &Arc<Self>,
        client: &Client,
        definition: &Definition,
        table: &Table,
    ) -> Result<(), DatabaseError> {
        let failed = |error: tokio_postgres::Error| DatabaseError::Restored {
            doing: format!("filling the table {}.{} of", table.schema, table.name),
            reason: reason(&error),
        };
        let computed = |column: &str| {
            let key = (table.schema.clone(), table.name.clone(), column.to_owned());
            definition.generated.contains(&key)
        };
        let kept: Vec<usize> = (0..table.columns.len())
            .filter(|index| !computed(&table.columns[*index].name))
            .collect();
        let names: Vec<String> =
            kept.iter().map(|index| quote_name('"', &table.columns[*index].name)).collect();
        let (schema, name) = (quote_name('"', &table.schema), quote_name('"', &table.name));
        let copy = format!("COPY {schema}.{name} ({}) FROM STDIN", names.join(", "));
        let sink = client.copy_in::<_, Bytes>(&copy).await.map_err(failed)?;
        let mut sink = Box::pin(sink);
        let (image, read) = (Arc::clone(self), table.clone());
        let mut made = Prefetch::of(move || image.read(&read), move |batch| lines(batch, &kept));
        while let Some(lines) = made.next().await? {
            sink.send(Bytes::from(lines)).await.map_err(failed)?;
        }
        sink.as_mut().finish().await.map_err(failed)?;
        Ok(())
    }
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(async move {
        if connection.await.is_err() {
            tracing::debug!("connection to a restored server ended with an error");
        }
    });
    Ok(client)
}

/// The source's roles, so that owners and grants find theirs and applications log in as
/// before. The server asks nobody for a password.
async fn roles(client: &Client, definition: &Definition) -> Result<(), tokio_postgres::Error> {
    let rows = client.query("SELECT quote_ident(rolname) FROM pg_roles", &[]).await?;
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for (name, superuser, login) in &definition.roles {
        if !there.contains(name) {
            let superuser = if *superuser { "SUPERUSER" } else { "NOSUPERUSER" };
            let login = if *login { "LOGIN" } else { "NOLOGIN" };
            client.batch_execute(&format!("CREATE ROLE {name} {superuser} {login}")).await?;
        }
    }
    Ok(())
}

/// Rows in COPY's text format (PostgreSQL documentation, "COPY", "Text Format").
fn lines(batch: &RecordBatch, columns: &[usize]) -> Result<Vec<u8>, DatabaseError> {
    let mut out = Vec::new();
    for row in 0..batch.num_rows() {
        for (place, index) in columns.iter().enumerate() {
            if place > 0 {
                out.push(b'\t');
            }
            cell(
                &mut out,
                batch.column(*index).as_ref(),
                row,
                batch.schema_ref().field(*index).name(),
            )?;
        }
        out.push(b'\n');
    }
    Ok(out)
}

fn cell(out: &mut Vec<u8>, array: &dyn Array, row: usize, name: &str) -> Result<(), DatabaseError> {
    if array.is_null(row) {
        out.extend(b"\\N");
        return Ok(());
    }
    let text = match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Binary => {
            out.extend(b"\\\\x");
            for byte in array.as_binary::<i32>().value(row) {
                out.extend(format!("{byte:02x}").bytes());
            }
            return Ok(());
        }
        DataType::Utf8 => {
            escape(out, array.as_string::<i32>().value(row));
            return Ok(());
        }
        other => {
            let expected = format!("type that PostgreSQL images hold ({other})");
            return Err(DatabaseError::Value { column: name.to_owned(), row, expected });
        }
    };
    out.extend(text.bytes());
    Ok(())
}

fn escape(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend(b"\\\\"),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            other => out.push(other),
        }
    }
}
