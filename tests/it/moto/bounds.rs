//! `landbridge ledger remove-bounds` in a bucket that keeps older versions of objects. The local
//! cloud's S3 keeps none.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use futures::StreamExt;
use serde_json::{Value, json};

use super::capabilities::create_bucket;
use super::server::Moto;
use crate::command::{landbridge, output_text};
use crate::sdk::REGION;
use crate::support::root;

const BUCKET: &str = "shop-exports";
const DAY: &str = "ledger/shop/2026-11-21";
const ITEMS: usize = 20;
/// Objects that a listing names before the items: a page of it (1,000).
const OTHERS: usize = 1_000;

/// The record of an item of a table that the demo's contract does not name.
fn item(bounds: bool) -> String {
    let mut column = json!({"nulls": 0, "bounded": bounds});
    if bounds {
        column["min"] = json!({"integer": 821_046_290_713_i64});
        column["max"] = json!({"integer": 821_098_765_431_i64});
    }
    let item = json!({
        "object": "o", "generation": 1, "bytes": 2, "crc32c": 3, "rows": 4,
        "columns": {"phone": column},
    });
    item.to_string()
}

async fn put(s3: &aws_sdk_s3::Client, key: &str, text: String) {
    let call = s3.put_object().bucket(BUCKET).key(key).body(text.into_bytes().into());
    call.send().await.expect("an object");
}

/// The ids of all versions and delete markers, by key.
async fn versions(s3: &aws_sdk_s3::Client) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let call = s3.list_object_versions().bucket(BUCKET);
        let call = call.set_key_marker(key_marker).set_version_id_marker(id_marker);
        let page = call.send().await.expect("versions");
        let versions = page.versions().iter().map(|it| (it.key(), it.version_id()));
        let markers = page.delete_markers().iter().map(|it| (it.key(), it.version_id()));
        for (key, id) in versions.chain(markers) {
            let id = id.expect("an id").to_owned();
            all.entry(key.expect("a key").to_owned()).or_default().push(id);
        }
        if page.is_truncated() != Some(true) {
            return all;
        }
        key_marker = page.next_key_marker().map(str::to_owned);
        id_marker = page.next_version_id_marker().map(str::to_owned);
    }
}

/// The keys of those versions whose content has a value.
async fn keys_with_values(
    s3: &aws_sdk_s3::Client,
    versions: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let ids = versions.iter().flat_map(|(key, ids)| ids.iter().map(move |id| (key, id)));
    let read = futures::stream::iter(ids).map(|(key, id)| async move {
        let call = s3.get_object().bucket(BUCKET).key(key).version_id(id);
        let object = call.send().await.expect("a version");
        let bytes = object.body.collect().await.expect("bytes").into_bytes();
        String::from_utf8_lossy(&bytes).contains("821046290713").then(|| key.clone())
    });
    read.buffered(8).filter_map(std::future::ready).collect().await
}

fn remove_bounds(moto: &Moto, more: &[&str]) -> Value {
    let variables = [
        ("AWS_ENDPOINT_URL_S3", moto.url()),
        ("AWS_ACCESS_KEY_ID", "tests"),
        ("AWS_SECRET_ACCESS_KEY", "of-no-value"),
        ("AWS_REGION", REGION),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let config = root().join("examples/demo/landbridge.yaml");
    let config = config.to_str().expect("a path");
    let command = ["ledger", "remove-bounds", "--output", "json", "--config", config];
    let output = landbridge(&variables, &[&command, more].concat());
    assert!(output.status.success(), "{}", output_text(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_versions_with_bounds_are_deleted() {
    let Some(moto) = Moto::start("older versions of records").await else { return };
    let s3 = moto.account().s3();
    create_bucket(&s3, BUCKET).await;
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    let call = s3.put_bucket_versioning().bucket(BUCKET);
    call.versioning_configuration(enabled.build()).send().await.expect("versioning");

    // A record of every kind of history.
    let keys: Vec<String> =
        (0..ITEMS).map(|number| format!("{DAY}/items/people@d1/{number:05}.json")).collect();
    let two_versions = |key: String| {
        let s3 = s3.clone();
        async move {
            put(&s3, &key, item(true)).await;
            put(&s3, &key, item(false)).await;
        }
    };
    let writes = futures::stream::iter(keys.iter().cloned().map(two_versions));
    writes.buffer_unordered(8).collect::<Vec<()>>().await;
    let others = (0..OTHERS).map(|number| format!("{DAY}/alerts/{number:05}.json"));
    let others = futures::stream::iter(others).map(|key| {
        let s3 = s3.clone();
        async move { put(&s3, &key, String::new()).await }
    });
    others.buffer_unordered(8).collect::<Vec<()>>().await;
    let current = format!("{DAY}/items/people@d1-2/00000.json");
    put(&s3, &current, item(true)).await;
    let deleted = format!("{DAY}/items/gone@d1/00000.json");
    put(&s3, &deleted, item(true)).await;
    s3.delete_object().bucket(BUCKET).key(&deleted).send().await.expect("a delete marker");
    // Not records with bounds: they are not touched.
    let plan = format!("{DAY}/plan/people.json");
    let other_source = "ledger/shopping/2026-11-21/items/people@d1/00000.json";
    for key in [plan.as_str(), other_source] {
        put(&s3, key, item(true)).await;
        put(&s3, key, item(false)).await;
    }
    let before = versions(&s3).await;

    let counted = remove_bounds(&moto, &[]);
    assert_eq!(counted["records"]["with_bounds"], 1);
    assert_eq!(
        counted["older_versions"],
        json!({"read": ITEMS + 1, "with_bounds": ITEMS + 1, "deleted": 0, "delete_markers": 0, "commands": []})
    );
    assert_eq!(versions(&s3).await, before);

    let removed = remove_bounds(&moto, &["--yes"]);
    assert_eq!(removed["records"]["rewritten"], 1);
    assert_eq!(
        removed["older_versions"],
        json!({"read": ITEMS + 2, "with_bounds": ITEMS + 2, "deleted": ITEMS + 2, "delete_markers": 1, "commands": []})
    );
    let after = versions(&s3).await;
    assert!(!after.contains_key(&deleted), "neither a version nor a delete marker is left");
    assert_eq!(keys_with_values(&s3, &after).await, [plan.as_str(), other_source]);
    let number = |key: &str| after[key].len();
    assert_eq!([number(&current), number(&keys[0]), number(&plan)], [1, 1, 2]);

    // Again: nothing is left to do.
    let again = remove_bounds(&moto, &["--yes"]);
    assert_eq!(
        (&again["records"]["with_bounds"], &again["older_versions"]["read"]),
        (&json!(0), &json!(0))
    );
}
