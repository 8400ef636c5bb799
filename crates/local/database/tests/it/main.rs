//! Tests of captures, restores and exports.

// A panic is a sufficient failure message in a test.
#![allow(clippy::unwrap_used)]

mod footers;
mod ga4;
mod layout;
mod mariadb;
mod postgres;
mod quirks;
mod restore;
mod sample;
mod support;
