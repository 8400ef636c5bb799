//! `make simulate`: what a day of many tables and many bytes takes and costs.
//!
//! The product's own ticks and workers run in this process, with their own clients, over HTTP on loopback, against the
//! local cloud. Calls, their order, their concurrency, retries and records are real. Seconds are modelled: a virtual
//! clock stands still while the program computes, and each call takes as long as [`model`] says. Bytes are scaled: a
//! small file stands for one of the modelled size.
//!
//! | module | responsibility |
//! |---|---|
//! | [`clock`] | the virtual clock: a library that is loaded before libc |
//! | [`model`] | latencies, rates and sizes, each with its source |
//! | [`network`] | how long each call takes, and counting it |
//! | [`world`] | a local cloud with a source of many tables, and the contexts of the functions |
//! | [`day`] | the ticks and workers of one day |
//! | [`bill`] | dollars by item, from `core`'s prices |
//! | [`report`] | the table, and the JSON |

pub mod bill;
pub mod clock;
pub mod day;
pub mod model;
pub mod network;
pub mod report;
pub mod world;
