//! Tags of databases and snapshots.

use std::collections::BTreeMap;

use super::error::RdsError;
use super::form::Form;
use super::names::Resource;
use super::state::{Rds, RdsState};
use super::xml::Xml;
use crate::options::AwsOptions;

/// Writes `TagList`, which is part of every description.
pub(super) fn write(xml: &mut Xml, tags: &BTreeMap<String, String>) {
    xml.element("TagList", |xml| {
        for (key, value) in tags {
            xml.element("Tag", |xml| {
                xml.text("Key", key);
                xml.text("Value", value);
            });
        }
    });
}

fn tags_of<'a>(
    state: &'a mut RdsState,
    options: &AwsOptions,
    arn: &str,
) -> Result<&'a mut BTreeMap<String, String>, RdsError> {
    match Resource::parse(arn, options) {
        Some(Resource::Database(kind, id)) => Ok(&mut state.find_database_mut(kind, &id)?.tags),
        Some(Resource::Snapshot(kind, id)) => {
            let not_found = RdsError::snapshot_not_found(kind, &id);
            state.snapshots.get_mut(&(kind, id)).map(|it| &mut it.tags).ok_or(not_found)
        }
        None => Err(RdsError::invalid_parameter(format!("Invalid resource name: {arn}"))),
    }
}

/// `AddTagsToResource`. An existing key gets the new value.
pub(super) fn add(rds: &Rds, form: &Form) -> Result<(), RdsError> {
    let arn = form.required("ResourceName")?;
    let new = form.tags()?;
    let mut state = rds.state();
    let tags = tags_of(&mut state, rds.options(), arn)?;
    if tags.len() + new.keys().filter(|key| !tags.contains_key(*key)).count() > 50 {
        return Err(RdsError::invalid_parameter("A resource can have at most 50 tags."));
    }
    tags.extend(new);
    Ok(())
}

/// `RemoveTagsFromResource`. A missing key is not an error.
pub(super) fn remove(rds: &Rds, form: &Form) -> Result<(), RdsError> {
    let arn = form.required("ResourceName")?;
    let mut state = rds.state();
    let tags = tags_of(&mut state, rds.options(), arn)?;
    for key in form.list("TagKeys", "member") {
        tags.remove(&key);
    }
    Ok(())
}

/// `ListTagsForResource`
pub(super) fn list(rds: &Rds, form: &Form) -> Result<Xml, RdsError> {
    let arn = form.required("ResourceName")?;
    let mut xml = Xml::default();
    write(&mut xml, tags_of(&mut rds.state(), rds.options(), arn)?);
    Ok(xml)
}

/// Sets a tag without an API call. Returns whether the resource exists.
pub(crate) fn set_tag(rds: &Rds, arn: &str, key: &str, value: &str) -> bool {
    let mut state = rds.state();
    let tags = tags_of(&mut state, rds.options(), arn);
    tags.map(|tags| tags.insert(key.to_owned(), value.to_owned())).is_ok()
}

/// Removes a tag without an API call. Returns whether the resource exists.
pub(crate) fn remove_tag(rds: &Rds, arn: &str, key: &str) -> bool {
    let mut state = rds.state();
    tags_of(&mut state, rds.options(), arn).map(|tags| tags.remove(key)).is_ok()
}
