//! Job calls, and the execution of jobs.
//!
//! A job runs to completion before `jobs.insert` returns, but the response shows it as RUNNING. A
//! job's id can never be used again, whether the job succeeded or not. A test can hold a job: it
//! stays RUNNING without any effect until the test releases it, as a slow job does in BigQuery.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::copy::CopySpec;
use super::job::{Job, QueryResult, job_not_found};
use super::load::LoadSpec;
use super::names::ANONYMOUS_DATASET;
use super::names::TableName;
use super::query::QuerySpec;
use super::settings::{self, Settings};
use super::statements::StatementResult;
use super::write::{WriteDisposition, WriteTarget};
use super::{BigQuery, check_labels, list_response, merge_properties};
use crate::access::Principal;
use crate::error::{GoogleError, status_of_reason};
use crate::turned::{self, is_turned};
use crate::web::{ApiResult, Call, json_response, no_content_response};

/// Checks Google's rule for job ids.
fn check_job_id(id: &str) -> Result<(), GoogleError> {
    let is_valid = (1..=1024).contains(&id.len())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_valid { Ok(()) } else { Err(GoogleError::invalid(format!("Invalid job ID \"{id}\"."))) }
}

impl BigQuery {
    pub(super) async fn insert_job(&self, caller: &Principal, call: &Call) -> ApiResult {
        self.start_job(caller, &call.json_body()?, None).await
    }

