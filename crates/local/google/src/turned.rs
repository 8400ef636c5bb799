//! Claims that are turned around: the servers then behave as if the sentence of `claims.toml` with this id
//! were false. Tests use it to show that `landbridge probe` notices each of them, and names no other.
//!
//! A claim is turned for the calls of one [`LocalGoogle`](crate::LocalGoogle). Code asks
//! [`is_turned`] where it behaves as the claim says; outside of a call, nothing is turned.

use std::future::Future;

use crate::web::ApiResult;

/// The ids of all claims that can be turned.
pub const TURNABLE: &[&str] = &[
    "access-list-entries-are-roles",
    "column-name-rules",
    "column-named-as-its-table",
    "data-policy-id",
    "delete-reads-its-condition",
    "dml-needs-plain-rights",
    "federated-principals-everywhere",
    "gcs-consistent",
    "gcs-crc32c",
    "gcs-create-if-absent",
    "gcs-create-refused-412-or-403",
    "gcs-resumable-quantum",
    "gcs-upload-whole",
    "job-configuration-read-back",
    "job-done-with-error",
    "job-error-messages",
    "job-id-once",
    "job-id-shared-by-kinds",
    "job-rows-reported",
    "job-visible-at-once",
    "jobs-list-names-what-was-read",
    "load-atomic",
    "load-bare-repeated-leaf",
    "load-datetime",
    "load-decimal-38-10",
    "load-enum-is-bytes",
    "load-flexible-names",
    "load-job-ends-after-table-modified",
    "load-missing-column-null",
    "load-no-coercion",
    "load-no-fine-grained-reader",
    "load-objects-per-job",
    "load-required-refused",
    "load-same-column-order",
    "load-schema-without-tags",
    "load-time",
    "load-timestamp-units",
    "load-truncate-data-keeps-row-access",
    "load-truncate-data-keeps-schema",
    "load-truncate-data-keeps-tags",
    "load-truncate-data-one-partition",
    "load-truncate-drops-tags",
    "load-unknown-column-refused",
    "load-zero-rows",
    "mask-arrays",
    "mask-before-everything",
    "mask-default-values",
    "mask-not-on-partitions",
    "mask-rules",
    "mask-wrong-type-fails",
    "masked-reader-needs-plain-access",
    "masked-reader-on-policy",
    "merge-from-external-table",
    "neither-role-refused",
    "patch-adds-tagged-column",
    "patch-description-alone",
    "patch-empty-tags-clear",
    "patch-if-match",
    "patch-label-changes-etag",
    "patch-named-tags-stay",
    "patch-returns-the-table",
    "policy-change-delay",
    "policy-etag-conflict",
    "provider-mapping-and-condition",
    "query-cache",
    "receipts-append-once",
    "result-without-tags",
    "row-access-ends-time-travel",
    "row-access-list",
    "sts-aws-request",
    "sts-role-mapping",
    "sts-token-lifetime",
    "table-modified-by-every-write",
    "table-names-case-sensitive",
    "table-not-found-text",
    "table-read-own-write",
    "table-update-rate",
    "tag-delete-opens",
    "tag-in-force-at-once",
    "tag-name-with-number",
    "tag-needs-set-category",
    "tag-needs-taxonomy-get",
    "tag-one-per-column",
    "taxonomy-enforced-by-policy",
    "time-travel-current-tags",
    "time-travel-other-schema",
    "time-travel-window",
    "view-authorisation-lost",
    "view-create-needs-get-data",
    "view-descriptions-stay",
    "view-only-read-columns",
    "view-tags-of-reader",
];

tokio::task_local! {
    static TURNED: Option<&'static str>;
}

/// Whether the claim is turned for the current call.
pub(crate) fn is_turned(claim: &str) -> bool {
    current() == Some(claim)
}

/// The claim that is turned for the current call, for [`within`] on another thread.
pub(crate) fn current() -> Option<&'static str> {
    TURNED.try_with(|it| *it).unwrap_or(None)
}

/// Runs a part of a call on another thread.
pub(crate) fn within<T>(turned: Option<&'static str>, run: impl FnOnce() -> T) -> T {
    TURNED.sync_scope(turned, run)
}

/// Answers a call with a claim turned.
pub(crate) async fn answer(
    turned: Option<&'static str>,
    call: impl Future<Output = ApiResult>,
) -> ApiResult {
    TURNED.scope(turned, call).await
}
