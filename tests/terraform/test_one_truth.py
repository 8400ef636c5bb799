"""The local cloud's own Google project, on which the demo and the whole-way tests run, gives the functions and the readers what the gcp
module gives them, and its bucket, datasets and identity pool have the module's settings: each difference is named.

Both projects are read by the same calls: one as `landbridge local up` makes it, the other as Terraform makes it. Schedules are
compared in test_aws.py, with the ones that the aws module creates.
"""

import json

import pytest
from conftest import ROOT
from google_cloud import LOCATIONS, PROJECT, GoogleCloud
from servers import google_side, provider_of_google
from test_google_apply import Deployment, copied_module

EXAMPLE = ROOT / "terraform/examples/complete/landbridge.yaml"
DATASETS = ("shop", "landbridge_ops", "shop_views", "shop_models")
# Members that a local cloud has for people: their names are not in landbridge.yaml.
PEOPLE = "@example.com"
# What differs on purpose: the local datasets have BigQuery's default, the longest window, so that tests wait as long as anyone can
# before a column opens.
DIFFERS = {
    f"dataset {name}: only {side} has ('maxTimeTravelHours', '\"{hours}\"')"
    for name in ("shop", "landbridge_ops")
    for side, hours in (("the local cloud", 168), ("the module", 48))
}
# The settings that are compared.
DATASET_SETTINGS = ("location", "description", "labels", "maxTimeTravelHours", "storageBillingModel", "defaultTableExpirationMs")
BUCKET_SETTINGS = (
    "location",
    "labels",
    "lifecycle",
    "iamConfiguration",
    "softDeletePolicy",
    "versioning",
    "encryption",
    "storageClass",
)
POOLS = f"v1/projects/{PROJECT}/locations/global/workloadIdentityPools"


def permissions(cloud, role):
    """A role by what it permits: local set-ups have names of their own for custom roles."""
    if not role.startswith("projects/"):
        return role
    return " ".join(sorted(cloud.call("GET", f"v1/{role}")["includedPermissions"]))


def grants(cloud, bindings):
    """Who has which role, without people of the local cloud."""
    found = set()
    for it in bindings:
        for member in it["members"]:
            if not (member.startswith("user:") and member.endswith(PEOPLE)):
                found.add((permissions(cloud, it["role"]), member))
    return found


def listed(entries):
    """The entries of an access list as bindings."""
    named = {"READER": "roles/bigquery.dataViewer", "WRITER": "roles/bigquery.dataEditor", "OWNER": "roles/bigquery.dataOwner"}
    kinds = {"groupByEmail": "group", "specialGroup": "special", "iamMember": None}
    for it in entries:
        email = it.get("userByEmail")
        if email:
            kind = "serviceAccount" if email.endswith(".gserviceaccount.com") else "user"
            member = f"{kind}:{email}"
        else:
            key = next(key for key in kinds if key in it)
            member = f"{kinds[key]}:{it[key]}" if kinds[key] else it[key]
        yield {"role": named.get(it["role"], it["role"]), "members": [member]}


def settings(resource, names=None):
    """A resource as pairs of path and value; `names` limits what is taken."""

    def flat(value, path):
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if entries is None:
            yield path, json.dumps(value, ensure_ascii=False)
        else:
            for name, it in entries:
                yield from flat(it, f"{path}.{name}" if path else str(name))

    return set(flat({name: it for name, it in resource.items() if names is None or name in names}, ""))


def described(cloud):
    """A project: what is granted where, tags with their masks and readers, and the settings of bucket, datasets and pools."""
    found = {"project": grants(cloud, cloud.call("POST", f"v1/projects/{PROJECT}:getIamPolicy", {})["bindings"])}
    for name in DATASETS:
        dataset = cloud.call("GET", f"bigquery/v2/projects/{PROJECT}/datasets/{name}")
        found[f"dataset {name}"] = grants(cloud, listed(dataset["access"])) | settings(dataset, DATASET_SETTINGS)
    tags = cloud.tags()
    for name, shown in tags.items():
        bindings = cloud.call("POST", f"v1/{name}:getIamPolicy", {})["bindings"]
        kind = "tag" if "/policyTags/" in name else "taxonomy"
        found[f"{kind} {shown}"] = grants(cloud, bindings)
    policies = cloud.call("GET", f"v1/projects/{PROJECT}/locations/{LOCATIONS[0]}/dataPolicies")["dataPolicies"]
    for it in policies:
        bindings = cloud.call("POST", f"v1/{it['name']}:getIamPolicy", {})["bindings"]
        rule = ("mask", it["dataMaskingPolicy"]["predefinedExpression"])
        found[f"mask of {tags[it['policyTag']]}"] = grants(cloud, bindings) | {rule}
    bucket = cloud.call("GET", "storage/v1/b/shop-landing/iam?optionsRequestedPolicyVersion=3", service="storage")
    conditions = {(it["role"], it["condition"]["expression"]) for it in bucket["bindings"] if it.get("condition")}
    found["bucket"] = grants(cloud, bucket["bindings"]) | conditions
    found["bucket"] |= settings(cloud.call("GET", "storage/v1/b/shop-landing", service="storage"), BUCKET_SETTINGS)
    for pool in cloud.call("GET", POOLS)["workloadIdentityPools"]:
        found[f"pool {pool['name']}"] = settings(pool)
        providers = cloud.call("GET", f"v1/{pool['name']}/providers")["workloadIdentityPoolProviders"]
        found |= {f"provider {it['name']}": settings(it) for it in providers}
    return found


