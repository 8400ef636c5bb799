//! The HTTP side of S3: `s3s` verifies signatures, this module controls access to buckets.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use http::StatusCode;
use http_body_util::BodyExt;
use landbridge_local_wire as wire;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};

use super::operations::S3Operations;
use super::store::Store;
use crate::account::Account;

/// Finds the secret keys of the account's identities.
struct SecretKeys(Arc<Account>);

#[async_trait]
impl S3Auth for SecretKeys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.0.identities.find(access_key) {
            Some(identity) => Ok(identity.secret_key.as_str().into()),
            None => Err(s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records."
            )),
        }
    }
}

/// Refuses requests without a signature, with the keys of a role but without its session token,
/// or on a bucket to which access is denied.
struct AccessControl {
    account: Arc<Account>,
    store: Arc<Store>,
}

#[async_trait]
impl S3Access for AccessControl {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = cx.credentials() else {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        };
        let identity = self.account.identities.find(&credentials.access_key);
        let token = cx.headers().get("x-amz-security-token").and_then(|it| it.to_str().ok());
        if let Some(expected) = identity.and_then(|identity| identity.session_token)
            && token != Some(expected.as_str())
        {
            return Err(s3_error!(
                InvalidToken,
                "The provided token is malformed or otherwise invalid."
            ));
        }
        let path = cx.s3_path();
        let key = path.get_object_key();
        match path.get_bucket_name().and_then(|bucket| self.store.denial(bucket, key)) {
            Some(message) => Err(s3_error!(AccessDenied, "{message}")),
            None => Ok(()),
        }
    }
}

/// What the server awaits before it processes a request.
pub(crate) type BeforeRequest = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// S3 as an HTTP service.
pub(crate) struct S3Server {
    service: S3Service,
    before_request: BeforeRequest,
}

impl S3Server {
    pub(crate) fn new(
        account: Arc<Account>,
        store: Arc<Store>,
        before_request: BeforeRequest,
    ) -> Self {
        let region = account.options.region.clone();
        let mut builder = S3ServiceBuilder::new(S3Operations { store: store.clone(), region });
        builder.set_auth(SecretKeys(account.clone()));
        builder.set_access(AccessControl { account, store });
        Self { service: builder.build(), before_request }
    }
}

impl wire::Service for S3Server {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let (service, before_request) = (self.service.clone(), (self.before_request)());
        Box::pin(async move {
            before_request.await;
            match service.call(request.map(s3s::Body::from)).await {
                Ok(response) => response.map(BodyExt::boxed_unsync),
                Err(error) => {
                    tracing::error!(?error, "s3 could not process a request");
                    let mut response = wire::Response::new(wire::empty_body());
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    response
                }
            }
        })
    }
}
