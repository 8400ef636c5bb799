//! What a key that cannot be read means for a table: it opens the figures that audits compare.

use crate::ErrorKind;
use crate::config::AuditLevel;

/// What becomes of a table while the key of its figures cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutKey {
    /// The next tick tries again.
    Waits,
    /// The table is held, and each tick tries again.
    Holds,
    /// The table goes on without these figures.
    GoesOn,
}

/// Decides by the kind of the error, whether the deadline has passed, and the highest `level` of the checks that need
/// the figures. A cause that passes is waited for until the deadline. After it, and if the cause does not pass by
/// itself, a table that such a check may block is held, and any other goes on. `accepted`: a person publishes the table
/// whatever its audits say.
pub fn without_key(
    kind: ErrorKind,
    is_late: bool,
    level: AuditLevel,
    accepted: bool,
) -> WithoutKey {
    match level {
        AuditLevel::Off => WithoutKey::GoesOn,
        _ if kind.is_transient() && !is_late => WithoutKey::Waits,
        AuditLevel::Block if !accepted => WithoutKey::Holds,
        AuditLevel::Block | AuditLevel::Warn => WithoutKey::GoesOn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_may_be_blocked_never_goes_on_without_its_figures() {
        use AuditLevel::{Block, Off, Warn};
        use ErrorKind::{Denied, NotFound, Throttled, Transient};
        use WithoutKey::{GoesOn, Holds, Waits};
        // kind, late, level, accepted
        for (kind, late, level, accepted, expected) in [
            (Transient, false, Warn, false, Waits),
            (Throttled, false, Block, false, Waits),
            (Transient, true, Warn, false, GoesOn),
            (Transient, true, Block, false, Holds),
            (Transient, true, Block, true, GoesOn),
            (Denied, false, Warn, false, GoesOn),
            (Denied, false, Block, false, Holds),
            (NotFound, true, Block, false, Holds),
            (NotFound, false, Block, true, GoesOn),
            (Transient, false, Off, false, GoesOn),
        ] {
            let decided = without_key(kind, late, level, accepted);
            assert_eq!(decided, expected, "{kind:?}, late {late}, {level:?}, {accepted}");
        }
    }
}
