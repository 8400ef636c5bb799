//! A local Google Cloud for a probe.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use landbridge_gcp::credentials::static_token;
use landbridge_gcp::raw::{Api, Endpoints, Raw, RawBody, RawCall};
use landbridge_local_google::{GoogleOptions, Grants, LocalGoogle, Role};
use landbridge_local_wire::{CallMonitor, Clock, Server, serve};
use landbridge_probe::Report;
use landbridge_probe::google::{self, Options};

/// Names that no report may contain.
pub(crate) const PROJECT: &str = "kingfisher-project";
pub(crate) const BUCKET: &str = "pelican-bucket";
pub(crate) const LOCATION: &str = "asia-northeast3";
pub(crate) const MASKED: &str = "heron@kingfisher-project.iam.gserviceaccount.com";
pub(crate) const PLAIN: &str = "egret@kingfisher-project.iam.gserviceaccount.com";
const CALLER: &str = "osprey@example.com";

/// The rights on tags and accounts that the probing person needs.
const TAG_ADMIN: &[&str] = &[
    "datacatalog.categories.getIamPolicy",
    "datacatalog.categories.setIamPolicy",
    "datacatalog.taxonomies.create",
    "datacatalog.taxonomies.delete",
    "datacatalog.taxonomies.get",
    "datacatalog.taxonomies.list",
    "datacatalog.taxonomies.update",
    "iam.serviceAccounts.getAccessToken",
];

/// Both servers on loopback, and a clock that runs fast.
pub(crate) struct Cloud {
    pub(crate) google: LocalGoogle,
    pub(crate) monitor: CallMonitor,
    storage: Server,
    bigquery: Server,
    stop: Arc<AtomicBool>,
    _dir: tempfile::TempDir,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Clock::new("2026-07-01T00:00:00Z".parse().expect("an instant"));
        let options = GoogleOptions {
            data_dir: dir.path().to_owned(),
            project: PROJECT.to_owned(),
            location: LOCATION.to_owned(),
            ..GoogleOptions::default()
        };
        let google = LocalGoogle::new(options, clock.clone()).expect("servers");
        google.create_bucket(BUCKET);
        google.create_dataset("shop");
        let me = Grants::owner().project_role(Role::Custom(TAG_ADMIN));
        google.add_principal("me", CALLER, me);
        for (token, email) in [("masked", MASKED), ("plain", PLAIN)] {
            google.add_principal(token, email, Grants::none().project_role(Role::JobUser));
        }
        let monitor = CallMonitor::default();
        let storage = serve("storage", 0, google.storage_service(), monitor.clone());
        let storage = storage.await.expect("a port");
        google.set_storage_url(&storage.url());
        let bigquery = serve("bigquery", 0, google.bigquery_service(), monitor.clone());
        let bigquery = bigquery.await.expect("a port");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
                clock.advance_to(clock.now() + SignedDuration::from_secs(1));
            }
        });
        Self { google, monitor, storage, bigquery, stop, _dir: dir }
    }

    pub(crate) fn api(&self) -> Raw {
        let endpoints = Endpoints {
            storage: Some(self.storage.url()),
            bigquery: Some(format!("{}/bigquery/v2", self.bigquery.url())),
            catalog: Some(format!("{}/v1", self.bigquery.url())),
            other_apis: Some(self.bigquery.url()),
        };
        Raw::new(static_token("me"), endpoints).expect("a client")
    }

    /// The environment of a program that works in this cloud.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let bigquery = self.bigquery.url();
        vec![
            ("LANDBRIDGE_GCP_TOKEN", "me".to_owned()),
            ("LANDBRIDGE_GCS_ENDPOINT", self.storage.url()),
            ("LANDBRIDGE_BIGQUERY_ENDPOINT", format!("{bigquery}/bigquery/v2")),
            ("LANDBRIDGE_DATACATALOG_ENDPOINT", format!("{bigquery}/v1")),
            ("LANDBRIDGE_GOOGLE_APIS_ENDPOINT", bigquery),
        ]
    }

    pub(crate) fn options() -> Options {
        Options {
            project: PROJECT.to_owned(),
            location: LOCATION.to_owned(),
            bucket: BUCKET.to_owned(),
            masked_reader: Some(MASKED.to_owned()),
            plain_reader: Some(PLAIN.to_owned()),
            patience: Duration::ZERO,
            claims: Vec::new(),
        }
    }

    pub(crate) async fn probe(&self) -> Report {
        let now = "2026-07-01T00:00:00Z".parse().expect("an instant");
        google::run(self.api(), Self::options(), now, std::future::pending(), |_, _| {})
            .await
            .expect("a report")
    }

    /// Whether a dataset exists.
    pub(crate) async fn has_dataset(&self, dataset: &str) -> bool {
        let call = RawCall {
            api: Api::BigQuery,
            method: reqwest::Method::GET,
            path: format!("projects/{PROJECT}/datasets/{dataset}"),
            body: RawBody::None,
            headers: Vec::new(),
            token: None,
        };
        self.api().send("a dataset is read", &call).await.expect("an answer").is_ok()
    }

    /// Whether no run has left anything.
    pub(crate) async fn is_clean(&self) -> bool {
        let found = google::find_leftovers(self.api(), Self::options()).await;
        found.expect("listed").is_empty()
    }
}
