//! Plans the swap of two names: the restored database gets the source's name and therefore its
//! endpoint. The members of clusters follow their clusters.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{Error, ErrorKind, Result};

/// The suffix of the original database while the restored one has its name.
const REPLACED_SUFFIX: &str = "-replaced";
/// The maximum length of a database id (AWS API reference, CreateDBInstance).
pub(super) const MAX_ID_LENGTH: usize = 63;

/// What a swap needs to know of an existing database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapCandidate {
    /// The value of its tag `landbridge:restored-as`; `None` if Landbridge did not restore it.
    pub restored_as: Option<String>,
    /// Whether a drill created it, and will delete it.
    pub drill: bool,
}

/// One rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RenameStep {
    /// The current name.
    pub from: String,
    /// The new name.
    pub to: String,
}

/// The direction of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapDirection {
    /// The restored database gets the source's name; the original gets [`replaced_name`].
    Swap,
    /// Both databases get their earlier names back.
    Undo,
}

/// The name of the original database while the restored one has its name.
pub fn replaced_name(source: &str) -> String {
    let end = MAX_ID_LENGTH - REPLACED_SUFFIX.len();
    format!("{}{REPLACED_SUFFIX}", source[..source.len().min(end)].trim_end_matches('-'))
}

/// Returns the renames that are left, in order; none if the swap is complete. They follow from the
/// names and tags of the existing databases alone, so an interrupted swap can be continued or
/// undone. `lookup` finds an existing database by name.
///
/// # Errors
/// [`ErrorKind::Conflict`] if a name belongs to another database, or the databases are in no
/// state of a swap; [`ErrorKind::NotFound`] if the restored database does not exist. In both cases
/// nothing may be renamed.
pub fn plan_swap(
    direction: SwapDirection,
    source: &str,
    restored: &str,
    lookup: impl Fn(&str) -> Option<SwapCandidate>,
) -> Result<Vec<RenameStep>> {
    let replaced = replaced_name(source);
    let is_restored = |database: &SwapCandidate| database.restored_as.as_deref() == Some(restored);
    let step = |from: &str, to: &str| RenameStep { from: from.to_owned(), to: to.to_owned() };
    let (at_source, at_restored, at_replaced) =
        (lookup(source), lookup(restored), lookup(&replaced));
    if let Some(database) = &at_restored
        && !is_restored(database)
    {
        return Err(Error::new(
            ErrorKind::Conflict,
            "the database was not restored by Landbridge, so it is not renamed",
            restored,
        ));
    }
    if at_restored.as_ref().is_some_and(|database| database.drill) {
        return Err(Error::new(
            ErrorKind::Conflict,
            "the database belongs to a drill, which deletes it, so it is not renamed",
            restored,
        ));
    }
    match (direction, at_source, at_restored, at_replaced) {
        (SwapDirection::Swap, Some(_), Some(_), None) => {
            Ok(vec![step(source, &replaced), step(restored, source)])
        }
        // The first step is done, or the original does not exist any more.
        (SwapDirection::Swap, None, Some(_), _) => Ok(vec![step(restored, source)]),
        (SwapDirection::Undo, Some(database), None, Some(_)) if is_restored(&database) => {
            Ok(vec![step(source, restored), step(&replaced, source)])
        }
        (SwapDirection::Undo, None, Some(_), Some(_)) => Ok(vec![step(&replaced, source)]),
        // Complete.
        (SwapDirection::Swap, Some(database), None, Some(_)) if is_restored(&database) => {
            Ok(Vec::new())
        }
        (SwapDirection::Undo, Some(database), Some(_), None) if !is_restored(&database) => {
            Ok(Vec::new())
        }
        (SwapDirection::Swap, Some(_), Some(_), Some(_)) => Err(Error::new(
            ErrorKind::Conflict,
            "the original database of an earlier swap still exists; delete or rename it first",
            replaced,
        )),
        (SwapDirection::Swap, _, None, _) => {
            Err(Error::new(ErrorKind::NotFound, "no restored database has this name", restored))
        }
        _ => Err(Error::new(
            ErrorKind::Conflict,
            "the databases with these names are in no state of a swap, so none is renamed",
            format!("{source}, {restored}, {replaced}"),
        )),
    }
}

/// A cluster of a swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapCluster {
    /// Its name when the clusters of the swap have been renamed.
    pub name: String,
    /// The ids of its members now.
    pub members: Vec<String>,
}

