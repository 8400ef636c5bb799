//! The AWS side: conditional writes below a scratch prefix, and what can be read of the account's snapshots and of a
//! finished export. Of an export it reads names, sizes, manifests and footers; it reads no row.
//!
//! | module | responsibility |
//! |---|---|
//! | here | a run, and the claims that can be read from RDS |
//! | `writes` | conditional writes and reads below the scratch prefix |
//! | `sign` | signatures of KMS |
//! | `rights` | rights on the keys, by IAM's policy simulator |
//! | `export` | a finished export: keys, manifests, footers |
//! | `types` | a finished export: the types in its manifests and footers |

mod export;
mod rights;
mod sign;
mod types;
mod writes;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use landbridge_aws::inspect::Inspector;
use landbridge_aws::rds::{ExportStatus, ExportTask};
use landbridge_aws::{Aws, S3};
use landbridge_core::{Error, ErrorKind, Result};

use crate::google::Run;
use crate::report::{Finding, Probed, Report, Shape, Stop, seen};

/// Where a run probes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bucket of exports and ledger.
    pub bucket: String,
    /// The database whose snapshots are looked at.
    pub source: String,
    /// The key prefix of a finished export, with its id: `<prefix>/<export id>`; `None`: none is looked at.
    pub export: Option<String>,
    /// The region of source, bucket and signing key.
    pub region: String,
    /// The key of `proof.sign`, which signs two generated texts; `None`: nothing is signed.
    pub signing_key: Option<String>,
    /// The ARN of the role that RDS assumes to write an export.
    pub export_role: String,
    /// The key that encrypts exports.
    pub export_key: String,
    /// The prefix of all exports, without a slash at its end; empty for none.
    pub export_prefix: String,
    /// The name of the source, which the names of the functions' roles contain.
    pub source_name: String,
    /// Whether objects may be written below [`PREFIX`](crate::google::PREFIX).
    pub writes: bool,
}

impl Options {
    /// The ARN of a function's role, in the account of the role of the export.
    fn function_role(&self, function: &str) -> String {
        let account = self.export_role.split_once(":role/").map_or("", |(before, _)| before);
        format!("{account}:role/landbridge-{}-{function}", self.source_name)
    }
}

/// Each claim that this side probes.
pub const CLAIMS: &[&str] = &[
    "export-columns-optional",
    "export-complete-has-manifests",
    "export-empty-row-groups",
    "export-empty-table",
    "export-encodings",
    "export-layout",
    "export-manifest-names",
    "export-manifest-shape",
    "export-manifest-types",
    "export-mysql-types",
    "export-names-in-keys",
    "export-postgres-text",
    "export-role-s3-actions",
    "export-skipped-in-manifest",
    "export-status-values",
    "export-success-marker",
    "export-tasks-stay-listed",
    "export-warning-message",
    "kms-export-rights",
    "kms-sign-raw-p256",
    "kms-sign-rights",
    "rds-automated-snapshot-exports",
    "rds-snapshot-list-has-tags",
    "rds-snapshot-quota",
    "s3-bucket-key-of-exports",
    "s3-create-if-none-match",
    "s3-etag-follows-content",
    "s3-get-if-match",
    "s3-put-whole",
    "s3-read-after-write",
    "s3-replace-if-match",
];

/// An error of a call that prepares a probe. Its text may contain names, so only its kind is said.
pub(super) fn failed(what: &'static str) -> impl Fn(Error) -> Stop {
    move |error| {
        Stop::failed(Shape::of(what).and(match error.kind() {
            ErrorKind::Denied => "access was denied",
            ErrorKind::NotFound => "it does not exist",
            ErrorKind::Conflict => "it has changed",
            ErrorKind::Corrupt => "its content is not valid",
            ErrorKind::Transient | ErrorKind::Throttled => "AWS did not answer",
            _ => "AWS refused it",
        }))
    }
}

