//! Every rule of a data policy on a column of every type, and on arrays: what a masked reader sees.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::lab::{Lab, Rows, Who};
use crate::report::{Shape, Stop};

/// The table: a column for each rule and type, a row with values and a row with NULLs.
const TABLE: &str = "masks_by_type";
/// The tags with a rule of which the masked reader has the role.
const RULES: [&str; 7] = ["email", "last4", "first4", "sha", "year", "default", "null"];

/// A type with a generated value.
struct Kind {
    name: &'static str,
    ty: &'static str,
    /// The value in JSON.
    value: &'static str,
    /// What DEFAULT_MASKING_VALUE shows, in SQL; none: NULL.
    default: Option<&'static str>,
}

const fn kind(
    name: &'static str,
    ty: &'static str,
    value: &'static str,
    default: &'static str,
) -> Kind {
    Kind { name, ty, value, default: Some(default) }
}

/// All types that Landbridge gives columns.
const KINDS: [Kind; 12] = [
    kind("text", "STRING", r#""generated-4321""#, "''"),
    kind("bytes", "BYTES", r#""Z2VuZXJhdGVk""#, "b''"),
    kind("number", "INTEGER", "42", "0"),
    kind("real", "FLOAT", "1.5", "0"),
    kind("flag", "BOOLEAN", "true", "FALSE"),
    kind("amount", "NUMERIC", "1.5", "NUMERIC '0'"),
    kind("large", "BIGNUMERIC", "1.5", "BIGNUMERIC '0'"),
    kind("day", "DATE", r#""2019-07-14""#, "DATE '1970-01-01'"),
    kind("hour", "TIME", r#""12:34:56""#, "TIME '00:00:00'"),
    kind("local", "DATETIME", r#""2019-07-14T12:34:56""#, "DATETIME '1970-01-01 00:00:00'"),
    kind("instant", "TIMESTAMP", r#""2019-07-14T12:34:56Z""#, "TIMESTAMP '1970-01-01 00:00:00+00'"),
    Kind { name: "document", ty: "JSON", value: r#"{"generated": 1}"#, default: None },
];

/// Whether the rule of a tag can mask a type.
fn fits(rule: &str, kind: &str) -> bool {
    match rule {
        "default" | "null" => true,
        "sha" => ["text", "bytes"].contains(&kind),
        "year" => ["day", "local", "instant"].contains(&kind),
        _ => kind == "text",
    }
}

/// The arrays: the rules that are documented for them on every type, and each other rule on a type that it masks.
fn lists() -> impl Iterator<Item = (&'static str, &'static Kind)> {
    let all = RULES.into_iter().flat_map(|rule| KINDS.iter().map(move |kind| (rule, kind)));
    all.filter(|(rule, kind)| match *rule {
        "default" | "null" => kind.ty != "JSON",
        "year" => kind.name == "day",
        _ => kind.name == "text",
    })
}

/// Creates the table. `tags` are the names of the run's tags.
pub(super) async fn create(lab: &Lab, tags: &BTreeMap<&'static str, String>) -> Result<(), Stop> {
    let (mut fields, mut row) = (Vec::new(), Map::new());
    let mut add = |name: String, rule: &str, kind: &Kind, mode: &str| {
        let tag = json!({"names": [tags.get(rule)]});
        fields.push(json!({"name": name, "type": kind.ty, "mode": mode, "policyTags": tag}));
        let value: Value = serde_json::from_str(kind.value).unwrap_or(Value::Null);
        row.insert(name, if mode == "REPEATED" { json!([value]) } else { value });
    };
    for rule in RULES {
        KINDS.iter().for_each(|kind| add(format!("{rule}_{}", kind.name), rule, kind, "NULLABLE"));
    }
    for (rule, kind) in lists() {
        add(format!("list_{rule}_{}", kind.name), rule, kind, "REPEATED");
    }
    lab.table(TABLE, json!(fields)).await?;
    lab.append(TABLE, &[Value::Object(row), json!({})]).await
}

/// What was seen of several columns.
pub(super) struct Outcome {
    /// How many are as the claim says.
    pub(super) as_said: u64,
    /// How many are not.
    pub(super) others: u64,
    /// The types, or the refusals, of the others.
    pub(super) shape: Shape,
}

impl Outcome {
    fn new() -> Self {
        Self { as_said: 0, others: 0, shape: Shape::default() }
    }

    fn add(&mut self, is_as_said: bool, otherwise: &Shape) {
        match is_as_said {
            true => self.as_said += 1,
            false => {
                self.others += 1;
                self.shape = std::mem::take(&mut self.shape).and_shape(otherwise);
            }
        }
    }
}

/// A condition, in how many of both rows it is true, and the type of its column.
type Check = (String, u64, &'static str);

/// Compares, for the masked reader, in how many rows each condition is true.
async fn compare(lab: &Lab, checks: Vec<Check>) -> Result<Outcome, Stop> {
    let counts: Vec<String> = checks.iter().map(|(it, ..)| format!("COUNTIF({it})")).collect();
    let sql = format!("SELECT {} FROM {}", counts.join(", "), lab.sql(TABLE));
    let mut outcome = Outcome::new();
    let rows = match lab.query(Who::Masked, &sql).await? {
        Rows::Read(rows) => rows,
        refused @ Rows::Refused(_) => {
            outcome.add(false, &refused.shape());
            return Ok(outcome);
        }
    };
    let cells = rows.into_iter().next().unwrap_or_default();
    for (at, (_, wanted, ty)) in checks.iter().enumerate() {
        let count = cells.get(at).and_then(|it| it.as_deref()?.parse().ok());
        outcome.add(count == Some(*wanted), &Shape::of(ty));
    }
    Ok(outcome)
}

/// SHA256 of bytes, DATE_YEAR_MASK of each type with a year, and ALWAYS_NULL of every type.
pub(super) async fn rules(lab: &Lab) -> Result<Outcome, Stop> {
    let mut checks: Vec<Check> = vec![
        ("sha_text = TO_BASE64(SHA256('generated-4321'))".to_owned(), 1, "STRING"),
        ("sha_bytes = SHA256(b'generated')".to_owned(), 1, "BYTES"),
        ("year_day = DATE '2019-01-01'".to_owned(), 1, "DATE"),
        ("year_local = DATETIME '2019-01-01 00:00:00'".to_owned(), 1, "DATETIME"),
        ("year_instant = TIMESTAMP '2019-01-01 00:00:00+00'".to_owned(), 1, "TIMESTAMP"),
    ];
    checks.extend(KINDS.iter().map(|kind| (format!("null_{} IS NULL", kind.name), 2, kind.ty)));
    compare(lab, checks).await
}

/// DEFAULT_MASKING_VALUE of every type, in place of a value and of NULL.
pub(super) async fn defaults(lab: &Lab) -> Result<Outcome, Stop> {
    let check = |kind: &Kind| match kind.default {
        Some(value) => (format!("default_{} = {value}", kind.name), 2, kind.ty),
        None => (format!("default_{} IS NULL", kind.name), 2, kind.ty),
    };
    compare(lab, KINDS.iter().map(check).collect()).await
}

/// Arrays of every type: empty under the rules that are documented for them, refused under the others.
pub(super) async fn arrays(lab: &Lab) -> Result<Outcome, Stop> {
    let (shown, refused): (Vec<_>, Vec<_>) =
        lists().partition(|(rule, _)| ["default", "null"].contains(rule));
    let empty = |(rule, kind): (&str, &Kind)| {
        (format!("IFNULL(ARRAY_LENGTH(list_{rule}_{}), 0) = 0", kind.name), 2, kind.ty)
    };
    let mut outcome = compare(lab, shown.into_iter().map(empty).collect()).await?;
    for (rule, kind) in refused {
        let rows = read(lab, Who::Masked, &format!("list_{rule}_{}", kind.name)).await?;
        outcome.add(rows.is_refused(), &rows.shape());
    }
    Ok(outcome)
}

/// Each rule on each type that it does not support: the query must be refused.
pub(super) async fn wrong_types(lab: &Lab) -> Result<Outcome, Stop> {
    let mut outcome = Outcome::new();
    for rule in RULES {
        for kind in KINDS.iter().filter(|kind| !fits(rule, kind.name)) {
            let rows = read(lab, Who::Masked, &format!("{rule}_{}", kind.name)).await?;
            outcome.add(rows.is_refused(), &Shape::of(kind.ty).and_shape(&rows.shape()));
        }
    }
    Ok(outcome)
}

/// Each rule, for the caller, who has no role on its tag: the query must be refused.
pub(super) async fn without_role(lab: &Lab) -> Result<Outcome, Stop> {
    let mut outcome = Outcome::new();
    for rule in RULES {
        let column = if rule == "year" { "year_day".to_owned() } else { format!("{rule}_text") };
        let rows = read(lab, Who::Me, &column).await?;
        outcome.add(rows.is_refused(), &rows.shape());
    }
    Ok(outcome)
}

async fn read(lab: &Lab, who: Who, column: &str) -> Result<Rows, Stop> {
    lab.query(who, &format!("SELECT {column} FROM {}", lab.sql(TABLE))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_fit_the_types_that_the_contract_lets_them_mask() {
        use landbridge_core::config::Mask;
        use landbridge_core::types::{BigQueryType, ColumnType};
        let masks = [
            Mask::EmailMask,
            Mask::LastFourCharacters,
            Mask::FirstFourCharacters,
            Mask::Sha256,
            Mask::DateYearMask,
            Mask::DefaultMaskingValue,
            Mask::AlwaysNull,
        ];
        let types = [
            BigQueryType::String,
            BigQueryType::Bytes,
            BigQueryType::Int64,
            BigQueryType::Float64,
            BigQueryType::Bool,
            BigQueryType::Numeric,
            BigQueryType::BigNumeric,
            BigQueryType::Date,
            BigQueryType::Time,
            BigQueryType::DateTime,
            BigQueryType::Timestamp,
            BigQueryType::Json,
        ];
        assert_eq!(masks.len(), Mask::ALL.len(), "a rule that is not probed");
        for (rule, mask) in RULES.into_iter().zip(masks) {
            for (kind, ty) in KINDS.iter().zip(types) {
                let column = ColumnType { ty, repeated: false };
                assert_eq!(fits(rule, kind.name), mask.fits(column), "{rule} {}", kind.name);
            }
        }
    }
}
