//! Data definition, data manipulation and scripts.

mod catalogue;

use serde_json::{Value, json};

use crate::cloud::{TestCloud, tag};

async fn people() -> TestCloud {
    let cloud = TestCloud::start().await;
    let fields = json!([
        {"name": "id", "type": "INT64"},
        {"name": "email", "type": "STRING", "policyTags": {"names": [tag("email")]}},
        {"name": "points", "type": "INT64"},
    ]);
    cloud.create_table("people", fields).await;
    let row = |id: i64, email: &str| json!({"id": id, "email": email, "points": id * 10});
    cloud.load_rows("people", &[row(1, "a@x.kr"), row(2, "b@y.kr"), row(3, "c@z.kr")]).await;
    cloud
}

async fn ok(cloud: &TestCloud, principal: &str, sql: &str) -> String {
    cloud.query(principal, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).join(", ")
}

async fn refused(cloud: &TestCloud, principal: &str, sql: &str, part: &str) {
    let error = cloud.query(principal, sql).await.expect_err(sql);
    assert!(error.contains(part), "{sql}: {error}");
}

fn tags_of(cloud: &TestCloud, table: &str) -> Vec<String> {
    let table = cloud.google.table_resource("shop", table).expect("a table");
    let fields = table["schema"]["fields"].as_array().cloned().unwrap_or_default();
    let tagged = fields.iter().filter(|it| it.get("policyTags").is_some());
    tagged.map(|it| it["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_table_made_by_a_query_has_the_masks_of_its_maker_as_values_and_no_tags() {
    let cloud = people().await;
    // A masked reader who may write.
    let grants = landbridge_local_google::Grants::none()
        .project_role(landbridge_local_google::Role::JobUser)
        .dataset_role("shop", landbridge_local_google::Role::DataEditor)
        .masked_reader(tag("email"));
    cloud.google.add_principal("analyst", "analyst@example.com", grants);
    ok(&cloud, "analyst", "CREATE TABLE shop.copy AS SELECT id, email FROM shop.people").await;
    assert_eq!(tags_of(&cloud, "copy"), Vec::<String>::new());
    let sql = "SELECT email FROM shop.copy WHERE id = 1";
    assert_eq!(ok(&cloud, "reader", sql).await, "XXXXX@x.kr", "no plain value was copied");
    // The editor has neither role on the tag.
    let select = "CREATE TABLE shop.other AS SELECT email FROM shop.people";
    refused(&cloud, "editor", select, "policy tag").await;
    assert_eq!(cloud.google.table_ids("shop"), ["copy", "people"]);
}

/// A column that only the body of a lambda names is read like any other: masked, or refused.
#[tokio::test]
async fn a_lambda_reads_the_columns_that_it_names() {
    let cloud = people().await;
    let grants = landbridge_local_google::Grants::none()
        .project_role(landbridge_local_google::Role::JobUser)
        .dataset_role("shop", landbridge_local_google::Role::DataViewer)
        .masked_reader(tag("email"));
    cloud.google.add_principal("analyst", "analyst@example.com", grants);
    let hidden = "SELECT ARRAY_TRANSFORM([id], e -> CONCAT(e, email))[OFFSET(0)] FROM shop.people WHERE id = 1";
    assert_eq!(ok(&cloud, "analyst", hidden).await, "1XXXXX@x.kr");
    refused(&cloud, "editor", hidden, "policy tag").await;
    let inner = "SELECT ARRAY_FILTER([1], e -> EXISTS (SELECT 1 FROM UNNEST([email]) m WHERE m LIKE 'X%')) \
                 FROM shop.people WHERE id = 1";
    assert_eq!(ok(&cloud, "analyst", inner).await, r#"[{"v":"1"}]"#);
    refused(&cloud, "editor", inner, "policy tag").await;
}

#[tokio::test]
async fn tables_are_created_changed_and_dropped() {
    let cloud = people().await;
    let create = "CREATE TABLE shop.t (id INT64 NOT NULL OPTIONS(description='key'), day DATE, \
                  tags ARRAY<STRING>) PARTITION BY day CLUSTER BY id \
                  OPTIONS(description='a table', labels=[('team', 'ops')])";
    ok(&cloud, "editor", create).await;
    let t = cloud.google.table_resource("shop", "t").expect("a table");
    assert_eq!(t["schema"]["fields"][0]["mode"], "REQUIRED");
    assert_eq!(t["timePartitioning"], json!({"type": "DAY", "field": "day"}));
    assert_eq!(
        (&t["clustering"]["fields"], &t["labels"]),
        (&json!(["id"]), &json!({"team": "ops"}))
    );
    refused(&cloud, "editor", create, "Already Exists").await;
    ok(&cloud, "editor", &create.replace("TABLE", "TABLE IF NOT EXISTS")).await;
    ok(
        &cloud,
        "editor",
        "ALTER TABLE shop.t ADD COLUMN IF NOT EXISTS n INT64, ADD COLUMN m STRING",
    )
    .await;
    ok(&cloud, "editor", "INSERT shop.t (id, n, day) VALUES (1, 2, '2026-07-01'), (2, NULL, NULL)")
        .await;
    ok(&cloud, "editor", "ALTER TABLE shop.t RENAME COLUMN n TO number").await;
    ok(
        &cloud,
        "editor",
        "ALTER TABLE shop.t DROP COLUMN m, ALTER COLUMN id SET OPTIONS(description='id')",
    )
    .await;
    assert_eq!(
        ok(&cloud, "editor", "SELECT id, number, day FROM shop.t ORDER BY id").await,
        "1 | 2 | 2026-07-01, 2 | ∅ | ∅"
    );
    ok(&cloud, "editor", "ALTER TABLE shop.t RENAME TO u").await;
    ok(&cloud, "editor", "CREATE TABLE shop.v LIKE shop.u").await;
    ok(&cloud, "editor", "CREATE OR REPLACE TABLE shop.u AS SELECT 1 AS one").await;
    assert_eq!(ok(&cloud, "editor", "SELECT * FROM shop.u").await, "1");
    ok(&cloud, "editor", "DROP TABLE shop.u; DROP TABLE IF EXISTS shop.u; DROP TABLE shop.v;")
        .await;
    assert_eq!(cloud.google.table_ids("shop"), ["people"]);
    refused(&cloud, "analyst", "DROP TABLE shop.people", "bigquery.tables.delete").await;
    refused(&cloud, "analyst", "CREATE TABLE shop.x (id INT64)", "bigquery.tables.create").await;
    ok(
        &cloud,
        "admin",
        "CREATE SCHEMA made OPTIONS(description='x'); CREATE TABLE made.t (id INT64)",
    )
    .await;
    refused(&cloud, "admin", "DROP SCHEMA made", "still in use").await;
    ok(&cloud, "admin", "DROP SCHEMA made CASCADE").await;
}

#[tokio::test]
async fn a_table_disappears_when_it_expires() {
    let cloud = people().await;
    ok(
        &cloud,
        "editor",
        "CREATE TABLE shop.soon (id INT64) OPTIONS(expiration_timestamp=TIMESTAMP '2026-07-01 01:00:00+00')",
    )
    .await;
    ok(&cloud, "editor", "SELECT * FROM shop.soon").await;
    cloud.clock.advance_to("2026-07-01T01:00:00Z".parse().expect("a time"));
    refused(&cloud, "editor", "SELECT * FROM shop.soon", "Not found").await;
}

#[tokio::test]
async fn statements_that_are_not_known_are_refused_by_name() {
    let cloud = people().await;
    for (sql, part) in [
        ("CREATE TEMP TABLE t (id INT64)", "requires a script or session"),
        ("CREATE SCHEMA _script_1", "temporary tables"),
        ("SELECT 1; CREATE TEMP TABLE shop.t (id INT64)", "cannot be in a dataset"),
        ("LOOP BREAK inner; END LOOP", "labels"),
        ("CALL shop.p()", "CALL"),
        ("CREATE FUNCTION shop.f(x INT64) AS (x)", "CREATE FUNCTION"),
        ("CREATE MATERIALIZED VIEW shop.v AS SELECT 1", "CREATE MATERIALIZED"),
        ("CREATE MODEL shop.m OPTIONS(model_type='x') AS SELECT 1", "CREATE MODEL"),
        ("EXPORT DATA OPTIONS(uri='gs://b/*') AS SELECT 1", "EXPORT"),
        ("GRANT `roles/bigquery.dataViewer` ON SCHEMA shop TO 'user:x@y'", "GRANT"),
        ("COMMIT TRANSACTION", "no transaction in progress"),
        ("BEGIN TRANSACTION; BEGIN TRANSACTION; COMMIT", "already in progress"),
        ("BEGIN; CREATE TABLE shop.t (id INT64); COMMIT;", "not supported in a transaction"),
        ("CREATE TABLE shop.t (id INT64) OPTIONS(max_staleness='x')", "max_staleness"),
        ("SELEC 1", "Syntax error"),
        ("UPDATE shop.people SET points = 1", "WHERE"),
        ("ALTER TABLE shop.people ALTER COLUMN id SET DATA TYPE FLOAT64", "ALTER COLUMN"),
    ] {
        refused(&cloud, "admin", sql, part).await;
    }
    assert_eq!(cloud.google.table_ids("shop"), ["people"]);
}

#[tokio::test]
async fn rows_are_inserted_updated_and_deleted() {
    let cloud = people().await;
    let all = "SELECT id, points FROM shop.people ORDER BY id";
    ok(&cloud, "editor", "UPDATE shop.people AS p SET points = p.points + 1 WHERE p.id < 3").await;
    assert_eq!(ok(&cloud, "reader", all).await, "1 | 11, 2 | 21, 3 | 30");
    ok(&cloud, "editor", "INSERT INTO shop.people (id, email, points) SELECT 4, 'd@x.kr', 40")
        .await;
    ok(&cloud, "editor", "DELETE FROM shop.people WHERE id IN (SELECT 2)").await;
    assert_eq!(ok(&cloud, "reader", all).await, "1 | 11, 3 | 30, 4 | 40");
    ok(
        &cloud,
        "editor",
        "UPDATE shop.people p SET points = s.n FROM (SELECT 1 AS k, 100 AS n) s WHERE p.id = s.k",
    )
    .await;
    assert_eq!(
        ok(&cloud, "reader", "SELECT id, email, points FROM shop.people ORDER BY id").await,
        "1 | a@x.kr | 100, 3 | c@z.kr | 30, 4 | d@x.kr | 40",
        "columns that a statement does not name keep their values"
    );
    assert_eq!(tags_of(&cloud, "people"), ["email"]);
    for (sql, part) in [
        ("INSERT INTO shop.people (id) VALUES ('x')", "has type STRING"),
        ("INSERT INTO shop.people (id, points) VALUES (1)", "wrong column count"),
        ("INSERT INTO shop.people (nothing) VALUES (1)", "nothing"),
        ("UPDATE shop.people SET points = 'x' WHERE TRUE", "has type STRING"),
        (
            "UPDATE shop.people p SET points = n FROM (SELECT 1 AS k, 1 AS n UNION ALL SELECT 1, 2) s WHERE p.id = s.k",
            "at most one source row",
        ),
    ] {
        refused(&cloud, "editor", sql, part).await;
    }
    refused(&cloud, "reader", "DELETE FROM shop.people WHERE TRUE", "bigquery.tables.updateData")
        .await;
    ok(&cloud, "editor", "TRUNCATE TABLE shop.people").await;
    assert_eq!(ok(&cloud, "reader", "SELECT COUNT(*) FROM shop.people").await, "0");
    assert_eq!(tags_of(&cloud, "people"), ["email"]);
}

#[tokio::test]
async fn a_change_reads_no_column_that_its_caller_may_not_read_plainly() {
    let cloud = people().await;
    let grants = landbridge_local_google::Grants::none()
        .project_role(landbridge_local_google::Role::JobUser)
        .dataset_role("shop", landbridge_local_google::Role::DataEditor)
        .masked_reader(tag("email"));
    cloud.google.add_principal("analyst", "analyst@example.com", grants);
    ok(&cloud, "editor", "CREATE TABLE shop.open (id INT64, email STRING)").await;
    ok(&cloud, "editor", "INSERT shop.open (id) VALUES (1)").await;
    for principal in ["analyst", "editor"] {
        for sql in [
            "DELETE FROM shop.people WHERE email LIKE 'a%'",
            "UPDATE shop.people SET points = LENGTH(email) WHERE TRUE",
            "UPDATE shop.open o SET email = p.email FROM shop.people p WHERE p.id = o.id",
            "MERGE shop.open o USING shop.people p ON o.id = p.id WHEN MATCHED THEN UPDATE SET email = p.email",
        ] {
            let error = cloud.query(principal, sql).await.expect_err(sql);
            assert!(error.to_lowercase().contains("access"), "{principal} {sql}: {error}");
        }
    }
    assert_eq!(ok(&cloud, "reader", "SELECT email FROM shop.open").await, "∅");
    // INSERT checks no tag: the caller's masks are written.
    ok(&cloud, "analyst", "INSERT shop.open SELECT id, email FROM shop.people WHERE id = 2").await;
    assert_eq!(
        ok(&cloud, "reader", "SELECT email FROM shop.open WHERE id = 2").await,
        "XXXXX@y.kr"
    );
    // A tagged column that is only written stays tagged, and others keep it closed.
    ok(&cloud, "editor", "UPDATE shop.people SET email = 'new@x.kr' WHERE id = 1").await;
    refused(&cloud, "editor", "SELECT email FROM shop.people", "policy tag").await;
}

#[tokio::test]
async fn merge_updates_deletes_and_inserts() {
    let cloud = people().await;
    ok(&cloud, "editor", "CREATE TABLE shop.news (id INT64, points INT64)").await;
    ok(&cloud, "editor", "INSERT shop.news VALUES (1, 111), (2, 0), (7, 77), (8, 88)").await;
    let merge = "MERGE INTO shop.people AS t USING (SELECT id, points FROM shop.news) AS s ON t.id = s.id \
                 WHEN MATCHED AND s.points = 0 THEN DELETE \
                 WHEN MATCHED THEN UPDATE SET points = s.points \
                 WHEN NOT MATCHED AND s.id < 8 THEN INSERT (id, points) VALUES (id, s.points) \
                 WHEN NOT MATCHED BY SOURCE THEN UPDATE SET t.points = -1";
    let job = json!({"configuration": {"query": {"query": merge, "useLegacySql": false}},
        "jobReference": {"projectId": "p", "jobId": "merge"}});
    cloud.request("editor", "POST", "/jobs", job, &[]).await;
    let (_, job) = cloud.request("editor", "GET", "/jobs/merge", Value::Null, &[]).await;
    let query = &job["statistics"]["query"];
    assert_eq!(query["statementType"], "MERGE", "{job}");
    assert_eq!(
        query["dmlStats"],
        json!({"insertedRowCount": "1", "updatedRowCount": "2", "deletedRowCount": "1"})
    );
    let all = "SELECT id, points FROM shop.people ORDER BY id";
    assert_eq!(ok(&cloud, "reader", all).await, "1 | 111, 3 | -1, 7 | 77");
    // The replacement of a partition, as dbt writes it.
    ok(
        &cloud,
        "editor",
        "MERGE shop.people t USING (SELECT 1 AS id, 5 AS points) s ON FALSE \
         WHEN NOT MATCHED BY SOURCE AND t.id IN (1, 3) THEN DELETE \
         WHEN NOT MATCHED THEN INSERT (id, points) VALUES (id, points)",
    )
    .await;
    assert_eq!(ok(&cloud, "reader", all).await, "1 | 5, 7 | 77");
    let twice = "MERGE shop.people t USING (SELECT 1 AS id UNION ALL SELECT 1) s ON t.id = s.id \
                 WHEN MATCHED THEN UPDATE SET points = 1";
    refused(&cloud, "editor", twice, "at most one source row").await;
}

#[tokio::test]
async fn scripts_have_variables_conditions_and_child_jobs() {
    let cloud = people().await;
    let script = "DECLARE top INT64 DEFAULT 20; DECLARE label STRING; \
                  SET label = 'high'; SET (top) = (SELECT AS STRUCT MAX(points) FROM shop.people); \
                  IF top > 25 THEN CREATE TABLE shop.made AS SELECT label AS l, top AS t; \
                  ELSE SELECT 1; END IF; \
                  BEGIN SELECT l, t FROM shop.made; END;";
    let job = json!({"configuration": {"query": {"query": script, "useLegacySql": false}},
        "jobReference": {"projectId": "p", "jobId": "script"}});
    let (status, body) = cloud.request("editor", "POST", "/jobs", job, &[]).await;
    assert_eq!(status, 200, "{body}");
    let (_, job) = cloud.request("editor", "GET", "/jobs/script", Value::Null, &[]).await;
    assert_eq!(job["status"]["errorResult"], Value::Null, "{job}");
    assert_eq!(job["statistics"]["query"]["statementType"], "SCRIPT");
    assert_eq!(job["statistics"]["numChildJobs"], "2");
    let (_, rows) = cloud.request("editor", "GET", "/queries/script", Value::Null, &[]).await;
    assert_eq!(rows["rows"], json!([{"f": [{"v": "high"}, {"v": "30"}]}]), "{rows}");
    let (_, children) =
        cloud.request("editor", "GET", "/jobs?parentJobId=script", Value::Null, &[]).await;
    let kinds: Vec<_> = (children["jobs"].as_array().into_iter().flatten())
        .map(|it| it["statistics"]["query"]["statementType"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(kinds, ["CREATE_TABLE_AS_SELECT", "SELECT"]);
    refused(&cloud, "editor", "DECLARE id INT64 DEFAULT 1; SELECT id FROM shop.people", "Rename")
        .await;
    refused(&cloud, "editor", "SET nothing = 1", "Undeclared variable").await;
    // A statement that fails ends the script; what ran before stays.
    refused(&cloud, "editor", "DROP TABLE shop.made; SELECT * FROM shop.none", "Not found").await;
    assert_eq!(cloud.google.table_ids("shop"), ["people"]);
}

#[tokio::test]
async fn a_transaction_is_committed_in_one_step_or_not_at_all() {
    let cloud = people().await;
    let all = "SELECT STRING_AGG(CONCAT(id, ':', points) ORDER BY id) FROM shop.people";
    let before = ok(&cloud, "editor", all).await;
    assert_eq!(before, "1:10,2:20,3:30");
    // What the transaction changed is seen in it, and gone after a rollback.
    let script = "BEGIN TRANSACTION; UPDATE shop.people SET points = 0 WHERE TRUE; \
                  CREATE TEMP TABLE zero AS SELECT COUNT(*) AS n FROM shop.people WHERE points = 0; \
                  ROLLBACK TRANSACTION; SELECT SUM(points) FROM shop.people";
    assert_eq!(ok(&cloud, "editor", script).await, "60");
    // It is gone as well if a statement fails, or if the script ends with the transaction open.
    let fails = "BEGIN; DELETE FROM shop.people WHERE TRUE; SELECT 1 / 0; COMMIT;";
    refused(&cloud, "editor", fails, "division by zero").await;
    ok(&cloud, "editor", "BEGIN; DELETE FROM shop.people WHERE TRUE").await;
    assert_eq!(ok(&cloud, "editor", all).await, before);
    // A handler can end it, and several tables are written together.
    let both = "CREATE TABLE shop.log (n INT64); BEGIN BEGIN TRANSACTION; \
                INSERT INTO shop.log (n) VALUES (1); UPDATE shop.people SET points = 11 WHERE id = 1; \
                COMMIT TRANSACTION; BEGIN TRANSACTION; DELETE FROM shop.log WHERE TRUE; SELECT ERROR('x'); \
                EXCEPTION WHEN ERROR THEN ROLLBACK TRANSACTION; END; \
                SELECT CONCAT((SELECT COUNT(*) FROM shop.log), ' ', points) FROM shop.people WHERE id = 1";
    assert_eq!(ok(&cloud, "admin", both).await, "1 11");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_transactions_that_change_one_table_the_second_is_aborted() {
    let cloud = people().await;
    // The transaction is open as long as its loop turns; the other writer comes meanwhile.
    let slow = "DECLARE n INT64 DEFAULT 0; BEGIN TRANSACTION; \
                UPDATE shop.people SET points = points + 1 WHERE id = 1; \
                WHILE n < 1000 DO SET n = n + 1; END WHILE; COMMIT TRANSACTION";
    let other = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        ok(&cloud, "editor", "UPDATE shop.people SET points = 100 WHERE id = 2").await;
        // Nothing of the open transaction is seen.
        ok(&cloud, "editor", "SELECT points FROM shop.people WHERE id = 1").await
    };
    let (slow, seen) = tokio::join!(cloud.query("editor", slow), other);
    let error = slow.expect_err("another job changed the table");
    assert!(error.contains("concurrent update against table p:shop.people"), "{error}");
    assert_eq!(seen, "10");
    let points = "SELECT STRING_AGG(CONCAT(id, ':', points) ORDER BY id) FROM shop.people";
    assert_eq!(ok(&cloud, "editor", points).await, "1:10,2:100,3:30");
}

#[tokio::test]
async fn scripts_have_loops_exceptions_and_dynamic_statements() {
    let cloud = people().await;
    for (sql, want) in [
        (
            "DECLARE n, s INT64 DEFAULT 0; WHILE n < 5 DO SET n = n + 1; IF n = 2 THEN CONTINUE; END IF; \
          SET s = s + n; END WHILE; SELECT s",
            "13",
        ),
        (
            "DECLARE n INT64 DEFAULT 0; LOOP SET n = n + 1; IF n = 3 THEN BREAK; END IF; END LOOP; SELECT n",
            "3",
        ),
        ("DECLARE n INT64 DEFAULT 9; REPEAT SET n = n - 2; UNTIL n < 4 END REPEAT; SELECT n", "3"),
        (
            "DECLARE t STRING DEFAULT ''; FOR p IN (SELECT id, points FROM shop.people ORDER BY id) DO \
          SET t = CONCAT(t, p.id, ':', p.points, ' '); END FOR; SELECT t",
            "1:10 2:20 3:30 ",
        ),
        (
            "DECLARE x INT64 DEFAULT 2; CASE x WHEN 1 THEN SELECT 'one'; WHEN 2 THEN SELECT 'two'; \
          ELSE SELECT 'more'; END CASE",
            "two",
        ),
        (
            "BEGIN SELECT 1; RAISE USING MESSAGE = 'no'; EXCEPTION WHEN ERROR THEN \
          SELECT @@error.message; END",
            "no",
        ),
        (
            "BEGIN BEGIN RAISE USING MESSAGE = 'in'; EXCEPTION WHEN ERROR THEN RAISE; END; \
          EXCEPTION WHEN ERROR THEN SELECT CONCAT(@@error.message, '!'); END",
            "in!",
        ),
        (
            "DECLARE n INT64; EXECUTE IMMEDIATE 'SELECT COUNT(*) FROM shop.people WHERE points > @least' \
          INTO n USING 15 AS least; SELECT n",
            "2",
        ),
        ("EXECUTE IMMEDIATE 'SELECT ? + ?' USING 1, 2", "3"),
        ("DECLARE n INT64 DEFAULT 1; RETURN; SELECT 1 / 0", ""),
        (
            "CREATE TEMP TABLE few AS SELECT 1 AS id UNION ALL SELECT 2; \
          INSERT INTO few (id) VALUES (7); SELECT COUNT(*), @@row_count, MAX(f.id) FROM few AS f \
          JOIN _SESSION.few USING (id)",
            "3 | 1 | 7",
        ),
        ("CREATE TEMP TABLE people AS SELECT 'own' AS who; SELECT who FROM people", "own"),
    ] {
        assert_eq!(ok(&cloud, "editor", sql).await, want, "{sql}");
    }
    for (sql, part) in [
        ("LOOP SELECT 1; SET x = 2; END LOOP", "Undeclared variable"),
        (
            "DECLARE x INT64 DEFAULT 1; BEGIN DECLARE y INT64 DEFAULT 2; END; SET y = 3",
            "Undeclared",
        ),
        ("SELECT 1; DECLARE x INT64", "only at the start of a block"),
        ("BREAK", "the statement BREAK"),
        ("SELECT 1; BREAK", "need a loop"),
        ("RAISE", "needs an exception handler"),
        ("EXECUTE IMMEDIATE 1", "needs a STRING"),
        ("DECLARE x INT64 DEFAULT 1; EXECUTE IMMEDIATE 'SELECT x'", "Unrecognized name"),
        ("WHILE TRUE DO SET @@x = 1; END WHILE", "a name"),
        ("SELECT 1; SELECT @@project_id", "@@project_id"),
    ] {
        refused(&cloud, "editor", sql, part).await;
    }
}

#[tokio::test]
async fn a_temporary_table_is_seen_by_its_script_only() {
    let cloud = people().await;
    // A masked reader makes one as well: it needs no right to write to any dataset.
    let grants = landbridge_local_google::Grants::none()
        .project_role(landbridge_local_google::Role::JobUser)
        .dataset_role("shop", landbridge_local_google::Role::DataViewer)
        .masked_reader(tag("email"));
    cloud.google.add_principal("analyst", "analyst@example.com", grants);
    let script = "CREATE TEMP TABLE mine AS SELECT id, email FROM shop.people; \
                  CREATE OR REPLACE TEMP TABLE mine AS SELECT * FROM mine WHERE id = 1; \
                  SELECT email FROM mine";
    assert_eq!(ok(&cloud, "analyst", script).await, "XXXXX@x.kr", "with the masks of its maker");
    refused(&cloud, "analyst", "SELECT * FROM mine", "must be qualified").await;
    refused(&cloud, "analyst", "SELECT * FROM _SESSION.mine", "Access Denied").await;
    // After a script that fails, nothing is left either.
    let fails = "CREATE TEMP TABLE mine AS SELECT 1 AS x; SELECT 1 / 0";
    refused(&cloud, "admin", fails, "division by zero").await;
    let dropped = "CREATE TEMP TABLE mine (x INT64); DROP TABLE mine; SELECT * FROM mine";
    refused(&cloud, "admin", dropped, "must be qualified").await;
    let (_, datasets) = cloud.request("admin", "GET", "/datasets", Value::Null, &[]).await;
    assert_eq!(datasets["datasets"].as_array().map(Vec::len), Some(1), "{datasets}");
    let sql =
        "CREATE TEMP TABLE mine AS SELECT 1 AS x; SELECT COUNT(*) FROM INFORMATION_SCHEMA.SCHEMATA";
    assert_eq!(ok(&cloud, "admin", sql).await, "1");
    assert_eq!(cloud.google.table_ids("shop"), ["people"]);
}

#[tokio::test]
async fn a_query_knows_its_caller() {
    let cloud = people().await;
    let sql = "SELECT SESSION_USER() = 'reader@example.com', SESSION_USER() LIKE 'reader@%'";
    let found = ok(&cloud, "reader", sql).await;
    assert!(found.ends_with("true"), "{found}");
    ok(&cloud, "editor", "CREATE VIEW shop.who AS SELECT SESSION_USER() AS me").await;
    let (one, other) = ("SELECT me FROM shop.who", "SELECT SESSION_USER()");
    assert_eq!(ok(&cloud, "reader", one).await, ok(&cloud, "reader", other).await);
}

#[tokio::test]
async fn a_copy_job_keeps_tags_and_needs_plain_rights() {
    let cloud = people().await;
    let grants = landbridge_local_google::Grants::owner().fine_grained_reader(tag("email"));
    cloud.google.add_principal("admin", "admin@example.com", grants);
    let copy = |id: &str, table: &str, disposition: &str| {
        json!({"jobReference": {"projectId": "p", "jobId": id}, "configuration": {"copy": {
            "sourceTable": {"projectId": "p", "datasetId": "shop", "tableId": "people"},
            "destinationTable": {"projectId": "p", "datasetId": "shop", "tableId": table},
            "writeDisposition": disposition,
        }}})
    };
    let mut outcome = Vec::new();
    for (principal, id, table, disposition) in [
        ("admin", "one", "copied", "WRITE_EMPTY"),
        ("admin", "two", "copied", "WRITE_EMPTY"),
        ("admin", "three", "copied", "WRITE_APPEND"),
        ("editor", "four", "other", "WRITE_EMPTY"),
    ] {
        let body = copy(id, table, disposition);
        let (status, body) = cloud.request(principal, "POST", "/jobs", body, &[]).await;
        assert_eq!(status, 200, "{body}");
        let path = format!("/jobs/{id}");
        let (_, job) = cloud.request(principal, "GET", &path, Value::Null, &[]).await;
        let error = job["status"]["errorResult"]["reason"].as_str().unwrap_or("done");
        outcome.push((error.to_owned(), job["statistics"]["copy"]["copiedRows"].clone()));
    }
    let (rows, none) = (json!("3"), Value::Null);
    let want = [("done", &rows), ("duplicate", &none), ("done", &rows), ("accessDenied", &none)];
    let found: Vec<_> = outcome.iter().map(|(it, rows)| (it.as_str(), rows)).collect();
    assert_eq!(found, want);
    assert_eq!(ok(&cloud, "admin", "SELECT COUNT(*) FROM shop.copied").await, "6");
    assert_eq!(tags_of(&cloud, "copied"), ["email"]);
    assert_eq!(cloud.google.table_ids("shop"), ["copied", "people"]);
}

#[tokio::test]
async fn partitions_are_described_with_their_rows() {
    let cloud = people().await;
    for sql in [
        "CREATE TABLE shop.days PARTITION BY day AS SELECT * FROM UNNEST([STRUCT(DATE '2026-01-02' AS \
         day, 1 AS n), (DATE '2026-01-02', 2), (DATE '2026-01-03', 3), (NULL, 4)])",
        "CREATE TABLE shop.ranges PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 20, 10)) AS \
         SELECT n FROM UNNEST([1, 5, 10, 25]) AS n",
    ] {
        ok(&cloud, "editor", sql).await;
    }
    let sql = "SELECT table_name, partition_id, total_rows FROM shop.INFORMATION_SCHEMA.PARTITIONS \
               ORDER BY 1, 2";
    assert_eq!(
        ok(&cloud, "reader", sql).await,
        "days | 20260102 | 2, days | 20260103 | 1, days | __NULL__ | 1, people | ∅ | 3, \
         ranges | 0 | 2, ranges | 10 | 1, ranges | __UNPARTITIONED__ | 1"
    );
    let sql = "SELECT SUM(total_logical_bytes) = (SELECT size_bytes FROM shop.__TABLES__ WHERE table_id = \
               'days') FROM shop.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = 'days'";
    assert_eq!(ok(&cloud, "reader", sql).await, "true");
}

#[tokio::test]
async fn functions_of_a_statement_read_what_their_caller_reads() {
    let cloud = people().await;
    let shout = "CREATE TEMP FUNCTION plus(x INT64, y INT64) AS (x + y); ";
    let upper = "CREATE TEMP FUNCTION shown(t STRING) AS (UPPER(t)); ";
    let mut read = Vec::new();
    for principal in ["reader", "analyst"] {
        let plain = "SELECT id + 10 AS n, UPPER(email) AS e FROM shop.people ORDER BY n";
        let own = ok(&cloud, principal, plain).await;
        let rows = "SELECT plus(id, 10) AS n, shown(email) AS e FROM shop.people ORDER BY n";
        assert_eq!(ok(&cloud, principal, &format!("{shout}{upper}{rows}")).await, own);
        read.push(own);
    }
    assert!(read[0].contains("A@X.KR") && !read[1].contains("A@X.KR"), "{read:?}");
    // In a script, from its definition on.
    let script = format!("DECLARE most INT64; {shout}SET most = plus(1, 1); SELECT plus(most, 1);");
    assert_eq!(ok(&cloud, "reader", &script).await, "3");
    ok(&cloud, "editor", &format!("{shout}CREATE TABLE shop.made AS SELECT plus(1, 2) AS n")).await;
    assert_eq!(ok(&cloud, "editor", "SELECT n FROM shop.made").await, "3");
    refused(&cloud, "reader", "SELECT plus(1, 2)", "the function PLUS").await;
    refused(&cloud, "reader", shout, "must be followed by an actual query").await;
    let view = format!("{shout}CREATE VIEW shop.v AS SELECT plus(1, 2) AS n");
    refused(&cloud, "editor", &view, "the function PLUS").await;
}
