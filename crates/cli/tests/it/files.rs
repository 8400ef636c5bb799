//! `landbridge check`, `contract show` and `schema`.

use std::path::Path;

use expect_test::expect;

use crate::{landbridge, repository};

const CONFIG: &str = "examples/demo/landbridge.yaml";

/// A directory with changed copies of the demo's files.
fn changed_files(config: &[(&str, &str)], contract: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, changes) in [("landbridge.yaml", config), ("contract.yaml", contract)] {
        let from = repository().join("examples/demo").join(name);
        let mut text = std::fs::read_to_string(from).expect("the demo's files exist");
        for (old, new) in changes {
            assert!(text.contains(old), "{name} does not contain `{old}`");
            text = text.replacen(old, new, 1);
        }
        std::fs::write(dir.path().join(name), text).expect("the directory can be written");
    }
    dir
}

#[test]
fn valid_files_are_summarised() {
    expect![[r#"
        exit code 0
        out | examples/demo/landbridge.yaml: good
        out |   from  instance shop-prod in ap-northeast-2, named `shop`
        out |   to    shop-analytics.shop in asia-northeast3
        out |   when  export at 01:00, transfer from 02:00, published by 04:00, Asia/Seoul
        out |   masks EMAIL_MASK: email
        out |         DATE_YEAR_MASK: birth
        out |         DEFAULT_MASKING_VALUE: ip, name
        out |         ALWAYS_NULL: account, address, device, free_text, health, national_id, phone, position, secret, sensitive, unclassified
        out | examples/demo/contract.yaml: good
        out |   7 tables, 59 columns: 1 birth, 3 email, 1 ip, 4 name, 1 phone, 49 none
    "#]].assert_eq(&landbridge(&repository(), &["check", "--config", CONFIG]).all());
}

/// A person sees which columns rest on a statute, and what is refused without one.
#[test]
fn resident_numbers_need_a_legal_basis_which_the_summary_shows() {
    let email = "email: { source: character varying, type: STRING, class: email }";
    let number = "jumin_no: { source: character varying, type: STRING, class: national_id";
    let with = |rest: &str| {
        let columns = format!("{email}\n      {number}{rest} }}");
        landbridge(changed_files(&[], &[(email, &columns)]).path(), &["check"])
    };
    let refused = with("");
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    let why =
        "column `jumin_no` contains resident registration numbers, and would leave AWS as they are";
    assert!(
        refused.err.contains(why) && refused.err.contains("transform: drop"),
        "{}",
        refused.err
    );
    assert_eq!(with(", transform: drop").code, Some(0));
    let accepted = with(", legal_basis: 소득세법 제145조");
    assert_eq!(accepted.code, Some(0), "{}", accepted.all());
    let shown = "  law   column `jumin_no` of `public.bookings`: 소득세법 제145조";
    assert!(accepted.out.contains(shown), "{}", accepted.out);
}

#[test]
fn a_key_of_ga4_that_models_cannot_join_is_refused_with_its_line() {
    let dir = changed_files(&[("user_key: id", "user_key: email")], &[]);
    let answer = landbridge(dir.path(), &["check"]).all();
    assert!(answer.contains("has class `email`, so models"), "{answer}");
    assert!(answer.contains("as `user_id`, here `id`"), "{answer}");
    assert!(answer.contains("landbridge.yaml:50:"), "{answer}");
    assert!(answer.contains("exit code 2"), "{answer}");
}

#[test]
fn a_class_whose_name_contradicts_its_domain_is_mentioned() {
    let phone = "phone:\n      mask: ALWAYS_NULL";
    let large = "phone:\n      mask: SHA256\n      domain: large";
    let dir = changed_files(&[(phone, large)], &[]);
    let shown = landbridge(dir.path(), &["check"]).all();
    let expected = "SHA256: phone\nout |         EMAIL_MASK: email\n";
    assert!(shown.contains(expected), "{shown}");
    let expected = "out |   note  class `phone` has `domain: large`: its mask hides nothing if all possible values can be listed\n";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn all_errors_of_a_configuration_are_listed() {
    let dir = changed_files(
        &[
            ("zone: Asia/Seoul", "zone: Asia/Soul"),
            ("export_hour: 1", "exprot_hour: 1"),
            ("region: ap-northeast-2", "region: seoul"),
            ("mask: EMAIL_MASK", "mask: SHA-256"),
        ],
        &[],
    );
    expect![[r#"
        exit code 2
        err | landbridge.yaml:9:11: `source.region`: `seoul` is not an AWS region; write it in the form `ap-northeast-2`
        err | landbridge.yaml:12:9: `schedule.zone`: `Asia/Soul` is not a time zone; did you mean `Asia/Seoul`?
        err | landbridge.yaml:13:3: unknown key `exprot_hour` in `schedule`; did you mean `export_hour`?
        err | landbridge.yaml:63:13: `pii.classes.email.mask` cannot be `SHA-256`; did you mean `SHA256`?
        err | 4 errors in landbridge.yaml
    "#]].assert_eq(&landbridge(dir.path(), &["check"]).all());
}

#[test]
fn a_contract_is_checked_against_the_configuration() {
    let dir = changed_files(
        &[],
        &[
            ("class: email", "class: e-mail"),
            ("type: FLOAT64", "type: FLOTE64"),
            ("\"public.clicks\"", "clicks"),
        ],
    );
    expect![[r#"
        exit code 2
        err | contract.yaml:19:56: `tables."public.bookings".columns.exchange_rate.type` cannot be `FLOTE64`; did you mean `FLOAT64`?
        err | contract.yaml:25:74: `tables."public.bookings".columns.traveller_email.class`: `e-mail` is not a class name; use a class of `pii.classes`, `unclassified` or `none`
        err | contract.yaml:28:3: `clicks` is not the name of a source table; write `schema.table` (PostgreSQL) or `database.table` (MySQL)
        err | 3 errors in contract.yaml
    "#]].assert_eq(&landbridge(dir.path(), &["check"]).all());
}

#[test]
fn errors_as_json_keep_the_exit_code() {
    let dir = changed_files(&[("zone: Asia/Seoul", "zone: Asia/Soul")], &[]);
    let run = landbridge(dir.path(), &["check", "--output", "json"]);
    expect![[r#"
        exit code 2
        out | {
        out |   "ok": false,
        out |   "errors": [
        out |     {
        out |       "file": "landbridge.yaml",
        out |       "line": 12,
        out |       "column": 9,
        out |       "path": "schedule.zone",
        out |       "message": "`schedule.zone`: `Asia/Soul` is not a time zone",
        out |       "help": "did you mean `Asia/Seoul`?"
        out |     }
        out |   ]
        out | }
    "#]]
    .assert_eq(&run.all());
}

#[test]
fn a_missing_file_is_reported() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    expect![[r#"
        exit code 2
        err | error: the file landbridge.yaml does not exist; name another file with --config
    "#]]
    .assert_eq(&landbridge(dir.path(), &["check"]).all());
}

#[test]
fn contract_show_prints_one_table() {
    let args = ["contract", "show", "public.creators", "--config", CONFIG];
    expect![[r#"
        exit code 0
        out | public.creators → shop.creators  People who recommend journeys and are paid for bookings.
        out |   column           source type               type       transform                 class  mask
        out |   ────────────────────────────────────────────────────────────────────────────────────────────────────────────
        out |   account_no       character varying         STRING     tokenise in `account`     none
        out |   active           boolean                   BOOL                                 none
        out |   bank_code        character                 STRING                               none
        out |   birth_date       date                      DATE       retype to DATE            birth  DATE_YEAR_MASK
        out |   commission_rate  numeric                   NUMERIC    retype to NUMERIC(38, 9)  none
        out |   created_at       timestamp with time zone  TIMESTAMP  retype to TIMESTAMP       none
        out |   email            character varying         STRING                               email  EMAIL_MASK
        out |   id               bigint                    INT64                                none
        out |   name             character varying         STRING                               name   DEFAULT_MASKING_VALUE
        out |   name_en          character varying         STRING                               name   DEFAULT_MASKING_VALUE
        out |   phone            character varying         STRING                               phone  ALWAYS_NULL
        out |   tier             USER-DEFINED              STRING                               none
        out |   updated_at       timestamp with time zone  TIMESTAMP  retype to TIMESTAMP       none
    "#]].assert_eq(&landbridge(&repository(), &args).all());
}

#[test]
fn contract_show_lists_the_tables_if_one_is_unknown() {
    let args = ["contract", "show", "public.creator", "--config", CONFIG];
    expect![[r#"
        exit code 2
        err | error: the contract has no table `public.creator`. It has: public.bookings, public.clicks, public.coupons, public.creators, public.links, public.partners, public.payouts
    "#]].assert_eq(&landbridge(&repository(), &args).all());
}

#[test]
fn contract_show_as_json_contains_each_mask() {
    let args = ["contract", "show", "--config", CONFIG, "--output", "json"];
    let run = landbridge(&repository(), &args);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(rows.iter().filter(|row| row["mask"] == "EMAIL_MASK").count(), 3);
    for row in &rows {
        assert_eq!(row["class"] == "none", row["mask"].is_null(), "{row}");
    }
}

#[test]
fn printed_schemas_equal_those_in_the_repository() {
    for name in ["landbridge", "contract"] {
        let run = landbridge(&repository(), &["schema", name]);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
        let kept = repository().join(Path::new("schemas")).join(format!("{name}.schema.json"));
        let kept = std::fs::read_to_string(kept).expect("the schema exists");
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(json(&run.out), json(&kept), "{name}");
    }
}
