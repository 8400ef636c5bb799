//! The order of contracts: which of two deployments is newer.
//!
//! A process keeps the contract that it started with. After another contract is deployed, a tick
//! that began earlier may still be running for as long as Lambda lets it (15 minutes). It must not
//! undo what the newer contract has closed. So the newest number is recorded in the ledger before
//! the tags of any table follow it, and whoever is about to open a column or to insert a load job
//! reads the number again after recording what it is going to do.

use landbridge_core::config::Config;
use landbridge_core::contract::Contract;
use landbridge_core::diff::PolicyTags;
use landbridge_core::ids::short_hash;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{CONTRACT, ContractRecord};
use landbridge_ledger::{Recorded, SourceLedger, Written};

use crate::{Context, Tick};

/// The contract that a process was deployed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Milliseconds since 1970: a newer deployment has a higher number.
    pub number: i64,
    /// Digest of the contract, the classes, the dataset and the policy tags.
    pub digest: String,
    /// Whether the number was in the future when this process started. Recorded, it would make
    /// every later deployment look older until then.
    pub is_in_future: bool,
}

/// The time that a deployment's number is.
pub(crate) fn time_of(number: i64) -> String {
    jiff::Timestamp::from_millisecond(number)
        .map_or_else(|_| number.to_string(), |time| time.to_string())
}

/// Which contract is newer.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// This process has the newest contract; this is its record.
    Newest(Recorded<ContractRecord>),
    /// A newer contract is recorded.
    Older(ContractRecord),
}

impl Deployment {
    /// The deployment with this number.
    pub fn new(number: i64, config: &Config, contract: &Contract, tags: &PolicyTags) -> Self {
        let all = (contract, &config.pii, &config.warehouse, tags);
        let text = serde_json::to_string(&all).expect("structs of names and numbers are JSON");
        Self { number, digest: short_hash(&text), is_in_future: false }
    }

    /// The number as a time.
    pub(crate) fn time(&self) -> String {
        time_of(self.number)
    }

    /// Whether the record is this deployment's.
    pub(crate) fn is(&self, record: &ContractRecord) -> bool {
        (record.number, &record.digest) == (self.number, &self.digest)
    }

    /// Whether the record is a newer deployment's. Two deployments of the same moment are ordered
    /// by their digests, so that every process comes to the same result.
    fn is_older_than(&self, record: &ContractRecord) -> bool {
        (self.number, &self.digest) < (record.number, &record.digest)
    }
}

/// Records this process's contract as the newest one, unless a newer one is recorded. Idempotent.
///
/// # Errors
/// [`ErrorKind::Config`] if the number was in the future when the process started;
/// Any ledger error; [`ErrorKind::Transient`] if other ticks replace the record all the time.
pub(crate) async fn register(context: &Context, tick: Tick) -> Result<Order> {
    let ledger = context.ledger.source();
    if context.deployment.is_in_future {
        return Err(Error::new(
            ErrorKind::Config,
            "the time of the deployment is in the future, so its contract is not applied; correct the clock of the machine that deploys, and deploy again",
            format!("LANDBRIDGE_DEPLOYED_AT is {}", context.deployment.time()),
        ));
    }
    for _ in 0..8 {
        let found = ledger.get(&CONTRACT).await?;
        match &found {
            Some(found) if context.deployment.is_older_than(&found.value) => {
                return Ok(Order::Older(found.value.clone()));
            }
            Some(found) if context.deployment.is(&found.value) => {
                return Ok(Order::Newest(found.clone()));
            }
            _ => {}
        }
        let record = ContractRecord {
            number: context.deployment.number,
            digest: context.deployment.digest.clone(),
            recorded_at: tick.now,
            applied: false,
            checked_on: None,
        };
        let written = match found {
            Some(found) => ledger.replace(&CONTRACT, &found.etag, &record).await?,
            None => ledger.create(&CONTRACT, &record).await?,
        };
        if written == Written::Yes {
            tracing::info!(number = record.number, digest = record.digest, "contract recorded");
        }
    }
    Err(Error::new(
        ErrorKind::Transient,
        "the record of the newest contract changes all the time",
        ledger.location(CONTRACT.path()),
    ))
}

/// Whether this process still has the newest contract. Called before every change that can open a
/// column, after the change is recorded: see the module's description.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn is_newest(context: &Context, ledger: &SourceLedger) -> Result<bool> {
    let recorded = ledger.value(&CONTRACT).await?;
    Ok(recorded.is_none_or(|recorded| !context.deployment.is_older_than(&recorded)))
}
