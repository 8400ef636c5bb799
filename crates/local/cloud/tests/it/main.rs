//! The Runtime API against processes built on `lambda_runtime`, the schedules of
//! `infra/` over days of several zones, and the complete local cloud.
#![allow(clippy::unwrap_used)]

mod a_function;
mod cloud;
mod runtime;
mod schedules;
