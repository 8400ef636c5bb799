//! Worlds in which the days of every table are kept.

use landbridge_core::config::{Config, HistoryConfig, TableConfig};

use super::world::{EXPORTS, World};

/// Days that a history table keeps: few, so that partitions expire within a history.
const KEPT_DAYS: u32 = 2;

impl World {
    /// Gives every table of the source a history, if days are kept.
    pub(super) fn set_histories(&self, config: &mut Config) {
        if self.keeps_days {
            let history = Some(HistoryConfig { days: KEPT_DAYS });
            let tables = self.source.tables.keys();
            config.tables =
                tables.map(|name| (name.clone(), TableConfig { history, delta: None })).collect();
        }
    }

    /// Keeps the days of every table from now on.
    pub fn keep_days(&mut self) {
        self.keeps_days = true;
        let terms = self.terms();
        assert!(self.deploy(&terms), "the contract was deployed before");
    }

    /// How many days history tables have kept, over all tables.
    pub async fn kept(&self) -> u64 {
        let records = self.cloud.aws().list_objects(EXPORTS, "ledger/shop/20").await;
        records.iter().filter(|it| it.key.contains("/history/")).count() as u64
    }
}
