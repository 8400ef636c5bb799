//! The key of tokens: one for all that a day carries.
//!
//! Tables are read together, so tokens of one day must join with each other. The first tick that
//! needs the key records which one it is; a key that is changed later in the day carries nothing
//! until it is put back, and counts from the next day.

use landbridge_core::{Error, ErrorKind, Result};
use landbridge_parquet::rewrite::TokenKey;
use tokio::sync::OnceCell;

use crate::records::{KeyRecord, TOKEN_KEY};
use crate::{Context, Ledger};

/// The key for one tick, read when something needs it.
#[derive(Debug, Default)]
pub struct DayKey(OnceCell<Option<TokenKey>>);

impl DayKey {
    /// The key. Idempotent: the day's first record of it counts.
    ///
    /// # Errors
    /// [`ErrorKind::Held`] when it is another key than the one that the day began with; those of
    /// [`Context::token_key`] and of the ledger.
    pub async fn get(&self, context: &Context, ledger: &Ledger) -> Result<TokenKey> {
        let key = self.0.get_or_try_init(|| of_the_day(context, ledger)).await?;
        key.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Held,
                "the key of tokens is another than the one that this day began with, so the table keeps yesterday's data",
                format!(
                    "secret {}; put its earlier version back and the day goes on, or leave it: the next day begins with the new key",
                    context.config.transfer.token_key.as_deref().unwrap_or_default()
                ),
            )
        })
    }
}

/// The key that the secret holds; `None` when the day began with another one.
async fn of_the_day(context: &Context, ledger: &Ledger) -> Result<Option<TokenKey>> {
    let key = context.token_key().await?;
    let ours = KeyRecord { id: key.id() };
    let recorded = match ledger.get::<KeyRecord>(TOKEN_KEY).await? {
        Some(recorded) => Some(recorded),
        None => {
            ledger.create(TOKEN_KEY, &ours).await?;
            // Another tick may have been faster: what is recorded counts.
            ledger.get::<KeyRecord>(TOKEN_KEY).await?
        }
    };
    Ok(recorded.is_some_and(|recorded| recorded.value == ours).then_some(key))
}
