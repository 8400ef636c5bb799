//! Policy tags follow the deployed contract, and what the functions report about it. The explorer
//! looks for sequences in which a value can be read; these tests are about one sequence each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use landbridge_core::diff::TableColumn;
use landbridge_core::ids::JobId;
use landbridge_core::receipt::{NoteCode, ReceiptState};
use landbridge_core::types::BigQueryType;
use landbridge_gcp::bigquery::{
    BigQuery, Inserted, JobState, LoadJob, LoadMode, NewTable, Retired, TableStamp,
};
use landbridge_gcp::{Gcp, credentials};
use landbridge_ledger::records::Claim;
use landbridge_local::InvocationOutcome;
use landbridge_local::Principal::{self, Analyst, Loader};
use landbridge_local_google::Grants;
use landbridge_local_wire::monitor::{ArrivedCall, CallObserver, Delivery};
use tokio::sync::Notify;

use crate::support::{SMALL_CONTRACT, TestEnv, TestEnvBuilder};

const EMAIL: &str = "email: { source: character varying, type: STRING, class: email }";
/// Ten past ten in Seoul on the day after the first.
const LATER: &str = "2026-11-21T01:10:00Z";

/// The contract with another line for `people.email`.
fn with_email(line: &str) -> String {
    assert!(SMALL_CONTRACT.contains(EMAIL));
    SMALL_CONTRACT.replace(EMAIL, line)
}

async fn start_with_published_day() -> TestEnv {
    let env = TestEnvBuilder::small().build().await;
    let failed = env.run_day(0).await;
    assert!(failed.is_empty(), "{failed:#?}");
    env
}

async fn emails(env: &TestEnv, who: Principal) -> Vec<String> {
    let rows = env.query(who, "SELECT email FROM shop.people ORDER BY id").await.unwrap();
    rows.into_iter().flatten().collect()
}

async fn bigquery(env: &TestEnv) -> BigQuery {
    let variables = env.cloud.function_env();
    let warehouse = &env.cloud.config().warehouse;
    let gcp = Gcp::new(
        credentials::static_token(Loader.token()),
        &warehouse.project,
        &warehouse.location,
        Some(variables["LANDBRIDGE_GCS_ENDPOINT"].clone()),
        Some(variables["LANDBRIDGE_BIGQUERY_ENDPOINT"].clone()),
    );
    gcp.await.expect("clients").bigquery
}

fn alerts_with(env: &TestEnv, function: &str, words: &str) -> Vec<String> {
    let alerts = env.alerts(function).into_iter().map(|alert| alert.to_string());
    alerts.filter(|alert| alert.contains(words)).collect()
}

fn message(outcome: &InvocationOutcome) -> String {
    assert!(outcome.is_response(), "{outcome:?}");
    format!("{outcome:?}")
}

