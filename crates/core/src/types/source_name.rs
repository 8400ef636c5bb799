//! Names of source types: which names exist, and which of them mean the same type.
//!
//! Sources: PostgreSQL documentation, "Data Types" and the catalogue `pg_type`; MySQL Reference
//! Manual, "Data Types"; MariaDB documentation, "Data Types". An export's manifest writes the names
//! of `information_schema.columns.data_type`.

use super::Engine;
use crate::yaml::nearest;

/// The name that an export's manifest writes for every array of PostgreSQL.
const ARRAY: &str = "array";

/// PostgreSQL's built-in types, and what the manifest writes for all others.
const POSTGRES: &[&str] = &[
    "bigint",
    "integer",
    "smallint",
    "real",
    "double precision",
    "numeric",
    "money",
    "boolean",
    "bytea",
    "character varying",
    "character",
    "text",
    "name",
    "\"char\"",
    "date",
    "time without time zone",
    "time with time zone",
    "timestamp without time zone",
    "timestamp with time zone",
    "interval",
    "uuid",
    "json",
    "jsonb",
    "jsonpath",
    "xml",
    "bit",
    "bit varying",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "tsvector",
    "tsquery",
    "pg_lsn",
    "pg_snapshot",
    "txid_snapshot",
    "oid",
    "xid",
    "xid8",
    "cid",
    "tid",
    "oidvector",
    "int2vector",
    "aclitem",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "user-defined",
    ARRAY,
];

/// Types of PostgreSQL's extensions. A manifest writes `USER-DEFINED` for them, as far as is known;
/// they are listed so that none of them counts as a misspelt built-in type.
const EXTENSIONS: &[&str] = &[
    "citext",
    "hstore",
    "ltree",
    "lquery",
    "cube",
    "seg",
    "isbn",
    "semver",
    "geometry",
    "geography",
    "raster",
    "vector",
    "halfvec",
    "sparsevec",
    "uint256",
];

/// The types of MySQL and MariaDB.
const MYSQL: &[&str] = &[
    "tinyint",
    "smallint",
    "mediumint",
    "int",
    "bigint",
    "tinyint unsigned",
    "smallint unsigned",
    "mediumint unsigned",
    "int unsigned",
    "bigint unsigned",
    "year",
    "decimal",
    "decimal unsigned",
    "float",
    "float unsigned",
    "double",
    "double unsigned",
    "char",
    "varchar",
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
    "enum",
    "set",
    "json",
    "bit",
    "binary",
    "varbinary",
    "tinyblob",
    "blob",
    "mediumblob",
    "longblob",
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
    "date",
    "time",
    "datetime",
    "timestamp",
    // Types of MariaDB alone.
    "inet4",
    "inet6",
];

/// Other names of the same types, which no manifest is known to write and people do.
const ALIASES: &[(Engine, &str, &str)] = {
    use Engine::{Mysql, Postgres};
    &[
        (Postgres, "int8", "bigint"),
        (Postgres, "bigserial", "bigint"),
        (Postgres, "serial8", "bigint"),
        (Postgres, "int", "integer"),
        (Postgres, "int4", "integer"),
        (Postgres, "serial", "integer"),
        (Postgres, "serial4", "integer"),
        (Postgres, "int2", "smallint"),
        (Postgres, "smallserial", "smallint"),
        (Postgres, "serial2", "smallint"),
        (Postgres, "float4", "real"),
        (Postgres, "float8", "double precision"),
        (Postgres, "float", "double precision"),
        (Postgres, "decimal", "numeric"),
        (Postgres, "bool", "boolean"),
        (Postgres, "varchar", "character varying"),
        (Postgres, "char", "character"),
        (Postgres, "bpchar", "character"),
        (Postgres, "varbit", "bit varying"),
        (Postgres, "timetz", "time with time zone"),
        (Postgres, "time", "time without time zone"),
        (Postgres, "timestamptz", "timestamp with time zone"),
        (Postgres, "timestamp", "timestamp without time zone"),
        (Mysql, "integer", "int"),
        (Mysql, "integer unsigned", "int unsigned"),
        (Mysql, "bool", "tinyint"),
        (Mysql, "boolean", "tinyint"),
        (Mysql, "numeric", "decimal"),
        (Mysql, "numeric unsigned", "decimal unsigned"),
        (Mysql, "double precision", "double"),
        (Mysql, "real", "double"),
        (Mysql, "uuid", "uuid"),
        (Mysql, "vector", "vector"),
    ]
};

/// A source type's name without letter case, sizes and repeated spaces: `Numeric(12, 2)` becomes
/// `numeric`. Every array of PostgreSQL becomes [`ARRAY`], because a manifest does not contain the
/// type of the elements.
fn plain(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    if lower.ends_with("[]") {
        return ARRAY.to_owned();
    }
    let (mut depth, mut outside) = (0_u32, String::with_capacity(lower.len()));
    for c in lower.chars() {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                outside.push(' ');
            }
            _ if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    outside.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether two names mean the same type: that of an export's manifest and that of a contract. They
/// are equal without regard to letter case and sizes, or one is another name of the other in the
/// same engine. `integer[]` and `ARRAY` are the same type.
pub fn is_same_source_type(one: &str, other: &str) -> bool {
    let (one, other) = (plain(one), plain(other));
    one == other
        || [Engine::Postgres, Engine::Mysql].into_iter().any(|engine| {
            let (one, other) = (canonical(engine, &one), canonical(engine, &other));
            one.is_some() && one == other
        })
}

/// The name in the catalogue of `engine`; `None` if the engine is not known to have the type.
pub fn catalogue_name(engine: Engine, name: &str) -> Option<&'static str> {
    canonical(engine, &plain(name))
}

