//! `landbridge models run`: makes the tables and views of compiled models in the running local cloud, in the
//! order in which they read each other, and runs the tests that the package declares.

mod asserted;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs};
use landbridge_cli_support::assertions::{self, Dropped};
use landbridge_cli_support::compiled::{self, Compiled, Makes};
use landbridge_cli_support::render::{self, counted, left, right};
use landbridge_core::config::Config;
use landbridge_core::models::laundering::{refusals, tables_of};
use landbridge_local::Principal;
use serde::Serialize;
use serde_json::Value;

use self::asserted::Asserted;
use crate::bigquery::{BigQuery, QueryError};
use crate::failure::{Failure, Result};
use crate::up::{self, RunningCloud};

/// Run compiled models in the running local cloud, after `check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dbt compile --full-refresh && landbridge models run target/manifest.json
  dataform compile --json > compiled.json && landbridge models run compiled.json
  landbridge models run report.sql --output json

Each model becomes a table or a view in warehouse.models.dataset, as the account of the models, which sees
masks only. A file of SQL becomes the table of its name. If `landbridge models check` refuses one of them,
none is run. Then the package's tests and assertions are run; what is not run is listed.

Exit codes: 0 every model was made and no assertion failed (warnings are not failures); 1 a model or an
assertion failed; 2 a model is refused, or the files are not right; 3 access denied.")]
pub(crate) struct ModelsRunArgs {
    /// Compiled models: dbt's manifest.json, the output of `dataform compile --json`, a file of SQL,
    /// or a folder of such files
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// The data directory of `landbridge local up`
    #[arg(long, value_name = "DIR", default_value = up::DEFAULT_DATA_DIR)]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The result; its fields are the keys of `--output json`.
#[derive(Default, Serialize)]
struct RunReport {
    ok: bool,
    models: Vec<Ran>,
    /// The first model that failed; those after it were not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<FailedModel>,
    not_run: Vec<String>,
    /// The tests of the package. They are run after all models.
    assertions: Vec<Asserted>,
    /// Parts of the package that this command does not run.
    dropped: Vec<Dropped>,
}

/// A model that was run.
#[derive(Serialize)]
struct Ran {
    model: String,
    makes: Makes,
    rows: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct FailedModel {
    model: String,
    error: String,
}

/// Runs the command.
pub(crate) async fn run(args: ModelsRunArgs) -> Result {
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    let (mut models, mut tests, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
    for path in &args.paths {
        let read = compiled::read(path)?;
        check_is_full(path, &read)?;
        models.extend(read);
        let (declared, not_run) = assertions::read(path)?;
        tests.extend(declared);
        dropped.extend(not_run);
    }
    let mut refused = 0;
    for Compiled { model, .. } in &models {
        let found = refusals(&config, &contract, model);
        found.iter().for_each(|reason| eprintln!("{}: {reason}", model.name));
        refused += usize::from(!found.is_empty());
    }
    if refused > 0 {
        eprintln!("{refused} of {} refused; none was run", counted(models.len(), "model"));
        return Err(Failure::Reported);
    }
    models.retain(|model| model.makes != Makes::Other);
    let ordered = in_order(&config, models)?;
    let warehouse = BigQuery::new(RunningCloud::read(&args.data_dir)?.warehouse)?;
    let mut report = run_all(&config, &warehouse, ordered).await?;
    report.dropped = dropped;
    if report.failed.is_none() {
        report.assertions = asserted::run(&warehouse, &tests).await?;
    } else {
        report.not_run.extend(tests.into_iter().map(|test| test.name));
    }
    report.ok = report.failed.is_none() && asserted::failed(&report.assertions) == 0;
    if args.output.format == Output::Json {
        render::json(&report)?;
    } else {
        render::print(text(&report).trim_end())?;
    }
    verdict(&report)
}

/// The command fails if a model or an assertion failed.
fn verdict(report: &RunReport) -> Result {
    if let Some(FailedModel { model, error }) = &report.failed {
        let rest = report.not_run.len();
        return Err(Failure::Failed(format!(
            "{model}: {error}; {rest} more models and assertions were not run"
        )));
    }
    match asserted::failed(&report.assertions) {
        0 => Ok(()),
        failed => {
            let all = counted(report.assertions.len(), "assertion");
            Err(Failure::Failed(format!(
                "{failed} of {all} failed; run the query of each to see its rows (`dbt show`, or the compiled file)"
            )))
        }
    }
}

/// dbt compiles an incremental model for a later run if its table exists: then the text has the last days
/// only. What it did is in run_results.json beside the manifest (dbt's documentation, "Run results JSON
/// file").
fn check_is_full(path: &Path, models: &[Compiled]) -> Result {
    let Some(model) = models.iter().find(|it| it.makes == Makes::Incremental) else {
        return Ok(());
    };
    let results = path.with_file_name("run_results.json");
    let text = std::fs::read_to_string(results).unwrap_or_default();
    let results: Value = serde_json::from_str(&text).unwrap_or_default();
    if results.pointer("/args/full_refresh") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{} is incremental, and its compiled text may have the last days only; compile with `dbt compile --full-refresh`",
        model.model.name
    )))
}

