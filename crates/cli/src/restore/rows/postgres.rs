//! Counting rows on PostgreSQL.

use std::collections::BTreeMap;

use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

use super::quoted_by;
use crate::failure::{Failure, Result};
use crate::restore::tls::Tls;

/// As [`super::count`], of schema and table.
pub(super) async fn count(
    url: &str,
    host: &str,
    port: u16,
    tls: Option<Tls>,
    targets: &[String],
) -> Result<BTreeMap<String, Option<u64>>> {
    let url: Config = url.parse().map_err(|_| {
        Failure::Usage(
            "the URL for counting rows cannot be read; write it as \
             postgres://user:password@any/database"
                .to_owned(),
        )
    })?;
    let mut config = Config::new();
    config.host(host).port(port).application_name("landbridge-drill");
    if let Some(user) = url.get_user() {
        config.user(user);
    }
    if let Some(password) = url.get_password() {
        config.password(password);
    }
    if let Some(database) = url.get_dbname() {
        config.dbname(database);
    }
    let failed = |doing: &str, error: &tokio_postgres::Error| {
        let reason = error.as_db_error().map_or_else(
            || error.to_string(),
            |server| format!("the server answered with code {}", server.code().code()),
        );
        Failure::Failed(format!("{doing} at {host}:{port}: {reason}"))
    };
    let client = connect(&mut config, tls)
        .await
        .map_err(|error| failed("the restored database cannot be asked", &error))?;
    let mut counted = BTreeMap::new();
    for target in targets {
        let (schema, table) = target.split_once('.').unwrap_or(("public", target));
        let there = "SELECT to_regclass(quote_ident($1) || '.' || quote_ident($2)) IS NOT NULL";
        let row = client.query_one(there, &[&schema, &table]).await;
        let row = row.map_err(|error| failed("the tables cannot be listed", &error))?;
        let rows = if row.get::<_, bool>(0) {
            let count = format!(
                "SELECT count(*) FROM {}.{}",
                quoted_by('"', schema),
                quoted_by('"', table)
            );
            let row = client.query_one(&count, &[]).await;
            let row = row.map_err(|error| failed("the rows cannot be counted", &error))?;
            u64::try_from(row.get::<_, i64>(0)).ok()
        } else {
            None
        };
        counted.insert(target.clone(), rows);
    }
    Ok(counted)
}

async fn connect(config: &mut Config, tls: Option<Tls>) -> Result<Client, tokio_postgres::Error> {
    // A connection ends with its client; what breaks it is told by the client's calls.
    match tls {
        Some(tls) => {
            let (client, connection) = config.ssl_mode(SslMode::Require).connect(tls).await?;
            tokio::spawn(connection);
            Ok(client)
        }
        None => {
            let (client, connection) = config.ssl_mode(SslMode::Disable).connect(NoTls).await?;
            tokio::spawn(connection);
            Ok(client)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use landbridge_local_database::TestPostgres;

    use super::*;

    /// Makes a server speak TLS alone, with a certificate of its own for 127.0.0.1.
    async fn with_tls(server: &TestPostgres, dir: &std::path::Path) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (key, certificate) = (dir.join("key.pem"), dir.join("certificate.pem"));
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
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
        client.batch_execute("CREATE TABLE people AS SELECT 1 AS id").await.unwrap();
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    }

    #[tokio::test]
    async fn rows_are_counted_by_tls_with_the_certificates_named() {
        let server = tokio::task::spawn_blocking(TestPostgres::start).await.unwrap();
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let dir = tempfile::tempdir().unwrap();
        with_tls(&server, dir.path()).await;
        let url = server.url();
        let port: u16 = url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
        let targets = ["public.people".to_owned(), "public.nobody".to_owned()];
        let count = async |tls| super::count(&url, "127.0.0.1", port, tls, &targets).await;
        let tls = Tls::trusting(&dir.path().join("certificate.pem")).unwrap();
        // The server takes a moment to read its configuration anew.
        let begun = std::time::Instant::now();
        let counted = loop {
            match count(Some(tls.clone())).await {
                Ok(counted) => break counted,
                Err(error) if begun.elapsed().as_secs() > 20 => panic!("{error}"),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            }
        };
        assert_eq!(counted["public.people"], Some(1));
        assert_eq!(counted["public.nobody"], None);
        assert!(count(None).await.is_err(), "the server takes TLS alone");
        // A certificate of somebody else.
        let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let file = dir.path().join("other.pem");
        std::fs::write(&file, other.cert.pem()).unwrap();
        assert!(count(Some(Tls::trusting(&file).unwrap())).await.is_err());
        std::fs::write(&file, "nothing").unwrap();
        assert!(matches!(Tls::trusting(&file), Err(Failure::Usage(_))));
    }
}