/// Runs the probes, and deletes every object that the run wrote, also if `interrupt` ends first: then the rest
/// of the claims is not tested.
///
/// # Errors
/// [`ErrorKind::Transient`] if the operating system gives no random bytes.
pub async fn run(
    aws: &Aws,
    options: &Options,
    now: Timestamp,
    interrupt: impl Future<Output = ()>,
) -> Result<Report> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|_| {
        Error::new(ErrorKind::Transient, "the operating system gives no random bytes", "probe")
    })?;
    let run = Run::new(now, u32::from_be_bytes(random));
    let mut findings = Vec::new();
    tokio::select! {
        () = probe_all(aws, options, now, &run, &mut findings) => {}
        () = interrupt => {}
    }
    let cleaned_up =
        !options.writes || delete(&aws.s3, &options.bucket, &run.prefix()).await.is_ok();
    for claim in CLAIMS {
        if !findings.iter().any(|it: &Finding| it.claim == *claim) {
            let stop = Stop::failed(Shape::of("the run was interrupted"));
            findings.push(Finding::new(claim, Err(stop)));
        }
    }
    Ok(Report::new("aws", findings, cleaned_up))
}

async fn probe_all(
    aws: &Aws,
    options: &Options,
    now: Timestamp,
    run: &Run,
    findings: &mut Vec<Finding>,
) {
    findings.push(Finding::new("rds-snapshot-quota", quota(aws).await));
    findings.push(Finding::new("rds-automated-snapshot-exports", automated(aws, options).await));
    findings.push(Finding::new("rds-snapshot-list-has-tags", tags(aws, options).await));
    let tasks = aws.rds.export_tasks().await.map_err(failed("the export tasks were not listed"));
    findings.push(Finding::new(
        "export-status-values",
        tasks.clone().and_then(|tasks| {
            let unknown = tasks.iter().filter(|it| it.status == ExportStatus::Unknown).count();
            match tasks.is_empty() {
                true => Err(Stop::skipped("the account has no export tasks")),
                false => seen(
                    unknown == 0,
                    Shape::default()
                        .number(tasks.len() as u64, "tasks")
                        .number(unknown as u64, "unknown states"),
                ),
            }
        }),
    ));
    findings.push(Finding::new(
        "export-tasks-stay-listed",
        stay_listed(aws, options, now, tasks.clone()).await,
    ));
    let client = Inspector::from_env(&options.region).await;
    let client = client.as_ref().map_err(|_| Stop::failed(Shape::of("no credentials were found")));
    let rights = rights::export(client.clone(), options, tasks.clone()).await;
    findings.push(Finding::new("kms-export-rights", rights));
    let rights = rights::objects(client.clone(), options, tasks).await;
    findings.push(Finding::new("export-role-s3-actions", rights));
    findings.push(Finding::new("kms-sign-rights", rights::sign(client, options).await));
    findings.push(Finding::new("kms-sign-raw-p256", sign::probe(options).await));
    writes::probe(&aws.s3, options, run, findings).await;
    export::probe(aws, options, findings).await;
}

/// Whether tasks are described that ended more than a day ago: the one of `--export` by its id, or any.
async fn stay_listed(
    aws: &Aws,
    options: &Options,
    now: Timestamp,
    tasks: Result<Vec<ExportTask>, Stop>,
) -> Probed {
    let is_old = |ended: Timestamp| now.duration_since(ended) > SignedDuration::from_hours(24);
    if let Some((id, ended)) = export::ended(aws, options).await
        && is_old(ended)
    {
        let task = aws.rds.export_task(&id).await.map_err(failed("the task was not described"))?;
        let (is_described, shape) = match task {
            Some(_) => (true, "the task of the export is described"),
            None => (false, "the task of the export is not described"),
        };
        return seen(is_described, Shape::of(shape));
    }
    match tasks?.iter().filter(|it| it.ended.is_some_and(is_old)).count() as u64 {
        0 => Err(Stop::skipped("no task that ended more than a day ago is listed; none may exist")),
        old => seen(true, Shape::default().number(old, "tasks that ended more than a day ago")),
    }
}

async fn quota(aws: &Aws) -> Probed {
    let quota = aws.rds.snapshot_quota().await.map_err(failed("the quota was not read"))?;
    match quota {
        Some(quota) => seen(quota.max > 0, Shape::default().number(quota.max, "snapshots allowed")),
        None => seen(false, Shape::of("the quota is not reported")),
    }
}