/// The patches of tables and the insertions of jobs among the recorded calls.
fn changes(env: &TestEnv) -> Vec<String> {
    let calls = env.cloud.calls().recorded_calls().into_iter();
    let changes = calls.filter(|call| {
        call.server == "bigquery"
            && ["PATCH", "POST"].iter().any(|method| call.request.starts_with(method))
    });
    changes.map(|call| call.request).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_without_a_change_reads_three_records() {
    let env = start_with_published_day().await;
    env.tick("protect", LATER).await;
    env.cloud.calls().start_recording();
    let outcome = env.tick("protect", "2026-11-21T01:15:00Z").await;
    assert!(message(&outcome).contains("is in force"), "{outcome:?}");
    let calls = env.cloud.calls().recorded_calls();
    // Of the contract; since when the functions run; the day, which is published.
    let records = ["contract.json", "running.json", "2026-11-21/day.json"];
    assert_eq!(calls.len(), records.len(), "{calls:#?}");
    for (call, record) in calls.iter().zip(records) {
        assert!(call.request.ends_with(&format!("/ledger/shop/{record}")), "{calls:#?}");
    }
}

/// A class over the same rows changes at once, in both directions; opening a column is reported.
#[tokio::test(flavor = "multi_thread")]
async fn a_class_changes_between_loads_and_opening_is_a_notice() {
    let env = start_with_published_day().await;
    let masked = emails(&env, Analyst).await;
    env.deploy_contract(&with_email(
        "email: { source: character varying, type: STRING, class: none }",
    ));
    assert!(message(&env.tick("protect", LATER).await).contains("1 tags changed"));
    assert_eq!(
        emails(&env, Analyst).await,
        ["minjun@example.com", "ada@example.org", "no address"]
    );
    let opened = alerts_with(&env, "protect", "opens columns");
    assert_eq!(opened.len(), 1, "{opened:#?}");
    let record = env.ledger("contract.json").await.remove(0).1;
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    assert!(opened[0].contains("people.email (email → none)"), "{opened:?}");
    assert!(opened[0].contains(record["digest"].as_str().unwrap()), "{opened:?} {record}");

    env.deploy_contract(SMALL_CONTRACT);
    assert!(message(&env.tick("protect", "2026-11-21T01:15:00Z").await).contains("1 tags"));
    assert_eq!(emails(&env, Analyst).await, masked);
    assert_eq!(alerts_with(&env, "protect", "opens columns").len(), 1, "closing is no opening");
    env.assert_no_cell_logged("");
}

/// A receipt keeps what it says, so whoever closes a column learns which receipts speak of it.
#[tokio::test(flavor = "multi_thread")]
async fn closing_a_column_lists_the_receipts_with_its_bounds() {
    let weight = "weight: { source: double precision, type: FLOAT64, class: none }";
    let bounded = SMALL_CONTRACT.replace(weight, &weight.replace(" }", ", bounds: true }"));
    let mut builder = TestEnvBuilder::small();
    builder.contract = bounded;
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts("2026-11-21").await.remove("public.orders").unwrap();
    let column = receipt.columns.iter().find(|column| column.name == "weight").unwrap();
    assert_eq!(column.max.as_deref(), Some("49.5"));
    env.deploy_contract(&SMALL_CONTRACT.replace(weight, &weight.replace("none", "ip")));
    env.tick("protect", LATER).await;
    let found = alerts_with(&env, "protect", "older receipts contain");
    assert_eq!(found.len(), 1, "{found:#?}");
    let place = "orders.weight: 1 receipts from 2026-11-21 to 2026-11-21";
    assert!(found[0].contains(place) && !found[0].contains("49.5"), "{found:?}");
}

/// The worst sequence of all: the contract opens a column because its values will be tokens.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_will_be_tokenised_is_closed_until_the_plain_values_are_gone() {
    let env = start_with_published_day().await;
    env.deploy_contract(&with_email(
        "email: { source: character varying, type: STRING, class: none, transform: tokenise }",
    ));
    env.tick("protect", LATER).await;
    assert_eq!(emails(&env, Analyst).await, ["NULL", "NULL", "NULL"]);
    assert!(env.run_day(1).await.is_empty());
    // Tokens are loaded; time travel still reaches the plain values.
    assert_eq!(emails(&env, Analyst).await, ["NULL", "NULL", "NULL"]);
    let receipt = env.receipts("2026-11-22").await.remove("public.people").unwrap();
    let notes: Vec<String> = receipt.notes.iter().map(ToString::to_string).collect();
    let waits = "column `email` stays unclassified until 2026-11-28";
    assert!(notes.iter().any(|note| note.starts_with(waits)), "{notes:#?}");
    let column = receipt.columns.iter().find(|column| column.name == "email").unwrap();
    assert_eq!((column.class.as_str(), column.tag_read_back), ("unclassified", true));

    // Seven days after the plain rows were replaced, the daily pass opens the column.
    env.cloud.skip_until("2026-11-28T16:00:00Z".parse().unwrap());
    env.tick("protect", "2026-11-28T16:00:00Z").await;
    assert_eq!(emails(&env, Analyst).await, ["NULL", "NULL", "NULL"]);
    env.tick("protect", "2026-11-29T16:00:00Z").await;
    let tokens = emails(&env, Analyst).await;
    assert!(tokens.iter().all(|token| token.len() > 20 && !token.contains('@')), "{tokens:?}");
}

