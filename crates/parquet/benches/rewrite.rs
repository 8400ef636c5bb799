//! Times one rewrite of one file. `benches/rewrite.py` compares it with other programs.
//!
//! `rewrite IN OUT PLAN.yaml [PARTS THREADS]` prints the seconds. Without arguments, as
//! `cargo bench` calls it, it prints its own path, which the script needs. With `FIGURES=converted` or
//! `FIGURES=kept` in the environment, figures of converted columns, or of all, are computed too. With
//! `FIGURES=unchanged`, the figures of copied columns are taken over from a first run, which is not timed.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use landbridge_core::rewrite::RewritePlan;
use landbridge_parquet::rewrite::{Cut, LocalFile, ProofPlan, Rewriter, TokenKey, cut_row_groups};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<_> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [source, out, plan, rest @ ..] = args.as_slice() else {
        println!("{}", std::env::current_exe()?.display());
        return Ok(());
    };
    let plan = RewritePlan::from_yaml(&std::fs::read_to_string(plan)?, plan)?.into_value();
    let mut start = Instant::now();
    let rewriter =
        Rewriter::new(plan)?.with_key(TokenKey::new(b"a key that guards nothing at all")?);
    let kept = match std::env::var("FIGURES").as_deref() {
        Ok("converted") => Some(false),
        Ok("kept" | "unchanged") => Some(true),
        _ => None,
    };
    let rewriter = match kept {
        Some(kept) => rewriter.with_proof(ProofPlan { kept, ..ProofPlan::default() }),
        None => rewriter,
    };
    let local = LocalFile::open(Path::new(source))?;
    let rewriter = match std::env::var("FIGURES").as_deref() {
        Ok("unchanged") => {
            let first = ProofPlan { kept: true, contents: true, ..ProofPlan::default() };
            let earlier = rewriter.clone().with_proof(first.clone()).rewrite(
                &local,
                source,
                File::create(out)?,
                None,
            )?;
            let known = earlier.columns.into_iter().filter_map(|it| Some((it.name, it.proof?)));
            let rewriter = rewriter.with_proof(ProofPlan { known: known.collect(), ..first });
            start = Instant::now();
            rewriter
        }
        _ => rewriter,
    };
    if let [parts, threads] = rest {
        let footer = local.footer(source)?;
        let parts = cut_row_groups(&footer, Cut::PartCount(parts.parse()?));
        rewriter.rewrite_parts(&local, source, &parts, threads.parse()?, |part| {
            File::create(format!("{out}.{part}")).map_err(|error| {
                landbridge_core::Error::new(landbridge_core::ErrorKind::Rejected, "no output", "")
                    .caused_by(error)
            })
        })?;
    } else {
        rewriter.rewrite(&local, source, File::create(out)?, None)?;
    }
    println!("{:.4}", start.elapsed().as_secs_f64());
    Ok(())
}
