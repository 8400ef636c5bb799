"""The permissions that each role needs, may use and must not have."""

from conftest import ACCOUNT, FUNCTIONS, HOUR, REGION

BUCKET = "shop-exports-123456789012"
RDS = f"arn:aws:rds:{REGION}:{ACCOUNT}"
EXPORT = "landbridge-shop-20260102-a1"
SNAPSHOT = "landbridge-shop-20260101t1600z"
DAY = "ledger/shop/2026-01-02/"
# The export hour of the next day, and an hour that no test has used yet.
NEXT_DAY = "2026-01-02T16:00:00Z"
LATER = "2026-01-03T05:00:00Z"

# Each statement that a tick uses: without it, exactly that action of the tick is denied. The event's
# time is one for which no work is done yet.
NEEDED = [
    ("snapshot", "ReadConfiguration", "s3:GetObject", LATER),
    ("snapshot", "ReadSnapshots", "rds:DescribeDBSnapshots", LATER),
    ("snapshot", "TakeSourceSnapshots", "rds:CreateDBSnapshot", LATER),
    ("snapshot", "TagOnCreation", "rds:AddTagsToResource", LATER),
    # Without one of these two the snapshot is created, and the tick still fails.
    ("snapshot", "ReadSourceSettings", "rds:DescribeDBInstances", LATER),
    ("snapshot", "ReadExportTasks", "rds:DescribeExportTasks", LATER),
    ("export", "ReadConfiguration", "s3:GetObject", NEXT_DAY),
    ("export", "ReadAndWriteLedger", "s3:GetObject", NEXT_DAY),
    ("export", "ReadSnapshots", "rds:DescribeDBSnapshots", NEXT_DAY),
    ("export", "ReadExportTasks", "rds:DescribeExportTasks", NEXT_DAY),
    ("export", "ExportLandbridgeSnapshots", "rds:StartExportTask", NEXT_DAY),
    ("export", "PassExportRoleToRds", "iam:PassRole", NEXT_DAY),
    ("export", "GrantKeyToRds", "kms:CreateGrant", NEXT_DAY),
    ("export", "DescribeKey", "kms:DescribeKey", NEXT_DAY),
    ("export", "UseKeyThroughRds", "kms:Decrypt", NEXT_DAY),
    ("export", "ListReadablePrefixes", "s3:ListBucket", HOUR),
    ("export", "ReadManifests", "s3:GetObject", HOUR),
    ("export", "DecryptManifests", "kms:Decrypt", HOUR),
    ("transfer", "ReadConfiguration", "s3:GetObject", HOUR),
    ("transfer", "ReadAndWriteLedger", "s3:GetObject", HOUR),
    ("transfer", "ListReadablePrefixes", "s3:ListBucket", HOUR),
    ("transfer", "ReadExport", "s3:GetObject", HOUR),
    ("transfer", "DecryptExport", "kms:Decrypt", HOUR),
    ("protect", "ReadConfiguration", "s3:GetObject", HOUR),
    ("protect", "RecordContractAndAlerts", "s3:GetObject", HOUR),
    ("load", "ReadConfiguration", "s3:GetObject", HOUR),
    ("load", "ReadAndWriteLedger", "s3:GetObject", HOUR),
    ("load", "ListReadablePrefixes", "s3:ListBucket", HOUR),
]