    /// Starts a job. The data of a load job may be uploaded with it.
    pub(super) async fn start_job(
        &self,
        caller: &Principal,
        body: &Value,
        upload: Option<Bytes>,
    ) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.jobs.create")?;
        settings::JOB.check(body)?;
        let reference = body.get("jobReference").unwrap_or(&Value::Null);
        let id = reference.get("jobId").and_then(Value::as_str);
        let mut configuration = body.get("configuration").cloned().unwrap_or(json!({}));
        let location = reference.get("location").and_then(Value::as_str);
        let location = location.unwrap_or(&self.location).to_owned();
        settings::CONFIGURATION.check(&configuration)?;
        check_labels(configuration.as_object().unwrap_or(&Map::new()))?;
        let job_spec = if let Some(load) = configuration.get("load") {
            settings::LOAD.check(load)?;
            let spec = LoadSpec::parse(load, &self.project, upload)?;
            self.authorize_named_tags(caller, &spec.target.name, &spec.target.schema)?;
            configuration["jobType"] = json!("LOAD");
            JobSpec::Load(Box::new(spec))
        } else if upload.is_some() {
            return Err(GoogleError::invalid("Only load jobs take uploaded data."));
        } else if let Some(query) = configuration.get("query") {
            Settings::check_all(&[&settings::QUERY, &settings::DEFINITIONS], query)?;
            let spec = JobSpec::query(query, &self.project)?;
            configuration["jobType"] = json!("QUERY");
            spec
        } else if let Some(copy) = configuration.get("copy") {
            settings::COPY.check(copy)?;
            let spec = CopySpec::parse(copy, &self.project)?;
            configuration["jobType"] = json!("COPY");
            JobSpec::Copy(Box::new(spec))
        } else {
            return Err(GoogleError::invalid(
                "Job configuration must contain exactly one job-specific configuration object \
                 (this server runs load, query and copy jobs).",
            ));
        };
        let dry_run = configuration.get("dryRun").and_then(Value::as_bool) == Some(true);
        if dry_run {
            return self.dry_run(caller, job_spec, configuration, location).await;
        }
        if let Some(turned) = self.turned_repetition(caller, id, &configuration, &job_spec) {
            return turned;
        }
        let id = self.register_job(caller, id, location, configuration)?;
        if let Some(job_spec) = self.hold_if_planned(&id, caller, job_spec) {
            let outcome = self.run_job(caller, job_spec).await;
            self.finish_job(&id, outcome);
        }
        let catalog = self.catalog();
        let job = catalog.jobs.get(&id).ok_or_else(|| job_not_found(&self.project, &id))?;
        // Shown as RUNNING, so that a client has to poll the job for its outcome.
        Ok(json_response(200, &job.resource(&self.project, &id, false)))
    }

    /// What a job with an existing id does if a claim of it is turned around.
    fn turned_repetition(
        &self,
        caller: &Principal,
        id: Option<&str>,
        configuration: &Value,
        job_spec: &JobSpec,
    ) -> Option<ApiResult> {
        let id = id?;
        let existing = self.catalog().jobs.get(id).cloned()?;
        let kind = |it: &Value| it.get("jobType").cloned();
        let is_same_kind = kind(&existing.configuration) == kind(configuration);
        if is_turned("job-id-shared-by-kinds") && !is_same_kind {
            self.catalog().jobs.remove(id);
        }
        if is_turned("job-id-once") && is_same_kind {
            return Some(Ok(json_response(200, &existing.resource(&self.project, id, true))));
        }
        if let JobSpec::Load(spec) = job_spec
            && is_same_kind
            && is_turned("receipts-append-once")
        {
            let _ = self.load(caller, spec);
        }
        None
    }

    pub(super) fn get_job(&self, caller: &Principal, call: &Call, id: &str) -> ApiResult {
        self.authorize_job(caller, call, id)?;
        let mut catalog = self.catalog();
        let job = catalog.jobs.get_mut(id).ok_or_else(|| job_not_found(&self.project, id))?;
        let first_look = !std::mem::replace(&mut job.seen, true);
        if first_look && is_turned("job-visible-at-once") {
            return Err(job_not_found(&self.project, id));
        }
        if is_turned("job-configuration-read-back")
            && let Some(load) = job.configuration.get_mut("load").and_then(Value::as_object_mut)
        {
            load.remove("sourceUris");
        }
        let done = job.done && job.running_polls_left == 0;
        job.running_polls_left = job.running_polls_left.saturating_sub(u32::from(job.done));
        Ok(json_response(200, &job.resource(&self.project, id, done)))
    }

    pub(super) fn list_jobs(&self, caller: &Principal, call: &Call) -> ApiResult {
        let all_users = call.bool_param("allUsers");
        if all_users {
            self.authorize_on_project(caller, "bigquery.jobs.listAll")?;
        }
        let parent = call.query_param("parentJobId");
        let states: Vec<&str> = call.query_params("stateFilter").collect();
        let (from, to) = (call.int_param("minCreationTime")?, call.int_param("maxCreationTime")?);
        let in_time = |job: &Job| {
            let created = job.created.as_millisecond();
            from.is_none_or(|it| created >= it) && to.is_none_or(|it| created <= it)
        };
        let all: Vec<Value> = (self.catalog().jobs.iter())
            .filter(|(_, job)| all_users || job.email == caller.email)
            .filter(|(_, job)| job.parent() == parent && in_time(job))
            .map(|(id, job)| {
                let mut resource = job.resource(&self.project, id, job.done);
                resource["state"] = resource["status"]["state"].clone();
                if is_turned("jobs-list-names-what-was-read")
                    && let Some(query) = resource.pointer_mut("/statistics/query")
                {
                    query["referencedTables"] = json!([]);
                }
                resource
            })
            .filter(|it| {
                let state = it["state"].as_str().unwrap_or_default();
                states.is_empty() || states.iter().any(|wanted| wanted.eq_ignore_ascii_case(state))
            })
            .collect();
        list_response(call, json!({"kind": "bigquery#jobList"}), "jobs", all)
    }

    /// `jobs.cancel`: a held job ends without effect. Any other job has already run, so the response
    /// only shows its state, as Google's does.
    pub(super) fn cancel_job(&self, caller: &Principal, call: &Call, id: &str) -> ApiResult {
        self.authorize_job(caller, call, id)?;
        if self.catalog().held_jobs.remove(id).is_some() {
            let stopped = GoogleError::new(400, "stopped", "Job execution was cancelled.");
            self.finish_job(id, Err(stopped));
        }
        let catalog = self.catalog();
        let job = catalog.jobs.get(id).ok_or_else(|| job_not_found(&self.project, id))?;
        Ok(json_response(
            200,
            &json!({
                "kind": "bigquery#jobCancelResponse",
                "job": job.resource(&self.project, id, job.done),
            }),
        ))
    }

    pub(super) fn delete_job(&self, caller: &Principal, id: &str) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.jobs.delete")?;
        let mut catalog = self.catalog();
        catalog.jobs.remove(id).ok_or_else(|| job_not_found(&self.project, id))?;
        catalog.held_jobs.remove(id);
        Ok(no_content_response())
    }

    /// Holds a job if a test has planned this. Returns the job otherwise.
    fn hold_if_planned(&self, id: &str, caller: &Principal, job_spec: JobSpec) -> Option<JobSpec> {
        let mut catalog = self.catalog();
        if catalog.planned_holds == 0 {
            return Some(job_spec);
        }
        catalog.planned_holds -= 1;
        catalog.held_jobs.insert(id.to_owned(), HeldJob { caller: caller.clone(), job_spec });
        None
    }

    /// Runs a held job.
    ///
    /// # Errors
    /// 404 if no job with this id is held.
    pub(crate) async fn release_job(&self, id: &str) -> Result<(), GoogleError> {
        let held = self.catalog().held_jobs.remove(id);
        let HeldJob { caller, job_spec } = held.ok_or_else(|| job_not_found(&self.project, id))?;
        let outcome = self.run_job(&caller, job_spec).await;
        self.finish_job(id, outcome);
        Ok(())
    }

    /// Checks that the caller may read a job: its creator may, others need the permission
    /// `bigquery.jobs.get`.
    pub(super) fn authorize_job(
        &self,
        caller: &Principal,
        call: &Call,
        id: &str,
    ) -> Result<(), GoogleError> {
        let catalog = self.catalog();
        let job = catalog.jobs.get(id).filter(|job| {
            call.query_param("location").is_none_or(|it| it.eq_ignore_ascii_case(&job.location))
        });
        let job = job.ok_or_else(|| job_not_found(&self.project, id))?;
        if job.email == caller.email {
            return Ok(());
        }
        self.authorize_on_project(caller, "bigquery.jobs.get")
    }

    /// Creates a job that is about to run and returns its id.
    ///
    /// # Errors
    /// 409 `duplicate` if the id was used before.
    pub(super) fn register_job(
        &self,
        caller: &Principal,
        id: Option<&str>,
        location: String,
        mut configuration: Value,
    ) -> Result<String, GoogleError> {
        let mut catalog = self.catalog();
        let id = match id {
            Some(id) => id.to_owned(),
            None => {
                catalog.last_job_number += 1;
                format!("job_{:06}", catalog.last_job_number)
            }
        };
        check_job_id(&id)?;
        if catalog.jobs.contains_key(&id) {
            let message = format!("Already Exists: Job {}:{location}.{id}", self.project);
            return Err(GoogleError::duplicate(message));
        }
        if let Some(query) = configuration.get_mut("query")
            && query.get("destinationTable").is_none()
        {
            query["destinationTable"] =
                TableName::new(&self.project, ANONYMOUS_DATASET, &id).reference();
        }
        let job = Job {
            email: caller.email.clone(),
            location,
            configuration,
            done: false,
            running_polls_left: self.extra_running_polls,
            seen: false,
            error: None,
            statistics: json!({}),
            created: self.clock.now(),
            ended: None,
            returns_rows: false,
            result: None,
        };
        catalog.jobs.insert(id.clone(), job);
        Ok(id)
    }

    /// Runs a job, or fails it if a test has planned a failure.
    pub(super) async fn run_job(
        &self,
        caller: &Principal,
        job_spec: JobSpec,
    ) -> Result<JobOutcome, GoogleError> {
        let failure = self.catalog().planned_failures.pop();
        if let Some(failure) = failure {
            let status = status_of_reason(&failure.reason);
            return Err(GoogleError::new(status, failure.reason, failure.message));
        }
        match job_spec {
            JobSpec::Query(spec, target) => {
                let done = self.run_statement(caller, &spec, target.as_deref(), false).await?;
                let mut outcome = JobOutcome::of_statement(done);
                outcome.statistics["query"]["referencedTables"] = spec.referenced_tables();
                Ok(outcome)
            }
            JobSpec::Copy(spec) => {
                Ok(JobOutcome { statistics: self.copy(caller, &spec)?, ..JobOutcome::default() })
            }
            JobSpec::Load(spec) => {
                let (server, caller, turned) = (self.clone(), caller.clone(), turned::current());
                let load = move || turned::within(turned, || server.load(&caller, &spec));
                let statistics = tokio::task::spawn_blocking(load).await;
                let statistics = statistics.map_err(|_| {
                    GoogleError::new(500, "internalError", "The load job stopped unexpectedly.")
                })??;
                Ok(JobOutcome { statistics, ..JobOutcome::default() })
            }
        }
    }

    /// Records the outcome of a job.
    pub(super) fn finish_job(&self, id: &str, outcome: Result<JobOutcome, GoogleError>) {
        let now = self.clock.now();
        let mut catalog = self.catalog();
        let Some(job) = catalog.jobs.get_mut(id) else { return };
        job.done = true;
        job.ended = Some(now);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::debug!(job = id, reason = error.reason, "job failed");
                job.error = Some(error);
                return;
            }
        };
        job.statistics = outcome.statistics;
        job.returns_rows = outcome.returns_rows;
        if let Some(query) = job.configuration.get_mut("query").and_then(Value::as_object_mut) {
            match outcome.destination {
                Some(table) => drop(query.insert("destinationTable".to_owned(), table.reference())),
                None if !outcome.returns_rows => drop(query.remove("destinationTable")),
                None => {}
            }
        }
        job.result = outcome.result;
        let job = job.clone();
        for (number, (sql, child)) in outcome.children.into_iter().enumerate() {
            let child_id = format!("script_job_{id}_{number}");
            catalog.jobs.insert(child_id, job.child(id, &sql, JobOutcome::of_statement(child)));
        }
    }
}