/// The models, each after those that it reads; otherwise by name.
///
/// # Errors
/// A usage error if two make one table, or if they read each other.
fn in_order(config: &Config, models: Vec<Compiled>) -> Result<Vec<Compiled>> {
    let dataset = config.warehouse.models.as_ref().map_or("", |models| &models.dataset);
    let mut waiting = BTreeMap::new();
    for model in models {
        let name = model.model.name.clone();
        if let Some(other) = waiting.insert(model.relation.to_lowercase(), model) {
            let other = other.model.name;
            return Err(Failure::Usage(format!(
                "{other} and {name} make one table; leave one out"
            )));
        }
    }
    let reads = |model: &Compiled, of: &str| {
        let tables = tables_of(&model.model.sql).unwrap_or_default();
        tables.iter().any(|path| match path.as_slice() {
            [.., schema, table] => {
                schema.eq_ignore_ascii_case(dataset) && table.eq_ignore_ascii_case(of)
            }
            _ => false,
        })
    };
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let ready = waiting.iter().find(|(_, model)| !waiting.keys().any(|of| reads(model, of)));
        let Some(name) = ready.map(|(name, _)| name.clone()) else {
            let names: Vec<&str> = waiting.values().map(|it| it.model.name.as_str()).collect();
            return Err(Failure::Usage(format!(
                "these models read each other: {}",
                names.join(", ")
            )));
        };
        ordered.extend(waiting.remove(&name));
    }
    Ok(ordered)
}

/// Runs the models one after the other, until one fails.
///
/// # Errors
/// The warehouse does not respond.
async fn run_all(
    config: &Config,
    warehouse: &BigQuery,
    models: Vec<Compiled>,
) -> Result<RunReport> {
    let mut report = RunReport::default();
    for model in models {
        let name = model.model.name.clone();
        if report.failed.is_some() {
            report.not_run.push(name);
            continue;
        }
        match run_one(config, warehouse, &model).await {
            Ok(ran) => report.models.push(ran),
            Err(QueryError::Unreachable(reason)) => {
                return Err(QueryError::Unreachable(reason).into());
            }
            Err(error) => {
                report.failed = Some(FailedModel { model: name, error: error.to_string() });
            }
        }
    }
    Ok(report)
}

