//! The gate: every call passes it before and after it takes effect. The oracle looks at both
//! moments, and the gate stops an invocation where its history says.
//!
//! One invocation runs at a time, so a call belongs to the one that runs. All others wait at a
//! call: that is how ticks overlap, and the same history has the same interleaving every time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use landbridge_local_aws::LocalAws;
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver, Delivery};
use tokio::sync::{mpsc, oneshot};

use super::oracle::Oracle;

/// Which calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    All,
    /// Those that change BigQuery.
    Warehouse,
    /// Those that write the ledger.
    Ledger,
    /// Those that read or write the number of the newest contract.
    Number,
    /// Those that read or write a table's claim.
    Claim,
    /// Those that read or write a table of BigQuery, without its rows.
    Table,
}

impl Calls {
    pub const ALL: [Self; 6] =
        [Self::All, Self::Warehouse, Self::Ledger, Self::Number, Self::Claim, Self::Table];

    fn contains(self, call: &ArrivedCall) -> bool {
        let reads = call.request.starts_with("GET ");
        let is_ledger = call.server == "s3" && call.request.contains("/ledger/");
        match self {
            Self::All => true,
            Self::Warehouse => call.server == "bigquery" && !reads,
            Self::Ledger => is_ledger && !reads,
            Self::Number => is_ledger && call.request.ends_with("/contract.json"),
            Self::Claim => is_ledger && call.request.contains("/claims/"),
            Self::Table => call.server == "bigquery" && call.request.contains("/tables"),
        }
    }
}

/// One call of an invocation: the n-th of a kind, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    pub calls: Calls,
    pub n: usize,
}

/// Where and how an invocation stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It runs to its end.
    Never,
    /// It waits; the call has not taken effect.
    PauseBefore(At),
    /// It waits; the call has taken effect.
    PauseAfter(At),
    /// It dies; the call never takes effect.
    CrashBefore(At),
    /// It dies; the call has taken effect.
    CrashAfter(At),
    /// It dies; the call is still on its way and takes effect later.
    CrashLate(At),
    /// The call takes effect and its response is lost; the invocation goes on.
    LoseResponse(At),
    /// The server refuses the call with this status; the invocation goes on.
    Refuse(At, u16),
}

impl Stop {
    fn at(self) -> Option<At> {
        match self {
            Self::Never => None,
            Self::PauseBefore(at)
            | Self::PauseAfter(at)
            | Self::CrashBefore(at)
            | Self::CrashAfter(at)
            | Self::CrashLate(at)
            | Self::LoseResponse(at)
            | Self::Refuse(at, _) => Some(at),
        }
    }
}

/// The invocation that runs.
struct Running {
    number: usize,
    name: String,
    stop: Stop,
    /// All its calls.
    calls: usize,
    /// Those that count for `stop`.
    counted: usize,
}

impl Running {
    /// Counts a call. Returns whether it is the one at which the invocation stops.
    fn count(&mut self, call: &ArrivedCall) -> bool {
        self.calls += 1;
        let Some(at) = self.stop.at().filter(|at| at.calls.contains(call)) else { return false };
        self.counted += 1;
        self.counted == at.n
    }
}

/// A call that waits at the gate.
pub struct Held {
    /// The moment.
    pub place: String,
    /// Lets it go on: `true`, or makes it disappear: `false`.
    pub release: oneshot::Sender<bool>,
}

struct State {
    running: Option<Running>,
    /// Calls at which the invocation stops, until they have passed.
    stopping: HashMap<u64, Stop>,
    event: String,
    calls: u64,
    /// All calls, if they are recorded.
    trace: Option<Vec<String>>,
}

/// The gate of one history.
pub struct Gate {
    state: Mutex<State>,
    held: mpsc::UnboundedSender<Held>,
    oracle: Arc<Mutex<Oracle>>,
    aws: LocalAws,
    started: Instant,
}

