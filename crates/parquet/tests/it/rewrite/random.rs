//! Random tables and plans: every value of the output is correct.

use arrow::array::{BooleanArray, Float64Array, StringArray};
use landbridge_core::rewrite::Decimal;
use parquet::basic::{Compression, Encoding, GzipLevel};
use parquet::file::properties::WriterVersion;
use proptest::prelude::*;

use super::*;

/// A column: its data, its action, and the expected output as Arrow displays it.
#[derive(Clone, Debug)]
struct Column {
    array: ArrayRef,
    action: Action,
    expected: Option<Vec<String>>,
}

fn optional<T: std::fmt::Debug>(
    value: impl Strategy<Value = T>,
    rows: usize,
) -> impl Strategy<Value = Vec<Option<T>>> {
    prop::collection::vec(prop::option::weighted(0.8, value), rows)
}

fn text_column<T: std::fmt::Debug + 'static>(
    values: impl Strategy<Value = T> + 'static,
    rows: usize,
    action: Action,
    written: impl Fn(&T) -> String + 'static,
    expected: impl Fn(&T) -> String + 'static,
) -> BoxedStrategy<Column> {
    optional(values, rows)
        .prop_map(move |values| {
            let text: Vec<_> = values.iter().map(|it| it.as_ref().map(&written)).collect();
            let shown =
                values.iter().map(|it| it.as_ref().map_or("∅".to_owned(), &expected)).collect();
            Column {
                array: Arc::new(StringArray::from(text)),
                action: action.clone(),
                expected: Some(shown),
            }
        })
        .boxed()
}

fn column(rows: usize) -> BoxedStrategy<Column> {
    let kept = |array: ArrayRef| Column { array, action: Action::Keep, expected: None };
    let civil = || (1..=9999_i32, 1..=12_u8, 1..=28_u8);
    let day = |it: &(i32, u8, u8)| format!("{:04}-{:02}-{:02}", it.0, it.1, it.2);
    let cents = TargetType::Numeric(Decimal { precision: 20, scale: 2 });
    prop_oneof![
        optional(any::<i64>(), rows).prop_map(move |it| kept(Arc::new(Int64Array::from(it)))),
        optional(any::<f64>(), rows).prop_map(move |it| kept(Arc::new(Float64Array::from(it)))),
        optional(any::<bool>(), rows).prop_map(move |it| kept(Arc::new(BooleanArray::from(it)))),
        optional(".{0,12}", rows).prop_map(move |it| kept(Arc::new(StringArray::from(it)))),
        optional("[a-c]{1,2}", rows).prop_map(move |it| Column {
            action: Action::Drop,
            ..kept(Arc::new(StringArray::from(it)))
        }),
        optional(any::<i64>(), rows).prop_map(move |it| Column {
            expected: Some(vec!["∅".to_owned(); it.len()]),
            action: Action::SetNull,
            ..kept(Arc::new(Int64Array::from(it)))
        }),
        text_column(civil(), rows, retype(TargetType::Date), day, day),
        text_column(
            (civil(), 0..86_400_u32),
            rows,
            retype(TargetType::Timestamp),
            move |(it, second)| format!(
                "{} {:02}:{:02}:{:02}",
                day(it),
                second / 3600,
                second / 60 % 60,
                second % 60
            ),
            move |(it, second)| format!(
                "{}T{:02}:{:02}:{:02}Z",
                day(it),
                second / 3600,
                second / 60 % 60,
                second % 60
            ),
        ),
        text_column(
            any::<i64>(),
            rows,
            retype(cents),
            |it| format!(
                "{}{}.{:02}",
                if *it < 0 { "-" } else { "" },
                it.unsigned_abs() / 100,
                it.unsigned_abs() % 100
            ),
            |it| format!(
                "{}{}.{:02}",
                if *it < 0 { "-" } else { "" },
                it.unsigned_abs() / 100,
                it.unsigned_abs() % 100
            ),
        ),
        text_column(any::<i64>(), rows, retype(TargetType::Int64), i64::to_string, i64::to_string),
        text_column(
            any::<bool>(),
            rows,
            retype(TargetType::Bool),
            bool::to_string,
            bool::to_string
        ),
        text_column(
            "[x-z]{0,2}",
            rows,
            Action::Tokenise { domain: "d".into() },
            String::clone,
            |it| { key().token("d", it.as_bytes()) }
        ),
        text_column(
            ".{0,20}",
            rows,
            Action::Tokenise { domain: String::new() },
            String::clone,
            |it| { key().token("", it.as_bytes()) }
        ),
        lists(rows),
    ]
    .boxed()
}

