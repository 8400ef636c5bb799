//! Roles of Google's IAM, limited to the permissions that the servers check.

/// The permission to read former rows of a table that has or has had row access policies. Of the
/// roles here, only `roles/bigquery.admin` includes it.
pub(crate) const OVERRIDE_TIME_TRAVEL_RESTRICTIONS: &str =
    "bigquery.rowAccessPolicies.overrideTimeTravelRestrictions";

/// The beginnings of the permissions of the control plane that an owner of the project has (IAM's documentation,
/// "Roles and permissions", `roles/owner`; BigQuery's, "Basic roles and permissions": an owner lists and deletes
/// every dataset of the project).
const OWNED: [&str; 12] = [
    "bigquery.connections.",
    "bigquery.dataPolicies.",
    "bigquery.datasets.delete",
    "bigquery.datasets.get",
    "datacatalog.",
    "dataform.",
    "iam.",
    "logging.",
    "monitoring.",
    "orgpolicy.",
    "resourcemanager.projects.",
    "serviceusage.",
];

/// A role of Google's IAM.
///
/// The permissions follow Google's documentation: "BigQuery IAM roles and permissions" and "IAM
/// roles for Cloud Storage". The legacy roles of Cloud Storage can be granted on buckets only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `roles/owner`: the basic role of a project. Beyond [`Editor`](Self::Editor), it may use the control
    /// plane: enable APIs, change policies, roles, pools, accounts, tags and data policies.
    Owner,
    /// `roles/editor`: the basic role of a project. Its own permissions on buckets end at listing,
    /// creating and deleting them. It reads objects as a member of `projectEditor:…`, to whom a new
    /// bucket grants this (see [`Viewer`](Self::Viewer)).
    Editor,
    /// `roles/viewer`: the basic role of a project. It reads objects as a member of
    /// `projectViewer:…`, to whom a new bucket grants this, unless the bucket's policy is replaced
    /// by one without these members. The datasets of these servers grant nothing to the basic
    /// roles, as datasets with a complete access list of their own (Google's default access list
    /// has the special groups `projectReaders`, `projectWriters` and `projectOwners`).
    Viewer,
    /// `roles/bigquery.admin`
    BigQueryAdmin,
    /// `roles/bigquery.dataOwner`: the only data role that may set policy tags.
    DataOwner,
    /// `roles/bigquery.dataEditor`
    DataEditor,
    /// `roles/bigquery.dataViewer`
    DataViewer,
    /// `roles/bigquery.metadataViewer`
    MetadataViewer,
    /// A custom role: exactly these permissions.
    Custom(&'static [&'static str]),
    /// `roles/bigquery.jobUser`
    JobUser,
    /// `roles/datacatalog.categoryAdmin`: everything with taxonomies and policies of tags, and no value.
    CategoryAdmin,
    /// `roles/storage.admin`
    StorageAdmin,
    /// `roles/storage.objectAdmin`
    ObjectAdmin,
    /// `roles/storage.objectUser`: everything with objects except their access control.
    ObjectUser,
    /// `roles/storage.objectCreator`: may create objects, but not replace them.
    ObjectCreator,
    /// `roles/storage.objectViewer`
    ObjectViewer,
    /// `roles/storage.legacyBucketOwner`: may change the bucket's policy, list, create and delete
    /// objects, but not read them.
    LegacyBucketOwner,
    /// `roles/storage.legacyBucketWriter`
    LegacyBucketWriter,
    /// `roles/storage.legacyBucketReader`: may read the bucket's metadata and list its objects,
    /// but not read them.
    LegacyBucketReader,
    /// `roles/storage.legacyObjectOwner`: may read and change objects, but not list them.
    LegacyObjectOwner,
    /// `roles/storage.legacyObjectReader`: may read objects, but not list them.
    LegacyObjectReader,
}

impl Role {
    const ALL: [Self; 20] = [
        Self::Owner,
        Self::Editor,
        Self::Viewer,
        Self::BigQueryAdmin,
        Self::DataOwner,
        Self::DataEditor,
        Self::DataViewer,
        Self::MetadataViewer,
        Self::JobUser,
        Self::CategoryAdmin,
        Self::StorageAdmin,
        Self::ObjectAdmin,
        Self::ObjectUser,
        Self::ObjectCreator,
        Self::ObjectViewer,
        Self::LegacyBucketOwner,
        Self::LegacyBucketWriter,
        Self::LegacyBucketReader,
        Self::LegacyObjectOwner,
        Self::LegacyObjectReader,
    ];

