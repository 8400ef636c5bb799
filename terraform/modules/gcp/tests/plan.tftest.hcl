# Tests the module's plan for the example, with a mocked provider. `terraform test` needs no account.

mock_provider "google" {
  mock_resource "google_iam_workload_identity_pool" {
    defaults = {
      name = "projects/123456789/locations/global/workloadIdentityPools/landbridge-shop"
    }
  }
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/shop-analytics/serviceAccounts/landbridge-shop-models@shop-analytics.iam.gserviceaccount.com"
      email  = "landbridge-shop-models@shop-analytics.iam.gserviceaccount.com"
      member = "serviceAccount:landbridge-shop-models@shop-analytics.iam.gserviceaccount.com"
    }
  }
  mock_resource "google_data_catalog_taxonomy" {
    defaults = {
      name = "projects/shop-analytics/locations/asia-northeast3/taxonomies/42"
    }
  }
}

variables {
  config_file = "./tests/plain.yaml"
  aws_role_arns = {
    snapshot = "arn:aws:iam::123456789012:role/landbridge-shop-snapshot"
    export   = "arn:aws:iam::123456789012:role/landbridge-shop-export"
    transfer = "arn:aws:iam::123456789012:role/landbridge-shop-transfer"
    load     = "arn:aws:iam::123456789012:role/landbridge-shop-load"
    protect  = "arn:aws:iam::123456789012:role/landbridge-shop-protect"
  }
}

run "every_class_has_a_tag_and_its_mask" {
  command = plan

  assert {
    condition     = toset(keys(google_data_catalog_policy_tag.class)) == toset(["unclassified", "name", "email", "phone", "birth", "account", "ip"])
    error_message = "There must be one tag per class in landbridge.yaml, and one for unclassified."
  }
  assert {
    condition = { for class, policy in google_bigquery_datapolicy_data_policy.class : class => policy.data_masking_policy[0].predefined_expression } == {
      unclassified = "ALWAYS_NULL"
      name         = "DEFAULT_MASKING_VALUE"
      email        = "EMAIL_MASK"
      phone        = "ALWAYS_NULL"
      birth        = "DATE_YEAR_MASK"
      account      = "ALWAYS_NULL"
      ip           = "DEFAULT_MASKING_VALUE"
    }
    error_message = "The mask of a class must be the one in landbridge.yaml."
  }
  assert {
    condition     = alltrue([for policy in google_bigquery_datapolicy_data_policy.class : policy.data_policy_type == "DATA_MASKING_POLICY"])
    error_message = "Every data policy must be a masking policy."
  }
  assert {
    condition     = toset(google_data_catalog_taxonomy.this.activated_policy_types) == toset(["FINE_GRAINED_ACCESS_CONTROL"])
    error_message = "A taxonomy without this policy type enforces nothing."
  }
  assert {
    condition     = alltrue([for tag in google_data_catalog_policy_tag.class : tag.deletion_policy == "PREVENT"]) && google_data_catalog_taxonomy.this.deletion_policy == "PREVENT"
    error_message = "Terraform must not delete a tag or the taxonomy: that opens the columns that have the tag."
  }
}

run "tags_stay_although_the_data_may_be_deleted" {
  command = plan
  variables {
    deletion_protection = false
  }
  assert {
    condition     = alltrue([for tag in google_data_catalog_policy_tag.class : tag.deletion_policy == "PREVENT"])
    error_message = "Only tag_deletion_policy may allow the deletion of tags."
  }
}

run "tags_are_deleted_only_if_the_variable_says_so" {
  command = plan
  variables {
    tag_deletion_policy = "DELETE"
  }
  assert {
    condition     = alltrue([for tag in google_data_catalog_policy_tag.class : tag.deletion_policy == "DELETE"]) && google_data_catalog_taxonomy.this.deletion_policy == "DELETE"
    error_message = "With DELETE nothing may remain after terraform destroy."
  }
}

run "another_deletion_policy_is_refused" {
  command = plan
  variables {
    tag_deletion_policy = "KEEP"
  }
  expect_failures = [var.tag_deletion_policy]
}

run "names_are_unique_in_the_organisation_and_between_sources" {
  command = plan
  assert {
    condition     = google_data_catalog_taxonomy.this.display_name == "landbridge_shop-analytics_shop"
    error_message = "The taxonomy's display name must contain the project and the source."
  }
  # Class eu_name of source shop, and class name of source shop-eu.
  assert {
    condition     = google_bigquery_datapolicy_data_policy.class["email"].data_policy_id == "landbridge_shop__email"
    error_message = "Two underscores must separate the source from the class: neither a source nor a class begins or ends with one."
  }
}

