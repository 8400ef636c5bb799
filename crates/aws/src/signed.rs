//! Requests to AWS that are signed here, for services of which a few calls are used: their SDK crates would add minutes
//! of build time.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use landbridge_core::{Error, ErrorKind, Result};

use crate::client::credentials;
use crate::service::Service;

/// A request before it is signed.
pub(crate) struct Request<'a> {
    pub(crate) service: Service,
    /// The region of the resource.
    pub(crate) region: &'a str,
    /// `GET` or `POST`.
    pub(crate) method: &'static str,
    /// Path and query string.
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: String,
}

impl Request<'_> {
    /// Signs it for the current time, to be sent with `http` to `endpoint`. Sends nothing. `None` if it cannot be made.
    pub(crate) fn sign(
        self,
        http: &reqwest::Client,
        credentials: &Credentials,
        endpoint: &str,
    ) -> Option<reqwest::RequestBuilder> {
        let url = format!("{endpoint}{}", self.path);
        let identity = credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.service.region(self.region))
            .name(self.service.name())
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        let bytes = SignableBody::Bytes(self.body.as_bytes());
        let headers = self.headers.iter().copied();
        let signable = SignableRequest::new(self.method, &url, headers, bytes).ok()?;
        let (instructions, _) = sign(signable, &params).ok()?.into_parts();
        let mut request = match self.method {
            "GET" => http.get(&url),
            _ => http.post(&url),
        };
        for (name, value) in self.headers.iter().copied().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        Some(if self.body.is_empty() { request } else { request.body(self.body) })
    }

    /// Signs it with the credentials of the environment, to be sent within `timeout` to the endpoint of the environment.
    /// Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] if the environment has no credentials; [`ErrorKind::Config`] if the request cannot be made,
    /// or if the environment replaces AWS and names no server for this service. `what` and `context` describe each.
    pub(crate) async fn build(
        self,
        what: &'static str,
        context: &str,
        timeout: Duration,
    ) -> Result<reqwest::RequestBuilder> {
        let failed = || Error::new(ErrorKind::Config, what, context.to_owned());
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = self.service.endpoint(self.region, variable).ok_or_else(|| {
            let unset = self.service.variable();
            failed().caused_by(format!("AWS_ENDPOINT_URL_* replaces AWS, and {unset} is not set"))
        })?;
        let credentials = credentials(self.region).await?;
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed().caused_by(error))?;
        self.sign(&http, &credentials, &endpoint).ok_or_else(failed)
    }
}
