//! `landbridge access`: who sees which class in plain, masked, or not at all, by the live policies.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command, its exit code |
//! | `read` | reads the policies |
//! | `jobs` | reads the list of jobs and the records of access |
//! | `text` | the report for people |
//!
//! Every call only reads. The rules are in `landbridge_core::access`.

pub(crate) mod jobs;
pub(crate) mod read;
mod text;

use clap::Args;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs};
use landbridge_core::access::{
    Certainty, ClassRead, Deployment, DerivedTable, Filter, Live, PlainDashboard, Readable, Report,
    Usage, class_reads, evaluate,
};
use landbridge_core::config::{CLASS_NONE, Config};
use landbridge_core::contract::Contract;
use landbridge_gcp::Inspector;
use serde::Serialize;

use crate::doctor::tags_by_class;
use crate::failure::{Failure, Result};
use crate::render::{self, counted};

/// Show who sees which class in plain, masked, or not at all, and who sees more than landbridge.yaml says
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge access
  landbridge access --class email
  landbridge access --table public.members --output json
  landbridge access --principal user:someone@example.com
  landbridge access --month 2026-11

The live policies are read with the credentials of this shell: of the project and everything above it, the
dataset, its tables, policy tags, data policies and the landing bucket. A policy that cannot be read is
listed as not known, and what it may give is marked with `?`. The jobs of the last days show tables that
people made of personal data, and dashboards that query as an identity that sees plain values; the texts of
queries are read in memory and never shown. --month reads BigQuery's records of access: who read which
columns is exact, whether in plain is judged by the policies of today. Who is in a group is not read. The exports in
S3 are not covered: access to them is decided by IAM of the AWS account.
For the local cloud:
  . .landbridge/local.env; LANDBRIDGE_GCP_TOKEN=$LANDBRIDGE_TOKEN_REVIEWER landbridge access

Exit codes: 0 everyone sees what landbridge.yaml says; 1 a principal sees more; 2 invalid usage, or an invalid
file; 3 access denied; 4 no principal was found to see more, and a policy is not known.")]
pub(crate) struct AccessArgs {
    /// Only the classes of this table of the contract
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Only this class; `none` for columns without a class
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Only this member of IAM policies, such as group:analysts@example.com
    #[arg(long, value_name = "MEMBER")]
    principal: Option<String>,
    /// A member of the Terraform input `dataset_readers` that no class names; can be repeated
    #[arg(long, value_name = "MEMBER")]
    dataset_reader: Vec<String>,
    /// Days of jobs to look at for derived tables and dashboards; 0 for none
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = jobs::parse_days)]
    days: u16,
    /// Also show who read which class in this month
    #[arg(long, value_name = "YYYY-MM", value_parser = jobs::parse_month)]
    month: Option<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// The result; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct AccessReport {
    #[serde(flatten)]
    report: Report,
    /// Tables that people who see plain values made. A best effort.
    derived_tables: Vec<DerivedTable>,
    /// Dashboards that query as an identity that sees plain values. A best effort.
    plain_dashboards: Vec<PlainDashboard>,
    /// Days of jobs.
    days: u16,
    /// The month of the reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<String>,
    /// Who read which class in the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<Vec<ClassRead>>,
}

impl AccessReport {
    /// How many things show more than `landbridge.yaml` says.
    fn findings(&self) -> usize {
        let certain = |it: &Certainty| *it == Certainty::Plain;
        self.report.more_than_configured.len()
            + self.report.unprotected_columns.len()
            + self.report.open_tables().count()
            + self.derived_tables.iter().filter(|it| certain(&it.plain)).count()
            + self
                .plain_dashboards
                .iter()
                .filter(|it| it.one_identity && certain(&it.plain))
                .count()
    }
}

/// Runs the command.
pub(crate) async fn run(args: AccessArgs) -> Result {
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    let deployment = Deployment::of(&args.files.read_all()?);
    let filter = filter(&args, &config, &contract)?;
    let tags = tags_by_class(&config).map_err(Failure::Usage)?;
    let inspector = Inspector::from_env(&config.warehouse.project)?;
    inspector.check_credentials().await?;
    let live = read::read(&inspector, &config, &contract, &tags, None).await;
    let report = evaluate(&live, (&config, &contract), &deployment, &filter);
    let mut report = AccessReport {
        report,
        derived_tables: Vec::new(),
        plain_dashboards: Vec::new(),
        days: args.days,
        month: args.month.clone(),
        reads: None,
    };
    add_jobs(&mut report, &args, &inspector, (&config, &contract), &live).await?;
    add_month(&mut report, &inspector, (&config, &contract, &deployment), &live).await?;
    narrow(&mut report, &filter);
    match args.output.format {
        Output::Json => render::json(&report)?,
        Output::Text => render::print(&text::render(&report, &config, &filter))?,
    }
    outcome(&report)
}

