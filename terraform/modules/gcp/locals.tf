locals {
  config = yamldecode(file(var.config_file))

  # The databases, by name. A file without `databases` has one, whose name here is empty. A key of a section of a
  # database replaces the same key of the file's section, as the functions read it.
  databases = merge(
    { for key in can(local.config.databases) ? [] : [""] : key => local.config },
    { for key, own in try(local.config.databases, {}) : key => merge(
      local.config,
      try({ for section, value in own : section => try(merge(local.config[section], value), value) if section != "contract" }, {}),
      { source = merge(local.config.source, { name = key }, try(own.source, {})) },
    ) },
  )
  # What each has of its own. The keys of principals are `load`, or `billing/load`.
  of = { for key, it in local.databases : key => {
    source  = it.source.name
    dataset = it.warehouse.dataset
    views   = try(it.warehouse.views.dataset, null)
    deltas  = anytrue([for table in values(try(it.tables, {})) : try(table.delta, null) != null])
    landing = try(trim(it.transfer.prefix, "/"), "landbridge") == "" ? "" : "${try(trim(it.transfer.prefix, "/"), "landbridge")}/"
    # The database that was there before the others keeps its keys, so that nothing of it is made again.
    prefix = contains(["", local.config.source.name], key) ? "" : "${key}/"
    functions = concat(
      ["transfer"],
      try(it.transfer.fan_out, null) == null ? [] : ["transfer-item"],
      ["load", "protect"],
      try(it.warehouse.views, null) == null ? [] : ["views"],
    )
  } }
  # The functions of all databases that use Google Cloud.
  all = merge([for key, it in local.of : { for function in it.functions : "${it.prefix}${function}" => { key = key, source = it.source, function = function } }]...)

  # Defaults as in schemas/landbridge.schema.json; a test compares them.
  warehouse = merge({ ops_dataset = "landbridge_ops" }, local.config.warehouse)
  transfer  = merge({ prefix = "landbridge" }, local.config.transfer)

  source   = local.config.source.name
  project  = local.warehouse.project
  location = lower(local.warehouse.location)
  name     = "landbridge-${local.source}"
  slug     = "landbridge_${replace(local.source, "-", "_")}"
  labels   = merge({ landbridge_source = local.source }, var.labels)
  # Unique within the organisation, which taxonomies' display names must be (Data Catalog v1, Taxonomy).
  # A source's name contains no underscore, so two sources never get the same name.
  taxonomy = "landbridge_${replace(local.project, "/[^a-z0-9-]/", "_")}_${local.source}"

  # Columns without a class: NULL for everyone who may query the dataset, whatever the file says.
  given   = try(local.config.pii.classes, {})
  classes = merge(local.given, { unclassified = merge(try(local.given.unclassified, {}), { mask = "ALWAYS_NULL", readers = [] }) })
  named = { for name, class in local.classes : name => {
    readers        = try(coalescelist(class.readers, []), [])
    masked_readers = try(coalescelist(class.masked_readers, []), [])
  } }
  members         = distinct(flatten([for class in values(local.named) : concat(class.readers, class.masked_readers)]))
  dataset_readers = coalesce(var.dataset_readers, local.members)
  # A reader of the dataset who is not a masked reader of `unclassified` gets an error instead of NULL.
  null_readers = distinct(concat(local.dataset_readers, local.members))

  # Classes without policy_tag get a tag from this module. A class that names its tag has an existing tag with its own policy.
  made = { for name, class in local.classes : name => {
    mask           = class.mask
    readers        = local.named[name].readers
    masked_readers = name == "unclassified" ? local.null_readers : local.named[name].masked_readers
  } if try(class.policy_tag, null) == null }
  existing = { for name, class in local.classes : name => class.policy_tag if try(class.policy_tag, null) != null }
  # Taxonomies of existing tags in this project. The role `tagger` belongs to the project and cannot be
  # granted on a taxonomy of another one (IAM v1, custom roles).
  existing_taxonomies = distinct([
    for tag in values(local.existing) : split("/policyTags/", tag)[0] if startswith(tag, "projects/${local.project}/")
  ])

  ops_readers = coalesce(var.ops_readers, local.dataset_readers)

  # The functions' identities on Google Cloud.
  carriers  = [for name, it in local.all : name if contains(["transfer", "transfer-item"], it.function)]
  loads     = [for name, it in local.all : name if it.function == "load"]
  taggers   = [for name, it in local.all : name if contains(["load", "protect"], it.function)]
  functions = keys(local.all)
  principals = { for function in local.functions : function =>
    "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.this.name}/attribute.aws_role/${local.roles[function]}"
  }
  roles       = { for name, it in local.all : name => var.aws_account_id == null ? regex("role/(.+)$", var.aws_role_arns[name])[0] : "landbridge-${it.source}-${it.function}" }
  aws_account = var.aws_account_id == null ? regex("::([0-9]{12}):", var.aws_role_arns["load"])[0] : var.aws_account_id
  partition   = regex("^arn:([a-z-]+):", var.aws_account_id == null ? var.aws_role_arns["load"] : local.config.export.role_arn)[0]
}

# No data source of this module calls an API: on a fresh project the plan succeeds before the APIs are on.
resource "google_project_service" "this" {
  for_each = var.enable_apis ? toset(concat([
    "bigquery.googleapis.com",
    "bigquerydatapolicy.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "datacatalog.googleapis.com",
    "iam.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
    ], length(var.alert_channels) > 0 ? ["monitoring.googleapis.com"] : [],
    local.gemini == null ? [] : ["aiplatform.googleapis.com", "bigqueryconnection.googleapis.com"],
    local.dataform ? ["dataform.googleapis.com"] : [],
  var.audit_retention_days != null ? ["logging.googleapis.com"] : [])) : toset([])
  project = local.project
  service = each.key
  # Other workloads in the project may use the API.
  disable_on_destroy = false
}
