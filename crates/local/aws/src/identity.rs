//! [`Identity`]: the users and role sessions that may sign requests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::options::AwsOptions;

/// A principal that signs requests: a user with a long-lived key, or a session of a role.
#[derive(Clone)]
pub struct Identity {
    /// The access key, `AKIA…` or `ASIA…`.
    pub access_key: String,
    /// The secret key that signs requests.
    pub secret_key: String,
    /// The session token that requests of a role's session must carry; `None` for a user.
    pub session_token: Option<String>,
    /// For example `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`.
    pub arn: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, {}, …)", self.access_key, self.arn)
    }
}

/// All identities of an account, by access key.
#[derive(Default)]
pub(crate) struct Identities(Mutex<BTreeMap<String, Identity>>);

impl Identities {
    /// The identities of a new account: its user, who has the key of the options.
    pub(crate) fn with_account_user(options: &AwsOptions) -> Self {
        let identities = Self::default();
        identities.add(Identity {
            access_key: options.access_key.clone(),
            secret_key: options.secret_key.clone(),
            session_token: None,
            arn: format!("arn:aws:iam::{}:user/local", options.account),
        });
        identities
    }

    /// Adds an identity, or replaces the one with the same access key.
    pub(crate) fn add(&self, identity: Identity) {
        let mut identities = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        identities.insert(identity.access_key.clone(), identity);
    }

    /// The identity with an access key.
    pub(crate) fn find(&self, access_key: &str) -> Option<Identity> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(access_key).cloned()
    }
}
