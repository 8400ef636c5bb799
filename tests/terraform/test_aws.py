"""The aws module, applied to moto, and the functions' binaries under its roles."""

import json
import re
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, FUNCTIONS, REGION, ROOT, run
from iam import render
from rights import BUCKET, DAY, EXPORT, HOUR, MAY, MUST_NOT, NEEDED, NEXT_DAY
from servers import COLUMNS, ROWS, SOURCE_KEY, write_export


AUDIT_BUCKET = f"landbridge-shop-audit-{ACCOUNT}"


def test_a_second_plan_is_empty(deployed):
    assert "No changes." in deployed.terraform.run("plan", "-detailed-exitcode", "-input=false", "-no-color")


def number(deployed):
    """The time of the deployment in Terraform's state."""
    state = deployed.terraform.run("state", "show", "-no-color", "module.aws.terraform_data.deployment")
    return datetime.fromisoformat(re.search(r' output +=.*"(.+)"', state).group(1))


def test_the_deployment_number_changes_exactly_when_the_files_or_tags_change(deployed):
    """Plans, and applies of this one resource: they are quick."""
    terraform, contract = deployed.terraform, deployed.files["contract.yaml"]
    plan = ("plan", "-detailed-exitcode", "-input=false", "-no-color", "-refresh=false")
    one = "-target=module.aws.terraform_data.deployment"
    apply = ("apply", "-auto-approve", "-input=false", "-no-color", "-refresh=false", one)
    replaced = "module.aws.terraform_data.deployment must be replaced"
    functions = deployed.moto.client("lambda")
    first = number(deployed)
    for name in FUNCTIONS:
        actual = functions.get_function_configuration(FunctionName=f"landbridge-shop-{name}")
        at = actual["Environment"]["Variables"]["LANDBRIDGE_DEPLOYED_AT"]
        assert at.endswith("Z") and datetime.fromisoformat(at) == first, "RFC 3339, the same for all"
    # Another variable of four functions changes, the files do not: the number stays.
    credentials = json.loads(terraform.variables["TF_VAR_google_credentials"]) | {"universe_domain": "x"}
    other = terraform.run(*plan, "-var", f"google_credentials={json.dumps(credentials)}", expect=2)
    assert "0 to add, 4 to change, 0 to destroy" in other and "DEPLOYED_AT" not in other, other
    # Another tag of a class: a new number.
    tags = json.loads(terraform.variables["TF_VAR_policy_tags"])
    tags["unclassified"] = tags["unclassified"].rpartition("/")[0] + "/999"
    other = terraform.run(*plan, one, "-var", f"policy_tags={json.dumps(tags)}", expect=2)
    assert replaced in other, other
    # An edit of the contract: a new number, of which every function is told, and which then stays.
    text = contract.read_text()
    contract.write_text(text + "# an edit\n")
    try:
        terraform.run(*apply)
        second = number(deployed)
        assert second > first
        told = terraform.run(*plan, expect=2)
        changed = re.findall(r'~ "LANDBRIDGE_DEPLOYED_AT" += "(.+)" -> "(.+)"', told)
        times = [tuple(datetime.fromisoformat(it) for it in pair) for pair in changed]
        assert times == [(first, second)] * len(FUNCTIONS), told
        assert "No changes." in terraform.run(*plan, one)
    finally:
        contract.write_text(text)
    # The first contract again: a number newer than both.
    terraform.run(*apply)
    assert number(deployed) > second


