//! The files' texts, and what is never overwritten.

use std::path::{Path, PathBuf};

use landbridge_core::config::{self, SourceKind};
use landbridge_core::contract;

use super::InitArgs;
use super::answers::Answers;
use crate::failure::{Failure, Result};

/// What Terraform reads beside the two files. It is the repository's own example, so that what is
/// written here is what the tests plan and apply.
const MAIN: &str = include_str!("../../../../terraform/examples/complete/main.tf");
/// Its variables.
const VARIABLES: &str = include_str!("../../../../terraform/examples/complete/variables.tf");
/// Its outputs.
const OUTPUTS: &str = include_str!("../../../../terraform/examples/complete/outputs.tf");
/// Where the example finds the modules, and the packages.
const EXAMPLE_MODULES: &str = "../../modules/";
/// See above.
const EXAMPLE_PACKAGES: &str = "../../../target/lambda/arm64";
/// The file's name.
const MAIN_NAME: &str = "main.tf";

/// A contract that names no columns: all columns are NULL for everyone.
const CONTRACT: &str = "\
# Every column that users may read in BigQuery, with its type and class. Columns that this file does
# not name are `unclassified`: NULL for everyone. `landbridge contract propose` writes a first version.
version: 1
tables: {}
";

/// The modules outside of a checkout: the ones of this version.
const PUBLISHED_MODULES: &str =
    concat!("github.com/landbridge/landbridge//terraform/modules?ref=v", env!("CARGO_PKG_VERSION"));

/// One file to be written.
pub(super) struct New {
    name: &'static str,
    text: String,
    /// Whether one that exists stays, whatever is said.
    keep: bool,
}

/// Refuses before anything is asked.
///
/// # Errors
/// When a file is there and `force` is not.
pub(super) fn may_write(dir: &Path, force: bool) -> Result {
    let there: Vec<String> = [config::FILE_NAME, MAIN_NAME]
        .into_iter()
        .map(|name| dir.join(name))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if force || there.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{} {} there already; --force writes over it, --dir writes elsewhere",
        there.join(" and "),
        if there.len() == 1 { "is" } else { "are" }
    )))
}

/// The files of the answers.
///
/// # Errors
/// When the configuration that they make is not one that `landbridge check` takes.
pub(super) fn files(answers: &Answers, args: &InitArgs) -> Result<Vec<New>> {
    let text = configuration(answers, args);
    config::parse(config::FILE_NAME, &text).map_err(|faults| {
        Failure::Usage(format!("these answers make a file that cannot be used\n{faults}"))
    })?;
    Ok(vec![
        New { name: config::FILE_NAME, text, keep: false },
        New { name: contract::FILE_NAME, text: CONTRACT.to_owned(), keep: true },
        New { name: MAIN_NAME, text: terraform(&args.dir, args.modules.as_deref()), keep: false },
    ])
}

/// Writes them; returns what is written and what is kept.
pub(super) fn write(dir: &Path, files: Vec<New>) -> Result<(Vec<String>, Vec<String>)> {
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    std::fs::create_dir_all(dir).map_err(|error| unusable(dir, &error))?;
    for New { name, text, keep } in files {
        let path = dir.join(name);
        let shown = path.display().to_string();
        if keep && path.exists() {
            kept.push(shown);
            continue;
        }
        std::fs::write(&path, text).map_err(|error| unusable(&path, &error))?;
        written.push(shown);
    }
    Ok((written, kept))
}

/// What to do now.
pub(super) fn next(dir: &Path) -> Vec<String> {
    let file = |name| dir.join(name).display().to_string();
    let (config, contract) = (file(config::FILE_NAME), file(contract::FILE_NAME));
    vec![
        format!(
            "landbridge contract propose --source postgres://USER@HOST/DATABASE --config {config} > {contract}"
        ),
        format!("landbridge check --config {config}"),
        format!("landbridge doctor --before-apply --config {config}"),
        "make package PROCESSORS=arm64".to_owned(),
        format!("terraform -chdir={} init && terraform -chdir={0} plan", dir.display()),
    ]
}

