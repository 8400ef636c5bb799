"""Every right that the gcp module grants to the functions is needed: without it the day stops, and the refusal names it.

The module is applied to an empty project of the local cloud; the day runs on what it created there. Before a tick, one grant is
taken away by a call of the project's administrator. The tick is refused, the grant comes back, and the day goes on.
"""

import json
import time
from contextlib import contextmanager

import pytest
from google_cloud import PROJECT, GoogleCloud
from lambda_runtime import invoke
from servers import ROOT, google_side, provider_of_google, variable
from test_google_apply import Deployment, copied_module

EXAMPLE = ROOT / "terraform/examples/complete/landbridge.yaml"
# The first day, and how much faster than real time the local RDS is.
START, SPEED = "2026-11-21", "600"
DATASET, RECEIPTS, VIEWS, BUCKET = "shop", "landbridge_ops", "shop_views", "shop-landing"
TICK_SECONDS = 600


class Night:
    """The functions of one deployment, started one tick at a time with the roles of the local AWS."""

    def __init__(self, variables, tags):
        # The person who started the local cloud has a token; functions have none.
        self.variables = {name: it for name, it in variables.items() if name != "LANDBRIDGE_GCP_TOKEN"}
        self.variables["LANDBRIDGE_POLICY_TAGS"] = json.dumps(tags)

    def tick(self, name, at):
        variables = self.variables | {
            "AWS_LAMBDA_FUNCTION_NAME": f"landbridge-shop-{name}",
            "AWS_ACCESS_KEY_ID": f"ASIALOCAL{name.upper()}",
            "AWS_SECRET_ACCESS_KEY": f"local-secret-of-{name}",
            "AWS_SESSION_TOKEN": f"local-session-of-{name}",
        }
        program = variable("LANDBRIDGE_FUNCTIONS") + f"/landbridge-{name}"
        return invoke(program, variables, {"scheduled_time": at, "current_time": at}, TICK_SECONDS)

    def refusal(self, name, at, permission):
        """The answer of the first of three ticks that names the permission; None if none of them does."""
        for minutes in ("10", "15", "20"):
            answer = self.tick(name, at.replace(":10:", f":{minutes}:"))
            said = answer.payload.get("errorMessage", "") + answer.log
            if permission in said:
                return said
            # A tick that is refused without naming the permission leaves the person without help.
            assert answer.ok, answer
        return None

    def until_done(self, name, at):
        """Ticks until the stage says that it is done."""
        for _ in range(100):
            answer = self.tick(name, at)
            assert answer.ok, answer
            if answer.payload["progress"] == "done":
                return
            time.sleep(0.3)
        raise AssertionError(f"{name} is not done: {answer}")



@pytest.fixture
def night(tmp_path):
    """The module applied to an empty project, and the export of the first day."""
    folder = tmp_path
    with google_side(None, EXAMPLE, folder, START, empty=True, more=("--speed", SPEED)) as google:
        cloud = GoogleCloud(google.variables)
        copied_module(folder)
        with provider_of_google(folder, cloud) as variables:
            deployment = Deployment(folder, variables, cloud, EXAMPLE)
            deployment.apply()
            tags = json.loads(deployment.terraform.run("output", "-json", "policy_tags"))
        night = Night(google.variables, tags)
        night.cloud = cloud
        night.until_done("snapshot", "2026-11-20T16:00:00Z")
        night.until_done("export", "2026-11-20T16:30:00Z")
        yield night


class Taken:
    """A grant that can be taken away: how it is read, and how it is written."""

    def __init__(self, read, write):
        self.read, self.write = read, write

    @contextmanager
    def without(self, cloud, role, function):
        member = f"attribute.aws_role/landbridge-shop-{function}"
        before = self.read(cloud)
        after = less(before, role, member)
        assert after != before, f"{role} of {function} is not granted"
        self.write(cloud, after)
        yield
        self.write(cloud, before)


def less(entries, role, member):
    """Bindings, or entries of an access list, without the ones of a role for a member."""
    kept = []
    for it in entries:
        if not it.get("role", "").endswith(role):
            kept.append(it)
        elif "members" in it:
            others = [name for name in it["members"] if not name.endswith(member)]
            kept += [it | {"members": others}] if others else []
        elif not it.get("iamMember", "").endswith(member):
            kept.append(it)
    return kept


def of_policy(path, service="bigquery", get="POST"):
    """The bindings of a policy."""

    def read(cloud):
        if get == "GET":
            return cloud.call("GET", f"{path}?optionsRequestedPolicyVersion=3", service=service)["bindings"]
        return cloud.call("POST", f"{path}:getIamPolicy", {})["bindings"]

    def write(cloud, bindings):
        if get == "GET":
            cloud.call("PUT", path, {"version": 3, "bindings": bindings}, service=service)
        else:
            cloud.call("POST", f"{path}:setIamPolicy", {"policy": {"version": 3, "bindings": bindings}})

    return Taken(read, write)


