//! The commands that restore a database.
//!
//! | module | responsibility |
//! |---|---|
//! | here | [`RestoreContext`]: the configuration, clients, clock and ledger that the commands share |
//! | [`points`] | `landbridge snapshots`, `pin`, `unpin` |
//! | [`origin`] | the snapshot or time to restore from, and the settings record |
//! | [`run`] | `landbridge restore` |
//! | [`execute`] | executes a plan against RDS, from whatever state RDS is in |
//! | [`show`] | the plan and the outcome as text |
//! | [`swap`] | `landbridge restore --swap` |
//! | [`drill`] | `landbridge drill` |
//! | [`temporary`] | a database that a command restores and deletes at its end |
//! | [`interrupts`] | Ctrl-C and SIGTERM for commands that clean up |
//! | [`args`] | the options of the commands |
//! | [`probe`] | checks that a database answers |
//! | [`wait`] | waits for a database's status and shows progress |
//! | [`status`] | `landbridge status` |

pub(crate) mod args;
pub(crate) mod drill;
pub(crate) mod execute;
pub(crate) mod interrupts;
pub(crate) mod origin;
pub(crate) mod points;
mod probe;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod status;
mod swap;
pub(crate) mod temporary;
pub(crate) mod wait;
mod workers;

use std::io::{BufRead, IsTerminal, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_aws::Aws;
use landbridge_core::ErrorKind;
use landbridge_core::config::Config;
use landbridge_core::restore::points::parse_instant;
use landbridge_ledger::Ledger;

use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::receipt;
use args::CommonArgs;
use interrupts::Interrupts;

/// The configuration, clients and clock that every restore command uses.
pub(crate) struct RestoreContext {
    pub(crate) config: Config,
    pub(crate) aws: Aws,
    pub(crate) clock: Clock,
    pub(crate) zone: TimeZone,
    pub(crate) interrupts: Interrupts,
}

impl RestoreContext {
    /// Reads the configuration and builds the clients from the environment.
    pub(crate) async fn new(args: &CommonArgs, zone: Option<&str>) -> Result<Self> {
        let config = args.config.read()?;
        let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
        let zone = match zone {
            Some(name) => TimeZone::get(name).map_err(|_| {
                Failure::Usage(format!(
                    "`--zone {name}`: `--zone` must be an IANA time zone, for example Asia/Seoul."
                ))
            })?,
            None => receipt::zone(&config)?,
        };
        Ok(Self { config, aws, clock: Clock::from_env()?, zone, interrupts: Interrupts::default() })
    }

    /// The context of a command that has read the configuration.
    pub(crate) fn of(config: Config, aws: Aws, interrupts: &Interrupts) -> Result<Self> {
        let zone = receipt::zone(&config)?;
        Ok(Self { config, aws, clock: Clock::from_env()?, zone, interrupts: interrupts.clone() })
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

/// Parses the value of `--at` or `--pitr` in the zone of the command.
///
/// # Errors
/// [`Failure::Usage`], which names the option and shows an example.
pub(crate) fn parse_time(option: &str, text: &str, zone: &TimeZone) -> Result<Timestamp> {
    parse_instant(text, zone).map_err(|_| {
        Failure::Usage(format!(
            "`{option} '{text}'`: `{option}` must be a date and time, for example '2026-11-21 14:00'."
        ))
    })
}

/// An RDS error during a restore, with the operator's next step. No later tick retries it.
pub(crate) fn rds_failure(error: landbridge_core::Error) -> Failure {
    let hint = match error.kind() {
        kind if kind.is_transient() => "run the same command again: it continues where it stopped",
        ErrorKind::Quota => {
            "delete an unused database or raise the quota in Service Quotas, then run the same \
             command again"
        }
        ErrorKind::Denied => "grant the missing permission, then run the same command again",
        ErrorKind::NotFound => {
            "check `source.id` in landbridge.yaml, and run `landbridge snapshots` for the restore points"
        }
        ErrorKind::Conflict => {
            "check the status of the database in the RDS console, then run the same command again"
        }
        ErrorKind::Config => "correct the value and run the command again",
        _ => "the source was not changed; report this message as a bug",
    };
    let sentence = format!("{error} — {hint}");
    match error.kind() {
        ErrorKind::Denied => Failure::Refused(sentence),
        ErrorKind::Config => Failure::Usage(sentence),
        _ => Failure::Failed(sentence),
    }
}

/// Asks the operator for confirmation. Without a terminal, `--yes` is required.
pub(crate) fn confirm(question: &str, yes: bool) -> Result {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "standard input is not a terminal, so the command cannot ask for confirmation: add --yes, or \
             --dry-run to see only the plan".to_owned(),
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
