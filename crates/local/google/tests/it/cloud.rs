//! [`TestCloud`]: the servers of one test, with principals in different roles.

use std::sync::{Arc, Once};

use arrow::array::{ArrayRef, RecordBatch};
use async_trait::async_trait;
use gcp_bigquery_client::Client;
use gcp_bigquery_client::auth::Authenticator;
use gcp_bigquery_client::client_builder::ClientBuilder;
use gcp_bigquery_client::error::BQError;
use google_cloud_auth::credentials::{CacheableResource, CredentialsProvider, EntityTag};
use google_cloud_auth::errors::CredentialsError;
use google_cloud_storage::client::Storage;
use http::{Extensions, HeaderMap, HeaderValue};
use landbridge_local_google::{
    ALL_AUTHENTICATED_USERS, GoogleOptions, Grants, LocalGoogle, MaskingRule, PolicyTag, Role,
};
use landbridge_local_wire::{CallMonitor, Clock, Server, serve};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

pub(crate) const PROJECT: &str = "p";
pub(crate) const DATASET: &str = "shop";
pub(crate) const BUCKET: &str = "landing";
const TAGS: &str = "projects/p/locations/asia-northeast3/taxonomies/1/policyTags";

/// The resource name of a policy tag.
pub(crate) fn tag(name: &str) -> String {
    format!("{TAGS}/{name}")
}

/// Both servers on loopback. The token of each principal is its name.
pub(crate) struct TestCloud {
    pub(crate) google: LocalGoogle,
    pub(crate) clock: Clock,
    pub(crate) storage: Server,
    pub(crate) bigquery: Server,
    _dir: tempfile::TempDir,
}

impl TestCloud {
    pub(crate) async fn start() -> Self {
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let dir = tempfile::tempdir().expect("a directory");
        let options = GoogleOptions {
            data_dir: dir.path().to_owned(),
            project: PROJECT.to_owned(),
            location: "asia-northeast3".to_owned(),
            ..GoogleOptions::default()
        };
        let clock = Clock::new("2026-07-01T00:00:00Z".parse().expect("an instant"));
        let google = LocalGoogle::new(options, clock.clone()).expect("servers");
        google.create_bucket(BUCKET);
        google.create_dataset(DATASET);
        add_policy_tags(&google);
        add_principals(&google);
        let (storage, bigquery) = (google.storage_service(), google.bigquery_service());
        let storage = serve("storage", 0, storage, CallMonitor::default()).await.expect("a port");
        google.set_storage_url(&storage.url());
        Self {
            google,
            clock,
            storage,
            bigquery: serve("bigquery", 0, bigquery, CallMonitor::default()).await.expect("a port"),
            _dir: dir,
        }
    }

    /// Google's Cloud Storage client with a token.
    pub(crate) async fn storage_client(&self, token: &'static str) -> Storage {
        let builder = Storage::builder().with_endpoint(self.storage.url());
        builder.with_credentials(FixedToken(token)).build().await.expect("a client")
    }

    /// The project's BigQuery client with a token.
    pub(crate) async fn bigquery_client(&self, token: &'static str) -> Client {
        let mut builder = ClientBuilder::new();
        builder.with_v2_base_url(format!("{}/bigquery/v2", self.bigquery.url()));
        builder.build_from_authenticator(Arc::new(FixedToken(token))).await.expect("a client")
    }

    /// Sends a request to BigQuery's API below `/projects/p`. Returns the status and the body.
    pub(crate) async fn request(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let url = format!("{}/bigquery/v2/projects/{PROJECT}{path}", self.bigquery.url());
        let method = method.parse().expect("a method");
        let mut request = reqwest::Client::new().request(method, url).bearer_auth(token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// Creates a table as the loader.
    pub(crate) async fn create_table(&self, table: &str, fields: Value) -> Value {
        let body = json!({
            "tableReference": {"projectId": PROJECT, "datasetId": DATASET, "tableId": table},
            "schema": {"fields": fields},
        });
        let path = format!("/datasets/{DATASET}/tables");
        let (status, table) = self.request("loader", "POST", &path, body, &[]).await;
        assert_eq!(status, 200, "{table}");
        table
    }

    /// Runs a load job as the loader and returns the finished job.
    pub(crate) async fn load(&self, id: &str, table: &str, load: Value) -> Value {
        let mut load = load;
        load["destinationTable"] =
            json!({"projectId": PROJECT, "datasetId": DATASET, "tableId": table});
        let job = json!({
            "jobReference": {"projectId": PROJECT, "jobId": id, "location": "asia-northeast3"},
            "configuration": {"load": load},
        });
        let (status, started) = self.request("loader", "POST", "/jobs", job, &[]).await;
        assert_eq!(status, 200, "{started}");
        assert_eq!(started["status"]["state"], "RUNNING");
        let path = format!("/jobs/{id}?location=asia-northeast3");
        let (status, job) = self.request("loader", "GET", &path, Value::Null, &[]).await;
        assert_eq!((status, &job["status"]["state"]), (200, &json!("DONE")));
        job
    }

    /// Writes a Parquet file with the given columns to the bucket.
    pub(crate) fn put_parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>) {
        self.write_parquet(name, columns, true);
    }

    /// Writes a Parquet file whose columns are all REQUIRED to the bucket.
    pub(crate) fn put_required_parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>) {
        self.write_parquet(name, columns, false);
    }

