//! Claims about federation: an AWS role signs a request, and Google's token service exchanges it for a token.
//!
//! The deployed roles can be taken by Lambda alone. So the person gives the credentials of two roles: one that the
//! condition of the provider names, and one that it does not. Nothing of pool and provider is changed; what the admitted
//! role may do is one entry in the access list of the run's own dataset.

use std::time::SystemTime;

use landbridge_core::ErrorKind;
use landbridge_gcp::federation::{AwsKeys, ExternalAccount, Federation, KeySource, Token};
use landbridge_gcp::raw::{Answer, Api, RawBody, RawCall};
use reqwest::Method;
use serde_json::json;

use super::lab::Lab;
use super::masks::{Tags, bind_admin, taxonomy_of};
use crate::report::{Probed, Shape, Stop, seen};

/// The seconds before its end at which Landbridge replaces a token (`REFRESH_MARGIN` of the client).
const RESERVE: u64 = 240;

/// The number of the dataset that the role reads beside the taxonomy.
const FEDERATED: usize = 5;

/// A provider of a workload identity pool, and AWS roles that ask it for tokens.
#[derive(Clone, Debug)]
pub struct FederationOptions {
    /// The provider, in the form that the functions get.
    pub account: ExternalAccount,
    /// A session of a role that the condition of the provider names.
    pub admitted: Option<AwsKeys>,
    /// The name of this role.
    pub admitted_role: Option<String>,
    /// A session of a role of the same AWS account that the condition does not name.
    pub other: Option<AwsKeys>,
}

/// Why no token came.
enum Refused {
    /// The token service refused the exchange, by the condition of the provider or for another reason.
    Exchange {
        by_condition: bool,
    },
    Stop(Stop),
}

impl From<Stop> for Refused {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl Refused {
    fn shape(by_condition: bool) -> Shape {
        Shape::of(match by_condition {
            true => "the exchange was refused by the condition",
            false => "the exchange was refused for another reason",
        })
    }

