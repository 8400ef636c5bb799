//! Claims about views, and about names in queries.

use landbridge_gcp::raw::Api;
use reqwest::Method;
use serde_json::json;

use super::lab::{Lab, Rows, Who, hidden};
use super::masks::{EMAIL, PEOPLE, Tags};
use crate::report::{Probed, Shape, Stop, seen};

/// A view of the generated people, made by a reader; `None`: it was refused until patience ended.
async fn view(lab: &Lab, tags: &Tags, who: Who, name: &str) -> Result<Option<u64>, Stop> {
    tags.name("email")?;
    lab.token(who)?;
    let query = format!("SELECT id, email FROM {}", lab.sql(PEOPLE));
    let body = json!({
        "tableReference": {
            "projectId": lab.options.project, "datasetId": lab.run.dataset(), "tableId": name,
        },
        "view": {"query": query, "useLegacySql": false},
    });
    let path = lab.project(&format!("/datasets/{}/tables", lab.run.dataset()));
    let made = async || {
        let path = path.clone();
        let answer = lab.call_as(who, Api::BigQuery, Method::POST, path, Some(&body)).await?;
        Ok::<bool, Stop>(answer.is_ok() || answer.status == 409)
    };
    lab.until(made).await
}

async fn made_by_plain_reader(lab: &Lab, tags: &Tags, name: &str) -> Result<(), Stop> {
    match view(lab, tags, Who::Plain, name).await? {
        Some(_) => Ok(()),
        None => Err(Stop::failed(Shape::of("the view was not created"))),
    }
}

pub(super) async fn made_by_masked_reader(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let made = view(lab, tags, Who::Masked, "view_by_masked").await?.is_some();
    let shape = Shape::of("a view with a tagged column, by a masked reader");
    seen(made, shape.and(if made { "it was created" } else { "it was refused" }))
}

pub(super) async fn tags_of_reader(lab: &Lab, tags: &Tags) -> Probed {
    made_by_plain_reader(lab, tags, "view_of_tagged").await?;
    let sql = format!("SELECT email FROM {}", lab.sql("view_of_tagged"));
    Ok(hidden(&lab.query(Who::Me, &sql).await?, EMAIL))
}

pub(super) async fn only_read_columns(lab: &Lab, tags: &Tags) -> Probed {
    made_by_plain_reader(lab, tags, "view_of_columns").await?;
    let sql = format!("SELECT id FROM {}", lab.sql("view_of_columns"));
    let rows = lab.query(Who::Me, &sql).await?;
    seen(rows.cell() == Some("1"), Shape::of("an untagged column").and_shape(&rows.shape()))
}

pub(super) async fn descriptions(lab: &Lab) -> Probed {
    lab.table("described", json!([{"name": "n", "type": "INT64"}])).await?;
    let body = json!({
        "tableReference": {
            "projectId": lab.options.project,
            "datasetId": lab.run.dataset(),
            "tableId": "described_view",
        },
        "view": {
            "query": format!("SELECT n FROM {}", lab.sql("described")), "useLegacySql": false,
        },
    });
    let path = lab.project(&format!("/datasets/{}/tables", lab.run.dataset()));
    let made = lab.call(Api::BigQuery, Method::POST, path, Some(&body)).await?;
    if !made.is_ok() && made.status != 409 {
        return Err(Stop::failed(Shape::of("the view was not created").answer(&made)));
    }
    let mut fields = lab.get("described_view").await?.pointer("/schema/fields").cloned();
    let Some(field) = fields.as_mut().and_then(|it| it.get_mut(0)) else {
        return seen(false, Shape::of("the view has no schema"));
    };
    field["description"] = json!("described");
    let patched =
        lab.try_patch("described_view", &json!({"schema": {"fields": fields}}), None).await?;
    let read = lab.get("described_view").await?;
    let stays = read.pointer("/schema/fields/0/description") == Some(&json!("described"));
    let shape = Shape::of("the patch").answer(&patched);
    seen(stays, shape.and(if stays { "the description stays" } else { "it has no description" }))
}

