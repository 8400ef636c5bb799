//! `proof.sign`: the chain of published days, its signatures by KMS, and `landbridge receipt --verify`.

use bytes::Bytes;
use landbridge_core::chain::Link;
use landbridge_local::InvocationOutcome;
use landbridge_local_aws::new_signing_key;
use landbridge_local_wire::{Call, CallFault, CallFaultKind};

use super::*;
use crate::python;
use crate::support::at;

const KEY: &str = "arn:aws:kms:ap-northeast-2:123456789012:alias/landbridge-shop-receipts";
const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";

fn config() -> String {
    format!("proof: {{ key: landbridge/shop/proof-key, sign: \"{KEY}\" }}\n")
}

/// Runs `landbridge receipt DAY --verify`, and asserts the exit code and what it says.
fn check(env: &TestEnv, day: &str, more: &[&str], code: i32, parts: &[&str]) -> String {
    let output =
        landbridge(&env.operator_variables(), &[&["receipt", day, "--verify"], more].concat());
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
    text
}

/// The objects of the ledger below the source, which a person with the right to write to the bucket changes.
struct Forger<'a>(&'a TestEnv);

impl Forger<'_> {
    fn place(&self, name: &str) -> (String, String) {
        (self.0.cloud.config().export.bucket.clone(), format!("ledger/shop/{name}"))
    }

    async fn read(&self, name: &str) -> Bytes {
        let (bucket, key) = self.place(name);
        let object = self.0.cloud.aws().read_object(&bucket, &key).await.expect("an object");
        object.unwrap_or_else(|| panic!("{name} exists"))
    }

    async fn write(&self, name: &str, bytes: Bytes) {
        let (bucket, key) = self.place(name);
        self.0.cloud.aws().put_object(&bucket, &key, bytes).await.expect("an object");
    }

    async fn delete(&self, name: &str) {
        let (bucket, key) = self.place(name);
        assert!(self.0.cloud.aws().delete_object(&bucket, &key).await, "{name} exists");
    }

    async fn link(&self, number: u32) -> Link {
        serde_json::from_slice(&self.read(&format!("chain/{number:08}.json")).await)
            .expect("a link")
    }

    async fn write_link(&self, link: &Link) {
        let bytes = serde_json::to_vec_pretty(link).expect("JSON");
        self.write(&format!("chain/{:08}.json", link.number), bytes.into()).await;
    }

    /// Takes the first day back to where all its receipts exist and it is not published.
    async fn unpublish(&self) {
        for name in ["chain/00000001.json", "signatures/00000001.json"] {
            let (bucket, key) = self.place(name);
            self.0.cloud.aws().delete_object(&bucket, &key).await;
        }
        self.delete(&format!("{FIRST}/day.json")).await;
        self.0.cloud.kill_all();
    }
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

