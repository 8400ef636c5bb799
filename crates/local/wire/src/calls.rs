//! The record of calls, and the faults between a call and its answer.
//!
//! Every request to a server of the local cloud passes through [`Calls`] after
//! the server has acted on it and before the answer goes out. That is the place
//! where a production system is least tested: the call took effect, and nobody
//! heard of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One call that a server answered (or acted on without answering).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which server: `rds`, `s3`, `secrets`, `storage`, `bigquery`, `sts`.
    pub server: &'static str,
    /// `METHOD /path`, without the query.
    pub what: String,
    /// The HTTP status of the answer.
    pub status: u16,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The caller is killed right after the call took effect; it sees no answer.
    KillAfter,
    /// The call takes effect, and the connection closes without an answer.
    DropAnswer,
    /// The call takes no effect: the server answers with this HTTP status and an empty body.
    Refuse(u16),
}

/// A fault to be put on one call, counted from 1 since [`Calls::arm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of the call, from 1.
    pub at: usize,
    /// What happens to it.
    pub kind: FaultKind,
}

type KillHook = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct State {
    counted: usize,
    fault: Option<Fault>,
    fired: bool,
    record: Option<Vec<Call>>,
    kill: Option<KillHook>,
}

/// Counts calls, keeps their record when asked to, and breaks one of them when armed.
/// Clones share their state.
#[derive(Clone, Default)]
pub struct Calls(Arc<Mutex<State>>);

/// What [`Calls::begin`] decided for a call.
pub(crate) struct Ticket {
    /// The fault this call suffers, if any.
    pub(crate) fault: Option<FaultKind>,
}

impl Calls {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts counting from zero and puts `fault` on the call with its number.
    pub fn arm(&self, fault: Fault) {
        let mut state = self.state();
        state.counted = 0;
        state.fired = false;
        state.fault = Some(fault);
    }

    /// Takes back a fault that has not fired, and starts counting from zero.
    pub fn disarm(&self) {
        let mut state = self.state();
        state.counted = 0;
        state.fired = false;
        state.fault = None;
    }

    /// How many calls have arrived since the last [`arm`](Self::arm) or [`disarm`](Self::disarm).
    pub fn count(&self) -> usize {
        self.state().counted
    }

    /// Whether the armed fault has happened.
    pub fn fired(&self) -> bool {
        self.state().fired
    }

    /// What to run for [`FaultKind::KillAfter`]: it must end the caller at once.
    pub fn on_kill(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.state().kill = Some(Arc::new(hook));
    }

    /// Starts (or restarts) keeping a record of each call.
    pub fn record(&self) {
        self.state().record = Some(Vec::new());
    }

    /// The calls recorded since [`record`](Self::record).
    pub fn recorded(&self) -> Vec<Call> {
        self.state().record.clone().unwrap_or_default()
    }

    pub(crate) fn begin(&self) -> Ticket {
        let mut state = self.state();
        state.counted += 1;
        let fault = match state.fault {
            Some(fault) if fault.at == state.counted => {
                state.fired = true;
                Some(fault.kind)
            }
            _ => None,
        };
        Ticket { fault }
    }

    pub(crate) fn end(&self, call: Call) {
        if let Some(record) = &mut self.state().record {
            record.push(call);
        }
    }

    pub(crate) fn kill(&self) {
        let hook = self.state().kill.clone();
        if let Some(hook) = hook {
            hook();
        }
    }
}