/// What a job does.
pub(super) enum JobSpec {
    Load(Box<LoadSpec>),
    Copy(Box<CopySpec>),
    /// A statement, and the table for its result.
    Query(Box<QuerySpec>, Option<Box<WriteTarget>>),
}

impl JobSpec {
    /// Parses the configuration of a query job.
    pub(super) fn query(query: &Value, project: &str) -> Result<Self, GoogleError> {
        let spec = Box::new(QuerySpec::parse(query, project)?);
        if query.get("destinationTable").is_none_or(Value::is_null) {
            return Ok(Self::Query(spec, None));
        }
        let mut properties = Map::new();
        let layout = ["timePartitioning", "rangePartitioning", "clustering"];
        merge_properties(&mut properties, query, &layout);
        if let Some(key) = query.get("destinationEncryptionConfiguration") {
            properties.insert("encryptionConfiguration".to_owned(), key.clone());
        }
        let target = WriteTarget {
            properties,
            ..WriteTarget::parse(query, project, WriteDisposition::Empty)?
        };
        Ok(Self::Query(spec, Some(Box::new(target))))
    }
}

/// A job that a test holds.
pub(crate) struct HeldJob {
    caller: Principal,
    job_spec: JobSpec,
}

/// The outcome of a successful job.
#[derive(Default)]
pub(super) struct JobOutcome {
    pub(super) statistics: Value,
    pub(super) result: Option<Arc<QueryResult>>,
    pub(super) returns_rows: bool,
    destination: Option<TableName>,
    children: Vec<(String, StatementResult)>,
}

impl JobOutcome {
    /// The outcome of a statement.
    pub(super) fn of_statement(done: StatementResult) -> Self {
        let bytes = done.result.bytes_processed.to_string();
        let returns_rows = done.returns_rows();
        let mut query = json!({
            "statementType": done.statement_type,
            "totalBytesProcessed": bytes,
            "totalBytesBilled": "0",
            "cacheHit": false,
        });
        if let (Some(target), Value::Object(more)) = (query.as_object_mut(), done.statistics) {
            target.extend(more);
        }
        let mut statistics = json!({"totalBytesProcessed": bytes, "query": query});
        if done.statement_type == "SCRIPT" {
            statistics["numChildJobs"] = json!(done.children.len().to_string());
        }
        Self {
            statistics,
            result: Some(done.result),
            returns_rows,
            destination: done.destination,
            children: done.children,
        }
    }
}
