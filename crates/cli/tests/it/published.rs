//! The two crates that are for crates.io: the engine that rewrites Parquet files, and the rules that it uses.
//! `make try-publish` packages and builds them as crates.io would; these tests find what it would refuse,
//! and a file that is missing in the package, without a network.

use std::path::{Component, Path};
use std::process::Command;

use serde_json::Value;

const PUBLISHED: [&str; 2] = ["landbridge-core", "landbridge-parquet"];

/// The packages of the workspace.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(crate::repository())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn only_the_engine_and_its_rules_can_be_published() {
    for package in packages() {
        let name = text(&package, "name");
        // An empty list of registries is `publish = false`; `null` is every registry.
        let may = package["publish"].is_null();
        assert_eq!(may, PUBLISHED.contains(&name), "{name}: {}", package["publish"]);
    }
}

#[test]
fn a_published_crate_says_what_it_is_and_needs_only_published_crates() {
    let packages = packages();
    for name in PUBLISHED {
        let package = packages.iter().find(|it| text(it, "name") == name).expect(name);
        for key in ["description", "license", "repository", "readme"] {
            assert!(!text(package, key).is_empty(), "{name} has no {key}");
        }
        // crates.io refuses more than five keywords, and keywords of more than 20 characters.
        let keywords = package["keywords"].as_array().expect("a list");
        assert!((1..=5).contains(&keywords.len()), "{name}: {keywords:?}");
        assert!(keywords.iter().all(|it| it.as_str().is_some_and(|it| it.len() <= 20)), "{name}");
        assert!(package["categories"].as_array().is_some_and(|it| !it.is_empty()), "{name}");
        for dependency in package["dependencies"].as_array().expect("a list") {
            let needed = text(dependency, "name");
            if text(dependency, "kind") == "dev" || dependency["path"].is_null() {
                continue;
            }
            assert!(PUBLISHED.contains(&needed), "{name} needs {needed}, which is not published");
            let version = text(dependency, "req");
            let own = packages.iter().find(|it| text(it, "name") == needed).expect(needed);
            let expected = format!("^{}", text(own, "version"));
            assert_eq!(version, expected, "{name} needs {needed} without its version");
        }
    }
}

#[test]
fn a_packaged_crate_has_its_readme_and_every_file_that_its_sources_include() {
    for name in PUBLISHED {
        let output = Command::new(env!("CARGO"))
            .args(["package", "--list", "--allow-dirty", "--offline", "--package", name])
            .current_dir(crate::repository())
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let list = String::from_utf8_lossy(&output.stdout).into_owned();
        let files: Vec<&str> = list.lines().collect();
        assert!(files.contains(&"README.md"), "{name}: {list}");
        let folder =
            crate::repository().join("crates").join(name.trim_start_matches("landbridge-"));
        for file in files.iter().filter(|it| it.starts_with("src/") && it.ends_with(".rs")) {
            let source = std::fs::read_to_string(folder.join(file)).expect(file);
            // Tests may use files of the repository: a packaged crate is built without them.
            let built = source.split("#[cfg(test)]").next().unwrap_or_default();
            if file.ends_with("/tests.rs") || file.contains("/tests/") {
                continue;
            }
            for included in built.split("include_str!(\"").skip(1) {
                let path = included.split('"').next().unwrap_or_default();
                let mut target = Path::new(file).parent().expect("a folder").to_owned();
                for part in Path::new(path).components() {
                    match part {
                        Component::ParentDir => assert!(target.pop(), "{name}: {file}: {path}"),
                        part => target.push(part),
                    }
                }
                let known = files.iter().any(|it| Path::new(it) == target);
                assert!(known, "{name}: {file} includes {path}, which is not in the package");
            }
        }
    }
}
