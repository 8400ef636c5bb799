//! `landbridge parquet rewrite`: rewrites one local Parquet file as a plan says.

use clap::{Args, Subcommand};
use landbridge_cli_support::args::{Output, OutputArgs};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use landbridge_core::rewrite::{Action, RewritePlan};
use landbridge_core::{Error, ErrorKind};
use landbridge_parquet::rewrite::{
    Cut, LocalFile, RewriteReport, Rewriter, TOKEN_KEY_PREFIX, TokenKey, cut_row_groups,
};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};
use crate::files;
use crate::render::{self, bytes, counted, grouped, left, right};

#[derive(Debug, Subcommand)]
pub(crate) enum ParquetCommand {
    Rewrite(ParquetRewriteArgs),
}

/// Drop, retype, annotate or tokenise columns of a Parquet file; copy all others as bytes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge parquet rewrite people.parquet out.parquet --plan plan.yaml
  landbridge parquet rewrite people.parquet out.parquet --plan plan.yaml --cut 8

A plan names columns; columns that it does not name are kept:
  columns:
    born: { retype: { to: date } }
    amount: { retype: { to: { numeric: { precision: 12, scale: 2 } } } }
    account: { tokenise: { domain: account } }
    notes: drop

Values that cannot be read as the new type become NULL and are counted. If their share exceeds
max_misfit_share (0.001), no file is written. Details: docs/parquet-rewrite.md")]
pub(crate) struct ParquetRewriteArgs {
    /// The file to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// The file to write; with --cut or --part-mib, OUT.parquet becomes OUT-00000.parquet and so on
    pub(crate) out: PathBuf,
    /// The plan: what to do with each column
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: PathBuf,
    /// The token key: the value of the secret (landbridge-token-key-v1:…), or at least 32 bytes;
    /// trailing white space is ignored
    #[arg(long, value_name = "FILE")]
    pub(crate) token_key: Option<PathBuf>,
    /// Split into at most N files, at row groups, using all cores
    #[arg(long, value_name = "N", value_parser = parse_part_count)]
    pub(crate) cut: Option<usize>,
    /// Split into files of about N MiB of IN, 16 or more, at row groups, using all cores
    #[arg(long, value_name = "N", conflicts_with = "cut", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) part_mib: Option<u64>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

fn parse_part_count(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| "must be a number from 1 to 10000".to_owned())
}

/// The result; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct RewriteResult {
    outputs: Vec<PathBuf>,
    seconds: f64,
    #[serde(flatten)]
    report: RewriteReport,
}

/// Runs the command. The rewrite blocks, so it runs on a thread for blocking work.
pub(crate) async fn rewrite(args: ParquetRewriteArgs) -> Result {
    let output = args.output.format;
    let task = tokio::task::spawn_blocking(move || rewrite_file(&args));
    let result =
        task.await.map_err(|error| Failure::Failed(format!("the rewrite stopped: {error}")))??;
    match output {
        Output::Json => render::json(&result),
        Output::Text => render::print(&text(&result)),
    }
}

fn rewrite_file(args: &ParquetRewriteArgs) -> Result<RewriteResult> {
    let plan = read_plan(&args.plan)?;
    let needs_key = plan.columns.values().any(|action| matches!(action, Action::Tokenise { .. }));
    let mut rewriter = Rewriter::new(plan)?;
    match &args.token_key {
        Some(path) => {
            let secret = std::fs::read(path).map_err(|error| {
                Failure::Usage(format!("cannot read {}: {error}", path.display()))
            })?;
            let secret = secret.trim_ascii_end();
            let key = if secret.starts_with(TOKEN_KEY_PREFIX.as_bytes()) {
                TokenKey::parse(secret, &path.display().to_string())?
            } else {
                TokenKey::new(secret)?
            };
            rewriter = rewriter.with_key(key);
        }
        None if needs_key => {
            return Err(Failure::Usage(
                "the plan tokenises columns: give the file of the token key with --token-key"
                    .to_owned(),
            ));
        }
        None => {}
    }
    let name = args.input.display().to_string();
    let local = LocalFile::open(&args.input)
        .map_err(|error| Failure::Usage(format!("cannot open {name}: {error}")))?;
    let start = Instant::now();
    let cut = args.cut.map(Cut::PartCount).or(args.part_mib.map(|mib| Cut::PartBytes(mib << 20)));
    let (outputs, report) = match cut {
        None => {
            let mut sink = temporary_output(&args.out)?;
            let report = rewriter.rewrite(&local, &name, sink.as_file_mut(), None)?;
            persist(sink, &args.out)?;
            (vec![args.out.clone()], report)
        }
        Some(cut) => write_parts(args, &rewriter, &local, &name, cut)?,
    };
    Ok(RewriteResult { outputs, seconds: start.elapsed().as_secs_f64(), report })
}

