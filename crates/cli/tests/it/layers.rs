//! The layers of ARCHITECTURE.md: which crate of the workspace may depend on which.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each crate, and the crates of the workspace that it may have as normal dependencies.
/// Development dependencies are not restricted.
const MAY_USE: &[(&str, &[&str])] = &[
    // The product.
    ("core", &[]),
    ("parquet", &["core"]),
    ("aws", &["core"]),
    ("gcp", &["core"]),
    ("source", &["core"]),
    ("ledger", &["aws", "core"]),
    ("stages", &["aws", "core", "gcp", "ledger", "parquet"]),
    ("functions", &["stages"]),
    ("probe", &["aws", "core", "gcp", "parquet"]),
    ("cli-support", &["core", "ledger", "source"]),
    // Pages of what the ledger says; what only the clouds know, it gets from the command.
    ("console", &["cli-support", "core", "ledger"]),
    (
        "cli",
        &[
            "aws",
            "cli-support",
            "console",
            "core",
            "gcp",
            "ledger",
            "parquet",
            "probe",
            "source",
            "stages",
        ],
    ),
    // The emulator. It does not use core: an emulator that shares the rules it checks would agree
    // with every mistake in them.
    ("local-wire", &[]),
    ("local-database", &["source"]),
    ("local-aws", &["local-database", "local-wire"]),
    ("local-google", &["local-wire"]),
    // What starts the emulator reads landbridge.yaml.
    ("local", &["core", "local-aws", "local-database", "local-google", "local-wire"]),
    ("local-cli", &["cli-support", "core", "ledger", "local", "local-database", "source"]),
    // Runs the product on the emulator.
    (
        "tests",
        &[
            "aws",
            "core",
            "gcp",
            "ledger",
            "local",
            "local-aws",
            "local-database",
            "local-google",
            "local-wire",
            "stages",
        ],
    ),
];

/// Third-party crates that only the emulator needs, by the start of their names.
const ONLY_IN_THE_EMULATOR: [&str; 1] = ["s3s"];

/// The platform of this machine. The graph is restricted to it: cargo downloads no other
/// platform's packages in a build, and these tests use no network.
fn host() -> String {
    let output = Command::new(env!("CARGO")).arg("-vV").output().expect("cargo starts");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("cargo prints its host").to_owned()
}

/// The normal dependencies of each package in the dependency graph, by name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", &host()])
        .current_dir(crate::repository())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let names: BTreeMap<String, String> = list(&metadata["packages"])
        .iter()
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let normal = list(&node["deps"]).into_iter().filter(|dependency| {
            list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null())
        });
        let normal = normal.map(|dependency| names[&text(&dependency["pkg"])].clone());
        all.entry(names[&text(&node["id"])].clone()).or_default().extend(normal);
    }
    all
}

/// The crate's name without the prefix of the workspace.
fn short(name: &str) -> Option<&str> {
    name.strip_prefix("landbridge-").or((name == "landbridge").then_some(name))
}

