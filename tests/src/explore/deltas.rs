//! Worlds in which only the rows of a table that changed leave AWS (`tables.<table>.delta`).

use landbridge_core::config::{Config, DeltaConfig, TableConfig, UnchangedTables};

use super::terms::{Class, Terms};
use super::world::{EXPORTS, World};

/// The key of every table.
pub(super) const KEY: &str = "id";

impl World {
    /// Gives every table a key whose `id` may be one by the contract, if changes are merged.
    pub(super) fn set_deltas(&self, config: &mut Config, terms: &Terms) {
        if !self.merges_changes {
            return;
        }
        config.transfer.unchanged = UnchangedTables::Skip;
        let of_key = |name: &str| terms.tables.get(name)?.columns.get(KEY);
        let can_be_key = |name: &&String| {
            of_key(name).is_some_and(|it| it.class == Class::None && it.transform.is_none())
        };
        let tables = self.source.tables.keys().filter(can_be_key);
        let delta = Some(DeltaConfig { key: vec![KEY.to_owned()] });
        let keyed =
            |name: &String| (name.clone(), TableConfig { history: None, delta: delta.clone() });
        config.tables = tables.map(keyed).collect();
    }

    /// Lets changes of tables be merged from now on. Most rows of the source stay the same from day to day.
    pub fn merge_changes(&mut self) {
        self.merges_changes = true;
        self.write_rows();
        let terms = self.terms();
        assert!(self.deploy(&terms), "the contract was deployed before");
    }

    /// How many tables had changes that left AWS alone, over all days.
    pub async fn merged(&self) -> u64 {
        let records = self.cloud.aws().list_objects(EXPORTS, "ledger/shop/").await;
        records.iter().filter(|it| it.key.contains("/deltas/")).count() as u64
    }
}
