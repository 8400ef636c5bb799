//! `landbridge receipt DAY --verify`: whether the receipts of a day are those that were published, by the chain of days and
//! its signatures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt};
use landbridge_aws::{Aws, kms};
use landbridge_cli_support::args::Output;
use landbridge_core::calendar::Day;
use landbridge_core::chain::{self, ChainFault, Link, LinkSignature};
use landbridge_core::config::Config;
use landbridge_ledger::records::{self, CHAIN, DAY, RECEIPTS};
use landbridge_ledger::{Ledger, SourceLedger};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::files;
use crate::render::{self, counted};

/// Records that are read at the same time: they are small, and latency dominates.
const AT_ONCE: usize = 16;

/// Where the public key comes from that the verifier trusts.
pub(crate) enum Trust<'a> {
    /// KMS, which is asked for the key of `proof.sign`.
    Kms,
    /// A file in PEM that the verifier kept.
    File(&'a Path),
    /// The records of the signatures themselves: the verifier compares the digest of the key that is printed.
    Recorded,
}

/// The result.
#[derive(Debug, Serialize)]
struct Report {
    day: Day,
    /// The newest link of the day.
    link: Option<u32>,
    receipts: usize,
    /// The link whose signature proves the day: its own, or a later one.
    signed_by_link: Option<u32>,
    /// The key of that signature.
    key: Option<String>,
    /// SHA-256 of its public key (DER).
    public_key_sha256: Option<String>,
    /// Where the public key comes from.
    public_key_from: &'static str,
    /// The numbers of the first and the last link.
    links: Option<(u32, u32)>,
    /// Links with a valid signature of the trusted key.
    signatures: usize,
    /// Links that are signed with another key, for example with a former one.
    signatures_of_other_keys: usize,
    /// The number and digest of the last link. Kept elsewhere, it shows whether links were taken off the end.
    head: Option<(u32, String)>,
    /// Earlier links of the day, with the names of the receipts that differ from the newest one.
    earlier: BTreeMap<u32, Vec<String>>,
    faults: Vec<ChainFault>,
}

/// Runs the command.
///
/// # Errors
/// `Failed` if something was changed; `Partly` if the day is linked and not signed; any error of the ledger or of KMS.
pub(crate) async fn run(
    config: &Config,
    aws: &Aws,
    day: Day,
    trust: Trust<'_>,
    format: Output,
) -> Result {
    let (trusted, from) = trusted_key(config, &trust).await?;
    let ledger = Ledger::for_operator(aws.s3.clone(), config);
    let source = ledger.source();
    let links = read(&source, CHAIN, records::link).await?;
    let signatures = read(&source, records::SIGNATURES, records::link_signature).await?;
    let mut report = report(&config.source.name, day, &links, &signatures, trusted.as_deref());
    report.public_key_from = from;
    match chain::newest(&links, day) {
        Some(link) => {
            let found = ledger.day(day).digests(RECEIPTS).await?;
            report.faults.extend(link.receipt_faults(&found));
        }
        None => report.faults.push(ChainFault::Unlinked { day }),
    }
    report.faults.extend(day_faults(&ledger, &links).await?);
    finish(&report, format)
}

/// The public key that the verifier trusts, DER in base64, and where it comes from. `None`: every recorded one.
async fn trusted_key(config: &Config, trust: &Trust<'_>) -> Result<(Option<String>, &'static str)> {
    let (key, from) = match trust {
        Trust::Recorded => return Ok((None, "the records of the signatures")),
        Trust::File(path) => (body_of_pem(&files::read(path, "--public-key")?)?, "--public-key"),
        Trust::Kms => {
            let key = config.proof.as_ref().and_then(|proof| proof.sign.as_deref());
            let key = key.ok_or_else(|| {
                Failure::Usage(
                    "landbridge.yaml has no `proof.sign`, so days are not signed; for days that were, give --public-key or --recorded-key"
                        .to_owned(),
                )
            })?;
            (kms::public_key(&config.source.region, key).await?, "KMS")
        }
    };
    let is_p256 = STANDARD.decode(&key).is_ok_and(|der| chain::p256_point(&der).is_some());
    if !is_p256 {
        return Err(Failure::Usage(
            "the public key is not one of a P-256 key (ECC_NIST_P256)".to_owned(),
        ));
    }
    Ok((Some(key), from))
}

