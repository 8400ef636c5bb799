"""What a Google Cloud project contains, as far as Terraform's provider sees it: the stand-in
(google_provider.py) plans, applies and destroys against it.

It refuses what would go wrong on the real one, and writes down what would be worse than a refusal:

- a call of an API that is not enabled (provider issues #6101, #16883);
- a dataset that still has tables, a bucket that still has files (BigQuery v2, datasets.delete with
  deleteContents=false; the provider's `force_destroy`);
- a resource whose `deletion_policy` is PREVENT (the provider's documentation, 8.7); ABANDON forgets it;
- a name that is taken.
"""

from msgpack import UNKNOWN

NUMBER = "123456789"
# The attributes whose change makes a new resource: ForceNew in the provider's source.
FIXED = {
    "google_bigquery_datapolicy_data_policy": ["data_policy_id", "location", "project"],
    "google_bigquery_datapolicy_data_policy_iam_binding": ["data_policy_id", "location", "project", "role"],
    "google_bigquery_dataset": ["dataset_id", "location", "project"],
    "google_data_catalog_policy_tag": ["taxonomy"],
    "google_data_catalog_policy_tag_iam_binding": ["policy_tag", "role"],
    "google_data_catalog_taxonomy": ["project", "region"],
    "google_data_catalog_taxonomy_iam_member": ["taxonomy", "role", "member"],
    "google_iam_workload_identity_pool": ["workload_identity_pool_id", "project"],
    "google_logging_project_bucket_config": ["bucket_id", "location", "project"],
    "google_project_iam_custom_role": ["role_id", "project"],
    "google_project_iam_member": ["project", "role", "member"],
    "google_service_account": ["account_id", "project"],
    "google_storage_bucket": ["name", "location", "project"],
    "google_storage_bucket_iam_policy": ["bucket"],
}
# The attributes that must be unique among the resources of a type.
UNIQUE = {
    "google_bigquery_datapolicy_data_policy": ["project", "location", "data_policy_id"],
    "google_data_catalog_policy_tag": ["taxonomy", "display_name"],
    "google_data_catalog_taxonomy": ["display_name"],
    "google_iam_workload_identity_pool": ["project", "workload_identity_pool_id"],
    "google_project_iam_custom_role": ["project", "role_id"],
    "google_service_account": ["project", "account_id"],
}
# How a resource that Google names is called.
NAMES = {
    "google_data_catalog_policy_tag": "{taxonomy}/policyTags/{n}",
    "google_data_catalog_taxonomy": "projects/{project}/locations/{region}/taxonomies/{n}",
    "google_iam_workload_identity_pool": f"projects/{NUMBER}/locations/global/workloadIdentityPools/{{workload_identity_pool_id}}",
    "google_project_iam_custom_role": "projects/{project}/roles/{role_id}",
    "google_service_account": "projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com",
}
# Other attributes that follow from the name (IAM v1, projects.serviceAccounts).
ADDRESSES = {
    "google_service_account": {
        "email": "{account_id}@{project}.iam.gserviceaccount.com",
        "member": "serviceAccount:{account_id}@{project}.iam.gserviceaccount.com",
    },
}
# The API that a type calls, by the beginning of its name; the longest that fits.
APIS = {
    "google_bigquery_datapolicy": "bigquerydatapolicy",
    "google_bigquery_dataset": "bigquery",
    "google_data_catalog": "datacatalog",
    "google_iam_workload": "iam",
    "google_logging": "logging",
    "google_monitoring": "monitoring",
    "google_project_iam_custom_role": "iam",
    "google_project_iam_member": "cloudresourcemanager",
    "google_service_account": "iam",
    "google_storage": "storage",
}
# What Terraform's provider needs to enable an API.
FIRST = {"cloudresourcemanager", "serviceusage"}


class Refused(Exception):
    """Google's answer to a call that it refuses."""


