//! `landbridge probe`: shows on real accounts what Landbridge assumes of the clouds.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the commands, the question, exit codes |
//! | `federation` | the provider and the AWS credentials that are given |
//! | `show` | the report as text |

mod federation;
mod show;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, Subcommand};
use landbridge_cli_support::args::{DatabaseArgs, Output};
use landbridge_gcp::raw::Raw;
use landbridge_probe::google::{self, Options};
use landbridge_probe::{Report, aws};

use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::render::counted;
use crate::restore::confirm;
use crate::{files, render};

#[derive(Debug, Subcommand)]
pub(crate) enum ProbeCommand {
    Google(GoogleArgs),
    Aws(AwsArgs),
    Clean(CleanArgs),
}

/// Where the Google side works.
#[derive(Debug, Args)]
struct PlaceArgs {
    /// The configuration, for project, location and bucket [default: $LANDBRIDGE_CONFIG, else landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    one: DatabaseArgs,
    /// Another project than `warehouse.project`
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// Another location than `warehouse.location`
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// Another bucket than `transfer.bucket`, in the same location; objects get the prefix landbridge-probe/
    #[arg(long, value_name = "BUCKET")]
    bucket: Option<String>,
}

/// Show what Google Cloud does with a scratch dataset, taxonomy and prefix, with generated rows only
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge probe google --plan
  landbridge probe google --project my-sandbox --location asia-northeast3 --bucket my-sandbox-files
  landbridge probe google --masked-reader masked@my-sandbox.iam.gserviceaccount.com \\
    --plain-reader plain@my-sandbox.iam.gserviceaccount.com
  landbridge probe google --claim load-zero-rows --yes --output json
  landbridge probe google --federation credentials.json --admitted-role probe-admitted \\
    --admitted <(aws configure export-credentials --profile probe-admitted) \\
    --other <(aws configure export-credentials --profile me)

Each claim is one of docs/claims.md: holds, does not hold, or not tested with the reason. The report
contains no name of yours and no value. Everything that the command creates is deleted at its end,
after Ctrl-C as well; `landbridge probe clean` deletes what a crash left.

The exit code is 1 if a claim does not hold, and 4 if a claim could not be tested because a call
failed, or something could not be deleted.")]
pub(crate) struct GoogleArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// A service account that you may impersonate and that may create jobs: it becomes a masked reader
    #[arg(long, value_name = "ACCOUNT")]
    masked_reader: Option<String>,
    /// The same for a plain reader
    #[arg(long, value_name = "ACCOUNT")]
    plain_reader: Option<String>,
    #[command(flatten)]
    federation: federation::FederationArgs,
    /// Probe only this claim; can be repeated
    #[arg(long = "claim", value_name = "ID")]
    claims: Vec<String>,
    /// How long to wait for a change of a policy to take effect
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    patience: u64,
    /// Show what would be created and what it costs, and stop
    #[arg(long)]
    plan: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Show what RDS and S3 do: reads only, unless --write is given
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge probe aws --plan
  landbridge probe aws
  landbridge probe aws --export exports/shop-20261121
  landbridge probe aws --write --output json

