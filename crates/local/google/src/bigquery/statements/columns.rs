//! Column definitions of CREATE TABLE and ALTER TABLE (GoogleSQL reference, "Data definition language",
//! `column_schema`).

use serde_json::{Value, json};

use super::options::{Options, set_description};
use super::tokens::Cursor;
use crate::bigquery::schema::{Field, FieldMode, FieldType, check_field_name};
use crate::error::GoogleError;

/// The definitions between the parentheses of CREATE TABLE.
pub(super) fn parse_columns(cursor: &mut Cursor<'_>) -> Result<Vec<Field>, GoogleError> {
    let mut fields: Vec<Field> = Vec::new();
    while !cursor.is_at_end() {
        for constraint in ["PRIMARY", "FOREIGN", "CONSTRAINT"] {
            if cursor.is_next(&[constraint]) && !cursor.is_next(&[constraint, "INT64"]) {
                return Err(GoogleError::invalid_query(format!(
                    "The local warehouse does not know the table constraint {constraint}; BigQuery \
                     does. Leave it out: BigQuery does not enforce it."
                )));
            }
        }
        let field = parse_column(cursor)?;
        if fields.iter().any(|it| it.name.eq_ignore_ascii_case(&field.name)) {
            return Err(GoogleError::invalid_query(format!(
                "Duplicate column name {} in CREATE TABLE",
                field.name
            )));
        }
        fields.push(field);
        if !cursor.accepts(&[","]) {
            break;
        }
    }
    cursor.expect_end()?;
    Ok(fields)
}

/// One definition: a name, a type and its properties.
pub(super) fn parse_column(cursor: &mut Cursor<'_>) -> Result<Field, GoogleError> {
    let name = cursor.name()?;
    check_field_name(&name)?;
    let mut field = parse_type(cursor)?;
    field.name = name;
    parse_properties(cursor, &mut field)?;
    Ok(field)
}

/// NOT NULL, DEFAULT and OPTIONS behind a type. `>` ends the definition of a STRUCT's member.
fn parse_properties(cursor: &mut Cursor<'_>, field: &mut Field) -> Result<(), GoogleError> {
    loop {
        if cursor.accepts(&["NOT", "NULL"]) {
            if field.mode == FieldMode::Repeated {
                return Err(GoogleError::invalid_query(format!(
                    "NOT NULL cannot be used with the ARRAY column {}",
                    field.name
                )));
            }
            field.mode = FieldMode::Required;
        } else if cursor.accepts(&["DEFAULT"]) {
            let ends = [",", "NOT", "OPTIONS", ">"];
            let text = cursor.text_until(|it| ends.iter().any(|end| it.is_next(&[end])));
            field.properties.insert("defaultValueExpression".to_owned(), json!(text));
        } else if cursor.is_next(&["OPTIONS"]) {
            let options = Options::parse(cursor)?;
            options.check_known(&["description"])?;
            set_description(&mut field.properties, &options)?;
        } else if cursor.is_at_end() || cursor.is_next(&[","]) || cursor.is_next(&[">"]) {
            return Ok(());
        } else {
            return Err(cursor.unexpected("NOT NULL, DEFAULT, OPTIONS or \",\""));
        }
    }
}

/// A type, as a field without a name.
pub(super) fn parse_type(cursor: &mut Cursor<'_>) -> Result<Field, GoogleError> {
    let at_type = cursor.clone();
    let word = cursor.name()?.to_ascii_uppercase();
    match word.as_str() {
        "ARRAY" => {
            cursor.expect(&["<"])?;
            let element = parse_type(cursor)?;
            if element.mode == FieldMode::Repeated {
                return Err(GoogleError::invalid_query("Cannot construct array of arrays"));
            }
            cursor.expect(&[">"])?;
            Ok(Field { mode: FieldMode::Repeated, ..element })
        }
        "STRUCT" => {
            cursor.expect(&["<"])?;
            let mut field = Field::new("", FieldType::Record, FieldMode::Nullable);
            loop {
                field.fields.push(parse_column(cursor)?);
                if !cursor.accepts(&[","]) {
                    break;
                }
            }
            cursor.expect(&[">"])?;
            Ok(field)
        }
        name => {
            let field_type = sql_type(name).ok_or_else(|| at_type.unexpected("a type"))?;
            let mut field = Field::new("", field_type, FieldMode::Nullable);
            if cursor.is_next(&["("]) {
                parse_parameters(cursor, &mut field)?;
            }
            Ok(field)
        }
    }
}

/// The type with a GoogleSQL name ("Data types").
pub(super) fn sql_type(name: &str) -> Option<FieldType> {
    Some(match name.to_ascii_uppercase().as_str() {
        "STRING" => FieldType::String,
        "BYTES" => FieldType::Bytes,
        "INT64" | "INT" | "SMALLINT" | "INTEGER" | "BIGINT" | "TINYINT" | "BYTEINT" => {
            FieldType::Integer
        }
        "FLOAT64" => FieldType::Float,
        "BOOL" | "BOOLEAN" => FieldType::Boolean,
        "TIMESTAMP" => FieldType::Timestamp,
        "DATE" => FieldType::Date,
        "TIME" => FieldType::Time,
        "DATETIME" => FieldType::Datetime,
        "NUMERIC" | "DECIMAL" => FieldType::Numeric,
        "BIGNUMERIC" | "BIGDECIMAL" => FieldType::Bignumeric,
        "JSON" => FieldType::Json,
        "GEOGRAPHY" => FieldType::Geography,
        _ => return None,
    })
}

