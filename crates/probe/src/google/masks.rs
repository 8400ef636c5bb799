//! Claims about policy tags, data policies and masks.

use std::collections::BTreeMap;

use landbridge_gcp::raw::{Answer, Api};
use reqwest::Method;
use serde_json::{Value, json};

use super::lab::{Lab, Rows, Who, hidden, is_tagged};
use super::masks_by_type::{self, Outcome};
use crate::report::{Probed, Seen, Shape, Stop, seen};

/// Each tag of the run: its name, the rule of its data policy, and whether the masked reader gets the role on it.
const TAGS: [(&str, Option<&str>, bool); 11] = [
    ("email", Some("EMAIL_MASK"), true),
    ("last4", Some("LAST_FOUR_CHARACTERS"), true),
    ("first4", Some("FIRST_FOUR_CHARACTERS"), true),
    ("sha", Some("SHA256"), true),
    ("year", Some("DATE_YEAR_MASK"), true),
    ("default", Some("DEFAULT_MASKING_VALUE"), true),
    ("null", Some("ALWAYS_NULL"), true),
    ("closed", Some("LAST_FOUR_CHARACTERS"), false),
    ("leaving", None, false),
    ("deleted", None, false),
    ("ids", None, false),
];

/// The columns of the table of generated people: name, type, mode, tag.
const COLUMNS: [(&str, &str, &str, &str); 14] = [
    ("id", "INTEGER", "NULLABLE", ""),
    ("email", "STRING", "NULLABLE", "email"),
    ("no_email", "STRING", "NULLABLE", "email"),
    ("last4", "STRING", "NULLABLE", "last4"),
    ("first4", "STRING", "NULLABLE", "first4"),
    ("sha", "STRING", "NULLABLE", "sha"),
    ("year", "DATE", "NULLABLE", "year"),
    ("number", "INTEGER", "NULLABLE", "default"),
    ("word", "STRING", "NULLABLE", "default"),
    ("nothing", "STRING", "NULLABLE", "null"),
    ("closed", "STRING", "NULLABLE", "closed"),
    ("list", "STRING", "REPEATED", "default"),
    ("hashed_list", "STRING", "REPEATED", "sha"),
    ("wrong", "INTEGER", "NULLABLE", "email"),
];
/// The table.
pub(super) const PEOPLE: &str = "people";
/// The generated value of columns of text.
const WORD: &str = "generated-4321";
/// The generated address.
pub(super) const EMAIL: &str = "generated@example.com";

/// The tags of the run.
pub(super) struct Tags {
    names: BTreeMap<&'static str, String>,
    /// Why there are none.
    stop: Option<Stop>,
    /// Why the masked reader cannot read; `None` if it can.
    unmasked: Option<Stop>,
}

impl Tags {
    /// The resource name of a tag.
    pub(super) fn name(&self, tag: &str) -> Result<&str, Stop> {
        match (&self.stop, self.names.get(tag)) {
            (None, Some(name)) => Ok(name),
            (Some(stop), _) => Err(stop.clone()),
            (None, None) => Err(Stop::failed(Shape::of("a policy tag is missing"))),
        }
    }

    /// Fails unless the masked reader reads masks.
    pub(super) fn masked(&self) -> Result<(), Stop> {
        self.name("email")?;
        self.unmasked.clone().map_or(Ok(()), Err)
    }

    /// Creates taxonomy, tags, data policies and bindings, and the table of generated people.
    pub(super) async fn create(lab: &Lab) -> Self {
        let mut tags = Self { names: BTreeMap::new(), stop: None, unmasked: None };
        if let Err(stop) = tags.create_all(lab).await {
            tags.stop = Some(stop);
        } else if let Err(stop) = wait_for_masks(lab).await {
            tags.unmasked = Some(stop);
        }
        tags
    }

