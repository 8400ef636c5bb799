//! `landbridge contract export` and `import`: the Open Data Contract Standard.

use clap::{Args, ValueEnum};
use landbridge_cli_support::args::{ConfigArgs, FileArgs};
use landbridge_core::contract::odcs;
use landbridge_core::yaml;
use serde_json::Value;
use std::path::PathBuf;

use crate::failure::{Failure, Result};
use crate::files;
use crate::render::{self, counted, printable};

/// Write the contract in another format
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge contract export > shop.odcs.yaml
  landbridge contract export --version 1.4.0 --contract contract.yaml

The document is JSON, which every reader of YAML reads. `contract import` makes the same contract
of it.")]
pub(crate) struct ContractExportArgs {
    /// The format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ExchangeFormat,
    /// The version of the document, which people give it
    #[arg(long, value_name = "VERSION", default_value = "1.0.0")]
    pub(crate) version: String,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Write a contract from a document in another format, for you to correct
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge contract import shop.odcs.yaml > contract.yaml

What the document says and a contract cannot is listed on standard error, and what was assumed.
A classification that is no class of landbridge.yaml becomes `unclassified`: NULL for everyone.")]
pub(crate) struct ContractImportArgs {
    /// The document, YAML or JSON
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ExchangeFormat,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExchangeFormat {
    /// The Open Data Contract Standard, version 3
    #[default]
    Odcs,
}

/// Runs `landbridge contract export`.
pub(crate) fn export(args: &ContractExportArgs) -> Result {
    let ExchangeFormat::Odcs = args.format;
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    render::json(&odcs::export(&contract, &config, &args.version))
}

/// Runs `landbridge contract import`.
pub(crate) fn import(args: &ContractImportArgs) -> Result {
    let ExchangeFormat::Odcs = args.format;
    let config = args.config.read()?;
    let name = args.file.display().to_string();
    let text = files::read(&args.file, "FILE")?;
    let document = yaml::parse::<Value>(&name, &text)
        .map_err(|faults| Failure::Usage(format!("a file is invalid\n{faults}")))?
        .into_value();
    let imported = odcs::import(&document, &config).map_err(|faults| {
        Failure::Usage(format!("{name} is no contract:\n{}", printable_lines(&faults)))
    })?;
    render::print(imported.contract.render().trim_end())?;
    for lost in &imported.lost {
        eprintln!("not carried over, or assumed: {}", printable(lost));
    }
    let problems = imported.contract.validate(&config);
    if !problems.is_empty() {
        eprintln!(
            "`landbridge check` refuses this contract: {}; run it to see each with its line",
            counted(problems.len(), "error")
        );
    }
    Ok(())
}

fn printable_lines(lines: &[String]) -> String {
    lines.iter().map(|it| format!("  {}", printable(it))).collect::<Vec<_>>().join("\n")
}
