"""How Terraform's Google provider creates, reads, changes and deletes each kind of resource that our modules use:
which calls it makes, in which order, and what it writes to the state.

Each class names the file and the function of the provider's source that it follows, at revision
e03b7622a26cf4e878f90bdccaca6aa3d03a7999 of hashicorp/terraform-provider-google, below `google/services/`.
"""

import json
import time
from urllib.parse import quote, urlencode


class Refused(Exception):
    """Google's answer to a call that it refuses."""

    def __init__(self, code, message, reason=""):
        super().__init__(message)
        self.code, self.reason = code, reason


def one(state, block):
    """The only block of a kind, or an empty one."""
    blocks = state.get(block) or []
    return blocks[0] if blocks else {}


def without_nothing(body):
    """The provider sends no field that is not set."""
    return {key: value for key, value in body.items() if value not in (None, "", [], {})}


class Resource:
    """A resource with a URL: the generated resources of the provider have this form."""

    # Attribute → field of the API, for what is sent in a body and read back.
    FIELDS = {}
    # Attribute → field, for what the server computes.
    COMPUTED = {}
    # Attributes that are optional and computed: what the server chose stays out of the state if nothing is set.
    CHOSEN = ()
    # Whether a change is a long-running operation.
    OPERATION = False
    UPDATE = "PATCH"
    VERSION = "v1"

    def __init__(self, api):
        self.api = api

    def collection(self, state):
        """The path and the query of a creation."""
        raise NotImplementedError

    def name(self, state):
        """The path of the resource."""
        return state["name"]

    def body(self, state):
        return without_nothing({field: state[it] for it, field in self.FIELDS.items()})

    def fill(self, state, resource):
        """The state, with what the server says."""
        fields = self.FIELDS.items()
        read = {it: resource.get(field) for it, field in fields if it not in self.CHOSEN or state[it] is not None}
        read = {it: value for it, value in read.items() if not (value is None and state[it] in ("", [], {}, False))}
        return state | read | {it: resource.get(field) for it, field in self.COMPUTED.items()}

    def id(self, state):
        return self.name(state)

    def is_gone(self, resource):
        return resource.get("state") == "DELETED"

    def get(self, state):
        try:
            resource = self.api("GET", self.name(state))
        except Refused as error:
            if error.code == 404:
                return None
            raise
        return None if self.is_gone(resource) else resource

    def create(self, state):
        answer = self.api("POST", self.collection(state), self.body(state))
        if self.OPERATION:
            self.wait(answer)
        else:
            state = self.fill(state, answer)
        return self.refreshed(state)

    def refreshed(self, state):
        """Every creation and change of the provider ends with a read."""
        state = state | {"id": self.id(state)}
        read = self.read(state)
        assert read is not None, f"{state['id']} is gone after its creation"
        return read

    def read(self, state):
        resource = self.get(state)
        return None if resource is None else self.fill(state, resource)

    def update(self, prior, state):
        changed = [it for it in self.FIELDS if prior[it] != state[it]]
        if changed:
            mask = ",".join(self.FIELDS[it] for it in changed)
            query = f"?updateMask={quote(mask)}" if self.UPDATE == "PATCH" else ""
            answer = self.api(self.UPDATE, self.name(state) + query, self.body(state))
            if self.OPERATION:
                self.wait(answer)
        return self.refreshed(state)

    def delete(self, state):
        answer = self.api("DELETE", self.name(state))
        if self.OPERATION:
            self.wait(answer)

    def wait(self, operation):
        """tpgresource/common_operation.go, OperationWait: polls until it is done."""
        for _ in range(100):
            if operation.get("done"):
                if "error" in operation:
                    raise Refused(operation["error"].get("code", 500), operation["error"].get("message", ""))
                return
            operation = self.api("GET", f"{self.VERSION}/{operation['name']}")
            time.sleep(0.01)
        raise Refused(504, f"the operation {operation['name']} does not end")


