//! The zip files of the functions: their content, and that the build time has no effect on it.
//! `make package` builds the programs, which takes too long for a test.

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
