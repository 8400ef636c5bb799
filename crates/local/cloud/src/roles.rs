//! The roles of the functions: their credentials in the local AWS and their grants in the local
//! Google. They have the names that Terraform gives them.

use std::collections::BTreeMap;

use landbridge_core::config::Config;
use landbridge_local_aws::Identity;
use landbridge_local_google::{
    AwsProvider, CallerIdentityLookup, Grants, LocalGoogle, PROJECT_NUMBER, Role,
};
use serde_json::{Value, json};

use crate::databases::Deployed;
use crate::error::LocalError;

/// The functions that use Google. The others use AWS only.
const FEDERATED: [&str; 5] = ["transfer", "transfer-item", "load", "protect", "views"];
/// The permissions of the custom role `loader` of terraform/modules/gcp; a test compares them.
const LOADER: &[&str] = &[
    "bigquery.datasets.get",
    "bigquery.rowAccessPolicies.list",
    "bigquery.tables.create",
    "bigquery.tables.get",
    "bigquery.tables.list",
    "bigquery.tables.setCategory",
    "bigquery.tables.update",
    "bigquery.tables.updateData",
];
/// The permissions of the custom role `ops_viewer` of terraform/modules/gcp; a test compares them.
const OPS_VIEWER: &[&str] = &["bigquery.tables.getData"];
/// The permissions of the custom role `merger` of terraform/modules/gcp; a test compares them.
const MERGER: &[&str] = &["bigquery.tables.getData"];
/// The permissions of the custom role `runner` of terraform/modules/gcp; a test compares them.
const RUNNER: &[&str] = &["bigquery.jobs.create"];
/// The permissions of the custom role `tagger` of terraform/modules/gcp; a test compares them.
const TAGGER: &[&str] = &["datacatalog.taxonomies.get"];
/// The permissions of the custom role `protector` of terraform/modules/gcp; a test compares them.
const PROTECTOR: &[&str] = &[
    "bigquery.datasets.get",
    "bigquery.rowAccessPolicies.list",
    "bigquery.tables.get",
    "bigquery.tables.list",
    "bigquery.tables.setCategory",
    "bigquery.tables.update",
];

/// The permissions of the custom role `table_viewer` of terraform/modules/gcp; a test compares them.
const TABLE_VIEWER: &[&str] =
    &["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.list"];
/// The permissions of the custom role `view_writer` of terraform/modules/gcp; a test compares them.
const VIEW_WRITER: &[&str] = &[
    "bigquery.tables.create",
    "bigquery.tables.delete",
    "bigquery.tables.get",
    "bigquery.tables.list",
    "bigquery.tables.update",
];

/// The permissions of the custom role `access_reviewer` of terraform/modules/gcp; a test compares them.
pub(crate) const ACCESS_REVIEWER: &[&str] = &[
    "bigquery.dataPolicies.get",
    "bigquery.dataPolicies.getIamPolicy",
    "bigquery.dataPolicies.list",
    "bigquery.datasets.get",
    "bigquery.datasets.getIamPolicy",
    "bigquery.jobs.list",
    "bigquery.jobs.listAll",
    "bigquery.rowAccessPolicies.list",
    "bigquery.tables.get",
    "bigquery.tables.getIamPolicy",
    "bigquery.tables.list",
    "datacatalog.categories.getIamPolicy",
    "datacatalog.taxonomies.get",
    "datacatalog.taxonomies.getIamPolicy",
    "iam.roles.get",
    "logging.logEntries.list",
    "logging.privateLogEntries.list",
    "resourcemanager.projects.get",
    "resourcemanager.projects.getIamPolicy",
    "storage.buckets.getIamPolicy",
    "storage.managedFolders.getIamPolicy",
    "storage.managedFolders.list",
];

/// The name of a function's role.
pub fn role_name(config: &Config, function: &str) -> String {
    format!("landbridge-{}-{function}", config.source.name)
}

/// The session of a function's role, with the session name that Lambda gives it: the name of the
/// function. Its keys are valid in local clouds only.
/// `name` is the function's name in this cloud.
pub(crate) fn role_session(
    config: &Config,
    account: &str,
    (name, function): (&str, &str),
) -> Identity {
    let role = role_name(config, function);
    Identity {
        access_key: format!("ASIALOCAL{}", name.replace('-', "").to_ascii_uppercase()),
        secret_key: format!("local-secret-of-{name}"),
        session_token: Some(format!("local-session-of-{name}")),
        arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{role}"),
    }
}

