//! Read-only checks of buckets, datasets, policy tags and the caller's permissions, for the
//! operator's commands. The stages do not need this metadata.

pub mod jobs;
pub mod logs;
pub mod policies;
pub mod project;

use google_cloud_auth::credentials::AccessTokenCredentials;
use landbridge_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::install_tls_provider;
use crate::credentials;
use crate::error::{ApiDisabled, error_kind};

/// Google's endpoints.
const STORAGE: &str = "https://storage.googleapis.com";
const BIGQUERY: &str = "https://bigquery.googleapis.com/bigquery/v2";
const CATALOG: &str = "https://datacatalog.googleapis.com/v1";
/// The limit for one call.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);

/// Where access tokens come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// The AWS credentials of the environment, by workload identity federation.
    Federation,
    /// Application default credentials, usually those of a person.
    ApplicationDefault,
    /// A bare token, for servers on loopback.
    BareToken,
}

/// The settings that protect a bucket from public access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketProtection {
    /// Whether IAM alone controls access (uniform bucket-level access). Federation requires it.
    pub uniform_access: bool,
    /// Whether public access prevention is enforced.
    pub public_access_prevented: bool,
    /// The number of the project that owns the bucket.
    pub project_number: Option<u64>,
}

/// One binding of a bucket's IAM policy: a role, and who has it. Conditions are left out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BucketBinding {
    /// For example `roles/storage.objectViewer`.
    pub role: String,
    /// For example `group:analysts@example.com` or `projectViewer:shop-analytics`.
    #[serde(default)]
    pub members: Vec<String>,
}

/// Inspects the Google resources of one project.
#[derive(Clone)]
pub struct Inspector {
    http: reqwest::Client,
    credentials: AccessTokenCredentials,
    storage: String,
    bigquery: String,
    catalog: String,
    /// The server of all other APIs. Empty: Google's own. `None`: there is none.
    other_apis: Option<String>,
    project: String,
    /// The project in the header `x-goog-user-project`, which a person's credentials need.
    quota_project: Option<String>,
}

impl Inspector {
    /// Uses the credentials and endpoints of the environment, as
    /// [`Gcp::from_env`](crate::Gcp::from_env) does. `LANDBRIDGE_DATACATALOG_ENDPOINT` replaces the
    /// endpoint for policy tags, `LANDBRIDGE_GOOGLE_APIS_ENDPOINT` that of the APIs in [`project`].
    ///
    /// # Errors
    /// As [`credentials::from_env`]; [`ErrorKind::Config`] if the HTTP client cannot be built.
    pub fn from_env(project: &str) -> Result<Self> {
        let custom_endpoint = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
        let storage = custom_endpoint("LANDBRIDGE_GCS_ENDPOINT");
        let bigquery = custom_endpoint("LANDBRIDGE_BIGQUERY_ENDPOINT");
        let catalog = custom_endpoint("LANDBRIDGE_DATACATALOG_ENDPOINT");
        let is_google = storage.is_none() && bigquery.is_none() && catalog.is_none();
        let other_apis = custom_endpoint("LANDBRIDGE_GOOGLE_APIS_ENDPOINT")
            .or_else(|| is_google.then(String::new));
        // A person who chose no quota project needs one all the same.
        let quota_project = Self::personal_credentials()
            .map(|person| person.quota_project.unwrap_or_else(|| project.to_owned()));
        install_tls_provider();
        let credentials = credentials::from_env(&[storage.as_deref(), bigquery.as_deref()])?;
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(|_| {
            Error::new(ErrorKind::Config, "the HTTP client cannot be built", "inspect")
        })?;
        Ok(Self {
            http,
            credentials,
            storage: storage.unwrap_or_else(|| STORAGE.to_owned()),
            bigquery: bigquery.unwrap_or_else(|| BIGQUERY.to_owned()),
            catalog: catalog.unwrap_or_else(|| CATALOG.to_owned()),
            other_apis,
            project: project.to_owned(),
            quota_project,
        })
    }

    /// Where the environment's access tokens come from, as [`credentials::from_env`] decides.
    pub fn credential_source() -> CredentialSource {
        if std::env::var_os("LANDBRIDGE_GCP_TOKEN").is_some() {
            CredentialSource::BareToken
        } else if std::env::var_os("LANDBRIDGE_GCP_CREDENTIALS").is_some() {
            CredentialSource::Federation
        } else {
            CredentialSource::ApplicationDefault
        }
    }

    /// Requests an access token and discards it.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] if no access token is available.
    pub async fn check_credentials(&self) -> Result<()> {
        self.token().await.map(|_| ())
    }

    async fn token(&self) -> Result<String> {
        let token = self.credentials.access_token().await.map_err(|error| {
            Error::new(ErrorKind::Denied, "no Google access token is available", "the environment")
                .caused_by(error.to_string())
        })?;
        Ok(token.token)
    }

    /// The location of a bucket; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `storage.objects.list`; any other Cloud Storage error.
    pub async fn bucket_location(&self, bucket: &str) -> Result<Option<String>> {
        let url = format!("{}/storage/v1/b/{bucket}/storageLayout", self.storage);
        let layout = self.get("a bucket cannot be inspected", bucket, &url).await?;
        Ok(layout.map(|it| text(&it, "/location")))
    }

