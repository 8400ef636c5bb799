//! The chaos catalogue: silent faults, each on a table of its own, and which check sees them.
//!
//! One local cloud has a table per fault. It lives undisturbed for eight days, which must be silent. On the ninth day
//! every fault happens at its place: in the source, in the export, in Cloud Storage, in BigQuery. Then the records say
//! what was seen: nothing here decides what a check should see, and `docs/chaos.md` has the table of what was.
//!
//! | module | what |
//! |---|---|
//! | here | the days, and the comparison with `docs/chaos.md` |
//! | `faults` | the faults |
//! | `tables` | the tables and what is declared of them |
//! | `seen` | what the records, the alerts and `landbridge verify` say of a table |
//!
//! `LANDBRIDGE_CHAOS=all` injects all of them (`make chaos`); without it, every fourth and each of another kind.

mod faults;
mod seen;
mod tables;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use landbridge_local_database::{Engine, ExportQuirks, MemoryDatabase};

use self::faults::{FAULTS, Fault, Place};
use self::seen::{Seen, When};
use crate::incidents::KEY;
use crate::incidents::receiver::Receiver;
use crate::support::{MIDNIGHT, TestEnv, TestEnvBuilder, at, root};

/// The undisturbed days. The last of them is a Saturday, and the fault happens on a Sunday.
const QUIET_DAYS: i64 = 8;
/// Rows of a file, so that each table has several.
const ROWS_PER_FILE: usize = 120;
/// What stands around the table in the document.
const BEGIN: &str = "<!-- chaos: begin -->\n";
const END: &str = "<!-- chaos: end -->";

/// `minutes` after midnight of the `n`-th day after the first.
fn time(n: i64, minutes: i64) -> Timestamp {
    at(MIDNIGHT) + SignedDuration::from_mins(n * 24 * 60 + minutes)
}

fn day(n: i64) -> String {
    let zone = jiff::tz::TimeZone::get("Asia/Seoul").expect("a zone");
    time(n, 60).to_zoned(zone).date().to_string()
}

async fn tick(env: &TestEnv, function: &str, n: i64, minutes: i64) {
    let outcome = env.tick(function, &time(n, minutes).to_string()).await;
    if !outcome.is_response() {
        println!("{function} on day {n}: {outcome:?}");
    }
}

/// Snapshot and export of a day.
async fn export(env: &TestEnv, n: i64) {
    tick(env, "snapshot", n, 60).await;
    tick(env, "export", n, 70).await;
    tick(env, "export", n, 100).await;
}

async fn load(env: &TestEnv, n: i64) {
    for minutes in [126, 131] {
        tick(env, "load", n, minutes).await;
    }
}

/// The faults of this run.
fn chosen() -> Vec<&'static Fault> {
    let all = std::env::var("LANDBRIDGE_CHAOS").is_ok_and(|it| it == "all");
    let is_update = std::env::var_os("UPDATE_DOCS").is_some();
    let chosen = |(at, fault): &(usize, &Fault)| {
        all || is_update || at % 4 == 0 || fault.place != Place::Source
    };
    FAULTS.iter().enumerate().filter(chosen).map(|(_, fault)| fault).collect()
}

