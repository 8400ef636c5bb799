//! Members of IAM policies: which include which, and which are ours.

use crate::config::{Config, Databases, FUNCTION_VIEWS, FUNCTION_WORKER};

/// A member in the form in which members are compared: addresses ignore case.
pub fn key(member: &str) -> String {
    match member.split_once(':') {
        Some((kind @ ("user" | "group" | "serviceAccount" | "domain"), address)) => {
            format!("{kind}:{}", address.to_lowercase())
        }
        _ => member.to_owned(),
    }
}

/// Whether a member includes a principal by its name alone. Who is in a group is not known, and basic
/// roles (`projectViewer:…`) are resolved by [`super::sight::Index`].
pub(super) fn includes(member: &str, principal: &str) -> bool {
    let (member, principal) = (key(member), key(principal));
    if member == principal {
        return true;
    }
    match member.as_str() {
        "allUsers" => return true,
        "allAuthenticatedUsers" => return principal != "allUsers",
        _ => {}
    }
    if let Some(domain) = member.strip_prefix("domain:") {
        let address = ["user:", "group:"].iter().find_map(|it| principal.strip_prefix(it));
        return address.and_then(|it| it.rsplit_once('@')).is_some_and(|(_, of)| of == domain);
    }
    // All identities of a pool.
    match member.strip_suffix("/*") {
        Some(pool) if member.starts_with("principalSet://") => {
            let pool = pool.trim_start_matches("principalSet://");
            let of =
                principal.trim_start_matches("principalSet://").trim_start_matches("principal://");
            of.len() > pool.len() && of.starts_with(pool) && of[pool.len()..].starts_with('/')
        }
        _ => false,
    }
}

/// The names from which Terraform makes the identities of a deployment (terraform/modules/gcp,
/// `locals.tf`, `federation.tf`, `analysts.tf`): the pool and the account of the models have the name that
/// all databases of the file share, the roles have the names of their databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    shared_name: String,
    sources: Vec<String>,
    /// The member of the account of the models, if there is one.
    models: Option<String>,
}

impl Deployment {
    /// The deployment of all databases of a file.
    pub fn of(databases: &Databases) -> Self {
        let configs = || databases.all().iter().map(|it| &it.config);
        let with_models = configs().find(|it| it.warehouse.models.is_some());
        let shared_name = databases.shared_name().to_owned();
        Self {
            models: with_models.map(|it| models_member(&shared_name, &it.warehouse.project)),
            sources: configs().map(|it| it.source.name.clone()).collect(),
            shared_name,
        }
    }

    /// The deployment of a file with one database.
    pub fn of_one(config: &Config) -> Self {
        let source = config.source.name.clone();
        let models = config.warehouse.models.as_ref();
        Self {
            models: models.map(|_| models_member(&source, &config.warehouse.project)),
            sources: vec![source.clone()],
            shared_name: source,
        }
    }

    /// `source.name` at the top of the file, after which Terraform names what all databases share.
    pub fn shared_name(&self) -> &str {
        &self.shared_name
    }
}

/// Which function of ours a principal is: the principal set of a role in the pool of the deployment, of any of
/// its databases, or `models` for the service account of the models.
pub fn own_function<'a>(member: &'a str, deployment: &Deployment) -> Option<&'a str> {
    own(member, deployment).map(|(_, function)| function)
}

/// The same with the database, if the deployment has several: `billing/load`, as Terraform's keys.
pub(super) fn shown_function(member: &str, deployment: &Deployment) -> Option<String> {
    own(member, deployment).map(|(source, function)| match source {
        Some(source) if deployment.sources.len() > 1 => format!("{source}/{function}"),
        _ => function.to_owned(),
    })
}

/// The source, unless all databases share it, and the function.
fn own<'a, 'd>(member: &'a str, deployment: &'d Deployment) -> Option<(Option<&'d str>, &'a str)> {
    if let Some(rest) = member.strip_prefix("principalSet://iam.googleapis.com/projects/") {
        let (number, rest) = rest.split_once('/')?;
        let pool = format!(
            "locations/global/workloadIdentityPools/landbridge-{}/attribute.aws_role/landbridge-",
            deployment.shared_name
        );
        let role = rest.strip_prefix(&pool)?;
        let functions = ["transfer", FUNCTION_WORKER, "load", "protect", FUNCTION_VIEWS];
        let of_source = |source: &'d String| {
            let function = role.strip_prefix(source.as_str())?.strip_prefix('-')?;
            functions.contains(&function).then_some((Some(source.as_str()), function))
        };
        let found = deployment.sources.iter().find_map(of_source)?;
        return number.chars().all(|it| it.is_ascii_digit()).then_some(found);
    }
    let models = deployment.models.as_ref()?;
    (key(member) == *models).then_some((None, "models"))
}

/// The service account of the models as a member, as Terraform names it.
fn models_member(source: &str, project: &str) -> String {
    let long = format!("landbridge-{source}-models");
    // An account's id has at most 30 characters.
    let id = match long.len() {
        0..=30 => long,
        _ => format!("landbridge-{}-models", &crate::ids::short_hash(source)[..8]),
    };
    format!("serviceAccount:{id}@{project}.iam.gserviceaccount.com")
}

/// Whether two resource names `projects/P/…` are one resource. The project is not compared: one name may
/// contain its id and the other its number.
pub fn same_resource(one: &str, other: &str) -> bool {
    let below = |name: &str| name.splitn(3, '/').nth(2).map(str::to_owned);
    one == other || (below(one).is_some() && below(one) == below(other))
}
