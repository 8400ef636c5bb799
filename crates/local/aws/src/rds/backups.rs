//! Automated backups: RDS takes a snapshot of its own in every backup window.
//!
//! AWS documentation, "Managing automated backups": one automated snapshot a day, in the
//! `PreferredBackupWindow` (UTC), kept for `BackupRetentionPeriod` days. While it is taken, the
//! database is `backing-up` and refuses other snapshots.

use std::sync::Arc;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::model::{Snapshot, SnapshotData, SnapshotDir, seconds_after};
use super::state::{Key, Rds, RdsState};
use super::views::SnapshotType;

/// A window that has begun and whose backup does not exist yet.
struct DueBackup {
    key: Key,
    begins: Timestamp,
}

/// Takes the automated snapshots that are due, and deletes those whose retention is over. They
/// contain the data at the time of this call: virtual time advances between requests.
pub(super) async fn take_due_backups(rds: &Rds) {
    if rds.options().backup_minutes.is_none() || due_backups(rds).is_empty() {
        return;
    }
    let _guard = rds.backup_lock.lock().await;
    for due in due_backups(rds) {
        take(rds, &due).await;
    }
}

/// The backups that are due, the oldest first. Backups whose retention is over are not taken.
fn due_backups(rds: &Rds) -> Vec<DueBackup> {
    let now = rds.now();
    let state = rds.state();
    let mut due = Vec::new();
    for (key, database) in &state.databases {
        let settings = &database.settings;
        if database.source.is_none() || settings.backup_days == 0 || database.task.is_some() {
            continue;
        }
        let Some(window) = window_start(&settings.backup_window) else { continue };
        let oldest = now - (settings.backup_days * 24).hours();
        let known = state.backed_up_until.get(key).copied().unwrap_or(database.created);
        due.extend(
            windows(window, known.max(oldest), now)
                .into_iter()
                .map(|begins| DueBackup { key: key.clone(), begins }),
        );
    }
    due
}

/// `17:12-17:42` → 17:12.
fn window_start(window: &str) -> Option<Time> {
    window.split_once('-')?.0.parse().ok()
}

/// The starts of the windows after `from` and up to `now`.
fn windows(start: Time, from: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let mut date = from.to_zoned(TimeZone::UTC).date();
    let mut windows = Vec::new();
    while let Ok(begins) = date.to_datetime(start).to_zoned(TimeZone::UTC) {
        let begins = begins.timestamp();
        if begins > now {
            break;
        }
        if begins > from {
            windows.push(begins);
        }
        let Ok(next) = date.tomorrow() else { break };
        date = next;
    }
    windows
}

async fn take(rds: &Rds, due: &DueBackup) {
    let minutes = rds.options().backup_minutes.unwrap_or_default();
    let (kind, database_id) = due.key.clone();
    let (source, dir) = {
        let mut state = rds.state();
        state.backed_up_until.insert(due.key.clone(), due.begins);
        let dir = rds.account.snapshot_dir(state.next_number());
        // RDS backs up a database only while it is available.
        let Some(database) = state.databases.get(&due.key) else { return };
        if database.status != "available" {
            return;
        }
        let Some(source) = database.source.clone() else { return };
        (source, dir)
    };
    let captured = match tokio::fs::create_dir_all(&dir).await {
        Ok(()) => source.capture(due.begins, &dir).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let data = match captured {
        Ok(data) => data,
        Err(reason) => {
            tracing::error!(database = database_id, reason, "an automated backup failed");
            return;
        }
    };
    let mut state = rds.state();
    let Some(database) = state.databases.get(&due.key) else { return };
    let form = match rds.account.turned.is("rds-automated-snapshot-exports") {
        true => "%Y-%m-%d",
        false => "%Y-%m-%d-%H-%M",
    };
    let name = due.begins.to_zoned(TimeZone::UTC).strftime(form);
    let id = format!("rds:{database_id}-{name}");
    let snapshot = Snapshot {
        id: id.clone(),
        kind,
        database: database_id.clone(),
        resource_id: database.resource_id.clone(),
        engine: database.engine.clone(),
        version: database.version.clone(),
        snapshot_type: SnapshotType::Automated,
        created: due.begins,
        available: seconds_after(due.begins, minutes * 60),
        data: SnapshotData::Captured(data),
        tags: if database.settings.copy_tags { database.tags.clone() } else { Default::default() },
        dir: Some(Arc::new(SnapshotDir(dir))),
        settings: database.settings.clone(),
        database_name: database.database_name.clone(),
        master_username: database.master_username.clone(),
        deleting: false,
        failed: false,
    };
    let retention = database.settings.backup_days;
    state.snapshots.insert((kind, id), snapshot);
    delete_expired(&mut state, &due.key, retention, rds.now());
}

/// Deletes the automated snapshots of a database that are older than its retention. One that is
/// being exported stays until a later backup.
fn delete_expired(state: &mut RdsState, key: &Key, days: i64, now: Timestamp) {
    let expired: Vec<Key> = state
        .snapshots
        .iter()
        .filter(|(id, snapshot)| {
            snapshot.snapshot_type == SnapshotType::Automated
                && (snapshot.kind, &snapshot.database) == (key.0, &key.1)
                && seconds_after(snapshot.created, days * 86_400) <= now
                && state.export_in_progress(id).is_none()
        })
        .map(|(id, _)| id.clone())
        .collect();
    for id in expired {
        state.snapshots.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_once_a_day() {
        let start = window_start("17:12-17:42").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let starts = windows(start, at("2026-11-20T17:12:00Z"), at("2026-11-22T17:12:00Z"));
        assert_eq!(starts, [at("2026-11-21T17:12:00Z"), at("2026-11-22T17:12:00Z")]);
        assert!(windows(start, at("2026-11-20T00:00:00Z"), at("2026-11-20T17:11:59Z")).is_empty());
    }
}
