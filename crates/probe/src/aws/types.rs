//! Claims about the types of an export: what its manifests call them, and what its files contain.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_aws::Aws;
use landbridge_core::manifest::TableStatus;
use landbridge_core::plan::objects::{folder_name, parse_source_table};
use landbridge_core::types::{Annotation, Engine, OriginalColumn, ParquetColumn, exported_column};
use landbridge_parquet::footer::Footer;

use super::{Options, failed};
use crate::report::{Finding, Probed, Shape, Stop, seen};

pub(super) const MANIFEST: &str = "export-manifest-types";
pub(super) const MYSQL: &str = "export-mysql-types";
pub(super) const POSTGRES: &str = "export-postgres-text";
pub(super) const NAMES_IN_KEYS: &str = "export-names-in-keys";

/// What `information_schema.columns.data_type` can contain (PostgreSQL documentation, "Data Types" and
/// "information_schema.columns"). Types of extensions are USER-DEFINED.
const NAMES: &str = include_str!("postgres_types.txt");

/// An original type of the manifests, and the column of a file.
type Pair = (OriginalColumn, ParquetColumn);

/// The findings for all claims of this module.
pub(super) async fn probe(
    aws: &Aws,
    options: &Options,
    (root, keys): (&str, &[&str]),
    entries: &Result<Option<Vec<TableStatus>>, Stop>,
    footers: &Result<Vec<(String, Footer)>, Stop>,
) -> Vec<Finding> {
    let engine = engine(aws, options).await;
    let all = entries.clone().and_then(|entries| {
        let entries = entries.ok_or_else(|| Stop::failed(Shape::of("a manifest is not valid")))?;
        Ok((engine?, entries, footers.as_ref().map_err(Clone::clone)?))
    });
    let (engine, entries, footers) = match all {
        Ok(all) => all,
        Err(stop) => {
            return [MANIFEST, MYSQL, POSTGRES, NAMES_IN_KEYS]
                .map(|claim| Finding::new(claim, Err(stop.clone())))
                .into();
        }
    };
    let pairs = pairs(engine, &entries, footers, root);
    let of = |wanted: Engine| match engine == wanted {
        true => stored_as_expected(wanted, &pairs),
        false => Err(Stop::skipped("the source has another engine")),
    };
    let names = match engine {
        Engine::Postgres => named_as_in_catalogue(&entries),
        Engine::Mysql => Err(Stop::skipped("the source has another engine")),
    };
    vec![
        Finding::new(MANIFEST, names),
        Finding::new(MYSQL, of(Engine::Mysql)),
        Finding::new(POSTGRES, of(Engine::Postgres)),
        Finding::new(NAMES_IN_KEYS, names_in_keys(engine, &entries, keys)),
    ]
}

async fn engine(aws: &Aws, options: &Options) -> Result<Engine, Stop> {
    let engine = aws.rds.engine(&options.source).await;
    let engine = engine.map_err(failed("the source was not described"))?;
    let engine = engine.as_deref().and_then(Engine::from_rds);
    engine.ok_or_else(|| Stop::skipped("the source does not exist, or has another engine"))
}

/// Whether each folder of a table has the name that the rule makes of the name of a table, and at least one of these names is
/// not plain. Where a folder has no dot, it is no table's ("export-layout").
fn names_in_keys(engine: Engine, entries: &[TableStatus], keys: &[&str]) -> Probed {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.$".contains(c);
    let complete = entries.iter().filter(|it| !it.is_skipped());
    let named: BTreeMap<String, bool> = complete
        .filter_map(|it| Some((parse_source_table(engine, &it.target)?, &it.target)))
        .map(|(table, target)| {
            let folder = format!("{}/{}", folder_name(&table.database), folder_name(&table.name));
            (folder, target.chars().all(is_plain))
        })
        .collect();
    let folder = |key: &&str| {
        let mut parts = key.split('/');
        let (database, table) = (parts.next()?, parts.next()?);
        (table.contains('.') && parts.next().is_some()).then(|| format!("{database}/{table}"))
    };
    let folders: BTreeSet<String> = keys.iter().filter_map(folder).collect();
    let other = folders.iter().filter(|it| !named.contains_key(*it)).count() as u64;
    let odd = folders.iter().filter(|it| named.get(*it) == Some(&false)).count() as u64;
    if odd + other == 0 {
        return Err(Stop::skipped("the export has no table with such a name"));
    }
    let shape = Shape::default().number(odd, "tables with such a name in the folder of the rule");
    seen(other == 0, shape.number(other, "folders of no table"))
}