def test_queue_and_workers_are_made_with_fan_out_alone(deployed):
    """A plan: nothing of it exists without transfer.fan_out, and nothing else is replaced by it."""
    terraform, config = deployed.terraform, deployed.files["landbridge.yaml"]
    assert not [it for it in terraform.run("state", "list").split() if "transfer-item" in it or "items" in it]
    package = Path(terraform.variables["TF_VAR_package_dir"]) / "transfer-item.zip"
    with zipfile.ZipFile(package, "w") as it:
        it.writestr("bootstrap", "not transfer-item")
    text = config.read_text()
    config.write_text(text.replace("transfer:\n", "transfer:\n  fan_out: { workers: 7 }\n", 1))
    try:
        terraform.run("plan", "-input=false", "-no-color", "-refresh=false", "-out=fan-out.plan")
        shown = json.loads(terraform.run("show", "-json", "fan-out.plan"))
    finally:
        config.write_text(text)
        package.unlink()
    changes = {it["address"].removeprefix("module.aws."): it["change"] for it in shown["resource_changes"]}
    created = {name: it["after"] for name, it in changes.items() if it["actions"] == ["create"]}
    worker = '["transfer-item"]'
    assert set(created) == {
        "aws_cloudwatch_log_group.function" + worker,
        'aws_cloudwatch_log_metric_filter.this["alerts-transfer-item"]',
        'aws_cloudwatch_log_metric_filter.this["bad_starts-transfer-item"]',
        'aws_cloudwatch_metric_alarm.this["items-failed"]',
        "aws_iam_role.function" + worker,
        "aws_iam_role_policy.fan_out[0]",
        "aws_iam_role_policy.function" + worker,
        "aws_iam_role_policy.worker_token_key" + worker,
        "aws_lambda_event_source_mapping.items[0]",
        "aws_lambda_function.this" + worker,
        "aws_sqs_queue.failed_items[0]",
        "aws_sqs_queue.items[0]",
        "aws_sqs_queue_policy.failed_items[0]",
        "aws_sqs_queue_policy.items[0]",
        "aws_sqs_queue_redrive_allow_policy.failed_items[0]",
    }
    replaced = [name for name, it in changes.items() if "delete" in it["actions"] and "create" in it["actions"]]
    # The files have another content, and so another name; the number of the deployment is newer.
    assert {name.split("[")[0] for name in replaced} <= {"aws_s3_object.file", "terraform_data.deployment"}, replaced
    mapping, queue = created["aws_lambda_event_source_mapping.items[0]"], created["aws_sqs_queue.items[0]"]
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"] and mapping["batch_size"] == 10
    assert mapping["scaling_config"] == [{"maximum_concurrency": 7}]
    timeout = created["aws_lambda_function.this" + worker]["timeout"]
    assert queue["visibility_timeout_seconds"] == 6 * timeout and queue["sqs_managed_sse_enabled"]
    alarm = created['aws_cloudwatch_metric_alarm.this["items-failed"]']
    assert alarm["dimensions"] == {"QueueName": "landbridge-shop-items-failed"}


def values(deployed):
    """The variables of infra/policies, derived from landbridge.yaml by the test itself."""
    return {
        "partition": "aws",
        "region": REGION,
        "account": ACCOUNT,
        "source": "shop",
        "source_id": "shop-prod",
        "database": "db",
        "snapshot": "snapshot",
        "snapshot_call": "DBSnapshot",
        "bucket": BUCKET,
        "audit_bucket": AUDIT_BUCKET,
        "export_path": "exports/",
        "ledger_prefix": "ledger",
        "config_prefix": "landbridge-config/shop",
        "export_role_arn": f"arn:aws:iam::{ACCOUNT}:role/landbridge-shop-rds-export",
        "key_arn": deployed.outputs["key_arn"],
        "token_key_arn": deployed.outputs["token_key_arn"],
        "token_kms_key_arn": deployed.outputs["key_arn"],
        "proof_key_arn": "",
        "proof_kms_key_arn": deployed.outputs["key_arn"],
        "sign_key_arn": "",
        "source_key_arn": SOURCE_KEY,
    }


def test_each_role_has_its_documents_of_infra_and_no_other(deployed):
    iam = deployed.moto.client("iam")
    wanted = {name: {name: f"{name}.json"} for name in FUNCTIONS}
    wanted["transfer"]["token-key"] = "transfer-token-key.json"
    for name in ("snapshot", "export"):
        wanted[name]["source-key"] = "source-key.json"
    wanted |= {
        "export-role": {"write-exports": "export-role.json"},
        "scheduler": {"start-functions": "scheduler.json"},
    }
    trusts = dict.fromkeys(FUNCTIONS, "trust-function.json")
    trusts |= {"export-role": "trust-export.json", "scheduler": "trust-scheduler.json"}
    for role, documents in wanted.items():
        name = deployed.role(role).rpartition("/")[2]
        assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
        assert set(iam.list_role_policies(RoleName=name)["PolicyNames"]) == set(documents)
        for policy, file in documents.items():
            actual = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            assert actual == render((ROOT / "infra/policies" / file).read_text(), values(deployed)), (
                role,
                policy,
            )
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        assert trust == render((ROOT / "infra/policies" / trusts[role]).read_text(), values(deployed)), role
    assert len(iam.list_roles()["Roles"]) == len(wanted)