    fn write_parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>, nullable: bool) {
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, nullable)),
        )
        .expect("a batch");
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        self.google.put_object(BUCKET, name, &bytes).expect("put");
    }

    /// Writes newline-delimited JSON to the bucket and appends it to a table.
    pub(crate) async fn load_rows(&self, table: &str, rows: &[Value]) {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        let name = format!("rows/{table}-{}.json", self.google.job_ids().len());
        self.google.put_object(BUCKET, &name, lines.join("\n").as_bytes()).expect("put");
        let id = format!("rows-{}", self.google.job_ids().len());
        let job = self
            .load(
                &id,
                table,
                json!({
                    "sourceUris": [format!("gs://{BUCKET}/{name}")],
                    "sourceFormat": "NEWLINE_DELIMITED_JSON",
                }),
            )
            .await;
        assert_eq!(job["status"]["errorResult"], Value::Null, "{job}");
    }

    /// Runs a query. Returns its rows as text (cells separated by ` | `, NULL as `∅`), or the error
    /// message.
    pub(crate) async fn query(&self, principal: &str, sql: &str) -> Result<Vec<String>, String> {
        let rows = self.google.query_as(principal, sql).await.map_err(|error| error.message)?;
        let line = |row: &Vec<Option<String>>| {
            let cells: Vec<_> = row.iter().map(|it| it.as_deref().unwrap_or("∅")).collect();
            cells.join(" | ")
        };
        Ok(rows.rows.iter().map(line).collect())
    }
}

/// Adds three policy tags with a data policy each.
fn add_policy_tags(google: &LocalGoogle) {
    google.set_taxonomy_display_name(
        "projects/p/locations/asia-northeast3/taxonomies/1",
        "landbridge",
    );
    for name in ["email", "phone", "unclassified"] {
        google.add_policy_tag(PolicyTag {
            name: tag(name),
            display_name: name.to_owned(),
            parent: None,
        });
    }
    google.set_data_policy(&tag("email"), MaskingRule::EmailMask, ["analyst@example.com"]);
    google.set_data_policy(&tag("phone"), MaskingRule::LastFourCharacters, ["analyst@example.com"]);
    google.set_data_policy(
        &tag("unclassified"),
        MaskingRule::AlwaysNull,
        [ALL_AUTHENTICATED_USERS],
    );
}

fn add_principals(google: &LocalGoogle) {
    let dataset_grants =
        |role| Grants::none().project_role(Role::JobUser).dataset_role(DATASET, role);
    let reader = dataset_grants(Role::DataViewer)
        .fine_grained_reader(tag("email"))
        .fine_grained_reader(tag("phone"));
    for (name, grants) in [
        ("loader", dataset_grants(Role::DataOwner).bucket_role(BUCKET, Role::ObjectAdmin)),
        ("editor", dataset_grants(Role::DataEditor).bucket_role(BUCKET, Role::ObjectViewer)),
        ("analyst", dataset_grants(Role::DataViewer)),
        ("reader", reader),
        ("stranger", dataset_grants(Role::DataViewer)),
        ("job-user", Grants::none().project_role(Role::JobUser)),
        ("viewer", Grants::none().project_role(Role::Viewer)),
        ("admin", Grants::owner()),
        ("project-editor", Grants::none().project_role(Role::Editor)),
        ("bucket-owner", Grants::none().project_role(Role::StorageAdmin)),
        ("creator", Grants::none().bucket_role(BUCKET, Role::ObjectCreator)),
    ] {
        google.add_principal(name, &format!("{name}@example.com"), grants);
    }
}

/// Credentials that always provide the same token.
#[derive(Clone, Debug)]
struct FixedToken(&'static str);

#[async_trait]
impl Authenticator for FixedToken {
    async fn access_token(&self) -> Result<String, BQError> {
        Ok(self.0.to_owned())
    }
}

impl CredentialsProvider for FixedToken {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let value = HeaderValue::from_str(&format!("Bearer {}", self.0)).expect("a header");
        let data = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
        Ok(CacheableResource::New { entity_tag: EntityTag::new(), data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

/// A text as a value in the query of a URL.
pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
