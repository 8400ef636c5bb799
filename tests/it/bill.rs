//! The requests that a day is charged for, counted on the local cloud and compared with the estimate of `landbridge cost`.

use std::sync::Arc;

use jiff::SignedDuration;
use landbridge_core::config;
use landbridge_core::cost::workload::DailyRequests;
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};

use crate::support::{MIDNIGHT, TestEnvBuilder, Ticks, at};

/// `tables` tables of one row and one file.
fn builder(tables: usize) -> TestEnvBuilder {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let mut contract = "version: 1\ntables:\n".to_owned();
    for number in 0..tables {
        let table = MemoryTable::new("public", &format!("t{number:03}"))
            .column("id", "bigint not null")
            .column("email", "character varying(120)")
            .row([Some("1"), Some("ada@example.org")]);
        database.set_table(table).expect("a table");
        contract += &format!(
            "  \"public.t{number:03}\":\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n      \
             email: {{ source: character varying, type: STRING, class: email }}\n"
        );
    }
    let mut builder = TestEnvBuilder::small().with_views();
    builder.ticks = Ticks::Every;
    builder.source = Arc::new(database);
    builder.contract = contract;
    builder
}

/// Counts a request to S3 by its price. A `GET` of the bucket itself is a listing, which costs as much as a write;
/// `DELETE` is free.
fn add(counted: &mut DailyRequests, request: &str) {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let of_the_bucket = !path.trim_matches('/').contains('/');
    match method {
        "PUT" | "POST" => counted.writes += 1.0,
        "GET" if of_the_bucket => counted.writes += 1.0,
        "GET" | "HEAD" => counted.reads += 1.0,
        "DELETE" => {}
        other => panic!("{other} has no known price"),
    }
}

/// What the functions request in the second day, in which they find what the first one created.
async fn counted(builder: TestEnvBuilder) -> DailyRequests {
    let env = builder.build().await;
    let day = |day: i64| at(MIDNIGHT) + SignedDuration::from_hours(24 * day);
    env.cloud.run_until(day(1), &mut |_| {}).await.expect("functions that start");
    env.cloud.calls().start_recording();
    let summary = env.cloud.run_until(day(2), &mut |_| {}).await.expect("functions that start");
    assert!(summary.given_up.is_empty(), "{:?}", summary.given_up);
    let mut counted = DailyRequests { writes: 0.0, reads: 0.0 };
    for call in env.cloud.calls().recorded_calls().iter().filter(|it| it.server == "s3") {
        add(&mut counted, &call.request);
    }
    counted
}

/// The estimate is an upper bound, and not a loose one: the number of reads was once assumed, and three times too high.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_makes_the_requests_that_the_estimate_counts() {
    for tables in [3_u32, 23] {
        let builder = builder(tables.try_into().expect("few"));
        let config = config::parse("landbridge.yaml", &builder.config).expect("a valid file");
        let counted = counted(builder).await;
        // The emulated RDS writes its files without a request.
        let files = f64::from(tables);
        let estimated = DailyRequests::from_config(&config, files, files);
        let bounds = |estimated: f64, counted: f64| (counted..counted * 1.4).contains(&estimated);
        assert!(
            bounds(estimated.writes - files, counted.writes)
                && bounds(estimated.reads, counted.reads),
            "{tables} tables: {counted:?}, estimated {estimated:?}"
        );
    }
}
