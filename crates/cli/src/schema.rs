//! `landbridge schema`: the JSON Schema of a file.

use clap::ValueEnum;

use crate::failure::Result;
use crate::render;

/// A file that has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaFile {
    /// landbridge.yaml
    Landbridge,
    /// contract.yaml
    Contract,
}

/// Runs the command.
pub(crate) fn run(file: SchemaFile) -> Result {
    render::json(&match file {
        SchemaFile::Landbridge => landbridge_core::config::schema(),
        SchemaFile::Contract => landbridge_core::contract::schema(),
    })
}
