//! The checks of the source: status, storage, what snapshots do to it, automated backups.

use landbridge_aws::rds::SourceCandidate;
use landbridge_core::Result;
use landbridge_core::config::{Config, SourceKind};

use super::line::ReportLine;
use crate::source_advice::{CADENCE_ADVICE, not_exportable, suspension};

/// Checks the source. `candidates` are the databases of the account.
pub(super) fn check(config: &Config, candidates: &Result<Vec<SourceCandidate>>) -> [ReportLine; 4] {
    let mut storage = ReportLine::new("aws", "source storage");
    let mut during = ReportLine::new("aws", "source during snapshots");
    let mut recovery = ReportLine::new("aws", "point-in-time recovery");
    match find(config, candidates) {
        Some(it) => {
            match not_exportable(it) {
                Some((found, advice)) => storage.bad(found, advice),
                None => storage.good(it.storage_type.clone()),
            }
            during_snapshots(&mut during, config, it);
            point_in_time_recovery(&mut recovery, it);
        }
        None => {
            for line in [&mut storage, &mut during, &mut recovery] {
                line.unchecked("needs the source", None);
            }
        }
    }
    [status(config, candidates), storage, during, recovery]
}

/// The configured source among the databases of the account.
pub(super) fn find<'a>(
    config: &Config,
    candidates: &'a Result<Vec<SourceCandidate>>,
) -> Option<&'a SourceCandidate> {
    let source = &config.source;
    candidates.as_ref().ok()?.iter().find(|it| it.kind == source.kind && it.id == source.id)
}

fn during_snapshots(line: &mut ReportLine, config: &Config, source: &SourceCandidate) {
    let a_day = snapshots_a_day(config);
    match suspension(source) {
        Some(found) if a_day > 1 => {
            line.warn(format!("{found}, {a_day} times a day"), CADENCE_ADVICE);
        }
        Some(found) => line.good(format!("{found}; that is at most one a day")),
        None => line.good("a snapshot does not interrupt it"),
    }
}

/// The number of snapshots that Landbridge takes in a day.
fn snapshots_a_day(config: &Config) -> u8 {
    24_u8.checked_div(config.snapshots.every_hours).unwrap_or_default()
}

fn point_in_time_recovery(line: &mut ReportLine, source: &SourceCandidate) {
    if source.backup_days > 0 {
        let days = crate::render::counted(source.backup_days as usize, "day");
        line.good(format!("to any second of the last {days}"));
        return;
    }
    let command = match source.kind {
        SourceKind::Instance => "modify-db-instance --db-instance-identifier",
        SourceKind::Cluster => "modify-db-cluster --db-cluster-identifier",
    };
    line.warn(
        "automated backups are off: the source can be restored only to the times of snapshots",
        format!("aws rds {command} {} --backup-retention-period 7 --apply-immediately", source.id),
    );
}

fn status(config: &Config, candidates: &Result<Vec<SourceCandidate>>) -> ReportLine {
    let mut line = ReportLine::new("aws", "source");
    let source = &config.source;
    let (kind, id, region) = (source.kind.as_str(), &source.id, &source.region);
    let Ok(all) = candidates else {
        line.unchecked("needs credentials", None);
        return line;
    };
    match all.iter().find(|it| it.kind == source.kind && it.id == *id) {
        Some(it) if it.status == "available" => {
            let storage = it.storage_gib.map_or(String::new(), |gib| format!(", {gib} GiB"));
            line.good(format!("{kind} {id}, {}{storage}, available", it.engine));
        }
        Some(it) => line.bad(
            format!("{kind} {id} is {}", it.status),
            "only an available database can be snapshotted: start it, or wait",
        ),
        None => {
            let names: Vec<String> =
                all.iter().map(|it| format!("{} {}", it.kind.as_str(), it.id)).collect();
            let databases =
                if names.is_empty() { "no database".to_owned() } else { names.join(", ") };
            line.bad(
                format!("there is no {kind} {id} in {region}"),
                format!(
                    "correct source.id, source.kind or source.region; {region} has {databases}"
                ),
            );
        }
    }
    line
}
