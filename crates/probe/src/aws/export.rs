//! Claims about a finished export, from its keys, manifests and footers.

use std::collections::BTreeSet;

use bytes::Bytes;
use jiff::Timestamp;
use landbridge_aws::rds::ExportTask;
use landbridge_aws::{Aws, S3};
use landbridge_core::Result;
use landbridge_core::ids::ExportId;
use landbridge_core::manifest::{self, ManifestFile, TableStatus};
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_parquet::footer::{Footer, RangeReader};
use parquet::basic::{Compression, Repetition};
use serde_json::Value;

use super::{Options, failed, types};
use crate::report::{Finding, Probed, Shape, Stop, seen};

/// How many footers are read at most.
const FOOTERS: usize = 300;

/// Of how many files the metadata is read at most.
const FILES_LOOKED_AT: usize = 10;

/// The claims of this module.
const CLAIMS: [&str; 16] = [
    "s3-bucket-key-of-exports",
    "export-complete-has-manifests",
    "export-skipped-in-manifest",
    "export-warning-message",
    types::NAMES_IN_KEYS,
    "export-layout",
    "export-manifest-names",
    "export-manifest-shape",
    "export-success-marker",
    "export-empty-table",
    "export-columns-optional",
    "export-encodings",
    "export-empty-row-groups",
    types::MANIFEST,
    types::MYSQL,
    types::POSTGRES,
];

/// When the task of an export ended, by its manifest; `None` if it does not say so.
pub(super) async fn ended(aws: &Aws, options: &Options) -> Option<(ExportId, Timestamp)> {
    let prefix = options.export.as_deref()?.trim_end_matches('/');
    let id = prefix.rsplit('/').next()?;
    let key = format!("{prefix}/export_info_{id}.json");
    let (bytes, _) = aws.s3.get(&options.bucket, &key).await.ok()??;
    let manifest: Value = serde_json::from_slice(&bytes).ok()?;
    let ended = manifest.get("taskEndTime")?.as_str()?.parse().ok()?;
    Some((ExportId::new(id).ok()?, ended))
}

pub(super) async fn probe(aws: &Aws, options: &Options, findings: &mut Vec<Finding>) {
    let s3 = &aws.s3;
    let Some(prefix) = &options.export else {
        let skip = |claim| Finding::new(claim, Err(Stop::skipped("needs --export")));
        return findings.extend(CLAIMS.map(skip));
    };
    let root = format!("{}/", prefix.trim_end_matches('/'));
    let listed = s3.list(&options.bucket, &root).await;
    let listed =
        listed.map_err(failed("the export was not listed")).and_then(|it| match it.is_empty() {
            true => Err(Stop::failed(Shape::of("the export has no objects"))),
            false => Ok(it),
        });
    let objects = match listed {
        Ok(objects) => objects,
        Err(stop) => return findings.extend(CLAIMS.map(|it| Finding::new(it, Err(stop.clone())))),
    };
    let keys: Vec<&str> = objects.iter().filter_map(|it| it.key.strip_prefix(&root)).collect();
    findings.push(Finding::new("export-layout", layout(&keys)));
    findings.push(Finding::new("export-manifest-names", manifest_names(&keys)));
    findings.push(Finding::new("export-success-marker", success_markers(&keys)));
    let entries = read_entries(s3, &options.bucket, &objects, &root).await;
    findings.push(Finding::new("export-manifest-shape", manifest_shape(&entries)));
    findings.push(Finding::new(
        "export-complete-has-manifests",
        nothing_after_the_end(aws, options, &root, &entries).await,
    ));
    let bucket_key = bucket_key(s3, &options.bucket, &objects).await;
    findings.push(Finding::new("s3-bucket-key-of-exports", bucket_key));
    let [warning, skipped] = left_out(aws, &root, &entries).await;
    findings.push(Finding::new("export-warning-message", warning));
    findings.push(Finding::new("export-skipped-in-manifest", skipped));
    let read = read_footers(s3, &options.bucket, &objects).await;
    findings.extend(types::probe(aws, options, (&root, &keys), &entries, &read).await);
    let footers = read.map(|it| it.into_iter().map(|(_, footer)| footer).collect::<Vec<_>>());
    let of = |probe: fn(&[Footer]) -> Probed| match &footers {
        Ok(footers) if footers.is_empty() => Err(Stop::skipped("the export has no Parquet files")),
        Ok(footers) => probe(footers),
        Err(stop) => Err(stop.clone()),
    };
    findings.push(Finding::new("export-columns-optional", of(columns_optional)));
    findings.push(Finding::new("export-encodings", of(encodings)));
    findings.push(Finding::new("export-empty-row-groups", of(empty_row_groups)));
    let empty = footers.and_then(|footers| {
        let entries = entries.as_ref().map_err(Clone::clone)?.as_deref();
        empty_tables(&keys, &footers, entries.unwrap_or_default())
    });
    findings.push(Finding::new("export-empty-table", empty));
}

