//! Masking per caller: all rules, and attempts to bypass them.

use landbridge_local_google::{ALL_AUTHENTICATED_USERS, MaskingRule, PolicyTag};
use serde_json::json;

use crate::cloud::{TestCloud, tag};

async fn create_people(cloud: &TestCloud) {
    cloud
        .create_table(
            "people",
            json!([
                {"name": "id", "type": "INT64"},
                {"name": "email", "type": "STRING", "policyTags": {"names": [tag("email")]}},
                {"name": "phone", "type": "STRING", "policyTags": {"names": [tag("phone")]}},
                {"name": "fresh", "type": "STRING", "policyTags": {"names": [tag("unclassified")]}},
            ]),
        )
        .await;
    cloud.load_rows("people", &[
        json!({"id": 1, "email": "kim@example.kr", "phone": "010-1234-5678", "fresh": "x"}),
        json!({"id": 2, "email": "lee@example.com", "phone": "010-9999-0000", "fresh": "y"}),
    ]).await;
}

fn ok_rows(rows: &[&str]) -> Result<Vec<String>, String> {
    Ok(rows.iter().map(|it| (*it).to_owned()).collect())
}

#[tokio::test]
async fn each_principal_has_its_own_view() {
    let cloud = TestCloud::start().await;
    create_people(&cloud).await;
    let sql = "SELECT id, email, phone, fresh FROM `p.shop.people` WHERE id = 1";
    assert_eq!(
        cloud.query("analyst@example.com", sql).await,
        ok_rows(&["1 | XXXXX@example.kr | XXXXX5678 | ∅"])
    );
    assert_eq!(
        cloud.query("reader", sql).await,
        ok_rows(&["1 | kim@example.kr | 010-1234-5678 | ∅"])
    );
    let error = |column: &str| {
        Err(format!(
            "Access denied: User does not have permission to access policy tag \"landbridge : \
             {column}\" on column p.shop.people.{column}."
        ))
    };
    assert_eq!(cloud.query("stranger", sql).await, error("email"));
    assert_eq!(
        cloud.query("job-user", sql).await,
        Err("Access Denied: Table p:shop.people: User does not have permission to query table \
             p:shop.people, or perhaps it does not exist."
            .to_owned())
    );
    // The same query over HTTP: the status and reason that a client gets.
    let body = json!({"query": sql, "useLegacySql": false});
    let (status, response) = cloud.request("stranger", "POST", "/queries", body, &[]).await;
    assert_eq!((status, &response["error"]["errors"][0]["reason"]), (403, &json!("accessDenied")));
    let (status, _) = cloud
        .request("stranger", "GET", "/datasets/shop/tables/people/data", json!(null), &[])
        .await;
    assert_eq!(status, 403, "the rows cannot be listed either");
    let path = "/datasets/shop/tables/people/data?selectedFields=email&maxResults=1";
    let (status, refused) = cloud.request("analyst", "GET", path, json!(null), &[]).await;
    assert_eq!(status, 403, "masked access is not enough: {refused}");
    let (_, listed) = cloud.request("reader", "GET", path, json!(null), &[]).await;
    assert_eq!(listed["rows"], json!([{"f": [{"v": "kim@example.kr"}]}]));
}

