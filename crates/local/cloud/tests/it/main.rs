//! The Runtime API against processes built on `lambda_runtime`, the schedules of
//! `infra/` over days of several zones, and the whole local cloud put together.
#![allow(clippy::unwrap_used)]

mod a_function;
mod cloud;
mod runtime;
mod schedules;