class GoogleCloud:
    """One project. `tables` are the datasets that have tables, and `files` whether the bucket has files."""

    def __init__(self, enabled=FIRST, tables=(), files=False):
        self.enabled, self.tables, self.files = set(enabled), set(tables), files
        self.resources = {}  # by type and id: the resource's state
        self.log = []  # what was created, deleted and abandoned, in this order
        self.opened = []  # deletions that opened the columns of tables
        self.count = 0

    def plan(self, kind, schema, prior, proposed, config):
        """The planned state, and the attributes that make a new resource."""
        if proposed is None:
            return None, []
        planned = dict(proposed)
        for name, attribute in schema.attributes.items():
            if attribute.computed and config.get(name) is None:
                planned[name] = UNKNOWN if prior is None else prior.get(name)
        changed = [it for it in FIXED.get(kind, []) if prior is not None and planned[it] != prior[it]]
        for name, attribute in schema.attributes.items():
            if changed and attribute.computed and config.get(name) is None:
                planned[name] = UNKNOWN
        return planned, changed

    def apply(self, kind, schema, prior, planned):
        """The state after the change."""
        if planned is None:
            return self.delete(kind, prior)
        self.needs_api(kind)
        if prior is not None:
            self.resources[kind, prior["id"]] = planned
            return planned
        self.is_free(kind, planned)
        self.count += 1
        state = dict(planned)
        name = NAMES.get(kind, f"{kind}/{{n}}").format(**planned | {"n": self.count})
        for it, address in ADDRESSES.get(kind, {}).items():
            state[it] = address.format(**planned)
        for it, attribute in schema.attributes.items():
            if state[it] is UNKNOWN:
                state[it] = name if it in ("id", "name") else self.invent(attribute.type)
        if kind == "google_project_service":
            self.enabled.add(state["service"].partition(".")[0])
        self.resources[kind, state["id"]] = state
        self.log.append(("create", kind, state["id"]))
        return state

    def delete(self, kind, prior):
        self.needs_api(kind)
        policy = prior.get("deletion_policy")
        if policy == "PREVENT":
            raise Refused(f"{kind} {prior['id']}: deletion_policy is PREVENT")
        if policy == "ABANDON":
            self.log.append(("abandon", kind, prior["id"]))
            return None
        if kind == "google_bigquery_dataset" and prior["dataset_id"] in self.tables:
            if not prior["delete_contents_on_destroy"]:
                raise Refused(f"Dataset {prior['dataset_id']} is still in use")
            self.tables.remove(prior["dataset_id"])
        if kind == "google_storage_bucket" and self.files and not prior["force_destroy"]:
            raise Refused(f"Bucket {prior['name']} is not empty")
        if kind in ("google_data_catalog_policy_tag", "google_data_catalog_taxonomy") and self.tables:
            self.opened.append(prior["id"])
        del self.resources[kind, prior["id"]]
        self.log.append(("delete", kind, prior["id"]))
        return None

    def read(self, kind, state):
        """A resource as it is now, or None if it was deleted."""
        return self.resources.get((kind, state["id"]))

    def read_data(self, kind, schema, config):
        if kind != "google_iam_policy":
            raise Refused(f"data source {kind}: the provider calls an API for it")
        return config | {"id": "policy", "policy_data": "{}"}

    def needs_api(self, kind):
        if kind == "google_project_service":
            missing = FIRST - self.enabled
        else:
            api = max((it for it in APIS if kind.startswith(it)), key=len)
            missing = {APIS[api]} - self.enabled
        if missing:
            raise Refused(f"{kind}: SERVICE_DISABLED {', '.join(sorted(missing))}")

    def is_free(self, kind, planned):
        if kind not in UNIQUE:
            return
        wanted = [planned[it] for it in UNIQUE[kind]]
        for (other, name), state in self.resources.items():
            if other == kind and [state[it] for it in UNIQUE[kind]] == wanted:
                raise Refused(f"{kind} {name} already exists")

    def invent(self, kind):
        if kind.startswith("["):
            return {} if kind.startswith('["map"') else []
        return {'"string"': f"made-{self.count}", '"number"': self.count, '"bool"': False}[kind]
