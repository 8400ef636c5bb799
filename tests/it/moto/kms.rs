//! Days that moto's KMS signs, which has another implementation of ECDSA than the local cloud.

use serde_json::{Value, json};

use super::Moto;
use crate::command::{landbridge, output_text};
use crate::support::TestEnvBuilder;

/// A key of moto, as Terraform creates it.
async fn create_key(moto: &Moto) -> String {
    let scope = "Credential=tests/20261121/ap-northeast-2/kms/aws4_request";
    let body = json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" });
    let answer = reqwest::Client::new()
        .post(moto.url())
        .header("x-amz-target", "TrentService.CreateKey")
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
        )
        .body(body.to_string())
        .send()
        .await
        .expect("an answer");
    let answer: Value =
        serde_json::from_str(&answer.text().await.expect("text")).expect("a description");
    answer["KeyMetadata"]["Arn"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_is_signed_by_motos_kms_and_verified() {
    let Some(moto) = Moto::start("moto: the signatures of its KMS").await else { return };
    let key = create_key(&moto).await;
    let mut builder = TestEnvBuilder::small();
    builder.config += &format!("proof: {{ key: landbridge/shop/proof-key, sign: \"{key}\" }}\n");
    builder.variables.insert("AWS_ENDPOINT_URL_KMS".to_owned(), moto.url().to_owned());
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty(), "{}", env.log_output());
    let mut variables = env.cloud.client_env();
    let config = env.dir.path().join("landbridge.yaml");
    variables.insert("LANDBRIDGE_CONFIG".into(), config.display().to_string());
    let output = landbridge(&variables, &["receipt", "2026-11-21", "--verify"]);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains(&format!("proven by the signature of link 1 with {key}")), "{text}");
    let output = landbridge(&variables, &["probe", "aws", "--output", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let findings = report["findings"].as_array().expect("findings");
    let signed = findings.iter().find(|it| it["claim"] == "kms-sign-raw-p256").expect("probed");
    assert_eq!(signed["verdict"], "holds", "{signed}");
}
