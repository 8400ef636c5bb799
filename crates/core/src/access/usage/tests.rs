//! What jobs and records of access show, of rows in the documented forms.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::config::{self, Config};
use crate::contract::{self, Contract};

/// A literal that is in every text, and must be in no output.
const SECRET: &str = "kim.minji@example.com";

fn files() -> (Config, Contract) {
    let text = include_str!("../../../../../examples/demo/landbridge.yaml");
    let config = config::parse("landbridge.yaml", text).expect("the demo's configuration");
    let text = include_str!("../../../../../examples/demo/contract.yaml");
    let contract = contract::parse("contract.yaml", text, &config).expect("its contract");
    (config, contract)
}

/// One tag for e-mail addresses: eve reads plain values, the group as well.
fn live() -> Live {
    let tag = "projects/p/locations/l/taxonomies/1/policyTags/2".to_owned();
    let path = vec![tag.clone()];
    let class_tag = ClassTag { path, taxonomy: "t".into(), enforced: Some(true) };
    let reader = Binding {
        role: "roles/datacatalog.categoryFineGrainedReader".into(),
        members: vec!["user:eve@example.com".into(), "group:pii@example.com".into()],
        condition: None,
    };
    Live {
        project: "shop-analytics".into(),
        policies: vec![(Place::Tag(tag), vec![reader])],
        tags: BTreeMap::from([("email".into(), class_tag)]),
        ..Live::default()
    }
}

fn table(dataset: &str, table: &str) -> JobTable {
    JobTable { project: "shop-analytics".into(), dataset: dataset.into(), table: table.into() }
}

fn job(user: &str, text: &str, destination: Option<JobTable>, report: Option<&str>) -> QueryJob {
    let mut labels = BTreeMap::new();
    if let Some(report) = report {
        labels.insert("requestor".to_owned(), "looker_studio".to_owned());
        labels.insert("looker_studio_report_id".to_owned(), report.to_owned());
    }
    QueryJob {
        user: user.to_owned(),
        created: "2026-11-20T01:00:00Z".parse().expect("a time"),
        tables: vec![table("shop", "creators")],
        destination,
        labels,
        text: QueryText::new(format!("{text} WHERE email <> '{SECRET}'")),
    }
}

