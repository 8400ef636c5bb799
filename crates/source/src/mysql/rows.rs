//! Row counts of MySQL and MariaDB.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;

use super::{MySqlServer, disconnect};
use crate::catalogue::quote_name;
use crate::error::Result;
use crate::rows::RowCount;
use crate::tls::Tls;

/// [`crate::rows::count`] for MySQL and MariaDB.
pub(crate) async fn count_rows(
    url: &str,
    host: &str,
    port: u16,
    tls: Option<Tls>,
    tables: &[String],
) -> Result<BTreeMap<String, Option<RowCount>>> {
    let server = MySqlServer::at(url, host, port, tls)?;
    let mut conn = server.open_session().await?;
    let mut counts = BTreeMap::new();
    for target in tables {
        let (database, table) = target.split_once('.').unwrap_or((server.database(), target));
        let exists = "SELECT COUNT(*) FROM information_schema.tables \
                      WHERE table_schema = ? AND table_name = ?";
        let exists: Option<u64> = conn
            .exec_first(exists, (database, table))
            .await
            .map_err(|error| server.error("list the tables of", &error))?;
        let rows: Option<u64> = if exists == Some(0) {
            None
        } else {
            let (database, table) = (quote_name('`', database), quote_name('`', table));
            conn.query_first(format!("SELECT COUNT(*) FROM {database}.{table}"))
                .await
                .map_err(|error| server.error("count rows of", &error))?
        };
        counts.insert(target.clone(), rows.map(|all| RowCount { all, own: None }));
    }
    disconnect(conn).await;
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use landbridge_local_database::TestMariaDb;

    use mysql_async::Conn;

    use super::*;
    use crate::error::SourceError;

    #[tokio::test]
    async fn rows_are_counted_over_tls_with_the_given_certificates() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let file = |name: &str| dir.path().join(name);
        let generated = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(file("key.pem"), generated.signing_key.serialize_pem()).unwrap();
        std::fs::write(file("certificate.pem"), generated.cert.pem()).unwrap();
        let arguments = vec![
            format!("--ssl-key={}", file("key.pem").display()),
            format!("--ssl-cert={}", file("certificate.pem").display()),
        ];
        let server = tokio::task::spawn_blocking(move || TestMariaDb::start_with(&arguments)).await;
        let server = server.unwrap().unwrap_or_else(|error| panic!("{error}"));
        let tls = Tls::trust_file(&file("certificate.pem")).unwrap();
        let url = server.url_of("mysql");
        let port = url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
        let mut root = Conn::from_url(format!("{url}?prefer_socket=false")).await.unwrap();
        root.query_drop(
            "CREATE DATABASE shop; CREATE TABLE shop.`odd ``table` (id int);
             INSERT INTO shop.`odd ``table` VALUES (1), (2);
             CREATE USER reader@'%' IDENTIFIED BY 'hunter2' REQUIRE SSL;
             GRANT SELECT ON shop.* TO reader@'%'",
        )
        .await
        .unwrap();

        let targets = ["shop.odd `table".to_owned(), "shop.absent".to_owned()];
        let count = async |url: &str, tls| count_rows(url, "127.0.0.1", port, tls, &targets).await;
        let good = "mysql://reader:hunter2@any/shop";
        let counted = count(good, Some(tls.clone())).await.unwrap();
        assert_eq!(
            (counted[&targets[0]], counted[&targets[1]]),
            (Some(RowCount { all: 2, own: None }), None)
        );
        let without_password = |error: SourceError| {
            let text = error.to_string();
            assert!(!text.contains("hunter2"), "{text}");
            text
        };
        let plain = without_password(count(good, None).await.unwrap_err());
        assert!(plain.contains("(1045)"), "the account accepts only TLS: {plain}");
        let wrong = without_password(
            count("mysql://reader:hunter3@any/shop", Some(tls)).await.unwrap_err(),
        );
        assert!(wrong.contains("(1045)"), "{wrong}");
        // The certificate of another server.
        let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(file("other.pem"), other.cert.pem()).unwrap();
        let other = Tls::trust_file(&file("other.pem")).unwrap();
        without_password(count(good, Some(other)).await.unwrap_err());
        for url in ["postgres://reader:hunter2@any/shop", "reader:hunter2@any", "mysql://["] {
            let error = count(url, None).await.unwrap_err();
            assert!(matches!(error, SourceError::Url), "{url}");
            without_password(error);
        }
    }
}
