//! Decides what happens to each column: copied, annotated, retyped, tokenised or dropped.

use std::collections::BTreeSet;

use crate::contract::{self, ArrayNulls, Transform};
use crate::plan::{SourceColumn, times};
use crate::rewrite::{
    Action, AnnotateAs, Decimal, JsonElement, OnMisfit, OtherColumns, RewritePlan, TargetType,
};
use crate::types::{
    BigQueryType, ColumnType, Engine, FooterFix, OriginalColumn, TimeRules, array_element,
    catalogue_name, exported_column, is_same_source_type, load_mapping,
};
use crate::{Error, ErrorKind};

/// Digits of a NUMERIC column whose precision is unknown.
const NUMERIC: Decimal = Decimal { precision: 38, scale: 9 };
/// Digits of a BIGNUMERIC column; with fewer, a load job would take it as NUMERIC.
const BIGNUMERIC: Decimal = Decimal { precision: 76, scale: 38 };

/// The action and resulting type of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPlan {
    /// What the transfer does to the column.
    pub action: Action,
    /// The BigQuery column type; `None` if the column is dropped.
    pub column_type: Option<ColumnType>,
}

/// Plans one column from the export and, if the contract contains it, from `named`. `rules` are
/// those of its table for times without a zone.
///
/// Text is retyped if the contract has another type and the same source type as the export: a
/// column whose type changed in the source is never reinterpreted silently.
///
/// # Errors
/// One sentence without the column's name, if no BigQuery type fits the column.
pub fn plan_column(
    column: &SourceColumn,
    named: Option<&contract::ColumnContract>,
    rules: &TimeRules,
) -> Result<ColumnPlan, String> {
    let column_type = |action, ty, repeated| {
        Ok(ColumnPlan { action, column_type: Some(ColumnType { ty, repeated }) })
    };
    match named.and_then(|named| Some((named, named.transform?))) {
        Some((_, Transform::Drop)) => {
            return Ok(ColumnPlan { action: Action::Drop, column_type: None });
        }
        Some((named, Transform::SetNull)) => {
            return column_type(Action::SetNull, named.bigquery_type, !named.mode.is_nullable());
        }
        Some((named, Transform::Tokenise)) => {
            let domain = named.token_domain.clone().unwrap_or_default();
            return column_type(Action::Tokenise { domain }, BigQueryType::String, false);
        }
        None => {}
    }
    if let Some((action, ty)) = times::plan_stored_time(column, named, rules) {
        return column_type(action, ty, false);
    }
    let landing = load_mapping(&column.parquet, &column.source)?;
    if landing.ty == BigQueryType::String
        && let Some(named) = named.filter(|named| same_type(&column.source, &named.source))
        && let Some(to) = target(column, named, rules)
    {
        let on_misfit =
            if named.may_stay_text() { Some(OnMisfit::KeepText) } else { named.on_misfit };
        let action = Action::Retype { to, on_misfit };
        return column_type(action, named.bigquery_type, !named.mode.is_nullable());
    }
    column_type(as_text(landing.fix), landing.ty, false)
}

/// Describes what the transfer will do to a column, from the contract and the Parquet type that
/// an export of `engine` writes for the source type.
pub fn describe_transform(
    engine: Engine,
    named: &contract::ColumnContract,
    rules: &TimeRules,
) -> String {
    let original =
        OriginalColumn { original_type: named.source.clone(), ..OriginalColumn::default() };
    let column = SourceColumn::new(exported_column(engine, &original), &named.source);
    plan_column(&column, Some(named), rules)
        .map_or_else(|why| why, |planned| planned.action.describe())
}

