//! The JSON Schema of `landbridge.yaml` in both forms: with one database, and with `databases`.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::super::Config;
use super::{AUDITS, CONTRACT, KEY, OWN};
use crate::yaml;

/// The schema of a complete configuration.
static CONFIG: LazyLock<Value> = LazyLock::new(yaml::schema_of::<Config>);

/// Whether a complete configuration has this section.
pub(super) fn has_section(section: &str) -> bool {
    CONFIG["properties"].get(section).is_some()
}

/// Whether a section has this key.
pub(super) fn has_key(section: &str, key: &str) -> bool {
    definition(section).is_some_and(|it| it["properties"].get(key).is_some())
}

/// The definition of a section.
fn definition(section: &str) -> Option<&'static Value> {
    let property = &CONFIG["properties"][section];
    let pointer = property["$ref"].as_str()?;
    CONFIG.pointer(pointer.trim_start_matches('#'))
}

/// The schema of the file. Which of the two forms a file has is decided by the key `databases`.
pub(in super::super) fn of_file() -> Value {
    let mut config = CONFIG.clone();
    let definitions = config["$defs"].take();
    let mut definitions = definitions.as_object().cloned().unwrap_or_default();
    let mut one = config.as_object().cloned().unwrap_or_default();
    let (dialect, title) = (one.remove("$schema"), one.remove("title"));
    one.remove("$defs");
    let mut many = one.clone();
    share(&mut many, &mut definitions);
    definitions.insert("DatabaseConfig".to_owned(), database());
    definitions.insert("OneDatabase".to_owned(), Value::Object(one));
    definitions.insert("ManyDatabases".to_owned(), Value::Object(many));
    let mut file = Map::new();
    file.extend(dialect.map(|it| ("$schema".to_owned(), it)));
    file.extend(title.map(|it| ("title".to_owned(), it)));
    file.insert("if".to_owned(), json!({ "type": "object", "required": [KEY] }));
    file.insert("then".to_owned(), json!({ "$ref": "#/$defs/ManyDatabases" }));
    file.insert("else".to_owned(), json!({ "$ref": "#/$defs/OneDatabase" }));
    file.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(file)
}

/// Makes the schema of a complete configuration the one of what databases share: no section must be complete,
/// because each database completes it.
fn share(many: &mut Map<String, Value>, definitions: &mut Map<String, Value>) {
    for (section, _) in OWN {
        let Some(mut shared) = definition(section).cloned() else { continue };
        if let Some(shared) = shared.as_object_mut() {
            shared.remove("required");
            if section == "source" {
                shared.insert("required".to_owned(), json!(["name"]));
            }
        }
        let name = format!("Shared{}", capital(section));
        many["properties"][section]["$ref"] = json!(format!("#/$defs/{name}"));
        definitions.insert(name, shared);
    }
    many["properties"][KEY] = json!({
        "description": "The databases, by name. Each has what is its own; the rest of the file holds for all of them.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": name_schema(),
        "additionalProperties": { "$ref": "#/$defs/DatabaseConfig" },
    });
    many["required"] = json!(["version", "source", "export", "transfer", "warehouse", KEY]);
}

/// The format of a name, as of `source.name`.
fn name_schema() -> Value {
    definition("source").map(|it| it["properties"]["name"].clone()).unwrap_or_default()
}

/// The schema of one entry of `databases`.
fn database() -> Value {
    let mut properties = Map::new();
    for (section, own) in OWN {
        let Some(all) = definition(section).and_then(|it| it["properties"].as_object()) else {
            continue;
        };
        let is_own = |key: &String| own.is_empty() || own.contains(&key.as_str());
        // A default here would hide the shared value.
        let without_default = |(key, value): (&String, &Value)| {
            let mut value = value.clone();
            if let Some(value) = value.as_object_mut() {
                value.remove("default");
            }
            (key.clone(), value)
        };
        let kept: Map<String, Value> =
            all.iter().filter(|(key, _)| is_own(key)).map(without_default).collect();
        let description = CONFIG["properties"][section]["description"].clone();
        properties.insert(
            section.to_owned(),
            json!({
                "description": description,
                "type": "object",
                "additionalProperties": false,
                "properties": kept,
            }),
        );
    }
    properties.insert(AUDITS.to_owned(), CONFIG["properties"][AUDITS].clone());
    properties.insert(
        CONTRACT.to_owned(),
        json!({
            "description": "Path of the contract, relative to the directory of this file. Default: `contracts/NAME.yaml`.",
            "type": "string",
        }),
    );
    json!({
        "description": "What a database has of its own. A key of a section replaces the same key at the top of the file.",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": properties,
    })
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
