//! Claims about the rights that a call needs: of a caller who sets policy tags, and of one who loads.

use landbridge_gcp::raw::{Answer, Api, RawBody, RawCall};
use reqwest::Method;
use serde_json::{Value, json};

use super::lab::{Lab, Who, has_tag};
use super::masks::{Tags, bind_admin};
use super::tables::number;
use crate::report::{Probed, Shape, Stop, seen};

/// The number of the dataset in which the accounts get roles, one after the other.
const ROLES: usize = 3;
/// The number of the dataset whose access list is read back.
const LISTED: usize = 4;

/// The address of an account of the run.
fn address(lab: &Lab, who: Who) -> Result<&str, Stop> {
    lab.token(who)?;
    let options = &lab.options;
    let account = if who == Who::Masked { &options.masked_reader } else { &options.plain_reader };
    account.as_deref().ok_or_else(|| Stop::skipped("needs --masked-reader and --plain-reader"))
}

/// A table in the dataset of roles, and calls of an account that change it.
struct Changed<'a> {
    lab: &'a Lab,
    who: Who,
    dataset: String,
    path: String,
}

impl<'a> Changed<'a> {
    async fn create(lab: &'a Lab, who: Who, table: &str) -> Result<Self, Stop> {
        let dataset = lab.another_dataset(ROLES).await?;
        let tables = lab.project(&format!("/datasets/{dataset}/tables"));
        let reference = json!({
            "projectId": lab.options.project, "datasetId": dataset, "tableId": table,
        });
        let body = json!({"tableReference": reference, "schema": {"fields": number(None)}});
        let made = lab.call(Api::BigQuery, Method::POST, tables.clone(), Some(&body)).await?;
        match made.is_ok() || made.status == 409 {
            true => Ok(Self { lab, who, dataset, path: format!("{tables}/{table}") }),
            false => Err(Stop::failed(Shape::of("a table was not created").answer(&made))),
        }
    }

    async fn patch(&self, body: &Value) -> Result<Answer, Stop> {
        let (api, method) = (Api::BigQuery, Method::PATCH);
        self.lab.call_as(self.who, api, method, self.path.clone(), Some(body)).await
    }

    async fn set_tag(&self, tag: &str) -> Result<Answer, Stop> {
        self.patch(&json!({"schema": {"fields": number(Some(tag))}})).await
    }

    /// Gives the account a role on the dataset, and waits until it may change the table.
    async fn gets(&self, role: &str) -> Result<(), Stop> {
        let entry = json!({"role": role, "userByEmail": address(self.lab, self.who)?});
        self.lab.admit(&self.dataset, vec![entry]).await?;
        let body = json!({"description": "changed"});
        let may = async || Ok::<bool, Stop>(self.patch(&body).await?.is_ok());
        match self.lab.until(may).await? {
            Some(_) => Ok(()),
            None => Err(Stop::failed(Shape::of("a role was not in force when patience ended"))),
        }
    }

    /// Whether the account may set a tag before patience ends.
    async fn may_set(&self, tag: &str) -> Result<bool, Stop> {
        let may = async || Ok::<bool, Stop>(self.set_tag(tag).await?.is_ok());
        Ok(self.lab.until(may).await?.is_some())
    }
}

/// WRITER has bigquery.tables.update without setCategory, OWNER has both.
pub(super) async fn tag_needs_set_category(lab: &Lab, tags: &Tags) -> Probed {
    let (tag, account) = (tags.name("ids")?, address(lab, Who::Plain)?);
    let table = Changed::create(lab, Who::Plain, "by_writer").await?;
    bind_admin(lab, tag, format!("serviceAccount:{account}")).await?;
    table.gets("WRITER").await?;
    let writer = table.set_tag(tag).await?;
    table.gets("OWNER").await?;
    let owner = table.may_set(tag).await?;
    let shape = Shape::of("a tag by WRITER").answer(&writer);
    let shape = shape.and(if owner { "by OWNER it was set" } else { "by OWNER it was refused" });
    seen(writer.status == 403 && owner, shape)
}