    async fn create_all(&mut self, lab: &Lab) -> Result<(), Stop> {
        let body = json!({
            "displayName": lab.run.dataset(),
            "description": "Scratch tags of `landbridge probe`.",
            "activatedPolicyTypes": ["FINE_GRAINED_ACCESS_CONTROL"],
        });
        let path = lab.located("taxonomies");
        let taxonomy = created(lab.call(Api::Catalog, Method::POST, path, Some(&body)).await?)?;
        for (number, (tag, rule, masked)) in TAGS.into_iter().enumerate() {
            let (path, body) = (format!("{taxonomy}/policyTags"), json!({"displayName": tag}));
            let name = created(lab.call(Api::Catalog, Method::POST, path, Some(&body)).await?)?;
            if let (Some(plain), true) = (&lab.options.plain_reader, tag != "closed") {
                bind_plain(lab, &name, Some(plain)).await?;
            }
            if let Some(rule) = rule {
                let answer = add_policy(lab, &lab.run.policy(number), &name, rule).await?;
                let policy = created(answer)?;
                if let (Some(reader), true) = (&lab.options.masked_reader, masked) {
                    bind_masked(lab, &policy, reader).await?;
                }
            }
            self.names.insert(tag, name);
        }
        let fields: Vec<Value> = (COLUMNS.iter())
            .map(|(name, ty, mode, tag)| {
                let mut field = json!({"name": name, "type": ty, "mode": mode});
                if let Some(tag) = self.names.get(tag) {
                    field["policyTags"] = json!({"names": [tag]});
                }
                field
            })
            .collect();
        lab.table(PEOPLE, json!(fields)).await?;
        let row = json!({
            "id": 1, "email": EMAIL, "no_email": WORD, "last4": WORD, "first4": WORD, "sha": WORD,
            "year": "2019-07-14", "number": 42, "word": WORD, "nothing": WORD, "closed": WORD,
            "list": [WORD], "hashed_list": [WORD], "wrong": 42,
        });
        lab.append(PEOPLE, &[row]).await?;
        masks_by_type::create(lab, &self.names).await
    }
}

/// The name of a created resource.
fn created(answer: Answer) -> Result<String, Stop> {
    match answer.text("/name") {
        name if answer.is_ok() && !name.is_empty() => Ok(name.to_owned()),
        _ => Err(Stop::failed(Shape::of("tags and masks were not created").answer(&answer))),
    }
}

async fn add_policy(lab: &Lab, id: &str, tag: &str, rule: &str) -> Result<Answer, Stop> {
    let body = json!({
        "dataPolicyId": id,
        "dataPolicyType": "DATA_MASKING_POLICY",
        "policyTag": tag,
        "dataMaskingPolicy": {"predefinedExpression": rule},
    });
    lab.call(Api::DataPolicy, Method::POST, lab.located("dataPolicies"), Some(&body)).await
}

async fn set_policy(lab: &Lab, api: Api, name: &str, policy: Value) -> Result<(), Stop> {
    let body = json!({ "policy": policy });
    let answer = lab.call(api, Method::POST, format!("{name}:setIamPolicy"), Some(&body)).await?;
    match answer.is_ok() {
        true => Ok(()),
        false => Err(Stop::failed(Shape::of("a reader was not bound").answer(&answer))),
    }
}

/// Makes an account the only plain reader of a tag; with `None`, the tag has no plain reader.
async fn bind_plain(lab: &Lab, tag: &str, reader: Option<&String>) -> Result<(), Stop> {
    let role = "roles/datacatalog.categoryFineGrainedReader";
    let bindings: Vec<Value> = (reader.into_iter())
        .map(|it| json!({"role": role, "members": [format!("serviceAccount:{it}")]}))
        .collect();
    set_policy(lab, Api::Catalog, tag, json!({ "bindings": bindings })).await
}

/// The taxonomy of a tag.
pub(super) fn taxonomy_of(tag: &str) -> &str {
    tag.split_once("/policyTags/").map_or(tag, |(taxonomy, _)| taxonomy)
}

/// Makes a member the only administrator of the taxonomy of a tag: it may read the taxonomy, and no value.
pub(super) async fn bind_admin(lab: &Lab, tag: &str, member: String) -> Result<(), Stop> {
    let policy =
        json!({"bindings": [{"role": "roles/datacatalog.categoryAdmin", "members": [member]}]});
    set_policy(lab, Api::Catalog, taxonomy_of(tag), policy).await
}

