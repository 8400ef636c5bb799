//! `transfer.unchanged: checksums`: unchanged files are found by the checksums that S3 has of them, and are not read.
//! A file without a checksum is read. Ticks in this process, on the source of `make simulate`.

use futures::FutureExt;
use landbridge_core::config::UnchangedTables;
use landbridge_tests::simulate::world::{Settings, Shape, World};

const EXPORTS: &str = "shop-exports";
const SHAPE: Shape = Shape { tables: 4, files: 8, changed: 1, changed_files: 2 };

/// What became of the second day: unchanged tables, carried objects, reads and HEADs of the first day's files, and by
/// what the unchanged tables are equal.
async fn second_day(
    unchanged: UnchangedTables,
    forget: bool,
) -> (usize, usize, usize, usize, String) {
    let settings = Settings { unchanged, ..Settings::DEFAULT };
    let mut world = World::start(settings, SHAPE).boxed_local().await;
    world.first_day().boxed_local().await;
    if forget {
        world.cloud.aws().forget_checksums(EXPORTS, "exports/");
    }
    world.next_day().boxed_local().await;
    world.cloud.calls().start_recording();
    world.publish().boxed_local().await;
    let calls = world.cloud.calls().recorded_calls();
    let of_first = |method: &str| {
        let is_one = |request: &str| {
            request.starts_with(method)
                && request.contains("20261121")
                && request.ends_with(".parquet")
        };
        calls.iter().filter(|it| it.server == "s3" && is_one(&it.request)).count()
    };
    let aws = world.cloud.aws();
    let records = aws.list_objects(EXPORTS, "ledger/shop/2026-11-22/unchanged/").await;
    let mut by: Vec<String> = Vec::new();
    for record in &records {
        let bytes = aws.read_object(EXPORTS, &record.key).await.expect("a record");
        let record: serde_json::Value =
            serde_json::from_slice(&bytes.expect("a record")).expect("JSON");
        by.push(record["by"].as_str().expect("a reason").to_owned());
    }
    by.dedup();
    let carried = world.cloud.google().list_objects("shop-landing", "landbridge/shop/2026-11-22/");
    let carried = carried.iter().filter(|it| it.name.ends_with(".parquet")).count();
    (records.len(), carried, of_first("GET "), of_first("HEAD "), by.join(" "))
}

/// The ticks of all stages are in one future, which needs more than the 2 MiB of a test's thread in the development profile.
const STACK: usize = 16 << 20;

#[test]
fn files_with_the_same_checksums_are_not_read_and_files_without_one_are() {
    let days = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(second_days());
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(days).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

async fn second_days() {
    use UnchangedTables::{Checksums, Skip};
    // Three tables of two files are unchanged; the files of the fourth have the same lengths or not.
    let (unchanged, carried, reads, heads, by) = second_day(Checksums, false).await;
    assert_eq!((unchanged, carried, reads, by.as_str()), (3, 2, 0, "checksums"));
    assert!((6..=8).contains(&heads), "{heads}");
    let (unchanged, carried, reads, _, by) = second_day(Checksums, true).await;
    assert_eq!((unchanged, carried, by.as_str()), (3, 2, "bytes"));
    assert!((6..=8).contains(&reads), "{reads}");
    let (unchanged, carried, reads, heads, by) = second_day(Skip, false).await;
    assert_eq!((unchanged, carried, heads, by.as_str()), (3, 2, 0, "bytes"));
    assert!((6..=8).contains(&reads), "{reads}");
}
