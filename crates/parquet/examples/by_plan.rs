//! Rewrites one file by a plan in YAML, and prints the report as JSON:
//!
//! ```sh
//! cargo run -p landbridge-parquet --example by_plan -- in.parquet out.parquet plan.yaml
//! ```

use std::error::Error;
use std::fs::File;

use landbridge_parquet::plan::RewritePlan;
use landbridge_parquet::rewrite::{LocalFile, Rewriter, TokenKey};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target, plan] = arguments.as_slice() else {
        return Err("usage: by_plan IN OUT PLAN.yaml".into());
    };
    let plan = RewritePlan::from_yaml(&std::fs::read_to_string(plan)?, plan)?.into_value();
    // The key is public, so its tokens protect nothing.
    let key = TokenKey::new(b"the key of an example, for tokens that protect nothing")?;
    let report = Rewriter::new(plan)?.with_key(key).rewrite(
        &LocalFile::open(source.as_ref())?,
        source,
        File::create(target)?,
        None,
    )?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