def differences(own, applied):
    """Each difference of two projects, without what differs on purpose."""
    different = []
    for place in sorted(own.keys() | applied.keys()):
        ours, theirs = own.get(place, set()), applied.get(place, set())
        different += [f"{place}: only the local cloud has {it}" for it in sorted(ours - theirs)]
        different += [f"{place}: only the module has {it}" for it in sorted(theirs - ours)]
    assert DIFFERS <= set(different), "an entry of DIFFERS is no difference"
    return [it for it in different if it not in DIFFERS]


class Both:
    """The project of a local cloud, and the one that Terraform made; each can be changed."""

    def __init__(self, own, applied, deployment):
        self.own, self.applied, self.deployment = own, applied, deployment

    def differences(self):
        return differences(described(self.own), described(self.applied))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    own, applied = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("applied")
    with google_side(None, EXAMPLE, own, "2026-11-21") as google:
        first = GoogleCloud(google.variables)
        with google_side(None, EXAMPLE, applied, "2026-11-21", empty=True) as google:
            second = GoogleCloud(google.variables)
            copied_module(applied)
            with provider_of_google(applied, second) as variables:
                deployment = Deployment(applied, variables, second, EXAMPLE)
                deployment.apply()
                yield Both(first, second, deployment)


def test_the_local_project_and_the_module_are_the_same(both):
    found = both.differences()
    assert not found, "\n".join(found)


def values(found, text):
    """Which side has which value, of the differences that contain a text."""
    return [it.split(": only ")[1] for it in found if text in it]


def test_one_value_that_the_module_changes_is_named(both):
    """A lifecycle age, a label, and the condition of the identity pool's provider."""
    path = both.deployment.folder / "gcp/federation.tf"
    text = path.read_text()
    admits = "assertion.arn.startsWith("
    path.write_text(text.replace(admits, "!" + admits))
    both.deployment.set(landing_retention_days=8, labels={"team": "data"})
    both.deployment.apply()
    try:
        found = both.differences()
    finally:
        path.write_text(text)
        both.deployment.set()
        both.deployment.apply()
    age = "'lifecycle.rule.0.condition.age', '"
    assert values(found, age) == [f"the local cloud has ({age}3')", f"the module has ({age}8')"], found
    # Of the bucket and the four datasets.
    assert len(values(found, "('labels.team', '\"data\"')")) == 1 + len(DATASETS), found
    condition = values(found, "attributeCondition")
    assert [it.split(" has ")[0] for it in condition] == ["the local cloud", "the module"], found
    assert "!assertion" in condition[1] and "!assertion" not in condition[0], found
    assert len(found) == 2 + 1 + len(DATASETS) + 2, found
    assert not both.differences()


def test_one_value_that_the_local_cloud_changes_is_named(both):
    pool = both.own.call("GET", POOLS)["workloadIdentityPools"][0]["name"]
    provider = f"{pool}/providers/aws-lambda"
    condition = both.own.call("GET", f"v1/{provider}")["attributeCondition"]
    bucket = both.own.call("GET", "storage/v1/b/shop-landing", service="storage")
    rule = bucket["lifecycle"]["rule"][0]
    longer = {"rule": [rule | {"condition": {"age": 30}}]}
    dataset = f"bigquery/v2/projects/{PROJECT}/datasets/shop"
    for change, undo, name in [
        (
            ("PATCH", "storage/v1/b/shop-landing", {"lifecycle": longer}, "storage"),
            ("PATCH", "storage/v1/b/shop-landing", {"lifecycle": bucket["lifecycle"]}, "storage"),
            "lifecycle.rule.0.condition.age",
        ),
        (
            ("PATCH", dataset, {"labels": {"landbridge_source": "other"}}),
            ("PATCH", dataset, {"labels": {"landbridge_source": "shop"}}),
            "labels.landbridge_source",
        ),
        (
            ("PATCH", f"v1/{provider}?updateMask=attributeCondition", {"attributeCondition": "!(" + condition + ")"}),
            ("PATCH", f"v1/{provider}?updateMask=attributeCondition", {"attributeCondition": condition}),
            "attributeCondition",
        ),
    ]:
        both.own.call(*change)
        found = both.differences()
        both.own.call(*undo)
        assert len(found) == 2 and len(values(found, f"('{name}'")) == 2, (name, found)
    assert not both.differences()
