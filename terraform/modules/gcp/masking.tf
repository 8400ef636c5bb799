# One policy tag per class of personal data, its mask, and who sees plain values.

resource "google_data_catalog_taxonomy" "this" {
  project                = local.project
  region                 = local.location
  display_name           = local.slug
  description            = "Classes of personal data of ${local.source}, from pii.classes of landbridge.yaml"
  activated_policy_types = ["FINE_GRAINED_ACCESS_CONTROL"]
  depends_on             = [google_project_service.this]
}

# Deleting a tag removes it from every column that has it, and the column becomes readable (Data Catalog
# API, policyTags.delete). So the tag of a class that is removed or renamed stays, without readers and
# without a mask: nobody reads its columns until the protection pass has given them another tag.
resource "google_data_catalog_policy_tag" "class" {
  for_each        = local.made
  taxonomy        = google_data_catalog_taxonomy.this.id
  display_name    = each.key
  description     = each.key == "unclassified" ? "Columns without a class: NULL for everyone" : "Masked by ${each.value.mask}"
  deletion_policy = var.deletion_protection ? "ABANDON" : "DELETE"
}

resource "google_bigquery_datapolicy_data_policy" "class" {
  for_each         = local.made
  project          = local.project
  location         = local.location
  data_policy_id   = "${local.slug}_${replace(each.key, "-", "_")}"
  policy_tag       = google_data_catalog_policy_tag.class[each.key].name
  data_policy_type = "DATA_MASKING_POLICY"
  data_masking_policy {
    predefined_expression = each.value.mask
  }
}

# Who sees masked values: granted on the class's data policy, never on the project.
resource "google_bigquery_datapolicy_data_policy_iam_binding" "masked_readers" {
  for_each       = { for name, class in local.made : name => class.masked_readers if length(class.masked_readers) > 0 }
  project        = local.project
  location       = local.location
  data_policy_id = google_bigquery_datapolicy_data_policy.class[each.key].data_policy_id
  role           = "roles/bigquerydatapolicy.maskedReader"
  members        = each.value
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
  for_each = toset(["load", "protect"])
  taxonomy = google_data_catalog_taxonomy.this.name
  role     = google_project_iam_custom_role.tagger.name
  member   = local.principals[each.key]
}

moved {
  from = google_data_catalog_taxonomy_iam_member.tagger
  to   = google_data_catalog_taxonomy_iam_member.tagger["load"]
}
