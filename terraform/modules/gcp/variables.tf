variable "config_file" {
  description = "Path of `landbridge.yaml`. The module reads project, location, bucket, datasets, classes and readers from it."
  type        = string
  validation {
    condition     = fileexists(var.config_file)
    error_message = "The file does not exist. `landbridge init` writes a first one, and `landbridge check --config FILE` validates it."
  }
}

variable "aws_account_id" {
  description = "AWS account of the functions, if `landbridge.yaml` has `databases`: each database has roles of its own, whose names follow from the file. `null`: the file has one database, and `aws_role_arns` names the roles."
  type        = string
  default     = null
  validation {
    condition     = var.aws_account_id == null ? !can(yamldecode(file(var.config_file)).databases) : can(regex("^[0-9]{12}$", var.aws_account_id)) && can(yamldecode(file(var.config_file)).databases)
    error_message = "aws_account_id must be the 12 digits of the account if landbridge.yaml has `databases`, and null otherwise."
  }
}

variable "aws_role_arns" {
  description = "AWS roles of the functions: output `role_arns` of the aws module, if `landbridge.yaml` has one database. Only `transfer`, `load`, `protect` and, with `warehouse.views`, `views`, and with `transfer.fan_out`, `transfer-item` are trusted, by their exact names and only in this account."
  type        = map(string)
  default     = {}
  validation {
    condition     = var.aws_account_id != null || alltrue([for function in ["transfer", "load", "protect"] : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@-]+$", var.aws_role_arns[function]))])
    error_message = "aws_role_arns must contain the ARNs of three roles without a path, under the keys `transfer`, `load` and `protect`."
  }
}

variable "landing_retention_days" {
  description = "Days after which transferred files, which contain plain personal data, are deleted from Cloud Storage. A day that ends late is loaded until the next day's export is complete, and a day that is done again transfers its files again, so they are not needed longer."
  type        = number
  default     = 3
  validation {
    condition     = var.landing_retention_days >= 2
    error_message = "landing_retention_days must be at least 2: the files of a day are needed until the day is loaded."
  }
}

variable "dataset_readers" {
  description = "IAM members who may query the dataset at all; what they see of a column is decided by its class, and columns of class `unclassified` are NULL for them. Default: all members that the classes in `landbridge.yaml` name."
  type        = list(string)
  default     = null
  validation {
    condition     = var.dataset_readers == null ? true : alltrue([for member in var.dataset_readers : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):", member))])
    error_message = "A member must have a form such as `group:analysts@example.com`; allUsers and allAuthenticatedUsers are not accepted."
  }
}

variable "ops_readers" {
  description = "IAM members who may query the receipts, and the tables and views beside them. Default: `dataset_readers`."
  type        = list(string)
  default     = null
  validation {
    condition     = var.ops_readers == null ? true : alltrue([for member in var.ops_readers : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):", member))])
    error_message = "A member must have a form such as `group:analysts@example.com`; allUsers and allAuthenticatedUsers are not accepted."
  }
}

variable "models_runners" {
  description = "IAM members who may act as the service account of the models (`warehouse.models`), for example people who run dbt, or Dataform's service agent. They see the masks of every class. Default: none."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for member in var.models_runners : can(regex("^(user|group|serviceAccount|principal|principalSet):", member))])
    error_message = "A member must have a form such as `group:analysts@example.com`; allUsers and allAuthenticatedUsers are not accepted."
  }
}

variable "gemini_model" {
  description = "Gemini model that models may call over a connection, for example `gemini-2.5-flash` ([what it costs and where it runs](../../../docs/machine-learning.md#gemini)). Only with `warehouse.models`. Default: none, and no connection."
  type        = string
  default     = null
  validation {
    condition     = var.gemini_model == null ? true : can(regex("^gemini-[a-z0-9.-]+$", var.gemini_model))
    error_message = "gemini_model must be the name of a Gemini model, such as gemini-2.5-flash: the module makes the regional endpoint of it."
  }
}

variable "dataform" {
  description = "Whether this module makes a Dataform repository for the models, which runs queries as their service account ([how its files arrive](../../../models/README.md#run-them-with-dataform)). Only with `warehouse.models`. Dataform is free; its queries are not."
  type        = bool
  default     = false
}

variable "access_reviewers" {
  description = "IAM members who may review who sees what, with `landbridge access` and `landbridge consumers` ([what the role reads](../../../docs/access.md#the-rights)). They read the text of everybody's queries in the project. Default: none, and no such role."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for member in var.access_reviewers : can(regex("^(user|group|serviceAccount):", member))])
    error_message = "A member must have a form such as `group:auditors@example.com`; allUsers and allAuthenticatedUsers are not accepted."
  }
}

