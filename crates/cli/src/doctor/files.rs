//! Checks of `landbridge.yaml`, `contract.yaml` and the schedule files.

use std::path::{Path, PathBuf};

use landbridge_core::audit::{audits_notes, audits_violations};
use landbridge_core::config::{self, Config, tables_violations};
use landbridge_core::contract::{self, Contract};
use landbridge_core::models::ga4_violations;
use landbridge_core::schedule::{self, ScheduleFile};

use super::line::ReportLine;
use crate::files;
use crate::render::counted;
use landbridge_cli_support::args::FileArgs;

/// The directory of the schedule files in a checkout.
const SCHEDULES: &str = "infra/schedules";

/// The schedule directory of the current checkout, searched in all parent directories.
pub(super) fn default_schedules_dir() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let found = here.ancestors().map(|folder| folder.join(SCHEDULES)).find(|it| it.is_dir());
    found.unwrap_or_else(|| PathBuf::from(SCHEDULES))
}

/// The files that are valid.
pub(super) struct Files {
    /// Every other check needs it.
    pub(super) config: Config,
    pub(super) contract: Option<Contract>,
    pub(super) schedules: Option<Vec<ScheduleFile>>,
}

/// Checks the files. The second value is `None` if `landbridge.yaml` is invalid.
pub(super) fn check(args: &FileArgs, schedules: &Path) -> (Vec<ReportLine>, Option<Files>) {
    let mut first = ReportLine::new("files", config::FILE_NAME);
    let path = files::config_path(args.config.as_deref());
    let name = path.display().to_string();
    let loaded =
        files::read(&path, "--config").map_err(|failure| failure.to_string()).and_then(|text| {
            let all = config::parse_databases(&name, &text)
                .map_err(|faults| counted(faults.all().len(), "error"))?;
            let one = all.one(args.one.name().as_deref()).map_err(|why| why.to_string())?;
            Ok((one.config.clone(), all.is_many().then(|| one.name.clone())))
        });
    let (config, database) = match loaded {
        Ok(loaded) => loaded,
        Err(why) => {
            let advice = format!(
                "run `landbridge check --config {name}`, which lists all errors with line numbers"
            );
            first.bad(why, advice);
            return (vec![first], None);
        }
    };
    first.good(format!(
        "{} {} in {} to {}.{} in {}",
        config.source.kind.as_str(),
        config.source.id,
        config.source.region,
        config.warehouse.project,
        config.warehouse.dataset,
        config.warehouse.location
    ));
    let (second, contract) = contract_line(args, &config);
    let (third, schedules) = schedule_line(schedules, &config);
    // The schedules of one database of several name it in their events.
    let schedules = match (schedules, &database) {
        (Some(files), Some(name)) => {
            Some(files.into_iter().map(|it| it.of_database(name)).collect())
        }
        (schedules, _) => schedules,
    };
    let mut lines = vec![first, countries_line(&config), second, third];
    lines.extend(ga4_line(&config, contract.as_ref()));
    lines.extend(audits_line(&config, contract.as_ref()));
    lines.extend(tables_line(&config, contract.as_ref()));
    (lines, Some(Files { config, contract, schedules }))
}

/// Whether the transfer crosses a border without a legal basis in the configuration.
fn countries_line(config: &Config) -> ReportLine {
    let mut line = ReportLine::new("files", "countries");
    let country = |it: Option<&'static str>| it.unwrap_or("a country that is not known here");
    let from = country(config::country_of_aws_region(&config.source.region));
    let to = country(config::country_of_google_location(&config.warehouse.location));
    match (config.crosses_border(), &config.transfer.cross_border) {
        (Some(violation), _) => line.bad(violation.message, violation.help.unwrap_or_default()),
        (None, Some(basis)) => line.good(format!("from {from} to {to}: {basis}")),
        (None, None) => line.good(format!("the data stays in {from}")),
    }
    line
}

/// Whether models can join the GA4 export with the business: the key, and the locations. `None` without
/// `warehouse.ga4`.
fn ga4_line(config: &Config, contract: Option<&Contract>) -> Option<ReportLine> {
    let ga4 = config.warehouse.ga4.as_ref()?;
    let mut line = ReportLine::new("files", "ga4");
    let key = format!("{}.{}", ga4.user_table, ga4.user_key);
    let here = &config.warehouse.location;
    let there = ga4.location.as_ref().unwrap_or(here);
    let violation = contract.and_then(|it| ga4_violations(config, it).into_iter().next());
    match violation {
        None if contract.is_none() => line.unchecked("contract.yaml is not valid", None),
        Some(violation) => line.bad(violation.message, violation.help.unwrap_or_default()),
        None if there.eq_ignore_ascii_case(here) => {
            line.good(format!("{} in {here}, joined by {key}", ga4.dataset()));
        }
        // Google Cloud, "Cross-region dataset replication", section "Pricing".
        None => line.warn(
            format!(
                "{} is in {there}, the warehouse in {here}: no query reads both",
                ga4.dataset()
            ),
            format!(
                "export to {here} (a new link of the property starts without history), or let BigQuery copy the dataset: `ALTER SCHEMA {} ADD REPLICA `{here}``; the copy is billed as storage in {here} (about USD 0.02 per GiB and month) and as data replication per GiB from {there}: `landbridge cost --ga4-gib-per-day` says what it costs a month",
                ga4.dataset()
            ),
        ),
    }
    Some(line)
}

