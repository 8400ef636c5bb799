//! Which settings of a request have an effect. A setting that is neither carried out nor harmless is
//! refused by name: a request that is only half carried out would mislead its sender.
//!
//! The names are those of the BigQuery v2 discovery document; so are the reasons for calling one harmless.

use serde_json::{Map, Value};

use crate::error::GoogleError;

/// The settings of one kind of object.
pub(super) struct Settings {
    /// What the object is, for errors.
    what: &'static str,
    /// Carried out, stored, or output only.
    known: &'static [&'static str],
    /// Without effect here, and without effect on any result at Google.
    harmless: &'static [&'static str],
    /// Refused unless they have a value that asks for nothing.
    refused: &'static [&'static str],
}

/// The body of `jobs.insert`.
pub(super) const JOB: Settings = Settings {
    what: "a job",
    known: &["configuration", "jobReference"],
    // Output only.
    harmless: &[
        "kind",
        "etag",
        "id",
        "selfLink",
        "status",
        "statistics",
        "user_email",
        "principal_subject",
        "jobCreationReason",
    ],
    refused: &[],
};

/// `JobConfiguration`.
pub(super) const CONFIGURATION: Settings = Settings {
    what: "a job's configuration",
    known: &["load", "query", "copy", "extract", "dryRun", "labels"],
    // `jobType` is output only. A job here ends at once and uses no slots.
    harmless: &["jobType", "jobTimeoutMs", "reservation", "maxSlots"],
    refused: &[],
};

/// Settings that `jobs.query` and a query job's configuration share.
const QUERY_KNOWN: &[&str] = &[
    "query",
    "useLegacySql",
    "defaultDataset",
    "parameterMode",
    "queryParameters",
    "destinationTable",
    "createDisposition",
    "writeDisposition",
    "schemaUpdateOptions",
    "timePartitioning",
    "rangePartitioning",
    "clustering",
    "destinationEncryptionConfiguration",
];
const QUERY_HARMLESS: &[&str] = &[
    // There is no cache: a result is always computed, and `cacheHit` is false.
    "useQueryCache",
    "priority",
    // "For GoogleSQL queries, this flag is ignored."
    "allowLargeResults",
    "flattenResults",
    "preserveNulls",
    // Limits of cost and time. Queries here bill no bytes.
    "maximumBytesBilled",
    "maximumBillingTier",
    "jobTimeoutMs",
    "reservation",
    "maxSlots",
    // "Output only."
    "systemVariables",
    // Whether a job shows rows before it ends.
    "writeIncrementalResults",
];
const QUERY_REFUSED: &[&str] = &[
    "userDefinedFunctionResources",
    "connectionProperties",
    "createSession",
    "continuous",
    "scriptOptions",
    "destinationTableProperties",
];

/// `tableDefinitions` of a query job; `jobs.query` does not have the setting.
pub(super) const DEFINITIONS: Settings = Settings {
    what: "a query job's configuration",
    known: &["tableDefinitions"],
    harmless: &[],
    refused: &[],
};

/// `ExternalDataConfiguration`.
pub(super) const EXTERNAL: Settings = Settings {
    what: "an external table",
    known: &[
        "sourceUris",
        "sourceFormat",
        "schema",
        "autodetect",
        "decimalTargetTypes",
        "parquetOptions",
        "ignoreUnknownValues",
    ],
    // The files are listed when the query runs.
    harmless: &["metadataCacheMode"],
    refused: &[
        "compression",
        "csvOptions",
        "jsonOptions",
        "bigtableOptions",
        "googleSheetsOptions",
        "maxBadRecords",
        "hivePartitioningOptions",
        "connectionId",
        "avroOptions",
        "jsonExtension",
        "objectMetadata",
        "referenceFileSchemaUri",
        "fileSetSpecType",
        "dateFormat",
        "datetimeFormat",
        "timeFormat",
        "timestampFormat",
        "timeZone",
        "timestampTargetPrecision",
    ],
};

