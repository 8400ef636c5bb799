//! `landbridge models sources`: what dbt needs to know of the tables.

use clap::{Args, Subcommand};
use landbridge_cli_support::args::FileArgs;
use landbridge_core::models;

use crate::failure::Result;
use crate::render;
use landbridge_cli_support::files;

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    Sources(ModelsSourcesArgs),
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
    let config = files::config(&files::config_path(args.files.config.as_deref()))?;
    let contract = files::contract(&files::contract_path(&args.files), &config)?;
    render::print(models::sources_yaml(&config, &contract).trim_end())
}