def of_dataset(name):
    path = f"bigquery/v2/projects/{PROJECT}/datasets/{name}"
    return Taken(
        lambda cloud: cloud.call("GET", path)["access"],
        lambda cloud, entries: cloud.call("PATCH", path, {"access": entries}),
    )


def taxonomy(cloud):
    return next(name for name in cloud.tags() if "/policyTags/" not in name)


BUCKET_POLICY = of_policy(f"storage/v1/b/{BUCKET}/iam", service="storage", get="GET")
PROJECT_POLICY = of_policy(f"v1/projects/{PROJECT}")
TAXONOMY_POLICY = Taken(
    lambda cloud: of_policy(f"v1/{taxonomy(cloud)}").read(cloud),
    lambda cloud, bindings: of_policy(f"v1/{taxonomy(cloud)}").write(cloud, bindings),
)

# In the order of the night: who, the grant, and the permission that the refusal names.
NEEDED = [
    ("transfer", BUCKET_POLICY, "storage.objectCreator", "storage.objects.create"),
    ("transfer", BUCKET_POLICY, "storage.objectViewer", "storage.objects.get"),
    ("load", of_dataset(DATASET), "landbridge_shop_loader", "bigquery."),
    ("load", TAXONOMY_POLICY, "landbridge_shop_tagger", "datacatalog.taxonomies.get"),
    ("load", PROJECT_POLICY, "landbridge_shop_runner", "bigquery.jobs.create"),
    ("load", BUCKET_POLICY, "storage.objectViewer", "storage.objects.get"),
    ("load", BUCKET_POLICY, "storage.legacyBucketReader", "storage.buckets.get"),
    ("load", of_dataset(RECEIPTS), "landbridge_shop_loader", "bigquery."),
    ("load", BUCKET_POLICY, "storage.objectUser", "storage.objects."),
    ("protect", of_dataset(DATASET), "landbridge_shop_protector", "bigquery."),
    ("protect", TAXONOMY_POLICY, "landbridge_shop_tagger", "datacatalog.taxonomies.get"),
    ("views", of_dataset(DATASET), "landbridge_shop_table_viewer", "bigquery.tables."),
    ("views", of_dataset(VIEWS), "landbridge_shop_view_writer", "bigquery.tables."),
]


# Grants that an undisturbed night does not use: why they are needed.
UNUSED = {
    ("transfer", "storage.objectViewer"): "compares an object that exists already, after a tick that was cut off",
}


def open_a_column(cloud):
    """Takes the tags from the columns of a table by hand, as a person with too many rights does."""
    path = f"bigquery/v2/projects/{PROJECT}/datasets/{DATASET}/tables/creators"
    fields = cloud.call("GET", path)["schema"]["fields"]
    bare = [it | ({"policyTags": {"names": []}} if "policyTags" in it else {}) for it in fields]
    cloud.call("PATCH", path, {"schema": {"fields": bare}})


def tagged_columns(cloud):
    path = f"bigquery/v2/projects/{PROJECT}/datasets/{DATASET}/tables/creators"
    fields = cloud.call("GET", path)["schema"]["fields"]
    return {it["name"] for it in fields if it.get("policyTags", {}).get("names")}


def test_each_grant_is_needed_and_a_refusal_names_it(night):
    at, unused = "2026-11-20T17:10:00Z", set()
    for function, grant, role, permission in NEEDED:
        if (function, role) == ("protect", "landbridge_shop_tagger"):
            columns = tagged_columns(night.cloud)
            open_a_column(night.cloud)
        with grant.without(night.cloud, role, function):
            said = night.refusal(function, at, permission)
        if said is None and (function, role) in UNUSED:
            unused.add((function, role))
            continue
        assert said, f"{function} needs no {role}, or no refusal names {permission}"
    assert unused == set(UNUSED)
    # With every grant again, the night ends: published, tagged, and read as the classes say.
    for function in ("transfer", "load", "protect", "views"):
        night.until_done(function, at)
    assert tagged_columns(night.cloud) == columns and columns
    assert night.cloud.found(f"bigquery/v2/projects/{PROJECT}/datasets/{VIEWS}/tables/creators")


def test_without_the_right_to_read_receipts_their_views_are_missing_and_a_notice_names_it(night):
    """No day waits for these views, so the tick itself is not refused."""
    at = "2026-11-20T17:10:00Z"
    night.until_done("transfer", at)
    with of_dataset(RECEIPTS).without(night.cloud, "landbridge_shop_ops_viewer", "load"):
        said = [night.tick("load", at.replace(":10:", f":{minutes}:")) for minutes in ("10", "15", "20")]
    assert all(it.ok for it in said), said
    # BigQuery's text for a table that a query may not read names no permission.
    assert "views of the ops dataset are not written" in "".join(it.log for it in said), said
    view = f"bigquery/v2/projects/{PROJECT}/datasets/{RECEIPTS}/tables/table_health"
    assert night.cloud.found(view) is None
    night.until_done("load", "2026-11-20T17:25:00Z")
    assert night.cloud.found(view)
