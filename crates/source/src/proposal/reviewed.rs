//! The tables of a schema, as a review of the contract sees them.

use landbridge_core::config::Config;
use landbridge_core::contract::review::{ReviewedColumn, ReviewedTable};
use landbridge_core::contract::{Contract, Mode, ProposedColumn};
use landbridge_core::types::{BigQueryType, Engine, OriginalColumn, TimeRules};

use super::{EXPORTED_AS_TEXT, not_exported, propose_column};
use crate::ddl::{DdlTable, Schema};
use crate::engine::EngineFamily;

/// The tables of a schema that an export contains.
#[derive(Debug)]
pub struct Reviewed {
    /// The tables.
    pub tables: Vec<ReviewedTable>,
    /// Tables and columns that no export contains, each with the reason.
    pub left_out: Vec<String>,
}

/// The engine of a family, as the rules of types name it.
fn engine_of(family: EngineFamily) -> Engine {
    match family {
        EngineFamily::Postgres => Engine::Postgres,
        EngineFamily::MySql => Engine::Mysql,
    }
}

/// The tables of a schema that an export contains: none that RDS skips, no partitions, and none
/// outside of `export.only`.
pub fn reviewed(schema: &Schema, contract: &Contract, config: &Config) -> Reviewed {
    let mut all = Reviewed { tables: Vec::new(), left_out: Vec::new() };
    for ddl in schema.tables() {
        let table = ddl.table();
        let key = format!("{}.{}", table.schema, table.name);
        if !config.export.contains(engine_of(schema.family()), &table.schema, &table.name) {
            all.left_out.push(format!("{key}: `export.only` does not contain it"));
        } else if let Some(reason) = table.skip_reason.clone().or_else(|| not_exported(&table)) {
            all.left_out.push(format!("{key}: {reason}"));
        } else if let Some(parent) = &table.partition_of {
            all.left_out.push(format!("{key}: a partition, transferred with {parent}"));
        } else {
            let rules = TimeRules::of(config, contract.tables.get(&key));
            let columns = columns(schema, ddl, &rules, &key, &mut all.left_out);
            all.tables.push(ReviewedTable { schema: table.schema, name: table.name, columns });
        }
    }
    all
}

fn columns(
    schema: &Schema,
    table: &DdlTable,
    rules: &TimeRules,
    key: &str,
    left_out: &mut Vec<String>,
) -> Vec<ReviewedColumn> {
    let mut columns = Vec::new();
    for it in &table.columns {
        let column = &it.column;
        let unchanged = schema.is_unchanged(it);
        let as_contract = || ProposedColumn {
            name: column.name.clone(),
            source_type: column.data_type.clone(),
            bigquery_type: BigQueryType::String,
            mode: Mode::Nullable,
        };
        let proposed = match unchanged {
            true => Ok(as_contract()),
            false => propose_column(engine_of(schema.family()), column, rules),
        };
        match proposed {
            Ok(proposed) => columns.push(ReviewedColumn {
                proposed,
                exported: OriginalColumn {
                    name: column.name.clone(),
                    original_type: column.data_type.clone(),
                    precision: column.numeric_precision.unwrap_or(0),
                    scale: column.numeric_scale,
                    expected_exported: match column.is_domain {
                        true => EXPORTED_AS_TEXT.to_owned(),
                        false => String::new(),
                    },
                },
                unchanged,
            }),
            Err(reason) => left_out.push(format!("{key}.{}: {reason}", column.name)),
        }
    }
    columns
}
