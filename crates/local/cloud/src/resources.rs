//! What Terraform sets of buckets, datasets and the identity pool besides rights. `tests/terraform/test_one_truth.py`
//! compares all of it with what the gcp module makes.

use landbridge_core::config::Config;
use landbridge_local_google::{AwsProvider, GoogleError, LocalGoogle};
use serde_json::{Value, json};

use crate::error::LocalError;

/// Days after which Cloud Storage deletes a landed file: the default of `landing_retention_days`.
const LANDING_RETENTION_DAYS: u32 = 3;
/// How BigQuery bills the storage of the datasets with tables: the default of `storage_billing_model`.
const STORAGE_BILLING: &str = "LOGICAL";

fn set_up(error: GoogleError) -> LocalError {
    LocalError::SetUp { cloud: "google", message: error.message }
}

/// The labels of all resources.
fn labels(config: &Config) -> Value {
    json!({"landbridge_source": config.source.name})
}

/// Sets the properties of what all databases share: the landing bucket and the dataset of receipts, which exist.
///
/// # Errors
/// One of them does not exist.
pub(crate) fn set_shared_properties(
    google: &LocalGoogle,
    config: &Config,
) -> Result<(), LocalError> {
    let bucket = landing(config);
    google.set_bucket_properties(&config.transfer.bucket, &bucket).map_err(set_up)?;
    let receipts = "Receipts: what was exported, transferred and loaded, with row counts as proof; \
                    columns, audits, incidents, and views of them.";
    let properties = json!({
        "description": receipts, "labels": labels(config), "storageBillingModel": STORAGE_BILLING,
    });
    google.set_dataset_properties(&config.warehouse.ops_dataset, &properties).map_err(set_up)
}

/// Sets the properties of the datasets of a database, which exist.
///
/// # Errors
/// One of them does not exist.
pub(crate) fn set_properties(google: &LocalGoogle, config: &Config) -> Result<(), LocalError> {
    for (dataset, description, billing) in datasets(config) {
        let mut properties = json!({"description": description, "labels": labels(config)});
        if let Some(billing) = billing {
            properties["storageBillingModel"] = json!(billing);
        }
        google.set_dataset_properties(dataset, &properties).map_err(set_up)?;
    }
    Ok(())
}

/// The landing bucket (`landing.tf`).
fn landing(config: &Config) -> Value {
    json!({
        "labels": labels(config),
        "lifecycle": {
            "rule": [{"condition": {"age": LANDING_RETENTION_DAYS}, "action": {"type": "Delete"}}],
        },
        "softDeletePolicy": {"retentionDurationSeconds": 0},
        "versioning": {"enabled": false},
    })
}

/// Each dataset with its description and how its storage is billed (`warehouse.tf`, `analysts.tf`).
fn datasets(config: &Config) -> Vec<(&str, String, Option<&str>)> {
    let (warehouse, source) = (&config.warehouse, &config.source.name);
    let tables = format!(
        "Tables of {source}: one copy per day. Landbridge writes them and undoes manual changes."
    );
    let mut all = vec![(warehouse.dataset.as_str(), tables, Some(STORAGE_BILLING))];
    if let Some(views) = &warehouse.views {
        let text = format!(
            "Friendly views of the tables of {source}. Landbridge writes them and undoes manual changes."
        );
        all.push((views.dataset.as_str(), text, None));
    }
    if let Some(models) = &warehouse.models {
        let text = format!(
            "Tables that models make from the tables of {source}. Policy tags do not apply here."
        );
        all.push((models.dataset.as_str(), text, None));
    }
    all
}

/// Creates the identity pool and its provider (`federation.tf`): its mapping names a caller, its condition
/// admits the roles of the functions that use Google, and no others.
///
/// # Errors
/// An id is not one of a pool or provider.
pub(crate) fn create_provider(
    google: &LocalGoogle,
    provider: &AwsProvider,
) -> Result<(), LocalError> {
    let audience = provider.audience();
    let name = audience.trim_start_matches("//iam.googleapis.com/");
    let (pool, _) = name.split_once("/providers/").unwrap_or((name, ""));
    let account = &provider.account;
    let about_pool = json!({
        "displayName": provider.pool,
        "description": format!("Landbridge's functions in AWS account {account}"),
    });
    google.keep_resource(pool, &about_pool).map_err(set_up)?;
    let roles: Vec<&str> = provider.roles.iter().map(String::as_str).collect();
    let admitted: Vec<String> = (roles.iter())
        .map(|role| {
            format!("assertion.arn.startsWith('arn:aws:sts::{account}:assumed-role/{role}/')")
        })
        .collect();
    let role = "assertion.arn.extract('assumed-role/{role}/')";
    let about_provider = json!({
        "displayName": "aws",
        "description": format!("The roles {}, no others", roles.join(", ")),
        "attributeMapping": {"google.subject": role, "attribute.aws_role": role},
        "attributeCondition": admitted.join(" || "),
        "aws": {"accountId": account},
    });
    google.keep_resource(name, &about_provider).map_err(set_up)
}
