//! S3 on the wire: signatures by `s3s`, access by bucket.

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

use super::ops::Ops;
use crate::shared::Shared;

/// The keys of the account and of its roles.
struct Keys(Arc<Shared>);

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if let Some(identity) = self.0.identity(access_key) {
            return Ok(identity.secret_key.as_str().into());
        }
        Err(s3_error!(
            InvalidAccessKeyId,
            "The AWS Access Key Id you provided does not exist in our records."
        ))
    }
}

/// Nobody comes in unsigned, nor with a role's keys without their session token, nor into a
/// bucket that a test has closed.
struct Doors(Arc<Shared>);

#[async_trait]
impl S3Access for Doors {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = cx.credentials() else {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        };
        let identity = self.0.identity(&credentials.access_key);
        let token = cx.headers().get("x-amz-security-token").and_then(|it| it.to_str().ok());
        if identity.is_some_and(|it| it.session_token.is_some_and(|it| Some(it.as_str()) != token))
        {
            return Err(s3_error!(
                InvalidToken,
                "The provided token is malformed or otherwise invalid."
            ));
        }
        match cx.s3_path().get_bucket_name().and_then(|bucket| self.0.store.denied(bucket)) {
            Some(message) => Err(s3_error!(AccessDenied, "{message}")),
            None => Ok(()),
        }
    }
}

/// S3 as the wire serves it.
pub(crate) struct S3Server {
    shared: Arc<Shared>,
    service: S3Service,
}

impl S3Server {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let store = shared.store.clone();
        let region = shared.options.region.clone();
        let mut builder = S3ServiceBuilder::new(Ops { store, region });
        builder.set_auth(Keys(shared.clone()));
        builder.set_access(Doors(shared.clone()));
        Self { service: builder.build(), shared }
    }
}

impl wire::Service for S3Server {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let (shared, service) = (self.shared.clone(), self.service.clone());
        Box::pin(async move {
            // An export that has ended by the clock has its objects in the bucket.
            crate::rds::settle(&shared).await;
            match service.call(request.map(s3s::Body::from)).await {
                Ok(response) => response.map(BodyExt::boxed_unsync),
                Err(error) => {
                    tracing::error!(?error, "s3 could not answer");
                    let mut response = wire::Response::new(wire::empty_body());
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    response
                }
            }
        })
    }
}
