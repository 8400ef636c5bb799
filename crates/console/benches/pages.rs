//! How long pages take with 10,000 tables and a year of days, over HTTP: `make bench-console`.
//!
//! The history of the year is generated in memory, as a console has it after it has read the indexes of the days. The
//! newest day is in the ledger, on an emulated S3, with 10,000 receipts: pages of tables and receipts read it.
#![allow(clippy::unwrap_used)]

#[path = "../tests/it/scale.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod scale;
#[path = "../tests/it/world.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod world;

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use landbridge_console::Access;
use landbridge_console::names::slug;
use landbridge_console::serve::{Options, serve};
use landbridge_ledger::records;
use tokio::net::TcpListener;

/// How often each page is opened.
const TIMES: usize = 30;
const DAY: &str = "2026-11-22";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let world = world::World::new().await;
    println!("writing {} receipts", scale::TABLES);
    world.day(DAY, &[]).await;
    let ledger = world.ledger.day(world::day(DAY));
    futures::stream::iter(0..scale::TABLES)
        .map(|number| {
            let ledger = &ledger;
            async move {
                let name = format!("table_{number:05}");
                let receipt = world::receipt(DAY, &scale::table(number), &name, "published");
                ledger.create(&records::receipt(&name), &receipt).await
            }
        })
        .buffer_unordered(32)
        .try_collect::<Vec<_>>()
        .await?;
    let start = Instant::now();
    ledger.receipt_summaries(32).await?;
    println!(
        "the first tick reads all receipts and writes the index: {:.1} s",
        start.elapsed().as_secs_f64()
    );
    let site = world.site(400);
    let start = Instant::now();
    site.refresh(1).await?;
    println!("the console reads a day by its index: {:.2} s", start.elapsed().as_secs_f64());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let options = Options { access: Access::local(), refresh: Duration::from_secs(3600) };
    let server = tokio::spawn(serve(site.clone(), listener, options));
    while site.history().read_at.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    site.set_history(scale::year());
    let table = slug(&scale::table(4711));
    let client = reqwest::Client::builder().no_proxy().build()?;
    println!("{:<44} {:>9} {:>9} {:>9}", "page", "median ms", "worst ms", "bytes");
    for path in [
        "/".to_owned(),
        "/days".to_owned(),
        "/days?part=200".to_owned(),
        "/days?q=0471".to_owned(),
        format!("/days/{DAY}"),
        format!("/tables/{table}"),
        format!("/receipts/{DAY}/{table}"),
        "/incidents".to_owned(),
        "/restore".to_owned(),
        "/cost".to_owned(),
    ] {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..TIMES {
            let start = Instant::now();
            let answer =
                client.get(format!("http://{address}{path}")).send().await?.error_for_status()?;
            bytes = answer.bytes().await?.len();
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        println!("{path:<44} {:>9.1} {:>9.1} {bytes:>9}", times[TIMES / 2], times[TIMES - 1]);
    }
    server.abort();
    Ok(())
}
