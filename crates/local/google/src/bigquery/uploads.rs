//! `jobs.insert` with the data of a load job (`mediaUpload` of the discovery document): one multipart body,
//! or a resumable session.

use bytes::Bytes;
use serde_json::{Value, json};

use super::BigQuery;
use crate::access::Principal;
use crate::error::GoogleError;
use crate::storage::multipart::{boundary, split_parts};
use crate::storage::resumable::content_range;
use crate::web::{ApiResult, Call, response_with};

/// A resumable upload. Only its opener may continue it.
pub(crate) struct Upload {
    email: String,
    /// The body of `jobs.insert`.
    job: Value,
    received: Vec<u8>,
}

impl BigQuery {
    /// Handles the calls on `/upload/bigquery/v2/projects/PROJECT/jobs`.
    pub(super) async fn upload(&self, caller: &Principal, call: &Call) -> ApiResult {
        if let Some(id) = call.query_param("upload_id") {
            return self.receive_chunk(caller, call, id).await;
        }
        self.authorize_on_project(caller, "bigquery.jobs.create")?;
        match (call.method.as_str(), call.query_param("uploadType")) {
            ("POST", Some("multipart")) => {
                let malformed = || GoogleError::new(400, "badContent", "Malformed multipart body.");
                let boundary =
                    call.header("content-type").and_then(boundary).ok_or_else(malformed)?;
                let (job, data) = split_parts(&call.body, &boundary).ok_or_else(malformed)?;
                let job: Value = serde_json::from_slice(&job.body).map_err(|_| malformed())?;
                self.start_job(caller, &job, Some(data.body)).await
            }
            ("POST", Some("resumable")) => {
                let job = call.json_body()?;
                let mut catalog = self.catalog();
                catalog.last_job_number += 1;
                let id = format!("upload_{:06}", catalog.last_job_number);
                let upload = Upload { email: caller.email.clone(), job, received: Vec::new() };
                catalog.uploads.insert(id.clone(), upload);
                let address = format!(
                    "{}/upload/bigquery/v2/projects/{}/jobs?uploadType=resumable&upload_id={id}",
                    call.origin(),
                    self.project
                );
                Ok(response_with(200, &[("location", &address)], Bytes::new()))
            }
            _ => Err(GoogleError::invalid("Upload type not supported.")),
        }
    }

    /// A chunk of a resumable upload, or the question how much has arrived. The last chunk starts the job.
    async fn receive_chunk(&self, caller: &Principal, call: &Call, id: &str) -> ApiResult {
        let range = content_range(call)?;
        let complete = {
            let mut catalog = self.catalog();
            let upload = catalog.uploads.get_mut(id).filter(|it| it.email == caller.email);
            let upload =
                upload.ok_or_else(|| GoogleError::not_found("No such resumable upload."))?;
            let stored = upload.received.len();
            if let Some(start) = range.start {
                if start > stored {
                    return Err(GoogleError::invalid(
                        "Invalid request. The chunk begins after the bytes that were received.",
                    ));
                }
                let known = (stored - start).min(call.body.len());
                upload.received.extend_from_slice(&call.body[known..]);
            }
            if range.total == Some(upload.received.len()) {
                catalog.uploads.remove(id)
            } else {
                let end = upload.received.len();
                let received = format!("bytes=0-{}", end.saturating_sub(1));
                let headers: &[(&str, &str)] = if end > 0 { &[("range", &received)] } else { &[] };
                return Ok(response_with(308, headers, Bytes::new()));
            }
        };
        let Upload { job, received, .. } = complete.unwrap_or(Upload {
            email: String::new(),
            job: json!({}),
            received: Vec::new(),
        });
        self.start_job(caller, &job, Some(Bytes::from(received))).await
    }
}
