//! Endpoints and signing regions of the services that are called without their SDK: IAM, KMS, EventBridge Scheduler,
//! Lambda and SNS.

/// A service that is called without its SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// IAM, which is global.
    Iam,
    /// KMS of the source's region.
    Kms,
    /// EventBridge Scheduler of the source's region.
    Scheduler,
    /// Lambda of the source's region.
    Lambda,
    /// SNS of the topic's region.
    Sns,
}

impl Service {
    /// The name in signatures, and the prefix of the service's permissions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Kms => "kms",
            Self::Scheduler => "scheduler",
            Self::Lambda => "lambda",
            Self::Sns => "sns",
        }
    }

    /// The environment variable with which the SDKs override the endpoint.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Iam => "AWS_ENDPOINT_URL_IAM",
            Self::Kms => "AWS_ENDPOINT_URL_KMS",
            Self::Scheduler => "AWS_ENDPOINT_URL_SCHEDULER",
            Self::Lambda => "AWS_ENDPOINT_URL_LAMBDA",
            Self::Sns => "AWS_ENDPOINT_URL_SNS",
        }
    }

    /// The region to sign for. IAM has one per partition (AWS General Reference, "IAM
    /// endpoints and quotas").
    pub(crate) fn region(self, region: &str) -> &str {
        match (self, region.split('-').next()) {
            (Self::Iam, Some("cn")) => "cn-north-1",
            (Self::Iam, _) if region.starts_with("us-gov-") => "us-gov-west-1",
            (Self::Iam, _) => "us-east-1",
            (Self::Kms | Self::Scheduler | Self::Lambda | Self::Sns, _) => region,
        }
    }

    /// AWS's own endpoint.
    fn default_endpoint(self, region: &str) -> String {
        let end = if region.starts_with("cn-") { ".cn" } else { "" };
        match self {
            Self::Iam if region.starts_with("cn-") => {
                "https://iam.cn-north-1.amazonaws.com.cn".to_owned()
            }
            Self::Iam if region.starts_with("us-gov-") => {
                "https://iam.us-gov.amazonaws.com".to_owned()
            }
            Self::Iam => "https://iam.amazonaws.com".to_owned(),
            Self::Kms | Self::Scheduler | Self::Lambda | Self::Sns => {
                format!("https://{}.{region}.amazonaws.com{end}", self.name())
            }
        }
    }

    /// The endpoint to call. `None` if the environment replaces RDS or S3 with servers other than AWS
    /// and names none for this service: the credentials are for those servers, and AWS must not
    /// receive them. `variable` reads an environment variable.
    pub(crate) fn endpoint(
        self,
        region: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let overridden = variable(self.variable()).or_else(|| variable("AWS_ENDPOINT_URL"));
        if let Some(url) = overridden {
            return Some(url.trim_end_matches('/').to_owned());
        }
        let replaces_aws =
            ["AWS_ENDPOINT_URL_RDS", "AWS_ENDPOINT_URL_S3"].iter().any(|it| variable(it).is_some());
        (!replaces_aws).then(|| self.default_endpoint(region))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_endpoint_and_signing_region() {
        let nothing = |_: &str| None;
        for (service, region, url, signed) in [
            (Service::Iam, "ap-northeast-2", "https://iam.amazonaws.com", "us-east-1"),
            (Service::Iam, "us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
            (
                Service::Iam,
                "cn-northwest-1",
                "https://iam.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
            ),
            (Service::Kms, "eu-west-1", "https://kms.eu-west-1.amazonaws.com", "eu-west-1"),
            (
                Service::Lambda,
                "ap-northeast-2",
                "https://lambda.ap-northeast-2.amazonaws.com",
                "ap-northeast-2",
            ),
            (
                Service::Scheduler,
                "cn-north-1",
                "https://scheduler.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
            ),
        ] {
            assert_eq!(service.endpoint(region, nothing).as_deref(), Some(url));
            assert_eq!(service.region(region), signed);
        }
    }

    #[test]
    fn credentials_of_a_local_cloud_are_never_sent_to_aws() {
        for (set, endpoint) in [
            (&["AWS_ENDPOINT_URL_RDS"][..], None),
            (&["AWS_ENDPOINT_URL_S3"], None),
            (
                &["AWS_ENDPOINT_URL_RDS", "AWS_ENDPOINT_URL_KMS"],
                Some("http://AWS_ENDPOINT_URL_KMS"),
            ),
            (&["AWS_ENDPOINT_URL"], Some("http://AWS_ENDPOINT_URL")),
        ] {
            let given = |name: &str| set.contains(&name).then(|| format!("http://{name}/"));
            assert_eq!(Service::Kms.endpoint("eu-west-1", given).as_deref(), endpoint, "{set:?}");
        }
    }
}
