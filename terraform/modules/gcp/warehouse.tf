# The two datasets, and the rights of load and protect on them.

# May create tables, set their schema with its tags, and write rows. It cannot read rows, delete
# tables, or change who may read them.
resource "google_project_iam_custom_role" "loader" {
  count       = var.loader_role == null ? 1 : 0
  project     = local.project
  role_id     = "${local.slug}_loader"
  title       = "Landbridge loader (${local.source})"
  description = "Create tables, attach policy tags, load rows; neither read nor delete"
  permissions = [
    "bigquery.datasets.get",
    "bigquery.rowAccessPolicies.list",
    "bigquery.tables.create",
    "bigquery.tables.get",
    "bigquery.tables.list",
    "bigquery.tables.setCategory",
    "bigquery.tables.update",
    "bigquery.tables.updateData",
  ]
  depends_on = [google_project_service.this]
}

# Creating a view asks for the right to read the tables that it names (Google's documentation, "Create logical
# views", section Required permissions). The load has it on the dataset of the receipts alone, whose rows it wrote.
resource "google_project_iam_custom_role" "ops_viewer" {
  project     = local.project
  role_id     = "${local.slug}_ops_viewer"
  title       = "Landbridge ops viewer (${local.source})"
  description = "Read receipts and their like, so that views of them can be created"
  permissions = ["bigquery.tables.getData"]
  depends_on  = [google_project_service.this]
}

# Merging the changes of a table reads its key (`tables.<table>.delta` of landbridge.yaml). The role is given only where
# a table has one. It opens no column with a tag.
resource "google_project_iam_custom_role" "merger" {
  count       = anytrue([for it in local.of : it.deltas]) ? 1 : 0
  project     = local.project
  role_id     = "${local.slug}_merger"
  title       = "Landbridge merger (${local.source})"
  description = "Read the tables into which the load merges changes; no column with a tag"
  permissions = ["bigquery.tables.getData"]
  depends_on  = [google_project_service.this]
}

# Sets the schema of existing tables with its tags. It cannot create a table or a job, write or read
# rows, or change who may read a table.
resource "google_project_iam_custom_role" "protector" {
  project     = local.project
  role_id     = "${local.slug}_protector"
  title       = "Landbridge protector (${local.source})"
  description = "Attach policy tags to existing tables; no access to rows, no jobs"
  permissions = [
    "bigquery.datasets.get",
    "bigquery.rowAccessPolicies.list",
    "bigquery.tables.get",
    "bigquery.tables.list",
    "bigquery.tables.setCategory",
    "bigquery.tables.update",
  ]
  depends_on = [google_project_service.this]
}

resource "google_project_iam_custom_role" "runner" {
  project     = local.project
  role_id     = "${local.slug}_runner"
  title       = "Landbridge job runner (${local.source})"
  description = "Start jobs and read their status"
  permissions = ["bigquery.jobs.create"]
  depends_on  = [google_project_service.this]
}

resource "google_project_iam_custom_role" "tagger" {
  project     = local.project
  role_id     = "${local.slug}_tagger"
  title       = "Landbridge tagger (${local.source})"
  description = "Read the taxonomy whose tags it attaches"
  permissions = ["datacatalog.taxonomies.get"]
  depends_on  = [google_project_service.this]
}

resource "google_project_iam_member" "runner" {
  for_each = toset(local.loads)
  project  = local.project
  role     = google_project_iam_custom_role.runner.name
  member   = local.principals[each.key]
}

moved {
  from = google_project_iam_member.runner
  to   = google_project_iam_member.runner["load"]
}

# A query is a job of the project that pays for it: a right to read a dataset is not enough to query it.
resource "google_project_iam_member" "query_jobs" {
  for_each   = var.grant_query_jobs ? toset(concat(local.dataset_readers, local.ops_readers, local.models_readers)) : toset([])
  project    = local.project
  role       = "roles/bigquery.jobUser"
  member     = each.key
  depends_on = [google_project_service.this]
}

locals {
  loader_role = var.loader_role == null ? google_project_iam_custom_role.loader[0].name : var.loader_role
  datasets = merge(
    { for key, it in local.of : it.dataset => { description = "Tables of ${it.source}: one copy per day. Landbridge writes them and undoes manual changes.", readers = local.dataset_readers, protected = true, views = var.authorized_views, view_datasets = var.authorized_datasets, of = it.prefix, loads = ["${it.prefix}load"], viewers = it.views == null ? [] : ["${it.prefix}views"], mergers = it.deltas ? ["${it.prefix}load"] : [] } },
    { (local.warehouse.ops_dataset) = { description = "Receipts: what was exported, transferred and loaded, with row counts as proof; columns, audits, incidents, and views of them.", readers = local.ops_readers, protected = false, views = [], view_datasets = [], of = "", loads = local.loads, viewers = [], mergers = [] } },
  )
}