#[tokio::test]
async fn only_columns_that_a_query_reads_are_denied() {
    let cloud = TestCloud::start().await;
    create_people(&cloud).await;
    for (sql, allowed) in [
        ("SELECT * FROM shop.people", false),
        ("SELECT * EXCEPT (email, phone) FROM shop.people", true),
        ("SELECT * EXCEPT (EMAIL, Phone) FROM shop.people", true),
        ("SELECT id FROM (SELECT * FROM shop.people)", true),
        ("WITH all_of AS (SELECT * FROM shop.people) SELECT id FROM all_of", true),
        ("SELECT COUNT(*) FROM shop.people", true),
        ("SELECT COUNT(email) FROM shop.people", false),
        ("SELECT id FROM shop.people WHERE email = 'x'", false),
        ("SELECT id FROM shop.people WHERE email IS NOT NULL", false),
        ("SELECT id FROM shop.people ORDER BY email", false),
        ("SELECT id FROM shop.people GROUP BY id, email", false),
        ("SELECT email FROM shop.people LIMIT 0", false),
        ("SELECT email FROM shop.people WHERE FALSE", false),
        ("SELECT 1 FROM shop.people a JOIN shop.people b ON a.email = b.email", false),
        (
            "SELECT id FROM shop.people WHERE id IN (SELECT id FROM shop.people WHERE phone = 'x')",
            false,
        ),
        (
            "SELECT a.id FROM shop.people a WHERE EXISTS (SELECT 1 FROM shop.people b WHERE b.id = a.id)",
            true,
        ),
        (
            "SELECT a.id FROM shop.people a WHERE EXISTS (SELECT 1 FROM shop.people b WHERE b.email = a.email)",
            false,
        ),
        ("SELECT fresh FROM shop.people", true),
    ] {
        let response = cloud.query("stranger", sql).await;
        assert_eq!(response.is_ok(), allowed, "{sql}: {response:?}");
        assert!(
            cloud.query("analyst", sql).await.is_ok(),
            "{sql}: {:?}",
            cloud.query("analyst", sql).await
        );
    }
}

#[tokio::test]
async fn masking_precedes_filters_and_functions() {
    let cloud = TestCloud::start().await;
    create_people(&cloud).await;
    for (sql, want) in [
        ("SELECT id FROM shop.people WHERE email = 'kim@example.kr'", ok_rows(&[])),
        ("SELECT id FROM shop.people WHERE email = 'XXXXX@example.kr'", ok_rows(&["1"])),
        ("SELECT id FROM shop.people WHERE email LIKE 'kim%'", ok_rows(&[])),
        ("SELECT SUBSTR(email, 1, 6) FROM shop.people WHERE id = 1", ok_rows(&["XXXXX@"])),
        ("SELECT MAX(fresh) FROM shop.people", ok_rows(&["∅"])),
        ("SELECT COUNT(DISTINCT phone) FROM shop.people", ok_rows(&["2"])),
    ] {
        assert_eq!(cloud.query("analyst", sql).await, want, "{sql}");
    }
}

/// Marks a rule that does not support the column's type.
const UNSUPPORTED: &str = "unsupported";

fn sha256(text: &str) -> String {
    use base64::Engine;
    use sha2::Digest;
    base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text))
}

/// Masking rule, column, and the value that a masked reader gets.
fn masking_cases() -> Vec<(MaskingRule, &'static str, String)> {
    vec![
        (MaskingRule::Sha256, "text", sha256("kim@example.kr")),
        (MaskingRule::Sha256, "number", UNSUPPORTED.into()),
        (MaskingRule::EmailMask, "text", "XXXXX@example.kr".into()),
        (MaskingRule::EmailMask, "korean", sha256("홍길동입니다")),
        (MaskingRule::EmailMask, "bytes", UNSUPPORTED.into()),
        (MaskingRule::LastFourCharacters, "korean", "XXXXX동입니다".into()),
        (MaskingRule::LastFourCharacters, "short", sha256("abcd")),
        (MaskingRule::FirstFourCharacters, "korean", "홍길동입XXXXX".into()),
        (MaskingRule::FirstFourCharacters, "short", sha256("abcd")),
        (MaskingRule::DateYearMask, "day", "1987-01-01".into()),
        (MaskingRule::DateYearMask, "at", "1987-01-01 00:00:00 UTC".into()),
        (MaskingRule::DateYearMask, "local", "1987-01-01T00:00:00".into()),
        (MaskingRule::DateYearMask, "text", UNSUPPORTED.into()),
        (MaskingRule::Sha256, "list", UNSUPPORTED.into()),
        (MaskingRule::EmailMask, "list", UNSUPPORTED.into()),
        (MaskingRule::Default, "list", "[]".into()),
        (MaskingRule::AlwaysNull, "list", "[]".into()),
        (MaskingRule::Default, "doc", "∅".into()),
        (MaskingRule::AlwaysNull, "doc", "∅".into()),
        (MaskingRule::Sha256, "doc", UNSUPPORTED.into()),
        (MaskingRule::Default, "text", String::new()),
        (MaskingRule::Default, "bytes", String::new()),
        (MaskingRule::Default, "number", "0".into()),
        (MaskingRule::Default, "price", "0".into()),
        (MaskingRule::Default, "ratio", "0.0".into()),
        (MaskingRule::Default, "yes", "false".into()),
        (MaskingRule::Default, "day", "1970-01-01".into()),
        (MaskingRule::Default, "at", "1970-01-01 00:00:00 UTC".into()),
        (MaskingRule::AlwaysNull, "number", "∅".into()),
        (MaskingRule::AlwaysNull, "at", "∅".into()),
    ]
}

