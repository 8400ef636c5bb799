//! The functions' roles: what they sign with in the local AWS, and what they are in the local
//! Google. Named as Terraform names them.

use std::collections::BTreeMap;

use landbridge_core::config::Config;
use landbridge_local_aws::Identity;
use landbridge_local_google::{AwsProvider, CallerIdentityLookup, Grants, LocalGoogle, Role};
use serde_json::json;

/// The functions that Google lets in. The others stay within AWS.
const FEDERATED: [&str; 2] = ["transfer", "load"];
/// The number of the only project. Real ones have twelve digits as well.
const PROJECT_NUMBER: u64 = 123_456_789_012;

/// The name of a function's role.
pub fn role_name(config: &Config, function: &str) -> String {
    format!("landbridge-{}-{function}", config.source.name)
}

/// The session of a function's role, as Lambda starts it: named like the function. Its keys
/// are good for nothing elsewhere.
pub(crate) fn identity(config: &Config, account: &str, function: &str) -> Identity {
    let role = role_name(config, function);
    Identity {
        access_key: format!("ASIALOCAL{}", function.to_ascii_uppercase()),
        secret_key: format!("local-secret-of-{function}"),
        session_token: Some(format!("local-session-of-{function}")),
        arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{role}"),
    }
}

/// The variables by which Lambda gives a function its role's credentials.
pub(crate) fn variables(identity: &Identity) -> BTreeMap<String, String> {
    let pairs = [
        ("AWS_ACCESS_KEY_ID", identity.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", identity.secret_key.clone()),
        ("AWS_SESSION_TOKEN", identity.session_token.clone().unwrap_or_default()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Lets the roles of transfer and load into the local Google, with what Terraform grants them
/// and no more: an owner of the project would hide a right that is missing there. `ask` is the AWS
/// whose word on them counts.
pub(crate) fn federate(
    google: &LocalGoogle,
    ask: CallerIdentityLookup,
    config: &Config,
    account: &str,
) -> AwsProvider {
    let provider = AwsProvider {
        project_number: PROJECT_NUMBER,
        pool: format!("landbridge-{}", config.source.name),
        provider: "aws".to_owned(),
        account: account.to_owned(),
        roles: FEDERATED.map(|function| role_name(config, function)).into(),
    };
    let (warehouse, bucket) = (&config.warehouse, &config.transfer.bucket);
    for (function, grants) in [
        (
            "transfer",
            Grants::none()
                .bucket_role(bucket, Role::ObjectCreator)
                .bucket_role(bucket, Role::ObjectViewer),
        ),
        (
            "load",
            Grants::none()
                .project_role(Role::JobUser)
                .dataset_role(&warehouse.dataset, Role::DataOwner)
                .dataset_role(&warehouse.ops_dataset, Role::DataOwner)
                .bucket_role(bucket, Role::ObjectAdmin)
                .bucket_role(bucket, Role::LegacyBucketReader),
        ),
    ] {
        google.grant_principal_set(&provider.principal_set(&role_name(config, function)), grants);
    }
    google.trust_aws(provider.clone(), ask);
    provider
}

/// The credential configuration for the provider, as Google's documentation has it for AWS; no
/// metadata service is named, since Lambda has none.
pub(crate) fn external_account(provider: &AwsProvider, token_url: &str) -> String {
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
