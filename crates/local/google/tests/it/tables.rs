//! Table calls: permission to set policy tags, and the changes that a patch may make.

use gcp_bigquery_client::model::query_request::QueryRequest;
use gcp_bigquery_client::model::table::Table;
use gcp_bigquery_client::model::table_field_schema::TableFieldSchema;
use gcp_bigquery_client::model::table_field_schema_policy::TableFieldSchemaPolicyTags;
use gcp_bigquery_client::model::table_schema::TableSchema;
use landbridge_local_google::PolicyTag;
use serde_json::{Value, json};

use crate::cloud::{DATASET, PROJECT, TestCloud, encoded, tag};

const TABLES: &str = "/datasets/shop/tables";

#[tokio::test]
async fn the_bigquery_client_creates_patches_and_queries_a_table() {
    let cloud = TestCloud::start().await;
    let client = cloud.bigquery_client("loader").await;
    let mut email = TableFieldSchema::string("email");
    email.policy_tags = Some(TableFieldSchemaPolicyTags { names: Some(vec![tag("email")]) });
    let schema = TableSchema::new(vec![TableFieldSchema::integer("id"), email]);
    let table = Table::new(PROJECT, DATASET, "people", schema);
    let created = client.table().create(table.clone()).await.expect("created");
    assert_eq!(created.num_rows.as_deref(), Some("0"));
    let duplicate = client.table().create(table).await.expect_err("a duplicate");
    assert!(
        format!("{duplicate:?}").contains("Already Exists: Table p:shop.people"),
        "{duplicate:?}"
    );
    // A patch without policy tags keeps them.
    let fields = vec![
        TableFieldSchema::integer("id"),
        TableFieldSchema::string("email"),
        TableFieldSchema::date("born"),
    ];
    let patch = Table::new(PROJECT, DATASET, "people", TableSchema::new(fields));
    client.table().patch(PROJECT, DATASET, "people", patch).await.expect("patched");
    let live = client.table().get(PROJECT, DATASET, "people", None).await.expect("read");
    let fields = live.schema.fields.expect("columns");
    assert_eq!(fields.len(), 3);
    let names = fields[1].policy_tags.clone().and_then(|it| it.names);
    assert_eq!(names, Some(vec![tag("email")]));
    let response =
        client.job().query(PROJECT, QueryRequest::new("SELECT COUNT(*) FROM `p.shop.people`"));
    let response = response.await.expect("answered");
    assert_eq!(response.total_rows.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_table_has_at_most_a_thousand_tags() {
    let cloud = TestCloud::start().await;
    let mut fields = Vec::new();
    for number in 0..1_001 {
        let name = tag(&format!("t{number}"));
        let display_name = format!("t{number}");
        cloud.google.add_policy_tag(PolicyTag { name: name.clone(), display_name, parent: None });
        fields.push(json!({
            "name": format!("c{number}"), "type": "STRING", "policyTags": {"names": [name]},
        }));
    }
    let patch = |fields: &[Value]| json!({"schema": {"fields": fields}});
    cloud.create_table("wide", json!(fields[..1_000])).await;
    let path = format!("{TABLES}/wide");
    let (status, body) = cloud.request("loader", "PATCH", &path, patch(&fields), &[]).await;
    assert!(status == 400 && body.to_string().contains("at most 1000"), "{status} {body}");
    fields[1_000]["policyTags"] = fields[0]["policyTags"].clone();
    let (status, body) = cloud.request("loader", "PATCH", &path, patch(&fields), &[]).await;
    assert_eq!(status, 200, "{body}");
}

/// What becomes of a tag that a patch leaves out: users report that it stays, the discovery document
/// says that it is then empty.
#[tokio::test]
async fn a_patch_without_tags_can_be_made_to_remove_them() {
    let cloud = TestCloud::start().await;
    let tagged =
        json!({"name": "email", "type": "STRING", "policyTags": {"names": [tag("email")]}});
    cloud.create_table("t", json!([tagged])).await;
    let path = format!("{TABLES}/t");
    let silent = json!({"schema": {"fields": [{"name": "email", "type": "STRING"}]}});
    let names = |body: &Value| body["schema"]["fields"][0]["policyTags"]["names"].clone();
    let (_, body) = cloud.request("loader", "PATCH", &path, silent.clone(), &[]).await;
    assert_eq!(names(&body), json!([tag("email")]));
    cloud.google.clear_omitted_tags();
    let named = json!({"schema": {"fields": [tagged]}});
    let (_, body) = cloud.request("loader", "PATCH", &path, named, &[]).await;
    assert_eq!(names(&body), json!([tag("email")]));
    let (status, _) = cloud.request("editor", "PATCH", &path, silent.clone(), &[]).await;
    assert_eq!(status, 403, "a caller without the right to set tags removes none");
    let (_, body) = cloud.request("loader", "PATCH", &path, silent, &[]).await;
    assert_eq!(names(&body), Value::Null);
}

#[tokio::test]
async fn setting_a_tag_requires_set_category() {
    let cloud = TestCloud::start().await;
    let created = cloud.create_table("t", json!([{"name": "email", "type": "STRING"}])).await;
    let tag_patch = |names: Value| json!({"schema": {"fields": [{"name": "email", "type": "STRING", "policyTags": {"names": names}}]}});
    let path = format!("{TABLES}/t");
    for (principal, names, want) in [
        ("editor", json!([tag("email")]), "403 accessDenied bigquery.tables.setCategory"),
        ("analyst", json!([tag("email")]), "403 accessDenied bigquery.tables.update"),
        ("loader", json!([tag("nowhere")]), "400 invalid does not exist"),
        ("loader", json!([tag("email")]), "200"),
        // An unchanged tag requires the permission, too, and so does its removal.
        ("editor", json!([tag("email")]), "403 accessDenied bigquery.tables.setCategory"),
        ("editor", json!([]), "403 accessDenied bigquery.tables.setCategory"),
        ("loader", json!([]), "200"),
    ] {
        let (status, body) =
            cloud.request(principal, "PATCH", &path, tag_patch(names.clone()), &[]).await;
        let error = &body["error"];
        let mut want = want.splitn(3, ' ');
        assert_eq!(Some(status.to_string().as_str()), want.next(), "{principal} {names}: {body}");
        if let (Some(reason), Some(part)) = (want.next(), want.next()) {
            assert_eq!(error["errors"][0]["reason"], reason);
            assert!(error["message"].as_str().is_some_and(|it| it.contains(part)), "{error}");
        }
    }
    let stale = [("if-match", created["etag"].as_str().expect("an etag"))];
    let (status, body) =
        cloud.request("loader", "PATCH", &path, json!({"description": "x"}), &stale).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (412, &json!("conditionNotMet")));
}

#[tokio::test]
async fn a_patch_with_if_match_fails_after_any_other_change() {
    let cloud = TestCloud::start().await;
    let fields =
        json!([{"name": "email", "type": "STRING", "policyTags": {"names": [tag("email")]}}]);
    let created = cloud.create_table("t", fields).await;
    let path = format!("{TABLES}/t");
    let etag = |table: &Value| table["etag"].as_str().expect("an etag").to_owned();
    let patch = async |etag: &str, body: Value| {
        cloud.request("loader", "PATCH", &path, body, &[("if-match", etag)]).await
    };
    let mut etags = vec![etag(&created)];
    for labels in [
        json!({"landbridge_contract": "1785000000", "a": "b"}),
        json!({"landbridge_contract": "1785000001"}),
        json!({"a": null, "gone": null}),
    ] {
        let current = etags.last().cloned().expect("an etag");
        let (status, table) = patch(&current, json!({"labels": labels})).await;
        assert_eq!(status, 200, "{table}");
        assert!(!etags.contains(&etag(&table)), "a label changes the etag");
        etags.push(etag(&table));
    }
    let (_, table) = cloud.request("loader", "GET", &path, Value::Null, &[]).await;
    assert_eq!(table["labels"], json!({"landbridge_contract": "1785000001"}), "labels are merged");
    assert_eq!(etag(&table), etags[3]);
    for old in &etags[..3] {
        let untag = json!({"schema": {"fields": [{"name": "email", "type": "STRING", "policyTags": {"names": []}}]}});
        let (status, body) = patch(old, untag).await;
        assert_eq!(
            (status, &body["error"]["errors"][0]["reason"]),
            (412, &json!("conditionNotMet"))
        );
    }
    // New rows change the etag, too. A patch without policyTags keeps the tag.
    cloud.load_rows("t", &[json!({"email": "a@x.kr"})]).await;
    assert_eq!(patch(&etags[3], json!({"description": "x"})).await.0, 412);
    let without = json!({"schema": {"fields": [{"name": "email", "type": "STRING"}]}});
    let (status, table) =
        cloud.request("editor", "PATCH", &path, without, &[("if-match", "*")]).await;
    assert_eq!(
        (status, &table["schema"]["fields"][0]["policyTags"]["names"]),
        (200, &json!([tag("email")]))
    );
}

#[tokio::test]
async fn labels_are_checked() {
    let cloud = TestCloud::start().await;
    cloud.create_table("t", json!([{"name": "id", "type": "INT64"}])).await;
    let long = "a".repeat(64);
    for (key, value, status) in [
        ("landbridge_source", json!("shop-1"), 200),
        ("이름", json!(""), 200),
        ("Source", json!("shop"), 400),
        ("1source", json!("shop"), 400),
        ("source", json!("Shop"), 400),
        ("source", json!("a.b"), 400),
        ("source", json!(7), 400),
        ("source", json!(long), 400),
        (&long, json!("shop"), 400),
    ] {
        let body = json!({"labels": {key: value}});
        let (got, answer) =
            cloud.request("loader", "PATCH", &format!("{TABLES}/t"), body, &[]).await;
        assert_eq!(got, status, "{key} {value}: {answer}");
    }
}

#[tokio::test]
async fn tables_are_listed_in_pages_with_their_labels() {
    let cloud = TestCloud::start().await;
    for number in 0..52 {
        let table = format!("t{number:02}");
        cloud.create_table(&table, json!([{"name": "id", "type": "INT64"}])).await;
        let body = json!({"labels": {"number": number.to_string()}});
        cloud.request("loader", "PATCH", &format!("{TABLES}/{table}"), body, &[]).await;
    }
    for (query, pages) in [("", 2), ("maxResults=20", 3), ("maxResults=1000", 2)] {
        let (mut found, mut count, mut token) = (Vec::new(), 0, String::new());
        loop {
            let path = match token.as_str() {
                "" => format!("{TABLES}?{query}"),
                token => format!("{TABLES}?{query}&pageToken={}", encoded(token)),
            };
            let (status, page) = cloud.request("analyst", "GET", &path, Value::Null, &[]).await;
            assert_eq!((status, &page["totalItems"]), (200, &json!(52)));
            count += 1;
            for table in page["tables"].as_array().into_iter().flatten() {
                let number = table["labels"]["number"].as_str().unwrap_or_default();
                found.push(format!("{} {number}", table["tableReference"]["tableId"]));
            }
            match page["nextPageToken"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => break,
            }
        }
        let want: Vec<String> = (0..52).map(|it| format!("\"t{it:02}\" {it}")).collect();
        assert_eq!((found, count), (want, pages), "{query}");
    }
    let (status, _) = cloud.request("job-user", "GET", TABLES, Value::Null, &[]).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_dataset_shows_its_time_travel_window() {
    let cloud = TestCloud::start().await;
    let (status, dataset) =
        cloud.request("analyst", "GET", "/datasets/shop", Value::Null, &[]).await;
    assert_eq!(status, 200);
    for (key, want) in [
        ("kind", json!("bigquery#dataset")),
        ("datasetReference", json!({"projectId": "p", "datasetId": "shop"})),
        ("location", json!("asia-northeast3")),
        ("maxTimeTravelHours", json!("168")),
    ] {
        assert_eq!(dataset[key], want, "{key}");
    }
}

#[tokio::test]
async fn a_patch_cannot_remove_or_retype_a_field() {
    let cloud = TestCloud::start().await;
    cloud
        .create_table("t", json!([{"name": "a", "type": "INT64"}, {"name": "b", "type": "STRING"}]))
        .await;
    for (fields, want) in [
        (json!([{"name": "a", "type": "INT64"}]), "Field b is missing in new schema"),
        (
            json!([{"name": "a", "type": "STRING"}, {"name": "b", "type": "STRING"}]),
            "Field a has changed type from INTEGER to STRING",
        ),
    ] {
        let body = json!({"schema": {"fields": fields}});
        let (status, body) =
            cloud.request("loader", "PATCH", &format!("{TABLES}/t"), body, &[]).await;
        assert_eq!(status, 400);
        let message = format!("Provided Schema does not match Table p:shop.t. {want}");
        assert_eq!(body["error"]["message"], message);
    }
}

/// dbt lists them with the tables.
#[tokio::test]
async fn a_dataset_has_no_routines_and_only_its_readers_learn_that() {
    let cloud = TestCloud::start().await;
    for (principal, dataset, status) in
        [("analyst", "shop", 200), ("job-user", "shop", 403), ("analyst", "none", 403)]
    {
        let path = format!("/datasets/{dataset}/routines");
        let (got, body) = cloud.request(principal, "GET", &path, Value::Null, &[]).await;
        assert_eq!(got, status, "{principal} {dataset}: {body}");
        assert!(status != 200 || body["routines"] == json!([]), "{body}");
    }
}

#[tokio::test]
async fn errors_have_googles_form() {
    let cloud = TestCloud::start().await;
    for (principal, path, status, reason) in [
        ("wrong-token", "/datasets", 401, "authError"),
        ("job-user", "/datasets/shop", 403, "accessDenied"),
        ("loader", "/datasets/none", 403, "accessDenied"),
        ("loader", "/datasets/shop/tables/none", 404, "notFound"),
        ("loader", "/jobs/none", 404, "notFound"),
    ] {
        let (got, body) = cloud.request(principal, "GET", path, Value::Null, &[]).await;
        assert_eq!(
            (got, &body["error"]["errors"][0]["reason"]),
            (status, &json!(reason)),
            "{path}"
        );
    }
}