/// Returns the renames of members that are left, in order: each new name is free when its turn comes.
/// A member that is named after one of the `names` of the swap gets the name of its cluster in place of
/// it; other members keep their names. They follow from the current ids alone, so an interrupted swap can
/// be continued.
///
/// # Errors
/// [`ErrorKind::Config`] if a new id would be longer than RDS allows, [`ErrorKind::Conflict`] if it is
/// taken by another member. In both cases no member may be renamed.
pub fn plan_member_swap(names: &[&str], clusters: &[SwapCluster]) -> Result<Vec<RenameStep>> {
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut pending = Vec::new();
    for cluster in clusters {
        for member in &cluster.members {
            taken.insert(member);
            let Some((owner, suffix)) = named_after(member, names) else { continue };
            if owner != cluster.name {
                pending.push((member.as_str(), format!("{}-{suffix}", cluster.name)));
            }
        }
    }
    if let Some((from, to)) = pending.iter().find(|(_, to)| to.len() > MAX_ID_LENGTH) {
        return Err(Error::new(
            ErrorKind::Config,
            "the new id of a member would be longer than 63 characters: give the member a shorter id first",
            format!("{from} to {to}"),
        ));
    }
    let mut steps = Vec::new();
    while !pending.is_empty() {
        let Some(next) = pending.iter().position(|(_, to)| !taken.contains(to.as_str())) else {
            let what = "the new id of a member is taken by another member";
            let (from, to) = &pending[0];
            return Err(Error::new(ErrorKind::Conflict, what, format!("{from} to {to}")));
        };
        let (from, to) = pending.remove(next);
        taken.remove(from);
        steps.push(RenameStep { from: from.to_owned(), to });
    }
    Ok(steps)
}