const PROVEN: &str = "proven by the signature of link 2 with arn:aws:kms:";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_after_a_day_was_published_is_named() {
    let env = published(&config()).await;
    check(&env, FIRST, &[], 0, &["links 1 to 1, 1 signed", "head: link 1", "from KMS"]);
    assert!(env.run_day(1).await.is_empty(), "{}", env.log_output());
    let proven = "proven by the signature of link 1 with arn:aws:kms:";
    let text = check(&env, FIRST, &[], 0, &["links 1 to 2, 2 signed", "head: link 2", proven]);
    assert!(!text.contains("fault") && !text.contains("earlier"), "{text}");
    check(&env, SECOND, &["--output", "json"], 0, &["\"signed_by_link\": 2"]);
    let forger = Forger(&env);
    receipts_are_compared(&env, &forger).await;
    // The record of a day.
    let day = &format!("{SECOND}/day.json");
    let record = forger.read(day).await;
    forger.delete(day).await;
    check(&env, FIRST, &[], 1, &["the chain has the day 2026-11-22, and the ledger has no record"]);
    forger.write(day, record).await;
    // A link, at the end and at the beginning, where it may have expired.
    let (one, two) = (forger.link(1).await, forger.link(2).await);
    forger.delete("chain/00000002.json").await;
    check(&env, FIRST, &[], 1, &["link 2 of the chain is missing"]);
    forger.write_link(&two).await;
    forger.delete("chain/00000001.json").await;
    check(&env, FIRST, &[], 1, &["the day 2026-11-21 has no link"]);
    check(&env, SECOND, &[], 0, &["links 2 to 2, 1 signed", PROVEN]);
    // Two links in the other order.
    forger.write("chain/00000001.json", serde_json::to_vec(&two).expect("JSON").into()).await;
    forger.write("chain/00000002.json", serde_json::to_vec(&one).expect("JSON").into()).await;
    check(&env, FIRST, &[], 1, &["the record of link 1 contains link 2"]);
    // A chain that is computed again, by a person who has no right to use the key.
    let mut forged = one.clone();
    forged.receipts.clear();
    forger.write_link(&forged).await;
    forger.write_link(&Link { previous: forged.digest(), ..two.clone() }).await;
    check(&env, FIRST, &[], 1, &["the signature of link 1 does not belong to this link"]);
    // Another link of the day, at the end: no signature proves it, and the earlier one is named.
    forger.write_link(&one).await;
    forger.write_link(&two).await;
    let receipts = BTreeMap::from([("orders".to_owned(), "0".repeat(64))]);
    let added = Link { number: 3, previous: two.digest(), receipts, ..one.clone() };
    forger.write_link(&added).await;
    check(&env, FIRST, &[], 1, &["earlier: link 1, with other receipts: ", "`orders` was changed"]);
    forger.delete("chain/00000003.json").await;
    check(&env, FIRST, &[], 0, &[proven]);
    keys_are_compared(&env, &forger).await;
}

async fn receipts_are_compared(env: &TestEnv, forger: &Forger<'_>) {
    let name = &format!("{FIRST}/receipts/orders.json");
    let receipt = forger.read(name).await;
    let other = String::from_utf8(receipt.to_vec()).expect("text").replace("50", "49");
    forger.write(name, other.into()).await;
    check(env, FIRST, &[], 1, &["the receipt `orders` was changed after the day was published"]);
    check(env, SECOND, &[], 0, &[]);
    forger.delete(name).await;
    check(env, FIRST, &[], 1, &["the receipt `orders` is missing"]);
    // In the place of another.
    let people = &format!("{FIRST}/receipts/people.json");
    let second = forger.read(people).await;
    forger.write(name, second.clone()).await;
    forger.write(people, receipt.clone()).await;
    let both = ["the receipt `orders` was changed", "the receipt `people` was changed"];
    check(env, FIRST, &[], 1, &both);
    forger.write(name, receipt.clone()).await;
    forger.write(people, second).await;
    let more = format!("{FIRST}/receipts/more.json");
    forger.write(&more, receipt).await;
    check(env, FIRST, &[], 1, &["the receipt `more` was added"]);
    forger.delete(&more).await;
    check(env, FIRST, &[], 0, &[]);
}

