//! Cuts a file into parts of about 64 MiB on two threads. Texts that are no timestamps become NULL and are
//! counted:
//!
//! ```sh
//! cargo run -p landbridge-parquet --example parts -- in.parquet out
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;

use landbridge_parquet::ErrorKind;
use landbridge_parquet::plan::{Action, RewritePlan, TargetType};
use landbridge_parquet::rewrite::{Cut, LocalFile, Rewriter, cut_row_groups};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target] = arguments.as_slice() else {
        return Err("usage: parts IN OUT".into());
    };
    // A plan can also be made in code.
    let created_at = Action::Retype { to: TargetType::Timestamp, on_misfit: None };
    let plan = RewritePlan {
        columns: BTreeMap::from([("created_at".to_owned(), created_at)]),
        max_misfit_share: 1.0,
        ..RewritePlan::default()
    };
    let file = LocalFile::open(source.as_ref())?;
    let parts = cut_row_groups(&file.footer(source)?, Cut::PartBytes(64 << 20));
    let report = Rewriter::new(plan)?.rewrite_parts(&file, source, &parts, 2, |part| {
        File::create(format!("{target}-{part:05}.parquet")).map_err(|error| {
            let what = "an output file cannot be created";
            landbridge_parquet::Error::new(ErrorKind::Config, what, target).caused_by(error)
        })
    })?;
    println!("{} rows in {} files", report.rows, parts.len());
    for column in &report.columns {
        for (reason, count) in &column.misfits {
            println!("{}: {count} × {reason}", column.name);
        }
    }
    Ok(())
}