/// `JobConfigurationQuery`.
pub(super) const QUERY: Settings = Settings {
    what: "a query job's configuration",
    known: QUERY_KNOWN,
    harmless: QUERY_HARMLESS,
    refused: QUERY_REFUSED,
};

/// `QueryRequest`, the body of `jobs.query`, besides the settings of [`QUERY`].
pub(super) const QUERY_REQUEST: Settings = Settings {
    what: "a query",
    known: &["maxResults", "dryRun", "labels", "location", "requestId", "formatOptions"],
    // A query has ended when the response is sent, and always has a job.
    harmless: &["kind", "timeoutMs", "jobCreationMode"],
    refused: &[],
};

/// `JobConfigurationTableCopy`.
pub(super) const COPY: Settings = Settings {
    what: "a copy job's configuration",
    known: &[
        "sourceTable",
        "sourceTables",
        "destinationTable",
        "createDisposition",
        "writeDisposition",
        "operationType",
    ],
    harmless: &[],
    refused: &["destinationEncryptionConfiguration", "destinationExpirationTime"],
};

/// `JobConfigurationLoad`.
pub(super) const LOAD: Settings = Settings {
    what: "a load job's configuration",
    known: &[
        "sourceUris",
        "schema",
        "sourceFormat",
        "columnNameCharacterMap",
        "schemaUpdateOptions",
        "destinationTable",
        "destinationTableProperties",
        "writeDisposition",
        "createDisposition",
        "decimalTargetTypes",
        "parquetOptions",
        "ignoreUnknownValues",
        "timePartitioning",
        "rangePartitioning",
        "clustering",
        "description",
        "friendlyName",
        "labels",
        "expirationTime",
        "requirePartitionFilter",
        "encryptionConfiguration",
        "destinationEncryptionConfiguration",
        "autodetect",
        "fieldDelimiter",
        "quote",
        "skipLeadingRows",
        "nullMarker",
        "encoding",
        "allowQuotedNewlines",
        "allowJaggedRows",
    ],
    // For Avro, for Datastore backups, and the deprecated form of a schema.
    harmless: &["useAvroLogicalTypes", "preserveAsciiControlCharacters", "createSession"],
    refused: &[
        "jsonExtension",
        "hivePartitioningOptions",
        "referenceFileSchemaUri",
        "projectionFields",
        "connectionProperties",
        "schemaInline",
        "schemaInlineFormat",
        "nullMarkers",
        "dateFormat",
        "datetimeFormat",
        "timeFormat",
        "timestampFormat",
        "timeZone",
        "sourceColumnMatch",
        "fileSetSpecType",
        "copyFilesOnly",
        "maxBadRecords",
        "timestampTargetPrecision",
    ],
};

/// `Table`.
pub(super) const TABLE: Settings = Settings {
    what: "a table",
    known: &[
        "tableReference",
        "schema",
        "view",
        "description",
        "friendlyName",
        "labels",
        "expirationTime",
        "timePartitioning",
        "rangePartitioning",
        "clustering",
        "requirePartitionFilter",
        "encryptionConfiguration",
    ],
    // Output only.
    harmless: &[
        "kind",
        "etag",
        "id",
        "selfLink",
        "numBytes",
        "numPhysicalBytes",
        "numLongTermBytes",
        "numRows",
        "creationTime",
        "lastModifiedTime",
        "type",
        "location",
        "streamingBuffer",
        "numActiveLogicalBytes",
        "numActivePhysicalBytes",
        "numLongTermLogicalBytes",
        "numLongTermPhysicalBytes",
        "numPartitions",
        "numTimeTravelPhysicalBytes",
        "numTotalLogicalBytes",
        "numTotalPhysicalBytes",
        "numCurrentPhysicalBytes",
        "cloneDefinition",
        "snapshotDefinition",
        "restrictions",
        "managedTableType",
        "materializedViewStatus",
        "replicas",
    ],
    refused: &[
        "externalDataConfiguration",
        "materializedView",
        "model",
        "tableConstraints",
        "defaultCollation",
        "defaultRoundingMode",
        "maxStaleness",
        "resourceTags",
        "biglakeConfiguration",
        "tableReplicationInfo",
        "externalCatalogTableOptions",
        "partitionDefinition",
    ],
};

