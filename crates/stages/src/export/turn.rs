//! Waiting for a place among the exports that RDS runs at once: see [`landbridge_core::turn`].

use landbridge_aws::rds::{ExportStatus, ExportTask};
use landbridge_core::Result;
use landbridge_core::turn::{self, Waiter};

use crate::{Context, Tick};

/// Where an export stands among the exports of the other databases of the deployment.
#[derive(Default)]
pub(super) struct Turn {
    /// The databases that go first, if their exports and this one do not all find a place.
    pub(super) before: Vec<String>,
    /// Export tasks in progress in the account.
    pub(super) running: usize,
    /// Whether one of them is of another database of the deployment, so that its end is near.
    pub(super) shared: bool,
}

impl Turn {
    /// Why the export does not start.
    pub(super) fn sentence(&self) -> String {
        format!(
            "waits for its turn: {} exports run in this account and region, and these databases have waited longer: {}",
            self.running,
            self.before.join(", ")
        )
    }
}

/// Looks whose turn it is. `is_today`: whether the export is of the day that is due; another one, that a person
/// requested, comes after all of them. With one database, nothing is asked, and the export starts at once.
///
/// # Errors
/// Any RDS error.
pub(super) async fn look(context: &Context, tick: Tick, is_today: bool) -> Result<Turn> {
    if context.siblings.is_empty() {
        return Ok(Turn::default());
    }
    let tasks = context.aws.rds.export_tasks().await?;
    let in_progress =
        |it: &&ExportTask| matches!(it.status, ExportStatus::Running | ExportStatus::Unknown);
    let running: Vec<&ExportTask> = tasks.iter().filter(in_progress).collect();
    let own_hour = context.calendar.export_hour(context.calendar.day_of(tick.now)).start();
    let own = Waiter {
        since: if is_today { own_hour } else { tick.now },
        name: context.config.source.name.clone(),
    };
    let mut others = Vec::new();
    for sibling in &context.siblings {
        others.extend(turn::waiter(sibling, tasks.iter().map(|it| it.id.as_str()), tick.now)?);
    }
    let is_sibling = |task: &&&ExportTask| {
        context
            .siblings
            .iter()
            .any(|it| task.id.starts_with(&format!("landbridge-{}-", it.source.name)))
    };
    Ok(Turn {
        before: turn::before(&own, &others, running.len()),
        shared: running.iter().any(|it| is_sibling(&it)),
        running: running.len(),
    })
}
