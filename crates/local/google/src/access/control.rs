//! Policies that calls of the control plane set: readers of tags, data policies with ids.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccessControl, Principal, member, taxonomy_of};
use crate::masking::MaskingRule;

/// What such calls have set.
#[derive(Default)]
pub(super) struct Controlled {
    last_id: u64,
    /// Tag → members with the Fine-Grained Reader role.
    tag_readers: BTreeMap<String, BTreeSet<String>>,
    /// Id of a data policy → its tag and rule.
    policies: BTreeMap<String, (String, MaskingRule)>,
}

impl AccessControl {
    /// A number for a new resource.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.controlled.last_id += 1;
        // Above the ids that a configuration uses.
        7_000_000 + self.controlled.last_id
    }

    /// The taxonomies of a collection (`projects/P/locations/L/taxonomies`): names and display names.
    pub(crate) fn taxonomies_below(&self, parent: &str) -> Vec<(String, String)> {
        let below = format!("{parent}/");
        let all = self.taxonomies.iter().filter(|(name, _)| name.starts_with(&below));
        all.map(|(name, shown)| (name.clone(), shown.clone())).collect()
    }

    /// The policy tags of a collection (`…/taxonomies/T/policyTags`): names and display names.
    pub(crate) fn tags_below(&self, parent: &str) -> Vec<(String, String)> {
        let below = format!("{parent}/");
        let all = self.tags.values().filter(|tag| tag.name.starts_with(&below));
        all.map(|tag| (tag.name.clone(), tag.display_name.clone())).collect()
    }

    /// Deletes a policy tag, or a taxonomy with all its tags; `false` if there is none.
    pub(crate) fn delete_tags(&mut self, name: &str) -> bool {
        let is_below = |tag: &str| tag == name || taxonomy_of(tag) == name;
        let before = self.tags.len();
        self.tags.retain(|tag, _| !is_below(tag));
        self.data_policies.retain(|tag, _| !is_below(tag));
        self.controlled.policies.retain(|_, (tag, _)| !is_below(tag));
        self.controlled.tag_readers.retain(|tag, _| !is_below(tag));
        self.taxonomies.remove(name).is_some() || self.tags.len() < before
    }

    /// The members that `setIamPolicy` gave the Fine-Grained Reader role on a tag.
    pub(crate) fn tag_readers(&self, tag: &str) -> BTreeSet<String> {
        self.controlled.tag_readers.get(tag).cloned().unwrap_or_default()
    }

    pub(crate) fn set_tag_readers(&mut self, tag: &str, members: BTreeSet<String>) {
        self.controlled.tag_readers.insert(tag.to_owned(), members);
    }

    /// Whether `caller` is one of them.
    pub(super) fn is_tag_reader(&self, caller: &Principal, tag: &str) -> bool {
        let members = self.controlled.tag_readers.get(tag).into_iter().flatten();
        members.into_iter().any(|it| member::includes(it, caller, ""))
    }

    /// Adds a data policy without readers; `false` if one has the id.
    pub(crate) fn name_data_policy(&mut self, id: &str, tag: &str, rule: MaskingRule) -> bool {
        if self.controlled.policies.contains_key(id) {
            return false;
        }
        self.controlled.policies.insert(id.to_owned(), (tag.to_owned(), rule));
        self.set_data_policy(tag, rule, BTreeSet::new());
        true
    }

    pub(crate) fn set_masked_readers(&mut self, id: &str, emails: BTreeSet<String>) -> bool {
        let Some((tag, rule)) = self.controlled.policies.get(id).cloned() else { return false };
        self.set_data_policy(&tag, rule, emails);
        true
    }

    pub(crate) fn delete_data_policy(&mut self, id: &str) -> bool {
        let Some((tag, rule)) = self.controlled.policies.remove(id) else { return false };
        if let Some(rules) = self.data_policies.get_mut(&tag) {
            rules.remove(&rule);
            if rules.is_empty() {
                self.data_policies.remove(&tag);
            }
        }
        true
    }

    /// The ids of data policies that have names, with tag and rule.
    pub(crate) fn named_data_policies(&self) -> Vec<(String, String, &'static str)> {
        let all = self.controlled.policies.iter();
        all.map(|(id, (tag, rule))| (id.clone(), tag.clone(), rule.name())).collect()
    }

    /// A bearer token of the principal with this address.
    pub(crate) fn token_of(&self, email: &str) -> Option<String> {
        self.principals.iter().find(|(_, it)| it.email == email).map(|(token, _)| token.clone())
    }
}
