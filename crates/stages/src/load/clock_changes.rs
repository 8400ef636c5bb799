//! Notes on local times that a change of the clock skips or repeats.

use landbridge_core::receipt::{Note, NoteCode};

use super::stats::TableStats;

/// One note for each column with such times.
pub(super) fn notes(stats: &TableStats) -> Vec<Note> {
    let affected = stats.iter().filter(|(_, it)| it.skipped_times + it.repeated_times > 0);
    let note = |name: &String, text: String| Note::of_column(NoteCode::ClockChanged, name, text);
    affected
        .map(|(name, stats)| {
            let (skipped, repeated) = (stats.skipped_times, stats.repeated_times);
            let text = format!(
                "column `{name}`: a change of the clock skips {skipped} of its local times and repeats {repeated}: a skipped time moved on by the gap, a repeated one is the first of the two"
            );
            note(name, text)
        })
        .collect()
}