async fn bind_masked(lab: &Lab, policy: &str, reader: &str) -> Result<(), Stop> {
    let role = "roles/bigquerydatapolicy.maskedReader";
    let members = [format!("serviceAccount:{reader}")];
    let policy_of = json!({"bindings": [{"role": role, "members": members}]});
    set_policy(lab, Api::DataPolicy, policy, policy_of).await
}

async fn select(lab: &Lab, who: Who, column: &str) -> Result<Rows, Stop> {
    lab.query(who, &format!("SELECT {column} FROM {}", lab.sql(PEOPLE))).await
}

/// Waits until the masked reader may query a column of every rule.
async fn wait_for_masks(lab: &Lab) -> Result<(), Stop> {
    lab.token(Who::Masked)?;
    let columns = "email, last4, first4, sha, year, number, nothing";
    let reads = async || Ok::<bool, Stop>(!select(lab, Who::Masked, columns).await?.is_refused());
    match lab.until(reads).await? {
        Some(_) => Ok(()),
        None => Err(Stop::failed(Shape::of("the masked reader was refused until patience ended"))),
    }
}

/// Whether an expression is true for the masked reader.
async fn is_true(lab: &Lab, expression: &str) -> Result<bool, Stop> {
    Ok(select(lab, Who::Masked, expression).await?.cell() == Some("true"))
}

pub(super) async fn rules(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let sha = format!("TO_BASE64(SHA256('{WORD}'))");
    let checks = [
        ("email = 'XXXXX@example.com'".to_owned(), "EMAIL_MASK differs"),
        (format!("no_email = {sha}"), "EMAIL_MASK of other text differs"),
        ("last4 = 'XXXXX4321'".to_owned(), "LAST_FOUR differs"),
        ("first4 = 'geneXXXXX'".to_owned(), "FIRST_FOUR differs"),
        (format!("sha = {sha}"), "SHA256 differs"),
        ("nothing IS NULL".to_owned(), "ALWAYS_NULL differs"),
        ("year = DATE '2019-01-01'".to_owned(), "DATE_YEAR_MASK of a DATE differs"),
    ];
    let mut shape = Shape::default();
    let mut equal = 0;
    for (check, otherwise) in checks {
        match is_true(lab, &check).await? {
            true => equal += 1,
            false => shape = shape.and(otherwise),
        }
    }
    let by_type = masks_by_type::rules(lab).await?;
    let shape = Shape::of("of 7 masks").number(equal, "as documented").and_shape(&shape);
    seen(equal == 7 && by_type.others == 0, shape.and("by type").and_shape(&outcome(&by_type)))
}

fn outcome(outcome: &Outcome) -> Shape {
    let shape = Shape::default().number(outcome.as_said, "columns as documented");
    shape.number(outcome.others, "others").and_shape(&outcome.shape)
}

pub(super) async fn default_values(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let number = is_true(lab, "number = 0").await?;
    let text = is_true(lab, "word = ''").await?;
    let by_type = masks_by_type::defaults(lab).await?;
    let shape = Shape::of(if number { "INT64 is 0" } else { "INT64 is not 0" });
    let shape = shape.and(if text { "STRING is empty" } else { "STRING is not empty" });
    seen(number && text && by_type.others == 0, shape.and_shape(&outcome(&by_type)))
}

pub(super) async fn arrays(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let empty = is_true(lab, "ARRAY_LENGTH(list) = 0").await?;
    let hashed = select(lab, Who::Masked, "hashed_list").await?;
    let shape = Shape::of(if empty { "the default is empty" } else { "the default is not empty" });
    let shape = shape.and("under SHA256").and_shape(&hashed.shape());
    let by_type = masks_by_type::arrays(lab).await?;
    let all = empty && hashed.is_refused() && by_type.others == 0;
    seen(all, shape.and_shape(&outcome(&by_type)))
}

