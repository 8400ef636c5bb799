//! `landbridge parquet rewrite`: one Parquet file by a plan, without a cloud.

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

/// Drop, retype, annotate, tokenise columns of a Parquet file; copy all others as bytes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge parquet rewrite people.parquet out.parquet --plan plan.yaml
  landbridge parquet rewrite people.parquet out.parquet --plan plan.yaml --cut 8

A plan names columns; what it does not name is kept:
  columns:
    born: { retype: { to: date } }
    amount: { retype: { to: { numeric: { precision: 12, scale: 2 } } } }
    account: { tokenise: { domain: account } }
    notes: drop

Values that do not fit become NULL and are counted; beyond max_misfit_share (0.001) nothing is
written. All of it: docs/parquet-rewrite.md")]
pub(crate) struct ParquetRewriteArgs {
    /// The file to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// The file to write; with --cut or --part-mib, OUT.parquet becomes OUT-00000.parquet and so on
    pub(crate) out: PathBuf,
    /// What happens to each column
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: PathBuf,
    /// The key of tokens: as a secret holds it (landbridge-token-key-v1:…), or 32 bytes or more;
    /// white space at the end is left out
    #[arg(long, value_name = "FILE")]
    pub(crate) token_key: Option<PathBuf>,
    /// Cut into so many files at most, at row groups, on all cores
    #[arg(long, value_name = "N", value_parser = parts)]
    pub(crate) cut: Option<usize>,
    /// Cut into files of about so many MiB of IN, 16 or more, at row groups, on all cores
    #[arg(long, value_name = "N", conflicts_with = "cut", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) part_mib: Option<u64>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

fn parts(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| "a number from 1 to 10000".to_owned())
}

/// What was written, and what happened to the columns.
#[derive(Serialize)]
struct Done {
    outputs: Vec<PathBuf>,
    seconds: f64,
    #[serde(flatten)]
    report: RewriteReport,
}

/// Runs the command. The rewriting blocks, so it has a thread for it.
pub(crate) async fn rewrite(args: ParquetRewriteArgs) -> Result {
    let output = args.output.format;
    let work = tokio::task::spawn_blocking(move || done(&args));
    let done =
        work.await.map_err(|error| Failure::Failed(format!("the rewrite stopped: {error}")))??;
    match output {
        Output::Json => render::json(&done),
        Output::Text => render::print(&text(&done)),
    }
}

fn done(args: &ParquetRewriteArgs) -> Result<Done> {
    let plan = plan(&args.plan)?;
    let tokens = plan.columns.values().any(|action| matches!(action, Action::Tokenise { .. }));
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
        None if tokens => {
            return Err(Failure::Usage(
                "the plan tokenises columns: name the file of the key with --token-key".to_owned(),
            ));
        }
        None => {}
    }
    let name = args.input.display().to_string();
    let local = LocalFile::open(&args.input)
        .map_err(|error| Failure::Usage(format!("cannot open {name}: {error}")))?;
    let start = Instant::now();
    let how = args.cut.map(Cut::PartCount).or(args.part_mib.map(|mib| Cut::PartBytes(mib << 20)));
    let (outputs, report) = match how {
        None => {
            let mut sink = temporary(&args.out)?;
            let report = rewriter.rewrite(&local, &name, sink.as_file_mut(), None)?;
            keep(sink, &args.out)?;
            (vec![args.out.clone()], report)
        }
        Some(how) => cut_up(args, &rewriter, &local, &name, how)?,
    };
    Ok(Done { outputs, seconds: start.elapsed().as_secs_f64(), report })
}

fn plan(path: &Path) -> Result<RewritePlan> {
    let text = files::read(path, "--plan")?;
    match RewritePlan::from_yaml(&text, &path.display().to_string()) {
        Ok(document) => Ok(document.into_value()),
        Err(faults) => Err(Failure::Usage(faults.to_string())),
    }
}

/// Writes parts on all cores; they get their names when all of them are written.
fn cut_up(
    args: &ParquetRewriteArgs,
    rewriter: &Rewriter,
    local: &LocalFile,
    name: &str,
    how: Cut,
) -> Result<(Vec<PathBuf>, RewriteReport)> {
    let footer = local.footer(name)?;
    let parts = cut_row_groups(&footer, how);
    let outputs: Vec<_> = (0..parts.len()).map(|part| numbered(&args.out, part)).collect();
    let sinks = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let report = rewriter.rewrite_parts(local, name, &parts, threads, |part| {
        let failed = |error| {
            Error::new(
                ErrorKind::Rejected,
                "an output cannot be written",
                outputs[part].display().to_string(),
            )
            .caused_by(error)
        };
        let sink = beside(&outputs[part]).map_err(failed)?;
        let writer = sink.reopen().map_err(failed)?;
        sinks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((part, sink));
        Ok(writer)
    })?;
    for (part, sink) in sinks.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        keep(sink, &outputs[part])?;
    }
    Ok((outputs, report))
}

/// `out.parquet` as `out-00002.parquet`.
fn numbered(out: &Path, part: usize) -> PathBuf {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let ending =
        out.extension().map_or_else(String::new, |it| format!(".{}", it.to_string_lossy()));
    out.with_file_name(format!("{stem}-{part:05}{ending}"))
}

fn folder(out: &Path) -> &Path {
    out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file beside the output, which becomes the output when all is well: a rewrite that stops
/// leaves nothing, and a file can be rewritten onto itself.
fn temporary(out: &Path) -> Result<NamedTempFile> {
    beside(out)
        .map_err(|error| Failure::Failed(format!("cannot write beside {}: {error}", out.display())))
}

fn beside(out: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    // Temporary files are closed to others as a rule; an output is as open as any new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder(out))
}

fn keep(sink: NamedTempFile, out: &Path) -> Result {
    let failed =
        |error: std::io::Error| Failure::Failed(format!("cannot write {}: {error}", out.display()));
    sink.persist(out).map(drop).map_err(|error| failed(error.error))
}

fn text(done: &Done) -> String {
    let report = &done.report;
    let rows = report
        .columns
        .iter()
        .map(|column| {
            let misfits: Vec<_> = column
                .misfits
                .iter()
                .map(|(reason, count)| format!("{} × {reason}", grouped(*count)))
                .collect();
            let action = if column.kept_text {
                format!("{}, stays text", column.action)
            } else {
                column.action.into()
            };
            let bound = |bound: Option<_>| {
                bound.map_or_else(String::new, |it: landbridge_core::rewrite::Bound| it.to_string())
            };
            vec![
                column.name.clone(),
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
        left("did not fit"),
    ];
    let outputs = done.outputs.len();
    format!(
        "{}\n{} rows, {} copied, {} decoded, {} written to {} in {:.2} s",
        render::table(&columns, rows, 0),
        grouped(report.rows),
        bytes(report.bytes_copied),
        bytes(report.bytes_decoded),
        bytes(report.bytes_written),
        counted(outputs, "file"),
        done.seconds,
    )
}
