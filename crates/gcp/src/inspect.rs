//! What there is on Google's side, looked at and not touched: buckets, datasets, policy tags,
//! and what the caller may do. Metadata that the clients of the stages have no use for.

use google_cloud_auth::credentials::AccessTokenCredentials;
use landbridge_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::credentials;
use crate::error::kind_of;

/// Google's own endpoints.
const STORAGE: &str = "https://storage.googleapis.com";
const BIGQUERY: &str = "https://bigquery.googleapis.com/bigquery/v2";
const CATALOG: &str = "https://datacatalog.googleapis.com/v1";
/// How long a call may take.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);

/// By whom a token is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// The AWS credentials of the environment, by workload identity federation.
    Federation,
    /// Application default credentials: a person, as a rule.
    ApplicationDefault,
    /// A bare token, for servers on loopback.
    BareToken,
}

/// How a bucket is kept from the public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketProtection {
    /// Whether access is by IAM alone. Federation needs it.
    pub uniform_access: bool,
    /// Whether nobody can make it public.
    pub public_access_prevented: bool,
}

/// Looks at what there is.
#[derive(Clone)]
pub struct Inspector {
    http: reqwest::Client,
    credentials: AccessTokenCredentials,
    storage: String,
    bigquery: String,
    catalog: String,
    project: String,
}

impl Inspector {
    /// With the credentials and endpoints of the environment, as [`Gcp::from_env`](crate::Gcp::from_env);
    /// `LANDBRIDGE_DATACATALOG_ENDPOINT` is that of policy tags.
    ///
    /// # Errors
    /// When no credentials can be had.
    pub fn from_env(project: &str) -> Result<Self> {
        let own = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
        let storage = own("LANDBRIDGE_GCS_ENDPOINT");
        let bigquery = own("LANDBRIDGE_BIGQUERY_ENDPOINT");
        let catalog = own("LANDBRIDGE_DATACATALOG_ENDPOINT");
        let _ = rustls::crypto::ring::default_provider().install_default();
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
            project: project.to_owned(),
        })
    }

    /// By whom the environment's tokens are had, by the rules of [`credentials::from_env`].
    pub fn credential_source() -> CredentialSource {
        if std::env::var_os("LANDBRIDGE_GCP_TOKEN").is_some() {
            CredentialSource::BareToken
        } else if std::env::var_os("LANDBRIDGE_GCP_CREDENTIALS").is_some() {
            CredentialSource::Federation
        } else {
            CredentialSource::ApplicationDefault
        }
    }

    /// Gets a token, and forgets it.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] when there is none to be had.
    pub async fn check_credentials(&self) -> Result<()> {
        self.token().await.map(|_| ())
    }

    async fn token(&self) -> Result<String> {
        let token = self.credentials.access_token().await.map_err(|error| {
            Error::new(
                ErrorKind::Denied,
                "no access token of Google could be had",
                "the environment",
            )
            .caused_by(error.to_string())
        })?;
        Ok(token.token)
    }

    /// The location of a bucket, or `None` when there is no such bucket.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `storage.objects.list`.
    pub async fn bucket_location(&self, bucket: &str) -> Result<Option<String>> {
        let url = format!("{}/storage/v1/b/{bucket}/storageLayout", self.storage);
        let layout = self.get("a bucket cannot be looked at", bucket, &url).await?;
        Ok(layout.map(|it| text(&it, "/location")))
    }

    /// How a bucket is kept from the public, or `None` when there is no such bucket.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `storage.buckets.get`.
    pub async fn bucket_protection(&self, bucket: &str) -> Result<Option<BucketProtection>> {
        let url = format!("{}/storage/v1/b/{bucket}?fields=iamConfiguration", self.storage);
        let found = self.get("a bucket's settings cannot be read", bucket, &url).await?;
        Ok(found.map(|it| BucketProtection {
            uniform_access: it.pointer("/iamConfiguration/uniformBucketLevelAccess/enabled")
                == Some(&Value::Bool(true)),
            public_access_prevented: text(&it, "/iamConfiguration/publicAccessPrevention")
                == "enforced",
        }))
    }

    /// The location of a dataset, or `None` when there is no such dataset.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.datasets.get`; BigQuery says the same of a dataset
    /// that is not there to somebody who has no right on it.
    pub async fn dataset_location(&self, dataset: &str) -> Result<Option<String>> {
        let url = format!("{}/projects/{}/datasets/{dataset}", self.bigquery, self.project);
        let context = format!("{}.{dataset}", self.project);
        let found = self.get("a dataset cannot be looked at", &context, &url).await?;
        Ok(found.map(|it| text(&it, "/location")))
    }

    /// Whether a policy tag, by its resource name, is there.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `datacatalog.taxonomies.get`.
    pub async fn policy_tag_exists(&self, tag: &str) -> Result<bool> {
        let url = format!("{}/{tag}", self.catalog);
        Ok(self.get("a policy tag cannot be looked at", tag, &url).await?.is_some())
    }

    /// Which of `permissions` the caller has on a table, or `None` when there is no such table.
    ///
    /// # Errors
    /// Those of BigQuery.
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
        let asked = self.http.post(&url).json(&json!({ "permissions": permissions }));
        let answer = self.send("rights on a table cannot be looked at", &context, asked).await?;
        Ok(answer.map(|it| {
            let list = it.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }))
    }

    async fn get(&self, what: &'static str, context: &str, url: &str) -> Result<Option<Value>> {
        self.send(what, context, self.http.get(url)).await
    }

    /// The answer as JSON; `None` for 404.
    async fn send(
        &self,
        what: &'static str,
        context: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Option<Value>> {
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
        let reason = text(&body, "/error/errors/0/reason");
        let said = match text(&body, "/error/message") {
            message if message.is_empty() => format!("HTTP {status}"),
            message => format!("HTTP {status}: {message}"),
        };
        Err(Error::new(kind_of(&reason, status), what, context).caused_by(said))
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
