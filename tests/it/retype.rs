//! A column whose type in the contract changed: held with the ways out, and `landbridge retype`.

use std::process::Output;
use std::sync::Arc;

use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_local::Principal::{Analyst, Loader, PiiReader, Stranger};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};

use crate::command::{landbridge, output_text};
use crate::support::{TestEnv, TestEnvBuilder};

/// One column of each kind of class, both of a type that the contract changes.
const CONTRACT: &str = r#"# 방문 기록
version: 1
tables:
  "shop.visits":
    columns:
      id: { source: bigint, type: INT64, class: none }
      # the hour of the visit
      wall: { source: datetime, type: TIMESTAMP, class: none } # UTC
      born:
        source: datetime
        type: TIMESTAMP
        class: birth
"#;

fn source() -> MemoryDatabase {
    let visits = MemoryTable::new("shop", "visits")
        .column("id", "bigint")
        .column("wall", "datetime")
        .column("born", "datetime")
        .row([Some("1"), Some("2026-03-01 09:30:00"), Some("1990-05-06 07:08:09")]);
    let database = MemoryDatabase::new(Engine::mysql("8.0.39"), "shop");
    database.set_table(visits).expect("a table");
    database
}

async fn receipt(env: &TestEnv, day: &str) -> Receipt {
    env.receipts(day).await.remove("shop.visits").expect("a receipt")
}

/// Runs the command with the files of the local cloud.
fn retype(env: &TestEnv, more: &[&str]) -> Output {
    let config = env.dir.path().join("landbridge.yaml");
    let command = ["retype", "shop.visits", "--config", config.to_str().expect("a path")];
    landbridge(&env.cloud.client_env(), &[&command, more].concat())
}

