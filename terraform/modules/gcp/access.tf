# Optional: people who review who sees what (`landbridge access`, `landbridge consumers`). The role reads
# policies, metadata, the list of jobs and the records of access; it reads no row of a table and no file.
#
# `bigquery.jobs.listAll` shows the text of everybody's queries, and so values that people compare with. No
# function of Landbridge has it.

resource "google_project_iam_custom_role" "access_reviewer" {
  count       = length(var.access_reviewers) > 0 ? 1 : 0
  project     = local.project
  role_id     = "${local.slug}_access_reviewer"
  title       = "Landbridge access reviewer (${local.source})"
  description = "Read policies, the list of jobs and the records of access; no rows, no files"
  permissions = [
    "bigquery.dataPolicies.get",
    "bigquery.dataPolicies.getIamPolicy",
    "bigquery.dataPolicies.list",
    "bigquery.datasets.get",
    "bigquery.datasets.getIamPolicy",
    "bigquery.jobs.list",
    "bigquery.jobs.listAll",
    "bigquery.rowAccessPolicies.list",
    "bigquery.tables.get",
    "bigquery.tables.getIamPolicy",
    "bigquery.tables.list",
    "datacatalog.categories.getIamPolicy",
    "datacatalog.taxonomies.get",
    "datacatalog.taxonomies.getIamPolicy",
    "iam.roles.get",
    "logging.logEntries.list",
    "logging.privateLogEntries.list",
    "resourcemanager.projects.get",
    "resourcemanager.projects.getIamPolicy",
    "storage.buckets.getIamPolicy",
    "storage.managedFolders.getIamPolicy",
    "storage.managedFolders.list",
  ]
  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "access_reviewer" {
  for_each = toset(var.access_reviewers)
  project  = local.project
  role     = google_project_iam_custom_role.access_reviewer[0].name
  member   = each.key
}