/// BigQuery refuses time travel on a table with a row access policy, so the class need not wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_access_policy_ends_the_wait_for_time_travel() {
    let env = start_with_published_day().await;
    let tokenise = with_email(
        "email: { source: character varying, type: STRING, class: none, transform: tokenise }",
    );
    let forbidden = tokenise.replace(
        "  \"public.people\":\n",
        "  \"public.people\":\n    time_travel_forbidden: true\n",
    );
    assert!(forbidden.contains("time_travel_forbidden"));
    env.deploy_contract(&forbidden);
    assert!(env.run_day(1).await.is_empty());
    assert_eq!(emails(&env, Analyst).await, ["NULL", "NULL", "NULL"]);
    let missing = alerts_with(&env, "load", "has no row access policy with the filter TRUE");
    assert_eq!(missing.len(), 1, "{missing:#?}");

    let policy = "CREATE ROW ACCESS POLICY all_rows ON shop.people GRANT TO \
        (\"user:analyst@example.com\", \"user:pii-reader@example.com\", \"user:stranger@example.com\") \
        FILTER USING (TRUE)";
    env.cloud.google().add_principal("owner", "owner@example.com", Grants::owner());
    env.cloud.google().query_as("owner@example.com", policy).await.expect("a policy");
    env.tick("protect", "2026-11-22T15:05:00Z").await;
    let tokens = emails(&env, Analyst).await;
    assert!(tokens.iter().all(|token| token.len() > 20 && !token.contains('@')), "{tokens:?}");
    let former =
        "SELECT email FROM shop.people FOR SYSTEM_TIME AS OF TIMESTAMP '2026-11-21 16:00:00+00'";
    let refused = env.query(Analyst, former).await.unwrap_err();
    assert!(refused.contains("forbidden"), "{refused}");
    // The next load keeps the policy, and every reader sees every row.
    assert!(env.run_day(2).await.is_empty());
    assert_eq!(emails(&env, Analyst).await.len(), 3);
    assert_eq!(emails(&env, Principal::PiiReader).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_somebody_removed_is_set_again_within_a_day() {
    let env = start_with_published_day().await;
    let masked = emails(&env, Analyst).await;
    let bigquery = bigquery(&env).await;
    let live = bigquery.table("shop", "people").await.unwrap().unwrap();
    let open = |column: &landbridge_core::diff::LiveColumn| TableColumn {
        name: column.name.clone(),
        ty: BigQueryType::String,
        repeated: false,
        policy_tag: None,
        description: column.description.clone(),
    };
    let columns: Vec<TableColumn> = live.live.columns.iter().map(open).collect();
    let patched = bigquery.patch_table("shop", "people", &live, &columns, live.stamp).await;
    assert!(patched.unwrap().is_some());
    assert_ne!(emails(&env, Analyst).await, masked);
    let again = bigquery.patch_table("shop", "people", &live, &columns, live.stamp).await;
    assert!(again.unwrap().is_none(), "the table is not the one that was read");
    env.tick("protect", "2026-11-21T15:05:00Z").await;
    assert_eq!(emails(&env, Analyst).await, masked);
    let found = alerts_with(&env, "protect", "differed from the contract");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("people.email (none → email)"), "{found:?}");
}

/// Takes every policy tag off `people`, as a person with the rights can.
async fn remove_tags(env: &TestEnv) {
    let bigquery = bigquery(env).await;
    let live = bigquery.table("shop", "people").await.unwrap().unwrap();
    let open = |column: &landbridge_core::diff::LiveColumn| TableColumn {
        name: column.name.clone(),
        ty: BigQueryType::String,
        repeated: false,
        policy_tag: None,
        description: column.description.clone(),
    };
    let columns: Vec<TableColumn> = live.live.columns.iter().map(open).collect();
    let patched = bigquery.patch_table("shop", "people", &live, &columns, live.stamp).await;
    assert!(patched.unwrap().is_some());
}

const DIFFERED: &str = "differed from the contract";

/// Whichever sets the tag again says it: a deployment of whatever contract, the load, and the pass on each day on which it happens.
#[tokio::test(flavor = "multi_thread")]
async fn each_removal_of_a_tag_is_reported_by_whatever_sets_it_again() {
    let env = start_with_published_day().await;
    let masked = emails(&env, Analyst).await;
    remove_tags(&env).await;
    env.deploy_contract(&format!("{SMALL_CONTRACT}# another\n"));
    env.tick("protect", LATER).await;
    assert_eq!(emails(&env, Analyst).await, masked);
    let found = alerts_with(&env, "protect", DIFFERED);
    assert!(found.len() == 1 && found[0].contains("people.email (none → email)"), "{found:#?}");
    // On consecutive days.
    for (n, time) in [(2, "2026-11-21T15:05:00Z"), (3, "2026-11-22T15:05:00Z")] {
        remove_tags(&env).await;
        env.tick("protect", time).await;
        assert_eq!(emails(&env, Analyst).await, masked);
        let found = alerts_with(&env, "protect", DIFFERED);
        assert_eq!(found.len(), n, "{found:#?}");
    }
    // Between the pass and the load of a day.
    env.run_until("2026-11-23T16:55:00Z").await;
    assert_eq!(alerts_with(&env, "load", DIFFERED), [""; 0]);
    remove_tags(&env).await;
    env.run_until("2026-11-23T17:25:00Z").await;
    assert_eq!(emails(&env, Analyst).await, masked);
    let found = alerts_with(&env, "load", DIFFERED);
    assert!(found.len() == 1 && found[0].contains("people.email (none → email)"), "{found:#?}");
    let found = alerts_with(&env, "protect", DIFFERED);
    assert_eq!(found.len(), 3, "{found:#?}");
}

