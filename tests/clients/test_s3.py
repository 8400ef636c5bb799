"""boto3 and S3: objects, ranges, parts, conditions, listings."""

import io
import urllib.request

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1 << 20


def refused(call, **arguments):
    """The HTTP status and the error code of a refused call."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture(scope="module")
def bucket(s3):
    name = "shelf"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    assert name in [it["Name"] for it in s3.list_buckets()["Buckets"]]
    s3.head_bucket(Bucket=name)
    return name


def test_an_object_is_read_completely_and_in_ranges(s3, bucket):
    key, body = "a b/주문=1+2.bin", bytes(range(256)) * 40
    put = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/x-thing", Metadata={"of": "us"})
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == body
    assert (got["ETag"], got["ContentLength"]) == (put["ETag"], len(body))
    assert (got["ContentType"], got["Metadata"]) == ("application/x-thing", {"of": "us"})
    for asked, part in [("bytes=0-9", body[:10]), ("bytes=10000-", body[10000:]), ("bytes=-8", body[-8:])]:
        ranged = s3.get_object(Bucket=bucket, Key=key, Range=asked, IfMatch=put["ETag"])
        assert ranged["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert ranged["Body"].read() == part, asked
    beyond = {"Bucket": bucket, "Key": key, "Range": f"bytes={len(body)}-"}
    assert refused(s3.get_object, **beyond) == (416, "InvalidRange")
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(body)

    s3.delete_object(Bucket=bucket, Key=key)
    s3.delete_object(Bucket=bucket, Key=key)  # deleting a missing object is no error
    assert refused(s3.get_object, Bucket=bucket, Key=key) == (404, "NoSuchKey")
    assert refused(s3.get_object, Bucket="no-such-bucket", Key=key) == (404, "NoSuchBucket")


def test_a_large_object_is_uploaded_in_parts(s3, bucket):
    body = bytes(number * 31 % 251 for number in range(MIB)) * 12
    parts = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=3)
    s3.upload_fileobj(io.BytesIO(body), bucket, "large", Config=parts)
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-3"')
    down = io.BytesIO()
    s3.download_fileobj(bucket, "large", down, Config=parts)
    assert down.getvalue() == body

    upload = s3.create_multipart_upload(Bucket=bucket, Key="given-up")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="given-up", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="given-up", UploadId=upload)
    assert refused(s3.head_object, Bucket=bucket, Key="given-up") == (404, "404")


def test_conditional_writes(s3, bucket):
    new = {"Bucket": bucket, "Key": "claim", "IfNoneMatch": "*"}
    first = s3.put_object(**new, Body=b"first")["ETag"]
    assert refused(s3.put_object, **new, Body=b"second") == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="claim")["Body"].read() == b"first"
    s3.put_object(Bucket=bucket, Key="claim", Body=b"third", IfMatch=first)
    stale = {"Bucket": bucket, "Key": "claim", "Body": b"fourth", "IfMatch": first}
    assert refused(s3.put_object, **stale) == (412, "PreconditionFailed")
    missing = {**stale, "Key": "missing"}
    assert refused(s3.put_object, **missing) == (404, "NoSuchKey")
    assert refused(s3.get_object, Bucket=bucket, Key="claim", IfMatch=first) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="claim")["Body"].read() == b"third"


def test_a_listing_has_pages_and_folders(s3, bucket):
    keys = [f"list/{folder}/{number:02}" for folder in ("a", "b") for number in range(7)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="list/", PaginationConfig={"PageSize": 5})
    )
    assert [page["KeyCount"] for page in pages] == [5, 5, 4]
    assert [it["Key"] for page in pages for it in page["Contents"]] == keys
    folders = s3.list_objects_v2(Bucket=bucket, Prefix="list/", Delimiter="/")
    assert [it["Prefix"] for it in folders["CommonPrefixes"]] == ["list/a/", "list/b/"]

    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert {it["Key"] for it in gone["Deleted"]} == set(keys)
    assert s3.list_objects_v2(Bucket=bucket, Prefix="list/")["KeyCount"] == 0


def test_a_wrong_secret_is_refused(s3, bucket, wrong_secret_client):
    s3.put_object(Bucket=bucket, Key="secret", Body=b"seen")
    assert refused(wrong_secret_client("s3").get_object, Bucket=bucket, Key="secret") == (403, "SignatureDoesNotMatch")
    link = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "secret"}, ExpiresIn=60)
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"seen"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(link.split("?")[0])
    assert caught.value.code == 403
