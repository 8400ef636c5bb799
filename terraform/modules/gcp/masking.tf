# One policy tag per class of personal data, its mask, and who sees plain values.

resource "google_data_catalog_taxonomy" "this" {
  project                = local.project
  region                 = local.location
  display_name           = local.taxonomy
  description            = "Classes of personal data of ${local.source}, from pii.classes of landbridge.yaml"
  activated_policy_types = ["FINE_GRAINED_ACCESS_CONTROL"]
  deletion_policy        = var.tag_deletion_policy
  depends_on             = [google_project_service.this]
}

# Deleting a tag, or its taxonomy, removes it from every column that has it, and everyone who may query
# the dataset reads the column (Data Catalog v1, policyTags.delete and taxonomies.delete). Terraform
# deletes neither unless `tag_deletion_policy` says so: docs/deploy.md, "Retiring a tag". Terraform reads
# the value from its state, so a change takes effect one apply later.
resource "google_data_catalog_policy_tag" "class" {
  for_each        = local.made
  taxonomy        = google_data_catalog_taxonomy.this.id
  display_name    = each.key
  description     = each.key == "unclassified" ? "Columns without a class: NULL for readers of the dataset" : "Masked by ${each.value.mask}"
  deletion_policy = var.tag_deletion_policy
}

resource "google_bigquery_datapolicy_data_policy" "class" {
  for_each = local.made
  project  = local.project
  location = local.location
  # Two underscores: with one, class eu_name of source shop and class name of source shop-eu would be one policy.
  data_policy_id   = "${local.slug}__${each.key}"
  policy_tag       = google_data_catalog_policy_tag.class[each.key].name
  data_policy_type = "DATA_MASKING_POLICY"
  data_masking_policy {
    predefined_expression = each.value.mask
  }
}

# Who sees masked values: granted on the class's data policy, never on the project.
resource "google_bigquery_datapolicy_data_policy_iam_binding" "masked_readers" {
  for_each       = { for name, class in local.made : name => class.masked_readers if length(class.masked_readers) > 0 || length(local.masked_principals) > 0 }
  project        = local.project
  location       = local.location
  data_policy_id = google_bigquery_datapolicy_data_policy.class[each.key].data_policy_id
  role           = "roles/bigquerydatapolicy.maskedReader"
  # The function views and the account of the models see masks of every class (analysts.tf).
  members = concat(each.value, local.masked_principals)
}

# Who sees plain values.
resource "google_data_catalog_policy_tag_iam_binding" "readers" {
  for_each   = { for name, class in local.made : name => class.readers if length(class.readers) > 0 }
  policy_tag = google_data_catalog_policy_tag.class[each.key].name
  role       = "roles/datacatalog.categoryFineGrainedReader"
  members    = each.value
}

# Load and protect attach tags; they cannot read tagged columns.
resource "google_data_catalog_taxonomy_iam_member" "tagger" {
  for_each = toset(local.taggers)
  taxonomy = google_data_catalog_taxonomy.this.name
  role     = google_project_iam_custom_role.tagger.name
  member   = local.principals[each.key]
}

# The same for tags that exist already.
resource "google_data_catalog_taxonomy_iam_member" "existing_tagger" {
  for_each = { for pair in setproduct(local.taggers, local.existing_taxonomies) : join(" ", pair) => pair }
  taxonomy = each.value[1]
  role     = google_project_iam_custom_role.tagger.name
  member   = local.principals[each.value[0]]
}

moved {
  from = google_data_catalog_taxonomy_iam_member.tagger
  to   = google_data_catalog_taxonomy_iam_member.tagger["load"]
}
