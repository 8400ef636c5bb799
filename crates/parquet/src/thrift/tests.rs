use super::*;

/// Page locations at 4, 104 … with `count` pages.
fn index(count: usize, by: i64) -> Vec<u8> {
    let mut out = vec![0x19];
    write_list_header(&mut out, count, STRUCT);
    for page in 0..count as i64 {
        let mut last = 0;
        write_field_header(&mut out, &mut last, 1, I64);
        write_integer(&mut out, 4 + page * 100 + by);
        write_field_header(&mut out, &mut last, 2, I32);
        write_integer(&mut out, 100);
        write_field_header(&mut out, &mut last, 3, I64);
        write_integer(&mut out, page * 1000);
        out.push(0);
    }
    out.push(0);
    out
}

#[test]
fn offset_indexes_move() {
    for count in [0, 1, 14, 15, 300] {
        let moved = relocated_offset_index(&index(count, 0), 12_345).expect("it is one");
        assert_eq!(moved, index(count, 12_345), "{count}");
        let back = relocated_offset_index(&moved, -12_345).expect("it is one");
        assert_eq!(back, index(count, 0), "{count}");
    }
    assert_eq!(
        relocated_offset_index(&index(1, 0), -5),
        Err(ThriftError::Invalid),
        "before the file"
    );
}

#[test]
fn a_structure_is_written_as_it_was_read() {
    // Fields 1 (a boolean), 3 (text), 40 (an integer) and 2 (a list of two structures): the last
    // two need the long form of a field header.
    let bytes =
        [0x11, 0x28, 2, b'a', b'b', 5, 80, 6, 9, 4, 0x2c, 0x15, 2, 0, 0x15, 4, 0, 0].as_slice();
    let fields = raw_fields(bytes).expect("a structure");
    assert_eq!(fields.iter().map(|it| it.id).collect::<Vec<_>>(), [1, 3, 40, 2]);
    assert_eq!(write_fields(&fields), bytes);
    assert_eq!(text_field(3, "ab").value, fields[1].value);
    assert_eq!(integer_field(40, 3).value, fields[2].value);
    let structs = raw_structs(&fields[3].value).expect("a list of structures");
    assert_eq!(structs, [&[0x15, 2, 0], &[0x15, 4, 0]]);
    assert_eq!(structs_field(2, structs.into_iter()).value, fields[3].value);
    for length in 0..bytes.len() {
        assert!(raw_fields(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn truncated_and_invalid_headers_are_distinguished() {
    let whole = index(20, 0);
    for length in 0..whole.len() {
        assert_eq!(
            relocated_offset_index(&whole[..length], 0),
            Err(ThriftError::Truncated),
            "{length}"
        );
    }
    assert_eq!(PageHeader::read(&[0x15, 0xff]), Err(ThriftError::Truncated));
    assert_eq!(PageHeader::read(&[0x1b, 0]), Err(ThriftError::Invalid), "a map");
    assert_eq!(PageHeader::read(&[0x15; 40]).err(), Some(ThriftError::Truncated));
    // Infinitely nested structures.
    assert_eq!(PageHeader::read(&[0xfc; 4000]), Err(ThriftError::Invalid));
}