/// The longest of `names` that a member is named after, and the rest of its id: `shop-replaced-1` also
/// begins with `shop-`.
fn named_after<'a>(member: &'a str, names: &[&'a str]) -> Option<(&'a str, &'a str)> {
    let parts = names.iter().filter_map(|name| {
        let suffix = member.strip_prefix(*name)?.strip_prefix('-')?;
        (!suffix.is_empty()).then_some((*name, suffix))
    });
    parts.max_by_key(|(name, _)| name.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SOURCE: &str = "shop-prod";
    const RESTORED: &str = "shop-restored";
    const REPLACED: &str = "shop-prod-replaced";

    /// The existing databases by name: `o` is the original, `r` the restored one, `d` that of a drill.
    type Databases = BTreeMap<String, char>;

    fn databases(list: &[(&str, char)]) -> Databases {
        list.iter().map(|(name, database)| ((*name).to_owned(), *database)).collect()
    }

    fn steps(direction: SwapDirection, databases: &Databases) -> Result<Vec<RenameStep>> {
        plan_swap(direction, SOURCE, RESTORED, |name| {
            let database = databases.get(name)?;
            Some(SwapCandidate {
                restored_as: "rd".contains(*database).then(|| RESTORED.to_owned()),
                drill: *database == 'd',
            })
        })
    }

    /// The databases after these steps.
    fn after(mut databases: Databases, steps: &[RenameStep]) -> Databases {
        for step in steps {
            let database = databases.remove(&step.from).expect("the renamed database exists");
            let previous = databases.insert(step.to.clone(), database);
            assert!(previous.is_none(), "{} is taken", step.to);
        }
        databases
    }

    #[test]
    fn an_interrupted_swap_or_undo_can_be_continued_after_each_step() {
        let before = databases(&[(SOURCE, 'o'), (RESTORED, 'r')]);
        let swapped = databases(&[(SOURCE, 'r'), (REPLACED, 'o')]);
        for (direction, from, to) in
            [(SwapDirection::Swap, &before, &swapped), (SwapDirection::Undo, &swapped, &before)]
        {
            let all = steps(direction, from).unwrap();
            assert_eq!(all.len(), 2);
            for done in 0..=2 {
                let half = after(from.clone(), &all[..done]);
                let rest = steps(direction, &half).unwrap();
                assert_eq!(rest.len(), 2 - done, "{direction:?} after {done}");
                assert_eq!(&after(half, &rest), to);
            }
        }
    }

    #[test]
    fn an_interrupted_swap_can_be_undone() {
        let before = databases(&[(SOURCE, 'o'), (RESTORED, 'r')]);
        let all = steps(SwapDirection::Swap, &before).unwrap();
        let half = after(before.clone(), &all[..1]);
        let back = steps(SwapDirection::Undo, &half).unwrap();
        assert_eq!(after(half, &back), before);
    }

    #[test]
    fn a_deleted_original_is_not_renamed() {
        let rest = steps(SwapDirection::Swap, &databases(&[(RESTORED, 'r')])).unwrap();
        assert_eq!(rest, [RenameStep { from: RESTORED.into(), to: SOURCE.into() }]);
    }

    #[test]
    fn other_databases_are_never_renamed() {
        for (direction, databases, kind) in [
            (
                SwapDirection::Swap,
                databases(&[(SOURCE, 'o'), (RESTORED, 'o')]),
                ErrorKind::Conflict,
            ),
            (SwapDirection::Swap, databases(&[(SOURCE, 'o')]), ErrorKind::NotFound),
            (
                SwapDirection::Swap,
                databases(&[(SOURCE, 'o'), (RESTORED, 'r'), (REPLACED, 'o')]),
                ErrorKind::Conflict,
            ),
            (
                SwapDirection::Swap,
                databases(&[(SOURCE, 'o'), (RESTORED, 'd')]),
                ErrorKind::Conflict,
            ),
            (
                SwapDirection::Undo,
                databases(&[(SOURCE, 'o'), (REPLACED, 'o')]),
                ErrorKind::Conflict,
            ),
            (SwapDirection::Undo, databases(&[(SOURCE, 'r')]), ErrorKind::Conflict),
        ] {
            assert_eq!(steps(direction, &databases).unwrap_err().kind(), kind, "{databases:?}");
        }
    }

    #[test]
    fn a_long_name_is_shortened_for_the_suffix() {
        let long = "a".repeat(63);
        assert!(replaced_name(&long).len() <= 63);
        assert_eq!(replaced_name("shop"), "shop-replaced");
    }

    /// Clusters by name, with their kinds and their members.
    type Clusters = BTreeMap<String, (char, Vec<String>)>;

    /// All renames that are left, of clusters first.
    fn all_steps(direction: SwapDirection, clusters: &Clusters) -> Vec<(bool, RenameStep)> {
        let kinds = clusters.iter().map(|(name, (kind, _))| (name.clone(), *kind)).collect();
        let renames = steps(direction, &kinds).unwrap();
        let after = |name: &String| {
            renames.iter().find(|it| it.from == *name).map_or(name, |it| &it.to).clone()
        };
        let clusters: Vec<SwapCluster> = clusters
            .iter()
            .map(|(name, (_, members))| SwapCluster { name: after(name), members: members.clone() })
            .collect();
        let members = plan_member_swap(&[SOURCE, RESTORED, REPLACED], &clusters).unwrap();
        let of_clusters = renames.into_iter().map(|it| (true, it));
        of_clusters.chain(members.into_iter().map(|it| (false, it))).collect()
    }

    fn apply(clusters: &mut Clusters, (is_cluster, step): &(bool, RenameStep)) {
        if *is_cluster {
            let it = clusters.remove(&step.from).expect("the cluster exists");
            assert!(clusters.insert(step.to.clone(), it).is_none(), "{} is taken", step.to);
            return;
        }
        let all = || clusters.values().flat_map(|(_, members)| members);
        assert!(all().all(|id| *id != step.to), "{} is taken", step.to);
        let members = clusters.values_mut().flat_map(|(_, members)| members);
        let mut renamed = members.filter(|id| **id == step.from);
        *renamed.next().expect("the member exists") = step.to.clone();
    }

    /// The swap of two clusters is killed after each step, and the same command is run again.
    #[test]
    fn an_interrupted_swap_of_clusters_can_be_continued_after_each_step() {
        let cluster = |name: &str, kind, members: &[&str]| {
            (name.to_owned(), (kind, members.iter().map(|it| (*it).to_owned()).collect()))
        };
        let before: Clusters = [
            cluster(SOURCE, 'o', &["shop-prod-1", "reports-node", "shop-prod-reader"]),
            cluster(RESTORED, 'r', &["shop-restored-2", "shop-restored-1", "shop-restored-reader"]),
        ]
        .into();
        let swapped: Clusters = [
            cluster(SOURCE, 'r', &["shop-prod-2", "shop-prod-1", "shop-prod-reader"]),
            cluster(
                REPLACED,
                'o',
                &["shop-prod-replaced-1", "reports-node", "shop-prod-replaced-reader"],
            ),
        ]
        .into();
        for (direction, from, to) in
            [(SwapDirection::Swap, &before, &swapped), (SwapDirection::Undo, &swapped, &before)]
        {
            let all = all_steps(direction, from);
            assert_eq!(all.len(), 7);
            assert!(all[0].0 && all[1].0 && all[2..].iter().all(|it| !it.0), "clusters first");
            for killed_after in 0..=7 {
                let mut clusters = from.clone();
                all[..killed_after].iter().for_each(|step| apply(&mut clusters, step));
                let rest = all_steps(direction, &clusters);
                assert_eq!(rest.len(), 7 - killed_after, "{direction:?} after {killed_after}");
                rest.iter().for_each(|step| apply(&mut clusters, step));
                assert_eq!(&clusters, to, "{direction:?} after {killed_after}");
            }
        }
    }

    #[test]
    fn members_are_not_renamed_to_ids_that_are_taken_or_too_long() {
        let cluster = |name: &str, members: &[&str]| SwapCluster {
            name: name.to_owned(),
            members: members.iter().map(|it| (*it).to_owned()).collect(),
        };
        let kind = |clusters: &[SwapCluster]| {
            plan_member_swap(&[SOURCE, RESTORED, REPLACED], clusters).map_err(|it| it.kind())
        };
        let long = format!("{SOURCE}-{}", "x".repeat(50));
        assert_eq!(kind(&[cluster(REPLACED, &[&long])]), Err(ErrorKind::Config));
        let taken = cluster(SOURCE, &["shop-prod-1", "shop-restored-1"]);
        assert_eq!(kind(&[taken]), Err(ErrorKind::Conflict));
        assert_eq!(kind(&[cluster(SOURCE, &["shop-prod-", "shop-prod", "other"])]), Ok(Vec::new()));
    }
}
