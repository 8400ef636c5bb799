//! Modifies, renames and deletes databases, and completes these tasks when their time has come.

use super::databases::check_member_parameters;
use super::description;
use super::error::RdsError;
use super::form::Form;
use super::kind::DatabaseKind;
use super::model::{Database, DatabaseTask};
use super::names;
use super::state::{Key, Rds, RdsState};
use super::xml::Xml;

/// `ModifyDBInstance`, `ModifyDBCluster`. Without `ApplyImmediately`, changes wait for a
/// maintenance window, which never comes here.
pub(super) fn modify(rds: &Rds, kind: DatabaseKind, form: &Form) -> Result<Xml, RdsError> {
    let api = kind.api();
    let id = names::id_of(form.required(api.database_id)?, rds.options());
    let new_id = form.get(api.new_database_id);
    let new_id = new_id.map(|id| names::database_id(api.new_database_id, id)).transpose()?;
    let ready = rds.minutes_from_now(rds.options().change_minutes);
    let mut state = rds.state();
    if let Some(new_id) = &new_id
        && state.databases.contains_key(&(kind, new_id.clone()))
    {
        let message = format!("A database named {new_id} already exists.");
        return Err(RdsError::bad_request(api.database_exists, message));
    }
    check_available(rds, &state, kind, &id)?;
    if state.changes_to_refuse > 0 {
        state.changes_to_refuse -= 1;
        return Err(wrong_state(kind, &id, "backing-up"));
    }
    if let Some(cluster) = &state.find_database(kind, &id)?.cluster {
        check_member_parameters(state.find_database(DatabaseKind::Cluster, cluster)?, form)?;
    }
    let database = state.find_database_mut(kind, &id)?;
    check_not_a_multi_az_member(database)?;
    let mut settings = database.settings.clone();
    settings.apply(form)?;
    if form.get("ApplyImmediately") == Some("true") {
        let settings = Box::new(settings);
        database.task = Some(DatabaseTask::Changing { ready, settings, new_id });
    }
    Ok(description::describe(rds, &state, state.find_database(kind, &id)?))
}

fn check_available(
    rds: &Rds,
    state: &RdsState,
    kind: DatabaseKind,
    id: &str,
) -> Result<(), RdsError> {
    let status = state.status(state.find_database(kind, id)?, rds.now(), rds.options());
    if status == "available" {
        return Ok(());
    }
    Err(wrong_state(kind, id, &status))
}

fn wrong_state(kind: DatabaseKind, id: &str, status: &str) -> RdsError {
    let message = format!("The database {id} cannot be modified because it is {status}.");
    RdsError::bad_request(kind.api().invalid_database_state, message)
}

/// `DeleteDBInstance`, `DeleteDBCluster`. Creates no final snapshot.
pub(super) fn delete(rds: &Rds, kind: DatabaseKind, form: &Form) -> Result<Xml, RdsError> {
    let id = names::id_of(form.required(kind.api().database_id)?, rds.options());
    let ready = rds.minutes_from_now(rds.options().change_minutes);
    let mut state = rds.state();
    let member = state.databases.values().find(|it| {
        kind == DatabaseKind::Cluster
            && it.cluster.as_deref() == Some(&id)
            && !it.is_multi_az_cluster()
            && !matches!(it.task, Some(DatabaseTask::Deleting { .. }))
    });
    if let Some(member) = member {
        let message = format!("Cluster cannot be deleted, it still contains {}.", member.id);
        return Err(RdsError::bad_request("InvalidDBClusterStateFault", message));
    }
    let database = state.find_database_mut(kind, &id)?;
    check_not_a_multi_az_member(database)?;
    if database.settings.deletion_protection {
        return Err(RdsError::invalid_combination(
            "Cannot delete protected database, please disable deletion protection and try again.",
        ));
    }
    if database.cluster.is_none() && form.get("SkipFinalSnapshot") != Some("true") {
        return Err(RdsError::invalid_combination(
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is true.",
        ));
    }
    if matches!(database.task, Some(DatabaseTask::Deleting { .. })) {
        let message = format!("{id} is being deleted.");
        return Err(RdsError::bad_request("InvalidDBInstanceState", message));
    }
    database.task = Some(DatabaseTask::Deleting { ready });
    for member in state.databases.values_mut() {
        if member.is_multi_az_cluster() && member.cluster.as_deref() == Some(&id) {
            member.task = Some(DatabaseTask::Deleting { ready });
        }
    }
    Ok(description::describe(rds, &state, state.find_database(kind, &id)?))
}

