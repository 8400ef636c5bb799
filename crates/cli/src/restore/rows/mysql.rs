//! Counting rows on MySQL and MariaDB.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder};

use super::quoted_by;
use crate::failure::{Failure, Result};
use crate::restore::tls::Tls;

/// As [`super::count`], of database and table.
pub(super) async fn count(
    url: &str,
    host: &str,
    port: u16,
    tls: Option<Tls>,
    targets: &[String],
) -> Result<BTreeMap<String, Option<u64>>> {
    let unreadable = || {
        Failure::Usage(
            "the URL for counting rows cannot be read; write it as \
             mysql://user:password@any/database"
                .to_owned(),
        )
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(unreadable)?;
    if !matches!(scheme, "mysql" | "mariadb") {
        return Err(unreadable());
    }
    let url = Opts::from_url(&format!("mysql://{rest}")).map_err(|_| unreadable())?;
    let opts = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port)
        .prefer_socket(false)
        .user(url.user())
        .pass(url.pass())
        .db_name(url.db_name())
        .ssl_opts(tls.map(|tls| tls.for_mysql()));
    let failed = |doing: &str, error: &Error| {
        let reason = match error {
            Error::Server(server) => format!("the server answered with code {}", server.code),
            other => other.to_string(),
        };
        Failure::Failed(format!("{doing} at {host}:{port}: {reason}"))
    };
    let mut conn = Conn::new(opts)
        .await
        .map_err(|error| failed("the restored database cannot be asked", &error))?;
    let mut counted = BTreeMap::new();
    for target in targets {
        let (database, table) =
            target.split_once('.').unwrap_or((url.db_name().unwrap_or_default(), target));
        let there = "SELECT COUNT(*) FROM information_schema.tables \
                     WHERE table_schema = ? AND table_name = ?";
        let there: Option<u64> = conn
            .exec_first(there, (database, table))
            .await
            .map_err(|error| failed("the tables cannot be listed", &error))?;
        let rows = if there == Some(0) {
            None
        } else {
            let (database, table) = (quoted_by('`', database), quoted_by('`', table));
            let count = format!("SELECT COUNT(*) FROM {database}.{table}");
            conn.query_first(count)
                .await
                .map_err(|error| failed("the rows cannot be counted", &error))?
        };
        counted.insert(target.clone(), rows);
    }
    // What is counted is counted, whether the server hears the good-bye or not.
    _ = conn.disconnect().await;
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use landbridge_local_database::TestMariaDb;

    use super::*;

    #[tokio::test]
    async fn rows_are_counted_by_tls_with_the_certificates_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let file = |name: &str| dir.path().join(name);
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(file("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(file("certificate.pem"), made.cert.pem()).unwrap();
        let arguments = vec![
            format!("--ssl-key={}", file("key.pem").display()),
            format!("--ssl-cert={}", file("certificate.pem").display()),
        ];
        let server = tokio::task::spawn_blocking(move || TestMariaDb::start_with(&arguments)).await;
        let server = server.unwrap().unwrap_or_else(|error| panic!("{error}"));
        let tls = Tls::trusting(&file("certificate.pem")).unwrap();
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

        let targets = ["shop.odd `table".to_owned(), "shop.nobody".to_owned()];
        let count = async |url: &str, tls| count(url, "127.0.0.1", port, tls, &targets).await;
        let good = "mysql://reader:hunter2@any/shop";
        let counted = count(good, Some(tls.clone())).await.unwrap();
        assert_eq!((counted[&targets[0]], counted[&targets[1]]), (Some(2), None));
        let secret = |error: Failure| {
            let text = error.to_string();
            assert!(!text.contains("hunter2"), "{text}");
            text
        };
        let plain = secret(count(good, None).await.unwrap_err());
        assert!(plain.contains("code 1045"), "the account takes TLS alone: {plain}");
        let wrong = secret(count("mysql://reader:hunter3@any/shop", Some(tls)).await.unwrap_err());
        assert!(wrong.contains("code 1045"), "{wrong}");
        // A certificate of somebody else.
        let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(file("other.pem"), other.cert.pem()).unwrap();
        let other = Tls::trusting(&file("other.pem")).unwrap();
        secret(count(good, Some(other)).await.unwrap_err());
        for url in ["postgres://reader:hunter2@any/shop", "reader:hunter2@any", "mysql://["] {
            let error = count(url, None).await.unwrap_err();
            assert!(matches!(error, Failure::Usage(_)), "{url}");
            secret(error);
        }
    }
}