# The complete access list: each apply removes every other entry. BigQuery's default entries (for example,
# every reader of the project) are omitted.
resource "google_bigquery_dataset" "this" {
  for_each                   = local.datasets
  project                    = local.project
  dataset_id                 = each.key
  location                   = local.location
  description                = each.value.description
  delete_contents_on_destroy = !var.deletion_protection
  labels                     = local.labels
  # How long `FOR SYSTEM_TIME AS OF` reads rows that a load replaced; the load waits as long before it
  # opens a column of them.
  max_time_travel_hours = tostring(var.max_time_travel_hours)
  # Each load replaces all rows. Under physical billing, the replaced ones are paid for until they are gone.
  storage_billing_model = var.storage_billing_model
  # `terraform destroy` begins with the datasets. While one of them has tables, it fails there, and
  # everything that protects these tables stays.
  depends_on = [
    google_project_service.this,
    google_data_catalog_policy_tag.class,
    google_bigquery_datapolicy_data_policy.class,
    google_bigquery_datapolicy_data_policy_iam_binding.masked_readers,
    google_data_catalog_policy_tag_iam_binding.readers,
    google_data_catalog_taxonomy_iam_member.tagger,
    google_data_catalog_taxonomy_iam_member.existing_tagger,
    # Reads are recorded, and changes reported, for as long as there are tables.
    google_logging_project_sink.audit,
    google_monitoring_alert_policy.protection_changed,
  ]

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }
  dynamic "access" {
    for_each = each.value.loads
    content {
      role       = local.loader_role
      iam_member = local.principals[access.value]
    }
  }
  dynamic "access" {
    for_each = each.value.protected ? [] : each.value.loads
    content {
      role       = google_project_iam_custom_role.ops_viewer.name
      iam_member = local.principals[access.value]
    }
  }
  dynamic "access" {
    for_each = each.value.protected ? [local.principals["${each.value.of}protect"]] : []
    content {
      role       = google_project_iam_custom_role.protector.name
      iam_member = access.value
    }
  }
  dynamic "access" {
    for_each = each.value.mergers
    content {
      role       = google_project_iam_custom_role.merger[0].name
      iam_member = local.principals[access.value]
    }
  }
  dynamic "access" {
    for_each = each.value.viewers
    content {
      role       = google_project_iam_custom_role.table_viewer[0].name
      iam_member = local.principals[access.value]
    }
  }
  # Models read the receipts as well: how old the tables are (models/dbt/models/marts/data_health.sql).
  dynamic "access" {
    for_each = google_service_account.models
    content {
      role          = "READER"
      user_by_email = access.value.email
    }
  }
  dynamic "access" {
    for_each = toset(each.value.readers)
    content {
      role           = "READER"
      group_by_email = startswith(access.key, "group:") ? trimprefix(access.key, "group:") : null
      user_by_email  = length(regexall("^(user|serviceAccount):", access.key)) > 0 ? regex("^[^:]+:(.+)$", access.key)[0] : null
      domain         = startswith(access.key, "domain:") ? trimprefix(access.key, "domain:") : null
      iam_member     = startswith(access.key, "principal") ? access.key : null
    }
  }
  dynamic "access" {
    for_each = each.value.views
    content {
      view {
        project_id = access.value.project
        dataset_id = access.value.dataset
        table_id   = access.value.view
      }
    }
  }
  dynamic "access" {
    for_each = each.value.view_datasets
    content {
      dataset {
        target_types = ["VIEWS"]
        dataset {
          project_id = access.value.project
          dataset_id = access.value.dataset
        }
      }
    }
  }
  dynamic "default_encryption_configuration" {
    for_each = var.kms_key_name == null ? [] : [var.kms_key_name]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  lifecycle {
    precondition {
      condition     = alltrue([for it in local.of : it.dataset != local.warehouse.ops_dataset])
      error_message = "warehouse.dataset and warehouse.ops_dataset must differ: otherwise a table of the source could replace the receipts."
    }
    precondition {
      condition     = length(distinct(concat([for it in local.of : it.dataset], [local.warehouse.ops_dataset], local.own_datasets))) == 1 + length(local.of) + length(local.own_datasets)
      error_message = "warehouse.views.dataset and warehouse.models.dataset must be datasets of their own, and each database has its own warehouse.dataset."
    }
    precondition {
      condition     = alltrue([for it in concat([for view in var.authorized_views : view.dataset], [for dataset in var.authorized_datasets : dataset.dataset]) : !contains(concat(local.own_datasets, [local.warehouse.ops_dataset]), it)])
      error_message = "authorized_views and authorized_datasets must not name warehouse.ops_dataset or the dataset of warehouse.views or warehouse.models: what is written there would read the tables on behalf of everyone who may query it."
    }
  }
}
