//! The type of a column, as the catalogue of the database would describe it.

use landbridge_core::types::{Engine, catalogue_name, is_extension_type};
use sqlparser::ast::{ArrayElemTypeDef, DataType, ExactNumberInfo};

use super::tokens::Result;
use super::{Schema, UserType};
use crate::catalogue::Column;
use crate::engine::EngineFamily;
use crate::postgres::numeric_size;

/// What a manifest writes for the types that people define.
const USER_DEFINED: &str = "USER-DEFINED";

/// Digits of a float of PostgreSQL up to which it is a `real` ("Numeric Types").
const REAL_DIGITS: u64 = 24;

/// The column of this name and type.
///
/// # Errors
/// Why its type is not known.
pub(super) fn column(schema: &Schema, name: &str, ty: &DataType) -> Result<Column> {
    match schema.family {
        EngineFamily::Postgres => postgres(schema, name, ty),
        EngineFamily::MySql => mysql(name, ty),
    }
}

fn postgres(schema: &Schema, name: &str, ty: &DataType) -> Result<Column> {
    if let DataType::Array(element) = ty {
        return array(schema, name, element);
    }
    if let DataType::Custom(object, modifiers) = ty {
        let parts: Vec<String> = object.0.iter().map(|part| part.to_string()).collect();
        if let Some(defined) = schema.user_type(&parts) {
            return Ok(of_user_type(name, defined));
        }
        if parts.last().is_some_and(|it| it == "\"char\"") {
            return Ok(Column::new(name, "\"char\""));
        }
        let last = parts.last().map_or("", String::as_str).trim_matches('"').to_lowercase();
        if is_extension_type(&last) {
            return Ok(Column::new(name, USER_DEFINED));
        }
        let written = match modifiers.is_empty() {
            true => last,
            false => format!(
                "{last}({})",
                modifiers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
            ),
        };
        return built_in(name, &written).ok_or_else(|| {
            format!("its type `{written}` is not known; add the file that creates it")
        });
    }
    let written = match ty {
        DataType::Float(ExactNumberInfo::Precision(digits)) if *digits <= REAL_DIGITS => {
            "real".to_owned()
        }
        DataType::Interval { .. } => "interval".to_owned(),
        DataType::Bit(None) => "bit(1)".to_owned(),
        _ => ty.to_string().to_lowercase(),
    };
    built_in(name, &written).ok_or_else(|| format!("its type `{written}` is not known"))
}

/// A column of a type of PostgreSQL's own, by one of its names.
fn built_in(name: &str, written: &str) -> Option<Column> {
    let written = match written {
        "serial" | "serial4" => "integer",
        "bigserial" | "serial8" => "bigint",
        "smallserial" | "serial2" => "smallint",
        other => other,
    };
    let data_type = catalogue_name(Engine::Postgres, written)?;
    let size = written.find('(').map(|at| written[at..].replace(' ', ""));
    let size = size.and_then(|it| Some(it[..=it.find(')')?].to_owned())).unwrap_or_default();
    let declaration = match data_type {
        "numeric" if !size.is_empty() && !size.contains(',') => {
            format!("numeric{},0)", size.trim_end_matches(')'))
        }
        "numeric" | "bit" | "bit varying" | "character varying" | "character" => {
            format!("{data_type}{size}")
        }
        _ => data_type.to_owned(),
    };
    let digits = if data_type == "numeric" { numeric_size(&declaration) } else { None };
    Some(Column {
        numeric_precision: digits.map(|(precision, _)| precision),
        numeric_scale: digits.map(|(_, scale)| scale),
        declaration,
        ..Column::new(name, data_type)
    })
}

fn of_user_type(name: &str, defined: &UserType) -> Column {
    match defined {
        UserType::Enum => Column { is_enum: true, ..Column::new(name, USER_DEFINED) },
        UserType::Other => Column::new(name, USER_DEFINED),
        UserType::Domain(base) => Column { name: name.to_owned(), is_domain: true, ..base.clone() },
    }
}

/// An array: its element's type with `[]`, and the number of dimensions.
fn array(schema: &Schema, name: &str, element: &ArrayElemTypeDef) -> Result<Column> {
    let (mut element, mut dimensions) = (element, 1);
    loop {
        let inner = match element {
            ArrayElemTypeDef::SquareBracket(inner, _) | ArrayElemTypeDef::Qualified(inner, _) => {
                inner
            }
            _ => return Err("its array type is not known".to_owned()),
        };
        match inner.as_ref() {
            DataType::Array(deeper) => {
                (element, dimensions) = (deeper, dimensions + 1);
            }
            single => {
                let single = postgres(schema, name, single)?;
                let declared = match single.data_type.as_str() {
                    USER_DEFINED => "user_defined".to_owned(),
                    _ => single.declaration,
                };
                return Ok(Column {
                    declaration: format!("{declared}[]"),
                    array_dimensions: dimensions,
                    ..Column::new(name, "ARRAY")
                });
            }
        }
    }
}

fn mysql(name: &str, ty: &DataType) -> Result<Column> {
    let written = match ty {
        DataType::Enum(..) => "enum".to_owned(),
        DataType::Set(_) => "set".to_owned(),
        DataType::Bit(None) => "bit(1)".to_owned(),
        // The catalogue names its element.
        DataType::Zerofill(inner) => {
            return mysql(name, inner).map(|column| match column.data_type.ends_with("unsigned") {
                true => column,
                // ZEROFILL makes a column unsigned (MySQL Reference Manual, "Numeric Type Attributes").
                false => {
                    let data_type = format!("{} unsigned", column.data_type);
                    Column { data_type, ..column }
                }
            });
        }
        _ => ty.to_string().to_lowercase(),
    };
    let written = match written.as_str() {
        "serial" => "bigint unsigned".to_owned(),
        dec if dec == "dec" || dec.starts_with("dec(") || dec.starts_with("dec ") => {
            dec.replacen("dec", "decimal", 1)
        }
        _ => written,
    };
    let Some(data_type) = catalogue_name(Engine::Mysql, &written) else {
        return Err(format!("its type `{written}` is not known"));
    };
    let size = written.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|it| it.0);
    let digits = data_type.starts_with("decimal").then(|| {
        let mut numbers = size.unwrap_or_default().split(',').map(|it| it.trim().parse().ok());
        // "Fixed-Point Types": DECIMAL is DECIMAL(10,0).
        (numbers.next().flatten().unwrap_or(10), numbers.next().flatten().unwrap_or(0))
    });
    let declaration = match (data_type, digits, size) {
        (_, Some((precision, scale)), _) => format!("decimal({precision},{scale})"),
        ("bit", _, Some(size)) => format!("bit({size})"),
        _ => data_type.to_owned(),
    };
    Ok(Column {
        declaration,
        numeric_precision: digits.map(|it| it.0),
        numeric_scale: digits.map(|it| it.1),
        ..Column::new(name, data_type)
    })
}