/// The error for a column that the export does not contain as contract.yaml says. `actual` is the
/// type that it would have in BigQuery.
pub(super) fn exported_type_error(
    table: &str,
    column: &SourceColumn,
    named: &contract::ColumnContract,
    actual: ColumnType,
) -> Error {
    let (name, source, expected) = (&column.parquet.name, &column.source, named.column_type());
    let exported = if source.is_empty() { "column".to_owned() } else { format!("`{source}`") };
    let context = if same_type(source, &named.source) {
        format!(
            "{table}.{name}: contract.yaml says {expected}, and the export's {exported} lands as {actual}; write `type: {}`",
            actual.ty
        )
    } else {
        format!(
            "{table}.{name}: contract.yaml says {expected} of the source type `{}`, and the export's {exported} lands as {actual}; write `source: {source}` and a type that it can have",
            named.source
        )
    };
    Error::new(
        ErrorKind::Held,
        "the export has another type of a column than contract.yaml, so the table is not loaded",
        context,
    )
}

/// The action for a column that keeps its type.
fn as_text(fix: FooterFix) -> Action {
    match fix {
        FooterFix::None => Action::Keep,
        FooterFix::AnnotateString => Action::Annotate(AnnotateAs::String),
    }
}

/// The contract's type, if text can be converted to it.
fn target(
    column: &SourceColumn,
    named: &contract::ColumnContract,
    rules: &TimeRules,
) -> Option<TargetType> {
    let decimal = |any: Decimal| match (u8::try_from(column.precision), column.scale) {
        (Ok(precision @ 1..=38), Some(scale @ 0..=9)) if u32::from(precision) >= scale => {
            // Fewer digits take fewer bytes: up to 18 digits fit an INT64.
            let scale = u8::try_from(scale).unwrap_or(any.scale);
            if precision - scale <= 29 { Decimal { precision, scale } } else { any }
        }
        _ => any,
    };
    let one = match named.bigquery_type {
        BigQueryType::Date => TargetType::Date,
        BigQueryType::Time => TargetType::Time,
        BigQueryType::Timestamp | BigQueryType::DateTime => {
            times::text_target(&column.source, named, rules)?
        }
        BigQueryType::Numeric => TargetType::Numeric(decimal(NUMERIC)),
        BigQueryType::BigNumeric => TargetType::Bignumeric(BIGNUMERIC),
        BigQueryType::Int64 => TargetType::Int64,
        BigQueryType::Float64 => TargetType::Float64,
        BigQueryType::Bool => TargetType::Bool,
        BigQueryType::Bytes => TargetType::Bytes,
        BigQueryType::String => TargetType::Text,
        // Load jobs cannot create this type from Parquet.
        BigQueryType::Json => return None,
    };
    match (named.mode, one) {
        (contract::Mode::Repeated, _) if array_element(&named.source).is_some_and(is_box) => None,
        (contract::Mode::Repeated, one) => Some(match named.array_nulls.unwrap_or_default() {
            ArrayNulls::Drop => TargetType::ListWithoutNulls(Box::new(one)),
            ArrayNulls::Text | ArrayNulls::Hold => TargetType::List(Box::new(one)),
        }),
        // The elements decide how the arrays are written. Those of `ARRAY` are not known: such a
        // column keeps the text of PostgreSQL.
        (contract::Mode::Nullable, TargetType::Text) => {
            let (element, _) = array_element(&named.source)?;
            (!is_box((element, 1))).then(|| TargetType::ArrayJson(json_element(element)))
        }
        (contract::Mode::Nullable, one) => Some(one),
    }
}

/// How the elements of this type are written in JSON: numbers and booleans as such if JSON readers
/// keep them exactly, everything else as text.
fn json_element(element: &str) -> JsonElement {
    match catalogue_name(Engine::Postgres, element) {
        Some("smallint" | "integer" | "bigint" | "real" | "double precision" | "oid") => {
            JsonElement::Number
        }
        Some("boolean") => JsonElement::Bool,
        _ => JsonElement::Text,
    }
}

/// Whether the elements of an array are of the type `box`: they contain commas and are separated
/// by `;` (PostgreSQL's `typdelim`), so the text is not read as an array.
fn is_box((element, _): (&str, usize)) -> bool {
    catalogue_name(Engine::Postgres, element) == Some("box")
}

