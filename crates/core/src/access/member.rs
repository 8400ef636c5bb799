//! Members of IAM policies: which include which, and which are ours.

use crate::config::{Config, FUNCTION_VIEWS, FUNCTION_WORKER};

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

/// Which function of ours a principal is: the principal set of its role in the pool of the source, or
/// `models` for the service account of the models (terraform/modules/gcp, `locals.tf`, `analysts.tf`).
pub fn own_function<'a>(member: &'a str, config: &Config) -> Option<&'a str> {
    let source = &config.source.name;
    if let Some(rest) = member.strip_prefix("principalSet://iam.googleapis.com/projects/") {
        let (number, rest) = rest.split_once('/')?;
        let set = format!(
            "locations/global/workloadIdentityPools/landbridge-{source}/attribute.aws_role/landbridge-{source}-"
        );
        let function = rest.strip_prefix(&set)?;
        let known =
            ["transfer", FUNCTION_WORKER, "load", "protect", FUNCTION_VIEWS].contains(&function);
        return (known && number.chars().all(|it| it.is_ascii_digit())).then_some(function);
    }
    config.warehouse.models.as_ref()?;
    (key(member) == format!("serviceAccount:{}", models_account(config))).then_some("models")
}

/// The address of the service account of the models, as Terraform names it.
fn models_account(config: &Config) -> String {
    let (source, project) = (&config.source.name, &config.warehouse.project);
    let long = format!("landbridge-{source}-models");
    // An account's id has at most 30 characters.
    let id = match long.len() {
        0..=30 => long,
        _ => format!("landbridge-{}-models", &crate::ids::short_hash(source)[..8]),
    };
    format!("{id}@{project}.iam.gserviceaccount.com")
}

/// Whether two resource names `projects/P/…` are one resource. The project is not compared: one name may
/// contain its id and the other its number.
pub fn same_resource(one: &str, other: &str) -> bool {
    let below = |name: &str| name.splitn(3, '/').nth(2).map(str::to_owned);
    one == other || (below(one).is_some() && below(one) == below(other))
}
