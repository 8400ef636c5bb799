//! The names of a run's scratch resources, and the marker by which they are recognised.

use jiff::Timestamp;

/// The start of every name that a run gives: of datasets, taxonomies and data policies.
pub const MARKER: &str = "landbridge_probe_";
/// The label of a dataset of a run.
pub const LABEL: &str = "landbridge_probe";
/// The start of the names of a run's objects.
pub const PREFIX: &str = "landbridge-probe/";

/// One run. Its names contain its start and a random part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run(String);

impl Run {
    /// A new run that starts now; `random` makes it different from every other one.
    pub fn new(now: Timestamp, random: u32) -> Self {
        Self(format!("{}_{random:08x}", now.strftime("%Y%m%d%H%M%S")))
    }

    /// The run of a marked name; `None` if a run gives no such name. Data policies and the other
    /// datasets have a number behind the name of their run.
    pub fn of(name: &str) -> Option<Self> {
        let run = name.strip_prefix(MARKER)?;
        let run = run.get(..23)?;
        let is_digit = |c: char| c.is_ascii_hexdigit();
        let (time, random) = run.split_once('_')?;
        let is_run = time.len() == 14
            && time.chars().all(|c| c.is_ascii_digit())
            && random.chars().all(is_digit);
        is_run.then(|| Self(run.to_owned()))
    }

    /// The run of an object below [`PREFIX`].
    pub fn of_object(name: &str) -> Option<Self> {
        let run = name.strip_prefix(PREFIX)?.split_once('/')?.0;
        Self::of(&format!("{MARKER}{run}")).filter(|it| it.0 == run)
    }

    /// The dataset, and the display name of the taxonomy.
    pub fn dataset(&self) -> String {
        format!("{MARKER}{}", self.0)
    }

    /// The start of the names of its objects.
    pub fn prefix(&self) -> String {
        format!("{PREFIX}{}/", self.0)
    }

    /// The id of its data policy, or of its other dataset, with a number.
    pub(super) fn policy(&self, number: usize) -> String {
        format!("{MARKER}{}_{number}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_by_its_names_and_by_no_others() {
        let run = Run::new("2026-11-27T23:10:00Z".parse().expect("an instant"), 0x1a2b);
        assert_eq!(run.dataset(), "landbridge_probe_20261127231000_00001a2b");
        assert_eq!(Run::of(&run.dataset()), Some(run.clone()));
        assert_eq!(Run::of(&run.policy(7)), Some(run.clone()));
        assert_eq!(Run::of_object(&format!("{}x.parquet", run.prefix())), Some(run));
        for other in ["landbridge_probe_", "landbridge_probe_mine", "shop", "landbridge_ops"] {
            assert_eq!(Run::of(other), None, "{other}");
        }
        assert_eq!(Run::of_object("landbridge-probe/mine/x.parquet"), None);
    }
}