run "every_reader_of_the_dataset_sees_null_in_unclassified_columns" {
  command = plan
  variables {
    dataset_readers = ["group:analysts@example.com", "group:finance@example.com", "domain:example.com"]
  }
  assert {
    condition     = google_bigquery_datapolicy_data_policy_iam_binding.masked_readers["unclassified"].members == toset(["group:analysts@example.com", "group:pii-readers@example.com", "group:finance@example.com", "domain:example.com"])
    error_message = "Everyone who may query the dataset must be a masked reader of unclassified: others get an error instead of NULL."
  }
  assert {
    condition     = google_bigquery_datapolicy_data_policy_iam_binding.masked_readers["email"].members == toset(["group:analysts@example.com"])
    error_message = "Readers of the dataset must not see masked values of other classes."
  }
}

run "readers_may_run_queries" {
  command = plan
  variables {
    ops_readers = ["user:auditor@example.com"]
  }
  assert {
    condition     = toset(keys(google_project_iam_member.query_jobs)) == toset(["group:analysts@example.com", "group:pii-readers@example.com", "user:auditor@example.com"]) && alltrue([for it in google_project_iam_member.query_jobs : it.role == "roles/bigquery.jobUser"])
    error_message = "The readers of the datasets must be able to run a query."
  }
}

run "readers_who_may_run_queries_already_get_no_second_grant" {
  command = plan
  variables {
    grant_query_jobs = false
  }
  assert {
    condition     = length(google_project_iam_member.query_jobs) == 0
    error_message = "grant_query_jobs = false must grant nothing."
  }
}

run "an_existing_tag_is_used_as_it_is" {
  variables {
    config_file = "./tests/existing-tag.yaml"
  }
  assert {
    condition     = toset(keys(google_data_catalog_policy_tag.class)) == toset(["unclassified", "birth"])
    error_message = "A class that names its tag must not get another one."
  }
  assert {
    condition     = { for it in google_data_catalog_taxonomy_iam_member.existing_tagger : "${regex("[a-z]+$", it.member)} ${it.taxonomy}" => it.role } == { for function in ["load", "protect"] : "${function} projects/shop-analytics/locations/asia-northeast3/taxonomies/7" => google_project_iam_custom_role.tagger.name }
    error_message = "Load and protect must be able to read the taxonomy of an existing tag in this project, once."
  }
  assert {
    condition     = toset([for access in google_bigquery_dataset.this["shop"].access : access.group_by_email if access.role == "READER"]) == toset(["analysts@example.com", "hr@example.com"])
    error_message = "The readers of a class with an existing tag must be able to query the dataset."
  }
}

run "authorised_views_survive_an_apply" {
  command = plan
  variables {
    authorized_views    = [{ project = "shop-analytics", dataset = "reports", view = "bookings" }]
    authorized_datasets = [{ project = "shop-bi", dataset = "shared" }]
  }
  assert {
    condition     = [for access in google_bigquery_dataset.this["shop"].access : access.view[0].table_id if length(access.view) > 0] == ["bookings"]
    error_message = "The dataset's access list must contain the authorised views."
  }
  assert {
    condition     = [for access in google_bigquery_dataset.this["shop"].access : access.dataset[0].dataset[0].dataset_id if length(access.dataset) > 0] == ["shared"]
    error_message = "The dataset's access list must contain the authorised datasets."
  }
  assert {
    condition     = alltrue([for access in google_bigquery_dataset.this["landbridge_ops"].access : length(access.view) == 0 && length(access.dataset) == 0])
    error_message = "Authorised views are for the tables alone."
  }
}

run "replaced_rows_are_kept_for_two_days" {
  command = plan
  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.this : dataset.max_time_travel_hours == "48" && dataset.storage_billing_model == "LOGICAL"])
    error_message = "Time travel must end after 48 hours, and replaced rows must cost nothing."
  }
  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.this : length(dataset.default_encryption_configuration) == 0]) && length(google_storage_bucket.landing.encryption) == 0
    error_message = "Without kms_key_name the keys must be Google's."
  }
}

run "time_travel_of_nine_days_is_refused" {
  command = plan
  variables {
    max_time_travel_hours = 216
  }
  expect_failures = [var.max_time_travel_hours]
}

run "a_key_of_ones_own_encrypts_tables_and_files" {
  command = plan
  variables {
    kms_key_name = "projects/keys/locations/asia-northeast3/keyRings/shop/cryptoKeys/warehouse"
  }
  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.this : dataset.default_encryption_configuration[0].kms_key_name == var.kms_key_name]) && google_storage_bucket.landing.encryption[0].default_kms_key_name == var.kms_key_name
    error_message = "Datasets and landing bucket must use the given key."
  }
}

run "a_key_of_another_location_is_refused" {
  command = plan
  variables {
    kms_key_name = "projects/keys/locations/us/keyRings/shop/cryptoKeys/warehouse"
  }
  expect_failures = [google_storage_bucket.landing]
}

