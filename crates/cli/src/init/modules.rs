//! Where the Terraform modules and the functions' packages come from.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The release that this program is of, such as `v0.2.0`. `scripts/release.sh` sets it when it builds the
/// program from a tag; any other build is of no release and names none.
pub(super) const RELEASE: Option<&str> = option_env!("LANDBRIDGE_RELEASE");

/// Where releases are published.
const REPOSITORY: &str = "github.com/landbridge/landbridge";
/// The folder of the modules in a checkout.
const FOLDER: &str = "terraform/modules";
/// A file of a module, and one that the modules read elsewhere in the checkout.
const NEEDED: [&str; 2] = ["aws/variables.tf", "../../infra/schedules/load.json"];

/// Where the modules and packages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A checkout on this machine. `up` is the relative path to it, which ends with `/`: Terraform uses such a path
    /// in place, but copies the repository of an absolute one, once per module and with `target`
    /// (<https://developer.hashicorp.com/terraform/language/modules/sources#local-paths>).
    Checkout { up: String, root: PathBuf },
    /// A published release.
    Release(&'static str),
    /// Another source of modules that Terraform can read.
    Address(String),
}

impl Origin {
    /// Finds the origin: `modules` if it is given, else the checkout around `dir`, else the release that this
    /// program is of.
    ///
    /// # Errors
    /// [`Failure::Usage`] if none of these exists, or `modules` is a folder without the modules.
    pub(super) fn find(
        dir: &Path,
        modules: Option<&str>,
        release: Option<&'static str>,
    ) -> Result<Self> {
        if let Some(modules) = modules {
            return Self::given(dir, modules);
        }
        match (around(dir), release) {
            (Some(found), _) => Ok(found),
            (None, Some(release)) => Ok(Self::Release(release)),
            (None, None) => Err(Failure::Usage(
                "this `landbridge` is not of a published release, so there is no release whose Terraform \
                 modules main.tf could name. Give the modules of a checkout, for example \
                 --modules ~/landbridge/terraform/modules, or write to a directory inside a checkout"
                    .to_owned(),
            )),
        }
    }

    /// The origin of `--modules`: a folder on this machine, or an address that is not checked.
    fn given(dir: &Path, modules: &str) -> Result<Self> {
        let path = Path::new(modules);
        // A `~` that the shell did not expand is a path that does not exist.
        let is_path = path.is_absolute() || modules.starts_with(['.', '~']) || path.is_dir();
        if !is_path {
            return Ok(Self::Address(modules.to_owned()));
        }
        let missing = |what: &str| {
            Failure::Usage(format!(
                "--modules {modules}: {what}; give the folder {FOLDER} of a checkout of Landbridge"
            ))
        };
        let found = path.canonicalize().map_err(|_| missing("this folder does not exist"))?;
        if !found.ends_with(FOLDER) {
            return Err(missing("these are not the modules of a checkout"));
        }
        if let Some(file) = NEEDED.iter().find(|file| !found.join(file).is_file()) {
            return Err(missing(&format!("{file} does not exist there")));
        }
        let root = found.ancestors().nth(2).unwrap_or(&found);
        checkout(dir, root).ok_or_else(|| {
            Failure::Usage(format!("--dir {}: this path cannot be read", dir.display()))
        })
    }

    /// The `source` of a module.
    pub(super) fn module(&self, name: &str) -> String {
        match self {
            Self::Checkout { up, .. } => format!("{up}{FOLDER}/{name}"),
            // `//` makes Terraform take the whole repository, of which the modules also read `infra`.
            Self::Release(release) => format!("{REPOSITORY}//{FOLDER}/{name}?ref={release}"),
            Self::Address(address) => match address.split_once('?') {
                Some((url, query)) => format!("{}/{name}?{query}", url.trim_end_matches('/')),
                None => format!("{}/{name}", address.trim_end_matches('/')),
            },
        }
    }

