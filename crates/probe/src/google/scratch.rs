//! Creates and deletes the scratch resources of runs.
//!
//! Deletion does not rely on what a run remembers: it lists what exists and takes what has the names of a run
//! ([`Run`]), so a resource is deleted also if the answer to its creation was lost. A dataset must
//! have the label [`LABEL`] too.

use std::collections::BTreeSet;

use landbridge_gcp::raw::{Answer, Api};
use reqwest::Method;
use serde_json::{Value, json};

use super::lab::{Lab, Who, encoded};
use super::names::{LABEL, PREFIX, Run};
use crate::report::{Shape, Stop};

/// BigQuery deletes the tables of a scratch dataset after this time, whatever becomes of the run.
const TABLE_LIFETIME_MS: u64 = 24 * 3_600 * 1_000;
/// The seconds for which tokens of impersonated accounts are valid.
const TOKEN_LIFETIME: &str = "3600s";

/// The scratch resources that exist.
#[derive(Clone, Debug, Default)]
pub struct Leftovers {
    datasets: Vec<String>,
    taxonomies: Vec<String>,
    policies: Vec<String>,
    objects: Vec<String>,
}

impl Leftovers {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.datasets.is_empty()
            && self.taxonomies.is_empty()
            && self.policies.is_empty()
            && self.objects.is_empty()
    }

    /// How many there are of each kind.
    pub fn shape(&self) -> Shape {
        Shape::default()
            .number(self.datasets.len() as u64, "datasets")
            .number(self.taxonomies.len() as u64, "taxonomies")
            .number(self.policies.len() as u64, "data policies")
            .number(self.objects.len() as u64, "objects")
    }
}

impl Lab {
    /// Creates the dataset, and gives the accounts the right to write to it.
    pub(super) async fn create_dataset(&self) -> Result<(), Stop> {
        let dataset = self.run.dataset();
        self.create_named(&dataset).await?;
        let accounts = [&self.options.masked_reader, &self.options.plain_reader];
        let entry = |email: &String| json!({"role": "WRITER", "userByEmail": email});
        let entries: Vec<Value> = accounts.into_iter().flatten().map(entry).collect();
        match entries.is_empty() {
            true => Ok(()),
            false => self.admit(&dataset, entries).await,
        }
    }

    /// Creates another dataset of the run, to which the accounts have no access. Idempotent.
    pub(super) async fn another_dataset(&self, number: usize) -> Result<String, Stop> {
        let dataset = self.run.policy(number);
        self.create_named(&dataset).await?;
        Ok(dataset)
    }

    async fn create_named(&self, dataset: &str) -> Result<(), Stop> {
        let body = json!({
            "datasetReference": {"projectId": self.options.project, "datasetId": dataset},
            "location": self.options.location,
            "defaultTableExpirationMs": TABLE_LIFETIME_MS.to_string(),
            "labels": {LABEL: "scratch"},
            "description": "Scratch data of `landbridge probe`; delete it with `landbridge probe clean`.",
        });
        let path = self.project("/datasets");
        let created = self.call(Api::BigQuery, Method::POST, path, Some(&body)).await?;
        match created.is_ok() || created.status == 409 {
            true => Ok(()),
            false => Err(refused("the scratch dataset was not created", &created)),
        }
    }

    /// Adds entries to the access list of a dataset of the run.
    pub(super) async fn admit(&self, dataset: &str, entries: Vec<Value>) -> Result<(), Stop> {
        let path = self.project(&format!("/datasets/{dataset}"));
        let read = self.call(Api::BigQuery, Method::GET, path.clone(), None).await?;
        let mut access =
            read.body.get("access").and_then(Value::as_array).cloned().unwrap_or_default();
        access.extend(entries);
        let body = json!({ "access": access });
        let patched = self.call(Api::BigQuery, Method::PATCH, path, Some(&body)).await?;
        match patched.is_ok() {
            true => Ok(()),
            false => Err(refused("a dataset was not shared", &patched)),
        }
    }

    /// Gets the tokens of the accounts.
    pub(super) async fn impersonate(&mut self) -> Result<(), Stop> {
        self.personas.masked = self.token_of(self.options.masked_reader.clone()).await?;
        self.personas.plain = self.token_of(self.options.plain_reader.clone()).await?;
        Ok(())
    }