run "records_of_access_are_kept_for_two_years" {
  assert {
    condition     = google_logging_project_bucket_config.audit[0].retention_days == 730 && google_logging_project_bucket_config.audit[0].location == "asia-northeast3" && google_logging_project_bucket_config.audit[0].deletion_policy == "ABANDON"
    error_message = "Records of access must be kept for 730 days, in the location of the data, and outlive the deployment."
  }
  assert {
    condition     = google_logging_project_sink.audit[0].destination == "logging.googleapis.com/projects/shop-analytics/locations/asia-northeast3/buckets/landbridge-shop-audit" && contains(keys(google_project_service.this), "logging.googleapis.com")
    error_message = "The sink must write to the log bucket."
  }
  assert {
    condition = google_logging_project_sink.audit[0].filter == join(" OR ", [
      "(logName=\"projects/shop-analytics/logs/cloudaudit.googleapis.com%2Fdata_access\" AND protoPayload.serviceName=\"bigquery.googleapis.com\" AND protoPayload.resourceName=~\"^projects/[^/]+/datasets/(shop|landbridge_ops)(/|$)\")",
      "(logName=\"projects/shop-analytics/logs/cloudaudit.googleapis.com%2Factivity\" AND ((protoPayload.serviceName=\"bigquery.googleapis.com\" AND protoPayload.resourceName=~\"^projects/[^/]+/datasets/shop(/|$)\") OR (protoPayload.serviceName=\"bigquery.googleapis.com\" AND protoPayload.resourceName=~\"^projects/[^/]+/datasets/(landbridge_ops)$\") OR (protoPayload.serviceName=\"bigquery.googleapis.com\" AND protoPayload.methodName=~\"SetIamPolicy$\" AND protoPayload.resourceName=~\"^projects/[^/]+/datasets/(landbridge_ops)/\") OR (protoPayload.serviceName=\"datacatalog.googleapis.com\" AND protoPayload.resourceName=~\"/taxonomies/(42)(/|$)\") OR (protoPayload.serviceName=\"bigquerydatapolicy.googleapis.com\" AND (protoPayload.resourceName=~\"/dataPolicies/landbridge_shop__\" OR protoPayload.methodName=~\"CreateDataPolicy$\")) OR (protoPayload.serviceName=\"storage.googleapis.com\" AND protoPayload.resourceName=~\"^projects/_/buckets/shop-landing(/|$)\") OR (protoPayload.serviceName=\"cloudresourcemanager.googleapis.com\" AND protoPayload.methodName=~\"SetIamPolicy$\" AND protoPayload.resourceName=~\"^projects/[^/]+$\")))",
    ])
    error_message = "The sink must copy reads of the datasets and changes of what protects them, and no text of queries."
  }
}

run "records_of_access_can_be_left_to_google" {
  command = plan
  variables {
    audit_retention_days = null
  }
  assert {
    condition     = length(google_logging_project_sink.audit) == 0 && length(google_logging_project_bucket_config.audit) == 0 && !contains(keys(google_project_service.this), "logging.googleapis.com")
    error_message = "null must create neither sink nor bucket."
  }
}

run "readers_are_those_in_landbridge_yaml" {
  command = plan

  assert {
    condition = alltrue([
      for class, it in google_bigquery_datapolicy_data_policy_iam_binding.masked_readers :
      it.role == "roles/bigquerydatapolicy.maskedReader" && it.members == (class == "unclassified" ? toset(["group:analysts@example.com", "group:pii-readers@example.com"]) : toset(["group:analysts@example.com"]))
    ]) && length(google_bigquery_datapolicy_data_policy_iam_binding.masked_readers) == 7
    error_message = "The masked readers of a class must be those in landbridge.yaml."
  }
  assert {
    condition = alltrue([
      for class, it in google_data_catalog_policy_tag_iam_binding.readers :
      it.role == "roles/datacatalog.categoryFineGrainedReader" && it.members == toset(["group:pii-readers@example.com"])
    ])
    error_message = "The readers of plain values must be those in landbridge.yaml."
  }
  assert {
    condition     = !contains(keys(google_data_catalog_policy_tag_iam_binding.readers), "unclassified") && length(google_data_catalog_policy_tag_iam_binding.readers) == 6
    error_message = "unclassified must have no readers of plain values."
  }
}

run "only_three_roles_of_one_account_are_trusted" {
  command = plan

  assert {
    condition     = google_iam_workload_identity_pool_provider.aws.attribute_condition == "assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/landbridge-shop-load/') || assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/landbridge-shop-protect/') || assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/landbridge-shop-transfer/')"
    error_message = "The condition must name exactly transfer, load and protect: not snapshot, not export, no role whose name starts the same."
  }
  assert {
    condition     = google_iam_workload_identity_pool_provider.aws.aws[0].account_id == "123456789012"
    error_message = "The provider must trust the account of the roles."
  }
  assert {
    condition     = alltrue([for expression in values(google_iam_workload_identity_pool_provider.aws.attribute_mapping) : expression == "assertion.arn.extract('assumed-role/{role}/')"])
    error_message = "Subject and aws_role must be the role's name: a complete ARN can exceed the 127 characters of a subject."
  }
}

