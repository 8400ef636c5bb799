//! The transfer of copied files beside rclone, on the same local servers.
//!
//! `make bench-rclone` runs it: 70 objects of 6.6 MB from S3 to Cloud Storage, or one of 2 GB, by ticks of `transfer` in new processes,
//! which also plan the day, and then by `rclone copy`. The files have columns of noise, which nothing makes smaller, so both carry the
//! same bytes. rclone uploads without a chunk of its own being larger than ours (8 MiB), and with as many transfers at once.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use landbridge_local::{InvocationOutcome, LocalCloud, LocalCloudOptions};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};
use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::WriterProperties;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const OPTIONS: &str = "options: --rclone PROGRAM (rclone), --files N (70), --kib KIB (6404), --runs N (3), \
                       --functions FOLDER, --recompress auto|off (off)";
const CONTRACT: &str = "version: 1
tables:
  \"public.t\":
    columns:
      id: { source: bigint, type: INT64, class: none }
      noise: { source: bytea, type: BYTES, class: none }
";
/// Bytes of a value, and values of a row group.
const VALUE: usize = 1024;
const GROUP: usize = 16 * 1024;
/// Ticks of the transfer at most.
const MOST_TICKS: usize = 12;
/// Uploads at once of both.
const AT_ONCE: u16 = 4;

struct Options {
    rclone: PathBuf,
    files: usize,
    kib: usize,
    runs: usize,
    functions: Option<PathBuf>,
    recompress: String,
}

fn options() -> Result<Options> {
    let mut options = Options {
        rclone: "rclone".into(),
        files: 70,
        kib: 6404,
        runs: 3,
        functions: None,
        recompress: "off".to_owned(),
    };
    let mut given = std::env::args().skip(1).filter(|it| it != "--bench");
    while let Some(name) = given.next() {
        let value = given.next().ok_or_else(|| format!("{name} needs a value; {OPTIONS}"))?;
        match name.as_str() {
            "--rclone" => options.rclone = value.into(),
            "--files" => options.files = value.parse()?,
            "--kib" => options.kib = value.parse()?,
            "--runs" => options.runs = value.parse()?,
            "--functions" => options.functions = Some(value.into()),
            "--recompress" => options.recompress = value,
            other => return Err(format!("unknown option {other}; {OPTIONS}").into()),
        }
    }
    Ok(options)
}

/// A file of this many values of noise, with GZIP as RDS writes it.
fn file(values: usize, seed: u64) -> Result<Bytes> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut word = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state ^ (state >> 31)).to_le_bytes()
    };
    let mut batch = |rows: std::ops::Range<usize>| -> Result<RecordBatch> {
        let noise = rows.clone().map(|_| {
            std::iter::repeat_with(&mut word).take(VALUE / 8).flatten().collect::<Vec<u8>>()
        });
        let noise: ArrayRef = Arc::new(BinaryArray::from_iter_values(noise));
        let ids = Int64Array::from_iter_values(rows.map(|row| row as i64));
        let columns = [("id", Arc::new(ids) as ArrayRef, true), ("noise", noise, true)];
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    };
    let properties = WriterProperties::builder()
        .set_compression(Compression::GZIP(GzipLevel::try_new(1)?))
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(GROUP))
        .build();
    let mut bytes = Vec::new();
    let schema = batch(0..1)?.schema();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, Some(properties))?;
    for start in (0..values).step_by(GROUP) {
        writer.write(&batch(start..values.min(start + GROUP))?)?;
    }
    writer.close()?;
    Ok(bytes.into())
}

