"""The Google side of Terraform's tests: the stand-in for the provider (google_provider.py) plans, applies and destroys
by calls to the local cloud's Google, as the real provider does with custom endpoints.

This file has no state of Google. It plans as the provider does (ForceNew, computed attributes), calls
google_resources.py, and lets a test look at the project and fill it.
"""

import json
import urllib.error
import urllib.request

from google_kinds import KINDS
from google_policies import policy_document
from google_resources import Refused
from msgpack import UNKNOWN

PROJECT = "shop-analytics"
# Where the tests have taxonomies.
LOCATIONS = ("asia-northeast3", "europe-west3")
# The attributes whose change makes a new resource: ForceNew in the provider's source.
FIXED = {
    "google_bigquery_datapolicy_data_policy": ["data_policy_id", "location", "project"],
    "google_bigquery_datapolicy_data_policy_iam_binding": ["data_policy_id", "location", "project", "role"],
    "google_bigquery_connection": ["connection_id", "location", "project"],
    "google_bigquery_connection_iam_member": ["connection_id", "location", "project", "role", "member"],
    "google_bigquery_dataset": ["dataset_id", "location", "project"],
    "google_data_catalog_policy_tag": ["taxonomy"],
    "google_data_catalog_policy_tag_iam_binding": ["policy_tag", "role"],
    "google_data_catalog_taxonomy": ["project", "region"],
    "google_data_catalog_taxonomy_iam_member": ["taxonomy", "role", "member"],
    "google_dataform_repository": ["name", "region", "project"],
    "google_iam_workload_identity_pool": ["workload_identity_pool_id", "project"],
    "google_iam_workload_identity_pool_provider": [
        "workload_identity_pool_id",
        "workload_identity_pool_provider_id",
        "project",
    ],
    "google_logging_project_bucket_config": ["bucket_id", "location", "project"],
    "google_logging_project_sink": ["name", "project"],
    "google_project_iam_custom_role": ["role_id", "project"],
    "google_project_iam_member": ["project", "role", "member"],
    "google_service_account": ["account_id", "project"],
    "google_service_account_iam_binding": ["service_account_id", "role"],
    "google_storage_bucket": ["name", "location", "project"],
    "google_storage_bucket_iam_policy": ["bucket"],
}


# What the server computes within a block of a new resource.
COMPUTED = {"google_bigquery_connection": {"cloud_resource": [{"service_account_id": UNKNOWN}]}}


