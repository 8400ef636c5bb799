//! The faults, in the order of the document.

use std::fmt;

use landbridge_local::Principal::Loader;
use landbridge_local_database::{MemoryDatabase, MemoryTable};
use serde_json::json;

use super::tables::{COLUMNS, FIRST_ID, PEOPLE, Rows, column, name, rows, table};
use crate::support::TestEnv;

/// Where a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the source, before the snapshot.
    Source,
    /// In the files of the export, before the transfer.
    Export,
    /// In Cloud Storage, between transfer and load.
    CloudStorage,
    /// In BigQuery, after the load.
    BigQuery,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Export => "export",
            Self::CloudStorage => "Cloud Storage",
            Self::BigQuery => "BigQuery",
        })
    }
}

/// What a fault does to the objects or the table of a day.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    /// Nothing beyond what the source or the export does.
    None,
    /// The last file of the table is deleted.
    FileMissing,
    /// The first file is there twice.
    FileTwice,
    /// The last file is cut.
    FileCut,
    /// A byte of the first file's data is changed.
    ByteChanged,
    /// `_SUCCESS` is missing.
    NoMarker,
    /// All files are the files of the day before.
    FilesOfYesterday,
    /// The object is replaced by one of the day before, which has fewer rows.
    ObjectOfYesterday,
    /// The object is replaced by one of another table, with as many rows.
    ObjectOfOther,
    /// The object is deleted.
    ObjectDeleted,
    /// This statement runs, with `{table}` for the name of the table.
    Sql(&'static str),
    /// The policy tag of `phone` is removed.
    TagRemoved,
    /// The policy tag of `phone` becomes that of another class.
    TagLoosened,
}

/// A fault.
pub(super) struct Fault {
    /// What happens.
    pub(super) name: &'static str,
    /// Where.
    pub(super) place: Place,
    /// What it does to the source.
    pub(super) source: Option<fn(&MemoryDatabase, &str, i64)>,
    /// What it does elsewhere.
    pub(super) deed: Deed,
    /// Why no check sees it; empty if one does.
    pub(super) unseen: &'static str,
}

const fn source(name: &'static str, change: fn(&MemoryDatabase, &str, i64)) -> Fault {
    Fault { name, place: Place::Source, source: Some(change), deed: Deed::None, unseen: "" }
}

const fn elsewhere(place: Place, name: &'static str, deed: Deed) -> Fault {
    Fault { name, place, source: None, deed, unseen: "" }
}

impl Fault {
    const fn unseen(self, why: &'static str) -> Self {
        Self { unseen: why, ..self }
    }
}

/// Writes the table with rows that `change` disturbed.
fn disturb_rows(database: &MemoryDatabase, name: &str, n: i64, change: impl FnOnce(&mut Rows)) {
    let mut rows = rows(n);
    change(&mut rows);
    database.set_table(table(name, rows)).expect("a table");
}

/// Changes one column of every row.
fn each(
    database: &MemoryDatabase,
    name: &str,
    n: i64,
    of: &str,
    change: impl Fn(usize, &str) -> Option<String>,
) {
    let at = column(of);
    disturb_rows(database, name, n, |rows| {
        for (k, row) in rows.iter_mut().enumerate() {
            if let Some(cell) = row[at].clone() {
                row[at] = change(k, &cell);
            }
        }
    });
}

fn text(cell: impl ToString) -> Option<String> {
    Some(cell.to_string())
}

/// A cell `20.37` in units of its last digit.
fn cents(cell: &str) -> i64 {
    cell.replace('.', "").parse().expect("a number")
}

fn money(cents: i64) -> Option<String> {
    let sign = if cents < 0 { "-" } else { "" };
    Some(format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100))
}

/// A time with these hours added.
fn shifted(cell: &str, hours: i64) -> Option<String> {
    let local: jiff::civil::DateTime = cell[..19].replace(' ', "T").parse().expect("a time");
    let local = local + jiff::SignedDuration::from_hours(hours);
    Some(format!("{local}+09").replace('T', " "))
}

