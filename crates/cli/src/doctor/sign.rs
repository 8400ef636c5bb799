//! The checks of the key of `proof.sign`: its kind and state, whether the function `load` may sign with it, and whether
//! it is the key that signed the newest day.

use landbridge_aws::Aws;
use landbridge_aws::inspect::{CallError, Inspector};
use landbridge_core::ErrorKind;
use landbridge_core::chain::{ALGORITHM, LinkSignature};
use landbridge_core::config::Config;
use landbridge_ledger::Ledger;
use landbridge_ledger::records::{SIGNATURES, link_signature};
use serde_json::{Value, json};

use super::key::{Through, advice_for_state, check_permissions, function_role};
use super::line::ReportLine;
use super::{Phase, advice};

/// The only kind of key that signs days (`landbridge_core::chain`).
const USAGE: &str = "SIGN_VERIFY";
const SPEC: &str = "ECC_NIST_P256";
/// What the function `load` calls.
const CALLS: [(&str, Through); 2] =
    [("kms:Sign", Through::Signing), ("kms:GetPublicKey", Through::Nothing)];

/// Checks the key; nothing without `proof.sign`. Only reads: nothing is signed.
pub(super) async fn check(
    client: &Inspector,
    aws: &Aws,
    config: &Config,
    phase: Phase,
) -> Vec<ReportLine> {
    let Some(key) = config.proof.as_ref().and_then(|proof| proof.sign.as_deref()) else {
        return Vec::new();
    };
    let mut state = ReportLine::new("aws", "signing key");
    let mut permissions = ReportLine::new("aws", "signing key permissions");
    let mut chain = ReportLine::new("aws", "signing key of the chain");
    let arn = match client.kms("DescribeKey", &json!({ "KeyId": key })).await {
        Ok(answer) => check_kind(&mut state, key, &answer["KeyMetadata"]),
        Err(CallError::NotFound) => {
            let what = format!("there is no key {key}");
            if key.contains(":alias/") {
                let advice = "correct proof.sign, or create the key: terraform apply";
                state = phase.missing(state, &what, advice);
            } else {
                state.bad(what, "correct proof.sign");
            }
            None
        }
        Err(error) => {
            state.call_failed(error, format!("aws kms describe-key --key-id {key}"));
            None
        }
    };
    let Some(arn) = arn else {
        permissions.unchecked("needs the signing key", None);
        chain.unchecked("needs the signing key", None);
        return vec![state, permissions, chain];
    };
    let load = vec![(function_role(config, "load"), CALLS.to_vec())];
    let good = "load may sign with it and read its public key";
    let permissions = check_permissions(permissions, client, config, phase, &arn, load, good).await;
    check_chain(&mut chain, client, aws, config, &arn).await;
    vec![state, permissions, chain]
}

/// Checks that days can be signed with the key. Returns its own ARN if they can.
fn check_kind(line: &mut ReportLine, key: &str, metadata: &Value) -> Option<String> {
    let text = |name: &str| metadata[name].as_str().unwrap_or_default();
    let (arn, state, usage, spec) =
        (text("Arn"), text("KeyState"), text("KeyUsage"), text("KeySpec"));
    let algorithms = metadata["SigningAlgorithms"].as_array();
    if arn.is_empty() {
        line.bad(
            format!("the KMS response for {key} has no ARN"),
            format!("aws kms describe-key --key-id {key}"),
        );
    } else if (usage, spec) != (USAGE, SPEC)
        || algorithms.is_some_and(|all| all.iter().all(|it| *it != ALGORITHM))
    {
        line.bad(
            format!("{key} is for {usage} with {spec}, and days are signed with {ALGORITHM}"),
            format!(
                "name a signing key in proof.sign: aws kms create-key --key-usage {USAGE} --key-spec {SPEC}"
            ),
        );
    } else if state == "Enabled" {
        line.good(format!("{arn} is enabled, {SPEC}"));
        return Some(arn.to_owned());
    } else {
        let consequence = "without the key, no day is signed and `receipt --verify` cannot ask KMS for its public key";
        line.bad(format!("{key} is {state}"), advice_for_state(state, arn, consequence));
    }
    None
}

