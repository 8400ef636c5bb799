//! Databases that are changed, renamed and deleted, and what the clock makes of it.

use super::databases;
use super::fault::Fault;
use super::form::Form;
use super::model::{Database, DatabaseKind, RdsState, Task, after};
use super::names;
use super::xml::Xml;
use crate::shared::Shared;

/// `ModifyDBInstance`, `ModifyDBCluster`. What is not asked to be applied immediately
/// waits for a maintenance window, which never comes here.
pub(super) fn modify(shared: &Shared, kind: DatabaseKind, form: &Form) -> Result<Xml, Fault> {
    let (what, new) = match kind {
        DatabaseKind::Instance => ("DBInstanceIdentifier", "NewDBInstanceIdentifier"),
        DatabaseKind::Cluster => ("DBClusterIdentifier", "NewDBClusterIdentifier"),
    };
    let id = names::bare(form.required(what)?, &shared.options);
    let new_id = form.get(new).map(|id| names::database_id(new, id)).transpose()?;
    let now = shared.clock.now();
    let ready = after(now, shared.options.change_minutes * 60);
    let mut state = shared.rds();
    if let Some(new_id) = &new_id
        && state.databases.contains_key(&(kind, new_id.clone()))
    {
        let code = match kind {
            DatabaseKind::Instance => "DBInstanceAlreadyExists",
            DatabaseKind::Cluster => "DBClusterAlreadyExistsFault",
        };
        return Err(Fault::bad(code, format!("A database named {new_id} already exists.")));
    }
    ready_for(&state, shared, kind, &id, "modified")?;
    let database = find(&mut state, kind, &id)?;
    let mut settings = database.settings.clone();
    settings.apply(form)?;
    if form.get("ApplyImmediately") == Some("true") {
        database.task = Some(Task::Changing { ready, settings: Box::new(settings), new_id });
    }
    answer(&state, shared, kind, &id)
}

/// `DeleteDBInstance`, `DeleteDBCluster`. Final snapshots are not made.
pub(super) fn delete(shared: &Shared, kind: DatabaseKind, form: &Form) -> Result<Xml, Fault> {
    let what = databases::id_name(kind);
    let id = names::bare(form.required(what)?, &shared.options);
    let ready = after(shared.clock.now(), shared.options.change_minutes * 60);
    let mut state = shared.rds();
    let member = state.databases.values().find(|it| {
        kind == DatabaseKind::Cluster
            && it.cluster.as_deref() == Some(&id)
            && !matches!(it.task, Some(Task::Deleting { .. }))
    });
    if let Some(member) = member {
        let message = format!("Cluster cannot be deleted, it still contains {}.", member.id);
        return Err(Fault::bad("InvalidDBClusterStateFault", message));
    }
    let database = find(&mut state, kind, &id)?;
    if database.settings.deletion_protection {
        let message = "Cannot delete protected database, please disable deletion protection \
                       and try again.";
        return Err(Fault::bad("InvalidParameterCombination", message));
    }
    if database.cluster.is_none() && form.get("SkipFinalSnapshot") != Some("true") {
        let message = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is true.";
        return Err(Fault::bad("InvalidParameterCombination", message));
    }
    if matches!(database.task, Some(Task::Deleting { .. })) {
        return Err(Fault::bad("InvalidDBInstanceState", format!("{id} is being deleted.")));
    }
    database.task = Some(Task::Deleting { ready });
    answer(&state, shared, kind, &id)
}

fn answer(state: &RdsState, shared: &Shared, kind: DatabaseKind, id: &str) -> Result<Xml, Fault> {
    let unknown = || Fault::unknown_database(kind, id);
    let database = state.databases.get(&(kind, id.to_owned())).ok_or_else(unknown)?;
    let mut xml = Xml::default();
    databases::write(&mut xml, state, database, shared.clock.now(), &shared.options);
    Ok(xml)
}

fn find<'a>(
    state: &'a mut RdsState,
    kind: DatabaseKind,
    id: &str,
) -> Result<&'a mut Database, Fault> {
    let unknown = Fault::unknown_database(kind, id);
    state.databases.get_mut(&(kind, id.to_owned())).ok_or(unknown)
}

/// Whether it is `available`.
fn ready_for(
    state: &RdsState,
    shared: &Shared,
    kind: DatabaseKind,
    id: &str,
    verb: &str,
) -> Result<(), Fault> {
    let unknown = || Fault::unknown_database(kind, id);
    let database = state.databases.get(&(kind, id.to_owned())).ok_or_else(unknown)?;
    let status = state.status(database, shared.clock.now(), &shared.options);
    if status == "available" {
        return Ok(());
    }
    let code = match kind {
        DatabaseKind::Instance => "InvalidDBInstanceState",
        DatabaseKind::Cluster => "InvalidDBClusterStateFault",
    };
    let message = format!("The database {id} cannot be {verb} because it is {status}.");
    Err(Fault::bad(code, message))
}

/// Ends what has ended by the clock.
pub(crate) fn settle(shared: &Shared) {
    let now = shared.clock.now();
    let mut gone = Vec::new();
    let mut state = shared.rds();
    let keys: Vec<_> = state.databases.keys().cloned().collect();
    for key in keys {
        let Some(database) = state.databases.get_mut(&key) else { continue };
        match &database.task {
            Some(Task::Creating { ready })
                if now >= *ready && (database.source.is_some() || database.cluster.is_some()) =>
            {
                database.task = None;
            }
            Some(Task::Deleting { ready }) if now >= *ready => {
                gone.extend(state.databases.remove(&key));
            }
            Some(Task::Changing { ready, settings, new_id }) if now >= *ready => {
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
    if !gone.is_empty() {
        // Stopping a server takes a moment, which no request should wait for.
        std::thread::spawn(move || drop(gone));
    }
}

fn rename(state: &mut RdsState, key: &(DatabaseKind, String), new_id: String) {
    let Some(mut database) = state.databases.remove(key) else { return };
    database.id.clone_from(&new_id);
    state.databases.insert((key.0, new_id.clone()), database);
    if key.0 == DatabaseKind::Cluster {
        for member in state.databases.values_mut() {
            if member.cluster.as_ref() == Some(&key.1) {
                member.cluster = Some(new_id.clone());
            }
        }
    }
}
