"""moto, enforcing IAM as AWS does.

moto verifies signatures, stores roles and documents, and answers the calls. This program adds three
checks that moto omits: the resources of RDS's actions (moto checks against `*`), conditions, and the
further permissions that a call needs (PassRole, grants of a key, decrypting an object). They are
from AWS's Service Authorization Reference and the API references.

Enforcement is off until `POST /moto-api/reset-auth` with the body 0, so that Terraform can apply first.
"""

import json
import sys
from urllib.parse import parse_qs, urlparse

from iam import allowed
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.kms.models import kms_backends
from moto.rds.models import RDSBackend, rds_backends
from moto.rds.responses import RDSResponse
from moto.s3.models import FakeBucket, s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.server import main
from moto.utilities.utils import CaseInsensitiveDict

# Every call counts as a call over TLS from a principal of the account: loopback has no TLS.
ALWAYS = {"aws:SecureTransport": "true", "aws:PrincipalIsAWSService": "false"}


def needs(response, action, resource):
    """Yields the permissions that a call needs: action, resource, condition context."""
    account, region = response.current_account, response.region
    query = {key: values[0] for key, values in response.querystring.items() if values}
    rds = f"arn:aws:rds:{region}:{account}"
    service, _, call = action.partition(":")
    if service == "rds":
        kind, database = ("cluster-snapshot", "cluster") if "Cluster" in call else ("snapshot", "db")
        snapshot = query.get("DBSnapshotIdentifier") or query.get("DBClusterSnapshotIdentifier") or "*"
        arn = f"{rds}:{kind}:{snapshot}"
        if call.startswith("Create") and call.endswith("Snapshot"):
            source = query.get("DBInstanceIdentifier") or query.get("DBClusterIdentifier")
            tags = {f"aws:RequestTag/{key}": value for key, value in request_tags(query)}
            yield action, f"{rds}:{database}:{source}", tags
            yield action, arn, tags
            if tags:
                yield "rds:AddTagsToResource", arn, tags
        elif call.startswith("Delete") and call.endswith("Snapshot"):
            yield action, arn, resource_tags(account, region, kind, snapshot)
        elif call.startswith("RestoreDB"):
            yield from restore(action, query, rds)
        elif call in ("DeleteDBInstance", "DeleteDBCluster", "ModifyDBInstance", "ModifyDBCluster"):
            name = query.get("DBInstanceIdentifier") or query["DBClusterIdentifier"]
            yield action, f"{rds}:{database}:{name}", resource_tags(account, region, database, name)
        elif call in ("AddTagsToResource", "RemoveTagsFromResource"):
            kind, name = query["ResourceName"].split(":", 6)[5:]
            given = dict(request_tags(query))
            keys = [*given, *(value for key, value in query.items() if key.startswith("TagKeys."))]
            tags = {"aws:TagKeys": keys} | {f"aws:RequestTag/{key}": value for key, value in given.items()}
            yield action, query["ResourceName"], tags | resource_tags(account, region, kind, name)
        elif call == "StartExportTask":
            yield action, query["SourceArn"], {}
            yield "iam:PassRole", query["IamRoleArn"], {"iam:PassedToService": "export.rds.amazonaws.com"}
            key = key_arn(account, region, query["KmsKeyId"])
            via = {"kms:ViaService": f"rds.{region}.amazonaws.com"}
            yield "kms:CreateGrant", key, via | {"kms:GrantIsForAWSResource": "true"}
            yield "kms:DescribeKey", key, via
            # Not in the API reference; deployments that work have these.
            for name in ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"):
                yield f"kms:{name}", key, via
        elif call.startswith("Describe") and call.endswith("Snapshots"):
            yield action, arn, {}
        elif call == "DescribeExportTasks":
            yield action, "*", {}
        else:
            yield (
                action,
                query.get("ResourceName") or f"{rds}:{database}:{query.get('DBInstanceIdentifier', '*')}",
                {},
            )
    elif service == "s3":
        bucket, _, key = resource.rpartition(":")[2].partition("/")
        prefix = parse_qs(urlparse(response.uri).query).get("prefix")
        yield action, resource, {"s3:prefix": prefix[0]} if prefix else {}
        yield from decryption(account, region, bucket, key, action)
    else:
        body = json.loads(response.body) if str(response.body).startswith("{") else {}
        yield action, named(service, body | query, resource, account, region), {}


def restore(action, query, rds):
    """A restore needs permissions for the new database, its snapshot or source, groups and tags."""
    cluster = "Cluster" in action
    database, snapshot = ("cluster", "cluster-snapshot") if cluster else ("db", "snapshot")
    tags = {f"aws:RequestTag/{key}": value for key, value in request_tags(query)}
    tags["aws:TagKeys"] = [key for key, _ in request_tags(query)]
    target = query.get("TargetDBInstanceIdentifier") or query.get("DBInstanceIdentifier")
    about = [f"{database}:{target or query['DBClusterIdentifier']}"]
    for key, kind in [
        ("SourceDBInstanceIdentifier", database),
        ("SourceDBClusterIdentifier", database),
        ("DBSnapshotIdentifier", snapshot),
        ("SnapshotIdentifier", snapshot),
        ("DBParameterGroupName", "pg"),
        ("DBClusterParameterGroupName", "cluster-pg"),
        ("OptionGroupName", "og"),
        ("DBSubnetGroupName", "subgrp"),
    ]:
        if key in query:
            about.append(f"{kind}:{query[key]}")
    for it in about:
        yield action, f"{rds}:{it}", tags
    yield "rds:AddTagsToResource", f"{rds}:{about[0]}", tags


