//! The Google side: a scratch dataset, a taxonomy and a prefix of a bucket, with generated rows only.
//!
//! | module | responsibility |
//! |---|---|
//! | here | a run: plan, probes, cleaning up |
//! | `names` | the names of scratch resources |
//! | `scratch` | creating, finding and deleting them |
//! | `lab` | the calls with which probes look |
//! | `files` | Parquet files of generated rows |
//! | `masks_by_type` | the table with every rule on every type |
//! | `federation` | the probes of AWS roles that ask for tokens |
//! | `rights` | the rights that a call needs |
//! | `cache`, `jobs`, `load`, `masks`, `merge`, `messages`, `modified`, `storage`, `tables`, `time`, `views` | the other probes |

mod cache;
mod federation;
mod files;
mod jobs;
mod lab;
mod load;
mod masks;
mod masks_by_type;
mod merge;
mod messages;
mod modified;
mod names;
mod partitions;
mod rights;
mod row_access;
mod scratch;
mod storage;
mod tables;
mod time;
mod views;

use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use jiff::Timestamp;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::raw::Raw;

pub use federation::FederationOptions;
pub use names::{LABEL, MARKER, PREFIX, Run};
pub use scratch::Leftovers;

use crate::report::{Finding, Probed, Report, Shape, Stop};
use lab::Lab;
use masks::Tags;

/// Where and as whom a run probes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The project of dataset, taxonomy and jobs.
    pub project: String,
    /// The location of dataset and taxonomy; the bucket must be in it too.
    pub location: String,
    /// The bucket for generated files.
    pub bucket: String,
    /// The service account that becomes a masked reader of the run's tags.
    pub masked_reader: Option<String>,
    /// The service account that becomes a plain reader of the run's tags.
    pub plain_reader: Option<String>,
    /// The provider and the AWS roles whose federation is probed; `None`: it is not.
    pub federation: Option<FederationOptions>,
    /// How long the run waits for something that takes effect later.
    pub patience: Duration,
    /// The only claims to probe; empty: all.
    pub claims: Vec<String>,
}

type Probe = for<'a> fn(&'a Lab, &'a Tags) -> LocalBoxFuture<'a, Probed>;

/// A probe that uses no tags.
macro_rules! plain {
    ($probe:path) => {
        |lab, _| $probe(lab).boxed_local()
    };
}

/// A probe that uses the run's tags.
macro_rules! tagged {
    ($probe:path) => {
        |lab, tags| $probe(lab, tags).boxed_local()
    };
}

