//! Runs the same queries as different users.

use landbridge_core::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use landbridge_core::receipt::{Receipt, ReceiptColumn};
use landbridge_local::Principal;
use serde::Serialize;
use serde_json::Value;

use super::published;
use crate::bigquery::{BigQuery, Field, QueryError, QueryRows};
use crate::failure::Result;

/// The users that run each query, in this order.
const USERS: [Principal; 3] = [Principal::Analyst, Principal::PiiReader, Principal::Stranger];
/// The maximum number of rows of a sample.
const MAX_ROWS: usize = 3;
/// The maximum number of tables of a real database that are sampled.
const MAX_TABLES: usize = 3;
/// The maximum number of columns of a sample of a real database, without the key column.
const MAX_COLUMNS: usize = 5;

/// A query of a sample.
pub(super) struct SampleQuery {
    /// The query.
    sql: String,
    /// Whether it reads a column with a class of personal data.
    reads_personal_data: bool,
}

/// A query with the result of each user.
#[derive(Serialize)]
pub(super) struct Sample {
    /// The query.
    pub(super) sql: String,
    /// Whether the query reads a column with a class of personal data.
    pub(super) reads_personal_data: bool,
    /// The results, one per user.
    pub(super) results: Vec<UserResult>,
}

/// The result of a query for one user.
#[derive(Serialize)]
pub(super) struct UserResult {
    /// The user that ran the query.
    #[serde(rename = "as")]
    pub(super) user: &'static str,
    /// The rows; `None` if the query was refused.
    #[serde(flatten)]
    pub(super) rows: Option<QueryRows>,
    /// BigQuery's message if the query was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<String>,
}

/// A published column that the contract does not name.
#[derive(Clone, Debug, Serialize)]
pub(super) struct UnlistedColumn {
    /// `schema.table` of the source.
    pub(super) source_table: String,
    /// The table in BigQuery.
    pub(super) table: String,
    /// The column.
    pub(super) column: String,
    /// The type in the source.
    pub(super) source_type: String,
    /// The type in BigQuery.
    #[serde(rename = "type")]
    pub(super) ty: String,
    /// The number of rows of the table on that day.
    pub(super) rows: u64,
}

/// How many values of an unlisted column each user can read, counted over the complete table.
#[derive(Serialize)]
pub(super) struct MaskingCheck {
    /// The column.
    #[serde(flatten)]
    pub(super) column: UnlistedColumn,
    /// The query that counts the values.
    pub(super) sql: String,
    /// The number of visible values, one entry per user.
    pub(super) visible_values: Vec<VisibleValues>,
}

/// How many values of a column one user can read.
#[derive(Serialize)]
pub(super) struct VisibleValues {
    /// The user that ran the query.
    #[serde(rename = "as")]
    pub(super) user: &'static str,
    /// The number of values that are not NULL; `None` if the query was refused.
    pub(super) values: Option<u64>,
}

impl MaskingCheck {
    /// Whether no user can read a value.
    pub(super) fn is_masked(&self) -> bool {
        self.visible_values.iter().all(|visible| visible.values.unwrap_or(0) == 0)
    }
}

/// The queries of a day: fixed ones for the sample database, otherwise queries chosen by the classes
/// in the receipts.
pub(super) fn queries(
    real_database: bool,
    receipts: &[Receipt],
    unlisted: &[UnlistedColumn],
) -> Vec<SampleQuery> {
    if real_database {
        return queries_of_real_database(receipts);
    }
    // The table with personal data, including the columns that are new in it.
    let mut columns = vec!["id", "name", "email", "phone", "birth_date", "account_no"];
    let new = unlisted.iter().filter(|column| column.table == "creators");
    columns.extend(new.map(|column| column.column.as_str()));
    let is_published = |table| published(receipts).any(|receipt| receipt.table == table);
    let people =
        format!("SELECT {} FROM creators ORDER BY id LIMIT {MAX_ROWS}", columns.join(", "));
    // Typed columns, and a join on account numbers. The numbers never leave AWS: equal numbers have
    // equal tokens.
    let payouts = format!(
        "SELECT p.id, p.month, p.amount, p.paid_at, c.tier FROM payouts p \
         JOIN creators c ON c.account_no = p.account_no ORDER BY p.id LIMIT {MAX_ROWS}"
    );
    let mut queries = Vec::new();
    if is_published("creators") {
        queries.push(SampleQuery { sql: people, reads_personal_data: true });
        if is_published("payouts") {
            queries.push(SampleQuery { sql: payouts, reads_personal_data: false });
        }
    }
    queries
}