pub(super) async fn wrong_type(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let rows = select(lab, Who::Masked, "wrong").await?;
    let by_type = masks_by_type::wrong_types(lab).await?;
    let shape = Shape::of("EMAIL_MASK on INT64").and_shape(&rows.shape());
    seen(rows.is_refused() && by_type.others == 0, shape.and_shape(&outcome(&by_type)))
}

pub(super) async fn before_everything(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let count = async |value: &str| {
        let sql = format!("SELECT COUNT(*) FROM {} WHERE last4 = '{value}'", lab.sql(PEOPLE));
        let rows = lab.query(Who::Masked, &sql).await?;
        let count: Option<u64> = rows.cell().and_then(|it| it.parse().ok());
        count.ok_or_else(|| Stop::failed(rows.shape()))
    };
    let (plain, mask) = (count(WORD).await?, count("XXXXX4321").await?);
    let shape = Shape::default().number(plain, "rows by the plain value");
    seen(plain == 0 && mask == 1, shape.number(mask, "rows by the mask"))
}

pub(super) async fn list_needs_plain(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let path = format!("{}/data?selectedFields=email", lab.table_path(PEOPLE));
    let answer = lab.call_as(Who::Masked, Api::BigQuery, Method::GET, path, None).await?;
    seen(answer.status == 403, Shape::of("tabledata.list").answer(&answer))
}

pub(super) async fn only_its_policy(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let rows = select(lab, Who::Masked, "closed").await?;
    let shape = Shape::of("the column of another tag").and_shape(&rows.shape());
    seen(rows.cell().is_none(), shape)
}

pub(super) async fn dml_needs_plain(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let table = lab.sql(PEOPLE);
    let update = format!("UPDATE {table} SET id = id WHERE email = 'none@example.com'");
    let delete = format!("DELETE FROM {table} WHERE email = 'none@example.com'");
    let merge = format!(
        "MERGE {table} t USING (SELECT 1 AS id) s ON t.id = s.id AND t.email = 'none@example.com' \
         WHEN MATCHED THEN DELETE"
    );
    let update = lab.query(Who::Masked, &update).await?;
    let delete = lab.query(Who::Masked, &delete).await?;
    let merge = lab.query(Who::Masked, &merge).await?;
    let shape = Shape::of("UPDATE").and_shape(&update.shape());
    let shape = shape.and("DELETE").and_shape(&delete.shape());
    let shape = shape.and("MERGE").and_shape(&merge.shape());
    seen(update.is_refused() && delete.is_refused() && merge.is_refused(), shape)
}

pub(super) async fn neither_role(lab: &Lab, tags: &Tags) -> Probed {
    tags.name("email")?;
    let closed = select(lab, Who::Me, "closed").await?;
    if closed.cell() == Some(WORD) {
        return Err(Stop::failed(Shape::of("the caller reads every tag by a role on the project")));
    }
    let null = select(lab, Who::Me, "nothing").await?;
    let by_rule = masks_by_type::without_role(lab).await?;
    let shape = Shape::of("LAST_FOUR").and_shape(&closed.shape());
    let shape = shape.and("ALWAYS_NULL").and_shape(&null.shape());
    let all = closed.is_refused() && null.is_refused() && by_rule.others == 0;
    seen(all, shape.and_shape(&outcome(&by_rule)))
}

pub(super) async fn in_force_at_once(lab: &Lab, tags: &Tags) -> Probed {
    let mut field = json!([{"name": "note", "type": "STRING", "mode": "NULLABLE"}]);
    lab.table("in_force", field.clone()).await?;
    lab.append("in_force", &[json!({"note": WORD})]).await?;
    field[0]["policyTags"] = json!({"names": [tags.name("closed")?]});
    lab.patch("in_force", &json!({"schema": {"fields": field}})).await?;
    let sql = format!("SELECT note FROM {}", lab.sql("in_force"));
    let Seen { holds, shape } = hidden(&lab.query(Who::Me, &sql).await?, WORD);
    if holds {
        return seen(true, Shape::of("at once").and_shape(&shape));
    }
    let hides = async || Ok::<bool, Stop>(hidden(&lab.query(Who::Me, &sql).await?, WORD).holds);
    let shape = Shape::of("at once").and_shape(&shape);
    match lab.until(hides).await? {
        Some(seconds) => seen(false, shape.number(seconds, "seconds until it was hidden")),
        None => seen(false, shape.and("also when patience ended")),
    }
}

