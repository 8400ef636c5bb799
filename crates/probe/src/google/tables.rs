//! Claims about tables and their tags: what a patch changes, and what a load keeps.

use std::cell::Cell;

use serde_json::{Value, json};

use super::jobs::rows;
use super::lab::{Lab, Who, field, has_tag, is_tagged};
use super::masks::Tags;
use crate::report::{Probed, Shape, Stop, seen};

/// The schema of one column of numbers, with a policy tag or without.
pub(super) fn number(tag: Option<&str>) -> Value {
    let mut field = json!({"name": "n", "type": "INTEGER", "mode": "NULLABLE"});
    if let Some(tag) = tag {
        field["policyTags"] = json!({"names": [tag]});
    }
    json!([field])
}

fn etag(table: &Value) -> String {
    table.get("etag").and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(super) async fn patch_if_match(lab: &Lab) -> Probed {
    lab.table("if_match", number(None)).await?;
    let before = etag(&lab.get("if_match").await?);
    let first = lab.patch("if_match", &json!({"labels": {"one": "1"}})).await?;
    if etag(&first) == before {
        return Err(Stop::failed(Shape::of("the ETag did not change")));
    }
    let late = lab.try_patch("if_match", &json!({"labels": {"two": "2"}}), Some(&before)).await?;
    let after = lab.get("if_match").await?;
    let unchanged = etag(&after) == etag(&first);
    let shape = Shape::of("a patch with the older ETag").answer(&late);
    let shape = shape.and(if unchanged { "nothing changed" } else { "the table changed" });
    seen([412, 403].contains(&late.status) && unchanged, shape)
}

pub(super) async fn label_changes_etag(lab: &Lab) -> Probed {
    lab.table("etag", number(None)).await?;
    let before = etag(&lab.get("etag").await?);
    lab.patch("etag", &json!({"labels": {"one": "1"}})).await?;
    let labelled = etag(&lab.get("etag").await?);
    let schema = json!([number(None)[0], {"name": "more", "type": "INTEGER", "mode": "NULLABLE"}]);
    lab.patch("etag", &json!({"schema": {"fields": schema}})).await?;
    let widened = etag(&lab.get("etag").await?);
    let (label, column) = (before != labelled, labelled != widened);
    let shape = Shape::of(if label { "a label changes it" } else { "a label does not change it" });
    let shape =
        shape.and(if column { "a column changes it" } else { "a column does not change it" });
    seen(label && column, shape)
}

pub(super) async fn read_own_write(lab: &Lab) -> Probed {
    let mut found = 0;
    // One table each: a table takes five changes in ten seconds.
    for number_of in 0..10 {
        let table = format!("own_write_{number_of}");
        lab.table(&table, number(None)).await?;
        lab.patch(&table, &json!({"labels": {"written": "yes"}})).await?;
        let read = lab.get(&table).await?;
        found += u64::from(read.pointer("/labels/written") == Some(&json!("yes")));
    }
    seen(found == 10, Shape::of("of 10 patches").number(found, "read at once"))
}

pub(super) async fn not_found_text(lab: &Lab) -> Probed {
    use landbridge_gcp::raw::Api;
    use reqwest::Method;
    let path = lab.table_path("does_not_exist");
    let table = lab.call(Api::BigQuery, Method::GET, path, None).await?;
    let path = lab.project(&format!("/datasets/{}_none/tables/none", lab.run.dataset()));
    let dataset = lab.call(Api::BigQuery, Method::GET, path, None).await?;
    let names = |answer: &landbridge_gcp::raw::Answer| {
        answer.text("/error/message").contains("Not found: Dataset")
    };
    let shape =
        Shape::of("a missing table").answer(&table).and("a missing dataset").answer(&dataset);
    let shape =
        shape.and(if names(&dataset) { "its text names the dataset" } else { "its text does not" });
    seen(table.status == 404 && dataset.status == 404 && !names(&table) && names(&dataset), shape)
}

pub(super) async fn named_tags_stay(lab: &Lab, tags: &Tags) -> Probed {
    let tag = tags.name("email")?;
    lab.table("named_tags", number(Some(tag))).await?;
    let mut fields = number(Some(tag));
    fields[0]["description"] = json!("described");
    lab.patch("named_tags", &json!({"schema": {"fields": fields}})).await?;
    let kept = has_tag(&lab.get("named_tags").await?, "n", tag);
    seen(kept, Shape::of(if kept { "the tag stayed" } else { "the tag is gone" }))
}

pub(super) async fn empty_tags_clear(lab: &Lab, tags: &Tags) -> Probed {
    lab.table("empty_tags", number(Some(tags.name("email")?))).await?;
    let mut fields = number(None);
    fields[0]["policyTags"] = json!({"names": []});
    lab.patch("empty_tags", &json!({"schema": {"fields": fields}})).await?;
    let gone = !is_tagged(&lab.get("empty_tags").await?, "n");
    seen(gone, Shape::of(if gone { "the tag is gone" } else { "the tag stayed" }))
}

pub(super) async fn one_tag(lab: &Lab, tags: &Tags) -> Probed {
    let mut two = number(None);
    two[0]["policyTags"] = json!({"names": [tags.name("email")?, tags.name("null")?]});
    let two = lab.try_table("two_tags", two).await?;
    let record = json!([{
        "name": "r", "type": "RECORD", "fields": number(None),
        "policyTags": {"names": [tags.name("email")?]},
    }]);
    let record = lab.try_table("tagged_record", record).await?;
    let shape = Shape::of("two tags").answer(&two).and("a RECORD").answer(&record);
    seen(two.status == 400 && record.status == 400, shape)
}

pub(super) async fn truncate_data_keeps_tags(lab: &Lab, tags: &Tags) -> Probed {
    let tag = tags.name("email")?;
    lab.table("keeps_tags", number(Some(tag))).await?;
    lab.must_load("keeps_tags", &rows(3)?).await?;
    lab.must_load("keeps_tags", &rows(3)?).await?;
    let kept = has_tag(&lab.get("keeps_tags").await?, "n", tag);
    seen(kept, Shape::of(if kept { "the tag stayed" } else { "the tag is gone" }))
}

pub(super) async fn truncate_drops_tags(lab: &Lab, tags: &Tags) -> Probed {
    lab.table("drops_tags", number(Some(tags.name("email")?))).await?;
    let uri = lab.put("drops-tags.parquet", &rows(3)?).await?;
    let mut load = lab.load("drops_tags", &[uri]);
    load["writeDisposition"] = json!("WRITE_TRUNCATE");
    load["schema"] = json!({"fields": number(None)});
    let job = lab.run_job(&lab.job_id(), json!({"load": load})).await?;
    if !job.succeeded() {
        return Err(Stop::failed(job.shape()));
    }
    let gone = !is_tagged(&lab.get("drops_tags").await?, "n");
    seen(gone, Shape::of(if gone { "the tag is gone" } else { "the tag stayed" }))
}

pub(super) async fn no_fine_grained_reader(lab: &Lab, tags: &Tags) -> Probed {
    lab.table("no_reader", number(Some(tags.name("email")?))).await?;
    let job = lab.load_file("no_reader", &rows(3)?).await?;
    seen(job.succeeded(), job.shape())
}

pub(super) async fn description_alone(lab: &Lab, tags: &Tags) -> Probed {
    let tag = tags.name("email")?;
    lab.table("described_alone", number(Some(tag))).await?;
    lab.patch("described_alone", &json!({"description": "described"})).await?;
    let read = lab.get("described_alone").await?;
    if read.get("description") != Some(&json!("described")) {
        return Err(Stop::failed(Shape::of("the table was not described")));
    }
    let kept = has_tag(&read, "n", tag);
    seen(kept, Shape::of(if kept { "the tag stayed" } else { "the tag is gone" }))
}

/// How often a column is read after the answer to the patch that added it.
const READS_AFTER: u32 = 3;

/// A masked reader of a column under DEFAULT_MASKING_VALUE sees an empty text in place of NULL, and NULL if the
/// column has no tag. It reads while the column is added.
pub(super) async fn adds_tagged_column(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let first = json!({
        "name": "n", "type": "STRING", "policyTags": {"names": [tags.name("null")?]},
    });
    lab.table("added_column", json!([first])).await?;
    lab.append("added_column", &[json!({"n": "generated"})]).await?;
    let added = json!({
        "name": "added", "type": "STRING", "policyTags": {"names": [tags.name("default")?]},
    });
    let schema = json!({"schema": {"fields": [first, added]}});
    let sql = format!("SELECT added IS NULL FROM {}", lab.sql("added_column"));
    let is_added = Cell::new(false);
    let patch = async {
        let patched = lab.patch("added_column", &schema).await;
        is_added.set(true);
        patched
    };
    let read = async {
        let (mut open, mut masked, mut after) = (0, 0, 0);
        while after < READS_AFTER {
            after += u32::from(is_added.get());
            match lab.query(Who::Masked, &sql).await?.cell() {
                Some("true") => open += 1,
                Some(_) => masked += 1,
                None => {}
            }
        }
        Ok::<(u64, u64), Stop>((open, masked))
    };
    let (patched, read) = futures::join!(patch, read);
    patched?;
    let (open, masked) = read?;
    if open + masked == 0 {
        return Err(Stop::failed(Shape::of("the column was not read")));
    }
    let shape = Shape::default().number(open, "reads without the mask");
    seen(open == 0, shape.number(masked, "with it"))
}

pub(super) async fn names_case_sensitive(lab: &Lab) -> Probed {
    use landbridge_gcp::raw::Api;
    use reqwest::Method;
    lab.table("letter_case", number(None)).await?;
    let other = json!([{"name": "other", "type": "INTEGER", "mode": "NULLABLE"}]);
    let made = lab.try_table("Letter_Case", other).await?;
    let path = lab.table_path("Letter_Case");
    let read = lab.call(Api::BigQuery, Method::GET, path, None).await?;
    let is_another = read.text("/schema/fields/0/name") == "other";
    let shape = Shape::of("a name in other letter case").answer(&made);
    let shape = shape.and(if is_another { "another table" } else { "no other table" });
    seen(is_another, shape)
}

/// Sets a tag with the id of its project, and looks at the name that is returned.
pub(super) async fn tag_named_by_number(lab: &Lab, tags: &Tags) -> Probed {
    let tag = tags.name("email")?;
    lab.table("numbered_tag", number(Some(tag))).await?;
    let table = lab.get("numbered_tag").await?;
    let returned = field(&table, "n").pointer("/policyTags/names/0").and_then(Value::as_str);
    let project = returned.and_then(|it| it.strip_prefix("projects/")?.split('/').next());
    let project = project.unwrap_or_default();
    let by_number = !project.is_empty() && project.chars().all(|c| c.is_ascii_digit());
    let is_same = has_tag(&table, "n", tag);
    let shape = Shape::of(match (project == lab.options.project, by_number) {
        (true, _) => "returned with the id of the project",
        (false, true) => "returned with the number of the project",
        (false, false) => "returned in another form",
    });
    let shape = shape.and(if is_same { "the same tag" } else { "another tag" });
    // The name that is returned names a tag as well.
    let again = json!({"schema": {"fields": number(returned)}});
    let again = lab.try_patch("numbered_tag", &again, None).await?;
    let shape = shape.and("a patch with that name").answer(&again);
    seen(is_same && again.is_ok() && (by_number || project == lab.options.project), shape)
}

/// Changes a table five times at once, without repeating a refused change.
pub(super) async fn update_rate(lab: &Lab) -> Probed {
    use landbridge_gcp::raw::{Api, RawBody, RawCall};
    use reqwest::Method;
    lab.table("update_rate", number(None)).await?;
    let mut taken = 0;
    for change in 0..5 {
        let body = json!({"labels": {"change": change.to_string()}});
        let call = RawCall {
            api: Api::BigQuery,
            method: Method::PATCH,
            path: lab.table_path("update_rate"),
            body: RawBody::Json(&body),
            headers: Vec::new(),
            token: None,
        };
        let answer = lab.api.send("a table is changed", &call).await;
        let answer = answer.map_err(|_| Stop::failed(Shape::of("Google did not answer")))?;
        match answer.is_ok() {
            true => taken += 1,
            false if answer.reason == "rateLimitExceeded" => {}
            false => return Err(Stop::failed(Shape::of("a change").answer(&answer))),
        }
    }
    seen(taken == 5, Shape::of("of 5 changes").number(taken, "taken"))
}
