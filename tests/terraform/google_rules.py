"""What Google's provider and Google's APIs accept as values, for the attributes that our modules set.

The schema (google_schema.py) does not contain these limits: the provider checks some of them in code
before it plans, the others are refused by the API when Terraform applies. Every rule names its source:

- "provider": the function of hashicorp/terraform-provider-google that checks it.
- "reference": the description of the attribute in the provider's documentation, version 8.7.
- an API: its discovery document or reference.
"""

import re
from dataclasses import dataclass

from msgpack import UNKNOWN

LETTERS = "a-zA-Z0-9_"
DELETION = ("PREVENT", "ABANDON", "DELETE")  # reference, `deletion_policy`


@dataclass
class Text:
    """A text of `shortest` to `longest` characters (or bytes) that matches `pattern`."""

    pattern: str = ".*"
    shortest: int = 1
    longest: int = 100_000
    bytes: bool = False
    never: str = r"(?!)"

    def fault(self, value):
        size = len(value.encode()) if self.bytes else len(value)
        if not self.shortest <= size <= self.longest:
            unit = "bytes" if self.bytes else "characters"
            return f"has {size} {unit}, not {self.shortest} to {self.longest}"
        if not re.fullmatch(self.pattern, value, re.S) or re.match(self.never, value):
            return f"does not match {self.pattern}"
        return None


@dataclass
class OneOf:
    values: tuple

    def fault(self, value):
        return None if value in self.values else f"is not one of {', '.join(self.values)}"


@dataclass
class Number:
    least: int
    most: int

    def fault(self, value):
        fits = re.fullmatch(r"[0-9]+", str(value)) and self.least <= int(value) <= self.most
        return None if fits else f"is not a number from {self.least} to {self.most}"


@dataclass
class Labels:
    """Google's documentation, "Requirements for labels": keys begin with a lower-case letter; keys
    and values have at most 63 characters of lower-case letters, digits, `_` and `-`; at most 64 labels.
    """

    def fault(self, value):
        if len(value) > 64:
            return f"has {len(value)} labels, not 64 or fewer"
        for key, text in value.items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key):
                return f"has the key {key}, which is not a label's key"
            if text is not UNKNOWN and not re.fullmatch(r"[a-z0-9_-]{0,63}", text):
                return f"has the value {text}, which is not a label's value"
        return None


# provider, ValidateWorkloadIdentityPoolId and ValidateWorkloadIdentityPoolProviderId.
POOL_ID = Text(r"[0-9a-z-]+", 4, 32, never="gcp-")
# reference: "contain only unicode letters, numbers, underscores, dashes and spaces; not start or end
# with spaces; at most 200 bytes".
CATALOG_NAME = Text(r"(?! )[\w -]+(?<! )", 1, 200, bytes=True)
# IAM v1, Binding: the forms of members that a module may grant.
MEMBER = Text(
    r"(user|group|serviceAccount|domain):[^\s:]+|principal(Set)?://\S+", never="allUsers|allAuthenticatedUsers"
)
# A mocked provider invents eight characters for a name that the real one knows after it created the
# resource.
INVENTED = r"|[a-z0-9]{8}"
ROLE = Text(rf"roles/[a-zA-Z0-9._]+|(projects|organizations)/[^/]+/roles/[a-zA-Z0-9_.]{{3,64}}{INVENTED}")
TAXONOMY = Text(rf"projects/[^/]+/locations/[a-z0-9-]+/taxonomies/[0-9]+{INVENTED}")
POLICY_TAG = Text(rf"projects/[^/]+/locations/[a-z0-9-]+/taxonomies/[0-9]+/policyTags/[0-9]+{INVENTED}")