/// The types of each engine by the names of its catalogue.
pub const SOURCE_TYPES: [(Engine, &[&str]); 2] =
    [(Engine::Postgres, POSTGRES), (Engine::Mysql, MYSQL)];

fn names(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Postgres => POSTGRES,
        Engine::Mysql => MYSQL,
    }
}

fn canonical(engine: Engine, plain: &str) -> Option<&'static str> {
    names(engine).iter().copied().find(|known| *known == plain).or_else(|| {
        let mut aliases = ALIASES.iter().filter(|(of, ..)| *of == engine);
        aliases.find(|(_, alias, _)| *alias == plain).map(|(.., name)| *name)
    })
}

/// The known type of one of the `engines` whose name is so near to an unknown one that it is
/// probably meant.
pub fn misspelt(engines: &[Engine], name: &str) -> Option<&'static str> {
    let plain = plain(name);
    let is_real = EXTENSIONS.contains(&plain.as_str())
        || [Engine::Postgres, Engine::Mysql].into_iter().any(|it| canonical(it, &plain).is_some());
    if is_real {
        return None;
    }
    let of_engines = engines.iter().flat_map(|engine| {
        let aliases = ALIASES.iter().filter(move |(of, ..)| of == engine);
        names(*engine).iter().copied().chain(aliases.map(|(_, alias, _)| *alias))
    });
    nearest(&plain, of_engines)
}

/// Whether an extension of PostgreSQL has a type with this name.
pub fn is_extension_type(name: &str) -> bool {
    EXTENSIONS.contains(&plain(name).as_str())
}

/// The element of an array type and its number of dimensions: `integer[][]` is an array of
/// `integer` with two. `None` for `ARRAY`, whose elements are not known, and for other types.
pub fn array_element(name: &str) -> Option<(&str, usize)> {
    let (mut element, mut dimensions) = (name.trim(), 0);
    while let Some(shorter) = element.strip_suffix("[]") {
        (element, dimensions) = (shorter.trim_end(), dimensions + 1);
    }
    (dimensions > 0 && !element.is_empty()).then_some((element, dimensions))
}

/// Whether the name is that of an array of PostgreSQL.
pub fn is_array(name: &str) -> bool {
    plain(name) == ARRAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_same_type_are_equal() {
        for (one, other) in [
            ("Timestamp With Time Zone", "timestamp with time zone"),
            ("timestamp(3) with time zone", "timestamptz"),
            ("character varying", "varchar(80)"),
            ("numeric", "decimal(12, 2)"),
            ("bigint unsigned", "BIGINT(20) UNSIGNED"),
            ("ARRAY", "integer[]"),
            ("ARRAY", "numeric(12,2)[][]"),
            ("integer", "int4"),
            ("USER-DEFINED", "user-defined"),
            ("mood", "Mood"),
        ] {
            assert!(is_same_source_type(one, other), "{one} and {other}");
            assert!(is_same_source_type(other, one), "{other} and {one}");
        }
        for (one, other) in [
            ("bigint", "integer"),
            ("bigint", "bigint unsigned"),
            ("timestamp with time zone", "timestamp without time zone"),
            ("timestamp with time zone", "timestamp"),
            ("datetime", "timestamp"),
            ("text", "character varying"),
            ("\"char\"", "character"),
            ("json", "jsonb"),
            ("integer", "ARRAY"),
            ("USER-DEFINED", "text"),
            ("mood", "status"),
        ] {
            assert!(!is_same_source_type(one, other), "{one} and {other}");
            assert!(!is_same_source_type(other, one), "{other} and {one}");
        }
    }

    #[test]
    fn near_misses_are_misspelt_and_real_types_are_not() {
        use Engine::{Mysql, Postgres};
        for (name, meant) in [
            ("bigit", Some("bigint")),
            ("timestampz", Some("timestamptz")),
            ("charactervarying", Some("character varying")),
            ("time stamp with time zone", Some("timestamp with time zone")),
            ("numerc(12,2)", Some("numeric")),
            ("bolean", Some("boolean")),
            ("ARRY", Some("array")),
            ("USER_DEFINED", Some("user-defined")),
            ("citext", None),
            ("vector", None),
            ("order_status", None),
            ("mood", None),
            ("bigint", None),
        ] {
            assert_eq!(misspelt(&[Postgres, Mysql], name), meant, "{name}");
        }
    }

    #[test]
    fn elements_and_dimensions() {
        assert_eq!(array_element("integer[]"), Some(("integer", 1)));
        assert_eq!(array_element("numeric(12,2)[][] "), Some(("numeric(12,2)", 2)));
        for other in ["ARRAY", "integer", "[]", ""] {
            assert_eq!(array_element(other), None, "{other}");
        }
        assert!(is_array("ARRAY") && is_array("integer[]") && !is_array("json"));
    }
}
