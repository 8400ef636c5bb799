//! Restoring, and what belongs to it.
//!
//! | module | what it holds |
//! |---|---|
//! | here | what the commands share: configuration, clients, clock, ledger |
//! | [`points`] | `landbridge snapshots`, `pin`, `unpin` |
//! | [`origin`] | which snapshot, and the record of its settings |
//! | [`run`] | `landbridge restore` |
//! | [`carry_out`] | a plan carried out against RDS, from wherever it stands |
//! | [`show`] | the plan and the outcome, for people |
//! | [`swap`] | `landbridge restore --swap` |
//! | [`drill`] | `landbridge drill` |
//! | [`answer`] | whether a database answers |
//! | [`wait`] | waiting with progress |
//! | [`status`] | `landbridge status` |

mod answer;
mod carry_out;
pub(crate) mod drill;
mod origin;
pub(crate) mod points;
pub(crate) mod run;
mod show;
pub(crate) mod status;
mod swap;
mod wait;

use std::io::{BufRead, IsTerminal, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_aws::Aws;
use landbridge_core::ErrorKind;
use landbridge_core::config::Config;
use landbridge_ledger::Ledger;

use crate::args::restore::CommonArgs;
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::{files, receipt};

/// What every command of restoring works with.
pub(crate) struct Desk {
    pub(crate) config: Config,
    pub(crate) aws: Aws,
    pub(crate) clock: Clock,
    pub(crate) zone: TimeZone,
}

impl Desk {
    /// Reads the configuration and builds the clients from the environment.
    pub(crate) async fn open(args: &CommonArgs, zone: Option<&str>) -> Result<Self> {
        let config = files::config(&files::config_path(args.config.as_deref()))?;
        let aws = Aws::from_env(&config.source.region, config.source.kind).await;
        let zone = match zone {
            Some(name) => TimeZone::get(name).map_err(|_| {
                Failure::Usage(format!("--zone: `{name}` is not a zone such as Asia/Seoul"))
            })?,
            None => receipt::zone(&config)?,
        };
        Ok(Self { config, aws, clock: Clock::from_env()?, zone })
    }

    /// `2026-11-21 14:00 KST`.
    pub(crate) fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%F %H:%M %Z").to_string()
    }

    /// The ledger of the source.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::for_operator(self.aws.s3.clone(), &self.config)
    }
}

/// An error of RDS during a restore, with what to do about it: nobody ticks here.
pub(crate) fn trouble(error: landbridge_core::Error) -> Failure {
    let hint = match error.kind() {
        kind if kind.is_transient() => "run the same command again: it goes on where it is",
        ErrorKind::Quota => {
            "delete a database that nobody needs or raise the quota in Service Quotas, then run \
             the same command again"
        }
        ErrorKind::Denied => "grant the right that is named, then run the same command again",
        ErrorKind::NotFound => "see `landbridge snapshots` and `source.id` of landbridge.yaml",
        ErrorKind::Conflict => "see what it is with `landbridge snapshots` or in the RDS console",
        ErrorKind::Config => "correct it and run the command again",
        _ => "nothing of the source was changed; report it with this message",
    };
    let sentence = format!("{error} — {hint}");
    match error.kind() {
        ErrorKind::Denied => Failure::Refused(sentence),
        ErrorKind::Config => Failure::Usage(sentence),
        _ => Failure::Failed(sentence),
    }
}

/// Asks before something is done; `--yes` is the answer where nobody can be asked.
pub(crate) fn confirm(question: &str, yes: bool) -> Result {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "nobody is there to ask: add --yes, or --dry-run to see the plan alone".to_owned(),
        ));
    }
    eprint!("{question} [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::Failed("not confirmed; nothing was changed".to_owned()))
}
