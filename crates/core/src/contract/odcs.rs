//! The contract as a document of the Open Data Contract Standard, and from one.
//!
//! Source: Bitol, LF AI & Data, "Open Data Contract Standard" v3.1.0, and its JSON schema. What the
//! standard has no words for is in `customProperties` whose names begin with `landbridge`, so that a
//! contract which is exported and imported is the same. What a document of another tool says and a
//! contract cannot is listed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ColumnContract, Contract, Mode, TableContract, Transform, VERSION};
use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED, Config};
use crate::names::column_name;
use crate::types::{BigQueryType, Engine, catalogue_name};

/// The version of the standard that is written.
pub const API_VERSION: &str = "v3.1.0";

/// The beginning of the names of our custom properties.
const PREFIX: &str = "landbridge";

/// A contract from a document.
#[derive(Debug)]
pub struct Imported {
    /// The contract.
    pub contract: Contract,
    /// What the document says and the contract does not, and what was assumed.
    pub lost: Vec<String>,
}

/// The contract as a document of the standard. `version` is the version of the document, which people
/// give it.
pub fn export(contract: &Contract, config: &Config, version: &str) -> Value {
    let objects: Vec<Value> =
        contract.tables.iter().map(|(key, table)| object(contract, config, key, table)).collect();
    let mut document = json!({
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": format!("urn:landbridge:{}", config.source.name),
        "name": config.source.name,
        "version": version,
        "status": "active",
        "servers": [{
            "server": "bigquery",
            "type": "bigquery",
            "project": config.warehouse.project,
            "dataset": config.warehouse.dataset,
        }],
        "roles": roles(config),
        "schema": objects,
    });
    if !contract.others.is_unclassified() {
        document["customProperties"] =
            json!([{ "property": "landbridgeOthers", "value": contract.others.name() }]);
    }
    document
}

/// The readers of each class. They are for people: the configuration says them.
fn roles(config: &Config) -> Vec<Value> {
    let mut roles = Vec::new();
    for (class, rule) in config.pii.all() {
        for (members, sees) in [(&rule.readers, "plain"), (&rule.masked_readers, "masked")] {
            roles.extend(members.iter().map(|member| {
                json!({
                    "role": member,
                    "access": "read",
                    "customProperties": [
                        { "property": "landbridgeClass", "value": class },
                        { "property": "landbridgeSees", "value": sees },
                        { "property": "landbridgeMask", "value": rule.mask.as_str() },
                    ],
                })
            }));
        }
    }
    roles
}

fn object(contract: &Contract, config: &Config, key: &str, table: &TableContract) -> Value {
    let engine = contract.engine();
    let (schema, short) = key.split_once('.').unwrap_or(("", key));
    let database = if engine == Some(Engine::Mysql) { schema } else { "" };
    let mut object = Map::new();
    object.insert("name".into(), key.into());
    object.insert(
        "physicalName".into(),
        contract.bigquery_table_name(database, schema, short).into(),
    );
    object.insert("physicalType".into(), "table".into());
    object.insert("logicalType".into(), "object".into());
    let mut rest = fields_of(table);
    rest.remove("columns");
    if let Some(description) = rest.remove("description") {
        object.insert("description".into(), description);
    }
    insert_custom(&mut object, rest);
    let columns = table.columns.iter().map(|(name, column)| property(config, name, column));
    object.insert("properties".into(), columns.collect());
    Value::Object(object)
}

fn property(config: &Config, name: &str, column: &ColumnContract) -> Value {
    let mut property = Map::new();
    property.insert("name".into(), name.into());
    let mut rest = fields_of(column);
    for of_standard in ["type", "mode", "class", "name"] {
        rest.remove(of_standard);
    }
    let landed = column.name.clone();
    if column.transform != Some(Transform::Drop) {
        let landed =
            landed.clone().unwrap_or_else(|| column_name(name, config.warehouse.column_names));
        property.insert("physicalName".into(), landed.into());
    }
    if let Some(landed) = landed {
        rest.insert("name".into(), landed.into());
    }
    let ty = column.bigquery_type;
    let logical = logical_type(ty);
    property.insert("physicalType".into(), column.column_type().to_string().into());
    if column.mode == Mode::Repeated {
        property.insert("logicalType".into(), "array".into());
        let items = json!({ "logicalType": logical, "physicalType": ty.to_string() });
        property.insert("items".into(), items);
    } else {
        property.insert("logicalType".into(), logical.into());
    }
    property.insert("classification".into(), column.class.clone().into());
    if let Some(description) = rest.remove("description") {
        property.insert("description".into(), description);
    }
    insert_custom(&mut property, rest);
    Value::Object(property)
}