/// Plain values need no tag in the claim any more, because tokens replaced them, and a person puts an older copy of the table
/// into its place: the claim says nothing of its rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_put_back_is_closed() {
    let env = start_with_published_day().await;
    let bigquery = bigquery(&env).await;
    let live = bigquery.table("shop", "people").await.unwrap().unwrap();
    let column = |column: &landbridge_core::diff::LiveColumn| TableColumn {
        name: column.name.clone(),
        ty: column.ty.parse().unwrap(),
        repeated: false,
        policy_tag: column.policy_tag.clone(),
        description: column.description.clone(),
    };
    let columns: Vec<TableColumn> = live.live.columns.iter().map(column).collect();
    env.deploy_contract(&with_email(
        "email: { source: character varying, type: STRING, class: none, transform: tokenise }",
    ));
    assert!(env.run_day(1).await.is_empty());
    // Time travel does not reach the plain values any more.
    env.tick("protect", "2026-11-29T15:05:00Z").await;
    let tag = async |env: &TestEnv| {
        let live = self::bigquery(env).await.table("shop", "people").await.unwrap().unwrap();
        let email = live.live.columns.into_iter().find(|it| it.name == "email").unwrap();
        email.policy_tag
    };
    assert_eq!(tag(&env).await, None, "everyone may read tokens");
    env.query(Loader, "DROP TABLE shop.people").await.unwrap();
    let new = NewTable {
        columns: &columns,
        source: "shop",
        description: None,
        stamp: live.stamp,
        keep_days: None,
    };
    let created = bigquery.create_table("shop", "people", &new).await;
    assert_eq!(created.unwrap(), landbridge_core::Created::New);
    let sql = "INSERT INTO shop.people (id, name, email) VALUES (1, 'n', 'minjun@example.com')";
    env.query(Loader, sql).await.unwrap();
    env.tick("protect", "2026-11-30T15:05:00Z").await;
    assert!(tag(&env).await.is_some(), "{}", env.log_output());
}

/// The first answer about `people` arrives only after `go`.
struct LateAnswer {
    go: Arc<Notify>,
    read: Arc<Notify>,
    is_first: AtomicBool,
}

impl CallObserver for LateAnswer {
    fn after(&self, call: ArrivedCall, _: u16) -> BoxFuture<'static, Delivery> {
        let is_late = call.request.starts_with("GET")
            && call.request.ends_with("/tables/people")
            && self.is_first.swap(false, Ordering::SeqCst);
        let (go, read) = (self.go.clone(), self.read.clone());
        Box::pin(async move {
            if is_late {
                read.notify_one();
                go.notified().await;
            }
            Delivery::Send
        })
    }
}

/// Between its looks at the table and at the claim, another tick loads the table: that is no copy which was put back, and closes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_ended_meanwhile_is_no_table_that_was_put_back() {
    let env = start_with_published_day().await;
    env.run_until("2026-11-21T16:55:00Z").await;
    env.tick("transfer", "2026-11-21T17:00:00Z").await;
    let (go, read) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let late = LateAnswer { go: go.clone(), read: read.clone(), is_first: AtomicBool::new(true) };
    env.cloud.calls().set_observer(Arc::new(late));
    let other = async {
        read.notified().await;
        env.tick("load", "2026-11-21T17:06:00Z").await;
        go.notify_one();
    };
    tokio::join!(env.tick("load", "2026-11-21T17:05:00Z"), other);
    env.tick("load", "2026-11-21T17:10:00Z").await;
    let ids = env.query(Analyst, "SELECT id FROM shop.people ORDER BY id").await.unwrap().concat();
    assert_eq!(ids, ["1", "2", "3"], "{}", env.log_output());
}

