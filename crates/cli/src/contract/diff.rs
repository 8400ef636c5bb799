//! `landbridge contract diff`: who will see what, column by column.

use clap::{Args, ValueEnum};
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs};
use landbridge_core::config::{self, Config};
use landbridge_core::contract::Contract;
use landbridge_core::contract::compare::{
    ColumnChange, Direction, Rule, Side, SightChange, compare,
};
use landbridge_core::yaml::{self, Diagnostics};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::files;
use crate::paint::Paint;
use crate::render::{self, counted, printable};

/// Show who will see more, and who less, of each column than before
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge contract diff
  landbridge contract diff --from origin/main --fail-on opens
  landbridge contract diff --from yesterday/contract.yaml --output json

What opens comes first. Text of class `none` without `pinned: true` opens only if its values were
judged and do not look personal. With a commit, both files are compared as they were there; with a file,
the contract alone. Members are compared by name: a change of who is in a group is not seen here.

Exit codes: 0 compared; 1 with --fail-on opens, if a reader sees more, or another mask; 2 invalid
usage, or an invalid file.")]
pub(crate) struct ContractDiffArgs {
    /// A commit of git, or an earlier contract
    #[arg(long, value_name = "REF|FILE", default_value = "HEAD")]
    pub(crate) from: String,
    /// Exit with code 1 in this case
    #[arg(long, value_name = "CASE", value_enum)]
    pub(crate) fail_on: Option<FailOn>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// A reader sees more than before, or another mask
    Opens,
}

/// Runs the command.
pub(crate) fn run(args: &ContractDiffArgs) -> Result {
    let config_path = files::config_path(args.files.config.as_deref());
    let contract_path = args.files.contract_path()?;
    let config = args.files.read()?;
    let contract = files::contract(&contract_path, &config)?;
    let (config_before, contract_before) = before(args, &config_path, &config)?;
    let changes = compare(
        Side { contract: &contract_before, config: &config_before },
        Side { contract: &contract, config: &config },
    );
    match args.output.format {
        Output::Json => render::json(&changes)?,
        Output::Text => render::print(&text(&changes, &args.from))?,
    }
    let opens = count(&changes, Direction::Opens);
    match args.fail_on {
        Some(FailOn::Opens) if opens > 0 => Err(Failure::Failed(format!(
            "{} may be seen by more people than in {}",
            counted(opens, "column"),
            args.from
        ))),
        _ => Ok(()),
    }
}

fn count(changes: &[ColumnChange], direction: Direction) -> usize {
    changes.iter().filter(|it| it.direction == direction).count()
}

/// The configuration and the contract to compare with. An earlier contract need not pass the checks of
/// today; it need only be readable.
fn before(
    args: &ContractDiffArgs,
    config_path: &Path,
    config: &Config,
) -> Result<(Config, Contract)> {
    let file = PathBuf::from(&args.from);
    // A change that is to be reviewed can add a file with the name of the branch that it is compared with.
    match (is_commit(&args.from, config_path), file.is_file()) {
        (true, true) => {
            return Err(Failure::Usage(format!(
                "`{0}` is a commit of git, and a file; for the commit, name it otherwise (`git rev-parse {0}` prints its hash), for the file, write ./{0}",
                printable(&args.from)
            )));
        }
        (false, true) => {
            let text = files::read(&file, "--from")?;
            return Ok((config.clone(), contract_of(&args.from, &text)?));
        }
        (_, false) => {}
    }
    let of_config = of_commit(&args.from, config_path)?;
    let named = args.files.one.name();
    let (config, path) = config_of(&of_config.0, &of_config.1, named.as_deref())?;
    let contract_path = match (&args.files.contract, path) {
        (Some(given), _) => given.clone(),
        // Where the contract of the database was then.
        (None, Some(path)) => config_path.with_file_name(path),
        (None, None) => files::only_contract(config_path, args.files.config.is_none()),
    };
    let contract = of_commit(&args.from, &contract_path)?;
    Ok((config, contract_of(&contract.0, &contract.1)?))
}

fn invalid(faults: Diagnostics) -> Failure {
    Failure::Usage(format!("a file is invalid\n{faults}"))
}

fn contract_of(name: &str, text: &str) -> Result<Contract> {
    Ok(yaml::parse::<Contract>(name, text).map_err(invalid)?.into_value())
}

/// The earlier configuration of the database, and the path of its contract if the file has several databases. A file with one
/// database is readable if its form is right; one with several is expanded, so it must be valid.
fn config_of(name: &str, text: &str, database: Option<&str>) -> Result<(Config, Option<String>)> {
    if !config::has_databases(text) {
        return Ok((yaml::parse::<Config>(name, text).map_err(invalid)?.into_value(), None));
    }
    let databases = config::parse_databases(name, text).map_err(invalid)?;
    let one = databases.one(database).map_err(|why| Failure::Usage(format!("{name}: {why}")))?;
    Ok((one.config.clone(), one.contract.clone()))
}