/// Each claim of `docs/claims.md` that this side probes, with its probe.
const PROBES: &[(&str, Probe)] = &[
    ("access-list-entries-are-roles", plain!(rights::access_list_roles)),
    ("column-name-rules", plain!(load::name_rules)),
    ("column-named-as-its-table", plain!(views::column_named_as_table)),
    ("data-policy-id", tagged!(masks::policy_ids)),
    ("delete-reads-its-condition", tagged!(merge::delete_by_untagged)),
    ("dml-needs-plain-rights", tagged!(masks::dml_needs_plain)),
    ("federated-principals-everywhere", tagged!(federation::principals)),
    ("gcs-consistent", plain!(storage::consistent)),
    ("gcs-crc32c", plain!(storage::crc32c)),
    ("gcs-create-if-absent", plain!(storage::create_if_absent)),
    ("gcs-create-refused-412-or-403", plain!(storage::create_refused)),
    ("gcs-resumable-quantum", plain!(storage::quantum)),
    ("gcs-upload-whole", plain!(storage::upload_whole)),
    ("job-configuration-read-back", plain!(jobs::configuration_read_back)),
    ("job-done-with-error", plain!(jobs::done_with_error)),
    ("job-error-messages", plain!(messages::known_forms)),
    ("job-id-once", plain!(jobs::id_once)),
    ("job-id-shared-by-kinds", plain!(jobs::id_shared_by_kinds)),
    ("job-rows-reported", plain!(jobs::rows_reported)),
    ("job-visible-at-once", plain!(jobs::visible_at_once)),
    ("jobs-list-names-what-was-read", plain!(jobs::list_names_tables)),
    ("load-atomic", plain!(load::atomic)),
    ("load-bare-repeated-leaf", plain!(load::bare_repeated_leaf)),
    ("load-datetime", plain!(load::datetime)),
    ("load-decimal-38-10", plain!(load::decimals)),
    ("load-enum-is-bytes", plain!(load::enum_is_bytes)),
    ("load-flexible-names", plain!(load::flexible_names)),
    ("load-job-ends-after-table-modified", plain!(modified::before_job_ends)),
    ("load-missing-column-null", plain!(load::missing_column)),
    ("load-no-coercion", plain!(load::no_coercion)),
    ("load-no-fine-grained-reader", tagged!(tables::no_fine_grained_reader)),
    ("load-objects-per-job", plain!(load::objects_per_job)),
    ("load-required-refused", plain!(load::required_refused)),
    ("load-same-column-order", plain!(load::column_order)),
    ("load-schema-without-tags", tagged!(rights::schema_without_tags)),
    ("load-time", plain!(load::time)),
    ("load-timestamp-units", plain!(load::timestamp_units)),
    ("load-truncate-data-keeps-row-access", plain!(load::keeps_row_access)),
    ("load-truncate-data-keeps-schema", plain!(load::keeps_schema)),
    ("load-truncate-data-keeps-tags", tagged!(tables::truncate_data_keeps_tags)),
    ("load-truncate-data-one-partition", plain!(partitions::one_partition)),
    ("load-truncate-drops-tags", tagged!(tables::truncate_drops_tags)),
    ("load-unknown-column-refused", plain!(load::unknown_column)),
    ("load-zero-rows", plain!(load::zero_rows)),
    ("mask-arrays", tagged!(masks::arrays)),
    ("mask-before-everything", tagged!(masks::before_everything)),
    ("mask-default-values", tagged!(masks::default_values)),
    ("mask-not-on-partitions", tagged!(cache::clustering_column)),
    ("mask-rules", tagged!(masks::rules)),
    ("mask-wrong-type-fails", tagged!(masks::wrong_type)),
    ("masked-reader-needs-plain-access", tagged!(masks::list_needs_plain)),
    ("masked-reader-on-policy", tagged!(masks::only_its_policy)),
    ("merge-from-external-table", tagged!(merge::from_files)),
    ("neither-role-refused", tagged!(masks::neither_role)),
    ("patch-adds-tagged-column", tagged!(tables::adds_tagged_column)),
    ("patch-description-alone", tagged!(tables::description_alone)),
    ("patch-empty-tags-clear", tagged!(tables::empty_tags_clear)),
    ("patch-if-match", plain!(tables::patch_if_match)),
    ("patch-label-changes-etag", plain!(tables::label_changes_etag)),
    ("patch-named-tags-stay", tagged!(tables::named_tags_stay)),
    ("patch-returns-the-table", plain!(modified::patch_answers_it)),
    ("policy-change-delay", tagged!(masks::change_delay)),
    ("policy-etag-conflict", tagged!(masks::etag_conflict)),
    ("provider-mapping-and-condition", plain!(federation::condition)),
    ("query-cache", tagged!(cache::ended_by_a_change)),
    ("receipts-append-once", plain!(jobs::append_once)),
    ("result-without-tags", tagged!(masks::result_without_tags)),
    ("row-access-ends-time-travel", plain!(time::row_access_ends_it)),
    ("row-access-list", plain!(time::list_filter)),
    ("sts-aws-request", plain!(federation::aws_request)),
    ("sts-role-mapping", plain!(federation::role_mapping)),
    ("sts-token-lifetime", plain!(federation::lifetime)),
    ("table-modified-by-every-write", tagged!(modified::by_every_write)),
    ("table-names-case-sensitive", plain!(tables::names_case_sensitive)),
    ("table-not-found-text", plain!(tables::not_found_text)),
    ("table-read-own-write", plain!(tables::read_own_write)),
    ("table-update-rate", plain!(tables::update_rate)),
    ("tag-delete-opens", tagged!(masks::deletion_opens)),
    ("tag-in-force-at-once", tagged!(masks::in_force_at_once)),
    ("tag-name-with-number", tagged!(tables::tag_named_by_number)),
    ("tag-needs-set-category", tagged!(rights::tag_needs_set_category)),
    ("tag-needs-taxonomy-get", tagged!(rights::tag_needs_taxonomy_get)),
    ("tag-one-per-column", tagged!(tables::one_tag)),
    ("taxonomy-enforced-by-policy", tagged!(masks::enforced_by_policy)),
    ("time-travel-current-tags", tagged!(time::current_tags)),
    ("time-travel-other-schema", plain!(time::other_schema)),
    ("time-travel-window", plain!(time::window)),
    ("view-authorisation-lost", plain!(views::authorisation)),
    ("view-create-needs-get-data", tagged!(views::made_by_masked_reader)),
    ("view-descriptions-stay", plain!(views::descriptions)),
    ("view-only-read-columns", tagged!(views::only_read_columns)),
    ("view-tags-of-reader", tagged!(views::tags_of_reader)),
];