RULES = {
    "google_iam_workload_identity_pool": {
        "workload_identity_pool_id": POOL_ID,
        "display_name": Text(longest=32),  # reference
        "description": Text(longest=256),  # reference
    },
    "google_iam_workload_identity_pool_provider": {
        "workload_identity_pool_id": POOL_ID,
        "workload_identity_pool_provider_id": POOL_ID,
        "display_name": Text(longest=32),  # reference
        "description": Text(longest=256),  # reference
        "attribute_condition": Text(longest=4096),  # reference
        "aws.account_id": Text(r"[0-9]{12}"),  # IAM v1, workloadIdentityPools.providers
    },
    "google_project_iam_custom_role": {
        "role_id": Text(rf"[{LETTERS}.]+", 3, 64),  # provider, ValidateIAMCustomRoleID
        "title": Text(longest=100, bytes=True),  # IAM v1, Role
        "permissions": Text(r"[a-z]+(\.[a-zA-Z]+){2}"),  # IAM v1, Role
    },
    "google_project_iam_member": {"role": ROLE, "member": MEMBER},
    "google_data_catalog_taxonomy": {
        "display_name": CATALOG_NAME,
        "description": Text(longest=2000, bytes=True),  # reference
        "activated_policy_types": OneOf(("FINE_GRAINED_ACCESS_CONTROL",)),  # provider, ValidateEnum
        "region": Text(r"[a-z0-9-]+"),  # Data Catalog's locations are lower-case
        "deletion_policy": OneOf(DELETION),
    },
    "google_data_catalog_policy_tag": {
        "display_name": CATALOG_NAME,
        "description": Text(longest=2000, bytes=True),  # reference
        "deletion_policy": OneOf(DELETION),
    },
    "google_data_catalog_taxonomy_iam_member": {"taxonomy": TAXONOMY, "role": ROLE, "member": MEMBER},
    "google_data_catalog_policy_tag_iam_binding": {"role": ROLE, "members": MEMBER},
    "google_bigquery_datapolicy_data_policy": {
        # reference: "unique within a project". The characters are those of BigQuery's other ids.
        "data_policy_id": Text(rf"[{LETTERS}]+"),
        "data_policy_type": OneOf(("COLUMN_LEVEL_SECURITY_POLICY", "DATA_MASKING_POLICY")),  # reference
        "policy_tag": POLICY_TAG,
        # reference
        "data_masking_policy.predefined_expression": OneOf(
            (
                "SHA256",
                "ALWAYS_NULL",
                "DEFAULT_MASKING_VALUE",
                "LAST_FOUR_CHARACTERS",
                "FIRST_FOUR_CHARACTERS",
                "EMAIL_MASK",
                "DATE_YEAR_MASK",
            )
        ),
    },
    "google_bigquery_datapolicy_data_policy_iam_binding": {"role": ROLE, "members": MEMBER},
    "google_bigquery_dataset": {
        "dataset_id": Text(rf"[{LETTERS}]+", 1, 1024),  # provider, validateDatasetId
        "labels": Labels(),
        "max_time_travel_hours": Number(48, 168),  # reference
        "storage_billing_model": OneOf(("LOGICAL", "PHYSICAL")),  # reference
        "access.special_group": OneOf(("projectOwners",)),  # ours: no default entry may come back
        "access.iam_member": MEMBER,
        "access.domain": Text(r"[a-z0-9.-]+"),
        "access.group_by_email": Text(r"[^\s@]+@[^\s@]+"),
        "access.user_by_email": Text(r"[^\s@]+@[^\s@]+"),
        # BigQuery v2, TableReference: "at most 1,024 characters"
        "access.view.table_id": Text(longest=1024),
        "access.view.dataset_id": Text(rf"[{LETTERS}]+", 1, 1024),
    },
    "google_storage_bucket": {
        # Google's documentation, "About Cloud Storage buckets", bucket names.
        "name": Text(
            r"[a-z0-9]([a-z0-9_-]{1,61}|[a-z0-9._-]{1,220})[a-z0-9]", 3, 222, never=r"goog|.*google|.*\.\."
        ),
        "labels": Labels(),
        "public_access_prevention": OneOf(("enforced", "inherited")),  # provider, ValidateEnum
        "lifecycle_rule.condition.age": Number(0, 2**31 - 1),
        # reference
        "lifecycle_rule.action.type": OneOf(("Delete", "SetStorageClass", "AbortIncompleteMultipartUpload")),
        # reference: 0, or 7 to 90 days
        "soft_delete_policy.retention_duration_seconds": Number(0, 90 * 86400),
    },
    "google_logging_project_bucket_config": {
        # Cloud Logging v2, LogBucket: the id's characters and length; 1 to 3650 days.
        "bucket_id": Text(r"[a-zA-Z0-9_.-]+", 1, 100),
        "retention_days": Number(1, 3650),
        "location": Text(r"[a-z0-9-]+"),
        "description": Text(longest=8000),
        "deletion_policy": OneOf(DELETION),
    },
    "google_logging_project_sink": {
        # Cloud Logging v2, LogSink.
        "name": Text(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", 1, 100),
        "description": Text(longest=8000),
        "destination": Text(r"logging\.googleapis\.com/projects/[^/]+/locations/[^/]+/buckets/[a-zA-Z0-9_.-]+"),
        "filter": Text(longest=20_000),
    },
    "google_project_service": {"service": Text(r"[a-z0-9-]+\.googleapis\.com")},
    "google_monitoring_alert_policy": {
        "display_name": Text(longest=512),  # Cloud Monitoring v3, AlertPolicy
        "combiner": OneOf(("AND", "OR", "AND_WITH_MATCHING_RESOURCE")),  # reference
        "severity": OneOf(("CRITICAL", "ERROR", "WARNING")),  # reference
        "user_labels": Labels(),
        "documentation.content": Text(longest=8192),  # Cloud Monitoring v3, Documentation
        "alert_strategy.notification_rate_limit.period": Text(r"[0-9]+s"),
    },
}


def faults(kind, config):
    """What the provider or the API refuses in a resource's configuration, one line each."""
    for path, rule in RULES.get(kind, {}).items():
        for value in values_at(config, path.split(".")):
            fault = rule.fault(value)
            if fault:
                yield f"{path}: {value!r} {fault}"


def values_at(value, path):
    """The known values at a path through blocks; of a list or set, each element."""
    if value is None or value is UNKNOWN:
        return
    if isinstance(value, list):
        for it in value:
            yield from values_at(it, path)
    elif path:
        yield from values_at(value.get(path[0]), path[1:])
    else:
        yield value