def request_tags(query):
    for key, value in query.items():
        if key.startswith("Tags.") and key.endswith(".Key"):
            yield value, query.get(key[: -len("Key")] + "Value", "")


def resource_tags(account, region, kind, name):
    backend = rds_backends[account][region]
    known = {
        "snapshot": backend.database_snapshots,
        "cluster-snapshot": backend.cluster_snapshots,
        "db": backend.databases,
        "cluster": backend.clusters,
    }[kind]
    tags = known[name].tags if name in known else []
    return {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in tags}


def key_arn(account, region, name):
    backend = kms_backends[account][region]
    return backend.describe_key(backend.any_id_to_key_id(name)).arn


def decryption(account, region, bucket, key, action):
    """Reading an object that is encrypted with our key needs kms:Decrypt on that key."""
    found_bucket = s3_backends[account]["aws"].buckets.get(bucket)
    found = found_bucket.keys.get(key) if found_bucket and action == "s3:GetObject" else None
    # The newest version may be a delete marker.
    used = getattr(found, "kms_key_id", None)
    if used:
        yield "kms:Decrypt", used, {"kms:ViaService": f"s3.{region}.amazonaws.com"}


def named(service, given, resource, account, region):
    """The ARN of the resource of a call, where moto does not provide it."""
    for key in ("TopicArn", "SecretId", "KeyId", "RoleArn"):
        value = str(given.get(key, ""))
        if value.startswith("arn:"):
            return value
        if value and key == "SecretId":
            known = secretsmanager_backends[account][region].secrets.get(value)
            return known.arn if known else resource
        if value and service == "kms":
            return key_arn(account, region, value)
    if "QueueUrl" in given:
        return f"arn:aws:sqs:{region}:{account}:{given['QueueUrl'].rpartition('/')[2]}"
    if "RoleName" in given:
        return f"arn:aws:iam::{account}:role/{given['RoleName']}"
    return resource


def text_of(policy):
    """The text of a policy: inline documents are text, managed ones have versions."""
    if isinstance(policy, str):
        return policy
    return next(it.document for it in policy.versions if it.is_default_version)


def bucket_policy(account, resource):
    bucket = resource.rpartition(":")[2].partition("/")[0]
    found_bucket = s3_backends[account]["aws"].buckets.get(bucket)
    return [json.loads(found_bucket.policy)] if found_bucket is not None and found_bucket.policy else []


def authorize(response, request_class, resource="*"):
    """Replaces moto's own check."""
    if ActionAuthenticatorMixin.request_count < settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return
    query = urlparse(response.uri).query
    request = request_class(
        account_id=response.current_account,
        method=response.method,
        path=response.raw_path + (f"?{query}" if query else ""),
        # moto would read the query of a POST as its body.
        data={} if query and response.method == "POST" else response.data,
        body=response.raw_body,
        headers=response.headers,
        action=response._get_action(),
    )
    request.check_signature()
    # AWS allows everyone to call GetCallerIdentity (AWS Security Token Service API Reference).
    if request._action == "sts:GetCallerIdentity":
        return
    documents = [json.loads(text_of(it)) for it in request._access_key.collect_policies()]
    context = ALWAYS | {"aws:PrincipalAccount": response.current_account}
    for action, about, more in needs(response, request._action, resource):
        of_resource = bucket_policy(response.current_account, about) if action.startswith("s3:") else []
        if not allowed(documents + of_resource, action, about, context | more):
            print(f"DENIED {action} on {about} with {more}", file=sys.stderr, flush=True)
            request._raise_access_denied()


class OptionGroups(CaseInsensitiveDict):
    """moto returns the names of AWS's default option groups, but has no such groups."""

    def __contains__(self, name):
        return name.startswith("default:") or super().__contains__(name)


def begin(backend, *given, original=RDSBackend.__init__, **named):
    original(backend, *given, **named)
    backend.option_groups.__class__ = OptionGroups


def account_attributes(response):
    """moto does not implement the call. The numbers are AWS's defaults (Amazon RDS User Guide, "Quotas")."""
    backend = rds_backends[response.current_account][response.region]
    used = {"DBInstances": (backend.databases, 40), "ManualSnapshots": (backend.database_snapshots, 100)}
    quotas = [
        {"AccountQuotaName": name, "Used": len(items), "Max": limit} for name, (items, limit) in used.items()
    ]
    return ActionResult({"AccountQuotas": quotas})


RDSBackend.__init__ = begin
RDSResponse.describe_account_attributes = account_attributes
ActionAuthenticatorMixin._authenticate_and_authorize_action = authorize
# Checked above, with its conditions; moto would apply a Deny whatever its condition.
FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL

if __name__ == "__main__":
    main()
