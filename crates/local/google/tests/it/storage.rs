//! Cloud Storage, with Google's own client and with requests of other clients.

use google_cloud_storage::model_ext::ReadRange;
use serde_json::{Value, json};

use crate::cloud::{BUCKET, TestCloud};

const RESOURCE: &str = "projects/_/buckets/landing";

async fn read(
    client: &google_cloud_storage::client::Storage,
    name: &str,
    range: ReadRange,
) -> Vec<u8> {
    let mut answer =
        client.read_object(RESOURCE, name).set_read_range(range).send().await.expect("an object");
    let mut bytes = Vec::new();
    while let Some(part) = answer.next().await.transpose().expect("bytes") {
        bytes.extend_from_slice(&part);
    }
    bytes
}

#[tokio::test]
async fn googles_client_writes_and_reads_a_small_object() {
    let cloud = TestCloud::start().await;
    let client = cloud.storage_client("loader").await;
    let body = bytes::Bytes::from_static(b"hello, world");
    let write = || {
        client
            .write_object(RESOURCE, "day=1/한글 a.txt", body.clone())
            .set_if_generation_match(0)
            .send_buffered()
    };
    let created = write().await.expect("written");
    assert_eq!((created.size, created.metageneration), (12, 1));
    assert_eq!(created.checksums.and_then(|it| it.crc32c), Some(crc32c::crc32c(&body)));
    // A second creation fails and changes nothing.
    assert_eq!(write().await.expect_err("a conflict").http_status_code(), Some(412));
    assert_eq!(read(&client, "day=1/한글 a.txt", ReadRange::all()).await, b"hello, world");
    assert_eq!(read(&client, "day=1/한글 a.txt", ReadRange::segment(7, 3)).await, b"wor");
    assert_eq!(read(&client, "day=1/한글 a.txt", ReadRange::tail(5)).await, b"world");
    let newer = client.write_object(RESOURCE, "day=1/한글 a.txt", body).send_buffered().await;
    assert!(newer.expect("replaced").generation > created.generation);
}

#[tokio::test]
async fn googles_client_writes_a_large_object_in_chunks() {
    let cloud = TestCloud::start().await;
    let client = cloud.storage_client("loader").await;
    let body: Vec<u8> = (0..17 * 1024 * 1024 + 5).map(|at: u32| (at % 251) as u8).collect();
    let write = || {
        client
            .write_object(RESOURCE, "large.bin", bytes::Bytes::from(body.clone()))
            .set_if_generation_match(0)
            .send_buffered()
    };
    assert_eq!(write().await.expect("written").size, body.len() as i64);
    assert!(
        read(&client, "large.bin", ReadRange::all()).await == body,
        "the bytes differ from those written"
    );
    assert_eq!(write().await.expect_err("a conflict").http_status_code(), Some(412));
}

/// To a caller who may not replace an object, Cloud Storage may answer 403 before it looks at the
/// precondition.
#[tokio::test]
async fn a_conditional_creation_without_the_right_to_delete() {
    let cloud = TestCloud::start().await;
    let client = cloud.storage_client("creator").await;
    for body in [vec![1; 10], vec![2; 9 * 1024 * 1024]] {
        let name = format!("of-{}", body.len());
        let write = || {
            client
                .write_object(RESOURCE, name.clone(), bytes::Bytes::from(body.clone()))
                .set_if_generation_match(0)
                .send_buffered()
        };
        assert_eq!(write().await.expect("written").size, body.len() as i64);
        assert_eq!(write().await.expect_err("refused").http_status_code(), Some(403), "{name}");
    }
}

#[tokio::test]
async fn roles_limit_uploads() {
    let cloud = TestCloud::start().await;
    let body = || bytes::Bytes::from_static(b"x");
    for (token, first, second) in [
        ("loader", None, None),
        ("creator", None, Some(403)),
        ("analyst", Some(403), Some(403)),
        ("wrong", Some(401), Some(401)),
    ] {
        let client = cloud.storage_client(token).await;
        for want in [first, second] {
            let name = format!("by-{token}");
            let written = client.write_object(RESOURCE, name, body()).send_buffered().await;
            assert_eq!(written.err().and_then(|it| it.http_status_code()), want, "{token}");
        }
    }
    cloud.google.set_bucket_denied(BUCKET, true);
    let client = cloud.storage_client("loader").await;
    let denied = client.write_object(RESOURCE, "x", body()).send_buffered().await;
    assert_eq!(denied.expect_err("denied").http_status_code(), Some(403));
}

struct RawClient {
    cloud: TestCloud,
    http: reqwest::Client,
}

impl RawClient {
    async fn start() -> Self {
        Self { cloud: TestCloud::start().await, http: reqwest::Client::new() }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.cloud.storage.url());
        self.http.request(method.parse().expect("a method"), url).bearer_auth("loader")
    }

    async fn json(&self, path: &str) -> Value {
        self.request("GET", path).send().await.expect("sent").json().await.expect("json")
    }
}

