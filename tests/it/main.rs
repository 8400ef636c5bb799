//! Whole-pipeline tests: the real function binaries over the local cloud, and
//! parts of the pipeline over servers and clients that others wrote.
//!
//! | module | what |
//! |---|---|
//! | `three_days` | the main job |
//! | `crash` | a process dies, or an answer is lost, at every single call |
//! | `repeats` | ticks repeated, late, two at once, out of order |
//! | `federation` | a role of AWS for a token of Google's: who gets one, and who does not |
//! | `faults` | bad input and refusals: one clear sentence, yesterday's data stays |
//! | `rewrite` | text that lands as types, tokens, columns that stay behind, misfits |
//! | `drift` | schemas that change, odd exports, every type |
//! | `postgres`, `mariadb` | a real PostgreSQL, a real MariaDB crosses whole |
//! | `tpch`, `reconcile` | data for them, and a comparison cell by cell |
//! | `operator`, `package` | what surrounds a deployment: `init`, `doctor`, `cost`; the zips |
//! | `restore` | the on-call engineer's commands: restore, swap, drill, the runbook |
//! | `clients` | boto3 and Google's Python clients against the local cloud |
//! | `moto` | stages over moto's RDS and S3 |
//! | `terraform` | the modules and IAM documents: applied, planned, checked |
//! | `conditions` | one suite of conditional writes, two servers |
//! | `secrets` | one suite of secrets, two servers; the key of tokens by the command |
#![allow(unreachable_pub, missing_docs, clippy::unwrap_used)]

mod clients;
mod conditions;
mod crash;
mod drift;
mod faults;
mod federation;
mod mariadb;
mod moto;
mod operator;
mod package;
mod postgres;
mod python;
mod reconcile;
mod repeats;
mod restore;
mod rewrite;
mod sdk;
mod secrets;
mod support;
mod terraform;
mod three_days;
mod tpch;
