//! `FOR SYSTEM_TIME AS OF`: the rows that a table had at an instant.
//!
//! Follows Google's documentation "Access historical data"
//! (<https://cloud.google.com/bigquery/docs/access-historical-data>), from which the error text is.
//! In GoogleSQL, a table's alias stands before the clause (`from_item` in "Query syntax"). The engine's
//! parser expects it behind the clause, so the alias takes a detour through the clause's expression.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Value as Literal, ValueWithSpan};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use jiff::Timestamp;

use super::masked_table::MaskedTable;
use super::parameters::Parameter;
use super::sql::Statement;
use super::{execution_error, planning_error, session_state};
use crate::access::{AccessControl, OVERRIDE_TIME_TRAVEL_RESTRICTIONS, Principal};
use crate::bigquery::BigQuery;
use crate::bigquery::catalog::{Table, TableName};
use crate::bigquery::schema::UTC;
use crate::error::GoogleError;

/// Marks the text that carries an alias.
const ALIAS_MARK: &str = "\u{1}alias ";

/// Rewrites `table AS a FOR SYSTEM_TIME AS OF at` to `table FOR SYSTEM_TIME AS OF 'a' || at`, from
/// which [`take_alias`] gets the alias back.
pub(super) fn hide_aliases(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let clause = [Keyword::FOR, Keyword::SYSTEM_TIME, Keyword::AS, Keyword::OF];
    let mut rewritten: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let tokens: Vec<_> =
        tokens.into_iter().filter(|it| !matches!(it.token, Token::Whitespace(_))).collect();
    let mut at = 0;
    while at < tokens.len() {
        let next = tokens[at..].iter().map(keyword).take(clause.len());
        if !next.eq(clause.map(Some)) {
            rewritten.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let alias = pop_alias(&mut rewritten);
        rewritten.extend_from_slice(&tokens[at..at + clause.len()]);
        at += clause.len();
        if let Some(alias) = alias {
            let text = Token::SingleQuotedString(format!("{ALIAS_MARK}{alias}"));
            rewritten.extend([text, Token::StringConcat].map(TokenWithSpan::wrap));
        }
    }
    rewritten
}

/// Removes the alias of a table from the end of `tokens`. A single word after FROM, JOIN, a comma or
/// a period is the table itself.
fn pop_alias(tokens: &mut Vec<TokenWithSpan>) -> Option<String> {
    let [.., before, last] = tokens.as_slice() else { return None };
    let Token::Word(alias) = &last.token else { return None };
    let alias = alias.value.clone();
    match keyword(before)? {
        Keyword::FROM | Keyword::JOIN => return None,
        Keyword::AS => tokens.truncate(tokens.len() - 2),
        _ => tokens.truncate(tokens.len() - 1),
    }
    Some(alias)
}

/// The keyword of a word; `NoKeyword` for any other word.
fn keyword(token: &TokenWithSpan) -> Option<Keyword> {
    match &token.token {
        Token::Word(word) => Some(word.keyword),
        _ => None,
    }
}

/// Takes the alias that [`hide_aliases`] has hidden out of an expression.
pub(super) fn take_alias(expression: &mut Expr) -> Option<Ident> {
    let Expr::BinaryOp { left, right, .. } = expression else { return None };
    if let Expr::Value(ValueWithSpan { value: Literal::SingleQuotedString(text), .. }) = &**left
        && let Some(alias) = text.strip_prefix(ALIAS_MARK)
    {
        let alias = Ident::new(alias);
        let rest = std::mem::replace(&mut **right, Expr::Wildcard(AttachedToken::empty()));
        *expression = rest;
        return Some(alias);
    }
    take_alias(left)
}

impl BigQuery {
    /// The instant that a constant expression names.
    ///
    /// # Errors
    /// 400 unless it is a TIMESTAMP, or a text in its form.
    pub(super) async fn instant(
        &self,
        expression: &str,
        parameters: &[Parameter],
    ) -> Result<Timestamp, GoogleError> {
        let not_a_timestamp = || {
            GoogleError::invalid_query(
                "FOR SYSTEM_TIME AS OF must be a constant of type TIMESTAMP.",
            )
        };
        let mut statement = Statement::parse(&format!("SELECT {expression}"))?;
        statement.rewrite(&[], parameters, self.clock.now())?;
        let state = SessionContext::new_with_state(session_state()?).state();
        let plan = state.statement_to_plan(statement.into_inner()).await.map_err(planning_error)?;
        let batches = DataFrame::new(state, plan).collect().await.map_err(execution_error)?;
        let column = batches.first().map(|it| it.column(0)).ok_or_else(not_a_timestamp)?;
        if !matches!(column.data_type(), DataType::Utf8 | DataType::Timestamp(_, Some(_))) {
            return Err(not_a_timestamp());
        }
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
        let column = cast(column, &micros).map_err(|_| not_a_timestamp())?;
        if column.is_null(0) {
            return Err(not_a_timestamp());
        }
        let micros = column.as_primitive::<TimestampMicrosecondType>().value(0);
        Timestamp::from_microsecond(micros).map_err(|_| not_a_timestamp())
    }

    /// The rows that a table had at an instant, masked for `caller`, who may read its dataset, with the
    /// tags as they are now.
    ///
    /// # Errors
    /// 400 outside the time-travel window or before the table existed, 403 for a table with row access
    /// policies, 404 for an unknown table.
    pub(super) fn masked_table_as_of(
        &self,
        caller: &Principal,
        name: &TableName,
        at: Timestamp,
        salt: &[u8],
    ) -> Result<MaskedTable, GoogleError> {
        let now = self.clock.now();
        let (version, rows) = {
            let mut catalog = self.catalog();
            let window = catalog.dataset(&name.project, &name.dataset)?.time_travel();
            let table = catalog.table_in_window(name, now).map_err(|it| self.in_location(it))?;
            self.authorize_time_travel(caller, name, table)?;
            let earliest = window.start(now).max(table.created());
            let (millis, earliest_millis) = (at.as_millisecond(), earliest.as_millisecond());
            let invalid = |limit: String| {
                GoogleError::invalid(format!(
                    "Invalid snapshot time {millis} for table {name}@{millis}. {limit}."
                ))
            };
            if at > now {
                // The documentation has no text for a time in the future.
                return Err(invalid(format!("Cannot read after {}", now.as_millisecond())));
            }
            let version = table.version_at(at).filter(|_| at >= earliest);
            let version =
                version.ok_or_else(|| invalid(format!("Cannot read before {earliest_millis}")))?;
            let rows = table.row_access.rows_for(caller, &version.rows);
            (version, rows)
        };
        Ok(self.with_access(|it| {
            MaskedTable::new(it, caller, name, version.fields, rows, salt.to_vec())
        }))
    }

    /// Checks that `caller` may read former rows of a table. The text is in Fivetran's documentation,
    /// "Error: Time Travel on Table Is Forbidden"; that only administrators have the permission is
    /// in Google's "Data retention with time travel and fail-safe".
    pub(super) fn authorize_time_travel(
        &self,
        caller: &Principal,
        name: &TableName,
        table: &Table,
    ) -> Result<(), GoogleError> {
        let may_override = |access: &AccessControl| {
            access.allows_on_dataset(caller, &name.dataset, OVERRIDE_TIME_TRAVEL_RESTRICTIONS)
        };
        if !table.row_access.has_had_policies() || self.with_access(may_override) {
            return Ok(());
        }
        Err(GoogleError::access_denied(format!(
            "Access Denied: BigQuery: Time travel on table {name} is forbidden as it has (or has \
             had) row access policies."
        )))
    }
}
