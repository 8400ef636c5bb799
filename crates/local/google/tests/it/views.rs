//! Views: who may read what through them, and the calls that create and change them.

use serde_json::{Value, json};

use crate::cloud::{TestCloud, tag};
use landbridge_local_google::{Grants, Role};

/// A table with a tagged column, and a dataset for views that `maker` owns. `maker` is a masked reader.
async fn people() -> TestCloud {
    let cloud = TestCloud::start().await;
    let fields = json!([
        {"name": "id", "type": "INT64"},
        {"name": "email", "type": "STRING", "policyTags": {"names": [tag("email")]}},
        {"name": "phone", "type": "STRING", "policyTags": {"names": [tag("phone")]}},
    ]);
    cloud.create_table("people", fields).await;
    let row = |id: i64, email: &str| json!({"id": id, "email": email, "phone": "01012345678"});
    cloud.load_rows("people", &[row(1, "a@x.kr"), row(2, "b@y.kr")]).await;
    cloud.google.create_dataset("views");
    let base = || Grants::none().project_role(Role::JobUser);
    let maker = base()
        .dataset_role("views", Role::DataEditor)
        .dataset_role("shop", Role::DataViewer)
        .masked_reader(tag("email"))
        .masked_reader(tag("phone"));
    cloud.google.add_principal("maker", "maker@example.com", maker);
    for name in ["analyst", "reader", "stranger"] {
        let mut grants =
            base().dataset_role("shop", Role::DataViewer).dataset_role("views", Role::DataViewer);
        if name == "reader" {
            grants = grants.fine_grained_reader(tag("email")).fine_grained_reader(tag("phone"));
        }
        cloud.google.add_principal(name, &format!("{name}@example.com"), grants);
    }
    let outsider = base().dataset_role("views", Role::DataViewer);
    cloud.google.add_principal("outsider", "outsider@example.com", outsider);
    cloud
}

async fn insert_view(cloud: &TestCloud, id: &str, query: &str) -> (u16, Value) {
    let body = json!({
        "tableReference": {"projectId": "p", "datasetId": "views", "tableId": id},
        "view": {"query": query, "useLegacySql": false},
        "description": "people", "labels": {"made-by": "test"},
    });
    cloud.request("maker", "POST", "/datasets/views/tables", body, &[]).await
}

#[tokio::test]
async fn masks_of_the_reader_apply_through_a_view() {
    let cloud = people().await;
    let (status, view) = insert_view(&cloud, "people", "SELECT * FROM `p.shop.people`").await;
    assert_eq!((status, &view["type"]), (200, &json!("VIEW")), "{view}");
    let sql = "SELECT id, email FROM views.people ORDER BY id";
    for (principal, want) in [
        ("analyst", Ok("1 | XXXXX@x.kr, 2 | XXXXX@y.kr")),
        ("reader", Ok("1 | a@x.kr, 2 | b@y.kr")),
        ("stranger", Err("policy tag \"landbridge : email\"")),
        ("outsider", Err("does not have permission to query table p:shop.people")),
    ] {
        match (cloud.query(principal, sql).await.map(|it| it.join(", ")), want) {
            (Ok(got), Ok(want)) => assert_eq!(got, want, "{principal}"),
            (Err(got), Err(want)) => assert!(got.contains(want), "{principal}: {got}"),
            (got, want) => panic!("{principal}: {got:?}, not {want:?}"),
        }
    }
    // A filter sees the mask as well.
    let plain = "SELECT COUNT(*) FROM views.people WHERE email = 'a@x.kr'";
    assert_eq!(cloud.query("analyst", plain).await, Ok(vec!["0".to_owned()]));
    assert_eq!(cloud.query("reader", plain).await, Ok(vec!["1".to_owned()]));
    // A column that the query does not read needs no right.
    let ids = cloud.query("stranger", "SELECT id FROM views.people ORDER BY id").await;
    assert_eq!(ids, Ok(vec!["1".to_owned(), "2".to_owned()]));
}

#[tokio::test]
async fn an_authorized_view_opens_the_table_but_no_tag() {
    let cloud = people().await;
    insert_view(&cloud, "ids", "SELECT id FROM `p.shop.people`").await;
    insert_view(&cloud, "all", "SELECT id, email FROM `p.shop.people`").await;
    insert_view(&cloud, "outer", "SELECT id FROM `p.views.ids`").await;
    let ids = "SELECT id FROM views.ids ORDER BY id";
    assert!(cloud.query("outsider", ids).await.is_err());
    let by_dataset = json!({"access": [{"dataset": {
        "dataset": {"projectId": "p", "datasetId": "views"}, "targetTypes": ["VIEWS"],
    }}]});
    let by_view = json!({"access": [
        {"view": {"projectId": "p", "datasetId": "views", "tableId": "ids"}},
    ]});
    for (access, all_is_open) in [(by_view, false), (by_dataset, true)] {
        let (status, body) = cloud.request("admin", "PATCH", "/datasets/shop", access, &[]).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(cloud.query("outsider", ids).await, Ok(vec!["1".to_owned(), "2".to_owned()]));
        assert!(cloud.query("outsider", "SELECT id FROM views.outer").await.is_ok());
        let all = cloud.query("outsider", "SELECT id FROM views.all").await;
        assert_eq!(all.is_ok(), all_is_open, "{all:?}");
        let email = cloud.query("outsider", "SELECT email FROM views.all").await;
        assert!(email.is_err(), "the tag applies to the reader: {email:?}");
        assert!(cloud.query("outsider", "SELECT id FROM shop.people").await.is_err());
        // A view that changes loses what was authorised by its name, not what its dataset has.
        let path = "/datasets/views/tables/ids";
        let query = json!({"view": {"query": "SELECT id FROM `p.shop.people` WHERE id > 0", "useLegacySql": false}});
        assert_eq!(cloud.request("maker", "PATCH", path, query, &[]).await.0, 200);
        let after = cloud.query("outsider", ids).await;
        assert_eq!(after.is_ok(), all_is_open, "{after:?}");
        let sql = "CREATE OR REPLACE VIEW views.ids AS SELECT id FROM shop.people";
        cloud.query("maker", sql).await.expect("a view");
        assert_eq!(cloud.query("outsider", ids).await.is_ok(), all_is_open);
    }
}

