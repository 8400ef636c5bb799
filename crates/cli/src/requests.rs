//! What commands share that look at days which are over: `redo`, `backfill`, `forget` and `retype`.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use landbridge_aws::Aws;
use landbridge_core::config::Config;
use landbridge_ledger::Ledger;
use landbridge_ledger::records::{self, CLAIMS, Claim};

use crate::failure::Result;

/// Claims that are read at the same time: they are small, and latency dominates.
const AT_ONCE: usize = 16;

/// Where such a command works.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) config: &'a Config,
    pub(crate) aws: &'a Aws,
    pub(crate) ledger: &'a Ledger,
    pub(crate) now: Timestamp,
}

/// The claims of all tables, by their names in BigQuery.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn read_claims(ledger: &Ledger) -> Result<BTreeMap<String, Claim>> {
    let ledger = &ledger.source();
    let names = ledger.names(CLAIMS).await?.into_keys();
    let claims: Vec<_> = futures::stream::iter(names)
        .map(|name| async move {
            let claim = ledger.value(&records::claim(&name)).await?;
            Ok::<_, landbridge_core::Error>(claim.map(|claim| (name, claim)))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(claims.into_iter().flatten().collect())
}
