//! `landbridge dashboard`: links to reports on the models, and LookML views of the tables.

use clap::Args;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs};
use landbridge_core::models::{self, DashboardLink};

use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::render;

/// Print links that create reports in Data Studio (formerly Looker Studio), or LookML views
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge dashboard
  landbridge dashboard --models shop_models --output json
  landbridge dashboard --lookml > shop.view.lkml

In each data source of a report, set the data credentials to Viewer. With the owner's credentials,
every viewer sees what the owner may read.")]
pub(crate) struct DashboardArgs {
    /// The dataset of the models [default: the dataset of the tables and `_models`]
    #[arg(long, value_name = "DATASET")]
    pub(crate) models: Option<String>,
    /// Print LookML views of the tables instead, for Looker
    #[arg(long, conflicts_with = "models")]
    pub(crate) lookml: bool,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Runs `landbridge dashboard`.
pub(crate) fn run(args: &DashboardArgs) -> Result {
    let config = args.files.read()?;
    if args.lookml {
        let contract = args.files.read_contract(&config)?;
        if args.output.format == Output::Json {
            return Err(Failure::Usage("LookML is text: leave out `--output json`".to_owned()));
        }
        return render::print(models::lookml(&config, &contract).trim_end());
    }
    let dataset = match &args.models {
        Some(dataset) => dataset.clone(),
        None => format!("{}_models", config.warehouse.dataset),
    };
    let links = models::dashboard_links(&config, &dataset);
    match args.output.format {
        Output::Json => render::json(&links),
        Output::Text => render::print(text(&links).trim_end()),
    }
}

fn text(links: &[DashboardLink]) -> String {
    let paint = Paint::stdout();
    let mut text = String::new();
    let mut report = "";
    for link in links {
        if link.report != report {
            report = link.report;
            text.push_str(&format!("{}\n", paint.bold(report)));
        }
        text.push_str(&format!("  {}: {}\n    {}\n", link.table, link.about, link.url));
    }
    text.push_str(
        "\nIn each data source, set the data credentials to Viewer, so that masks hold.\n",
    );
    text
}
