//! `landbridge contract propose` on a real database with unusual names.

use expect_test::expect;
use landbridge_local_database::TestPostgres;

use crate::landbridge;

const ODD: &str = r#"
    CREATE DOMAIN score AS integer CHECK (VALUE >= 0);
    CREATE TABLE people (id bigint, email text, "계좌번호" text, points score);
    CREATE TABLE spaced (id bigint, "the column" text);
    CREATE TABLE twins (id bigint, "Phone" text, phone text);
    CREATE TABLE "Base" (id bigint);
    CREATE TABLE base (id bigint);
    CREATE TABLE "고객 표" (id bigint);
    CREATE TABLE "한글 표" (id bigint);
    CREATE UNLOGGED TABLE scratch (id bigint);
"#;

/// Runs SQL in a database.
pub(crate) fn run_sql(url: &str, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("a connection");
        let served = tokio::spawn(connection);
        client.batch_execute(sql).await.expect("good SQL");
        drop(client);
        served.await.expect("no panic").expect("a clean end");
    });
}

#[test]
fn the_check_accepts_a_proposal() {
    let server = TestPostgres::start().unwrap_or_else(|error| panic!("{error}"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = server.url();
    let propose = |url: &str| landbridge(dir.path(), &["contract", "propose", "--source", url]);

    expect![[r#"
        exit code 1
        err | error: the database `postgres` has no tables that can be transferred
    "#]]
    .assert_eq(&propose(&url).all());

    run_sql(&url, ODD);
    let proposed = propose(&url);
    expect![[r#"
        exit code 0
        out | # Every column that users may read in BigQuery, with its type and class.
        out | # class: one of `pii.classes` in landbridge.yaml, `none` (readable by everyone
        out | # with access to the dataset) or `unclassified` (NULL for everyone). Columns
        out | # that this file does not name are `unclassified`.
        out | version: 1
        out | tables:
        out |   "public.Base":
        out |     columns:
        out |       id: { source: bigint, type: INT64, class: none }
        out |
        out |   "public.base":
        out |     table: base_61c5a45d
        out |     columns:
        out |       id: { source: bigint, type: INT64, class: none }
        out |
        out |   "public.people":
        out |     columns:
        out |       id: { source: bigint, type: INT64, class: none }
        out |       email: { source: text, type: STRING, class: email }
        out |       "계좌번호": { source: text, type: STRING, class: account, transform: tokenise, token_domain: account }
        out |       points: { source: integer, type: INT64, class: none }
        out |
        out |   "public.twins":
        out |     columns:
        out |       id: { source: bigint, type: INT64, class: none }
        out |       Phone: { name: Phone_63dceb88, source: text, type: STRING, class: phone }
        out |       phone: { source: text, type: STRING, class: phone }
        out |
        out |   "public.고객 표":
        out |     columns:
        out |       id: { source: bigint, type: INT64, class: none }
        out |
        out |   "public.한글 표":
        out |     columns:
        out |       id: { source: bigint, type: INT64, class: none }
        err | note: there is no landbridge.yaml here; the classes of examples/demo/landbridge.yaml are used
        err | 6 tables, 11 columns: 1 account, 1 email, 2 phone, 7 none
        err | left out: public.scratch: it is unlogged
        err | left out: public.spaced: RDS does not export it, because the name of its column "the column" contains one of `, ; { } ( ) =`, a space, a tab or a line break; rename the column in the source
    "#]]
    .assert_eq(&proposed.all());

    // The GA4 key of the demo is a column of the demo's database.
    let config = include_str!("../../../../examples/demo/landbridge.yaml");
    let config: Vec<&str> = config.lines().filter(|it| !it.starts_with("  ga4:")).collect();
    let config = config.join("\n");
    for (name, text) in
        [("landbridge.yaml", config.as_str()), ("contract.yaml", proposed.out.as_str())]
    {
        std::fs::write(dir.path().join(name), text).expect("the directory can be written");
    }
    let check = landbridge(dir.path(), &["check"]);
    assert_eq!(check.code, Some(0), "{}", check.all());

    // Extending the contract with the same database changes nothing. The configuration exists now.
    let args = ["contract", "propose", "--source", &url, "--extend", "contract.yaml"];
    let extended = landbridge(dir.path(), &args);
    assert_eq!(extended.out, proposed.out);
    assert!(!extended.err.contains("there is no landbridge.yaml"), "{}", extended.err);
}

#[test]
fn an_error_of_the_server_names_the_place_and_the_next_step() {
    let server = TestPostgres::start().unwrap_or_else(|error| panic!("{error}"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let address = server.url().replace("/postgres", "");
    let absent = server.url().replace("landbridge@", "absent:secret@");
    let mut output = String::new();
    for url in [&address, &server.url_of("shop"), &absent] {
        let run = landbridge(dir.path(), &["contract", "propose", "--source", url]);
        assert!(!run.all().contains("secret"));
        output += &run.all();
    }
    let port = address.rsplit(':').next().expect("a port").to_owned();
    expect![[r#"
        exit code 1
        err | error: cannot connect to the database at 127.0.0.1:PORT/landbridge: database "landbridge" does not exist (3D000); use the name of an existing database: postgres://user:password@host:port/database
        exit code 1
        err | error: cannot connect to the database at 127.0.0.1:PORT/shop: database "shop" does not exist (3D000); use the name of an existing database: postgres://user:password@host:port/database
        exit code 1
        err | error: cannot connect to the database at 127.0.0.1:PORT/postgres: role "absent" does not exist (28000); use a user that may log in, with its password: postgres://user:password@host:port/database
    "#]]
    .assert_eq(&output.replace(&port, "PORT"));
}

/// Values that came after the verdict: an application writes something else into a column.
#[test]
fn a_verdict_is_compared_with_the_values_that_are_there_now() {
    let server = TestPostgres::start().unwrap_or_else(|error| panic!("{error}"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = server.url();
    run_sql(
        &url,
        "CREATE TABLE t (id bigint, etc1 text, etc2 text, etc3 text, etc4 text);
         INSERT INTO t SELECT n, 'secret' || n || '@example.com', '900101-1' || 100000 + n, 'open', '900101-1' || 100000 + n
         FROM generate_series(1, 90) n; ANALYZE",
    );
    let config = include_str!("../../../../examples/demo/landbridge.yaml");
    let config: Vec<&str> = config.lines().filter(|it| !it.starts_with("  ga4:")).collect();
    let contract = "version: 1
tables:
  public.t:
    columns:
      id: { source: bigint, type: INT64, class: none }
      etc1: { source: text, type: STRING, class: none }
      etc2: { source: text, type: STRING, class: none, transform: tokenise }
      etc3: { source: text, type: STRING, class: none }
      etc4: { source: text, type: STRING, class: national_id, resident_number: false }
";
    for (name, text) in
        [("landbridge.yaml", config.join("\n").as_str()), ("contract.yaml", contract)]
    {
        std::fs::write(dir.path().join(name), text).expect("the directory can be written");
    }
    let checked = landbridge(dir.path(), &["contract", "check", "--source", &url]);
    expect![[r#"
        exit code 1
        out | error: contract.yaml:7: resident-number-values
        out |   column `etc2` of `public.t`: 100 % of 90 sampled values look like resident registration numbers, and the column leaves AWS without a legal basis: write `transform: drop` and `resident_number: true`, or `legal_basis`, or `resident_number: false` if they are something else
        out |   readers:  none: every reader of the dataset sees plain values
        out | warning: contract.yaml:6: personal-values
        out |   column `etc1` of `public.t`: 100 % of 90 sampled values look like e-mail addresses, and every reader of the dataset may read the column: give it a class, or write `pinned: true` if the values are harmless
        out |   readers:  none: every reader of the dataset sees plain values
        out | 1 table compared with the contract, 5 columns: 1 error, 1 warning
        err | error: 1 finding must be decided in contract.yaml before the change is merged
    "#]].assert_eq(&checked.all());
    assert!(!checked.all().contains("secret") && !checked.all().contains("900101"));
    // The catalogue alone says nothing about values.
    let args = ["contract", "check", "--source", &url, "--sample-rows", "0"];
    assert_eq!(landbridge(dir.path(), &args).code, Some(0));
}