/// `(precision, scale)` or `(length)`. The API has them as text.
fn parse_parameters(cursor: &mut Cursor<'_>, field: &mut Field) -> Result<(), GoogleError> {
    let mut inner = cursor.parenthesised()?;
    let mut numbers: Vec<Value> = Vec::new();
    for item in inner.list() {
        let number: u32 = item.trim().parse().map_err(|_| inner.unexpected("an integer"))?;
        numbers.push(json!(number.to_string()));
    }
    let keys: &[&str] = match field.field_type {
        FieldType::String | FieldType::Bytes => &["maxLength"],
        FieldType::Numeric | FieldType::Bignumeric => &["precision", "scale"],
        _ => &[],
    };
    if numbers.is_empty() || numbers.len() > keys.len() {
        return Err(GoogleError::invalid_query(format!(
            "{} does not support these type parameters",
            field.field_type.name()
        )));
    }
    for (key, number) in keys.iter().zip(numbers) {
        field.properties.insert((*key).to_owned(), number);
    }
    Ok(())
}

/// The GoogleSQL name of a field's type, such as `ARRAY<STRUCT<a INT64>>`.
pub(in crate::bigquery) fn sql_type_name(field: &Field) -> String {
    let base = match field.field_type {
        FieldType::Integer => "INT64".to_owned(),
        FieldType::Float => "FLOAT64".to_owned(),
        FieldType::Boolean => "BOOL".to_owned(),
        FieldType::Record => {
            let members: Vec<_> = (field.fields.iter())
                .map(|it| format!("{} {}", quoted_name(&it.name), sql_type_name(it)))
                .collect();
            format!("STRUCT<{}>", members.join(", "))
        }
        other => other.name().to_owned(),
    };
    if field.mode == FieldMode::Repeated { format!("ARRAY<{base}>") } else { base }
}

/// A name as SQL writes it: in backticks unless it is a plain word.
pub(in crate::bigquery) fn quoted_name(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { name.to_owned() } else { format!("`{name}`") }
}

/// Whether the next tokens are a comma-separated list of names in parentheses.
pub(super) fn parse_names(cursor: &mut Cursor<'_>) -> Result<Vec<String>, GoogleError> {
    let mut inner = cursor.parenthesised()?;
    let mut names = Vec::new();
    loop {
        names.push(inner.name()?);
        if !inner.accepts(&[","]) {
            inner.expect_end()?;
            return Ok(names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize;
    use super::*;

    fn columns(sql: &str) -> Result<Vec<Field>, GoogleError> {
        parse_columns(&mut Cursor::new(sql, &tokenize(sql)?))
    }

    #[test]
    fn definitions_become_fields() {
        let sql = "id INT64 NOT NULL OPTIONS(description='the id'), `이름` STRING(20), \
                   price NUMERIC(10, 2) DEFAULT 1.5, tags ARRAY<STRUCT<k STRING NOT NULL, v INT64>>";
        let fields = columns(sql).expect("columns");
        let shown: Value = fields.iter().map(Field::resource).collect();
        expect_json(
            &shown,
            &json!([
                {"name": "id", "type": "INTEGER", "mode": "REQUIRED", "description": "the id"},
                {"name": "이름", "type": "STRING", "mode": "NULLABLE", "maxLength": "20"},
                {"name": "price", "type": "NUMERIC", "mode": "NULLABLE", "precision": "10", "scale": "2",
                 "defaultValueExpression": "1.5"},
                {"name": "tags", "type": "RECORD", "mode": "REPEATED", "fields": [
                    {"name": "k", "type": "STRING", "mode": "REQUIRED"},
                    {"name": "v", "type": "INTEGER", "mode": "NULLABLE"},
                ]},
            ]),
        );
        assert_eq!(sql_type_name(&fields[3]), "ARRAY<STRUCT<k STRING, v INT64>>");
    }

    fn expect_json(got: &Value, want: &Value) {
        assert_eq!(got, want);
    }

    #[test]
    fn definitions_that_are_not_understood_are_refused() {
        for sql in [
            "id",
            "id NOTYPE",
            "id INT64 COLLATE 'und:ci'",
            "id INT64, ID STRING",
            "id INT64 PRIMARY KEY NOT ENFORCED",
            "PRIMARY KEY (id) NOT ENFORCED",
            "a ARRAY<ARRAY<INT64>>",
            "d DATE(3)",
            "id INT64 OPTIONS(rounding_mode='x')",
        ] {
            assert!(columns(sql).is_err(), "{sql}");
        }
    }
}
