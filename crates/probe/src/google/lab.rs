//! The scratch resources of one run, and the calls with which probes look at them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use backon::Retryable;
use landbridge_gcp::raw::{Answer, Api, Raw, RawBody, RawCall};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use super::Options;
use super::names::Run;
use crate::report::{Seen, Shape, Stop, known_reason};

/// How often a call is repeated that Google could not answer, and the pause before each repetition.
const RETRY_DELAYS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
/// The longest pause between two looks at a job.
const LONGEST_POLL: Duration = Duration::from_secs(2);
/// After this time a job counts as one that does not end.
const JOB_LIMIT: Duration = Duration::from_secs(300);
/// The pause between two looks at something that takes effect later.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// An attempt that did not succeed.
enum Attempt {
    /// Google answered that it could not do it now.
    Refused(Answer),
    /// No answer.
    Unanswered,
    /// Nothing was sent: there is no access token.
    Without,
}

/// Who makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The caller, who has no role on any tag of the run.
    Me,
    /// The account that becomes a masked reader.
    Masked,
    /// The account that becomes a plain reader.
    Plain,
}

/// The tokens of the impersonated accounts; `None` if an account was not given.
#[derive(Default)]
pub(super) struct Personas {
    pub(super) masked: Option<String>,
    pub(super) plain: Option<String>,
}

/// A finished job.
pub(super) struct Job {
    /// The reason of its error; `None` if it succeeded.
    pub(super) reason: Option<String>,
    /// The message of its error, which no report contains; empty if it succeeded.
    pub(super) message: String,
    pub(super) resource: Value,
}

impl Job {
    pub(super) fn succeeded(&self) -> bool {
        self.reason.is_none()
    }

    /// `outputRows` of a load job.
    pub(super) fn rows(&self) -> Option<u64> {
        self.resource.pointer("/statistics/load/outputRows")?.as_str()?.parse().ok()
    }

    /// What the job did.
    pub(super) fn shape(&self) -> Shape {
        match &self.reason {
            None => Shape::of("the job succeeded"),
            Some(reason) => Shape::of("the job failed").and(known_reason(reason)),
        }
    }
}

/// The result of a query.
pub(super) enum Rows {
    /// Its rows: the cells as text, NULL as `None`, an array as its JSON.
    Read(Vec<Vec<Option<String>>>),
    /// Its refusal.
    Refused(Shape),
}

impl Rows {
    /// The first cell; `None` for no row, NULL, or a refusal.
    pub(super) fn cell(&self) -> Option<&str> {
        match self {
            Self::Read(rows) => rows.first()?.first()?.as_deref(),
            Self::Refused(_) => None,
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// What the query gave.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Read(rows) => Shape::of("the query ran").number(rows.len() as u64, "rows"),
            Self::Refused(shape) => Shape::of("the query was refused").and_shape(shape),
        }
    }
}

/// The scratch resources.
pub(super) struct Lab {
    pub(super) api: Raw,
    pub(super) options: Options,
    pub(super) run: Run,
    pub(super) personas: Personas,
    numbers: AtomicU32,
}

impl Lab {
    pub(super) fn new(api: Raw, options: Options, run: Run) -> Self {
        Self { api, options, run, personas: Personas::default(), numbers: AtomicU32::new(0) }
    }

    /// The token of a persona; `None` for the caller.
    ///
    /// # Errors
    /// If the account was not given.
    pub(super) fn token(&self, who: Who) -> Result<Option<&str>, Stop> {
        match who {
            Who::Me => Ok(None),
            Who::Masked => self
                .personas
                .masked
                .as_deref()
                .map(Some)
                .ok_or_else(|| Stop::skipped("needs --masked-reader")),
            Who::Plain => {
                let token = self.personas.plain.as_deref();
                token.map(Some).ok_or_else(|| Stop::skipped("needs --plain-reader"))
            }
        }
    }

