//! `landbridge ledger remove-bounds`: removes the smallest and largest values of columns from what
//! earlier versions or earlier contracts have written down.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command, and the commands for what it may not do |
//! | [`strip`] | removes bounds from one record |
//! | [`sweep`] | all records in S3, and their older versions |

mod progress;
mod strip;
mod sweep;

use clap::{Args, Subcommand};
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs};
use landbridge_core::ErrorKind;
use landbridge_core::config::Config;
use landbridge_core::contract::Contract;
use landbridge_ledger::Ledger;
use landbridge_ledger::records::{DRILLS, below};
use serde::Serialize;
use std::fmt::Write;

use self::progress::Progress;
use self::sweep::{CurrentRecords, OlderVersions, Sweep};
use crate::failure::{Failure, Result};
use crate::render::{self, grouped};

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    RemoveBounds(RemoveBoundsArgs),
}

/// Remove recorded smallest and largest values that the contract does not allow
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge ledger remove-bounds
  landbridge ledger remove-bounds --yes
  landbridge ledger remove-bounds --yes --output json

Without --yes, the command only counts. It rewrites item records, receipts and batches in the ledger,
and deletes their older versions. It prints the statement and the command for the copies on Google
Cloud and changes nothing there. It can be repeated, and continues after an interruption.

Needs more rights than the operator's role has: see docs/ledger.md, \"Removing bounds\".")]
pub(crate) struct RemoveBoundsArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Remove them; without this option, nothing is changed
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// The result; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct Report {
    /// The place of the source's ledger.
    ledger: String,
    /// Whether records were to be changed.
    changed: bool,
    records: CurrentRecords,
    /// `None` if this caller may not read them.
    older_versions: Option<OlderVersions>,
    /// The statement that removes bounds from the receipts in BigQuery.
    sql: String,
    /// The command that deletes the files from which these receipts were loaded.
    gcloud: String,
}

/// Runs the command.
pub(crate) async fn remove_bounds(args: RemoveBoundsArgs) -> Result {
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    let s3 = crate::aws::clients(&config.source.region, config.source.kind).await?.s3;
    // The first access checks that this version can read the ledger.
    let ledger = Ledger::for_operator(s3.clone(), &config);
    let format = ledger.source().names(DRILLS).await;
    let bucket = config.export.bucket.as_str();
    let root = format!("{}/", below(&config.ledger.prefix, &config.source.name));
    let sweep = Sweep { s3: &s3, bucket, root, contract: &contract, act: args.yes };
    format.map_err(|error| with_rights(error, &sweep))?;
    let progress = Progress::new();
    let records = sweep.current(&progress).await.map_err(|error| with_rights(error, &sweep))?;
    // After the current records: each record that was rewritten has an older version now.
    let older = sweep.older(&progress).await;
    drop(progress);
    let (older_versions, refused) = match older {
        Ok(older) => (Some(older), None),
        Err(error) if error.kind() == ErrorKind::Denied => (None, Some(with_rights(error, &sweep))),
        Err(error) => return Err(error.into()),
    };
    let report = Report {
        ledger: format!("s3://{bucket}/{}", sweep.root),
        changed: args.yes,
        records,
        older_versions,
        sql: sql(&config, &contract),
        gcloud: gcloud(&config),
    };
    match args.output.format {
        Output::Json => render::json(&report)?,
        Output::Text => render::print(&report.text())?,
    }
    refused.or_else(|| report.incomplete()).map_or(Ok(()), Err)
}

/// A refusal, with the rights that the command needs.
fn with_rights(error: landbridge_core::Error, sweep: &Sweep<'_>) -> Failure {
    if error.kind() != ErrorKind::Denied {
        return error.into();
    }
    Failure::Refused(format!(
        "{error} — run the command with a role that may call s3:ListBucket and s3:ListBucketVersions on \
         {bucket}, and s3:GetObject, s3:GetObjectVersion, s3:PutObject and \
         s3:DeleteObjectVersion on {bucket}/{root}*; the operator's role may not",
        bucket = sweep.bucket,
        root = sweep.root
    ))
}