/// `ViewDefinition`.
pub(super) const VIEW: Settings = Settings {
    what: "a view",
    known: &["query", "useLegacySql"],
    harmless: &[],
    refused: &[
        "userDefinedFunctionResources",
        "useExplicitColumnNames",
        "privacyPolicy",
        "foreignDefinitions",
    ],
};

/// `Dataset`.
pub(super) const DATASET: Settings = Settings {
    what: "a dataset",
    known: &[
        "datasetReference",
        "location",
        "description",
        "friendlyName",
        "labels",
        "defaultTableExpirationMs",
        "access",
        "maxTimeTravelHours",
        "defaultEncryptionConfiguration",
        "storageBillingModel",
    ],
    // Output only, and the collation that every dataset has by default.
    harmless: &[
        "kind",
        "etag",
        "id",
        "selfLink",
        "creationTime",
        "lastModifiedTime",
        "type",
        "satisfiesPzs",
        "satisfiesPzi",
        "tags",
        "restrictions",
        "defaultCollation",
    ],
    refused: &[
        "defaultPartitionExpirationMs",
        "isCaseInsensitive",
        "linkedDatasetSource",
        "resourceTags",
        "externalDatasetReference",
        "externalCatalogDatasetOptions",
        "defaultRoundingMode",
        "linkedDatasetMetadata",
    ],
};

impl Settings {
    /// # Errors
    /// 400 for a setting of `body` that is refused or that does not exist.
    pub(super) fn check(&self, body: &Value) -> Result<(), GoogleError> {
        Self::check_all(&[self], body)
    }

    /// Checks an object that has the settings of several kinds.
    pub(super) fn check_all(kinds: &[&Self], body: &Value) -> Result<(), GoogleError> {
        let none = Map::new();
        for (name, value) in body.as_object().unwrap_or(&none) {
            let is_in = |list: fn(&Self) -> &'static [&'static str]| {
                kinds.iter().any(|it| list(it).contains(&name.as_str()))
            };
            if is_in(|it| it.known) || is_in(|it| it.harmless) || asks_for_nothing(value) {
                continue;
            }
            let what = kinds[0].what;
            if is_in(|it| it.refused) {
                return Err(GoogleError::invalid(format!(
                    "The local warehouse does not know the setting {name} of {what}; BigQuery does. \
                     Leave it out."
                )));
            }
            return Err(GoogleError::invalid(format!(
                "Invalid JSON payload received. Unknown name \"{name}\" of {what}: Cannot find field."
            )));
        }
        Ok(())
    }
}

/// Whether a value is the one that a setting has when it is left out.
fn asks_for_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text == "0" || text == "false",
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(asks_for_nothing),
    }
}

/// An int64 of the REST API: a text or a number.
pub(crate) fn int64(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_setting_is_known_harmless_or_refused() {
        assert!(QUERY.check(&json!({"query": "SELECT 1", "priority": "BATCH"})).is_ok());
        assert!(QUERY.check(&json!({"createSession": false, "connectionProperties": []})).is_ok());
        for (body, part) in [
            (json!({"createSession": true}), "createSession"),
            (
                json!({"connectionProperties": [{"key": "time_zone", "value": "Asia/Seoul"}]}),
                "connectionProperties",
            ),
            (json!({"destinationtable": {"tableId": "t"}}), "Unknown name \"destinationtable\""),
        ] {
            let refused = QUERY.check(&body).expect_err("refused");
            assert!(refused.message.contains(part), "{}", refused.message);
        }
    }
}
