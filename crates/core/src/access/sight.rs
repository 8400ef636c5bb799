//! What one principal sees of one class.

use std::fmt;

use serde::{Serialize, Serializer};

use super::member::{includes, key, same_resource};
use super::roles::powers;
use super::{ClassTag, Condition, Live, Place, Power};

/// What a principal sees of a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// No value: the query is refused.
    Nothing,
    /// What the mask leaves. `ALWAYS_NULL` and `DEFAULT_MASKING_VALUE` leave no value.
    Masked(String),
    /// The values.
    Plain,
}

impl Sight {
    /// Whether no value is seen.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Masked(mask) => is_constant(mask),
            Self::Plain => false,
        }
    }
}

/// Whether a mask shows the same for every value.
fn is_constant(mask: &str) -> bool {
    matches!(mask, "ALWAYS_NULL" | "DEFAULT_MASKING_VALUE")
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Masked(mask) => write!(f, "masked ({mask})"),
            Self::Plain => f.write_str("plain"),
        }
    }
}

impl Serialize for Sight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a principal sees, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// What the policies that were read give.
    pub sees: Sight,
    /// A policy that was not read may give more.
    pub at_least: bool,
}

/// A binding that gives a principal something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Grant {
    /// The role.
    pub role: String,
    /// The resource whose policy contains the binding.
    pub place: Place,
    /// The member of the binding: the principal, or a member that includes it.
    pub member: String,
    /// The condition of the binding, which was not evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

impl Grant {
    /// The command that takes it away.
    pub fn remove_command(&self) -> String {
        self.place.remove_command(&self.role, &self.member, self.condition.as_ref())
    }
}

/// A member's role somewhere, with its powers.
struct Holding {
    grant: Grant,
    powers: Vec<Power>,
}

/// All bindings that concern us.
pub(super) struct Index<'a> {
    live: &'a Live,
    holdings: Vec<Holding>,
}

impl<'a> Index<'a> {
    pub(super) fn new(live: &'a Live) -> Self {
        let mut holdings = Vec::new();
        for (place, bindings) in &live.policies {
            for binding in bindings {
                let all = powers(&binding.role, &live.roles).unwrap_or_default();
                let powers: Vec<Power> = all.into_iter().filter(|it| place.gives(*it)).collect();
                // A deleted principal has no rights: `deleted:user:…?uid=…`.
                let members = binding.members.iter().filter(|it| !it.starts_with("deleted:"));
                holdings.extend(members.map(|member| Holding {
                    grant: Grant {
                        role: binding.role.clone(),
                        place: place.clone(),
                        member: member.clone(),
                        condition: binding.condition.clone(),
                    },
                    powers: powers.clone(),
                }));
            }
        }
        Self { live, holdings }
    }