async fn read<T: serde::de::DeserializeOwned>(
    source: &SourceLedger,
    folder: &str,
    name: impl Fn(u32) -> landbridge_ledger::name::SourceName<T>,
) -> Result<BTreeMap<u32, T>> {
    let numbers: Vec<u32> =
        source.names(folder).await?.keys().filter_map(|name| name.parse().ok()).collect();
    let name = &name;
    let all: Vec<(u32, Option<T>)> = futures::stream::iter(numbers)
        .map(|number| async move {
            Ok::<_, landbridge_core::Error>((number, source.value(&name(number)).await?))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(all.into_iter().filter_map(|(number, value)| Some((number, value?))).collect())
}

/// The faults of the chain and of its signatures, and which signature proves the day.
fn report(
    source: &str,
    day: Day,
    links: &BTreeMap<u32, Link>,
    signatures: &BTreeMap<u32, LinkSignature>,
    trusted: Option<&str>,
) -> Report {
    let is_trusted = |key: &str| trusted.is_none_or(|trusted| trusted == key);
    let signed = chain::signed(links, signatures, is_trusted, is_valid);
    let mut faults = chain::faults(links, source);
    faults.extend(signed.faults);
    let link = chain::newest(links, day);
    let proof = link.and_then(|link| signed.trusted.range(link.number..).next());
    let signature = proof.and_then(|number| signatures.get(number));
    let ends = links.keys().next().copied().zip(links.keys().next_back().copied());
    Report {
        day,
        link: link.map(|link| link.number),
        receipts: link.map_or(0, |link| link.receipts.len()),
        signed_by_link: proof.copied(),
        key: signature.map(|signature| signature.key.clone()),
        public_key_sha256: signature.and_then(|signature| sha256(&signature.public_key)),
        public_key_from: "",
        links: ends,
        signatures: signed.trusted.len(),
        signatures_of_other_keys: signed.other.len(),
        head: links.last_key_value().map(|(number, link)| (*number, link.digest())),
        earlier: chain::earlier(links, day),
        faults,
    }
}

/// Whether a signature is one of this public key over this message; both in base64.
fn is_valid(key: &str, message: &str, signature: &str) -> bool {
    let decoded = STANDARD.decode(key).ok().zip(STANDARD.decode(signature).ok());
    decoded.is_some_and(|(der, signature)| {
        chain::p256_point(&der).is_some_and(|point| {
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
            key.verify(message.as_bytes(), &signature).is_ok()
        })
    })
}

/// The SHA-256 of a public key in base64, as `openssl pkey -pubin -outform DER | sha256sum` prints it.
fn sha256(key: &str) -> Option<String> {
    let der = STANDARD.decode(key).ok()?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &der);
    Some(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Days of the chain that the ledger has no record of.
async fn day_faults(ledger: &Ledger, links: &BTreeMap<u32, Link>) -> Result<Vec<ChainFault>> {
    let days: BTreeSet<Day> = links.values().map(|link| link.day).collect();
    let found: BTreeMap<Day, bool> = futures::stream::iter(days)
        .map(|day| async move {
            let record = ledger.day(day).value(&DAY).await?;
            Ok::<_, landbridge_core::Error>((day, record.is_some()))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(chain::removed_days(&found))
}

fn finish(report: &Report, format: Output) -> Result {
    match format {
        Output::Json => render::json(report)?,
        Output::Text => render::print(&text(report))?,
    }
    if let Some(first) = report.faults.first() {
        return Err(Failure::Failed(format!(
            "the receipts of {} are not proven: {first}; compare older versions of the objects in the ledger's bucket (`aws s3api list-object-versions`)",
            report.day
        )));
    }
    if report.signed_by_link.is_none() {
        return Err(Failure::Partly(format!(
            "the receipts of {} are the ones of the chain, but neither its link nor a later one is signed; see the notices of `landbridge status`",
            report.day
        )));
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let mut text = match report.links {
        None => "chain: no link".to_owned(),
        Some((first, last)) => format!("chain: links {first} to {last}"),
    };
    let _ = write!(text, ", {} signed", report.signatures);
    if report.signatures_of_other_keys > 0 {
        let _ = write!(text, ", {} with another key", report.signatures_of_other_keys);
    }
    text.push('\n');
    if let Some((number, digest)) = &report.head {
        let _ = writeln!(text, "head: link {number}, SHA-256 {digest}");
    }
    if let Some(link) = report.link {
        let _ =
            writeln!(text, "{}: link {link}, {}", report.day, counted(report.receipts, "receipt"));
    }
    for (number, names) in &report.earlier {
        let _ = match names.as_slice() {
            [] => writeln!(text, "earlier: link {number}, with the same receipts"),
            names => {
                writeln!(text, "earlier: link {number}, with other receipts: {}", names.join(", "))
            }
        };
    }
    for fault in &report.faults {
        let _ = writeln!(text, "fault: {fault}");
    }
    if let (Some(number), Some(key), []) = (report.signed_by_link, &report.key, &*report.faults) {
        let _ = writeln!(text, "proven by the signature of link {number} with {key}");
        let digest = report.public_key_sha256.as_deref().unwrap_or_default();
        let _ = writeln!(text, "public key: SHA-256 {digest}, from {}", report.public_key_from);
    }
    text.truncate(text.trim_end().len());
    text
}

/// The base64 of a public key in PEM.
fn body_of_pem(pem: &str) -> Result<String> {
    let body = pem
        .split_once("-----BEGIN PUBLIC KEY-----")
        .and_then(|(_, rest)| rest.split_once("-----END PUBLIC KEY-----"))
        .map(|(body, _)| body.split_whitespace().collect::<String>());
    body.filter(|body| STANDARD.decode(body).is_ok()).ok_or_else(|| {
        Failure::Usage(
            "--public-key: the file is not a public key in PEM (`-----BEGIN PUBLIC KEY-----`)"
                .to_owned(),
        )
    })
}
