//! The first three stages against moto, for an instance and for an Aurora cluster.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use aws_sdk_rds::types::Tag;
use bytes::Bytes;
use landbridge_core::ErrorKind;
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{SnapshotId, TAG_HOUR, TAG_KEEP, TAG_SETTINGS, TAG_SOURCE};
use landbridge_core::plan::{ItemSource, TablePlan};
use landbridge_core::rewrite::Action;
use landbridge_ledger::records::{EXPORT, PLAN, table_plan};
use landbridge_stages::{Progress, export, snapshot, transfer};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::capabilities::MOTO;
use super::env::{MotoEnv, hour, tick};

/// The ids and tags of all manual snapshots, in the order of their ids.
async fn snapshots(env: &MotoEnv) -> Vec<(String, Vec<(String, String)>)> {
    let tags = |tags: &[Tag]| {
        let pair = |tag: &Tag| {
            (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned())
        };
        let mut pairs: Vec<_> = tags.iter().map(pair).collect();
        pairs.sort();
        pairs
    };
    let mut all: Vec<_> = match env.context.config.source.kind {
        SourceKind::Instance => {
            let page = env
                .rds
                .describe_db_snapshots()
                .snapshot_type("manual")
                .send()
                .await
                .expect("a listing");
            let each = page.db_snapshots().iter();
            each.map(|it| {
                (it.db_snapshot_identifier().unwrap_or_default().to_owned(), tags(it.tag_list()))
            })
            .collect()
        }
        SourceKind::Cluster => {
            let page = env
                .rds
                .describe_db_cluster_snapshots()
                .snapshot_type("manual")
                .send()
                .await
                .expect("a listing");
            let each = page.db_cluster_snapshots().iter();
            each.map(|it| {
                (
                    it.db_cluster_snapshot_identifier().unwrap_or_default().to_owned(),
                    tags(it.tag_list()),
                )
            })
            .collect()
        }
    };
    all.sort();
    all
}

async fn snapshot_ids(env: &MotoEnv) -> Vec<String> {
    snapshots(env).await.into_iter().map(|(id, _)| id).collect()
}

/// Creates a snapshot as a person would, without our tags.
async fn create_manual_snapshot(env: &MotoEnv, id: &str) {
    let source = &env.context.config.source;
    match source.kind {
        SourceKind::Instance => {
            let call = env.rds.create_db_snapshot().db_snapshot_identifier(id);
            call.db_instance_identifier(&source.id).send().await.expect("a snapshot");
        }
        SourceKind::Cluster => {
            let call = env.rds.create_db_cluster_snapshot().db_cluster_snapshot_identifier(id);
            call.db_cluster_identifier(&source.id).send().await.expect("a snapshot");
        }
    }
}

/// The id of the snapshot for the hour that is `n` hours after midnight.
fn snapshot_id(env: &MotoEnv, n: i64) -> SnapshotId {
    let at = env.context.calendar.hour_of(hour(n));
    SnapshotId::for_hour(&env.context.config.source.name, at).expect("an id")
}

