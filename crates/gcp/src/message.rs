//! Which of BigQuery's messages may be shown.
//!
//! BigQuery's messages about invalid data can quote the data, so Landbridge hides the messages of
//! these reasons, unless a message has a known shape. Of a known shape, only names of columns, types
//! and modes are shown, in words of our own.

/// The message, as far as it contains no data; `None` if nothing of it may be shown.
pub(crate) fn shown(reason: &str, message: &str) -> Option<String> {
    if may_quote_data(reason) { known(message) } else { Some(message.to_owned()) }
}

/// Whether an error message with this reason can quote data.
fn may_quote_data(reason: &str) -> bool {
    matches!(reason, "invalid" | "invalidQuery" | "badRequest" | "")
}

/// A shape of a message: how it begins, and what is shown of it. `<column>`, `<type>` and `<mode>`
/// stand for names that are shown; `<name>` (a table or a file) and `<number>` (a value) are skipped.
struct Shape {
    message: &'static str,
    shown: &'static str,
}

/// The shapes, as users reported them: google-cloud-python #8093 and #9207 (type, mode), cloudquery
/// #6364 and spring-cloud-gcp #544 (missing), target-bigquery #36 and spark-bigquery-connector #1294
/// (added), mozilla-schema-generator #63 (added REQUIRED), depmap_omics #152 and data-infra #811
/// (Parquet type), java-bigquery #13 and google-cloud-python #9207 (Parquet mode), python-bigquery
/// #61 (a time out of range).
const SHAPES: [Shape; 8] = [
    Shape {
        message: "Provided Schema does not match Table <name>. Field <column> has changed type from <type> to <type>",
        shown: "column <column> has changed its type from <type> to <type>",
    },
    Shape {
        message: "Provided Schema does not match Table <name>. Field <column> has changed mode from <mode> to <mode>",
        shown: "column <column> has changed its mode from <mode> to <mode>",
    },
    Shape {
        message: "Provided Schema does not match Table <name>. Field <column> is missing in new schema",
        shown: "column <column> is missing in the new schema",
    },
    Shape {
        message: "Provided Schema does not match Table <name>. Cannot add fields (field: <column>)",
        shown: "the table does not have the column <column>",
    },
    Shape {
        message: "Provided Schema does not match Table <name>. Cannot add required fields to an existing schema. (field: <column>)",
        shown: "the new column <column> is REQUIRED",
    },
    Shape {
        message: "Parquet column '<column>' has type <type> which does not match the target cpp_type <type>",
        shown: "Parquet column <column> has type <type>, which does not match the target type <type>",
    },
    Shape {
        message: "Provided schema is not compatible with the file '<name>'. Field '<column>' is specified as <mode> in provided schema which does not match <mode> as specified in the file",
        shown: "column <column> is <mode> in the table and <mode> in the file",
    },
    Shape {
        message: "Invalid datetime value <number> for field '<column>' of type '<type>' (logical type '<type>')",
        shown: "column <column> of type <type> (<type>) has a time that is out of range",
    },
];

/// What load jobs write before these messages.
const READING: &str = "Error while reading data, error message: ";

/// The number of the form that a message has, from 0.
pub(crate) fn form(message: &str) -> Option<usize> {
    let message = message.strip_prefix(READING).unwrap_or(message);
    SHAPES.iter().position(|shape| shape.names(message).is_some())
}

fn known(message: &str) -> Option<String> {
    let message = message.strip_prefix(READING).unwrap_or(message);
    SHAPES.iter().find_map(|shape| {
        let names = shape.names(message)?;
        let mut names = names.iter();
        let mut out = String::new();
        for part in parts(shape.shown) {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Name(_) => out.push_str(names.next()?),
            }
        }
        Some(out)
    })
}

impl Shape {
    /// The names to show, if the message begins like this shape.
    fn names<'m>(&self, message: &'m str) -> Option<Vec<&'m str>> {
        let mut names = Vec::new();
        let mut rest = message;
        let mut parts = parts(self.message).peekable();
        while let Some(part) = parts.next() {
            let kind = match part {
                Part::Text(text) => {
                    rest = rest.strip_prefix(text)?;
                    continue;
                }
                Part::Name(kind) => kind,
            };
            let end = match parts.peek() {
                Some(Part::Text(text)) => rest.find(text)?,
                _ => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            };
            let (name, after) = rest.split_at(end);
            if !is_valid(kind, name) {
                return None;
            }
            if !matches!(kind, "name" | "number") {
                names.push(name);
            }
            rest = after;
        }
        Some(names)
    }
}