fn read_plan(path: &Path) -> Result<RewritePlan> {
    let text = files::read(path, "--plan")?;
    match RewritePlan::from_yaml(&text, &path.display().to_string()) {
        Ok(document) => Ok(document.into_value()),
        Err(faults) => Err(Failure::Usage(faults.to_string())),
    }
}

/// Writes the parts on all cores. They get their final names when all of them are complete.
fn write_parts(
    args: &ParquetRewriteArgs,
    rewriter: &Rewriter,
    local: &LocalFile,
    name: &str,
    cut: Cut,
) -> Result<(Vec<PathBuf>, RewriteReport)> {
    let footer = local.footer(name)?;
    let parts = cut_row_groups(&footer, cut);
    let outputs: Vec<_> = (0..parts.len()).map(|part| part_path(&args.out, part)).collect();
    let sinks = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let report = rewriter.rewrite_parts(local, name, &parts, threads, |part| {
        let failed = |error| {
            Error::new(
                ErrorKind::Rejected,
                "cannot write an output file",
                outputs[part].display().to_string(),
            )
            .caused_by(error)
        };
        let sink = temporary_file_for(&outputs[part]).map_err(failed)?;
        let writer = sink.reopen().map_err(failed)?;
        sinks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((part, sink));
        Ok(writer)
    })?;
    for (part, sink) in sinks.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        persist(sink, &outputs[part])?;
    }
    Ok((outputs, report))
}

/// The path of a part: `out-00002.parquet` for `out.parquet`.
fn part_path(out: &Path, part: usize) -> PathBuf {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let ending =
        out.extension().map_or_else(String::new, |it| format!(".{}", it.to_string_lossy()));
    out.with_file_name(format!("{stem}-{part:05}{ending}"))
}

fn directory_of(out: &Path) -> &Path {
    out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file in the output's directory, which is renamed to the output on success. So a failed
/// rewrite leaves no file, and a file can be rewritten onto itself.
fn temporary_output(out: &Path) -> Result<NamedTempFile> {
    temporary_file_for(out).map_err(|error| {
        Failure::Failed(format!("cannot write to the directory of {}: {error}", out.display()))
    })
}

fn temporary_file_for(out: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; the output gets the usual permissions of a new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory_of(out))
}

fn persist(sink: NamedTempFile, out: &Path) -> Result {
    let failed =
        |error: std::io::Error| Failure::Failed(format!("cannot write {}: {error}", out.display()));
    sink.persist(out).map(drop).map_err(|error| failed(error.error))
}

fn text(result: &RewriteResult) -> String {
    let report = &result.report;
    let rows = report
        .columns
        .iter()
        .map(|column| {
            let mut misfits: Vec<_> = column
                .misfits
                .iter()
                .map(|(reason, count)| format!("{} × {reason}", grouped(*count)))
                .collect();
            if column.dropped_nulls > 0 {
                misfits
                    .push(format!("{} × NULL left out of arrays", grouped(column.dropped_nulls)));
            }
            let action = if column.kept_text {
                format!("{}, stays text", column.action)
            } else {
                column.action.into()
            };
            let bound = |bound: Option<_>| {
                bound.map_or_else(String::new, |it: landbridge_core::rewrite::Bound| it.to_string())
            };
            let name = match &column.renamed_to {
                Some(new) => format!("{} → {new}", column.name),
                None => column.name.clone(),
            };
            vec![
                name,
                action,
                column.nulls.map_or_else(|| "?".to_owned(), grouped),
                bound(column.min),
                bound(column.max),
                misfits.join(", "),
            ]
        })
        .collect();
    let columns = [
        left("column"),
        left("action"),
        right("nulls"),
        right("min"),
        right("max"),
        left("misfits"),
    ];
    let outputs = result.outputs.len();
    format!(
        "{}\n{} rows, {} copied, {} decoded, {} written to {} in {:.2} s",
        render::table(&columns, rows, 0),
        grouped(report.rows),
        bytes(report.bytes_copied),
        bytes(report.bytes_decoded),
        bytes(report.bytes_written),
        counted(outputs, "file"),
        result.seconds,
    )
}
