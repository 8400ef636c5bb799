//! What a role allows, as far as it concerns the tables, their columns and the landing bucket.

use std::collections::BTreeMap;

use serde::Serialize;

/// The roles that are known without asking IAM; see the head of the file.
const ROLES: &str = include_str!("roles.txt");

/// A right that a role gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Reads rows of tables: columns without a policy tag.
    Tables,
    /// Reads columns with a policy tag in plain.
    Plain,
    /// Reads the mask of columns with a policy tag.
    Masked,
    /// Reads files of buckets.
    Objects,
    /// Changes who may read, or removes a policy tag.
    Opens,
}

impl Power {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "tables" => Self::Tables,
            "plain" => Self::Plain,
            "masked" => Self::Masked,
            "objects" => Self::Objects,
            "opens" => Self::Opens,
            _ => return None,
        })
    }

    /// The power that a permission gives. Roles with `bigquery.tables.setCategory` can remove tags. A taxonomy that is
    /// deleted removes its tags from all columns, one that is updated can stop enforcing them, and its policy
    /// holds for every tag below it; a data policy that is updated can get a mask that shows more. (Google's
    /// documentation: "Introduction to data masking", section on roles and permissions, `datacatalog.categoryAdmin`
    /// and `bigquery.dataOwner`; `datacatalog` v1, `taxonomies.delete` and `Taxonomy.activatedPolicyTypes`;
    /// `bigquerydatapolicy` v1, `dataPolicies.patch`.)
    fn of_permission(permission: &str) -> Option<Self> {
        Some(match permission {
            "bigquery.tables.getData" => Self::Tables,
            "datacatalog.categories.fineGrainedGet" | "bigquery.dataPolicies.getRawData" => {
                Self::Plain
            }
            "bigquery.dataPolicies.maskedGet" => Self::Masked,
            "storage.objects.get" => Self::Objects,
            "bigquery.dataPolicies.setIamPolicy"
            | "bigquery.dataPolicies.update"
            | "bigquery.datasets.setIamPolicy"
            | "bigquery.datasets.update"
            | "bigquery.tables.setCategory"
            | "bigquery.tables.setIamPolicy"
            | "datacatalog.categories.setIamPolicy"
            | "datacatalog.taxonomies.delete"
            | "datacatalog.taxonomies.setIamPolicy"
            | "datacatalog.taxonomies.update"
            | "resourcemanager.folders.setIamPolicy"
            | "resourcemanager.organizations.setIamPolicy"
            | "resourcemanager.projects.setIamPolicy"
            | "storage.buckets.setIamPolicy"
            | "storage.managedFolders.setIamPolicy" => Self::Opens,
            _ => return None,
        })
    }
}

/// Whether a role's powers are known without asking IAM.
pub fn is_known_role(role: &str) -> bool {
    known(role).is_some()
}

fn known(role: &str) -> Option<Vec<Power>> {
    ROLES.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(role)).then(|| words.filter_map(Power::parse).collect())
    })
}

/// The powers of a role; `None` if the role is not known. `read` are the permissions of roles that were
/// read from IAM.
pub(super) fn powers(role: &str, read: &BTreeMap<String, Vec<String>>) -> Option<Vec<Power>> {
    if let Some(powers) = known(role) {
        return Some(powers);
    }
    let permissions = read.get(role)?;
    let mut powers: Vec<Power> =
        permissions.iter().filter_map(|it| Power::of_permission(it)).collect();
    powers.sort_unstable();
    powers.dedup();
    Some(powers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_a_role_with_known_powers_in_order() {
        let mut last = "";
        for line in ROLES.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let role = words.next().expect("a role");
            assert!(role.starts_with("roles/") && role > last, "{line}");
            assert!(words.all(|word| Power::parse(word).is_some()), "{line}");
            last = role;
        }
    }

    #[test]
    fn a_custom_role_has_the_powers_of_its_permissions() {
        let read = BTreeMap::from([(
            "projects/p/roles/mine".to_owned(),
            vec!["bigquery.tables.getData".to_owned(), "bigquery.tables.list".to_owned()],
        )]);
        assert_eq!(powers("projects/p/roles/mine", &read), Some(vec![Power::Tables]));
        for permission in [
            "bigquery.dataPolicies.update",
            "datacatalog.taxonomies.delete",
            "datacatalog.taxonomies.setIamPolicy",
            "datacatalog.taxonomies.update",
            "storage.managedFolders.setIamPolicy",
        ] {
            let read = BTreeMap::from([("roles/x".to_owned(), vec![permission.to_owned()])]);
            assert_eq!(powers("roles/x", &read), Some(vec![Power::Opens]), "{permission}");
        }
        assert_eq!(powers("projects/p/roles/other", &read), None);
        assert_eq!(powers("roles/bigquery.jobUser", &read), Some(Vec::new()));
    }
}
