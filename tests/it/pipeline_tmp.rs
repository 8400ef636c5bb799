//! Temporary.
#![allow(unreachable_pub, missing_docs)]
mod crash;
mod repeats;
mod support;
mod three_days;