/// The same for a list that stays text.
fn json_of_list(of: &TargetType) -> TargetType {
    TargetType::ArrayJson(match of {
        TargetType::Int64 | TargetType::Float64 => JsonElement::Number,
        TargetType::Bool => JsonElement::Bool,
        _ => JsonElement::Text,
    })
}

/// Whether the source types of export and contract are equal; an unknown type of the export
/// counts as equal.
fn same_type(export: &str, contract: &str) -> bool {
    export.is_empty() || is_same_source_type(export, contract)
}

/// The columns that must be scanned before any file is written: those with `keep_text`, which
/// stay text in the entire table if one value is a misfit.
pub fn columns_needing_scan(columns: &[SourceColumn]) -> BTreeSet<String> {
    let undecided = columns.iter().filter(|column| {
        matches!(column.action, Action::Retype { on_misfit: Some(OnMisfit::KeepText), .. })
    });
    undecided.map(|column| column.parquet.name.clone()).collect()
}

/// The rewrite plan for every file of a table. `text` are the columns that stay text.
///
/// It allows any share of misfits, because the limit applies to the table, not to a file. Every
/// column becomes OPTIONAL, as the columns of the table are.
pub fn rewrite_plan(columns: &[SourceColumn], text: &BTreeSet<String>) -> RewritePlan {
    let action = |column: &SourceColumn| match &column.action {
        // A column that is in no file is NULL in every row.
        Action::SetNull => Action::Drop,
        Action::Retype { to, .. } if text.contains(&column.parquet.name) => {
            if let Some(of) = to.element() {
                let to = json_of_list(of);
                return Action::Retype { to, on_misfit: Some(OnMisfit::SetNull) };
            }
            load_mapping(&column.parquet, &column.source).map_or(Action::Keep, |it| as_text(it.fix))
        }
        Action::Retype { to, .. } => {
            Action::Retype { to: to.clone(), on_misfit: Some(OnMisfit::SetNull) }
        }
        action => action.clone(),
    };
    let in_files = columns.iter().filter(|column| action(column) != Action::Drop);
    let renamed = in_files.filter(|column| column.name() != column.parquet.name);
    let rename =
        renamed.map(|column| (column.parquet.name.clone(), column.name().to_owned())).collect();
    let columns = columns.iter().map(|column| (column.parquet.name.clone(), action(column)));
    RewritePlan {
        rename,
        columns: columns.filter(|(_, action)| *action != Action::Keep).collect(),
        max_misfit_share: 1.0,
        relax_required: true,
        ..RewritePlan::default()
    }
}

