//! Permission checks of the BigQuery server.

use std::collections::BTreeSet;

use serde_json::json;

use super::BigQuery;
use super::names::TableName;
use super::schema::{Field, leaf_fields};
use crate::access::{Principal, location_of};
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::{ApiResult, json_response};

/// The most different policy tags that a table can have (Google's documentation, "Introduction to
/// column-level access control", limitations).
const MAX_TAGS: usize = 1_000;

impl BigQuery {
    pub(crate) fn authorize_on_project(
        &self,
        caller: &Principal,
        permission: &str,
    ) -> Result<(), GoogleError> {
        if self.with_access(|access| access.allows_on_project(caller, permission)) {
            return Ok(());
        }
        let project = &self.project;
        Err(GoogleError::access_denied(format!(
            "Access Denied: Project {project}: User does not have {permission} permission in \
             project {project}."
        )))
    }

    pub(super) fn authorize_on_dataset(
        &self,
        caller: &Principal,
        dataset: &str,
        permission: &str,
    ) -> Result<(), GoogleError> {
        if self.with_access(|access| access.allows_on_dataset(caller, dataset, permission)) {
            return Ok(());
        }
        let name = format!("{}:{dataset}", self.project);
        Err(GoogleError::access_denied(format!(
            "Access Denied: Dataset {name}: Permission {permission} denied on dataset {name} (or it \
             may not exist)."
        )))
    }

    pub(super) fn authorize_on_table(
        &self,
        caller: &Principal,
        name: &TableName,
        permission: &str,
    ) -> Result<(), GoogleError> {
        let table = (name.dataset.as_str(), name.table.as_str());
        if self.with_access(|access| access.allows_on_table(caller, table, permission)) {
            return Ok(());
        }
        Err(GoogleError::access_denied(format!(
            "Access Denied: Table {name}: Permission {permission} denied on table {name} (or it may \
             not exist)."
        )))
    }

    pub(super) fn policy_tag(&self, name: &str) -> ApiResult {
        let resource = self.with_access(|access| {
            let mut tag = json!({"name": name, "displayName": access.tag_display_name(name)?});
            if let Some(parent) = access.parent_of(name) {
                tag["parentPolicyTag"] = json!(parent);
            }
            if let Some(it) = access.plane.descriptions.get(name).filter(|it| !it.is_empty()) {
                tag["description"] = json!(it);
            }
            Some(tag)
        });
        resource
            .map(|tag| json_response(200, &tag))
            .ok_or_else(|| GoogleError::not_found(format!("Not found: policy tag {name}")))
    }

    /// Checks that the caller may send a schema with `policyTags`. The key alone requires the
    /// permission, also with the tags that the fields have already, and also an empty list
    /// (reported for load jobs in googleapis/python-bigquery#557 and #981, and for `tables.patch` in
    /// apache/airflow#15367). The tags' taxonomy must be readable, see [`Self::check_taxonomy`].
    pub(super) fn authorize_named_tags(
        &self,
        caller: &Principal,
        name: &TableName,
        fields: &[Field],
    ) -> Result<(), GoogleError> {
        if leaf_fields(fields).iter().any(|(_, field)| field.tags.is_some()) {
            self.authorize_on_table(caller, name, "bigquery.tables.setCategory")?;
            for (_, field) in leaf_fields(fields) {
                field.tag().map_or(Ok(()), |tag| self.check_taxonomy(caller, tag))?;
            }
        }
        Ok(())
    }

    fn authorize_category(&self, caller: &Principal, name: &TableName) -> Result<(), GoogleError> {
        match is_turned("tag-needs-set-category") {
            true => Ok(()),
            false => self.authorize_on_table(caller, name, "bigquery.tables.setCategory"),
        }
    }

    /// Refuses a tag whose taxonomy the caller may not read: `datacatalog.taxonomies.get` (Google's documentation,
    /// "Restrict access with column-level access control", required permissions to set a policy tag on a column).
    /// Only in a project that began empty, or in which a test asks for it: a set-up by Rust code grants nothing on taxonomies.
    fn check_taxonomy(&self, caller: &Principal, tag: &str) -> Result<(), GoogleError> {
        const PERMISSION: &str = "datacatalog.taxonomies.get";
        let taxonomy = tag.split_once("/policyTags/").map_or(tag, |(taxonomy, _)| taxonomy);
        let is_allowed = self.with_access(|access| {
            !(access.plane.began_empty() || access.plane.checks_taxonomies)
                || access.allows_on(caller, taxonomy, PERMISSION)
        });
        if is_allowed || is_turned("tag-needs-taxonomy-get") {
            return Ok(());
        }
        Err(GoogleError::access_denied(format!(
            "Access Denied: Taxonomy {taxonomy}: Permission {PERMISSION} denied on resource {taxonomy} (or it \
             may not exist)."
        )))
    }

    /// Checks that the caller may set the policy tags of `fields`: a changed tag requires the
    /// permission `bigquery.tables.setCategory`, and must exist in the table's location. Tags that
    /// are the same in `before` require nothing.
    pub(super) fn check_tags(
        &self,
        caller: &Principal,
        name: &TableName,
        location: &str,
        before: &[Field],
        fields: &[Field],
    ) -> Result<(), GoogleError> {
        let old: Vec<_> =
            leaf_fields(before).into_iter().map(|(path, it)| (path, it.tag())).collect();
        let leaves = leaf_fields(fields);
        let tags: BTreeSet<&str> = leaves.iter().filter_map(|(_, field)| field.tag()).collect();
        if tags.len() > MAX_TAGS {
            return Err(GoogleError::invalid(format!(
                "Table {name} would have {} policy tags; at most {MAX_TAGS} are allowed.",
                tags.len()
            )));
        }
        for (path, field) in leaves {
            let was = old.iter().find(|(it, _)| *it == path).and_then(|(_, tag)| *tag);
            if field.tag() == was {
                continue;
            }
            self.authorize_category(caller, name)?;
            let Some(tag) = field.tag() else { continue };
            self.check_taxonomy(caller, tag)?;
            if !self.with_access(|access| access.has_policy_tag(tag)) {
                return Err(GoogleError::invalid(format!("Policy tag {tag} does not exist.")));
            }
            if location_of(tag).is_some_and(|it| !it.eq_ignore_ascii_case(location)) {
                return Err(GoogleError::invalid(format!(
                    "Policy tag {tag} is not in the location {location} of table {name}."
                )));
            }
        }
        Ok(())
    }
}
