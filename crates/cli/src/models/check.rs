//! `landbridge models check`: refuses models that show masked values to people who may not see them.

use landbridge_cli_support::args::Output;
use landbridge_cli_support::compiled;
use landbridge_core::models::laundering::refusals;
use serde::Serialize;

use super::ModelsCheckArgs;
use crate::failure::{Failure, Result};
use crate::render::{self, counted};

/// The result; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct ModelsReport {
    ok: bool,
    models: usize,
    refused: Vec<Refused>,
}

/// A model that is refused, and why.
#[derive(Serialize)]
struct Refused {
    model: String,
    reasons: Vec<String>,
}

/// Runs `landbridge models check`.
pub(crate) fn check(args: &ModelsCheckArgs) -> Result {
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    let mut models = Vec::new();
    for path in &args.paths {
        models.extend(compiled::read(path)?.into_iter().map(|it| it.model));
    }
    let mut refused = Vec::new();
    for model in &models {
        let found = refusals(&config, &contract, model);
        if !found.is_empty() {
            let reasons = found.iter().map(ToString::to_string).collect();
            refused.push(Refused { model: model.name.clone(), reasons });
        }
    }
    let report = ModelsReport { ok: refused.is_empty(), models: models.len(), refused };
    if args.output.format == Output::Json {
        render::json(&report)?;
    } else if report.ok {
        let readers = config.warehouse.models.map_or(0, |models| models.readers.len());
        render::print(&format!(
            "{} checked: every reader of the models ({readers}) may read every class that is used",
            counted(report.models, "model"),
        ))?;
    } else {
        for Refused { model, reasons } in &report.refused {
            for reason in reasons {
                eprintln!("{model}: {reason}");
            }
        }
        eprintln!("{} of {} refused", report.refused.len(), counted(report.models, "model"));
    }
    if report.ok { Ok(()) } else { Err(Failure::Reported) }
}
