//! The options of the restore commands.

use clap::{ArgGroup, Args};
use landbridge_core::calendar::Day;
use landbridge_core::restore::plan::RestoreOptions;
use std::path::PathBuf;

use landbridge_cli_support::args::{ConfigArgs, OutputArgs};

const CREDENTIALS: &str = "\
Credentials and region come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env";

/// List restore points: point-in-time recovery, and snapshots with age, size and creator
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  landbridge snapshots
  landbridge snapshots --at '2026-11-21 14:00'
  landbridge snapshots --output json

For a time within the last days, use point-in-time recovery: it restores to any second, from the
source's automated backups, with `landbridge restore --pitr TIME`. Snapshots are for what is kept
longer, and for the data of one day in BigQuery.

{CREDENTIALS}"))]
pub(crate) struct SnapshotsArgs {
    /// Show only the point that `restore --at` would use for this time
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// The time zone of --at [default: schedule.zone of the configuration]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Pin a snapshot: retention keeps it until it is unpinned
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge pin landbridge-shop-20261121t0500z --why 'before the migration'")]
pub(crate) struct PinArgs {
    /// The snapshot's id
    pub(crate) snapshot: String,
    /// The reason, shown by `landbridge snapshots`
    #[arg(long, value_name = "TEXT", default_value = "pinned")]
    pub(crate) why: String,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Unpin a snapshot: retention may delete it again
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  landbridge unpin landbridge-shop-20261121t0500z")]
pub(crate) struct UnpinArgs {
    /// The snapshot's id
    pub(crate) snapshot: String,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Restore the database under a new name, with all of its settings
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("origin").args(["at", "snapshot", "latest", "from_receipt", "pitr", "swap"]).required(true)),
    after_help = format!("\
Examples:
  landbridge restore --pitr '2026-11-21 14:37' --as shop-restored --dry-run
  landbridge restore --pitr '2026-11-21 14:37' --as shop-restored
  landbridge restore --at '2026-11-21 14:00' --as shop-restored
  landbridge restore --from-receipt 2026-11-21 --as shop-restored
  landbridge restore --as shop-restored --swap
  landbridge restore --as shop-restored --swap --undo

Only --swap changes the source: its name. If a restore is interrupted, run the same command again to
continue it. Runbook: docs/runbooks/restore.md

{CREDENTIALS}")
)]
pub(crate) struct RestoreArgs {
    /// Restore the newest snapshot at or before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// The time zone of --at and --pitr [default: schedule.zone of the configuration]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// Restore this snapshot
    #[arg(long, value_name = "ID")]
    pub(crate) snapshot: Option<String>,
    /// Restore the newest snapshot
    #[arg(long)]
    pub(crate) latest: bool,
    /// Restore the snapshot that this day's data in BigQuery came from
    #[arg(long, value_name = "DAY")]
    pub(crate) from_receipt: Option<Day>,
    /// Restore to this second, or to `latest`, from the source's automated backups
    #[arg(long, value_name = "TIME")]
    pub(crate) pitr: Option<String>,
    /// Swap names with the source: the restored database takes over its endpoint
    #[arg(long, conflicts_with_all = ["public", "parameter_group", "subnet_group", "security_group"])]
    pub(crate) swap: bool,
    /// With --swap: swap the names back
    #[arg(long, requires = "swap")]
    pub(crate) undo: bool,
    /// Name of the restored instance or cluster
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) target: String,
    /// Make the restored database reachable from the internet; without this option it never is
    #[arg(long)]
    pub(crate) public: bool,
    #[command(flatten)]
    pub(crate) isolation: IsolationArgs,
    /// Show the plan and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Restore the newest snapshot to a temporary database, check it, time it, delete it
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("rows").args(["database_url_env", "without_rows", "clean_up"]).required(true)),
    after_help = "\
Examples:
  SHOP_URL=postgres://reader:secret@any/shop landbridge drill --database-url-env SHOP_URL
  SHOP_URL=mysql://reader:secret@any/shop landbridge drill --database-url-env SHOP_URL
  landbridge drill --database-url-env SHOP_URL --ca global-bundle.pem
  landbridge drill --without-rows
  landbridge drill --without-rows --parameter-group shop-quiet --subnet-group drills --security-group sg-0a1
  landbridge drill --clean-up

The drill uses user, password and database of the URL; host and port are those of the temporary
database. It compares row counts with the newest day's receipts: they must be equal if the day was
exported from this snapshot, else not smaller than checks.max_shrink_percent allows. It deletes only
a database with the name and the tag of a drill. A copy runs the schedules and subscriptions of the source:
give it a parameter group in which they are off, and a network from which it reaches nothing."
)]
pub(crate) struct DrillArgs {
    /// Environment variable that contains the database URL for counting rows
    #[arg(long, value_name = "NAME")]
    pub(crate) database_url_env: Option<String>,
    /// Connect with TLS and trust the certificates in this file; for RDS, AWS's global-bundle.pem
    #[arg(long, value_name = "FILE", requires = "database_url_env")]
    pub(crate) ca: Option<PathBuf>,
    /// Do not count rows; check only that the database answers
    #[arg(long)]
    pub(crate) without_rows: bool,
    /// Restore the snapshot of this day's receipts instead of the newest
    #[arg(long, value_name = "DAY", conflicts_with = "clean_up")]
    pub(crate) from_receipt: Option<Day>,
    /// Only delete the database of an interrupted drill
    #[arg(long, conflicts_with_all = ["parameter_group", "subnet_group", "security_group"])]
    pub(crate) clean_up: bool,
    #[command(flatten)]
    pub(crate) isolation: IsolationArgs,
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Show the last days and their tables, open incidents and redo requests, restore points and the measured
/// recovery time
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  landbridge status
  landbridge status --watch
  landbridge status --check || page-someone
  landbridge status --output json

With --check, the exit code is 1 if a person should look: the last day is not published or has gaps, an
incident is open (a notice does not count), or the newest drill failed.

{CREDENTIALS}"))]
pub(crate) struct StatusArgs {
    /// End with exit code 1 if a person should look
    #[arg(long)]
    pub(crate) check: bool,
    /// Show it again every 30 seconds, or every N, until Ctrl-C
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "30", conflicts_with = "check", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) watch: Option<u64>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Groups of a copy that must not act as its source does.
#[derive(Debug, Args)]
pub(crate) struct IsolationArgs {
    /// Parameter group of the copy, in place of the source's: one in which schedulers are off
    #[arg(long, value_name = "NAME")]
    pub(crate) parameter_group: Option<String>,
    /// Subnet group of the copy, in place of the source's
    #[arg(long, value_name = "NAME")]
    pub(crate) subnet_group: Option<String>,
    /// Security group of the copy, in place of the source's; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) security_group: Vec<String>,
}

impl IsolationArgs {
    /// The options of a plan with these groups.
    pub(crate) fn options(&self) -> RestoreOptions<'_> {
        RestoreOptions {
            public: false,
            drill: None,
            parameter_group: self.parameter_group.as_deref(),
            subnet_group: self.subnet_group.as_deref(),
            security_groups: &self.security_group,
        }
    }
}

/// Options that all restore commands have.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