fn is_data(key: &str) -> bool {
    key.ends_with(".parquet")
}

fn folder(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether every file of data is below a database and a table with its schema.
fn layout(keys: &[&str]) -> Probed {
    let data: Vec<&&str> = keys.iter().filter(|it| is_data(it)).collect();
    let in_form = |key: &&&str| {
        let mut parts = key.split('/');
        let (database, table) = (parts.next(), parts.next());
        database.is_some_and(|it| !it.is_empty())
            && table.is_some_and(|it| {
                it.split_once('.').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
            })
            && parts.next().is_some()
    };
    if data.is_empty() {
        return Err(Stop::skipped("the export has no Parquet files"));
    }
    let good = data.iter().filter(|it| in_form(it)).count();
    let shape = Shape::default().number(data.len() as u64, "files");
    seen(good == data.len(), shape.number(good as u64, "in the layout"))
}

fn manifest_names(keys: &[&str]) -> Probed {
    let json: Vec<&&str> =
        keys.iter().filter(|it| !it.contains('/') && it.ends_with(".json")).collect();
    let kinds: Vec<_> = json.iter().filter_map(|it| ManifestFile::from_key(it)).collect();
    let count = |kind| kinds.iter().filter(|it| **it == kind).count();
    let (info, tables) = (count(ManifestFile::Info), count(ManifestFile::Tables));
    let shape = Shape::default().number(json.len() as u64, "JSON objects");
    let shape = shape.number(info as u64, "of the export").number(tables as u64, "of tables");
    seen(info == 1 && tables > 0 && kinds.len() == json.len(), shape)
}

fn success_markers(keys: &[&str]) -> Probed {
    let marked: BTreeSet<&str> =
        keys.iter().filter(|it| it.ends_with("/_SUCCESS")).map(|it| folder(it)).collect();
    let with_data: BTreeSet<&str> =
        keys.iter().filter(|it| is_data(it)).map(|it| folder(it)).collect();
    if with_data.is_empty() {
        return Err(Stop::skipped("the export has no Parquet files"));
    }
    let is_marked = |folder: &&str| {
        let mut above = *folder;
        loop {
            if marked.contains(above) {
                return true;
            }
            match above.rsplit_once('/') {
                Some((parent, _)) => above = parent,
                None => return false,
            }
        }
    };
    let without = with_data.iter().filter(|it| !is_marked(it)).count();
    let shape = Shape::default().number(with_data.len() as u64, "folders with files");
    seen(without == 0, shape.number(without as u64, "without _SUCCESS"))
}

/// The entries of the manifests of tables; `Ok(None)`: one of them has another form.
async fn read_entries(
    s3: &S3,
    bucket: &str,
    objects: &[ObjectMeta],
    root: &str,
) -> Result<Option<Vec<TableStatus>>, Stop> {
    let is_manifest = |it: &&ObjectMeta| {
        it.key.strip_prefix(root).is_some_and(|it| !it.contains('/'))
            && ManifestFile::from_key(&it.key) == Some(ManifestFile::Tables)
    };
    let mut all = Vec::new();
    for object in objects.iter().filter(is_manifest) {
        let read = s3.get(bucket, &object.key).await.map_err(failed("a manifest was not read"))?;
        let Some((bytes, _)) = read else {
            return Err(Stop::failed(Shape::of("a manifest was not read")));
        };
        let Ok(entries) = manifest::parse_tables("manifest", &bytes) else { return Ok(None) };
        all.extend(entries);
    }
    Ok(Some(all))
}

fn manifest_shape(entries: &Result<Option<Vec<TableStatus>>, Stop>) -> Probed {
    let Some(entries) = entries.as_ref().map_err(Clone::clone)? else {
        return seen(false, Shape::of("a manifest has no valid perTableStatus"));
    };
    let count = |is: fn(&TableStatus) -> bool| entries.iter().filter(|it| is(it)).count() as u64;
    let (dotted, typed) = (count(|it| it.target.contains('.')), count(|it| !it.columns.is_empty()));
    let shape = Shape::default().number(entries.len() as u64, "entries");
    let shape = shape.number(dotted, "with a dotted target");
    seen(dotted > 0 && typed > 0, shape.number(typed, "with types of columns"))
}

/// The task of an export, if RDS still lists it.
async fn task(aws: &Aws, root: &str) -> Result<ExportTask, Stop> {
    let id = root.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let id =
        ExportId::new(id).map_err(|_| Stop::skipped("the prefix ends with no id of a task"))?;
    let task = aws.rds.export_task(&id).await.map_err(failed("the task was not described"))?;
    task.ok_or_else(|| Stop::skipped("RDS no longer lists the task of the export"))
}

/// Whether each complete table has an object, and no object was written after the end of the task.
async fn nothing_after_the_end(
    aws: &Aws,
    options: &Options,
    root: &str,
    entries: &Result<Option<Vec<TableStatus>>, Stop>,
) -> Probed {
    let Some(ended) = task(aws, root).await?.ended else {
        return Err(Stop::skipped("the task has not ended"));
    };
    let Some(tables) = entries.as_ref().map_err(Clone::clone)? else {
        return Err(Stop::failed(Shape::of("a manifest is not valid")));
    };
    let written = aws.s3.written(&options.bucket, root).await;
    let written = written.map_err(failed("the export was not listed"))?;
    let below = |key: &str| key.strip_prefix(root).map(str::to_owned).unwrap_or_default();
    let data = written.iter().filter(|(key, _)| below(key).contains('/'));
    let late = data.clone().filter(|(_, at)| *at > ended).count() as u64;
    let shape = Shape::default().number(tables.len() as u64, "manifest entries");
    let shape = shape.number(data.count() as u64, "objects of tables");
    seen(late == 0, shape.number(late, "written after the end of the task"))
}

/// Whether files of the export use the key of a bucket that has one, by their metadata.
async fn bucket_key(s3: &S3, bucket: &str, objects: &[ObjectMeta]) -> Probed {
    let encryption = s3.bucket_encryption(bucket).await;
    let encryption = encryption.map_err(failed("the encryption of the bucket was not read"))?;
    if !encryption.is_some_and(|it| it.bucket_key) {
        return Err(Stop::skipped("the bucket has no bucket key"));
    }
    let (mut with, mut without) = (0, 0);
    for object in objects.iter().filter(|it| is_data(&it.key)).take(FILES_LOOKED_AT) {
        let uses = s3.uses_bucket_key(bucket, &object.key).await;
        match uses.map_err(failed("the encryption of a file was not read"))? {
            Some(true) => with += 1,
            Some(false) => without += 1,
            None => {}
        }
    }
    if with + without == 0 {
        return Err(Stop::skipped("no file of the export is encrypted by a key of KMS"));
    }
    let shape = Shape::default().number(with, "files with the bucket key");
    seen(without == 0, shape.number(without, "without it"))
}

/// Whether the task of an export that left out tables says so, and whether the manifests name them.
async fn left_out(
    aws: &Aws,
    root: &str,
    entries: &Result<Option<Vec<TableStatus>>, Stop>,
) -> [Probed; 2] {
    let known = entries.clone().and_then(|entries| {
        entries.ok_or_else(|| Stop::failed(Shape::of("a manifest is not valid")))
    });
    let both = match (task(aws, root).await, known) {
        (Ok(task), Ok(entries)) => Ok((task.warning, entries)),
        (Err(stop), _) | (_, Err(stop)) => Err(stop),
    };
    let (warning, entries) = match both {
        Ok(both) => both,
        Err(stop) => return [Err(stop.clone()), Err(stop)],
    };
    let skipped = entries.iter().filter(|it| it.is_skipped()).count() as u64;
    let said = warning.as_deref().is_some_and(|it| !it.is_empty());
    let warned = match skipped {
        0 => Err(Stop::skipped("the manifests name no table that the export left out")),
        _ => seen(
            said,
            Shape::default().number(skipped, "tables left out").and(if said {
                "the task has a warning"
            } else {
                "the task has no warning"
            }),
        ),
    };
    [warned, named(warning.as_deref(), &entries)]
}

/// Whether each table that a warning names as left out has an entry that says so.
fn named(warning: Option<&str>, entries: &[TableStatus]) -> Probed {
    const LIST: &str = "skippedTables";
    let list = |text: &str| {
        let message: Value = serde_json::from_str(text).ok()?;
        message.get(LIST)?.as_array().map(Vec::len)
    };
    let said = warning.and_then(list).unwrap_or_default() as u64;
    if said == 0 {
        return Err(Stop::skipped("no warning of the task names a table that was left out"));
    }
    let left = warning.and_then(|it| manifest::beyond_manifests(it, entries));
    let unnamed = left.as_deref().and_then(list).unwrap_or_default() as u64;
    let shape = Shape::default().number(said, "tables in the warning");
    seen(unnamed == 0, shape.number(unnamed, "of them in no manifest"))
}

/// A version of an object, read in ranges.
struct Ranges<'a>(&'a S3, &'a str, &'a ObjectMeta);