class ProjectService(Resource):
    """resourcemanager/resource_google_project_service.go: Create, Read; serviceusage_batching.go."""

    def enabled(self, state):
        answer = self.api("GET", f"v1/projects/{state['project']}/services?filter=state:ENABLED")
        return {it["config"]["name"] for it in answer.get("services", [])}

    def create(self, state):
        if state["service"] not in self.enabled(state):
            body = {"serviceIds": [state["service"]]}
            self.wait(self.api("POST", f"v1/projects/{state['project']}/services:batchEnable", body))
        return self.read(state | {"id": f"{state['project']}/{state['service']}"})

    def read(self, state):
        self.api("GET", f"v1/projects/{state['project']}")
        return state if state["service"] in self.enabled(state) else None

    def update(self, prior, state):
        return state

    def delete(self, state):
        if state["disable_on_destroy"]:
            self.wait(self.api("POST", f"v1/projects/{state['project']}/services/{state['service']}:disable", {}))


class CustomRole(Resource):
    """resourcemanager/resource_google_project_iam_custom_role.go: Create, Update, Read, Delete."""

    FIELDS = {"title": "title", "description": "description", "stage": "stage", "permissions": "includedPermissions"}
    COMPUTED = {"name": "name"}

    def name(self, state):
        return f"v1/projects/{state['project']}/roles/{state['role_id']}"

    def id(self, state):
        return f"projects/{state['project']}/roles/{state['role_id']}"

    def is_gone(self, resource):
        return False

    def create(self, state):
        role = self.get(state)
        if role and not role.get("deleted"):
            raise Refused(409, f"Custom project role {self.id(state)} already exists and must be imported")
        if role:
            self.api("POST", f"{self.name(state)}:undelete", {})
            self.api("PATCH", self.name(state), self.body(state))
        else:
            body = {"roleId": state["role_id"], "role": self.body(state)}
            self.api("POST", f"v1/projects/{state['project']}/roles", body)
        return self.refreshed(state)

    def fill(self, state, resource):
        permissions = set(resource.get("includedPermissions", []))
        same = permissions == set(state["permissions"] or [])
        stage = resource.get("stage") or state.get("stage")
        state = super().fill(state, resource | {"stage": stage})
        if same:
            state["permissions"] = sorted(permissions)
        return state | {"deleted": bool(resource.get("deleted"))}

    def update(self, prior, state):
        role = self.get(state)
        if role and role.get("deleted"):
            self.api("POST", f"{self.name(state)}:undelete", {})
        if any(prior[it] != state[it] for it in self.FIELDS):
            self.api("PATCH", self.name(state), self.body(state))
        return self.refreshed(state)


class ServiceAccount(Resource):
    """resourcemanager/resource_google_service_account.go: Create, Read, Update, Delete."""

    FIELDS = {"display_name": "displayName", "description": "description"}
    COMPUTED = {"email": "email", "unique_id": "uniqueId", "name": "name"}

    def name(self, state):
        return f"v1/{self.id(state)}"

    def id(self, state):
        project = state["project"]
        return f"projects/{project}/serviceAccounts/{state['account_id']}@{project}.iam.gserviceaccount.com"

    def create(self, state):
        body = {"accountId": state["account_id"], "serviceAccount": self.body(state)}
        self.api("POST", f"v1/projects/{state['project']}/serviceAccounts", body)
        return self.refreshed(state)

    def fill(self, state, resource):
        return super().fill(state, resource) | {"member": f"serviceAccount:{resource['email']}"}

    def update(self, prior, state):
        mask = ",".join(field for it, field in self.FIELDS.items() if prior[it] != state[it])
        if mask:
            self.api("PATCH", self.name(state), {"serviceAccount": self.body(state), "updateMask": mask})
        return self.refreshed(state)


class Pool(Resource):
    """iambeta/resource_iam_workload_identity_pool.go: Create, Read, Update, Delete."""

    FIELDS = {"display_name": "displayName", "description": "description", "disabled": "disabled"}
    COMPUTED = {"name": "name", "state": "state"}
    OPERATION = True

    def collection(self, state):
        query = urlencode({"workloadIdentityPoolId": state["workload_identity_pool_id"]})
        return f"v1/projects/{state['project']}/locations/global/workloadIdentityPools?{query}"

    def name(self, state):
        return f"v1/{self.id(state)}"

    def id(self, state):
        return f"projects/{state['project']}/locations/global/workloadIdentityPools/{state['workload_identity_pool_id']}"


