variable "config_file" {
  description = "Path of `landbridge.yaml`. The module reads project, location, the models' dataset and the schedule's time zone from it."
  type        = string
  validation {
    condition     = fileexists(var.config_file)
    error_message = "The file does not exist. `landbridge init` writes a first one, and `landbridge check --config FILE` validates it."
  }
}

variable "repository" {
  description = "Name of the Dataform repository: output `dataform_repository` of the gcp module, which has one with `dataform = true`."
  type        = string
  validation {
    condition     = var.repository != null && can(regex("^[A-Za-z0-9_-]+$", var.repository))
    error_message = "There is no repository. Set `dataform = true` in the gcp module and pass its output dataform_repository."
  }
}

variable "service_account" {
  description = "E-mail address of the account that the queries run as: output `models_service_account` of the gcp module. Another account is refused."
  type        = string
}

variable "release_schedule" {
  description = "When Dataform compiles the repository's files, as cron with five fields."
  type        = string
  default     = "0 4 * * *"
  validation {
    condition     = can(regex("^\\S+ \\S+ \\S+ \\S+ \\S+$", var.release_schedule))
    error_message = "release_schedule must be cron with five fields, for example \"0 4 * * *\"."
  }
}

variable "run_schedule" {
  description = "When Dataform executes the newest compiled files, as cron with five fields. Choose a time after the day's deadline, so that the tables of the day are there."
  type        = string
  default     = "30 4 * * *"
  validation {
    condition     = can(regex("^\\S+ \\S+ \\S+ \\S+ \\S+$", var.run_schedule))
    error_message = "run_schedule must be cron with five fields, for example \"30 4 * * *\"."
  }
}

variable "time_zone" {
  description = "Time zone of both schedules. Default: that of `schedule` in `landbridge.yaml`."
  type        = string
  default     = null
}