run "nothing_is_public" {

  assert {
    condition     = google_storage_bucket.landing.uniform_bucket_level_access && google_storage_bucket.landing.public_access_prevention == "enforced"
    error_message = "The landing bucket must not be public."
  }
  assert {
    condition     = one(google_storage_bucket.landing.lifecycle_rule).action != null && one(one(google_storage_bucket.landing.lifecycle_rule).condition).age == 3
    error_message = "Files with plain values must expire after 3 days."
  }
  assert {
    condition     = google_storage_bucket.landing.soft_delete_policy[0].retention_duration_seconds == 0
    error_message = "The landing bucket must have no soft delete."
  }
  assert {
    condition = alltrue(flatten([
      for dataset in google_bigquery_dataset.this : [
        for access in dataset.access :
        !contains(["allAuthenticatedUsers", "projectReaders", "projectWriters"], coalesce(access.special_group, "-")) && !contains(["allUsers", "allAuthenticatedUsers"], coalesce(access.iam_member, "-"))
      ]
    ]))
    error_message = "A dataset must not be readable by everyone or by every reader of the project."
  }
  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.this : toset([for access in dataset.access : access.group_by_email if access.role == "READER"]) == toset(["analysts@example.com", "pii-readers@example.com"])])
    error_message = "Only members that a class names may query the dataset."
  }
}

run "the_load_can_neither_read_nor_delete" {
  command = plan

  assert {
    condition = length(setintersection(google_project_iam_custom_role.loader[0].permissions, [
      "bigquery.tables.getData", "bigquery.tables.delete", "bigquery.tables.setIamPolicy", "bigquery.tables.export", "bigquery.datasets.update", "bigquery.datasets.delete",
    ])) == 0
    error_message = "The loader's role must not have rights that loading does not need."
  }
  assert {
    condition     = contains(google_project_iam_custom_role.loader[0].permissions, "bigquery.tables.setCategory")
    error_message = "Without bigquery.tables.setCategory the load cannot attach tags."
  }
  assert {
    condition     = google_project_iam_custom_role.runner.permissions == toset(["bigquery.jobs.create"]) && google_project_iam_custom_role.tagger.permissions == toset(["datacatalog.taxonomies.get"])
    error_message = "On the project, the load may only start jobs; on the taxonomy, it may only read it."
  }
}

run "the_protection_pass_can_only_tag" {
  command = plan

  assert {
    condition     = google_project_iam_custom_role.protector.permissions == toset(["bigquery.datasets.get", "bigquery.rowAccessPolicies.list", "bigquery.tables.get", "bigquery.tables.list", "bigquery.tables.setCategory", "bigquery.tables.update"])
    error_message = "The protector must read and write no rows, create and delete no tables, and start no jobs."
  }
  assert {
    condition     = toset([for tagger in google_data_catalog_taxonomy_iam_member.tagger : tagger.role]) == toset([google_project_iam_custom_role.tagger.name]) && toset(keys(google_data_catalog_taxonomy_iam_member.tagger)) == toset(["load", "protect"])
    error_message = "Load and protect must be able to read the taxonomy whose tags they attach."
  }
}

# With values that are known after apply: the principal sets contain the pool's name.
run "each_function_has_its_own_rights" {
  assert {
    condition = { for name, dataset in google_bigquery_dataset.this : name => toset([for access in dataset.access : regex("[a-z]+$", access.iam_member) if access.iam_member != null && access.role == google_project_iam_custom_role.protector.name]) } == {
      shop           = toset(["protect"])
      landbridge_ops = toset([])
    }
    error_message = "The protector's role must be granted to protect alone, on the dataset of the tables alone."
  }
  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.this : [for access in dataset.access : regex("[a-z]+$", access.iam_member) if access.iam_member != null && access.role == google_project_iam_custom_role.loader[0].name] == ["load"]])
    error_message = "The loader's role must be granted to load alone."
  }
  assert {
    condition = google_project_iam_custom_role.ops_viewer.permissions == toset(["bigquery.tables.getData"]) && { for name, dataset in google_bigquery_dataset.this : name => [for access in dataset.access : regex("[a-z]+$", access.iam_member) if access.iam_member != null && access.role == google_project_iam_custom_role.ops_viewer.name] } == {
      shop           = []
      landbridge_ops = ["load"]
    }
    error_message = "The load may read the dataset of the receipts, of which it writes views, and no other."
  }
  assert {
    condition     = endswith(google_project_iam_member.runner["load"].member, "/attribute.aws_role/landbridge-shop-load")
    error_message = "Only the load may start jobs."
  }
}

