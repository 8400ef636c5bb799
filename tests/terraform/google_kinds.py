"""The kinds of resources that our modules use: how the provider makes each."""

from google_policies import BucketPolicy, grant
from google_resources import (
    AlertPolicy,
    Bucket,
    Connection,
    CustomRole,
    DataPolicy,
    Dataset,
    LogBucket,
    PolicyTag,
    Pool,
    PoolProvider,
    ProjectService,
    Repository,
    ServiceAccount,
    Sink,
    Taxonomy,
)


def data_policy(state):
    return f"v1/projects/{state['project']}/locations/{state['location']}/dataPolicies/{state['data_policy_id']}"


def connection(state):
    return f"v1/projects/{state['project']}/locations/{state['location']}/connections/{state['connection_id']}"


KINDS = {
    "google_project_service": ProjectService,
    "google_project_iam_custom_role": CustomRole,
    "google_project_iam_member": grant(lambda it: f"v1/projects/{it['project']}"),
    "google_service_account": ServiceAccount,
    "google_service_account_iam_binding": grant(lambda it: f"v1/{it['service_account_id']}"),
    "google_iam_workload_identity_pool": Pool,
    "google_iam_workload_identity_pool_provider": PoolProvider,
    "google_data_catalog_taxonomy": Taxonomy,
    "google_data_catalog_taxonomy_iam_member": grant(lambda it: f"v1/{it['taxonomy']}"),
    "google_data_catalog_policy_tag": PolicyTag,
    "google_data_catalog_policy_tag_iam_binding": grant(lambda it: f"v1/{it['policy_tag']}"),
    "google_bigquery_datapolicy_data_policy": DataPolicy,
    "google_bigquery_datapolicy_data_policy_iam_binding": grant(data_policy),
    "google_bigquery_dataset": Dataset,
    "google_storage_bucket": Bucket,
    "google_storage_bucket_iam_policy": BucketPolicy,
    "google_logging_project_bucket_config": LogBucket,
    "google_logging_project_sink": Sink,
    "google_monitoring_alert_policy": AlertPolicy,
    "google_bigquery_connection": Connection,
    "google_bigquery_connection_iam_member": grant(connection),
    "google_dataform_repository": Repository,
}
