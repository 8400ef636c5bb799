//! Direct access for tests and set-up to the IAM policies of resources.

use std::sync::PoisonError;

use crate::access::AccessControl;
use crate::servers::LocalGoogle;

impl LocalGoogle {
    fn change_access(&self, change: impl FnOnce(&mut AccessControl)) {
        let mut access = self.bigquery.access.write().unwrap_or_else(PoisonError::into_inner);
        access.count_change();
        change(&mut access);
    }

    /// Adds a binding to the policy of a resource: `projects/P`, `folders/N`, `organizations/N`,
    /// `datasets/D`, `datasets/D/tables/T`, or the resource name of a taxonomy or a policy tag. Roles of
    /// [`Role`](crate::Role), Fine-Grained Reader and Masked Reader have an effect.
    pub fn bind(&self, resource: &str, role: &str, member: &str) {
        self.change_access(|access| access.bind(resource, role, member));
    }

    /// Adds a custom role (`projects/P/roles/R`), or replaces its permissions.
    pub fn add_role(&self, name: &str, permissions: &[&str]) {
        let role = serde_json::json!({"name": name, "includedPermissions": permissions});
        self.change_access(|access| {
            access.plane.resources.insert(name.to_owned(), role);
        });
    }

    /// Sets the folders and the organisation above the project (`folders/1`, `organizations/2`), the
    /// nearest first.
    pub fn set_ancestors(&self, ancestors: &[&str]) {
        let ancestors = ancestors.iter().map(|it| (*it).to_owned()).collect();
        self.change_access(|access| access.set_ancestors(ancestors));
    }

    /// Adds an entry to the project's log (Logging API, `LogEntry`).
    pub fn add_log_entry(&self, entry: serde_json::Value) {
        self.bigquery.project_settings().log_entries.push(entry);
    }

    /// Refuses everyone the policy of a resource, or allows it again.
    pub fn set_policy_denied(&self, resource: &str, denied: bool) {
        self.change_access(|access| access.set_policy_denied(resource, denied));
    }
}
