//! Query parameters (`QueryParameter` of the BigQuery v2 API).
//!
//! A parameter becomes the text of a GoogleSQL expression of its exact type, so that a query with
//! parameters has one meaning, however it is executed.

use serde_json::Value;

use crate::bigquery::statements::text_literal;
use crate::error::GoogleError;

/// The deepest nesting of a parameter's type.
const MAX_DEPTH: usize = 15;

/// A query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// The name without `@`; `None` for a positional parameter.
    pub(crate) name: Option<String>,
    /// A GoogleSQL expression with the value and the type.
    pub(crate) sql: String,
}

impl Parameter {
    /// Parses the parameters of a request, and checks them against its `parameterMode`.
    ///
    /// # Errors
    /// 400 for a value that its type does not have, a type that this server does not know, and for
    /// named and positional parameters in one request.
    pub(crate) fn parse_all(body: &Value) -> Result<Vec<Self>, GoogleError> {
        let given = body.get("queryParameters").and_then(Value::as_array);
        let parameters: Vec<Self> = (given.into_iter().flatten().enumerate())
            .map(|(at, value)| Self::parse(value, at))
            .collect::<Result<_, _>>()?;
        let mode = body.get("parameterMode").and_then(Value::as_str).unwrap_or_default();
        let named = parameters.iter().filter(|it| it.name.is_some()).count();
        let fits = match mode.to_ascii_uppercase().as_str() {
            "NAMED" => named == parameters.len(),
            "POSITIONAL" => named == 0,
            "" => named == 0 || named == parameters.len(),
            _ => {
                return Err(GoogleError::invalid(format!(
                    "Invalid value for parameterMode: {mode} is not a valid value"
                )));
            }
        };
        if !fits {
            return Err(GoogleError::invalid(
                "Query parameters must all have a name (parameterMode NAMED), or none of them \
                 (parameterMode POSITIONAL).",
            ));
        }
        Ok(parameters)
    }

    fn parse(value: &Value, at: usize) -> Result<Self, GoogleError> {
        let name = value.get("name").and_then(Value::as_str).filter(|it| !it.is_empty());
        let label = name.map_or_else(|| format!("{}", at + 1), |it| format!("@{it}"));
        let null = Value::Null;
        let ty = value.get("parameterType").unwrap_or(&null);
        let given = value.get("parameterValue").unwrap_or(&null);
        let sql = expression(ty, given, &label, 0)?;
        Ok(Self { name: name.map(str::to_owned), sql })
    }
}

/// The expression of a value of a type.
fn expression(ty: &Value, value: &Value, label: &str, depth: usize) -> Result<String, GoogleError> {
    if depth > MAX_DEPTH {
        return Err(GoogleError::invalid(format!("Query parameter {label} is nested too deeply.")));
    }
    let type_text = sql_type(ty, label, depth)?;
    let null = || Ok(format!("CAST(NULL AS {type_text})"));
    match type_name(ty).as_str() {
        "ARRAY" => {
            let element = &ty["arrayType"];
            let Some(values) = value.get("arrayValues").and_then(Value::as_array) else {
                return null();
            };
            let values: Vec<String> = (values.iter())
                .map(|it| expression(element, it, label, depth + 1))
                .collect::<Result<_, _>>()?;
            Ok(format!("{type_text}[{}]", values.join(", ")))
        }
        "STRUCT" => {
            let Some(values) = value.get("structValues").and_then(Value::as_object) else {
                return null();
            };
            let members = ty["structTypes"].as_array().into_iter().flatten();
            let values: Vec<String> = members
                .map(|member| {
                    let name = member["name"].as_str().unwrap_or_default();
                    let value = values.get(name).unwrap_or(&Value::Null);
                    expression(&member["type"], value, label, depth + 1)
                })
                .collect::<Result<_, _>>()?;
            Ok(format!("{type_text}({})", values.join(", ")))
        }
        name => match scalar_text(value) {
            None if value.get("value").is_some_and(|it| !it.is_null()) => Err(invalid(label, name)),
            None => null(),
            Some(text) => scalar(name, &text, label),
        },
    }
}

