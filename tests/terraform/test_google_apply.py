"""The gcp module, applied to the local Google by the stand-in for Google's provider: a first apply on a fresh project,
a second one without changes, and the changes that could open a column.
"""

import json
import shutil
from contextlib import ExitStack, contextmanager

import pytest
import yaml
from conftest import Terraform
from google_cloud import GoogleCloud
from google_kinds import KINDS
from google_resources import Refused
from google_schema import types_in
from servers import ROOT, google_side, provider_of_google

TABLES, RECEIPTS = "shop", "landbridge_ops"


class Deployment:
    """A root module with the gcp module alone, and the Google Cloud that it is applied to."""

    def __init__(self, folder, variables, cloud, example):
        self.folder, self.cloud = folder, cloud
        self.terraform = Terraform(folder, variables)
        self.config = yaml.safe_load(example.read_text())
        self.settings = {}
        self.write()
        self.terraform.run("init", "-input=false", "-no-color")

    def write(self):
        source = self.config["source"]["name"]
        arns = {it: f"arn:aws:iam::123456789012:role/landbridge-{source}-{it}" for it in ("transfer", "load", "protect", "views")}
        # As with the module aws, the first plan does not know the ARNs.
        roles = {"terraform_data": {"roles": {"input": arns}}}
        gcp = {"source": "./gcp", "config_file": "landbridge.yaml"} | self.settings
        gcp["aws_role_arns"] = "${terraform_data.roles.output}"
        provider = {"project": "shop-analytics", "user_project_override": True, "billing_project": "shop-analytics"}
        output = {it: {"value": f"${{module.gcp.{it}}}"} for it in ("credentials", "policy_tags")}
        root = {"resource": roles, "module": {"gcp": gcp}, "provider": {"google": provider}, "output": output}
        (self.folder / "main.tf.json").write_text(json.dumps(root))
        (self.folder / "landbridge.yaml").write_text(yaml.safe_dump(self.config))

    def set(self, **settings):
        self.settings = settings
        self.write()

    def apply(self, expect=0):
        return self.plain(self.terraform.run("apply", "-auto-approve", "-input=false", "-no-color", expect=expect))

    def destroy(self, expect=0):
        return self.plain(self.terraform.run("destroy", "-auto-approve", "-input=false", "-no-color", expect=expect))

    def plan(self):
        """What a plan would do: 0 nothing, 2 changes."""
        return self.terraform.run("plan", "-input=false", "-no-color", "-detailed-exitcode")

    @staticmethod
    def plain(output):
        return " ".join(output.replace("│", "").split())


def copied_module(folder):
    """A copy of the module, in which Terraform may write."""
    ignore = shutil.ignore_patterns(".terraform*", "tests")
    shutil.copytree(ROOT / "terraform/modules/gcp", folder / "gcp", ignore=ignore)


@pytest.fixture
def project(tmp_path):
    """Starts a local cloud with an empty Google project, for one test."""
    with ExitStack() as stack:

        def start():
            example = ROOT / "terraform/examples/complete/landbridge.yaml"
            cloud = stack.enter_context(google_side(None, example, tmp_path, "2026-01-02", empty=True))
            return GoogleCloud(cloud.variables)

        yield start


@pytest.fixture
def deploy(tree, tmp_path):
    """Starts deployments, each in its folder, on the cloud that is given."""

    @contextmanager
    def start(cloud, name="root"):
        folder = tmp_path / name
        folder.mkdir()
        copied_module(folder)
        with provider_of_google(folder, cloud) as variables:
            yield Deployment(folder, variables, cloud, tree / "terraform/examples/complete/landbridge.yaml")

    return start


def test_the_first_apply_on_a_fresh_project_and_the_second_one(deploy, project):
    with deploy(project()) as it:
        assert "Apply complete!" in it.apply()
        assert "No changes." in it.plan()
        credentials = json.loads(json.loads(it.terraform.run("output", "-json", "credentials")))
        assert credentials["audience"] == (
            "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/landbridge-shop/providers/aws-lambda"
        )
        assert "Destroy complete!" not in it.destroy(expect=1)


