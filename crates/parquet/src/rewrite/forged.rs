//! Footers that writers in use leave behind, and that say other things than the pages do. Each test
//! takes a file of the `parquet` crate and changes its footer.

use std::cell::Cell;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use bytes::Bytes;
use landbridge_core::ErrorKind;
use landbridge_core::rewrite::{Action, AnnotateAs, RewritePlan, TargetType};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, CompressionCodec};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use super::{Rewriter, TokenKey};
use crate::raw_footer::RawFooter;
use crate::thrift::{
    PageHeader, RawField, integer_field, raw_fields, raw_structs, structs_field, write_fields,
};

const ROW_GROUPS: i16 = 4;
/// `ColumnChunk.meta_data`, and fields of `ColumnMetaData`.
const META_DATA: i16 = 3;
const NUM_VALUES: i16 = 5;
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
    // A size that is right, and pages that have fewer values than the footer says: of the first, a middle
    // and the last chunk of a range that is copied at once.
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let properties = uncompressed().into_builder().set_writer_version(version).build();
        let whole = written(properties);
        let copied = rewrite(&whole, plan([("id", Action::Drop)])).expect("rewritten");
        assert_eq!(rows(&copied).column_by_name("must"), rows(&whole).column_by_name("must"));
        for (at, name) in ["town", "street", "must"].into_iter().enumerate() {
            let number = Cell::new(0);
            let source = with_metadata(&whole, |chunk| {
                if number.replace(number.get() + 1) == at + 1 {
                    set(chunk, NUM_VALUES, 61);
                }
            });
            let error = rewrite(&source, plan([("id", Action::Drop)])).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains(&format!("column `{name}`")), "{error}");
        }
    }
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

/// A file of one REQUIRED column in one chunk, whose pages are as `edit` makes them from header and content.
fn with_pages(
    codec: CompressionCodec,
    edit: impl Fn(&mut Vec<RawField<'_>>, &[u8]) -> Vec<u8>,
) -> Bytes {
    const CODEC: i16 = 4;
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..600));
    let batch = RecordBatch::try_from_iter_with_nullable([("n", column, false)]).expect("a column");
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .set_offset_index_disabled(true)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let file = Bytes::from(file);
    let (footer, end) = footer_bytes(&file);
    let (mut at, mut pages) = (4, b"PAR1".to_vec());
    while at < end {
        let (header, length) = PageHeader::read(&file[at..]).expect("a page header");
        let body = at + length..at + length + header.compressed_bytes as usize;
        let mut fields = raw_fields(&file[at..body.start]).expect("a page header");
        let new = edit(&mut fields, &file[body.clone()]);
        set(&mut fields, 3, i32::try_from(new.len()).expect("small"));
        pages.extend(write_fields(&fields));
        pages.extend(new);
        at = body.end;
    }
    let size = i32::try_from(pages.len() - 4).expect("small");
    let length = u32::try_from(footer.len()).expect("small").to_le_bytes();
    let forged = [&pages, &footer[..], &length, b"PAR1"].concat().into();
    with_metadata(&forged, |metadata| {
        set(metadata, COMPRESSED_SIZE, size);
        set(metadata, CODEC, codec as i32);
    })
}

fn relaxing() -> RewritePlan {
    RewritePlan { relax_required: true, ..plan([]) }
}

/// The codec of the only chunk, and the values, which must be those of [`with_pages`].
fn codec_of_numbers(file: &Bytes) -> CompressionCodec {
    let batch = rows(file);
    let expected: ArrayRef = Arc::new(Int64Array::from_iter_values(0..600));
    assert_eq!(batch.column(0), &expected);
    assert!(batch.schema().field(0).is_nullable());
    metadata(file).row_group(0).column(0).compression_codec()
}

#[test]
fn pages_in_other_forms_are_compressed_again_with_their_codec() {
    let member = |content: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        encoder.write_all(content).and_then(|()| encoder.finish()).expect("compressed")
    };
    let two_members = with_pages(CompressionCodec::GZIP, |_, body| {
        let (first, second) = body.split_at(body.len() / 2);
        [member(first), member(second)].concat()
    });
    assert_eq!(
        codec_of_numbers(&rewrite(&two_members, relaxing()).expect("rewritten")),
        CompressionCodec::GZIP
    );
    let with_checksum = with_pages(CompressionCodec::ZSTD, |_, body| {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
        encoder.include_checksum(true).expect("set");
        encoder.write_all(body).expect("written");
        encoder.finish().expect("compressed")
    });
    assert_eq!(
        codec_of_numbers(&rewrite(&with_checksum, relaxing()).expect("rewritten")),
        CompressionCodec::ZSTD
    );
}