class GoogleCloud:
    """A project of a running local Google. `variables` are those that `landbridge local up` prints."""

    def __init__(self, variables=None):
        self.tagged = []  # datasets whose table got a tagged column
        self.log = []  # what Terraform created, deleted and abandoned, in this order
        if variables:
            self.connect(variables)

    def connect(self, variables):
        self.bases = {
            "bigquery": variables["LANDBRIDGE_GOOGLE_APIS_ENDPOINT"],
            "storage": variables["LANDBRIDGE_GCS_ENDPOINT"],
        }
        self.token = variables["LANDBRIDGE_TOKEN_ADMINISTRATOR"]

    def call(self, method, path, body=None, service="bigquery"):
        """One call as the administrator; returns the answer's JSON."""
        request = urllib.request.Request(f"{self.bases[service]}/{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refused:
            raise self.refused(method, path, refused) from refused
        return json.loads(text) if text else {}

    @staticmethod
    def refused(method, path, answer):
        text = answer.read()
        try:
            error = json.loads(text)["error"]
        except (ValueError, KeyError):
            return Refused(answer.code, f"{method} {path}: Error {answer.code}")
        details = [f"{it['reason']} {it['metadata']['service']}" for it in error.get("details", [])]
        message = " ".join([f"{method} {path}: googleapi: Error {answer.code}: {error['message']}", *details])
        return Refused(answer.code, message, error["errors"][0]["reason"])

    def plan(self, kind, schema, prior, proposed, config):
        """The planned state, and the attributes that make a new resource."""
        if proposed is None:
            return None, []
        planned = dict(proposed)
        for name, attribute in schema.attributes.items():
            if attribute.computed and config.get(name) is None:
                planned[name] = UNKNOWN if prior is None else prior.get(name)
        if prior is None:
            planned |= COMPUTED.get(kind, {})
        changed = [it for it in FIXED.get(kind, []) if prior is not None and planned[it] != prior[it]]
        for name, attribute in schema.attributes.items():
            if changed and attribute.computed and config.get(name) is None:
                planned[name] = UNKNOWN
        return planned, changed

    def apply(self, kind, schema, prior, planned):
        """The state after the change."""
        if planned is None:
            return self.delete(kind, prior)
        resource = self.resource(kind)
        if prior is not None:
            return resource.update(prior, planned)
        known = {it: None if value is UNKNOWN else value for it, value in planned.items()}
        state = resource.create(known)
        self.log.append(("create", kind, state["id"]))
        return state

    def delete(self, kind, prior):
        policy = prior.get("deletion_policy")
        if policy == "PREVENT":
            raise Refused(400, f"{kind} {prior['id']}: deletion_policy is PREVENT")
        if policy == "ABANDON":
            self.log.append(("abandon", kind, prior["id"]))
            return None
        self.resource(kind).delete(prior)
        self.log.append(("delete", kind, prior["id"]))
        return None

    def read(self, kind, state):
        """A resource as it is now, or None if it was deleted."""
        return self.resource(kind).read(state)

    def read_data(self, kind, schema, config):
        if kind != "google_iam_policy":
            raise Refused(400, f"data source {kind}: the provider calls an API for it")
        return config | {"id": "policy", "policy_data": policy_document(config)}

    def resource(self, kind):
        return KINDS[kind](self.call)

    # What a test reads and fills.

    def add_table(self, dataset, tagged=None):
        """A table as a load creates it; `tagged` is the class of its column."""
        field = {"name": "email", "type": "STRING"}
        if tagged:
            field["policyTags"] = {"names": [self.tag(tagged)]}
            self.tagged.append(dataset)
        reference = {"projectId": PROJECT, "datasetId": dataset, "tableId": "creators"}
        body = {"tableReference": reference, "schema": {"fields": [field]}}
        self.call("POST", f"bigquery/v2/projects/{PROJECT}/datasets/{dataset}/tables", body)

    def add_tag(self, shown):
        """A tag of a taxonomy that is not Landbridge's; returns its name."""
        body = {"displayName": f"of {shown}", "activatedPolicyTypes": ["FINE_GRAINED_ACCESS_CONTROL"]}
        taxonomy = self.call("POST", f"v1/projects/{PROJECT}/locations/{LOCATIONS[0]}/taxonomies", body)
        return self.call("POST", f"v1/{taxonomy['name']}/policyTags", {"displayName": shown})["name"]

    def opened(self):
        """The datasets whose table exists and has lost the tag of its column."""
        found = []
        for dataset in self.tagged:
            path = f"bigquery/v2/projects/{PROJECT}/datasets/{dataset}/tables/creators"
            table = self.found(path)
            fields = table["schema"]["fields"] if table else []
            found += [dataset for field in fields if not field.get("policyTags", {}).get("names")]
        return found

    def found(self, path):
        """The answer to a GET, or None for 404."""
        try:
            return self.call("GET", path)
        except Refused as error:
            if error.code == 404:
                return None
            raise

    def disable(self, api):
        self.call("POST", f"v1/projects/{PROJECT}/services/{api}.googleapis.com:disable", {})

    def tags(self):
        """Taxonomies and tags: resource name → shown name."""
        if not self.is_on("datacatalog"):
            return {}
        found = {}
        for location in LOCATIONS:
            for taxonomy in self.call("GET", f"v1/projects/{PROJECT}/locations/{location}/taxonomies")["taxonomies"]:
                tags = self.call("GET", f"v1/{taxonomy['name']}/policyTags")["policyTags"]
                found |= {it["name"]: it["displayName"] for it in [taxonomy, *tags]}
        return found

    def tag(self, shown):
        return next(name for name, it in self.tags().items() if it == shown)

    def protection(self):
        """What stands between a reader and the plain values: taxonomies, tags, masks, and who reads what."""
        found = {name: (shown, self.bindings(name)) for name, shown in self.tags().items()}
        for location in LOCATIONS if self.is_on("bigquerydatapolicy") else ():
            parent = f"v1/projects/{PROJECT}/locations/{location}"
            for it in self.call("GET", f"{parent}/dataPolicies").get("dataPolicies", []):
                mask = it["dataMaskingPolicy"]["predefinedExpression"]
                found[it["name"]] = mask, self.bindings(it["name"])
        sinks = self.call("GET", f"v2/projects/{PROJECT}/sinks")["sinks"] if self.is_on("logging") else []
        return found | {it["name"]: (it["destination"], it["filter"]) for it in sinks}

    def bindings(self, name):
        policy = self.call("POST", f"v1/{name}:getIamPolicy", {})
        return [(it["role"], sorted(it["members"])) for it in policy["bindings"]]

    def is_on(self, api):
        services = self.call("GET", f"v1/projects/{PROJECT}/services")["services"]
        return f"{api}.googleapis.com" in [it["config"]["name"] for it in services]

    def contents(self):
        """What exists besides enabled APIs, log buckets and roles that can be undeleted."""
        found = list(self.protection())
        parent = f"v1/projects/{PROJECT}"
        if self.is_on("iam"):
            found += [it["name"] for it in self.call("GET", f"{parent}/roles")["roles"]]
            found += [it["name"] for it in self.call("GET", f"{parent}/serviceAccounts")["accounts"]]
            pools = self.call("GET", f"{parent}/locations/global/workloadIdentityPools")["workloadIdentityPools"]
            found += [it["name"] for it in pools]
        if self.is_on("bigquery"):
            datasets = self.call("GET", f"bigquery/v2/projects/{PROJECT}/datasets").get("datasets", [])
            found += [it["id"] for it in datasets]
        if self.is_on("storage"):
            buckets = self.call("GET", f"storage/v1/b?project={PROJECT}", service="storage")
            found += [it["name"] for it in buckets.get("items", [])]
        for api, kind in (("bigqueryconnection", "connections"), ("dataform", "repositories")):
            for location in LOCATIONS if self.is_on(api) else ():
                listed = self.call("GET", f"{parent}/locations/{location}/{kind}")
                found += [it["name"] for it in listed.get(kind, [])]
        if self.is_on("cloudresourcemanager"):
            found += self.bindings(f"projects/{PROJECT}")
        return found
