//! Compares the memory of the deployed functions with what the contract needs.

use landbridge_aws::inspect::{CallError, Inspector};
use landbridge_core::memory::{CONTRACT_READERS, needed_mb};

use super::Phase;
use super::files::Files;
use super::line::ReportLine;

/// A function with its memory and what it needs, in MB.
struct FunctionMemory {
    name: &'static str,
    has: u64,
    needs: u64,
}

/// One line for all functions that read the contract.
pub(super) async fn check(client: &Inspector, files: &Files, phase: Phase) -> ReportLine {
    let mut line = ReportLine::new("aws", "function memory");
    let Some(contract) = &files.contract else {
        line.unchecked("needs contract.yaml", None);
        return line;
    };
    let config = &files.config;
    let deployed = config.all_functions();
    let mut all = Vec::new();
    for reader in CONTRACT_READERS.iter().filter(|it| deployed.contains(&it.name)) {
        let name = format!("landbridge-{}-{}", config.source.name, reader.name);
        let needs = needed_mb(reader.name, contract, config.transfer.memory_mib);
        match client.function(&name).await {
            Ok(found) => {
                let has = found["MemorySize"].as_u64().unwrap_or_default();
                all.push(FunctionMemory { name: reader.name, has, needs });
            }
            Err(CallError::NotFound) => {
                let what = format!("there is no function {name}");
                return phase.missing(line, &what, "create it: terraform apply");
            }
            Err(error) => {
                let command = format!(
                    "aws lambda get-function-configuration --function-name {name} --query MemorySize"
                );
                line.call_failed(error, command);
                return line;
            }
        }
    }
    compare(&mut line, &all, contract.tables.len());
    line
}

fn compare(line: &mut ReportLine, all: &[FunctionMemory], tables: usize) {
    let text = |list: &mut dyn Iterator<Item = String>| list.collect::<Vec<_>>().join(", ");
    let has = text(&mut all.iter().map(|it| format!("{} {} MB", it.name, it.has)));
    let small: Vec<&FunctionMemory> = all.iter().filter(|it| it.has < it.needs).collect();
    if small.is_empty() {
        line.good(format!("{has}, enough for {tables} tables"));
        return;
    }
    let needs = text(&mut small.iter().map(|it| format!("{} = {}", it.name, it.needs)));
    line.warn(
        format!("{has}; the contract of {tables} tables needs more: Lambda may end each tick"),
        format!("set memory_mb = {{ {needs} }} in the module aws, then terraform apply"),
    );
}

#[cfg(test)]
mod tests {
    use super::super::line::CheckState;
    use super::*;

    #[test]
    fn a_function_with_too_little_memory_is_named_with_what_it_needs() {
        let report = |load, protect| {
            let mut line = ReportLine::new("aws", "function memory");
            let all = [
                FunctionMemory { name: "load", has: load, needs: 384 },
                FunctionMemory { name: "protect", has: protect, needs: 384 },
            ];
            compare(&mut line, &all, 3_000);
            line
        };
        let good = report(384, 512);
        assert_eq!(good.state, CheckState::Good);
        assert_eq!(good.found, "load 384 MB, protect 512 MB, enough for 3000 tables");
        let small = report(512, 128);
        assert_eq!(small.state, CheckState::Warning);
        let advice = "set memory_mb = { protect = 384 } in the module aws, then terraform apply";
        assert_eq!(small.advice.as_deref(), Some(advice));
    }
}
