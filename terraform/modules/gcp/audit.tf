# Records of access: who read the datasets, and who changed what protects them.
#
# BigQuery always writes data access logs (Google's documentation, "Configure Data Access audit logs"), but
# Cloud Logging keeps them for 30 days only. A sink copies them to a log bucket with a longer retention.
# Entries of jobs are left out: they contain the text of queries, and so values that people compare with.

locals {
  audit_logs = "projects/${local.project}/logs/cloudaudit.googleapis.com%2F"
  audit_filter = join(" OR ", [
    "(logName=\"${local.audit_logs}data_access\" AND protoPayload.serviceName=\"bigquery.googleapis.com\" AND protoPayload.resourceName=~\"^projects/[^/]+/datasets/(${join("|", concat([for it in local.of : it.dataset], [local.warehouse.ops_dataset]))})(/|$)\")",
    "(logName=\"${local.audit_logs}activity\" AND (${local.watched_filter}))",
  ])
}

resource "google_logging_project_bucket_config" "audit" {
  count          = var.audit_retention_days == null ? 0 : 1
  project        = local.project
  location       = local.location
  bucket_id      = "${local.name}-audit"
  description    = "Who read the datasets of ${local.source}, and who changed what protects them"
  retention_days = var.audit_retention_days
  # The records must outlive the deployment that they are about.
  deletion_policy = var.deletion_protection ? "ABANDON" : "DELETE"
  depends_on      = [google_project_service.this]
}

# A sink needs no right on a log bucket of its own project (Google's documentation, "Route logs to
# supported destinations").
resource "google_logging_project_sink" "audit" {
  count                  = var.audit_retention_days == null ? 0 : 1
  project                = local.project
  name                   = "${local.name}-audit"
  description            = "Copies records of access to the log bucket ${local.name}-audit"
  destination            = "logging.googleapis.com/projects/${local.project}/locations/${local.location}/buckets/${local.name}-audit"
  filter                 = local.audit_filter
  unique_writer_identity = true
  depends_on             = [google_logging_project_bucket_config.audit]
}
