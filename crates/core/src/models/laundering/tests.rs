use expect_test::{Expect, expect};

use super::*;
use crate::{config, contract};

const DEMO: &str = include_str!("../../../../../examples/demo/landbridge.yaml");
const CONTRACT: &str = include_str!("../../../../../examples/demo/contract.yaml");

/// The demo, where also finance reads the models but no class.
fn files() -> (Config, Contract) {
    let mut config = config::parse("landbridge.yaml", DEMO).expect("a valid configuration");
    let models = config.warehouse.models.as_mut().expect("the demo has models");
    models.readers.push("group:finance@example.com".to_owned());
    let contract = contract::parse("contract.yaml", CONTRACT, &config).expect("a valid contract");
    (config, contract)
}

fn model(dataset: Option<&str>, sql: &str) -> Model {
    Model {
        name: "m".to_owned(),
        project: None,
        dataset: dataset.map(str::to_owned),
        beside: Vec::new(),
        sql: sql.to_owned(),
    }
}

/// The refusals of each query, in one line each.
fn check(queries: &[&str], expected: Expect) {
    let (config, contract) = files();
    let mut text = String::new();
    for sql in queries {
        let model = model(None, sql);
        let found: Vec<String> = refusals(&config, &contract, &model)
            .iter()
            .map(|refusal| match refusal {
                Refusal::Launders { column, class, readers } => {
                    assert_eq!(readers.as_slice(), ["group:finance@example.com"]);
                    format!("{column} ({class})")
                }
                other => other.to_string(),
            })
            .collect();
        text += &format!(
            "{sql}\n    {}\n",
            if found.is_empty() { "good".to_owned() } else { found.join("; ") }
        );
    }
    expected.assert_eq(&text);
}