    /// The folder of the packages, as `main.tf` names it.
    pub(super) fn packages(&self) -> String {
        match self {
            Self::Checkout { up, .. } => format!("{up}target/lambda/arm64"),
            Self::Release(_) | Self::Address(_) => "./lambda/arm64".to_owned(),
        }
    }

    /// The release that the packages must be of, if it is known.
    pub(super) fn release(&self) -> Option<&str> {
        match self {
            Self::Release(release) => Some(release),
            _ => None,
        }
    }

    /// The commands that bring the packages to where `main.tf` expects them.
    pub(super) fn package_steps(&self, dir: &Path) -> Vec<String> {
        match self {
            Self::Checkout { root, .. } => {
                vec![format!("make -C {} package PROCESSORS=arm64", quoted(root))]
            }
            Self::Release(release) => {
                let archive = format!("landbridge-{release}-lambda-arm64.tar.gz");
                let from = format!("https://{REPOSITORY}/releases/download/{release}");
                vec![
                    format!("curl -fLO {from}/{archive} -LO {from}/SHA256SUMS"),
                    format!("gh attestation verify {archive} --repo landbridge/landbridge"),
                    format!(
                        "sha256sum --check --ignore-missing SHA256SUMS && tar -xzf {archive} -C {}",
                        quoted(dir)
                    ),
                ]
            }
            Self::Address(address) => vec![format!(
                "# put the functions' zips of the same version as {address} into {}",
                quoted(&dir.join("lambda/arm64"))
            )],
        }
    }
}

/// The checkout that contains `dir`.
fn around(dir: &Path) -> Option<Origin> {
    let dir: PathBuf = std::path::absolute(dir).ok()?.components().collect();
    let root = dir.ancestors().find(|it| it.join(FOLDER).join(NEEDED[0]).is_file())?;
    checkout(&dir, root)
}

/// A checkout as `dir` names it. `None` if a path cannot be read.
fn checkout(dir: &Path, root: &Path) -> Option<Origin> {
    let (root, dir) = (root.canonicalize().ok()?, without_links(dir)?);
    let shared = root.ancestors().find(|it| dir.starts_with(it))?;
    let levels = dir.strip_prefix(shared).ok()?.components().count();
    let mut up = if levels == 0 { "./".to_owned() } else { "../".repeat(levels) };
    for part in root.strip_prefix(shared).ok()? {
        up += &format!("{}/", part.to_string_lossy());
    }
    Some(Origin::Checkout { up, root })
}

/// The absolute path of a directory that may not exist yet. Links are resolved, because `..` leaves the directory
/// that a link leads to.
fn without_links(dir: &Path) -> Option<PathBuf> {
    let dir: PathBuf = std::path::absolute(dir).ok()?.components().collect();
    let existing = dir.ancestors().find(|it| it.exists())?;
    Some(
        existing.canonicalize().ok()?.join(dir.strip_prefix(existing).ok()?).components().collect(),
    )
}