/// The class of the policy tag of each column; `-` without a tag.
fn tags(env: &TestEnv) -> Vec<String> {
    let resource = env.cloud.google().table_resource("shop", "visits").expect("a table");
    let classes = env.cloud.function_env()["LANDBRIDGE_POLICY_TAGS"].clone();
    let classes = landbridge_core::diff::parse_policy_tags(&classes).expect("tags");
    let fields = resource["schema"]["fields"].as_array().expect("fields").clone();
    let shown = fields.iter().map(|field| {
        let tag = field["policyTags"]["names"][0].as_str();
        let class = classes.iter().find(|(_, name)| Some(name.as_str()) == tag);
        let text = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", text("name"), text("type"), class.map_or("-", |(class, _)| class))
    });
    shown.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_of_another_type_lands_beside_the_old_one() {
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(source());
    builder.contract = CONTRACT.to_owned();
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    assert_eq!(receipt(&env, "2026-11-21").await.state, ReceiptState::Published);
    assert_eq!(tags(&env), ["id INTEGER -", "wall TIMESTAMP -", "born TIMESTAMP birth"]);
    let nothing = output_text(&retype(&env, &[]));
    assert!(nothing.starts_with("shop.visits: nothing to do. BigQuery has the type"), "{nothing}");

    // The contract asks for another type: the table is held, and the receipt says what to run.
    env.deploy_contract(&CONTRACT.replace("TIMESTAMP", "DATETIME"));
    assert!(env.run_day(1).await.is_empty());
    let held = receipt(&env, "2026-11-22").await;
    assert_eq!(held.state, ReceiptState::Held);
    let problem = held.problem.expect("a problem").to_string();
    for part in [
        "a column changed its type, so the table is not loaded: shop.visits.wall is TIMESTAMP in BigQuery and would become DATETIME: write `type: TIMESTAMP` for `wall` in contract.yaml to keep the type, or run `landbridge retype shop.visits` to load it as another column; shop.visits.born is",
        "the table keeps its rows of 2026-11-21",
    ] {
        assert!(problem.contains(part), "{problem}");
    }

    // Without `--yes`, nothing is changed.
    let file = env.dir.path().join("contract.yaml");
    let before = std::fs::read_to_string(&file).expect("the contract");
    let plan = output_text(&retype(&env, &[]));
    for part in [
        "shop.visits → shop.visits\n",
        "  wall: TIMESTAMP in BigQuery, DATETIME in contract.yaml\n",
        "+ wall: { name: wall_datetime, source: datetime, type: DATETIME, class: none } # UTC\n",
        "the next load adds  born_datetime DATETIME: class birth, its policy tag is set before its first row\n",
        "the old one stays   born TIMESTAMP: NULL in every row, unclassified\n",
        "Nothing was changed",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("the contract"), before);

    let output = retype(&env, &["--yes", "--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["changed"], true);
    assert_eq!(report["columns"][0]["keep"], "type: TIMESTAMP");
    let written = std::fs::read_to_string(&file).expect("the contract");
    let expected = before
        .replace("wall: { source", "wall: { name: wall_datetime, source")
        .replace("born:\n", "born:\n        name: born_datetime\n");
    assert_eq!(written, expected, "comments and everything else stay");
    let again = output_text(&retype(&env, &["--yes"]));
    assert!(again.contains("nothing to do"), "{again}");

    // The next load adds the columns. The old ones stay, without values, for everyone.
    env.deploy_contract(&written);
    assert!(env.run_day(2).await.is_empty());
    let published = receipt(&env, "2026-11-23").await;
    assert_eq!(published.state, ReceiptState::Published, "{:?}", published.problem);
    let expected = [
        "id INTEGER -",
        "wall TIMESTAMP unclassified",
        "born TIMESTAMP unclassified",
        "wall_datetime DATETIME -",
        "born_datetime DATETIME birth",
    ];
    let mut actual = tags(&env);
    actual.sort();
    let mut sorted = expected.to_vec();
    sorted.sort_unstable();
    assert_eq!(actual, sorted);
    let sql = "SELECT id, wall, born, wall_datetime, born_datetime FROM shop.visits";
    let rows = env.query(Analyst, sql).await.expect("rows");
    assert_eq!(rows, [["1", "NULL", "NULL", "2026-03-01T09:30:00", "1990-01-01T00:00:00"]]);
    let rows = env.query(PiiReader, sql).await.expect("rows");
    assert_eq!(rows, [["1", "NULL", "NULL", "2026-03-01T09:30:00", "1990-05-06T07:08:09"]]);
    // What time travel reaches: the former rows of the old columns are closed with them.
    let former = "SELECT wall, born FROM shop.visits FOR SYSTEM_TIME AS OF TIMESTAMP '2026-11-22 12:00:00+00'";
    for reader in [Analyst, PiiReader] {
        assert_eq!(env.query(reader, former).await.expect("rows"), [["NULL", "NULL"]]);
    }
}

/// The statements that `--swap` prints, in their order. Commands of `bq` and `landbridge` and comments are
/// left out.
fn statements(plan: &str) -> Vec<String> {
    let sql = plan.lines().filter(|line| !line.starts_with("--"));
    let sql: Vec<&str> = sql.filter(|line| !line.starts_with(['b', 'l'])).collect();
    let parts = sql.join("\n");
    parts.split(';').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

/// A person runs what `--swap` prints. Readers see no value in between, no column has rows before its tag,
/// and the next load fills the new table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_swap_runs_and_shows_no_reader_more_than_before() {
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(source());
    builder.contract = CONTRACT.to_owned();
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    env.deploy_contract(&CONTRACT.replace("TIMESTAMP", "DATETIME"));
    assert!(env.run_day(1).await.is_empty());
    assert_eq!(receipt(&env, "2026-11-22").await.state, ReceiptState::Held);

    let plan = output_text(&retype(&env, &["--swap"]));
    let statements = statements(&plan);
    let create = "CREATE TABLE `shop-analytics.shop.visits_retyped` (\n  `born` DATETIME,\n  `id` INT64,\n  \
                  `wall` DATETIME\n) OPTIONS (labels = [('landbridge_source', 'shop')])";
    assert_eq!(
        statements,
        [
            create,
            "DROP TABLE `shop-analytics.shop.visits`",
            "ALTER TABLE `shop-analytics.shop.visits_retyped` RENAME TO `visits`",
        ],
        "{plan}"
    );
    for lost in ["the rights (IAM)", "row access policies", "the history of", "descriptions"] {
        assert!(plan.contains(lost), "{lost}: {plan}");
    }
    let rows = "SELECT id, wall, born FROM shop.visits";
    for statement in &statements {
        env.query(Loader, statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        for reader in [Analyst, PiiReader, Stranger] {
            for table in ["visits", "visits_retyped"] {
                let sql = format!("SELECT wall, born FROM shop.{table}");
                let seen = env.query(reader, &sql).await;
                let is_hidden = |row: &Vec<String>| row.iter().all(|cell| cell == "NULL");
                assert!(
                    seen.as_ref().map_or(true, |rows| rows.iter().all(is_hidden)),
                    "{reader:?} after {statement}: {seen:?}"
                );
            }
        }
    }
    assert_eq!(tags(&env), ["born DATETIME -", "id INTEGER -", "wall DATETIME -"]);
    assert_eq!(env.query(PiiReader, rows).await.expect("no rows"), Vec::<Vec<String>>::new());

    // The load sets the tags before it writes the first row.
    env.cloud.calls().start_recording();
    assert!(env.run_day(2).await.is_empty());
    let published = receipt(&env, "2026-11-23").await;
    assert_eq!(published.state, ReceiptState::Published, "{:?}", published.problem);
    let calls = env.cloud.calls().recorded_calls();
    let at = |what: &str| calls.iter().position(|call| call.request.starts_with(what));
    let (patch, job) = (
        at("PATCH /bigquery/v2/projects/shop-analytics/datasets/shop/tables/visits"),
        at("POST /bigquery/v2/projects/shop-analytics/jobs"),
    );
    assert!(patch.is_some() && patch < job, "{patch:?} {job:?}");
    // Until time travel does not reach the former rows any more, the ledger keeps the columns closed.
    assert_eq!(
        tags(&env),
        ["born DATETIME unclassified", "id INTEGER -", "wall DATETIME unclassified"]
    );
    for reader in [Analyst, PiiReader] {
        assert_eq!(env.query(reader, rows).await.expect("rows"), [["1", "NULL", "NULL"]]);
    }
}
