//! Many databases in one `landbridge.yaml`: the key `databases`, expanded to one complete [`Config`] each.
//!
//! A file without the key has one database and is what [`super::parse`] accepts. With it, the rest of the
//! file is what all databases share or begin with, and each entry says what is its own.
//!
//! | module | contents |
//! |---|---|
//! | here | [`Databases`], [`parse_databases`] |
//! | `apart` | rules that keep two databases from touching each other |
//! | `schema` | the JSON Schema of both forms of the file |

mod apart;
mod schema;

#[cfg(test)]
mod tests;

pub(super) use schema::of_file;

use super::{Config, validate};
use crate::yaml::layers::{Layer, Tree};
use crate::yaml::{Diagnostic, Diagnostics, Document, KeyPath, Violation, format, nearest};

/// The key of the file with the databases.
const KEY: &str = "databases";
/// The key of a database with the path of its contract.
const CONTRACT: &str = "contract";
/// What a database may have of its own, by section. An empty list: every key of the section. Everything else
/// belongs to what all share: one region, account, bucket, key, project, location, taxonomy.
const OWN: [(&str, &[&str]); 8] = [
    ("source", &["name", "kind", "id", "zone"]),
    ("schedule", &[]),
    ("snapshots", &["every_hours", "use", "hourly", "daily", "weekly"]),
    ("export", &["prefix", "only"]),
    (
        "transfer",
        &[
            "prefix",
            "concurrency",
            "memory_mib",
            "cut_above_mib",
            "unchanged",
            "full_every",
            "recompress",
            "fan_out",
        ],
    ),
    ("warehouse", &["dataset", "views", "models", "ga4", "column_names", "naive_times"]),
    ("checks", &[]),
    ("load", &[]),
];
/// A section of which a database may have all of its own, instead of keys of it.
const AUDITS: &str = "audits";

/// One database of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Its name: its key in `databases`, and `source.name` unless that is written; of a file with one database,
    /// `source.name`.
    pub name: String,
    /// Its complete configuration, as of a file of its own.
    pub config: Config,
    /// The path of its contract, relative to the directory of the file. `None`: the file has one database, and
    /// its contract is `contract.yaml` or what `LANDBRIDGE_CONTRACT` says.
    pub contract: Option<String>,
}

/// The databases of a file, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Databases {
    all: Vec<Database>,
    shared_name: String,
    many: bool,
}

/// Why no single database is meant. The text names all databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotOne {
    /// The file has many, and none is named.
    NotNamed(Vec<String>),
    /// The file has no database of this name.
    Unknown {
        /// The name.
        named: String,
        /// The names of the databases.
        all: Vec<String>,
    },
}