def test_the_schedules_of_infra_have_the_hours_of_landbridge_yaml(deployed):
    scheduler = deployed.moto.client("scheduler")
    hours = {"zone": "Asia/Seoul", "export_hour": 1, "transfer_from_hour": 2, "deadline_hour": 4}
    for name in FUNCTIONS:
        wanted = render((ROOT / f"infra/schedules/{name}.json").read_text(), hours)
        actual = scheduler.get_schedule(GroupName="landbridge-shop", Name=name)
        assert actual["ScheduleExpression"] == wanted["expression"]
        assert actual["ScheduleExpressionTimezone"] == wanted["zone"]
        assert actual["State"] == "ENABLED"
        target = actual["Target"]
        # Not escaped: Scheduler would not recognise its placeholder otherwise.
        assert target["Input"] == '{"scheduled_time":"<aws.scheduler.scheduled-time>"}'
        assert target["Arn"].endswith(f":function:landbridge-shop-{name}")
        assert target["RoleArn"] == deployed.role("scheduler")
        assert target["DeadLetterConfig"]["Arn"].endswith(":landbridge-shop-failures")
        assert target["RetryPolicy"]["MaximumRetryAttempts"] == wanted["retry"]["maximum_retry_attempts"]


def schedules(moto):
    """The schedules that the module created: name → what decides when which function starts, and with what."""
    scheduler, found = moto.client("scheduler"), {}
    for it in scheduler.list_schedules(GroupName="landbridge-shop")["Schedules"]:
        found[it["Name"]] = scheduler.get_schedule(GroupName="landbridge-shop", Name=it["Name"])
    return found


def different_schedules(ours, theirs):
    """Each difference between the schedules of the local cloud and of the module."""
    found = [f"only one has {name}" for name in sorted(ours.keys() ^ theirs.keys())]

    def compare(path, ours, theirs):
        for name, it in ours.items():
            other = theirs.get(name)
            if isinstance(it, dict):
                compare(f"{path} {name}", it, other or {})
            elif it != other:
                found.append(f"{path} {name}: {it} in the local cloud, {other} in the module")

    for name in sorted(ours.keys() & theirs.keys()):
        compare(name, ours[name], theirs[name])
    return found


def test_the_local_cloud_starts_each_function_when_the_modules_schedules_do(deployed, local_google):
    """schedules.json is what the local cloud's scheduler works with. One value that differs on either side is named."""
    ours = json.loads((local_google.data_dir / "local/schedules.json").read_text())
    theirs = schedules(deployed.moto)
    assert set(ours) == set(FUNCTIONS)
    assert not different_schedules(ours, theirs), different_schedules(ours, theirs)
    scheduler = deployed.moto.client("scheduler")
    read_only = ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata")
    export = {name: value for name, value in theirs["export"].items() if name not in read_only}
    elsewhere = export["Target"] | {"Arn": export["Target"]["Arn"].replace("-export", "-load")}
    for name, value, says in [
        ("ScheduleExpression", "cron(0/10 2-4 * * ? *)", "export ScheduleExpression: cron(0/10 1-4"),
        ("ScheduleExpressionTimezone", "Europe/Berlin", "export ScheduleExpressionTimezone: Asia/Seoul"),
        ("Target", elsewhere, "export Target Arn: "),
    ]:
        # In the module's account, and in the local cloud.
        scheduler.update_schedule(**export | {name: value})
        changed = different_schedules(ours, schedules(deployed.moto))
        scheduler.update_schedule(**export)
        local = different_schedules(ours | {"export": ours["export"] | {name: value}}, theirs)
        assert len(changed) == 1 and changed[0].startswith(says), changed
        assert len(local) == 1 and local[0].startswith(says.split(":")[0]), local
    # Later tests find the schedule as Terraform made it.
    assert schedules(deployed.moto)["export"].items() >= export.items()


