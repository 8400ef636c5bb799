//! How much memory a function needs for a contract: it reads the whole contract, and holds what it knows of
//! every table.
//!
//! Measured (docs/benchmarks.md, "Many tables"): about 40 MiB without a contract, 2.3 KiB per table and 4.1 KiB
//! per column. Lambda ends a process that needs more than its memory, at every tick.

use crate::config::FUNCTION_WORKER;
use crate::contract::Contract;

/// What a function needs without a contract, with room for its work, in MB.
const BASE_MB: u64 = 80;
/// A table of the contract, in KiB.
const TABLE_KIB: u64 = 3;
/// A column of the contract, in KiB.
const COLUMN_KIB: u64 = 5;
/// Lambda's memory is recommended in steps of this.
const STEP_MB: u64 = 128;

/// A function that reads the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContractReader {
    /// Its name, as in `landbridge.yaml`.
    pub name: &'static str,
    /// Its memory if Terraform is given no other, in MB: `memory_mb` of the module `aws`. A test compares.
    pub default_mb: u64,
}

/// The functions that read the contract.
pub const CONTRACT_READERS: [ContractReader; 5] = [
    ContractReader { name: "transfer", default_mb: 1_769 },
    ContractReader { name: FUNCTION_WORKER, default_mb: 1_769 },
    ContractReader { name: "load", default_mb: 256 },
    ContractReader { name: "protect", default_mb: 128 },
    ContractReader { name: "views", default_mb: 128 },
];

/// The least memory, in MB, with which the function `name` can read this contract. `transfer_mib` is
/// `transfer.memory_mib`, which the functions that transfer objects need in addition.
pub fn needed_mb(name: &str, contract: &Contract, transfer_mib: u32) -> u64 {
    let tables = contract.tables.len() as u64;
    let columns: u64 = contract.tables.values().map(|table| table.columns.len() as u64).sum();
    needed_for(name, tables, columns, transfer_mib)
}

fn needed_for(name: &str, tables: u64, columns: u64, transfer_mib: u32) -> u64 {
    let contract = (tables * TABLE_KIB + columns * COLUMN_KIB).div_ceil(1024);
    let transfers = ["transfer", FUNCTION_WORKER].contains(&name);
    let buffers = if transfers { u64::from(transfer_mib) } else { 0 };
    (BASE_MB + contract + buffers).div_ceil(STEP_MB) * STEP_MB
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults are those of the module `aws`.
    #[test]
    fn the_default_memory_is_that_of_terraform() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../terraform/modules/aws/variables.tf");
        let text = std::fs::read_to_string(path).unwrap();
        for ContractReader { name, default_mb } in CONTRACT_READERS {
            let default = format!("{name} = optional(number, {default_mb})");
            assert!(text.contains(&default), "{default}");
        }
    }

    /// What was measured, in MiB, is less than what is asked for.
    #[test]
    fn the_need_covers_what_was_measured() {
        for (tables, columns, measured, needed) in [
            (0, 0, 40, 128),
            (1_000, 3_000, 57, 128),
            (10_000, 30_000, 179, 256),
            (3_000, 60_000, 293, 384),
        ] {
            assert_eq!(needed_for("load", tables, columns, 0), needed, "{tables}");
            assert!(measured < needed);
        }
        assert_eq!(needed_for("transfer", 0, 0, 700), 896);
        assert_eq!(needed_for(FUNCTION_WORKER, 0, 0, 700), 896);
    }
}
