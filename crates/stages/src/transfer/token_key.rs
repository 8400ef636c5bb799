//! The token key: one for everything that is transferred on a day.
//!
//! Analysts join tables, so the tokens of one day must be made with one key. The first tick that
//! needs the key records which one it is. If the key is changed later in the day, tables with
//! tokens are held until the earlier key is restored; the new key applies from the next day.

use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{TOKEN_KEY, TokenKeyRecord};
use landbridge_parquet::rewrite::TokenKey;
use tokio::sync::OnceCell;

use crate::Context;

/// The key for one tick, read when an object first needs it.
#[derive(Debug, Default)]
pub(super) struct DayTokenKey(OnceCell<Option<TokenKey>>);

impl DayTokenKey {
    /// The key. Idempotent: the first record of the day counts.
    ///
    /// # Errors
    /// [`ErrorKind::Held`] when the key is not the one that the day began with; the errors of
    /// [`Context::token_key`] and of the ledger.
    pub(super) async fn get(&self, context: &Context, ledger: &DayLedger) -> Result<TokenKey> {
        let key = self.0.get_or_try_init(|| key_of_day(context, ledger)).await?;
        key.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Held,
                "the token key is not the one that this day began with, so the table is not transferred",
                format!(
                    "secret {}; restore its earlier version and the day continues, or wait: the next day begins with the new key",
                    context.config.transfer.token_key.as_deref().unwrap_or_default()
                ),
            )
        })
    }
}

/// The key in the secret; `None` when the day began with another one.
async fn key_of_day(context: &Context, ledger: &DayLedger) -> Result<Option<TokenKey>> {
    let key = context.token_key().await?;
    let current = TokenKeyRecord { id: key.id() };
    let recorded = ledger.create_or_get(&TOKEN_KEY, &current).await?;
    Ok((recorded.value == current).then_some(key))
}
