//! A recording: what a version of Landbridge left in both clouds, as files that people can read.
//!
//! It contains what Landbridge and its calls created: the objects of the export bucket, snapshots and export
//! tasks, the landing bucket, tables and views with their rows. A restored cloud has it by the clouds' own
//! interfaces, at the recorded times. Former rows (time travel) and finished jobs are not part of it.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::json::LineDelimitedWriter;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use landbridge_local_aws::{DatabaseKind, NewSnapshot, SnapshotType};
use landbridge_local_google::{Grants, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::TestEnv;

/// Who writes the tables of a restored cloud.
const WRITER: &str = "local-restorer";
/// The datasets, in the order in which their tables can be created: views read tables.
const DATASETS: [&str; 3] = ["shop", "landbridge_ops", "shop_views"];

/// See the module.
#[derive(Serialize, Deserialize)]
pub(super) struct Recording {
    #[serde(skip)]
    pub(super) config: String,
    #[serde(skip)]
    pub(super) contract: String,
    /// The virtual time at the end.
    until: Timestamp,
    snapshots: Vec<Snapshot>,
    exports: Vec<Export>,
    /// The export bucket: exports and ledger.
    objects: Vec<Object>,
    landing: Vec<Object>,
    tables: Vec<Table>,
    /// What each reader saw.
    pub(super) seen: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    id: String,
    created: Timestamp,
    tags: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Export {
    id: String,
    snapshot: String,
    prefix: Option<String>,
    requested: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Object {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<Timestamp>,
    /// The content, if it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Any other content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Table {
    dataset: String,
    /// The table resource.
    resource: Value,
    /// The rows as JSON lines, unmasked. A view has none.
    rows: Vec<Value>,
}

impl Object {
    fn new(name: String, modified: Option<Timestamp>, bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
        let base64 = text.is_none().then(|| STANDARD.encode(bytes));
        Self { name, modified, text, base64 }
    }

    fn bytes(&self) -> Bytes {
        match (&self.text, &self.base64) {
            (Some(text), _) => text.clone().into(),
            (None, Some(base64)) => STANDARD.decode(base64).expect("base64").into(),
            (None, None) => panic!("{} has no content", self.name),
        }
    }
}

impl Recording {
    /// Records a cloud, and what readers see in it.
    pub(super) async fn take(env: &TestEnv, seen: BTreeMap<String, String>) -> Self {
        let read = |name: &str| std::fs::read_to_string(env.dir.path().join(name)).expect("a file");
        let (aws, google) = (env.cloud.aws(), env.cloud.google());
        let bucket = &env.cloud.config().export.bucket;
        let mut objects = Vec::new();
        for it in aws.list_objects(bucket, "").await {
            let bytes = aws.read_object(bucket, &it.key).await.expect("readable").expect("listed");
            objects.push(Object::new(it.key, Some(it.modified), &bytes));
        }
        let landing = env.landing_objects().into_iter();
        let mut tables = Vec::new();
        for dataset in DATASETS {
            for table in google.table_ids(dataset) {
                let resource = google.table_resource(dataset, &table).expect("a table");
                let rows = rows_of(env, dataset, &table);
                tables.push(Table { dataset: dataset.to_owned(), resource, rows });
            }
        }
        Self {
            config: read("landbridge.yaml"),
            contract: read("contract.yaml"),
            until: env.cloud.clock().now(),
            snapshots: (aws.snapshots().into_iter())
                .map(|it| Snapshot { id: it.id, created: it.created, tags: it.tags })
                .collect(),
            exports: (aws.exports().into_iter())
                .map(|it| Export {
                    id: it.id,
                    snapshot: it.source_arn,
                    prefix: it.prefix,
                    requested: it.requested,
                })
                .collect(),
            objects,
            landing: landing.map(|(name, bytes)| Object::new(name, None, &bytes)).collect(),
            tables,
            seen,
        }
    }

    /// Reads the recording in a folder.
    pub(super) fn read(folder: &Path) -> Self {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let mut recording: Self = serde_json::from_str(&read("state.json")).expect("a recording");
        recording.config = read("landbridge.yaml");
        recording.contract = read("contract.yaml");
        recording
    }

    /// Writes the recording to a folder.
    pub(super) fn write(&self, folder: &Path) {
        let state = serde_json::to_string_pretty(self).expect("JSON") + "\n";
        for (name, text) in [
            ("state.json", &state),
            ("landbridge.yaml", &self.config),
            ("contract.yaml", &self.contract),
        ] {
            std::fs::write(folder.join(name), text).expect("a file");
        }
    }

    /// Makes an empty cloud contain what was recorded, and moves its clock to the end of the recording.
    pub(super) async fn restore(&self, env: &TestEnv) {
        let config = env.cloud.config();
        for it in &self.snapshots {
            let new = NewSnapshot {
                kind: DatabaseKind::Instance,
                id: it.id.clone(),
                database: config.source.id.clone(),
                snapshot_type: SnapshotType::Manual,
                created: it.created,
                tags: it.tags.clone(),
                with_data: true,
            };
            env.cloud.aws().add_snapshot(new).await.expect("a snapshot");
        }
        let mut exports: Vec<&Export> = self.exports.iter().collect();
        exports.sort_by_key(|it| it.requested);
        for it in exports {
            self.start_export(env, it).await;
        }
        let mut objects: Vec<&Object> = self.objects.iter().collect();
        objects.sort_by_key(|it| it.modified);
        for it in objects {
            env.cloud.aws().complete_due_exports().await;
            env.cloud
                .aws()
                .put_object(&config.export.bucket, &it.name, it.bytes())
                .await
                .expect("S3");
        }
        let google = env.cloud.google();
        for it in &self.landing {
            google
                .put_object(&config.transfer.bucket, &it.name, &it.bytes())
                .expect("Cloud Storage");
        }
        let datasets = DATASETS.iter();
        let all =
            datasets.fold(Grants::owner(), |it, name| it.dataset_role(*name, Role::DataOwner));
        let tags = env.cloud.policy_tags().values();
        let all = tags.fold(all, |it, tag| it.fine_grained_reader(tag));
        google.add_principal(WRITER, "restorer@example.com", all);
        // A view is created after the tables that it reads.
        let mut tables: Vec<&Table> = self.tables.iter().collect();
        tables.sort_by_key(|it| it.resource["view"].is_object());
        for (number, table) in tables.into_iter().enumerate() {
            table.restore(env, number).await;
        }
        env.cloud.skip_until(self.until);
        env.cloud.aws().complete_due_exports().await;
    }

    async fn start_export(&self, env: &TestEnv, export: &Export) {
        let config = env.cloud.config();
        env.cloud.skip_until(export.requested);
        let account = crate::sdk::Account {
            rds: &env.cloud.client_env()["AWS_ENDPOINT_URL_RDS"],
            s3: "",
            secrets: "",
            sqs: "",
            key: landbridge_local::ACCESS_KEY,
            secret: landbridge_local::SECRET_KEY,
        };
        let request = account.rds().start_export_task();
        (request.export_task_identifier(&export.id).source_arn(&export.snapshot))
            .s3_bucket_name(&config.export.bucket)
            .set_s3_prefix(export.prefix.clone())
            .iam_role_arn(&config.export.role_arn)
            .kms_key_id(&config.export.kms_key)
            .send()
            .await
            .expect("an export task");
    }
}

impl Table {
    async fn restore(&self, env: &TestEnv, number: usize) {
        let id = self.resource["tableReference"]["tableId"].as_str().expect("an id");
        let mut body = json!({"tableReference": self.resource["tableReference"]});
        let settable =
            ["description", "labels", "timePartitioning", "clustering", "schema", "view"];
        for key in settable {
            if let Some(value) = self.resource.get(key).filter(|it| !it.is_null()) {
                body[key] = value.clone();
            }
        }
        let path = format!("datasets/{}/tables", self.dataset);
        post(env, &path, &body).await;
        if self.rows.is_empty() {
            return;
        }
        let lines: String = self.rows.iter().map(|row| format!("{row}\n")).collect();
        let bucket = &env.cloud.config().transfer.bucket;
        let object = format!("restored/{number}.json");
        env.cloud.google().put_object(bucket, &object, lines.as_bytes()).expect("Cloud Storage");
        let job = json!({
            "jobReference": {"projectId": env.cloud.config().warehouse.project, "jobId": format!("restored-{number}")},
            "configuration": {"load": {
                "sourceUris": [format!("gs://{bucket}/{object}")],
                "sourceFormat": "NEWLINE_DELIMITED_JSON",
                "destinationTable": self.resource["tableReference"],
                "schema": self.resource["schema"],
                "writeDisposition": "WRITE_APPEND",
                "createDisposition": "CREATE_NEVER",
            }},
        });
        post(env, "jobs", &job).await;
        // A job of the local BigQuery runs when its state is read.
        let done = async || {
            let job =
                call(env, reqwest::Method::GET, &format!("jobs/restored-{number}"), None).await;
            assert!(job["status"]["errorResult"].is_null(), "{id}: {job}");
            job["status"]["state"] == "DONE"
        };
        while !done().await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(env.cloud.google().delete_object(bucket, &object));
    }
}

async fn post(env: &TestEnv, path: &str, body: &Value) -> Value {
    call(env, reqwest::Method::POST, path, Some(body)).await
}

async fn call(env: &TestEnv, method: reqwest::Method, path: &str, body: Option<&Value>) -> Value {
    let endpoint = &env.cloud.client_env()["LANDBRIDGE_BIGQUERY_ENDPOINT"];
    let url = format!("{endpoint}/projects/{}/{path}", env.cloud.config().warehouse.project);
    let mut request = reqwest::Client::new().request(method, &url).bearer_auth(WRITER);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("text");
    assert!(status.is_success(), "{url}: {status} {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// The rows of a table as JSON objects, sorted; none for a view.
fn rows_of(env: &TestEnv, dataset: &str, table: &str) -> Vec<Value> {
    let mut lines = Vec::new();
    for batch in env.cloud.google().table_batches(dataset, table).unwrap_or_default() {
        let mut writer = LineDelimitedWriter::new(Vec::new());
        writer.write(&batch).expect("JSON");
        writer.finish().expect("JSON");
        let text = String::from_utf8(writer.into_inner()).expect("text");
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.sort();
    lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