/// Nothing is known of rows that another tool loaded, so no column of them is readable.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_handed_over_is_closed() {
    let env = start_with_published_day().await;
    let bigquery = bigquery(&env).await;
    let column = TableColumn {
        name: "phone".into(),
        ty: BigQueryType::String,
        repeated: false,
        policy_tag: None,
        description: None,
    };
    let new = NewTable {
        columns: &[column],
        source: "shop",
        description: None,
        stamp: TableStamp::default(),
        keep_days: None,
    };
    let created = bigquery.create_table("shop", "by_hand", &new).await;
    assert_eq!(created.unwrap(), landbridge_core::Created::New);
    env.tick("protect", "2026-11-21T15:05:00Z").await;
    let live = bigquery.table("shop", "by_hand").await.unwrap().unwrap();
    let tag = live.live.columns[0].policy_tag.as_ref();
    assert_eq!(tag, env.cloud.policy_tags().get("unclassified"));
}

/// The functions were deployed with a clock that was wrong: the contract is not applied, and that
/// is not silent.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_looks_older_is_reported() {
    let env = start_with_published_day().await;
    let masked = emails(&env, Analyst).await;
    env.deploy_contract(&with_email(
        "email: { source: character varying, type: STRING, class: none }",
    ));
    let path = env.dir.path().join("contract.yaml");
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3_600);
    for name in ["contract.yaml", "landbridge.yaml"] {
        let file = std::fs::File::options().write(true).open(path.with_file_name(name)).unwrap();
        file.set_modified(an_hour_ago).unwrap();
    }
    env.cloud.calls().start_recording();
    env.tick("protect", LATER).await;
    assert_eq!(changes(&env), [""; 0]);
    assert_eq!(emails(&env, Analyst).await, masked);
    let found = alerts_with(&env, "protect", "older than the recorded one");
    assert_eq!(found.len(), 1, "{found:#?}");
    // The load stage loads nothing, and the deadline reports it.
    env.run_day(1).await;
    assert!(env.receipts("2026-11-22").await.is_empty());
    assert_eq!(alerts_with(&env, "load", "not published by its deadline").len(), 1);
}

/// A number in the future would make every later deployment look older, so it is not recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_in_the_future_is_refused() {
    let mut builder = TestEnvBuilder::small();
    builder.variables =
        [("LANDBRIDGE_DEPLOYED_AT".to_owned(), "2099-01-01T00:00:00Z".to_owned())].into();
    let env = builder.build().await;
    let outcome = env.tick("protect", LATER).await;
    let InvocationOutcome::Error { kind, message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(kind, "Config");
    assert!(message.contains("LANDBRIDGE_DEPLOYED_AT is 2099-01-01T00:00:00Z"), "{message}");
    assert!(message.contains("correct the clock"), "{message}");
    assert!(env.ledger("contract.json").await.is_empty());
    assert!(env.tick("snapshot", "2026-11-21T02:00:00Z").await.is_response(), "backups go on");
}

/// An insertion that was delayed must not run after another load has taken over.
#[tokio::test(flavor = "multi_thread")]
async fn a_retired_job_id_never_loads() {
    let env = start_with_published_day().await;
    let bigquery = bigquery(&env).await;
    let id = JobId::new("landbridge-shop-delayed-a1").unwrap();
    assert_eq!(bigquery.retire_job(&id).await.unwrap(), Retired::NeverRan);
    assert_eq!(bigquery.retire_job(&id).await.unwrap(), Retired::NeverRan, "repeated");
    let job = |id| LoadJob {
        id,
        dataset: "shop",
        table: "people",
        uris: vec!["gs://shop-landing/nowhere.parquet".to_owned()],
        columns: &[],
        mode: LoadMode::ReplaceRows,
        flexible_names: true,
        partition: None,
    };
    assert_eq!(bigquery.insert_load_job(&job(&id)).await.unwrap(), Inserted::Other);

    // A job that ran is found, whoever asks to retire it.
    let landing = env.landing_objects();
    let object = landing.keys().find(|name| name.contains("/people/")).expect("an object");
    let live = bigquery.table("shop", "people").await.unwrap().unwrap();
    let column = |column: &landbridge_core::diff::LiveColumn| TableColumn {
        name: column.name.clone(),
        ty: column.ty.parse().unwrap(),
        repeated: false,
        policy_tag: None,
        description: None,
    };
    let columns: Vec<TableColumn> = live.live.columns.iter().map(column).collect();
    let ran = JobId::new("landbridge-shop-ran-a1").unwrap();
    let load = LoadJob {
        uris: vec![format!("gs://shop-landing/{object}")],
        columns: &columns,
        ..job(&ran)
    };
    assert_eq!(bigquery.insert_load_job(&load).await.unwrap(), Inserted::New);
    while bigquery.job(&ran).await.unwrap() == Some(JobState::Running) {}
    let retired = bigquery.retire_job(&ran).await.unwrap();
    assert!(matches!(retired, Retired::Wrote { ended_at: Some(_) }), "{retired:?}");
    assert_eq!(bigquery.insert_load_job(&load).await.unwrap(), Inserted::Same);
    assert_eq!(bigquery.insert_load_job(&job(&ran)).await.unwrap(), Inserted::Other);
    // The schema of the job names no tag, and the table keeps its own.
    let after = bigquery.table("shop", "people").await.unwrap().unwrap();
    assert_eq!(after.live, live.live);
}

