//! [`CallMonitor`]: counts and records the calls to the local cloud, and injects faults into them.
//!
//! Every request to a server of the local cloud passes through the monitor twice: when it
//! arrives, and when the server has processed it but the response is not sent yet. The second
//! point is where production systems are tested least: the call took effect, and the caller
//! never learns of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A call that a server processed, whether or not its response reached the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name of the server: `rds`, `s3`, `secrets`, `storage`, `bigquery`, `sts`.
    pub server: &'static str,
    /// `METHOD /path`, without the query string.
    pub request: String,
    /// The HTTP status of the response.
    pub status: u16,
}

/// What an injected fault does to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFaultKind {
    /// The call takes effect; then the calling process is killed before it sees the response.
    KillCaller,
    /// The call takes effect; then the connection closes without a response.
    DropResponse,
    /// The call takes no effect: the server responds with this HTTP status and an empty body.
    Reject(u16),
}

/// A fault to inject into one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFault {
    /// The number of the call, counted from 1 since [`CallMonitor::inject_fault`].
    pub call_number: usize,
    /// What happens to the call.
    pub kind: CallFaultKind,
}

type KillHook = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct MonitorState {
    count: usize,
    fault: Option<CallFault>,
    fault_fired: bool,
    recording: Option<Vec<Call>>,
    kill_hook: Option<KillHook>,
}

/// Counts the calls to one or more servers, records them on request and can break one of them.
/// Clones share their state.
#[derive(Clone, Default)]
pub struct CallMonitor(Arc<Mutex<MonitorState>>);

impl CallMonitor {
    fn state(&self) -> MutexGuard<'_, MonitorState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Restarts the count at zero and injects `fault` into the call with its number. Replaces a
    /// fault that has not fired.
    pub fn inject_fault(&self, fault: CallFault) {
        self.reset(Some(fault));
    }

    /// Removes a fault that has not fired, and restarts the count at zero.
    pub fn clear_fault(&self) {
        self.reset(None);
    }

    fn reset(&self, fault: Option<CallFault>) {
        let mut state = self.state();
        state.count = 0;
        state.fault_fired = false;
        state.fault = fault;
    }

    /// The number of calls that arrived since the last [`inject_fault`](Self::inject_fault) or
    /// [`clear_fault`](Self::clear_fault).
    pub fn count(&self) -> usize {
        self.state().count
    }

    /// Whether the injected fault has happened.
    pub fn fault_fired(&self) -> bool {
        self.state().fault_fired
    }

    /// Sets the hook for [`CallFaultKind::KillCaller`]. It must end the calling process before
    /// it returns.
    pub fn on_kill(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.state().kill_hook = Some(Arc::new(hook));
    }

    /// Starts a recording; drops what an earlier recording contained.
    pub fn start_recording(&self) {
        self.state().recording = Some(Vec::new());
    }

    /// The calls since [`start_recording`](Self::start_recording), in the order of their
    /// completion. Calls that a fault rejected are not among them.
    pub fn recorded_calls(&self) -> Vec<Call> {
        self.state().recording.clone().unwrap_or_default()
    }

    /// Counts a call that arrives. Returns the fault to apply to it.
    pub(crate) fn begin_call(&self) -> Option<CallFaultKind> {
        let mut state = self.state();
        state.count += 1;
        let fault = state.fault.filter(|fault| fault.call_number == state.count)?;
        state.fault_fired = true;
        Some(fault.kind)
    }

    /// Records a call that the server has processed.
    pub(crate) fn end_call(&self, call: Call) {
        if let Some(recording) = &mut self.state().recording {
            recording.push(call);
        }
    }

    /// Runs the kill hook, without holding the lock.
    pub(crate) fn kill_caller(&self) {
        let hook = self.state().kill_hook.clone();
        if let Some(hook) = hook {
            hook();
        }
    }
}