impl Gate {
    pub fn new(
        oracle: Arc<Mutex<Oracle>>,
        aws: LocalAws,
        trace: bool,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Held>) {
        let (held, receiver) = mpsc::unbounded_channel();
        let state = State {
            running: None,
            stopping: HashMap::new(),
            event: String::new(),
            calls: 0,
            trace: trace.then(Vec::new),
        };
        (
            Arc::new(Self { state: Mutex::new(state), held, oracle, aws, started: Instant::now() }),
            receiver,
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event of the history begins.
    pub fn begin_event(&self, event: String) {
        let mut state = self.state();
        if let Some(trace) = &mut state.trace {
            trace.push(format!("--- {event}"));
        }
        state.event = event;
    }

    /// The invocation with this number runs from now on, with new counts.
    pub fn begin(&self, number: usize, name: String, stop: Stop) {
        let running = Running { number, name, stop, calls: 0, counted: 0 };
        self.state().running = Some(running);
    }

    /// No invocation runs.
    pub fn end(&self) {
        self.state().running = None;
    }

    /// The number of calls so far.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    pub fn trace(&self) -> Vec<String> {
        self.state().trace.clone().unwrap_or_default()
    }

    /// The oracle looks at the end of an event.
    pub fn check_event(&self) {
        let event = self.state().event.clone();
        self.oracle().check(&|| format!("at the end of: {event}"));
    }

    fn check(&self, call: &ArrivedCall, moment: &str) {
        let state = self.state();
        let (event, running) = (&state.event, &state.running);
        let describe = || {
            let who = running.as_ref().map_or_else(String::new, |it| {
                format!("; call {} of {} ({})", it.calls, it.name, it.number)
            });
            format!("{moment} {} {}; during: {event}{who}", call.server, call.request)
        };
        self.oracle().check(&describe);
    }

    async fn hold(&self, place: String) -> bool {
        let (release, released) = oneshot::channel();
        if self.held.send(Held { place, release }).is_err() {
            return false;
        }
        released.await.unwrap_or(false)
    }

    async fn arrive(&self, call: ArrivedCall) -> Admission {
        let stop = {
            let started = self.started;
            let mut state = self.state();
            state.calls += 1;
            let stops = state.running.as_mut().is_some_and(|running| running.count(&call));
            let stop = state.running.as_ref().filter(|_| stops).map_or(Stop::Never, |it| it.stop);
            if stops {
                state.stopping.insert(call.id, stop);
            }
            if let Some(trace) = &mut state.trace {
                let ms = started.elapsed().as_millis();
                trace.push(format!("{ms:>6} ms  {} {}", call.server, call.request));
            }
            stop
        };
        self.check(&call, "before");
        match stop {
            Stop::PauseBefore(_) | Stop::CrashBefore(_) | Stop::CrashLate(_) => {
                let place = format!("before {} {}", call.server, call.request);
                if !self.hold(place).await {
                    return Admission::Drop;
                }
                Admission::Proceed
            }
            Stop::Refuse(_, status) => Admission::Reject(status),
            _ => Admission::Proceed,
        }
    }

    async fn leave(&self, call: ArrivedCall, status: u16) -> Delivery {
        if call.server == "s3"
            && (200..300).contains(&status)
            && let Some(key) = call.request.strip_prefix("PUT /shop-exports/ledger/")
        {
            let key = format!("ledger/{key}");
            if let Ok(Some(bytes)) = self.aws.read_object("shop-exports", &key).await {
                let text = String::from_utf8_lossy(&bytes);
                self.oracle().ledger_written(&key, &text);
                if let Some(trace) = self.state().trace.as_mut().filter(|_| key.contains("claims"))
                {
                    trace.push(format!("{key} is {text}"));
                }
            }
        }
        if call.server == "storage" && !call.request.starts_with("GET ") {
            self.oracle().landing_written();
        }
        self.check(&call, "after");
        let stop = self.state().stopping.remove(&call.id).unwrap_or(Stop::Never);
        match stop {
            Stop::PauseAfter(_) | Stop::CrashAfter(_) | Stop::CrashLate(_) => {
                let place = format!("after {} {}", call.server, call.request);
                if self.hold(place).await { Delivery::Send } else { Delivery::Drop }
            }
            Stop::LoseResponse(_) => Delivery::Drop,
            _ => Delivery::Send,
        }
    }
}

/// The gate as an observer of the local cloud.
pub struct Watch(pub Arc<Gate>);

impl CallObserver for Watch {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let gate = self.0.clone();
        async move { gate.arrive(call).await }.boxed()
    }

    fn after(&self, call: ArrivedCall, status: u16) -> BoxFuture<'static, Delivery> {
        let gate = self.0.clone();
        async move { gate.leave(call, status).await }.boxed()
    }
}
