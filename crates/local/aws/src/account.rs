//! [`Account`]: what all services of an emulated account have in common.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use landbridge_local_wire::Clock;

use crate::identity::Identities;
use crate::options::AwsOptions;
use crate::turned::Turned;

/// Distinguishes the directories of several accounts in one process.
static NEXT_ACCOUNT: AtomicU64 = AtomicU64::new(0);

/// Options, clock, identities and the data directory of an account. The state of a service
/// belongs to the service.
pub(crate) struct Account {
    pub(crate) options: AwsOptions,
    pub(crate) clock: Clock,
    pub(crate) identities: Identities,
    /// The claim that is turned around.
    pub(crate) turned: Turned,
    dir: PathBuf,
}

impl Account {
    /// Creates the account's directory under [`AwsOptions::data_dir`].
    pub(crate) async fn new(options: AwsOptions, clock: Clock) -> io::Result<Self> {
        let number = NEXT_ACCOUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("landbridge-aws-{}-{number}", std::process::id());
        let identities = Identities::with_account_user(&options);
        let account = Self {
            dir: options.data_dir.join(name),
            options,
            clock,
            identities,
            turned: Turned::default(),
        };
        tokio::fs::create_dir_all(account.objects_dir()).await?;
        tokio::fs::create_dir_all(account.dir.join("snapshots")).await?;
        Ok(account)
    }

    /// The current virtual time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The directory of large S3 objects.
    pub(crate) fn objects_dir(&self) -> PathBuf {
        self.dir.join("objects")
    }

    /// The directory for the data of one snapshot; the caller creates it.
    pub(crate) fn snapshot_dir(&self, number: u64) -> PathBuf {
        self.dir.join("snapshots").join(format!("{number:06}"))
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::debug!(%error, "could not remove the directory of the emulated account");
        }
    }
}
