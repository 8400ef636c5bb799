//! What a snapshot does to the source while RDS takes it, for `init` and `doctor`.

use landbridge_aws::rds::SourceCandidate;

/// What to do about a source that snapshots suspend.
pub(crate) const CADENCE_ADVICE: &str = "\
set snapshots.every_hours to 24 (one snapshot a day, at the export hour) and restore to a minute with \
point-in-time recovery (landbridge restore --pitr), or make the instance Multi-AZ";

/// The consequence of snapshots for a source that they suspend; `None` for all others.
pub(crate) fn suspension(source: &SourceCandidate) -> Option<String> {
    source.is_suspended_by_snapshots().then(|| {
        format!(
            "{} is a Single-AZ instance: RDS suspends its reads and writes for seconds to minutes at \
             each snapshot",
            source.id
        )
    })
}

/// Why RDS cannot export the source, and the command that changes this; `None` if it can.
pub(crate) fn not_exportable(source: &SourceCandidate) -> Option<(String, String)> {
    source.is_magnetic().then(|| {
        (
            format!("{} has magnetic storage, which RDS cannot export", source.id),
            format!(
                "aws rds modify-db-instance --db-instance-identifier {} --storage-type gp3 \
                 --apply-immediately",
                source.id
            ),
        )
    })
}