def test_every_kind_of_resource_of_the_module_is_applied_and_deleted(deploy, project):
    """With all that is off by default. A kind that the module gets needs its calls in google_resources.py."""
    with deploy(project()) as it:
        everything = {"gemini_model": "gemini-2.5-flash", "dataform": True, "access_reviewers": ["group:privacy@example.com"]}
        everything["models_runners"] = ["user:runner@example.com"]
        everything["alert_channels"] = ["projects/shop-analytics/notificationChannels/1"]
        it.set(**everything)
        assert "Apply complete!" in it.apply()
        assert "No changes." in it.plan()
        created = {kind for what, kind, _ in it.cloud.log if what == "create"}
        assert created == set(KINDS), created ^ set(KINDS)
        written = {kind for path in (ROOT / "terraform/modules/gcp").glob("*.tf") for kind in types_in(path.read_text())}
        assert {kind for kind in written if not kind.startswith("data.")} == created, written ^ created
        assert {"landbridge-shop-gemini", "landbridge-shop-models"} <= {name.rpartition("/")[2] for name in map(str, it.cloud.contents())}
        it.set(**everything, deletion_protection=False, tag_deletion_policy="DELETE")
        it.apply()
        assert "Destroy complete!" in it.destroy()
        assert not it.cloud.contents()


def test_without_service_usage_nothing_is_created(deploy, project):
    """Without Resource Manager it depends on which API the provider enables first, so docs/deploy.md enables both."""
    cloud = project()
    cloud.disable("serviceusage")
    with deploy(cloud) as it:
        assert "SERVICE_DISABLED serviceusage.googleapis.com" in it.apply(expect=1)
        assert not cloud.log


def test_a_destroy_stops_at_the_tables_and_leaves_what_protects_them(deploy, project):
    with deploy(project()) as it:
        it.apply()
        before = it.cloud.protection()
        # One dataset with tables is enough.
        it.cloud.add_table(TABLES, tagged="email")
        assert "Dataset shop-analytics:shop is still in use" in it.destroy(expect=1)
        assert it.cloud.protection() == before and not it.cloud.opened()
        # Without `deletion_policy` and the order of dependencies, this is what would happen.
        it.cloud.call("DELETE", f"v1/{it.cloud.tag('email')}")
        assert it.cloud.opened() == [TABLES]


def test_a_destroy_with_both_settings_deletes_everything_tables_first(deploy, project):
    with deploy(project()) as it:
        it.apply()
        it.cloud.add_table(TABLES, tagged="email")
        it.cloud.add_table(RECEIPTS)
        it.set(deletion_protection=False, tag_deletion_policy="DELETE")
        it.apply()
        assert "Destroy complete!" in it.destroy()
        assert not it.cloud.opened() and not it.cloud.contents()


def test_a_tag_is_not_deleted_with_its_class(deploy, project):
    with deploy(project()) as it:
        it.apply()
        it.cloud.add_table(TABLES, tagged="email")
        tags = it.cloud.tags()
        mask = it.config["pii"]["classes"].pop("email")
        it.write()
        assert "deletion_policy is PREVENT" in it.apply(expect=1)
        assert it.cloud.tags() == tags and not it.cloud.opened()
        # Undone, it is as before.
        it.config["pii"]["classes"]["email"] = mask
        it.write()
        it.apply()
        assert "No changes." in it.plan()
        # As docs/deploy.md says: first an apply that lets Terraform forget the tag.
        it.set(tag_deletion_policy="ABANDON")
        it.apply()
        del it.config["pii"]["classes"]["email"]
        it.write()
        it.apply()
        assert it.cloud.tags() == tags and not it.cloud.opened()
        # Terraform reads the policy from its state: the new setting is for the classes that remain.
        it.set()
        it.apply()
        assert "No changes." in it.plan()


def test_a_class_that_gets_an_existing_tag_does_not_lose_its_own(deploy, project):
    with deploy(project()) as it:
        it.apply()
        it.cloud.add_table(TABLES, tagged="email")
        name = it.config["pii"]["classes"]["name"]
        name["policy_tag"] = it.cloud.add_tag("people")
        tags = it.cloud.tags()
        it.write()
        assert "deletion_policy is PREVENT" in it.apply(expect=1)
        # As docs/deploy.md says.
        existing = name.pop("policy_tag")
        it.set(tag_deletion_policy="ABANDON")
        it.apply()
        name["policy_tag"] = existing
        it.write()
        it.apply()
        assert it.cloud.tags() == tags and not it.cloud.opened()


def test_a_move_to_another_location_stops_at_the_tables(deploy, project):
    with deploy(project()) as it:
        it.apply()
        it.cloud.add_table(TABLES, tagged="email")
        before = it.cloud.protection()
        it.config["warehouse"]["location"] = "europe-west3"
        it.write()
        assert "Dataset shop-analytics:shop is still in use" in it.apply(expect=1)
        assert it.cloud.protection() == before and not it.cloud.opened()
        # As docs/deploy.md says.
        it.config["warehouse"]["location"] = "asia-northeast3"
        it.set(deletion_protection=False, tag_deletion_policy="DELETE")
        it.apply()
        it.config["warehouse"]["location"] = "europe-west3"
        it.write()
        it.apply()
        assert not it.cloud.opened()
        it.set()
        it.apply()
        assert "No changes." in it.plan()