/// RDS creates, changes and deletes the members of a Multi-AZ cluster with the cluster (RDS User Guide,
/// "Modifying a Multi-AZ DB cluster": the members can only be rebooted).
fn check_not_a_multi_az_member(database: &Database) -> Result<(), RdsError> {
    if database.cluster.is_some() && database.is_multi_az_cluster() {
        let message = format!("{} is a member of a Multi-AZ DB cluster.", database.id);
        return Err(RdsError::invalid_combination(message));
    }
    Ok(())
}

/// `FailoverDBCluster`: the target, or the reader with the lowest promotion tier, becomes the writer.
pub(super) fn fail_over(rds: &Rds, form: &Form) -> Result<Xml, RdsError> {
    let id = names::id_of(form.required("DBClusterIdentifier")?, rds.options());
    let target = form.get("TargetDBInstanceIdentifier").map(|id| names::id_of(id, rds.options()));
    let mut state = rds.state();
    check_available(rds, &state, DatabaseKind::Cluster, &id)?;
    let members = state.databases.values().filter(|it| it.cluster.as_deref() == Some(&id));
    let readers = members.filter(|it| !it.is_writer && it.task.is_none());
    let readers = readers.filter(|it| target.as_ref().is_none_or(|target| *target == it.id));
    let next = readers.min_by_key(|it| (it.settings.promotion_tier, it.id.clone()));
    let Some(next) = next.map(|it| it.id.clone()) else {
        let message = format!("{id} has no reader to fail over to.");
        return Err(RdsError::bad_request("InvalidDBClusterStateFault", message));
    };
    for member in state.databases.values_mut().filter(|it| it.cluster.as_deref() == Some(&id)) {
        member.is_writer = member.id == next;
    }
    Ok(description::describe(rds, &state, state.find_database(DatabaseKind::Cluster, &id)?))
}

/// Completes the tasks of databases whose time has come.
pub(crate) fn complete_due_tasks(rds: &Rds) {
    let now = rds.now();
    let mut deleted = Vec::new();
    let mut state = rds.state();
    let keys: Vec<_> = state.databases.keys().cloned().collect();
    for key in keys {
        let Some(database) = state.databases.get_mut(&key) else { continue };
        match &database.task {
            Some(DatabaseTask::Creating { ready })
                if now >= *ready && (database.source.is_some() || database.cluster.is_some()) =>
            {
                database.task = None;
                become_writer(&mut state, &key);
            }
            Some(DatabaseTask::Deleting { ready }) if now >= *ready => {
                deleted.extend(state.databases.remove(&key));
            }
            Some(DatabaseTask::Changing { ready, settings, new_id }) if now >= *ready => {
                database.settings = (**settings).clone();
                let new_id = new_id.clone();
                database.task = None;
                if let Some(new_id) = new_id {
                    rename(&mut state, &key, new_id);
                }
            }
            _ => {}
        }
    }
    drop(state);
    if !deleted.is_empty() {
        // Stopping a server takes time, for which no request should wait.
        std::thread::spawn(move || drop(deleted));
    }
}

/// Makes a new member of a cluster without a writer its writer.
fn become_writer(state: &mut RdsState, key: &Key) {
    let cluster = state.databases.get(key).and_then(|it| it.cluster.clone());
    let Some(cluster) = cluster else { return };
    let mut members = state.databases.values().filter(|it| it.cluster.as_ref() == Some(&cluster));
    let has_writer = members.any(|it| it.is_writer);
    if let Some(member) = state.databases.get_mut(key).filter(|_| !has_writer) {
        member.is_writer = true;
    }
}

/// Renames a database; the members of a cluster follow it.
fn rename(state: &mut RdsState, key: &Key, new_id: String) {
    let Some(mut database) = state.databases.remove(key) else { return };
    let (kind, old_id) = key;
    database.id.clone_from(&new_id);
    state.databases.insert((*kind, new_id.clone()), database);
    if *kind == DatabaseKind::Cluster {
        for member in state.databases.values_mut() {
            if member.cluster.as_ref() == Some(old_id) {
                member.cluster = Some(new_id.clone());
            }
        }
    }
}