/// A local cloud with a complete export of these files.
async fn exported(dir: &Path, options: &Options) -> Result<(LocalCloud, String, u64)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let config = std::fs::read_to_string(root.join("examples/demo/landbridge.yaml"))?;
    let config = config.replacen("  views: { dataset: shop_views }\n", "", 1);
    let config: String =
        config.lines().filter(|it| !it.starts_with("  ga4:")).map(|it| format!("{it}\n")).collect();
    let recompress = format!("transfer:\n  recompress: {}\n", options.recompress);
    let config = config.replacen("transfer:\n", &recompress, 1);
    let path = dir.join("landbridge.yaml");
    std::fs::write(&path, config)?;
    std::fs::write(dir.join("contract.yaml"), CONTRACT)?;
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let table = MemoryTable::new("public", "t").column("id", "bigint").column("noise", "bytea");
    database.set_table(table.row([Some("0"), Some("\\x00")]))?;
    let mut now: Timestamp = "2026-11-20T15:50:00Z".parse()?;
    let mut local = LocalCloudOptions::new(dir.join("cloud"), path, Arc::new(database), now);
    local.schedules_dir = root.join("infra/schedules");
    if let Some(functions) = &options.functions {
        local.functions_dir.clone_from(functions);
    }
    let cloud = LocalCloud::start(local).await?;
    for (function, minutes) in [("snapshot", 10), ("export", 10), ("export", 30)] {
        now += SignedDuration::from_mins(minutes);
        cloud.clock().advance_to(now);
        cloud.tick(function, now).await?;
    }
    let bucket = cloud.config().export.bucket.clone();
    let objects = cloud.aws().list_objects(&bucket, "exports/").await;
    let first = objects.iter().find(|it| it.key.ends_with(".parquet")).ok_or("no file")?;
    let folder = first.key.rsplit_once('/').ok_or("no folder")?.0.to_owned();
    cloud.aws().delete_object(&bucket, &first.key).await;
    let mut bytes = 0;
    for number in 0..options.files {
        let file = file(options.kib * 1024 / VALUE, number as u64 + 1)?;
        bytes += file.len() as u64;
        let key = format!("{folder}/part-{number:05}-noise-c000.gz.parquet");
        cloud.aws().put_object(&bucket, &key, file).await?;
    }
    Ok((cloud, format!("{bucket}/{folder}"), bytes))
}

/// What a program took: seconds, processor seconds, and its peak memory in MB.
struct Took(f64, f64, f64);

