//! Footers that writers in use leave behind, and that say other things than the pages do. Each test
//! takes a file of the `parquet` crate and changes its footer.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use bytes::Bytes;
use landbridge_core::ErrorKind;
use landbridge_core::rewrite::{Action, AnnotateAs, RewritePlan, TargetType};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;

use super::{Rewriter, TokenKey};
use crate::raw_footer::RawFooter;
use crate::thrift::{
    RawField, integer_field, raw_fields, raw_structs, structs_field, write_fields,
};

const ROW_GROUPS: i16 = 4;
/// `ColumnChunk.meta_data`, and fields of `ColumnMetaData`.
const META_DATA: i16 = 3;
const COMPRESSED_SIZE: i16 = 7;
const DATA_PAGE_OFFSET: i16 = 9;
const DICTIONARY_PAGE_OFFSET: i16 = 11;
const BLOOM_FILTER_LENGTH: i16 = 15;

fn columns() -> Vec<(&'static str, ArrayRef, bool)> {
    let text = |prefix: &str, kinds: i64| {
        Arc::new(StringArray::from_iter_values((0..60).map(|it| format!("{prefix}{}", it % kinds))))
    };
    vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..60)), true),
        ("town", text("town-", 9), true),
        ("street", text("street-", 7), true),
        ("must", text("must-", 5), false),
    ]
}

fn written(properties: WriterProperties) -> Bytes {
    let batch = RecordBatch::try_from_iter_with_nullable(columns()).expect("columns");
    let mut out = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    out.into()
}

fn uncompressed() -> WriterProperties {
    WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).build()
}

/// The bytes of a file's footer, and its offset.
fn footer_bytes(file: &Bytes) -> (Bytes, usize) {
    let end = file.len() - 8;
    let length = u32::from_le_bytes(file[end..end + 4].try_into().expect("four bytes"));
    let start = end - length as usize;
    (file.slice(start..end), start)
}