async fn automated(aws: &Aws, options: &Options) -> Probed {
    let all = aws.rds.automated_snapshots(&options.source).await;
    let all = all.map_err(failed("the automated snapshots were not listed"))?;
    if all.is_empty() {
        return Err(Stop::skipped("the source has no automated snapshots"));
    }
    let start = format!("rds:{}-", options.source.to_ascii_lowercase());
    let in_form = all.iter().filter(|it| it.id.strip_prefix(&start).is_some_and(is_minute)).count();
    let shape = Shape::default().number(all.len() as u64, "automated snapshots");
    seen(in_form == all.len(), shape.number(in_form as u64, "ids in the form"))
}

/// How many snapshots' tags are read one by one.
const TAGS_READ: usize = 10;

async fn tags(aws: &Aws, options: &Options) -> Probed {
    let listed = aws.rds.listed_tags(&options.source).await;
    let listed = listed.map_err(failed("the manual snapshots were not listed"))?;
    let mut all = Vec::new();
    for (arn, listed) in listed.into_iter().take(TAGS_READ) {
        let read = aws.rds.tags(&arn).await.map_err(failed("the tags were not read"))?;
        all.push((listed, read));
    }
    compared(&all)
}

/// Compares what a listing and a call for each snapshot say of its tags.
fn compared<T: PartialEq>(all: &[(Vec<T>, Vec<T>)]) -> Probed {
    let tagged = all.iter().filter(|(_, read)| !read.is_empty()).count();
    if tagged == 0 {
        return Err(Stop::skipped("the source has no manual snapshot with tags"));
    }
    let equal = all.iter().filter(|(listed, read)| listed == read).count();
    let shape = Shape::default().number(tagged as u64, "snapshots with tags");
    let shape = shape.number(equal as u64, "listings with the same tags as the snapshot");
    seen(equal == all.len(), shape)
}

/// Whether a text has the form `YYYY-MM-DD-hh-mm`.
fn is_minute(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [4, 2, 2, 2, 2] && text.chars().all(|c| c == '-' || c.is_ascii_digit())
}

/// Deletes all objects below a prefix of a run. Idempotent.
async fn delete(s3: &S3, bucket: &str, prefix: &str) -> Result<()> {
    for object in s3.list(bucket, prefix).await? {
        s3.delete(bucket, &object.key).await?;
    }
    Ok(())
}

/// The objects that runs left in a bucket.
///
/// # Errors
/// Any S3 error.
pub async fn find_leftovers(s3: &S3, bucket: &str) -> Result<Vec<String>> {
    let all = s3.list(bucket, crate::google::PREFIX).await?;
    Ok(all.into_iter().map(|it| it.key).filter(|key| Run::of_object(key).is_some()).collect())
}

/// Deletes what [`find_leftovers`] found. Idempotent.
///
/// # Errors
/// Any S3 error.
pub async fn delete_leftovers(s3: &S3, bucket: &str, keys: &[String]) -> Result<()> {
    for key in keys {
        s3.delete(bucket, key).await?;
    }
    Ok(())
}

/// Generated content of an object.
pub(super) fn content(number: u64) -> Bytes {
    Bytes::from(format!("generated by landbridge probe, {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_without_the_tags_of_a_snapshot_contradicts_the_claim() {
        let (tags, none) = (vec!["a"], Vec::new());
        let holds = |all: &[(Vec<&str>, Vec<&str>)]| compared(all).map(|it| it.holds).ok();
        assert_eq!(
            holds(&[(tags.clone(), tags.clone()), (none.clone(), none.clone())]),
            Some(true)
        );
        assert_eq!(holds(&[(tags.clone(), tags.clone()), (none.clone(), tags)]), Some(false));
        assert_eq!(holds(&[(none.clone(), none)]), None, "nothing was seen");
    }

    #[test]
    fn ids_of_automated_snapshots_end_with_a_minute() {
        for (text, is_in_form) in [
            ("2026-11-21-01-00", true),
            ("2026-11-21", false),
            ("2026-11-21-01-0x", false),
            ("mine", false),
        ] {
            assert_eq!(is_minute(text), is_in_form, "{text}");
        }
    }
}