fn configuration(answers: &Answers, args: &InitArgs) -> String {
    let Answers { name, source, region, account, zone, project, location, dataset, .. } = answers;
    let kind = match answers.kind {
        SourceKind::Instance => "instance",
        SourceKind::Cluster => "cluster",
    };
    let partition = match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let mut text = format!(
        "\
# Source, schedule, destination, and who may read which class. All keys: docs/configuration.md
version: 1

source:
  name: {} # the names of snapshots, exports, jobs and ledger paths are derived from it: do not change it later
  kind: {kind}
  id: {}
  region: {}

schedule: # hours are in this time zone
  zone: {}
  export_hour: 1
  transfer_from_hour: 2
  deadline_hour: 4

snapshots: # how many are kept; `quota` is the account's, `reserve` stays free for other people
  hourly: 48
  daily: 14
  weekly: 4
  quota: 100
  reserve: 10

export: # Terraform creates the bucket, the role and the key
  bucket: {}
  role_arn: arn:{partition}:iam::{account}:role/landbridge-{name}-rds-export
  kms_key: arn:{partition}:kms:{region}:{account}:alias/landbridge-{name}

transfer:
  bucket: {}
  # Required if the contract tokenises a column. `landbridge key create` stores the key in the secret.
  # token_key: landbridge/{name}/token-key

warehouse:
  project: {}
  location: {}
  dataset: {}
  ops_dataset: landbridge_ops

pii:
  classes:
    # Columns that the contract does not classify: NULL for everyone.
    unclassified:
      mask: ALWAYS_NULL
",
        word(name),
        word(source),
        word(region),
        word(zone),
        word(&answers.export_bucket),
        word(&answers.landing_bucket),
        word(project),
        word(location),
        word(dataset),
    );
    let everybody = [args.masked_reader.as_slice(), args.reader.as_slice()].concat();
    text.push_str(&members("masked_readers", &everybody));
    for (class, mask) in [
        ("name", "SHA256"),
        ("email", "EMAIL_MASK"),
        ("phone", "LAST_FOUR_CHARACTERS"),
        ("birth", "DATE_YEAR_MASK"),
        ("account", "LAST_FOUR_CHARACTERS"),
        ("ip", "DEFAULT_MASKING_VALUE"),
    ] {
        text.push_str(&format!("    {class}:\n      mask: {mask}\n"));
        text.push_str(&members("masked_readers", &args.masked_reader));
        text.push_str(&members("readers", &args.reader));
    }
    text
}

/// A list of a class; where nobody is named, a hint.
fn members(key: &str, members: &[String]) -> String {
    if members.is_empty() {
        return format!("      # {key}: [\"group:…\"]\n");
    }
    let quoted: Vec<String> = members.iter().map(|it| format!("{it:?}")).collect();
    format!("      {key}: [{}]\n", quoted.join(", "))
}

/// A word as YAML writes it: quoted, unless it can be nothing but text.
fn word(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { format!("{text:?}") }
}

/// The example's three files as one, with modules and packages where they are from `dir`.
fn terraform(dir: &Path, modules: Option<&str>) -> String {
    let checkout = up_to_checkout(dir);
    let modules = match (modules, &checkout) {
        (Some(modules), _) => modules.to_owned(),
        (None, Some(up)) => format!("{up}terraform/modules"),
        (None, None) => PUBLISHED_MODULES.to_owned(),
    };
    let packages = checkout.map_or("./lambda".to_owned(), |up| format!("{up}target/lambda/arm64"));
    let module = |name: &str| match modules.split_once('?') {
        Some((url, query)) => format!("{url}/{name}?{query}"),
        None => format!("{}/{name}", modules.trim_end_matches('/')),
    };
    let main = MAIN
        .replace(&format!("{EXAMPLE_MODULES}aws"), &module("aws"))
        .replace(&format!("{EXAMPLE_MODULES}gcp"), &module("gcp"));
    let variables = VARIABLES.replace(EXAMPLE_PACKAGES, &packages);
    format!("{main}\n{variables}\n{OUTPUTS}")
}

/// `../../` and so on, from `dir` to the checkout that it lies in; `./` in the checkout itself.
fn up_to_checkout(dir: &Path) -> Option<String> {
    let dir: PathBuf = std::path::absolute(dir).ok()?.components().collect();
    let levels = dir
        .ancestors()
        .position(|place| place.join("terraform/modules/aws/variables.tf").is_file())?;
    Some(if levels == 0 { "./".to_owned() } else { "../".repeat(levels) })
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}; choose another --dir", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_what_this_is_made_for() {
        for name in ["aws", "gcp"] {
            assert!(MAIN.contains(&format!("\"{EXAMPLE_MODULES}{name}\"")), "{name}");
        }
        assert!(VARIABLES.contains(&format!("\"{EXAMPLE_PACKAGES}\"")));
    }

    #[test]
    fn modules_are_found_from_where_the_file_lies() {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("here");
        let outside = tempfile::tempdir().expect("a directory");
        let cases = [
            (root.clone(), None, "./terraform/modules/aws", "./target/lambda/arm64"),
            (root.join("a/b"), None, "../../terraform/modules/aws", "../../target/lambda/arm64"),
            (
                outside.path().to_owned(),
                None,
                concat!(
                    "github.com/landbridge/landbridge//terraform/modules/aws?ref=v",
                    env!("CARGO_PKG_VERSION")
                ),
                "./lambda",
            ),
            (outside.path().to_owned(), Some("/src/modules/"), "/src/modules/aws", "./lambda"),
        ];
        for (dir, modules, aws, packages) in cases {
            let text = terraform(&dir, modules);
            assert!(text.contains(&format!("source             = \"{aws}\"")), "{aws}: {text}");
            assert!(text.contains(&format!("default     = \"{packages}\"")), "{packages}: {text}");
            assert!(!text.contains(EXAMPLE_MODULES) || aws.starts_with("../../"));
        }
    }

    #[test]
    fn words_that_are_not_plainly_text_are_quoted() {
        for (text, written) in [
            ("shop-prod", "shop-prod"),
            ("Asia/Seoul", "Asia/Seoul"),
            ("123", "\"123\""),
            ("no", "\"no\""),
            ("a: b", "\"a: b\""),
        ] {
            assert_eq!(word(text), written);
        }
    }
}