/// With the public key from KMS, from a file, and from the ledger; and with another key.
async fn keys_are_compared(env: &TestEnv, forger: &Forger<'_>) {
    let aws = env.cloud.aws();
    aws.deny_signing(true);
    check(env, SECOND, &[], 3, &["the public key of the days' signatures cannot be read"]);
    let file = env.dir.path().join("receipts.pem");
    let key = aws.public_signing_key(KEY).expect("a key");
    std::fs::write(&file, pem(&key)).expect("a file");
    let path = file.display().to_string();
    check(env, SECOND, &["--public-key", &path], 0, &[PROVEN, "from --public-key"]);
    // The digest of the key is what a person compares.
    let digest = hex(&Sha256::digest(&key));
    let recorded = "from the records of the signatures";
    check(env, SECOND, &["--recorded-key"], 0, &[PROVEN, &digest, recorded]);
    assert!(aws.add_signing_key("other", &new_signing_key().expect("a key")));
    let other = aws.public_signing_key("other").expect("a key");
    std::fs::write(&file, pem(&other)).expect("a file");
    let with_other = ["--public-key", path.as_str()];
    check(env, SECOND, &with_other, 1, &["link 2 is signed with another key than the one"]);
    // The ledger says that it was the other key.
    let name = "signatures/00000002.json";
    let text = String::from_utf8(forger.read(name).await.to_vec()).expect("text");
    forger.write(name, text.replace(&STANDARD.encode(&key), &STANDARD.encode(&other)).into()).await;
    check(env, SECOND, &with_other, 1, &["the signature of link 2 does not belong to this link"]);
    check(env, SECOND, &["--recorded-key"], 1, &["the signature of link 2 does not belong"]);
    forger.write(name, text.into()).await;
    std::fs::write(&file, "no key").expect("a file");
    check(env, SECOND, &with_other, 2, &["not a public key in PEM"]);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Python's `cryptography` and `openssl` verify the same signature, by what docs/proof.md says of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verifiers_of_others_accept_the_signature_of_a_day() {
    let Some(python) = python::installed_python("signatures of days and other verifiers") else {
        return;
    };
    let env = published(&config()).await;
    let forger = Forger(&env);
    let folder = env.dir.path().join("outside");
    std::fs::create_dir_all(folder.join("receipts")).expect("a folder");
    for (key, bytes) in env.ledger(&format!("{FIRST}/receipts/")).await {
        let name = key.rsplit('/').next().expect("a name");
        std::fs::write(folder.join("receipts").join(name), bytes).expect("a file");
    }
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let link = write("link.json", &forger.read("chain/00000001.json").await);
    let signature = write("signature.json", &forger.read("signatures/00000001.json").await);
    // The key from the ledger's record, as a person who has nothing but the bucket.
    let record: Value =
        serde_json::from_slice(&std::fs::read(&signature).expect("a file")).expect("JSON");
    let key = STANDARD.decode(record["public_key"].as_str().expect("a key")).expect("base64");
    let run = async |key: &[u8]| {
        let key = write("key.pem", pem(key).as_bytes());
        let mut command = python::command(&python);
        command.arg(python::package_dir().join("signatures/check.py"));
        command.args([&link, &signature, &key, &folder.join("receipts")]);
        command.output().await.expect("Python starts")
    };
    let output = run(&key).await;
    assert!(output.status.success(), "{}", output_text(&output));
    let aws = env.cloud.aws();
    assert!(aws.add_signing_key("other", &new_signing_key().expect("a key")));
    let output = run(&aws.public_signing_key("other").expect("a key")).await;
    assert!(output_text(&output).contains("no signature of this link"), "{}", output_text(&output));
}

/// A day is published without KMS, which is said once, and signed by the next tick that KMS answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_is_not_signed_is_published_and_signed_later() {
    let env = builder(&config()).build().await;
    env.cloud.aws().deny_signing(true);
    assert!(env.run_day(0).await.is_empty(), "{}", env.log_output());
    let receipts = env.receipts(FIRST).await;
    assert!(
        receipts.values().all(|it| it.state == landbridge_core::receipt::ReceiptState::Published)
    );
    let logged = env.log_output();
    assert_eq!(logged.matches("its receipts are not signed").count(), 1, "{logged}");
    env.cloud.aws().deny_signing(false);
    let unsigned = "but neither its link nor a later one is signed";
    check(&env, FIRST, &[], 4, &["links 1 to 1, 0 signed", unsigned]);
    let outcome = env.tick("load", "2026-11-20T20:05:00Z").await;
    assert!(matches!(outcome, InvocationOutcome::Response(_)), "{outcome:?}");
    check(&env, FIRST, &[], 0, &["proven by the signature of link 1"]);
    // Not on that day: the signature of the next day proves it too.
    Forger(&env).delete("signatures/00000001.json").await;
    assert!(env.run_day(1).await.is_empty(), "{}", env.log_output());
    check(&env, FIRST, &[], 0, &["links 1 to 2, 1 signed", PROVEN]);
    // A day without a link is not proven.
    check(&env, "2026-11-20", &[], 1, &["the day 2026-11-20 has no link"]);
    // Without `proof.sign`, nothing is signed and nothing is read; the chain remains.
    let text = std::fs::read_to_string(env.dir.path().join("landbridge.yaml")).expect("a file");
    env.deploy_config(&text.replace(&format!(", sign: \"{KEY}\""), ""));
    env.cloud.calls().start_recording();
    assert!(env.run_day(2).await.is_empty(), "{}", env.log_output());
    assert_eq!(env.cloud.calls().recorded_calls().iter().filter(|it| is_of_chain(it)).count(), 0);
    assert_eq!(env.ledger("chain/").await.len(), 2);
    let file = ["--recorded-key"];
    check(&env, "2026-11-23", &file, 1, &["the day 2026-11-23 has no link"]);
    check(&env, FIRST, &[], 2, &["no `proof.sign`"]);
}

