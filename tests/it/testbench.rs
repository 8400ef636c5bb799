//! Uploads to Google's own test server, googleapis/storage-testbench, with the faults of the
//! conformance tests for clients (googleapis/conformance-tests, storage/v1/retry_tests.json).
//!
//! The server is in no package registry, so the test is ignored. By hand:
//!
//! ```sh
//! git clone https://github.com/googleapis/storage-testbench && cd storage-testbench
//! python3 -m venv venv && . venv/bin/activate && pip install . && python testbench_run.py localhost 9000 10 &
//! LANDBRIDGE_TESTBENCH=127.0.0.1:9000 cargo nextest run --workspace --run-ignored only \
//!   --no-capture -E 'test(testbench::)'
//! ```

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use landbridge_gcp::Gcp;
use landbridge_gcp::credentials::static_token;
use landbridge_gcp::storage::{Storage, Upload};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::TestEnvBuilder;
use crate::uploads::{Pieces, content};

const BUCKET: &str = "shop-landing";
const MIB: usize = 1024 * 1024;

/// The test server, and a proxy before it that adds the header that selects a fault.
struct Testbench {
    server: String,
    proxy: String,
    storage: Storage,
    fault: Arc<Mutex<Option<String>>>,
    http: reqwest::Client,
}

impl Testbench {
    async fn start() -> Self {
        let server = std::env::var("LANDBRIDGE_TESTBENCH").expect("LANDBRIDGE_TESTBENCH=host:port");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = listener.local_addr().expect("an address").to_string();
        let fault = Arc::new(Mutex::new(None));
        let (to, chosen) = (server.clone(), fault.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let chosen = chosen.lock().expect("a lock").clone();
                tokio::spawn(forward(client, to.clone(), chosen));
            }
        });
        let endpoint = Some(format!("http://{proxy}"));
        let clients = Gcp::new(static_token("a-token"), "test", "US", endpoint.clone(), endpoint);
        let storage = clients.await.expect("clients").storage;
        let bench = Self { server, proxy, storage, fault, http: reqwest::Client::new() };
        let url = bench.url("/storage/v1/b?project=test");
        let made = bench.http.post(url).json(&json!({"name": BUCKET})).send().await;
        let status = made.expect("the test server answers").status().as_u16();
        assert!(matches!(status, 200 | 409), "{status}");
        bench
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server)
    }

    /// The next requests of `method` meet these faults, one after the other.
    async fn arm(&self, method: &str, faults: &[&str]) -> String {
        let body = json!({"instructions": {method: faults}, "transport": "HTTP"});
        let answer = self.http.post(self.url("/retry_test")).json(&body).send().await;
        let answer: Value = answer.expect("an answer").json().await.expect("JSON");
        let id = answer["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        *self.fault.lock().expect("a lock") = Some(id.clone());
        id
    }

    /// Ends the faults, and returns whether all of them have happened.
    async fn disarm(&self, id: &str) -> bool {
        *self.fault.lock().expect("a lock") = None;
        let answer = self.http.get(self.url(&format!("/retry_test/{id}"))).send().await;
        let answer: Value = answer.expect("an answer").json().await.expect("JSON");
        answer["completed"] == json!(true)
    }

    async fn object(&self, name: &str) -> Option<Bytes> {
        let name = name.replace('/', "%2F");
        let path = format!("/storage/v1/b/{BUCKET}/o/{name}?alt=media");
        let answer = self.http.get(self.url(&path)).send().await.expect("an answer");
        if answer.status().as_u16() == 404 {
            return None;
        }
        assert!(answer.status().is_success(), "{}", answer.status());
        Some(answer.bytes().await.expect("a body"))
    }

    async fn names(&self) -> Vec<String> {
        let answer = self.http.get(self.url(&format!("/storage/v1/b/{BUCKET}/o"))).send().await;
        let answer: Value = answer.expect("an answer").json().await.expect("JSON");
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
    }
}

