//! Reads the live policies. What cannot be read is recorded as not known, and the rest is read all the same.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use landbridge_core::access::{Binding, ClassTag, Live, MaskPolicy, NotKnown, Place};
use landbridge_core::config::Config;
use landbridge_core::contract::Contract;
use landbridge_core::names::{MOST_HISTORY_TABLES, history_table};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::Inspector;

/// How many tables are asked about at once.
const PARALLEL: usize = 8;
/// A tag tree has at most five levels (Data Catalog's limit); this ends a cycle.
const MAX_LEVELS: usize = 8;

/// Reads everything; of tables only `table`, if it is given. `tags` are the policy tags of the classes, as far as they are
/// known.
pub(crate) async fn read(
    inspector: &Inspector,
    config: &Config,
    contract: &Contract,
    tags: &BTreeMap<String, Option<String>>,
    table: Option<&str>,
) -> Live {
    let mut reading = Reading {
        inspector,
        config,
        live: Live { project: config.warehouse.project.clone(), ..Live::default() },
    };
    reading.project().await;
    reading.dataset().await;
    reading.tags(tags).await;
    reading.masks().await;
    reading.tables(contract, table).await;
    reading.bucket().await;
    reading.roles().await;
    reading.live
}

struct Reading<'a> {
    inspector: &'a Inspector,
    config: &'a Config,
    live: Live,
}

/// What to do about an error, if a person can do something.
fn next(error: &Error, place: Option<&Place>) -> String {
    let manual = place.map(Place::show_command);
    match (error.kind(), manual) {
        (ErrorKind::Denied, Some(command)) => {
            format!(
                "ask for the role access_reviewer (docs/access.md), or run with other credentials: {command}"
            )
        }
        (kind, _) if kind.is_transient() => "run the command again".to_owned(),
        (_, Some(command)) => command,
        (kind, None) => kind.policy().operator.to_owned(),
    }
}