/// An older version of a claim says what the rows were, not what they are: nothing may be opened by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_put_back_closes_its_table_and_the_next_day_is_loaded() {
    let env = start_with_published_day().await;
    let (key, first) = env.ledger("claims/people.json").await.remove(0);
    assert!(env.run_day(1).await.is_empty());
    let ids = "SELECT id FROM shop.people ORDER BY 1";
    assert_eq!(env.query(Analyst, ids).await.unwrap(), [["1"], ["2"], ["3"]]);
    env.cloud.aws().put_object("shop-exports", &key, first).await.expect("an object");
    // The pass of a deployment, which compares every table.
    env.deploy_contract(&format!("# another\n{SMALL_CONTRACT}"));
    let outcome = env.tick("protect", "2026-11-22T01:10:00Z").await;
    assert!(outcome.is_response(), "{outcome:?}");
    assert_eq!(env.query(Analyst, ids).await.unwrap(), [["NULL"]; 3], "closed until it is loaded");
    assert!(env.run_day(2).await.is_empty());
    let receipt = env.receipts("2026-11-23").await.remove("public.people").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published);
    assert!(receipt.notes.iter().any(|note| note.code == NoteCode::ClassWaits), "{receipt:#?}");
    let claim = env.ledger("claims/people.json").await.remove(0).1;
    let claim: Claim = serde_json::from_slice(&claim).unwrap();
    assert_eq!((claim.sequence, claim.loading), (3, None));
    assert!(claim.former.iter().any(|former| former.rows.columns.is_none()), "{:?}", claim.former);
}

/// A redo of the day loads nothing twice, and what a redo with another transform loads is what the
/// receipt says.
#[tokio::test(flavor = "multi_thread")]
async fn a_redo_of_the_day_with_a_new_transform_loads_new_rows() {
    let env = start_with_published_day().await;
    let first = env.receipts("2026-11-21").await.remove("public.people").unwrap();
    let forget_day = || async {
        let bucket = &env.cloud.config().export.bucket;
        for (key, _) in env.ledger("2026-11-21/").await {
            assert!(env.cloud.aws().delete_object(bucket, &key).await, "{key}");
        }
    };
    let redo = |hour: u8| {
        let env = &env;
        async move {
            for (stage, minute) in
                [("export", 0), ("export", 30), ("transfer", 35), ("transfer", 40), ("load", 45)]
            {
                let time = format!("2026-11-20T{hour}:{minute:02}:00Z");
                let outcome = env.tick(stage, &time).await;
                assert!(outcome.is_response(), "{stage}: {outcome:?}");
            }
        }
    };
    forget_day().await;
    redo(20).await;
    let same = env.receipts("2026-11-21").await.remove("public.people").unwrap();
    assert_eq!((same.job, same.state), (first.job.clone(), first.state));

    env.deploy_contract(&with_email(
        "email: { source: character varying, type: STRING, class: none, transform: tokenise }",
    ));
    forget_day().await;
    for name in env.landing_objects().into_keys().filter(|name| name.contains("/people/")) {
        env.cloud.google().delete_object("shop-landing", &name);
    }
    redo(21).await;
    let redone = env.receipts("2026-11-21").await.remove("public.people").unwrap();
    assert_ne!(redone.job, first.job);
    let batches = env.cloud.google().table_batches("shop", "people").unwrap();
    assert!(!format!("{batches:?}").contains("minjun@example.com"));
    let claim = env.ledger("claims/people.json").await.remove(0).1;
    let claim: Claim = serde_json::from_slice(&claim).unwrap();
    assert_eq!((claim.sequence, claim.loading, claim.former.len()), (2, None, 1));
}