fn logical_type(ty: BigQueryType) -> &'static str {
    match ty {
        BigQueryType::String | BigQueryType::Bytes => "string",
        BigQueryType::Int64 => "integer",
        BigQueryType::Float64 | BigQueryType::Numeric | BigQueryType::BigNumeric => "number",
        BigQueryType::Bool => "boolean",
        BigQueryType::Date => "date",
        BigQueryType::Time => "time",
        BigQueryType::DateTime | BigQueryType::Timestamp => "timestamp",
        BigQueryType::Json => "object",
    }
}

/// The keys of a part of the contract, as its file has them.
fn fields_of(part: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(part) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn insert_custom(into: &mut Map<String, Value>, fields: Map<String, Value>) {
    let custom =
        |(name, value): (String, Value)| json!({ "property": camel(&name), "value": value });
    let custom: Vec<Value> = fields.into_iter().map(custom).collect();
    if !custom.is_empty() {
        into.insert("customProperties".into(), custom.into());
    }
}

/// `token_domain` → `landbridgeTokenDomain`.
fn camel(key: &str) -> String {
    let mut name = PREFIX.to_owned();
    for word in key.split('_') {
        let mut chars = word.chars();
        name.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(chars.as_str());
    }
    name
}

/// `landbridgeTokenDomain` → `token_domain`; `None` for a property of another tool.
fn snake(property: &str) -> Option<String> {
    let rest = property.strip_prefix(PREFIX)?;
    let mut key = String::new();
    for c in rest.chars() {
        if c.is_ascii_uppercase() && !key.is_empty() {
            key.push('_');
        }
        key.push(c.to_ascii_lowercase());
    }
    Some(key)
}

/// A contract from a document of the standard, of version 3.
///
/// # Errors
/// All reasons why the document is no contract.
pub fn import(document: &Value, config: &Config) -> Result<Imported, Vec<String>> {
    let mut reader = Reader { config, lost: Vec::new(), faults: Vec::new() };
    if document["kind"] != "DataContract" {
        reader.faults.push("`kind` is not `DataContract`".to_owned());
    }
    let version = document["apiVersion"].as_str().unwrap_or_default();
    if !version.starts_with("v3.") {
        reader.faults.push(format!("`apiVersion` is `{version}`, and only v3 is known"));
    }
    const KNOWN: [&str; 11] = [
        "apiVersion",
        "kind",
        "id",
        "name",
        "version",
        "status",
        "schema",
        "servers",
        "roles",
        "customProperties",
        "contractCreatedTs",
    ];
    reader.lost_keys("the document", document, &KNOWN);
    let mut custom = reader.custom("the document", document);
    let mut contract = Contract { version: VERSION, ..Contract::of_no_table() };
    if let Some(others) = custom.remove("others") {
        match serde_json::from_value(others) {
            Ok(others) => contract.others = others,
            Err(_) => reader.faults.push("`landbridgeOthers` is not known".to_owned()),
        }
    }
    for object in document["schema"].as_array().into_iter().flatten() {
        let name = object["name"].as_str().unwrap_or_default();
        let key = if name.contains('.') { name.to_owned() } else { format!("public.{name}") };
        if key != name {
            reader.lost.push(format!("table `{name}`: no schema is named, `public` is assumed"));
        }
        let table = reader.table(&key, object);
        contract.tables.insert(key, table);
    }
    match reader.faults.is_empty() {
        true => Ok(Imported { contract, lost: reader.lost }),
        false => Err(reader.faults),
    }
}

struct Reader<'a> {
    config: &'a Config,
    lost: Vec<String>,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn lost_keys(&mut self, what: &str, value: &Value, known: &[&str]) {
        let keys = value.as_object().into_iter().flat_map(Map::keys);
        for key in keys.filter(|key| !known.contains(&key.as_str())) {
            self.lost.push(format!("{what}: `{key}`"));
        }
    }

    /// Our custom properties by the keys of the contract; the others are lost.
    fn custom(&mut self, what: &str, value: &Value) -> BTreeMap<String, Value> {
        let mut custom = BTreeMap::new();
        for property in value["customProperties"].as_array().into_iter().flatten() {
            let name = property["property"].as_str().unwrap_or_default();
            match snake(name) {
                Some(key) => {
                    custom.insert(key, property["value"].clone());
                }
                None => self.lost.push(format!("{what}: custom property `{name}`")),
            }
        }
        custom
    }

    fn table(&mut self, key: &str, object: &Value) -> TableContract {
        const KNOWN: [&str; 7] = [
            "name",
            "physicalName",
            "physicalType",
            "logicalType",
            "description",
            "customProperties",
            "properties",
        ];
        let what = format!("table `{key}`");
        self.lost_keys(&what, object, &KNOWN);
        let mut fields: Map<String, Value> = self.custom(&what, object).into_iter().collect();
        fields.insert("columns".to_owned(), json!({}));
        if let Some(description) = object.get("description") {
            fields.insert("description".to_owned(), description.clone());
        }
        let mut table = match serde_json::from_value::<TableContract>(fields.into()) {
            Ok(table) => table,
            Err(error) => {
                self.faults.push(format!("{what}: {error}"));
                TableContract::default()
            }
        };
        for property in object["properties"].as_array().into_iter().flatten() {
            let name = property["name"].as_str().unwrap_or_default().to_owned();
            if let Some(column) = self.column(&format!("column `{name}` of `{key}`"), property) {
                table.columns.insert(name, column);
            }
        }
        table
    }

    fn column(&mut self, what: &str, property: &Value) -> Option<ColumnContract> {
        const KNOWN: [&str; 8] = [
            "name",
            "physicalName",
            "physicalType",
            "logicalType",
            "classification",
            "description",
            "customProperties",
            "items",
        ];
        self.lost_keys(what, property, &KNOWN);
        let mut fields: Map<String, Value> = self.custom(what, property).into_iter().collect();
        let physical = property["physicalType"].as_str().unwrap_or_default();
        let element = physical.strip_prefix("ARRAY<").and_then(|it| it.strip_suffix('>'));
        let is_array = property["logicalType"] == "array";
        let written = element.unwrap_or(physical);
        let ty = match written.to_ascii_uppercase().parse::<BigQueryType>() {
            Ok(ty) => ty,
            Err(_) => self.assumed_type(what, property)?,
        };
        if is_array {
            fields.insert("mode".to_owned(), "REPEATED".into());
        }
        if !fields.contains_key("source") {
            let source = [Engine::Postgres, Engine::Mysql]
                .into_iter()
                .find_map(|engine| catalogue_name(engine, physical));
            let Some(source) = source else {
                self.faults.push(format!(
                    "{what}: neither `landbridgeSource` nor `physicalType` names its type in the source"
                ));
                return None;
            };
            self.lost.push(format!("{what}: `source: {source}` is assumed from `physicalType`"));
            fields.insert("source".to_owned(), source.into());
        }
        fields.insert("type".to_owned(), ty.to_string().into());
        fields.insert("class".to_owned(), self.class(what, property).into());
        if let Some(description) = property.get("description") {
            fields.insert("description".to_owned(), description.clone());
        }
        match serde_json::from_value(fields.into()) {
            Ok(column) => Some(column),
            Err(error) => {
                self.faults.push(format!("{what}: {error}"));
                None
            }
        }
    }

    /// The type in BigQuery by the logical type, where the physical type is that of the source.
    fn assumed_type(&mut self, what: &str, property: &Value) -> Option<BigQueryType> {
        let logical = property["logicalType"].as_str().unwrap_or_default();
        let ty = match logical {
            "string" | "object" => BigQueryType::String,
            "integer" => BigQueryType::Int64,
            "number" => BigQueryType::Numeric,
            "boolean" => BigQueryType::Bool,
            "date" => BigQueryType::Date,
            "time" => BigQueryType::Time,
            "timestamp" => BigQueryType::Timestamp,
            _ => {
                self.faults.push(format!("{what}: its `logicalType` is `{logical}`, and `physicalType` is no type of BigQuery"));
                return None;
            }
        };
        self.lost.push(format!("{what}: `type: {ty}` is assumed from `logicalType: {logical}`"));
        Some(ty)
    }

    /// The class; a classification that is none of our classes hides the column.
    fn class(&mut self, what: &str, property: &Value) -> String {
        let class = property["classification"].as_str().unwrap_or_default();
        if class == CLASS_NONE || self.config.class(class).is_some() {
            return class.to_owned();
        }
        self.lost.push(format!(
            "{what}: `classification: {class}` is no class of landbridge.yaml, so it is `{CLASS_UNCLASSIFIED}`"
        ));
        CLASS_UNCLASSIFIED.to_owned()
    }
}