/// The demo's last query: which creators bring visitors who book? It joins the site's events with the
/// business by the key of a link and of a booking, which have no class.
pub(super) fn web_question(ga4_dataset: &str) -> SampleQuery {
    let sql = format!(
        "WITH web AS (\n    \
         SELECT user_pseudo_id AS visitor, ecommerce.transaction_id AS booking,\n      \
         (SELECT value.int_value FROM UNNEST(event_params) WHERE key = 'link_id') AS link\n    \
         FROM `{ga4_dataset}.events_*`\n  \
         )\n  \
         SELECT creators.id, creators.name, creators.email,\n    \
         COUNT(DISTINCT web.visitor) AS visitors, COUNT(DISTINCT bookings.id) AS bookings\n  \
         FROM web JOIN links ON links.id = web.link JOIN creators ON creators.id = links.creator_id\n    \
         LEFT JOIN bookings ON CAST(bookings.id AS STRING) = web.booking\n  \
         GROUP BY creators.id, creators.name, creators.email\n  \
         ORDER BY bookings DESC, visitors DESC, creators.id LIMIT {MAX_ROWS}"
    );
    SampleQuery { sql, reads_personal_data: true }
}

/// One query for each of the non-empty tables with the most columns of personal data.
fn queries_of_real_database(receipts: &[Receipt]) -> Vec<SampleQuery> {
    let personal_columns = |receipt: &Receipt| {
        let classes = receipt.columns.iter().map(|column| column.class.as_str());
        let classified = classes.clone().filter(|class| is_personal(class)).count();
        (classified, classes.filter(|class| *class == CLASS_UNCLASSIFIED).count())
    };
    let mut tables: Vec<&Receipt> =
        published(receipts).filter(|receipt| receipt.rows_planned > 0).collect();
    tables.sort_by_key(|receipt| std::cmp::Reverse(personal_columns(receipt)));
    tables.truncate(MAX_TABLES);
    tables.into_iter().filter_map(query_of_table).collect()
}

/// Whether a class marks personal data.
fn is_personal(class: &str) -> bool {
    ![CLASS_NONE, CLASS_UNCLASSIFIED].contains(&class)
}

/// A query of one table: a key column if one can be guessed, then columns with a class of personal
/// data, unclassified columns and others, up to [`MAX_COLUMNS`]. `None` for a table without columns.
fn query_of_table(receipt: &Receipt) -> Option<SampleQuery> {
    let columns_where = |matches: fn(&str) -> bool| {
        receipt.columns.iter().filter(move |column| matches(&column.class))
    };
    let readable = || columns_where(|class| class == CLASS_NONE);
    let looks_like_a_key =
        |name: &str| name == "id" || name.ends_with("id") || name.ends_with("key");
    let key =
        readable().find(|column| looks_like_a_key(&column.name)).or_else(|| readable().next());
    let mut selected: Vec<&ReceiptColumn> = key.into_iter().collect();
    let candidates = columns_where(is_personal)
        .chain(columns_where(|class| class == CLASS_UNCLASSIFIED))
        .chain(readable());
    for column in candidates {
        let is_selected = selected.iter().any(|other| other.name == column.name);
        if selected.len() <= MAX_COLUMNS && !is_selected {
            selected.push(column);
        }
    }
    if selected.is_empty() {
        return None;
    }
    let names: Vec<String> = selected.iter().map(|column| format!("`{}`", column.name)).collect();
    let order = key.map(|column| format!(" ORDER BY `{}`", column.name)).unwrap_or_default();
    Some(SampleQuery {
        sql: format!(
            "SELECT {} FROM `{}`{order} LIMIT {MAX_ROWS}",
            names.join(", "),
            receipt.table
        ),
        reads_personal_data: selected.iter().any(|column| is_personal(&column.class)),
    })
}