    /// Sends a call, and repeats it while Google cannot answer. A repeated call may have taken effect before.
    pub(super) async fn send(&self, call: &RawCall<'_>) -> Result<Answer, Stop> {
        let attempt = || async {
            match self.api.send("a call of the probe", call).await {
                Ok(answer) if answer.is_transient() => Err(Attempt::Refused(answer)),
                Ok(answer) => Ok(answer),
                Err(error) if error.kind().is_transient() => Err(Attempt::Unanswered),
                Err(_) => Err(Attempt::Without),
            }
        };
        let again = |attempt: &Attempt| !matches!(attempt, Attempt::Without);
        match attempt.retry(RETRY_DELAYS.into_iter()).when(again).await {
            Ok(answer) | Err(Attempt::Refused(answer)) => Ok(answer),
            Err(Attempt::Unanswered) => Err(Stop::failed(Shape::of("Google did not answer"))),
            Err(Attempt::Without) => Err(Stop::failed(Shape::of("no access token is available"))),
        }
    }

    /// A call of an API as the caller.
    pub(super) async fn call(
        &self,
        api: Api,
        method: Method,
        path: String,
        body: Option<&Value>,
    ) -> Result<Answer, Stop> {
        self.call_as(Who::Me, api, method, path, body).await
    }

    /// A call of an API.
    pub(super) async fn call_as(
        &self,
        who: Who,
        api: Api,
        method: Method,
        path: String,
        body: Option<&Value>,
    ) -> Result<Answer, Stop> {
        let body = body.map_or(RawBody::None, RawBody::Json);
        let token = self.token(who)?;
        self.send(&RawCall { api, method, path, body, headers: Vec::new(), token }).await
    }

    /// The path of the project in BigQuery's API.
    pub(super) fn project(&self, rest: &str) -> String {
        format!("projects/{}{rest}", encoded(&self.options.project))
    }

    /// The path of a table in BigQuery's API.
    pub(super) fn table_path(&self, table: &str) -> String {
        self.project(&format!("/datasets/{}/tables/{}", self.run.dataset(), encoded(table)))
    }

    /// The table's name in a query.
    pub(super) fn sql(&self, table: &str) -> String {
        format!("`{}.{}.{table}`", self.options.project, self.run.dataset())
    }

    /// The table as a resource names it.
    pub(super) fn reference(&self, table: &str) -> Value {
        json!({
            "projectId": self.options.project, "datasetId": self.run.dataset(), "tableId": table,
        })
    }

    /// Creates a table; the answer may be a refusal.
    pub(super) async fn try_table(&self, table: &str, fields: Value) -> Result<Answer, Stop> {
        self.insert_table(table, json!({"schema": {"fields": fields}})).await
    }

    /// Creates a table with one partition per day.
    pub(super) async fn day_table(&self, table: &str, fields: Value) -> Result<(), Stop> {
        let layout = json!({"type": "DAY"});
        let body = json!({"schema": {"fields": fields}, "timePartitioning": layout});
        let answer = self.insert_table(table, body).await?;
        match answer.is_ok() || answer.status == 409 {
            true => Ok(()),
            false => Err(Stop::failed(Shape::of("a table was not created").answer(&answer))),
        }
    }

    async fn insert_table(&self, table: &str, mut body: Value) -> Result<Answer, Stop> {
        body["tableReference"] = self.reference(table);
        let path = self.project(&format!("/datasets/{}/tables", self.run.dataset()));
        self.call(Api::BigQuery, Method::POST, path, Some(&body)).await
    }

    /// Creates a table. One that a lost call has created is as good.
    pub(super) async fn table(&self, table: &str, fields: Value) -> Result<(), Stop> {
        let answer = self.try_table(table, fields).await?;
        match answer.is_ok() || answer.status == 409 {
            true => Ok(()),
            false => Err(Stop::failed(Shape::of("a table was not created").answer(&answer))),
        }
    }

    /// Reads a table.
    pub(super) async fn get(&self, table: &str) -> Result<Value, Stop> {
        let answer = self.call(Api::BigQuery, Method::GET, self.table_path(table), None).await?;
        match answer.is_ok() {
            true => Ok(answer.body),
            false => Err(Stop::failed(Shape::of("a table was not read").answer(&answer))),
        }
    }