variable "loader_role" {
  description = "Role of the load on both datasets. Default: a custom role that can neither read rows nor delete tables. The only sufficient predefined role is `roles/bigquery.dataOwner`."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` refuses to delete datasets that contain tables, and the landing bucket while it contains files; and whether it leaves the log bucket of access records."
  type        = bool
  default     = true
}

variable "tag_deletion_policy" {
  description = "What Terraform does when it would delete a policy tag or the taxonomy, which opens every column that has the tag. `PREVENT`: it fails. `ABANDON`: it forgets the tag, which stays in Google Cloud. `DELETE`: it deletes it. Terraform reads the value from its state, so apply a change before you remove a class ([how](../../../docs/deploy.md#retiring-a-tag))."
  type        = string
  default     = "PREVENT"
  validation {
    condition     = contains(["PREVENT", "ABANDON", "DELETE"], var.tag_deletion_policy)
    error_message = "tag_deletion_policy must be PREVENT, ABANDON or DELETE."
  }
}

variable "grant_query_jobs" {
  description = "Whether `dataset_readers` and `ops_readers` get `roles/bigquery.jobUser` on the project, without which they cannot run a query there. Set `false` if they have such a role already or query from another project: destroying the grant would take away an equal one of yours."
  type        = bool
  default     = true
}

variable "authorized_views" {
  description = "Views in other datasets that may read the tables on behalf of their readers. Each apply removes an authorised view that this list does not contain. The view must exist."
  type        = list(object({ project = string, dataset = string, view = string }))
  default     = []
}

variable "authorized_datasets" {
  description = "Datasets all of whose views may read the tables, as `authorized_views`."
  type        = list(object({ project = string, dataset = string }))
  default     = []
}

variable "max_time_travel_hours" {
  description = "Hours for which BigQuery keeps rows that a load replaced, readable with `FOR SYSTEM_TIME AS OF`: 48 to 168. After that, 7 days of fail-safe storage follow, which only Google's support reads."
  type        = number
  default     = 48
  validation {
    condition     = var.max_time_travel_hours >= 48 && var.max_time_travel_hours <= 168 && floor(var.max_time_travel_hours) == var.max_time_travel_hours
    error_message = "max_time_travel_hours must be a whole number from 48 to 168."
  }
}

variable "storage_billing_model" {
  description = "How BigQuery bills storage: `LOGICAL`, or `PHYSICAL`, which charges for replaced rows until they are gone. BigQuery allows a change every 14 days."
  type        = string
  default     = "LOGICAL"
  validation {
    condition     = contains(["LOGICAL", "PHYSICAL"], var.storage_billing_model)
    error_message = "storage_billing_model must be LOGICAL or PHYSICAL."
  }
}

variable "audit_retention_days" {
  description = "Days for which a log bucket keeps who read the datasets, and who changed tables, tags, masks and readers. `null`: no such bucket; Google keeps the records of reads for 30 days."
  type        = number
  default     = 730
  validation {
    condition     = var.audit_retention_days == null ? true : var.audit_retention_days >= 1 && var.audit_retention_days <= 3650
    error_message = "audit_retention_days must be a number from 1 to 3650, or null."
  }
}

variable "kms_key_name" {
  description = "Cloud KMS key for new tables and files, `projects/P/locations/L/keyRings/R/cryptoKeys/K`. BigQuery's and Cloud Storage's service agents must have the right to use it before the apply ([how](../../../docs/deploy.md#your-own-key-on-google-cloud)). Default: Google's keys."
  type        = string
  default     = null
  validation {
    condition     = var.kms_key_name == null ? true : can(regex("^projects/[^/]+/locations/[a-z0-9-]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key_name))
    error_message = "kms_key_name must have the form projects/P/locations/L/keyRings/R/cryptoKeys/K."
  }
}

variable "enable_apis" {
  description = "Whether this module enables the APIs. Set `false` if they are enabled elsewhere. The module never disables them."
  type        = bool
  default     = true
}

variable "labels" {
  description = "Labels for bucket and datasets, in addition to `landbridge_source`."
  type        = map(string)
  default     = {}
}

variable "alert_channels" {
  description = "Notification channels of Cloud Monitoring for an alert when a principal other than the functions changes a table, a policy tag, a mask, or who may read a dataset, the landing bucket or the project. Default: no such alert."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for channel in var.alert_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "A notification channel must have the form projects/P/notificationChannels/N."
  }
}