pub(super) async fn change_delay(lab: &Lab, tags: &Tags) -> Probed {
    let (tag, Some(reader)) = (tags.name("leaving")?, &lab.options.plain_reader) else {
        return Err(Stop::skipped("needs --plain-reader"));
    };
    let field = json!([{"name": "note", "type": "STRING", "policyTags": {"names": [tag]}}]);
    lab.table("leaving", field).await?;
    lab.append("leaving", &[json!({"note": WORD})]).await?;
    let sql = format!("SELECT note FROM {}", lab.sql("leaving"));
    let reads = async || Ok::<bool, Stop>(lab.query(Who::Plain, &sql).await?.cell() == Some(WORD));
    bind_plain(lab, tag, Some(reader)).await?;
    let Some(granted) = lab.until(reads).await? else {
        return Err(Stop::failed(Shape::of("the plain reader was refused until patience ended")));
    };
    bind_plain(lab, tag, None).await?;
    let hides = async || Ok::<bool, Stop>(!still_reads(lab, &sql).await?);
    let shape = Shape::default().number(granted, "seconds until the reader could read");
    match lab.until(hides).await? {
        Some(seconds) => seen(true, shape.number(seconds, "seconds until it could not")),
        None => seen(false, shape.and("it could read when patience ended")),
    }
}

async fn still_reads(lab: &Lab, sql: &str) -> Result<bool, Stop> {
    Ok(lab.query(Who::Plain, sql).await?.cell() == Some(WORD))
}

pub(super) async fn deletion_opens(lab: &Lab, tags: &Tags) -> Probed {
    let tag = tags.name("deleted")?;
    let field = json!([{"name": "n", "type": "INTEGER", "policyTags": {"names": [tag]}}]);
    lab.table("deleted_tag", field).await?;
    let answer = lab.call(Api::Catalog, Method::DELETE, tag.to_owned(), None).await?;
    if !answer.is_ok() && answer.status != 404 {
        return Err(Stop::failed(Shape::of("the tag was not deleted").answer(&answer)));
    }
    let gone = async || Ok::<bool, Stop>(!is_tagged(&lab.get("deleted_tag").await?, "n"));
    match lab.until(gone).await? {
        Some(seconds) => {
            seen(true, Shape::of("the column has no tag").number(seconds, "seconds later"))
        }
        None => seen(false, Shape::of("the column had its tag when patience ended")),
    }
}

pub(super) async fn policy_ids(lab: &Lab, tags: &Tags) -> Probed {
    let tag = tags.name("ids")?;
    let mut statuses = Vec::new();
    for (length, rule) in [(63, "SHA256"), (64, "ALWAYS_NULL"), (65, "DEFAULT_MASKING_VALUE")] {
        let id = format!("{:x<length$}", lab.run.policy(99));
        statuses.push(add_policy(lab, &id, tag, rule).await?);
    }
    let [short, longest, long] = statuses.as_slice() else {
        return Err(Stop::failed(Shape::of("no answers")));
    };
    let shape = Shape::of("63 characters").answer(short).and("64 characters").answer(longest);
    let shape = shape.and("65 characters").answer(long);
    // One that exists was created by a call whose answer was lost.
    let taken = |answer: &Answer| answer.is_ok() || answer.status == 409;
    seen(taken(short) && taken(longest) && !taken(long), shape)
}

