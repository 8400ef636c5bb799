//! Tests of the sources and of the export writer, by what they leave in a bucket.

// A test that panics has said what it has to say.
#![allow(clippy::unwrap_used)]

mod footers;
mod layout;
mod mariadb;
mod postgres;
mod quirks;
mod restore;
mod sample;
mod support;
