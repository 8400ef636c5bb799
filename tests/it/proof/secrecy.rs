//! What the records of figures reveal: nothing without the key.

use super::*;

/// The cells of a column of the test's source.
fn cells(table: &str, column: usize) -> Vec<String> {
    let people = [
        ["1", "김민준", "minjun@example.com", "hidden words"],
        ["2", "Ada Example", "ada@example.org", ""],
        ["3", "", "no address", "also not"],
    ];
    match table {
        "people" => {
            people.iter().map(|row| row[column].to_owned()).filter(|it| !it.is_empty()).collect()
        }
        _ => (0..300_usize)
            .filter(|n| !(n + column).is_multiple_of(11))
            .map(|n| match column {
                17 if n % 10 == 0 => "no address".to_owned(),
                17 => format!("p{n}@example.com"),
                _ => format!("010-{n:04}"),
            })
            .collect(),
    }
}

/// Every form in which an unkeyed hash of these values, or the figures of the column, could be written.
fn oracles(values: &[String]) -> BTreeSet<String> {
    let mut figures = Figures::none(None);
    let mut numbers = Vec::new();
    let mut texts = BTreeSet::new();
    for value in values {
        let hash = fingerprint(value.as_bytes());
        figures.add(hash);
        numbers.push(hash);
        let sha = Sha256::digest(value.as_bytes());
        texts.insert(STANDARD.encode(sha));
        texts.insert(URL_SAFE_NO_PAD.encode(sha));
        texts.insert(hex(&sha));
    }
    numbers.push(figures.xor);
    for number in numbers {
        texts.extend([
            number.to_string(),
            number.cast_signed().to_string(),
            format!("{number:016x}"),
        ]);
        texts
            .extend([STANDARD.encode(number.to_be_bytes()), STANDARD.encode(number.to_le_bytes())]);
    }
    texts.insert(figures.sum.to_string());
    texts.insert(hex(&figures.sum.to_be_bytes()));
    texts
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The sum of the hashes of values, as a number.
fn sum_of(values: &[String]) -> String {
    let mut figures = Figures::none(None);
    values.iter().for_each(|value| figures.add(fingerprint(value.as_bytes())));
    figures.sum.to_string()
}

/// Everything that a reader of `landbridge_ops` sees: tables and views.
async fn ops_dataset(env: &TestEnv) -> String {
    let mut seen = String::new();
    let names = env.cloud.google().table_ids("landbridge_ops");
    assert_eq!(names.len(), 7, "{names:?}");
    for name in names {
        let sql = format!("SELECT TO_JSON_STRING(t) FROM landbridge_ops.{name} AS t");
        let rows = env.query(Analyst, &sql).await.expect("rows").concat();
        let needs_rows = name != "incidents";
        assert!(!needs_rows || !rows.is_empty(), "{name} is empty");
        seen += &rows.concat();
    }
    seen
}

/// A person who reads the ledger and `landbridge_ops` of two days, the log and everything that is sent beside the
/// rows, and has a dictionary of all values of the columns with a class, finds none of them confirmed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_reveal_nothing_without_the_key() {
    let env = published("proof: { key: landbridge/shop/proof-key, kept: always }\n").await;
    assert!(env.run_day(1).await.is_empty());
    let mut written = env.log_output();
    let mut sealed = Vec::new();
    for (name, bytes) in env.ledger("").await {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if name.contains("/items/") {
            let record: Value = serde_json::from_str(&text).expect("a record");
            let figures = record["proof"].as_object().expect("figures");
            sealed.extend(figures.values().map(|it| it.as_str().expect("text").to_owned()));
        }
        written += &text;
    }
    // A reader knows how a record is encoded.
    for record in &sealed {
        let (_, encoded) = record.split_once('_').expect("a prefix");
        let bytes = URL_SAFE_NO_PAD.decode(encoded).expect("base64");
        written.push(' ');
        written += &hex(&bytes);
    }
    for (name, bytes) in env.landing_objects() {
        if !name.ends_with(".parquet") {
            written += &String::from_utf8_lossy(&bytes);
        }
    }
    written += &ops_dataset(&env).await;
    let classed = [("people", 1), ("people", 2), ("people", 3), ("kinds", 17), ("kinds", 18)];
    let oracles: BTreeSet<String> =
        classed.iter().flat_map(|(table, column)| oracles(&cells(table, *column))).collect();
    let found = |text: &str| oracles.iter().filter(|it| text.contains(it.as_str())).count();
    assert_eq!(found(&written), 0, "a value can be confirmed");
    // The search finds what it looks for.
    let mail = fingerprint(b"minjun@example.com").cast_signed();
    assert_eq!(found(&format!("{written} {mail}")), 1);
    // Also in every table that people may query: a sum that came through would be found.
    let sum = sum_of(&cells("people", 2));
    for table in ["receipts", "columns", "audits", "incidents"] {
        let text = match table {
            "receipts" => "notes",
            "columns" => "transform",
            "audits" => "detail",
            _ => "cause",
        };
        let sql = format!("INSERT INTO landbridge_ops.{table} ({text}) VALUES ('sum {sum}')");
        env.query(Loader, &sql).await.expect("a row");
        assert_eq!(found(&ops_dataset(&env).await), 1, "{table}");
        let sql = format!("DELETE FROM landbridge_ops.{table} WHERE {text} = 'sum {sum}'");
        env.query(Loader, &sql).await.expect("no row");
    }
    assert_eq!(found(&ops_dataset(&env).await), 0);
    // The two days have the same values. Their records show neither this nor which columns are equal.
    assert!(sealed.len() > 50, "{}", sealed.len());
    let different: BTreeSet<&String> = sealed.iter().collect();
    assert_eq!(different.len(), sealed.len(), "two records are equal");
    let lengths: BTreeSet<usize> = sealed.iter().map(String::len).collect();
    assert_eq!(lengths.len(), 1, "the length of a record depends on the column: {lengths:?}");
    // Nothing of the figures is in BigQuery.
    let columns = env.query(Analyst, "SELECT columns FROM landbridge_ops.receipts").await;
    let columns = columns.expect("receipts").concat().concat();
    assert!(!columns.contains("fp2_"));
}