/// A second taxonomy, which nothing but a data policy enforces.
pub(super) async fn enforced_by_policy(lab: &Lab, tags: &Tags) -> Probed {
    tags.name("email")?;
    let body = json!({"displayName": format!("{}_2", lab.run.dataset())});
    let path = lab.located("taxonomies");
    let taxonomy = created(lab.call(Api::Catalog, Method::POST, path, Some(&body)).await?)?;
    let mut names = Vec::new();
    for tag in ["with a policy", "without one"] {
        let (path, body) = (format!("{taxonomy}/policyTags"), json!({"displayName": tag}));
        names.push(created(lab.call(Api::Catalog, Method::POST, path, Some(&body)).await?)?);
    }
    let [with, without] = names.as_slice() else {
        return Err(Stop::failed(Shape::of("no answers")));
    };
    let field = json!([{"name": "note", "type": "STRING", "policyTags": {"names": [without]}}]);
    lab.table("enforced", field).await?;
    lab.append("enforced", &[json!({"note": WORD})]).await?;
    let sql = format!("SELECT note FROM {}", lab.sql("enforced"));
    let before = lab.query(Who::Me, &sql).await?;
    created(add_policy(lab, &lab.run.policy(98), with, "ALWAYS_NULL").await?)?;
    let hides = async || Ok::<bool, Stop>(hidden(&lab.query(Who::Me, &sql).await?, WORD).holds);
    let shape = Shape::of("without a data policy").and_shape(&before.shape());
    match lab.until(hides).await? {
        Some(seconds) => {
            let shape = shape.and("with one on another tag");
            seen(true, shape.number(seconds, "seconds until it was hidden"))
        }
        None => seen(false, shape.and("with one on another tag it was read when patience ended")),
    }
}

pub(super) async fn result_without_tags(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let (copied, people) = (lab.sql("copied"), lab.sql(PEOPLE));
    let sql = format!("CREATE OR REPLACE TABLE {copied} AS SELECT email FROM {people}");
    let made = lab.query(Who::Masked, &sql).await?;
    if made.is_refused() {
        return seen(false, Shape::of("by a masked reader").and_shape(&made.shape()));
    }
    let tagged = is_tagged(&lab.get("copied").await?, "email");
    let rows = lab.query(Who::Me, &format!("SELECT email FROM {copied}")).await?;
    let mask = select(lab, Who::Masked, "email").await?;
    let is_mask = rows.cell() == mask.cell() && mask.cell().is_some_and(|it| it != EMAIL);
    let shape = Shape::of(if tagged { "the result has a tag" } else { "the result has no tag" });
    seen(!tagged && is_mask, shape.and(if is_mask { "the mask" } else { "another value" }))
}

/// Takes the plain reader from a tag, and tries to give it back with the etag of before.
pub(super) async fn etag_conflict(lab: &Lab, tags: &Tags) -> Probed {
    let (tag, Some(reader)) = (tags.name("deleted")?, &lab.options.plain_reader) else {
        return Err(Stop::skipped("needs --plain-reader"));
    };
    let read = async || {
        let path = format!("{tag}:getIamPolicy");
        let answer = lab.call(Api::Catalog, Method::POST, path, Some(&json!({}))).await?;
        match answer.is_ok() {
            true => Ok(answer.body),
            false => Err(Stop::failed(Shape::of("a policy was not read").answer(&answer))),
        }
    };
    let set = async |bindings: Value, etag: &Value| {
        let body = json!({"policy": {"bindings": bindings, "etag": etag}});
        lab.call(Api::Catalog, Method::POST, format!("{tag}:setIamPolicy"), Some(&body)).await
    };
    let etag = read().await?["etag"].clone();
    let first = set(json!([]), &etag).await?;
    // One whose answer was lost has changed the etag itself.
    if !first.is_ok() && first.status != 409 {
        return Err(Stop::failed(Shape::of("a policy was not changed").answer(&first)));
    }
    let before = read().await?;
    let role = "roles/datacatalog.categoryFineGrainedReader";
    let members = [format!("serviceAccount:{reader}")];
    let late = set(json!([{"role": role, "members": members}]), &etag).await?;
    let unchanged = read().await?.get("bindings") == before.get("bindings");
    let shape = Shape::of("a policy with the older etag").answer(&late);
    let shape = shape.and(if unchanged { "nothing changed" } else { "the policy changed" });
    seen(late.status == 409 && unchanged, shape)
}