class PoolProvider(Resource):
    """iambeta/resource_iam_workload_identity_pool_provider.go: Create, Read, Update, Delete."""

    FIELDS = {
        "display_name": "displayName",
        "description": "description",
        "disabled": "disabled",
        "attribute_mapping": "attributeMapping",
        "attribute_condition": "attributeCondition",
    }
    COMPUTED = {"name": "name", "state": "state"}
    OPERATION = True

    def pool(self, state):
        return f"projects/{state['project']}/locations/global/workloadIdentityPools/{state['workload_identity_pool_id']}"

    def collection(self, state):
        query = urlencode({"workloadIdentityPoolProviderId": state["workload_identity_pool_provider_id"]})
        return f"v1/{self.pool(state)}/providers?{query}"

    def name(self, state):
        return f"v1/{self.id(state)}"

    def id(self, state):
        return f"{self.pool(state)}/providers/{state['workload_identity_pool_provider_id']}"

    def body(self, state):
        return super().body(state) | {"aws": {"accountId": one(state, "aws")["account_id"]}}


class Taxonomy(Resource):
    """datacatalog/resource_data_catalog_taxonomy.go: Create, Read, Update, Delete."""

    FIELDS = {
        "display_name": "displayName",
        "description": "description",
        "activated_policy_types": "activatedPolicyTypes",
    }
    COMPUTED = {"name": "name"}

    def collection(self, state):
        return f"v1/projects/{state['project']}/locations/{state['region']}/taxonomies"

    def name(self, state):
        return f"v1/{state['name']}"

    def id(self, state):
        return state["name"]


class PolicyTag(Resource):
    """datacatalog/resource_data_catalog_policy_tag.go: Create, Read, Update, Delete."""

    FIELDS = {"display_name": "displayName", "description": "description", "parent_policy_tag": "parentPolicyTag"}
    COMPUTED = {"name": "name"}

    def collection(self, state):
        return f"v1/{state['taxonomy']}/policyTags"

    def name(self, state):
        return f"v1/{state['name']}"

    def id(self, state):
        return state["name"]


class DataPolicy(Resource):
    """bigquerydatapolicy/resource_bigquery_datapolicy_data_policy.go: Create, Read, Update, Delete."""

    FIELDS = {"policy_tag": "policyTag", "data_policy_type": "dataPolicyType"}
    COMPUTED = {"name": "name"}

    def collection(self, state):
        return f"v1/projects/{state['project']}/locations/{state['location']}/dataPolicies"

    def name(self, state):
        return f"v1/{self.id(state)}"

    def id(self, state):
        return f"projects/{state['project']}/locations/{state['location']}/dataPolicies/{state['data_policy_id']}"

    def mask(self, state):
        return one(state, "data_masking_policy").get("predefined_expression")

    def body(self, state):
        mask = {"predefinedExpression": self.mask(state)}
        return super().body(state) | {"dataPolicyId": state["data_policy_id"], "dataMaskingPolicy": mask}

    def fill(self, state, resource):
        masks = [it | {"predefined_expression": resource["dataMaskingPolicy"]["predefinedExpression"]} for it in state["data_masking_policy"]]
        return super().fill(state, resource) | {"data_masking_policy": masks}

    def update(self, prior, state):
        if self.mask(prior) != self.mask(state):
            self.api("PATCH", f"{self.name(state)}?updateMask=dataMaskingPolicy", self.body(state))
        return super().update(prior, state)


ROLES = {"READER": "roles/bigquery.dataViewer", "WRITER": "roles/bigquery.dataEditor", "OWNER": "roles/bigquery.dataOwner"}