# Capitals are placeholders for what Terraform created: the export's ROLE, the KEY, …
TAGS = [{"Key": "landbridge:source", "Value": "shop"}]
MUST_NOT = [
    # Snapshots that are not ours, and pinned ones.
    ("snapshot", "rds", "delete_db_snapshot", {"DBSnapshotIdentifier": "before-the-migration"}),
    ("snapshot", "rds", "delete_db_snapshot", {"DBSnapshotIdentifier": "payroll-2025"}),
    ("snapshot", "rds", "delete_db_snapshot", {"DBSnapshotIdentifier": "landbridge-shop-by-a-person"}),
    ("snapshot", "rds", "delete_db_snapshot", {"DBSnapshotIdentifier": "landbridge-shop-20251225t1600z"}),
    (
        "snapshot",
        "rds",
        "create_db_snapshot",
        {
            "DBSnapshotIdentifier": "landbridge-shop-20260101t1700z",
            "DBInstanceIdentifier": "payroll",
            "Tags": TAGS,
        },
    ),
    (
        "snapshot",
        "rds",
        "create_db_snapshot",
        {"DBSnapshotIdentifier": "a-foreign-name", "DBInstanceIdentifier": "shop-prod", "Tags": TAGS},
    ),
    (
        "snapshot",
        "rds",
        "create_db_snapshot",
        {"DBSnapshotIdentifier": "landbridge-shop-20260101t1700z", "DBInstanceIdentifier": "shop-prod"},
    ),
    (
        "snapshot",
        "rds",
        "delete_db_instance",
        {"DBInstanceIdentifier": "shop-prod", "SkipFinalSnapshot": True},
    ),
    (
        "snapshot",
        "rds",
        "modify_db_instance",
        {"DBInstanceIdentifier": "shop-prod", "MasterUserPassword": "another-one"},
    ),
    (
        "snapshot",
        "rds",
        "start_export_task",
        {
            "ExportTaskIdentifier": "x",
            "SourceArn": f"{RDS}:snapshot:{SNAPSHOT}",
            "S3BucketName": BUCKET,
            "IamRoleArn": "ROLE",
            "KmsKeyId": "KEY",
        },
    ),
    (
        "snapshot",
        "s3",
        "get_object",
        {"Bucket": BUCKET, "Key": f"exports/{EXPORT}/export_info_{EXPORT}.json"},
    ),
    ("snapshot", "s3", "list_objects_v2", {"Bucket": BUCKET, "Prefix": "exports/"}),
    # Another source's snapshot, another role passed to RDS, another key.
    (
        "export",
        "rds",
        "start_export_task",
        {
            "ExportTaskIdentifier": "x",
            "SourceArn": f"{RDS}:snapshot:payroll-2025",
            "S3BucketName": BUCKET,
            "IamRoleArn": "ROLE",
            "KmsKeyId": "KEY",
        },
    ),
    # The automated snapshot of a database whose id begins like the source's.
    (
        "export",
        "rds",
        "start_export_task",
        {
            "ExportTaskIdentifier": "x",
            "SourceArn": f"{RDS}:snapshot:rds:shop-prod-eu-2026-01-01-17-12",
            "S3BucketName": BUCKET,
            "IamRoleArn": "ROLE",
            "KmsKeyId": "KEY",
        },
    ),
    (
        "export",
        "rds",
        "start_export_task",
        {
            "ExportTaskIdentifier": "x",
            "SourceArn": f"{RDS}:snapshot:{SNAPSHOT}",
            "S3BucketName": BUCKET,
            "IamRoleArn": f"arn:aws:iam::{ACCOUNT}:role/administrator",
            "KmsKeyId": "KEY",
        },
    ),
    (
        "export",
        "rds",
        "create_db_snapshot",
        {
            "DBSnapshotIdentifier": "landbridge-shop-20260101t1700z",
            "DBInstanceIdentifier": "shop-prod",
            "Tags": TAGS,
        },
    ),
    ("export", "rds", "delete_db_snapshot", {"DBSnapshotIdentifier": "landbridge-shop-20251224t1600z"}),
    (
        "export",
        "s3",
        "get_object",
        {"Bucket": BUCKET, "Key": f"exports/{EXPORT}/shop/public.creators/1/_SUCCESS"},
    ),
    (
        "export",
        "kms",
        "create_grant",
        {
            "KeyId": "KEY",
            "GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:role/administrator",
            "Operations": ["Decrypt"],
        },
    ),
    ("export", "kms", "schedule_key_deletion", {"KeyId": "KEY"}),
    # The key may be used by RDS in the name of the function, not by the function itself.
    ("export", "kms", "decrypt", {"KeyId": "KEY", "CiphertextBlob": b"x"}),
    ("export", "kms", "encrypt", {"KeyId": "KEY", "Plaintext": b"x"}),
    # Another prefix, another bucket, another secret; the export must not be changed.
    ("transfer", "s3", "get_object", {"Bucket": BUCKET, "Key": "exports/payroll-20260102/x.parquet"}),
    ("transfer", "s3", "list_objects_v2", {"Bucket": BUCKET, "Prefix": "exports/payroll"}),
    ("transfer", "s3", "put_object", {"Bucket": BUCKET, "Key": f"exports/{EXPORT}/x", "Body": b""}),
    ("transfer", "s3", "put_object", {"Bucket": "payroll-files", "Key": "x", "Body": b""}),
    (
        "transfer",
        "s3",
        "put_object",
        {"Bucket": BUCKET, "Key": "landbridge-config/shop/x/landbridge.yaml", "Body": b""},
    ),
    ("transfer", "s3", "delete_object", {"Bucket": BUCKET, "Key": "ledger/shop/2026-01-02/export.json"}),
    (
        "transfer",
        "secretsmanager",
        "get_secret_value",
        {"SecretId": "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:payroll/password-abcdef"},
    ),
    ("transfer", "kms", "decrypt", {"KeyId": "KEY", "CiphertextBlob": b"x"}),
    ("transfer", "rds", "describe_db_snapshots", {}),
    # The load reads no export and no ledger of another source.
    (
        "load",
        "s3",
        "get_object",
        {"Bucket": BUCKET, "Key": f"exports/{EXPORT}/shop/public.creators/1/_SUCCESS"},
    ),
    ("load", "s3", "get_object", {"Bucket": BUCKET, "Key": "ledger/payroll/2026-01-02/export.json"}),
    (
        "load",
        "s3",
        "put_object",
        {"Bucket": BUCKET, "Key": "ledger/payroll/2026-01-02/export.json", "Body": b""},
    ),
    ("load", "secretsmanager", "get_secret_value", {"SecretId": "TOKEN_KEY"}),
    ("load", "kms", "describe_key", {"KeyId": "KEY"}),
    ("load", "sns", "publish", {"TopicArn": "TOPIC", "Message": "x"}),
    # The protection pass reads no export and no plan, and changes no claim, receipt or configuration.
    (
        "protect",
        "s3",
        "get_object",
        {"Bucket": BUCKET, "Key": f"exports/{EXPORT}/shop/public.creators/1/_SUCCESS"},
    ),
    ("protect", "s3", "get_object", {"Bucket": BUCKET, "Key": f"{DAY}plan.json"}),
    ("protect", "s3", "get_object", {"Bucket": BUCKET, "Key": "ledger/payroll/claims/x.json"}),
    ("protect", "s3", "put_object", {"Bucket": BUCKET, "Key": "ledger/shop/claims/x.json", "Body": b""}),
    ("protect", "s3", "put_object", {"Bucket": BUCKET, "Key": f"{DAY}receipts/x.json", "Body": b""}),
    ("protect", "s3", "put_object", {"Bucket": BUCKET, "Key": "ledger/payroll/contract.json", "Body": b""}),
    (
        "protect",
        "s3",
        "put_object",
        {"Bucket": BUCKET, "Key": "landbridge-config/shop/x/contract.yaml", "Body": b""},
    ),
    ("protect", "s3", "delete_object", {"Bucket": BUCKET, "Key": "ledger/shop/contract.json"}),
    ("protect", "secretsmanager", "get_secret_value", {"SecretId": "TOKEN_KEY"}),
    ("protect", "kms", "decrypt", {"KeyId": "KEY", "CiphertextBlob": b"x"}),
    ("protect", "rds", "describe_db_snapshots", {}),
    # The function of the views reads no export and no plan, and changes nothing but its record, notices and alerts.
    (
        "views",
        "s3",
        "get_object",
        {"Bucket": BUCKET, "Key": f"exports/{EXPORT}/shop/public.creators/1/_SUCCESS"},
    ),
    ("views", "s3", "get_object", {"Bucket": BUCKET, "Key": f"{DAY}plan.json"}),
    ("views", "s3", "get_object", {"Bucket": BUCKET, "Key": "ledger/payroll/claims/x.json"}),
    ("views", "s3", "put_object", {"Bucket": BUCKET, "Key": "ledger/shop/claims/x.json", "Body": b""}),
    ("views", "s3", "put_object", {"Bucket": BUCKET, "Key": f"{DAY}receipts/x.json", "Body": b""}),
    ("views", "s3", "put_object", {"Bucket": BUCKET, "Key": "ledger/shop/contract.json", "Body": b""}),
    ("views", "s3", "put_object", {"Bucket": BUCKET, "Key": "ledger/payroll/views.json", "Body": b""}),
    ("views", "s3", "delete_object", {"Bucket": BUCKET, "Key": "ledger/shop/views.json"}),
    ("views", "secretsmanager", "get_secret_value", {"SecretId": "TOKEN_KEY"}),
    ("views", "kms", "decrypt", {"KeyId": "KEY", "CiphertextBlob": b"x"}),
    ("views", "rds", "describe_db_snapshots", {}),
    # RDS's role writes below its own prefix only; the scheduler invokes functions and reads nothing.
    ("export-role", "s3", "put_object", {"Bucket": BUCKET, "Key": "exports/payroll-20260102/x", "Body": b""}),
    (
        "export-role",
        "s3",
        "put_object",
        {"Bucket": BUCKET, "Key": "ledger/shop/2026-01-02/export.json", "Body": b""},
    ),
    ("export-role", "s3", "put_object", {"Bucket": "payroll-files", "Key": "x", "Body": b""}),
    (
        "scheduler",
        "s3",
        "get_object",
        {"Bucket": BUCKET, "Key": f"exports/{EXPORT}/export_info_{EXPORT}.json"},
    ),
    (
        "scheduler",
        "lambda",
        "update_function_configuration",
        {"FunctionName": "landbridge-shop-load", "Timeout": 3},
    ),
    *[
        (
            name,
            "iam",
            "put_role_policy",
            {"RoleName": f"landbridge-shop-{name}", "PolicyName": "x", "PolicyDocument": "{}"},
        )
        for name in FUNCTIONS
    ],
]

MAY = [
    ("snapshot", "rds", "delete_db_snapshot", {"DBSnapshotIdentifier": "landbridge-shop-20251224t1600z"}),
    ("transfer", "secretsmanager", "get_secret_value", {"SecretId": "TOKEN_KEY"}),
    (
        "transfer",
        "s3",
        "get_object",
        {"Bucket": BUCKET, "Key": f"exports/{EXPORT}/shop/public.creators/1/_SUCCESS"},
    ),
    ("load", "s3", "put_object", {"Bucket": BUCKET, "Key": "ledger/shop/2026-01-02/x.json", "Body": b""}),
    *[
        (function, "s3", "put_object", {"Bucket": BUCKET, "Key": f"ledger/shop/{name}", "Body": b""})
        for function in ("protect", "views")
        for name in ("probe/alerts/x.json", "notices/probe.json")
    ],
    *[
        (name, "sqs", "send_message", {"QueueUrl": "QUEUE", "MessageBody": "x"})
        for name in (*FUNCTIONS, "scheduler")
    ],
]
