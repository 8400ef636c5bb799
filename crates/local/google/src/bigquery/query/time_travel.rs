//! `FOR SYSTEM_TIME AS OF`: the rows that a table had at an instant.
//!
//! Follows Google's documentation "Access historical data"
//! (<https://cloud.google.com/bigquery/docs/access-historical-data>), from which the error text is.
//! A table's alias stands before the clause (`from_item` in "Query syntax").

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use jiff::Timestamp;

use super::masked_table::MaskedTable;
use super::parameters::Parameter;
use super::{bound_parameters, googlesql};
use crate::access::{AccessControl, OVERRIDE_TIME_TRAVEL_RESTRICTIONS, Principal};
use crate::bigquery::BigQuery;
use crate::bigquery::catalog::Table;
use crate::bigquery::ingestion::pseudo_fields;
use crate::bigquery::names::TableName;
use crate::bigquery::schema::{Field, find_field};
use crate::error::GoogleError;
use crate::turned::is_turned;

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
        let sql = format!("SELECT TIMESTAMP({expression})");
        let query = googlesql::parse(&sql).map_err(|_| not_a_timestamp())?;
        let parameters = bound_parameters(parameters, self.clock.now())?;
        let query = googlesql::BoundQuery::new(&query, &[], &parameters, &[])
            .map_err(|_| not_a_timestamp())?;
        let rows =
            query.run(&[], self.clock.now(), self.query_limits).map_err(|_| not_a_timestamp())?;
        let column = rows.column(0);
        if !matches!(column.data_type(), DataType::Timestamp(_, Some(_))) || column.is_null(0) {
            return Err(not_a_timestamp());
        }
        let micros = column.as_primitive::<TimestampMicrosecondType>().value(0);
        Timestamp::from_microsecond(micros).map_err(|_| not_a_timestamp())
    }

    /// The rows that a table had at an instant, masked for `caller`, who may read its dataset, with the
    /// tags as they are now. A column that the table of today lacks, or has with another type, cannot be
    /// read: the query fails (Google's documentation, "Introduction to column-level access control",
    /// on time travel).
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
        let (version, rows, fields_now, pseudo) = {
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
            (version, rows, table.fields.clone(), pseudo_fields(&table.properties))
        };
        let refused = changed_columns(name, &version.fields, &fields_now);
        let hidden = pseudo.len();
        let fields = version.fields.into_iter().chain(pseudo).collect();
        let table =
            self.with_access(|it| MaskedTable::new(it, caller, name, fields, rows, salt.to_vec()));
        Ok(table.with_refused(&refused).with_hidden_columns(hidden))
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
        if is_turned("row-access-ends-time-travel") {
            return Ok(());
        }
        if !table.row_access.has_had_policies() || self.with_access(may_override) {
            return Ok(());
        }
        Err(GoogleError::access_denied(format!(
            "Access Denied: BigQuery: Time travel on table {name} is forbidden as it has (or has \
             had) row access policies."
        )))
    }
}

/// The columns of former rows that the present table lacks or has with another type, with the error of a
/// query that reads them.
fn changed_columns(
    name: &TableName,
    former: &[Field],
    now: &[Field],
) -> Vec<(String, GoogleError)> {
    if is_turned("time-travel-other-schema") {
        return Vec::new();
    }
    let is_same = |former: &Field| {
        let now = find_field(now, &former.name);
        now.is_some_and(|now| now.arrow_field().data_type() == former.arrow_field().data_type())
    };
    let error = |field: &Field| {
        GoogleError::invalid_query(format!(
            "Column {} of table {name} cannot be read at this time: the schema has changed since.",
            field.name
        ))
    };
    let changed = former.iter().filter(|field| !is_same(field));
    changed.map(|field| (field.name.clone(), error(field))).collect()
}
