//! The principals of the local Google Cloud, and their access to tagged columns.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::config::{CLASS_UNCLASSIFIED, Config};
use landbridge_local_google::{Grants, LocalGoogle, MaskingRule, PolicyTag, Role};

use crate::databases::Deployed;
use crate::error::LocalError;
use crate::roles::{ACCESS_REVIEWER, taxonomy};

/// A principal with a bearer token for the local Google Cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A person with the rights of the functions: owns the tables of the datasets and cannot read
    /// tagged columns, `unclassified` ones included: not a member of `dataset_readers`. The
    /// functions themselves use federation.
    Loader,
    /// Reads masked values of every class.
    Analyst,
    /// Reads plain values of every class except `unclassified`.
    PiiReader,
    /// May query the datasets, and is in no class: reads columns without a policy tag, and NULL in
    /// `unclassified` ones.
    Stranger,
    /// The service account of analysts' models: a masked reader of every class, as an analyst, that
    /// also writes the dataset of the models.
    Models,
    /// Google's account that writes GA4's export.
    Ga4Export,
    /// Has the basic role Viewer on the project and no other right. It cannot query the datasets,
    /// and reads the objects of every bucket that still has Google's default policy.
    ProjectViewer,
    /// Has the custom role `access_reviewer` of `terraform/modules/gcp`: reads policies and the list of
    /// jobs, and no data.
    Reviewer,
}

impl Principal {
    /// All principals.
    pub const ALL: [Self; 8] = [
        Self::Loader,
        Self::Analyst,
        Self::PiiReader,
        Self::Stranger,
        Self::Models,
        Self::Ga4Export,
        Self::ProjectViewer,
        Self::Reviewer,
    ];

    /// The name: `loader`, `analyst`, `pii-reader`, `stranger`, `models`, `ga4-export`,
    /// `project-viewer`, `reviewer`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loader => "loader",
            Self::Analyst => "analyst",
            Self::PiiReader => "pii-reader",
            Self::Stranger => "stranger",
            Self::Models => "models",
            Self::Ga4Export => "ga4-export",
            Self::ProjectViewer => "project-viewer",
            Self::Reviewer => "reviewer",
        }
    }

    /// The principal with a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|principal| principal.name() == name)
    }

    /// The bearer token, which is valid in local clouds only.
    pub fn token(self) -> &'static str {
        match self {
            Self::Loader => "local-loader",
            Self::Analyst => "local-analyst",
            Self::PiiReader => "local-pii-reader",
            Self::Stranger => "local-stranger",
            Self::Models => "local-models",
            Self::Ga4Export => "local-ga4-export",
            Self::ProjectViewer => "local-project-viewer",
            Self::Reviewer => "local-reviewer",
        }
    }

    /// The email address.
    pub fn email(self) -> &'static str {
        match self {
            Self::Loader => "loader@example.com",
            Self::Analyst => "analyst@example.com",
            Self::PiiReader => "pii-reader@example.com",
            Self::Stranger => "stranger@example.com",
            Self::Models => "landbridge-shop-models@shop-analytics.iam.gserviceaccount.com",
            Self::Ga4Export => "ga4-export@example.com",
            Self::ProjectViewer => "project-viewer@example.com",
            Self::Reviewer => "reviewer@example.com",
        }
    }
}

/// The token of the project's administrator. Valid in local clouds only.
pub(crate) const ADMINISTRATOR_TOKEN: &str = "local-administrator";
/// The administrator's address.
const ADMINISTRATOR: &str = "administrator@example.com";

/// Adds the administrator: the roles that docs/deploy.md asks of the person who applies.
fn add_administrator(google: &LocalGoogle) {
    let roles = Grants::none().project_role(Role::Owner).project_role(Role::StorageAdmin);
    google.add_principal(ADMINISTRATOR_TOKEN, ADMINISTRATOR, roles.through_groups());
}

