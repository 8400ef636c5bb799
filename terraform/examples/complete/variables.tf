variable "package_dir" {
  description = "Folder of the functions' packages, made by `make package`."
  type        = string
  default     = "../../../target/lambda/arm64"
}

variable "alert_emails" {
  description = "Addresses that alarms are sent to."
  type        = list(string)
  default     = []
}

variable "enabled" {
  description = "Whether the schedules run; `false` deploys everything and starts nothing."
  type        = bool
  default     = true
}