/// The table with another declaration of one column, or without it.
fn redeclared(database: &MemoryDatabase, name: &str, n: i64, of: &str, declared: Option<&str>) {
    let at = column(of);
    let mut table = MemoryTable::new("public", name);
    for (k, (name, own, ..)) in COLUMNS.iter().enumerate() {
        match (k == at, declared) {
            (false, _) => table = table.column(name, own),
            (true, Some(declared)) => table = table.column(name, declared),
            (true, None) => {}
        }
    }
    let mut rows = rows(n);
    if declared.is_none() {
        rows.iter_mut().for_each(|row| {
            row.remove(at);
        });
    }
    database.set_table(table.rows(rows)).expect("a table");
}

fn swap(database: &MemoryDatabase, name: &str, n: i64, one: &str, other: &str) {
    let (one, other) = (column(one), column(other));
    disturb_rows(database, name, n, |rows| rows.iter_mut().for_each(|row| row.swap(one, other)));
}

const AS_WRITTEN: &str = "the source itself says so, and a change of few values is not unusual";

/// All faults.
pub(super) static FAULTS: &[Fault] = &[
    source("a table is emptied", |db, name, n| disturb_rows(db, name, n, Vec::clear)),
    source("half of the rows are missing", |db, name, n| {
        disturb_rows(db, name, n, |rows| rows.truncate(rows.len() / 2));
    }),
    source("rows are missing in the middle", |db, name, n| {
        disturb_rows(db, name, n, |rows| {
            rows.drain(100..220);
        });
    }),
    source("every row is there twice", |db, name, n| {
        disturb_rows(db, name, n, |rows| rows.extend_from_within(..));
    }),
    source("a partition is there twice", |db, name, n| {
        disturb_rows(db, name, n, |rows| rows.extend_from_within(..100));
    }),
    source("one row is there twice", |db, name, n| {
        disturb_rows(db, name, n, |rows| rows.extend_from_within(..1));
    }),
    source("a key is NULL", |db, name, n| {
        disturb_rows(db, name, n, |rows| rows[7][0] = None);
    }),
    source("ids begin again", |db, name, n| {
        each(db, name, n, "id", |k, _| text(k + 1));
    }),
    source("a row has the key of another, in a key with gaps", |db, name, n| {
        // Every second id: the bounds leave room for repeated ones.
        each(db, name, n, "id", |k, _| {
            text(FIRST_ID + 2 * i64::try_from(if k == 9 { 8 } else { k }).expect("a number"))
        });
    })
    .unseen("a key with gaps hides repeated values from its bounds"),
    source("amounts × 100", |db, name, n| {
        each(db, name, n, "amount", |_, cell| money(cents(cell) * 100));
    }),
    source("amounts ÷ 100", |db, name, n| {
        each(db, name, n, "amount", |_, cell| money(cents(cell) / 100));
    }),
    source("amounts with the other sign", |db, name, n| {
        each(db, name, n, "amount", |_, cell| money(-cents(cell)));
    }),
    source("a decimal is cut", |db, name, n| {
        each(db, name, n, "amount", |_, cell| money(cents(cell) / 100 * 100));
    }),
    source("two number columns are exchanged", |db, name, n| swap(db, name, n, "amount", "fee")),
    source("two text columns are exchanged, one with NULLs", |db, name, n| {
        swap(db, name, n, "note", "street");
    }),
    source("two text columns without NULLs are exchanged", |db, name, n| {
        swap(db, name, n, "city", "street");
    })
    .unseen("no figure of text says what it means; declare the values of one of the columns"),
    source("nine hours later", |db, name, n| {
        each(db, name, n, "placed_at", |_, cell| shifted(cell, 9));
    }),
    source("nine hours earlier", |db, name, n| {
        each(db, name, n, "placed_at", |_, cell| shifted(cell, -9));
    }),
    source("an epoch of zero", |db, name, n| {
        each(db, name, n, "placed_at", |k, cell| {
            text(if k == 5 { "1970-01-01 00:00:00+00" } else { cell })
        });
    }),
    source("year 9999 is wrapped", |db, name, n| {
        each(db, name, n, "valid_until", |_, cell| text(cell.replace("9999-12-31", "1816-03-30")));
    }),
    source("year 9999 becomes an ordinary year", |db, name, n| {
        each(db, name, n, "valid_until", |_, cell| text(cell.replace("9999-12-31", "2027-01-01")));
    }),
    source("an enum grows", |db, name, n| {
        each(db, name, n, "state", |k, cell| text(if k == 11 { "returned" } else { cell }));
    }),
    source("an enum is written in capital letters", |db, name, n| {
        each(db, name, n, "state", |_, cell| text(cell.to_uppercase()));
    }),
    source("NULLs where were values", |db, name, n| {
        each(db, name, n, "city", |k, cell| (k % 4 != 0).then(|| cell.to_owned()));
    }),
    source("NULLs where were numbers", |db, name, n| {
        each(db, name, n, "amount", |k, cell| (k % 20 != 0).then(|| cell.to_owned()));
    }),
    source("empty texts where were values", |db, name, n| {
        each(db, name, n, "city", |k, cell| text(if k % 4 == 0 { "" } else { cell }));
    })
    .unseen("an empty text is a value; declare the values of the column"),
    source("text with the replacement character", |db, name, n| {
        each(db, name, n, "note", |_, cell| text(cell.replace('가', "\u{fffd}")));
    }),
    source("text that was decoded with another encoding", |db, name, n| {
        let latin = |cell: &str| cell.bytes().map(char::from).collect::<String>();
        each(db, name, n, "note", |_, cell| text(latin(cell)));
    })
    .unseen("the wrong characters are valid text"),
    source("texts are cut at eight characters", |db, name, n| {
        each(db, name, n, "note", |_, cell| text(cell.chars().take(8).collect::<String>()));
    })
    .unseen("lengths of texts are not compared"),
    source("booleans are inverted", |db, name, n| {
        each(db, name, n, "paid", |_, cell| text(cell != "true"));
    })
    .unseen("the shares of TRUE and FALSE are not compared"),
    source("orphaned references", |db, name, n| {
        each(
            db,
            name,
            n,
            "person_id",
            |k, cell| {
                if k == 3 { text(PEOPLE + 1) } else { text(cell) }
            },
        );
    }),
    source("all references are to one row", |db, name, n| {
        each(db, name, n, "person_id", |_, _| text(7));
    }),
    source("no rows of the last day", |db, name, n| {
        // As the day before, with one more row of that time.
        let mut yesterday = rows(n - 1);
        let mut last = yesterday.last().expect("a row").clone();
        last[0] = text(FIRST_ID + i64::try_from(yesterday.len()).expect("a number"));
        yesterday.push(last);
        db.set_table(table(name, yesterday)).expect("a table");
    }),
    source("yesterday's rows again", |db, name, n| {
        db.set_table(table(name, rows(n - 1))).expect("a table");
    }),
    source("one amount in many is changed", |db, name, n| {
        each(db, name, n, "amount", |k, cell| if k == 77 { text("77.77") } else { text(cell) });
    })
    .unseen(AS_WRITTEN),
    source("two rows exchanged their amounts in the source", |db, name, n| {
        let at = column("amount");
        disturb_rows(db, name, n, |rows| {
            let one = rows[3][at].clone();
            rows[3][at] = rows[4][at].clone();
            rows[4][at] = one;
        });
    })
    .unseen(AS_WRITTEN),
    source("a column's type is another", |db, name, n| {
        redeclared(db, name, n, "amount", Some("text"));
    }),
    source("a column is gone", |db, name, n| redeclared(db, name, n, "city", None)),
    source("a new column with personal data", |db, name, n| {
        let mut changed = COLUMNS
            .iter()
            .fold(MemoryTable::new("public", name), |table, it| table.column(it.0, it.1));
        changed = changed.column("passport", "text");
        let rows = rows(n).into_iter().map(|mut row| {
            row.push(text("M00000000"));
            row
        });
        db.set_table(changed.rows(rows)).expect("a table");
    }),
    source("a table is gone", |db, name, _| {
        assert!(db.remove_table("public", name));
    }),
    source("RDS leaves a table out with a warning", |db, name, n| {
        db.set_table(table(name, rows(n)).skipped("the table is unlogged")).expect("a table");
    }),
    elsewhere(Place::Export, "a file is missing", Deed::FileMissing),
    elsewhere(Place::Export, "a file is there twice", Deed::FileTwice),
    elsewhere(Place::Export, "a file is cut", Deed::FileCut),
    elsewhere(Place::Export, "a byte of a file is changed", Deed::ByteChanged),
    elsewhere(Place::Export, "a file has another schema", Deed::None),
    elsewhere(Place::Export, "the marker of a complete folder is missing", Deed::NoMarker),
    elsewhere(Place::Export, "yesterday's export again", Deed::FilesOfYesterday),
    elsewhere(
        Place::CloudStorage,
        "an object is replaced by one with fewer rows",
        Deed::ObjectOfYesterday,
    ),
    elsewhere(
        Place::CloudStorage,
        "an object is replaced by one with as many rows",
        Deed::ObjectOfOther,
    ),
    elsewhere(Place::CloudStorage, "an object is deleted", Deed::ObjectDeleted),
    elsewhere(
        Place::BigQuery,
        "one cell is changed after the load",
        Deed::Sql("UPDATE shop.{table} SET amount = amount + 1 WHERE id = 5010"),
    ),
    elsewhere(
        Place::BigQuery,
        "one cell is set to NULL after the load",
        Deed::Sql("UPDATE shop.{table} SET city = NULL WHERE id = 5010"),
    ),
    elsewhere(
        Place::BigQuery,
        "a row is deleted after the load",
        Deed::Sql("DELETE FROM shop.{table} WHERE id = 5010"),
    ),
    elsewhere(
        Place::BigQuery,
        "a row is added after the load",
        Deed::Sql("INSERT INTO shop.{table} (id, city) VALUES (5010, 'Seoul')"),
    ),
    elsewhere(
        Place::BigQuery,
        "two rows exchanged their cities after the load",
        Deed::Sql(
            "UPDATE shop.{table} SET city = CASE id WHEN 5001 THEN 'Busan' ELSE 'Seoul' END WHERE id IN (5001, 5002)",
        ),
    ),
    elsewhere(Place::BigQuery, "a policy tag is removed", Deed::TagRemoved),
    elsewhere(Place::BigQuery, "a policy tag is replaced by a looser one", Deed::TagLoosened),
];