/// The text of a scalar. Google's Python client sends FLOAT64 values as numbers of JSON.
fn scalar_text(value: &Value) -> Option<String> {
    match value.get("value")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn scalar(ty: &str, text: &str, label: &str) -> Result<String, GoogleError> {
    let is_valid = match ty {
        "INT64" => text.trim().parse::<i64>().is_ok(),
        "FLOAT64" => text.trim().parse::<f64>().is_ok(),
        "BOOL" => ["true", "false"].contains(&text.to_ascii_lowercase().as_str()),
        "NUMERIC" | "BIGNUMERIC" => {
            text.trim().parse::<f64>().is_ok_and(f64::is_finite)
                && !text.to_ascii_lowercase().contains("inf")
        }
        _ => true,
    };
    if !is_valid {
        return Err(invalid(label, ty));
    }
    Ok(match ty {
        "STRING" => text_literal(text),
        "BYTES" => format!("FROM_BASE64({})", text_literal(text)),
        "BOOL" => text.to_ascii_uppercase(),
        "JSON" => format!("PARSE_JSON({})", text_literal(text)),
        _ => format!("CAST({} AS {ty})", text_literal(text.trim())),
    })
}

/// The value is left out of the message: it may be personal data.
fn invalid(label: &str, ty: &str) -> GoogleError {
    GoogleError::invalid(format!("Invalid value for query parameter {label}: not a valid {ty}."))
}

fn type_name(ty: &Value) -> String {
    let name = ty.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_uppercase();
    match name.as_str() {
        "INTEGER" => "INT64".to_owned(),
        "FLOAT" => "FLOAT64".to_owned(),
        "BOOLEAN" => "BOOL".to_owned(),
        "RECORD" => "STRUCT".to_owned(),
        _ => name,
    }
}

/// The GoogleSQL name of a type.
fn sql_type(ty: &Value, label: &str, depth: usize) -> Result<String, GoogleError> {
    const SCALARS: [&str; 12] = [
        "STRING",
        "BYTES",
        "INT64",
        "FLOAT64",
        "BOOL",
        "NUMERIC",
        "BIGNUMERIC",
        "DATE",
        "TIME",
        "DATETIME",
        "TIMESTAMP",
        "JSON",
    ];
    let name = type_name(ty);
    match name.as_str() {
        "ARRAY" if depth < MAX_DEPTH => {
            Ok(format!("ARRAY<{}>", sql_type(&ty["arrayType"], label, depth + 1)?))
        }
        "STRUCT" if depth < MAX_DEPTH => {
            let members: Vec<String> = (ty["structTypes"].as_array().into_iter().flatten())
                .map(|member| {
                    let name = member["name"].as_str().unwrap_or_default();
                    let quoted = if name.is_empty() { String::new() } else { format!("`{name}` ") };
                    Ok(format!("{quoted}{}", sql_type(&member["type"], label, depth + 1)?))
                })
                .collect::<Result<_, GoogleError>>()?;
            Ok(format!("STRUCT<{}>", members.join(", ")))
        }
        scalar if SCALARS.contains(&scalar) => Ok(name),
        _ => Err(GoogleError::invalid(format!(
            "Query parameter {label} has the type \"{name}\", which the local warehouse does not \
             know. It knows {}, ARRAY and STRUCT.",
            SCALARS.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sql(ty: Value, value: Value) -> Result<String, String> {
        let body = json!({"queryParameters": [{"parameterType": ty, "parameterValue": value}]});
        let parsed = Parameter::parse_all(&body).map_err(|error| error.message)?;
        Ok(parsed[0].sql.clone())
    }

    #[test]
    fn a_parameter_is_an_expression_of_its_type() {
        let scalar = |ty: &str| json!({"type": ty});
        let of = |value: Value| json!({ "value": value });
        for (ty, value, want) in [
            (scalar("INT64"), of(json!("5")), "CAST('5' AS INT64)"),
            (scalar("INTEGER"), of(json!(5)), "CAST('5' AS INT64)"),
            (scalar("FLOAT64"), of(json!(2.5)), "CAST('2.5' AS FLOAT64)"),
            (scalar("BOOL"), of(json!(true)), "TRUE"),
            (scalar("BOOL"), of(json!("false")), "FALSE"),
            (scalar("STRING"), of(json!("it's")), "'it\\'s'"),
            (scalar("BYTES"), of(json!("YQ==")), "FROM_BASE64('YQ==')"),
            (scalar("DATE"), of(json!("2026-01-01")), "CAST('2026-01-01' AS DATE)"),
            (scalar("DATE"), of(json!(null)), "CAST(NULL AS DATE)"),
            (scalar("STRING"), json!({}), "CAST(NULL AS STRING)"),
            (
                json!({"type": "ARRAY", "arrayType": {"type": "INT64"}}),
                json!({"arrayValues": [{"value": "1"}, {"value": null}]}),
                "ARRAY<INT64>[CAST('1' AS INT64), CAST(NULL AS INT64)]",
            ),
            (
                json!({"type": "STRUCT", "structTypes": [
                    {"name": "a", "type": {"type": "STRING"}}, {"name": "b", "type": {"type": "BOOL"}},
                ]}),
                json!({"structValues": {"b": {"value": "true"}, "a": {"value": "x"}}}),
                "STRUCT<`a` STRING, `b` BOOL>('x', TRUE)",
            ),
        ] {
            assert_eq!(sql(ty.clone(), value).as_deref(), Ok(want), "{ty}");
        }
    }

    #[test]
    fn a_parameter_that_is_not_understood_is_refused() {
        for (ty, value) in [
            (json!({"type": "INT64"}), json!({"value": "1.5"})),
            (json!({"type": "INT64"}), json!({"value": ["1"]})),
            (json!({"type": "BOOL"}), json!({"value": "1"})),
            (json!({"type": "NUMERIC"}), json!({"value": "inf"})),
            (json!({"type": "INTERVAL"}), json!({"value": "1-0 0 0:0:0"})),
            (json!({}), json!({"value": "1"})),
        ] {
            let refused = sql(ty.clone(), value).expect_err("refused");
            assert!(refused.contains("parameter 1"), "{ty}: {refused}");
        }
        let named = json!({"name": "a", "parameterType": {"type": "STRING"}});
        let mixed = json!({"queryParameters": [named, {"parameterType": {"type": "STRING"}}]});
        assert!(Parameter::parse_all(&mixed).is_err());
        let mode = json!({"parameterMode": "POSITIONAL", "queryParameters": [named]});
        assert!(Parameter::parse_all(&mode).is_err());
    }
}