/// A call that only signing makes. A listing of a folder has the same path as each other listing.
fn is_of_chain(call: &Call) -> bool {
    let is = |folder| call.request.contains(folder);
    call.server == "kms" || is("/chain/") || is("/signatures/")
}

/// The process dies after each call of the tick that publishes, from the first of the chain on, and each answer is lost:
/// there is one link, and it is signed. So it is if two ticks publish at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_and_two_ticks_at_once_leave_one_signed_link() {
    let env = published(&config()).await;
    let forger = Forger(&env);
    let mut minute = 0;
    let mut next = || {
        minute += 1;
        (at("2026-11-20T20:00:00Z") + jiff::SignedDuration::from_mins(minute)).to_string()
    };
    forger.unpublish().await;
    env.cloud.calls().start_recording();
    env.cloud.calls().clear_fault();
    env.tick("load", &next()).await;
    let calls = env.cloud.calls().recorded_calls();
    let first = calls.iter().position(is_of_chain).expect("a call of the chain");
    let kms = calls.iter().filter(|call| call.server == "kms").count();
    assert_eq!(kms, 2, "Sign and GetPublicKey: {calls:#?}");
    let mut fired = 0;
    for number in first..=calls.len() {
        for kind in [CallFaultKind::KillCaller, CallFaultKind::DropResponse] {
            forger.unpublish().await;
            env.cloud.calls().inject_fault(CallFault { call_number: number, kind });
            env.tick("load", &next()).await;
            fired += usize::from(env.cloud.calls().fault_fired());
            env.cloud.calls().clear_fault();
            env.tick("load", &next()).await;
            let what = format!("call {number}, {kind:?}: {:?}", calls.get(number - 1));
            assert_eq!(env.ledger("chain/").await.len(), 1, "{what}");
            let text = check(&env, FIRST, &[], 0, &["proven by the signature of link 1"]);
            assert!(!text.contains("earlier"), "{what}: {text}");
        }
    }
    assert!(fired > 2 * (calls.len() - first), "{fired} faults of {} calls", calls.len() - first);
    for _ in 0..8 {
        forger.unpublish().await;
        let now = next();
        env.cloud.clock().advance_to(at(&now));
        let (one, other) =
            tokio::join!(env.cloud.tick("load", at(&now)), env.cloud.tick("load", at(&now)));
        assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
        env.tick("load", &next()).await;
        assert_eq!(env.ledger("chain/").await.len(), 1);
        check(&env, FIRST, &[], 0, &["links 1 to 1, 1 signed"]);
    }
}

/// The lines of `landbridge doctor` about the key that signs: state, what was found, what to do.
fn signing_lines(env: &TestEnv) -> BTreeMap<String, (String, String, String)> {
    key_lines(env, "signing")
}

