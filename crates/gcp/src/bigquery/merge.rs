//! MERGE: applies the rows that changed to the rows of a table, in one statement.
//!
//! Its source is two tables over objects that exist for this query alone (`tableDefinitions`), never a table in a dataset, whose
//! columns would have no tags. Of the target, the statement reads the key and nothing else.

use std::fmt::Write as _;

use jiff::Timestamp;
use landbridge_core::delta::DELETED;
use landbridge_core::ids::JobId;
use landbridge_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::BigQuery;
use super::jobs::{Inserted, JobState};

/// A new job that changes, adds and deletes rows.
#[derive(Clone, Debug)]
pub struct MergeJob<'a> {
    /// Its id. BigQuery runs a job id only once, however often it is inserted.
    pub id: &'a JobId,
    /// The table's dataset.
    pub dataset: &'a str,
    /// The table.
    pub table: &'a str,
    /// The columns of the key, of ASCII letters, digits and `_`.
    pub key: &'a [String],
    /// All columns of the changed rows, likewise.
    pub columns: &'a [String],
    /// The `gs://` URIs of the new and changed rows.
    pub changes: Vec<String>,
    /// The `gs://` URIs of the keys of deleted rows.
    pub deletions: Vec<String>,
}

/// The rows that a job changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergedRows {
    /// Rows that it added.
    pub inserted: u64,
    /// Rows that it changed.
    pub updated: u64,
    /// Rows that it deleted.
    pub deleted: u64,
}

/// A job that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Its rows; `None` if BigQuery does not report them.
    pub rows: Option<MergedRows>,
    /// When it ended, if BigQuery reports it.
    pub ended_at: Option<Timestamp>,
    /// Its running time in milliseconds.
    pub duration_ms: Option<u64>,
}

impl MergeJob<'_> {
    /// The statement. It contains names, and no value.
    fn sql(&self, project: &str) -> String {
        let quoted = |name: &String| format!("`{name}`");
        let list = |names: &[String], of: &dyn Fn(&String) -> String| {
            names.iter().map(of).collect::<Vec<_>>().join(", ")
        };
        let (has_changes, has_deletions) = (!self.changes.is_empty(), !self.deletions.is_empty());
        let mut sources = Vec::new();
        if has_changes {
            let all = list(self.columns, &quoted);
            sources.push(format!("SELECT {all}, FALSE AS {DELETED} FROM changes"));
        }
        if has_deletions {
            // Without changes, nothing says of which types these NULLs are.
            let columns = if has_changes { self.columns } else { self.key };
            let all = list(columns, &|it| match self.key.contains(it) {
                true => quoted(it),
                false => format!("NULL AS `{it}`"),
            });
            sources.push(format!("SELECT {all}, TRUE AS {DELETED} FROM deletions"));
        }
        let on = self.key.iter().map(|it| format!("target.`{it}` = source.`{it}`"));
        let mut sql = format!(
            "MERGE INTO `{project}`.`{}`.`{}` AS target USING ({}) AS source ON {}",
            self.dataset,
            self.table,
            sources.join(" UNION ALL "),
            on.collect::<Vec<_>>().join(" AND "),
        );
        if has_deletions {
            let _ = write!(sql, " WHEN MATCHED AND source.{DELETED} THEN DELETE");
        }
        if has_changes {
            let others: Vec<String> =
                self.columns.iter().filter(|it| !self.key.contains(it)).cloned().collect();
            if !others.is_empty() {
                let set = list(&others, &|it| format!("`{it}` = source.`{it}`"));
                let _ = write!(sql, " WHEN MATCHED THEN UPDATE SET {set}");
            }
            let columns = list(self.columns, &quoted);
            let values = list(self.columns, &|it| format!("source.`{it}`"));
            let _ = write!(
                sql,
                " WHEN NOT MATCHED AND NOT source.{DELETED} THEN INSERT ({columns}) VALUES ({values})"
            );
        }
        sql
    }

    fn query(&self, project: &str) -> Value {
        // The schema of Parquet files cannot be given.
        let table = |uris: &[String]| {
            json!({
                "sourceFormat": "PARQUET",
                "sourceUris": uris,
                "decimalTargetTypes": ["NUMERIC", "BIGNUMERIC", "STRING"],
            })
        };
        let mut definitions = serde_json::Map::new();
        for (name, uris) in [("changes", &self.changes), ("deletions", &self.deletions)] {
            if !uris.is_empty() {
                definitions.insert(name.to_owned(), table(uris));
            }
        }
        json!({
            "query": self.sql(project),
            "useLegacySql": false,
            "tableDefinitions": definitions,
        })
    }
}