/// The plan that counts misfits: it contains only the columns that need a scan.
pub fn misfit_scan_plan(columns: &[SourceColumn]) -> RewritePlan {
    let undecided = columns_needing_scan(columns);
    let mut plan = rewrite_plan(columns, &BTreeSet::new());
    plan.columns.retain(|name, _| undecided.contains(name));
    plan.rename.clear();
    plan.others = OtherColumns::Drop;
    plan
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::contract::Mode;
    use crate::types::{Annotation, ParquetColumn, Physical};

    fn column(source: &str) -> SourceColumn {
        let annotation = if source == "character" { Annotation::None } else { Annotation::String };
        let parquet = ParquetColumn { name: "c".into(), physical: Physical::ByteArray, annotation };
        SourceColumn::new(parquet, source)
    }

    fn named(source: &str, ty: BigQueryType) -> contract::ColumnContract {
        contract::ColumnContract::new(source, ty, "none")
    }

    #[test]
    fn the_contract_decides_action_and_type() {
        use BigQueryType as Bq;
        let array = |ty| contract::ColumnContract { mode: Mode::Repeated, ..named("ARRAY", ty) };
        let nulls = |column, rule| contract::ColumnContract { array_nulls: Some(rule), ..column };
        let carried = |transform| contract::ColumnContract {
            transform: Some(transform),
            ..named("text", Bq::String)
        };
        let rows = [
            ("date", named("date", Bq::Date)),
            ("date", named("date", Bq::String)),
            ("date", named("text", Bq::Date)),
            ("", named("date", Bq::Date)),
            ("Timestamp With Time Zone", named("timestamp with time zone", Bq::Timestamp)),
            ("numeric", named("numeric", Bq::Numeric)),
            ("numeric", named("numeric", Bq::BigNumeric)),
            ("bit", named("bit", Bq::Bytes)),
            ("ARRAY", array(Bq::String)),
            ("ARRAY", array(Bq::Int64)),
            ("ARRAY", nulls(array(Bq::Int64), ArrayNulls::Text)),
            ("ARRAY", nulls(array(Bq::Date), ArrayNulls::Hold)),
            ("ARRAY", named("ARRAY", Bq::String)),
            ("ARRAY", named("integer[]", Bq::String)),
            ("ARRAY", named("numeric(12,2)[][]", Bq::String)),
            ("ARRAY", named("box[]", Bq::String)),
            ("jsonb", named("jsonb", Bq::Json)),
            ("character", named("character", Bq::String)),
            ("text", carried(Transform::Drop)),
            ("text", carried(Transform::SetNull)),
            ("text", carried(Transform::Tokenise)),
        ];
        let mut table = String::new();
        for (source, named) in rows {
            let ColumnPlan { action, column_type } =
                plan_column(&column(source), Some(&named), &TimeRules::default()).unwrap();
            let column_type = column_type
                .map_or_else(|| "dropped".to_owned(), |column_type| column_type.to_string());
            table.push_str(&format!("{source:<24} | {column_type:<13} | {}\n", action.describe()));
        }
        expect![[r#"
            date                     | DATE          | retype to DATE
            date                     | STRING        | 
            date                     | STRING        | 
                                     | DATE          | retype to DATE
            Timestamp With Time Zone | TIMESTAMP     | retype to TIMESTAMP
            numeric                  | NUMERIC       | retype to NUMERIC(38, 9)
            numeric                  | BIGNUMERIC    | retype to BIGNUMERIC(76, 38)
            bit                      | BYTES         | retype to BYTES
            ARRAY                    | ARRAY<STRING> | retype to ARRAY<STRING> without NULLs
            ARRAY                    | ARRAY<INT64>  | retype to ARRAY<INT64> without NULLs
            ARRAY                    | ARRAY<INT64>  | retype to ARRAY<INT64>, or keep text
            ARRAY                    | ARRAY<DATE>   | retype to ARRAY<DATE>
            ARRAY                    | STRING        | 
            ARRAY                    | STRING        | retype to STRING, arrays as JSON
            ARRAY                    | STRING        | retype to STRING, arrays as JSON
            ARRAY                    | STRING        | 
            jsonb                    | STRING        | 
            character                | STRING        | annotate STRING
            text                     | dropped       | drop
            text                     | STRING        | set NULL
            text                     | STRING        | tokenise
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn an_array_that_stays_text_is_json_with_the_elements_of_its_type() {
        let named = contract::ColumnContract {
            mode: Mode::Repeated,
            array_nulls: Some(ArrayNulls::Text),
            ..named("integer[]", BigQueryType::Int64)
        };
        let planned = plan_column(&column("ARRAY"), Some(&named), &TimeRules::default()).unwrap();
        let columns = [SourceColumn { action: planned.action, ..column("ARRAY") }];
        let undecided = columns_needing_scan(&columns);
        assert_eq!(undecided, BTreeSet::from(["c".to_owned()]));
        let text = rewrite_plan(&columns, &undecided);
        let json = TargetType::ArrayJson(JsonElement::Number);
        let retype = |to| Action::Retype { to, on_misfit: Some(OnMisfit::SetNull) };
        assert_eq!(text.action("c"), retype(json));
        let list = TargetType::List(Box::new(TargetType::Int64));
        assert_eq!(misfit_scan_plan(&columns).action("c"), retype(list));
    }

    #[test]
    fn known_digits_reduce_the_decimal_size() {
        for (precision, scale, digits) in [
            (12, Some(2), (12, 2)),
            (38, Some(9), (38, 9)),
            (38, Some(2), (38, 9)),
            (31, Some(2), (31, 2)),
            (9, Some(9), (9, 9)),
            (29, Some(0), (29, 0)),
            (30, Some(0), (38, 9)),
            (39, Some(9), (38, 9)),
            (12, None, (38, 9)),
            (0, None, (38, 9)),
            (20, Some(12), (38, 9)),
            (5, Some(7), (38, 9)),
        ] {
            let column = SourceColumn { precision, scale, ..column("numeric") };
            let to =
                target(&column, &named("numeric", BigQueryType::Numeric), &TimeRules::default());
            let Some(TargetType::Numeric(it)) = to else { panic!("a NUMERIC") };
            assert_eq!((it.precision, it.scale), digits, "numeric({precision},{scale:?})");
            assert!(TargetType::Numeric(it).validate("c").is_ok());
        }
        assert!(TargetType::Bignumeric(BIGNUMERIC).validate("c").is_ok());
    }

    #[test]
    fn a_column_of_nulls_is_in_no_file_and_one_that_stays_text_is_copied() {
        let with = |action: Action| SourceColumn { action, ..column("date") };
        let retyped = Action::Retype { to: TargetType::Date, on_misfit: Some(OnMisfit::KeepText) };
        let columns = [with(retyped)];
        assert_eq!(columns_needing_scan(&columns), BTreeSet::from(["c".to_owned()]));
        assert_eq!(
            rewrite_plan(&columns, &columns_needing_scan(&columns)),
            RewritePlan { max_misfit_share: 1.0, relax_required: true, ..RewritePlan::default() }
        );
        let counting = misfit_scan_plan(&[
            columns[0].clone(),
            SourceColumn {
                parquet: ParquetColumn { name: "other".into(), ..columns[0].parquet.clone() },
                ..with(Action::Keep)
            },
        ]);
        let decided = Action::Retype { to: TargetType::Date, on_misfit: Some(OnMisfit::SetNull) };
        assert_eq!((counting.action("c"), counting.action("other")), (decided, Action::Drop));
        let nulls = rewrite_plan(&[with(Action::SetNull)], &BTreeSet::new());
        assert_eq!(nulls.action("c"), Action::Drop);
    }

    #[test]
    fn what_is_transferred_is_described_for_every_type_of_an_array() {
        let repeated = |source: &str, ty| contract::ColumnContract {
            mode: Mode::Repeated,
            ..named(source, ty)
        };
        let table = [
            (Engine::Postgres, named("date", BigQueryType::Date)),
            (Engine::Postgres, named("bigint", BigQueryType::Int64)),
            (Engine::Mysql, named("char(3)", BigQueryType::String)),
            (Engine::Mysql, named("bigint unsigned", BigQueryType::Numeric)),
            (Engine::Postgres, repeated("date[]", BigQueryType::Date)),
            (Engine::Postgres, repeated("box[]", BigQueryType::String)),
            (Engine::Postgres, repeated("_unknown[]", BigQueryType::String)),
        ]
        .map(|(engine, named)| {
            let what = describe_transform(engine, &named, &TimeRules::default());
            format!("{} {}: {what}\n", named.source, named.column_type())
        });
        expect![[r#"
            date DATE: retype to DATE
            bigint INT64: 
            char(3) STRING: annotate STRING
            bigint unsigned NUMERIC: 
            date[] ARRAY<DATE>: retype to ARRAY<DATE> without NULLs
            box[] ARRAY<STRING>: 
            _unknown[] ARRAY<STRING>: retype to ARRAY<STRING> without NULLs
        "#]]
        .assert_eq(&table.concat());
        for (element, expected) in [
            ("smallint", JsonElement::Number),
            ("int4", JsonElement::Number),
            ("bigint", JsonElement::Number),
            ("real", JsonElement::Number),
            ("double precision", JsonElement::Number),
            ("oid", JsonElement::Number),
            ("boolean", JsonElement::Bool),
            // Readers of JSON would round it.
            ("numeric(12,2)", JsonElement::Text),
            ("text", JsonElement::Text),
            ("order_status", JsonElement::Text),
        ] {
            let named = named(&format!("{element}[]"), BigQueryType::String);
            let to = target(&column("ARRAY"), &named, &TimeRules::default());
            assert_eq!(to, Some(TargetType::ArrayJson(expected)), "{element}");
        }
        for (of, expected) in [
            (TargetType::Int64, JsonElement::Number),
            (TargetType::Float64, JsonElement::Number),
            (TargetType::Bool, JsonElement::Bool),
            (TargetType::Numeric(NUMERIC), JsonElement::Text),
            (TargetType::Text, JsonElement::Text),
        ] {
            assert_eq!(json_of_list(&of), TargetType::ArrayJson(expected), "{of:?}");
        }
    }

    #[test]
    fn a_plan_names_the_columns_that_are_in_the_files() {
        let parquet = |name: &str| ParquetColumn {
            name: name.to_owned(),
            physical: Physical::ByteArray,
            annotation: Annotation::None,
        };
        let of = |name: &str, action, landed: &str| SourceColumn {
            action,
            landed_name: landed.to_owned(),
            ..SourceColumn::new(parquet(name), "char(3)")
        };
        let number = |on_misfit| Action::Retype { to: TargetType::Int64, on_misfit };
        let columns = [
            of("kept", Action::Keep, ""),
            of("renamed", Action::Keep, "new_name"),
            of("dropped", Action::Drop, "x"),
            of("empty", Action::SetNull, "y"),
            of("number", number(None), ""),
            // It stays text, and a text of MySQL without an annotation would become BYTES.
            of("text", number(Some(OnMisfit::KeepText)), "z"),
        ];
        let text = BTreeSet::from(["text".to_owned()]);
        let show = |plan: RewritePlan| {
            let columns =
                plan.columns.iter().map(|(name, it)| format!("{name}: {}", it.describe()));
            let columns: Vec<String> = columns.collect();
            format!("{}; rename {:?}; others {:?}", columns.join(", "), plan.rename, plan.others)
        };
        let shown = [
            show(rewrite_plan(&columns, &text)),
            show(rewrite_plan(&columns, &BTreeSet::new())),
            show(misfit_scan_plan(&columns)),
        ];
        expect![[r#"
            dropped: drop, empty: drop, number: retype to INT64, text: annotate STRING; rename {"renamed": "new_name", "text": "z"}; others Keep
            dropped: drop, empty: drop, number: retype to INT64, text: retype to INT64; rename {"renamed": "new_name", "text": "z"}; others Keep
            text: retype to INT64; rename {}; others Drop"#]].assert_eq(&shown.join("\n"));
        assert_eq!(columns_needing_scan(&columns), text);
    }

    #[test]
    fn an_error_of_a_type_says_what_to_write() {
        let error = |exported: &str, source: &str| {
            let named = named(source, BigQueryType::Int64);
            let actual = ColumnType::scalar(BigQueryType::String);
            exported_type_error("t", &column(exported), &named, actual).context().to_owned()
        };
        let shown = [error("int4", "integer"), error("", "bigint"), error("text", "bigint")];
        expect![[r#"
            t.c: contract.yaml says INT64, and the export's `int4` lands as STRING; write `type: STRING`
            t.c: contract.yaml says INT64, and the export's column lands as STRING; write `type: STRING`
            t.c: contract.yaml says INT64 of the source type `bigint`, and the export's `text` lands as STRING; write `source: text` and a type that it can have"#]].assert_eq(&shown.join("\n"));
    }
}