    /// The principals that a binding with a power names. Basic roles of the project are replaced by
    /// the members who have them, if the project's policy was read.
    pub(super) fn principals(&self) -> Vec<String> {
        let project_is_known = self.is_known(&Place::Project(self.live.project.clone()));
        let mut all: Vec<String> = (self.holdings.iter())
            .filter(|it| !it.powers.is_empty())
            .map(|it| key(&it.grant.member))
            .filter(|it| !(project_is_known && basic_role(it).is_some()))
            .collect();
        // Members of basic roles have rights through the groups of the project, for example in a bucket.
        let through = |member: &str| {
            basic_role(member).is_some()
                && self.holdings.iter().any(|it| it.grant.member == member && !it.powers.is_empty())
        };
        let project = &self.live.project;
        for group in ["projectOwner", "projectEditor", "projectViewer"] {
            let member = format!("{group}:{project}");
            if through(&member) {
                all.extend(self.members_of_basic(&member));
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    fn members_of_basic(&self, member: &str) -> Vec<String> {
        let role = basic_role(member);
        let has = |it: &&Holding| is_above(&it.grant.place) && Some(it.grant.role.as_str()) == role;
        self.holdings.iter().filter(has).map(|it| key(&it.grant.member)).collect()
    }

    /// Whether a member of a binding includes a principal.
    fn applies(&self, member: &str, principal: &str) -> bool {
        includes(member, principal)
            || (basic_role(member).is_some()
                && member.ends_with(&format!(":{}", self.live.project))
                && self.members_of_basic(member).iter().any(|it| includes(it, principal)))
    }

    /// The bindings that give a principal a power at places that `at` accepts.
    pub(super) fn grants(
        &self,
        principal: &str,
        power: Power,
        at: impl Fn(&Place) -> bool,
    ) -> Vec<Grant> {
        let found = self.holdings.iter().filter(|it| {
            it.powers.contains(&power)
                && at(&it.grant.place)
                && self.applies(&it.grant.member, principal)
        });
        found.map(|it| it.grant.clone()).collect()
    }

    /// The bindings with which a principal reads rows of the tables.
    pub(super) fn data(&self, principal: &str) -> Vec<Grant> {
        self.grants(principal, Power::Tables, |_| true)
    }

    fn is_known(&self, place: &Place) -> bool {
        !self.live.not_known.iter().any(|it| it.place.as_ref() == Some(place))
    }

    /// Whether a policy that was not read may give a power at a place that `at` accepts.
    pub(super) fn may_hide(&self, power: Power, at: impl Fn(&Place) -> bool) -> bool {
        self.live.not_known.iter().any(|it| match &it.place {
            Some(place) => place.gives(power) && at(place),
            // A role whose permissions are not known.
            None => true,
        })
    }

    /// What a principal sees of a class, if it may query the tables, and the bindings that give it. The
    /// level of the tag tree that is nearest to the column decides; at one level, plain wins.
    pub(super) fn of_tag(&self, principal: &str, tag: &ClassTag) -> (Sight, Vec<Grant>) {
        if tag.enforced == Some(false) {
            return (Sight::Plain, Vec::new());
        }
        for level in &tag.path {
            let plain = self.grants(principal, Power::Plain, |place| self.is_of(place, level, tag));
            if !plain.is_empty() {
                return (Sight::Plain, plain);
            }
            let masks: Vec<_> =
                self.live.masks.iter().filter(|it| same_resource(&it.tag, level)).collect();
            let of_mask = |name: &str| {
                self.grants(principal, Power::Masked, |place| match place {
                    Place::DataPolicy(policy) => policy == name,
                    place => is_above(place),
                })
            };
            let mut found: Vec<(usize, String, Vec<Grant>)> = masks
                .into_iter()
                .map(|it| (priority(&it.mask), it.mask.clone(), of_mask(&it.name)))
                .filter(|(_, _, grants)| !grants.is_empty())
                .collect();
            found.sort();
            if let Some((_, mask, grants)) = found.into_iter().next() {
                return (Sight::Masked(mask), grants);
            }
        }
        (Sight::Nothing, Vec::new())
    }

    /// Whether a group, or everyone of a domain, reads plain values of a class.
    pub(super) fn a_group_reads(&self, tag: &ClassTag) -> bool {
        tag.path.iter().any(|level| {
            self.holdings.iter().any(|it| {
                it.powers.contains(&Power::Plain)
                    && it.grant.member.starts_with("group:")
                    && self.is_of(&it.grant.place, level, tag)
            })
        })
    }

    /// Whether a right at `place` applies to a level of the tag tree: IAM inherits from the taxonomy and
    /// everything above it.
    fn is_of(&self, place: &Place, level: &str, tag: &ClassTag) -> bool {
        match place {
            Place::Tag(name) => same_resource(name, level),
            Place::Taxonomy(name) => same_resource(name, &tag.taxonomy),
            Place::DataPolicy(name) => {
                let of_level = |it: &&super::MaskPolicy| same_resource(&it.tag, level);
                self.live.masks.iter().filter(of_level).any(|it| it.name == *name)
            }
            place => is_above(place),
        }
    }

    /// Whether a policy that was not read may let a principal see more of a class.
    pub(super) fn tag_may_hide(&self, tag: &ClassTag) -> bool {
        let of_any = |place: &Place| tag.path.iter().any(|level| self.is_of(place, level, tag));
        tag.enforced.is_none()
            || tag.path.is_empty()
            || self.may_hide(Power::Plain, of_any)
            || self.may_hide(Power::Masked, |place| match place {
                Place::DataPolicy(_) => of_any(place),
                place => is_above(place),
            })
    }
}

/// Whether a place is the project or above it.
pub(super) fn is_above(place: &Place) -> bool {
    matches!(place, Place::Project(_) | Place::Above(_))
}

/// The basic role that a group of a project stands for.
pub(super) fn basic_role(member: &str) -> Option<&'static str> {
    match member.split_once(':')?.0 {
        "projectOwner" => Some("roles/owner"),
        "projectEditor" => Some("roles/editor"),
        "projectViewer" => Some("roles/viewer"),
        _ => None,
    }
}

/// The order in which BigQuery applies masks if several apply (Google's documentation, "Introduction to
/// data masking", section "Data masking rule priority"). A routine comes first.
fn priority(mask: &str) -> usize {
    const ORDER: [&str; 8] = [
        "RANDOM_HASH",
        "SHA256",
        "EMAIL_MASK",
        "LAST_FOUR_CHARACTERS",
        "FIRST_FOUR_CHARACTERS",
        "DATE_YEAR_MASK",
        "DEFAULT_MASKING_VALUE",
        "ALWAYS_NULL",
    ];
    ORDER.iter().position(|it| *it == mask).map_or(0, |at| at + 1)
}
