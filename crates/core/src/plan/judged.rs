//! Which columns the transfer judges, by which objects, and what a sample of values says of one.
//!
//! A contract calls a column `none` because a person or a classifier has looked at its values once. The
//! values change: so every day a sample of them is judged by the classifier of `contract propose`. What
//! a verdict means for the column decides [`crate::protection`].
//!
//! Text of every class is judged, also of a column that is pinned or has no entry: a new contract may call it `none`
//! without a pin, and is in force over the rows that are there already before the next load.

use super::{SourceColumn, TablePlan};
use crate::calendar::Day;
use crate::contract::{ColumnContract, TableContract};
use crate::personal::{Evidence, Finding, Rows, Subject, judge_again};
use crate::protection::LooksPersonal;
use crate::rewrite::Action;
use crate::types::{Annotation, BigQueryType, Engine, Physical, TextForm, is_array, text_form};

/// So many objects of a table are sampled, so that the cost of a table does not grow with its size.
pub const MAX_OBJECTS: usize = 16;

/// A column that is judged.
#[derive(Clone, Copy, Debug)]
pub struct JudgedColumn<'a> {
    column: &'a SourceColumn,
    /// The contract's entry, if there is one.
    named: Option<&'a ColumnContract>,
    table: &'a str,
}

/// The columns of a table that are judged: text that leaves AWS as it is, and text that may stay text although the
/// contract gives it another type. Numbers are judged by name alone, because keys and times have the forms of
/// personal numbers by chance.
pub fn judged_columns<'a>(
    plan: &'a TablePlan,
    contract: Option<&'a TableContract>,
) -> Vec<JudgedColumn<'a>> {
    let table = plan.source_table.split_once('.').map_or("", |(_, table)| table);
    let columns = plan.columns.iter().filter_map(|column| {
        let named = contract.and_then(|contract| contract.columns.get(column.key()));
        let is_text = column.parquet.physical == Physical::ByteArray
            && matches!(
                column.parquet.annotation,
                Annotation::None | Annotation::String | Annotation::Json | Annotation::Enum
            );
        let is_judged = match named {
            Some(named) => {
                let ty = named.bigquery_type;
                let stays = named.may_stay_text() && is_written_by_people(column);
                named.transform.is_none()
                    && (stays || matches!(ty, BigQueryType::String | BigQueryType::Json))
            }
            None => leaves_as_it_is(column) && may_be_words(column),
        };
        (is_text && is_judged).then_some(JudgedColumn { column, named, table })
    });
    columns.collect()
}

fn leaves_as_it_is(column: &SourceColumn) -> bool {
    matches!(column.action, Action::Keep | Action::Annotate(_) | Action::Retype { .. })
}

/// Whether the source type is text or JSON for every engine that has a type of this name: an export writes exact numbers
/// and keys as text as well.
fn is_written_by_people(column: &SourceColumn) -> bool {
    let is_free = |engine| text_form(engine, &column.source) == TextForm::Free;
    is_json(column) || (is_free(Engine::Postgres) && is_free(Engine::Mysql))
}

/// Whether the text of a column that the contract does not name can say something of a person: what people write,
/// documents, and addresses of devices.
fn may_be_words(column: &SourceColumn) -> bool {
    const OTHERS: [&str; 6] = ["cidr", "inet", "macaddr", "macaddr8", "tsvector", "xml"];
    is_written_by_people(column) || OTHERS.contains(&&*column.source)
}

fn is_json(column: &SourceColumn) -> bool {
    column.parquet.annotation == Annotation::Json || matches!(&*column.source, "json" | "jsonb")
}

/// Whether the object with this number, of so many, is sampled: [`MAX_OBJECTS`] at even distances, and
/// always the last, which has the newest rows.
pub fn is_sampled(number: usize, objects: usize) -> bool {
    let step = objects.div_ceil(MAX_OBJECTS).max(1);
    number.is_multiple_of(step) || number + 1 == objects
}