    fn stop(self) -> Stop {
        match self {
            Self::Exchange { by_condition } => Stop::failed(Self::shape(by_condition)),
            Self::Stop(stop) => stop,
        }
    }
}

fn options(lab: &Lab) -> Result<&FederationOptions, Stop> {
    lab.options.federation.as_ref().ok_or_else(|| Stop::skipped("needs --federation"))
}

/// Exchanges a signed request for a token, which is valid for so many seconds.
async fn exchange(lab: &Lab, keys: &AwsKeys) -> Result<(Token, u64), Refused> {
    let account = options(lab)?.account.clone();
    let federation = Federation::new(account, KeySource::Fixed(keys.clone()))
        .map_err(|_| Stop::failed(Shape::of("the client was not built")))?;
    let now = SystemTime::now();
    let token = federation.exchange(now).await.map_err(|error| match error.kind() {
        ErrorKind::Denied | ErrorKind::Rejected => {
            // OAuth's code for a caller whom the provider does not admit; `invalid_grant` is a signature.
            let by_condition = error.to_string().contains("unauthorized_client");
            Refused::Exchange { by_condition }
        }
        _ => Refused::Stop(Stop::failed(Shape::of("the token service did not answer"))),
    })?;
    let seconds = token.expires_at().duration_since(now).map_or(0, |it| it.as_secs());
    Ok((token, seconds))
}

async fn admitted(lab: &Lab) -> Result<(Token, u64), Refused> {
    let keys = options(lab)?.admitted.as_ref();
    exchange(lab, keys.ok_or_else(|| Stop::skipped("needs --admitted"))?).await
}

/// Reads the run's dataset with a token.
async fn read_dataset(lab: &Lab, token: &Token) -> Result<Answer, Stop> {
    read_named(lab, &lab.run.dataset(), token).await
}

/// Reads a dataset of the run with a token.
async fn read_named(lab: &Lab, dataset: &str, token: &Token) -> Result<Answer, Stop> {
    let path = lab.project(&format!("/datasets/{dataset}"));
    let token = Some(token.value());
    let (api, method, body) = (Api::BigQuery, Method::GET, RawBody::None);
    lab.send(&RawCall { api, method, path, body, headers: Vec::new(), token }).await
}

pub(super) async fn aws_request(lab: &Lab) -> Probed {
    let token = match admitted(lab).await {
        Ok((token, _)) => token,
        Err(Refused::Exchange { by_condition }) => {
            return seen(false, Refused::shape(by_condition));
        }
        Err(Refused::Stop(stop)) => return Err(stop),
    };
    // It has no right yet; what counts is that BigQuery knows whom it means.
    let answer = read_dataset(lab, &token).await?;
    let shape = Shape::of("a token was given").and("a call with it").answer(&answer);
    seen(answer.status != 401, shape)
}

pub(super) async fn lifetime(lab: &Lab) -> Probed {
    let (_, seconds) = admitted(lab).await.map_err(Refused::stop)?;
    seen(seconds > RESERVE, Shape::default().number(seconds, "seconds"))
}

/// The principal set of a role, by the attribute that the mapping gives it.
fn principal_set(lab: &Lab, role: &str) -> Result<String, Stop> {
    let audience = options(lab)?.account.audience();
    let pool = audience.trim_start_matches("//iam.googleapis.com/").split("/providers/").next();
    let pool = pool.unwrap_or_default();
    Ok(format!("principalSet://iam.googleapis.com/{pool}/attribute.aws_role/{role}"))
}

/// Makes the role a reader of a dataset of the run.
async fn grant(lab: &Lab, dataset: &str, role: &str) -> Result<(), Stop> {
    let entry = json!({"role": "READER", "iamMember": principal_set(lab, role)?});
    lab.admit(dataset, vec![entry]).await
}

pub(super) async fn role_mapping(lab: &Lab) -> Probed {
    let (token, _) = admitted(lab).await.map_err(Refused::stop)?;
    let role = options(lab)?.admitted_role.as_deref();
    let role = role.ok_or_else(|| Stop::skipped("needs --admitted-role"))?;
    let before = read_dataset(lab, &token).await?;
    if before.is_ok() {
        return Err(Stop::failed(Shape::of("the role reads every dataset of the project")));
    }
    grant(lab, &lab.run.dataset(), role).await?;
    let reads = async || Ok::<bool, Stop>(read_dataset(lab, &token).await?.is_ok());
    let shape = Shape::of("without a right").answer(&before);
    match lab.until(reads).await? {
        Some(seconds) => seen(true, shape.number(seconds, "seconds until the role could read")),
        None => seen(false, shape.and("the role could not read when patience ended")),
    }
}

/// Reads the policy of the run's taxonomy with a token.
async fn read_taxonomy(lab: &Lab, tag: &str, token: &Token) -> Result<Answer, Stop> {
    let call = RawCall {
        api: Api::Catalog,
        method: Method::POST,
        path: format!("{}:getIamPolicy", taxonomy_of(tag)),
        body: RawBody::Json(&json!({})),
        headers: Vec::new(),
        token: Some(token.value()),
    };
    lab.send(&call).await
}

/// Makes the role a member of the access list of a dataset, and of the policy of the taxonomy.
pub(super) async fn principals(lab: &Lab, tags: &Tags) -> Probed {
    let (token, _) = admitted(lab).await.map_err(Refused::stop)?;
    let role = options(lab)?.admitted_role.as_deref();
    let role = role.ok_or_else(|| Stop::skipped("needs --admitted-role"))?;
    let tag = tags.name("ids")?;
    let before = read_taxonomy(lab, tag, &token).await?;
    if before.is_ok() {
        return Err(Stop::failed(Shape::of("the role reads every taxonomy of the project")));
    }
    let dataset = lab.another_dataset(FEDERATED).await?;
    grant(lab, &dataset, role).await?;
    let reads = async || Ok::<bool, Stop>(read_named(lab, &dataset, &token).await?.is_ok());
    if lab.until(reads).await?.is_none() {
        // The claim "sts-role-mapping".
        return Err(Stop::failed(Shape::of("the role could not read a dataset")));
    }
    bind_admin(lab, tag, principal_set(lab, role)?).await?;
    let taxonomy = async || Ok::<bool, Stop>(read_taxonomy(lab, tag, &token).await?.is_ok());
    let taxonomy = lab.until(taxonomy).await?.is_some();
    let shape = Shape::of("without a right").answer(&before).and("with rights it reads a dataset");
    let end = if taxonomy { "and the taxonomy" } else { "and not the taxonomy" };
    seen(taxonomy, shape.and(end))
}

pub(super) async fn condition(lab: &Lab) -> Probed {
    let other = options(lab)?.other.as_ref();
    let other = other.ok_or_else(|| Stop::skipped("needs --other"))?;
    match exchange(lab, other).await {
        Ok(_) => seen(false, Shape::of("the other role got a token")),
        Err(Refused::Exchange { by_condition: true }) => seen(true, Refused::shape(true)),
        Err(refused) => Err(refused.stop()),
    }
}
