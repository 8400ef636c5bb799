//! The format number of the ledger.
//!
//! A process reads the number before its first access to another record, and remembers it. A
//! function's first write creates the record if it does not exist; in practice the first snapshot
//! tick of a source does so. Only until then does a process look for the record at every access.

use landbridge_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// The format of the ledger that this version writes and reads. It increases when a stored key
/// or name changes in a way that an older version would misread; the new version must then still
/// read the old format.
pub const FORMAT: u32 = 1;

/// The name of the record below the source.
pub(crate) const NAME: &str = "format.json";

/// Which format the ledger has, and since which version of Landbridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FormatRecord {
    pub(crate) format: u32,
    /// The version that wrote this record: the oldest one that is known to read the format.
    pub(crate) landbridge: String,
}

impl FormatRecord {
    pub(crate) fn current() -> Self {
        Self { format: FORMAT, landbridge: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// Refuses a format that is newer than this version. `location` names the record.
    pub(crate) fn check(&self, location: &str) -> Result<()> {
        if self.format <= FORMAT {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Config,
            "the ledger has a newer format than this version of Landbridge can read",
            format!(
                "{location}: format {}, this is version {} with format {FORMAT}; use version {} or a newer one",
                self.format,
                env!("CARGO_PKG_VERSION"),
                self.landbridge
            ),
        ))
    }
}