class Dataset(Resource):
    """bigquery/resource_bigquery_dataset.go: Create, Read, Update (a PUT), Delete."""

    FIELDS = {
        "description": "description",
        "labels": "labels",
        "max_time_travel_hours": "maxTimeTravelHours",
        "storage_billing_model": "storageBillingModel",
    }
    COMPUTED = {"etag": "etag"}
    CHOSEN = ("max_time_travel_hours", "storage_billing_model")
    UPDATE = "PUT"
    # Attribute of a block `access` → field of an entry.
    ENTRY = {
        "role": "role",
        "special_group": "specialGroup",
        "user_by_email": "userByEmail",
        "group_by_email": "groupByEmail",
        "domain": "domain",
        "iam_member": "iamMember",
    }

    def collection(self, state):
        return f"bigquery/v2/projects/{state['project']}/datasets?accessPolicyVersion=3"

    def name(self, state):
        return f"bigquery/v2/{self.id(state)}"

    def id(self, state):
        return f"projects/{state['project']}/datasets/{state['dataset_id']}"

    def entry(self, block):
        entry = without_nothing({field: block.get(it) for it, field in self.ENTRY.items()})
        for view in block.get("view") or []:
            entry["view"] = {"projectId": view["project_id"], "datasetId": view["dataset_id"], "tableId": view["table_id"]}
        for outer in block.get("dataset") or []:
            inner = outer["dataset"][0]
            reference = {"projectId": inner["project_id"], "datasetId": inner["dataset_id"]}
            entry["dataset"] = {"dataset": reference, "targetTypes": outer["target_types"]}
        return entry

    def body(self, state):
        body = super().body(state) | {
            "datasetReference": {"projectId": state["project"], "datasetId": state["dataset_id"]},
            "location": state["location"],
            "access": [self.entry(it) for it in state["access"]],
        }
        key = one(state, "default_encryption_configuration").get("kms_key_name")
        return body | ({"defaultEncryptionConfiguration": {"kmsKeyName": key}} if key else {})

    def fill(self, state, resource):
        """The blocks of the state stay if the access list has the same entries: it is a set."""
        state = super().fill(state, resource)
        same = lambda entries: sorted(json.dumps(it, sort_keys=True) for it in entries)  # noqa: E731
        if same(self.entry(it) for it in state["access"]) != same(resource.get("access", [])):
            empty = dict.fromkeys(state["access"][0]) | {"view": [], "dataset": [], "routine": [], "condition": []}
            blocks = [{it: entry.get(field) for it, field in self.ENTRY.items()} for entry in resource["access"]]
            state["access"] = [{it: block.get(it, value) for it, value in empty.items()} for block in blocks]
        return state

    def update(self, prior, state):
        self.api("PUT", f"{self.name(state)}?accessPolicyVersion=3", self.body(state))
        return self.refreshed(state)

    def delete(self, state):
        contents = str(bool(state["delete_contents_on_destroy"])).lower()
        self.api("DELETE", f"{self.name(state)}?deleteContents={contents}")


class Bucket(Resource):
    """storage/resource_storage_bucket.go: Create, Read, Update, Delete."""

    FIELDS = {"labels": "labels"}
    COMPUTED = {"self_link": "selfLink"}

    def __init__(self, api):
        super().__init__(lambda method, path, body=None: api(method, path, body, service="storage"))

    def collection(self, state):
        return f"storage/v1/b?project={state['project']}"

    def name(self, state):
        return f"storage/v1/b/{state['name']}"

    def id(self, state):
        return state["name"]

    def body(self, state):
        rules = [
            {"condition": without_nothing({"age": one(it, "condition")["age"]}), "action": {"type": one(it, "action")["type"]}}
            for it in state["lifecycle_rule"]
        ]
        seconds = one(state, "soft_delete_policy").get("retention_duration_seconds")
        key = one(state, "encryption").get("default_kms_key_name")
        body = {
            "name": state["name"],
            "location": state["location"],
            "labels": state["labels"],
            "lifecycle": {"rule": rules},
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": state["uniform_bucket_level_access"]},
                "publicAccessPrevention": state["public_access_prevention"],
            },
            "softDeletePolicy": {"retentionDurationSeconds": seconds},
            "versioning": {"enabled": one(state, "versioning").get("enabled", False)},
        }
        return body | ({"encryption": {"defaultKmsKeyName": key}} if key else {})

    def fill(self, state, resource):
        days = [it["condition"].get("age") for it in resource.get("lifecycle", {}).get("rule", [])]
        rules = [
            rule | {"condition": [one(rule, "condition") | {"age": age}]}
            for rule, age in zip(state["lifecycle_rule"], days, strict=False)
        ]
        settings = resource["iamConfiguration"]
        return super().fill(state, resource) | {
            "lifecycle_rule": rules,
            "uniform_bucket_level_access": settings["uniformBucketLevelAccess"]["enabled"],
            "public_access_prevention": settings["publicAccessPrevention"],
            "url": f"gs://{state['name']}",
        }

    def update(self, prior, state):
        self.api("PATCH", self.name(state), self.body(state))
        return self.refreshed(state)

    def delete(self, state):
        objects = self.api("GET", f"{self.name(state)}/o").get("items", [])
        if objects and not state["force_destroy"]:
            message = f"Error trying to delete bucket {state['name']} containing objects without `force_destroy` set to true"
            raise Refused(409, message)
        for it in objects:
            self.api("DELETE", f"{self.name(state)}/o/{quote(it['name'], safe='')}")
        self.api("DELETE", self.name(state))