impl std::fmt::Display for NotOne {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotNamed(all) => {
                write!(
                    f,
                    "the configuration has several databases, and none is named: {}",
                    all.join(", ")
                )
            }
            Self::Unknown { named, all } => {
                write!(f, "the configuration has no database `{named}`, but: {}", all.join(", "))?;
                match nearest(named, all.iter().map(String::as_str)) {
                    Some(name) => write!(f, "; did you mean `{name}`?"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for NotOne {}

impl Databases {
    /// All databases, in the order of the file.
    pub fn all(&self) -> &[Database] {
        &self.all
    }

    /// The names, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.all.iter().map(|it| it.name.clone()).collect()
    }

    /// Whether the file has the key `databases`, even with one entry.
    pub fn is_many(&self) -> bool {
        self.many
    }

    /// The name of what all databases share, such as the identity pool and the taxonomy: `source.name` at the
    /// top of the file.
    pub fn shared_name(&self) -> &str {
        &self.shared_name
    }

    /// The database of this name (its key, else its `source.name`), or the only one of a file without `databases`.
    ///
    /// # Errors
    /// No name is given and the file has the key `databases`, or there is no such database.
    pub fn one(&self, name: Option<&str>) -> Result<&Database, NotOne> {
        match (name, self.all.as_slice()) {
            (None, [only]) if !self.many => Ok(only),
            (None, _) => Err(NotOne::NotNamed(self.names())),
            (Some(name), all) => {
                let by_key = all.iter().find(|it| it.name == name);
                by_key
                    .or_else(|| all.iter().find(|it| it.config.source.name == name))
                    .ok_or_else(|| NotOne::Unknown { named: name.to_owned(), all: self.names() })
            }
        }
    }
}

/// Parses and validates the text of a `landbridge.yaml` with one or many databases. `file` is the name shown
/// in diagnostics.
///
/// # Errors
/// All diagnostics at once, each with its line and column. One that concerns some databases only names them.
pub fn parse_databases(file: &str, text: &str) -> Result<Databases, Diagnostics> {
    parse(file, text, validate::check_config)
}

/// As [`parse_databases`], and also applies [`Config::crosses_border`].
///
/// # Errors
/// As [`parse_databases`].
pub fn parse_databases_with_borders(file: &str, text: &str) -> Result<Databases, Diagnostics> {
    parse(file, text, |config| {
        let mut problems = validate::check_config(config);
        problems.extend(config.crosses_border());
        problems
    })
}

/// Whether the text of a `landbridge.yaml` has the key `databases`, whatever else is wrong in it.
pub fn has_databases(text: &str) -> bool {
    Tree::parse(super::FILE_NAME, text).is_ok_and(|tree| tree.has(KEY))
}

/// The diagnostics of violations in the configuration of a database, at their lines in the file.
///
/// # Errors
/// `text` is no valid file, or `violations` finds something.
pub fn check_databases(
    file: &str,
    text: &str,
    violations: impl Fn(&Config) -> Vec<Violation>,
) -> Result<(), Diagnostics> {
    parse(file, text, violations).map(|_| ())
}

fn parse(
    file: &str,
    text: &str,
    check: impl Fn(&Config) -> Vec<Violation>,
) -> Result<Databases, Diagnostics> {
    let tree = Tree::parse(file, text)?;
    if !tree.has(KEY) {
        let config: Config = crate::yaml::parse_checked(file, text, check)?;
        let shared_name = config.source.name.clone();
        let only = Database { name: shared_name.clone(), config, contract: None };
        return Ok(Databases { all: vec![only], shared_name, many: false });
    }
    let faulty = |all: Vec<Diagnostic>| Diagnostics::new(file, all);
    let layers = tree.layers(KEY).map_err(faulty)?;
    if let Some(fault) = shared_name_fault(&tree) {
        return Err(faulty(vec![fault]));
    }
    let mut faults = Vec::new();
    let mut of_databases: Vec<(&str, Vec<Diagnostic>)> = Vec::new();
    let mut good: Vec<(Layer<'_>, Document<Config>)> = Vec::new();
    for layer in layers {
        faults.extend(faults_of_layer(&tree, &layer));
        let name = name_of(&layer);
        match read_layer(&tree, &layer, &name, &check) {
            Ok(document) => good.push((layer, document)),
            Err(found) => of_databases.push((layer.name, found)),
        }
    }
    faults.extend(merged(of_databases, good.is_empty()));
    faults.extend(apart::check(&tree, &good));
    if !faults.is_empty() {
        faults.dedup();
        return Err(faulty(faults));
    }
    let shared_name = tree.text_at("source", "name").unwrap_or_default().to_owned();
    let database = |(layer, document): (Layer<'_>, Document<Config>)| Database {
        contract: Some(contract_of(&layer)),
        name: layer.name.to_owned(),
        config: document.into_value(),
    };
    Ok(Databases { all: good.into_iter().map(database).collect(), shared_name, many: true })
}

/// The name of a database: its key, unless its section `source` has a name.
fn name_of(layer: &Layer<'_>) -> String {
    layer.text_in("source", "name").unwrap_or(layer.name).to_owned()
}

/// The path of the contract of a database.
fn contract_of(layer: &Layer<'_>) -> String {
    layer.text(CONTRACT).map_or_else(|| format!("contracts/{}.yaml", layer.name), str::to_owned)
}

fn read_layer(
    tree: &Tree,
    layer: &Layer<'_>,
    name: &str,
    check: &impl Fn(&Config) -> Vec<Violation>,
) -> Result<Document<Config>, Vec<Diagnostic>> {
    let mut document = tree.with_layer::<Config>(layer, KEY, &[CONTRACT], |config| {
        let mut config = config.clone();
        name.clone_into(&mut config.source.name);
        check(&config)
    })?;
    name.clone_into(&mut document.value_mut().source.name);
    Ok(document)
}

/// What all databases share has a name, by which it is found again when databases come and go.
fn shared_name_fault(tree: &Tree) -> Option<Diagnostic> {
    let has_name = tree.text_at("source", "name").is_some();
    let violation = || {
        Violation::new(
            KeyPath::of("source").key("name"),
            "`source.name` is missing at the top of the file",
        )
        .help("with `databases`, it names what all of them share, such as the identity pool and the taxonomy; keep the name of the first database if it is deployed already")
    };
    (!has_name).then(|| tree.at_key("source", violation()))
}

/// Keys that a database cannot have, and a name that it cannot have.
fn faults_of_layer(tree: &Tree, layer: &Layer<'_>) -> Vec<Diagnostic> {
    let path = KeyPath::of(KEY).key(layer.name);
    let mut faults = Vec::new();
    if let Some(mismatch) = format::named("source-name").and_then(|it| it.check(layer.name)) {
        let mut violation = Violation::new(path.clone(), format!("`{KEY}`: {}", mismatch.message));
        violation.help = mismatch.help;
        faults.push(tree.at_layer(layer, violation));
    }
    if layer.has(CONTRACT) && layer.text(CONTRACT).is_none_or(|it| !is_relative(it)) {
        let violation = Violation::new(
            path.key(CONTRACT),
            format!(
                "`{}` must be the path of a file below the directory of this one",
                path.key(CONTRACT)
            ),
        )
        .help(format!("write for example `contract: contracts/{}.yaml`", layer.name));
        faults.push(tree.in_layer(layer, [CONTRACT, ""], violation));
    }
    for (section, keys) in layer.keys() {
        if section == CONTRACT || section == AUDITS {
            continue;
        }
        match OWN.iter().find(|(name, _)| *name == section) {
            // The schema reports a key that does not exist.
            None if !schema::has_section(section) => {}
            None => faults.push(tree.in_layer(layer, [section, ""], not_own(&path, section))),
            Some((_, [])) => {}
            Some((_, own)) => {
                for key in keys.into_iter().filter(|key| is_shared(section, own, key)) {
                    let path = path.key(section);
                    faults.push(tree.in_layer(layer, [section, key], shared(&path, section, key)));
                }
            }
        }
    }
    faults
}

/// Whether a path stays below the directory in which it begins.
fn is_relative(path: &str) -> bool {
    let path = std::path::Path::new(path);
    path.components().all(|it| matches!(it, std::path::Component::Normal(_)))
        && path.file_name().is_some()
}

/// Whether a key of a section exists and is not a database's own. A key that does not exist is reported by the
/// schema.
fn is_shared(section: &str, own: &[&str], key: &str) -> bool {
    !own.contains(&key) && schema::has_key(section, key)
}

fn not_own(path: &KeyPath, section: &str) -> Violation {
    Violation::new(path.key(section), format!("`{section}` is the same for all databases"))
        .help("write it once, at the top of the file")
}

fn shared(path: &KeyPath, section: &str, key: &str) -> Violation {
    Violation::new(path.key(key), format!("`{section}.{key}` is the same for all databases"))
        .help("write it once, at the top of the file")
}

/// The diagnostics of all databases. One that every database has is a fault of the shared part and is shown
/// once; another names its database.
fn merged(of_databases: Vec<(&str, Vec<Diagnostic>)>, all_failed: bool) -> Vec<Diagnostic> {
    let is_everywhere =
        |it: &Diagnostic| all_failed && of_databases.iter().all(|(_, faults)| faults.contains(it));
    let mut merged = Vec::new();
    for (number, (name, faults)) in of_databases.iter().enumerate() {
        for fault in faults {
            match is_everywhere(fault) {
                true if number > 0 => {}
                true => merged.push(fault.clone()),
                false => {
                    let message = format!("database `{name}`: {}", fault.message);
                    merged.push(Diagnostic { message, ..fault.clone() });
                }
            }
        }
    }
    merged
}
