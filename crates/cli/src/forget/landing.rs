//! The objects of the table in Cloud Storage from before: `<prefix>/<source>/<day>/<export>/<table>/…`.
//!
//! Their rows are in BigQuery already, or must not come there any more, so all objects of older days are deleted, whatever rows
//! they have. A later revision of a plan, and the changes of a day, have folders of their own beside the table's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use landbridge_core::calendar::Day;
use landbridge_core::ids::{slug_of_folder, table_slug};
use landbridge_core::plan::TablePlan;
use landbridge_core::{Error, ErrorKind};
use landbridge_gcp::raw::{Answer, Api, Raw, RawBody, RawCall};
use landbridge_ledger::records::{PLAN, below};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Serialize;

use super::{Command, with_rights};
use crate::failure::Result;

/// A version of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Landed {
    pub(super) name: String,
    /// Its version: a bucket can keep older ones.
    pub(super) generation: String,
}

/// The versions of the table's objects that are of another export than the newest one, of its day or of a day before.
/// Changes nothing.
///
/// # Errors
/// `Refused` if the caller may not list the bucket; any ledger error.
pub(super) async fn older(
    command: &Command,
    newest: &TablePlan,
    newest_day: Day,
    newest_export: &str,
) -> Result<Vec<Landed>> {
    if command.args.keep_landed {
        return Ok(Vec::new());
    }
    let config = &command.config;
    let folder = below(&config.transfer.prefix, &format!("{}/", config.source.name));
    let mut days: BTreeMap<Day, Vec<(String, Landed)>> = BTreeMap::new();
    for landed in list(command, &folder).await? {
        let path = landed.name.strip_prefix(&folder).unwrap_or_default();
        let [day, export, folder, _] = path.splitn(4, '/').collect::<Vec<_>>()[..] else {
            continue;
        };
        let Ok(day) = day.parse::<Day>() else { continue };
        if day < newest_day || (day == newest_day && export != newest_export) {
            days.entry(day).or_default().push((slug_of_folder(folder).to_owned(), landed));
        }
    }
    let mut found = Vec::new();
    for (day, objects) in days {
        // The table can have had another name in BigQuery.
        let plan = command.ledger.day(day).value(&PLAN).await?;
        let names = plan.iter().flat_map(|it| &it.tables);
        let names = names.filter(|it| it.source_table == newest.source_table);
        let names = names.map(|it| it.table.as_str()).chain([newest.table.as_str()]);
        let slugs: BTreeSet<String> = names.map(table_slug).collect();
        found.extend(objects.into_iter().filter(|(slug, _)| slugs.contains(slug)).map(|it| it.1));
    }
    Ok(found)
}

/// Deletes one version for good, apart from the bucket's soft delete. One that is gone is done.
///
/// # Errors
/// `Refused` if the caller may not delete objects.
pub(super) async fn delete(command: &Command, landed: &Landed) -> Result {
    let bucket = encoded(&command.config.transfer.bucket);
    let (name, generation) = (encoded(&landed.name), encoded(&landed.generation));
    let path = format!("storage/v1/b/{bucket}/o/{name}?generation={generation}");
    let answer = send(&command.storage, "delete an object", Method::DELETE, path).await?;
    match answer.is_ok() || answer.status == 404 {
        true => Ok(()),
        false => Err(refused("an object was not deleted", &landed.name, &answer)),
    }
}

async fn list(command: &Command, folder: &str) -> Result<Vec<Landed>> {
    let bucket = &command.config.transfer.bucket;
    let fields = encoded("nextPageToken,items(name,generation)");
    let path = format!(
        "storage/v1/b/{}/o?prefix={}&versions=true&fields={fields}",
        encoded(bucket),
        encoded(folder)
    );
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    let mut page = path.clone();
    loop {
        let answer = send(&command.storage, "list a bucket", Method::GET, page).await?;
        if !answer.is_ok() {
            return Err(refused("the bucket was not listed", bucket, &answer));
        }
        for item in answer.body["items"].as_array().into_iter().flatten() {
            if let (Some(name), Some(generation)) =
                (item["name"].as_str(), item["generation"].as_str())
            {
                all.push(Landed { name: name.to_owned(), generation: generation.to_owned() });
            }
        }
        let token = answer.text("/nextPageToken").to_owned();
        if token.is_empty() || !seen.insert(token.clone()) {
            return Ok(all);
        }
        page = format!("{path}&pageToken={}", encoded(&token));
    }
}

/// Sends a call, some times if Google asks for it: both calls can be repeated.
async fn send(api: &Raw, what: &'static str, method: Method, path: String) -> Result<Answer> {
    let call = RawCall {
        api: Api::Storage,
        method,
        path,
        body: RawBody::None,
        headers: Vec::new(),
        token: None,
    };
    for pause in PAUSES {
        match api.send(what, &call).await {
            Ok(answer) if !answer.is_transient() => return Ok(answer),
            Err(error) if error.kind() != ErrorKind::Transient => return Err(with_rights(error)),
            _ => tokio::time::sleep(Duration::from_secs(pause)).await,
        }
    }
    api.send(what, &call).await.map_err(with_rights)
}

/// Seconds before a call is sent again.
const PAUSES: [u64; 3] = [1, 2, 4];

fn refused(what: &'static str, about: &str, answer: &Answer) -> crate::failure::Failure {
    let kind = match answer.status {
        401 | 403 => ErrorKind::Denied,
        _ => ErrorKind::Transient,
    };
    let cause = format!("Cloud Storage answered {} {}", answer.status, answer.reason);
    with_rights(Error::new(kind, what, about).caused_by(cause))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
