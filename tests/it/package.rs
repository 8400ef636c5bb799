//! What a release contains: zips and archives do not depend on where and when they were made.
//! `make package` builds the programs, which takes too long for a test.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::python::installed_python;
use crate::support::root;

/// Packs `program` with the script that `make package` uses.
fn zip(python: &Path, program: &Path, package: &Path) -> Vec<u8> {
    let script = root().join("scripts/zip-function.py");
    let output =
        Command::new(python).args([&script, program, package]).output().expect("Python starts");
    assert!(output.status.success(), "{output:?}");
    std::fs::read(package).expect("a package")
}

#[test]
fn the_same_program_makes_the_same_zip() {
    let Some(python) = installed_python("the zips of the functions") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let program = b"\x7fELF and what follows".repeat(1000);
    for (name, age) in [("one", 0), ("two", 1_000_000)] {
        std::fs::write(at(name), &program).expect("a file");
        let file = std::fs::File::options().write(true).open(at(name)).expect("the program's file");
        let then = SystemTime::now() - Duration::from_secs(age);
        file.set_modified(then).expect("a time");
    }
    let first = zip(&python, &at("one"), &at("one.zip"));
    let second = zip(&python, &at("two"), &at("two.zip"));
    assert_eq!(first, second, "neither the program's name nor its time may be in the zip");

    // Lambda's format: one file, `bootstrap`, executable for everyone.
    let list_zip = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); \
                print([(i.filename, oct(i.external_attr >> 16), i.file_size) for i in z.infolist()], z.testzip())";
    let output = Command::new(&python)
        .args(["-c", list_zip])
        .arg(at("one.zip"))
        .output()
        .expect("Python starts");
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(listed.trim(), format!("[('bootstrap', '0o100755', {})] None", program.len()));
}