/// The file with another footer.
fn with_footer(file: &Bytes, edit: impl FnOnce(&mut Vec<RawField<'_>>)) -> Bytes {
    let (footer, start) = footer_bytes(file);
    let mut fields = raw_fields(&footer).expect("a footer");
    edit(&mut fields);
    let footer = write_fields(&fields);
    let length = u32::try_from(footer.len()).expect("small").to_le_bytes();
    [&file[..start], &footer, &length, b"PAR1"].concat().into()
}

/// The file with other chunks in row group 0: `edit` gets the fields of each.
fn with_chunks(file: &Bytes, edit: impl Fn(&mut Vec<RawField<'_>>)) -> Bytes {
    with_footer(file, |footer| {
        let groups = footer.iter_mut().find(|it| it.id == ROW_GROUPS).expect("row groups");
        let mut new = Vec::new();
        for group in raw_structs(&groups.value).expect("row groups") {
            let mut group = raw_fields(group).expect("a row group");
            let mut chunks = Vec::new();
            for chunk in raw_structs(&group[0].value).expect("chunks") {
                let mut chunk = raw_fields(chunk).expect("a chunk");
                edit(&mut chunk);
                chunks.push(write_fields(&chunk));
            }
            group[0] = structs_field(1, chunks.iter().map(Vec::as_slice));
            new.push(write_fields(&group));
        }
        let value = structs_field(ROW_GROUPS, new.iter().map(Vec::as_slice)).value;
        groups.value = value;
    })
}

/// The file with other metadata of its chunks.
fn with_metadata(file: &Bytes, edit: impl Fn(&mut Vec<RawField<'_>>)) -> Bytes {
    with_chunks(file, |chunk| {
        let metadata = chunk.iter_mut().find(|it| it.id == META_DATA).expect("metadata");
        let bytes = {
            let mut fields = raw_fields(&metadata.value).expect("metadata");
            edit(&mut fields);
            write_fields(&fields)
        };
        metadata.value = bytes.into();
    })
}

fn number(fields: &[RawField<'_>], id: i16) -> i32 {
    let value = &fields.iter().find(|it| it.id == id).expect("the field").value;
    let unsigned = value.iter().rev().fold(0_i64, |sum, byte| sum << 7 | i64::from(byte & 0x7f));
    i32::try_from(unsigned >> 1).expect("small")
}

fn set(fields: &mut [RawField<'_>], id: i16, value: i32) {
    let field = fields.iter_mut().find(|it| it.id == id).expect("the field");
    field.value = integer_field(id, value).value;
}

fn plan<'a>(columns: impl IntoIterator<Item = (&'a str, Action)>) -> RewritePlan {
    let columns = columns.into_iter().map(|(name, action)| (name.to_owned(), action)).collect();
    RewritePlan { columns, max_misfit_share: 1.0, ..RewritePlan::default() }
}

fn tokenise() -> Action {
    Action::Tokenise { domain: String::new() }
}

fn rewrite(file: &Bytes, plan: RewritePlan) -> landbridge_core::Result<Bytes> {
    let key = TokenKey::new(&[7; 32]).expect("long enough");
    let mut out = Vec::new();
    Rewriter::new(plan)?.with_key(key).rewrite(file, "test", &mut out, None)?;
    Ok(out.into())
}

fn rows(file: &Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("a Parquet file");
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().expect("a reader").map(|it| it.expect("rows")).collect();
    concat_batches(&schema, &batches).expect("one schema")
}

fn metadata(file: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::decode_metadata(&footer_bytes(file).0).expect("a footer")
}

/// As in files of parquet-mr before 1.2.9 (PARQUET-816): the chunk begins with its dictionary, and its
/// size is that without the header of the dictionary page.
fn short_sizes(by: i32) -> Bytes {
    with_metadata(&written(uncompressed()), |chunk| {
        let begin = number(chunk, DICTIONARY_PAGE_OFFSET);
        set(chunk, DATA_PAGE_OFFSET, begin);
        chunk.retain(|field| field.id != DICTIONARY_PAGE_OFFSET);
        let size = number(chunk, COMPRESSED_SIZE);
        // Not so short that it lies outside of the data.
        if size > 3 * by {
            set(chunk, COMPRESSED_SIZE, size - by);
        }
    })
}

#[test]
fn a_chunk_that_is_longer_than_declared_is_copied_to_its_end() {
    let expected = rows(&written(uncompressed()));
    for by in [1, 14, 20] {
        let source = short_sizes(by);
        for columns in [plan([("id", Action::Drop)]), plan([("id", tokenise())])] {
            for relax_required in [false, true] {
                let plan = RewritePlan { relax_required, ..columns.clone() };
                let out = rewrite(&source, plan).expect("rewritten");
                let found = rows(&out);
                for name in ["town", "street", "must"] {
                    assert_eq!(found.column_by_name(name), expected.column_by_name(name), "{by}");
                }
                let sizes = metadata(&out);
                let chunks = sizes.row_group(0).columns().windows(2);
                for pair in chunks {
                    let end = pair[0].byte_range().0 + pair[0].byte_range().1;
                    assert_eq!(end, pair[1].byte_range().0, "the sizes are right: {by}");
                }
            }
        }
        let converted = rewrite(&source, plan([("town", tokenise())])).expect("rewritten");
        let found = rows(&converted);
        assert_eq!(found.column_by_name("street"), expected.column_by_name("street"));
        let key = TokenKey::new(&[7; 32]).expect("long enough");
        let town = found.column_by_name("town").expect("town");
        let town = town.as_any().downcast_ref::<StringArray>().expect("text");
        assert_eq!(town.value(59), key.token("", b"town-5"));
    }
}

#[test]
fn a_chunk_whose_pages_end_elsewhere_is_refused() {
    for by in [101, 130] {
        let error =
            rewrite(&short_sizes(by), plan([("town", Action::SetNull)])).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("column `id`"), "{error}");
    }
    // A size that is right, and pages that have fewer values than the footer says.
    let source = with_metadata(&written(uncompressed()), |chunk| set(chunk, 5, 61));
    let error = rewrite(&source, plan([("id", Action::Drop)])).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

/// Arrow C++ writes 0 as the offset of the pages that a row group without rows does not have.
#[test]
fn row_groups_without_rows_are_left_out() {
    use parquet::file::writer::SerializedFileWriter;
    let whole = written(uncompressed());
    let schema = metadata(&whole).file_metadata().schema_descr().root_schema_ptr();
    let mut empty = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut empty, schema, Default::default()).expect("one");
    let mut group = writer.next_row_group().expect("a row group");
    while let Some(column) = group.next_column().expect("a column") {
        column.close().expect("closed");
    }
    group.close().expect("closed");
    writer.close().expect("closed");
    let empty = with_metadata(&empty.into(), |chunk| set(chunk, DATA_PAGE_OFFSET, 0));
    let groups = |file: &Bytes| {
        let (footer, _) = footer_bytes(file);
        let fields = raw_fields(&footer).expect("a footer");
        let groups = fields.iter().find(|it| it.id == ROW_GROUPS).expect("row groups");
        raw_structs(&groups.value).expect("row groups").into_iter().map(<[u8]>::to_vec).collect()
    };
    let hollow: Vec<Vec<u8>> = groups(&empty);
    let full: Vec<Vec<u8>> = groups(&whole);
    let between = with_footer(&whole, |footer| {
        let field = footer.iter_mut().find(|it| it.id == ROW_GROUPS).expect("row groups");
        let order = [&hollow[0][..], &full[0], &hollow[0]];
        field.value = structs_field(ROW_GROUPS, order.into_iter()).value;
    });
    for plan in [
        plan([("id", Action::Drop)]),
        plan([("town", tokenise()), ("id", Action::SetNull)]),
        RewritePlan { relax_required: true, ..plan([]) },
    ] {
        let out = rewrite(&empty, plan.clone()).expect("rewritten");
        assert_eq!(rows(&out).num_rows(), 0);
        let out = rewrite(&between, plan).expect("rewritten");
        assert_eq!((rows(&out).num_rows(), metadata(&out).num_row_groups()), (60, 1));
    }
    assert_eq!(rewrite(&between, plan([])).expect("copied"), between);
}

#[test]
fn encrypted_columns_are_refused() {
    let source = written(uncompressed());
    let plan = || plan([("id", Action::Drop)]);
    // A structure with one field: a union of an empty structure.
    let structure = |id: u8| [id << 4 | 0xc, 0x1c, 0, 0, 0];
    let chunk_key = structure(8);
    let files = [
        // `ColumnChunk.crypto_metadata`, and `FileMetaData.encryption_algorithm`.
        with_chunks(&source, |chunk| {
            let mut key = raw_fields(&chunk_key).expect("a structure");
            chunk.retain(|field| field.id <= META_DATA);
            chunk.push(key.remove(0).into_owned());
        }),
        with_footer(&source, |footer| {
            footer.push(raw_fields(&structure(8)).expect("a structure").remove(0).into_owned());
        }),
    ];
    for file in files {
        let error = rewrite(&file, plan()).expect_err("refused");
        assert_eq!(error.what(), "a Parquet file is encrypted");
        // The plan does not matter: nothing of the file is copied.
        assert!(rewrite(&file, super::RewritePlan::default()).is_err());
    }
}

#[test]
fn the_orders_of_bounds_stay_as_they_are() {
    let orders = |file: &Bytes| {
        let raw = RawFooter::read(&footer_bytes(file).0).expect("a footer");
        raw.column_orders.map(|orders| orders.iter().map(|it| it.to_vec()).collect::<Vec<_>>())
    };
    let source = written(uncompressed());
    let plan = || plan([("id", Action::Drop), ("town", tokenise())]);
    let of_the_type = vec![0x1c, 0, 0];
    let out = rewrite(&source, plan()).expect("rewritten");
    assert_eq!(orders(&out), Some(vec![of_the_type.clone(); 3]));
    let none = with_footer(&source, |footer| footer.retain(|field| field.id != 7));
    assert_eq!(orders(&rewrite(&none, plan()).expect("rewritten")), None);
    // An order that this version does not know stays with its column; a converted column has another.
    let other = |number: u8| vec![number << 4 | 0xc, 0, 0];
    let unknown = with_footer(&source, |footer| {
        let of_columns: Vec<_> = (2..6).map(other).collect();
        let field = footer.iter_mut().find(|it| it.id == 7).expect("orders");
        field.value = structs_field(7, of_columns.iter().map(Vec::as_slice)).value;
    });
    let out = rewrite(&unknown, plan()).expect("rewritten");
    assert_eq!(orders(&out), Some(vec![of_the_type, other(4), other(5)]));
}

#[test]
fn an_unreadable_footer_is_refused_with_its_cause() {
    let source =
        with_footer(&written(uncompressed()), |footer| footer.retain(|field| field.id != 3));
    let error = rewrite(&source, plan([])).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("num_rows"), "{error}");
}

/// fastparquet writes such a list into a file without rows.
#[test]
fn an_empty_list_without_a_type_is_read() {
    let none = with_footer(&written(uncompressed()), |footer| {
        for field in footer.iter_mut() {
            match field.id {
                ROW_GROUPS => field.value = vec![0].into(),
                3 => field.value = vec![0].into(),
                _ => {}
            }
        }
    });
    let out = rewrite(&none, plan([("id", Action::Drop)])).expect("rewritten");
    assert_eq!((rows(&out).num_rows(), rows(&out).num_columns()), (0, 3));
}

/// The same number can be written with leading zero bytes.
#[test]
fn decimals_in_byte_arrays_are_neither_text_nor_tokens() {
    let bytes = BinaryArray::from_iter_values([&b"\x64"[..], b"\x00\x64", b"\x00\x00\x64"]);
    let batch = RecordBatch::try_from_iter([("amount", Arc::new(bytes) as ArrayRef)]).expect("one");
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let decimal = with_footer(&out.into(), |footer| {
        let field = footer.iter_mut().find(|it| it.id == 2).expect("a schema");
        let value = {
            let elements = raw_structs(&field.value).expect("elements");
            let mut amount = raw_fields(elements[1]).expect("an element");
            // DECIMAL, and its scale and precision.
            amount.retain(|field| field.id < 5);
            amount.extend([(6, 5), (7, 2), (8, 9)].map(|(id, value)| integer_field(id, value)));
            let amount = write_fields(&amount);
            structs_field(2, [elements[0], amount.as_slice()].into_iter()).value
        };
        field.value = value;
    });
    let retype = Action::Retype { to: TargetType::Int64, on_misfit: None };
    for action in [tokenise(), retype, Action::Annotate(AnnotateAs::String)] {
        let error = rewrite(&decimal, plan([("amount", action.clone())])).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Held, "{action:?}");
    }
    rewrite(&decimal, plan([("amount", Action::SetNull)])).expect("no value remains");
}

#[test]
fn a_bloom_filter_without_a_length_is_copied() {
    let properties = WriterProperties::builder().set_bloom_filter_enabled(true).build();
    let source = with_metadata(&written(properties), |chunk| {
        chunk.retain(|field| field.id != BLOOM_FILTER_LENGTH);
    });
    let out = rewrite(&source, plan([("id", Action::Drop)])).expect("rewritten");
    let metadata = metadata(&out);
    let filter = Sbbf::read_from_column_chunk(metadata.row_group(0).column(0), &out);
    let filter = filter.expect("readable").expect("a filter");
    assert!(filter.check(&"town-3") && !filter.check(&"no town"));
}
