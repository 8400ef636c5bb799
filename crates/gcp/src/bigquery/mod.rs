//! The BigQuery client.
//!
//! | module | responsibility |
//! |---|---|
//! | here | building the client |
//! | `tables` | reading, creating and changing tables |
//! | `views` | views of tables |
//! | `jobs` | load jobs |
//! | `merge` | jobs that merge changed rows into a table |
//! | `partitions` | partitions by day |
//! | `query` | queries of the operator's command |
//! | `rest` | sending a call, retries |

mod jobs;
mod merge;
mod partitions;
mod query;
mod rest;
mod tables;
mod views;

pub use jobs::{Inserted, JobState, LoadJob, LoadMode, Retired};
pub use merge::{MergeJob, Merged, MergedRows};
pub use partitions::DayPartitions;
pub use query::Row;
pub(crate) use rest::ENDPOINT;
pub(crate) use tables::urlencode;
pub use tables::{NewTable, Patched, TableInfo, TableStamp};
pub use views::ViewInfo;

use std::time::Duration;

use google_cloud_auth::credentials::AccessTokenCredentials;
use landbridge_core::{Error, ErrorKind, Result};

use self::rest::Rest;

/// The limit for one attempt of a call.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The BigQuery client of one project and location.
#[derive(Clone)]
pub struct BigQuery {
    rest: Rest,
    project: String,
    location: String,
}

impl BigQuery {
    /// A client; an `endpoint` of `None` is Google's.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it cannot be built.
    pub fn new(
        credentials: AccessTokenCredentials,
        project: &str,
        location: &str,
        endpoint: Option<String>,
    ) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(|error| {
            Error::new(ErrorKind::Config, "the BigQuery client cannot be built", "")
                .caused_by(error.to_string())
        })?;
        let rest = Rest::new(http, credentials, endpoint.as_deref());
        Ok(Self { rest, project: project.to_owned(), location: location.to_owned() })
    }

    /// The id of the project.
    pub fn project(&self) -> &str {
        &self.project
    }
}