impl JudgedColumn<'_> {
    /// Its name in the source.
    pub fn name(&self) -> &str {
        &self.column.parquet.name
    }

    /// What these values of `day` say: the kind of personal data that they look like, if it outweighs
    /// the contract. No value is kept.
    pub fn judge<'v>(
        &self,
        values: impl IntoIterator<Item = &'v str>,
        day: Day,
    ) -> Option<LooksPersonal> {
        let mut evidence = Evidence::default();
        let column = self.column;
        let (is_repeated, source_type, bigquery_type) = match self.named {
            Some(named) => (!named.mode.is_nullable(), &named.source, named.bigquery_type),
            None if is_json(column) => (false, &column.source, BigQueryType::Json),
            None => (is_array(&column.source), &column.source, BigQueryType::String),
        };
        for value in values {
            match is_repeated {
                true => evidence.observe_array(value),
                false => evidence.observe(value),
            }
        }
        let subject = Subject {
            table: self.table,
            column: self.name(),
            source_type,
            bigquery_type,
            rows: Rows::Unknown,
        };
        let verdict = judge_again(subject, &evidence)?;
        let Finding::Personal(kind) = verdict.finding else { return None };
        Some(LooksPersonal { kind: kind.plural().to_owned(), reason: verdict.reason, day })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CLASS_UNCLASSIFIED;
    use crate::rewrite::OnMisfit;
    use crate::types::ParquetColumn;

    fn text(name: &str) -> SourceColumn {
        let parquet = ParquetColumn {
            name: name.to_owned(),
            physical: Physical::ByteArray,
            annotation: Annotation::String,
        };
        SourceColumn::new(parquet, "text")
    }

    fn plan(columns: Vec<SourceColumn>) -> TablePlan {
        let mut plan: TablePlan = serde_json::from_value(serde_json::json!({
            "source_table": "public.orders", "table": "orders", "columns": [], "items": [],
            "rows": 0, "bytes": 0, "notes": [],
        }))
        .unwrap();
        plan.columns = columns;
        plan
    }

    fn contract(columns: &[(&str, ColumnContract)]) -> TableContract {
        let columns = columns.iter().map(|(name, it)| ((*name).to_owned(), it.clone()));
        TableContract { columns: columns.collect(), ..TableContract::default() }
    }

    fn none(ty: BigQueryType) -> ColumnContract {
        ColumnContract::new("text", ty, "none")
    }

    #[test]
    fn text_of_every_class_that_leaves_as_it_is_is_judged() {
        let string = || none(BigQueryType::String);
        let mut number = text("total");
        number.parquet.physical = Physical::Int64;
        let mut renamed = text("Memo");
        renamed.contract_key = Some("memo".to_owned());
        let mut amount = text("amount");
        amount.action = Action::Keep;
        let columns = ["note", "pinned", "email", "unknown", "dropped", "json", "later", "mixed"];
        let columns = columns.map(text);
        let of_type =
            |name: &str, source: &str| SourceColumn { source: source.to_owned(), ..text(name) };
        // Without an entry: what an export writes as text and is no text, and what stays in AWS.
        let new = [
            ("key", "uuid"),
            ("sum", "numeric"),
            ("price", "decimal"),
            ("born", "date"),
            ("body", "jsonb"),
            ("came_from", "inet"),
        ];
        let new = new.map(|(name, source)| of_type(name, source));
        let gone = SourceColumn { action: Action::Drop, ..text("gone") };
        let plan =
            plan([columns.to_vec(), vec![number, renamed, amount, gone], new.to_vec()].concat());
        let contract = contract(&[
            ("note", string()),
            ("memo", string()),
            ("pinned", ColumnContract { pinned: true, ..string() }),
            ("email", ColumnContract { class: "email".to_owned(), ..string() }),
            (
                "dropped",
                ColumnContract { transform: Some(crate::contract::Transform::SetNull), ..string() },
            ),
            ("json", none(BigQueryType::Json)),
            ("later", ColumnContract { class: CLASS_UNCLASSIFIED.to_owned(), ..string() }),
            ("total", none(BigQueryType::Int64)),
            // An exact number, which the export writes as text.
            ("amount", none(BigQueryType::Numeric)),
            (
                "mixed",
                ColumnContract { on_misfit: Some(OnMisfit::KeepText), ..none(BigQueryType::Int64) },
            ),
        ]);
        let judged = judged_columns(&plan, Some(&contract));
        let names: Vec<&str> = judged.iter().map(JudgedColumn::name).collect();
        let expected = ["note", "pinned", "email", "unknown", "json", "later", "mixed", "Memo"];
        assert_eq!(names, [&expected[..], &["body", "came_from"]].concat());
        // A table without an entry.
        let all = judged_columns(&plan, None);
        assert!(all.iter().all(|it| it.named.is_none()), "{all:?}");
        assert_eq!(all.len(), 12, "{all:?}");
    }

    #[test]
    fn few_objects_of_many_are_sampled_and_always_the_last() {
        let of = |objects| (0..objects).filter(|it| is_sampled(*it, objects)).collect::<Vec<_>>();
        assert_eq!(of(1), [0]);
        assert_eq!(of(16).len(), 16);
        for objects in [17, 100, 1_000, 30_000] {
            let sampled = of(objects);
            assert!(sampled.len() <= MAX_OBJECTS + 1, "{objects}: {}", sampled.len());
            assert_eq!((sampled[0], sampled[sampled.len() - 1]), (0, objects - 1));
        }
    }

    #[test]
    fn a_verdict_has_counts_and_no_value() {
        let plan = plan(vec![text("memo")]);
        let contract = contract(&[("memo", none(BigQueryType::String))]);
        let [memo] = judged_columns(&plan, Some(&contract))[..] else { panic!("one column") };
        let day: Day = "2026-11-22".parse().unwrap();
        // A thirteenth month.
        let numbers: Vec<String> = (10..60).map(|it| format!("9013{it}-2345678")).collect();
        let found = memo.judge(numbers.iter().map(String::as_str), day);
        assert_eq!(found, None, "no such date of birth");
        let numbers: Vec<String> = (10..28).map(|it| format!("9001{it}-2345678")).collect();
        let found = memo.judge(numbers.iter().map(String::as_str), day).unwrap();
        assert_eq!(found.kind, "resident registration numbers");
        assert_eq!(found.day, day);
        let text = serde_json::to_string(&found).unwrap();
        assert!(text.contains("100 % of 18 sampled values"), "{text}");
        assert!(numbers.iter().all(|it| !text.contains(it)), "{text}");
        // Two values of a form can be there by chance.
        assert_eq!(memo.judge(numbers.iter().take(2).map(String::as_str), day), None);
        let harmless = (0..500).map(|it| format!("order {it} was packed"));
        let harmless: Vec<String> = harmless.collect();
        assert_eq!(memo.judge(harmless.iter().map(String::as_str), day), None);
    }
}
