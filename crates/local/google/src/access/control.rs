//! Policies that calls of the control plane set: readers of tags, data policies with ids.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccessControl, taxonomy_of};
use crate::masking::MaskingRule;

/// What such calls have set.
#[derive(Default)]
pub(super) struct Controlled {
    last_id: u64,
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

    /// The display name of a policy tag.
    pub(crate) fn tag_display_name(&self, tag: &str) -> Option<String> {
        self.tags.get(tag).map(|it| it.display_name.clone())
    }

    /// The parent of a policy tag.
    pub(crate) fn parent_of(&self, tag: &str) -> Option<&str> {
        self.tags.get(tag)?.parent.as_deref()
    }

    /// Whether a taxonomy exists: it was given a name, or has tags.
    pub(crate) fn has_taxonomy(&self, name: &str) -> bool {
        self.taxonomies.contains_key(name) || self.tags.keys().any(|tag| taxonomy_of(tag) == name)
    }

    /// Deletes a policy tag, or a taxonomy with all its tags; `false` if there is none.
    pub(crate) fn delete_tags(&mut self, name: &str) -> bool {
        let is_below = |tag: &str| tag == name || taxonomy_of(tag) == name;
        let before = self.tags.len();
        self.tags.retain(|tag, _| !is_below(tag));
        self.data_policies.retain(|tag, _| !is_below(tag));
        self.controlled.policies.retain(|_, (tag, _)| !is_below(tag));
        self.bindings.retain(|resource, _| !is_below(resource));
        self.plane.descriptions.retain(|resource, _| !is_below(resource));
        self.taxonomies.remove(name).is_some() || self.tags.len() < before
    }

    /// Renames a policy tag.
    pub(crate) fn rename_tag(&mut self, name: &str, display_name: &str) {
        if let Some(tag) = self.tags.get_mut(name) {
            display_name.clone_into(&mut tag.display_name);
        }
    }

    /// The tag and the rule of a data policy (`projects/P/locations/L/dataPolicies/ID`). A policy without an id has
    /// the one that the list of policies gives it.
    pub(crate) fn data_policy(&self, name: &str) -> Option<(String, MaskingRule)> {
        let (parent, id) = name.split_once("/dataPolicies/")?;
        if let Some(policy) = self.controlled.policies.get(id) {
            return policy.0.starts_with(&format!("{parent}/")).then(|| policy.clone());
        }
        let number: usize = id.strip_prefix("policy_")?.parse().ok()?;
        let (tag, mask) = self.masks_below(parent).into_iter().nth(number.checked_sub(1)?)?;
        Some((tag, MaskingRule::parse(mask)?))
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

    /// Gives a data policy another rule. Its readers stay.
    pub(crate) fn change_data_policy(&mut self, id: &str, rule: MaskingRule) {
        let Some((tag, old)) = self.controlled.policies.get(id).cloned() else { return };
        let rules = self.data_policies.entry(tag.clone()).or_default();
        let readers = rules.remove(&old).unwrap_or_default();
        rules.insert(rule, readers);
        self.controlled.policies.insert(id.to_owned(), (tag, rule));
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