/// A path as a word of a shell command.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-~+@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the checkout")
    }

    #[test]
    fn a_checkout_is_named_by_relative_paths() {
        for (dir, aws, packages) in [
            (root(), "./terraform/modules/aws", "./target/lambda/arm64"),
            (root().join("a/b"), "../../terraform/modules/aws", "../../target/lambda/arm64"),
        ] {
            // A checkout is preferred to a release: it is what the person works on.
            let origin = Origin::find(&dir, None, Some("v9.9.9")).expect("a checkout");
            assert_eq!((&*origin.module("aws"), &*origin.packages()), (aws, packages));
            assert_eq!(origin.release(), None);
            let make = format!("make -C {} package PROCESSORS=arm64", root().display());
            assert_eq!(origin.package_steps(&dir), [make]);
        }
    }

    #[test]
    fn outside_a_checkout_only_a_release_that_exists_is_named() {
        let outside = tempfile::tempdir().expect("a directory");
        let origin = Origin::find(outside.path(), None, Some("v9.9.9")).expect("a release");
        assert_eq!(
            origin.module("gcp"),
            "github.com/landbridge/landbridge//terraform/modules/gcp?ref=v9.9.9"
        );
        assert_eq!(
            (origin.packages().as_str(), origin.release()),
            ("./lambda/arm64", Some("v9.9.9"))
        );
        let from = "https://github.com/landbridge/landbridge/releases/download/v9.9.9";
        assert_eq!(
            origin.package_steps(Path::new("my deploy")),
            [
                format!("curl -fLO {from}/landbridge-v9.9.9-lambda-arm64.tar.gz -LO {from}/SHA256SUMS"),
                "gh attestation verify landbridge-v9.9.9-lambda-arm64.tar.gz --repo landbridge/landbridge".into(),
                "sha256sum --check --ignore-missing SHA256SUMS && tar -xzf landbridge-v9.9.9-lambda-arm64.tar.gz -C 'my deploy'".into(),
            ]
        );
        let none = Origin::find(outside.path(), None, None).expect_err("no release").to_string();
        assert!(
            none.contains("not of a published release") && none.contains("--modules"),
            "{none}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_checkout_elsewhere_is_named_by_a_relative_path_too() {
        let outside = tempfile::tempdir().expect("a directory");
        let [real, linked] = ["deep/er", "linked"].map(|it| outside.path().join(it));
        std::fs::create_dir_all(&real).expect("a directory");
        std::os::unix::fs::symlink(&real, &linked).expect("a link");
        let modules = root().join(FOLDER);
        for dir in [&real, &linked, outside.path()] {
            let origin = Origin::find(dir, modules.to_str(), None).expect("modules");
            assert!(origin.module("aws").starts_with("../"), "{origin:?}");
            let named = dir.join(origin.module("aws")).canonicalize().expect("the module");
            assert_eq!(named, modules.join("aws"));
        }
        // In a directory that `init` will make, and above the checkout.
        let missing = Origin::find(&real.join("a/b"), modules.to_str(), None).expect("modules");
        let existing = Origin::find(&real, modules.to_str(), None).expect("modules");
        assert_eq!(missing.packages(), format!("../../{}", existing.packages()));
        let above = Origin::find(root().parent().expect("a parent"), modules.to_str(), None);
        let name = root().file_name().expect("a name").to_string_lossy().into_owned();
        assert_eq!(
            above.expect("modules").module("gcp"),
            format!("./{name}/terraform/modules/gcp")
        );
    }

    #[test]
    fn the_folder_of_modules_must_be_that_of_a_checkout() {
        let outside = tempfile::tempdir().expect("a directory");
        let find = |modules: &Path| Origin::find(outside.path(), modules.to_str(), None);
        let copy = outside.path().join("copy").join(FOLDER);
        std::fs::create_dir_all(copy.join("aws")).expect("a directory");
        std::fs::write(copy.join("aws/variables.tf"), "").expect("a file");
        for (path, why) in [
            (outside.path().join("nowhere"), "does not exist"),
            (PathBuf::from("~/landbridge/terraform/modules"), "does not exist"),
            (outside.path().to_owned(), "not the modules of a checkout"),
            (copy, "infra/schedules/load.json does not exist"),
        ] {
            let error = find(&path).expect_err("no modules").to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn an_address_is_kept() {
        for (given, aws) in [
            (
                "git::ssh://git@example.com/landbridge.git//terraform/modules?ref=main",
                "git::ssh://git@example.com/landbridge.git//terraform/modules/aws?ref=main",
            ),
            (
                "example.com/landbridge//terraform/modules/",
                "example.com/landbridge//terraform/modules/aws",
            ),
        ] {
            let origin = Origin::find(Path::new("/"), Some(given), None).expect("an address");
            assert_eq!((origin.module("aws").as_str(), origin.release()), (aws, None));
        }
    }

    #[test]
    fn words_of_a_command_are_quoted() {
        for (path, word) in
            [("deploy/a-b_1.x", "deploy/a-b_1.x"), ("a b", "'a b'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }
}
