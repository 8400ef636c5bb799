//! The same `SELECT` as one and another.

use landbridge_core::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use landbridge_core::receipt::Receipt;
use landbridge_local::Principal;
use serde::Serialize;
use serde_json::Value;

use super::published;
use crate::bigquery::{BigQuery, Field, QueryError, Rows};
use crate::failure::Result;

/// Who is asked for, in this order.
const ASKERS: [Principal; 3] = [Principal::Analyst, Principal::PiiReader, Principal::Stranger];
/// Rows of a sample.
const ROWS: usize = 3;
/// Tables of a real database that are sampled, those with most personal data first.
const TABLES: usize = 3;
/// Columns of a sample, besides the one that tells its rows apart.
const COLUMNS: usize = 5;

/// What each of them got.
#[derive(Serialize)]
pub(super) struct Sample {
    /// The query.
    pub(super) sql: String,
    /// Whether it reads columns of a class of personal data.
    pub(super) personal: bool,
    /// One answer each.
    pub(super) answers: Vec<Answer>,
}

/// What one of them got.
#[derive(Serialize)]
pub(super) struct Answer {
    /// Who asked.
    #[serde(rename = "as")]
    pub(super) who: &'static str,
    /// The rows, or none when refused.
    #[serde(flatten)]
    pub(super) rows: Option<Rows>,
    /// The refusal, in BigQuery's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<String>,
}

/// A column that landed although the contract doesn't name it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Unnamed {
    /// `schema.table` of the source.
    pub(super) source_table: String,
    /// The table in BigQuery.
    pub(super) table: String,
    /// The column.
    pub(super) column: String,
    /// Its type in the source.
    pub(super) source_type: String,
    /// Its type in BigQuery.
    #[serde(rename = "type")]
    pub(super) ty: String,
    /// Rows of its table that day.
    pub(super) rows: u64,
}

/// How much of such a column each of them can read.
#[derive(Serialize)]
pub(super) struct Proof {
    /// The column.
    #[serde(flatten)]
    pub(super) column: Unnamed,
    /// The query that counts the values.
    pub(super) sql: String,
    /// How many values each of them sees.
    pub(super) seen: Vec<Seen>,
}

/// What one of them sees of it.
#[derive(Serialize)]
pub(super) struct Seen {
    /// Who asked.
    #[serde(rename = "as")]
    pub(super) who: &'static str,
    /// Values that are not NULL; none when the query was refused.
    pub(super) values: Option<u64>,
}

impl Proof {
    /// Whether nobody can read it.
    pub(super) fn masked(&self) -> bool {
        self.seen.iter().all(|seen| seen.values.unwrap_or(0) == 0)
    }
}

/// A query, and whether it reads columns of a class of personal data.
pub(super) type Select = (String, bool);

/// The queries of a day.
pub(super) fn selects(real: bool, receipts: &[Receipt], unnamed: &[Unnamed]) -> Vec<Select> {
    if real {
        return chosen(receipts);
    }
    // The invented database is known: the table of people, and what is new in it.
    let mut columns = vec!["id", "name", "email", "phone", "birth_date", "account_no"];
    let new = unnamed.iter().filter(|column| column.table == "creators");
    columns.extend(new.map(|column| column.column.as_str()));
    let landed = |table| published(receipts).any(|receipt| receipt.table == table);
    let people = format!("SELECT {} FROM creators ORDER BY id LIMIT {ROWS}", columns.join(", "));
    // Typed columns, and a join over account numbers that never left AWS: tokens are equal
    // where the numbers were.
    let payouts = format!(
        "SELECT p.id, p.month, p.amount, p.paid_at, c.tier FROM payouts p \
         JOIN creators c ON c.account_no = p.account_no ORDER BY p.id LIMIT {ROWS}"
    );
    let people = landed("creators").then_some((people, true));
    let joined = (landed("creators") && landed("payouts")).then_some((payouts, false));
    people.into_iter().chain(joined).collect()
}

/// For a database that nobody here knows: the tables with most personal data, of each the
/// columns of classes, and one that tells rows apart.
fn chosen(receipts: &[Receipt]) -> Vec<Select> {
    let tagged = |receipt: &Receipt| {
        let classes = receipt.columns.iter().map(|column| column.class.as_str());
        let judged = classes
            .clone()
            .filter(|class| ![CLASS_NONE, CLASS_UNCLASSIFIED].contains(class))
            .count();
        (judged, classes.filter(|class| *class == CLASS_UNCLASSIFIED).count())
    };
    let mut tables: Vec<&Receipt> =
        published(receipts).filter(|receipt| receipt.rows_planned > 0).collect();
    tables.sort_by_key(|receipt| std::cmp::Reverse(tagged(receipt)));
    tables.truncate(TABLES);
    tables.into_iter().filter_map(select).collect()
}

