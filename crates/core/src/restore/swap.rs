//! Plans the swap of two names: the restored database gets the source's name and therefore its
//! endpoint.

use serde::Serialize;

use crate::{Error, ErrorKind, Result};

/// The suffix of the original database while the restored one has its name.
const REPLACED_SUFFIX: &str = "-replaced";
/// The maximum length of a database id (AWS API reference, CreateDBInstance).
const MAX_ID_LENGTH: usize = 63;

/// What a swap needs to know of an existing database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapCandidate {
    /// The value of its tag `landbridge:restored-as`; `None` if Landbridge did not restore it.
    pub restored_as: Option<String>,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SOURCE: &str = "shop-prod";
    const RESTORED: &str = "shop-restored";
    const REPLACED: &str = "shop-prod-replaced";

    /// The existing databases by name: `o` is the original, `r` the restored one.
    type Databases = BTreeMap<String, char>;

    fn databases(list: &[(&str, char)]) -> Databases {
        list.iter().map(|(name, database)| ((*name).to_owned(), *database)).collect()
    }

    fn steps(direction: SwapDirection, databases: &Databases) -> Result<Vec<RenameStep>> {
        plan_swap(direction, SOURCE, RESTORED, |name| {
            let database = databases.get(name)?;
            Some(SwapCandidate { restored_as: (*database == 'r').then(|| RESTORED.to_owned()) })
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
}
