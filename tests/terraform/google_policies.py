"""How Terraform's Google provider creates, reads, changes and deletes grants and policies, as google_resources.py for
resources.
"""

import json

from google_resources import Refused, Resource, without_nothing


class Policy:
    """tpgiamresource/iam.go, iamPolicyReadModifyWrite: read, change, write with the etag; again after a conflict."""

    def __init__(self, api, path):
        self.api, self.path = api, path

    def read(self):
        return self.api("POST", f"{self.path}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})

    def write(self, policy):
        self.api("POST", f"{self.path}:setIamPolicy", {"policy": policy})

    def change(self, edit):
        for _ in range(10):
            policy = self.read()
            policy["bindings"] = edit(policy.get("bindings", []))
            policy["version"] = 3
            try:
                return self.write(policy)
            except Refused as error:
                if error.code not in (409, 412):
                    raise
        raise Refused(409, f"Error applying IAM policy to {self.path}: Too many conflicts")


class Grant(Resource):
    """tpgiamresource/resource_iam_member.go and resource_iam_binding.go; `path` is the resource of the policy."""

    def __init__(self, api, path):
        super().__init__(api)
        self.path = path

    def policy(self, state):
        return Policy(self.api, self.path(state))

    def members(self, state):
        return [state["member"]] if "member" in state else list(state["members"])

    def others(self, bindings, state):
        """The bindings without this resource's members, or without its whole role."""
        kept = []
        for it in bindings:
            if it["role"] == state["role"] and not it.get("condition"):
                gone = self.members(state) if "member" in state else it["members"]
                it = it | {"members": [member for member in it["members"] if member not in gone]}
            if it["members"]:
                kept.append(it)
        return kept

    def create(self, state):
        binding = {"role": state["role"], "members": self.members(state)}
        self.policy(state).change(lambda bindings: [*self.others(bindings, state), binding])
        return self.refreshed(state)

    def id(self, state):
        words = [self.path(state).partition("/")[2], state["role"], state.get("member")]
        return "/".join(it for it in words if it)

    def read(self, state):
        try:
            policy = self.policy(state).read()
        except Refused as error:
            if error.code == 404:
                return None
            raise
        found = [it for it in policy.get("bindings", []) if it["role"] == state["role"] and not it.get("condition")]
        members = {member for it in found for member in it["members"]}
        state = state | {"etag": policy["etag"]}
        if "member" in state:
            return state if state["member"] in members else None
        same = members == set(state["members"])
        return state | {"members": state["members"] if same else sorted(members)} if members else None

    def update(self, prior, state):
        return self.create(state)

    def delete(self, state):
        try:
            self.policy(state).change(lambda bindings: self.others(bindings, state))
        except Refused as error:
            if error.code != 404:
                raise


class BucketPolicy(Resource):
    """tpgiamresource/resource_iam_policy.go with storage/iam_storage_bucket.go."""

    def __init__(self, api):
        super().__init__(lambda method, path, body=None: api(method, path, body, service="storage"))

    def name(self, state):
        return f"storage/v1/b/{state['bucket'].removeprefix('b/')}/iam"

    def read(self, state):
        try:
            policy = self.api("GET", f"{self.name(state)}?optionsRequestedPolicyVersion=3")
        except Refused as error:
            if error.code == 404:
                return None
            raise
        same = sorted_bindings(policy["bindings"]) == sorted_bindings(json.loads(state["policy_data"]).get("bindings", []))
        data = state["policy_data"] if same else json.dumps({"bindings": policy["bindings"]})
        return state | {"etag": policy["etag"], "policy_data": data}

    def create(self, state):
        policy = json.loads(state["policy_data"]) | {"version": 3}
        self.api("PUT", self.name(state), policy)
        return self.refreshed(state)

    def id(self, state):
        return f"b/{state['bucket'].removeprefix('b/')}"

    def update(self, prior, state):
        return self.create(state)

    def delete(self, state):
        """An empty policy."""
        self.api("PUT", self.name(state), {"bindings": []})


def sorted_bindings(bindings):
    found = ({"role": it["role"], "members": sorted(it["members"]), "condition": it.get("condition")} for it in bindings)
    return sorted(found, key=json.dumps)


def policy_document(config):
    """resourcemanager/data_source_google_iam_policy.go: the document is made without a call."""
    bindings = []
    for it in config["binding"]:
        binding = {"role": it["role"], "members": sorted(it["members"])}
        for condition in it["condition"]:
            binding["condition"] = without_nothing(condition)
        bindings.append(binding)
    return json.dumps({"bindings": sorted(bindings, key=lambda it: (it["role"], json.dumps(it)))})


def grant(path):
    return lambda api: Grant(api, path)