/// Whether the names in `tables` are in the contract. `None` without such names.
fn tables_line(config: &Config, contract: Option<&Contract>) -> Option<ReportLine> {
    let kept = config.histories().count();
    if config.tables.is_empty() {
        return None;
    }
    let mut line = ReportLine::new("files", "tables");
    let Some(contract) = contract else {
        line.unchecked("contract.yaml is not valid", None);
        return Some(line);
    };
    match tables_violations(config, contract).first() {
        Some(first) => line.bad(
            format!("{}: {}", first.path, first.message),
            "run `landbridge check`, which lists all errors with line numbers",
        ),
        None => line.good(format!("past days are kept of {}", counted(kept, "table"))),
    }
    Some(line)
}

/// Whether the names in `audits` are in the contract. `None` without declarations of tables.
fn audits_line(config: &Config, contract: Option<&Contract>) -> Option<ReportLine> {
    if config.audits.tables.is_empty() {
        return None;
    }
    let mut line = ReportLine::new("files", "audits");
    let Some(contract) = contract else {
        line.unchecked("contract.yaml is not valid", None);
        return Some(line);
    };
    let violations = audits_violations(config, contract);
    let notes = audits_notes(config, contract);
    let more = |count: usize| match count {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    match (violations.first(), notes.first()) {
        (Some(first), _) => line.bad(
            format!("{}: {}{}", first.path, first.message, more(violations.len())),
            "run `landbridge check`, which lists all errors with line numbers",
        ),
        (None, Some(note)) => line.warn(
            format!("{note}{}", more(notes.len())),
            "run `landbridge check`, which lists all notes",
        ),
        (None, None) => {
            line.good(format!("declared of {}", counted(config.audits.tables.len(), "table")));
        }
    }
    Some(line)
}

fn contract_line(args: &FileArgs, config: &Config) -> (ReportLine, Option<Contract>) {
    let mut line = ReportLine::new("files", contract::FILE_NAME);
    let Ok(path) = args.contract_path() else {
        line.unchecked("landbridge.yaml cannot be read", None);
        return (line, None);
    };
    let name = path.display().to_string();
    let loaded =
        files::read(&path, "--contract").map_err(|failure| failure.to_string()).and_then(|text| {
            contract::parse(&name, &text, config)
                .map_err(|faults| counted(faults.all().len(), "error"))
        });
    match loaded {
        Ok(contract) => {
            line.good(counted(contract.tables.len(), "table"));
            (line, Some(contract))
        }
        Err(why) => {
            line.bad(why, "run `landbridge check`, which lists all errors; `landbridge contract propose` generates a first contract");
            (line, None)
        }
    }
}

fn schedule_line(dir: &Path, config: &Config) -> (ReportLine, Option<Vec<ScheduleFile>>) {
    let mut line = ReportLine::new("files", "schedules");
    if !dir.is_dir() {
        let manual_check =
            "run the command in the checkout, or name the directory with --schedules".to_owned();
        line.unchecked(format!("no directory {} here", dir.display()), Some(manual_check));
        return (line, None);
    }
    match read_schedules(dir, config) {
        Ok(files) => {
            let expected = ["export", "load", "notify", "protect", "snapshot", "transfer", "views"];
            let mut found: Vec<&str> = files.iter().map(|file| file.function.as_str()).collect();
            found.sort_unstable();
            if found == expected {
                line.good(format!("{} in {}", found.join(", "), config.schedule.zone));
            } else {
                line.bad(
                    format!("there are schedule files for: {}", found.join(", ")),
                    format!("provide exactly one file each for {}", expected.join(", ")),
                );
            }
            (line, Some(files))
        }
        Err(error) => {
            line.bad(error, format!("correct the file in {}", dir.display()));
            (line, None)
        }
    }
}

/// Parses every `*.json` of the directory. The error names the file.
fn read_schedules(dir: &Path, config: &Config) -> Result<Vec<ScheduleFile>, String> {
    let variables = schedule::variables(config);
    let unreadable = |path: &Path, error| format!("cannot read {}: {error}", path.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| unreadable(dir, error))? {
        let path = entry.map_err(|error| unreadable(dir, error))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            let file = ScheduleFile::parse(&text, &variables)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            files.push(file);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_elsewhere_is_a_warning_that_names_the_copy_and_what_it_costs() {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        let mut config = config::parse("landbridge.yaml", text).expect("the demo's configuration");
        let contract = include_str!("../../../../examples/demo/contract.yaml");
        let contract = contract::parse("contract.yaml", contract, &config).expect("its contract");
        let found = |config: &Config| {
            let line = ga4_line(config, Some(&contract)).expect("a line");
            (line.found, line.advice)
        };
        let good = "analytics_250794857 in asia-northeast3, joined by public.creators.id";
        assert_eq!(found(&config), (good.to_owned(), None));
        let ga4 = config.warehouse.ga4.as_mut().expect("the section");
        ga4.location = Some("US".to_owned());
        let (problem, advice) = found(&config);
        assert_eq!(
            problem,
            "analytics_250794857 is in US, the warehouse in asia-northeast3: no query reads both"
        );
        let advice = advice.expect("advice");
        assert!(advice.contains("ADD REPLICA") && advice.contains("USD 0.02"), "{advice}");
        config.warehouse.ga4.as_mut().expect("the section").user_key = "email".to_owned();
        assert!(found(&config).0.contains("has class `email`"));
        config.warehouse.ga4 = None;
        assert!(ga4_line(&config, Some(&contract)).is_none());
    }
}
