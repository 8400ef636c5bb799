//! Masking per caller, each rule and each way around it.

use landbridge_local_google::{ALL_AUTHENTICATED_USERS, MaskingRule, PolicyTag};
use serde_json::json;

use crate::cloud::{Cloud, tag};

async fn people(cloud: &Cloud) {
    cloud
        .make_table(
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

fn ok(rows: &[&str]) -> Result<Vec<String>, String> {
    Ok(rows.iter().map(|it| (*it).to_owned()).collect())
}

#[tokio::test]
async fn the_same_question_by_each() {
    let cloud = Cloud::start().await;
    people(&cloud).await;
    let sql = "SELECT id, email, phone, fresh FROM `p.shop.people` WHERE id = 1";
    assert_eq!(
        cloud.ask("analyst@example.com", sql).await,
        ok(&["1 | XXXXX@example.kr | XXXXX5678 | ∅"])
    );
    assert_eq!(cloud.ask("reader", sql).await, ok(&["1 | kim@example.kr | 010-1234-5678 | ∅"]));
    let refused = |column: &str| {
        Err(format!(
            "Access denied: User does not have permission to access policy tag \"landbridge : \
             {column}\" on column p.shop.people.{column}."
        ))
    };
    assert_eq!(cloud.ask("stranger", sql).await, refused("email"));
    assert_eq!(
        cloud.ask("nobody", sql).await,
        Err("Access Denied: Table p:shop.people: User does not have permission to query table \
             p:shop.people, or perhaps it does not exist."
            .to_owned())
    );
    // The same over HTTP, with the status and reason that a client sees.
    let body = json!({"query": sql, "useLegacySql": false});
    let (status, answer) = cloud.call("stranger", "POST", "/queries", body, &[]).await;
    assert_eq!((status, &answer["error"]["errors"][0]["reason"]), (403, &json!("accessDenied")));
    let (status, _) =
        cloud.call("stranger", "GET", "/datasets/shop/tables/people/data", json!(null), &[]).await;
    assert_eq!(status, 403, "the rows cannot be listed either");
    let path = "/datasets/shop/tables/people/data?selectedFields=email&maxResults=1";
    let (_, listed) = cloud.call("analyst", "GET", path, json!(null), &[]).await;
    assert_eq!(listed["rows"], json!([{"f": [{"v": "XXXXX@example.kr"}]}]));
}

#[tokio::test]
async fn only_what_a_query_reads_is_refused() {
    let cloud = Cloud::start().await;
    people(&cloud).await;
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
        let answer = cloud.ask("stranger", sql).await;
        assert_eq!(answer.is_ok(), allowed, "{sql}: {answer:?}");
        assert!(
            cloud.ask("analyst", sql).await.is_ok(),
            "{sql}: {:?}",
            cloud.ask("analyst", sql).await
        );
    }
}

#[tokio::test]
async fn a_mask_comes_before_everything_else() {
    let cloud = Cloud::start().await;
    people(&cloud).await;
    for (sql, want) in [
        ("SELECT id FROM shop.people WHERE email = 'kim@example.kr'", ok(&[])),
        ("SELECT id FROM shop.people WHERE email = 'XXXXX@example.kr'", ok(&["1"])),
        ("SELECT id FROM shop.people WHERE email LIKE 'kim%'", ok(&[])),
        ("SELECT SUBSTR(email, 1, 6) FROM shop.people WHERE id = 1", ok(&["XXXXX@"])),
        ("SELECT MAX(fresh) FROM shop.people", ok(&["∅"])),
        ("SELECT COUNT(DISTINCT phone) FROM shop.people", ok(&["2"])),
    ] {
        assert_eq!(cloud.ask("analyst", sql).await, want, "{sql}");
    }
}

#[tokio::test]
async fn every_rule() {
    let cloud = Cloud::start().await;
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
    ];
    let sha = |text: &str| {
        use base64::Engine;
        use sha2::Digest;
        base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text))
    };
    let mut fields = Vec::new();
    let mut row = json!({});
    for (name, kind, value) in &columns {
        cloud.google.add_policy_tag(PolicyTag {
            name: tag(name),
            display_name: (*name).to_owned(),
            parent: None,
        });
        fields.push(json!({"name": name, "type": kind, "policyTags": {"names": [tag(name)]}}));
        row[*name] = value.clone();
    }
    cloud.make_table("c", json!(fields)).await;
    cloud.load_rows("c", &[row]).await;
    let cannot = "cannot";
    let cases: Vec<(MaskingRule, &str, String)> = vec![
        (MaskingRule::Sha256, "text", sha("kim@example.kr")),
        (MaskingRule::Sha256, "number", cannot.into()),
        (MaskingRule::EmailMask, "text", "XXXXX@example.kr".into()),
        (MaskingRule::EmailMask, "korean", sha("홍길동입니다")),
        (MaskingRule::EmailMask, "bytes", cannot.into()),
        (MaskingRule::LastFourCharacters, "korean", "XXXXX동입니다".into()),
        (MaskingRule::LastFourCharacters, "short", sha("abcd")),
        (MaskingRule::FirstFourCharacters, "korean", "홍길동입XXXXX".into()),
        (MaskingRule::FirstFourCharacters, "short", sha("abcd")),
        (MaskingRule::DateYearMask, "day", "1987-01-01".into()),
        (MaskingRule::DateYearMask, "at", "1987-01-01 00:00:00 UTC".into()),
        (MaskingRule::DateYearMask, "local", "1987-01-01T00:00:00".into()),
        (MaskingRule::DateYearMask, "text", cannot.into()),
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
    ];
    for (rule, column, want) in cases {
        // One data policy at a time: the readers of the others are taken away.
        for other in MaskingRule::ALL {
            cloud.google.set_data_policy(&tag(column), other, Vec::<String>::new());
        }
        cloud.google.set_data_policy(&tag(column), rule, [ALL_AUTHENTICATED_USERS]);
        let got = cloud.ask("analyst", &format!("SELECT {column} FROM shop.c")).await;
        match got {
            Ok(rows) => assert_eq!(rows, [want], "{} of {column}", rule.name()),
            Err(refused) => {
                assert_eq!(want, cannot, "{} of {column}: {refused}", rule.name());
                assert!(refused.contains("cannot be applied"), "{refused}");
            }
        }
    }
    cloud.google.set_data_policy(&tag("text"), MaskingRule::RandomHash, [ALL_AUTHENTICATED_USERS]);
    let one = cloud.ask("analyst", "SELECT text FROM shop.c").await.expect("a hash");
    let two = cloud.ask("analyst", "SELECT text FROM shop.c").await.expect("a hash");
    assert_ne!(one, two, "each query has its own salt");
    assert_ne!(one, [sha("kim@example.kr")]);
}

#[tokio::test]
async fn a_masked_key_joins_to_the_same_hash() {
    let cloud = Cloud::start().await;
    cloud.google.set_data_policy(&tag("email"), MaskingRule::Sha256, ["analyst@example.com"]);
    people(&cloud).await;
    cloud
        .make_table(
            "mails",
            json!([{"name": "sent_to", "type": "STRING", "policyTags": {"names": [tag("email")]}}]),
        )
        .await;
    cloud.load_rows("mails", &[json!({"sent_to": "kim@example.kr"})]).await;
    let sql = "SELECT p.id FROM shop.people p JOIN shop.mails m ON p.email = m.sent_to";
    assert_eq!(cloud.ask("analyst", sql).await, ok(&["1"]), "SHA256 goes before EMAIL_MASK");
}
