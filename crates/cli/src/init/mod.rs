//! `landbridge init`: writes a first `landbridge.yaml` and a `main.tf` that deploys it.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command: read the account, ask, write |
//! | `answers` | the questions, and where each answer comes from |
//! | `modules` | where Terraform modules and packages come from: a checkout or a release |
//! | `terminal` | asks questions at a terminal |
//! | `write` | the texts of the files, and which files are never overwritten |

mod answers;
mod modules;
mod terminal;
mod write;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use landbridge_aws::Aws;
use landbridge_aws::rds::SourceCandidate;
use landbridge_core::config::SourceKind;
use serde::Serialize;

use self::modules::Origin;
use crate::failure::Result;
use crate::paint::Paint;
use crate::render;
use crate::source_advice::{CADENCE_ADVICE, not_exportable, suspension};
use landbridge_cli_support::args::Output;

/// Write a first landbridge.yaml and a main.tf that deploys it, from answers and the AWS account
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge init
  landbridge init --region ap-northeast-2 --project shop-analytics
  landbridge init --dir deploy --region us-east-1 --source orders-prod --kind instance \\
    --account 123456789012 --project shop-analytics --zone America/New_York --no-look
  landbridge init --dir deploy --modules ~/landbridge/terraform/modules

The command lists the databases in the AWS account of the environment's credentials and asks for
what is still missing; without a terminal, give it as options. If a file already exists, the command
stops unless you give --force; contract.yaml is never overwritten.")]
pub(crate) struct InitArgs {
    /// The directory to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The AWS region of the database [default: $AWS_REGION, $AWS_DEFAULT_REGION]
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The DB instance or cluster in RDS [default: the only one in the account]
    #[arg(long, value_name = "ID")]
    pub(crate) source: Option<String>,
    /// Whether it is an instance or a cluster [default: what RDS reports]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindArg>,
    /// The AWS account, 12 digits [default: the database's]
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// A short name, part of every resource's name [default: from the database's id]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The Google Cloud project's id
    #[arg(long)]
    pub(crate) project: Option<String>,
    /// The location of the datasets [default: nearest to the region]
    #[arg(long)]
    pub(crate) location: Option<String>,
    /// The dataset of the tables [default: the name]
    #[arg(long)]
    pub(crate) dataset: Option<String>,
    /// The time zone of days and schedules [default: that of the region]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// The S3 bucket to create [default: NAME-exports-ACCOUNT]
    #[arg(long, value_name = "BUCKET")]
    pub(crate) export_bucket: Option<String>,
    /// The Cloud Storage bucket to create [default: PROJECT-NAME-landing]
    #[arg(long, value_name = "BUCKET")]
    pub(crate) landing_bucket: Option<String>,
    /// A reader of masked personal data: group:analysts@example.com; can be repeated
    #[arg(long, value_name = "MEMBER")]
    pub(crate) masked_reader: Vec<String>,
    /// A reader of unmasked personal data; can be repeated
    #[arg(long, value_name = "MEMBER")]
    pub(crate) reader: Vec<String>,
    /// The source of the Terraform modules: terraform/modules of a checkout, or an address
    /// [default: the checkout around DIR, else the release of this program]
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) modules: Option<String>,
    /// Do not read the AWS account
    #[arg(long)]
    pub(crate) no_look: bool,
    /// Overwrite landbridge.yaml and main.tf
    #[arg(long)]
    pub(crate) force: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// The kind of a source, as an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// A DB instance
    Instance,
    /// An Aurora (or Multi-AZ) cluster
    Cluster,
}

impl From<KindArg> for SourceKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Instance => Self::Instance,
            KindArg::Cluster => Self::Cluster,
        }
    }
}

/// The result; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct InitResult {
    source: String,
    region: String,
    account: String,
    written: Vec<String>,
    kept: Vec<String>,
    /// What the operator should know about the database.
    notes: Vec<String>,
    next: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(args: InitArgs) -> Result {
    write::check_overwrite(&args.dir, args.force)?;
    let origin = Origin::find(&args.dir, args.modules.as_deref(), modules::RELEASE)?;
    let mut terminal = (std::io::stdin().is_terminal() && std::io::stderr().is_terminal())
        .then(terminal::Terminal::stdio);
    let region = answers::region(&args, terminal.as_mut())?;
    let found = if args.no_look { Vec::new() } else { databases_in_account(&region).await };
    let answers = answers::collect(&args, region, &found, terminal.as_mut())?;
    let chosen = found.iter().find(|it| it.kind == answers.kind && it.id == answers.source);
    let files = write::files(&answers, &origin)?;
    let (written, kept) = write::write(&args.dir, files)?;
    let next = write::next_steps(&args.dir, &origin, !kept.is_empty());
    let result = InitResult {
        source: answers.source.clone(),
        region: answers.region.clone(),
        account: answers.account.clone(),
        written,
        kept,
        notes: chosen.map(notes).unwrap_or_default(),
        next,
    };
    match args.output {
        Output::Json => render::json(&result),
        Output::Text => {
            for file in &result.written {
                render::print(&format!("wrote {file}"))?;
            }
            for file in &result.kept {
                render::print(&format!("kept {file}"))?;
            }
            for note in &result.notes {
                render::print(&format!("{} {note}", Paint::stdout().yellow("note")))?;
            }
            render::print("\nNext:")?;
            result.next.iter().try_for_each(|step| render::print(&format!("  {step}")))
        }
    }
}

/// What the operator should know about the database before it becomes a source.
fn notes(source: &SourceCandidate) -> Vec<String> {
    let suspended =
        suspension(source).map(|found| format!("{found}. To avoid that, {CADENCE_ADVICE}"));
    let magnetic =
        not_exportable(source).map(|(found, command)| format!("{found}. First: {command}"));
    suspended.into_iter().chain(magnetic).collect()
}

/// The databases of the account. If RDS cannot be read, the command says so and asks instead.
async fn databases_in_account(region: &str) -> Vec<SourceCandidate> {
    let aws = Aws::from_env(region, SourceKind::Instance).await;
    match aws.rds.source_candidates().await {
        Ok(found) => found,
        Err(error) => {
            eprintln!("note: cannot list the databases of the AWS account: {error}");
            Vec::new()
        }
    }
}