fn select(receipt: &Receipt) -> Option<Select> {
    let open = || receipt.columns.iter().filter(|column| column.class == CLASS_NONE);
    let looks_like_a_key =
        |name: &str| name == "id" || name.ends_with("id") || name.ends_with("key");
    let key = open().find(|column| looks_like_a_key(&column.name)).or_else(|| open().next());
    let of = |wanted: fn(&str) -> bool| {
        receipt.columns.iter().filter(move |column| wanted(&column.class))
    };
    let mut names: Vec<&str> = key.map(|column| column.name.as_str()).into_iter().collect();
    let columns = of(|class| class != CLASS_NONE && class != CLASS_UNCLASSIFIED)
        .chain(of(|class| class == CLASS_UNCLASSIFIED))
        .chain(of(|class| class == CLASS_NONE));
    for column in columns {
        if names.len() <= COLUMNS && !names.contains(&column.name.as_str()) {
            names.push(&column.name);
        }
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let order = key.map(|column| format!(" ORDER BY `{}`", column.name)).unwrap_or_default();
    let personal = names.iter().any(|name| {
        let class = |column: &&landbridge_core::receipt::ReceiptColumn| column.name == *name;
        let column = receipt.columns.iter().find(class);
        column.is_some_and(|column| {
            ![CLASS_NONE, CLASS_UNCLASSIFIED].contains(&column.class.as_str())
        })
    });
    (!quoted.is_empty()).then(|| {
        let table = &receipt.table;
        let sql = format!("SELECT {} FROM `{table}`{order} LIMIT {ROWS}", quoted.join(", "));
        (sql, personal)
    })
}

/// Asks as each of them.
pub(super) async fn ask(warehouse: &BigQuery, (sql, personal): Select) -> Result<Sample> {
    let mut answers = Vec::new();
    for who in ASKERS {
        let (rows, refused) = match warehouse.query(who, &sql).await {
            Ok(rows) => (Some(rows), None),
            Err(QueryError::Refused(message)) => (None, Some(message)),
            Err(error) => return Err(error.into()),
        };
        answers.push(Answer { who: who.name(), rows, refused });
    }
    Ok(Sample { sql, personal, answers })
}

/// Counts, over the whole table, what each of them can read of a column.
pub(super) async fn prove(warehouse: &BigQuery, column: Unnamed) -> Result<Proof> {
    let sql = format!("SELECT COUNT(`{}`) AS seen FROM `{}`", column.column, column.table);
    let mut seen = Vec::new();
    for who in ASKERS {
        let values = match warehouse.query(who, &sql).await {
            Ok(rows) => Some(only_number(&rows)),
            Err(QueryError::Refused(_)) => None,
            Err(error) => return Err(error.into()),
        };
        seen.push(Seen { who: who.name(), values });
    }
    Ok(Proof { column, sql, seen })
}

/// The one number of an answer. An answer of another shape counts as everything seen: when
/// in doubt, it is not proved.
fn only_number(rows: &Rows) -> u64 {
    let value = rows.rows.first().and_then(|row| row.first());
    value.and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or(u64::MAX)
}

impl Sample {
    /// What one of them got.
    fn of(&self, who: Principal) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.who == who.name())
    }

    /// Whether somebody with no role on a policy tag read a tagged column.
    pub(super) fn leaks(&self) -> bool {
        let rows = self.of(Principal::Stranger).and_then(|answer| answer.rows.as_ref());
        self.personal && rows.is_some()
    }

    /// Whether the analyst got what the reader of plain values got. In a database that
    /// nobody here knows it can be right: NULL masked is NULL.
    pub(super) fn is_plain(&self) -> bool {
        let rows = |who| self.of(who).and_then(|answer| answer.rows.as_ref());
        self.personal && rows(Principal::Analyst) == rows(Principal::PiiReader)
    }
}

/// The columns of a sample's answers.
pub(super) fn fields(sample: &Sample) -> Option<&[Field]> {
    sample
        .answers
        .iter()
        .find_map(|answer| answer.rows.as_ref())
        .map(|rows| rows.columns.as_slice())
}