impl RangeReader for Ranges<'_> {
    async fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        self.0.range(self.1, self.2, start, length).await
    }
}

/// The footers of the first files, each with its key.
async fn read_footers(
    s3: &S3,
    bucket: &str,
    objects: &[ObjectMeta],
) -> Result<Vec<(String, Footer)>, Stop> {
    let mut footers = Vec::new();
    for object in objects.iter().filter(|it| is_data(&it.key)).take(FOOTERS) {
        let footer = Footer::read(&Ranges(s3, bucket, object), object.bytes, "file").await;
        footers.push((object.key.clone(), footer.map_err(failed("a footer was not read"))?));
    }
    Ok(footers)
}

fn columns_optional(footers: &[Footer]) -> Probed {
    let (mut optional, mut required, mut others) = (0_u64, 0_u64, 0_u64);
    for footer in footers {
        for field in footer.metadata.file_metadata().schema().get_fields() {
            match field.get_basic_info().repetition() {
                Repetition::OPTIONAL => optional += 1,
                Repetition::REQUIRED => required += 1,
                Repetition::REPEATED => others += 1,
            }
        }
    }
    let shape = Shape::default().number(optional, "OPTIONAL").number(required, "REQUIRED");
    seen(others == 0, shape.number(others, "others"))
}

fn encodings(footers: &[Footer]) -> Probed {
    let by_mr = |it: &&Footer| {
        it.metadata.file_metadata().created_by().is_some_and(|by| by.starts_with("parquet-mr"))
    };
    let written = footers.iter().filter(by_mr).count();
    let chunks =
        || footers.iter().flat_map(|it| it.metadata.row_groups()).flat_map(|it| it.columns());
    let gzip = chunks().filter(|it| matches!(it.compression(), Compression::GZIP(_))).count();
    let all = chunks().count();
    let shape = Shape::default().number(footers.len() as u64, "files");
    let shape = shape.number(written as u64, "by parquet-mr").number(all as u64, "column chunks");
    seen(written == footers.len() && gzip == all, shape.number(gzip as u64, "with GZIP"))
}

