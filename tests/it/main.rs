//! Whole-pipeline tests.
mod support;
mod three_days;
mod clients;
mod conditions;
mod moto;
mod python;
mod sdk;
