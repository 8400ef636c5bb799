//! Restored copies of a source: which databases they are, and what they do by themselves.

use std::collections::BTreeMap;

use crate::ids::{SNAPSHOT_PREFIX, TAG_DRILL, TAG_RESTORED_FROM};

/// Why Landbridge created a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyPurpose {
    /// For a drill, which deletes it at its end.
    Drill,
    /// For an operator, with `landbridge restore`.
    Restore,
}

/// Why Landbridge created the database `id` with these tags from a snapshot or the logs of a source;
/// `None` if it did not. A copy of a snapshot that a person took says only by its name which source it
/// belongs to: operators may restore under names that begin with that of the source.
pub fn purpose(
    id: &str,
    tags: &BTreeMap<String, String>,
    source: &str,
    source_id: &str,
) -> Option<CopyPurpose> {
    if let Some(of) = tags.get(TAG_DRILL) {
        return (of == source).then_some(CopyPurpose::Drill);
    }
    let from = tags.get(TAG_RESTORED_FROM)?;
    let after = |text: &str, start: &str, next: char| {
        text.strip_prefix(start).is_some_and(|rest| rest.starts_with(next))
    };
    let is_of_source = after(from, source_id, '@')
        || after(from, &format!("{SNAPSHOT_PREFIX}{source}"), '-')
        || after(from, &format!("rds:{source_id}"), '-')
        || id == source_id
        || after(id, source, '-')
        || after(id, source_id, '-');
    is_of_source.then_some(CopyPurpose::Restore)
}

/// What a copy does as soon as it is available, and how to prevent it. A copy contains the schedules and
/// the subscriptions of its source.
///
/// Events of MySQL and MariaDB run if `event_scheduler` is ON, the default of MySQL 8.0 (MySQL Reference
/// Manual, "Event Scheduler Configuration"). `pg_cron` runs the jobs in its table unless
/// `cron.launch_active_jobs` is off (README of citusdata/pg_cron). An enabled subscription connects to its
/// publisher and uses the same replication slot; none does if `max_logical_replication_workers` is 0
/// (PostgreSQL documentation, "Subscribers").
pub fn remark(engine: &str) -> &'static str {
    if engine.contains("postgres") {
        "jobs of pg_cron and logical subscriptions of the source run in the copy as well. If it has some, \
         restore with --parameter-group NAME, a copy of the source's parameter group with \
         cron.launch_active_jobs = off and max_logical_replication_workers = 0"
    } else {
        "events of the source run in the copy as well, if its event_scheduler is on. If it has some, restore \
         with --parameter-group NAME, a copy of the source's parameter group with event_scheduler = OFF"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_recognised_by_their_tags() {
        let tags = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
            list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let of = |id: &str, list: &[(&str, &str)]| purpose(id, &tags(list), "shop", "shop-db");
        let from = |from| [(TAG_RESTORED_FROM, from)];
        assert_eq!(of("x", &[(TAG_DRILL, "shop")]), Some(CopyPurpose::Drill));
        let drill = [(TAG_DRILL, "billing"), (TAG_RESTORED_FROM, "landbridge-shop-20261121t0500z")];
        assert_eq!(of("shop-db-drill", &drill), None, "a drill of another source");
        for (id, origin, is_copy) in [
            ("x", "landbridge-shop-20261121t0500z", true),
            ("x", "shop-db@latest", true),
            ("x", "rds:shop-db-2026-11-21-17-12", true),
            ("shop-restored", "before-release", true),
            ("shop-db-2", "before-release", true),
            ("shop-db", "before-release", true),
            ("x", "before-release", false),
            ("x", "landbridge-shopping-20261121t0500z", false),
            ("shopping", "shop-dbs@latest", false),
        ] {
            let expected = is_copy.then_some(CopyPurpose::Restore);
            assert_eq!(of(id, &from(origin)), expected, "{id} of {origin}");
        }
        assert_eq!(of("shop-db", &[("team", "shop")]), None, "the source itself");
    }

    #[test]
    fn the_remark_names_the_parameters_of_the_engine() {
        for (engine, parameter) in [
            ("postgres", "cron.launch_active_jobs"),
            ("aurora-postgresql", "max_logical_replication_workers"),
            ("aurora-mysql", "event_scheduler"),
            ("mariadb", "event_scheduler"),
        ] {
            assert!(remark(engine).contains(parameter), "{engine}");
        }
    }
}
