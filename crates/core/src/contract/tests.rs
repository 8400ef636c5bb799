mod compare;
mod law;
mod odcs;
mod rules;

use expect_test::{Expect, expect};

use super::*;
use crate::config;

const DEMO_CONFIG: &str = include_str!("../../../../examples/demo/landbridge.yaml");
const DEMO: &str = include_str!("../../../../examples/demo/contract.yaml");

fn demo_config() -> Config {
    config::parse(config::FILE_NAME, DEMO_CONFIG).expect("the demo's file is valid")
}

fn check(text: &str, expected: Expect) {
    let shown = match parse(FILE_NAME, text, &demo_config()) {
        Ok(_) => "valid".to_owned(),
        Err(diagnostics) => diagnostics.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn the_demo_is_valid() {
    let contract = parse(FILE_NAME, DEMO, &demo_config()).expect("the demo's file is valid");
    let email = &contract.table("public", "creators").expect("a table").columns["email"];
    assert_eq!(email.tagged_class(), Some("email"));
    assert_eq!(contract.validate(&demo_config()), []);
}

#[test]
fn all_errors_are_reported_at_once() {
    check(
        r#"version: 2
tables:
  public.creators:
    columns:
      id: { source: bigint, type: BIGINT, class: none }
      email: { source: character varying, type: STRING, class: emial }
      Email: { source: character varying, type: STRING, class: email }
      age: { source: integer, type: INT64, class: email }
      1st: { source: text, type: STRING, class: none }
      _PARTITIONTIME: { source: text, type: STRING, class: none }
      "전화": { source: text, type: STRING, class: phone }
      note: { source: text, type: STRING }
      memo: { source: text, type: STRING, class: confidential, mask: SHA256 }
  public.creator-notes:
    columns: {}
  public.creator_notes:
    columns:
      id: { source: bigint, type: INT64, class: none }
  sales.links:
    table: shop.links
    columns:
      id: { source: bigint, type: INT64, class: none }
  orders:
    columns:
      id: { source: bigint, type: INT64, class: none }
"#,
        expect![[r#"
            contract.yaml:1:10: `version` must be 1, but is 2
            contract.yaml:5:35: `tables."public.creators".columns.id.type` cannot be `BIGINT`; use one of `STRING`, `BYTES`, `INT64`, `FLOAT64`, `NUMERIC`, `BIGNUMERIC`, `BOOL`, `DATE`, `TIME`, `DATETIME`, `TIMESTAMP`, `JSON`
            contract.yaml:6:64: column `email` has an unknown class `emial`; did you mean `email`?
            contract.yaml:8:51: column `age` is INT64, and BigQuery cannot apply the mask EMAIL_MASK of class `email` to this type; use a class whose mask is one of `DEFAULT_MASKING_VALUE`, `ALWAYS_NULL`, or write `class: unclassified`: its mask, ALWAYS_NULL, fits every type
            contract.yaml:12:7: key `class` is missing in `tables."public.creators".columns.note`
            contract.yaml:13:50: column `memo` has an unknown class `confidential`; define the class in `pii.classes` of landbridge.yaml, or use one of `account`, `address`, `birth`, `device`, `email`, `free_text`, `health`, `ip`, `name`, `national_id`, `phone`, `position`, `secret`, `sensitive`, `unclassified`, `none`
            contract.yaml:13:64: unknown key `mask` in `tables."public.creators".columns.memo`; use one of `name`, `source`, `type`, `mode`, `class`, `transform`, `token_domain`, `on_misfit`, `array_nulls`, `zone`, `bounds`, `resident_number`, `legal_basis`, `pinned`, `description`
            contract.yaml:15:5: `tables."public.creator-notes".columns` must not be empty
            contract.yaml:20:12: `tables."sales.links".table`: `shop.links` is not a BigQuery table name; a BigQuery table name contains only letters, digits, underscores, hyphens and spaces
            contract.yaml:23:3: `orders` is not the name of a source table; write `schema.table` (PostgreSQL) or `database.table` (MySQL)
            10 errors in contract.yaml"#]],
    );
}

#[test]
fn bounds_are_refused_where_not_everyone_may_read_the_values() {
    check(
        r#"version: 1
tables:
  public.creators:
    columns:
      id: { source: bigint, type: INT64, class: none, bounds: true }
      birth_date: { source: date, type: DATE, class: birth, bounds: true }
      age: { source: integer, type: INT64, class: unclassified, bounds: true }
      income: { source: integer, type: INT64, class: none, transform: set_null, bounds: true }
      memo: { source: text, type: STRING, class: none, bounds: true }
      sizes: { source: ARRAY, type: INT64, mode: REPEATED, class: none, bounds: true }
      note: { source: text, type: STRING, class: none, bounds: false }
      day: { source: date, type: DATE, class: none, bounds: yes }
"#,
        expect![[r#"
            contract.yaml:6:69: `bounds: true` is not possible for column `birth_date`, which has class `birth`; remove `bounds`: everyone who reads receipts would see two values of a column that not everyone may read
            contract.yaml:7:73: `bounds: true` is not possible for column `age`, which has class `unclassified`; remove `bounds`: everyone who reads receipts would see two values of a column that not everyone may read
            contract.yaml:8:89: `bounds: true` is not possible for column `income`, which has `transform: set_null`; remove `bounds`: the values of the column stay in AWS
            contract.yaml:9:64: `bounds: true` is not possible for column `memo`, which is STRING; remove `bounds`: only single numbers, dates and times have them
            contract.yaml:10:81: `bounds: true` is not possible for column `sizes`, which is ARRAY<INT64>; remove `bounds`: only single numbers, dates and times have them
            contract.yaml:12:61: `tables."public.creators".columns.day.bounds` must be `true` or `false`, but is text
            6 errors in contract.yaml"#]],
    );
}

/// A mask must fit every type that the column can get: otherwise queries of masked readers fail.
#[test]
fn masks_fit_arrays_and_columns_that_may_stay_text() {
    check(
        r#"version: 1
tables:
  public.creators:
    columns:
      id: { source: bigint, type: INT64, class: none }
      emails: { source: ARRAY, type: STRING, mode: REPEATED, class: email }
      born: { source: date, type: DATE, class: birth, on_misfit: set_null }
      birth_day: { source: date, type: DATE, class: birth, on_misfit: keep_text }
      memos: { source: ARRAY, type: STRING, mode: REPEATED, class: unclassified }
"#,
        expect![[r#"
            contract.yaml:6:69: column `emails` is ARRAY<STRING>, and BigQuery cannot apply the mask EMAIL_MASK of class `email` to this type; use a class whose mask is one of `DEFAULT_MASKING_VALUE`, `ALWAYS_NULL`, or write `class: unclassified`: its mask, ALWAYS_NULL, fits every type
            contract.yaml:8:53: column `birth_day` becomes STRING when a value does not fit (`on_misfit: keep_text`), and BigQuery cannot apply the mask DATE_YEAR_MASK of class `birth` to this type; use a class whose mask is one of `DEFAULT_MASKING_VALUE`, `ALWAYS_NULL`, or write `class: unclassified`: its mask, ALWAYS_NULL, fits every type
            2 errors in contract.yaml"#]],
    );
}

/// The table that does not get the name that its `table:` sets is masked for everyone.
#[test]
fn a_name_that_another_table_has_is_refused_whatever_its_letter_case() {
    let check_tables = |tables: &[(&str, &str)], expect: Expect| {
        let entry = |(name, table): &(&str, &str)| {
            let set =
                if table.is_empty() { String::new() } else { format!("    table: {table}\n") };
            format!(
                "  {name}:\n{set}    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n"
            )
        };
        let tables: String = tables.iter().map(entry).collect();
        check(&format!("version: 1\ntables:\n{tables}"), expect);
    };
    check_tables(
        &[
            ("public.customers", ""),
            ("public.orders", "archive"),
            ("public.people", "Customers"),
            ("sales.old", "archive"),
        ],
        expect![[r#"
            contract.yaml:11:12: tables `public.customers` and `public.people` would be loaded into the BigQuery tables `customers` and `Customers`, which count as one: letter case does not distinguish tables in every dataset; set another name for one of them, for example `table: Customers_2`
            contract.yaml:15:12: tables `public.orders` and `sales.old` would both be loaded into the BigQuery table `archive`; set another name for one of them, for example `table: archive_2`
            2 errors in contract.yaml"#]],
    );
    check_tables(&[("public.Customers", ""), ("public.customers", "")], expect!["valid"]);
}

#[test]
fn two_mysql_databases_with_the_same_bigquery_table() {
    let table = |name: &str| {
        format!(
            "  {name}:\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n"
        )
    };
    let text = format!("version: 1\ntables:\n{}{}", table("blog.orders"), table("shop.orders"));
    check(
        &text,
        expect![[r#"
            contract.yaml:6:3: tables `blog.orders` and `shop.orders` would both be loaded into the BigQuery table `orders`; set another name for one of them, for example `table: orders_2`
            1 error in contract.yaml"#]],
    );
}

#[test]
fn names_that_cannot_be_given_are_errors() {
    let text = r#"version: 1
tables:
  public.people:
    columns:
      "이름": { name: customer.name, source: text, type: STRING, class: name }
      email: { source: text, type: STRING, class: email }
      mail: { name: Email, source: text, type: STRING, class: email }
      old: { name: email, source: text, type: STRING, class: none, transform: drop }
      tel: { name: "전화", source: text, type: STRING, class: phone }
      Phone: { source: text, type: STRING, class: phone }
      phone: { source: text, type: STRING, class: phone }
  public.orders:
    table: "주문/내역"
    columns:
      id: { name: _TABLE_id, source: bigint, type: INT64, class: none }
"#;
    check(
        text,
        expect![[r#"
        contract.yaml:5:21: `tables."public.people".columns.이름.name`: `customer.name` is not a BigQuery column name; a BigQuery column name contains only letters, digits, spaces and the characters _ - & % = + : ' < > # |
        contract.yaml:7:21: columns `email` and `mail` would both be named `Email`; BigQuery ignores letter case; write another `name:` for one of them, for example `Email_2`
        contract.yaml:13:12: `tables."public.orders".table`: `주문/내역` is not a BigQuery table name; a BigQuery table name contains only letters, digits, underscores, hyphens and spaces
        contract.yaml:15:19: `tables."public.orders".columns.id.name`: `_TABLE_id` is not a BigQuery column name; a BigQuery column name does not start with a reserved prefix
        4 errors in contract.yaml"#]],
    );
    let plain = DEMO_CONFIG.replace("warehouse:\n", "warehouse:\n  column_names: plain\n");
    let config = config::parse(config::FILE_NAME, &plain).expect("a valid file");
    let text = "version: 1\ntables:\n  public.t:\n    columns:\n      tel: { name: 전화, source: text, type: STRING, class: phone }\n";
    let error = parse(FILE_NAME, text, &config).expect_err("a name that is not plain");
    expect![[r#"
        contract.yaml:5:20: column `tel` cannot be named `전화`: a plain column name contains only ASCII letters, digits and underscores; write another name, for example `jeonhwa`, or set `warehouse.column_names: flexible` in landbridge.yaml
        1 error in contract.yaml"#]].assert_eq(&error.to_string());
}

#[test]
fn default_table_names() {
    let rows = [
        ("shop", "public", "creators"),
        ("shop", "shop", "orders"),
        ("shop", "sales", "orders"),
        ("shop", "public", "odd name-2"),
        ("shop", "a.b", "c"),
    ];
    let shown: Vec<String> = rows
        .iter()
        .map(|(database, schema, table)| {
            format!(
                "{database} / {schema}.{table} → {}",
                default_table_name(database, schema, table)
            )
        })
        .collect();
    expect![[r#"
        shop / public.creators → creators
        shop / shop.orders → orders
        shop / sales.orders → sales__orders
        shop / public.odd name-2 → odd name-2
        shop / a.b.c → a_b__c"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn the_contract_can_set_the_table_name() {
    let mut contract =
        Contract { version: VERSION, others: Others::Unclassified, tables: BTreeMap::new() };
    let entry = TableContract { table: Some("people".into()), ..TableContract::default() };
    contract.tables.insert("public.creators".into(), entry);
    assert_eq!(contract.bigquery_table_name("shop", "public", "creators"), "people");
    assert_eq!(contract.bigquery_table_name("shop", "public", "links"), "links");
}

/// Name, source type, type in BigQuery; the class that is proposed.
#[test]
fn proposed_classes() {
    use BigQueryType::{Bytes, Date, DateTime, Float64, Int64, Json, String};
    let columns = [
        ("id", "bigint", Int64),
        ("user_id", "bigint", Int64),
        ("user_id", "character varying", String),
        ("public_id", "uuid", String),
        ("email", "character varying", String),
        ("email_address", "text", String),
        ("emailVerified", "boolean", BigQueryType::Bool),
        ("email_sent_at", "timestamp with time zone", String),
        ("born_at", "timestamp with time zone", String),
        ("contactPhone", "character varying", String),
        ("phone", "bigint", Int64),
        ("hyudae_no", "varchar", String),
        ("휴대폰번호", "varchar", String),
        ("first_name", "character varying", String),
        ("name", "text", String),
        ("ireum", "varchar", String),
        ("birth_date", "date", String),
        ("birth_date", "date", Date),
        ("saengil", "varchar", String),
        ("bank_account_no", "character varying", String),
        ("account_id", "bigint", Int64),
        ("gyejwa_beonho", "varchar", String),
        ("iban", "text", String),
        ("passport_no", "character varying", String),
        ("passport_id", "bigint", Int64),
        ("jumin_no", "char", String),
        ("ip_address", "inet", String),
        ("juso", "text", String),
        ("password_hash", "text", String),
        ("age", "integer", Int64),
        ("clicked_at", "timestamp with time zone", String),
        ("clicked_at", "datetime", DateTime),
        ("booked_on", "date", String),
        ("anniversary", "date", String),
        ("amount", "numeric", String),
        ("rate", "double precision", Float64),
        ("status", "character varying", String),
        ("memo", "text", String),
        ("tags", "ARRAY", String),
        ("profile", "json", Json),
        ("photo", "bytea", Bytes),
        ("kind", "USER-DEFINED", String),
        ("filename", "text", String),
    ];
    let config = demo_config();
    let mut shown = std::string::String::new();
    for (name, source_type, bigquery_type) in columns {
        let table = ProposedTable {
            schema: "public".into(),
            name: "t".into(),
            columns: vec![ProposedColumn {
                mode: Mode::Nullable,
                name: name.into(),
                source_type: source_type.into(),
                bigquery_type,
            }],
        };
        let contract = Contract::propose(&[table], &config);
        let problems = contract.validate(&config);
        let of_class = problems.iter().find(|problem| problem.path.last_key() == Some("class"));
        assert_eq!(of_class, None);
        let class = &contract.tables["public.t"].columns[name].class;
        shown.push_str(&format!("{name} {source_type} {bigquery_type}: {class}\n"));
    }
    expect![[r#"
        id bigint INT64: none
        user_id bigint INT64: none
        user_id character varying STRING: name
        public_id uuid STRING: none
        email character varying STRING: email
        email_address text STRING: email
        emailVerified boolean BOOL: none
        email_sent_at timestamp with time zone STRING: none
        born_at timestamp with time zone STRING: sensitive
        contactPhone character varying STRING: phone
        phone bigint INT64: phone
        hyudae_no varchar STRING: phone
        휴대폰번호 varchar STRING: phone
        first_name character varying STRING: name
        name text STRING: name
        ireum varchar STRING: name
        birth_date date STRING: sensitive
        birth_date date DATE: birth
        saengil varchar STRING: sensitive
        bank_account_no character varying STRING: account
        account_id bigint INT64: none
        gyejwa_beonho varchar STRING: account
        iban text STRING: account
        passport_no character varying STRING: national_id
        passport_id bigint INT64: national_id
        jumin_no char STRING: national_id
        ip_address inet STRING: ip
        juso text STRING: address
        password_hash text STRING: secret
        age integer INT64: sensitive
        clicked_at timestamp with time zone STRING: none
        clicked_at datetime DATETIME: none
        booked_on date STRING: none
        anniversary date STRING: unclassified
        amount numeric STRING: none
        rate double precision FLOAT64: none
        status character varying STRING: none
        memo text STRING: free_text
        tags ARRAY STRING: none
        profile json JSON: free_text
        photo bytea BYTES: sensitive
        kind USER-DEFINED STRING: none
        filename text STRING: none
    "#]]
    .assert_eq(&shown);
}

#[test]
fn existing_entries_are_not_changed() {
    let config = demo_config();
    let mut contract = parse(FILE_NAME, DEMO, &config).expect("the demo's file is valid");
    let before = contract.clone();
    let creators = ProposedTable {
        schema: "public".into(),
        name: "creators".into(),
        columns: ["email", "passport_no"]
            .map(|name| ProposedColumn {
                mode: Mode::Nullable,
                name: name.into(),
                source_type: "text".into(),
                bigquery_type: BigQueryType::String,
            })
            .into(),
    };
    contract.add_missing(&[creators], &Samples::new(), &config);
    let columns = &mut contract.tables.get_mut("public.creators").expect("a table").columns;
    let added = columns.remove("passport_no").expect("the new column");
    assert_eq!(added.class, "national_id");
    assert_eq!(contract, before);
}

#[test]
fn rendered_text_reads_back() {
    let column = |source: &str, class: &str, description: Option<&str>| ColumnContract {
        description: description.map(Into::into),
        ..ColumnContract::new(source, BigQueryType::String, class)
    };
    let columns = [
        (
            "email".to_owned(),
            column("character varying", "email", Some("where: \"invoices\" go\nif any")),
        ),
        ("no".to_owned(), column("decimal(10,2)", "none", None)),
        (
            "size".to_owned(),
            ColumnContract {
                bigquery_type: BigQueryType::Int64,
                bounds: true,
                ..column("bigint", "none", None)
            },
        ),
        ("off".to_owned(), column("USER-DEFINED", "unclassified", Some("#1, - & * { }"))),
        (
            "seen".to_owned(),
            ColumnContract {
                bigquery_type: BigQueryType::Timestamp,
                zone: Some("Europe/Paris".into()),
                ..column("timestamp without time zone", "none", None)
            },
        ),
    ];
    let table = TableContract {
        table: Some("people".into()),
        description: Some("  spaced: ".into()),
        owners: vec!["group:payments@example.com".into(), "#sales, a: b".into()],
        consumers: vec!["the weekly report".into()],
        time_travel_forbidden: true,
        zone: Some("Asia/Seoul".into()),
        others: Some(Others::Hold),
        columns: columns.into(),
    };
    let contract = Contract {
        version: VERSION,
        others: Others::Drop,
        tables: [("public.creators".to_owned(), table)].into(),
    };
    let text = contract.render();
    expect![[r##"
        # Every column that users may read in BigQuery, with its type and class.
        # class: one of `pii.classes` in landbridge.yaml, `none` (readable by everyone
        # with access to the dataset) or `unclassified` (NULL for everyone). Columns
        # that this file does not name stay in AWS.
        version: 1
        others: drop
        tables:
          "public.creators":
            table: people
            description: "  spaced: "
            owners: ["group:payments@example.com", "#sales, a: b"]
            consumers: [the weekly report]
            time_travel_forbidden: true
            zone: Asia/Seoul
            others: hold
            columns:
              email: { source: character varying, type: STRING, class: email, description: "where: \"invoices\" go\nif any" }
              "no": { source: "decimal(10,2)", type: STRING, class: none }
              "off": { source: USER-DEFINED, type: STRING, class: unclassified, description: "#1, - & * { }" }
              seen: { source: timestamp without time zone, type: TIMESTAMP, class: none, zone: Europe/Paris }
              size: { source: bigint, type: INT64, class: none, bounds: true }
    "##]].assert_eq(&text);
    assert_eq!(parse(FILE_NAME, &text, &demo_config()), Ok(contract));

    let demo = parse(FILE_NAME, DEMO, &demo_config()).expect("the demo's file is valid");
    assert_eq!(parse(FILE_NAME, &demo.render(), &demo_config()), Ok(demo));
}