/// A part of a shape.
enum Part {
    Text(&'static str),
    Name(&'static str),
}

/// The parts of `text<kind>text…`; a text may be empty.
fn parts(shape: &'static str) -> impl Iterator<Item = Part> {
    shape
        .split('<')
        .enumerate()
        .flat_map(|(number, piece)| match piece.split_once('>') {
            Some((kind, text)) if number > 0 => {
                [Some(Part::Name(kind)), (!text.is_empty()).then_some(Part::Text(text))]
            }
            _ => [(!piece.is_empty()).then_some(Part::Text(piece)), None],
        })
        .flatten()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a captured text can be what it stands for. A column's name has no spaces and no
/// punctuation, so a sentence or an address is none.
fn is_valid(kind: &str, name: &str) -> bool {
    let chars = name.chars().count();
    match kind {
        "column" => (1..=300).contains(&chars) && name.chars().all(|c| is_word(c) || c == '.'),
        "type" => {
            (1..=40).contains(&chars)
                && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        }
        "mode" => matches!(name, "NULLABLE" | "REQUIRED" | "REPEATED"),
        "number" => name.chars().all(|c| c.is_ascii_digit() || c == '-'),
        _ => !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '\''),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(messages: &[&str], expect: Expect) {
        let lines = messages.iter().map(|message| {
            let shown = shown("invalid", message);
            format!("{}\n", shown.as_deref().unwrap_or("hidden"))
        });
        expect.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn known_messages_name_column_type_and_mode() {
        check(
            &[
                "Provided Schema does not match Table p:d.t_1. Field bar has changed type from FLOAT to RECORD",
                "Provided Schema does not match Table p:d.t. Field foo has changed mode from REQUIRED to NULLABLE",
                "Provided Schema does not match Table p:d.t. Field user_id is missing in new schema",
                "Provided Schema does not match Table p:d.t. Cannot add fields (field: SITE)",
                "Provided Schema does not match Table p:d.t. Cannot add required fields to an existing schema. (field: a.b)",
                "Error while reading data, error message: Parquet column '주소' has type BYTE_ARRAY which does not match the target cpp_type INT64. File: gs://b/o",
                "Error while reading data, error message: Provided schema is not compatible with the file 'part-00114.snappy.parquet'. Field 'filename' is specified as NULLABLE in provided schema which does not match REQUIRED as specified in the file.",
                "Error while reading data, error message: Invalid datetime value -62135596800000000 for field 'dt_col' of type 'INT64' (logical type 'TIMESTAMP_MICROS'): generic::out_of_range: …",
            ],
            expect![[r"
                column bar has changed its type from FLOAT to RECORD
                column foo has changed its mode from REQUIRED to NULLABLE
                column user_id is missing in the new schema
                the table does not have the column SITE
                the new column a.b is REQUIRED
                Parquet column 주소 has type BYTE_ARRAY, which does not match the target type INT64
                column filename is NULLABLE in the table and REQUIRED in the file
                column dt_col of type INT64 (TIMESTAMP_MICROS) has a time that is out of range
            "]],
        );
    }

    #[test]
    fn everything_else_is_hidden() {
        check(
            &[
                "",
                "Error while reading data, error message: Could not parse 'kim@example.kr' as INT64",
                // A value that quotes a known message.
                "Could not parse 'Provided Schema does not match Table p:d.t. Field a has changed type from A to B' as INT64",
                "Provided Schema does not match Table p:d.t. Field kim@example.kr is missing in new schema",
                "Provided Schema does not match Table p:d.t. Field a has changed type from 010-1234-5678 to B",
                "Provided Schema does not match Table p:d.t. Field a has changed mode from NULLABLE to SECRET",
                "Parquet column 'two words' has type INT64 which does not match the target cpp_type INT64.",
                "Invalid datetime value 1 kim for field 'c' of type 'INT64' (logical type 'X')",
            ],
            expect![[r"
                hidden
                hidden
                hidden
                hidden
                hidden
                hidden
                hidden
                hidden
            "]],
        );
        assert_eq!(shown("notFound", "Not found: Table t"), Some("Not found: Table t".to_owned()));
    }
}
