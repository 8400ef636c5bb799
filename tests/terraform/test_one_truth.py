"""The local cloud's own Google project, on which the demo and the whole-way tests run, gives the functions and the readers what the gcp
module gives them: each difference is named.

Both projects are read by the same calls: one as `landbridge local up` makes it, the other as Terraform makes it.
"""

import pytest
from conftest import ROOT
from google_cloud import LOCATIONS, PROJECT, GoogleCloud
from servers import google_side, provider_of_google
from test_google_apply import Deployment, copied_module

EXAMPLE = ROOT / "terraform/examples/complete/landbridge.yaml"
DATASETS = ("shop", "landbridge_ops", "shop_views", "shop_models")
# Members that a local cloud has for people: their names are not in landbridge.yaml.
PEOPLE = "@example.com"
# What differs on purpose: why.
DIFFERS = {}


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


def described(cloud):
    """A project: what is granted where, tags with their masks and readers, and the rules of the bucket."""
    found = {"project": grants(cloud, cloud.call("POST", f"v1/projects/{PROJECT}:getIamPolicy", {})["bindings"])}
    for name in DATASETS:
        dataset = cloud.call("GET", f"bigquery/v2/projects/{PROJECT}/datasets/{name}")
        found[f"dataset {name}"] = grants(cloud, listed(dataset["access"])) | {("location", dataset["location"])}
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
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The project of a local cloud, and the one that Terraform made."""
    own, applied = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("applied")
    with google_side(None, EXAMPLE, own, "2026-11-21") as google:
        first = described(GoogleCloud(google.variables))
    with google_side(None, EXAMPLE, applied, "2026-11-21", empty=True) as google:
        cloud = GoogleCloud(google.variables)
        copied_module(applied)
        with provider_of_google(applied, cloud) as variables:
            Deployment(applied, variables, cloud, EXAMPLE).apply()
            second = described(cloud)
    return first, second


def test_the_local_project_and_the_module_grant_the_same(both):
    own, applied = both
    different = []
    for place in sorted(own.keys() | applied.keys()):
        ours, theirs = own.get(place, set()), applied.get(place, set())
        different += [f"{place}: only the local cloud has {it}" for it in sorted(ours - theirs)]
        different += [f"{place}: only the module has {it}" for it in sorted(theirs - ours)]
    assert not [it for it in different if it not in DIFFERS], "\n".join(different)
    assert set(DIFFERS) <= set(different), "an entry of DIFFERS is no difference"