pub(super) async fn tag_needs_taxonomy_get(lab: &Lab, tags: &Tags) -> Probed {
    let (tag, account) = (tags.name("ids")?, address(lab, Who::Masked)?);
    let table = Changed::create(lab, Who::Masked, "by_owner").await?;
    table.gets("OWNER").await?;
    let without = table.set_tag(tag).await?;
    bind_admin(lab, tag, format!("serviceAccount:{account}")).await?;
    let with = table.may_set(tag).await?;
    let shape = Shape::of("without the right on the taxonomy").answer(&without);
    let shape = shape.and(if with { "with it, it was set" } else { "with it, it was refused" });
    seen(without.status == 403 && with, shape)
}

/// Inserts a load job as the masked reader, who is WRITER of the dataset; the row is in the request.
async fn load_as_writer(lab: &Lab, id: &str, fields: &Value) -> Result<Answer, Stop> {
    let job = json!({
        "jobReference": {
            "projectId": lab.options.project, "jobId": id, "location": lab.options.location,
        },
        "configuration": {"load": {
            "destinationTable": lab.reference("schema_tags"),
            "createDisposition": "CREATE_NEVER",
            "writeDisposition": "WRITE_APPEND",
            "sourceFormat": "NEWLINE_DELIMITED_JSON",
            "schema": {"fields": fields},
        }},
    });
    let body = format!(
        "--part\r\ncontent-type: application/json\r\n\r\n{job}\r\n\
         --part\r\ncontent-type: application/octet-stream\r\n\r\n{{\"n\": 1}}\r\n--part--\r\n"
    );
    let call = RawCall {
        api: Api::BigQueryUpload,
        method: Method::POST,
        path: lab.project("/jobs?uploadType=multipart"),
        body: RawBody::Bytes(body.as_bytes()),
        headers: vec![("content-type", "multipart/related; boundary=part".to_owned())],
        token: lab.token(Who::Masked)?,
    };
    lab.send(&call).await
}

pub(super) async fn schema_without_tags(lab: &Lab, tags: &Tags) -> Probed {
    lab.token(Who::Masked)?;
    let tag = tags.name("ids")?;
    lab.table("schema_tags", number(Some(tag))).await?;
    let mut empty = number(None);
    empty[0]["policyTags"] = json!({"names": []});
    let mut outcomes = Vec::new();
    for fields in [&number(None), &empty] {
        let id = lab.job_id();
        let inserted = load_as_writer(lab, &id, fields).await?;
        // One whose answer was lost exists.
        outcomes.push(match inserted.is_ok() || inserted.status == 409 {
            true => lab.wait_for_job_as(Who::Masked, &id).await?.succeeded(),
            false if [400, 403].contains(&inserted.status) => false,
            false => return Err(Stop::failed(Shape::of("no job was inserted").answer(&inserted))),
        });
    }
    let kept = has_tag(&lab.get("schema_tags").await?, "n", tag);
    let [without, empty] = [outcomes.first(), outcomes.get(1)].map(|it| it == Some(&true));
    let say = |done, yes, no| if done { yes } else { no };
    let shape = Shape::of(say(without, "without tags it loaded", "without tags it was refused"))
        .and(say(kept, "the tag stayed", "the tag is gone"))
        .and(say(empty, "with an empty list it loaded", "with an empty list it was refused"));
    seen(without && kept && !empty, shape)
}

/// Gives an account three predefined roles by their names, and reads the access list.
pub(super) async fn access_list_roles(lab: &Lab) -> Probed {
    let account = address(lab, Who::Masked)?;
    let dataset = lab.another_dataset(LISTED).await?;
    let roles = [("dataViewer", "READER"), ("dataEditor", "WRITER"), ("dataOwner", "OWNER")];
    let entry = |role: &str| json!({"role": role, "userByEmail": account});
    let given = roles.map(|(name, _)| entry(&format!("roles/bigquery.{name}")));
    lab.admit(&dataset, given.to_vec()).await?;
    let path = lab.project(&format!("/datasets/{dataset}"));
    let read = lab.call(Api::BigQuery, Method::GET, path, None).await?;
    let list = read.body.get("access").and_then(Value::as_array);
    let list =
        list.ok_or_else(|| Stop::failed(Shape::of("the access list was not read").answer(&read)))?;
    let found = roles.iter().filter(|(_, basic)| list.contains(&entry(basic))).count() as u64;
    seen(found == 3, Shape::of("of 3 roles").number(found, "are returned as basic roles"))
}
