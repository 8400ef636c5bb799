//! The two files, and the schedules that are deployed with them.

use std::path::{Path, PathBuf};

use landbridge_core::config::{self, Config};
use landbridge_core::contract::{self, Contract};
use landbridge_core::schedule::{self, ScheduleFile};

use super::line::Line;
use crate::files;
use crate::render::counted;
use landbridge_cli_support::args::FileArgs;

/// Where the schedules lie in a checkout.
const SCHEDULES: &str = "infra/schedules";

/// The schedules of the checkout that this is run in, from wherever in it.
pub(super) fn schedules() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let found = here.ancestors().map(|folder| folder.join(SCHEDULES)).find(|it| it.is_dir());
    found.unwrap_or_else(|| PathBuf::from(SCHEDULES))
}

/// The files, as far as they can be used.
pub(super) struct Files {
    /// Without it nothing can be looked at.
    pub(super) config: Config,
    pub(super) contract: Option<Contract>,
    pub(super) schedules: Option<Vec<ScheduleFile>>,
}

/// The lines, and the files where they can be used.
pub(super) fn check(args: &FileArgs, schedules: &Path) -> (Vec<Line>, Option<Files>) {
    let mut first = Line::new("files", config::FILE_NAME);
    let path = files::config_path(args.config.as_deref());
    let name = path.display().to_string();
    let loaded =
        files::read(&path, "--config").map_err(|failure| failure.to_string()).and_then(|text| {
            config::parse(&name, &text).map_err(|faults| counted(faults.all().len(), "error"))
        });
    let config = match loaded {
        Ok(config) => config,
        Err(why) => {
            let advice = format!("correct it; `landbridge check --config {name}` tells everything");
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
    (vec![first, second, third], Some(Files { config, contract, schedules }))
}

fn contract_line(args: &FileArgs, config: &Config) -> (Line, Option<Contract>) {
    let mut line = Line::new("files", contract::FILE_NAME);
    let path = files::contract_path(args);
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
            line.bad(why, "correct it; `landbridge check` tells everything, `landbridge contract propose` writes a first one");
            (line, None)
        }
    }
}

fn schedule_line(dir: &Path, config: &Config) -> (Line, Option<Vec<ScheduleFile>>) {
    let mut line = Line::new("files", "schedules");
    if !dir.is_dir() {
        let look = "run it in the checkout, or name the folder with --schedules".to_owned();
        line.unchecked(format!("there is no {} here", dir.display()), Some(look));
        return (line, None);
    }
    match read_schedules(dir, config) {
        Ok(files) => {
            let wanted = ["export", "load", "snapshot", "transfer"];
            let mut found: Vec<&str> = files.iter().map(|file| file.function.as_str()).collect();
            found.sort_unstable();
            if found == wanted {
                line.good(format!("{} in {}", found.join(", "), config.schedule.zone));
            } else {
                line.bad(
                    format!("the functions with a schedule are: {}", found.join(", ")),
                    format!("have one each of {}", wanted.join(", ")),
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