run "the_landing_bucket_has_only_our_members" {
  assert {
    condition = { for binding in data.google_iam_policy.landing.binding : binding.role => toset([for member in binding.members : regex("[^/]+$", member)]) } == {
      "roles/storage.objectCreator"      = toset(["landbridge-shop-transfer"])
      "roles/storage.objectViewer"       = toset(["landbridge-shop-transfer", "landbridge-shop-load"])
      "roles/storage.legacyBucketReader" = toset(["landbridge-shop-load"])
      "roles/storage.objectUser"         = toset(["landbridge-shop-load"])
    }
    error_message = "The transfer may only create and read objects, the load may only read them and write receipts, and nobody else has a role."
  }
  assert {
    condition     = [for binding in data.google_iam_policy.landing.binding : binding.role if length(binding.condition) > 0] == ["roles/storage.objectUser"]
    error_message = "Only the right to replace objects has a condition, and it must have one."
  }
  assert {
    condition     = alltrue(flatten([for binding in data.google_iam_policy.landing.binding : [for condition in binding.condition : strcontains(condition.expression, "objects/landbridge/shop/") && strcontains(condition.expression, "endsWith('.json')")]]))
    error_message = "The load may write receipts only."
  }
  assert {
    condition     = google_storage_bucket_iam_policy.landing.bucket == google_storage_bucket.landing.name && google_storage_bucket_iam_policy.landing.policy_data == data.google_iam_policy.landing.policy_data
    error_message = "The policy must be the bucket's complete policy, without the bindings that Google adds."
  }
}

run "no_alert_without_a_channel" {
  command = plan

  assert {
    condition     = length(google_monitoring_alert_policy.protection_changed) == 0 && !contains(keys(google_project_service.this), "monitoring.googleapis.com")
    error_message = "Without a notification channel there must be no alert policy."
  }
}

run "an_alert_reports_changes_that_the_functions_did_not_make" {
  variables {
    alert_channels = ["projects/shop-analytics/notificationChannels/1234"]
  }
  assert {
    condition = google_monitoring_alert_policy.protection_changed[0].conditions[0].condition_matched_log[0].filter == chomp(<<-FILTER
      logName="projects/shop-analytics/logs/cloudaudit.googleapis.com%2Factivity"
      ((protoPayload.serviceName="bigquery.googleapis.com" AND protoPayload.resourceName=~"^projects/[^/]+/datasets/shop(/|$)") OR (protoPayload.serviceName="bigquery.googleapis.com" AND protoPayload.resourceName=~"^projects/[^/]+/datasets/(landbridge_ops)$") OR (protoPayload.serviceName="bigquery.googleapis.com" AND protoPayload.methodName=~"SetIamPolicy$" AND protoPayload.resourceName=~"^projects/[^/]+/datasets/(landbridge_ops)/") OR (protoPayload.serviceName="datacatalog.googleapis.com" AND protoPayload.resourceName=~"/taxonomies/(42)(/|$)") OR (protoPayload.serviceName="bigquerydatapolicy.googleapis.com" AND (protoPayload.resourceName=~"/dataPolicies/landbridge_shop__" OR protoPayload.methodName=~"CreateDataPolicy$")) OR (protoPayload.serviceName="storage.googleapis.com" AND protoPayload.resourceName=~"^projects/_/buckets/shop-landing(/|$)") OR (protoPayload.serviceName="cloudresourcemanager.googleapis.com" AND protoPayload.methodName=~"SetIamPolicy$" AND protoPayload.resourceName=~"^projects/[^/]+$"))
      NOT protoPayload.status.code>0
      NOT protoPayload.authenticationInfo.principalSubject=("principal://iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/landbridge-shop/subject/landbridge-shop-load" OR "principal://iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/landbridge-shop/subject/landbridge-shop-protect")
    FILTER
    )
    error_message = "The alert must watch the datasets, the taxonomy, the masks, the landing bucket and the project, and leave out only load and protect."
  }
  assert {
    condition     = google_monitoring_alert_policy.protection_changed[0].notification_channels == tolist(["projects/shop-analytics/notificationChannels/1234"]) && contains(keys(google_project_service.this), "monitoring.googleapis.com")
    error_message = "The alert must use the given channels."
  }
}

