# Optional: an alert when a principal other than the functions changes what protects the tables.

locals {
  # A federated principal is named by its subject: federation.tf maps the role's name to it.
  own_subjects = [for function in local.taggers :
    "\"principal://iam.googleapis.com/${google_iam_workload_identity_pool.this.name}/subject/${local.roles[function]}\""
  ]
  # One name, or several in brackets.
  table_datasets = [for it in local.of : it.dataset]
  own_tables     = length(local.table_datasets) == 1 ? local.table_datasets[0] : "(${join("|", local.table_datasets)})"
  # What is watched, by the resource that a log entry names (Google's documentation, "BigQuery audit logs
  # overview", "BigQuery Data Policy audit logging", "Data Catalog audit logging").
  watched = {
    # Schemas and their tags (TableService, or metadata.tableChange of a DDL query), IAM of tables
    # (IAMPolicy.SetIamPolicy), row access policies, and the dataset's access list (DatasetService).
    "bigquery.googleapis.com" = "^projects/[^/]+/datasets/${local.own_tables}(/|$)"
    # Policy tags and who reads plain values (PolicyTagManager).
    "datacatalog.googleapis.com" = "/taxonomies/${element(split("/", google_data_catalog_taxonomy.this.name), 5)}(/|$)"
    # Masks and who reads masked values (DataPolicyService).
    "bigquerydatapolicy.googleapis.com" = "/dataPolicies/${local.slug}__"
  }
  watched_filter = join(" OR ", [for service, resource in local.watched : "(protoPayload.serviceName=\"${service}\" AND protoPayload.resourceName=~\"${resource}\")"])
}

resource "google_monitoring_alert_policy" "protection_changed" {
  count                 = length(var.alert_channels) > 0 ? 1 : 0
  project               = local.project
  display_name          = "${local.name}: protection changed"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = var.alert_channels
  user_labels           = local.labels
  depends_on            = [google_project_service.this]

  documentation {
    mime_type = "text/markdown"
    content   = "A principal other than the functions of Landbridge changed a table, a policy tag or a mask of ${local.source}. If `terraform apply` was not running, find out who (field protoPayload.authenticationInfo of the log entry) and what. The protection pass looks for changed tags of tables once a day: docs/operations.md."
  }

  # Only one: a policy with a condition on logs can have no other (Cloud Monitoring API, AlertPolicy).
  conditions {
    display_name = "a change that the functions did not make"
    condition_matched_log {
      # Admin activity, which Google always logs. Refused calls have a status code. An entry without a
      # subject, such as a person's, is not excluded.
      filter = join("\n", [
        "logName=\"projects/${local.project}/logs/cloudaudit.googleapis.com%2Factivity\"",
        "(${local.watched_filter})",
        "NOT protoPayload.status.code>0",
        "NOT protoPayload.authenticationInfo.principalSubject=(${join(" OR ", local.own_subjects)})",
      ])
    }
  }

  alert_strategy {
    # Required for a condition on logs: at most one message per five minutes.
    notification_rate_limit {
      period = "300s"
    }
    auto_close = "604800s"
  }
}
