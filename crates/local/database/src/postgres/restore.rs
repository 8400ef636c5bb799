//! Starts a PostgreSQL server with the content of a snapshot.

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
use crate::stored::StoredSnapshot;
use crate::test_server::TestPostgres;
use landbridge_source::Engine;
use landbridge_source::catalogue::quote_name;
use landbridge_source::postgres::reason;

/// Rows, and the definition that is needed to restore them into a server.
pub(super) struct PostgresSnapshot {
    pub(super) rows: StoredSnapshot,
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
            let failed = |error: tokio_postgres::Error| DatabaseError::Restore {
                action: "fill".to_owned(),
                reason: reason(&error),
            };
            let client = connect(&server.url()).await.map_err(failed)?;
            let database = quote_name('"', self.database());
            if self.database() != "postgres" {
                let create = format!("CREATE DATABASE {database}");
                client.batch_execute(&create).await.map_err(failed)?;
            }
            create_roles(&client, definition).await.map_err(failed)?;
            let url = server.url_of(self.database());
            let client = connect(&url).await.map_err(failed)?;
            client.batch_execute(&definition.before).await.map_err(failed)?;
            // The dump empties the search path; restore the settings of a session.
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
    /// Whether the table's rows are in its partitions.
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
        let failed = |error: tokio_postgres::Error| DatabaseError::Restore {
            action: format!("fill the table {}.{} of", table.schema, table.name),
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
        let (snapshot, read) = (Arc::clone(self), table.clone());
        let mut batches =
            Prefetch::start(move || snapshot.read(&read), move |batch| copy_text(batch, &kept));
        while let Some(lines) = batches.next().await? {
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

/// Creates the roles of the source, which owners and grants refer to and applications log in as.
/// The server asks for no password.
async fn create_roles(
    client: &Client,
    definition: &Definition,
) -> Result<(), tokio_postgres::Error> {
    let rows = client.query("SELECT quote_ident(rolname) FROM pg_roles", &[]).await?;
    let existing: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for (name, superuser, login) in &definition.roles {
        if !existing.contains(name) {
            let superuser = if *superuser { "SUPERUSER" } else { "NOSUPERUSER" };
            let login = if *login { "LOGIN" } else { "NOLOGIN" };
            client.batch_execute(&format!("CREATE ROLE {name} {superuser} {login}")).await?;
        }
    }
    Ok(())
}

/// The rows in the text format of COPY (PostgreSQL documentation, "COPY", "Text Format").
fn copy_text(batch: &RecordBatch, columns: &[usize]) -> Result<Vec<u8>, DatabaseError> {
    let mut out = Vec::new();
    for row in 0..batch.num_rows() {
        for (place, index) in columns.iter().enumerate() {
            if place > 0 {
                out.push(b'\t');
            }
            push_cell(
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

fn push_cell(
    out: &mut Vec<u8>,
    array: &dyn Array,
    row: usize,
    name: &str,
) -> Result<(), DatabaseError> {
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
            push_escaped(out, array.as_string::<i32>().value(row));
            return Ok(());
        }
        other => {
            let expected = format!("type of a PostgreSQL snapshot ({other})");
            return Err(DatabaseError::Value { column: name.to_owned(), row, expected });
        }
    };
    out.extend(text.bytes());
    Ok(())
}

fn push_escaped(out: &mut Vec<u8>, text: &str) {
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