#[test]
fn a_model_that_uses_a_class_is_refused_if_a_reader_may_not_read_the_class() {
    check(
        &[
            "SELECT id, amount FROM shop.bookings",
            "SELECT id, traveller_email FROM shop.bookings",
            "SELECT id, SHA256(b.Traveller_Email) FROM `shop-analytics.shop.bookings` AS b",
            "SELECT * FROM shop-analytics.shop.bookings",
            "SELECT * EXCEPT (traveller_email, traveller_name) FROM `shop-analytics`.`shop`.`bookings`",
            "SELECT b.* EXCEPT (traveller_email), 1 FROM shop_views.bookings b",
            "SELECT COUNT(*), 2 * nights FROM shop.bookings",
            "SELECT id FROM shop.bookings WHERE traveller_name LIKE 'A%'",
            "SELECT bookings FROM shop.bookings",
            "SELECT TO_JSON_STRING(t) FROM shop.bookings AS t",
            "SELECT ARRAY_AGG(offset) FROM shop.bookings offset",
            "SELECT 1 - id - birth_date FROM shop.creators",
            "SELECT partners.name FROM shop.partners JOIN shop.creators c ON c.id = partners.id",
            "SELECT name FROM shop.partners JOIN shop.creators c ON c.id = partners.id",
            "WITH p AS (SELECT name FROM shop.partners), c AS (SELECT id FROM shop.creators) SELECT * FROM p, c",
            "WITH p AS (SELECT * FROM shop.clicks) SELECT id FROM p",
            "SELECT id, (SELECT MAX(traveller_email) FROM UNNEST([1])) AS x FROM shop.bookings",
            "SELECT 1 FROM shop.clicks UNION ALL SELECT * FROM shop.links",
            "SELECT 1 FROM shop.links UNION ALL SELECT * FROM shop.clicks",
            "SELECT EXTRACT(DAY FROM booked_at), NULL AS traveller_email FROM shop.bookings",
            "SELECT x FROM shop.links, shop.bookings, UNNEST([traveller_name]) x",
            "SELECT 1 FROM shop.links shop, (SELECT * FROM shop.clicks)",
            "SELECT (SELECT AS STRUCT t.*) AS s FROM shop.bookings AS t",
            "SELECT ARRAY(SELECT AS STRUCT b.* EXCEPT (traveller_email) FROM UNNEST([1])) FROM shop.bookings b",
            "SELECT (SELECT AS STRUCT l.* FROM shop.links l WHERE l.id = b.link_id) FROM shop.bookings b",
            "SELECT y FROM shop.bookings UNPIVOT (y FOR n IN (nights, link_id))",
        ],
        expect![[r#"
            SELECT id, amount FROM shop.bookings
                good
            SELECT id, traveller_email FROM shop.bookings
                bookings.traveller_email (email)
            SELECT id, SHA256(b.Traveller_Email) FROM `shop-analytics.shop.bookings` AS b
                bookings.traveller_email (email)
            SELECT * FROM shop-analytics.shop.bookings
                bookings.traveller_email (email); bookings.traveller_name (name)
            SELECT * EXCEPT (traveller_email, traveller_name) FROM `shop-analytics`.`shop`.`bookings`
                good
            SELECT b.* EXCEPT (traveller_email), 1 FROM shop_views.bookings b
                bookings.traveller_name (name)
            SELECT COUNT(*), 2 * nights FROM shop.bookings
                good
            SELECT id FROM shop.bookings WHERE traveller_name LIKE 'A%'
                bookings.traveller_name (name)
            SELECT bookings FROM shop.bookings
                bookings.traveller_email (email); bookings.traveller_name (name)
            SELECT TO_JSON_STRING(t) FROM shop.bookings AS t
                bookings.traveller_email (email); bookings.traveller_name (name)
            SELECT ARRAY_AGG(offset) FROM shop.bookings offset
                bookings.traveller_email (email); bookings.traveller_name (name)
            SELECT 1 - id - birth_date FROM shop.creators
                creators.birth_date (birth)
            SELECT partners.name FROM shop.partners JOIN shop.creators c ON c.id = partners.id
                good
            SELECT name FROM shop.partners JOIN shop.creators c ON c.id = partners.id
                creators.name (name)
            WITH p AS (SELECT name FROM shop.partners), c AS (SELECT id FROM shop.creators) SELECT * FROM p, c
                good
            WITH p AS (SELECT * FROM shop.clicks) SELECT id FROM p
                clicks.ip (ip)
            SELECT id, (SELECT MAX(traveller_email) FROM UNNEST([1])) AS x FROM shop.bookings
                bookings.traveller_email (email)
            SELECT 1 FROM shop.clicks UNION ALL SELECT * FROM shop.links
                good
            SELECT 1 FROM shop.links UNION ALL SELECT * FROM shop.clicks
                clicks.ip (ip)
            SELECT EXTRACT(DAY FROM booked_at), NULL AS traveller_email FROM shop.bookings
                good
            SELECT x FROM shop.links, shop.bookings, UNNEST([traveller_name]) x
                bookings.traveller_name (name)
            SELECT 1 FROM shop.links shop, (SELECT * FROM shop.clicks)
                clicks.ip (ip)
            SELECT (SELECT AS STRUCT t.*) AS s FROM shop.bookings AS t
                bookings.traveller_email (email); bookings.traveller_name (name)
            SELECT ARRAY(SELECT AS STRUCT b.* EXCEPT (traveller_email) FROM UNNEST([1])) FROM shop.bookings b
                bookings.traveller_name (name)
            SELECT (SELECT AS STRUCT l.* FROM shop.links l WHERE l.id = b.link_id) FROM shop.bookings b
                good
            SELECT y FROM shop.bookings UNPIVOT (y FOR n IN (nights, link_id))
                bookings.traveller_email (email); bookings.traveller_name (name)
        "#]],
    );
}

/// Fail closed: a text that could read columns without naming them is refused.
#[test]
fn what_is_not_understood_is_refused() {
    check(
        &[
            "SELECT * FROM {{ ref('bookings') }}",
            "CREATE TABLE x AS SELECT 1",
            "SELECT 1; SELECT 2",
            "FROM shop.bookings",
            "SELECT 1 FROM shop.links |> WHERE TRUE",
            "SELECT * FROM (FROM shop.bookings)",
            "SELECT * FROM bookings",
            "SELECT * FROM reports.people",
            "SELECT * FROM analytics_250794857.events_20261120, shop_models.stg_bookings, landbridge_ops.receipts",
            "SELECT * FROM `shop-analytics.shop.book*`",
            "SELECT * FROM shop.secrets",
            "SELECT shop.f(id) FROM shop.links",
            "SELECT clean(id), `Upper`(id), COUNT (*) OVER (PARTITION BY id) FROM shop.links WHERE id IN (1)",
            "SELECT * FROM reports.people_of(1)",
            "SELECT SAFE.PARSE_JSON(terms), ML.NORM(id) FROM shop.partners",
            "SELECT * FROM APPENDS(TABLE shop.clicks, NULL, NULL)",
            "SELECT * FROM EXTERNAL_QUERY('c', 'SELECT 1')",
            "SELECT * FROM GRAPH_TABLE(shop.people MATCH (p) RETURN p.email)",
            "SELECT * FROM others.shop_models.users, shop-analytics.shop_models.users",
            "SELECT * FROM `others.shop.links`",
            "SELECT * FROM others.analytics_250794857.events_20261120",
            "WITH reports AS (SELECT 1 AS id) SELECT * FROM reports.people",
            "WITH r AS (SELECT tags FROM shop.partners) SELECT tag FROM r, r.tags AS tag",
            "SELECT * FROM shop.links FOR SYSTEM_TIME AS OF t",
            "SELECT table_name FROM shop.INFORMATION_SCHEMA.TABLES",
            "SELECT query FROM `region-us`.INFORMATION_SCHEMA.JOBS",
            "SELECT * FROM (shop.links l JOIN shop.clicks c ON c.link_id = l.id)",
            "SELECT * FROM ((SELECT 1 AS id) l JOIN shop.clicks c USING (id))",
            "SELECT 'it''s",
            "SELECT `a\\x62` FROM shop.links",
            "SELECT \"traveller_email\", r'\\\\', '''shop.clicks''' /* * */ FROM shop.bookings -- clicks.*",
        ],
        expect![[r#"
            SELECT * FROM {{ ref('bookings') }}
                it is a template, not the compiled query; compile it first (`dbt compile`, `dataform compile --json`)
            CREATE TABLE x AS SELECT 1
                it does not begin with SELECT or WITH; only a query is checked
            SELECT 1; SELECT 2
                it has more than one statement; only a single query is checked
            FROM shop.bookings
                it does not begin with SELECT or WITH; only a query is checked
            SELECT 1 FROM shop.links |> WHERE TRUE
                it uses pipe syntax, which is not checked; write SELECT … FROM
            SELECT * FROM (FROM shop.bookings)
                what is read after FROM, JOIN or a comma is not understood
            SELECT * FROM bookings
                it reads from `bookings`, which is neither a subquery of it nor a table with its dataset; write `dataset.table`
            SELECT * FROM reports.people
                it reads `reports.people`; if reports contains no personal data that a reader of the models may not read, add it to warehouse.models.reads
            SELECT * FROM analytics_250794857.events_20261120, shop_models.stg_bookings, landbridge_ops.receipts
                good
            SELECT * FROM `shop-analytics.shop.book*`
                it reads `shop-analytics.shop.book*`, a wildcard; name the tables
            SELECT * FROM shop.secrets
                it reads `shop.secrets`, which contract.yaml does not contain; add the table
            SELECT shop.f(id) FROM shop.links
                it calls `shop.f`, whose text is not known; write it as a part of the query
            SELECT clean(id), `Upper`(id), COUNT (*) OVER (PARTITION BY id) FROM shop.links WHERE id IN (1)
                it calls `clean`, which is no function of GoogleSQL; write its text as a part of the query
            SELECT * FROM reports.people_of(1)
                it calls `reports.people_of`, whose text is not known; write it as a part of the query
            SELECT SAFE.PARSE_JSON(terms), ML.NORM(id) FROM shop.partners
                good
            SELECT * FROM APPENDS(TABLE shop.clicks, NULL, NULL)
                clicks.ip (ip)
            SELECT * FROM EXTERNAL_QUERY('c', 'SELECT 1')
                it calls EXTERNAL_QUERY, which reads another database
            SELECT * FROM GRAPH_TABLE(shop.people MATCH (p) RETURN p.email)
                it reads from GRAPH_TABLE(…), which is not checked
            SELECT * FROM others.shop_models.users, shop-analytics.shop_models.users
                it reads `others.shop_models.users`; if others.shop_models contains no personal data that a reader of the models may not read, add it to warehouse.models.reads
            SELECT * FROM `others.shop.links`
                it reads `others.shop.links`; if others.shop contains no personal data that a reader of the models may not read, add it to warehouse.models.reads
            SELECT * FROM others.analytics_250794857.events_20261120
                good
            WITH reports AS (SELECT 1 AS id) SELECT * FROM reports.people
                it reads `reports.people`; if reports contains no personal data that a reader of the models may not read, add it to warehouse.models.reads
            WITH r AS (SELECT tags FROM shop.partners) SELECT tag FROM r, r.tags AS tag
                good
            SELECT * FROM shop.links FOR SYSTEM_TIME AS OF t
                it reads former rows (FOR SYSTEM_TIME), which is not checked
            SELECT table_name FROM shop.INFORMATION_SCHEMA.TABLES
                good
            SELECT query FROM `region-us`.INFORMATION_SCHEMA.JOBS
                it reads `region-us.INFORMATION_SCHEMA.JOBS`, which contains the texts of queries
            SELECT * FROM (shop.links l JOIN shop.clicks c ON c.link_id = l.id)
                what is read after FROM, JOIN or a comma is not understood
            SELECT * FROM ((SELECT 1 AS id) l JOIN shop.clicks c USING (id))
                it has a join in parentheses, which is not checked; leave them out
            SELECT 'it''s
                a string does not end
            SELECT `a\x62` FROM shop.links
                a name in backticks contains an escape; write the character
            SELECT "traveller_email", r'\\', '''shop.clicks''' /* * */ FROM shop.bookings -- clicks.*
                good
        "#]],
    );
}

#[test]
fn what_learns_or_sends_gets_columns_without_a_class_only() {
    let (config, contract) = files();
    let found = |sql: &str| -> Vec<String> {
        refusals(&config, &contract, &model(None, sql)).iter().map(ToString::to_string).collect()
    };
    let of = |column: &str| {
        vec![format!(
            "it calls a function of AI or ML and uses {column}, in whatever form; a trained model and a prompt get columns of class none only, so leave the column out"
        )]
    };
    for call in ["AI.GENERATE_TEXT", "ai . generate_text", "`ML.GENERATE_TEXT`"] {
        let sql = |column: &str| {
            format!(
                "SELECT * FROM {call}(MODEL shop_models.gemini, (SELECT {column} AS prompt FROM shop.creators))"
            )
        };
        assert_eq!(found(&sql("tier")), Vec::<String>::new(), "{call}");
        assert_eq!(found(&sql("SUBSTR(phone, 9)")), of("creators.phone of class phone"), "{call}");
        assert_eq!(found(&sql("account_no")), of("creators.account_no, a token"), "{call}");
    }
    let scalar = "SELECT AI.GENERATE(CONCAT('Who is ', name)) FROM shop.creators";
    assert_eq!(found(scalar), of("creators.name of class name"));
    // Without such a function, a reader of every class may see masks, and everyone a token.
    assert_eq!(found("SELECT account_no, ai.tier FROM shop.creators AS ai"), Vec::<String>::new());
}

#[test]
fn readers_of_every_class_may_read_every_model() {
    let (mut config, contract) = files();
    let model = |dataset: Option<&str>| model(dataset, "SELECT * FROM shop.bookings");
    config.warehouse.models.as_mut().expect("models").readers.pop();
    assert_eq!(refusals(&config, &contract, &model(Some("shop_models"))), []);
    // Elsewhere, others read it.
    let found = refusals(&config, &contract, &model(Some("public_reports")));
    assert!(
        matches!(found.as_slice(), [Refusal::NotUnderstood { why }] if why.contains("public_reports"))
    );
    let elsewhere = Model { project: Some("others".to_owned()), ..model(None) };
    assert_eq!(refusals(&config, &contract, &elsewhere).len(), 1);
    let hooked = Model { beside: vec!["`post-hook`".to_owned()], ..model(None) };
    assert_eq!(refusals(&config, &contract, &hooked).len(), 1);
    config.warehouse.models = None;
    assert_eq!(refusals(&config, &contract, &model(None)).len(), 1);
}

#[test]
fn an_unclassified_column_is_refused_although_it_is_null() {
    let (config, mut contract) = files();
    let links = contract.tables.get_mut("public.links").expect("links");
    links.columns.get_mut("url").expect("url").class = CLASS_UNCLASSIFIED.to_owned();
    let found = refusals(&config, &contract, &model(None, "SELECT url FROM shop.links"));
    assert_eq!(found, [Refusal::Unclassified { column: "links.url".to_owned() }]);
}

#[test]
fn the_tables_of_a_query_are_its_paths() {
    let paths = |sql: &str| {
        tables_of(sql).map(|paths| paths.into_iter().map(|it| it.join("/")).collect::<Vec<_>>())
    };
    let found = paths("SELECT a FROM `p.d.orders` AS o JOIN d.users USING (id)");
    assert_eq!(found, Ok(vec!["p/d/orders".to_owned(), "d/users".to_owned()]));
    assert!(paths("UPDATE d.t SET a = 1").is_err());
}

/// Words that look like others: each of these queries reads what it says and nothing else.
#[test]
fn words_that_look_like_others() {
    check(
        &[
            "SELECT id FROM shop.bookings WHERE traveller_name IS DISTINCT FROM 'a'",
            "SELECT id FROM shop.bookings WHERE nights IS NOT DISTINCT FROM link_id",
            "SELECT DISTINCT FROM_ FROM shop.bookings",
            "SELECT 2 * id, -1 * id, id * (3) FROM shop.bookings",
            "SELECT id | nights FROM shop.bookings",
            "SELECT id FROM shop.bookings |> WHERE id = 1",
            "SELECT `ML.PREDICT`(1) FROM shop.creators",
            "SELECT ml.predict FROM shop.creators AS ml",
            "SELECT `ai`.generate(name) FROM shop.creators",
            "SELECT ml.email (1) FROM shop.creators AS ml",
            "WITH creators AS (SELECT 1 AS name) SELECT name FROM creators",
            "SELECT 1 AS x, name AS y FROM shop.creators",
            "SELECT `id` AS `b` FROM shop.`bookings`",
            "SELECT x.nights FROM shop.bookings `x`",
            "SELECT id FROM APPENDS(TABLE shop.bookings, NULL, NULL)",
            "SELECT * FROM APPENDS(TABLE shop.bookings, NULL, NULL)",
            "WITH b AS (SELECT id FROM shop.bookings) SELECT * FROM GAP_FILL(TABLE b, ts_column => 'id')",
            "SELECT * FROM VECTOR_SEARCH(TABLE shop.bookings, 'id', TABLE shop.creators)",
            "SELECT * FROM ML.PREDICT(MODEL shop.m, TABLE shop.bookings)",
            "SELECT l.*, b.id FROM shop.links l, shop.bookings b",
            "SELECT COUNT(*) FROM shop.bookings b",
            "SELECT COUNT(DISTINCT b.id) * 2 FROM shop.bookings b",
        ],
        expect![[r#"
            SELECT id FROM shop.bookings WHERE traveller_name IS DISTINCT FROM 'a'
                bookings.traveller_name (name)
            SELECT id FROM shop.bookings WHERE nights IS NOT DISTINCT FROM link_id
                good
            SELECT DISTINCT FROM_ FROM shop.bookings
                good
            SELECT 2 * id, -1 * id, id * (3) FROM shop.bookings
                good
            SELECT id | nights FROM shop.bookings
                good
            SELECT id FROM shop.bookings |> WHERE id = 1
                it uses pipe syntax, which is not checked; write SELECT … FROM
            SELECT `ML.PREDICT`(1) FROM shop.creators
                good
            SELECT ml.predict FROM shop.creators AS ml
                good
            SELECT `ai`.generate(name) FROM shop.creators
                it calls a function of AI or ML and uses creators.name of class name, in whatever form; a trained model and a prompt get columns of class none only, so leave the column out
            SELECT ml.email (1) FROM shop.creators AS ml
                it calls a function of AI or ML and uses creators.email of class email, in whatever form; a trained model and a prompt get columns of class none only, so leave the column out
            WITH creators AS (SELECT 1 AS name) SELECT name FROM creators
                good
            SELECT 1 AS x, name AS y FROM shop.creators
                creators.name (name)
            SELECT `id` AS `b` FROM shop.`bookings`
                good
            SELECT x.nights FROM shop.bookings `x`
                good
            SELECT id FROM APPENDS(TABLE shop.bookings, NULL, NULL)
                bookings.traveller_email (email); bookings.traveller_name (name)
            SELECT * FROM APPENDS(TABLE shop.bookings, NULL, NULL)
                bookings.traveller_email (email); bookings.traveller_name (name)
            WITH b AS (SELECT id FROM shop.bookings) SELECT * FROM GAP_FILL(TABLE b, ts_column => 'id')
                good
            SELECT * FROM VECTOR_SEARCH(TABLE shop.bookings, 'id', TABLE shop.creators)
                bookings.traveller_email (email); bookings.traveller_name (name); creators.birth_date (birth); creators.email (email); creators.name (name); creators.name_en (name); creators.phone (phone)
            SELECT * FROM ML.PREDICT(MODEL shop.m, TABLE shop.bookings)
                it reads `shop.m`, which contract.yaml does not contain; add the table
            SELECT l.*, b.id FROM shop.links l, shop.bookings b
                bookings.traveller_email (email); bookings.traveller_name (name)
            SELECT COUNT(*) FROM shop.bookings b
                good
            SELECT COUNT(DISTINCT b.id) * 2 FROM shop.bookings b
                good
        "#]],
    );
}
