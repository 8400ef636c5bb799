//! Tables of one query over Parquet files: `tableDefinitions` of a query job (BigQuery v2,
//! `JobConfigurationQuery` and `ExternalDataConfiguration`).
//!
//! Such a table is in no dataset and has no policy tag. Its caller needs the rights on the files that a load job
//! needs (Google's documentation, "Query Cloud Storage data in external tables"). `jobs.query` does not have
//! the setting.

use serde_json::{Value, json};

use super::options::SourceFormat;
use super::spec::LoadSpec;
use super::{infer_fields, read_file};
use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::query::masked_table::MaskedTable;
use crate::bigquery::rows::TableRows;
use crate::bigquery::settings;
use crate::error::GoogleError;

/// A table of one query, and where its rows are.
#[derive(Debug)]
pub(in crate::bigquery) struct ExternalTable {
    /// The only part of its name.
    pub(in crate::bigquery) name: String,
    files: LoadSpec,
}

impl ExternalTable {
    /// Parses the definitions of a query job.
    ///
    /// # Errors
    /// 400 for a definition that is not valid, or in another format than Parquet.
    pub(in crate::bigquery) fn parse_all(
        query: &Value,
        project: &str,
    ) -> Result<Vec<Self>, GoogleError> {
        let definitions = query.get("tableDefinitions").and_then(Value::as_object);
        let definition = |(name, definition): (&String, &Value)| {
            settings::EXTERNAL.check(definition)?;
            let mut load = definition.clone();
            load["destinationTable"] = json!({"datasetId": "_external", "tableId": name});
            let files = LoadSpec::parse(&load, project, None)?;
            match files.format {
                SourceFormat::Parquet => Ok(Self { name: name.clone(), files }),
                SourceFormat::Json | SourceFormat::Csv => Err(GoogleError::invalid(
                    "The local warehouse reads external tables from Parquet files only; BigQuery \
                     reads other formats too.",
                )),
            }
        };
        definitions.into_iter().flatten().map(definition).collect()
    }
}

impl BigQuery {
    /// The rows of a table of one query, which have no masks.
    ///
    /// # Errors
    /// 403 if `caller` may not read the files, 404 for files that do not exist, 400 for files that do not match
    /// the definition.
    pub(in crate::bigquery) fn external_table(
        &self,
        caller: &Principal,
        table: &ExternalTable,
    ) -> Result<MaskedTable, GoogleError> {
        let spec = &table.files;
        let files = self.source_files(caller, spec)?;
        let fields = match spec.target.schema.as_slice() {
            [] => infer_fields(spec, &files)?,
            schema => schema.to_vec(),
        };
        let mut batches = Vec::new();
        for file in &files {
            batches.extend(read_file(spec, file, &fields)?);
        }
        Ok(MaskedTable::unmasked(fields, TableRows::new(batches)))
    }
}