    async fn token_of(&self, account: Option<String>) -> Result<Option<String>, Stop> {
        let Some(account) = account else { return Ok(None) };
        let path = format!("projects/-/serviceAccounts/{account}:generateAccessToken");
        let body = json!({
            "scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": TOKEN_LIFETIME,
        });
        let answer = self.call(Api::IamCredentials, Method::POST, path, Some(&body)).await?;
        match answer.text("/accessToken") {
            "" => Err(refused("an account was not impersonated", &answer)),
            token => Ok(Some(token.to_owned())),
        }
    }

    /// The collection of a kind of resource of the project and location.
    pub(super) fn located(&self, kind: &str) -> String {
        let (project, location) = (&self.options.project, &self.options.location);
        format!("projects/{project}/locations/{location}/{kind}")
    }

    /// What `of` is true of: scratch resources of this project, location and bucket.
    pub(super) async fn leftovers(&self, of: impl Fn(&Run) -> bool) -> Result<Leftovers, Stop> {
        let is_ours = |name: &str| Run::of(name).is_some_and(|run| of(&run));
        let filter = encoded(&format!("labels.{LABEL}:scratch"));
        let path = self.project(&format!("/datasets?all=true&filter={filter}"));
        let datasets = self.list(Api::BigQuery, path, "datasets").await?;
        let datasets = (datasets.iter())
            .filter(|it| it.pointer(&format!("/labels/{LABEL}")).is_some())
            .filter_map(|it| text(it, "/datasetReference/datasetId"))
            .filter(|it| is_ours(it));
        let taxonomies = self.list(Api::Catalog, self.located("taxonomies"), "taxonomies").await?;
        let taxonomies = (taxonomies.iter())
            .filter(|it| text(it, "/displayName").is_some_and(|it| is_ours(&it)))
            .filter_map(|it| text(it, "/name"));
        let policies =
            self.list(Api::DataPolicy, self.located("dataPolicies"), "dataPolicies").await?;
        let policies = (policies.iter())
            .filter(|it| text(it, "/dataPolicyId").is_some_and(|it| is_ours(&it)))
            .filter_map(|it| text(it, "/name"));
        let path =
            format!("storage/v1/b/{}/o?prefix={}", encoded(&self.options.bucket), encoded(PREFIX));
        let objects = self.list(Api::Storage, path, "items").await?;
        let objects = (objects.iter())
            .filter_map(|it| text(it, "/name"))
            .filter(|it| Run::of_object(it).is_some_and(|run| of(&run)));
        Ok(Leftovers {
            datasets: datasets.collect(),
            taxonomies: taxonomies.collect(),
            policies: policies.collect(),
            objects: objects.collect(),
        })
    }

    async fn list(&self, api: Api, path: String, key: &str) -> Result<Vec<Value>, Stop> {
        let (mut all, mut page) = (Vec::new(), String::new());
        let mut tokens = BTreeSet::new();
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let next = match page.as_str() {
                "" => path.clone(),
                token => format!("{path}{sign}pageToken={}", encoded(token)),
            };
            let answer = self.call(api, Method::GET, next, None).await?;
            if !answer.is_ok() {
                return Err(refused("scratch resources were not listed", &answer));
            }
            all.extend(answer.body.get(key).and_then(Value::as_array).cloned().unwrap_or_default());
            page = answer.text("/nextPageToken").to_owned();
            if page.is_empty() || !tokens.insert(page.clone()) {
                return Ok(all);
            }
        }
    }

    /// Deletes what [`Self::leftovers`] found: tables before tags, because a column whose tag is deleted is open.
    /// Idempotent.
    pub(super) async fn delete(&self, found: &Leftovers) -> Result<(), Stop> {
        for dataset in &found.datasets {
            let path = self.project(&format!("/datasets/{dataset}?deleteContents=true"));
            self.delete_one(Api::BigQuery, path).await?;
        }
        for name in &found.policies {
            self.delete_one(Api::DataPolicy, name.clone()).await?;
        }
        for name in &found.taxonomies {
            self.delete_one(Api::Catalog, name.clone()).await?;
        }
        for name in &found.objects {
            let bucket = encoded(&self.options.bucket);
            self.delete_one(Api::Storage, format!("storage/v1/b/{bucket}/o/{}", encoded(name)))
                .await?;
        }
        Ok(())
    }

    async fn delete_one(&self, api: Api, path: String) -> Result<(), Stop> {
        let answer = self.call_as(Who::Me, api, Method::DELETE, path, None).await?;
        match answer.is_ok() || answer.status == 404 {
            true => Ok(()),
            false => Err(refused("a scratch resource was not deleted", &answer)),
        }
    }
}

fn refused(what: &'static str, answer: &Answer) -> Stop {
    Stop::failed(Shape::of(what).answer(answer))
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}
