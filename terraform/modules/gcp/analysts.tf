# The datasets that analysts use besides the tables: friendly views (warehouse.views of landbridge.yaml), and
# tables that models make (warehouse.models). Neither exists without its section.

locals {
  # The databases with friendly views.
  views  = { for it in values(local.of) : trimsuffix(it.prefix, "/") => it if it.views != null }
  models = try(local.config.warehouse.models, null)

  view_principals = [for it in local.views : local.principals["${it.prefix}views"]]
  # A service account's id has 6 to 30 characters (IAM v1 REST reference, serviceAccounts.create).
  models_account    = length("${local.name}-models") <= 30 ? "${local.name}-models" : "landbridge-${substr(sha256(local.source), 0, 8)}-models"
  models_readers    = local.models == null ? [] : try(coalescelist(local.models.readers, []), [])
  model_principals  = [for account in google_service_account.models : account.member]
  masked_principals = concat(local.view_principals, local.model_principals)
  own_datasets      = compact(concat([for it in local.views : it.views], [try(local.models.dataset, "")]))
}

# Creating a view asks for the right to read every table that its query names (Google's documentation, "Create
# logical views", section Required permissions). This principal is a masked reader of every class, never a
# fine-grained one, and may start no job.
resource "google_project_iam_custom_role" "table_viewer" {
  count       = length(local.views) == 0 ? 0 : 1
  project     = local.project
  role_id     = "${local.slug}_table_viewer"
  title       = "Landbridge table viewer (${local.source})"
  description = "Read tables, so that views of them can be created"
  permissions = [
    "bigquery.tables.get",
    "bigquery.tables.getData",
    "bigquery.tables.list",
  ]
  depends_on = [google_project_service.this]
}

resource "google_project_iam_custom_role" "view_writer" {
  count       = length(local.views) == 0 ? 0 : 1
  project     = local.project
  role_id     = "${local.slug}_view_writer"
  title       = "Landbridge view writer (${local.source})"
  description = "Create, change and delete views in their own dataset"
  permissions = [
    "bigquery.tables.create",
    "bigquery.tables.delete",
    "bigquery.tables.get",
    "bigquery.tables.list",
    "bigquery.tables.update",
  ]
  depends_on = [google_project_service.this]
}

# A view reads its table with the rights of the person who queries it, because this dataset is not
# authorised on the dataset of the tables. So it has the same readers.
resource "google_bigquery_dataset" "views" {
  for_each                   = local.views
  project                    = local.project
  dataset_id                 = each.value.views
  location                   = local.location
  description                = "Friendly views of the tables of ${each.value.source}. Landbridge writes them and undoes manual changes."
  delete_contents_on_destroy = true
  labels                     = local.labels
  depends_on                 = [google_project_service.this, google_bigquery_datapolicy_data_policy_iam_binding.masked_readers]

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }
  access {
    role       = google_project_iam_custom_role.view_writer[0].name
    iam_member = local.principals["${each.value.prefix}views"]
  }
  dynamic "access" {
    for_each = toset(concat(local.dataset_readers, local.models == null ? [] : ["models"]))
    content {
      role           = "READER"
      group_by_email = startswith(access.key, "group:") ? trimprefix(access.key, "group:") : null
      user_by_email  = access.key == "models" ? google_service_account.models[0].email : length(regexall("^(user|serviceAccount):", access.key)) > 0 ? regex("^[^:]+:(.+)$", access.key)[0] : null
      domain         = startswith(access.key, "domain:") ? trimprefix(access.key, "domain:") : null
      iam_member     = startswith(access.key, "principal") ? access.key : null
    }
  }
  dynamic "default_encryption_configuration" {
    for_each = var.kms_key_name == null ? [] : [var.kms_key_name]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }
}

moved {
  from = google_bigquery_dataset.views[0]
  to   = google_bigquery_dataset.views[""]
}

# Models run as this account: dbt, Dataform. It sees masks only, so a table that it makes contains no
# plain value of a class. It has no key; people and services act as it.
resource "google_service_account" "models" {
  count        = local.models == null ? 0 : 1
  project      = local.project
  account_id   = local.models_account
  display_name = "Landbridge models (${local.source})"
  description  = "Runs analysts' models. A masked reader of every class."
  depends_on   = [google_project_service.this]
}

resource "google_service_account_iam_binding" "models_runners" {
  count              = local.models == null || length(var.models_runners) == 0 ? 0 : 1
  service_account_id = google_service_account.models[0].name
  role               = "roles/iam.serviceAccountTokenCreator"
  members            = var.models_runners
}

resource "google_project_iam_member" "models_jobs" {
  count   = local.models == null ? 0 : 1
  project = local.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.models[0].member
}

# BigQuery does not carry policy tags into tables that queries make, so each reader of this dataset reads every
# value in it: `landbridge models check` compares these readers with the readers of the classes that models use.
resource "google_bigquery_dataset" "models" {
  count                      = local.models == null ? 0 : 1
  project                    = local.project
  dataset_id                 = local.models.dataset
  location                   = local.location
  description                = "Tables that models make from the tables of ${local.source}. Policy tags do not apply here."
  delete_contents_on_destroy = !var.deletion_protection
  labels                     = local.labels
  depends_on                 = [google_project_service.this]

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }
  access {
    role          = "WRITER"
    user_by_email = google_service_account.models[0].email
  }
  dynamic "access" {
    for_each = toset(local.models_readers)
    content {
      role           = "READER"
      group_by_email = startswith(access.key, "group:") ? trimprefix(access.key, "group:") : null
      user_by_email  = length(regexall("^(user|serviceAccount):", access.key)) > 0 ? regex("^[^:]+:(.+)$", access.key)[0] : null
      domain         = startswith(access.key, "domain:") ? trimprefix(access.key, "domain:") : null
      iam_member     = startswith(access.key, "principal") ? access.key : null
    }
  }
  dynamic "default_encryption_configuration" {
    for_each = var.kms_key_name == null ? [] : [var.kms_key_name]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }
}