fn empty_row_groups(footers: &[Footer]) -> Probed {
    let groups = || footers.iter().flat_map(|it| it.metadata.row_groups());
    let empty: Vec<_> = groups().filter(|it| it.num_rows() == 0).collect();
    let with_data =
        empty.iter().filter(|it| it.columns().iter().any(|it| it.num_values() > 0)).count();
    let shape = Shape::default().number(groups().count() as u64, "row groups");
    let shape = shape.number(empty.len() as u64, "without rows");
    match empty.is_empty() {
        true => Err(Stop::skipped("no row group without rows was seen")),
        false => seen(with_data == 0, shape.number(with_data as u64, "of these with values")),
    }
}

/// Whether a table without rows has a file or a marker. Every table that a manifest calls complete has one of both.
fn empty_tables(keys: &[&str], footers: &[Footer], entries: &[TableStatus]) -> Probed {
    let table = |key: &str| key.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
    let marked: BTreeSet<String> =
        keys.iter().filter(|it| it.ends_with("/_SUCCESS")).map(|it| table(it)).collect();
    let with_data: BTreeSet<String> =
        keys.iter().filter(|it| is_data(it)).map(|it| table(it)).collect();
    let marker_only = marked.difference(&with_data).count() as u64;
    let no_rows = footers.iter().filter(|it| it.rows() == 0).count() as u64;
    let complete = entries.iter().filter(|it| !it.is_skipped() && !it.columns.is_empty()).count();
    let without = complete.saturating_sub(marked.union(&with_data).count()) as u64;
    if without > 0 {
        let shape = Shape::default().number(complete as u64, "tables in the manifests");
        return seen(false, shape.number(without, "without an object"));
    }
    if marker_only + no_rows == 0 {
        return Err(Stop::skipped("the export has no empty table"));
    }
    let shape = Shape::default().number(marker_only, "tables with _SUCCESS alone");
    seen(true, shape.number(no_rows, "files without rows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(probed: Probed) -> bool {
        probed.is_ok_and(|it| it.holds)
    }

    #[test]
    fn keys_show_the_layout() {
        let good = [
            "export_info_e.json",
            "export_tables_info_e_from_1_to_2.json",
            "shop/public.orders/1/part-0.parquet",
            "shop/public.orders/1/_SUCCESS",
            "shop/public.users/part-0.parquet",
            "shop/public.users/_SUCCESS",
        ];
        assert!(
            holds(layout(&good)) && holds(manifest_names(&good)) && holds(success_markers(&good))
        );
        let flat = ["orders/part-0.parquet", "info.json"];
        assert!(
            !holds(layout(&flat))
                && !holds(manifest_names(&flat))
                && !holds(success_markers(&flat))
        );
        assert!(layout(&["export_info_e.json"]).is_err());
    }
}