    /// Changes a table; the answer may be a refusal.
    pub(super) async fn try_patch(
        &self,
        table: &str,
        body: &Value,
        if_match: Option<&str>,
    ) -> Result<Answer, Stop> {
        let headers = if_match.map(|etag| ("if-match", etag.to_owned())).into_iter().collect();
        let (api, method, path) = (Api::BigQuery, Method::PATCH, self.table_path(table));
        let body = RawBody::Json(body);
        self.send(&RawCall { api, method, path, body, headers, token: None }).await
    }

    /// Changes a table.
    pub(super) async fn patch(&self, table: &str, body: &Value) -> Result<Value, Stop> {
        let answer = self.try_patch(table, body, None).await?;
        match answer.is_ok() {
            true => Ok(answer.body),
            false => Err(Stop::failed(Shape::of("a table was not changed").answer(&answer))),
        }
    }

    /// Uploads an object in one request, and returns its URI.
    pub(super) async fn put(&self, name: &str, bytes: &[u8]) -> Result<String, Stop> {
        let answer = self.upload(name, bytes, "").await?;
        match answer.is_ok() {
            true => Ok(format!("gs://{}/{}{name}", self.options.bucket, self.run.prefix())),
            false => Err(Stop::failed(Shape::of("an object was not created").answer(&answer))),
        }
    }

    /// Uploads an object in one request; `query` are more parameters (`&name=value`).
    pub(super) async fn upload(
        &self,
        name: &str,
        bytes: &[u8],
        query: &str,
    ) -> Result<Answer, Stop> {
        let name = encoded(&format!("{}{name}", self.run.prefix()));
        let bucket = encoded(&self.options.bucket);
        let call = RawCall {
            api: Api::Storage,
            method: Method::POST,
            path: format!("upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}{query}"),
            body: RawBody::Bytes(bytes),
            headers: vec![("content-type", "application/octet-stream".to_owned())],
            token: None,
        };
        self.send(&call).await
    }

    /// The path of an object in Cloud Storage's API.
    pub(super) fn object_path(&self, name: &str) -> String {
        let (bucket, name) =
            (&self.options.bucket, encoded(&format!("{}{name}", self.run.prefix())));
        format!("storage/v1/b/{}/o/{name}", encoded(bucket))
    }

