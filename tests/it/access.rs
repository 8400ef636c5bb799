//! `landbridge access` as a program against the policies of the local Google: it says what a query then shows.

use std::collections::BTreeMap;
use std::process::Output;

use jiff::{SignedDuration, Timestamp};
use landbridge_local_google::{Grants, Role};
use serde_json::{Value, json};

use crate::command::{landbridge, output_text};
use crate::support::{TestEnv, TestEnvBuilder};

/// A local cloud after its first day.
pub(crate) async fn published() -> TestEnv {
    let env = TestEnvBuilder::small().build().await;
    let given_up = env.run_day(0).await;
    assert!(given_up.is_empty(), "{given_up:?}");
    env
}

/// Runs a command with the token of a principal.
pub(crate) fn run_as(env: &TestEnv, token: &str, args: &[&str]) -> Output {
    let mut variables: BTreeMap<String, String> = env.cloud.function_env().clone();
    variables.extend(env.cloud.role_env("load"));
    let shown = env.cloud.clock().now() + SignedDuration::from_mins(1);
    variables.insert("LANDBRIDGE_CLOCK".into(), format!("{shown} {} 1", Timestamp::now()));
    variables.insert("LANDBRIDGE_GCP_TOKEN".into(), token.into());
    let config = env.dir.path().join("landbridge.yaml");
    let contract = env.dir.path().join("contract.yaml");
    let files = [
        "--config",
        config.to_str().expect("a path"),
        "--contract",
        contract.to_str().expect("a path"),
    ];
    landbridge(&variables, &[args, &files].concat())
}

/// The report of the reviewer, and the exit code.
fn report(env: &TestEnv, args: &[&str]) -> (Value, Option<i32>) {
    let output = run_as(env, "local-reviewer", &[&["access", "--output", "json"], args].concat());
    let report = serde_json::from_slice(&output.stdout);
    (
        report.unwrap_or_else(|error| panic!("{error}: {}", output_text(&output))),
        output.status.code(),
    )
}

fn sees(report: &Value, principal: &str, class: &str) -> String {
    let all = report["principals"].as_array().expect("a list");
    let one = all.iter().find(|it| it["principal"] == principal);
    one.map_or("not named".into(), |it| it["classes"][class]["sees"].as_str().unwrap().to_owned())
}