/// The lines whose check begins so.
fn key_lines(env: &TestEnv, start: &str) -> BTreeMap<String, (String, String, String)> {
    let contract = env.dir.path().join("contract.yaml").display().to_string();
    let args = ["doctor", "--output", "json", "--contract", &contract];
    let output = landbridge(&env.operator_variables(), &args);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", output_text(&output)));
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let lines = report["lines"].as_array().expect("lines").iter();
    let lines = lines.map(|it| (text(it, "check"), it)).filter(|it| it.0.starts_with(start));
    lines
        .map(|(check, it)| (check, (text(it, "state"), text(it, "found"), text(it, "advice"))))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_says_when_another_key_would_sign() {
    let env = builder(&config()).build().await;
    let chain = "signing key of the chain";
    let before = signing_lines(&env);
    assert_eq!(before["signing key"].0, "good", "{before:?}");
    assert_eq!(
        (before[chain].0.as_str(), before[chain].1.as_str()),
        ("unchecked", "no day is signed yet")
    );
    assert!(env.run_day(0).await.is_empty(), "{}", env.log_output());
    let signed = signing_lines(&env);
    assert_eq!(signed[chain].0, "good", "{signed:?}");
    // The local cloud has no IAM, and AWS is not asked.
    assert_eq!(signed["signing key permissions"].0, "unchecked", "{signed:?}");
    // The KMS of the account has the key of the exports too.
    let exports = key_lines(&env, "export key");
    assert_eq!(exports["export key"].0, "good", "{exports:?}");
    assert_eq!(exports["export key rotation"].0, "good", "{exports:?}");
    let key = env.cloud.config().export.kms_key.clone();
    env.cloud.aws().disable_kms_key(&key);
    let disabled = key_lines(&env, "export key");
    let (state, found, advice) = &disabled["export key"];
    assert_eq!(state, "bad", "{disabled:?}");
    assert!(found.contains("is Disabled") && advice.contains("enable-key"), "{found} {advice}");
    // Another key behind the alias.
    assert!(env.cloud.aws().add_signing_key(KEY, &new_signing_key().expect("a key")));
    let other = signing_lines(&env);
    let (state, found, advice) = &other[chain];
    assert_eq!(state, "bad", "{other:?}");
    assert!(
        found.contains("link 1, the newest that is signed, was signed with another key"),
        "{found}"
    );
    assert!(advice.contains("landbridge receipt DAY --verify"), "{advice}");
    env.cloud.aws().deny_signing(true);
    let denied = signing_lines(&env);
    assert_eq!(denied["signing key"].0, "unchecked", "{denied:?}");
    assert!(denied["signing key"].1.contains("kms:DescribeKey"), "{denied:?}");
}

/// The verdicts of `landbridge probe aws` that are not `not_tested`, and what was seen of the signatures.
fn probed(env: &TestEnv) -> (BTreeMap<String, String>, String) {
    let output = landbridge(&env.operator_variables(), &["probe", "aws", "--output", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", output_text(&output)));
    let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().expect("findings");
    let signed = findings.iter().find(|it| it["claim"] == "kms-sign-raw-p256").expect("probed");
    let seen = text(signed, "seen");
    assert!(!report.to_string().contains("arn:"), "{report}");
    let tested = findings.iter().filter(|it| it["verdict"] != "not_tested");
    (tested.map(|it| (text(it, "claim"), text(it, "verdict"))).collect(), seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_names_a_kms_that_signs_otherwise() {
    let env = builder(&config()).build().await;
    let (holds, seen) = probed(&env);
    assert!(holds.values().all(|it| it == "holds"), "{holds:?}");
    assert!(holds.contains_key("kms-sign-raw-p256"), "{holds:?}");
    assert_eq!(
        seen,
        "of 2 signatures, 2 are verified with the public key, 2 name the key by its ARN"
    );
    assert!(env.cloud.aws().turn(Some("kms-sign-raw-p256")));
    let (turned, seen) = probed(&env);
    let named: Vec<_> = turned.iter().filter(|(_, it)| *it == "does_not_hold").collect();
    assert_eq!(named.len(), 1, "{turned:?}");
    assert_eq!(named[0].0, "kms-sign-raw-p256");
    assert!(seen.contains("0 are verified"), "{seen}");
    assert_eq!(turned.len(), holds.len(), "{turned:?}");
    // Without rights, and without a key, the claim is not tested.
    env.cloud.aws().deny_signing(true);
    assert!(!probed(&env).0.contains_key("kms-sign-raw-p256"));
}