run "an_alert_watches_tags_that_exist_already" {
  variables {
    config_file    = "./tests/existing-tag.yaml"
    alert_channels = ["projects/shop-analytics/notificationChannels/1234"]
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.protection_changed[0].conditions[0].condition_matched_log[0].filter, "(protoPayload.serviceName=\"datacatalog.googleapis.com\" AND protoPayload.resourceName=~\"/taxonomies/(42|7)(/|$)\") OR (protoPayload.serviceName=\"bigquerydatapolicy.googleapis.com\") OR ")
    error_message = "The alert must watch the taxonomies of existing tags in this project, and all data policies, whose names are not known."
  }
  assert {
    condition     = strcontains(google_logging_project_sink.audit[0].filter, "/taxonomies/(42|7)(/|$)")
    error_message = "The records must contain changes of existing tags in this project."
  }
}

run "an_alert_watches_who_may_read_views_and_models" {
  variables {
    config_file    = "../../examples/complete/landbridge.yaml"
    aws_role_arns  = { for it in ["transfer", "load", "protect", "views"] : it => "arn:aws:iam::123456789012:role/landbridge-shop-${it}" }
    alert_channels = ["projects/shop-analytics/notificationChannels/1234"]
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.protection_changed[0].conditions[0].condition_matched_log[0].filter, "(protoPayload.serviceName=\"bigquery.googleapis.com\" AND protoPayload.resourceName=~\"^projects/[^/]+/datasets/(landbridge_ops|shop_views|shop_models)$\") OR ")
    error_message = "The alert must watch the access lists of the datasets of views and models."
  }
}

run "an_email_address_is_not_a_channel" {
  command = plan
  variables {
    alert_channels = ["oncall@example.com"]
  }
  expect_failures = [var.alert_channels]
}

run "everything_is_in_one_location" {
  command = plan

  assert {
    condition = toset(concat(
      [google_storage_bucket.landing.location, google_data_catalog_taxonomy.this.region],
      [for dataset in google_bigquery_dataset.this : dataset.location],
      [for policy in google_bigquery_datapolicy_data_policy.class : policy.location],
    )) == toset(["asia-northeast3"])
    error_message = "Bucket, datasets, taxonomy and policies must be in warehouse.location."
  }
}

run "a_tag_of_another_location_is_refused" {
  command = plan
  variables {
    config_file = "./tests/foreign-tag.yaml"
  }
  expect_failures = [google_storage_bucket.landing]
}

run "all_users_are_refused_as_readers" {
  command = plan
  variables {
    dataset_readers = ["allAuthenticatedUsers"]
  }
  expect_failures = [var.dataset_readers]
}

run "roles_of_two_accounts_are_refused" {
  command = plan
  variables {
    aws_role_arns = {
      transfer = "arn:aws:iam::210987654321:role/landbridge-shop-transfer"
      load     = "arn:aws:iam::123456789012:role/landbridge-shop-load"
      protect  = "arn:aws:iam::123456789012:role/landbridge-shop-protect"
    }
  }
  expect_failures = [google_iam_workload_identity_pool_provider.aws]
}

run "the_credentials_contain_no_key_and_no_metadata_service" {
  assert {
    condition     = toset(keys(jsondecode(output.credentials))) == toset(["type", "audience", "subject_token_type", "token_url", "credential_source"])
    error_message = "The credentials must be an external account without other keys."
  }
  # What Google's API accepts; the provider's own check runs only in a real plan.
  assert {
    condition = alltrue([
      for id in [
        google_iam_workload_identity_pool.this.workload_identity_pool_id,
        google_iam_workload_identity_pool_provider.aws.workload_identity_pool_provider_id,
      ] : can(regex("^[0-9a-z-]{4,32}$", id)) && !startswith(id, "gcp-")
    ])
    error_message = "pool and provider ids have 4 to 32 characters of [a-z0-9-] and do not begin with gcp-"
  }

  assert {
    condition     = jsondecode(output.credentials).audience == "//iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/landbridge-shop/providers/aws-lambda"
    error_message = "The audience must contain the project's number."
  }
  assert {
    condition     = toset(keys(jsondecode(output.credentials).credential_source)) == toset(["environment_id", "regional_cred_verification_url"])
    error_message = "The credentials must not contain a metadata service URL: Lambda has none."
  }
  assert {
    condition     = toset(keys(output.policy_tags)) == toset(["unclassified", "name", "email", "phone", "birth", "account", "ip"])
    error_message = "The load needs a tag for each class."
  }
}

run "without_views_and_models_nothing_is_made_for_them" {
  command = plan
  assert {
    condition     = length(google_bigquery_dataset.views) + length(google_bigquery_dataset.models) + length(google_service_account.models) + length(google_project_iam_custom_role.view_writer) == 0
    error_message = "warehouse.views and warehouse.models are optional."
  }
}

