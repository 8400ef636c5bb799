//! What the servers and the handle hold in common.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use landbridge_local_wire::Clock;

use crate::identity::Identity;
use crate::options::AwsOptions;
use crate::rds::RdsState;
use crate::s3::Store;
use crate::secrets::SecretsState;

/// Tells apart the folders of several accounts in one process.
static OPENED: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Shared {
    pub(crate) options: AwsOptions,
    pub(crate) clock: Clock,
    pub(crate) store: Arc<Store>,
    /// Held while ended exports write their objects, so that nobody sees half of it.
    pub(crate) writing: tokio::sync::Mutex<()>,
    rds: Mutex<RdsState>,
    secrets: Mutex<SecretsState>,
    /// By access key.
    identities: Mutex<BTreeMap<String, Identity>>,
    dir: PathBuf,
}

impl Shared {
    pub(crate) async fn new(options: AwsOptions, clock: Clock) -> io::Result<Self> {
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let name = format!("landbridge-aws-{}-{number}", std::process::id());
        let dir = options.data_dir.join(name);
        tokio::fs::create_dir_all(dir.join("objects")).await?;
        tokio::fs::create_dir_all(dir.join("images")).await?;
        let account = Identity::of_account(&options);
        let identities = BTreeMap::from([(account.access_key.clone(), account)]);
        Ok(Self {
            store: Arc::new(Store::new(&dir.join("objects"), clock.clone())),
            options,
            clock,
            writing: tokio::sync::Mutex::default(),
            rds: Mutex::default(),
            secrets: Mutex::default(),
            identities: Mutex::new(identities),
            dir,
        })
    }

    pub(crate) fn rds(&self) -> MutexGuard<'_, RdsState> {
        self.rds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn secrets(&self) -> MutexGuard<'_, SecretsState> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody sign requests; the same access key again replaces them.
    pub(crate) fn add_identity(&self, identity: Identity) {
        let mut all = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(identity.access_key.clone(), identity);
    }

    /// Whose access key it is.
    pub(crate) fn identity(&self, access_key: &str) -> Option<Identity> {
        let all = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(access_key).cloned()
    }

    /// Where the images of snapshots live.
    pub(crate) fn images(&self) -> PathBuf {
        self.dir.join("images")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::debug!(%error, "the local cloud's folder was not removed");
        }
    }
}
