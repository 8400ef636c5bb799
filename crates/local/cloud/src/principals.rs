//! Who there is in the local Google Cloud, and what each may see.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::config::{CLASS_UNCLASSIFIED, Config};
use landbridge_local_google::{
    ALL_AUTHENTICATED_USERS, Grants, LocalGoogle, MaskingRule, PolicyTag, Role,
};

use crate::error::LocalError;

/// Somebody who can call the local Google Cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A person with the rights of the functions: owner of the datasets' tables, reader of no
    /// tagged column. The functions themselves come by federation.
    Loader,
    /// Sees every class masked.
    Analyst,
    /// Sees every class plain, except what is `unclassified`.
    PiiReader,
    /// May read the datasets, but no tagged column in any form.
    Stranger,
}

impl Principal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Loader, Self::Analyst, Self::PiiReader, Self::Stranger];

    /// Its name: `loader`, `analyst`, `pii-reader`, `stranger`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loader => "loader",
            Self::Analyst => "analyst",
            Self::PiiReader => "pii-reader",
            Self::Stranger => "stranger",
        }
    }

    /// The one with that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|principal| principal.name() == name)
    }

    /// The bearer token it calls with. Good for nothing beyond a local cloud.
    pub fn token(self) -> &'static str {
        match self {
            Self::Loader => "local-loader",
            Self::Analyst => "local-analyst",
            Self::PiiReader => "local-pii-reader",
            Self::Stranger => "local-stranger",
        }
    }

    /// Its e-mail address.
    pub fn email(self) -> &'static str {
        match self {
            Self::Loader => "loader@example.com",
            Self::Analyst => "analyst@example.com",
            Self::PiiReader => "pii-reader@example.com",
            Self::Stranger => "stranger@example.com",
        }
    }
}

/// Makes the policy tags, their data policies and the principals. Returns the
/// resource name of each class's tag.
pub(crate) fn set_up(
    google: &LocalGoogle,
    config: &Config,
) -> Result<BTreeMap<String, String>, LocalError> {
    let mut tags = BTreeMap::new();
    let warehouse = &config.warehouse;
    let taxonomy =
        format!("projects/{}/locations/{}/taxonomies/1", warehouse.project, warehouse.location);
    google.set_taxonomy_display_name(&taxonomy, &format!("landbridge_{}", config.source.name));
    // Class by class in order of name, so that the numbers are the same in every run.
    for (number, (name, class)) in (1..).zip(config.pii.all()) {
        let tag = class.policy_tag.unwrap_or_else(|| format!("{taxonomy}/policyTags/{number}"));
        google.add_policy_tag(PolicyTag {
            name: tag.clone(),
            display_name: name.clone(),
            parent: None,
        });
        let rule = MaskingRule::parse(class.mask.as_str()).ok_or_else(|| LocalError::SetUp {
            cloud: "google",
            message: format!("it knows no masking rule {}", class.mask),
        })?;
        let readers: BTreeSet<String> = if name == CLASS_UNCLASSIFIED {
            BTreeSet::from([ALL_AUTHENTICATED_USERS.to_owned()])
        } else {
            class.masked_readers.iter().map(|member| address(member)).collect()
        };
        google.set_data_policy(&tag, rule, readers);
        tags.insert(name, tag);
    }
    for principal in Principal::ALL {
        let grants = grants(principal, config, &tags);
        google.add_principal(principal.token(), principal.email(), grants);
    }
    Ok(tags)
}

/// `analysts@example.com` of `group:analysts@example.com`.
fn address(member: &str) -> String {
    member.split_once(':').map_or(member, |(_, address)| address).to_owned()
}

fn grants(principal: Principal, config: &Config, tags: &BTreeMap<String, String>) -> Grants {
    let warehouse = &config.warehouse;
    let on_data = |role| {
        Grants::none()
            .project_role(Role::JobUser)
            .dataset_role(&warehouse.dataset, role)
            .dataset_role(&warehouse.ops_dataset, role)
    };
    match principal {
        Principal::Loader => {
            on_data(Role::DataOwner).bucket_role(&config.transfer.bucket, Role::ObjectAdmin)
        }
        Principal::Analyst => {
            tags.values().fold(on_data(Role::DataViewer), |grants, tag| grants.masked_reader(tag))
        }
        Principal::PiiReader => tags
            .iter()
            .filter(|(class, _)| *class != CLASS_UNCLASSIFIED)
            .fold(on_data(Role::DataViewer), |grants, (_, tag)| grants.fine_grained_reader(tag)),
        Principal::Stranger => on_data(Role::DataViewer),
    }
}
