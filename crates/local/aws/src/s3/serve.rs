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
use super::store::Store;
use crate::shared::Shared;

/// The one pair of keys of the account.
struct Keys {
    access_key: String,
    secret_key: SecretKey,
}

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            return Ok(self.secret_key.clone());
        }
        Err(s3_error!(
            InvalidAccessKeyId,
            "The AWS Access Key Id you provided does not exist in our records."
        ))
    }
}

/// Nobody comes in unsigned, nor into a bucket that a test has closed.
struct Doors(Arc<Store>);

#[async_trait]
impl S3Access for Doors {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        match cx.s3_path().get_bucket_name().and_then(|bucket| self.0.denied(bucket)) {
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
        let mut builder = S3ServiceBuilder::new(Ops { store: store.clone(), region });
        builder.set_auth(Keys {
            access_key: shared.options.access_key.clone(),
            secret_key: shared.options.secret_key.as_str().into(),
        });
        builder.set_access(Doors(store));
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
                    let mut response = wire::Response::new(wire::empty());
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    response
                }
            }
        })
    }
}