def test_every_timeout_is_shorter_than_the_schedules_interval(deployed):
    functions = deployed.moto.client("lambda")
    variables = {}
    for name in FUNCTIONS:
        expression = json.loads((ROOT / f"infra/schedules/{name}.json").read_text())["expression"]
        minutes = int(re.match(r"cron\(\d/(\d+) ", expression).group(1))
        actual = functions.get_function(FunctionName=f"landbridge-shop-{name}")
        configuration = actual["Configuration"]
        assert configuration["Timeout"] < minutes * 60, name
        # The last attempt starts before the event is too old: Lambda waits 60 and 120 seconds in between.
        retry = json.loads((ROOT / f"infra/schedules/{name}.json").read_text())["retry"]
        retries = retry["maximum_retry_attempts"]
        waits = sum((60, 120)[:retries])
        assert retries * configuration["Timeout"] + waits < retry["maximum_event_age_seconds"], name
        assert "Concurrency" not in actual, "a new AWS account can reserve nothing"
        assert configuration["Runtime"] == "provided.al2023" and configuration["Architectures"] == ["arm64"]
        variables[name] = configuration["Environment"]["Variables"]
        given = set(variables[name])
        assert ("LANDBRIDGE_GCP_CREDENTIALS" in given) == (name in ("transfer", "load", "protect", "views"))
        assert ("LANDBRIDGE_POLICY_TAGS" in given) == (name in ("load", "protect", "views"))
    # They compare a digest of files and tags with the recorded one: if they differed, one of them
    # would count as older for ever.
    assert variables["load"] == variables["protect"] == variables["views"]
    # Lambda's limit for all variables of a function; the tags' common beginning is written once.
    assert sum(len(key) + len(value) for key, value in variables["load"].items()) <= 4096
    tags = json.loads(variables["load"]["LANDBRIDGE_POLICY_TAGS"])
    given = json.loads(deployed.terraform.variables["TF_VAR_policy_tags"])
    assert {name: tags["*"] + tag for name, tag in tags.items() if name != "*"} == given


def test_forty_classes_fit_into_the_variables_of_a_function_and_a_hundred_are_refused(deployed):
    plan = ("plan", "-input=false", "-no-color", "-refresh=false", "-target=module.aws.aws_lambda_function.this")
    tags = json.loads(deployed.terraform.variables["TF_VAR_policy_tags"])
    common = tags["unclassified"].rpartition("/")[0]

    def with_classes(number):
        more = {f"class_number_{it:03}": f"{common}/{10**18 + it}" for it in range(number)}
        return ("-var", f"policy_tags={json.dumps(tags | more)}")

    deployed.terraform.run(*plan, *with_classes(40))
    output = deployed.terraform.run(*plan, *with_classes(100), expect=1)
    assert "do not fit into the 4 KB" in " ".join(output.replace("│", "").split())


def test_the_role_of_rds_is_not_the_role_of_a_function(deployed):
    config = deployed.files["landbridge.yaml"]
    text = config.read_text()
    config.write_text(text.replace("landbridge-shop-rds-export", "landbridge-shop-transfer"))
    try:
        plan = ("plan", "-input=false", "-no-color", "-refresh=false", "-target=module.aws.aws_iam_role.export")
        output = deployed.terraform.run(*plan, expect=1)
    finally:
        config.write_text(text)
    assert "It must be a role of its own" in " ".join(output.replace("│", "").split())


