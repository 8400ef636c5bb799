//! Row counts of PostgreSQL.

use std::collections::BTreeMap;

use super::PostgresServer;
use crate::catalogue::quote_name;
use crate::error::{Result, SourceError};
use crate::rows::RowCount;
use crate::tls::Tls;

/// Whether tables inherit from an ordinary table; no row if the table does not exist.
const HAS_CHILDREN: &str = "SELECT c.relkind = 'r' AND EXISTS (\
    SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) \
    FROM pg_class c WHERE c.oid = to_regclass(quote_ident($1) || '.' || quote_ident($2))";

/// [`crate::rows::count`] for PostgreSQL.
pub(crate) async fn count_rows(
    url: &str,
    host: &str,
    port: u16,
    tls: Option<Tls>,
    tables: &[String],
) -> Result<BTreeMap<String, Option<RowCount>>> {
    let server = PostgresServer::at(url, host, port, tls)?;
    let client = server.open_session().await?;
    // Row-level security is an error: a count of the rows that a policy shows would be compared with all rows.
    let session = client.batch_execute("SET row_security = off").await;
    session.map_err(|error| server.error("count rows of", &error))?;
    let mut counts = BTreeMap::new();
    for target in tables {
        let (schema, table) = target.split_once('.').unwrap_or(("public", target));
        let row = client.query_opt(HAS_CHILDREN, &[&schema, &table]).await;
        let row = row.map_err(|error| server.error("list the tables of", &error))?;
        let name = format!("{}.{}", quote_name('"', schema), quote_name('"', table));
        let count = async |from: &str| {
            let row = client.query_one(&format!("SELECT count(*) FROM {from}{name}"), &[]).await;
            let row = row.map_err(|error| server.error("count rows of", &error))?;
            Ok::<_, SourceError>(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
        };
        let rows = match row.map(|row| row.get::<_, bool>(0)) {
            None => None,
            Some(false) => Some(RowCount { all: count("").await?, own: None }),
            Some(true) => {
                Some(RowCount { all: count("").await?, own: Some(count("ONLY ").await?) })
            }
        };
        counts.insert(target.clone(), rows);
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use landbridge_local_database::TestPostgres;

    use tokio_postgres::NoTls;

    use super::*;

    /// Makes a server accept only TLS, with its own certificate for 127.0.0.1.
    async fn with_tls(server: &TestPostgres, dir: &std::path::Path) {
        let generated = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (key, certificate) = (dir.join("key.pem"), dir.join("certificate.pem"));
        std::fs::write(&key, generated.signing_key.serialize_pem()).unwrap();
        std::fs::write(&certificate, generated.cert.pem()).unwrap();
        std::fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        let show = |what: &str| format!("SELECT current_setting('{what}')");
        let text = async |what: &str| {
            client.query_one(&show(what), &[]).await.unwrap().get::<_, String>(0)
        };
        let owner = std::fs::metadata(text("data_directory").await).unwrap();
        if owner.uid() != std::fs::metadata(dir).unwrap().uid() {
            chown(&key, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        std::fs::write(text("hba_file").await, "hostssl all all 127.0.0.1/32 trust\n").unwrap();
        for (name, value) in [("ssl_key_file", &key), ("ssl_cert_file", &certificate)]
            .map(|(name, path)| (name, path.display().to_string()))
        {
            client.batch_execute(&format!("ALTER SYSTEM SET {name} = '{value}'")).await.unwrap();
        }
        client.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
        let tables = "CREATE TABLE people AS SELECT 1 AS id;
            CREATE TABLE staff () INHERITS (people); INSERT INTO staff VALUES (2), (3);
            CREATE TABLE parts (id int) PARTITION BY LIST (id);
            CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1); INSERT INTO parts VALUES (1)";
        client.batch_execute(tables).await.unwrap();
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    }

    #[tokio::test]
    async fn rows_are_counted_over_tls_with_the_given_certificates() {
        let server = tokio::task::spawn_blocking(TestPostgres::start).await.unwrap();
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let dir = tempfile::tempdir().unwrap();
        with_tls(&server, dir.path()).await;
        let url = server.url();
        let port: u16 = url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
        let targets = ["people", "absent", "staff", "parts"].map(|it| format!("public.{it}"));
        let count = async |tls| super::count_rows(&url, "127.0.0.1", port, tls, &targets).await;
        let tls = Tls::trust_file(&dir.path().join("certificate.pem")).unwrap();
        // The server takes a moment to reload its configuration.
        let begun = std::time::Instant::now();
        let counted = loop {
            match count(Some(tls.clone())).await {
                Ok(counted) => break counted,
                Err(error) if begun.elapsed().as_secs() > 20 => panic!("{error}"),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            }
        };
        // An inherited table is counted with and without the rows of its children.
        assert_eq!(counted["public.people"], Some(RowCount { all: 3, own: Some(1) }));
        assert_eq!(counted["public.staff"], Some(RowCount { all: 2, own: None }));
        assert_eq!(counted["public.parts"], Some(RowCount { all: 1, own: None }));
        assert_eq!(counted["public.absent"], None);
        assert!(count(None).await.is_err(), "the server accepts only TLS");
        // The certificate of another server.
        let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let file = dir.path().join("other.pem");
        std::fs::write(&file, other.cert.pem()).unwrap();
        assert!(count(Some(Tls::trust_file(&file).unwrap())).await.is_err());
        std::fs::write(&file, "nothing").unwrap();
        assert!(matches!(Tls::trust_file(&file), Err(SourceError::Certificates { .. })));
    }
}