# With values that are known after apply: principal sets contain the pool's name, and members the account's.
run "views_and_models_see_masks_only" {
  variables {
    config_file   = "../../examples/complete/landbridge.yaml"
    aws_role_arns = { for it in ["transfer", "load", "protect", "views"] : it => "arn:aws:iam::123456789012:role/landbridge-shop-${it}" }
  }
  assert {
    condition     = alltrue([for class, binding in google_bigquery_datapolicy_data_policy_iam_binding.masked_readers : length([for member in binding.members : member if endswith(member, "/attribute.aws_role/landbridge-shop-views")]) == 1 && contains(binding.members, google_service_account.models[0].member)]) && toset(keys(google_bigquery_datapolicy_data_policy_iam_binding.masked_readers)) == toset(keys(google_data_catalog_policy_tag.class))
    error_message = "The function views and the account of the models must be masked readers of every class."
  }
  assert {
    condition     = alltrue([for binding in google_data_catalog_policy_tag_iam_binding.readers : length([for member in binding.members : member if !startswith(member, "group:")]) == 0])
    error_message = "Neither of them may see a plain value."
  }
  assert {
    condition     = google_project_iam_custom_role.table_viewer[0].permissions == toset(["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.list"]) && google_project_iam_custom_role.view_writer[0].permissions == toset(["bigquery.tables.create", "bigquery.tables.delete", "bigquery.tables.get", "bigquery.tables.list", "bigquery.tables.update"])
    error_message = "The function views must read tables and write views, start no job and change no tag."
  }
  assert {
    condition     = [for access in google_bigquery_dataset.this["shop"].access : access.role if access.iam_member == google_project_iam_custom_role.table_viewer[0].name || try(endswith(access.iam_member, "/landbridge-shop-views"), false)] == [google_project_iam_custom_role.table_viewer[0].name]
    error_message = "On the dataset of the tables, the function views may only read."
  }
  assert {
    condition     = length([for access in google_bigquery_dataset.this["landbridge_ops"].access : access if try(endswith(access.iam_member, "/landbridge-shop-views"), false)]) == 0 && [for access in google_bigquery_dataset.this["landbridge_ops"].access : access.role if access.user_by_email == google_service_account.models[0].email] == ["READER"]
    error_message = "The function views has no right on the receipts; the account of the models may only read them."
  }
  assert {
    condition     = toset([for access in google_bigquery_dataset.views[""].access : access.group_by_email if access.role == "READER" && access.group_by_email != null && access.group_by_email != ""]) == toset(["analysts@example.com", "pii-readers@example.com"])
    error_message = "The views must have the readers of the tables."
  }
  assert {
    condition     = toset([for access in google_bigquery_dataset.models[0].access : access.group_by_email if access.role == "READER"]) == toset(["analysts@example.com", "pii-readers@example.com"]) && [for access in google_bigquery_dataset.models[0].access : access.user_by_email if access.role == "WRITER"] == [google_service_account.models[0].email]
    error_message = "The models' dataset must have exactly the readers of the configuration, and its account as the only writer."
  }
  assert {
    condition     = length(google_service_account_iam_binding.models_runners) == 0
    error_message = "By default, no one may act as the models' account."
  }
}

run "gemini_and_dataform_are_off_by_default" {
  variables {
    config_file   = "../../examples/complete/landbridge.yaml"
    aws_role_arns = { for it in ["transfer", "load", "protect", "views"] : it => "arn:aws:iam::123456789012:role/landbridge-shop-${it}" }
  }
  assert {
    condition     = length(google_bigquery_connection.gemini) + length(google_dataform_repository.models) + length(google_project_iam_member.gemini_caller) == 0 && output.gemini_statement == null
    error_message = "Without gemini_model and dataform, nothing is made for them."
  }
}

run "gemini_is_called_in_the_region_of_the_warehouse" {
  variables {
    config_file   = "../../examples/complete/landbridge.yaml"
    aws_role_arns = { for it in ["transfer", "load", "protect", "views"] : it => "arn:aws:iam::123456789012:role/landbridge-shop-${it}" }
    gemini_model  = "gemini-2.5-flash"
    dataform      = true
  }
  assert {
    condition     = strcontains(output.gemini_statement, "https://asia-northeast3-aiplatform.googleapis.com/v1/projects/shop-analytics/locations/asia-northeast3/publishers/google/models/gemini-2.5-flash") && !strcontains(output.gemini_statement, "global")
    error_message = "The endpoint must be that of the warehouse's region."
  }
  assert {
    condition     = google_project_iam_member.gemini_caller[0].role == "roles/aiplatform.user" && google_bigquery_connection_iam_member.gemini_user[0].member == google_service_account.models[0].member && google_bigquery_connection_iam_member.gemini_user[0].role == "roles/bigquery.connectionUser"
    error_message = "Only the connection's account calls Gemini, and only the account of the models uses the connection."
  }
  assert {
    condition     = google_dataform_repository.models[0].service_account == google_service_account.models[0].email
    error_message = "Dataform must run queries as the account that sees masks only."
  }
  assert {
    condition     = length([for service in keys(google_project_service.this) : service if contains(["aiplatform.googleapis.com", "bigqueryconnection.googleapis.com", "dataform.googleapis.com"], service)]) == 3
    error_message = "Their APIs must be on."
  }
}