def test_two_sources_in_one_project_do_not_take_each_others_names(deploy, project):
    cloud = project()
    with deploy(cloud, "one") as one:
        one.config["pii"]["classes"]["eu_name"] = {"mask": "ALWAYS_NULL"}
        one.write()
        one.apply()
    with deploy(cloud, "two") as two:
        two.config["source"]["name"] = "shop-eu"
        two.config["warehouse"] |= {"dataset": "shop_eu", "ops_dataset": "landbridge_eu_ops"}
        for dataset in ("views", "models"):
            two.config["warehouse"][dataset]["dataset"] = f"shop_eu_{dataset}"
        two.config["transfer"]["bucket"] = "shop-eu-landing"
        two.write()
        assert "Apply complete!" in two.apply()


def test_new_ids_of_data_policies_replace_nothing_else(deploy, project):
    """An existing deployment has ids with one underscore before the class."""
    with deploy(project()) as it:
        path = it.folder / "gcp/masking.tf"
        text = path.read_text()
        path.write_text(text.replace("${local.slug}__${each.key}", "${local.slug}_${each.key}"))
        it.apply()
        it.cloud.add_table(TABLES, tagged="email")
        created = len(it.cloud.log)
        path.write_text(text)
        it.apply()
        assert {kind for _, kind, _ in it.cloud.log[created:]} == {
            "google_bigquery_datapolicy_data_policy",
            "google_bigquery_datapolicy_data_policy_iam_binding",
        }
        assert not it.cloud.opened()


def refused(cloud, *call):
    """The status and the reason of a call that is refused."""
    with pytest.raises(Refused) as error:
        cloud.call(*call)
    return error.value.code, error.value.reason


def test_the_control_plane_refuses_what_google_refuses(project):
    cloud, parent = project(), "v1/projects/shop-analytics"
    assert refused(cloud, "GET", f"{parent}/roles") == (403, "accessNotConfigured")
    cloud.call("POST", f"{parent}/services:batchEnable", {"serviceIds": ["iam.googleapis.com"]})
    # A role is deleted softly: its id stays taken, and it can come back.
    role = {"roleId": "reader", "role": {"includedPermissions": ["bigquery.tables.get"]}}
    cloud.call("POST", f"{parent}/roles", role)
    assert refused(cloud, "POST", f"{parent}/roles", role) == (409, "alreadyExists")
    cloud.call("DELETE", f"{parent}/roles/reader")
    assert cloud.call("GET", f"{parent}/roles/reader")["deleted"]
    assert refused(cloud, "POST", f"{parent}/roles", role) == (409, "alreadyExists")
    # A policy names only roles that exist, and an etag is for one state.
    policy = cloud.call("POST", f"{parent}:getIamPolicy", {})
    mine = policy | {"bindings": [{"role": "projects/shop-analytics/roles/reader", "members": ["user:a@example.com"]}]}
    assert refused(cloud, "POST", f"{parent}:setIamPolicy", {"policy": mine}) == (400, "invalid")
    cloud.call("POST", f"{parent}/roles/reader:undelete", {})
    cloud.call("POST", f"{parent}:setIamPolicy", {"policy": mine})
    assert refused(cloud, "POST", f"{parent}:setIamPolicy", {"policy": policy}) == (409, "aborted")
    assert cloud.bindings("projects/shop-analytics") == [(mine["bindings"][0]["role"], ["user:a@example.com"])]
    # A provider's mapping and condition must be expressions, and a pool is deleted softly.
    pools = f"{parent}/locations/global/workloadIdentityPools"
    cloud.call("POST", f"{pools}?workloadIdentityPoolId=shop", {})
    for wrong in ({}, {"attributeMapping": {"google.subject": "assertion.arn.matches('x')"}}):
        call = "POST", f"{pools}/shop/providers?workloadIdentityPoolProviderId=lambda", wrong
        assert refused(cloud, *call) == (400, "invalid")
    cloud.call("DELETE", f"{pools}/shop")
    assert cloud.call("GET", f"{pools}/shop")["state"] == "DELETED"
    assert refused(cloud, "POST", f"{pools}?workloadIdentityPoolId=shop", {})[0] == 409
