//! When EventBridge Scheduler starts each function: the files of `infra/schedules`.
//!
//! | module | responsibility |
//! |---|---|
//! | `cron` | [`CronExpression`]: parses and evaluates `cron(…)` |
//! | `file` | [`ScheduleFile`]: parses one file, decides in which minutes it fires and builds the event |

mod cron;
mod file;

pub use cron::CronExpression;
pub use file::{ScheduleFile, variables};