/// Does what these faults do at this place.
pub(super) async fn disturb(env: &TestEnv, faults: &[&Fault], place: Place) {
    for fault in faults.iter().filter(|it| it.place == place) {
        let table = name(fault.name);
        match fault.deed {
            Deed::None => {}
            Deed::Sql(sql) => {
                let sql = sql.replace("{table}", &table);
                env.query(Loader, &sql).await.expect("a statement");
            }
            Deed::TagRemoved => patch_tag(env, &table, None).await,
            Deed::TagLoosened => patch_tag(env, &table, Some("email")).await,
            Deed::ObjectOfYesterday | Deed::ObjectOfOther | Deed::ObjectDeleted => {
                disturb_object(env, &table, fault.deed);
            }
            deed => disturb_files(env, &table, deed).await,
        }
    }
}

/// The keys of a table's files in the export of a day, in order.
async fn files(env: &TestEnv, day: &str, table: &str) -> Vec<String> {
    let below = format!("exports/landbridge-shop-{day}-a1/shop/public.{table}/");
    let objects = env.cloud.aws().list_objects("shop-exports", &below).await;
    let mut keys: Vec<String> = objects.into_iter().map(|it| it.key).collect();
    keys.sort();
    keys
}

fn is_data(key: &&String) -> bool {
    key.ends_with(".parquet")
}

