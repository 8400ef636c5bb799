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
}

resource "google_project_iam_custom_role" "runner" {
  project     = local.project
  role_id     = "${local.slug}_runner"
  title       = "Landbridge job runner (${local.source})"
  description = "Start jobs and read their status"
  permissions = ["bigquery.jobs.create"]
}

resource "google_project_iam_custom_role" "tagger" {
  project     = local.project
  role_id     = "${local.slug}_tagger"
  title       = "Landbridge tagger (${local.source})"
  description = "Read the taxonomy whose tags it attaches"
  permissions = ["datacatalog.taxonomies.get"]
}

resource "google_project_iam_member" "runner" {
  project = local.project
  role    = google_project_iam_custom_role.runner.name
  member  = local.principals["load"]
}

locals {
  loader_role = var.loader_role == null ? google_project_iam_custom_role.loader[0].name : var.loader_role
  datasets = {
    (local.warehouse.dataset)     = { description = "Tables of ${local.source}: one copy per day. Landbridge writes them and undoes manual changes.", readers = local.dataset_readers, protected = true }
    (local.warehouse.ops_dataset) = { description = "Receipts: what was exported, transferred and loaded, with row counts as proof.", readers = local.ops_readers, protected = false }
  }
}

# The complete access list. BigQuery's default entries (for example, every reader of the project)
# are omitted.
resource "google_bigquery_dataset" "this" {
  for_each                   = local.datasets
  project                    = local.project
  dataset_id                 = each.key
  location                   = local.location
  description                = each.value.description
  delete_contents_on_destroy = !var.deletion_protection
  labels                     = local.labels
  # `terraform destroy` deletes the tags only after the tables: while a dataset still has tables, it fails
  # before it reaches what protects them.
  depends_on = [google_project_service.this, google_data_catalog_policy_tag.class]

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }
  access {
    role       = local.loader_role
    iam_member = local.principals["load"]
  }
  dynamic "access" {
    for_each = each.value.protected ? [local.principals["protect"]] : []
    content {
      role       = google_project_iam_custom_role.protector.name
      iam_member = access.value
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

  lifecycle {
    precondition {
      condition     = local.warehouse.dataset != local.warehouse.ops_dataset
      error_message = "warehouse.dataset and warehouse.ops_dataset must differ: otherwise a table of the source could replace the receipts."
    }
  }
}
