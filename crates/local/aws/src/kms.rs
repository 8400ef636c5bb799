//! AWS KMS: `Sign`, `GetPublicKey`, `DescribeKey` and `GetKeyPolicy` of P-256 keys that really sign, and what describes
//! the keys of exports. AWS documentation: the API reference of KMS (JSON protocol 1.1, target `TrentService`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use landbridge_local_wire as wire;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::account::Account;
use crate::rds::Rds;
use crate::signature;

const TARGET_PREFIX: &str = "TrentService.";
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
/// Bytes of a message (API reference, `Sign`).
const MAX_MESSAGE: usize = 4096;
/// What precedes the point in the DER of a P-256 public key (RFC 5480).
const SPKI: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=";

/// The signing keys of an account.
pub(crate) struct Kms {
    account: Arc<Account>,
    /// The keys of exports.
    rds: Arc<Rds>,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    /// By the ARN of the key.
    pairs: BTreeMap<String, EcdsaKeyPair>,
    /// Whether every call is refused.
    denied: bool,
}

impl Keys {
    /// A key by its ARN, or by the ARN of its alias.
    fn get(&self, arn: &str) -> Option<&EcdsaKeyPair> {
        self.pairs.get(&key_arn(arn))
    }
}

/// The ARN of the key that an alias names, which has the same name here.
fn key_arn(arn: &str) -> String {
    arn.replace(":alias/", ":key/")
}

/// KMS as an HTTP service.
pub(crate) struct KmsServer(pub(crate) Arc<Kms>);

/// An error code with its message.
struct KmsError(&'static str, String);

/// A new key as PKCS #8. `None` if the machine gives no random bytes.
pub fn new_signing_key() -> Option<Vec<u8>> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).ok()?;
    Some(key.as_ref().to_vec())
}

impl Kms {
    pub(crate) fn new(account: Arc<Account>, rds: Arc<Rds>) -> Self {
        Self { account, rds, keys: Mutex::default() }
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a key from PKCS #8. Whether it is one.
    pub(crate) fn add(&self, arn: &str, pkcs8: &[u8]) -> bool {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random);
        let pair = pair.map(|pair| self.keys().pairs.insert(key_arn(arn), pair));
        pair.is_ok()
    }

    /// The public key of a key: DER of its SubjectPublicKeyInfo.
    pub(crate) fn public_key(&self, arn: &str) -> Option<Vec<u8>> {
        Some(public_key(self.keys().get(arn)?))
    }

    pub(crate) fn set_denied(&self, denied: bool) {
        self.keys().denied = denied;
    }

    /// The policy that KMS gives a key for which none is written: IAM policies of the account decide (AWS KMS Developer Guide,
    /// "Default key policy").
    fn policy(&self) -> String {
        let root = format!("arn:aws:iam::{}:root", self.account.options.account);
        let statement = json!({ "Effect": "Allow", "Principal": { "AWS": root }, "Action": "kms:*", "Resource": "*" });
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    }

