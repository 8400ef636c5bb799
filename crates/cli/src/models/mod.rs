//! `landbridge models`: what dbt needs to know of the tables, whether models show masked values to
//! people who may not see them, and what a refresh costs.

mod check;
mod cost;

pub(crate) use check::check;
pub(crate) use cost::{ModelsCostArgs, cost};

use std::path::PathBuf;

use clap::{Args, Subcommand};
use landbridge_cli_support::args::{FileArgs, OutputArgs};
use landbridge_core::models;

use crate::failure::Result;
use crate::local::LocalArgs;
use crate::render;

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    Sources(ModelsSourcesArgs),
    Check(ModelsCheckArgs),
    Cost(ModelsCostArgs),
    /// Run compiled models in the running local cloud, after `check`
    #[command(disable_help_flag = true)]
    Run(LocalArgs),
}

/// Refuse models that show masked values to people who may not see them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dbt compile && landbridge models check target/manifest.json
  dataform compile --json > compiled.json && landbridge models check compiled.json
  landbridge models check target/compiled

BigQuery carries no policy tag into a table that a query makes. So every member of
warehouse.models.readers must be a reader, masked or plain, of every class that a model uses.")]
pub(crate) struct ModelsCheckArgs {
    /// Compiled models: dbt's manifest.json, the output of `dataform compile --json`, a file of SQL,
    /// or a folder of such files
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Print dbt's sources.yml: tables, columns, types, classes, masks and freshness
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge models sources > models/dbt/models/staging/sources.yml
  landbridge models sources --config examples/demo/landbridge.yaml

Run it again after each change of the contract. Dropped columns and columns that the contract does
not name are left out.")]
pub(crate) struct ModelsSourcesArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Runs `landbridge models sources`.
pub(crate) fn sources(args: &ModelsSourcesArgs) -> Result {
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    render::print(models::sources_yaml(&config, &contract).trim_end())
}
