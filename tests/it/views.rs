//! Friendly views: written by a principal that sees masks only, and masks hold through every view.

use std::sync::Arc;
use std::time::Duration;

use landbridge_local::Principal::{self, Analyst, Loader, Models, PiiReader, Stranger};
use landbridge_local_database::{MemoryTable, SampleDatabase};
use serde_json::{Value, json};

use crate::python;
use crate::support::{
    HeldWrite, MIDNIGHT, SMALL_CONTRACT, TestEnv, TestEnvBuilder, at, small_database,
};

/// After the first day.
const LATER: &str = "2026-11-20T20:04:00Z";

async fn start_with_published_day() -> TestEnv {
    let env = TestEnvBuilder::small().with_views().build().await;
    let failed = env.run_day(0).await;
    assert!(failed.is_empty(), "{failed:#?}");
    env
}

async fn column(env: &TestEnv, who: Principal, sql: &str) -> Result<Vec<String>, String> {
    env.query(who, sql).await.map(|rows| rows.into_iter().flatten().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn masks_hold_through_every_view_and_a_second_tick_changes_nothing() {
    let env = start_with_published_day().await;
    let google = env.cloud.google();
    let mut views = google.table_ids("shop_views");
    views.sort();
    assert_eq!(views, ["_freshness", "nothing", "orders", "people"]);
    let emails = "SELECT email FROM shop_views.people ORDER BY id";
    let of_table = "SELECT email FROM shop.people ORDER BY id";
    let masked = column(&env, Analyst, emails).await.expect("an analyst sees masks");
    assert_eq!(Ok(masked.clone()), column(&env, Analyst, of_table).await);
    assert!(!masked.contains(&"minjun@example.com".to_owned()), "{masked:?}");
    let plain = column(&env, PiiReader, emails).await.expect("a reader sees values");
    assert_eq!(plain[0], "minjun@example.com");
    let refused = column(&env, Stranger, emails).await.expect_err("a stranger is refused");
    assert!(refused.contains("Access Denied") || refused.contains("policy tag"), "{refused}");
    for view in ["nothing", "orders", "people", "_freshness"] {
        let sql = format!("SELECT * FROM shop_views.{view}");
        for who in [Analyst, PiiReader] {
            env.query(who, &sql).await.unwrap_or_else(|error| panic!("{view} {who:?}: {error}"));
        }
    }
    let resource = google.table_resource("shop_views", "people").expect("a view");
    let text = resource.to_string();
    assert!(
        text.contains("Class email (EMAIL_MASK)") && text.contains("Rows as of 2026-11-21."),
        "{text}"
    );

    env.tick("views", LATER).await;
    env.cloud.calls().start_recording();
    let outcome = env.tick("views", "2026-11-20T20:14:00Z").await;
    assert!(format!("{outcome:?}").contains("newest rows"), "{outcome:?}");
    let calls = env.cloud.calls().recorded_calls();
    assert!(calls.iter().all(|call| call.server != "bigquery"), "{calls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_follow_the_tags() {
    let env = start_with_published_day().await;
    env.deploy_contract(&SMALL_CONTRACT.replace("class: email", "class: unclassified"));
    env.tick("protect", "2026-11-20T20:00:00Z").await;
    // The view still names the column: the reader sees what the table shows.
    for who in [Analyst, PiiReader, Stranger] {
        let of_view = column(&env, who, "SELECT email FROM shop_views.people ORDER BY id").await;
        assert_eq!(of_view, column(&env, who, "SELECT email FROM shop.people ORDER BY id").await);
        assert!(of_view.is_ok_and(|rows| rows.iter().all(|email| email == "NULL")), "{who:?}");
    }
    env.tick("views", LATER).await;
    let refused = column(&env, PiiReader, "SELECT email FROM shop_views.people").await;
    assert!(refused.is_err(), "an unclassified column is not in the view");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_views_with_our_label_are_changed_or_deleted() {
    let env = start_with_published_day().await;
    for sql in [
        "DROP VIEW shop_views.nothing",
        "CREATE VIEW shop_views.nothing AS SELECT 'ours' AS whose",
        "CREATE VIEW shop_views.reports AS SELECT 'ours' AS whose",
        "ALTER VIEW shop_views.people SET OPTIONS (description = 'changed')",
    ] {
        env.query(Loader, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    env.deploy_contract(&format!("{SMALL_CONTRACT}# another deployment\n"));
    let outcome = format!("{:?}", env.tick("views", LATER).await);
    assert!(
        outcome.contains("shop_views.nothing") && outcome.contains("rename or delete"),
        "{outcome}"
    );
    let resource = env.cloud.google().table_resource("shop_views", "people").expect("a view");
    assert!(resource["description"] != "changed", "the other views are written all the same");
    for view in ["nothing", "reports"] {
        let rows = column(&env, Loader, &format!("SELECT whose FROM shop_views.{view}")).await;
        assert_eq!(rows, Ok(vec!["ours".to_owned()]), "{view}");
    }
}

/// The fields of a table or view, and the query of a view.
fn resource(env: &TestEnv, dataset: &str, name: &str) -> (Vec<Value>, String) {
    let resource = env.cloud.google().table_resource(dataset, name).expect("it is there");
    let fields = resource["schema"]["fields"].as_array().cloned().unwrap_or_default();
    (fields, resource["view"]["query"].as_str().unwrap_or_default().to_owned())
}

fn name(field: &Value) -> &str {
    field["name"].as_str().unwrap_or_default()
}

/// Asserts that a view shows each person what its table shows them.
async fn assert_shows_what_the_table_shows(env: &TestEnv, table: &str) {
    let (of_table, _) = resource(env, "shop", table);
    let (of_view, _) = resource(env, "shop_views", table);
    // What is parsed, added or left out has no equal.
    let is_same = |field: &&Value| {
        of_view.iter().any(|it| (&it["name"], &it["type"]) == (&field["name"], &field["type"]))
    };
    let (classed, open): (Vec<&Value>, Vec<&Value>) =
        of_table.iter().filter(is_same).partition(|field| field["policyTags"].is_object());
    let sql = |dataset: &str, fields: &[&Value]| {
        let names: Vec<String> = fields.iter().map(|field| format!("`{}`", name(field))).collect();
        format!("SELECT {} FROM {dataset}.{table} ORDER BY id", names.join(", "))
    };
    let all = [open.clone(), classed.clone()].concat();
    for who in [Analyst, PiiReader, Models] {
        let shown = env.query(who, &sql("shop_views", &all)).await;
        assert_eq!(shown, env.query(who, &sql("shop", &all)).await, "{table} {who:?}");
        assert!(shown.is_ok(), "{table} {who:?}: {shown:?}");
        let everything = format!("SELECT * FROM shop_views.{table}");
        env.query(who, &everything).await.unwrap_or_else(|it| panic!("{table} {who:?}: {it}"));
    }
    assert_eq!(
        env.query(Stranger, &sql("shop_views", &open)).await,
        env.query(Stranger, &sql("shop", &open)).await
    );
    let classed_in_view = of_table.iter().filter(|field| {
        field["policyTags"].is_object() && of_view.iter().any(|it| it["name"] == field["name"])
    });
    for field in classed_in_view {
        let refused = env.query(Stranger, &sql("shop_views", &[field])).await;
        let refused = refused.expect_err("a column of a class is refused");
        assert!(refused.contains("policy tag"), "{table}.{}: {refused}", name(field));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_of_the_demo_shows_what_its_table_shows_and_runs_in_googles_engine() {
    let first = at(MIDNIGHT).to_zoned(jiff::tz::TimeZone::get("Asia/Seoul").unwrap()).date();
    let source = Arc::new(SampleDatabase::new(first, 0.01));
    let env = TestEnvBuilder::demo(source).build().await;
    let failed = env.run_until("2026-11-20T18:30:00Z").await;
    assert!(failed.is_empty(), "{failed:#?}");
    for table in env.cloud.google().table_ids("shop") {
        assert_shows_what_the_table_shows(&env, &table).await;
    }
    let test = "the friendly views of the demo, in Google's GoogleSQL engine";
    assert_views_run_in_googles_engine(&env, test, "test_views.py").await;
}

/// A name alone is the range variable of a table before it is a column of it: without an alias,
/// `SELECT status FROM shop.status` is a STRUCT of the whole row (GoogleSQL reference, "Range
/// variables").
#[tokio::test(flavor = "multi_thread")]
async fn a_column_with_the_name_of_its_table_shows_no_other_column() {
    let database = small_database();
    let status = MemoryTable::new("public", "status")
        .column("id", "bigint not null")
        .column("status", "text")
        .column("email", "text")
        .column("secret", "text")
        .row([Some("1"), Some("open"), Some("minjun@example.com"), Some("hidden words")]);
    database.set_table(status).expect("a table");
    let mut builder = TestEnvBuilder::small().with_views();
    builder.source = Arc::new(database);
    builder.contract.push_str(
        r#"  "public.status":
    columns:
      id: { source: bigint, type: INT64, class: none }
      status: { source: text, type: STRING, class: none }
      email: { source: text, type: STRING, class: email }
"#,
    );
    let env = builder.build().await;
    let failed = env.run_day(0).await;
    // The column `secret` is not in the contract, which is an event.
    assert!(failed.is_empty(), "{failed:#?}");
    for who in [Analyst, PiiReader] {
        let shown = env.query(who, "SELECT t.status FROM shop_views.status AS t").await;
        assert_eq!(shown, Ok(vec![vec!["open".to_owned()]]), "{who:?}");
    }
    let (fields, _) = resource(&env, "shop_views", "status");
    let types: Vec<(&str, &Value)> = fields.iter().map(|it| (name(it), &it["type"])).collect();
    let text = json!("STRING");
    assert_eq!(types, [("id", &json!("INTEGER")), ("status", &text), ("email", &text)]);
    let test = "the view of a table that has a column of its name, in Google's GoogleSQL engine";
    let every_view = "test_views.py::test_a_view_is_googlesql_and_runs_for_every_value";
    assert_views_run_in_googles_engine(&env, test, every_view).await;
}

/// Runs every view in Google's own engine, over generated rows of its table.
async fn assert_views_run_in_googles_engine(env: &TestEnv, test: &str, tests: &str) {
    let google = env.cloud.google();
    let (mut tables, mut views) = (serde_json::Map::new(), serde_json::Map::new());
    for table in google.table_ids("shop") {
        let (fields, _) = resource(env, "shop", &table);
        tables.insert(format!("shop-analytics.shop.{table}"), fields.into());
    }
    for view in google.table_ids("shop_views") {
        let (fields, query) = resource(env, "shop_views", &view);
        views.insert(view, json!({"query": query, "fields": fields}));
    }
    assert_eq!(views.len(), tables.len() + 1, "{:?}", views.keys());
    let Some(python) = python::installed_dbt(test) else { return };
    let dir = tempfile::TempDir::new().expect("a directory");
    let file = dir.path().join("views.json");
    let text = json!({"tables": tables, "views": views}).to_string();
    std::fs::write(&file, text).expect("a file");
    let mut command = python::pytest(&python, "models", &[tests]);
    command.env("LANDBRIDGE_VIEWS", &file);
    python::assert_pytest_passes(test, command, Duration::from_secs(300)).await;
}

/// The first of two ticks may have replaced a view of the second by that of older rows.
#[tokio::test(flavor = "multi_thread")]
async fn after_two_ticks_at_once_every_view_is_compared_again() {
    let env = start_with_published_day().await;
    env.deploy_contract(&format!("{SMALL_CONTRACT}# another deployment\n"));
    let held = HeldWrite::of(&env, "/views.json", 1);
    let late = env.tick("views", LATER);
    let other = held.tick_between(&env, "views", "2026-11-20T20:14:00Z");
    let (late, other) = tokio::join!(late, other);
    assert!(late.is_response() && other.is_response(), "{late:?} {other:?}");
    let next = |outcome| format!("{outcome:?}");
    let compared = next(env.tick("views", "2026-11-20T20:24:00Z").await);
    assert!(compared.contains("0 written"), "{compared}");
    let idle = next(env.tick("views", "2026-11-20T20:34:00Z").await);
    assert!(idle.contains("newest rows"), "{idle}");
}
