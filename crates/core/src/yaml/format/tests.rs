use super::*;
use expect_test::{Expect, expect};

#[test]
fn every_pattern_compiles() {
    for format in ALL {
        assert!(Regex::new(format.pattern).is_ok(), "{}", format.name);
    }
}

/// Each line: the value, then what is said of it.
fn check(name: &str, values: &[&str], expected: Expect) {
    let format = named(name).expect("a format of that name");
    let lines: Vec<String> = values
        .iter()
        .map(|value| match format.check(value) {
            None => format!("{value:?} ok"),
            Some(complaint) => {
                format!("{value:?} {}; {}", complaint.message, complaint.help.unwrap_or_default())
            }
        })
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn source_names() {
    check(
        "source-name",
        &["shop", "shop-2", "Shop", "shop--2", "shop-", "2shop", "", "a-name-that-is-far-too-long"],
        expect![[r#"
            "shop" ok
            "shop-2" ok
            "Shop" `Shop` is not a source name; use lower-case letters, digits and single hyphens, starting with a letter
            "shop--2" `shop--2` is not a source name; use lower-case letters, digits and single hyphens, starting with a letter
            "shop-" `shop-` is not a source name; use lower-case letters, digits and single hyphens, starting with a letter
            "2shop" `2shop` is not a source name; use lower-case letters, digits and single hyphens, starting with a letter
            "" `` is not a source name; use lower-case letters, digits and single hyphens, starting with a letter
            "a-name-that-is-far-too-long" `a-name-that-is-far-too-long` is too long for a source name; use at most 20 characters"#]],
    );
}

#[test]
fn regions() {
    check(
        "aws-region",
        &["ap-northeast-2", "us-gov-west-1", "ap-northeast-2a", "ap-northeast", "Seoul"],
        expect![[r#"
            "ap-northeast-2" ok
            "us-gov-west-1" ok
            "ap-northeast-2a" `ap-northeast-2a` is not an AWS region; that is an availability zone; write its region, `ap-northeast-2`
            "ap-northeast" `ap-northeast` is not an AWS region; write it in the form `ap-northeast-2`
            "Seoul" `Seoul` is not an AWS region; write it in the form `ap-northeast-2`"#]],
    );
}

#[test]
fn zones() {
    check(
        "time-zone",
        &[
            "Asia/Seoul",
            "UTC",
            "Asia/Soul",
            "Seoul",
            "Korea/Seoul",
            "KST",
            "IST",
            "../../etc/passwd",
        ],
        expect![[r#"
            "Asia/Seoul" ok
            "UTC" ok
            "Asia/Soul" `Asia/Soul` is not a time zone; did you mean `Asia/Seoul`?
            "Seoul" `Seoul` is not a time zone; did you mean `Asia/Seoul`?
            "Korea/Seoul" `Korea/Seoul` is not a time zone; did you mean `Asia/Seoul`?
            "KST" `KST` is not a time zone; did you mean `Asia/Seoul`?
            "IST" `IST` is not a time zone; use an IANA name like `Asia/Seoul`
            "../../etc/passwd" `../../etc/passwd` is not a time zone; use an IANA name like `Asia/Seoul`"#]],
    );
}

#[test]
fn s3_buckets() {
    check(
        "s3-bucket",
        &[
            "shop-exports",
            "a.b-c",
            "s3://shop",
            "Shop",
            "ab",
            "a..b",
            "192.168.0.1",
            "shop-s3alias",
            "-shop",
        ],
        expect![[r#"
            "shop-exports" ok
            "a.b-c" ok
            "s3://shop" `s3://shop` is not an S3 bucket name; use 3 to 63 lower-case letters, digits, hyphens and dots, without `s3://`
            "Shop" `Shop` is not an S3 bucket name; use 3 to 63 lower-case letters, digits, hyphens and dots, without `s3://`
            "ab" `ab` is not an S3 bucket name; use 3 to 63 lower-case letters, digits, hyphens and dots, without `s3://`
            "a..b" `a..b` is not an S3 bucket name; use 3 to 63 lower-case letters, digits, hyphens and dots, without `s3://`
            "192.168.0.1" `192.168.0.1` is not an S3 bucket name; a bucket name cannot be an IP address
            "shop-s3alias" `shop-s3alias` is not an S3 bucket name; choose another name: AWS reserves the prefixes `xn--` and `sthree-` and the suffix `-s3alias`
            "-shop" `-shop` is not an S3 bucket name; use 3 to 63 lower-case letters, digits, hyphens and dots, without `s3://`"#]],
    );
}

#[test]
fn gcs_buckets() {
    check(
        "gcs-bucket",
        &["shop_landing", "gs://shop", "goog-shop", "my-google-data", "ab", "example.com"],
        expect![[r#"
            "shop_landing" ok
            "gs://shop" `gs://shop` is not a Cloud Storage bucket name; use 3 to 63 lower-case letters, digits, hyphens, underscores and dots, without `gs://`
            "goog-shop" `goog-shop` is not a Cloud Storage bucket name; choose another name: Google reserves names that start with `goog` or contain `google`
            "my-google-data" `my-google-data` is not a Cloud Storage bucket name; choose another name: Google reserves names that start with `goog` or contain `google`
            "ab" `ab` is not a Cloud Storage bucket name; use 3 to 63 characters, and at most 63 between dots
            "example.com" ok"#]],
    );
}

#[test]
fn prefixes() {
    check(
        "object-prefix",
        &["exports", "a/b=c", "/exports", "exports/", "a//b", "", "a/../b", "내보내기"],
        expect![[r#"
            "exports" ok
            "a/b=c" ok
            "/exports" `/exports` is not an object prefix; remove the leading or trailing slash
            "exports/" `exports/` is not an object prefix; remove the leading or trailing slash
            "a//b" `a//b` is not an object prefix; remove the empty part: BigQuery cannot load objects whose names contain `//`
            "" `` is not an object prefix; use letters, digits, `_`, `.`, `=` and `-`, separated by single slashes
            "a/../b" `a/../b` is not an object prefix; remove `.` and `..`: object names have no relative parts
            "내보내기" `내보내기` is not an object prefix; use letters, digits, `_`, `.`, `=` and `-`, separated by single slashes"#]],
    );
}

#[test]
fn arns() {
    check(
        "iam-role-arn",
        &[
            "arn:aws:iam::123456789012:role/service/rds-export",
            "arn:aws:iam::1234:role/rds-export",
            "arn:aws:iam::123456789012:user/someone",
            "rds-export",
        ],
        expect![[r#"
            "arn:aws:iam::123456789012:role/service/rds-export" ok
            "arn:aws:iam::1234:role/rds-export" `arn:aws:iam::1234:role/rds-export` is not the ARN of an IAM role; write it in the form `arn:aws:iam::123456789012:role/rds-export`
            "arn:aws:iam::123456789012:user/someone" `arn:aws:iam::123456789012:user/someone` is not the ARN of an IAM role; write it in the form `arn:aws:iam::123456789012:role/rds-export`
            "rds-export" `rds-export` is not the ARN of an IAM role; write it in the form `arn:aws:iam::123456789012:role/rds-export`"#]],
    );
    check(
        "secret",
        &[
            "landbridge/shop/token-key",
            "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:landbridge/shop/token-key-a1B2c3",
            "arn:aws:kms:ap-northeast-2:123456789012:alias/exports",
            "two words",
            "",
        ],
        expect![[r#"
            "landbridge/shop/token-key" ok
            "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:landbridge/shop/token-key-a1B2c3" ok
            "arn:aws:kms:ap-northeast-2:123456789012:alias/exports" this value is not the name or ARN of a secret in Secrets Manager; write its name, like `landbridge/shop/token-key`, or its ARN
            "two words" this value is not the name or ARN of a secret in Secrets Manager; write its name, like `landbridge/shop/token-key`, or its ARN
            "" this value is not the name or ARN of a secret in Secrets Manager; write its name, like `landbridge/shop/token-key`, or its ARN"#]],
    );
    check(
        "kms-key-arn",
        &[
            "arn:aws:kms:ap-northeast-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:ap-northeast-2:123456789012:alias/exports",
            "alias/exports",
        ],
        expect![[r#"
            "arn:aws:kms:ap-northeast-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" ok
            "arn:aws:kms:ap-northeast-2:123456789012:alias/exports" ok
            "alias/exports" `alias/exports` is not the ARN of a KMS key; write it in the form `arn:aws:kms:ap-northeast-2:123456789012:key/…`"#]],
    );
}

#[test]
fn google_names() {
    check(
        "gcp-project",
        &["shop-analytics", "example.com:shop-analytics", "123456789012", "shop", "Shop-Analytics"],
        expect![[r#"
            "shop-analytics" ok
            "example.com:shop-analytics" ok
            "123456789012" `123456789012` is not a Google Cloud project id; use 6 to 30 lower-case letters, digits and hyphens, starting with a letter; not the project number
            "shop" `shop` is not a Google Cloud project id; use 6 to 30 lower-case letters, digits and hyphens, starting with a letter; not the project number
            "Shop-Analytics" `Shop-Analytics` is not a Google Cloud project id; use 6 to 30 lower-case letters, digits and hyphens, starting with a letter; not the project number"#]],
    );
    check(
        "bigquery-location",
        &["asia-northeast3", "US", "eu", "ap-northeast-2", "seoul"],
        expect![[r#"
            "asia-northeast3" ok
            "US" ok
            "eu" ok
            "ap-northeast-2" `ap-northeast-2` is not a BigQuery location; that is an AWS region; write a Google Cloud location, for example `asia-northeast3`
            "seoul" `seoul` is not a BigQuery location; write it in the form `asia-northeast3`, `US` or `EU`"#]],
    );
    check(
        "bigquery-dataset",
        &["shop", "shop-data", "project.shop"],
        expect![[r#"
        "shop" ok
        "shop-data" `shop-data` is not a BigQuery dataset id; use letters, digits and underscores, without the project
        "project.shop" `project.shop` is not a BigQuery dataset id; use letters, digits and underscores, without the project"#]],
    );
    check(
        "policy-tag",
        &["projects/p/locations/asia-northeast3/taxonomies/1/policyTags/2", "email"],
        expect![[r#"
            "projects/p/locations/asia-northeast3/taxonomies/1/policyTags/2" ok
            "email" `email` is not a policy tag's resource name; write it in the form `projects/PROJECT/locations/LOCATION/taxonomies/123/policyTags/456`"#]],
    );
}

#[test]
fn members_are_not_repeated() {
    check(
        "iam-member",
        &[
            "group:analysts@example.com",
            "principalSet://iam.googleapis.com/x",
            "analysts@example.com",
            "allAuthenticatedUsers",
        ],
        expect![[r#"
            "group:analysts@example.com" ok
            "principalSet://iam.googleapis.com/x" ok
            "analysts@example.com" this value is not an IAM member; write it in the form `group:analysts@example.com`
            "allAuthenticatedUsers" this value is not an IAM member; write a group, for example `group:analysts@example.com`: data cannot be opened to everyone on the internet"#]],
    );
}

#[test]
fn reserved_and_short_names_of_buckets() {
    for (format, name, fits) in [
        ("s3-bucket", "shop-exports", true),
        ("s3-bucket", "xn--shop", false),
        ("s3-bucket", "sthree-shop", false),
        ("s3-bucket", "shop-s3alias", false),
        ("s3-bucket", "10.0.0.1", false),
        ("gcs-bucket", "abc", true),
        ("gcs-bucket", "ab", false),
        ("gcs-bucket", "goog-shop", false),
        ("gcs-bucket", "my-google", false),
        ("gcs-bucket", "my-g00gle", false),
        ("gcs-bucket", "10.0.0.1", false),
    ] {
        assert_eq!(fits_named(format, name), fits, "{format} {name}");
    }
}

fn fits_named(format: &str, value: &str) -> bool {
    assert!(named(format).is_some(), "no format {format}");
    fits(format, value)
}

#[test]
fn text_is_cut_after_sixty_characters() {
    let (all, more) = ("가".repeat(60), "가".repeat(61));
    assert_eq!(quoted(&all), format!("`{all}`"));
    assert_eq!(quoted(&more), format!("`{all}…`"));
    assert_eq!(quoted("a\nb"), "`a b`");
}

#[test]
fn a_value_of_the_greatest_length_fits() {
    let longest = "a".repeat(20);
    assert!(fits_named("source-name", &longest));
    assert!(!fits_named("source-name", &format!("{longest}a")));
    assert_eq!(zone("JST"), Err("did you mean `Asia/Tokyo`?".to_owned()));
    assert_eq!(zone("KST"), Err("did you mean `Asia/Seoul`?".to_owned()));
}
