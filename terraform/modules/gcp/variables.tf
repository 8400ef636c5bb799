variable "config_file" {
  description = "Path of `landbridge.yaml`. The module reads project, location, bucket, datasets, classes and readers from it."
  type        = string
  validation {
    condition     = fileexists(var.config_file)
    error_message = "The file does not exist. `landbridge init` writes a first one, and `landbridge check --config FILE` validates it."
  }
}

variable "aws_role_arns" {
  description = "AWS roles of the functions: output `role_arns` of the aws module. Only `transfer`, `load` and `protect` are trusted, by their exact names and only in this account."
  type        = map(string)
  validation {
    condition     = alltrue([for function in ["transfer", "load", "protect"] : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@-]+$", var.aws_role_arns[function]))])
    error_message = "aws_role_arns must contain the ARNs of three roles without a path, under the keys `transfer`, `load` and `protect`."
  }
}

variable "landing_retention_days" {
  description = "Days after which transferred files, which contain plain personal data, are deleted from Cloud Storage."
  type        = number
  default     = 7
  validation {
    condition     = var.landing_retention_days >= 2
    error_message = "landing_retention_days must be at least 2: the files of a day are needed until the day is loaded."
  }
}

variable "dataset_readers" {
  description = "IAM members who may query the dataset at all; what they see of a column is decided by its class. Default: all members that the classes in `landbridge.yaml` name."
  type        = list(string)
  default     = null
  validation {
    condition     = var.dataset_readers == null ? true : alltrue([for member in var.dataset_readers : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):", member))])
    error_message = "A member must have a form such as `group:analysts@example.com`; allUsers and allAuthenticatedUsers are not accepted."
  }
}

variable "ops_readers" {
  description = "IAM members who may query the receipts. Default: `dataset_readers`."
  type        = list(string)
  default     = null
  validation {
    condition     = var.ops_readers == null ? true : alltrue([for member in var.ops_readers : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):", member))])
    error_message = "A member must have a form such as `group:analysts@example.com`; allUsers and allAuthenticatedUsers are not accepted."
  }
}

variable "loader_role" {
  description = "Role of the load on both datasets. Default: a custom role that can neither read rows nor delete tables. The only sufficient predefined role is `roles/bigquery.dataOwner`."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` refuses to delete datasets that contain tables, and the landing bucket while it contains files; and whether the policy tag of a removed class stays in Google Cloud, so that no column loses its protection."
  type        = bool
  default     = true
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
  description = "Notification channels of Cloud Monitoring for an alert when somebody other than the functions changes a table, a policy tag or a mask. Default: no such alert."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for channel in var.alert_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "A notification channel must have the form projects/P/notificationChannels/N."
  }
}