    /// A name that no other call of the run has.
    pub(super) fn job_id(&self) -> String {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.run.dataset())
    }

    /// The configuration of a load job of Parquet in the form of the product's own load jobs: it replaces rows.
    pub(super) fn load(&self, table: &str, uris: &[String]) -> Value {
        json!({
            "destinationTable": self.reference(table),
            "createDisposition": "CREATE_NEVER",
            "writeDisposition": "WRITE_TRUNCATE_DATA",
            "sourceFormat": "PARQUET",
            "sourceUris": uris,
            "decimalTargetTypes": ["NUMERIC", "BIGNUMERIC", "STRING"],
        })
    }

    /// Uploads lines of JSON and appends them to a table.
    pub(super) async fn append(&self, table: &str, rows: &[Value]) -> Result<(), Stop> {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        let id = self.job_id();
        let uri = self.put(&format!("{id}.json"), lines.join("\n").as_bytes()).await?;
        let load = json!({
            "destinationTable": self.reference(table),
            "createDisposition": "CREATE_NEVER",
            "writeDisposition": "WRITE_APPEND",
            "sourceFormat": "NEWLINE_DELIMITED_JSON",
            "sourceUris": [uri],
        });
        self.must_run(&id, json!({ "load": load })).await
    }

    /// Loads a file, which replaces the rows of a table; the job may fail.
    pub(super) async fn load_file(&self, table: &str, bytes: &[u8]) -> Result<Job, Stop> {
        let id = self.job_id();
        let uri = self.put(&format!("{id}.parquet"), bytes).await?;
        self.run_job(&id, json!({"load": self.load(table, &[uri])})).await
    }

    /// Loads a file, which replaces the rows of a table.
    pub(super) async fn must_load(&self, table: &str, bytes: &[u8]) -> Result<(), Stop> {
        let job = self.load_file(table, bytes).await?;
        match job.succeeded() {
            true => Ok(()),
            false => Err(Stop::failed(Shape::of("a table was not loaded").and_shape(&job.shape()))),
        }
    }

    /// Inserts a job, and returns the answer.
    pub(super) async fn insert(&self, id: &str, configuration: Value) -> Result<Answer, Stop> {
        let body = json!({
            "jobReference": {
                "projectId": self.options.project,
                "jobId": id,
                "location": self.options.location,
            },
            "configuration": configuration,
        });
        self.call(Api::BigQuery, Method::POST, self.project("/jobs"), Some(&body)).await
    }

    /// Reads a job.
    pub(super) async fn job(&self, id: &str) -> Result<Answer, Stop> {
        self.job_as(Who::Me, id).await
    }

    async fn job_as(&self, who: Who, id: &str) -> Result<Answer, Stop> {
        let location = encoded(&self.options.location);
        let path = self.project(&format!("/jobs/{id}?location={location}"));
        self.call_as(who, Api::BigQuery, Method::GET, path, None).await
    }

    /// Inserts a job and waits for its end. A refusal of the insertion is a failed job.
    pub(super) async fn run_job(&self, id: &str, configuration: Value) -> Result<Job, Stop> {
        let inserted = self.insert(id, configuration).await?;
        // An insertion whose answer was lost is repeated, and refused.
        if !inserted.is_ok() && inserted.status != 409 {
            let reason = match inserted.reason.as_str() {
                "" => "invalid".to_owned(),
                reason => reason.to_owned(),
            };
            let message = inserted.text("/error/message").to_owned();
            return Ok(Job { reason: Some(reason), message, resource: Value::Null });
        }
        self.wait_for_job(id).await
    }

    /// Waits for the end of a job.
    pub(super) async fn wait_for_job(&self, id: &str) -> Result<Job, Stop> {
        self.wait_for_job_as(Who::Me, id).await
    }

    /// Waits for the end of a job of `who`.
    pub(super) async fn wait_for_job_as(&self, who: Who, id: &str) -> Result<Job, Stop> {
        let (start, mut pause) = (Instant::now(), Duration::from_millis(5));
        while start.elapsed() < JOB_LIMIT {
            let answer = self.job_as(who, id).await?;
            if answer.text("/status/state") == "DONE" {
                let reason = answer.text("/status/errorResult/reason").to_owned();
                let failed = answer.body.pointer("/status/errorResult").is_some();
                let message = answer.text("/status/errorResult/message").to_owned();
                let reason = failed.then_some(reason);
                return Ok(Job { reason, message, resource: answer.body });
            }
            if !answer.is_ok() && answer.status != 404 {
                return Err(Stop::failed(Shape::of("a job was not read").answer(&answer)));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_POLL);
        }
        Err(Stop::failed(Shape::of("a job did not end")))
    }

    async fn must_run(&self, id: &str, configuration: Value) -> Result<(), Stop> {
        let job = self.run_job(id, configuration).await?;
        match job.succeeded() {
            true => Ok(()),
            false => Err(Stop::failed(Shape::of("rows were not added").and_shape(&job.shape()))),
        }
    }

    /// Runs a statement, without the cache.
    pub(super) async fn query(&self, who: Who, sql: &str) -> Result<Rows, Stop> {
        self.query_with(who, sql, false).await
    }

    /// Runs a statement. With the cache, BigQuery may answer from it.
    pub(super) async fn query_with(
        &self,
        who: Who,
        sql: &str,
        use_cache: bool,
    ) -> Result<Rows, Stop> {
        let body = json!({
            "query": sql,
            "useLegacySql": false,
            "useQueryCache": use_cache,
            "location": self.options.location,
            "timeoutMs": 60_000,
        });
        let path = self.project("/queries");
        let mut answer = self.call_as(who, Api::BigQuery, Method::POST, path, Some(&body)).await?;
        while answer.is_ok() && answer.body.get("jobComplete") != Some(&Value::Bool(true)) {
            let (id, location) =
                (answer.text("/jobReference/jobId").to_owned(), encoded(&self.options.location));
            let path = self.project(&format!("/queries/{id}?location={location}&timeoutMs=60000"));
            answer = self.call_as(who, Api::BigQuery, Method::GET, path, None).await?;
        }
        if !answer.is_ok() {
            return Ok(Rows::Refused(Shape::default().answer(&answer)));
        }
        let rows = answer.body.get("rows").and_then(Value::as_array);
        let row = |row: &Value| {
            let cells = row.get("f").and_then(Value::as_array);
            let cell = |cell: &Value| match cell.get("v") {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text.clone()),
                Some(other) => Some(other.to_string()),
            };
            cells.into_iter().flatten().map(cell).collect()
        };
        Ok(Rows::Read(rows.into_iter().flatten().map(row).collect()))
    }

    /// The number of rows of a table, by a query.
    pub(super) async fn count(&self, table: &str) -> Result<u64, Stop> {
        let rows =
            self.query(Who::Me, &format!("SELECT COUNT(*) FROM {}", self.sql(table))).await?;
        let count = rows.cell().and_then(|it| it.parse().ok());
        count.ok_or_else(|| {
            Stop::failed(Shape::of("the rows were not counted").and_shape(&rows.shape()))
        })
    }

    /// BigQuery's clock, in microseconds since 1970.
    pub(super) async fn now(&self) -> Result<i64, Stop> {
        let rows = self.query(Who::Me, "SELECT UNIX_MICROS(CURRENT_TIMESTAMP())").await?;
        let now = rows.cell().and_then(|it| it.parse().ok());
        now.ok_or_else(|| Stop::failed(Shape::of("the time was not read").and_shape(&rows.shape())))
    }

    /// An instant of BigQuery's clock after which nothing happens for two seconds.
    pub(super) async fn moment(&self) -> Result<i64, Stop> {
        self.pause_after(self.now().await?).await?;
        let moment = self.now().await?;
        self.pause_after(moment).await?;
        Ok(moment)
    }

    /// Waits until BigQuery's clock is two seconds after an instant.
    pub(super) async fn pause_after(&self, instant: i64) -> Result<(), Stop> {
        while self.now().await? < instant + 2_000_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Looks again until something is so, or the patience of the run ends. Returns the seconds that it took, or
    /// `None` if it is not so.
    pub(super) async fn until(
        &self,
        mut look: impl AsyncFnMut() -> Result<bool, Stop>,
    ) -> Result<Option<u64>, Stop> {
        let start = Instant::now();
        loop {
            if look().await? {
                return Ok(Some(start.elapsed().as_secs()));
            }
            if start.elapsed() >= self.options.patience {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_AGAIN.min(self.options.patience)).await;
        }
    }
}

