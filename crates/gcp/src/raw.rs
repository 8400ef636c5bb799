//! Calls whose answer is itself the subject: `landbridge probe` looks at statuses and reasons that the other
//! clients turn into errors. Nothing is decided here.

use google_cloud_auth::credentials::AccessTokenCredentials;
use landbridge_core::{Error, ErrorKind, Result};
use reqwest::Method;
use serde_json::Value;

use crate::client::install_tls_provider;
use crate::error::{error_kind, no_token};
use crate::inspect::Inspector;
use crate::{bigquery, credentials};

/// Which of the forms that Landbridge recognises, from 0, the message of a refused load job has. `None`: another form, and the
/// message is hidden.
pub fn known_refusal(message: &str) -> Option<usize> {
    crate::message::form(message)
}

/// The limit for one call: longer than a query of `jobs.query` waits.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(90);

/// The API of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Cloud Storage, JSON (`/storage/v1/…` and `/upload/storage/v1/…`).
    Storage,
    /// BigQuery v2, below `/bigquery/v2`.
    BigQuery,
    /// BigQuery v2 with data in the body, below `/upload/bigquery/v2`.
    BigQueryUpload,
    /// Data Catalog, below `/v1`.
    Catalog,
    /// Data Policy, below `/v1`.
    DataPolicy,
    /// IAM Credentials, below `/v1`.
    IamCredentials,
}

/// One call.
#[derive(Clone, Debug)]
pub struct RawCall<'a> {
    /// The API.
    pub api: Api,
    /// The method.
    pub method: Method,
    /// The path below the endpoint, with its query string. An address that begins with `http` is taken as it
    /// is: a resumable upload has one of its own.
    pub path: String,
    /// The body.
    pub body: RawBody<'a>,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// The bearer token of another principal; `None`: the caller's own.
    pub token: Option<&'a str>,
}

/// The body of a call.
#[derive(Clone, Copy, Debug)]
pub enum RawBody<'a> {
    /// No body.
    None,
    /// JSON.
    Json(&'a Value),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// An answer, whatever its status is.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Google's `reason`; empty if there is none.
    pub reason: String,
    /// The body as JSON; NULL if it is no JSON.
    pub body: Value,
    /// The bytes of the body.
    pub bytes: Vec<u8>,
    /// The header `location`: the address of a resumable upload.
    pub location: Option<String>,
    /// The header `range`: the bytes that a resumable upload has.
    pub range: Option<String>,
}

impl Answer {
    /// Whether the call succeeded.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A text of the body.
    pub fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the same call can succeed later: Google had a fault, or was called too often.
    pub fn is_transient(&self) -> bool {
        let kind = error_kind(&self.reason, self.status);
        !self.is_ok() && matches!(kind, ErrorKind::Transient | ErrorKind::Throttled)
    }
}

/// The client.
#[derive(Clone)]
pub struct Raw {
    http: reqwest::Client,
    credentials: AccessTokenCredentials,
    storage: String,
    bigquery: String,
    catalog: String,
    /// The server of all other APIs; `None`: Google's own.
    other_apis: Option<String>,
    quota_project: Option<String>,
}

impl Raw {
    /// Uses the credentials and endpoints of the environment, as [`Inspector::from_env`] does.
    ///
    /// # Errors
    /// As [`credentials::from_env`]; [`ErrorKind::Config`] if the HTTP client cannot be built.
    pub fn from_env(project: &str) -> Result<Self> {
        let custom = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
        let (storage, bigquery) =
            (custom("LANDBRIDGE_GCS_ENDPOINT"), custom("LANDBRIDGE_BIGQUERY_ENDPOINT"));
        let credentials = credentials::from_env(&[storage.as_deref(), bigquery.as_deref()])?;
        let person = Inspector::personal_credentials();
        let quota_project = person.map(|it| it.quota_project.unwrap_or_else(|| project.to_owned()));
        let endpoints = Endpoints {
            storage,
            bigquery,
            catalog: custom("LANDBRIDGE_DATACATALOG_ENDPOINT"),
            other_apis: custom("LANDBRIDGE_GOOGLE_APIS_ENDPOINT"),
        };
        Ok(Self { quota_project, ..Self::new(credentials, endpoints)? })
    }

