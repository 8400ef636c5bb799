//! Requests to AWS that are signed here, for services of which one call or two are used.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use landbridge_core::{Error, ErrorKind, Result};

use crate::client::credentials;

/// A POST request to the root of a service.
pub(crate) struct Request<'a> {
    pub(crate) region: &'a str,
    /// The service's name in a signature.
    pub(crate) service: &'a str,
    pub(crate) endpoint: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: String,
    /// The limit of the request.
    pub(crate) timeout: Duration,
}

impl Request<'_> {
    /// Signs it with the credentials of the environment. Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] if the environment has no credentials; [`ErrorKind::Config`] if the request cannot be
    /// made. `what` and `context` describe both.
    pub(crate) async fn build(
        self,
        what: &'static str,
        context: &str,
    ) -> Result<reqwest::RequestBuilder> {
        let failed = || Error::new(ErrorKind::Config, what, context.to_owned());
        let url = format!("{}/", self.endpoint.trim_end_matches('/'));
        let identity = credentials(self.region).await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| failed())?
            .into();
        let host = url.split("://").nth(1).and_then(|it| it.split('/').next()).unwrap_or_default();
        let headers = self.headers.iter().copied().chain([("host", host)]);
        let bytes = SignableBody::Bytes(self.body.as_bytes());
        let signable = SignableRequest::new("POST", &url, headers, bytes).map_err(|_| failed())?;
        let (instructions, _) = sign(signable, &params).map_err(|_| failed())?.into_parts();
        let http = reqwest::Client::builder()
            .timeout(self.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed().caused_by(error))?;
        let mut request = http.post(&url);
        for (name, value) in self.headers.iter().copied().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        Ok(request.body(self.body))
    }
}