async fn disturb_files(env: &TestEnv, table: &str, deed: Deed) {
    let aws = env.cloud.aws();
    let today = files(env, "20261129", table).await;
    let data: Vec<&String> = today.iter().filter(is_data).collect();
    let (first, last) = (data[0], data[data.len() - 1]);
    let read = async |key: &str| {
        aws.read_object("shop-exports", key).await.expect("an object").expect("an object")
    };
    let put = async |key: &str, bytes: bytes::Bytes| {
        aws.put_object("shop-exports", key, bytes).await.expect("an object");
    };
    assert!(data.len() >= 3, "{data:?}");
    match deed {
        Deed::FileMissing => {
            assert!(aws.delete_object("shop-exports", data[1]).await);
        }
        Deed::FileTwice => {
            let other = first.replace("part-00000", "part-00017");
            assert_ne!(other, *first);
            put(&other, read(first).await).await;
        }
        Deed::FileCut => {
            let bytes = read(last).await;
            put(last, bytes.slice(..bytes.len() / 2)).await;
        }
        Deed::ByteChanged => {
            let mut bytes = read(first).await.to_vec();
            let at = bytes.len() / 3;
            bytes[at] ^= 0x55;
            put(first, bytes.into()).await;
        }
        Deed::NoMarker => {
            for key in today.iter().filter(|key| key.ends_with("_SUCCESS")) {
                assert!(aws.delete_object("shop-exports", key).await);
            }
        }
        Deed::FilesOfYesterday => {
            let yesterday = files(env, "20261128", table).await;
            for (to, from) in data.iter().zip(yesterday.iter().filter(is_data)) {
                put(to, read(from).await).await;
            }
        }
        _ => unreachable!("no deed of files"),
    }
}