/// Processor seconds of the children of this process that have ended.
fn children() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(") ").ok_or("no fields")?.1;
    // `cutime` and `cstime` are fields 16 and 17 of proc_pid_stat(5), in hundredths of a second on Linux.
    let ticks: f64 =
        fields.split(' ').skip(13).take(2).filter_map(|it| it.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// Ticks of the transfer until all files are there, five minutes apart as they are scheduled; each in a new process. The seconds
/// are of the ticks alone, the processor seconds of the starts too.
async fn by_transfer(cloud: &LocalCloud) -> Result<(Took, usize)> {
    let mut now: Timestamp = "2026-11-20T17:01:00Z".parse()?;
    cloud.kill_all();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let before = children()?;
    let (mut seconds, mut peak) = (0.0, 0);
    for ticks in 1..=MOST_TICKS {
        cloud.clock().advance_to(now);
        let started = Instant::now();
        let outcome = cloud.tick("transfer", now).await?;
        seconds += started.elapsed().as_secs_f64();
        let logs = cloud.logs("transfer")?;
        peak = logs.iter().rev().find_map(|line| line.peak_memory_mib()).unwrap_or(0).max(peak);
        cloud.kill_all();
        let InvocationOutcome::Response(response) = &outcome else {
            return Err(format!("the transfer failed: {outcome:?}").into());
        };
        if response["progress"] == "done" {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let took = Took(seconds, children()? - before, peak as f64 * 1.048_576);
            return Ok((took, ticks));
        }
        now += SignedDuration::from_mins(5);
    }
    Err(format!("the transfer is not done after {MOST_TICKS} ticks").into())
}

fn by_rclone(cloud: &LocalCloud, options: &Options, from: &str) -> Result<Took> {
    let variables = cloud.client_env();
    let of = |name: &str| variables.get(name).cloned().unwrap_or_default();
    let transfers = AT_ONCE.to_string();
    let endpoint = format!("{}/storage/v1/", of("LANDBRIDGE_GCS_ENDPOINT"));
    let started = Instant::now();
    let output = Command::new("/usr/bin/time")
        .args(["-f", "took %U %S %M"])
        .arg(&options.rclone)
        .args([
            "copy",
            &format!("s3:{from}"),
            &format!("gcs:{}/rclone", cloud.config().transfer.bucket),
        ])
        .args(["--config", "/dev/null", "--transfers", &transfers, "--checkers", &transfers])
        .args([
            "--s3-provider",
            "Other",
            "--s3-force-path-style",
            "--s3-endpoint",
            &of("AWS_ENDPOINT_URL_S3"),
        ])
        .args(["--s3-access-key-id", &of("AWS_ACCESS_KEY_ID")])
        .args(["--s3-secret-access-key", &of("AWS_SECRET_ACCESS_KEY")])
        .args(["--s3-region", &of("AWS_REGION"), "--s3-no-check-bucket"])
        .args(["--gcs-endpoint", &endpoint, "--gcs-access-token", &of("LANDBRIDGE_GCP_TOKEN")])
        .args(["--gcs-bucket-policy-only", "--gcs-no-check-bucket", "--retries", "1"])
        .envs([("RCLONE_CONFIG_S3_TYPE", "s3"), ("RCLONE_CONFIG_GCS_TYPE", "google cloud storage")])
        .output()?;
    let seconds = started.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stderr);
    let took = text.lines().rev().find_map(|line| line.strip_prefix("took "));
    let numbers: Vec<f64> =
        took.unwrap_or_default().split(' ').filter_map(|it| it.parse().ok()).collect();
    match (output.status.success(), &numbers[..]) {
        (true, [user, system, kib]) => Ok(Took(seconds, user + system, kib * 1.024e-3)),
        _ => Err(format!("rclone failed: {text}").into()),
    }
}

/// The copied objects, by name: both have as many, and as many bytes.
fn landed(cloud: &LocalCloud, by_rclone: bool) -> (usize, usize) {
    let (google, bucket) = (cloud.google(), &cloud.config().transfer.bucket);
    let names = google.list_objects(bucket, "").into_iter().map(|it| it.name);
    let of = names.filter(|it| it.ends_with(".parquet") && it.starts_with("rclone/") == by_rclone);
    let bytes = |name: String| google.read_object(bucket, &name).map_or(0, |it| it.len());
    of.map(bytes).fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let options = options()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..options.runs.max(1) {
        let dir = tempfile::tempdir()?;
        let (cloud, from, bytes) = exported(dir.path(), &options).await?;
        let (took, ticks) = by_transfer(&cloud).await?;
        ours.push(took);
        theirs.push(by_rclone(&cloud, &options, &from)?);
        println!(
            "{bytes} bytes in {} files, ticks of the transfer: {ticks}; landed: {:?} and {:?}",
            options.files,
            landed(&cloud, false),
            landed(&cloud, true)
        );
    }
    println!("\n| | seconds | processor seconds | peak MB |\n|---|---:|---:|---:|");
    let line = |name: &str, all: &[Took]| {
        let of = |part: fn(&Took) -> f64| median(all.iter().map(part).collect());
        let [a, b, c] = [of(|it| it.0), of(|it| it.1), of(|it| it.2)];
        println!("| {name} | {a:.2} | {b:.2} | {c:.0} |");
        [a, b, c]
    };
    let (us, them) = (line("transfer, with planning", &ours), line("rclone", &theirs));
    let ratio: Vec<String> = us.iter().zip(them).map(|(a, b)| format!("{:.2}", a / b)).collect();
    println!("| transfer / rclone | {} |", ratio.join(" | "));
    Ok(())
}