def test_a_key_for_receipts_is_created_only_if_its_alias_is_named(deployed):
    config = deployed.files["landbridge.yaml"]
    text = config.read_text()
    rights = ["aws_iam_policy.receipt_verify[0]", "aws_iam_role_policy.sign[0]"]
    own = ["aws_kms_alias.receipts[0]", "aws_kms_key.receipts[0]"]
    targets = [f"-target=module.aws.{it.removesuffix('[0]')}" for it in rights + own]
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}"
    for name, expected in [(None, []), (f"{key}:key/0a1b2c3d", rights), (f"{key}:alias/receipts", rights + own)]:
        sign = f", sign: '{name}'" if name else ""
        config.write_text(f"{text}\nproof: {{ key: landbridge/shop/proof-key{sign} }}\n")
        try:
            plan = deployed.terraform.run("plan", "-input=false", "-no-color", "-refresh=false", *targets)
        finally:
            config.write_text(text)
        created = re.findall(r"# module\.aws\.(\S+) will be created", plan)
        # What they depend on is planned too: the secret of the proof key.
        assert sorted(it for it in created if it in rights + own) == sorted(expected), plan
        assert ('"ECC_NIST_P256"' in plan and '"SIGN_VERIFY"' in plan) == (own[0] in expected), plan


def test_the_bucket_is_private_and_encrypted_and_expires_objects(deployed):
    s3 = deployed.moto.client("s3")
    assert all(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    kept = {
        it["Filter"]["Prefix"]: it["Expiration"]["Days"]
        for it in s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
        if "Expiration" in it
    }
    assert kept == {"exports/": 7, "ledger/": 400}
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    tls = [
        it
        for it in policy["Statement"]
        if it["Effect"] == "Deny" and it["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    assert len(tls) == 1 and tls[0]["Principal"] in ("*", {"AWS": "*"})
    kms = deployed.moto.client("kms")
    assert kms.get_key_rotation_status(KeyId=deployed.outputs["key_arn"])["KeyRotationEnabled"]


def test_reads_and_writes_of_exports_are_recorded_for_two_years(deployed):
    trails = deployed.moto.client("cloudtrail")
    [trail] = trails.describe_trails()["trailList"]
    assert trail["Name"] == "landbridge-shop-exports" and trail["S3BucketName"] == AUDIT_BUCKET
    assert trails.get_trail_status(Name=trail["Name"])["IsLogging"]
    [selector] = trails.get_event_selectors(TrailName=trail["Name"])["AdvancedEventSelectors"]
    of = {it["Field"]: it for it in selector["FieldSelectors"]}
    assert of["resources.ARN"]["StartsWith"] == [f"arn:aws:s3:::{BUCKET}/exports/landbridge-shop-"]
    s3 = deployed.moto.client("s3")
    policy = json.loads(s3.get_bucket_policy(Bucket=AUDIT_BUCKET)["Policy"])
    assert policy == render((ROOT / "infra/policies/audit-bucket.json").read_text(), values(deployed))
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=AUDIT_BUCKET)["Rules"]
    assert rule["Expiration"]["Days"] == 730
    assert all(s3.get_public_access_block(Bucket=AUDIT_BUCKET)["PublicAccessBlockConfiguration"].values())


def test_terraform_state_contains_no_secret(deployed):
    secrets = deployed.moto.client("secretsmanager")
    actual = secrets.describe_secret(SecretId="landbridge/shop/token-key")
    assert actual["KmsKeyId"] == deployed.outputs["key_arn"]
    assert not actual.get("VersionIdsToStages"), "created without a value, which a person sets"
    state = (deployed.terraform.folder / "terraform.tfstate").read_text()
    assert "secret_string" not in state and "private_key" not in state


def test_exports_use_a_bucket_key(deployed):
    """S3 then asks KMS once in a while, not at every request on an exported file."""
    actual = deployed.moto.client("s3").get_bucket_encryption(Bucket=BUCKET)
    (rule,) = actual["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["BucketKeyEnabled"] is True
    # The ledger and the configuration are read by functions that have no rights on our key.
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_every_alarm_reaches_the_topic(deployed):
    alarms = deployed.moto.client("cloudwatch").describe_alarms()["MetricAlarms"]
    names = {it["AlarmName"].removeprefix("landbridge-shop-") for it in alarms}
    assert names == {"unpublished", "no-day", "alerts", "starts", "silence", "unprotected", "failures"}
    topic = deployed.outputs["alerts_topic_arn"]
    assert all(it["AlarmActions"] == [topic] for it in alarms)
    # Without data at the start or in a pause, no alarm rings; these two ring when data ends.
    silent = {it["AlarmName"].removeprefix("landbridge-shop-") for it in alarms if it["InsufficientDataActions"]}
    assert silent == {"silence", "unprotected"}
    assert all(
        it["TreatMissingData"] == ("missing" if it["InsufficientDataActions"] else "notBreaching") for it in alarms
    )
    file = json.loads((ROOT / "infra/alarms.json").read_text())
    for it in alarms:
        name = it["AlarmName"].removeprefix("landbridge-shop-")
        wanted = file["alarms"][name]
        assert (it["MetricName"], it["Period"], it["Threshold"]) == (
            wanted["metric"]["name"],
            wanted["period"],
            wanted["threshold"],
        )
        assert (it["EvaluationPeriods"], it["DatapointsToAlarm"]) == (wanted["periods"], wanted["datapoints"])
    subscribers = deployed.moto.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [it["Endpoint"] for it in subscribers] == ["oncall@example.com"]


def matches(pattern, line):
    """CloudWatch's filter patterns, as far as we use them: `{ $.a.b = "*" }`, `{ $.a.b >= 0 }`."""
    path, operator, test = re.fullmatch(r"\{ \$\.([\w.]+) (=|>=) (.+) \}", pattern).groups()
    value = line
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if operator == ">=":
        return isinstance(value, int) and value >= int(test)
    assert test == '"*"'
    return isinstance(value, str)


def filters(deployed, name):
    deployed.moto.enforce(False)
    actual = deployed.moto.client("logs").describe_metric_filters(
        logGroupName=f"/aws/lambda/landbridge-shop-{name}"
    )
    deployed.moto.enforce(True)
    return {
        it["filterName"].removeprefix("landbridge-shop-"): it["filterPattern"]
        for it in actual["metricFilters"]
    }


def test_every_function_works_with_its_own_role(deployed, role_sessions):
    """Each binary as deployed, with IAM enforced: its configuration from S3, its variables, its role."""
    s3 = deployed.moto.client("s3", role_sessions["transfer"])
    before = deployed.moto.denied()
    answer = run(deployed, role_sessions, "snapshot")
    assert answer.ok and "created" in answer.payload["message"], answer
    # Tagged, so that it may be pruned later; the old one is deleted by the retention ladder.
    answer = run(deployed, role_sessions, "export")
    assert answer.ok and "started" in answer.payload["message"], answer
    # moto's export is complete at once and has no objects; RDS's role writes them.
    refused = run(deployed, role_sessions, "export")
    assert not refused.ok and refused.payload["errorType"] == "Corrupt", refused
    s3_of_rds = deployed.moto.client("s3", role_sessions["export-role"])
    write_export(s3_of_rds, deployed.outputs["key_arn"], BUCKET, EXPORT, COLUMNS, ROWS)
    answer = run(deployed, role_sessions, "export")
    assert answer.ok and answer.payload["progress"] == "done", answer
    # The plan is made from the footers. Google does not answer; test_published.py continues from here.
    answer = run(deployed, role_sessions, "transfer", at="2026-01-01T17:00:00Z")
    assert deployed.moto.denied() == before, answer
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=DAY)["Contents"]
    names = {it["Key"].removeprefix(DAY) for it in listed}
    assert {"export.json", "manifest.json", "plan.json", "plan/creators.json"} <= names, (names, answer)
    # After the deadline the load reports the day in a line that the alarm's filter matches.
    answer = run(deployed, role_sessions, "load", at="2026-01-01T19:00:00Z")
    lines = [json.loads(line) for line in answer.log.splitlines() if line.startswith("{")]
    of_load = filters(deployed, "load")
    assert any(matches(of_load["alerts"], line) for line in lines), (of_load["alerts"], answer)
    # Every protection pass logs how old the newest day is, also when Google does not answer.
    answer = run(deployed, role_sessions, "protect", at="2026-01-01T15:00:00Z")
    lines = [json.loads(line) for line in answer.log.splitlines() if line.startswith("{")]
    of_protect = filters(deployed, "protect")
    for name in ("hours_without_day", "day_overdue"):
        found = [line for line in lines if matches(of_protect[name], line)]
        assert len(found) == 1 and found[0]["fields"][name] == 0, (name, answer)
    assert deployed.moto.denied() == before


@pytest.fixture(scope="session")
def next_day(deployed, role_sessions):
    """Creates a snapshot that is not exported yet."""
    assert run(deployed, role_sessions, "snapshot", at=NEXT_DAY).ok


@pytest.mark.parametrize(
    ("function", "statement", "action", "at"), NEEDED, ids=[f"{it[0]}-{it[1]}" for it in NEEDED]
)
def test_every_statement_is_needed(deployed, role_sessions, next_day, function, statement, action, at):
    moto, role = deployed.moto, f"landbridge-shop-{function}"
    moto.enforce(False)
    iam, s3 = moto.client("iam"), moto.client("s3")
    # The tick repeats this work: it reads manifests, makes the plan, looks for receipts.
    records = {"export": ["export.json", "manifest.json"], "transfer": ["plan.json", "plan/creators.json"]}
    kept = {
        DAY + name: s3.get_object(Bucket=BUCKET, Key=DAY + name)["Body"].read()
        for name in records.get(function, [])
        if at == HOUR
    }
    complete = iam.get_role_policy(RoleName=role, PolicyName=function)["PolicyDocument"]
    less = complete | {"Statement": [it for it in complete["Statement"] if it["Sid"] != statement]}
    assert len(less["Statement"]) == len(complete["Statement"]) - 1
    iam.put_role_policy(RoleName=role, PolicyName=function, PolicyDocument=json.dumps(less))
    for name in kept:
        s3.delete_object(Bucket=BUCKET, Key=name)
    before = len(moto.denied())
    try:
        answer = run(deployed, role_sessions, function, at=at)
        assert not answer.ok and f"DENIED {action} on" in "\n".join(moto.denied()[before:]), answer
    finally:
        moto.enforce(False)
        for name, body in kept.items():
            s3.put_object(Bucket=BUCKET, Key=name, Body=body)
        iam.put_role_policy(RoleName=role, PolicyName=function, PolicyDocument=json.dumps(complete))
        moto.enforce(True)


@pytest.mark.parametrize(
    ("role", "service", "call", "given"),
    MUST_NOT,
    ids=[f"{it[0]}-{it[2]}-{number}" for number, it in enumerate(MUST_NOT)],
)
def test_a_role_must_not(deployed, role_sessions, role, service, call, given):
    known = {
        "ROLE": deployed.role("export-role"),
        "KEY": deployed.outputs["key_arn"],
        "TOPIC": deployed.outputs["alerts_topic_arn"],
        "TOKEN_KEY": deployed.outputs["token_key_arn"],
    }
    given = {
        key: known.get(value, value) if isinstance(value, str) else value for key, value in given.items()
    }
    with pytest.raises(ClientError) as refused:
        getattr(deployed.moto.client(service, role_sessions[role]), call)(**given)
    # moto answers in XML even where the protocol is JSON, so the client finds no error code.
    answer = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403, refused.value
    assert "AccessDenied" in answer["Error"]["Code"] or "is not authorized to perform" in str(refused.value)


@pytest.mark.parametrize(("role", "service", "call", "given"), MAY, ids=[f"{it[0]}-{it[2]}" for it in MAY])
def test_a_role_may(deployed, role_sessions, role, service, call, given):
    """Permissions that the ticks above do not use. Without this test, `AccessDenied` would prove nothing."""
    known = {"TOKEN_KEY": deployed.outputs["token_key_arn"], "QUEUE": deployed.outputs["failures_queue_url"]}
    given = {
        key: known.get(value, value) if isinstance(value, str) else value for key, value in given.items()
    }
    getattr(deployed.moto.client(service, role_sessions[role]), call)(**given)


def test_a_forged_signature_is_refused(deployed, role_sessions):
    forged = role_sessions["transfer"] | {"SecretAccessKey": "another-secret"}
    with pytest.raises(ClientError) as refused:
        deployed.moto.client("s3", forged).list_objects_v2(Bucket=BUCKET, Prefix="ledger/shop/")
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