#[test]
fn required_columns_in_the_deprecated_lz4_get_the_codec_of_the_plan() {
    let file = with_pages(CompressionCodec::LZ4, |_, body| {
        let block = lz4_flex::block::compress(body);
        let sizes = [body.len(), block.len()].map(|it| (it as u32).to_be_bytes());
        [sizes.as_flattened(), &block].concat()
    });
    assert_eq!(
        codec_of_numbers(&rewrite(&file, relaxing()).expect("rewritten")),
        CompressionCodec::ZSTD
    );
}

/// Readers take the values of a page of version 2 as compressed, unless its header says that they are not.
#[test]
fn uncompressed_pages_of_version_2_can_be_compressed() {
    const CODEC: i16 = 4;
    let properties = uncompressed().into_builder().set_dictionary_enabled(false);
    let whole = written(properties.set_writer_version(WriterVersion::PARQUET_2_0).build());
    let file = with_metadata(&whole, |chunk| set(chunk, CODEC, CompressionCodec::LZ4 as i32));
    let out = rewrite(&file, relaxing()).expect("rewritten");
    assert_eq!(rows(&out).column_by_name("must"), rows(&whole).column_by_name("must"));
    assert_eq!(metadata(&out).row_group(0).column(3).compression_codec(), CompressionCodec::ZSTD);
}

#[test]
fn a_required_column_with_another_number_of_values_than_rows_is_refused() {
    const ROWS: i16 = 3;
    let whole = with_pages(CompressionCodec::UNCOMPRESSED, |_, body| body.to_vec());
    for count in [599, 601] {
        let file = with_footer(&whole, |footer| {
            set(footer, ROWS, count);
            let groups = footer.iter_mut().find(|it| it.id == ROW_GROUPS).expect("row groups");
            let value = {
                let group = raw_structs(&groups.value).expect("row groups")[0];
                let mut group = raw_fields(group).expect("a row group");
                set(&mut group, ROWS, count);
                structs_field(ROW_GROUPS, [write_fields(&group).as_slice()].into_iter()).value
            };
            groups.value = value;
        });
        let error = rewrite(&file, relaxing()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{count}");
    }
}

#[test]
fn the_checksum_of_a_page_is_that_of_the_new_page_and_a_wrong_one_is_refused() {
    const CHECKSUM: i16 = 4;
    let with_checksum = |change: i32| {
        with_pages(CompressionCodec::SNAPPY, move |fields, body| {
            let page = snap::raw::Encoder::new().compress_vec(body).expect("compressed");
            let sum = libdeflater::crc32(&page) as i32;
            fields.insert(3, integer_field(CHECKSUM, sum ^ change));
            page
        })
    };
    let out = rewrite(&with_checksum(0), relaxing()).expect("rewritten");
    assert_eq!(codec_of_numbers(&out), CompressionCodec::SNAPPY);
    let chunk = metadata(&out).row_group(0).column(0).clone();
    let (mut at, mut pages) = (chunk.data_page_offset() as usize, 0);
    while at < (chunk.data_page_offset() + chunk.compressed_size()) as usize {
        let (header, length) = PageHeader::read(&out[at..]).expect("a page header");
        let end = at + length + header.compressed_bytes as usize;
        assert_eq!(header.checksum, Some(libdeflater::crc32(&out[at + length..end])));
        (at, pages) = (end, pages + 1);
    }
    assert_eq!(pages, 6);
    let error = rewrite(&with_checksum(1), relaxing()).expect_err("another checksum");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn a_copied_column_keeps_a_logical_type_that_is_not_known_here() {
    const SCHEMA: i16 = 2;
    const LOGICAL_TYPE: i16 = 10;
    // The last column, an INT64, gets a logical type of another number than any that exists.
    let unknown = |bytes: &[u8]| {
        let mut fields: Vec<_> = raw_fields(bytes).expect("an element");
        fields.retain(|field| !matches!(field.id, 6 | LOGICAL_TYPE));
        let mut logical = raw_fields(&[0x2c, 0, 0]).expect("a structure")[0].clone().into_owned();
        logical.id = LOGICAL_TYPE;
        logical.value = vec![0x0c, 0x90, 0x03, 0, 0].into();
        fields.push(logical);
        write_fields(&fields)
    };
    let file = with_footer(&written(uncompressed()), |footer| {
        let schema = footer.iter_mut().find(|it| it.id == SCHEMA).expect("a schema");
        let elements = raw_structs(&schema.value).expect("elements");
        let elements: Vec<Vec<u8>> = elements
            .into_iter()
            .enumerate()
            .map(|(at, it)| if at == 1 { unknown(it) } else { it.to_vec() })
            .collect();
        let value = structs_field(SCHEMA, elements.iter().map(Vec::as_slice)).value;
        schema.value = value;
    });
    let out = rewrite(&file, plan([("town", Action::Drop)])).expect("rewritten");
    let element =
        |file: &Bytes| RawFooter::read(&footer_bytes(file).0).expect("a footer").schema[1].clone();
    assert_eq!(element(&out), element(&file));
}