/// The columns of the tables whose first file was read, by manifest and by footer.
fn pairs(
    engine: Engine,
    entries: &[TableStatus],
    footers: &[(String, Footer)],
    root: &str,
) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for entry in entries.iter().filter(|it| !it.is_skipped()) {
        let Some(table) = parse_source_table(engine, &entry.target) else { continue };
        let folder =
            format!("{root}{}/{}/", folder_name(&table.database), folder_name(&table.name));
        let Some((_, footer)) = footers.iter().find(|(key, _)| key.starts_with(&folder)) else {
            continue;
        };
        let columns = footer.columns();
        for original in &entry.columns {
            let found = columns.iter().find(|it| it.name == original.name);
            pairs.extend(found.map(|it| (original.clone(), it.clone())));
        }
    }
    pairs
}

/// Whether each column is stored as RDS's table of types says of its original type.
fn stored_as_expected(engine: Engine, pairs: &[Pair]) -> Probed {
    if pairs.is_empty() {
        return Err(Stop::skipped("no column with a type and a file was seen"));
    }
    let equal = pairs.iter().filter(|(original, stored)| is_expected(engine, original, stored));
    let equal = equal.count();
    let shape = Shape::default().number(pairs.len() as u64, "columns");
    seen(equal == pairs.len(), shape.number(equal as u64, "stored as the type says"))
}

/// Whether a column is stored as its original type says. The manifests give the precision of a decimal number and not
/// its scale, so any scale is expected.
fn is_expected(engine: Engine, original: &OriginalColumn, stored: &ParquetColumn) -> bool {
    let mut expected = exported_column(engine, original);
    if let (Annotation::Decimal { scale: said, .. }, Annotation::Decimal { scale, .. }) =
        (&mut expected.annotation, stored.annotation)
        && original.scale.is_none()
    {
        *said = scale;
    }
    expected == *stored
}

/// Whether each original type has a name of PostgreSQL's catalogue.
fn named_as_in_catalogue(entries: &[TableStatus]) -> Probed {
    let types = || entries.iter().flat_map(|it| &it.columns).map(|it| it.original_type.as_str());
    let (all, known) = (types().count(), types().filter(|it| is_name(it)).count());
    if all == 0 {
        return Err(Stop::skipped("no column with a type was seen"));
    }
    let count = |name: &str| types().filter(|it| *it == name).count() as u64;
    let shape = Shape::default().number(all as u64, "columns").number(count("ARRAY"), "ARRAY");
    let shape = shape.number(count("USER-DEFINED"), "USER-DEFINED");
    seen(known == all, shape.number(known as u64, "with a name of the catalogue"))
}

fn is_name(text: &str) -> bool {
    NAMES.lines().any(|it| it == text)
}

#[cfg(test)]
mod tests {
    use landbridge_core::types::Physical;

    use super::*;

    fn pair(original: &str, physical: Physical, annotation: Annotation) -> Pair {
        let name = "c".to_owned();
        let of_manifest = OriginalColumn {
            name: name.clone(),
            original_type: original.to_owned(),
            ..OriginalColumn::default()
        };
        (of_manifest, ParquetColumn { name, physical, annotation })
    }

    fn holds(engine: Engine, pairs: &[Pair]) -> Option<bool> {
        stored_as_expected(engine, pairs).ok().map(|it| it.holds)
    }

    #[test]
    fn a_column_that_is_stored_otherwise_contradicts_the_claim() {
        use Engine::{Mysql, Postgres};
        let text = |ty| pair(ty, Physical::ByteArray, Annotation::String);
        let good = [text("numeric"), pair("bigint", Physical::Int64, Annotation::None)];
        assert_eq!(holds(Postgres, &good), Some(true));
        let other = pair("uuid", Physical::Fixed(16), Annotation::None);
        assert_eq!(holds(Postgres, &[other]), Some(false));
        let day = pair("date", Physical::Int32, Annotation::None);
        assert_eq!(holds(Mysql, &[text("date")]), Some(true));
        assert_eq!(holds(Mysql, &[day]), Some(false));
        assert_eq!(holds(Mysql, &[]), None);
        // The manifest says the precision, and not the scale.
        let number = |precision| {
            let annotation = Annotation::Decimal { precision, scale: 4 };
            let (mut original, stored) = pair("decimal", Physical::Int64, annotation);
            original.precision = 18;
            (original, stored)
        };
        assert_eq!(holds(Mysql, &[number(18)]), Some(true));
        assert_eq!(holds(Mysql, &[number(17)]), Some(false));
    }

    #[test]
    fn types_have_the_names_of_the_catalogue() {
        let entry = |ty: &str| TableStatus {
            target: "shop.public.people".to_owned(),
            status: "COMPLETE".to_owned(),
            columns: vec![pair(ty, Physical::ByteArray, Annotation::String).0],
            warning: None,
        };
        let holds = |ty| named_as_in_catalogue(&[entry(ty)]).ok().map(|it| it.holds);
        for name in ["ARRAY", "USER-DEFINED", "timestamp with time zone", "bigint", "jsonb"] {
            assert_eq!(holds(name), Some(true), "{name}");
        }
        for name in ["_text", "citext", "int8", "timestamptz"] {
            assert_eq!(holds(name), Some(false), "{name}");
        }
    }
}