/// The environment variables in which Lambda passes a function the credentials of its role.
pub(crate) fn credential_variables(identity: &Identity) -> BTreeMap<String, String> {
    let pairs = [
        ("AWS_ACCESS_KEY_ID", identity.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", identity.secret_key.clone()),
        ("AWS_SESSION_TOKEN", identity.session_token.clone().unwrap_or_default()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The resource name of the taxonomy.
pub(crate) fn taxonomy(config: &Config) -> String {
    let warehouse = &config.warehouse;
    format!("projects/{}/locations/{}/taxonomies/1", warehouse.project, warehouse.location)
}

/// The provider that trusts the roles of the functions that use Google, with the names that Terraform gives it.
pub(crate) fn provider(deployed: &Deployed, account: &str) -> AwsProvider {
    let roles_of = |config: &Config| {
        let functions = config.all_functions();
        let federated = FEDERATED.into_iter().filter(|function| functions.contains(function));
        federated.map(|function| role_name(config, function)).collect::<Vec<_>>()
    };
    AwsProvider {
        project_number: PROJECT_NUMBER,
        pool: format!("landbridge-{}", deployed.databases.shared_name()),
        provider: "aws-lambda".to_owned(),
        account: account.to_owned(),
        roles: deployed.configs().into_iter().flat_map(roles_of).collect(),
    }
}

/// Grants the roles of transfer, load, protect and views access to the local Google by federation. The grants are
/// those of Terraform and no more, so that a missing right is found locally. `lookup` identifies
/// the role that signed a request.
///
/// # Errors
/// The landing bucket does not exist.
pub(crate) fn federate(
    google: &LocalGoogle,
    lookup: CallerIdentityLookup,
    deployed: &Deployed,
    account: &str,
    tags: &BTreeMap<String, String>,
) -> Result<AwsProvider, LocalError> {
    let provider = provider(deployed, account);
    provider.check_ids().map_err(|message| LocalError::SetUp { cloud: "google", message })?;
    for config in deployed.configs() {
        grant(google, &provider, config, tags);
    }
    let shared = &deployed.shared;
    let slug = shared.source.name.replace('-', "_");
    let tagger = format!("projects/{}/roles/landbridge_{slug}_tagger", shared.warehouse.project);
    google.add_role(&tagger, TAGGER);
    for (config, function) in
        deployed.configs().into_iter().flat_map(|it| [(it, "load"), (it, "protect")])
    {
        let member = provider.principal_set(&role_name(config, function));
        google.bind(&taxonomy(config), &tagger, &member);
    }
    google
        .set_bucket_policy(&shared.transfer.bucket, &landing_policy(deployed, &provider))
        .map_err(|error| LocalError::SetUp { cloud: "google", message: error.message })?;
    crate::resources::create_provider(google, &provider)?;
    google.forward_to_aws(lookup);
    Ok(provider)
}

/// The rights of the functions of one database on its datasets.
fn grant(
    google: &LocalGoogle,
    provider: &AwsProvider,
    config: &Config,
    tags: &BTreeMap<String, String>,
) {
    let warehouse = &config.warehouse;
    for (function, grants) in [
        ("transfer", Grants::none()),
        ("transfer-item", Grants::none()),
        ("load", load_grants(config)),
        ("protect", Grants::none().dataset_role(&warehouse.dataset, Role::Custom(PROTECTOR))),
    ] {
        google.grant_principal_set(&provider.principal_set(&role_name(config, function)), grants);
    }
    if let Some(views) = &config.warehouse.views {
        // A masked reader of every class: creating a view asks for the right to read its table.
        let grants = tags.values().fold(
            Grants::none()
                .dataset_role(&warehouse.dataset, Role::Custom(TABLE_VIEWER))
                .dataset_role(&views.dataset, Role::Custom(VIEW_WRITER)),
            |grants, tag| grants.masked_reader(tag),
        );
        google.grant_principal_set(&provider.principal_set(&role_name(config, "views")), grants);
    }
}

/// The rights of a database's load. Merging changes into a table asks for the right to read it.
fn load_grants(config: &Config) -> Grants {
    let warehouse = &config.warehouse;
    let grants = Grants::none()
        .project_role(Role::Custom(RUNNER))
        .dataset_role(&warehouse.dataset, Role::Custom(LOADER))
        .dataset_role(&warehouse.ops_dataset, Role::Custom(LOADER))
        .dataset_role(&warehouse.ops_dataset, Role::Custom(OPS_VIEWER));
    match config.has_deltas() {
        true => grants.dataset_role(&warehouse.dataset, Role::Custom(MERGER)),
        false => grants,
    }
}

/// The complete policy of the landing bucket, as in `terraform/modules/gcp/landing.tf`. It removes
/// the bindings of a new bucket, with which every viewer and editor of the project reads all
/// objects.
fn landing_policy(deployed: &Deployed, provider: &AwsProvider) -> Value {
    let of = |functions: &[&str]| -> Vec<String> {
        let members = deployed.configs().into_iter().flat_map(|config| {
            let deployed = config.all_functions();
            let own = functions.iter().filter(move |it| deployed.contains(it));
            own.map(|function| provider.principal_set(&role_name(config, function)))
                .collect::<Vec<_>>()
        });
        members.collect()
    };
    let (carriers, loads) = (of(&["transfer", "transfer-item"]), of(&["load"]));
    let readers: Vec<String> = carriers.iter().chain(&loads).cloned().collect();
    let mut bindings = vec![
        json!({"role": "roles/storage.objectCreator", "members": carriers}),
        json!({"role": "roles/storage.objectViewer", "members": readers}),
        json!({"role": "roles/storage.legacyBucketReader", "members": loads}),
    ];
    bindings.extend(deployed.configs().into_iter().map(|config| {
        json!({
            "role": "roles/storage.objectUser",
            "members": [provider.principal_set(&role_name(config, "load"))],
            "condition": receipts_only(config),
        })
    }));
    json!({ "version": 3, "bindings": bindings })
}

/// The objects that the load of a database may write.
fn receipts_only(config: &Config) -> Value {
    let bucket = &config.transfer.bucket;
    let prefix = match config.transfer.prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let objects = format!("projects/_/buckets/{bucket}/objects/{prefix}{}/", config.source.name);
    json!({
        "title": format!("receipts of {}", config.source.name),
        "description": "Only JSON below Landbridge's own prefix, no Parquet file",
        "expression": format!(
            "resource.name.startsWith('{objects}') && resource.name.endsWith('.json')"
        ),
    })
}

/// The credential configuration for the provider, in the format of Google's documentation for AWS.
/// It names no metadata service, because Lambda has none.
pub(crate) fn external_account_json(provider: &AwsProvider, token_url: &str) -> String {
    json!({
        "type": "external_account",
        "audience": provider.audience(),
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        "token_url": token_url,
        "credential_source": {
            "environment_id": "aws1",
            "regional_cred_verification_url":
                "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The permissions of a custom role in the Terraform module.
    fn in_terraform(role: &str) -> Vec<String> {
        let text = concat!(
            include_str!("../../../../terraform/modules/gcp/warehouse.tf"),
            include_str!("../../../../terraform/modules/gcp/analysts.tf"),
            include_str!("../../../../terraform/modules/gcp/access.tf")
        );
        let start = format!("resource \"google_project_iam_custom_role\" \"{role}\"");
        let (_, rest) = text.split_once(&start).expect("the role");
        let (_, rest) = rest.split_once("permissions = [").expect("its permissions");
        let (list, _) = rest.split_once(']').expect("the end of the list");
        list.split(',')
            .map(|it| it.trim().trim_matches('"').to_owned())
            .filter(|it| !it.is_empty())
            .collect()
    }

    #[test]
    fn the_local_roles_have_the_permissions_that_terraform_gives() {
        assert_eq!(in_terraform("loader"), LOADER);
        assert_eq!(in_terraform("ops_viewer"), OPS_VIEWER);
        assert_eq!(in_terraform("merger"), MERGER);
        assert_eq!(in_terraform("runner"), RUNNER);
        assert_eq!(in_terraform("tagger"), TAGGER);
        assert_eq!(in_terraform("protector"), PROTECTOR);
        assert_eq!(in_terraform("table_viewer"), TABLE_VIEWER);
        assert_eq!(in_terraform("view_writer"), VIEW_WRITER);
        assert_eq!(in_terraform("access_reviewer"), ACCESS_REVIEWER);
    }
}
