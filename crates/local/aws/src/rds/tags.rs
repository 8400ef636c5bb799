//! Tags of databases and snapshots.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::form::Form;
use super::model::RdsState;
use super::names::Resource;
use super::xml::Xml;
use crate::shared::Shared;

/// `TagList`, as every description carries it.
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

fn find<'a>(
    state: &'a mut RdsState,
    shared: &Shared,
    arn: &str,
) -> Result<&'a mut BTreeMap<String, String>, Fault> {
    match Resource::parse(arn, &shared.options) {
        Some(Resource::Database(kind, id)) => {
            let unknown = Fault::unknown_database(kind, &id);
            state.databases.get_mut(&(kind, id)).map(|it| &mut it.tags).ok_or(unknown)
        }
        Some(Resource::Snapshot(kind, id)) => {
            let unknown = Fault::unknown_snapshot(kind, &id);
            state.snapshots.get_mut(&(kind, id)).map(|it| &mut it.tags).ok_or(unknown)
        }
        None => Err(Fault::invalid(format!("Invalid resource name: {arn}"))),
    }
}

/// `AddTagsToResource`: a key that is there gets the new value.
pub(super) fn add(shared: &Shared, form: &Form) -> Result<(), Fault> {
    let arn = form.required("ResourceName")?;
    let new = form.tags()?;
    let mut state = shared.rds();
    let tags = find(&mut state, shared, arn)?;
    if tags.keys().chain(new.keys().filter(|key| !tags.contains_key(*key))).count() > 50 {
        return Err(Fault::invalid("A resource can have at most 50 tags."));
    }
    tags.extend(new);
    Ok(())
}

/// `RemoveTagsFromResource`: keys that aren't there are no error.
pub(super) fn remove(shared: &Shared, form: &Form) -> Result<(), Fault> {
    let arn = form.required("ResourceName")?;
    let mut state = shared.rds();
    let tags = find(&mut state, shared, arn)?;
    for key in form.list("TagKeys", "member") {
        tags.remove(&key);
    }
    Ok(())
}

/// `ListTagsForResource`
pub(super) fn list(shared: &Shared, form: &Form) -> Result<Xml, Fault> {
    let arn = form.required("ResourceName")?;
    let mut xml = Xml::default();
    write(&mut xml, find(&mut shared.rds(), shared, arn)?);
    Ok(xml)
}

/// Sets a tag without the API; says whether the resource is there.
pub(crate) fn tag(shared: &Shared, arn: &str, key: &str, value: &str) -> bool {
    let mut state = shared.rds();
    find(&mut state, shared, arn).map(|tags| tags.insert(key.to_owned(), value.to_owned())).is_ok()
}

/// Removes a tag without the API; says whether the resource is there.
pub(crate) fn untag(shared: &Shared, arn: &str, key: &str) -> bool {
    let mut state = shared.rds();
    find(&mut state, shared, arn).map(|tags| tags.remove(key)).is_ok()
}