/// Forwards one request with the header of the fault, and the bytes of its answer. A broken connection of
/// the server becomes one of the client's.
async fn forward(mut client: TcpStream, server: String, fault: Option<String>) {
    let mut head = Vec::new();
    let end = loop {
        if let Some(end) = head.windows(4).position(|it| it == b"\r\n\r\n") {
            break end + 2;
        }
        match client.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return,
        }
    };
    let lines = String::from_utf8_lossy(&head[..end]).into_owned();
    let replaced = |line: &str| {
        let line = line.to_ascii_lowercase();
        line.starts_with("connection:") || line.starts_with("host:")
    };
    let mut sent: String = lines.split_inclusive("\r\n").filter(|it| !replaced(it)).collect();
    // The client leaves out the port, and the server makes the address of an upload from this header.
    let Ok(host) = client.local_addr() else { return };
    sent.push_str(&format!("host: {host}\r\nconnection: close\r\n"));
    if let Some(id) = fault {
        sent.push_str(&format!("x-retry-test-id: {id}\r\n"));
    }
    let Ok(mut upstream) = TcpStream::connect(server).await else { return };
    if upstream.write_all(sent.as_bytes()).await.is_err()
        || upstream.write_all(&head[end..]).await.is_err()
        || copy_bidirectional(&mut client, &mut upstream).await.is_err()
    {
        // The client sees a reset, as without a proxy.
        let _ = client.set_zero_linger();
    }
}

const INSERT: &str = "storage.objects.insert";
const GET: &str = "storage.objects.get";

/// Faults of an upload in one request, and of one in parts.
const FAULTS: [(&str, &[&str]); 22] = [
    (INSERT, &[]),
    (INSERT, &["return-408"]),
    (INSERT, &["return-429"]),
    (INSERT, &["return-500"]),
    (INSERT, &["return-502"]),
    (INSERT, &["return-503"]),
    (INSERT, &["return-504"]),
    (INSERT, &["return-503", "return-503", "return-503"]),
    (INSERT, &["return-503", "return-503", "return-503", "return-503", "return-503"]),
    (INSERT, &["return-reset-connection"]),
    (INSERT, &["return-reset-connection", "return-503"]),
    (INSERT, &["return-503-after-256K"]),
    (INSERT, &["return-503-after-300K"]),
    (INSERT, &["return-503-after-8192K", "return-408"]),
    (INSERT, &["return-503-after-8704K"]),
    (INSERT, &["return-503-after-16384K"]),
    (INSERT, &["stall-for-3s-after-128K"]),
    (INSERT, &["return-broken-stream-final-chunk-after-1024B"]),
    (INSERT, &["return-broken-stream-final-chunk-after-1000B"]),
    (INSERT, &["return-400"]),
    (INSERT, &["return-401"]),
    (INSERT, &["return-403"]),
];

