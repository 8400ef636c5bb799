//! A local Google Cloud for a probe.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use jiff::SignedDuration;
use landbridge_gcp::credentials::static_token;
use landbridge_gcp::federation::{AwsKeys, ExternalAccount};
use landbridge_gcp::raw::{Api, Endpoints, Raw, RawBody, RawCall};
use landbridge_local_aws::{AwsOptions, Identity, LocalAws};
use landbridge_local_google::{
    AwsCaller, GoogleOptions, Grants, LocalGoogle, Role, SignedAwsRequest,
};
use landbridge_local_wire::{CallMonitor, Clock, Server, serve};
use landbridge_probe::Report;
use landbridge_probe::google::{self, FederationOptions, Options};
use serde_json::{Value, json};

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
    "datacatalog.taxonomies.setIamPolicy",
    "datacatalog.taxonomies.update",
    "iam.serviceAccounts.getAccessToken",
];

/// The AWS role that the provider admits, and another of the same account.
const ADMITTED: &str = "curlew";
const OTHER: &str = "dunlin";
const ACCOUNT: &str = "123456789012";
/// The pool of the provider.
const POOL: &str = "projects/4711/locations/global/workloadIdentityPools/plover";

/// Both servers on loopback, and a clock that runs fast.
pub(crate) struct Cloud {
    pub(crate) google: LocalGoogle,
    pub(crate) monitor: CallMonitor,
    storage: Server,
    bigquery: Server,
    sts: Server,
    _aws: LocalAws,
    stop: Arc<AtomicBool>,
    dir: tempfile::TempDir,
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
        google.check_taxonomies();
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
        let options = AwsOptions { data_dir: dir.path().join("aws"), ..AwsOptions::default() };
        let aws = LocalAws::new(options, clock.clone()).await.expect("an account");
        trust_aws(&google, &aws);
        let sts = serve("sts", 0, google.sts_service(), monitor.clone()).await.expect("a port");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
                clock.advance_to(clock.now() + SignedDuration::from_secs(1));
            }
        });
        Self { google, monitor, storage, bigquery, sts, _aws: aws, stop, dir }
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
            ("AWS_REGION", keys(OTHER).region),
            ("LANDBRIDGE_GCP_TOKEN", "me".to_owned()),
            ("LANDBRIDGE_GCS_ENDPOINT", self.storage.url()),
            ("LANDBRIDGE_BIGQUERY_ENDPOINT", format!("{bigquery}/bigquery/v2")),
            ("LANDBRIDGE_DATACATALOG_ENDPOINT", format!("{bigquery}/v1")),
            ("LANDBRIDGE_GOOGLE_APIS_ENDPOINT", bigquery),
        ]
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            project: PROJECT.to_owned(),
            location: LOCATION.to_owned(),
            bucket: BUCKET.to_owned(),
            masked_reader: Some(MASKED.to_owned()),
            plain_reader: Some(PLAIN.to_owned()),
            federation: Some(self.federation()),
            patience: Duration::ZERO,
            claims: Vec::new(),
        }
    }

    fn federation(&self) -> FederationOptions {
        let account = ExternalAccount::parse(&self.account()).expect("a valid configuration");
        FederationOptions {
            account,
            admitted: Some(keys(ADMITTED)),
            admitted_role: Some(ADMITTED.to_owned()),
            other: Some(keys(OTHER)),
        }
    }

    /// The configuration that functions get.
    fn account(&self) -> Value {
        json!({
            "type": "external_account",
            "audience": format!("//iam.googleapis.com/{POOL}/providers/plover"),
            "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
            "token_url": format!("{}/v1/token", self.sts.url()),
            "credential_source": {"environment_id": "aws1"},
        })
    }

    /// The options of the command for federation, and the files that they name.
    pub(crate) fn federation_args(&self) -> Vec<String> {
        let file = |name: &str, json: Value| {
            let path = self.dir.path().join(name);
            std::fs::write(&path, json.to_string()).expect("written");
            path.display().to_string()
        };
        let exported = |role: &str| {
            let keys = keys(role);
            json!({
                "Version": 1, "AccessKeyId": keys.access_key,
                "SecretAccessKey": keys.secret_key, "SessionToken": keys.session_token,
            })
        };
        [
            ("--federation", file("account.json", self.account())),
            ("--admitted", file("admitted.json", exported(ADMITTED))),
            ("--admitted-role", ADMITTED.to_owned()),
            ("--other", file("other.json", exported(OTHER))),
        ]
        .into_iter()
        .flat_map(|(option, value)| [option.to_owned(), value])
        .collect()
    }

    pub(crate) async fn probe(&self) -> Report {
        self.probe_only(Vec::new()).await
    }

    /// Probes these claims; all, if there are none.
    pub(crate) async fn probe_only(&self, claims: Vec<String>) -> Report {
        let now = "2026-07-01T00:00:00Z".parse().expect("an instant");
        let options = Options { claims, ..self.options() };
        google::run(self.api(), options, now, std::future::pending(), |_, _| {})
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
        let found = google::find_leftovers(self.api(), self.options()).await;
        found.expect("listed").is_empty()
    }
}

/// The credentials of a session of a role.
fn keys(role: &str) -> AwsKeys {
    AwsKeys {
        access_key: format!("ASIA{}", role.to_uppercase()),
        secret_key: format!("secret/of+{role}"),
        session_token: Some(format!("session+of/{role}==")),
        region: "ap-northeast-2".to_owned(),
    }
}

/// A pool with a provider that admits one of two AWS roles by its condition. AWS verifies their signatures.
fn trust_aws(google: &LocalGoogle, aws: &LocalAws) {
    for role in [ADMITTED, OTHER] {
        let keys = keys(role);
        aws.add_identity(Identity {
            access_key: keys.access_key,
            secret_key: keys.secret_key,
            session_token: keys.session_token,
            arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session"),
        });
    }
    let provider = json!({
        "aws": {"accountId": ACCOUNT},
        "attributeMapping": {
            "google.subject": "assertion.arn.extract('assumed-role/{role}/')",
            "attribute.aws_role": "assertion.arn.extract('assumed-role/{role}/')",
        },
        "attributeCondition":
            format!("assertion.arn.startsWith('arn:aws:sts::{ACCOUNT}:assumed-role/{ADMITTED}/')"),
    });
    google.keep_resource(POOL, &json!({})).expect("a pool");
    google.keep_resource(&format!("{POOL}/providers/plover"), &provider).expect("a provider");
    let aws = aws.clone();
    google.forward_to_aws(Arc::new(move |(parts, body): SignedAwsRequest<'_>| {
        let answer = aws
            .caller_identity(parts, body)
            .map(|caller| AwsCaller { account: caller.account, arn: caller.arn })
            .map_err(|refused| (refused.code.to_owned(), refused.message));
        async move { answer }.boxed()
    }));
}