async fn run_one(
    config: &Config,
    warehouse: &BigQuery,
    model: &Compiled,
) -> Result<Ran, QueryError> {
    let started = Instant::now();
    let dataset = config.warehouse.models.as_ref().map_or("", |models| &models.dataset);
    let relation = format!("`{}`.`{dataset}`.`{}`", config.warehouse.project, model.relation);
    let kind = if model.makes == Makes::View { "VIEW" } else { "TABLE" };
    let query = model.model.sql.trim().trim_end_matches(';');
    // The query may end with a comment.
    let statement = format!("CREATE OR REPLACE {kind} {relation} AS\n{query}\n");
    warehouse.query(Principal::Models, &statement).await?;
    let count = format!("SELECT COUNT(*) AS n FROM {relation}");
    let rows = warehouse.query(Principal::Models, &count).await?;
    let rows = rows.rows.first().and_then(|row| row.first()).and_then(Value::as_u64);
    let rows = rows.ok_or_else(|| QueryError::Failed("it cannot be counted".to_owned()))?;
    let seconds = (started.elapsed().as_secs_f64() * 100.0).round() / 100.0;
    Ok(Ran { model: model.model.name.clone(), makes: model.makes, rows, seconds })
}

fn text(report: &RunReport) -> String {
    let columns = [left("model"), left("makes"), right("rows"), right("seconds")];
    let row = |it: &Ran| {
        let makes = if it.makes == Makes::View { "view" } else { "table" };
        let seconds = format!("{:.2}", it.seconds);
        vec![it.model.clone(), makes.to_owned(), render::grouped(it.rows), seconds]
    };
    let mut text = render::table(&columns, report.models.iter().map(row).collect(), 0);
    text.push_str(&asserted::text(&report.assertions));
    if !report.dropped.is_empty() {
        text.push_str("\nNot run:\n");
        for Dropped { name, why } in &report.dropped {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name}: {why}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use landbridge_core::config;
    use landbridge_core::models::laundering::Model;

    fn model(relation: &str, sql: &str) -> Compiled {
        let model = Model {
            name: relation.to_owned(),
            project: None,
            dataset: None,
            beside: Vec::new(),
            sql: sql.to_owned(),
        };
        Compiled { model, relation: relation.to_owned(), makes: Makes::Table }
    }

    fn ordered(models: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        let config = config::parse("landbridge.yaml", text).expect("the demo's configuration");
        let models = models.iter().map(|(name, sql)| model(name, sql)).collect();
        let models = in_order(&config, models).map_err(|failure| failure.to_string())?;
        Ok(models.into_iter().map(|it| it.relation).collect())
    }

    #[test]
    fn a_model_runs_after_those_that_it_reads() {
        let names = ordered(&[
            ("a", "SELECT * FROM `shop-analytics`.`shop_models`.`C` JOIN shop_models.b USING (x)"),
            ("b", "SELECT * FROM `shop_models`.c"),
            ("c", "SELECT * FROM shop.a"),
            ("d", "WITH a AS (SELECT 1 AS x) SELECT * FROM a"),
        ]);
        assert_eq!(names, Ok(["c", "b", "a", "d"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn models_that_read_each_other_or_make_one_table_are_refused() {
        let circle = [("a", "SELECT * FROM shop_models.b"), ("b", "SELECT * FROM shop_models.a")];
        assert_eq!(ordered(&circle), Err("these models read each other: a, b".to_owned()));
        let twice = ordered(&[("a", "SELECT 1"), ("A", "SELECT 2")]);
        assert_eq!(twice, Err("a and A make one table; leave one out".to_owned()));
    }

    #[test]
    fn an_incremental_model_needs_a_full_compilation() {
        let dir = tempfile::tempdir().expect("a directory");
        let manifest = dir.path().join("manifest.json");
        let models = [Compiled { makes: Makes::Incremental, ..model("events", "SELECT 1") }];
        let refused = check_is_full(&manifest, &models).map_err(|failure| failure.to_string());
        assert!(refused.is_err_and(|it| it.contains("dbt compile --full-refresh")));
        let results = dir.path().join("run_results.json");
        std::fs::write(&results, r#"{"args": {"full_refresh": false}}"#).expect("a file");
        assert!(check_is_full(&manifest, &models).is_err());
        std::fs::write(&results, r#"{"args": {"full_refresh": true}}"#).expect("a file");
        assert!(check_is_full(&manifest, &models).is_ok());
    }
}