/// Creates the people of a project that begins empty: an administrator with the roles of docs/deploy.md, and the
/// readers, who belong to the groups that the classes name and have no right of their own.
pub(crate) fn create_people(google: &LocalGoogle, config: &Config) {
    add_administrator(google);
    let classes = config.pii.all();
    let named = classes.iter().filter(|(name, _)| *name != CLASS_UNCLASSIFIED);
    let groups = |members: &[String]| -> Vec<String> {
        members.iter().filter_map(|it| it.strip_prefix("group:")).map(str::to_owned).collect()
    };
    let (mut masked, mut plain) = (Vec::new(), Vec::new());
    for (_, class) in named {
        masked.extend(groups(&class.masked_readers));
        plain.extend(groups(&class.readers));
    }
    for principal in Principal::ALL {
        let grants = match principal {
            Principal::ProjectViewer => Grants::none().project_role(Role::Viewer),
            _ => Grants::none(),
        };
        google.add_principal(principal.token(), principal.email(), grants.through_groups());
    }
    google.join_groups(Principal::Analyst.token(), masked);
    google.join_groups(Principal::PiiReader.token(), plain);
}

/// Creates the policy tags with their data policies, and the principals. Returns the resource name
/// of the policy tag of each class.
pub(crate) fn create_principals(
    google: &LocalGoogle,
    deployed: &Deployed,
) -> Result<BTreeMap<String, String>, LocalError> {
    add_administrator(google);
    let config = &deployed.shared;
    let mut tags = BTreeMap::new();
    let taxonomy = taxonomy(config);
    google.set_taxonomy_display_name(&taxonomy, &taxonomy_display_name(config));
    let source = &config.source.name;
    google.describe(
        &taxonomy,
        &format!("Classes of personal data of {source}, from pii.classes of landbridge.yaml"),
    );
    // In the order of the class names, so that the numbers are the same in every run.
    for (number, (name, class)) in (1..).zip(config.pii.all()) {
        let is_made = class.policy_tag.is_none();
        let tag = class.policy_tag.unwrap_or_else(|| format!("{taxonomy}/policyTags/{number}"));
        google.add_policy_tag(PolicyTag {
            name: tag.clone(),
            display_name: name.clone(),
            parent: None,
        });
        let rule = MaskingRule::parse(class.mask.as_str()).ok_or_else(|| LocalError::SetUp {
            cloud: "google",
            message: format!("it has no masking rule {}", class.mask),
        })?;
        let readers: BTreeSet<String> = if name == CLASS_UNCLASSIFIED {
            members(config)
        } else {
            for reader in &class.readers {
                google.bind(&tag, "roles/datacatalog.categoryFineGrainedReader", reader);
            }
            class.masked_readers.iter().cloned().collect()
        };
        if is_made {
            let description = match name.as_str() {
                CLASS_UNCLASSIFIED => {
                    "Columns without a class: NULL for readers of the dataset".to_owned()
                }
                _ => format!("Masked by {}", class.mask),
            };
            google.describe(&tag, &description);
            let slug = source.replace('-', "_");
            google.name_data_policy(&format!("landbridge_{slug}__{name}"), &tag, rule);
        }
        google.set_data_policy(&tag, rule, readers);
        tags.insert(name, tag);
    }
    for config in deployed.configs() {
        bind_datasets(google, config);
    }
    for principal in Principal::ALL {
        let grants = grants(principal, &deployed.configs(), &tags);
        google.add_principal(principal.token(), principal.email(), grants);
    }
    Ok(tags)
}

/// The display name of the taxonomy, as in `terraform/modules/gcp/locals.tf`: unique in an
/// organisation.
fn taxonomy_display_name(config: &Config) -> String {
    let allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    let project = config.warehouse.project.replace(|it| !allowed(it), "_");
    format!("landbridge_{project}_{}", config.source.name)
}

/// The members of all classes: by default the readers of the dataset, for whom `unclassified` columns are
/// NULL, as in `terraform/modules/gcp/locals.tf`. Anyone else is refused.
fn members(config: &Config) -> BTreeSet<String> {
    let classes = config.pii.all();
    classes.values().flat_map(|it| it.readers.iter().chain(&it.masked_readers)).cloned().collect()
}