/// Writes the files of an archive in an order, with an age in seconds.
fn files(folder: &Path, names: &[&str], age: u64) {
    for name in names {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a directory");
        std::fs::write(&path, name.repeat(100)).expect("a file");
        let mode = if name.ends_with("landbridge") { 0o700 } else { 0o600 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        let file = std::fs::File::options().write(true).open(&path).expect("the file");
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("a time");
    }
}

#[test]
fn the_same_files_make_the_same_archive() {
    let Some(python) = installed_python("the archives of a release") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let names =
        ["x/landbridge", "x/man/man1/landbridge.1", "x/man/man1/landbridge-redo.1", "x/LICENSE"];
    files(&at("one"), &names, 0);
    let reversed: Vec<&str> = names.into_iter().rev().collect();
    files(&at("another-folder"), &reversed, 1_000_000);
    let pack = |folder: &str, archive: &str| {
        let script = root().join("scripts/archive.py");
        let output = Command::new(&python).args([script, at(folder), at(archive)]).output();
        let output = output.expect("Python starts");
        assert!(output.status.success(), "{output:?}");
        std::fs::read(at(archive)).expect("an archive")
    };
    let first = pack("one", "one.tar.gz");
    assert_eq!(first, pack("another-folder", "two.tar.gz"));
    // Another content is another archive.
    std::fs::write(at("one/x/LICENSE"), "changed").expect("a file");
    assert_ne!(first, pack("one", "three.tar.gz"));
    let listed = Command::new("tar").arg("-tvzf").arg(at("two.tar.gz")).output().expect("tar");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for line in ["-rwxr-xr-x 0/0", "-rw-r--r-- 0/0", "1980-01-01"] {
        assert!(listed.contains(line), "{line}: {listed}");
    }
}

/// Builds a program whose code is generated in the target folder and contains the name of its own file, as
/// generated code of dependencies does. `setting` is a shell command before the build.
fn build_in(folder: &Path, setting: &str) -> Vec<u8> {
    let write = |name: &str, text: &str| {
        let path = folder.join("checkout").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    };
    write(
        "Cargo.toml",
        "[workspace]\n[package]\nname = \"sample\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
         [profile.release]\nstrip = true\npanic = \"abort\"\n",
    );
    write(
        "build.rs",
        "fn main() { let out = std::env::var(\"OUT_DIR\").unwrap(); \
         std::fs::write(out + \"/made.rs\", \"pub fn place() -> &'static str { file!() }\").unwrap(); }",
    );
    write(
        "src/main.rs",
        "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\nfn main() { println!(\"{}\", place()); }\n",
    );
    let script = format!(
        "set -eu; root=$PWD; target={}; {setting} \"${{CARGO:-cargo}}\" build --release --offline --quiet",
        folder.join("target").display()
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.join("checkout"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("sh starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(folder.join("target/release/sample")).expect("a program")
}

#[test]
fn the_flags_of_a_release_hide_where_it_was_built() {
    let dir = tempfile::tempdir().expect("a directory");
    let flags = format!(". {};", root().join("scripts/reproducible.sh").display());
    let build = |folder: &str, setting: &str| build_in(&dir.path().join(folder), setting);
    assert_eq!(build("one", &flags), build("a-folder-with-a-longer-name", &flags));
    // Without them the two differ, so the comparison means something.
    assert_ne!(build("plain", ""), build("plain-with-a-longer-name", ""));
}

#[test]
fn a_release_needs_its_tag_and_its_section_in_the_changelog() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| {
        let output = Command::new("sh")
            .arg(dir.path().join("scripts/release.sh"))
            .args(arguments)
            .env_remove("RELEASE_TRIAL")
            .env("CARGO_TARGET_DIR", dir.path().join("target"))
            .output()
            .expect("sh starts");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let output =
            Command::new("git").args(identity).args(arguments).current_dir(dir.path()).output();
        let output = output.expect("git starts");
        assert!(output.status.success(), "{output:?}");
    };
    std::fs::create_dir(dir.path().join("scripts")).expect("a directory");
    for name in ["release.sh", "reproducible.sh"] {
        let script = std::fs::read(root().join("scripts").join(name)).expect("a script");
        std::fs::write(dir.path().join("scripts").join(name), script).expect("a file");
    }
    let write =
        |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
    write("Cargo.toml", "[workspace.package]\nversion = \"9.9.9\"\n");
    write("CHANGELOG.md", "# Changelog\n\n## [9.9.9] - unreleased\n");
    write(".gitignore", "target\n");
    let refused = |arguments: &[&str], why: &str| {
        let (success, text) = run(arguments);
        assert!(!success && text.contains(why), "{arguments:?}: {text}");
    };
    refused(&[], "give the tag");
    refused(&["v9.9.9", "windows"], "unknown part: windows");
    let output = Command::new("sh")
        .arg(dir.path().join("scripts/release.sh"))
        .arg("v9.9.9")
        .env_remove("RELEASE_TRIAL")
        .env("PROCESSORS", "x86_64")
        .output()
        .expect("sh starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("PROCESSORS is for trials"), "{text}");
    refused(&["v9.9.8"], "Cargo.toml says 9.9.9");
    refused(&["v9.9.9"], "no section '## [9.9.9] - DATE'");
    write("CHANGELOG.md", "# Changelog\n\n## [9.9.9] - 2026-12-01\n");
    git(&["init", "--quiet"]);
    git(&["add", "-A"]);
    git(&["commit", "--quiet", "-m", "a release"]);
    refused(&["v9.9.9"], "HEAD does not have the tag v9.9.9");
    git(&["tag", "v9.9.9"]);
    write("more", "");
    refused(&["v9.9.9"], "changes that are not in v9.9.9");
    std::fs::remove_file(dir.path().join("more")).expect("the file");
    // With its tag and nothing else, the sums of what is there are written.
    let out = dir.path().join("target/release-files/v9.9.9");
    std::fs::create_dir_all(&out).expect("a directory");
    for name in ["b.tar.gz", "a.tar.gz"] {
        std::fs::write(out.join(name), name).expect("a file");
    }
    let (success, text) = run(&["v9.9.9", "sums"]);
    assert!(success, "{text}");
    let sums = std::fs::read_to_string(out.join("SHA256SUMS")).expect("the sums");
    let names: Vec<&str> =
        sums.lines().filter_map(|line| line.split_once("  ")).map(|it| it.1).collect();
    assert_eq!(names, ["a.tar.gz", "b.tar.gz"]);
}

#[test]
fn every_function_is_packed_and_arm64_is_what_terraform_deploys() {
    let script = std::fs::read_to_string(root().join("scripts/package.sh")).expect("the script");
    let packed = script.split_once("functions=${FUNCTIONS:-").and_then(|it| it.1.split_once('}'));
    let mut packed: Vec<&str> = packed.expect("the list").0.split_whitespace().collect();
    let folder = std::fs::read_dir(root().join("crates/functions/src/bin")).expect("the programs");
    let built: Vec<String> = folder
        .map(|it| it.expect("a file").file_name().to_string_lossy().into_owned())
        .filter_map(|it| it.strip_prefix("landbridge-")?.strip_suffix(".rs").map(str::to_owned))
        .collect();
    let mut built: Vec<&str> = built.iter().map(String::as_str).collect();
    packed.sort_unstable();
    built.sort_unstable();
    assert_eq!(packed, built, "scripts/package.sh and crates/functions/src/bin");
    let variables = root().join("terraform/modules/aws/variables.tf");
    let variables = std::fs::read_to_string(variables).expect("the variables");
    let (_, processor) = variables.split_once("variable \"architecture\"").expect("the variable");
    assert!(
        processor[..processor.find("\n}\n").expect("its end")].contains("default     = \"arm64\"")
    );
}

#[test]
fn the_notes_of_a_release_are_its_section_of_the_changelog() {
    let Some(python) = installed_python("the notes of a release") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("scripts")).expect("a directory");
    let script = dir.path().join("scripts/release-notes.py");
    std::fs::copy(root().join("scripts/release-notes.py"), &script).expect("the script");
    let text = "# Changelog\n\n## [0.2.0] - 2026-12-01\n\n- second\n\n## [0.1.0] - 2026-11-01\n\n- first\n";
    std::fs::write(dir.path().join("CHANGELOG.md"), text).expect("a file");
    let notes = |tag: &str| {
        let output = Command::new(&python).arg(&script).arg(tag).output().expect("Python starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(notes("v0.2.0").1, "- second");
    assert_eq!(notes("v0.1.0").1, "- first");
    let (success, _, why) = notes("v0.3.0");
    assert!(!success && why.contains("no section for v0.3.0"), "{why}");
}
