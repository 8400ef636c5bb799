"""The local cloud's own Google project, on which the demo and the whole-way tests run, gives the functions and the readers what the gcp
module gives them, and its bucket, datasets and identity pool have the module's settings: each difference is named.

Both projects are read by the same calls: one as `landbridge local up` makes it, the other as Terraform makes it. Schedules are
compared in test_aws.py, with the ones that the aws module creates.
"""

import copy
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
# before a column opens. Of the APIs, the module enables what its own resources need; these are for models, readings of the doctor
# and the probe, which a person enables.
DIFFERS = {
    f"services: only the local cloud has {name}.googleapis.com"
    for name in ("aiplatform", "bigqueryconnection", "dataform", "iamcredentials")
} | {
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
TAG_SETTINGS = ("displayName", "description", "activatedPolicyTypes")
MASK_SETTINGS = ("dataPolicyId", "dataPolicyType", "dataMaskingPolicy")
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
    """A project: APIs, what is granted where, tags with their masks and readers, and the settings of bucket, datasets and pools."""
    found = {"project": grants(cloud, cloud.call("POST", f"v1/projects/{PROJECT}:getIamPolicy", {})["bindings"])}
    services = cloud.call("GET", f"v1/projects/{PROJECT}/services")["services"]
    found["services"] = {it["config"]["name"] for it in services}
    for name in DATASETS:
        dataset = cloud.call("GET", f"bigquery/v2/projects/{PROJECT}/datasets/{name}")
        found[f"dataset {name}"] = grants(cloud, listed(dataset["access"])) | settings(dataset, DATASET_SETTINGS)
    tags = cloud.tags()
    for name, shown in tags.items():
        bindings = cloud.call("POST", f"v1/{name}:getIamPolicy", {})["bindings"]
        kind = "tag" if "/policyTags/" in name else "taxonomy"
        found[f"{kind} {shown}"] = grants(cloud, bindings) | settings(cloud.call("GET", f"v1/{name}"), TAG_SETTINGS)
    policies = cloud.call("GET", f"v1/projects/{PROJECT}/locations/{LOCATIONS[0]}/dataPolicies")["dataPolicies"]
    for it in policies:
        bindings = cloud.call("POST", f"v1/{it['name']}:getIamPolicy", {})["bindings"]
        found[f"mask of {tags[it['policyTag']]}"] = grants(cloud, bindings) | settings(it, MASK_SETTINGS)
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


# One value of each kind of place: the file of the module, the text and what is written in its place, and which places it changes.
CHANGED = [
    ("federation.tf", "assertion.arn.startsWith(", "!assertion.arn.startsWith(", {"provider": 1}),
    ("federation.tf", "Landbridge's functions in AWS", "The functions in AWS", {"pool": 1}),
    ("warehouse.tf", '    "bigquery.tables.updateData",\n', "", {"dataset shop": 1, "dataset landbridge_ops": 1}),
    ("warehouse.tf", '"Tables of ', '"The tables of ', {"dataset shop": 1}),
    ("warehouse.tf", '"roles/bigquery.jobUser"', '"roles/bigquery.user"', {"project": None}),
    ("masking.tf", '"Masked by ', '"Covered by ', {"tag": None}),
    ("masking.tf", '"Classes of personal data', '"Classes of data', {"taxonomy": 1}),
    ("masking.tf", '"${local.slug}__', '"${local.slug}___', {"mask of": None}),
    ("masking.tf", "toset(local.taggers)", 'setsubtract(local.taggers, ["load"])', {"taxonomy": 1}),
    ("landing.tf", ".endsWith('.json')", ".endsWith('.jsonl')", {"bucket": 1}),
    ("landing.tf", '"roles/storage.objectCreator"', '"roles/storage.objectUser"', {"bucket": 1}),
]


def test_one_value_that_the_module_changes_is_named(both):
    """Settings, a mask and who reads it in landbridge.yaml, and one value of each kind of place in the module's files; all at once."""
    folder, classes = both.deployment.folder / "gcp", both.deployment.config["pii"]["classes"]
    before = {path: path.read_text() for path in folder.glob("*.tf")}
    email = dict(classes["email"])
    for name, old, new, _ in CHANGED:
        path = folder / name
        text = path.read_text()
        assert old in text, (name, old)
        path.write_text(text.replace(old, new))
    classes["email"] |= {"mask": "ALWAYS_NULL", "readers": ["group:others@example.com"]}
    both.deployment.set(landing_retention_days=8, labels={"team": "data"})
    both.deployment.apply()
    try:
        found = both.differences()
    finally:
        for path, text in before.items():
            path.write_text(text)
        classes["email"] = email
        both.deployment.set()
        both.deployment.apply()
    age = "'lifecycle.rule.0.condition.age', '"
    assert values(found, age) == [f"the local cloud has ({age}3')", f"the module has ({age}8')"], found
    # Of the bucket and the four datasets.
    assert len(values(found, "('labels.team', '\"data\"')")) == 1 + len(DATASETS), found
    assert len([it for it in found if it.startswith("mask of email: ") and "predefinedExpression" in it]) == 2, found
    assert [it for it in found if it.startswith("tag email: ") and "group:others@example.com" in it], found
    for _, _, new, places in CHANGED:
        for place in places:
            assert [it for it in found if it.startswith(place)], (place, new, found)
    condition = values(found, "attributeCondition")
    assert [it.split(" has ")[0] for it in condition] == ["the local cloud", "the module"], found
    assert "!assertion" in condition[1] and "!assertion" not in condition[0], found
    assert not both.differences()


def test_one_value_that_the_local_cloud_changes_is_named(both):
    call, parent = both.own.call, f"v1/projects/{PROJECT}"
    pool = call("GET", POOLS)["workloadIdentityPools"][0]["name"]
    provider = f"v1/{pool}/providers/aws-lambda"
    dataset = f"bigquery/v2/projects/{PROJECT}/datasets/shop"
    tags = {shown: f"v1/{name}" for name, shown in both.own.tags().items()}
    taxonomy = next(it for it in tags.values() if "/policyTags/" not in it)
    mask = f"{parent}/locations/{LOCATIONS[0]}/dataPolicies/landbridge_shop__email"

    def patch(path, field, value, mask=True, service="bigquery"):
        """Sets a field; returns how to set it back."""
        before = call("GET", path, service=service)[field]
        query = f"?updateMask={field}" if mask else ""
        call("PATCH", path + query, {field: value(before)}, service)
        return lambda: call("PATCH", path + query, {field: before}, service)

    def bind(path, role):
        """Gives a person a role; returns how to take it away."""
        before = call("POST", f"{path}:getIamPolicy", {})
        added = [*before.get("bindings", []), {"role": role, "members": ["user:other@example.net"]}]
        call("POST", f"{path}:setIamPolicy", {"policy": {"bindings": added}})
        return lambda: call("POST", f"{path}:setIamPolicy", {"policy": {"bindings": before.get("bindings", [])}})

    def bucket(change):
        path = "storage/v1/b/shop-landing/iam"
        before = call("GET", path + "?optionsRequestedPolicyVersion=3", service="storage")
        call("PUT", path, before | {"bindings": change(copy.deepcopy(before["bindings"]))}, "storage")
        return lambda: call("PUT", path, {it: before[it] for it in ("bindings", "version")}, "storage")

    def without_json(bindings):
        for it in bindings:
            if it.get("condition"):
                it["condition"]["expression"] = it["condition"]["expression"].replace("'.json'", "''")
        return bindings

    longer = {"rule": [{"condition": {"age": 30}, "action": {"type": "Delete"}}]}
    reader = {"role": "READER", "userByEmail": "other@example.net"}
    other = lambda before: before + " of another kind"  # noqa: E731
    # A value that is changed has two differences, one that is added has one.
    for place, name, number, change in [
        ("bucket", "lifecycle.rule.0.condition.age", 2, lambda: patch("storage/v1/b/shop-landing", "lifecycle", lambda _: longer, False, "storage")),
        ("bucket", "resource.name.startsWith", 2, lambda: bucket(without_json)),
        ("bucket", "other@example.net", 1, lambda: bucket(lambda it: [*it, {"role": "roles/storage.objectViewer", "members": ["user:other@example.net"]}])),
        ("dataset shop", "labels.landbridge_source", 2, lambda: patch(dataset, "labels", lambda _: {"landbridge_source": "other"}, False)),
        ("dataset shop", "description", 2, lambda: patch(dataset, "description", other, False)),
        ("dataset shop", "other@example.net", 1, lambda: patch(dataset, "access", lambda it: [*it, reader], False)),
        ("provider", "attributeCondition", 2, lambda: patch(provider, "attributeCondition", lambda it: f"!({it})")),
        ("pool", "description", 2, lambda: patch(f"v1/{pool}", "description", other)),
        ("taxonomy", "description", 2, lambda: patch(taxonomy, "description", other)),
        ("taxonomy", "other@example.net", 1, lambda: bind(taxonomy, "roles/datacatalog.categoryAdmin")),
        ("tag email", "description", 2, lambda: patch(tags["email"], "description", other)),
        ("tag email", "other@example.net", 1, lambda: bind(tags["email"], "roles/datacatalog.categoryFineGrainedReader")),
        ("mask of email", "predefinedExpression", 2, lambda: patch(mask, "dataMaskingPolicy", lambda _: {"predefinedExpression": "SHA256"})),
        ("mask of email", "other@example.net", 1, lambda: bind(mask, "roles/bigquerydatapolicy.maskedReader")),
        ("project", "other@example.net", 1, lambda: bind(parent, "roles/bigquery.jobUser")),
    ]:
        undo = change()
        found = both.differences()
        undo()
        assert len(found) == number and all(it.startswith(place) and name in it for it in found), (place, name, found)
        assert not both.differences(), (place, name)
