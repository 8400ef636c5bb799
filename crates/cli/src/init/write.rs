//! The texts of the generated files, and which files are never overwritten.

use std::path::Path;

use landbridge_core::config::{self, SourceKind};
use landbridge_core::contract;

use super::answers::Answers;
use super::modules::{Origin, quoted};
use crate::failure::{Failure, Result};

/// The example's `main.tf`. `init` writes the repository's own example, which the tests plan and apply.
const EXAMPLE_MAIN: &str = include_str!("../../../../terraform/examples/complete/main.tf");
/// The example's variables.
const EXAMPLE_VARIABLES: &str =
    include_str!("../../../../terraform/examples/complete/variables.tf");
/// The example's outputs.
const EXAMPLE_OUTPUTS: &str = include_str!("../../../../terraform/examples/complete/outputs.tf");
/// The path of the modules in the example.
const EXAMPLE_MODULES: &str = "../../modules/";
/// The path of the Lambda packages in the example.
const EXAMPLE_PACKAGES: &str = "../../../target/lambda/arm64";
/// The default of the variable `release` in the example; no other variable has it.
const EXAMPLE_RELEASE: &str = "default     = null\n";
/// The name of the generated Terraform file.
const MAIN_NAME: &str = "main.tf";

/// A contract that names no columns: all columns are NULL for everyone.
const CONTRACT: &str = "\
# Every column that users may read in BigQuery, with its type and class. Columns that this file does
# not name are `unclassified`: NULL for everyone. `landbridge contract propose` writes a first version.
version: 1
tables: {}
";

/// A file to write.
pub(super) struct GeneratedFile {
    name: &'static str,
    text: String,
    /// Never overwrite an existing file, not even with `--force`.
    keep: bool,
}

/// Checks, before any question, that no existing file would be overwritten without `--force`.
///
/// # Errors
/// [`Failure::Usage`] if a file exists and `force` is false.
pub(super) fn check_overwrite(dir: &Path, force: bool) -> Result {
    let existing: Vec<String> = [config::FILE_NAME, MAIN_NAME]
        .into_iter()
        .map(|name| dir.join(name))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if force || existing.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{} already {}; use --force to overwrite, or --dir to write to another directory",
        existing.join(" and "),
        if existing.len() == 1 { "exists" } else { "exist" }
    )))
}

/// Generates the files.
///
/// # Errors
/// [`Failure::Usage`] if the generated configuration is invalid, with the errors that `landbridge
/// check` would report.
pub(super) fn files(answers: &Answers, origin: &Origin) -> Result<Vec<GeneratedFile>> {
    let text = configuration(answers);
    config::parse(config::FILE_NAME, &text).map_err(|faults| {
        Failure::Usage(format!("these answers do not give a valid {}\n{faults}", config::FILE_NAME))
    })?;
    Ok(vec![
        GeneratedFile { name: config::FILE_NAME, text, keep: false },
        GeneratedFile { name: contract::FILE_NAME, text: CONTRACT.to_owned(), keep: true },
        GeneratedFile { name: MAIN_NAME, text: terraform(origin), keep: false },
    ])
}

/// Writes the files. Returns the paths of the written files and of those that were kept.
pub(super) fn write(dir: &Path, files: Vec<GeneratedFile>) -> Result<(Vec<String>, Vec<String>)> {
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    std::fs::create_dir_all(dir).map_err(|error| write_failure(dir, &error))?;
    for GeneratedFile { name, text, keep } in files {
        let path = dir.join(name);
        let path_text = path.display().to_string();
        if keep && path.exists() {
            kept.push(path_text);
            continue;
        }
        std::fs::write(&path, text).map_err(|error| write_failure(&path, &error))?;
        written.push(path_text);
    }
    Ok((written, kept))
}

/// The next commands for the operator. They work in the directory in which `init` ran, whether it is in a
/// checkout or not.
///
/// `keeps_contract`: there was a contract. Then what is proposed goes into another file, to be compared with it.
pub(super) fn next_steps(dir: &Path, origin: &Origin, keeps_contract: bool) -> Vec<String> {
    let file = |name: &str| quoted(&dir.join(name));
    let (config, contract) = (file(config::FILE_NAME), file(contract::FILE_NAME));
    let propose = format!(
        "landbridge contract propose --source postgres://USER@HOST/DATABASE --config {config}"
    );
    let mut steps = match keeps_contract {
        false => vec![format!("{propose} > {contract}")],
        true => {
            let new = file("contract.new.yaml");
            vec![
                format!("{propose} --extend {contract} > {new}"),
                format!(
                    "landbridge contract diff --config {config} --contract {new} --from {contract}"
                ),
            ]
        }
    };
    steps.extend([
        format!("landbridge check --config {config}"),
        format!("landbridge doctor --before-apply --config {config}"),
    ]);
    steps.extend(origin.package_steps(dir));
    steps.push(format!("terraform -chdir={} init && terraform -chdir={0} plan", quoted(dir)));
    steps
}

