//! Cloud Storage: Google's own client, then the habits of others.

use google_cloud_storage::model_ext::ReadRange;
use serde_json::{Value, json};

use crate::cloud::{BUCKET, Cloud};

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
    let cloud = Cloud::start().await;
    let client = cloud.storage_client("loader").await;
    let body = bytes::Bytes::from_static(b"hello, world");
    let write = || {
        client
            .write_object(RESOURCE, "day=1/한글 a.txt", body.clone())
            .set_if_generation_match(0)
            .send_buffered()
    };
    let made = write().await.expect("written");
    assert_eq!((made.size, made.metageneration), (12, 1));
    assert_eq!(made.checksums.and_then(|it| it.crc32c), Some(crc32c::crc32c(&body)));
    // Creating it again changes nothing and is told so.
    assert_eq!(write().await.expect_err("a conflict").http_status_code(), Some(412));
    assert_eq!(read(&client, "day=1/한글 a.txt", ReadRange::all()).await, b"hello, world");
    assert_eq!(read(&client, "day=1/한글 a.txt", ReadRange::segment(7, 3)).await, b"wor");
    assert_eq!(read(&client, "day=1/한글 a.txt", ReadRange::tail(5)).await, b"world");
    let newer = client.write_object(RESOURCE, "day=1/한글 a.txt", body).send_buffered().await;
    assert!(newer.expect("replaced").generation > made.generation);
}

#[tokio::test]
async fn googles_client_writes_a_large_object_in_chunks() {
    let cloud = Cloud::start().await;
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
        "the bytes came back changed"
    );
    assert_eq!(write().await.expect_err("a conflict").http_status_code(), Some(412));
}

#[tokio::test]
async fn who_may_do_what() {
    let cloud = Cloud::start().await;
    let body = || bytes::Bytes::from_static(b"x");
    for (token, first, again) in [
        ("loader", None, None),
        ("creator", None, Some(403)),
        ("analyst", Some(403), Some(403)),
        ("wrong", Some(401), Some(401)),
    ] {
        let client = cloud.storage_client(token).await;
        for want in [first, again] {
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

struct Raw {
    cloud: Cloud,
    http: reqwest::Client,
}

impl Raw {
    async fn start() -> Self {
        Self { cloud: Cloud::start().await, http: reqwest::Client::new() }
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
async fn listings_come_in_pages() {
    let raw = Raw::start().await;
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
async fn a_resumable_upload_goes_on_where_it_stopped() {
    const CHUNK: usize = 256 * 1024;
    let raw = Raw::start().await;
    let begin = format!("/resumable/upload/storage/v1/b/{BUCKET}/o?uploadType=resumable&name=r");
    let begun = raw.request("POST", &begin).json(&json!({})).send().await.expect("sent");
    let session = begun.headers()["location"].to_str().expect("text").to_owned();
    let put = |range: String, body: Vec<u8>| {
        raw.http.put(&session).header("content-range", range).body(body).send()
    };
    let body = vec![7_u8; 2 * CHUNK + 10];
    let total = body.len();
    // Only whole multiples of 256 KiB are kept of a chunk that isn't the last.
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
    assert_eq!(gap.expect("sent").status(), 400, "a gap is refused");
    let rest = format!("bytes {CHUNK}-{}/{total}", total - 1);
    let done = put(rest.clone(), body[CHUNK..].to_vec()).await.expect("sent");
    assert_eq!(done.status(), 200);
    let object: Value = done.json().await.expect("json");
    assert_eq!(object["size"], total.to_string());
    // The answer may have been lost: asked again, the session tells the same.
    let again: Value = put(format!("bytes */{total}"), Vec::new())
        .await
        .expect("sent")
        .json()
        .await
        .expect("json");
    assert_eq!(again["generation"], object["generation"]);
    assert!(raw.cloud.google.read_object(BUCKET, "r").is_some_and(|it| it == body));
}

#[tokio::test]
async fn uploads_of_other_clients() {
    let raw = Raw::start().await;
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
