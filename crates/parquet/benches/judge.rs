//! What judging the columns of text costs beside transferring the same file: `make bench-judge`.
//!
//! A file of an ordinary table is rewritten as the transfer does it, from a source with the latency and the bandwidth
//! of S3, and its text columns are judged. Both are timed in turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use landbridge_core::Result as SourceResult;
use landbridge_core::contract::{ColumnContract, TableContract};
use landbridge_core::plan::judged::judged_columns;
use landbridge_core::plan::{SourceColumn, TablePlan};
use landbridge_core::rewrite::RewritePlan;
use landbridge_core::types::{Annotation, BigQueryType, ParquetColumn, Physical};
use landbridge_parquet::rewrite::judge::judge;
use landbridge_parquet::rewrite::stream::{self, StreamSettings};
use landbridge_parquet::rewrite::{Rewriter, TokenKey};
use landbridge_parquet::{Footer, RangeReader};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::WriterProperties;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The first byte of an answer of S3 takes so long.
const LATENCY: Duration = Duration::from_millis(20);
/// Bytes in a second: of a function with 600 Mbit/s.
const BANDWIDTH: f64 = 75e6;
const RUNS: usize = 5;
/// Rows of one row group.
const GROUP: usize = 250_000;
const TEXT: [&str; 10] =
    ["memo", "state", "order_no", "tracking_no", "sku", "page", "options", "item", "shelf", "at"];
/// One column is retyped and one is tokenised.
const PLAN: &str = "columns:\n  at: { retype: { to: timestamp } }\n  shelf: { tokenise: {} }\n";

/// Bytes in memory, behind a network.
#[derive(Clone)]
struct Network {
    bytes: Bytes,
    latency: Duration,
    bandwidth: f64,
}

impl RangeReader for Network {
    async fn read(&self, start: u64, length: u64) -> SourceResult<Bytes> {
        tokio::time::sleep(self.latency + Duration::from_secs_f64(length as f64 / self.bandwidth))
            .await;
        self.bytes.read(start, length).await
    }
}

fn value(column: &str, n: usize) -> String {
    let code = 100_000 + n * 7_919 % 1_000_003;
    match column {
        "memo" => format!("order {code} was packed at {}, 문 앞에 두고 가세요", n % 86_400),
        "state" => ["new", "paid", "sent"][n % 3].to_owned(),
        "order_no" => format!("202611{:02}-{n:07}", 1 + n % 28),
        "tracking_no" => format!("6{:011}", code * 7_001),
        "sku" => format!("SKU-{code:X}"),
        "page" => format!("https://shop.example/items/{code}?page={}", n % 40),
        "options" => {
            format!(
                "{{\"gift\": {}, \"colour\": \"oak\", \"count\": {}}}",
                n.is_multiple_of(2),
                n % 9
            )
        }
        "item" => {
            format!("{} {}", ["원목 책상", "Desk Lamp", "수건", "Wool Hat"][n % 4], code % 5_000)
        }
        "at" => {
            format!("2026-11-{:02} {:02}:{:02}:{:02}.123456+00", 1 + n % 28, n % 24, n % 60, n % 59)
        }
        _ => format!("A-{:02}-{:03}", n % 20, code % 1_000),
    }
}

fn file(rows: usize) -> Result<Bytes> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::GZIP(GzipLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(GROUP))
        .build();
    let mut bytes = Vec::new();
    let mut writer: Option<ArrowWriter<&mut Vec<u8>>> = None;
    let mut sink = Some(&mut bytes);
    for start in (0..rows).step_by(GROUP) {
        let of = start..rows.min(start + GROUP);
        let ids = Arc::new(Int64Array::from_iter(of.clone().map(|n| n as i64))) as ArrayRef;
        let text = TEXT.map(|name| {
            let values = of.clone().map(|n| Some(value(name, n)));
            (name, Arc::new(StringArray::from_iter(values)) as ArrayRef, true)
        });
        let columns = std::iter::once(("id", ids, false)).chain(text);
        let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
        if let Some(sink) = sink.take() {
            writer = Some(ArrowWriter::try_new(sink, batch.schema(), Some(properties.clone()))?);
        }
        writer.as_mut().ok_or("no rows")?.write(&batch)?;
    }
    writer.ok_or("no rows")?.close()?;
    Ok(bytes.into())
}

fn plan() -> Result<(TablePlan, TableContract)> {
    let mut plan: TablePlan = serde_json::from_value(serde_json::json!({
        "source_table": "public.orders", "table": "orders", "columns": [], "items": [],
        "rows": 0, "bytes": 0, "notes": [],
    }))?;
    let mut contract = TableContract::default();
    for name in TEXT.iter().filter(|name| !["at", "shelf"].contains(name)) {
        let (physical, annotation) = (Physical::ByteArray, Annotation::String);
        let parquet = ParquetColumn { name: (*name).to_owned(), physical, annotation };
        plan.columns.push(SourceColumn::new(parquet, "text"));
        let column = ColumnContract::new("text", BigQueryType::String, "none");
        contract.columns.insert((*name).to_owned(), column);
    }
    Ok((plan, contract))
}

async fn transfer(source: &Network, rewriter: &Rewriter) -> Result<Duration> {
    let start = Instant::now();
    let length = source.bytes.len() as u64;
    let settings = StreamSettings::default();
    let mut stream =
        stream::rewrite(rewriter.clone(), source.clone(), length, "file", None, settings);
    while stream.bytes.recv().await.is_some() {}
    stream.report().await?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let rewriter = Rewriter::new(RewritePlan::from_yaml(PLAN, "plan")?.into_value())?
        .with_key(TokenKey::new(b"a key that guards nothing at all")?);
    let (plan, contract) = plan()?;
    let columns = judged_columns(&plan, Some(&contract));
    let day = "2026-11-22".parse()?;
    println!("| rows | MB | columns judged | transfer s | judging s | judging / transfer |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for rows in [100_000, 500_000, 2_000_000] {
        let source = Network { bytes: file(rows)?, latency: LATENCY, bandwidth: BANDWIDTH };
        let length = source.bytes.len() as u64;
        let (mut transfers, mut judgements) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            transfers.push(transfer(&source, &rewriter).await?);
            let start = Instant::now();
            let footer = Footer::read(&source, length, "file").await?;
            let groups = 0..footer.metadata.num_row_groups();
            let found = judge(&source, &footer, groups, &columns, day).await?;
            judgements.push(start.elapsed());
            assert!(found.personal.is_empty() && found.not_judged.is_empty(), "{found:?}");
        }
        let (transfer, judging) = (median(transfers), median(judgements));
        println!(
            "| {rows} | {:.0} | {} | {transfer:.2} | {judging:.3} | {:.1} % |",
            length as f64 / 1e6,
            columns.len(),
            100.0 * judging / transfer
        );
    }
    Ok(())
}