/// A part of a path.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The field of a schema with a name.
pub(super) fn field<'a>(table: &'a Value, name: &str) -> &'a Value {
    let fields = table.pointer("/schema/fields").and_then(Value::as_array);
    let found = fields
        .into_iter()
        .flatten()
        .find(|it| it.get("name").and_then(Value::as_str) == Some(name));
    found.unwrap_or(&Value::Null)
}

/// Whether the column of a table has exactly this tag. A tag may be named with the project's number instead of its id.
pub(super) fn has_tag(table: &Value, name: &str, tag: &str) -> bool {
    let names = field(table, name).pointer("/policyTags/names").and_then(Value::as_array);
    let below_project = |it: &str| it.splitn(3, '/').nth(2).map(str::to_owned);
    match names.map(Vec::as_slice) {
        Some([only]) => only.as_str().map(below_project) == Some(below_project(tag)),
        _ => false,
    }
}

/// Whether the column of a table has a tag.
pub(super) fn is_tagged(table: &Value, name: &str) -> bool {
    let names = field(table, name).pointer("/policyTags/names").and_then(Value::as_array);
    names.is_some_and(|it| !it.is_empty())
}

/// What a query shows of a value that a tag protects.
pub(super) fn hidden(rows: &Rows, plain: &str) -> Seen {
    let shown = rows.cell() == Some(plain);
    let shape = match (rows, shown) {
        (_, true) => Shape::of("the plain value was shown"),
        (Rows::Refused(_), _) => rows.shape(),
        _ => Shape::of("the plain value was not shown"),
    };
    Seen { holds: !shown, shape }
}
