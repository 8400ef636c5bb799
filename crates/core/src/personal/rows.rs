//! What the other columns of a table say of its rows. The name of a table may say nothing, or be a word that no
//! vocabulary has; a table with a date of birth in it is about people all the same.

use super::{Confidence, Evidence, Finding, Kind, Subject, judge_alone, names::Names};

/// What the columns of a table, together, say of its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// The columns are not known, or most of their names say nothing.
    #[default]
    Unknown,
    /// No column identifies or describes a person, and most are understood: every word of the name is known, or name, type
    /// and values show with at least medium confidence that it is harmless.
    Impersonal,
    /// A column identifies a person, as the orders of a customer do: most values are about something else.
    OfPerson,
    /// A column describes a person, as a date of birth does: other values describe the person as well.
    AboutPerson,
}

/// Fewer columns say too little of what is missing.
const ENOUGH_COLUMNS: usize = 3;

/// Judges what the rows of a table are about by its columns, each with what a sample of its values looks like.
/// The rows of the subjects themselves are not looked at. The result is the same in any order of the columns.
pub fn rows(columns: &[(Subject<'_>, Option<&Evidence>)]) -> Rows {
    let (mut about, mut of, mut understood) = (false, false, 0);
    for (subject, evidence) in columns {
        let subject = Subject { rows: Rows::Unknown, ..*subject };
        let names = Names::of(subject);
        let verdict = judge_alone(&names, *evidence);
        let harmless = verdict.finding == Finding::Harmless && verdict.confidence > Confidence::Low;
        understood += usize::from(harmless || names.is_all_known());
        if let Finding::Personal(kind) = verdict.finding {
            of = true;
            let sure = verdict.confidence > Confidence::Low;
            about |= sure && describes(kind) && !names.is_of_catalogue();
        }
        of |= names.refers_to_person();
    }
    match (about, of) {
        (true, _) => Rows::AboutPerson,
        (false, true) => Rows::OfPerson,
        _ if columns.len() >= ENOUGH_COLUMNS && understood * 2 >= columns.len() => Rows::Impersonal,
        _ => Rows::Unknown,
    }
}

/// Whether values of this kind are kept where a table is about people, and seldom elsewhere.
const fn describes(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Birth
            | Kind::ResidentNumber
            | Kind::ForeignerNumber
            | Kind::NationalId
            | Kind::Passport
            | Kind::Health
            | Kind::Sensitive
    )
}