#[tokio::test]
async fn every_masking_rule_is_applied() {
    let cloud = TestCloud::start().await;
    let columns = [
        ("text", "STRING", json!("kim@example.kr")),
        ("short", "STRING", json!("abcd")),
        ("korean", "STRING", json!("홍길동입니다")),
        ("bytes", "BYTES", json!("AQI=")),
        ("number", "INT64", json!(42)),
        ("price", "NUMERIC", json!("1.5")),
        ("ratio", "FLOAT64", json!(0.5)),
        ("yes", "BOOL", json!(true)),
        ("day", "DATE", json!("1987-06-05")),
        ("at", "TIMESTAMP", json!("1987-06-05T04:03:02Z")),
        ("local", "DATETIME", json!("1987-06-05T04:03:02")),
        ("list", "STRING", json!(["kim@example.kr"])),
        ("doc", "JSON", json!({"email": "kim@example.kr"})),
    ];
    let mut fields = Vec::new();
    let mut row = json!({});
    for (name, kind, value) in &columns {
        cloud.google.add_policy_tag(PolicyTag {
            name: tag(name),
            display_name: (*name).to_owned(),
            parent: None,
        });
        let mode = if *name == "list" { "REPEATED" } else { "NULLABLE" };
        let tags = json!({"names": [tag(name)]});
        fields.push(json!({"name": name, "type": kind, "mode": mode, "policyTags": tags}));
        row[*name] = value.clone();
    }
    cloud.create_table("c", json!(fields)).await;
    cloud.load_rows("c", &[row]).await;
    for (rule, column, want) in masking_cases() {
        // Test one data policy at a time: remove the readers of the others.
        for other in MaskingRule::ALL {
            cloud.google.set_data_policy(&tag(column), other, Vec::<String>::new());
        }
        cloud.google.set_data_policy(&tag(column), rule, [ALL_AUTHENTICATED_USERS]);
        let got = cloud.query("analyst", &format!("SELECT `{column}` FROM shop.c")).await;
        match got {
            Ok(rows) => assert_eq!(rows, [want], "{} of {column}", rule.name()),
            Err(error) => {
                assert_eq!(want, UNSUPPORTED, "{} of {column}: {error}", rule.name());
                assert!(error.contains("cannot be applied"), "{error}");
            }
        }
    }
    cloud.google.set_data_policy(&tag("text"), MaskingRule::RandomHash, [ALL_AUTHENTICATED_USERS]);
    let first = cloud.query("analyst", "SELECT text FROM shop.c").await.expect("a hash");
    let second = cloud.query("analyst", "SELECT text FROM shop.c").await.expect("a hash");
    assert_ne!(first, second, "each query has its own salt");
    assert_ne!(first, [sha256("kim@example.kr")]);
}

#[tokio::test]
async fn masked_keys_join_by_their_hash() {
    let cloud = TestCloud::start().await;
    cloud.google.set_data_policy(&tag("email"), MaskingRule::Sha256, ["analyst@example.com"]);
    create_people(&cloud).await;
    cloud
        .create_table(
            "mails",
            json!([{"name": "sent_to", "type": "STRING", "policyTags": {"names": [tag("email")]}}]),
        )
        .await;
    cloud.load_rows("mails", &[json!({"sent_to": "kim@example.kr"})]).await;
    let sql = "SELECT p.id FROM shop.people p JOIN shop.mails m ON p.email = m.sent_to";
    assert_eq!(
        cloud.query("analyst", sql).await,
        ok_rows(&["1"]),
        "SHA256 has priority over EMAIL_MASK"
    );
}
