//! Reads what jobs and records of access show, for `landbridge access` and `landbridge consumers`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use landbridge_core::access::{Deployment, NotKnown, QueryJob, TableDataRead};
use landbridge_core::config::Config;
use landbridge_core::{Error, ErrorKind};
use landbridge_gcp::Inspector;

use crate::failure::Result;

/// BigQuery lists jobs of the last six months (BigQuery v2, `jobs.list`).
pub(crate) const MAX_DAYS: u16 = 180;
/// Cloud Logging keeps data access logs of BigQuery in the bucket `_Default` for 30 days.
const DEFAULT_LOG_DAYS: i64 = 30;

/// The last `days` days until now.
pub(crate) fn last_days(days: u16) -> Result<(Timestamp, Timestamp)> {
    let now = crate::clock::Clock::from_env()?.now();
    Ok((now - SignedDuration::from_hours(24 * i64::from(days)), now + SignedDuration::from_secs(1)))
}

/// Lists the jobs of the project and gives them to `visit` page by page. `None`: they were read.
pub(crate) async fn jobs(
    inspector: &Inspector,
    config: &Config,
    range: (Timestamp, Timestamp),
    visit: impl FnMut(Vec<QueryJob>),
) -> Option<NotKnown> {
    let found = inspector.query_jobs(&config.warehouse.location, range, visit).await;
    let next = "ask for the role access_reviewer (docs/access.md), which has bigquery.jobs.listAll";
    found.err().map(|error| unread("which queries read the tables", &error, next))
}

fn unread(what: &str, error: &Error, denied: &str) -> NotKnown {
    let next = match error.kind() {
        ErrorKind::Denied => denied.to_owned(),
        kind if kind.is_transient() => "run the command again".to_owned(),
        kind => kind.policy().operator.to_owned(),
    };
    NotKnown { place: None, what: what.to_owned(), why: error.sentence(), next }
}

/// The first instant of a month in UTC, and of the next.
pub(crate) fn month(text: &str) -> std::result::Result<(Timestamp, Timestamp), String> {
    let invalid = || "must be a month, for example 2026-11".to_owned();
    let first: Date = format!("{text}-01").parse().map_err(|_| invalid())?;
    if text.len() != 7 {
        return Err(invalid());
    }
    let at = |date: Date| date.to_zoned(TimeZone::UTC).map(|it| it.timestamp());
    let next = first.checked_add(1.month()).map_err(|_| invalid())?;
    Ok((at(first).map_err(|_| invalid())?, at(next).map_err(|_| invalid())?))
}

/// The records of access of a month: of the project, and of the log bucket that Terraform makes for all databases of
/// the deployment. A record is in both for 30 days.
pub(crate) async fn records(
    inspector: &Inspector,
    config: &Config,
    deployment: &Deployment,
    (from, until): (Timestamp, Timestamp),
) -> (Vec<TableDataRead>, Vec<NotKnown>) {
    let project = &config.warehouse.project;
    let bucket = log_bucket(config, deployment);
    let dataset = &config.warehouse.dataset;
    let what = "who read the tables in this month";
    let denied = "ask for the role access_reviewer (docs/access.md); the log bucket also asks for roles/logging.viewAccessor";
    let kept = inspector.table_reads(&bucket, dataset, (from, until)).await;
    let kept = match kept {
        Ok(reads) if !reads.is_empty() => return (reads, Vec::new()),
        kept => kept,
    };
    match inspector.table_reads(&format!("projects/{project}"), dataset, (from, until)).await {
        Err(error) => (Vec::new(), vec![unread(what, &error, denied)]),
        Ok(reads) => {
            // Without the bucket, older records are gone.
            let now = crate::clock::Clock::from_env().map_or(until, |it| it.now());
            let is_old = from < now - SignedDuration::from_hours(24 * DEFAULT_LOG_DAYS);
            match kept {
                Err(error) if is_old => {
                    let what = format!("{what} before {DEFAULT_LOG_DAYS} days ago");
                    (reads, vec![unread(&what, &error, denied)])
                }
                _ => (reads, Vec::new()),
            }
        }
    }
}

/// The view of the log bucket that terraform/modules/gcp makes (`audit.tf`).
fn log_bucket(config: &Config, deployment: &Deployment) -> String {
    let (warehouse, name) = (&config.warehouse, deployment.shared_name());
    format!(
        "projects/{}/locations/{}/buckets/landbridge-{name}-audit/views/_AllLogs",
        warehouse.project,
        warehouse.location.to_lowercase()
    )
}

/// Parses `--month`.
pub(crate) fn parse_month(text: &str) -> std::result::Result<String, String> {
    month(text).map(|_| text.to_owned())
}

/// A number of days that BigQuery lists jobs of.
pub(crate) fn parse_days(text: &str) -> std::result::Result<u16, String> {
    let days = text.parse().ok().filter(|days| *days <= MAX_DAYS);
    days.ok_or_else(|| format!("must be a number from 0 to {MAX_DAYS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_from_its_first_instant_to_the_next_ones() {
        let (from, until) = month("2026-12").expect("a month");
        assert_eq!(from.to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(until.to_string(), "2027-01-01T00:00:00Z");
        for bad in ["2026", "2026-13", "2026-1", "2026-11-01", "november"] {
            assert!(month(bad).is_err(), "{bad}");
        }
    }

    /// Terraform names the bucket after what all databases share.
    #[test]
    fn the_log_bucket_is_one_for_all_databases() {
        let text = include_str!("../../../../examples/two-databases/landbridge.yaml");
        let databases = landbridge_core::config::parse_databases("landbridge.yaml", text);
        let databases = databases.expect("a valid file");
        let deployment = Deployment::of(&databases);
        for database in databases.all() {
            assert_eq!(
                log_bucket(&database.config, &deployment),
                "projects/company-analytics/locations/asia-northeast3/buckets/landbridge-company-audit/views/_AllLogs"
            );
        }
    }

    #[test]
    fn days_are_those_of_which_bigquery_lists_jobs() {
        assert_eq!(parse_days("180"), Ok(180));
        assert!(parse_days("181").is_err() && parse_days("-1").is_err());
    }
}