fn with_jobs(jobs: &[QueryJob], check: impl FnOnce(&Usage<'_>)) {
    let (config, contract) = files();
    let mut usage = Usage::new(Readable::new(&config, &contract));
    usage.add(jobs);
    check(&usage);
}

#[test]
fn readers_are_dashboards_accounts_and_people() {
    let read = "SELECT tier FROM shop.creators";
    let jobs = [
        job("a@example.com", read, None, Some("r-1")),
        job("a@example.com", read, None, None),
        job("x@p.iam.gserviceaccount.com", "SELECT * FROM shop.creators", None, None),
        job("a@example.com", read, None, None),
    ];
    with_jobs(&jobs, |usage| {
        let all = usage.of_table("public.creators", None);
        let shown = serde_json::to_string(&all).expect("JSON");
        assert!(!shown.contains(SECRET), "{shown}");
        assert_eq!(all[0].jobs, 2);
        assert_eq!(all[0].columns.iter().collect::<Vec<_>>(), ["email", "tier"]);
        assert!(shown.contains("\"kind\":\"dashboard\"") && shown.contains("reporting/r-1"));
        let birth = usage.of_table("public.creators", Some("birth_date"));
        assert_eq!(birth.len(), 1, "only the account selects all");
        assert!(usage.of_table("public.links", None).is_empty());
    });
}

#[test]
fn tables_that_people_who_see_plain_values_made() {
    let copy = |user: &str, to: JobTable| {
        job(user, "CREATE TABLE x AS SELECT email FROM shop.creators", Some(to), None)
    };
    let jobs = [
        copy("Eve@example.com", table("scratch", "copy")),
        copy("bob@example.com", table("scratch", "of_bob")),
        // Beside Landbridge's own tables and views.
        copy("eve@example.com", table("shop", "tmp")),
        copy("eve@example.com", table("shop_views", "tmp")),
        copy("eve@example.com", table("landbridge_ops", "tmp")),
        // Ours, and a temporary table.
        copy("eve@example.com", table("shop", "creators")),
        copy("eve@example.com", table("shop_views", "creators")),
        copy("eve@example.com", table("_6f", "anon")),
        job("eve@example.com", "SELECT email FROM shop.creators", None, None),
    ];
    with_jobs(&jobs, |usage| {
        let found: Vec<String> = usage
            .derived(&live())
            .iter()
            .map(|it| format!("{} {} {:?} {:?}", it.table, it.made_by, it.classes, it.plain))
            .collect();
        assert_eq!(
            found,
            [
                "shop-analytics.landbridge_ops.tmp user:eve@example.com {\"email\"} Plain",
                "shop-analytics.scratch.copy user:eve@example.com {\"email\"} Plain",
                "shop-analytics.scratch.of_bob user:bob@example.com {\"email\"} PlainIfInGroup",
                "shop-analytics.shop.tmp user:eve@example.com {\"email\"} Plain",
                "shop-analytics.shop_views.tmp user:eve@example.com {\"email\"} Plain",
            ]
        );
    });
}

#[test]
fn a_dashboard_that_queries_as_its_unmasked_owner() {
    let read = "SELECT tier FROM shop.creators";
    let jobs = [
        job("eve@example.com", read, None, Some("owner")),
        job("eve@example.com", read, None, Some("viewers")),
        job("bob@example.com", read, None, Some("viewers")),
    ];
    with_jobs(&jobs, |usage| {
        let found: Vec<String> = usage
            .plain_dashboards(&live())
            .iter()
            .map(|it| format!("{} {} {} {:?}", it.url, it.queries_as, it.one_identity, it.plain))
            .collect();
        let url = "https://lookerstudio.google.com/reporting/";
        assert_eq!(
            found,
            [
                format!("{url}owner user:eve@example.com true Plain"),
                format!("{url}viewers user:bob@example.com false PlainIfInGroup"),
                format!("{url}viewers user:eve@example.com false Plain"),
            ]
        );
    });
}

/// An entry in the form of Google's documentation ("BigQuery audit logs overview", `BigQueryAuditMetadata`).
fn entry(email: &str, table: &str, read: serde_json::Value) -> serde_json::Value {
    json!({
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": "bigquery.googleapis.com",
            "methodName": "google.cloud.bigquery.v2.JobService.InsertJob",
            "resourceName": format!("projects/shop-analytics/datasets/shop/tables/{table}"),
            "authenticationInfo": {"principalEmail": email},
            "metadata": {
                "@type": "type.googleapis.com/google.cloud.audit.BigQueryAuditMetadata",
                "tableDataRead": read,
            },
        },
        "insertId": "x",
        "resource": {"type": "bigquery_dataset"},
        "timestamp": "2026-11-20T10:00:00.123Z",
        "logName": "projects/shop-analytics/logs/cloudaudit.googleapis.com%2Fdata_access",
    })
}

#[test]
fn who_read_which_class_in_a_month() {
    let fields = json!({"fields": ["email", "tier"], "reason": "JOB",
        "policyTags": ["projects/p/locations/l/taxonomies/1/policyTags/2"]});
    let truncated = json!({"fieldsTruncated": true, "reason": "CREATE_READ_SESSION"});
    let mut job_entry = entry("eve@example.com", "creators", json!(null));
    job_entry["protoPayload"]["metadata"] =
        json!({"jobChange": {"job": {"jobConfig": {"queryConfig": {"query": SECRET}}}}});
    let entries = [
        entry("Eve@example.com", "creators", fields.clone()),
        entry("eve@example.com", "creators$20261120", fields.clone()),
        entry("bob@example.com", "creators", fields.clone()),
        entry("x@p.iam.gserviceaccount.com", "bookings", truncated),
        entry("eve@example.com", "unknown_table", fields),
        job_entry,
    ];
    let reads: Vec<TableDataRead> =
        entries.iter().filter_map(|it| TableDataRead::parse(it, "shop")).collect();
    assert_eq!(reads.len(), 5);
    let (config, contract) = files();
    let found = class_reads(&reads, &Readable::new(&config, &contract), &live());
    let shown: Vec<String> = found
        .iter()
        .map(|it| {
            format!(
                "{} {} {:?} {:?} {} {:?}",
                it.principal, it.class, it.columns, it.columns_not_recorded, it.reads, it.plain
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "serviceAccount:x@p.iam.gserviceaccount.com email {} {\"public.bookings\"} 1 Some(PlainIfInGroup)",
            "serviceAccount:x@p.iam.gserviceaccount.com name {} {\"public.bookings\"} 1 None",
            "user:bob@example.com email {\"public.creators.email\"} {} 1 Some(PlainIfInGroup)",
            "user:eve@example.com email {\"public.creators.email\"} {} 2 Some(Plain)",
        ]
    );
    assert!(!serde_json::to_string(&found).expect("JSON").contains(SECRET));
}