/// The names of a table's objects of a day in Cloud Storage.
fn objects(env: &TestEnv, day: &str, table: &str) -> Vec<String> {
    let bucket = &env.cloud.config().transfer.bucket;
    let names = env.cloud.google().list_objects(bucket, &format!("landbridge/shop/{day}/"));
    let names = names.into_iter().map(|it| it.name);
    names.filter(|it| it.contains(&format!("/{table}/"))).collect()
}

fn disturb_object(env: &TestEnv, table: &str, deed: Deed) {
    let google = env.cloud.google();
    let bucket = &env.cloud.config().transfer.bucket;
    let today = objects(env, "2026-11-29", table);
    let last = today.last().expect("an object");
    let from = match deed {
        Deed::ObjectDeleted => {
            assert!(google.delete_object(bucket, last));
            return;
        }
        Deed::ObjectOfYesterday => objects(env, "2026-11-28", table).pop(),
        // The first two files of a table have as many rows.
        _ => today.first().cloned(),
    };
    let to = if matches!(deed, Deed::ObjectOfOther) { &today[1] } else { last };
    let bytes = google.read_object(bucket, &from.expect("an object")).expect("an object");
    google.put_object(bucket, to, &bytes).expect("an object");
}

/// Changes the policy tag of `phone`, as an owner of the dataset can.
async fn patch_tag(env: &TestEnv, table: &str, class: Option<&str>) {
    let mut schema =
        env.cloud.google().table_resource("shop", table).expect("a table")["schema"].clone();
    let tag = class.map(|class| env.cloud.policy_tags()[class].clone());
    for field in schema["fields"].as_array_mut().expect("fields") {
        if field["name"] == "phone" {
            field["policyTags"] = json!({ "names": tag.iter().collect::<Vec<_>>() });
        }
    }
    let url = format!(
        "{}/projects/shop-analytics/datasets/shop/tables/{table}",
        env.cloud.function_env()["LANDBRIDGE_BIGQUERY_ENDPOINT"]
    );
    let request = reqwest::Client::new().patch(url).bearer_auth(Loader.token());
    let answer = request.json(&json!({ "schema": schema })).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
}