/// Arrays of texts with all characters that must be escaped; NULL arrays become empty.
fn lists(rows: usize) -> BoxedStrategy<Column> {
    optional(prop::collection::vec("[a,{}\"\\\\ é]{0,4}", 0..4), rows)
        .prop_map(|values| {
            let quoted =
                |it: &String| format!("\"{}\"", it.replace('\\', "\\\\").replace('"', "\\\""));
            let text = |it: &Vec<String>| {
                format!("{{{}}}", it.iter().map(quoted).collect::<Vec<_>>().join(","))
            };
            let shown = |it: &Option<Vec<String>>| {
                format!("[{}]", it.clone().unwrap_or_default().join(", "))
            };
            let texts: Vec<_> = values.iter().map(|it| it.as_ref().map(text)).collect();
            Column {
                array: Arc::new(StringArray::from(texts)),
                action: retype(TargetType::List(Box::new(TargetType::Text))),
                expected: Some(values.iter().map(shown).collect()),
            }
        })
        .boxed()
}

fn table() -> impl Strategy<Value = Vec<Column>> {
    (1..400_usize).prop_flat_map(|rows| prop::collection::vec(column(rows), 1..7))
}

fn properties() -> impl Strategy<Value = WriterProperties> {
    let codec = prop_oneof![
        Just(Compression::UNCOMPRESSED),
        Just(Compression::SNAPPY),
        Just(Compression::GZIP(GzipLevel::default())),
        Just(Compression::LZ4_RAW),
    ];
    (codec, any::<bool>(), any::<bool>(), 1..500_usize, 1..200_usize).prop_map(
        |(codec, dictionary, second, group, page)| {
            WriterProperties::builder()
                .set_compression(codec)
                .set_dictionary_enabled(dictionary)
                .set_encoding(Encoding::PLAIN)
                .set_writer_version(if second {
                    WriterVersion::PARQUET_2_0
                } else {
                    WriterVersion::PARQUET_1_0
                })
                .set_max_row_group_row_count(Some(group))
                .set_data_page_row_count_limit(page)
                .set_write_batch_size(page)
                .build()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn values_come_out_as_they_should(columns in table(), properties in properties()) {
        prop_assume!(columns.iter().any(|it| it.action != Action::Drop));
        let names: Vec<_> = (0..columns.len()).map(|it| format!("c{it}")).collect();
        let arrays: Vec<_> = names.iter().zip(&columns).map(|(name, it)| (name.as_str(), it.array.clone())).collect();
        let source = file(&arrays, properties);
        let plan = plan(names.iter().map(String::as_str).zip(columns.iter().map(|it| it.action.clone())));
        let (out, report) = rewritten(&source, plan);
        let (before, after) = (rows(&source), rows(&out));
        prop_assert_eq!(report.rows, before.num_rows() as u64);
        for (name, column) in names.iter().zip(&columns) {
            if column.action == Action::Drop {
                prop_assert!(after.column_by_name(name).is_none());
                continue;
            }
            let found = shown(&after, name);
            match &column.expected {
                Some(expected) => prop_assert_eq!(&found, expected, "{}: {:?}", name, column.action),
                None => prop_assert_eq!(found, shown(&before, name)),
            }
            let report = report.columns.iter().find(|it| it.name == *name).expect("in the report");
            prop_assert!(report.misfits.is_empty(), "{:?}", report);
        }
    }
}
