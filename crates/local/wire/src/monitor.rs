//! [`CallMonitor`]: counts and records the calls to the local cloud, and injects faults into them.
//!
//! Every request to a server of the local cloud passes through the monitor twice: when it
//! arrives, and when the server has processed it but the response is not sent yet. The second
//! point is where production systems are tested least: the call took effect, and the caller
//! never learns of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use http::HeaderMap;

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

/// A call that has arrived, for a [`CallObserver`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivedCall {
    /// A number that no other call of this monitor has. Later calls have greater numbers.
    pub id: u64,
    /// The name of the server, as in [`Call::server`].
    pub server: &'static str,
    /// `METHOD /path`, without the query string.
    pub request: String,
    /// The headers of the request.
    pub headers: HeaderMap,
}

/// What happens to a call that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The server processes it.
    Proceed,
    /// It takes no effect: the server responds with this HTTP status and an empty body.
    Reject(u16),
    /// It takes no effect, and the connection closes without a response.
    Drop,
}

/// What happens to the response of a call that took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The caller receives it.
    Send,
    /// The connection closes without a response.
    Drop,
}

/// Watches every call before it takes effect and after it took effect, and can hold it at both
/// points: the call waits for the returned future. In between, other calls can take effect.
///
/// A caller that disconnects does not cancel a call that is held.
pub trait CallObserver: Send + Sync + 'static {
    /// A call has arrived and has had no effect yet. By default it proceeds.
    fn before(&self, _: ArrivedCall) -> BoxFuture<'static, Admission> {
        Box::pin(async { Admission::Proceed })
    }

    /// The same call took effect, and its response with this HTTP status is not sent yet. Not
    /// called for a call that was not admitted. By default the response is sent.
    fn after(&self, _: ArrivedCall, _status: u16) -> BoxFuture<'static, Delivery> {
        Box::pin(async { Delivery::Send })
    }
}

type KillHook = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct MonitorState {
    count: usize,
    fault: Option<CallFault>,
    fault_fired: bool,
    recording: Option<Vec<Call>>,
    kill_hook: Option<KillHook>,
    observer: Option<Arc<dyn CallObserver>>,
    last_id: u64,
    latency: Duration,
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

    /// Delays every response from now on by `latency`, as the network between a function and a cloud
    /// does. Calls wait at the same time, not one after the other. Zero, the default: no delay.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// The delay of every response.
    pub(crate) fn latency(&self) -> Duration {
        self.state().latency
    }

    /// Sets the hook for [`CallFaultKind::KillCaller`]. It must end the calling process before
    /// it returns.
    pub fn on_kill(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.state().kill_hook = Some(Arc::new(hook));
    }

    /// Sets the observer of all calls that arrive from now on; replaces an earlier one.
    pub fn set_observer(&self, observer: Arc<dyn CallObserver>) {
        self.state().observer = Some(observer);
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

    /// Numbers a call for the observer, if there is one.
    pub(crate) fn observe(
        &self,
        server: &'static str,
        request: &str,
        headers: &HeaderMap,
    ) -> Option<(Arc<dyn CallObserver>, ArrivedCall)> {
        let mut state = self.state();
        let observer = state.observer.clone()?;
        state.last_id += 1;
        let (id, request, headers) = (state.last_id, request.to_owned(), headers.clone());
        Some((observer, ArrivedCall { id, server, request, headers }))
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
