//! `landbridge init`: a first `landbridge.yaml` and a `main.tf` that deploys it.
//!
//! | module | what it holds |
//! |---|---|
//! | here | the command: look, ask, write |
//! | `answers` | what is asked, where each answer comes from |
//! | `terminal` | questions at a terminal |
//! | `write` | the files' texts, and what is never overwritten |

mod answers;
mod terminal;
mod write;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use landbridge_aws::Aws;
use landbridge_aws::rds::SourceCandidate;
use landbridge_core::config::SourceKind;
use serde::Serialize;

use crate::failure::Result;
use crate::render;
use landbridge_cli_support::args::Output;

/// Write a first landbridge.yaml and a main.tf that deploys it, from answers and the AWS account
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge init
  landbridge init --region ap-northeast-2 --project shop-analytics
  landbridge init --dir deploy --region us-east-1 --source orders-prod --kind instance \\
    --account 123456789012 --project shop-analytics --zone America/New_York --no-look

The account that the environment's AWS credentials are of is looked at, for databases and their
account. What is then still open is asked, if this is a terminal; otherwise it must be said by options.
Files that exist are kept, unless --force is given; contract.yaml is kept even then.")]
pub(crate) struct InitArgs {
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The AWS region of the database [default: $AWS_REGION, $AWS_DEFAULT_REGION]
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The DB instance or cluster in RDS [default: the only one]
    #[arg(long, value_name = "ID")]
    pub(crate) source: Option<String>,
    /// Whether it is an instance or a cluster [default: what RDS says]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindArg>,
    /// The AWS account, 12 digits [default: the database's]
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// A short name from which everything is named [default: made from the database's id]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The Google Cloud project's id
    #[arg(long)]
    pub(crate) project: Option<String>,
    /// The location of the datasets [default: the one nearest to the region]
    #[arg(long)]
    pub(crate) location: Option<String>,
    /// The dataset of the tables [default: the name]
    #[arg(long)]
    pub(crate) dataset: Option<String>,
    /// The time zone in which a day is a day [default: that of the region]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// The S3 bucket to be made [default: NAME-exports-ACCOUNT]
    #[arg(long, value_name = "BUCKET")]
    pub(crate) export_bucket: Option<String>,
    /// The Cloud Storage bucket to be made [default: PROJECT-NAME-landing]
    #[arg(long, value_name = "BUCKET")]
    pub(crate) landing_bucket: Option<String>,
    /// Who sees personal data masked: group:analysts@example.com; may be repeated
    #[arg(long, value_name = "MEMBER")]
    pub(crate) masked_reader: Vec<String>,
    /// Who sees personal data plain; may be repeated
    #[arg(long, value_name = "MEMBER")]
    pub(crate) reader: Vec<String>,
    /// Where Terraform finds the modules [default: this repository's, else GitHub]
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) modules: Option<String>,
    /// Do not look at the AWS account
    #[arg(long)]
    pub(crate) no_look: bool,
    /// Write over landbridge.yaml and main.tf
    #[arg(long)]
    pub(crate) force: bool,
    /// How the outcome is shown
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

/// What came of it.
#[derive(Serialize)]
struct Done {
    source: String,
    region: String,
    account: String,
    written: Vec<String>,
    kept: Vec<String>,
    next: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(args: InitArgs) -> Result {
    write::may_write(&args.dir, args.force)?;
    let mut terminal = (std::io::stdin().is_terminal() && std::io::stderr().is_terminal())
        .then(terminal::Terminal::of_this_process);
    let region = answers::region(&args, terminal.as_mut())?;
    let found = if args.no_look { Vec::new() } else { look(&region).await };
    let answers = answers::collect(&args, region, &found, terminal.as_mut())?;
    let files = write::files(&answers, &args)?;
    let (written, kept) = write::write(&args.dir, files)?;
    let done = Done {
        source: answers.source.clone(),
        region: answers.region.clone(),
        account: answers.account.clone(),
        written,
        kept,
        next: write::next(&args.dir),
    };
    match args.output {
        Output::Json => render::json(&done),
        Output::Text => {
            for file in &done.written {
                render::print(&format!("wrote {file}"))?;
            }
            for file in &done.kept {
                render::print(&format!("kept {file}"))?;
            }
            render::print("\nNext:")?;
            done.next.iter().try_for_each(|step| render::print(&format!("  {step}")))
        }
    }
}

/// The databases of the account; what cannot be looked at is told, and asked instead.
async fn look(region: &str) -> Vec<SourceCandidate> {
    let aws = Aws::from_env(region, SourceKind::Instance).await;
    match aws.rds.source_candidates().await {
        Ok(found) => found,
        Err(error) => {
            eprintln!("the AWS account is not looked at: {error}");
            Vec::new()
        }
    }
}
