//! What the commands share that write requests for days: `redo` and `backfill`.

use jiff::Timestamp;
use landbridge_aws::Aws;
use landbridge_core::config::Config;
use landbridge_ledger::Ledger;

/// Where such a command works.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) config: &'a Config,
    pub(crate) aws: &'a Aws,
    pub(crate) ledger: &'a Ledger,
    pub(crate) now: Timestamp,
}