/// The claims that this side probes.
pub fn claims() -> Vec<&'static str> {
    PROBES.iter().map(|(claim, _)| *claim).collect()
}

/// Runs the probes, and deletes everything that the run created, also if `interrupt` ends first: then the rest
/// of the claims is not tested. `progress` gets the number of claims that are done, and of all.
///
/// # Errors
/// [`ErrorKind::Denied`] or another kind if the scratch dataset cannot be created or an account not be
/// impersonated; [`ErrorKind::Config`] for a claim that has no probe.
pub async fn run(
    api: Raw,
    options: Options,
    now: Timestamp,
    interrupt: impl Future<Output = ()>,
    progress: impl Fn(usize, usize),
) -> Result<Report> {
    let unknown = options.claims.iter().find(|it| !claims().contains(&it.as_str()));
    if let Some(claim) = unknown {
        return Err(Error::new(ErrorKind::Config, "no probe covers this claim", claim)
            .caused_by("docs/claims.md says which claims have a probe"));
    }
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|_| {
        Error::new(ErrorKind::Transient, "the operating system gives no random bytes", "probe")
    })?;
    let run = Run::new(now, u32::from_be_bytes(random));
    let mut lab = Lab::new(api, options, run);
    let prepared = async {
        lab.impersonate().await?;
        lab.create_dataset().await
    };
    let prepared = prepared.await;
    let mut findings = Vec::new();
    if prepared.is_ok() {
        tokio::select! {
            () = probe_all(&lab, &mut findings, &progress) => {}
            () = interrupt => {}
        }
    }
    let cleaned_up = clean_up(&lab).await;
    if let Err(stop) = prepared {
        let kind =
            if stop.why.as_str().contains("403") { ErrorKind::Denied } else { ErrorKind::Rejected };
        return Err(Error::new(kind, "the probe cannot start", "scratch resources")
            .caused_by(stop.why.as_str().to_owned()));
    }
    for (claim, _) in PROBES.iter().filter(|(claim, _)| is_wanted(&lab.options, claim)) {
        if !findings.iter().any(|it: &Finding| it.claim == *claim) {
            let stop = Stop::failed(Shape::of("the run was interrupted"));
            findings.push(Finding::new(claim, Err(stop)));
        }
    }
    Ok(Report::new("google", findings, cleaned_up))
}

fn is_wanted(options: &Options, claim: &str) -> bool {
    options.claims.is_empty() || options.claims.iter().any(|it| it == claim)
}

async fn probe_all(lab: &Lab, findings: &mut Vec<Finding>, progress: &impl Fn(usize, usize)) {
    let wanted: Vec<_> =
        PROBES.iter().filter(|(claim, _)| is_wanted(&lab.options, claim)).collect();
    let tags = Tags::create(lab).await;
    for (number, (claim, probe)) in wanted.iter().enumerate() {
        progress(number, wanted.len());
        findings.push(Finding::new(claim, probe(lab, &tags).await));
    }
}

/// Deletes what the run created; `false` if something may be left.
async fn clean_up(lab: &Lab) -> bool {
    let is_own = |run: &Run| *run == lab.run;
    let cleaned = async {
        let found = lab.leftovers(is_own).await?;
        lab.delete(&found).await?;
        Ok::<bool, Stop>(lab.leftovers(is_own).await?.is_empty())
    };
    cleaned.await.unwrap_or(false)
}

/// What earlier runs left in the project, location and bucket.
///
/// # Errors
/// [`ErrorKind::Denied`] without the rights to list; any other error of Google's.
pub async fn find_leftovers(api: Raw, options: Options) -> Result<Leftovers> {
    let lab = Lab::new(api, options, Run::new(Timestamp::UNIX_EPOCH, 0));
    lab.leftovers(|_| true).await.map_err(|stop| failure(&stop))
}

/// Deletes what [`find_leftovers`] found. Idempotent.
///
/// # Errors
/// As [`find_leftovers`].
pub async fn delete_leftovers(api: Raw, options: Options, found: &Leftovers) -> Result<()> {
    let lab = Lab::new(api, options, Run::new(Timestamp::UNIX_EPOCH, 0));
    lab.delete(found).await.map_err(|stop| failure(&stop))
}

fn failure(stop: &Stop) -> Error {
    let kind =
        if stop.why.as_str().contains("403") { ErrorKind::Denied } else { ErrorKind::Rejected };
    Error::new(kind, "scratch resources cannot be listed or deleted", "probe")
        .caused_by(stop.why.as_str().to_owned())
}