#[tokio::test]
async fn a_view_has_a_schema_and_can_be_described_and_changed() {
    let cloud = people().await;
    let path = "/datasets/views/tables/people";
    insert_view(&cloud, "people", "SELECT id, email FROM `p.shop.people`").await;
    let describe = json!({"schema": {"fields": [
        {"name": "id", "type": "INTEGER", "description": "the id"},
        {"name": "email", "type": "STRING", "description": "masked"},
    ]}});
    let (status, body) = cloud.request("maker", "PATCH", path, describe, &[]).await;
    assert_eq!(status, 200, "{body}");
    let etag = body["etag"].as_str().expect("an etag").to_owned();
    let change = json!({"view": {"query": "SELECT id, 1 AS one FROM `p.shop.people`", "useLegacySql": false}});
    let stale = [("If-Match", "\"0-0\"")];
    assert_eq!(cloud.request("maker", "PATCH", path, change.clone(), &stale).await.0, 412);
    let current = [("If-Match", etag.as_str())];
    let (status, body) = cloud.request("maker", "PATCH", path, change, &current).await;
    assert_eq!(status, 200, "{body}");
    let fields = &body["schema"]["fields"];
    assert_eq!((&fields[0]["description"], &fields[1]["name"]), (&json!("the id"), &json!("one")));
    assert_eq!(fields[1].get("policyTags"), None);
    assert_eq!(body["labels"], json!({"made-by": "test"}));
    let (_, got) = cloud.request("maker", "GET", path, Value::Null, &[]).await;
    assert_eq!(got["view"]["query"], "SELECT id, 1 AS one FROM `p.shop.people`");
    let (_, list) = cloud.request("maker", "GET", "/datasets/views/tables", Value::Null, &[]).await;
    assert_eq!(list["tables"][0]["type"], "VIEW");
    for (wrong, part) in [
        (json!({"schema": {"fields": [{"name": "other", "type": "STRING"}]}}), "other"),
        (json!({"view": {"query": "SELECT 1"}}), "legacy SQL"),
        (
            json!({"view": {"query": "DELETE FROM shop.people WHERE TRUE", "useLegacySql": false}}),
            "a query",
        ),
        (json!({"clustering": {"fields": ["id"]}}), "clustering"),
    ] {
        let (status, body) = cloud.request("maker", "PATCH", path, wrong, &[]).await;
        assert!(status == 400 && body.to_string().contains(part), "{part}: {status} {body}");
    }
}

#[tokio::test]
async fn a_view_needs_the_rights_of_its_maker_and_takes_no_rows() {
    let cloud = people().await;
    let secret = "SELECT email FROM `p.shop.people`";
    let (status, body) = insert_view(&cloud, "v", secret).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(insert_view(&cloud, "v", secret).await.0, 409);
    // Whoever may not read the table cannot make a view of it.
    let sql = "CREATE VIEW views.w AS SELECT id FROM shop.people";
    let outside = Grants::none().project_role(Role::JobUser).dataset_role("views", Role::DataOwner);
    cloud.google.add_principal("outside", "outside@example.com", outside);
    assert!(cloud.query("outside", sql).await.is_err());
    for sql in [
        "INSERT INTO views.v (email) VALUES ('x')",
        "DELETE FROM views.v WHERE TRUE",
        "TRUNCATE TABLE views.v",
        "DROP TABLE views.v",
    ] {
        let refused = cloud.query("admin", sql).await.expect_err(sql);
        assert!(refused.contains("VIEW"), "{sql}: {refused}");
    }
    let data = "/datasets/views/tables/v/data";
    assert_eq!(cloud.request("reader", "GET", data, Value::Null, &[]).await.0, 400);
    let past = "SELECT * FROM views.v FOR SYSTEM_TIME AS OF TIMESTAMP '2026-07-01 00:00:00+00'";
    assert!(cloud.query("reader", past).await.expect_err("refused").contains("tables only"));
    assert_eq!(cloud.query("admin", "DROP VIEW views.v").await, Ok(vec![]));
}

#[tokio::test]
async fn a_view_that_reads_itself_ends_with_an_error() {
    let cloud = people().await;
    insert_view(&cloud, "v", "SELECT 1 AS one").await;
    insert_view(&cloud, "w", "SELECT * FROM `p.views.v`").await;
    let path = "/datasets/views/tables/v";
    let loop_back = json!({"view": {"query": "SELECT * FROM `p.views.w`", "useLegacySql": false}});
    let (_, body) = cloud.request("maker", "PATCH", path, loop_back, &[]).await;
    let got = cloud.query("reader", "SELECT * FROM views.v").await;
    assert!(body["error"]["code"] == 400 || got.is_err(), "{body} {got:?}");
}
