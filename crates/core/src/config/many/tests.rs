use expect_test::{Expect, expect};

use super::*;
use crate::config::{FILE_NAME, SourceKind};

/// Two databases; the file of the documentation.
const TWO: &str = include_str!("../../../../../examples/two-databases/landbridge.yaml");

fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = TWO.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "the file does not contain {from:?}");
        text = text.replacen(from, to, 1);
    }
    text
}

fn check(text: &str, expected: Expect) {
    let shown = match parse_databases(FILE_NAME, text) {
        Ok(_) => "valid".to_owned(),
        Err(diagnostics) => diagnostics.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_file_with_one_database_is_read_as_before() {
    let demo = include_str!("../../../../../examples/demo/landbridge.yaml");
    let databases = parse_databases(FILE_NAME, demo).expect("a valid file");
    assert!(!databases.is_many());
    assert_eq!((databases.names(), databases.shared_name()), (vec!["shop".to_owned()], "shop"));
    let only = databases.one(None).expect("the only one");
    assert_eq!(only.contract, None);
    assert_eq!(only.config, crate::config::parse(FILE_NAME, demo).expect("a valid file"));
    assert_eq!(databases.one(Some("shop")), Ok(only));
}

#[test]
fn every_database_has_what_the_file_says_and_what_is_its_own() {
    let databases = parse_databases(FILE_NAME, TWO).expect("a valid file");
    assert!(databases.is_many());
    assert_eq!(databases.names(), ["shop", "billing"]);
    let (shop, billing) = (&databases.all()[0], &databases.all()[1]);
    assert_eq!(shop.contract.as_deref(), Some("contracts/shop.yaml"));
    assert_eq!(billing.contract.as_deref(), Some("contracts/billing.yaml"));
    let of = |it: &Database| {
        let config = &it.config;
        (
            config.source.name.clone(),
            config.source.id.clone(),
            config.source.kind,
            config.source.region.clone(),
            config.schedule.export_hour,
            config.warehouse.dataset.clone(),
            config.export.bucket.clone(),
        )
    };
    assert_eq!(
        [of(shop), of(billing)],
        [
            (
                "shop".to_owned(),
                "shop-prod".to_owned(),
                SourceKind::Instance,
                "ap-northeast-2".to_owned(),
                1,
                "shop".to_owned(),
                "company-exports".to_owned(),
            ),
            (
                "billing".to_owned(),
                "billing-prod".to_owned(),
                SourceKind::Instance,
                "ap-northeast-2".to_owned(),
                2,
                "billing".to_owned(),
                "company-exports".to_owned(),
            ),
        ]
    );
    assert_eq!(shop.config.pii, billing.config.pii);
    for database in databases.all() {
        assert_eq!(database.config.validate(), [], "{}", database.name);
    }
}

#[test]
fn no_database_is_meant_unless_it_is_named() {
    let databases = parse_databases(FILE_NAME, TWO).expect("a valid file");
    let why = |name: Option<&str>| databases.one(name).expect_err("a reason").to_string();
    expect!["the configuration has several databases, and none is named: shop, billing"]
        .assert_eq(&why(None));
    expect!["the configuration has no database `bilin`, but: shop, billing"]
        .assert_eq(&why(Some("bilin")));
    // One entry of `databases` still must be named: the next entry must not change what a command means.
    let one = TWO.find("  billing: #").map(|at| &TWO[..at]).expect("the second");
    let databases = parse_databases(FILE_NAME, one).expect("a valid file");
    assert!(databases.one(None).is_err());
}

#[test]
fn what_two_databases_may_not_share_is_refused_at_its_line() {
    check(
        &changed(&[("dataset: billing", "dataset: shop")]),
        expect![[r#"
        landbridge.yaml:55:18: dataset `shop` is `warehouse.dataset` of database `shop` and `warehouse.dataset` of database `billing`; give each database its own, for example `billing`: two tables of one name would replace each other
        1 error in landbridge.yaml"#]],
    );
    check(
        &changed(&[("source: { id: billing-prod }", "source: { id: billing-prod, name: shop }")]),
        expect![[r#"
            landbridge.yaml:53:33: databases `shop` and `billing` have the same `source.name`, `shop`; give one of them another `source.name`: names of snapshots, exports and roles begin with it, and the rights of one database must not reach another
            1 error in landbridge.yaml"#]],
    );
    check(
        &changed(&[("  billing: #", "  shop-eu: #")]),
        expect![[r#"
        landbridge.yaml:53:5: the name `shop-eu` begins with the name of database `shop` and a hyphen; give one of them another `source.name`: names of snapshots, exports and roles begin with it, and the rights of one database must not reach another
        1 error in landbridge.yaml"#]],
    );
    check(
        &changed(&[(
            "warehouse: { dataset: billing }",
            "warehouse: { dataset: billing }\n    transfer: { prefix: landbridge/shop }",
        )]),
        expect![[r#"
            landbridge.yaml:56:17: objects of databases `shop` and `billing` overlap: `landbridge/shop/…` and `landbridge/shop/billing/…`; give one of them another `transfer.prefix`
            1 error in landbridge.yaml"#]],
    );
    check(
        &changed(&[(
            "warehouse: { dataset: billing }",
            "warehouse: { dataset: billing }\n    contract: contracts/shop.yaml",
        )]),
        expect![[r#"
            landbridge.yaml:56:5: databases `shop` and `billing` have the same contract, contracts/shop.yaml; write one contract for each database
            1 error in landbridge.yaml"#]],
    );
    check(
        &changed(&[("quota: 200", "quota: 100")]),
        expect![[r#"
        landbridge.yaml:17:1: all databases together need 132 snapshots (shop 66, billing 66) + 10 reserved = 142, but `snapshots.quota` is 100; keep fewer, request a higher quota from AWS and set `snapshots.quota` to it, or export automated snapshots
        1 error in landbridge.yaml"#]],
    );
}

#[test]
fn keys_of_a_database() {
    check(
        &changed(&[(
            "warehouse: { dataset: billing }",
            "warehouse: { dataset: billing, project: other-project, dateset: x }\n    pii: {}\n    wharehouse: {}\n    contract: ../elsewhere.yaml",
        )]),
        expect![[r#"
            landbridge.yaml:55:36: `warehouse.project` is the same for all databases; write it once, at the top of the file
            landbridge.yaml:55:60: database `billing`: unknown key `dateset` in `warehouse`; did you mean `dataset`?
            landbridge.yaml:56:5: `pii` is the same for all databases; write it once, at the top of the file
            landbridge.yaml:57:5: database `billing`: unknown key `wharehouse`; did you mean `warehouse`?
            landbridge.yaml:58:5: `databases.billing.contract` must be the path of a file below the directory of this one; write for example `contract: contracts/billing.yaml`
            5 errors in landbridge.yaml"#]],
    );
    // A fault of one database names it; a fault of the shared part is shown once.
    check(
        &changed(&[
            ("source: { id: billing-prod }", "source: { kind: cluster }"),
            ("zone: Asia/Seoul", "zone: Asia/Soul"),
        ]),
        expect![[r#"
            landbridge.yaml:12:9: `schedule.zone`: `Asia/Soul` is not a time zone; did you mean `Asia/Seoul`?
            landbridge.yaml:53:5: database `billing`: key `id` is missing in `source`
            2 errors in landbridge.yaml"#]],
    );
    check(
        &changed(&[("export_hour: 2", "export_hour: 7")]),
        expect![[r#"
        landbridge.yaml:54:53: database `billing`: `schedule.transfer_from_hour` (3) is before `schedule.export_hour` (7); set it to the export hour or later: nothing can be transferred before the export starts
        1 error in landbridge.yaml"#]],
    );
    check(
        &changed(&[("  name: company #", "  #")]),
        expect![[r#"
        landbridge.yaml:6:1: `source.name` is missing at the top of the file; with `databases`, it names what all of them share, such as the identity pool and the taxonomy; keep the name of the first database if it is deployed already
        1 error in landbridge.yaml"#]],
    );
    check(
        "version: 1\ndatabases:\n  shop: 3\n  pay: {}\n  pay: {}\n",
        expect![[r#"
        landbridge.yaml:3:3: `databases.shop` must be a mapping of keys, but is a number
        landbridge.yaml:5:3: duplicate key `pay` in `databases`; remove it, or the one on line 4
        2 errors in landbridge.yaml"#]],
    );
    check(
        "version: 1\ndatabases:\n",
        expect![[r#"
        landbridge.yaml:2:1: `databases` must be a mapping with at least one name
        1 error in landbridge.yaml"#]],
    );
}