/// The access lists of the datasets, as in `terraform/modules/gcp`: the owners of the project, the members of all
/// classes, and the readers of models; and the right of all of them to query. `tests/terraform/test_one_truth.py`
/// compares them with what the module grants.
fn bind_datasets(google: &LocalGoogle, config: &Config) {
    let warehouse = &config.warehouse;
    let owners = format!("projectOwner:{}", warehouse.project);
    let views = warehouse.views.as_ref().map(|it| &it.dataset);
    for dataset in [&warehouse.dataset, &warehouse.ops_dataset].into_iter().chain(views) {
        let resource = format!("datasets/{dataset}");
        google.bind(&resource, "roles/bigquery.dataOwner", &owners);
        for member in members(config) {
            google.bind(&resource, "roles/bigquery.dataViewer", &member);
        }
    }
    let mut queriers = members(config);
    if let Some(models) = &warehouse.models {
        let resource = format!("datasets/{}", models.dataset);
        google.bind(&resource, "roles/bigquery.dataOwner", &owners);
        for reader in &models.readers {
            google.bind(&resource, "roles/bigquery.dataViewer", reader);
        }
        queriers.extend(models.readers.iter().cloned());
    }
    let project = format!("projects/{}", warehouse.project);
    for member in queriers {
        google.bind(&project, "roles/bigquery.jobUser", &member);
    }
}

/// The rights of a person on the datasets of all databases.
fn grants(principal: Principal, configs: &[&Config], tags: &BTreeMap<String, String>) -> Grants {
    let on_datasets = |role: Role| {
        configs.iter().fold(Grants::none().project_role(Role::JobUser), |grants, config| {
            let warehouse = &config.warehouse;
            let grants = grants
                .dataset_role(&warehouse.dataset, role)
                .dataset_role(&warehouse.ops_dataset, role);
            match &warehouse.views {
                Some(views) => grants.dataset_role(&views.dataset, role),
                None => grants,
            }
        })
    };
    let with_models = |grants: Grants, role: Role| {
        configs.iter().fold(grants, |grants, config| with_models(grants, config, role))
    };
    let masked = |grants: Grants| tags.values().fold(grants, |it, tag| it.masked_reader(tag));
    // Readers of the dataset whom no class names see NULL in `unclassified` columns.
    let null_reader = |grants: Grants| match tags.get(CLASS_UNCLASSIFIED) {
        Some(tag) => grants.masked_reader(tag),
        None => grants,
    };
    match principal {
        // On the project, because the landing bucket's policy has no members but the functions.
        Principal::Loader => on_datasets(Role::DataOwner).project_role(Role::ObjectAdmin),
        // Each reader of models is a masked reader: `landbridge models check`.
        Principal::Analyst => {
            masked(with_models(on_datasets(Role::DataViewer), Role::DataViewer)).through_groups()
        }
        Principal::PiiReader => tags
            .iter()
            .filter(|(class, _)| *class != CLASS_UNCLASSIFIED)
            .fold(
                null_reader(with_models(on_datasets(Role::DataViewer), Role::DataViewer)),
                |grants, (_, tag)| grants.fine_grained_reader(tag),
            )
            .through_groups(),
        Principal::Stranger => null_reader(on_datasets(Role::DataViewer)),
        Principal::Models => masked(with_models(on_datasets(Role::DataViewer), Role::DataEditor)),
        Principal::Ga4Export => {
            configs.iter().fold(Grants::none().project_role(Role::JobUser), |grants, config| {
                with_ga4(grants, config, Role::DataEditor)
            })
        }
        Principal::ProjectViewer => Grants::none().project_role(Role::Viewer),
        Principal::Reviewer => Grants::none().project_role(Role::Custom(ACCESS_REVIEWER)),
    }
}

/// The same grants with a role on the dataset of models, if there is one, and the right to read what
/// models read: the GA4 export.
fn with_models(grants: Grants, config: &Config, role: Role) -> Grants {
    let grants = with_ga4(grants, config, Role::DataViewer);
    match &config.warehouse.models {
        Some(models) => grants.dataset_role(&models.dataset, role),
        None => grants,
    }
}

/// The same grants with a role on the dataset of the GA4 export, if there is one here.
fn with_ga4(grants: Grants, config: &Config, role: Role) -> Grants {
    match &config.warehouse.ga4 {
        Some(ga4) => grants.dataset_role(ga4.dataset(), role),
        None => grants,
    }
}
