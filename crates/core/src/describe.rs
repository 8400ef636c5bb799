//! What Landbridge adds to the descriptions of tables and columns in BigQuery: of which day the rows are, and
//! who sees what of a column. It never contains a value, because everyone who may list a table reads its
//! descriptions.
//!
//! A description can also be a person's: the contract's, or written in BigQuery by hand. It stands before
//! [`MARK`] and stays as it is; what follows the mark is ours and is written again.

use crate::calendar::Day;
use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED, Config, Mask};

/// What our part of a description begins with.
pub const MARK: &str = "[Landbridge] ";
/// The longest description of a column, in characters (BigQuery v2 API, `TableFieldSchema.description`).
const MAX_COLUMN: usize = 1_024;
/// The longest description of a table, in characters (BigQuery, "Quotas and limits", Tables).
const MAX_TABLE: usize = 16_384;

/// The part of a description that is not ours; `None` if there is none.
pub fn own_part(description: Option<&str>) -> Option<&str> {
    let description = description?;
    let own = match description.starts_with(MARK) {
        true => "",
        // At the beginning of a line: a person may quote the mark.
        false => description.split_once(&format!("\n{MARK}")).map_or(description, |(own, _)| own),
    };
    (!own.is_empty()).then_some(own)
}

/// The description of a column: a person's part, then its class and what its mask shows. A part of a
/// person that leaves no room stays alone.
pub fn column(own: Option<&str>, class: &str, config: &Config) -> String {
    let ours = match config.class(class).map(|it| it.mask) {
        _ if class == CLASS_NONE => "No class: readers of the dataset see the values.".to_owned(),
        _ if class == CLASS_UNCLASSIFIED => {
            "Class unclassified: NULL for everyone for now; the receipt of the table says why."
                .to_owned()
        }
        Some(mask) => format!(
            "Class {class} ({mask}): masked readers see {}, readers the value, anyone else an error.",
            shown(mask)
        ),
        None => format!("Class {class}."),
    };
    with_ours(own, &ours, MAX_COLUMN)
}

/// The class that Landbridge's part of a column's description names, which it sets together with the tag of the class; `None` if
/// the description has no such part.
pub fn class_of(description: Option<&str>) -> Option<&str> {
    let description = description?;
    let ours = match description.strip_prefix(MARK) {
        Some(ours) => ours,
        None => description.split_once(&format!("\n{MARK}"))?.1,
    };
    if ours.starts_with("No class: ") {
        return Some(CLASS_NONE);
    }
    let class = ours.strip_prefix("Class ")?;
    class.split([' ', ':', '.']).next().filter(|class| !class.is_empty())
}

/// The description of a table: a person's part, then the day of its rows. `unchanged_since` is the day that was
/// loaded, if the export of `day` has the same content.
pub fn table(
    own: Option<&str>,
    source_table: &str,
    day: Day,
    unchanged_since: Option<Day>,
) -> String {
    let since = unchanged_since.map_or_else(String::new, |it| format!(", unchanged since {it}"));
    let ours = format!("Rows of {source_table} as of {day}{since}; replaced by each newer day.");
    with_ours(own, &ours, MAX_TABLE)
}

/// The description of a history table: a person's part, then which days it keeps.
pub fn history(own: Option<&str>, source_table: &str, days: u32) -> String {
    let ours = format!(
        "Rows of {source_table} as of each day, one partition per day (_PARTITIONDATE), kept for {days} days."
    );
    with_ours(own, &ours, MAX_TABLE)
}

fn with_ours(own: Option<&str>, ours: &str, max: usize) -> String {
    let Some(own) = own else { return format!("{MARK}{ours}") };
    let all = format!("{own}\n{MARK}{ours}");
    if all.chars().count() > max { own.to_owned() } else { all }
}

/// What masked readers see.
pub fn shown(mask: Mask) -> &'static str {
    match mask {
        Mask::AlwaysNull => "NULL",
        Mask::Sha256 => "a hash, equal for equal values",
        Mask::EmailMask => "XXXXX and the domain",
        Mask::LastFourCharacters => "XXXXX and the last four characters",
        Mask::FirstFourCharacters => "the first four characters and XXXXX",
        Mask::DateYearMask => "1 January of the year",
        Mask::DefaultMaskingValue => "the type's default value in every row",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_person_is_before_the_mark() {
        let cases = [
            (None, None),
            (Some(""), None),
            (Some("A note."), Some("A note.")),
            (Some("[Landbridge] Class email."), None),
            (Some("A note.\n[Landbridge] Class email."), Some("A note.")),
            (Some("Two\nlines.\n[Landbridge] Class email.\nmore"), Some("Two\nlines.")),
            (Some("See [Landbridge] in the wiki."), Some("See [Landbridge] in the wiki.")),
        ];
        for (description, own) in cases {
            assert_eq!(own_part(description), own, "{description:?}");
        }
    }

    #[test]
    fn our_part_says_class_mask_and_day_and_is_replaced_as_a_whole() {
        let demo = include_str!("../../../examples/demo/landbridge.yaml");
        let config = crate::config::parse("landbridge.yaml", demo).unwrap();
        let of = |own, class| column(own, class, &config);
        let first = of(Some("메모."), "email");
        assert!(first.starts_with("메모.\n[Landbridge] Class email (EMAIL_MASK): "), "{first}");
        let again = of(own_part(Some(&first)), "none");
        assert_eq!(again, "메모.\n[Landbridge] No class: readers of the dataset see the values.");
        assert!(of(None, "unclassified").starts_with("[Landbridge] Class unclassified: NULL"));
        for class in ["email", "unclassified", "none", "gone"] {
            assert_eq!(class_of(Some(&of(Some("Two\nlines."), class))), Some(class));
            assert_eq!(class_of(Some(&of(None, class))), Some(class));
        }
        assert_eq!((class_of(None), class_of(Some("Class email."))), (None, None));
        let day: Day = "2026-11-22".parse().unwrap();
        let described = table(Some("Orders."), "public.orders", day, None);
        assert!(
            described
                .ends_with("Rows of public.orders as of 2026-11-22; replaced by each newer day.")
        );
        assert_eq!(own_part(Some(&described)), Some("Orders."));
        let unchanged = table(None, "public.orders", day, day.before());
        assert_eq!(
            unchanged,
            "[Landbridge] Rows of public.orders as of 2026-11-22, unchanged since 2026-11-21; replaced by each newer day."
        );
        // A person's part of the full length stays alone.
        let long = "가".repeat(MAX_COLUMN);
        assert_eq!(column(Some(&long), "email", &config), long);
        assert_eq!(own_part(Some(&long)), Some(long.as_str()));
    }
}