impl Reading<'_> {
    fn add(&mut self, place: Place, found: Result<Vec<Binding>>) {
        match found {
            Ok(bindings) => self.live.policies.push((place, bindings)),
            Err(error) => self.not_known(Some(place), String::new(), &error),
        }
    }

    fn not_known(&mut self, place: Option<Place>, what: String, error: &Error) {
        let what = match &place {
            Some(place) if what.is_empty() => format!("the policy of {place}"),
            _ => what,
        };
        let next = next(error, place.as_ref());
        self.live.not_known.push(NotKnown { place, what, why: error.sentence(), next });
    }

    async fn project(&mut self) {
        let project = self.config.warehouse.project.clone();
        let found = self.inspector.resource_policy(&format!("projects/{project}")).await;
        self.add(Place::Project(project.clone()), found);
        match self.inspector.ancestors().await {
            Ok(above) => {
                for name in above {
                    let found = self.inspector.resource_policy(&name).await;
                    self.add(Place::Above(name), found);
                }
            }
            Err(error) => {
                // Any role may come from there.
                let place = Place::Above("organizations/unknown".to_owned());
                let what = "which folders and organisation are above the project".to_owned();
                self.not_known(Some(place), what, &error);
                if let Some(last) = self.live.not_known.last_mut() {
                    last.next = format!("gcloud projects get-ancestors-iam-policy {project}");
                }
            }
        }
    }

    async fn dataset(&mut self) {
        let warehouse = &self.config.warehouse;
        let place = Place::Dataset(warehouse.project.clone(), warehouse.dataset.clone());
        match self.inspector.dataset_access(&warehouse.dataset).await {
            Ok(access) => {
                self.live.authorized = access.authorized;
                self.live.policies.push((place, access.bindings));
            }
            Err(error) => self.not_known(Some(place), String::new(), &error),
        }
    }

    async fn tags(&mut self, tags: &BTreeMap<String, Option<String>>) {
        let mut read = BTreeSet::new();
        let mut enforced: BTreeMap<String, Option<bool>> = BTreeMap::new();
        for (class, tag) in tags {
            let Some(tag) = tag else {
                self.live.not_known.push(NotKnown {
                    place: None,
                    what: format!("the policy tag of {class}"),
                    why: "neither pii.classes nor LANDBRIDGE_POLICY_TAGS names it".to_owned(),
                    next: "set LANDBRIDGE_POLICY_TAGS to the value that the function load has (terraform output policy_tags)".to_owned(),
                });
                continue;
            };
            let taxonomy = tag.split("/policyTags/").next().unwrap_or_default().to_owned();
            if !enforced.contains_key(&taxonomy) {
                let found = self.taxonomy(&taxonomy).await;
                enforced.insert(taxonomy.clone(), found);
            }
            let path = self.path(tag).await;
            for level in &path {
                if read.insert(level.clone()) {
                    let found = self.inspector.tag_policy(level).await;
                    self.add(Place::Tag(level.clone()), found);
                }
            }
            let enforced = enforced[&taxonomy];
            self.live.tags.insert(class.clone(), ClassTag { path, taxonomy, enforced });
        }
    }

    /// Whether a taxonomy enforces its tags; `None` if that is not known. Its policy is read as well.
    async fn taxonomy(&mut self, taxonomy: &str) -> Option<bool> {
        let found = self.inspector.tag_policy(taxonomy).await;
        self.add(Place::Taxonomy(taxonomy.to_owned()), found);
        match self.inspector.taxonomy_is_enforced(taxonomy).await {
            Ok(enforced) => Some(enforced.unwrap_or(false)),
            Err(error) => {
                let what = format!("whether {taxonomy} enforces its tags");
                self.not_known(Some(Place::Taxonomy(taxonomy.to_owned())), what, &error);
                None
            }
        }
    }

    /// A tag and its parents.
    async fn path(&mut self, tag: &str) -> Vec<String> {
        let mut path = vec![tag.to_owned()];
        while let Some(last) = path.last().filter(|_| path.len() < MAX_LEVELS) {
            match self.inspector.parent_tag(last).await {
                Ok(Some(parent)) => path.push(parent),
                Ok(None) => break,
                Err(error) => {
                    let place = Place::Tag(last.clone());
                    let what = format!("the parent of {place}");
                    self.not_known(Some(place), what, &error);
                    break;
                }
            }
        }
        path
    }

    /// The data policies of the projects and locations of all tags.
    async fn masks(&mut self) {
        let parents: BTreeSet<(String, String)> = (self.live.tags.values())
            .flat_map(|it| &it.path)
            .filter_map(|tag| {
                let mut parts = tag.split('/');
                Some((parts.nth(1)?.to_owned(), parts.nth(1)?.to_owned()))
            })
            .collect();
        for (project, location) in parents {
            let found = match self.inspector.data_policies(&project, &location).await {
                Ok(found) => found,
                Err(error) => {
                    let parent = format!("projects/{project}/locations/{location}");
                    let what = format!("the data policies of {parent}");
                    self.not_known(None, what, &error);
                    continue;
                }
            };
            for policy in found {
                let path = self.live.tags.values().flat_map(|it| &it.path);
                if !path.clone().any(|tag| policy.is_of(tag)) {
                    continue;
                }
                let found = self.inspector.data_policy_policy(&policy.name).await;
                self.live.masks.push(MaskPolicy {
                    name: policy.name.clone(),
                    tag: policy.policy_tag.clone(),
                    mask: policy.mask().to_owned(),
                });
                self.add(Place::DataPolicy(policy.name), found);
            }
        }
        self.enforced_by_masks();
    }

    /// A taxonomy with a data policy enforces its tags, whatever it says (Google's documentation,
    /// "Introduction to data masking").
    fn enforced_by_masks(&mut self) {
        for tag in self.live.tags.values_mut() {
            let of_taxonomy = |it: &MaskPolicy| {
                let taxonomy = it.tag.split("/policyTags/").next().unwrap_or_default();
                landbridge_core::access::same_resource(taxonomy, &tag.taxonomy)
            };
            if self.live.masks.iter().any(of_taxonomy) {
                tag.enforced = Some(true);
            }
        }
    }

    /// The tables of the contract, and, unless one table is meant, all others of the dataset.
    async fn tables(&mut self, contract: &Contract, only: Option<&str>) {
        let (config, inspector) = (self.config, self.inspector);
        let warehouse = &config.warehouse;
        let mut names = BTreeSet::new();
        for (name, table) in contract.bigquery_tables() {
            if only.is_some_and(|it| it != name) {
                continue;
            }
            if config.history_of(&name).is_some() {
                names.extend(self.histories(&table).await);
            }
            names.insert(table);
        }
        let mut foreign = BTreeSet::new();
        if only.is_none() {
            match inspector.tables(&warehouse.dataset).await {
                Ok(listed) => {
                    for table in listed.into_iter().filter(|it| !it.is_view) {
                        if table.source.as_ref() == Some(&config.source.name) {
                            names.insert(table.name);
                        } else if !names.contains(&table.name) {
                            foreign.insert(table.name);
                        }
                    }
                }
                Err(error) => {
                    let place =
                        Place::Dataset(warehouse.project.clone(), warehouse.dataset.clone());
                    let what = format!("which tables {place} has");
                    self.not_known(Some(place), what, &error);
                }
            }
        }
        self.own_tables(names).await;
        self.foreign_tables(foreign).await;
    }

    /// The columns' tags of tables that Landbridge did not create.
    async fn foreign_tables(&mut self, names: BTreeSet<String>) {
        let (config, inspector) = (self.config, self.inspector);
        let warehouse = &config.warehouse;
        let found: Vec<_> = stream::iter(names)
            .map(|table| async move {
                let tags = inspector.table_tags(&warehouse.dataset, &table).await;
                (table, tags)
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        for (table, tags) in found {
            match tags {
                Ok(Some(tags)) => {
                    self.live.foreign_tables.insert(table, tags.columns);
                }
                // It was deleted meanwhile.
                Ok(None) => {}
                Err(error) => {
                    let (project, dataset) = (&warehouse.project, &warehouse.dataset);
                    let place = Place::Table(project.clone(), dataset.clone(), table);
                    let what = format!("the policy tags of {place}");
                    self.not_known(Some(place), what, &error);
                }
            }
        }
    }

    /// The columns' tags, the policy, and the row access policies of each table.
    async fn own_tables(&mut self, names: BTreeSet<String>) {
        let dataset = &self.config.warehouse.dataset;
        let inspector = self.inspector;
        let found: Vec<_> = stream::iter(names)
            .map(|table| async move {
                let tags = inspector.table_tags(dataset, &table).await;
                if matches!(tags, Ok(None)) {
                    return None;
                }
                let (policy, rows) = tokio::join!(
                    inspector.table_policy(dataset, &table),
                    inspector.row_policies(dataset, &table)
                );
                Some((table, tags, policy, rows))
            })
            .buffer_unordered(PARALLEL)
            .filter_map(|it| async move { it })
            .collect()
            .await;
        for (table, tags, policy, rows) in found {
            let warehouse = &self.config.warehouse;
            let (project, dataset) = (warehouse.project.clone(), warehouse.dataset.clone());
            let place = Place::Table(project, dataset, table.clone());
            match tags {
                Ok(tags) => {
                    let columns = tags.unwrap_or_default().columns;
                    self.live.tables.insert(table.clone(), columns);
                }
                Err(error) => {
                    let what = format!("the policy tags of {place}");
                    self.not_known(Some(place.clone()), what, &error);
                }
            }
            match policy {
                Ok(policy) => self.live.policies.push((place.clone(), policy.unwrap_or_default())),
                Err(error) => self.not_known(Some(place.clone()), String::new(), &error),
            }
            match rows {
                Ok(0) => {}
                Ok(policies) => {
                    self.live.row_policies.insert(table, policies);
                }
                Err(error) => {
                    let what = format!("the row access policies of {place}");
                    self.not_known(Some(place), what, &error);
                }
            }
        }
    }

    /// The history tables of a table. One that cannot be read ends the list, and is read again with the others.
    async fn histories(&self, of: &str) -> Vec<String> {
        let dataset = &self.config.warehouse.dataset;
        let mut found = Vec::new();
        for number in 1..=MOST_HISTORY_TABLES {
            let name = history_table(of, number);
            let tags = self.inspector.table_tags(dataset, &name).await;
            if matches!(tags, Ok(None)) {
                break;
            }
            found.push(name);
            if tags.is_err() {
                break;
            }
        }
        found
    }

    async fn bucket(&mut self) {
        let bucket = &self.config.transfer.bucket;
        let found = self.inspector.bucket_bindings(bucket).await;
        // A bucket that does not exist has no readers.
        self.add(Place::Bucket(bucket.clone()), found.map(Option::unwrap_or_default));
        match self.inspector.managed_folders(bucket).await {
            Ok(folders) => {
                for folder in folders {
                    let found = self.inspector.managed_folder_bindings(bucket, &folder).await;
                    let place = Place::ManagedFolder(bucket.clone(), folder);
                    self.add(place, found.map(Option::unwrap_or_default));
                }
            }
            Err(error) => {
                let place = Place::Bucket(bucket.clone());
                let what = format!("which managed folders {place} has");
                self.not_known(Some(place), what, &error);
            }
        }
    }

    async fn roles(&mut self) {
        for role in self.live.unknown_roles() {
            match self.inspector.role_permissions(&role).await {
                Ok(permissions) => {
                    self.live.roles.insert(role, permissions);
                }
                Err(error) => {
                    let what = format!("what the role {role} allows");
                    self.not_known(None, what, &error);
                    if let Some(last) = self.live.not_known.last_mut() {
                        last.next = format!("gcloud iam roles describe {role}");
                    }
                }
            }
        }
    }
}