#[test]
fn the_catalogue_has_at_least_forty_faults_and_no_name_twice() {
    let names: std::collections::BTreeSet<&str> = FAULTS.iter().map(|it| it.name).collect();
    assert_eq!(names.len(), FAULTS.len());
    assert!(FAULTS.len() >= 40, "{}", FAULTS.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_faults_are_seen_as_the_document_says() {
    let faults = chosen();
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let mut builder = TestEnvBuilder::small();
    builder.config = tables::config(&builder.config, &faults);
    builder.contract = tables::contract(&faults);
    builder.source = Arc::new(database.clone());
    let receiver = Receiver::start().await;
    let env = builder.build().await;
    env.cloud.aws().put_secret("landbridge/shop/hook", &format!("{}/hook", receiver.url));
    env.cloud.aws().put_secret("landbridge/shop/hook-key", KEY);
    env.cloud
        .aws()
        .set_export_quirks(ExportQuirks { rows_per_part: ROWS_PER_FILE, ..Default::default() });
    for n in 0..QUIET_DAYS {
        tables::write(&database, &faults, n, false);
        export(&env, n).await;
        tick(&env, "transfer", n, 121).await;
        load(&env, n).await;
        tick(&env, "protect", n, 135).await;
        tick(&env, "notify", n, 137).await;
    }
    // Eight undisturbed days say nothing, but for the databases that RDS names in every export, once.
    let is_of_rds = |alert: &&String| alert.contains("has no tables that can be exported");
    let said = seen::alerts(&env);
    assert_eq!(said.iter().filter(is_of_rds).count(), said.len(), "{said:#?}");
    let before = seen::contents(&env, &faults).await;

    let n = QUIET_DAYS;
    tables::write(&database, &faults, n, true);
    let quirks = ExportQuirks {
        rows_per_part: ROWS_PER_FILE,
        mismatched_file: Some(format!("public.{}", tables::name("a file has another schema"))),
        ..Default::default()
    };
    env.cloud.aws().set_export_quirks(quirks);
    export(&env, n).await;
    faults::disturb(&env, &faults, Place::Export).await;
    tick(&env, "transfer", n, 121).await;
    tick(&env, "transfer", n, 124).await;
    faults::disturb(&env, &faults, Place::CloudStorage).await;
    load(&env, n).await;
    let counts = seen::contents(&env, &faults).await;
    faults::disturb(&env, &faults, Place::BigQuery).await;
    tick(&env, "protect", n, 140).await;
    tick(&env, "notify", n, 145).await;
    let opened = receiver.taken("/hook").iter().filter(|it| it.body["kind"] == "opened").count();
    let incidents = seen::incidents(&env).await;
    assert_eq!(opened, incidents.len(), "one message for each incident");
    let seen = seen::all(&env, &faults, (&before, &counts)).await;
    let report = lines(&faults, &seen);
    println!("{}", report.values().map(String::as_str).collect::<String>());
    for fault in &faults {
        let Seen { alerts, .. } = seen[fault.name];
        let in_incidents = seen::naming(&incidents, fault);
        assert!(alerts <= 1, "`{}` has {alerts} alerts", fault.name);
        assert_eq!(in_incidents.len(), alerts, "`{}`: {in_incidents:#?}", fault.name);
    }
    compare(&faults, &seen, &report);
}

/// The lines of the table, by the fault's name.
fn lines(faults: &[&'static Fault], seen: &BTreeMap<&str, Seen>) -> BTreeMap<&'static str, String> {
    let line = |fault: &&'static Fault| {
        let Seen { by, when, alerts } = &seen[fault.name];
        let by = match when {
            When::Never => format!("not seen: {}", fault.unseen),
            _ => by.clone(),
        };
        (fault.name, format!("| {} | {} | {by} | {when} | {alerts} |\n", fault.name, fault.place))
    };
    faults.iter().map(line).collect()
}

/// Compares what was seen with what the document says, and writes it with `UPDATE_DOCS=1`.
fn compare(
    faults: &[&'static Fault],
    seen: &BTreeMap<&str, Seen>,
    report: &BTreeMap<&'static str, String>,
) {
    for fault in faults {
        let never = seen[fault.name].when == When::Never;
        assert_eq!(
            never,
            !fault.unseen.is_empty(),
            "`{}` must have a reason why it is not seen exactly if it is not: {}",
            fault.name,
            report[fault.name]
        );
    }
    let path = root().join("docs/chaos.md");
    let document = std::fs::read_to_string(&path).expect("docs/chaos.md");
    let (head, rest) = document.split_once(BEGIN).expect("the begin of the table");
    let (table, tail) = rest.split_once(END).expect("the end of the table");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let mut table =
            "| fault | where | seen by | when | alerts |\n|---|---|---|---|---|\n".to_owned();
        FAULTS.iter().for_each(|fault| table.push_str(&report[fault.name]));
        let count = |when: When| seen.values().filter(|it| it.when == when).count();
        let _ = write!(
            table,
            "\n{} faults: {} seen before readers can see them or when the table is published, {} afterwards, {} not seen.\n",
            FAULTS.len(),
            count(When::Before) + count(When::Warned),
            count(When::After),
            count(When::Never)
        );
        let text = format!("{head}{BEGIN}{table}{END}{tail}");
        std::fs::write(&path, text).expect("docs/chaos.md");
        return;
    }
    let expected: Vec<&str> = table.lines().filter(|it| it.starts_with("| ")).collect();
    for (name, line) in report {
        assert!(
            expected.contains(&line.trim_end()),
            "docs/chaos.md does not have this line of `{name}` (UPDATE_DOCS=1 writes the table):\n{line}"
        );
    }
}