    /// The settings that protect a bucket from public access; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `storage.buckets.get`; any other Cloud Storage error.
    pub async fn bucket_protection(&self, bucket: &str) -> Result<Option<BucketProtection>> {
        let url =
            format!("{}/storage/v1/b/{bucket}?fields=iamConfiguration,projectNumber", self.storage);
        let found = self.get("a bucket's settings cannot be read", bucket, &url).await?;
        Ok(found.map(|it| BucketProtection {
            uniform_access: it.pointer("/iamConfiguration/uniformBucketLevelAccess/enabled")
                == Some(&Value::Bool(true)),
            public_access_prevented: text(&it, "/iamConfiguration/publicAccessPrevention")
                == "enforced",
            project_number: text(&it, "/projectNumber").parse().ok(),
        }))
    }

    /// The IAM policy of a bucket; `None` if the bucket does not exist. It does not contain roles that
    /// are granted on the project or above (Cloud Storage JSON API, `Buckets: getIamPolicy`).
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `storage.buckets.getIamPolicy`; [`ErrorKind::Corrupt`] if the
    /// response is not a policy; any other Cloud Storage error.
    pub async fn bucket_policy(&self, bucket: &str) -> Result<Option<Vec<BucketBinding>>> {
        const WHAT: &str = "a bucket's policy cannot be read";
        // Version 3: a lower one is refused, or incomplete, for a policy with conditions.
        let url =
            format!("{}/storage/v1/b/{bucket}/iam?optionsRequestedPolicyVersion=3", self.storage);
        let Some(policy) = self.get(WHAT, bucket, &url).await? else { return Ok(None) };
        let bindings = policy.get("bindings").cloned().unwrap_or_else(|| json!([]));
        serde_json::from_value(bindings)
            .map(Some)
            .map_err(|_| Error::new(ErrorKind::Corrupt, WHAT, bucket).caused_by("not a policy"))
    }

    /// The location of a dataset; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.datasets.get`. For a dataset that does not exist,
    /// BigQuery returns the same error to a caller without permissions. Any other BigQuery error.
    pub async fn dataset_location(&self, dataset: &str) -> Result<Option<String>> {
        let url = format!("{}/projects/{}/datasets/{dataset}", self.bigquery, self.project);
        let context = format!("{}.{dataset}", self.project);
        let found = self.get("a dataset cannot be inspected", &context, &url).await?;
        Ok(found.map(|it| text(&it, "/location")))
    }

    /// Whether a policy tag exists. `tag` is its resource name.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `datacatalog.taxonomies.get`; any other Data Catalog error.
    pub async fn policy_tag_exists(&self, tag: &str) -> Result<bool> {
        let url = format!("{}/{tag}", self.catalog);
        Ok(self.get("a policy tag cannot be inspected", tag, &url).await?.is_some())
    }

    /// Which of `permissions` the caller has on a table; `None` if the table does not exist.
    ///
    /// # Errors
    /// Any BigQuery error; see [`ErrorKind`].
    pub async fn granted_permissions(
        &self,
        dataset: &str,
        table: &str,
        permissions: &[&str],
    ) -> Result<Option<Vec<String>>> {
        let url = format!(
            "{}/projects/{}/datasets/{dataset}/tables/{table}:testIamPermissions",
            self.bigquery, self.project
        );
        let context = format!("{}.{dataset}.{table}", self.project);
        let request = self.http.post(&url).json(&json!({ "permissions": permissions }));
        let answer =
            self.send("the permissions on a table cannot be read", &context, request).await?;
        Ok(answer.map(|it| {
            let list = it.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }))
    }

    /// A call with a body; `None` for HTTP 404.
    async fn post(
        &self,
        what: &'static str,
        context: &str,
        url: &str,
        body: &Value,
    ) -> Result<Option<Value>> {
        self.send(what, context, self.http.post(url).json(body)).await
    }

    async fn get(&self, what: &'static str, context: &str, url: &str) -> Result<Option<Value>> {
        self.send(what, context, self.http.get(url)).await
    }

    /// The response as JSON; `None` for HTTP 404.
    async fn send(
        &self,
        what: &'static str,
        context: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Option<Value>> {
        let request = match &self.quota_project {
            Some(project) => request.header("x-goog-user-project", project),
            None => request,
        };
        let answer =
            request.bearer_auth(self.token().await?).send().await.map_err(|_| {
                Error::new(ErrorKind::Transient, what, context).caused_by("no answer")
            })?;
        let status = answer.status().as_u16();
        if status == 404 {
            return Ok(None);
        }
        let body: Value = answer.json().await.unwrap_or(Value::Null);
        if (200..300).contains(&status) {
            return Ok(Some(body));
        }
        if let Some(disabled) = ApiDisabled::of(&body) {
            return Err(Error::new(ErrorKind::Config, what, context).caused_by(disabled));
        }
        let reason = text(&body, "/error/errors/0/reason");
        let cause = match text(&body, "/error/message") {
            message if message.is_empty() => format!("HTTP {status}"),
            message => format!("HTTP {status}: {message}"),
        };
        Err(Error::new(error_kind(&reason, status), what, context).caused_by(cause))
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
