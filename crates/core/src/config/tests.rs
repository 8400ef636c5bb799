use expect_test::{Expect, expect};

use super::*;
use crate::calendar::Calendar;
use crate::types::{BigQueryType, ColumnType};

const DEMO: &str = include_str!("../../../../examples/demo/landbridge.yaml");

/// The demo's file with some of its text replaced.
fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = DEMO.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "the demo's file doesn't contain {from:?}");
        text = text.replacen(from, to, 1);
    }
    text
}

fn check(text: &str, expected: Expect) {
    let shown = match parse(FILE_NAME, text) {
        Ok(_) => "valid".to_owned(),
        Err(diagnostics) => diagnostics.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn the_demo_is_valid() {
    let config = parse(FILE_NAME, DEMO).expect("the demo's file is valid");
    assert_eq!(config.source.name, "shop");
    assert_eq!(config.pii.classes["email"].mask, Mask::EmailMask);
    assert_eq!(config.validate(), []);
}

#[test]
fn defaults() {
    let text = r#"
version: 1
source: { name: shop, kind: cluster, id: shop-prod, region: ap-northeast-2 }
schedule: { zone: Asia/Seoul }
export:
  bucket: shop-exports
  role_arn: arn:aws:iam::123456789012:role/shop-rds-export
  kms_key: arn:aws:kms:ap-northeast-2:123456789012:alias/exports
transfer: { bucket: shop-landing }
warehouse: { project: shop-analytics, location: asia-northeast3, dataset: shop }
"#;
    let config = parse(FILE_NAME, text).expect("a valid file");
    let unclassified = config.class(CLASS_UNCLASSIFIED).expect("it always exists");
    assert_eq!(unclassified, ClassConfig::unclassified());
    assert_eq!(config.class(CLASS_NONE), None);
    expect![[r#"
        (
            ScheduleConfig {
                zone: "Asia/Seoul",
                export_hour: 1,
                transfer_from_hour: 2,
                deadline_hour: 4,
            },
            SnapshotsConfig {
                every_hours: 1,
                use_for_export: Own,
                hourly: 48,
                daily: 14,
                weekly: 4,
                quota: 100,
                reserve: 10,
            },
            "exports",
            LedgerConfig {
                prefix: "ledger",
            },
            TransferConfig {
                bucket: "shop-landing",
                prefix: "landbridge",
                concurrency: 4,
                memory_mib: 128,
                token_key: None,
                cross_border: None,
                cut_above_mib: 1024,
                unchanged: Carry,
                full_every: 7,
                recompress: Off,
                fan_out: None,
            },
            "landbridge_ops",
            ChecksConfig {
                max_shrink_percent: 50,
                max_misfit_percent: 0.1,
                require_success_markers: true,
            },
            LoadConfig {
                max_attempts: 4,
                concurrency: 16,
            },
        )"#]]
    .assert_eq(&format!(
        "{:#?}",
        (
            &config.schedule,
            &config.snapshots,
            &config.export.prefix,
            &config.ledger,
            &config.transfer,
            &config.warehouse.ops_dataset,
            &config.checks,
            &config.load
        )
    ));
}

#[test]
fn formats_of_values() {
    check(
        &changed(&[
            ("zone: Asia/Seoul", "zoen: Asia/Soul"),
            ("kind: instance", "kind: instances"),
            ("id: shop-prod", "id: shop--prod"),
            ("region: ap-northeast-2", "region: ap-northeast-2a"),
            ("export_hour: 1", "export_hour: 24"),
            ("bucket: shop-exports", "bucket: s3://shop-exports"),
            ("prefix: exports", "prefix: exports//daily"),
            ("role/shop-rds-export", "user/shop-rds-export"),
            ("bucket: shop-landing", "bucket: goog-landing"),
            ("project: shop-analytics", "project: 123456789012"),
            ("location: asia-northeast3", "location: ap-northeast-2"),
            ("dataset: shop", "dataset: shop-data"),
            ("mask: EMAIL_MASK", "mask: EMAIL"),
            ("\"group:analysts@example.com\"", "\"analysts@example.com\""),
            ("max_attempts: 4", "max_attempts: 0"),
        ]),
        expect![[r#"
            landbridge.yaml:7:9: `source.kind` cannot be `instances`; did you mean `instance`?
            landbridge.yaml:8:7: `source.id`: `shop--prod` is not an RDS identifier; write the identifier that the RDS console shows: letters, digits and single hyphens, starting with a letter
            landbridge.yaml:9:11: `source.region`: `ap-northeast-2a` is not an AWS region; that is an availability zone; write its region, `ap-northeast-2`
            landbridge.yaml:12:3: unknown key `zoen` in `schedule`; did you mean `zone`?
            landbridge.yaml:12:9: `schedule.zone`: `Asia/Soul` is not a time zone; did you mean `Asia/Seoul`?
            landbridge.yaml:13:16: `schedule.export_hour` must be from 0 to 23, but is 24
            landbridge.yaml:25:11: `export.bucket`: `s3://shop-exports` is not an S3 bucket name; use 3 to 63 lower-case letters, digits, hyphens and dots, without `s3://`
            landbridge.yaml:26:11: `export.prefix`: `exports//daily` is not an object prefix; remove the empty part: BigQuery cannot load objects whose names contain `//`
            landbridge.yaml:27:13: `export.role_arn`: `arn:aws:iam::123456789012:user/shop-rds-export` is not the ARN of an IAM role; write it in the form `arn:aws:iam::123456789012:role/rds-export`
            landbridge.yaml:34:11: `transfer.bucket`: `goog-landing` is not a Cloud Storage bucket name; choose another name: Google reserves names that start with `goog` or contain `google`
            landbridge.yaml:41:12: `warehouse.project` must be text, but is a number; put it in quotes
            landbridge.yaml:42:13: `warehouse.location`: `ap-northeast-2` is not a BigQuery location; that is an AWS region; write a Google Cloud location, for example `asia-northeast3`
            landbridge.yaml:43:12: `warehouse.dataset`: `shop-data` is not a BigQuery dataset id; use letters, digits and underscores, without the project
            landbridge.yaml:48:45: `warehouse.models.readers[0]`: this value is not an IAM member; write it in the form `group:analysts@example.com`
            landbridge.yaml:63:13: `pii.classes.email.mask` cannot be `EMAIL`; did you mean `EMAIL_MASK`?
            landbridge.yaml:120:17: `load.max_attempts` must be from 1 to 100, but is 0
            16 errors in landbridge.yaml"#]],
    );
}

#[test]
fn rules_that_involve_several_values() {
    check(
        &changed(&[
            ("region: ap-northeast-2", "region: ap-northeast-1"),
            ("transfer_from_hour: 2", "transfer_from_hour: 0"),
            ("deadline_hour: 4", "deadline_hour: 0"),
            ("hourly: 48", "hourly: 73"),
            ("prefix: ledger", "prefix: exports/ledger"),
            ("ops_dataset: landbridge_ops", "ops_dataset: shop"),
            (
                "mask: ALWAYS_NULL",
                "mask: SHA256\n      readers: [\"group:pii-readers@example.com\"]",
            ),
            (
                "mask: EMAIL_MASK",
                "mask: EMAIL_MASK\n      policy_tag: projects/p/locations/us/taxonomies/1/policyTags/2",
            ),
            (
                "phone:\n      mask: ALWAYS_NULL",
                "phone:\n      mask: ALWAYS_NULL\n      policy_tag: projects/p/locations/us/taxonomies/1/policyTags/2",
            ),
        ]),
        expect![[r#"
            landbridge.yaml:14:23: `schedule.transfer_from_hour` (0) is before `schedule.export_hour` (1); set it to the export hour or later: nothing can be transferred before the export starts
            landbridge.yaml:15:18: `schedule.deadline_hour` (0) is not after `schedule.transfer_from_hour` (0); set it at least one hour after the transfer starts; all three hours are hours of the same day
            landbridge.yaml:17:1: `snapshots` needs 73 hourly + 14 daily + 4 weekly + 10 reserved = 101 snapshots, but `snapshots.quota` is 100; lower one of them, or request a higher quota from AWS and set `snapshots.quota` to it
            landbridge.yaml:28:12: `export.kms_key` is in `ap-northeast-2`, but the source is in `ap-northeast-1`; use a KMS key in the source's region: RDS cannot encrypt an export with any other
            landbridge.yaml:31:11: `ledger.prefix` and `export.prefix` overlap, and both are in `export.bucket`; use separate prefixes, for example `ledger` and `exports`, so that a lifecycle rule can expire the exports only
            landbridge.yaml:44:16: `warehouse.ops_dataset` and `warehouse.dataset` are the same dataset; use a separate dataset for Landbridge's own tables, for example `landbridge_ops`
            landbridge.yaml:56:13: class `unclassified` cannot be masked by SHA256; write `mask: ALWAYS_NULL`: columns that are not classified yet are NULL for everyone
            landbridge.yaml:57:7: class `unclassified` cannot have readers; to make a column readable, give it another class in contract.yaml and add the readers to that class
            landbridge.yaml:58:54: this member is also in `pii.classes.unclassified.readers`; remove it from one of the two lists: which one applies would depend on the tag tree
            landbridge.yaml:65:19: policy tag of class `email` is in `us`, but the warehouse is in `asia-northeast3`; use a policy tag in the warehouse's location: a table cannot have tags of another location
            landbridge.yaml:70:19: classes `email` and `phone` have the same policy tag; use a separate policy tag for each class: a tag has only one mask
            landbridge.yaml:70:19: policy tag of class `phone` is in `us`, but the warehouse is in `asia-northeast3`; use a policy tag in the warehouse's location: a table cannot have tags of another location
            12 errors in landbridge.yaml"#]],
    );
}

#[test]
fn a_mask_must_hide_values_that_can_be_listed() {
    check(
        &changed(&[
            ("phone:\n      mask: ALWAYS_NULL", "phone:\n      mask: LAST_FOUR_CHARACTERS"),
            (
                "account:\n      mask: ALWAYS_NULL",
                "account:\n      mask: SHA256\n      domain: small",
            ),
            (
                "ip:\n      mask: DEFAULT_MASKING_VALUE",
                "ip_address:\n      mask: FIRST_FOUR_CHARACTERS",
            ),
            ("    email:\n", "    email:\n      domain: small\n"),
            (
                "    name: #",
                "    memo:\n      mask: SHA256\n    device_no:\n      mask: SHA256\n      domain: large # random\n    name: #",
            ),
        ]),
        expect![[r#"
            landbridge.yaml:69:13: mask EMAIL_MASK does not hide the values of class `email`: all possible values can be listed, and each masked value compared with them; write `mask: ALWAYS_NULL` or `mask: DEFAULT_MASKING_VALUE`; to count and join without the values, give the columns `transform: tokenise` in contract.yaml
            landbridge.yaml:73:13: mask LAST_FOUR_CHARACTERS does not hide the values of class `phone`: all possible values can be listed, and each masked value compared with them; write `mask: ALWAYS_NULL` or `mask: DEFAULT_MASKING_VALUE`; to count and join without the values, give the columns `transform: tokenise` in contract.yaml; if the values of this class cannot be listed, write `domain: large` and the reason in a comment
            landbridge.yaml:81:13: mask SHA256 does not hide the values of class `account`: all possible values can be listed, and each masked value compared with them; write `mask: ALWAYS_NULL` or `mask: DEFAULT_MASKING_VALUE`; to count and join without the values, give the columns `transform: tokenise` in contract.yaml
            landbridge.yaml:86:13: mask FIRST_FOUR_CHARACTERS does not hide the values of class `ip_address`: all possible values can be listed, and each masked value compared with them; write `mask: ALWAYS_NULL` or `mask: DEFAULT_MASKING_VALUE`; to count and join without the values, give the columns `transform: tokenise` in contract.yaml; if the values of this class cannot be listed, write `domain: large` and the reason in a comment
            4 errors in landbridge.yaml"#]],
    );
}

#[test]
fn partitions() {
    check(
        &changed(&[("region: ap-northeast-2", "region: cn-north-1")]),
        expect![[r#"
            landbridge.yaml:27:13: `export.role_arn` belongs to a different AWS partition than region `cn-north-1`; use an ARN that begins with `arn:aws-cn:`
            landbridge.yaml:28:12: `export.kms_key` belongs to a different AWS partition than region `cn-north-1`; use an ARN that begins with `arn:aws-cn:`
            2 errors in landbridge.yaml"#]],
    );
}

#[test]
fn proof_key() {
    let with = |proof: &str| format!("{}\n{proof}", changed(&[]));
    check(
        &with("proof: { kept: always }\n"),
        expect![[r#"
            landbridge.yaml:122:1: key `key` is missing in `proof`
            1 error in landbridge.yaml"#]],
    );
    check(
        &with("proof: { key: landbridge/shop/token-key }\n"),
        expect![[r#"
            landbridge.yaml:122:15: `proof.key` and `transfer.token_key` name the same secret; name a secret of its own, for example `landbridge/shop/proof-key`: a person who verifies a day reads it, and must not be able to make tokens
            1 error in landbridge.yaml"#]],
    );
    check(
        &with(
            "proof: { key: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:landbridge/shop/proof-key-a1B2c3' }\n",
        ),
        expect![[r#"
            landbridge.yaml:122:15: `proof.key` is in `us-east-1`, but the source is in `ap-northeast-2`; replicate the secret to the source's region, or create it there: the transfer stage reads it in that region
            1 error in landbridge.yaml"#]],
    );
}

#[test]
fn signing_key() {
    let with = |key: &str| {
        let proof = "key: landbridge/shop/proof-key";
        format!("{}\nproof: {{ {proof}, sign: '{key}' }}\n", changed(&[]))
    };
    let ours = "arn:aws:kms:ap-northeast-2:123456789012:alias/landbridge-shop-receipts";
    check(&with(ours), expect![["valid"]]);
    check(
        &with(&ours.replace("ap-northeast-2", "us-east-1")),
        expect![[r#"
        landbridge.yaml:122:48: `proof.sign` is in `us-east-1`, but the source is in `ap-northeast-2`; use a key in the source's region: the load stage signs in that region
        1 error in landbridge.yaml"#]],
    );
    check(
        &with("alias/landbridge-shop-receipts"),
        expect![[r#"
        landbridge.yaml:122:48: `proof.sign`: `alias/landbridge-shop-receipts` is not the ARN of a KMS key; write it in the form `arn:aws:kms:ap-northeast-2:123456789012:key/…`
        1 error in landbridge.yaml"#]],
    );
    let exports =
        "arn:aws:kms:ap-northeast-2:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    check(
        &with(exports),
        expect![[r#"
        landbridge.yaml:122:48: `proof.sign` and `export.kms_key` name the same key; use a key of its own, for example `alias/landbridge-shop-receipts`: a key that encrypts cannot sign
        1 error in landbridge.yaml"#]],
    );
}

#[test]
fn token_key() {
    let named = |name: &str| changed(&[("token_key: landbridge/shop/token-key", name)]);
    check(
        &named(
            "token_key: arn:aws:secretsmanager:us-east-1:123456789012:secret:landbridge/shop/token-key-a1B2c3",
        ),
        expect![[r#"
            landbridge.yaml:38:14: `transfer.token_key` is in `us-east-1`, but the source is in `ap-northeast-2`; replicate the secret to the source's region, or create it there: the transfer stage reads it in that region
            1 error in landbridge.yaml"#]],
    );
    check(
        &named(
            "token_key: arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:token-key-a1B2c3",
        ),
        expect![[r#"
            landbridge.yaml:38:14: `transfer.token_key` belongs to a different AWS partition than region `ap-northeast-2`; use an ARN that begins with `arn:aws:`
            1 error in landbridge.yaml"#]],
    );
    // The key itself: not repeated.
    check(
        &named("token_key: landbridge-token-key-v1:AAECAwQF"),
        expect![[r#"
            landbridge.yaml:38:14: `transfer.token_key`: this value is not the name or ARN of a secret in Secrets Manager; write its name, like `landbridge/shop/token-key`, or its ARN
            1 error in landbridge.yaml"#]],
    );
}

#[test]
fn class_names() {
    check(
        &changed(&[("    email:\n", "    none:\n"), ("    phone:\n", "    Phone:\n")]),
        expect![[r#"
            landbridge.yaml:62:5: key in `pii.classes`: `none` is not a class name; choose another name: in a contract, `none` means readable by everyone
            landbridge.yaml:66:5: key in `pii.classes`: `Phone` is not a class name; use lower-case letters, digits and underscores, starting with a letter
            2 errors in landbridge.yaml"#]],
    );
}

#[test]
fn the_cadence_of_snapshots() {
    for (written, error) in [
        ("every_hours: 6", None),
        ("every_hours: 0\n  use: automated", None),
        ("every_hours: 5", Some("does not divide a day")),
        ("every_hours: 0", Some("no snapshot that could be exported")),
        ("use: manual", Some("`own`")),
    ] {
        let text = changed(&[("hourly: 48", &format!("{written}\n  hourly: 48"))]);
        let found = parse("landbridge.yaml", &text).err().map(|errors| errors.to_string());
        match (error, found) {
            (None, found) => assert_eq!(found, None, "{written}"),
            (Some(part), found) => {
                let found = found.unwrap_or_default();
                assert!(found.contains(part), "{written}: {found}");
            }
        }
    }
}

#[test]
fn a_partial_export_names_only_what_rds_can_export_by_name() {
    let only = "export:\n  only: [\"shop.public.주문\", \"shop.public.year-2024\", shop.public.creators, \"shop.sales.a$b\"]";
    let text = include_str!("../../../../examples/demo/landbridge.yaml").replace("export:", only);
    let error = parse(FILE_NAME, &text).expect_err("two names");
    expect![[r#"
        landbridge.yaml:25:10: `export.only[0]`: `shop.public.주문` is not a database, schema or table that RDS can export by name; write `database`, `database.schema` or `database.schema.table`, of ASCII letters, digits, `_` and `$`; for a table with another name, name its schema or database instead, or leave the list empty
        landbridge.yaml:25:28: `export.only[1]`: `shop.public.year-2024` is not a database, schema or table that RDS can export by name; write `database`, `database.schema` or `database.schema.table`, of ASCII letters, digits, `_` and `$`; for a table with another name, name its schema or database instead, or leave the list empty
        2 errors in landbridge.yaml"#]].assert_eq(&error.to_string());
}

#[test]
fn minor_errors_do_not_hide_others() {
    check(
        &changed(&[("zone: Asia/Seoul", "zone: Seoul"), ("quota: 100", "quota: 50\n  monthly: 3")]),
        expect![[r#"
            landbridge.yaml:12:9: `schedule.zone`: `Seoul` is not a time zone; did you mean `Asia/Seoul`?
            landbridge.yaml:17:1: `snapshots` needs 48 hourly + 14 daily + 4 weekly + 10 reserved = 76 snapshots, but `snapshots.quota` is 50; lower one of them, or request a higher quota from AWS and set `snapshots.quota` to it
            landbridge.yaml:22:3: unknown key `monthly` in `snapshots`; use one of `every_hours`, `use`, `hourly`, `daily`, `weekly`, `quota`, `reserve`
            3 errors in landbridge.yaml"#]],
    );
}

#[test]
fn diagnostics_do_not_contain_members() {
    let text = changed(&[("\"group:analysts@example.com\"", "kim.minji@example.com")]);
    let diagnostics = parse(FILE_NAME, &text).expect_err("a member needs its kind").to_string();
    assert!(!diagnostics.contains("minji"), "{diagnostics}");
}

/// Every mask against every type and arrays of it, as BigQuery's documentation has it.
#[test]
fn masks_and_types() {
    let rows: Vec<String> = Mask::ALL
        .iter()
        .map(|mask| {
            let types: Vec<String> = BigQueryType::ALL
                .iter()
                .flat_map(|ty| [false, true].map(|repeated| ColumnType { ty: *ty, repeated }))
                .filter(|column| mask.fits(*column))
                .map(|column| column.to_string())
                .collect();
            format!("{mask}: {}", types.join(" "))
        })
        .collect();
    expect![[r#"
        SHA256: STRING BYTES
        EMAIL_MASK: STRING
        LAST_FOUR_CHARACTERS: STRING
        FIRST_FOUR_CHARACTERS: STRING
        DATE_YEAR_MASK: DATE DATETIME TIMESTAMP
        DEFAULT_MASKING_VALUE: STRING ARRAY<STRING> BYTES ARRAY<BYTES> INT64 ARRAY<INT64> FLOAT64 ARRAY<FLOAT64> NUMERIC ARRAY<NUMERIC> BIGNUMERIC ARRAY<BIGNUMERIC> BOOL ARRAY<BOOL> DATE ARRAY<DATE> TIME ARRAY<TIME> DATETIME ARRAY<DATETIME> TIMESTAMP ARRAY<TIMESTAMP> JSON ARRAY<JSON>
        ALWAYS_NULL: STRING ARRAY<STRING> BYTES ARRAY<BYTES> INT64 ARRAY<INT64> FLOAT64 ARRAY<FLOAT64> NUMERIC ARRAY<NUMERIC> BIGNUMERIC ARRAY<BIGNUMERIC> BOOL ARRAY<BOOL> DATE ARRAY<DATE> TIME ARRAY<TIME> DATETIME ARRAY<DATETIME> TIMESTAMP ARRAY<TIMESTAMP> JSON ARRAY<JSON>"#]].assert_eq(&rows.join("\n"));
}

#[test]
fn mask_names_match_their_json() {
    for mask in Mask::ALL {
        let json = serde_json::to_value(mask).expect("a mask is a word");
        assert_eq!(json, mask.as_str());
    }
}

/// Both schema files of the repository, rewritten by `UPDATE_SCHEMAS=1`.
#[test]
fn the_schemas_are_current() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas");
    for (name, schema) in
        [("landbridge.schema.json", schema()), ("contract.schema.json", crate::contract::schema())]
    {
        let path = format!("{folder}/{name}");
        let current = yaml::schema_text(&schema);
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &current).expect("the schemas can be written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == current,
            "schemas/{name} is not current; run `UPDATE_SCHEMAS=1 cargo test -p landbridge-core`"
        );
    }
}

#[test]
fn names_in_other_files_and_systems() {
    let config = parse(FILE_NAME, DEMO).expect("the demo's file is valid");
    assert_eq!(SourceKind::Instance.as_str(), "instance");
    assert_eq!(SourceKind::Cluster.as_str(), "cluster");
    let ga4 = config.warehouse.ga4.as_ref().expect("the demo has an export of GA4");
    assert_eq!(ga4.dataset(), format!("analytics_{}", ga4.property));
    assert_eq!(config.validate(), []);
    let mut wrong = config;
    wrong.snapshots.quota = 1;
    wrong.source.region = "Seoul".to_owned();
    let paths: Vec<String> = wrong.validate().iter().map(|it| it.path.to_string()).collect();
    assert_eq!(paths, ["source.region", "snapshots"]);
}

#[test]
fn a_class_states_a_larger_domain_than_its_name_suggests() {
    for (mask, domain, name, overrides) in [
        (Mask::Sha256, Some(Domain::Large), "phone", true),
        (Mask::AlwaysNull, Some(Domain::Large), "phone", false),
        (Mask::Sha256, Some(Domain::Small), "phone", false),
        (Mask::Sha256, None, "phone", false),
        (Mask::Sha256, Some(Domain::Large), "email", false),
    ] {
        let class = ClassConfig { mask, domain, ..ClassConfig::unclassified() };
        let case = (mask, domain, name);
        assert_eq!(class.overrides_small_domain(name), overrides, "{case:?}");
    }
}

/// Values at the edge of a rule are valid.
#[test]
fn rules_allow_their_limits() {
    let mut config = parse(FILE_NAME, DEMO).expect("the demo's file is valid");
    config.schedule.export_hour = 2;
    config.schedule.transfer_from_hour = 2;
    config.schedule.deadline_hour = 3;
    let kept = &mut config.snapshots;
    kept.quota = kept.hourly + kept.daily + kept.weekly + kept.reserve;
    assert_eq!(config.validate(), []);
    config.schedule.deadline_hour = 2;
    config.snapshots.quota -= 1;
    let paths: Vec<String> = config.validate().iter().map(|it| it.path.to_string()).collect();
    assert_eq!(paths, ["schedule.deadline_hour", "snapshots"]);
}

#[test]
fn the_deadline_is_an_hour_of_the_zone_and_exists_if_a_clock_change_skips_it() {
    let mut config = parse(FILE_NAME, DEMO).expect("the demo's file is valid");
    for (zone, hour, day, expected) in [
        ("Asia/Seoul", 4, "2026-11-21", "2026-11-20T19:00:00Z"),
        // The clock goes from 02:00 to 03:00.
        ("America/New_York", 2, "2026-03-08", "2026-03-08T07:00:00Z"),
        ("America/New_York", 2, "2026-03-09", "2026-03-09T06:00:00Z"),
    ] {
        config.schedule.deadline_hour = hour;
        let calendar = Calendar::new(zone, 1).expect("a zone");
        let deadline = config.schedule.deadline(&calendar, day.parse().expect("a day"));
        assert_eq!(deadline.start().to_string(), expected, "{zone} {hour} {day}");
    }
}
