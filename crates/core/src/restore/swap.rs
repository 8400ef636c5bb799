//! Two databases change names: the restored one takes the source's, and so its endpoint.

use serde::Serialize;

use crate::{Error, ErrorKind, Result};

/// How the source is called while the restored database has its name.
const ASIDE: &str = "-replaced";
/// The longest id that RDS takes (AWS API reference, CreateDBInstance).
const LONGEST: usize = 63;

/// A database as far as a swap needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapCandidate {
    /// The name it was restored under, when it is a restore of ours.
    pub restored_as: Option<String>,
}

/// One renaming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RenameStep {
    /// The name it has.
    pub from: String,
    /// The name it gets.
    pub to: String,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapDirection {
    /// The restored database in, the source aside.
    Swap,
    /// Back.
    Undo,
}

/// How the source is called while it is aside.
pub fn replaced_name(source: &str) -> String {
    let end = LONGEST - ASIDE.len();
    format!("{}{ASIDE}", source[..source.len().min(end)].trim_end_matches('-'))
}

/// What is left to be done, from who is there now: nothing when it is done. Both renamings
/// are decided from names and tags alone, so a swap that broke off goes on where it stands.
///
/// # Errors
/// [`ErrorKind::Conflict`] when the names are not as they must be, [`ErrorKind::NotFound`] when one is
/// missing; nothing should be renamed then.
pub fn plan_swap(
    direction: SwapDirection,
    source: &str,
    restored: &str,
    seen: impl Fn(&str) -> Option<SwapCandidate>,
) -> Result<Vec<RenameStep>> {
    let aside = replaced_name(source);
    let is_restore = |it: &SwapCandidate| it.restored_as.as_deref() == Some(restored);
    let step = |from: &str, to: &str| RenameStep { from: from.to_owned(), to: to.to_owned() };
    let (at_source, at_restored, at_aside) = (seen(source), seen(restored), seen(&aside));
    if let Some(it) = &at_restored
        && !is_restore(it)
    {
        return Err(Error::new(
            ErrorKind::Conflict,
            "it was not restored by Landbridge, so it is not swapped",
            restored,
        ));
    }
    match (direction, at_source, at_restored, at_aside) {
        (SwapDirection::Swap, Some(_), Some(_), None) => {
            Ok(vec![step(source, &aside), step(restored, source)])
        }
        // The first step is done, or the original is no more.
        (SwapDirection::Swap, None, Some(_), _) => Ok(vec![step(restored, source)]),
        (SwapDirection::Undo, Some(it), None, Some(_)) if is_restore(&it) => {
            Ok(vec![step(source, restored), step(&aside, source)])
        }
        (SwapDirection::Undo, None, Some(_), Some(_)) => Ok(vec![step(&aside, source)]),
        // Done already.
        (SwapDirection::Swap, Some(it), None, Some(_)) if is_restore(&it) => Ok(Vec::new()),
        (SwapDirection::Undo, Some(it), Some(_), None) if !is_restore(&it) => Ok(Vec::new()),
        (SwapDirection::Swap, Some(_), Some(_), Some(_)) => Err(Error::new(
            ErrorKind::Conflict,
            "an earlier swap's original is still there: delete or rename it first",
            aside,
        )),
        (SwapDirection::Swap, _, None, _) => Err(Error::new(
            ErrorKind::NotFound,
            "there is no restored database of that name to swap in",
            restored,
        )),
        _ => Err(Error::new(
            ErrorKind::Conflict,
            "the names are not those of a swap",
            format!("{source}, {restored}, {aside}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SOURCE: &str = "shop-prod";
    const RESTORED: &str = "shop-restored";
    const ASIDE: &str = "shop-prod-replaced";

    /// Names and what bears them: `o` the original, `r` the restored one.
    type World = BTreeMap<String, char>;

    fn world(list: &[(&str, char)]) -> World {
        list.iter().map(|(name, who)| ((*name).to_owned(), *who)).collect()
    }

    fn steps(direction: SwapDirection, world: &World) -> Result<Vec<RenameStep>> {
        plan_swap(direction, SOURCE, RESTORED, |name| {
            let who = world.get(name)?;
            Some(SwapCandidate { restored_as: (*who == 'r').then(|| RESTORED.to_owned()) })
        })
    }

    /// Carries out so many steps.
    fn after(mut world: World, steps: &[RenameStep]) -> World {
        for step in steps {
            let who = world.remove(&step.from).expect("who is renamed is there");
            assert!(world.insert(step.to.clone(), who).is_none(), "{} is taken", step.to);
        }
        world
    }

    #[test]
    fn there_and_back_whenever_it_breaks_off() {
        let before = world(&[(SOURCE, 'o'), (RESTORED, 'r')]);
        let swapped = world(&[(SOURCE, 'r'), (ASIDE, 'o')]);
        for (direction, from, to) in
            [(SwapDirection::Swap, &before, &swapped), (SwapDirection::Undo, &swapped, &before)]
        {
            let whole = steps(direction, from).unwrap();
            assert_eq!(whole.len(), 2);
            for done in 0..=2 {
                let half = after(from.clone(), &whole[..done]);
                let rest = steps(direction, &half).unwrap();
                assert_eq!(rest.len(), 2 - done, "{direction:?} after {done}");
                assert_eq!(&after(half, &rest), to);
            }
        }
    }

    #[test]
    fn turned_round_in_the_middle() {
        let before = world(&[(SOURCE, 'o'), (RESTORED, 'r')]);
        let whole = steps(SwapDirection::Swap, &before).unwrap();
        let half = after(before.clone(), &whole[..1]);
        let back = steps(SwapDirection::Undo, &half).unwrap();
        assert_eq!(after(half, &back), before);
    }

    #[test]
    fn an_original_that_is_no_more_leaves_its_name() {
        let rest = steps(SwapDirection::Swap, &world(&[(RESTORED, 'r')])).unwrap();
        assert_eq!(rest, [RenameStep { from: RESTORED.into(), to: SOURCE.into() }]);
    }

    #[test]
    fn names_of_others_are_left_alone() {
        for (direction, world, kind) in [
            (SwapDirection::Swap, world(&[(SOURCE, 'o'), (RESTORED, 'o')]), ErrorKind::Conflict),
            (SwapDirection::Swap, world(&[(SOURCE, 'o')]), ErrorKind::NotFound),
            (
                SwapDirection::Swap,
                world(&[(SOURCE, 'o'), (RESTORED, 'r'), (ASIDE, 'o')]),
                ErrorKind::Conflict,
            ),
            (SwapDirection::Undo, world(&[(SOURCE, 'o'), (ASIDE, 'o')]), ErrorKind::Conflict),
            (SwapDirection::Undo, world(&[(SOURCE, 'r')]), ErrorKind::Conflict),
        ] {
            assert_eq!(steps(direction, &world).unwrap_err().kind(), kind, "{world:?}");
        }
    }

    #[test]
    fn a_long_name_makes_room() {
        let long = "a".repeat(63);
        assert!(replaced_name(&long).len() <= 63);
        assert_eq!(replaced_name("shop"), "shop-replaced");
    }
}
