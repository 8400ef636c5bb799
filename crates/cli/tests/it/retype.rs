//! `landbridge retype` without a cloud.

use expect_test::expect;

use crate::landbridge;

const CONTRACT: &str = "version: 1
tables:
  public.visits:
    columns:
      n: { source: numeric, type: NUMERIC, class: none }
      at: { source: timestamp without time zone, type: DATETIME, class: birth }
      AT_datetime: { source: text, type: STRING, class: name }
";

fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = crate::repository().join("examples/demo/landbridge.yaml");
    std::fs::copy(config, dir.path().join("landbridge.yaml")).expect("the demo's file");
    std::fs::write(dir.path().join("contract.yaml"), CONTRACT).expect("a file");
    dir
}

fn run(dir: &tempfile::TempDir, options: &str) -> String {
    let arguments: Vec<&str> = ["retype"].into_iter().chain(options.split_whitespace()).collect();
    landbridge(dir.path(), &arguments).all()
}

#[test]
fn a_type_given_by_hand_needs_no_cloud() {
    let dir = files();
    expect![[r#"
        exit code 0
        out | public.visits → shop.visits
        out |
        out |   at: TIMESTAMP in BigQuery, DATETIME in contract.yaml
        out |     contract.yaml:6
        out |     - at: { source: timestamp without time zone, type: DATETIME, class: birth }
        out |     + at: { name: at_datetime_2, source: timestamp without time zone, type: DATETIME, class: birth }
        out |     the next load adds  at_datetime_2 DATETIME: class birth, its policy tag is set before its first row
        out |     the old one stays   at TIMESTAMP: NULL in every row, unclassified
        out |     to keep the type    write `type: TIMESTAMP` there instead
        out |
        out | Queries that read an old column continue to run and get NULL, so filters and joins on it match no row; change them to the new column. `SELECT *` returns one column more for each.
        err | Nothing was changed: add --yes to write contract.yaml.
    "#]].assert_eq(&run(&dir, "public.visits --column at --landed timestamp"));
    expect![[r#"
        exit code 0
        out | public.visits → shop.visits
        out |
        out |   at: TIMESTAMP in BigQuery, DATETIME in contract.yaml
        out |     contract.yaml:6
        out |     - at: { source: timestamp without time zone, type: DATETIME, class: birth }
        out |     + at: { name: at_local, source: timestamp without time zone, type: DATETIME, class: birth }
        out |     the next load adds  at_local DATETIME: class birth, its policy tag is set before its first row
        out |     the old one stays   at TIMESTAMP: NULL in every row, unclassified
        out |     to keep the type    write `type: TIMESTAMP` there instead
        out |
        out | Queries that read an old column continue to run and get NULL, so filters and joins on it match no row; change them to the new column. `SELECT *` returns one column more for each.
        out | contract.yaml is written. Deploy it: the next load does the rest.
    "#]].assert_eq(&run(
        &dir,
        "public.visits --column at --landed timestamp --name at_local --yes",
    ));
    let written = std::fs::read_to_string(dir.path().join("contract.yaml")).expect("the file");
    let expected =
        CONTRACT.replace("at: { source: timestamp", "at: { name: at_local, source: timestamp");
    assert_eq!(written, expected);
}

#[test]
fn what_cannot_be_is_refused() {
    let dir = files();
    let mut shown = String::new();
    for options in [
        "public.vists",
        "public.visits --column att --landed TIMESTAMP",
        "public.visits --column at --landed TIMESTAMP --name at.local",
        "public.visits --column at --landed TIMESTAMP --name AT_DATETIME --yes",
        "public.visits --column at --landed DATETIME --yes",
        "public.visits --column at --landed TIMESTAMPS",
        "public.visits --name at_local",
    ] {
        shown += &format!("{options}\n{}", run(&dir, options));
    }
    expect![[r#"
        public.vists
        exit code 2
        err | error: the contract has no table `public.vists`. It has: public.visits
        public.visits --column att --landed TIMESTAMP
        exit code 2
        err | error: the contract has no column `att` of `public.visits`. It has: AT_datetime, at, n
        public.visits --column at --landed TIMESTAMP --name at.local
        exit code 2
        err | error: --name cannot be `at.local`: a BigQuery column name contains only letters, digits, spaces and the characters _ - & % = + : ' < > # |
        public.visits --column at --landed TIMESTAMP --name AT_DATETIME --yes
        exit code 2
        err | error: with `name: AT_DATETIME`, contract.yaml would be invalid
        err | contract.yaml:6:19: columns `AT_datetime` and `at` would both be named `AT_DATETIME`; BigQuery ignores letter case; write another `name:` for one of them, for example `AT_DATETIME_2`
        err | 1 error in contract.yaml
        public.visits --column at --landed DATETIME --yes
        exit code 0
        out | public.visits.at: nothing to do. BigQuery has the type that contract.yaml gives, or the contract already loads it as another column. A column that contract.yaml does not name must be added to it first.
        public.visits --column at --landed TIMESTAMPS
        exit code 2
        err | error: invalid value 'TIMESTAMPS' for '--landed <TYPE>': `TIMESTAMPS` is not a BigQuery type that Landbridge supports
        err |
        err | For more information, try '--help'.
        public.visits --name at_local
        exit code 2
        err | error: the following required arguments were not provided:
        err |   --column <COLUMN>
        err |
        err | Usage: landbridge retype --column <COLUMN> --name <NAME> <SCHEMA.TABLE>
        err |
        err | For more information, try '--help'.
    "#]].assert_eq(&shown);
    let after = std::fs::read_to_string(dir.path().join("contract.yaml")).expect("the file");
    assert_eq!(after, CONTRACT);
}

#[test]
fn a_swap_is_only_a_plan() {
    let dir = files();
    expect![[r#"
        exit code 0
        out | -- A swap of tables, for a person to read and run. Landbridge runs none of it.
        out | -- Lost: the rights (IAM) and row access policies that step 2 does not give to the new table; the history of
        out | --   the table; descriptions, labels and options that people set; columns that the source no longer has;
        out | --   materialised views, search indexes and catalogue entries on the table.
        out | -- Not lost: views and queries that name visits, and authorised views.
        out | -- For up to 168 hours afterwards, `at` stays unclassified: the ledger remembers the former rows.
        out |
        out | -- 1. A new table without rows. Without rows, its columns need no policy tags; the load sets all of them
        out | --    before the first row. The load also adds, with its tag, every column that is not listed here.
        out | CREATE TABLE `shop-analytics.shop.visits_retyped` (
        out |   `at` DATETIME
        out | ) OPTIONS (labels = [('landbridge_source', 'shop')]);
        out |
        out | -- 2. While it has no rows: the rights of the old table, and a CREATE ROW ACCESS POLICY for each of its policies.
        out | --    A policy that is missing here shows rows that were hidden.
        out | bq get-iam-policy --format=prettyjson 'shop-analytics:shop.visits' > rights.json
        out | bq set-iam-policy 'shop-analytics:shop.visits_retyped' rights.json
        out | bq ls --row_access_policies 'shop-analytics:shop.visits'
        out |
        out | -- 3. Between two ticks of `load`. Queries fail between the two statements, and find no rows until step 4.
        out | --    Keep no copy of the old table: the tags of a copy do not follow the contract.
        out | DROP TABLE `shop-analytics.shop.visits`;
        out | ALTER TABLE `shop-analytics.shop.visits_retyped` RENAME TO `visits`;
        out |
        out | -- 4. The next tick of `load` sets the tags and loads public.visits. See its receipt:
        out | landbridge receipt DAY --table visits
    "#]].assert_eq(&run(&dir, "public.visits --column at --landed TIMESTAMP --swap"));
    expect![[r#"
        exit code 0
        out | -- No swap is needed: the type becomes wider, and BigQuery changes it in place. Rows and rights stay.
        out | -- Until the next load the column is unclassified; check that it still has its policy tag afterwards.
        out | ALTER TABLE `shop-analytics.shop.visits` ALTER COLUMN `n` SET DATA TYPE NUMERIC;
    "#]].assert_eq(&run(&dir, "public.visits --column n --landed INT64 --swap"));
    let after = std::fs::read_to_string(dir.path().join("contract.yaml")).expect("the file");
    assert_eq!(after, CONTRACT);
}
