//! Rewrites arbitrary bytes by plans that convert several columns. There must be no panic, and memory
//! must stay below libFuzzer's `-rss_limit_mb`.
//!
//! Run it with `cargo +nightly fuzz run rewrite fuzz/seeds`. `docs/parquet-rewrite.md` describes how to
//! generate the seeds.
#![no_main]

use bytes::Bytes;
use landbridge_core::rewrite::{Action, Recompress, RewritePlan, TargetType};
use landbridge_parquet::rewrite::{TokenKey, Rewriter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let list = TargetType::List(Box::new(TargetType::Int64));
    let retype = |to| Action::Retype { to, on_misfit: None };
    for columns in [
        vec![],
        vec![("day", retype(TargetType::Date)), ("array", retype(list))],
        vec![("n", Action::Tokenise { domain: String::new() }), ("day", Action::SetNull), ("list", Action::Drop)],
    ] {
        let columns = columns.into_iter().map(|(name, action)| (name.to_owned(), action)).collect();
        let plan = RewritePlan {
            columns,
            max_misfit_share: 1.0,
            relax_required: true,
            recompress: Some(Recompress::default()),
            ..RewritePlan::default()
        };
        let rewriter = Rewriter::new(plan)
            .expect("the plan is valid")
            .with_key(TokenKey::new(&[7; 32]).expect("long enough"))
            .with_page_limit(1 << 20);
        let _ = rewriter.rewrite(&Bytes::copy_from_slice(bytes), "fuzz", std::io::sink(), None);
    }
});