impl Report {
    fn text(&self) -> String {
        let CurrentRecords { read, with_bounds, rewritten, columns, unreadable } = &self.records;
        let number = |number: &usize| grouped(*number as u64);
        let mut text = format!("{}\n", self.ledger);
        // Writing to a String cannot fail.
        let _ = write!(text, "  records         {} read, ", number(read));
        let _ =
            writeln!(text, "{} with bounds, {} rewritten", number(with_bounds), number(rewritten));
        match &self.older_versions {
            None => text.push_str("  older versions  not read: access denied\n"),
            Some(OlderVersions { read, with_bounds, deleted, delete_markers, .. }) => {
                let _ = write!(text, "  older versions  {} read, ", number(read));
                let _ = write!(text, "{} with bounds, ", number(with_bounds));
                let _ = write!(text, "{} deleted, ", number(deleted));
                let _ = writeln!(text, "{} delete markers deleted", number(delete_markers));
            }
        }
        if !columns.is_empty() {
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let _ = writeln!(text, "  columns         {}", columns.join(", "));
        }
        for key in unreadable {
            let _ = writeln!(text, "  not a record    {key}");
        }
        for command in self.older_versions.iter().flat_map(|older| &older.commands) {
            let _ = writeln!(text, "{command}");
        }
        let _ = write!(
            text,
            "\nThis command changes nothing on Google Cloud. Run there, with rights to do so:\n\n{}\n\n{}\n",
            self.sql, self.gcloud
        );
        if !self.changed {
            text.push_str(
                "\nNothing was changed: add --yes to remove the bounds from the ledger.\n",
            );
        }
        text
    }

    /// What this run could not do.
    fn incomplete(&self) -> Option<Failure> {
        let commands = self.older_versions.as_ref().map_or(0, |older| older.commands.len());
        let unreadable = self.records.unreadable.len();
        if commands > 0 {
            return Some(Failure::Partly(format!(
                "{commands} older versions may not be deleted by this role; somebody with s3:DeleteObjectVersion must run the printed commands, or this command"
            )));
        }
        (unreadable > 0).then(|| {
            Failure::Partly(format!(
                "{unreadable} records could not be read and may contain bounds; delete the objects if you do not need them"
            ))
        })
    }
}

/// The statement that removes bounds from `landbridge_ops.receipts`, except those that the contract
/// allows.
fn sql(config: &Config, contract: &Contract) -> String {
    let allowed: Vec<String> = contract
        .tables
        .iter()
        .flat_map(|(name, table)| {
            let columns = table.columns.iter().filter(|(_, column)| column.allows_bounds());
            columns.map(move |(column, _)| literal(&format!("{name}.{column}")))
        })
        .collect();
    let without = "JSON_REMOVE(item, '$.min', '$.max')";
    let item = match allowed.as_slice() {
        [] => without.to_owned(),
        allowed => format!(
            "IF(CONCAT(source_table, '.', JSON_VALUE(item, '$.name')) IN ({}), item, {without})",
            allowed.join(", ")
        ),
    };
    let warehouse = &config.warehouse;
    format!(
        "UPDATE `{}.{}.receipts`\n\
         SET columns = (\n\
         \x20 SELECT CONCAT('[', STRING_AGG(TO_JSON_STRING({item}), ',' ORDER BY position), ']')\n\
         \x20 FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(columns))) AS item WITH OFFSET AS position)\n\
         WHERE source = {} AND REGEXP_CONTAINS(columns, r'\"(min|max)\":');",
        warehouse.project,
        warehouse.ops_dataset,
        literal(&config.source.name)
    )
}

/// The command that deletes the files from which receipts were loaded.
fn gcloud(config: &Config) -> String {
    let transfer = &config.transfer;
    let folder = below(&transfer.prefix, &config.source.name);
    format!("gcloud storage rm 'gs://{}/{folder}/*/receipts/*.json'", transfer.bucket)
}

/// A GoogleSQL string literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
