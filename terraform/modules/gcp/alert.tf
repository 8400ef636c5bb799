# Optional: an alert when a principal other than the functions changes what protects the tables, or who may read them.

locals {
  # A federated principal is named by its subject: federation.tf maps the role's name to it.
  own_subjects = [for function in local.taggers :
    "\"principal://iam.googleapis.com/${google_iam_workload_identity_pool.this.name}/subject/${local.roles[function]}\""
  ]
  # One name, or several in brackets.
  table_datasets = [for it in local.of : it.dataset]
  own_tables     = length(local.table_datasets) == 1 ? local.table_datasets[0] : "(${join("|", local.table_datasets)})"
  # The datasets beside the tables: the functions and models write tables and views there all day, so only who may
  # read them is watched.
  other_datasets = "(${join("|", concat([local.warehouse.ops_dataset], local.own_datasets))})"
  taxonomy_ids   = distinct([for name in concat([google_data_catalog_taxonomy.this.name], local.existing_taxonomies) : element(split("/", name), 5)])
  # Admin activity of one service, by the resource or method that a log entry names.
  of_bigquery      = "protoPayload.serviceName=\"bigquery.googleapis.com\""
  of_data_policies = "protoPayload.serviceName=\"bigquerydatapolicy.googleapis.com\""
  watched = [
    # Schemas and their tags (TableService, or metadata.tableChange of a DDL query), IAM of tables
    # (IAMPolicy.SetIamPolicy), row access policies, and the dataset's access list (DatasetService). (Google's
    # documentation, "BigQuery audit logs overview".)
    "${local.of_bigquery} AND protoPayload.resourceName=~\"^projects/[^/]+/datasets/${local.own_tables}(/|$)\"",
    # The access lists of the other datasets, and IAM of what is in them.
    "${local.of_bigquery} AND protoPayload.resourceName=~\"^projects/[^/]+/datasets/${local.other_datasets}$\"",
    "${local.of_bigquery} AND protoPayload.methodName=~\"SetIamPolicy$\" AND protoPayload.resourceName=~\"^projects/[^/]+/datasets/${local.other_datasets}/\"",
    # Policy tags and who reads plain values (PolicyTagManager), also of tags that exist already; a taxonomy of another
    # project has its entries in the log of that project. ("Data Catalog audit logging".)
    "protoPayload.serviceName=\"datacatalog.googleapis.com\" AND protoPayload.resourceName=~\"/taxonomies/(${join("|", local.taxonomy_ids)})(/|$)\"",
    # Masks and who reads masked values (DataPolicyService). A new data policy can be of any tag, and the names of data
    # policies of tags that exist already are not known here: then all of the project are watched. ("BigQuery Data
    # Policy audit logging".)
    length(local.existing_taxonomies) > 0 ? local.of_data_policies : "${local.of_data_policies} AND (protoPayload.resourceName=~\"/dataPolicies/${local.slug}__\" OR protoPayload.methodName=~\"CreateDataPolicy$\")",
    # IAM of the landing bucket and of its managed folders, and the bucket's settings: all admin activity of a bucket.
    # ("Cloud Audit Logs with Cloud Storage", table of available audit logs. The name of a resource begins with
    # projects/_/buckets/BUCKET.)
    "protoPayload.serviceName=\"storage.googleapis.com\" AND protoPayload.resourceName=~\"^projects/_/buckets/${replace(local.transfer.bucket, ".", "[.]")}(/|$)\"",
    # IAM of the project: any role can be one that reads. ("Resource Manager audit logging", SetIamPolicy.)
    "protoPayload.serviceName=\"cloudresourcemanager.googleapis.com\" AND protoPayload.methodName=~\"SetIamPolicy$\" AND protoPayload.resourceName=~\"^projects/[^/]+$\"",
  ]
  watched_filter = join(" OR ", [for it in local.watched : "(${it})"])
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
    content   = "A principal other than the functions of Landbridge changed a table, a policy tag, a mask, or who may read a dataset, the landing bucket or the project of ${local.source}. If `terraform apply` was not running, find out who (field protoPayload.authenticationInfo of the log entry) and what. The protection pass looks for changed tags of tables once a day: docs/operations.md."
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
