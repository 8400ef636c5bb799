//! Measures the snapshot and the export of a PostgreSQL table, for `benches/source.py`.
//!
//! `source serve ROWS` starts a server with a table of ROWS rows, prints its URL and runs until
//! standard input ends. `source export URL DIR` takes a snapshot of the database and writes its
//! export below DIR. It prints the seconds of the snapshot, the seconds of the export, and the number
//! of rows.

use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use landbridge_local_database::{
    ExportQuirks, ExportSpec, ObjectSink, PostgresDatabase, SourceDatabase, TestPostgres, export,
};
use tokio_postgres::NoTls;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A typical application table: keys, short and long text, money, times, NULLs.
const TABLE: &str = "CREATE TABLE payments (
    id bigint PRIMARY KEY, customer_id bigint NOT NULL, status varchar(20) NOT NULL,
    amount numeric(12,2) NOT NULL, currency char(3) NOT NULL, country text, paid boolean NOT NULL,
    weight double precision, created_at timestamptz NOT NULL, paid_on date, note text)";

const FILL: &str = "INSERT INTO payments SELECT n, n * 7919 % 1000003,
    (ARRAY['new','authorised','captured','refunded','failed'])[1 + n % 5], (n * 104729 % 10000019) / 100.0,
    (ARRAY['KRW','USD','EUR'])[1 + n % 3], (ARRAY['KR','US','DE','FR',NULL])[1 + n % 5], n % 7 <> 0,
    sin(n), timestamptz '2020-01-01' + n * interval '17.000931 s', date '2020-01-01' + (n / 5083)::int,
    CASE WHEN n % 4 <> 0 THEN 'payment ' || md5(n::text) END
    FROM generate_series(1, $1::bigint) n";

#[tokio::main]
async fn main() -> Outcome {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", rows] => serve(rows.parse()?).await,
        ["export", url, dir] => export_table(url, dir.into()).await,
        _ => {
            eprintln!("this program is for benches/source.py: run `make bench-source`");
            Ok(())
        }
    }
}

async fn serve(rows: i64) -> Outcome {
    let server = tokio::task::spawn_blocking(TestPostgres::start).await??;
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(TABLE).await?;
    client.execute(FILL, &[&rows]).await?;
    for statement in ["VACUUM (ANALYZE, FREEZE) payments", "CHECKPOINT"] {
        client.batch_execute(statement).await?;
    }
    println!("{}", server.url());
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

async fn export_table(url: &str, dir: PathBuf) -> Outcome {
    let (snapshot_dir, export_dir) = (dir.join("snapshot"), dir.join("export"));
    std::fs::create_dir_all(&snapshot_dir)?;
    let start = Instant::now();
    let source = PostgresDatabase::connect(url).await?;
    let snapshot = source.capture(Timestamp::UNIX_EPOCH, &snapshot_dir).await?;
    let snapshot_seconds = start.elapsed().as_secs_f64();
    let spec = ExportSpec {
        export_id: "bench",
        prefix: None,
        bucket: "bucket",
        source_arn: "arn:aws:rds:ap-northeast-2:123456789012:snapshot:bench",
        role_arn: "arn:aws:iam::123456789012:role/export",
        kms_key: "arn:aws:kms:ap-northeast-2:123456789012:key/1",
        only: &[],
        started: Timestamp::UNIX_EPOCH,
        ended: Timestamp::UNIX_EPOCH,
        quirks: ExportQuirks::default(),
    };
    let outcome = export(snapshot.as_ref(), &spec, &Folder(export_dir)).await?;
    let rows: u64 = outcome.tables.iter().map(|table| table.rows).sum();
    println!(
        "{snapshot_seconds:.3} {:.3} {rows}",
        start.elapsed().as_secs_f64() - snapshot_seconds
    );
    Ok(())
}

/// Stores objects as files, as the local S3 does with large ones.
struct Folder(PathBuf);

impl ObjectSink for Folder {
    fn put<'a>(&'a self, key: String, bytes: Bytes) -> BoxFuture<'a, std::io::Result<()>> {
        let path = self.0.join(key);
        Box::pin(async move {
            if let Some(parent) = path.parent() {
                tokio::fs::create_dir_all(parent).await?;
            }
            tokio::fs::write(path, bytes).await
        })
    }
}
