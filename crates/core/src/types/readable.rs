//! What the text of a source type can be read as.

use super::{Annotation, BigQueryType, Engine, OriginalColumn, ParquetColumn, Physical};
use super::{array_element, catalogue_name, exported_column};

/// What the text that an export writes for a source type can be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// Anything that a person may have written: the values decide.
    Free,
    /// These types, besides STRING.
    Only(&'static [BigQueryType]),
}

impl TextForm {
    /// Whether text in this form can be read as a value of this type.
    pub fn can_be(self, ty: BigQueryType) -> bool {
        match self {
            Self::Free => true,
            Self::Only(types) => ty == BigQueryType::String || types.contains(&ty),
        }
    }
}

/// `expectedExportedType` in the manifest of a column that an export writes as text.
const TEXT: &str = "binary (UTF8)";

/// What the text of a source type can be read as; for an array, that of its elements.
pub fn text_form(engine: Engine, source_type: &str) -> TextForm {
    use BigQueryType::{
        BigNumeric, Bool, Bytes, Date, DateTime, Float64, Int64, Numeric, Time, Timestamp,
    };
    let element = array_element(source_type).map(|(element, _)| element);
    let name = catalogue_name(engine, element.unwrap_or(source_type));
    TextForm::Only(match (engine, name.unwrap_or("user-defined")) {
        (_, "date") => &[Date],
        (_, "time" | "time without time zone") => &[Time],
        (_, "timestamp without time zone" | "datetime") => &[Timestamp, DateTime],
        (_, "timestamp with time zone" | "timestamp") => &[Timestamp],
        (Engine::Postgres, "numeric") => &[Numeric, BigNumeric, Int64, Float64],
        (Engine::Mysql, "decimal" | "decimal unsigned") => &[Numeric, BigNumeric],
        // An export writes the domains over these types as text.
        (Engine::Postgres, "smallint" | "integer" | "bigint") => {
            &[Int64, Numeric, BigNumeric, Float64]
        }
        (Engine::Postgres, "real" | "double precision") => &[Float64, Numeric, BigNumeric],
        (Engine::Postgres, "boolean") => &[Bool],
        (Engine::Postgres, "oid" | "xid" | "xid8" | "cid") => &[Int64, Numeric, BigNumeric],
        // The one bit of `bit(1)`; a manifest does not contain the length.
        (Engine::Postgres, "bit") => &[Bytes, Bool],
        (Engine::Postgres, "bit varying") => &[Bytes],
        (
            _,
            "character varying" | "character" | "text" | "name" | "\"char\"" | "varchar" | "char"
            | "tinytext" | "mediumtext" | "longtext" | "enum" | "set" | "user-defined" | "array",
        ) => return TextForm::Free,
        _ => &[],
    })
}

/// The columns that an export of `engine` can write for a source type. There are several, because
/// the name in the manifest does not decide alone: a decimal's digits decide its Parquet type, and
/// PostgreSQL's domains, which are text, have the name of their base type. They are included with
/// `domains`.
pub fn export_forms(engine: Engine, source_type: &str, domains: bool) -> Vec<ParquetColumn> {
    let name = catalogue_name(engine, source_type).unwrap_or(source_type);
    let original = |precision, scale, expected_exported: &str| OriginalColumn {
        name: String::new(),
        original_type: name.to_owned(),
        precision,
        scale,
        expected_exported: expected_exported.to_owned(),
    };
    let originals = match engine {
        Engine::Postgres if domains => vec![original(0, None, ""), original(0, None, TEXT)],
        Engine::Postgres => vec![original(0, None, "")],
        Engine::Mysql => [(10, 0), (38, 38), (65, 30)]
            .map(|(precision, scale)| original(precision, Some(scale), ""))
            .into(),
    };
    originals.iter().map(|original| exported_column(engine, original)).collect()
}

impl ParquetColumn {
    /// Whether the transfer can replace the values with tokens: text, bytes and whole numbers.
    pub fn can_be_tokenised(&self) -> bool {
        match self.physical {
            Physical::ByteArray => !matches!(self.annotation, Annotation::Decimal { .. }),
            Physical::Int32 | Physical::Int64 => {
                matches!(self.annotation, Annotation::None | Annotation::Int { .. })
            }
            _ => false,
        }
    }
}