#[tokio::test]
async fn listings_are_paginated() {
    let raw = RawClient::start().await;
    for name in ["a/1", "a/2", "b/1", "c", "d"] {
        raw.cloud.google.put_object(BUCKET, name, b"x").expect("put");
    }
    let (mut seen, mut pages, mut token) = (Vec::new(), 0, None::<String>);
    loop {
        let more = token.as_ref().map_or(String::new(), |it| format!("&pageToken={it}"));
        let page =
            raw.json(&format!("/storage/v1/b/{BUCKET}/o?delimiter=/&maxResults=2{more}")).await;
        pages += 1;
        let names = page["items"].as_array().into_iter().flatten().map(|it| it["name"].clone());
        seen.extend(
            page["prefixes"].as_array().cloned().unwrap_or_default().into_iter().chain(names),
        );
        token = page["nextPageToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(json!(seen), json!(["a/", "b/", "c", "d"]));
    assert_eq!(pages, 2);
    let under = raw.json(&format!("/storage/v1/b/{BUCKET}/o?prefix=a/")).await;
    assert_eq!(under["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_resumable_upload_continues_after_a_partial_chunk() {
    const CHUNK: usize = 256 * 1024;
    let raw = RawClient::start().await;
    let begin = format!("/resumable/upload/storage/v1/b/{BUCKET}/o?uploadType=resumable&name=r");
    let begun = raw.request("POST", &begin).json(&json!({})).send().await.expect("sent");
    let session = begun.headers()["location"].to_str().expect("text").to_owned();
    let put = |range: String, body: Vec<u8>| {
        raw.http.put(&session).header("content-range", range).body(body).send()
    };
    let body = vec![7_u8; 2 * CHUNK + 10];
    let total = body.len();
    // Of a chunk that is not the last, only multiples of 256 KiB are stored.
    let sent =
        put(format!("bytes 0-{}/*", CHUNK + 9), body[..CHUNK + 10].to_vec()).await.expect("sent");
    assert_eq!(sent.status(), 308);
    assert_eq!(sent.headers()["range"], format!("bytes=0-{}", CHUNK - 1).as_str());
    let asked = raw
        .http
        .put(&session)
        .header("content-range", format!("bytes */{total}"))
        .header("x-guploader-no-308", "yes")
        .send()
        .await
        .expect("sent");
    assert_eq!(asked.status(), 200);
    assert_eq!(asked.headers()["x-http-status-code-override"], "308");
    let gap =
        put(format!("bytes {}-{}/{total}", 2 * CHUNK, total - 1), body[2 * CHUNK..].to_vec()).await;
    assert_eq!(gap.expect("sent").status(), 400, "a gap is rejected");
    let rest = format!("bytes {CHUNK}-{}/{total}", total - 1);
    let done = put(rest.clone(), body[CHUNK..].to_vec()).await.expect("sent");
    assert_eq!(done.status(), 200);
    let object: Value = done.json().await.expect("json");
    assert_eq!(object["size"], total.to_string());
    // The client may have lost the response: a repeated request gets the same one.
    let second: Value = put(format!("bytes */{total}"), Vec::new())
        .await
        .expect("sent")
        .json()
        .await
        .expect("json");
    assert_eq!(second["generation"], object["generation"]);
    assert!(raw.cloud.google.read_object(BUCKET, "r").is_some_and(|it| it == body));
}

#[tokio::test]
async fn uploads_of_other_clients_are_accepted() {
    let raw = RawClient::start().await;
    let upload = |kind: &str, name: &str| {
        format!("/upload/storage/v1/b/{BUCKET}/o?uploadType={kind}&name={name}")
    };
    let lines = "--b\n\n{\"contentType\":\"text/plain\"}\n--b\n\nbytes\n--b--\n";
    let sent = raw
        .request("POST", &upload("multipart", "lf"))
        .header("content-type", "multipart/related; boundary=\"b\"")
        .body(lines)
        .send()
        .await
        .expect("sent");
    assert_eq!(sent.json::<Value>().await.expect("json")["contentType"], "text/plain");
    assert_eq!(raw.cloud.google.read_object(BUCKET, "lf").as_deref(), Some(&b"bytes"[..]));
    let sent = raw
        .request("POST", &upload("media", "m"))
        .header("x-goog-hash", "crc32c=AAAAAA==")
        .body("x")
        .send()
        .await;
    assert_eq!(sent.expect("sent").status(), 400, "a wrong checksum");
    assert!(raw.cloud.google.read_object(BUCKET, "m").is_none(), "nothing was written");
    let layout = raw.json(&format!("/storage/v1/b/{BUCKET}/storageLayout")).await;
    assert_eq!(layout["location"], "ASIA-NORTHEAST3");
    let missing =
        raw.request("GET", &format!("/storage/v1/b/{BUCKET}/o/none")).send().await.expect("sent");
    assert_eq!(missing.status(), 404);
    let body: Value = missing.json().await.expect("json");
    assert_eq!(body["error"]["errors"][0]["reason"], "notFound");
    let deleted =
        raw.request("DELETE", &format!("/storage/v1/b/{BUCKET}/o/lf")).send().await.expect("sent");
    assert_eq!(deleted.status(), 204);
    assert!(raw.cloud.google.list_objects(BUCKET, "").is_empty());
}
