//! The proof of columns: which figures the transfer computes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::yaml::format;

/// The days of a week.
const WEEK: i64 = 7;

/// Figures of columns, computed while the bytes pass, with which `landbridge verify` proves the values in
/// BigQuery. Without this section there are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofConfig {
    /// Name or ARN of the Secrets Manager secret, in the source's region, that contains the proof key. The
    /// figures of the ledger are sealed with it. Not the secret of `transfer.token_key`: a person who
    /// verifies a day reads the proof key, and must not be able to make tokens.
    #[schemars(schema_with = "format::secret")]
    pub key: String,
    /// When columns that are copied as bytes are decoded for their figures: `always`, `weekly` (each table
    /// on one day of seven), `changed` (as `weekly`, and on the other days if the bytes of the column changed;
    /// otherwise the earlier figures hold) or `never`. Columns that the transfer converts have figures on
    /// every day.
    #[serde(default)]
    pub kept: KeptColumns,
    /// ARN of the KMS key, of the kind ECC_NIST_P256 and in the source's region, that signs the receipts of each published
    /// day. An ARN that ends in `:alias/…` is a key that Terraform creates ($1 a month); the ARN of a key is an existing
    /// one. Without it, days are not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::kms_key")]
    pub sign: Option<String>,
}

/// When copied columns are decoded for their figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeptColumns {
    /// On every day.
    Always,
    /// On one day of seven; which one depends on the table, so the work is spread over the week.
    #[default]
    Weekly,
    /// As `weekly`; on the other days only if the bytes changed since the figures were recorded.
    Changed,
    /// On no day.
    Never,
}

impl KeptColumns {
    /// Whether the copied columns of a table are all decoded for figures on this day. The same on every tick
    /// of the day.
    pub fn are_decoded(self, day: Day, source_table: &str) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Weekly | Self::Changed => {
                let epoch = jiff::civil::date(1970, 1, 1);
                let days = epoch.until(day.date()).map_or(0, |span| i64::from(span.get_days()));
                let turn = crate::proof::farm::fingerprint(source_table.as_bytes()) % 7;
                days.rem_euclid(WEEK).unsigned_abs() == turn
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days() -> impl Iterator<Item = Day> {
        (1..=28).map(|day| Day::new(jiff::civil::date(2026, 2, day)))
    }

    #[test]
    fn each_table_has_one_day_of_seven() {
        let turn = |table: &str| -> Vec<usize> {
            let proven = days().enumerate();
            let proven = proven.filter(|(_, day)| KeptColumns::Weekly.are_decoded(*day, table));
            proven.map(|(at, _)| at).collect()
        };
        let orders = turn("public.orders");
        assert_eq!(orders.len(), 4);
        assert!(orders.windows(2).all(|pair| pair[1] - pair[0] == 7), "{orders:?}");
        let first: std::collections::BTreeSet<usize> =
            (0..50).map(|table| turn(&format!("public.t{table}"))[0]).collect();
        assert_eq!(first.len(), 7, "the tables are spread over the week");
    }

    #[test]
    fn always_and_never() {
        assert!(days().all(|day| KeptColumns::Always.are_decoded(day, "t")));
        assert!(!days().any(|day| KeptColumns::Never.are_decoded(day, "t")));
        let weekly = |day| KeptColumns::Weekly.are_decoded(day, "t");
        assert!(days().all(|day| KeptColumns::Changed.are_decoded(day, "t") == weekly(day)));
    }
}