/// Compares the key with the one that signed the newest link of the chain.
async fn check_chain(
    line: &mut ReportLine,
    client: &Inspector,
    aws: &Aws,
    config: &Config,
    arn: &str,
) {
    let signature = match newest_signature(aws, config).await {
        Ok(Some(signature)) => signature,
        Ok(None) => return line.unchecked("no day is signed yet", None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return line.unchecked("needs the export bucket, in which the ledger is", None);
        }
        Err(error) => {
            let rights = "s3:ListBucket and s3:GetObject on the ledger";
            return line.failed(&error, advice(&error, rights));
        }
    };
    let answer = match client.kms("GetPublicKey", &json!({ "KeyId": arn })).await {
        Ok(answer) => answer,
        Err(error) => {
            return line.call_failed(error, format!("aws kms get-public-key --key-id {arn}"));
        }
    };
    compare(line, arn, answer["PublicKey"].as_str().unwrap_or_default(), &signature);
}

fn compare(line: &mut ReportLine, arn: &str, public_key: &str, signature: &LinkSignature) {
    let LinkSignature { number, key, .. } = signature;
    if signature.public_key == public_key {
        return line.good(format!("link {number}, the newest that is signed, has its signature"));
    }
    line.bad(
        format!("link {number}, the newest that is signed, was signed with another key, {key}; proof.sign names {arn}"),
        format!(
            "if proof.sign must name {key}, set it again; if you replaced the key, wait for the next published day, whose signature proves \
             the days before it too, then run landbridge receipt DAY --verify"
        ),
    );
}

async fn newest_signature(
    aws: &Aws,
    config: &Config,
) -> landbridge_core::Result<Option<LinkSignature>> {
    let source = Ledger::for_operator(aws.s3.clone(), config).source();
    let names = source.names(SIGNATURES).await?;
    match names.keys().filter_map(|name| name.parse().ok()).max() {
        Some(number) => source.value(&link_signature(number)).await,
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::CheckState;
    use super::*;

    #[test]
    fn only_an_enabled_p256_key_signs() {
        let good = json!({
            "Arn": "arn:1", "KeyState": "Enabled", "KeyUsage": USAGE, "KeySpec": SPEC, "SigningAlgorithms": [ALGORITHM],
        });
        let changed = |name: &str, value: Value| {
            let mut metadata = good.clone();
            metadata[name] = value;
            metadata
        };
        for (metadata, found, what_to_do) in [
            (changed("KeyUsage", "ENCRYPT_DECRYPT".into()), "is for ENCRYPT_DECRYPT", "create-key"),
            (changed("KeySpec", "RSA_2048".into()), "with RSA_2048", "--key-spec ECC_NIST_P256"),
            (changed("SigningAlgorithms", json!(["ECDSA_SHA_384"])), "ECDSA_SHA_256", "create-key"),
            (changed("KeyState", "Disabled".into()), "is Disabled", "enable-key --key-id arn:1"),
            (changed("KeyState", "PendingDeletion".into()), "is Pending", "cancel-key-deletion"),
            (changed("Arn", "".into()), "has no ARN", "describe-key"),
        ] {
            let mut line = ReportLine::new("aws", "signing key");
            assert_eq!(check_kind(&mut line, "alias/x", &metadata), None, "{metadata}");
            assert_eq!(line.state, CheckState::Bad);
            assert!(line.found.contains(found), "{}", line.found);
            assert!(line.advice.as_ref().is_some_and(|it| it.contains(what_to_do)), "{line:?}");
        }
        let mut line = ReportLine::new("aws", "signing key");
        assert_eq!(check_kind(&mut line, "alias/x", &good).as_deref(), Some("arn:1"));
        assert_eq!(line.state, CheckState::Good);
    }
}