async fn add_jobs(
    report: &mut AccessReport,
    args: &AccessArgs,
    inspector: &Inspector,
    (config, contract): (&Config, &Contract),
    live: &Live,
) -> Result {
    if args.days == 0 {
        return Ok(());
    }
    let mut usage = Usage::new(Readable::new(config, contract));
    let range = jobs::last_days(args.days)?;
    let unread = jobs::jobs(inspector, config, range, |page| usage.add(&page)).await;
    report.report.not_known.extend(unread);
    report.derived_tables = usage.derived(live);
    report.plain_dashboards = usage.plain_dashboards(live);
    Ok(())
}

async fn add_month(
    report: &mut AccessReport,
    inspector: &Inspector,
    (config, contract, deployment): (&Config, &Contract, &Deployment),
    live: &Live,
) -> Result {
    let Some(month) = &report.month else { return Ok(()) };
    let range = jobs::month(month).map_err(Failure::Usage)?;
    let (reads, unread) = jobs::records(inspector, config, deployment, range).await;
    report.report.not_known.extend(unread);
    report.reads = Some(class_reads(&reads, &Readable::new(config, contract), live));
    Ok(())
}

/// Leaves out what the filter does not name.
fn narrow(report: &mut AccessReport, filter: &Filter) {
    use landbridge_core::access::key;
    let is = |member: &str| filter.principal.as_ref().is_none_or(|it| key(it) == key(member));
    let has = |classes: &std::collections::BTreeSet<String>| {
        filter.class.as_ref().is_none_or(|it| classes.contains(it))
    };
    report.derived_tables.retain(|it| is(&it.made_by) && has(&it.classes));
    report.plain_dashboards.retain(|it| is(&it.queries_as) && has(&it.classes));
    if let Some(reads) = &mut report.reads {
        let of_table = |it: &ClassRead| {
            filter.table.as_ref().is_none_or(|table| {
                let column = format!("{table}.");
                it.columns.iter().any(|of| of.starts_with(&column))
                    || it.columns_not_recorded.contains(table)
            })
        };
        reads.retain(|it| {
            is(&it.principal)
                && filter.class.as_ref().is_none_or(|class| *class == it.class)
                && of_table(it)
        });
    }
}

/// Checks that the filter names what exists.
fn filter(args: &AccessArgs, config: &Config, contract: &Contract) -> Result<Filter> {
    if let Some(table) = &args.table
        && !contract.tables.contains_key(table)
    {
        return Err(Failure::Usage(format!(
            "the contract has no table `{table}`; name one as contract.yaml does, for example {}",
            contract.tables.keys().next().map_or("public.members", String::as_str)
        )));
    }
    if let Some(class) = &args.class
        && config.class(class).is_none()
        && class != CLASS_NONE
    {
        let known: Vec<String> = config.pii.all().into_keys().collect();
        return Err(Failure::Usage(format!(
            "landbridge.yaml has no class `{class}`; its classes are {}, and `{CLASS_NONE}`",
            known.join(", ")
        )));
    }
    Ok(Filter {
        class: args.class.clone(),
        principal: args.principal.clone(),
        table: args.table.clone(),
        dataset_readers: args.dataset_reader.clone(),
    })
}

fn outcome(report: &AccessReport) -> Result {
    let findings = report.findings();
    if findings > 0 {
        return Err(Failure::Failed(format!(
            "{} more than landbridge.yaml says; the lines above say how to take it away",
            match findings {
                1 => "1 finding shows".to_owned(),
                more => format!("{} show", counted(more, "finding")),
            }
        )));
    }
    match report.report.not_known.len() {
        0 => Ok(()),
        unread => Err(Failure::Partly(format!(
            "{} not read, so a principal may see more; see the lines `not known`",
            match unread {
                1 => "1 thing was".to_owned(),
                unread => format!("{unread} things were"),
            }
        ))),
    }
}