fn more(report: &Value, principal: &str) -> Vec<String> {
    let all = report["more_than_configured"].as_array().expect("a list");
    let of = all.iter().filter(|it| it["principal"] == principal);
    of.map(|it| format!("{} {} by {}", it["classes"], it["sees"], it["through"][0]["place"]))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_says_what_a_query_then_shows() {
    let env = published().await;
    let google = env.cloud.google();
    let (first, code) = report(&env, &[]);
    assert_eq!(first["not_known"], json!([]), "{first:#}");
    assert_eq!(sees(&first, "group:analysts@example.com", "email"), "masked (EMAIL_MASK)");
    assert_eq!(sees(&first, "group:pii-readers@example.com", "email"), "plain");
    assert_eq!(sees(&first, "user:stranger@example.com", "email"), "nothing");
    // By the dataset's own list, and in no class.
    let unnamed = first["unnamed_readers"].as_array().expect("a list");
    let unnamed: Vec<_> = unnamed.iter().filter_map(|it| it["principal"].as_str()).collect();
    assert_eq!(unnamed, ["user:loader@example.com", "user:stranger@example.com"]);
    assert_eq!(first["everyone_else"], json!({"sees": "nothing", "at_least": false}));
    assert_eq!(first["unprotected_columns"], json!([]));
    // The person with the functions' rights reads the landing bucket by a role on the project.
    assert_eq!(code, Some(1));
    assert_eq!(more(&first, "user:loader@example.com").len(), 1, "{first:#}");
    assert_eq!(first["more_than_configured"].as_array().map(Vec::len), Some(1), "{first:#}");
    let (email, code) = report(&env, &["--class", "email"]);
    assert_eq!((email["more_than_configured"].clone(), code), (json!([]), Some(0)));

    // A person gets a right on the project: the query shows it, and so does the command.
    let query = "SELECT email FROM shop.people ORDER BY id LIMIT 1";
    google.add_principal(
        "eve",
        "eve@example.com",
        Grants::none().project_role(Role::JobUser).dataset_role("shop", Role::DataViewer),
    );
    assert!(google.query_as("eve", query).await.is_err());
    assert_eq!(sees(&report(&env, &[]).0, "user:eve@example.com", "email"), "nothing");
    let role = "roles/datacatalog.categoryFineGrainedReader";
    google.bind("projects/shop-analytics", role, "user:eve@example.com");
    let row = google.query_as("eve", query).await.expect("plain values").rows;
    let value = row[0][0].clone().expect("an address");
    let (third, code) = report(&env, &[]);
    assert_eq!(sees(&third, "user:eve@example.com", "email"), "plain");
    assert!(more(&third, "user:eve@example.com")[0].contains("project shop-analytics"));
    assert_eq!(code, Some(1));
    let text = run_as(&env, "local-reviewer", &["access", "--principal", "user:eve@example.com"]);
    let text = output_text(&text);
    assert!(text.contains("gcloud projects remove-iam-policy-binding shop-analytics"), "{text}");
    assert!(!text.contains(&value) && !text.contains("analysts@"), "{text}");

    // Viewers of the project get the dataset by its access list.
    let count = "SELECT COUNT(id) FROM shop.people";
    google.bind(
        "projects/shop-analytics",
        "roles/bigquery.jobUser",
        "user:project-viewer@example.com",
    );
    assert!(google.query_as("local-project-viewer", count).await.is_err());
    google.bind("datasets/shop", "roles/bigquery.dataViewer", "projectViewer:shop-analytics");
    google.query_as("local-project-viewer", count).await.expect("a count");
    let (fourth, _) = report(&env, &["--class", "none"]);
    assert_eq!(more(&fourth, "user:project-viewer@example.com").len(), 1, "{fourth:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_cannot_be_read_is_not_known_and_never_nobody() {
    let env = TestEnvBuilder::small().build().await;
    let google = env.cloud.google();
    google.set_ancestors(&["folders/7", "organizations/8"]);
    // The role of the reviewer is on the project: it reads nothing above.
    google.set_policy_denied("organizations/8", true);
    google.set_policy_denied("folders/7", true);
    let (above, code) = report(&env, &["--class", "email"]);
    assert_eq!(code, Some(4), "{above:#}");
    assert_eq!(above["not_known"][1]["place"], "organizations/8");
    assert_eq!(above["everyone_else"]["at_least"], true);
    let text = output_text(&run_as(&env, "local-reviewer", &["access", "--class", "email"]));
    for part in ["not known the policy of organizations/8", "gcloud organizations get-iam-policy 8"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    google.set_ancestors(&[]);
    assert_eq!(report(&env, &["--class", "email"]).1, Some(0));
    google.set_policy_denied("projects/shop-analytics", true);
    let (project, code) = report(&env, &["--class", "email"]);
    assert_eq!(code, Some(4), "{project:#}");
    // A person without the role knows almost nothing, and is not shown an empty list of readers.
    let stranger = run_as(&env, "local-stranger", &["access", "--class", "email"]);
    assert_eq!(stranger.status.code(), Some(4), "{}", output_text(&stranger));
    assert!(output_text(&stranger).contains("everyone else"), "{}", output_text(&stranger));
    let usage = run_as(&env, "local-reviewer", &["access", "--class", "emial"]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(output_text(&usage).contains("no class `emial`"), "{}", output_text(&usage));
}

/// A literal that is in the text of each query of this test, and may be in no output.
const SECRET: &str = "kim.minji@example.com";

/// Runs a query job with labels, as a client of BigQuery does.
async fn query_job(env: &TestEnv, token: &str, sql: &str, labels: Value, to: Option<(&str, &str)>) {
    let url = &env.cloud.function_env()["LANDBRIDGE_BIGQUERY_ENDPOINT"];
    let mut query = json!({"query": sql, "useLegacySql": false});
    if let Some((dataset, table)) = to {
        query["destinationTable"] =
            json!({"projectId": "shop-analytics", "datasetId": dataset, "tableId": table});
    }
    let job = json!({"configuration": {"labels": labels, "query": query}});
    let answer = reqwest::Client::new()
        .post(format!("{url}/projects/shop-analytics/jobs"))
        .bearer_auth(token)
        .json(&job)
        .send()
        .await
        .expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert!(answer.get("error").is_none(), "{answer:#}");
    let id = answer["jobReference"]["jobId"].as_str().expect("an id");
    let done: Value = reqwest::Client::new()
        .get(format!("{url}/projects/shop-analytics/jobs/{id}"))
        .bearer_auth(token)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(done["status"].get("errorResult").is_none(), "{done:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_show_readers_derived_tables_and_unmasked_dashboards_and_no_text_of_a_query() {
    let env = published().await;
    let google = env.cloud.google();
    google.create_dataset("scratch");
    let grants = Grants::none()
        .project_role(Role::JobUser)
        .dataset_role("shop", Role::DataViewer)
        .dataset_role("scratch", Role::DataOwner)
        .fine_grained_reader(env.cloud.policy_tags()["email"].clone());
    google.add_principal("eve", "eve@example.com", grants);
    let select = format!("SELECT id, email FROM shop.people WHERE email <> '{SECRET}'");
    let labels = json!({"requestor": "looker_studio", "looker_studio_report_id": "report-1"});
    query_job(&env, "eve", &select, json!({}), Some(("scratch", "copy_of_people"))).await;
    query_job(&env, "eve", &select, labels, None).await;
    let masked = format!("SELECT id FROM shop.people WHERE email <> '{SECRET}'");
    query_job(&env, "local-analyst", &masked, json!({}), None).await;
    // The jobs of before are on a later page of `jobs.list`.
    for _ in 0..60 {
        query_job(&env, "local-analyst", "SELECT 1 AS one", json!({}), None).await;
    }
    google.add_log_entry(json!({
        "insertId": "1",
        "timestamp": "2026-11-21T05:00:00Z",
        "protoPayload": {
            "serviceName": "bigquery.googleapis.com",
            "resourceName": "projects/shop-analytics/datasets/shop/tables/people",
            "authenticationInfo": {"principalEmail": "eve@example.com"},
            "metadata": {"tableDataRead": {"fields": ["email", "id"], "reason": "JOB"}},
        },
    }));

    let mut outputs = String::new();
    let (access, code) = report(&env, &["--class", "email", "--month", "2026-11"]);
    outputs += &access.to_string();
    assert_eq!(code, Some(1));
    assert_eq!(access["derived_tables"][0]["table"], "shop-analytics.scratch.copy_of_people");
    assert_eq!(access["derived_tables"][0]["plain"], "plain");
    let dashboard = &access["plain_dashboards"][0];
    assert_eq!(dashboard["queries_as"], "user:eve@example.com", "{access:#}");
    assert_eq!(dashboard["one_identity"], true);
    let read = &access["reads"][0];
    assert_eq!(
        (&read["principal"], &read["plain"]),
        (&json!("user:eve@example.com"), &json!("plain"))
    );
    assert_eq!(read["columns"], json!(["public.people.email"]));

    let all = run_as(&env, "local-reviewer", &["access", "--month", "2026-11"]);
    outputs += &output_text(&all);
    for output in [&[][..], &["--output", "json"], &["--people"]] {
        let args = [&["consumers", "--table", "public.people"], output].concat();
        let shown = run_as(&env, "local-reviewer", &args);
        assert_eq!(shown.status.code(), Some(0), "{}", output_text(&shown));
        outputs += &output_text(&shown);
    }
    let text = output_text(&run_as(&env, "local-reviewer", &["consumers"]));
    for part in
        ["dashboard https://lookerstudio.google.com/reporting/report-1", "2 people", "email, id"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("eve@example.com"), "{text}");
    outputs += &text;
    assert!(outputs.contains("user:eve@example.com") && !outputs.contains(SECRET), "{outputs}");
    assert!(!outputs.contains("SELECT"), "{outputs}");
    // Who may not list the jobs of everyone is refused.
    let refused = run_as(&env, "local-stranger", &["consumers"]);
    assert_eq!(refused.status.code(), Some(3), "{}", output_text(&refused));
}

/// No pass of Landbridge sets or checks a tag of a table that a person makes beside Landbridge's own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_a_person_makes_in_the_dataset_is_reported() {
    let env = published().await;
    let (before, _) = report(&env, &[]);
    for key in ["foreign_tables", "unprotected_columns", "derived_tables"] {
        assert_eq!(before[key], json!([]), "{key}: {before:#}");
    }
    let grants = Grants::none()
        .project_role(Role::JobUser)
        .dataset_role("shop", Role::DataOwner)
        .fine_grained_reader(env.cloud.policy_tags()["email"].clone());
    env.cloud.google().add_principal("eve", "eve@example.com", grants);
    let copy = "SELECT id, email FROM shop.people";
    query_job(&env, "eve", copy, json!({}), Some(("shop", "tmp"))).await;
    let (found, code) = report(&env, &[]);
    assert_eq!(code, Some(1));
    let expected = json!([{"table": "tmp", "untagged": ["email", "id"]}]);
    assert_eq!(found["foreign_tables"], expected, "{found:#}");
    assert_eq!(found["derived_tables"][0]["table"], "shop-analytics.shop.tmp", "{found:#}");
    let text = output_text(&run_as(&env, "local-reviewer", &["access"]));
    assert!(text.contains("more table tmp is not Landbridge's"), "{text}");
    // One table of the contract is not about it.
    let (one, _) = report(&env, &["--table", "public.people"]);
    assert_eq!(one["foreign_tables"], json!([]), "{one:#}");
}

/// `jobs.list` names the tables of a script only with the jobs of its statements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_statements_of_a_script_are_reads_of_their_tables() {
    let env = published().await;
    let script = format!(
        "DECLARE n INT64; SET n = (SELECT COUNT(*) FROM shop.people); SELECT id FROM shop.people WHERE email <> '{SECRET}'; SELECT n"
    );
    let labels = json!({"requestor": "looker_studio", "looker_studio_report_id": "report-2"});
    query_job(&env, "local-analyst", &script, labels, None).await;
    let shown = run_as(&env, "local-reviewer", &["consumers", "--table", "public.people"]);
    let text = output_text(&shown);
    assert_eq!(shown.status.code(), Some(0), "{text}");
    let dashboard = "dashboard https://lookerstudio.google.com/reporting/report-2";
    assert!(text.contains(dashboard) && text.contains("email, id"), "{text}");
    assert!(!text.contains(SECRET), "{text}");
}

#[test]
fn owners_and_consumers_of_the_contract_are_named_by_check_and_diff() {
    let dir = tempfile::tempdir().expect("a folder");
    let demo = crate::support::root().join("examples/demo");
    let path = |name: &str| dir.path().join(name);
    std::fs::copy(demo.join("landbridge.yaml"), path("landbridge.yaml")).expect("a copy");
    let text = std::fs::read_to_string(demo.join("contract.yaml")).expect("the contract");
    std::fs::write(path("before.yaml"), &text).expect("a file");
    let table = "  \"public.creators\":\n";
    let owned = format!("{table}    owners: [payments]\n    consumers: [the weekly report]\n");
    let text = text.replacen(table, &owned, 1);
    let opened = text.replacen(
        "      phone: { source: character varying, type: STRING, class: phone }",
        "      phone: { source: character varying, type: STRING, class: none }",
        1,
    );
    assert_ne!(opened, text);
    std::fs::write(path("contract.yaml"), &opened).expect("a file");
    let sql = "ALTER TABLE public.creators ADD COLUMN hp_no varchar(20);";
    std::fs::write(path("1.sql"), sql).expect("a file");
    let run = |args: &[&str]| {
        let config = path("landbridge.yaml");
        let config = ["--config", config.to_str().expect("a path")];
        landbridge(&BTreeMap::new(), &[&["contract"], args, &config].concat())
    };
    let names = "owners: payments; consumers: the weekly report";
    let sql = path("1.sql");
    let check = run(&["check", sql.to_str().expect("a path")]);
    assert_eq!(check.status.code(), Some(1));
    assert!(output_text(&check).contains(&format!("[{names}]")), "{}", output_text(&check));
    let before = path("before.yaml");
    let diff = output_text(&run(&["diff", "--from", before.to_str().expect("a path")]));
    assert!(diff.contains("opens public.creators.phone") && diff.contains(names), "{diff}");
}
