//! Signs that say little alone and something together, for columns of which nothing else is known: how many of the columns
//! like it describe a person? Of more than about one in four, it is taken for personal, with low confidence. No sign makes a
//! column harmless: rules that no column of parts `a` to `h` contradicted opened two personal columns of part `i`.
//!
//! The points were found on parts `a` to `h` of the labelled set, and on the same columns with one word of each name replaced
//! by a word that no vocabulary has (3,836 columns that were unclassified). `labels.md` has the figures.

use super::{
    Confidence::Low,
    Evidence, Finding, Kind, Verdict,
    names::{Context, Names},
    values::{self, Variety},
};

/// What a sign adds to [`NEEDED`], or takes from it: ten times the logarithm of how much more often columns that have it
/// describe a person, rounded.
type Points = i32;

/// Columns with more points than this describe a person more often than in about one of four cases.
const NEEDED: Points = -2;

/// Personal by signs that together are more frequent where a column describes a person.
pub(super) fn weigh(names: &Names, evidence: &Evidence) -> Option<Verdict> {
    let context = names.context();
    if !values::are_enough(evidence) {
        return None;
    }
    let points: Points =
        signs(&context, evidence).iter().filter(|sign| sign.1).map(|it| it.0).sum();
    let kind = if context.medical { Kind::Health } else { Kind::Sensitive };
    let reason = "nothing says what it contains; of columns with such values in such tables, about one in three \
                  describes a person";
    (points > NEEDED).then(|| Verdict::new(Finding::Personal(kind), Low, reason))
}

/// The signs, each with its points and whether the column has it.
fn signs(context: &Context, evidence: &Evidence) -> [(Points, bool); 13] {
    let variety = values::variety(evidence);
    let coded = values::are_numbers(evidence) || values::are_codes(evidence);
    [
        (3, context.of_people),
        (6, context.protected_life),
        (6, context.names_person),
        (-13, context.is_date),
        (-12, values::are_links(evidence)),
        (-10, context.is_integer && values::are_all_different(evidence)),
        (-10, variety == Variety::Two),
        (-9, context.is_text && variety == Variety::Many && coded),
        (-5, context.all_known),
        (-5, variety == Variety::Chosen),
        (-4, context.of_record),
        (-4, context.is_number),
        (-2, context.is_text && variety == Variety::Few),
    ]
}
