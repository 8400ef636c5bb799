//! The options of the restore commands.

use clap::{ArgGroup, Args};
use landbridge_core::calendar::Day;
use std::path::PathBuf;

use landbridge_cli_support::args::{ConfigArgs, OutputArgs};

const CREDENTIALS: &str = "\
Credentials and region come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env";

/// List restore points: age, size, what made them, whether pinned
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  landbridge snapshots
  landbridge snapshots --at '2026-11-21 14:00'
  landbridge snapshots --output json

{CREDENTIALS}"))]
pub(crate) struct SnapshotsArgs {
    /// Only the point that a restore to this instant would take
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// The zone of --at [default: schedule.zone of the configuration]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Keep a snapshot: thinning leaves it alone until it is unpinned
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge pin landbridge-shop-20261121t0500z --why 'before the migration'")]
pub(crate) struct PinArgs {
    /// The snapshot's id
    pub(crate) snapshot: String,
    /// What it is kept for; shown in the list
    #[arg(long, value_name = "TEXT", default_value = "pinned")]
    pub(crate) why: String,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Let a snapshot be thinned again
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
  landbridge restore --at '2026-11-21 14:00' --as shop-restored --dry-run
  landbridge restore --at '2026-11-21 14:00' --as shop-restored
  landbridge restore --from-receipt 2026-11-21 --as shop-restored
  landbridge restore --pitr '2026-11-21 14:37' --as shop-restored
  landbridge restore --as shop-restored --swap
  landbridge restore --as shop-restored --swap --undo

Nothing of the source is touched, swaps apart. The same command again goes on where it was
interrupted. The runbook: docs/runbooks/restore.md

{CREDENTIALS}")
)]
pub(crate) struct RestoreArgs {
    /// From the newest snapshot at or before this instant
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// The zone of --at and --pitr [default: schedule.zone of the configuration]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// From this snapshot
    #[arg(long, value_name = "ID")]
    pub(crate) snapshot: Option<String>,
    /// From the newest snapshot
    #[arg(long)]
    pub(crate) latest: bool,
    /// From the snapshot that this day in BigQuery came from
    #[arg(long, value_name = "DAY")]
    pub(crate) from_receipt: Option<Day>,
    /// From the source's logs, up to this instant or `latest`
    #[arg(long, value_name = "TIME")]
    pub(crate) pitr: Option<String>,
    /// Swap names with the source: the restored database takes over its endpoint
    #[arg(long, conflicts_with_all = ["public"])]
    pub(crate) swap: bool,
    /// With --swap: change the names back
    #[arg(long, requires = "swap")]
    pub(crate) undo: bool,
    /// Name of the restored instance or cluster
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) target: String,
    /// Let it be reachable from the internet; otherwise it never is
    #[arg(long)]
    pub(crate) public: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Restore the newest snapshot to a throw-away database, check it, time it, delete it
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("rows").args(["database_url_env", "without_rows", "clean_up"]).required(true)),
    after_help = "\
Examples:
  SHOP_URL=postgres://reader:secret@any/shop landbridge drill --database-url-env SHOP_URL
  SHOP_URL=mysql://reader:secret@any/shop landbridge drill --database-url-env SHOP_URL
  landbridge drill --database-url-env SHOP_URL --ca global-bundle.pem
  landbridge drill --without-rows
  landbridge drill --clean-up

Of the URL, user, password and database are used; host and port are the throw-away
database's. Rows are counted against the newest day's receipts: equal when the day came from the
very snapshot, else not fewer than checks.max_shrink_percent allows. Only databases that carry
the tag of a drill are ever deleted."
)]
pub(crate) struct DrillArgs {
    /// Name of the environment variable with the URL for counting rows
    #[arg(long, value_name = "NAME")]
    pub(crate) database_url_env: Option<String>,
    /// Connect by TLS, trusting the certificates of this file; of RDS: AWS's global-bundle.pem
    #[arg(long, value_name = "FILE", requires = "database_url_env")]
    pub(crate) ca: Option<PathBuf>,
    /// Do not count rows: only that the database answers is checked
    #[arg(long)]
    pub(crate) without_rows: bool,
    /// From the snapshot of this day's receipts
    #[arg(long, value_name = "DAY", conflicts_with = "clean_up")]
    pub(crate) from_receipt: Option<Day>,
    /// Only delete what an interrupted drill left
    #[arg(long)]
    pub(crate) clean_up: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Where things stand: last day, restore points, measured recovery time, held tables
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  landbridge status
  landbridge status --output json

{CREDENTIALS}"))]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Options that all restore commands have.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
