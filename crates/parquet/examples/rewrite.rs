//! Rewrites one file by a plan:
//!
//! ```sh
//! cargo run -p landbridge-parquet --example rewrite -- in.parquet out.parquet
//! ```

use std::error::Error;
use std::fs::File;

use landbridge_parquet::plan::RewritePlan;
use landbridge_parquet::rewrite::{LocalFile, Rewriter};

/// Columns that the plan does not name are copied as bytes.
const PLAN: &str = "
columns:
  created_at: { retype: { to: timestamp } }
  amount: { retype: { to: { numeric: { precision: 12, scale: 2 } } } }
  note: drop
";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target] = arguments.as_slice() else {
        return Err("usage: rewrite IN OUT".into());
    };
    let plan = RewritePlan::from_yaml(PLAN, "the plan")?.into_value();
    let report = Rewriter::new(plan)?.rewrite(
        &LocalFile::open(source.as_ref())?,
        source,
        File::create(target)?,
        None,
    )?;
    println!("{} rows", report.rows);
    for column in report.columns {
        let misfits: u64 = column.misfits.values().sum();
        println!("{}: {}, {misfits} did not fit", column.name, column.action);
    }
    Ok(())
}