/// The number of the dataset whose rows are read through views alone.
const BEHIND: usize = 2;

/// Views of the scratch dataset on a table of another dataset, to which the masked reader has no access.
struct Authorized<'a> {
    lab: &'a Lab,
    source: String,
}

impl Authorized<'_> {
    /// Creates a view, or changes its query.
    async fn put(&self, name: &str, columns: &str) -> Result<(), Stop> {
        let sql = format!(
            "CREATE OR REPLACE VIEW {} AS SELECT {columns} FROM {}",
            self.lab.sql(name),
            self.source
        );
        let rows = self.lab.query(Who::Me, &sql).await?;
        match rows.is_refused() {
            true => Err(Stop::failed(Shape::of("a view was not set").and_shape(&rows.shape()))),
            false => Ok(()),
        }
    }

    async fn reads(&self, name: &str) -> Result<bool, Stop> {
        let sql = format!("SELECT n FROM {}", self.lab.sql(name));
        Ok(self.lab.query(Who::Masked, &sql).await?.cell() == Some("1"))
    }
}

/// A view that is authorised by its name is changed, and then one of an authorised dataset.
pub(super) async fn authorisation(lab: &Lab) -> Probed {
    lab.token(Who::Masked)?;
    let behind = lab.another_dataset(BEHIND).await?;
    let source = format!("`{}.{behind}.source`", lab.options.project);
    let made = format!("CREATE OR REPLACE TABLE {source} AS SELECT 1 AS n");
    if let rows @ Rows::Refused(_) = lab.query(Who::Me, &made).await? {
        return Err(Stop::failed(Shape::of("no table was created").and_shape(&rows.shape())));
    }
    let views = Authorized { lab, source };
    let opened = async |name: &str, entry| {
        views.put(name, "n").await?;
        lab.admit(&behind, vec![entry]).await?;
        match lab.until(async || views.reads(name).await).await? {
            Some(_) => views.put(name, "n, n + 1 AS more").await,
            None => Err(Stop::failed(Shape::of("an authorised view was refused"))),
        }
    };
    opened("by_name", json!({"view": lab.reference("by_name")})).await?;
    let is_lost = async || views.reads("by_name").await.map(|it| !it);
    let lost = lab.until(is_lost).await?.is_some();
    let scratch = json!({"projectId": lab.options.project, "datasetId": lab.run.dataset()});
    let entry = json!({"dataset": {"dataset": scratch, "targetTypes": ["VIEWS"]}});
    opened("by_dataset", entry).await?;
    let stays = views.reads("by_dataset").await?;
    let shape = Shape::of(if lost { "by name it is lost" } else { "by name it stays" });
    seen(
        lost && stays,
        shape.and(if stays { "by dataset it stays" } else { "by dataset it is lost" }),
    )
}

/// A table that has the name of one of its columns.
const NAMESAKE: &str = "namesake";

pub(super) async fn column_named_as_table(lab: &Lab) -> Probed {
    let fields = json!([{"name": NAMESAKE, "type": "INT64"}, {"name": "other", "type": "INT64"}]);
    lab.table(NAMESAKE, fields).await?;
    lab.append(NAMESAKE, &[json!({NAMESAKE: 1, "other": 2})]).await?;
    let table = lab.sql(NAMESAKE);
    let bare = lab.query(Who::Me, &format!("SELECT {NAMESAKE} FROM {table}")).await?;
    let of_alias = lab.query(Who::Me, &format!("SELECT t.{NAMESAKE} FROM {table} AS t")).await?;
    // A STRUCT is an object in the answer.
    let is_row = bare.cell().is_some_and(|it| it.starts_with('{'));
    let is_column = of_alias.cell() == Some("1");
    let shape = Shape::of("the name alone").and(if is_row { "the row" } else { "another value" });
    let shape = shape.and_shape(&bare.shape()).and("after an alias");
    seen(is_row && is_column, shape.and(if is_column { "the column" } else { "another value" }))
}
