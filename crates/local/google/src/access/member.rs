//! Members of IAM policies: which callers a member stands for.

use super::{ALL_AUTHENTICATED_USERS, Principal, Role};

/// Whether a member such as `group:analysts@example.com` includes a caller. A group includes its
/// members, and the principal with its address. `project` is the project whose basic
/// roles `projectViewer:…` and its like name.
pub(super) fn includes(member: &str, caller: &Principal, project: &str) -> bool {
    let has_basic_role = |role: Role| caller.grants.project.contains(&role);
    match member.split_once(':') {
        None => ["allUsers", ALL_AUTHENTICATED_USERS].contains(&member),
        Some(("principalSet", _)) => caller.sets.contains(member),
        Some(("principal", _)) => caller.email == member,
        Some(("domain", domain)) => {
            caller.email.rsplit_once('@').is_some_and(|(_, it)| it == domain)
        }
        Some(("projectOwner", it)) => it == project && has_basic_role(Role::Owner),
        Some(("projectEditor", it)) => it == project && has_basic_role(Role::Editor),
        Some(("projectViewer", it)) => it == project && has_basic_role(Role::Viewer),
        Some(("group", email)) => caller.email == email || caller.groups.contains(email),
        Some(("user" | "serviceAccount", email)) => caller.email == email,
        Some(_) => false,
    }
}
