//! What the ledger counted of days.

use landbridge_aws::S3;
use landbridge_core::calendar::Day;
use landbridge_core::config::Config;
use landbridge_core::cost::Actual;
use landbridge_core::receipt::Receipt;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::failure::{Failure, Result};
use crate::receipt;

/// Records that are read at the same time.
const AT_ONCE: usize = 16;

/// What a carried object's record says of its size.
#[derive(Deserialize)]
struct Carried {
    bytes: u64,
}

/// What was counted of each day that has receipts.
///
/// # Errors
/// When no day has any, or one cannot be read.
pub(super) async fn counted(s3: &S3, config: &Config, days: &[Day]) -> Result<Vec<Actual>> {
    let mut counted = Vec::new();
    for day in days {
        let prefix = receipt::prefix(config, *day);
        let texts = read_all(s3, &config.export.bucket, &prefix).await?;
        let receipts: Vec<Receipt> = texts
            .iter()
            .map(|(place, bytes)| receipt::parse(bytes, place))
            .collect::<Result<_>>()?;
        if receipts.is_empty() {
            continue;
        }
        counted.push(Actual {
            day: *day,
            tables: receipts.len(),
            files: receipts.iter().map(|it| it.files).sum(),
            exported_bytes: receipts.iter().map(|it| it.bytes).sum(),
            carried_bytes: carried(s3, config, *day).await?,
            rows: receipts.iter().filter_map(|it| it.rows_loaded).sum(),
            load_ms: receipts.iter().filter_map(|it| it.load_ms).sum(),
        });
    }
    match (counted.is_empty(), days) {
        (false, _) => Ok(counted),
        (true, [only]) => Err(none(config, &only.to_string())),
        (true, days) => {
            let ends =
                [days.first(), days.last()].map(|day| day.map(Day::to_string).unwrap_or_default());
            Err(none(config, &ends.join(" to ")))
        }
    }
}

fn none(config: &Config, days: &str) -> Failure {
    Failure::Failed(format!(
        "there are no receipts of {days} in s3://{}/{}/{}; say --parquet-gib-per-day instead",
        config.export.bucket, config.ledger.prefix, config.source.name
    ))
}

/// Bytes in Cloud Storage of everything that was carried for a day; none when the ledger has no
/// records of it.
async fn carried(s3: &S3, config: &Config, day: Day) -> Result<Option<u64>> {
    let prefix = format!("{}/{}/{day}/items/", config.ledger.prefix, config.source.name);
    let records = read_all(s3, &config.export.bucket, &prefix).await?;
    let sizes = records.iter().map(|(place, bytes)| {
        serde_json::from_slice::<Carried>(bytes).map(|it| it.bytes).map_err(|_| {
            Failure::Failed(format!("a record of a carried object cannot be read: {place}"))
        })
    });
    let sizes: Vec<u64> = sizes.collect::<Result<_>>()?;
    Ok((!sizes.is_empty()).then(|| sizes.iter().sum()))
}

/// Every object below a prefix, with its place.
async fn read_all(s3: &S3, bucket: &str, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut waiting = s3.list(bucket, prefix).await?.into_iter();
    let (mut reading, mut read) = (JoinSet::new(), Vec::new());
    loop {
        while reading.len() < AT_ONCE
            && let Some(object) = waiting.next()
        {
            let (s3, bucket) = (s3.clone(), bucket.to_owned());
            reading.spawn(async move {
                let got = s3.get(&bucket, &object.key).await?;
                let place = format!("s3://{bucket}/{}", object.key);
                Ok::<_, landbridge_core::Error>(got.map(|(bytes, _)| (place, bytes.to_vec())))
            });
        }
        match reading.join_next().await {
            Some(Ok(one)) => read.extend(one?),
            Some(Err(error)) => return Err(Failure::Failed(format!("reading broke off: {error}"))),
            None => return Ok(read),
        }
    }
}