    fn perform(&self, action: &str, parameters: &Value) -> Result<Value, KmsError> {
        let keys = self.keys();
        let text = |name: &str| parameters.get(name).and_then(Value::as_str);
        let invalid = |text: &str| KmsError("ValidationException", text.to_owned());
        let arn = text("KeyId").ok_or_else(|| invalid("KeyId"))?;
        if keys.denied {
            let text = format!("the caller is not authorized to perform this on {arn}");
            return Err(KmsError("AccessDeniedException", text));
        }
        if let Some((arn, is_enabled)) = self.rds.kms_key(arn) {
            return match action {
                "DescribeKey" => Ok(json!({ "KeyMetadata": export_key(&arn, is_enabled) })),
                "GetKeyPolicy" => Ok(json!({ "Policy": self.policy(), "PolicyName": "default" })),
                "GetKeyRotationStatus" => Ok(json!({ "KeyId": arn, "KeyRotationEnabled": true })),
                _ => Err(KmsError("InvalidKeyUsageException", action.to_owned())),
            };
        }
        let missing = || KmsError("NotFoundException", format!("Key '{arn}' does not exist"));
        let pair = keys.get(arn).ok_or_else(missing)?;
        let key_arn = key_arn(arn);
        match action {
            "Sign" => {
                if text("SigningAlgorithm") != Some("ECDSA_SHA_256") {
                    return Err(KmsError("InvalidKeyUsageException", "algorithm".to_owned()));
                }
                // A digest cannot be signed here: the library hashes what it signs.
                if !matches!(text("MessageType"), None | Some("RAW")) {
                    return Err(KmsError(
                        "UnsupportedOperationException",
                        "MessageType".to_owned(),
                    ));
                }
                let message = text("Message").and_then(|it| STANDARD.decode(it).ok());
                let message = message.filter(|it| (1..=MAX_MESSAGE).contains(&it.len()));
                let message = message.ok_or_else(|| invalid("Message"))?;
                let message = match self.account.turned.is("kms-sign-raw-p256") {
                    true => ring::digest::digest(&ring::digest::SHA256, &message).as_ref().to_vec(),
                    false => message,
                };
                let signed = pair.sign(&SystemRandom::new(), &message);
                let internal = |_| KmsError("KMSInternalException", "no signature".to_owned());
                let signature = STANDARD.encode(signed.map_err(internal)?);
                Ok(
                    json!({ "KeyId": key_arn, "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256" }),
                )
            }
            "GetPublicKey" => Ok(json!({
                "KeyId": key_arn,
                "PublicKey": STANDARD.encode(public_key(pair)),
                "KeySpec": "ECC_NIST_P256",
                "KeyUsage": "SIGN_VERIFY",
                "SigningAlgorithms": ["ECDSA_SHA_256"],
            })),
            "DescribeKey" => Ok(json!({ "KeyMetadata": description(&key_arn) })),
            "GetKeyPolicy" => Ok(json!({ "Policy": self.policy(), "PolicyName": "default" })),
            _ => Err(KmsError("UnknownOperationException", action.to_owned())),
        }
    }
}

/// What `DescribeKey` answers of a key.
fn description(arn: &str) -> Value {
    json!({
        "Arn": arn,
        "KeyId": arn.rsplit('/').next(),
        "KeyManager": "CUSTOMER",
        "KeySpec": "ECC_NIST_P256",
        "KeyState": "Enabled",
        "KeyUsage": "SIGN_VERIFY",
        "SigningAlgorithms": ["ECDSA_SHA_256"],
    })
}

/// What `DescribeKey` answers of a key of exports, which encrypts nothing here.
fn export_key(arn: &str, is_enabled: bool) -> Value {
    json!({
        "Arn": arn,
        "KeyId": arn.rsplit('/').next(),
        "KeyManager": "CUSTOMER",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyState": if is_enabled { "Enabled" } else { "Disabled" },
        "KeyUsage": "ENCRYPT_DECRYPT",
    })
}

fn public_key(pair: &EcdsaKeyPair) -> Vec<u8> {
    let mut der = STANDARD.decode(SPKI).unwrap_or_default();
    der.extend_from_slice(pair.public_key().as_ref());
    der
}

impl wire::Service for KmsServer {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let kms = self.0.clone();
        Box::pin(async move { respond(process(&kms, request).await) })
    }
}

async fn process(kms: &Kms, request: wire::Request) -> Result<Value, KmsError> {
    let (parts, body) = request.into_parts();
    let broken = |_| KmsError("SerializationException", "the body cannot be read".to_owned());
    let body = body.collect().await.map_err(|_| broken(()))?.to_bytes();
    signature::verify(&kms.account, "kms", &parts, &body).map_err(|_| {
        KmsError("InvalidSignatureException", "The request signature does not match".to_owned())
    })?;
    let parameters = serde_json::from_slice(&body).map_err(|_| broken(()))?;
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let action = target.and_then(|target| target.strip_prefix(TARGET_PREFIX)).unwrap_or_default();
    kms.perform(action, &parameters)
}

fn respond(result: Result<Value, KmsError>) -> wire::Response {
    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body),
        Err(KmsError(code, message)) => {
            tracing::debug!(code, "kms refused a request");
            (StatusCode::BAD_REQUEST, json!({ "__type": code, "message": message }))
        }
    };
    let mut response = wire::Response::new(wire::full_body(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, CONTENT_TYPE);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_precedes_the_point_is_that_of_a_p256_key() {
        let der = STANDARD.decode(SPKI).expect("base64");
        assert_eq!((der.len(), der[0], der[1]), (26, 0x30, 0x59));
        assert_eq!(der[25], 0);
    }
}