Of an export, names, sizes, manifests and Parquet footers are read, and no row. With --write, objects of a
few bytes are written below landbridge-probe/ in the bucket and deleted again. The report contains no name
of yours. The exit codes are the same as for `landbridge probe google`.")]
pub(crate) struct AwsArgs {
    /// The configuration, for region, bucket and source [default: $LANDBRIDGE_CONFIG, else landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    one: DatabaseArgs,
    /// The key prefix of a finished export, with its id
    #[arg(long, value_name = "PREFIX")]
    export: Option<String>,
    /// Also probe conditional writes, with objects of a few bytes below landbridge-probe/
    #[arg(long)]
    write: bool,
    /// Show what would be done and what it costs, and stop
    #[arg(long)]
    plan: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Delete what a crashed run left, found by its marker
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge probe clean
  landbridge probe clean --project my-sandbox --location asia-northeast3 --bucket my-sandbox-files --yes
  landbridge probe clean --aws

Also deletes what a run that is still working needs; then its claims are not tested.")]
pub(crate) struct CleanArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Clean the export bucket of AWS instead of Google Cloud
    #[arg(long, conflicts_with_all = ["project", "location", "bucket"])]
    aws: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Runs a command. It ends at Ctrl-C by itself, because it cleans up first.
pub(crate) async fn run(command: ProbeCommand) -> Result {
    match command {
        ProbeCommand::Google(args) => google(args).await,
        ProbeCommand::Aws(args) => aws(args).await,
        ProbeCommand::Clean(args) => clean(args).await,
    }
}

fn options(place: PlaceArgs) -> Result<Options> {
    let PlaceArgs { config, one, project, location, bucket } = place;
    let (project, location, bucket) = match (project, location, bucket) {
        (Some(project), Some(location), Some(bucket)) => (project, location, bucket),
        (project, location, bucket) => {
            let config = files::config(&files::config_path(config.as_deref()), &one)?;
            (
                project.unwrap_or(config.warehouse.project),
                location.unwrap_or(config.warehouse.location),
                bucket.unwrap_or(config.transfer.bucket),
            )
        }
    };
    Ok(Options {
        project,
        location,
        bucket,
        masked_reader: None,
        plain_reader: None,
        federation: None,
        patience: Duration::ZERO,
        claims: Vec::new(),
    })
}

async fn google(args: GoogleArgs) -> Result {
    let options = Options {
        masked_reader: args.masked_reader,
        plain_reader: args.plain_reader,
        federation: args.federation.read()?,
        patience: Duration::from_secs(args.patience),
        claims: args.claims,
        ..options(args.place)?
    };
    if let Some(claim) = options.claims.iter().find(|it| !google::claims().contains(&it.as_str())) {
        return Err(Failure::Usage(format!(
            "no probe covers the claim `{claim}`; docs/claims.md says which claims `landbridge probe google` covers"
        )));
    }
    let plan = show::plan(&options);
    if args.plan {
        return render::print(&plan);
    }
    eprint!("{plan}");
    confirm("Create these, probe, and delete them?", args.yes)?;
    let (stopped, interrupt) = interrupt();
    let shows_progress = std::io::stderr().is_terminal();
    let progress = |done: usize, all: usize| {
        if shows_progress {
            eprint!("\r{done} of {all} claims ");
            let _ = std::io::stderr().flush();
        }
    };
    let api = Raw::from_env(&options.project)?;
    let report = google::run(api, options, Clock::from_env()?.now(), interrupt, progress).await?;
    if shows_progress {
        eprintln!();
    }
    finish(&report, args.output, &stopped)
}

async fn aws(args: AwsArgs) -> Result {
    let config = files::config(&files::config_path(args.config.as_deref()), &args.one)?;
    let options = aws::Options {
        bucket: config.export.bucket.clone(),
        source: config.source.id.clone(),
        export: args.export,
        region: config.source.region.clone(),
        export_role: config.export.role_arn.clone(),
        export_key: config.export.kms_key.clone(),
        export_prefix: config.export.prefix.trim_matches('/').to_owned(),
        source_name: config.source.name.clone(),
        signing_key: config.proof.as_ref().and_then(|proof| proof.sign.clone()),
        writes: args.write,
    };
    let plan = show::aws_plan(&options);
    if args.plan {
        return render::print(&plan);
    }
    eprint!("{plan}");
    if args.write {
        confirm("Write these objects, probe, and delete them?", args.yes)?;
    }
    let (stopped, interrupt) = interrupt();
    let clients = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let report = aws::run(&clients, &options, Clock::from_env()?.now(), interrupt).await?;
    finish(&report, args.output, &stopped)
}

/// Prints a report, and says how the command ends.
fn finish(report: &Report, output: Output, stopped: &AtomicBool) -> Result {
    match output {
        Output::Json => render::json(report)?,
        Output::Text => render::print(&show::report(report))?,
    }
    match stopped.load(Ordering::Relaxed) {
        true if report.cleaned_up => Err(Failure::Interrupted),
        _ => outcome(report),
    }
}

/// Ends when the person or the system asks the command to stop, and says so.
fn interrupt() -> (Arc<AtomicBool>, impl Future<Output = ()>) {
    let stopped = Arc::new(AtomicBool::new(false));
    let seen = stopped.clone();
    let interrupt = async move {
        let terminated = async {
            #[cfg(unix)]
            if let Ok(mut signal) =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            {
                signal.recv().await;
                return;
            }
            std::future::pending().await
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminated => {}
        }
        seen.store(true, Ordering::Relaxed);
        eprintln!("\ninterrupted: deleting what was created");
    };
    (stopped, interrupt)
}

/// The exit code of a report.
fn outcome(report: &Report) -> Result {
    let contradicted = report.contradicted();
    if !contradicted.is_empty() {
        return Err(Failure::Failed(format!(
            "{} not hold: {}; docs/claims.md names the code that rests on each",
            counted(contradicted.len(), "claim")
                + if contradicted.len() == 1 { " does" } else { " do" },
            contradicted.join(", ")
        )));
    }
    if !report.cleaned_up {
        return Err(Failure::Partly(
            "scratch resources may be left; run `landbridge probe clean`".to_owned(),
        ));
    }
    match report.failed() {
        0 => Ok(()),
        failed => Err(Failure::Partly(format!(
            "{} could not be tested because a call failed; the report says which",
            counted(failed, "claim")
        ))),
    }
}

async fn clean(args: CleanArgs) -> Result {
    if args.aws {
        return clean_aws(args).await;
    }
    let options = options(args.place)?;
    let api = Raw::from_env(&options.project)?;
    let found = google::find_leftovers(api.clone(), options.clone()).await?;
    if found.is_empty() {
        return render::print(
            "nothing to delete: no run of `landbridge probe google` left anything",
        );
    }
    eprintln!("runs of `landbridge probe google` left: {}", found.shape().as_str());
    confirm("Delete them?", args.yes)?;
    google::delete_leftovers(api.clone(), options.clone(), &found).await?;
    match google::find_leftovers(api, options).await?.is_empty() {
        true => render::print(&format!("deleted: {}", found.shape().as_str())),
        false => {
            Err(Failure::Partly("something is left; run `landbridge probe clean` again".to_owned()))
        }
    }
}

async fn clean_aws(args: CleanArgs) -> Result {
    let config = files::config(&files::config_path(args.place.config.as_deref()), &args.place.one)?;
    let bucket = &config.export.bucket;
    let s3 = crate::aws::clients(&config.source.region, config.source.kind).await?.s3;
    let found = aws::find_leftovers(&s3, bucket).await?;
    if found.is_empty() {
        return render::print("nothing to delete: no run of `landbridge probe aws` left anything");
    }
    let objects = counted(found.len(), "object");
    eprintln!("runs of `landbridge probe aws` left {objects} in {bucket}");
    confirm("Delete them?", args.yes)?;
    aws::delete_leftovers(&s3, bucket, &found).await?;
    render::print(&format!("deleted {objects}"))
}
