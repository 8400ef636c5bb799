//! Rewrites arbitrary bytes by a plan that converts what it can: no panic, no memory beyond
//! the limit (libFuzzer's own, `-rss_limit_mb`, watches that).
//!
//! `cargo +nightly fuzz run rewrite fuzz/seeds`; how the seeds are made is in
//! `docs/parquet-rewrite.md`.
#![no_main]

use bytes::Bytes;
use landbridge_core::rewrite::{Action, RewritePlan, TargetType};
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
        let plan = RewritePlan { columns, max_misfit_share: 1.0, ..RewritePlan::default() };
        let rewriter = Rewriter::new(plan)
            .expect("the plan makes sense")
            .with_key(TokenKey::new(&[7; 32]).expect("long enough"))
            .with_page_limit(1 << 20);
        let _ = rewriter.rewrite(&Bytes::copy_from_slice(bytes), "fuzz", std::io::sink(), None);
    }
});
