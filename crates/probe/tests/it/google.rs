//! The Google side.

use futures::StreamExt;
use landbridge_local_google::turned::TURNABLE;
use landbridge_local_wire::{CallFault, CallFaultKind};
use landbridge_probe::{Report, Verdict, google};

use crate::cloud::{BUCKET, Cloud, LOCATION, MASKED, PLAIN, PROJECT};

/// The findings that are not good, for messages.
fn others(report: &Report) -> Vec<String> {
    let others = report.findings.iter().filter(|it| it.verdict != Verdict::Holds);
    others.map(|it| format!("{}: {}: {}", it.claim, it.verdict.name(), it.seen.as_str())).collect()
}

/// How many calls a run makes. It asks until a right is in force or its patience ends, so on a busy
/// machine it makes fewer.
const CALLS: std::ops::Range<usize> = 890..990;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_claim_holds_in_the_local_cloud() {
    let cloud = Cloud::start().await;
    cloud.monitor.start_recording();
    let report = cloud.probe().await;
    assert_eq!(others(&report), Vec::<String>::new());
    // What docs/probe.md and the plan say that it costs.
    let calls = cloud.monitor.recorded_calls();
    let queries = calls.iter().filter(|it| it.request.ends_with("/queries")).count();
    println!("{} calls, {queries} of them queries", calls.len());
    assert!(CALLS.contains(&calls.len()) && (180..205).contains(&queries));
    assert_eq!(report.holds, google::claims().len());
    assert!(report.cleaned_up);
    assert!(cloud.is_clean().await);
}

/// Of so many claims, one is turned while all are probed. `LANDBRIDGE_TURNED=all`: each of them, which takes some minutes.
const SAMPLE: usize = 12;

/// Each claim is turned around and contradicted. With a sample of them, all other claims are probed too, and hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_is_turned_around_is_the_only_one_that_is_named() {
    let step =
        if std::env::var("LANDBRIDGE_TURNED").is_ok_and(|it| it == "all") { 1 } else { SAMPLE };
    assert_eq!(TURNABLE.to_vec(), google::claims(), "every probe has a claim that can be turned");
    let start = std::time::Instant::now();
    let (mut named, mut faults) = (0, Vec::new());
    let turned = TURNABLE.iter().enumerate().map(|(number, claim)| async move {
        let cloud = Cloud::start().await;
        assert!(cloud.google.turn(Some(claim)));
        let claims = if number % step == 0 { Vec::new() } else { vec![(*claim).to_owned()] };
        (claim, cloud.probe_only(claims).await)
    });
    let mut reports = futures::stream::iter(turned).buffer_unordered(4);
    while let Some((claim, report)) = reports.next().await {
        match report.contradicted() == [*claim] {
            true => named += 1,
            false => faults.push(format!("{claim}: {:?}", others(&report))),
        }
    }
    println!(
        "{} claims, {} of {} named when turned, {:.1?}",
        google::claims().len(),
        named,
        TURNABLE.len(),
        start.elapsed()
    );
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_contains_no_name_and_no_value() {
    let cloud = Cloud::start().await;
    let report = cloud.probe().await;
    let text = serde_json::to_string(&report).expect("JSON");
    let names = [
        PROJECT,
        BUCKET,
        LOCATION,
        MASKED,
        PLAIN,
        "osprey",
        "curlew",
        "dunlin",
        "plover",
        "landbridge_probe",
        "people",
    ];
    for name in names {
        assert!(!text.contains(name), "{name}");
    }
    for value in
        ["generated-4321", "generated@", "former\"", "gs://", "projects/", "secret/of", "ASIA"]
    {
        assert!(!text.contains(value), "{value}");
    }
}

/// Of so many calls, the answer of one is lost.
const STEP: usize = 74;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_contradicts_no_claim_and_leaves_nothing() {
    let cloud = Cloud::start().await;
    cloud.monitor.clear_fault();
    cloud.probe().await;
    let calls = cloud.monitor.count();
    let runs = (1..calls).step_by(STEP).map(|call_number| async move {
        let cloud = Cloud::start().await;
        let fault = CallFault { call_number, kind: CallFaultKind::DropResponse };
        cloud.monitor.inject_fault(fault);
        let now = "2026-07-01T00:00:00Z".parse().expect("an instant");
        let options = cloud.options();
        let run = google::run(cloud.api(), options, now, std::future::pending(), |_, _| {}).await;
        let reached = cloud.monitor.fault_fired();
        assert!(reached || call_number > CALLS.start, "call {call_number} of {calls}");
        let contradicted = run.map(|it| it.contradicted()).unwrap_or_default();
        (call_number, reached, contradicted, cloud.is_clean().await)
    });
    let mut runs = futures::stream::iter(runs).buffer_unordered(6);
    let mut number = 0;
    while let Some((call, reached, contradicted, clean)) = runs.next().await {
        assert_eq!((contradicted, clean), (Vec::new(), true), "call {call} of {calls}");
        number += usize::from(reached);
    }
    println!("{calls} calls, {number} of them lost in turn");
}