    /// Uses these credentials and endpoints.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the HTTP client cannot be built.
    pub fn new(credentials: AccessTokenCredentials, endpoints: Endpoints) -> Result<Self> {
        install_tls_provider();
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(|_| {
            Error::new(ErrorKind::Config, "the HTTP client cannot be built", "raw calls")
        })?;
        let or = |custom: Option<String>, google: &str| custom.unwrap_or_else(|| google.to_owned());
        Ok(Self {
            http,
            credentials,
            storage: or(endpoints.storage, "https://storage.googleapis.com"),
            bigquery: or(endpoints.bigquery, bigquery::ENDPOINT),
            catalog: or(endpoints.catalog, "https://datacatalog.googleapis.com/v1"),
            other_apis: endpoints.other_apis.map(|it| format!("{it}/v1")),
            quota_project: None,
        })
    }

    /// Sends a call once. `what` describes it in fixed text, for the error.
    ///
    /// # Errors
    /// [`ErrorKind::Transient`] without an answer: the call may have taken effect. [`ErrorKind::Denied`]
    /// without an access token. A refusal is an [`Answer`].
    pub async fn send(&self, what: &'static str, call: &RawCall<'_>) -> Result<Answer> {
        let no_answer = |_| Error::new(ErrorKind::Transient, what, "").caused_by("no answer");
        let token = match call.token {
            Some(token) => token.to_owned(),
            None => {
                let token = self.credentials.access_token().await;
                token.map_err(|error| no_token(what, "the environment", &error))?.token
            }
        };
        let mut request = self.http.request(call.method.clone(), self.url(call)).bearer_auth(token);
        if let (Some(project), None) = (&self.quota_project, call.token) {
            request = request.header("x-goog-user-project", project);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        request = match call.body {
            RawBody::None if call.method == Method::GET => request,
            // Google refuses a POST without a length.
            RawBody::None => request.header(reqwest::header::CONTENT_LENGTH, "0"),
            RawBody::Json(body) => request.json(body),
            RawBody::Bytes(bytes) => request.body(bytes.to_vec()),
        };
        let answer = request.send().await.map_err(no_answer)?;
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let (status, location, range) =
            (answer.status().as_u16(), header("location"), header("range"));
        let bytes = answer.bytes().await.map_err(no_answer)?.to_vec();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let reason = body.pointer("/error/errors/0/reason").and_then(Value::as_str);
        let reason = reason.unwrap_or_default().to_owned();
        Ok(Answer { status, reason, body, bytes, location, range })
    }

    fn url(&self, call: &RawCall<'_>) -> String {
        if call.path.starts_with("http") {
            return call.path.clone();
        }
        let other = |google: &str| self.other_apis.clone().unwrap_or_else(|| google.to_owned());
        let base = match call.api {
            Api::Storage => self.storage.clone(),
            Api::BigQuery => self.bigquery.clone(),
            Api::BigQueryUpload => self.bigquery.replacen("/bigquery/v2", "/upload/bigquery/v2", 1),
            Api::Catalog => self.catalog.clone(),
            Api::DataPolicy => other("https://bigquerydatapolicy.googleapis.com/v1"),
            Api::IamCredentials => other("https://iamcredentials.googleapis.com/v1"),
        };
        format!("{}/{}", base.trim_end_matches('/'), call.path)
    }
}

/// The endpoints of a client; `None`: Google's own.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// Cloud Storage.
    pub storage: Option<String>,
    /// BigQuery, with `/bigquery/v2`.
    pub bigquery: Option<String>,
    /// Data Catalog, with `/v1`.
    pub catalog: Option<String>,
    /// All other APIs, without a version.
    pub other_apis: Option<String>,
}
