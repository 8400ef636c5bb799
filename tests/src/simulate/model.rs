//! What is modelled: latencies, rates and shares, each with its source. Sources that give a range, or none, make the
//! number an assumption; the report prints all of them.

use serde::Serialize;

/// A modelled number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Modelled {
    /// What it is.
    pub what: &'static str,
    /// Its value.
    pub value: f64,
    /// The unit of the value.
    pub unit: &'static str,
    /// Where it is from. `assumption`: it is not documented.
    pub source: &'static str,
}

/// S3, until the answer to a small request.
pub const S3: Modelled = Modelled {
    what: "S3: a request",
    value: 50.0,
    unit: "ms",
    source: "assumption within \"median latencies in the tens of milliseconds\" below 512 KB (AWS, Best Practices Design Patterns: Optimizing Amazon S3 Performance, https://docs.aws.amazon.com/whitepapers/latest/s3-optimizing-performance-best-practices/timeouts-and-retries-for-latency-sensitive-applications.html)",
};
/// Cloud Storage, until the answer to a small request.
pub const STORAGE: Modelled = Modelled {
    what: "Cloud Storage: a request",
    value: 80.0,
    unit: "ms",
    source: "assumption: \"time to first byte typically tens of milliseconds\" (Google, https://cloud.google.com/storage/docs/storage-classes), and the way between the clouds",
};
/// BigQuery, an API request.
pub const BIGQUERY: Modelled = Modelled {
    what: "BigQuery: a request",
    value: 200.0,
    unit: "ms",
    source: "assumption: Google documents no latency",
};
/// A load job of BigQuery, from its creation to its end.
pub const LOAD_JOB: Modelled = Modelled {
    what: "BigQuery: a load job",
    value: 10.0,
    unit: "s",
    source: "assumption: Google documents no duration, and gives no guarantee in the shared pool (https://cloud.google.com/bigquery/docs/batch-loading-data)",
};
/// SQS, Secrets Manager, RDS.
pub const AWS: Modelled = Modelled {
    what: "other services of AWS: a request",
    value: 20.0,
    unit: "ms",
    source: "assumption: AWS documents no latency",
};
/// From the start of a function to its first call.
pub const START: Modelled = Modelled {
    what: "Lambda: a start",
    value: 1.0,
    unit: "s",
    source: "assumption of docs/costs.md",
};
/// What a function of a whole processor moves.
pub const RATE: Modelled = Modelled {
    what: "Lambda of 1,769 MB: bytes compared, or transferred",
    value: 50.0,
    unit: "MiB/s",
    source: "assumption of docs/costs.md, not measured on Lambda",
};
/// What a function of a whole processor compresses again.
pub const COMPRESSION: Modelled = Modelled {
    what: "Lambda of 1,769 MB: content compressed again",
    value: 25.0,
    unit: "MiB/s",
    source: "three quarters of the rate measured on x86-64 (docs/costs.md, \"Fewer bytes leave\")",
};
/// Decompressed content per exported byte.
pub const CONTENT: Modelled = Modelled {
    what: "decompressed content per byte of Parquet",
    value: 3.0,
    unit: "",
    source: "2.3 measured on TPC-H, rounded up (docs/costs.md)",
};
/// What leaves AWS of columns that are compressed again.
pub const SENT: Modelled = Modelled {
    what: "bytes sent per exported byte, with recompress: auto",
    value: 0.87,
    unit: "",
    source: "measured on TPC-H from GZIP 6 (docs/costs.md, \"Fewer bytes leave\")",
};
/// Processor time of one call, of a whole processor.
pub const CALL: Modelled = Modelled {
    what: "processor time per call, of a whole processor",
    value: 0.5,
    unit: "ms",
    source: "assumption: TLS, HTTP and JSON; a function has a share of a processor by its memory (AWS Lambda Developer Guide, \"Configure Lambda function memory\": 1,769 MB are one)",
};

/// All of them, as the report prints them.
pub const ALL: [Modelled; 11] =
    [S3, STORAGE, BIGQUERY, LOAD_JOB, AWS, START, RATE, COMPRESSION, CONTENT, SENT, CALL];

/// Memory of a function with a whole processor, in MB.
pub const WHOLE_PROCESSOR_MB: u32 = 1_769;
/// Seconds after which Lambda ends a function (`timeout_seconds` of `terraform/modules/aws`).
pub const TIMEOUT_SECONDS: u64 = 285;
/// Seconds that a function keeps for itself before that (`MARGIN` in `stages/src/lambda.rs`).
pub const MARGIN_SECONDS: u64 = 5;
/// Minutes between two starts of `transfer` and of `load` (`infra/schedules`).
pub const SCHEDULE_MINUTES: u64 = 5;
/// Bytes that a comparison reads of a file at once (`stages/src/transfer/unchanged`), and a transfer of its source.
pub const READ_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
/// Messages that Lambda gives a worker at once (`terraform/modules/aws/fan_out.tf`).
pub const BATCH: usize = 10;