/// The classes beside `unclassified` and `none`, with their masks.
const CLASSES: [(&str, &str); 14] = [
    ("name", "DEFAULT_MASKING_VALUE"),
    ("email", "EMAIL_MASK"),
    ("phone", "ALWAYS_NULL"),
    ("birth", "DATE_YEAR_MASK"),
    ("account", "ALWAYS_NULL"),
    ("ip", "DEFAULT_MASKING_VALUE"),
    ("national_id", "ALWAYS_NULL"),
    ("address", "ALWAYS_NULL"),
    ("position", "ALWAYS_NULL"),
    ("device", "ALWAYS_NULL"),
    ("secret", "ALWAYS_NULL"),
    ("health", "ALWAYS_NULL"),
    ("sensitive", "ALWAYS_NULL"),
    ("free_text", "ALWAYS_NULL"),
];

fn configuration(answers: &Answers) -> String {
    let Answers { masked_readers, readers, .. } = answers;
    let all_readers = [masked_readers.as_slice(), readers.as_slice()].concat();
    let mut text = without_classes(answers) + &members("masked_readers", &all_readers);
    for (class, mask) in CLASSES {
        text.push_str(&format!("    {class}:\n      mask: {mask}\n"));
        text.push_str(&members("masked_readers", masked_readers));
        text.push_str(&members("readers", readers));
    }
    text
}

/// The file up to the readers of the class `unclassified`.
fn without_classes(answers: &Answers) -> String {
    let Answers { name, region, account, dataset, .. } = answers;
    let partition = match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!(
        include_str!("landbridge.yaml.template"),
        name = name,
        name_text = yaml_text(name),
        kind = match answers.kind {
            SourceKind::Instance => "instance",
            SourceKind::Cluster => "cluster",
        },
        source = yaml_text(&answers.source),
        region = region,
        region_text = yaml_text(region),
        zone = yaml_text(&answers.zone),
        export_bucket = yaml_text(&answers.export_bucket),
        partition = partition,
        account = account,
        landing_bucket = yaml_text(&answers.landing_bucket),
        project = yaml_text(&answers.project),
        location = yaml_text(&answers.location),
        dataset = yaml_text(dataset),
        views = yaml_text(&format!("{dataset}_views")),
    )
}

/// The members of a class as a YAML list; a commented example if there are none.
fn members(key: &str, members: &[String]) -> String {
    if members.is_empty() {
        return format!("      # {key}: [\"group:…\"]\n");
    }
    let quoted: Vec<String> = members.iter().map(|it| format!("{it:?}")).collect();
    format!("      {key}: [{}]\n", quoted.join(", "))
}

/// A text as a YAML scalar: quoted, unless YAML can only read it as text.
fn yaml_text(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { format!("{text:?}") }
}

/// The example's three files in one, with modules and packages of `origin`.
fn terraform(origin: &Origin) -> String {
    let main = EXAMPLE_MAIN
        .replace(&format!("{EXAMPLE_MODULES}aws"), &origin.module("aws"))
        .replace(&format!("{EXAMPLE_MODULES}gcp"), &origin.module("gcp"));
    let variables = EXAMPLE_VARIABLES.replace(EXAMPLE_PACKAGES, &origin.packages());
    let variables = match origin.release() {
        Some(release) => {
            variables.replace(EXAMPLE_RELEASE, &format!("default     = \"{release}\"\n"))
        }
        None => variables,
    };
    format!("{main}\n{variables}\n{EXAMPLE_OUTPUTS}")
}

fn write_failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}; choose another --dir", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_contains_the_paths_that_are_replaced() {
        for name in ["aws", "gcp"] {
            assert!(EXAMPLE_MAIN.contains(&format!("\"{EXAMPLE_MODULES}{name}\"")), "{name}");
        }
        assert!(EXAMPLE_VARIABLES.contains(&format!("\"{EXAMPLE_PACKAGES}\"")));
        assert_eq!(EXAMPLE_VARIABLES.matches(EXAMPLE_RELEASE).count(), 1);
    }

    #[test]
    fn the_release_and_its_packages_are_in_the_generated_file() {
        let text = terraform(&Origin::Release("v9.9.9"));
        for line in [
            "source             = \"github.com/landbridge/landbridge//terraform/modules/aws?ref=v9.9.9\"",
            "default     = \"./lambda/arm64\"",
            "default     = \"v9.9.9\"",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains(EXAMPLE_MODULES) && !text.contains(EXAMPLE_RELEASE), "{text}");
    }

    #[test]
    fn ambiguous_yaml_texts_are_quoted() {
        for (text, written) in [
            ("shop-prod", "shop-prod"),
            ("Asia/Seoul", "Asia/Seoul"),
            ("123", "\"123\""),
            ("no", "\"no\""),
            ("a: b", "\"a: b\""),
        ] {
            assert_eq!(yaml_text(text), written);
        }
    }
}
