//! The chain of published days (`core::chain`), and its signatures. Only with `proof.sign`.
//!
//! The link is written before the day's record, so that a published day has one whatever happens between: a tick that died
//! after the link finds it. The signature comes after the day's record and stops nothing: a day that KMS did not sign is
//! published, a notice says so, and each later tick signs the newest link if it has no signature. It proves all links before.

use landbridge_aws::kms;
use landbridge_core::calendar::Day;
use landbridge_core::chain::{ALGORITHM, Link, LinkSignature};
use landbridge_core::plan::{DayPlan, Problem};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{self, CHAIN, RECEIPTS, SIGNATURES};
use landbridge_ledger::{DayLedger, SourceLedger, Written};

use crate::{Context, Tick, alert};

/// How many links are compared with the day: its own is the last one, unless other days were done again at the same time.
const LOOK_BACK: usize = 8;
/// How often a number is taken by another tick at most.
const ATTEMPTS: usize = 4;

/// Links a day that is about to be published. Idempotent: a day with the same receipts has one link. `redo` is the newest
/// request that its receipts answer.
///
/// # Errors
/// Any ledger error; [`ErrorKind::Conflict`] if other ticks take every number.
pub(super) async fn link(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    redo: u32,
    tick: Tick,
) -> Result<()> {
    if key(context).is_none() {
        return Ok(());
    }
    let chain = context.ledger.source();
    for _ in 0..ATTEMPTS {
        let last = last(&chain, CHAIN).await?;
        // After the number: a tick whose link has this number or a later one read receipts that are as new as these,
        // or makes the creation below fail.
        let receipts = ledger.digests(RECEIPTS).await?;
        let mut previous = String::new();
        for number in (1..=last).rev().take(LOOK_BACK) {
            let Some(link) = chain.value(&records::link(number)).await? else { continue };
            if link.day == plan.day && link.redo == redo && link.receipts == receipts {
                return Ok(());
            }
            if number == last {
                previous = link.digest();
            }
        }
        let link = Link {
            number: last.saturating_add(1),
            previous,
            source: plan.source.clone(),
            day: plan.day,
            redo,
            receipts,
            linked_at: tick.now,
        };
        if chain.create(&records::link(link.number), &link).await? == Written::Yes {
            return Ok(());
        }
    }
    Err(Error::new(
        ErrorKind::Conflict,
        "the chain of days cannot be continued, because other ticks continue it",
        chain.location(CHAIN),
    ))
}

/// Has the newest link signed, if it has no signature. Idempotent: of two signatures of one link, the first is kept. `day`
/// is the published day of this tick, for the notice.
///
/// # Errors
/// Any ledger error. That KMS does not sign is no error.
pub(super) async fn sign(context: &Context, day: Day) -> Result<()> {
    let Some(key) = key(context) else { return Ok(()) };
    let chain = context.ledger.source();
    let number = last(&chain, CHAIN).await?;
    if number == 0 || last(&chain, SIGNATURES).await? >= number {
        return Ok(());
    }
    let Some(link) = chain.value(&records::link(number)).await? else { return Ok(()) };
    match signature(&context.config.source.region, key, &link).await {
        Ok(signature) => {
            chain.create(&records::link_signature(number), &signature).await?;
            tracing::info!(link = number, day = %link.day, "the receipts are signed");
            Ok(())
        }
        Err(error) => {
            let problem = Problem::notice(
                "a day is published, and its receipts are not signed",
                error.to_string(),
                "see that the function `load` may use the key of `proof.sign`; its next tick signs",
            );
            alert::notice(&chain, &problem, "unsigned", day).await
        }
    }
}

async fn signature(region: &str, key: &str, link: &Link) -> Result<LinkSignature> {
    let signed = kms::sign(region, key, &link.message()).await?;
    // By the key's ARN: an alias may name another key by now.
    let public_key = kms::public_key(region, &signed.key).await?;
    Ok(LinkSignature {
        number: link.number,
        key: signed.key,
        public_key,
        algorithm: ALGORITHM.to_owned(),
        signature: signed.signature,
    })
}

/// The key of `proof.sign`.
fn key(context: &Context) -> Option<&str> {
    context.config.proof.as_ref().and_then(|proof| proof.sign.as_deref())
}

/// The highest number of the records in a folder; 0 if there is none.
async fn last(chain: &SourceLedger, folder: &str) -> Result<u32> {
    let names = chain.names(folder).await?;
    Ok(names.keys().filter_map(|name| name.parse().ok()).max().unwrap_or(0))
}
