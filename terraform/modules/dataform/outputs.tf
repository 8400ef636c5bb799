output "release" {
  description = "Name of the release configuration."
  value       = google_dataform_repository_release_config.production.name
}

output "workflow" {
  description = "Name of the workflow configuration."
  value       = google_dataform_repository_workflow_config.daily.name
}