    /// The name in IAM policies, such as `roles/storage.objectViewer`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "roles/owner",
            Self::Editor => "roles/editor",
            Self::Viewer => "roles/viewer",
            Self::BigQueryAdmin => "roles/bigquery.admin",
            Self::DataOwner => "roles/bigquery.dataOwner",
            Self::DataEditor => "roles/bigquery.dataEditor",
            Self::DataViewer => "roles/bigquery.dataViewer",
            Self::MetadataViewer => "roles/bigquery.metadataViewer",
            // A custom role has a name of its own in each project; no bucket policy names one here.
            Self::Custom(_) => "custom role",
            Self::JobUser => "roles/bigquery.jobUser",
            Self::CategoryAdmin => "roles/datacatalog.categoryAdmin",
            Self::StorageAdmin => "roles/storage.admin",
            Self::ObjectAdmin => "roles/storage.objectAdmin",
            Self::ObjectUser => "roles/storage.objectUser",
            Self::ObjectCreator => "roles/storage.objectCreator",
            Self::ObjectViewer => "roles/storage.objectViewer",
            Self::LegacyBucketOwner => "roles/storage.legacyBucketOwner",
            Self::LegacyBucketWriter => "roles/storage.legacyBucketWriter",
            Self::LegacyBucketReader => "roles/storage.legacyBucketReader",
            Self::LegacyObjectOwner => "roles/storage.legacyObjectOwner",
            Self::LegacyObjectReader => "roles/storage.legacyObjectReader",
        }
    }

    /// The role with a name that a bucket's policy may grant.
    pub(super) fn for_bucket(name: &str) -> Option<Self> {
        let role = Self::ALL.into_iter().find(|role| role.name() == name)?;
        name.starts_with("roles/storage.").then_some(role)
    }

    /// Whether a role with a name that policies contain includes a permission. The name of a custom role
    /// says nothing here.
    pub(super) fn named_allows(name: &str, permission: &str) -> bool {
        Self::ALL.into_iter().any(|role| role.name() == name && role.allows(permission))
    }

    /// Whether the role includes a permission such as `bigquery.tables.getData`.
    pub(super) fn allows(self, permission: &str) -> bool {
        let metadata = [
            "bigquery.datasets.get",
            "bigquery.routines.list",
            "bigquery.tables.get",
            "bigquery.tables.list",
        ];
        let edit = [
            "bigquery.datasets.create",
            "bigquery.tables.create",
            "bigquery.tables.update",
            "bigquery.tables.updateData",
            "bigquery.tables.delete",
        ];
        match self {
            Self::Owner | Self::Editor | Self::Viewer => self.basic_role_allows(permission),
            Self::BigQueryAdmin => permission.starts_with("bigquery."),
            // Only administrators have this one of the permissions on row access policies.
            Self::DataOwner if permission == OVERRIDE_TIME_TRAVEL_RESTRICTIONS => false,
            Self::DataOwner => {
                permission.starts_with("bigquery.tables.")
                    || permission.starts_with("bigquery.datasets.")
                    || permission.starts_with("bigquery.routines.")
                    || permission.starts_with("bigquery.rowAccessPolicies.")
            }
            Self::DataEditor => {
                metadata.contains(&permission)
                    || edit.contains(&permission)
                    || permission == "bigquery.tables.getData"
            }
            Self::DataViewer => {
                metadata.contains(&permission) || permission == "bigquery.tables.getData"
            }
            Self::MetadataViewer => metadata.contains(&permission),
            Self::Custom(permissions) => permissions.contains(&permission),
            Self::JobUser => permission == "bigquery.jobs.create",
            Self::CategoryAdmin => {
                permission.starts_with("datacatalog.taxonomies.")
                    || permission.starts_with("datacatalog.categories.")
                        && permission.ends_with("IamPolicy")
            }
            _ => self.storage_role_allows(permission),
        }
    }

    /// "Basic roles and permissions" of BigQuery, and the basic roles in "IAM roles for Cloud
    /// Storage" without what they have through the bindings of a bucket.
    fn basic_role_allows(self, permission: &str) -> bool {
        let view = [
            "bigquery.jobs.create",
            "bigquery.jobs.get",
            "bigquery.jobs.list",
            "storage.buckets.list",
        ];
        let edit = ["bigquery.datasets.create", "storage.buckets.create", "storage.buckets.delete"];
        view.contains(&permission)
            || self != Self::Viewer && edit.contains(&permission)
            || self == Self::Owner && OWNED.iter().any(|it| permission.starts_with(it))
    }

    fn storage_role_allows(self, permission: &str) -> bool {
        let list_objects = "storage.objects.list";
        let write = [list_objects, "storage.objects.create", "storage.objects.delete"];
        let own_bucket = [
            "storage.buckets.update",
            "storage.buckets.getIamPolicy",
            "storage.buckets.setIamPolicy",
        ];
        let is_bucket_get = permission == "storage.buckets.get";
        match self {
            Self::StorageAdmin => permission.starts_with("storage."),
            Self::ObjectAdmin => permission.starts_with("storage.objects."),
            Self::ObjectUser => {
                permission.starts_with("storage.objects.") && !permission.ends_with("IamPolicy")
            }
            Self::ObjectCreator => permission == "storage.objects.create",
            Self::ObjectViewer => permission == "storage.objects.get" || permission == list_objects,
            Self::LegacyBucketOwner => {
                is_bucket_get || write.contains(&permission) || own_bucket.contains(&permission)
            }
            Self::LegacyBucketWriter => is_bucket_get || write.contains(&permission),
            Self::LegacyBucketReader => is_bucket_get || permission == list_objects,
            Self::LegacyObjectOwner => [
                "storage.objects.get",
                "storage.objects.update",
                "storage.objects.getIamPolicy",
                "storage.objects.setIamPolicy",
            ]
            .contains(&permission),
            Self::LegacyObjectReader => permission == "storage.objects.get",
            _ => false,
        }
    }
}