/// Runs a query as each of [`USERS`].
///
/// # Errors
/// Any [`QueryError`] except a refusal, which is part of the sample.
pub(super) async fn run(warehouse: &BigQuery, query: SampleQuery) -> Result<Sample> {
    let SampleQuery { sql, reads_personal_data } = query;
    let mut results = Vec::new();
    for user in USERS {
        let (rows, refused) = match warehouse.query(user, &sql).await {
            Ok(rows) => (Some(rows), None),
            Err(QueryError::Refused(message)) => (None, Some(message)),
            Err(error) => return Err(error.into()),
        };
        results.push(UserResult { user: user.name(), rows, refused });
    }
    Ok(Sample { sql, reads_personal_data, results })
}

/// Counts, over the complete table, how many values of a column each of [`USERS`] can read.
///
/// # Errors
/// Any [`QueryError`] except a refusal, which is part of the result.
pub(super) async fn count_visible_values(
    warehouse: &BigQuery,
    column: UnlistedColumn,
) -> Result<MaskingCheck> {
    let sql = format!("SELECT COUNT(`{}`) AS visible FROM `{}`", column.column, column.table);
    let visible_values = visible_values(warehouse, &sql).await?;
    Ok(MaskingCheck { column, sql, visible_values })
}

/// The result of a query that counts values, for each of [`USERS`].
///
/// # Errors
/// Any [`QueryError`] except a refusal, which is part of the result.
pub(super) async fn visible_values(warehouse: &BigQuery, sql: &str) -> Result<Vec<VisibleValues>> {
    let mut visible_values = Vec::new();
    for user in USERS {
        let values = match warehouse.query(user, sql).await {
            Ok(rows) => Some(single_count(&rows)),
            Err(QueryError::Refused(_)) => None,
            Err(error) => return Err(error.into()),
        };
        visible_values.push(VisibleValues { user: user.name(), values });
    }
    Ok(visible_values)
}

/// The count in a result of one row and one column. A result of another shape counts as
/// `u64::MAX`, so that the check fails when it is in doubt.
fn single_count(rows: &QueryRows) -> u64 {
    let value = rows.rows.first().and_then(|row| row.first());
    value.and_then(Value::as_u64).unwrap_or(u64::MAX)
}

impl Sample {
    /// The rows that a user received; `None` if the query was refused.
    fn rows_of(&self, user: Principal) -> Option<&QueryRows> {
        let result = self.results.iter().find(|result| result.user == user.name());
        result.and_then(|result| result.rows.as_ref())
    }

    /// Whether the reader of plain values received no row.
    pub(super) fn is_empty(&self) -> bool {
        self.rows_of(Principal::PiiReader).is_none_or(|rows| rows.rows.is_empty())
    }

    /// Whether the user without a role on any policy tag could read a tagged column.
    pub(super) fn stranger_read_tagged_column(&self) -> bool {
        self.reads_personal_data && self.rows_of(Principal::Stranger).is_some()
    }

    /// Whether the analyst received the same rows as the reader of plain values. In a real database
    /// this can be correct: NULL stays NULL when it is masked.
    pub(super) fn analyst_saw_plain_values(&self) -> bool {
        self.reads_personal_data
            && self.rows_of(Principal::Analyst) == self.rows_of(Principal::PiiReader)
    }

    /// The columns of the results; `None` if the query was refused for every user.
    pub(super) fn fields(&self) -> Option<&[Field]> {
        let rows = self.results.iter().find_map(|result| result.rows.as_ref());
        rows.map(|rows| rows.columns.as_slice())
    }
}
