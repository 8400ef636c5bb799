"""google-cloud-storage: simple and resumable uploads, ranges, pages, preconditions, checksums."""

import base64
import io

import google_crc32c
import pytest
from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed, Unauthorized
from google.cloud import storage
from google.oauth2.credentials import Credentials

from conftest import variable

KIB = 1 << 10


def crc32c(body):
    return base64.b64encode(google_crc32c.Checksum(body).digest()).decode()


@pytest.fixture(scope="module")
def bucket(storage_as):
    client = storage_as("owner")
    made = client.create_bucket("warehouse-landing", location="asia-northeast3")
    assert client.lookup_bucket("warehouse-landing") is not None
    assert client.lookup_bucket("no-such-bucket") is None
    return made


def test_a_small_object_is_uploaded_in_one_request(bucket):
    blob = bucket.blob("a b/주문/part-00000.parquet")
    blob.metadata = {"of": "us"}
    blob.upload_from_string(b"small", content_type="application/x-thing", checksum="crc32c")
    found = bucket.get_blob(blob.name)
    assert found.download_as_bytes(checksum="crc32c") == b"small"
    assert (found.size, found.crc32c) == (5, crc32c(b"small"))
    assert (found.content_type, found.metadata) == ("application/x-thing", {"of": "us"})


def test_a_large_object_is_uploaded_in_chunks(bucket):
    body = bytes(number * 31 % 251 for number in range(1000 * KIB)) + b"tail"
    blob = bucket.blob("large", chunk_size=256 * KIB)  # several requests of a resumable upload
    blob.upload_from_file(io.BytesIO(body), size=len(body), checksum="crc32c")
    found = bucket.get_blob("large")
    assert (found.size, found.crc32c) == (len(body), crc32c(body))
    assert found.download_as_bytes() == body
    assert found.download_as_bytes(start=10, end=19) == body[10:20]
    assert found.download_as_bytes(start=len(body) - 4) == b"tail"

    # Without a size, the client knows the length of the upload only at its end.
    blob = bucket.blob("streamed", chunk_size=256 * KIB)
    with blob.open("wb") as stream:
        for at in range(0, len(body), 100_000):
            stream.write(body[at : at + 100_000])
    assert bucket.get_blob("streamed").crc32c == crc32c(body)
    in_chunks = bucket.blob("large", chunk_size=256 * KIB)
    assert in_chunks.download_as_bytes() == body


def test_a_write_may_require_that_no_object_exists(bucket):
    blob = bucket.blob("once")
    blob.upload_from_string(b"first", if_generation_match=0)
    first = blob.generation
    with pytest.raises(PreconditionFailed):
        bucket.blob("once").upload_from_string(b"second", if_generation_match=0)
    assert bucket.blob("once").download_as_bytes() == b"first"

    # The same precondition for a resumable upload.
    with pytest.raises(PreconditionFailed):
        bucket.blob("once", chunk_size=256 * KIB).upload_from_file(
            io.BytesIO(bytes(600 * KIB)), size=600 * KIB, if_generation_match=0
        )
    blob.upload_from_string(b"third", if_generation_match=first)
    assert blob.generation > first
    with pytest.raises(PreconditionFailed):
        blob.delete(if_generation_match=first)
    blob.delete(if_generation_match=blob.generation)
    with pytest.raises(NotFound):
        blob.reload()


def test_a_listing_has_pages_and_folders(storage_as, bucket):
    names = [f"list/{folder}/{number:02}" for folder in ("a", "b") for number in range(7)]
    for name in names:
        bucket.blob(name).upload_from_string(b"")
    pages = storage_as("loader").list_blobs(bucket.name, prefix="list/", page_size=5).pages
    sizes, found = [], []
    for page in pages:
        page = list(page)
        sizes.append(len(page))
        found.extend(blob.name for blob in page)
    assert (sizes, found) == ([5, 5, 4], names)
    listing = storage_as("loader").list_blobs(bucket.name, prefix="list/", delimiter="/")
    assert list(listing) == []
    assert listing.prefixes == {"list/a/", "list/b/"}
    bucket.delete_blobs([bucket.blob(name) for name in names])
    assert list(bucket.list_blobs(prefix="list/")) == []


def test_a_corrupt_upload_is_refused(bucket):
    blob = bucket.blob("damaged")
    blob.crc32c = crc32c(b"something else")
    with pytest.raises(Exception) as caught:
        blob.upload_from_string(b"what arrives", checksum=None)
    assert getattr(caught.value, "code", None) == 400, caught.value
    assert not bucket.blob("damaged").exists()


def test_callers_without_permission_are_refused(storage_as, bucket):
    with pytest.raises(Forbidden, match="storage.objects.get"):
        storage_as("stranger").bucket(bucket.name).blob("large").download_as_bytes()
    with pytest.raises(Forbidden, match="storage.objects.create"):
        storage_as("analyst").bucket(bucket.name).blob("new").upload_from_string(b"")
    unknown_caller = storage.Client(project=variable("LOCAL_PROJECT"), credentials=NoRefresh(token="unknown"))
    with pytest.raises(Unauthorized):
        unknown_caller.get_bucket(bucket.name)


class NoRefresh(Credentials):
    """A token that cannot be renewed, so the client reports the 401 itself."""

    def refresh(self, request):
        self.token = "unknown"