/// Whether git knows a commit by this name, in the repository of a file.
fn is_commit(name: &str, path: &Path) -> bool {
    let output = Command::new("git")
        .args(["rev-parse", "--quiet", "--verify", "--end-of-options"])
        .arg(format!("{name}^{{commit}}"))
        .current_dir(directory_of(path))
        .output();
    output.is_ok_and(|output| output.status.success())
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The name and the text of a file in a commit.
fn of_commit(commit: &str, path: &Path) -> Result<(String, String)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let spec = format!("{commit}:./{name}");
    // A commit that begins with `-` would be an option.
    let output = Command::new("git")
        .args(["show", "--end-of-options", &spec])
        .current_dir(directory_of(path))
        .output()
        .map_err(|error| Failure::Failed(format!("cannot start git: {error}; install git, or name an earlier contract with --from FILE")))?;
    if !output.status.success() {
        return Err(Failure::Usage(format!(
            "git has no {name} in `{commit}`, and no file has this name; name a commit that contains it, or an earlier contract, with --from"
        )));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| Failure::Usage(format!("{spec} is not text in UTF-8")))?;
    Ok((spec, text))
}

fn rule(it: &Rule) -> String {
    let class = match it.named {
        true => it.class.clone(),
        false => "not named".to_owned(),
    };
    match it.transform {
        Some(transform) => format!("{class}, {transform}"),
        None if it.pinned => format!("{class}, pinned"),
        None => class,
    }
}

fn text(changes: &[ColumnChange], from: &str) -> String {
    let paint = Paint::stdout();
    let mut out = String::new();
    let (of_dataset, of_columns) = changes.iter().partition::<Vec<_>, _>(|it| it.by_dataset);
    for (sights, columns) in alike(&of_dataset) {
        add_readers(&mut out, &paint, sights, &columns);
    }
    for change in of_columns {
        add_column(&mut out, &paint, change);
    }
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "compared with {from}: {} open, {} close, {} same for all readers",
        count(changes, Direction::Opens),
        count(changes, Direction::Closes),
        count(changes, Direction::Same)
    );
    out
}

fn direction(paint: &Paint, direction: Direction) -> String {
    match direction {
        Direction::Opens => paint.red("opens"),
        Direction::Closes => paint.green("closes"),
        Direction::Same => paint.dim("same"),
    }
}

/// The columns that the same members begin or cease to read.
fn alike<'a>(changes: &[&'a ColumnChange]) -> Vec<(&'a [SightChange], Vec<&'a ColumnChange>)> {
    let mut groups: Vec<(&[SightChange], Vec<&ColumnChange>)> = Vec::new();
    for change in changes {
        match groups.iter_mut().find(|(sights, _)| *sights == change.sights.as_slice()) {
            Some((_, columns)) => columns.push(change),
            None => groups.push((&change.sights, vec![change])),
        }
    }
    groups
}

/// Members who become readers of the dataset, or are none any more: thousands of columns are one entry.
fn add_readers(out: &mut String, paint: &Paint, sights: &[SightChange], columns: &[&ColumnChange]) {
    let tables: BTreeSet<&str> = columns.iter().map(|it| it.table.as_str()).collect();
    let classes: BTreeSet<&str> = columns.iter().map(|it| it.after.class.as_str()).collect();
    let _ = writeln!(
        out,
        "{} {} in {}, of class {}: other members are readers of the dataset (unless Terraform sets dataset_readers)",
        columns.first().map_or_else(String::new, |it| direction(paint, it.direction)),
        counted(columns.len(), "column"),
        counted(tables.len(), "table"),
        printable(&classes.into_iter().collect::<Vec<_>>().join(", ")),
    );
    add_sights(out, sights);
}

fn add_column(out: &mut String, paint: &Paint, it: &ColumnChange) {
    let when = match (it.with_next_load, it.sights.is_empty()) {
        (_, true) => "",
        (true, _) => ", with the next load",
        (false, _) => ", within five minutes of the deployment",
    };
    let _ = writeln!(
        out,
        "{} {}.{}: {} → {}{when}",
        direction(paint, it.direction),
        printable(&it.table),
        printable(&it.column),
        rule(&it.before),
        rule(&it.after)
    );
    if it.if_harmless {
        out.push_str(
            "  only if its values do not look personal; otherwise it stays masked for everyone until you write `pinned: true`\n",
        );
    }
    if it.if_closed {
        out.push_str("  if its values had looked personal, it was masked for everyone, and opens: `pinned: true` says that a person has looked at them\n");
    }
    if let Some(concerns) = &it.concerns {
        let _ = writeln!(out, "  {}", printable(concerns));
    }
    if it.before.policy_tag != it.after.policy_tag {
        out.push_str("  its class names another policy tag: readers and mask of an existing tag are not in the files, see `landbridge access`\n");
    }
    add_sights(out, &it.sights);
    if !it.meanwhile.is_empty() {
        out.push_str("  more is seen until both clouds have the change; deploy it in two steps (docs/deploy.md):\n");
        add_sights(out, &it.meanwhile);
    }
}

fn add_sights(out: &mut String, sights: &[SightChange]) {
    for sight in sights {
        let who = match sight.members.as_slice() {
            [] => "other readers of the dataset".to_owned(),
            members => members.join(", "),
        };
        let _ = writeln!(out, "  {who}: {} → {}", sight.before, sight.after);
    }
}