class LogBucket(Resource):
    """logging/resource_logging_project_bucket_config.go: AcquireOrCreate, Read, Update; its deletion is in
    resource_logging_bucket_config.go."""

    FIELDS = {"description": "description", "retention_days": "retentionDays"}
    COMPUTED = {"name": "name", "lifecycle_state": "lifecycleState"}
    VERSION = "v2"

    def name(self, state):
        return f"v2/{self.id(state)}"

    def id(self, state):
        return f"projects/{state['project']}/locations/{state['location']}/buckets/{state['bucket_id']}"

    def create(self, state):
        if self.get(state) is None:
            parent = f"v2/projects/{state['project']}/locations/{state['location']}"
            query = urlencode({"bucketId": state["bucket_id"]})
            self.wait(self.api("POST", f"{parent}/buckets:createAsync?{query}", self.body(state)))
        else:
            self.api("PATCH", f"{self.name(state)}?updateMask=description,retentionDays", self.body(state))
        return self.refreshed(state)

    def update(self, prior, state):
        self.api("PATCH", f"{self.name(state)}?updateMask=description,retentionDays", self.body(state))
        return self.refreshed(state)


class Sink(Resource):
    """logging/resource_logging_project_sink.go: AcquireOrCreate, Read, Update, Delete."""

    FIELDS = {"description": "description", "destination": "destination", "filter": "filter"}
    COMPUTED = {"writer_identity": "writerIdentity"}

    def collection(self, state):
        return f"v2/projects/{state['project']}/sinks?uniqueWriterIdentity=true"

    def name(self, state):
        return f"v2/{self.id(state)}"

    def id(self, state):
        return f"projects/{state['project']}/sinks/{state['name']}"

    def body(self, state):
        return super().body(state) | {"name": state["name"]}

    def create(self, state):
        return super().create(state) if self.get(state) is None else self.update(dict.fromkeys(state), state)


class AlertPolicy(Resource):
    """monitoring/resource_monitoring_alert_policy.go: Create, Read, Delete."""

    FIELDS = {"display_name": "displayName", "severity": "severity"}
    COMPUTED = {"name": "name"}

    def collection(self, state):
        return f"v3/projects/{state['project']}/alertPolicies"

    def name(self, state):
        return f"v3/{state['name']}"

    def id(self, state):
        return state["name"]


class Connection(Resource):
    """bigqueryconnection/resource_bigquery_connection.go: Create, Read, Update, Delete; a connection to a cloud resource."""

    FIELDS = {"friendly_name": "friendlyName", "description": "description"}
    COMPUTED = {"name": "name"}

    def collection(self, state):
        query = urlencode({"connectionId": state["connection_id"]})
        return f"v1/projects/{state['project']}/locations/{state['location']}/connections?{query}"

    def name(self, state):
        return f"v1/{self.id(state)}"

    def id(self, state):
        return f"projects/{state['project']}/locations/{state['location']}/connections/{state['connection_id']}"

    def body(self, state):
        return super().body(state) | {"cloudResource": {}}

    def fill(self, state, resource):
        account = resource["cloudResource"]["serviceAccountId"]
        return super().fill(state, resource) | {"cloud_resource": [{"service_account_id": account}], "has_credential": False}


class Repository(Resource):
    """dataform/resource_dataform_repository.go: Create, Read, Update, Delete."""

    FIELDS = {"display_name": "displayName", "service_account": "serviceAccount", "labels": "labels"}

    def collection(self, state):
        query = urlencode({"repositoryId": state["name"]})
        return f"v1/projects/{state['project']}/locations/{state['region']}/repositories?{query}"

    def name(self, state):
        return f"v1/{self.id(state)}"

    def id(self, state):
        return f"projects/{state['project']}/locations/{state['region']}/repositories/{state['name']}"