/// Everything that a package depends on, directly or not.
fn closure(all: &BTreeMap<String, BTreeSet<String>>, package: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![package.to_owned()];
    while let Some(name) = open.pop() {
        for dependency in all.get(&name).into_iter().flatten() {
            if found.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    found
}

#[test]
fn every_crate_uses_only_the_crates_of_its_layer() {
    let all = dependencies();
    let mut faults = Vec::new();
    for (package, used) in &all {
        let Some(name) = short(package) else { continue };
        let Some((_, allowed)) = MAY_USE.iter().find(|(listed, _)| *listed == name) else {
            faults.push(format!("{package} is not in the table of layers"));
            continue;
        };
        for other in used.iter().filter_map(|other| short(other)) {
            if !allowed.contains(&other) {
                faults.push(format!("{package} must not depend on landbridge-{other}"));
            }
        }
    }
    // A crate that is only listed would make the tests below pass over it.
    for (listed, _) in MAY_USE {
        if !all.contains_key(&format!("landbridge-{listed}")) {
            faults
                .push(format!("landbridge-{listed} is in the table of layers and does not exist"));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_product_does_not_contain_the_emulator() {
    let all = dependencies();
    let product = MAY_USE.iter().filter(|(name, _)| !name.starts_with("local") && *name != "tests");
    for (name, _) in product {
        let used = closure(&all, &format!("landbridge-{name}"));
        let emulator: Vec<&String> =
            used.iter().filter(|used| used.starts_with("landbridge-local")).collect();
        assert!(emulator.is_empty(), "landbridge-{name} depends on {emulator:?}");
    }
}

#[test]
fn the_operators_command_contains_no_query_engine() {
    let used = closure(&dependencies(), "landbridge-cli");
    assert!(used.contains("landbridge-core"), "the graph is complete");
    for unwanted in ONLY_IN_THE_EMULATOR {
        let found: Vec<&String> = used.iter().filter(|name| name.starts_with(unwanted)).collect();
        assert!(found.is_empty(), "landbridge-cli depends on {found:?}");
    }
}

#[test]
fn the_emulator_does_not_contain_the_rules_it_checks() {
    for name in ["local-wire", "local-aws", "local-google", "local-database"] {
        // Not from the metadata: they unify features, and source uses core for another crate.
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--edges", "normal", "--prefix", "none", "--offline", "--locked"])
            .args(["--package", &format!("landbridge-{name}")])
            .current_dir(crate::repository())
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!tree.contains("landbridge-core "), "landbridge-{name} depends on core:\n{tree}");
    }
}

/// The names of crates in a cell of a table in Markdown.
fn crates_of(cell: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in cell.replace('`', "").replace("}", "").split([',', '{']) {
        let name = name.split('(').next().unwrap_or_default().trim();
        match name {
            "" | "–" | "local/" => {}
            "local/*" | "each other" => {
                let all = MAY_USE.iter().filter(|it| it.0.starts_with("local"));
                found.extend(all.map(|it| it.0.to_owned()));
            }
            "local/cloud" => {
                found.insert("local".to_owned());
            }
            "wire" | "database" | "google" => {
                found.insert(format!("local-{name}"));
            }
            _ => {
                found.insert(name.replace('/', "-"));
            }
        }
    }
    found
}

/// A reader looks into ARCHITECTURE.md, so its table has to be the one that is checked.
#[test]
fn the_table_of_the_document_is_the_one_that_is_checked() {
    let text =
        std::fs::read_to_string(crate::repository().join("ARCHITECTURE.md")).expect("a file");
    let mut documented = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [names, _, uses] = cells[..] else { continue };
        let mut names = crates_of(names);
        if names.contains("local-wire") {
            // The cell is `local/{wire,database,aws,google}`.
            names.remove("aws");
            names.insert("local-aws".to_owned());
        }
        let rows: Vec<_> = MAY_USE.iter().filter(|it| names.contains(it.0)).collect();
        if rows.is_empty() {
            continue;
        }
        let allowed: BTreeSet<String> =
            rows.iter().flat_map(|it| it.1.iter().map(|it| (*it).to_owned())).collect();
        let said = crates_of(uses);
        let unsaid: Vec<_> = allowed.difference(&said).collect();
        assert!(
            unsaid.is_empty(),
            "{names:?} may use {unsaid:?}, and ARCHITECTURE.md does not say so"
        );
        let unused: Vec<_> =
            said.difference(&allowed).filter(|it| !it.starts_with("local")).collect();
        assert!(unused.is_empty(), "{names:?} may not use {unused:?} that ARCHITECTURE.md names");
        documented.extend(names);
    }
    let listed: BTreeSet<String> = MAY_USE.iter().map(|it| it.0.to_owned()).collect();
    assert_eq!(documented, listed);
}

/// The modules of `landbridge-stages` that the code of each one names: `crate::load`, or a list in braces.
fn modules_of_stages() -> BTreeMap<String, BTreeSet<String>> {
    let root = crate::repository().join("crates/stages/src");
    let mut modules = BTreeMap::new();
    for entry in std::fs::read_dir(&root).expect("the stages") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        // It names all of them.
        if name != "lib" {
            let mut used = BTreeSet::new();
            add_used(&path, &mut used);
            used.remove(&name);
            modules.insert(name, used);
        }
    }
    let known: BTreeSet<String> = modules.keys().cloned().collect();
    modules.values_mut().for_each(|used| used.retain(|it| known.contains(it)));
    modules
}

/// Adds what follows `crate::` in a file, or in all files of a folder.
fn add_used(path: &std::path::Path, used: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            add_used(&entry.expect("an entry").path(), used);
        }
        return;
    }
    let text = std::fs::read_to_string(path).expect("a file");
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<&str>>().join("\n");
    for (at, prefix) in code.match_indices("crate::") {
        let mut depth = 0;
        for word in code[at + prefix.len()..].split_inclusive([',', '{', '}', ':', ';', ' ', '(']) {
            let name: String =
                word.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
            // Of a list in braces, not what is in further braces within it.
            if depth <= 1 && !name.is_empty() {
                used.insert(name);
            }
            match word.chars().last() {
                Some('{') => depth += 1,
                Some('}') => depth -= 1,
                _ => {}
            }
            if depth <= 0 {
                break;
            }
        }
    }
}

/// A stage may use what another one offers, but then not the other way round. What two of them need is below both.
#[test]
fn the_modules_of_the_stages_form_no_circle() {
    let mut modules = modules_of_stages();
    assert!(modules["load"].contains("transfer"), "{modules:?}");
    while let Some(lowest) = modules.iter().find(|it| it.1.is_empty()).map(|it| it.0.clone()) {
        modules.remove(&lowest);
        modules.values_mut().for_each(|used| used.retain(|it| *it != lowest));
    }
    assert!(modules.is_empty(), "each of these is above another one of them: {modules:?}");
}