/// Faults of reading metadata.
const READ_FAULTS: [&[&str]; 8] = [
    &["return-408"],
    &["return-429"],
    &["return-500"],
    &["return-503", "return-503"],
    &["return-504"],
    &["return-reset-connection"],
    &["return-broken-stream"],
    &["stall-for-3s-after-0K"],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs googleapis/storage-testbench, which no package registry has"]
async fn an_upload_to_googles_test_server_is_right_or_an_error_and_then_heals() {
    let bench = Testbench::start().await;
    let storage = &bench.storage;
    let run = std::process::id();
    let mut wrong = Vec::new();
    for length in [MIB, 17 * MIB + 77] {
        for (number, (method, faults)) in FAULTS.iter().enumerate() {
            let content = content(length);
            let name = format!("{run}-{length}-{number}");
            let id = if faults.is_empty() { None } else { Some(bench.arm(method, faults).await) };
            let started = Instant::now();
            let first = storage.create(BUCKET, &name, Pieces::of(&content, 500_000)).await;
            let seconds = started.elapsed().as_secs_f32();
            let happened = match &id {
                Some(id) => bench.disarm(id).await,
                None => true,
            };
            let object = bench.object(&name).await;
            let is_right = object.as_ref() == Some(&content);
            let sum = crc32c::crc32c(&content);
            let outcome = match &first {
                Ok(Upload::New(stored)) if stored.crc32c == Some(sum) => "created".to_owned(),
                Ok(Upload::New(_)) => "other content, reported".to_owned(),
                Ok(Upload::AlreadyExists) => "exists".to_owned(),
                Err(error) => format!("error ({:?})", error.kind()),
            };
            let stored = object.map_or("absent", |_| if is_right { "right" } else { "WRONG" });
            // The next tick sends the content again; under a fresh name, if the object has other content.
            let again = match outcome.as_str() {
                "other content, reported" => format!("{name}-r2"),
                _ => name.clone(),
            };
            let second = storage.create(BUCKET, &again, Pieces::of(&content, 500_000)).await;
            let healed = bench.object(&again).await.as_ref() == Some(&content);
            println!(
                "{length:>8} {faults:?} | happened: {happened} | {outcome} in {seconds:.1} s, object {stored} | then {} | right at the end: {healed}",
                second.map_or_else(|error| format!("{:?}", error.kind()), |it| format!("{it:?}"))
            );
            if !healed || (outcome == "created" && !is_right) {
                wrong.push(name);
            }
        }
    }
    let content = content(MIB);
    let _ = storage.create(BUCKET, &format!("{run}-read"), Pieces::of(&content, MIB)).await;
    for faults in READ_FAULTS {
        let id = bench.arm(GET, faults).await;
        let read = storage.metadata(BUCKET, &format!("{run}-read")).await;
        let happened = bench.disarm(&id).await;
        println!("metadata {faults:?} | happened: {happened} | {read:?}");
        match read {
            Ok(Some(stored)) if stored.bytes == content.len() as u64 => {}
            Err(error) if error.kind() == landbridge_core::ErrorKind::Transient => {}
            other => wrong.push(format!("{faults:?}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The function `transfer` as it runs on Lambda, with the test server as Cloud Storage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs googleapis/storage-testbench, which no package registry has"]
async fn a_tick_heals_what_an_earlier_one_could_not_transfer() {
    let bench = Testbench::start().await;
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    // Text that hardly compresses: an object of about 11 MiB, which is uploaded in parts.
    let words = |row: u64| -> String {
        let mut state = row + 1;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + (state >> 33) as u8 % 90)
        };
        std::iter::repeat_with(next).take(260).collect()
    };
    let big = MemoryTable::new("public", "big").column("id", "bigint").column("text", "text");
    let rows = (0..55_000_u64).map(|row| vec![Some(row.to_string()), Some(words(row))]);
    database.set_table(big.rows(rows)).expect("a table");
    for faults in [
        &["return-503-after-256K"][..],
        &["return-503-after-8192K", "return-408"],
        &["return-reset-connection"; 5],
        &["return-503"; 5],
        &["return-429"; 5],
        &["return-403"],
    ] {
        let mut builder = TestEnvBuilder::small();
        builder.retries = Some(0);
        builder.source = Arc::new(database.clone());
        builder.contract = "version: 1\ntables: {}\n".to_owned();
        let endpoint = format!("http://{}", bench.proxy);
        builder.variables.insert("LANDBRIDGE_GCS_ENDPOINT".to_owned(), endpoint);
        let env = builder.build().await;
        assert!(env.run_until("2026-11-20T16:58:00Z").await.is_empty());
        let before = bench.names().await;
        let id = bench.arm(INSERT, faults).await;
        let first = env.tick("transfer", "2026-11-20T17:05:00Z").await;
        let happened = bench.disarm(&id).await;
        let second = env.tick("transfer", "2026-11-20T17:10:00Z").await;
        assert!(second.is_response(), "{faults:?}: {second:?}");
        let items = env.ledger("2026-11-21/items/").await;
        let records: Vec<Value> =
            items.iter().map(|(_, it)| serde_json::from_slice(it).expect("JSON")).collect();
        assert!(!records.is_empty(), "{faults:?}");
        for record in &records {
            let name = record["object"].as_str().expect("a name");
            let object = bench.object(name).await.expect("the object");
            assert_eq!(json!(crc32c::crc32c(&object)), record["crc32c"], "{faults:?}");
            assert_eq!(json!(object.len()), record["bytes"], "{faults:?}");
        }
        let made = bench.names().await.len() - before.len();
        println!(
            "{faults:?} | happened: {happened} | first tick: {} | {made} objects, {} records, all right",
            if first.is_response() { "transferred" } else { "failed" },
            records.len()
        );
        // The next history starts without these objects.
        for name in bench.names().await.into_iter().filter(|it| !before.contains(it)) {
            let path = format!("/storage/v1/b/{BUCKET}/o/{}", name.replace('/', "%2F"));
            bench.http.delete(bench.url(&path)).send().await.expect("deleted");
        }
    }
}