run "the_role_of_the_views_is_trusted_too" {
  command = plan
  variables {
    config_file   = "../../examples/complete/landbridge.yaml"
    aws_role_arns = { for it in ["transfer", "load", "protect", "views"] : it => "arn:aws:iam::123456789012:role/landbridge-shop-${it}" }
  }
  assert {
    condition     = strcontains(google_iam_workload_identity_pool_provider.aws.attribute_condition, "'arn:aws:sts::123456789012:assumed-role/landbridge-shop-views/'")
    error_message = "The function views needs a token."
  }
}

run "views_are_not_authorised_on_the_tables" {
  command = plan
  variables {
    config_file         = "../../examples/complete/landbridge.yaml"
    aws_role_arns       = { for it in ["transfer", "load", "protect", "views"] : it => "arn:aws:iam::123456789012:role/landbridge-shop-${it}" }
    authorized_datasets = [{ project = "shop-analytics", dataset = "shop_views" }]
  }
  expect_failures = [google_bigquery_dataset.this]
}

run "no_one_reviews_access_by_default" {
  command = plan

  assert {
    condition     = length(google_project_iam_custom_role.access_reviewer) == 0 && length(google_project_iam_member.access_reviewer) == 0
    error_message = "The role that reads everybody's queries must not exist unless it is asked for."
  }
}

run "a_reviewer_of_access_reads_policies_and_no_data" {
  command = plan
  variables {
    access_reviewers = ["group:auditors@example.com"]
  }

  assert {
    condition     = keys(google_project_iam_member.access_reviewer) == ["group:auditors@example.com"]
    error_message = "The reviewers must get the role."
  }
  assert {
    condition     = alltrue([for permission in google_project_iam_custom_role.access_reviewer[0].permissions : !contains(["bigquery.tables.getData", "storage.objects.get", "datacatalog.categories.fineGrainedGet", "bigquery.dataPolicies.maskedGet"], permission) && length(regexall("\\.(create|update|delete|set|attach)", permission)) == 0])
    error_message = "A reviewer of access must read no data and change nothing."
  }
}

run "all_users_are_refused_as_reviewers_of_access" {
  command = plan
  variables {
    access_reviewers = ["allAuthenticatedUsers"]
  }
  expect_failures = [var.access_reviewers]
}

# Two databases share bucket, taxonomy and pool; each has its own dataset, on which only its own functions have rights.
run "two_databases_have_datasets_and_rights_of_their_own" {
  command = plan
  variables {
    config_file    = "./tests/two.yaml"
    aws_account_id = "123456789012"
    aws_role_arns  = {}
  }

  assert {
    condition     = join(" ", sort(keys(google_bigquery_dataset.this))) == "billing landbridge_ops shop"
    error_message = "Each database has a dataset, and the receipts are in one."
  }
  assert {
    condition     = join(" ", sort(keys(local.roles))) == "billing/load billing/protect billing/transfer shop/load shop/protect shop/transfer" && local.roles["billing/load"] == "landbridge-billing-load"
    error_message = "Each database has roles of its own, with the names that the module aws gives them."
  }
  assert {
    condition     = alltrue([for access in google_bigquery_dataset.this["billing"].access : !strcontains(coalesce(access.iam_member, "-"), "landbridge-shop-")])
    error_message = "No function of one database has a right on the dataset of another."
  }
  assert {
    condition     = length([for access in google_bigquery_dataset.this["landbridge_ops"].access : access if strcontains(coalesce(access.iam_member, "-"), "-load")]) == 4
    error_message = "The loads of both write receipts, and read them to create views."
  }
  assert {
    condition     = google_iam_workload_identity_pool.this.workload_identity_pool_id == "landbridge-company" && length(google_data_catalog_policy_tag.class) == 3
    error_message = "Pool and taxonomy are shared, under the name at the top of the file."
  }
}

# A second database leaves what the first one has as it is: the same keys, and the views in the same place.
run "the_database_that_was_there_keeps_its_keys" {
  command = plan
  variables {
    config_file    = "./tests/second.yaml"
    aws_account_id = "123456789012"
    aws_role_arns  = {}
  }

  assert {
    condition     = join(" ", sort(keys(local.roles))) == "billing/load billing/protect billing/transfer load protect transfer views"
    error_message = "The first database keeps the keys of its principals."
  }
  assert {
    condition     = google_bigquery_dataset.views[""].dataset_id == "shop_views" && google_iam_workload_identity_pool.this.workload_identity_pool_id == "landbridge-shop"
    error_message = "The views and the pool stay."
  }
}