impl BigQuery {
    /// The bytes that a job would scan. BigQuery checks the statement and the caller's rights, and charges
    /// nothing. The job's id is not used.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] if the caller may not change the table, or not read a column that the statement reads;
    /// any other BigQuery error.
    pub async fn merge_bytes(&self, job: &MergeJob<'_>) -> Result<u64> {
        let body = json!({
            "jobReference": { "projectId": self.project, "location": self.location },
            "configuration": { "dryRun": true, "query": job.query(&self.project) },
        });
        let what = "the bytes of a merge cannot be estimated";
        let answer = self.post_job(what, job.id, &body).await.map_err(|refusal| refusal.error)?;
        let bytes = answer.pointer("/statistics/totalBytesProcessed").and_then(Value::as_str);
        bytes.and_then(|bytes| bytes.parse().ok()).ok_or_else(|| unknown_form(job.id))
    }

    /// Inserts a job that merges rows. Idempotent: a job with this id is not run again.
    ///
    /// # Errors
    /// Any BigQuery error; see [`ErrorKind`].
    pub async fn insert_merge(&self, job: &MergeJob<'_>) -> Result<Inserted> {
        let query = job.query(&self.project);
        let body = json!({
            "jobReference": {
                "projectId": self.project, "location": self.location, "jobId": job.id.as_str(),
            },
            "configuration": { "query": query },
        });
        match self.post_job("a merge cannot be inserted", job.id, &body).await {
            Ok(_) => Ok(Inserted::New),
            Err(refusal) if refusal.status == 409 => {
                let found = self.read_job_resource(job.id).await?.unwrap_or_default();
                let same = found.pointer("/configuration/query/query") == query.get("query");
                Ok(if same { Inserted::Same } else { Inserted::Other })
            }
            Err(refusal) => Err(refusal.error),
        }
    }

    /// What a job that merges rows has done; `None` if it is not done, or failed. Then no row is changed.
    ///
    /// # Errors
    /// Any BigQuery error; see [`ErrorKind`].
    pub async fn merged(&self, id: &JobId) -> Result<Option<Merged>> {
        let Some(JobState::Done { duration_ms, ended_at, .. }) = self.job(id).await? else {
            return Ok(None);
        };
        let resource = self.read_job_resource(id).await?.unwrap_or_default();
        Ok(Some(Merged { rows: merged_rows(&resource), ended_at, duration_ms }))
    }
}

fn merged_rows(job: &Value) -> Option<MergedRows> {
    let counts = job.pointer("/statistics/query/dmlStats")?;
    // A count of zero may be left out.
    let count = |key: &str| match counts.get(key) {
        None => Some(0),
        Some(count) => count.as_str()?.parse().ok(),
    };
    Some(MergedRows {
        inserted: count("insertedRowCount")?,
        updated: count("updatedRowCount")?,
        deleted: count("deletedRowCount")?,
    })
}

fn unknown_form(id: &JobId) -> Error {
    let what = "BigQuery's answer about a job has an unknown form";
    Error::new(ErrorKind::Rejected, what, id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(changes: bool, deletions: bool, columns: &[&str]) -> String {
        let id = JobId::new("j").expect("an id");
        let columns: Vec<String> = columns.iter().map(|it| (*it).to_owned()).collect();
        let uris = |is_any: bool| if is_any { vec!["gs://b/o".to_owned()] } else { Vec::new() };
        let job = MergeJob {
            id: &id,
            dataset: "d",
            table: "t",
            key: &columns[..1],
            columns: &columns,
            changes: uris(changes),
            deletions: uris(deletions),
        };
        job.sql("p")
    }

    #[test]
    fn of_the_target_only_the_key_is_read() {
        assert_eq!(
            sql(true, true, &["id", "note"]),
            "MERGE INTO `p`.`d`.`t` AS target USING (SELECT `id`, `note`, FALSE AS landbridge_deleted FROM changes UNION ALL SELECT `id`, NULL AS `note`, TRUE AS landbridge_deleted FROM deletions) AS source ON target.`id` = source.`id` WHEN MATCHED AND source.landbridge_deleted THEN DELETE WHEN MATCHED THEN UPDATE SET `note` = source.`note` WHEN NOT MATCHED AND NOT source.landbridge_deleted THEN INSERT (`id`, `note`) VALUES (source.`id`, source.`note`)"
        );
        for sql in [sql(true, false, &["id", "note"]), sql(false, true, &["id", "note"])] {
            assert_eq!(sql.matches("target.").count(), 1, "{sql}");
            assert!(!sql.contains("UNION") && !sql.contains("NULL"), "{sql}");
        }
        assert!(!sql(false, true, &["id", "note"]).contains("note"));
        assert!(!sql(true, false, &["id", "note"]).contains("THEN DELETE"));
        assert!(!sql(true, true, &["id"]).contains("UPDATE"));
    }

    #[test]
    fn the_rows_that_a_job_changed() {
        let job = json!({"statistics": {"query": {"dmlStats": {
            "insertedRowCount": "3", "updatedRowCount": "2",
        }}}});
        let rows = MergedRows { inserted: 3, updated: 2, deleted: 0 };
        assert_eq!(merged_rows(&job), Some(rows));
        for unknown in
            [json!({}), json!({"statistics": {"query": {"dmlStats": {"insertedRowCount": 3}}}})]
        {
            assert_eq!(merged_rows(&unknown), None);
        }
    }
}