async fn snapshots_are_created_and_pruned(kind: SourceKind) {
    let Some(env) = MotoEnv::start("moto: creating and pruning snapshots", kind).await else {
        return;
    };
    let context = &env.context;
    create_manual_snapshot(&env, "before-the-migration").await;
    // It has one of our names but no tag, so it is not ours.
    create_manual_snapshot(&env, "landbridge-shop-20251231t0000z").await;

    let first = Box::pin(snapshot::tick(context, tick(hour(0)))).await.expect("a tick");
    assert_eq!(first.progress, Progress::Done);
    let created = snapshots(&env).await;
    let (_, tags) = created
        .iter()
        .find(|(name, _)| name == snapshot_id(&env, 0).as_str())
        .expect("the snapshot of this hour");
    // The digest of the settings to restore; the other two tags name the owner.
    let (settings, tags): (Vec<_>, Vec<_>) =
        tags.iter().cloned().partition(|(name, _)| name == TAG_SETTINGS);
    assert_eq!(settings.len(), 1);
    assert_eq!(
        tags,
        [
            (TAG_HOUR.to_owned(), hour(0).to_string()),
            (TAG_SOURCE.to_owned(), context.config.source.name.clone())
        ]
    );
    // Again, later in the hour, and twice concurrently: no further snapshot.
    let late = hour(0) + jiff::SignedDuration::from_mins(59);
    for now in [hour(0), late] {
        assert_eq!(
            Box::pin(snapshot::tick(context, tick(now))).await.expect("a tick").progress,
            Progress::Done
        );
    }
    let (first, second) = tokio::join!(
        snapshot::tick(context, tick(hour(1))),
        snapshot::tick(context, tick(hour(1)))
    );
    // The one whose request finds the snapshot leaves it to the next tick to say that it is whole.
    let progress = [first, second].map(|it| it.expect("a tick").progress);
    assert!(progress.contains(&Progress::Done), "{progress:?}");
    assert!(progress.iter().all(|it| matches!(it, Progress::Done | Progress::Waiting)));
    let next = Box::pin(snapshot::tick(context, tick(hour(1)))).await.expect("a tick");
    assert_eq!(next.progress, Progress::Done);
    let two_hours = snapshot_ids(&env).await;
    assert_eq!(two_hours.len(), 4, "{two_hours:?}");

    for n in 2..=30 {
        Box::pin(snapshot::tick(context, tick(hour(n)))).await.expect("a tick");
        if n == 5 {
            let arn = context
                .aws
                .rds
                .snapshot(snapshot_id(&env, n).as_str())
                .await
                .expect("an answer")
                .expect("the pinned snapshot")
                .arn;
            let keep = Tag::builder().key(TAG_KEEP).value("").build();
            env.rds
                .add_tags_to_resource()
                .resource_name(arn)
                .tags(keep)
                .send()
                .await
                .expect("a tag");
        }
    }
    // Three hours, the export hours of two days (the older one is also the week's), the pinned
    // snapshots, and those that are not ours.
    let mut expected: Vec<String> =
        [1, 5, 25, 28, 29, 30].map(|n| snapshot_id(&env, n).to_string()).to_vec();
    expected.extend(["before-the-migration", "landbridge-shop-20251231t0000z"].map(str::to_owned));
    expected.sort();
    assert_eq!(snapshot_ids(&env).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_of_an_instance_are_created_and_pruned() {
    snapshots_are_created_and_pruned(SourceKind::Instance).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_of_a_cluster_are_created_and_pruned() {
    snapshots_are_created_and_pruned(SourceKind::Cluster).await;
}

/// Runs a day from the snapshot to the objects in Cloud Storage. Returns the plans of the day's
/// tables.
async fn run_day(kind: SourceKind) -> Option<(MotoEnv, Vec<TablePlan>)> {
    let env = MotoEnv::start("moto: export and transfer", kind).await?;
    let context = &env.context;
    let (at, day) = (hour(1), context.calendar.day_of(hour(1)));
    let waiting = Box::pin(export::tick(context, tick(at))).await.expect("a tick");
    assert_eq!(waiting.progress, Progress::Waiting, "no snapshot exists yet");
    assert!(context.aws.rds.export_tasks().await.expect("tasks").is_empty());
    Box::pin(snapshot::tick(context, tick(at))).await.expect("a tick");
    let waiting = Box::pin(transfer::tick(context, tick(hour(2)))).await.expect("a tick");
    assert_eq!(waiting.progress, Progress::Waiting, "no export exists yet");

    // Two concurrent ticks start one task.
    let (first, second) =
        tokio::join!(export::tick(context, tick(at)), export::tick(context, tick(at)));
    if MOTO.exports_take_time {
        assert_ne!(first.expect("a tick").progress, Progress::Done);
        assert_ne!(second.expect("a tick").progress, Progress::Done);
    } else {
        // The slower tick may find the other's task complete and nothing in the bucket.
        for outcome in [first, second] {
            match outcome {
                Ok(outcome) => assert_eq!(outcome.progress, Progress::Partial),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
            }
        }
    }
    let tasks = context.aws.rds.export_tasks().await.expect("tasks");
    let [task] = &tasks[..] else { panic!("one task, not {tasks:?}") };
    assert_eq!(task.id, "landbridge-shop-20260102-a1");
    assert!(
        task.source_arn.ends_with(&format!("snapshot:{}", snapshot_id(&env, 1))),
        "{}",
        task.source_arn
    );

    if !MOTO.exports_write_objects {
        // A complete export without manifests is not an empty day. The day waits …
        let error =
            Box::pin(export::tick(context, tick(at))).await.expect_err("the bucket is empty");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let record =
            context.ledger.day(day).value(&EXPORT).await.expect("an answer").expect("a record");
        assert!(!record.complete);
        // … and continues when they exist.
        env.write_export(&task.id, &task.source_arn).await;
    }
    for _ in 0..2 {
        assert_eq!(
            Box::pin(export::tick(context, tick(at))).await.expect("a tick").progress,
            Progress::Done
        );
    }
    assert_eq!(context.aws.rds.export_tasks().await.expect("tasks").len(), 1);

    let done = Box::pin(transfer::tick(context, tick(hour(2)))).await.expect("a tick");
    assert_eq!(done.progress, Progress::Done, "{}", done.message);
    let transferred = env.google.list_objects(&context.config.transfer.bucket, "");
    let second = Box::pin(transfer::tick(context, tick(hour(2)))).await.expect("a tick");
    assert_eq!(second.progress, Progress::Done, "{}", second.message);
    // Names, sizes and generations: no object was written again.
    assert_eq!(env.google.list_objects(&context.config.transfer.bucket, ""), transferred);

    let ledger = context.ledger.day(day);
    let plan = ledger.value(&PLAN).await.expect("an answer").expect("a plan");
    let skipped: Vec<_> = plan
        .skipped
        .iter()
        .map(|it| it.source_table.rsplit('.').next().unwrap_or_default())
        .collect();
    assert_eq!(skipped, ["odd"]);
    let mut tables = Vec::new();
    for entry in &plan.tables {
        let table = ledger.get(&table_plan(&entry.table)).await.expect("an answer");
        tables.push(table.expect("a plan").value);
    }
    let names: Vec<_> = tables.iter().map(|table| (table.table.as_str(), table.rows)).collect();
    assert_eq!(names, [("orders", 1_000), ("returns", 0)]);
    assert_eq!(transferred.len(), tables.iter().map(|table| table.items.len()).sum::<usize>());
    Some((env, tables))
}

/// How the objects of a day were transferred.
#[derive(Debug, Default, PartialEq, Eq)]
struct TransferCounts {
    unchanged: usize,
    annotated: usize,
    created: usize,
}

/// Compares every object in Cloud Storage with its source in moto's S3.
async fn compare(env: &MotoEnv, tables: &[TablePlan]) -> TransferCounts {
    let mut transferred = TransferCounts::default();
    for table in tables {
        let annotated = table.columns.iter().filter(|it| matches!(it.action, Action::Annotate(_)));
        let annotated: Vec<String> = annotated.map(|it| it.parquet.name.clone()).collect();
        let mut rows = 0;
        for item in &table.items {
            let loaded_object = env
                .google
                .read_object(&env.context.config.transfer.bucket, &item.object)
                .expect("an object");
            rows += read(loaded_object.clone()).num_rows() as u64;
            match &item.from {
                ItemSource::NoRows { .. } => {
                    assert_eq!(read(loaded_object).num_rows(), 0);
                    transferred.created += 1;
                }
                ItemSource::Object { key, .. } => {
                    let source_object = env
                        .s3
                        .get_object()
                        .bucket(&env.context.config.export.bucket)
                        .key(key)
                        .send();
                    let source_object = source_object
                        .await
                        .expect("the source")
                        .body
                        .collect()
                        .await
                        .expect("a body")
                        .into_bytes();
                    if annotated.is_empty() {
                        assert!(
                            source_object == loaded_object,
                            "{} differs from its source",
                            item.object
                        );
                        transferred.unchanged += 1;
                    } else {
                        assert!(source_object != loaded_object, "{} is not annotated", item.object);
                        let text = |bytes| as_text(&read(bytes), &annotated);
                        assert_eq!(
                            text(source_object),
                            text(loaded_object.clone()),
                            "{}",
                            item.object
                        );
                        for column in &annotated {
                            let schema = read(loaded_object.clone()).schema();
                            let field = schema.field_with_name(column).expect("the column");
                            assert_eq!(field.data_type(), &DataType::Utf8, "{column}");
                        }
                        transferred.annotated += 1;
                    }
                }
            }
        }
        assert_eq!(rows, table.rows, "{}", table.table);
    }
    transferred
}

/// The rows of a Parquet file.
fn read(bytes: Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a Parquet file");
    let schema = reader.schema().clone();
    let batches: Vec<_> =
        reader.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    concat_batches(&schema, &batches).expect("one schema")
}

/// The columns of a batch; those in `named` are cast to text.
fn as_text(batch: &RecordBatch, named: &[String]) -> Vec<(String, ArrayRef)> {
    let fields = batch.schema();
    let columns = fields.fields().iter().zip(batch.columns());
    columns
        .map(|(field, column)| {
            let column = if named.contains(field.name()) {
                cast(column, &DataType::Utf8).expect("text")
            } else {
                Arc::clone(column)
            };
            (field.name().clone(), column)
        })
        .collect()
}

/// Runs a test as a function runs its ticks: on a thread with the stack of a main thread, 8 MiB. Without
/// optimisation, the frames of a tick need nearly the 2 MiB that other threads have.
fn on_a_main_stack<T: Future<Output = ()>>(test: impl FnOnce() -> T + Send + 'static) {
    let run = move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(test());
    };
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(run).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn an_instance_is_exported_and_transferred() {
    on_a_main_stack(instance);
}

async fn instance() {
    let Some((env, tables)) = run_day(SourceKind::Instance).await else { return };
    // MySQL's CHAR has no annotation: the transfer annotates each file's footer.
    assert_eq!(
        compare(&env, &tables).await,
        TransferCounts { unchanged: 0, annotated: 3, created: 1 }
    );
}

#[test]
fn a_cluster_is_exported_and_transferred() {
    on_a_main_stack(cluster);
}

async fn cluster() {
    let Some((env, tables)) = run_day(SourceKind::Cluster).await else { return };
    assert_eq!(
        compare(&env, &tables).await,
        TransferCounts { unchanged: 3, annotated: 0, created: 1 }
    );
}
