//! What the transfer of a day has handed to workers.

use landbridge_core::fan_out::Handed;

use crate::name::DayName;

/// Which tables' objects were handed to workers, how often and when. Not needed for a day to be right: without it, the
/// objects that are not recorded are handed over again.
pub static HANDED: DayName<Handed> = DayName::fixed("handed.json");
