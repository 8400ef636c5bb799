//! The functions, their warm processes, and one invocation.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use landbridge_local_wire::{CallMonitor, Clock, Server, serve};
use serde_json::{Value, json};

use super::api::{Answer, Failure, Invocation, RuntimeApi};
use super::logs::{LogLine, Logs};
use super::process::{Process, Start};
use crate::error::LocalError;

/// A function, as `CreateFunction` would know it.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    /// Its name.
    pub name: String,
    /// The program that is its `bootstrap`.
    pub program: PathBuf,
    /// Arguments of the program; none in the cloud.
    pub args: Vec<String>,
    /// Its variables. The process gets these and Lambda's own, and inherits nothing.
    pub variables: BTreeMap<String, String>,
    /// What it is told to have (MiB). Nothing enforces it here.
    pub memory_mib: u32,
    /// How long an invocation may take, of real time, the start of the process included.
    pub timeout: Duration,
    /// Its ARN.
    pub arn: String,
}

/// What became of one invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum InvocationOutcome {
    /// The function returned this.
    Response(Value),
    /// The function failed, in its own words.
    Error {
        /// `errorType`.
        kind: String,
        /// `errorMessage`.
        message: String,
    },
    /// The process ended before it answered.
    Crashed,
    /// The process took too long and was killed.
    TimedOut,
}

impl InvocationOutcome {
    /// Whether the function returned.
    pub fn is_response(&self) -> bool {
        matches!(self, Self::Response(_))
    }
}

/// How long a process took to start.
#[derive(Clone, Debug)]
pub struct ColdStart {
    /// Which function.
    pub function: String,
    /// From `exec` to its first request for work, of real time.
    pub to_first_poll: Duration,
}

/// All functions of one account. Clones share them; the processes end with the last clone.
#[derive(Clone)]
pub struct Functions(Arc<Inner>);

struct Inner {
    logs: Logs,
    work_dir: PathBuf,
    state: Mutex<State>,
    counter: AtomicU64,
}

#[derive(Default)]
struct State {
    specs: BTreeMap<String, FunctionSpec>,
    idle: HashMap<String, Vec<Environment>>,
    /// Every process that may be alive, busy ones too, so that all can be killed.
    processes: Vec<(String, Weak<Process>)>,
    started: HashMap<String, u64>,
    cold_starts: Vec<ColdStart>,
}

/// A process with the Runtime API it polls. Dropping it ends the process.
struct Environment {
    /// Counted from 1 within its function.
    number: u64,
    process: Arc<Process>,
    api: RuntimeApi,
    /// When it was started, until its cold start has been noted.
    started: Option<Instant>,
    _server: Server,
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.process.kill();
        self.api.close();
    }
}

impl Functions {
    /// No functions yet. Logs go to `logs_dir`; processes run in `work_dir`, which must exist.
    pub fn new(logs_dir: PathBuf, work_dir: PathBuf, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            logs: Logs::new(logs_dir, clock),
            work_dir,
            state: Mutex::default(),
            counter: AtomicU64::new(1),
        }))
    }

    /// Adds a function, or replaces one: its warm processes end.
    pub fn define(&self, spec: FunctionSpec) {
        let mut state = self.state();
        let stale = state.idle.remove(&spec.name);
        state.specs.insert(spec.name.clone(), spec);
        drop(state);
        drop(stale);
    }

    /// The names of all functions.
    pub fn names(&self) -> Vec<String> {
        self.state().specs.keys().cloned().collect()
    }

    /// Invokes a function and waits. A warm process is used when one is idle, else a
    /// new one is started: two invocations at once run in two processes. Dropping
    /// the future kills the process.
    ///
    /// # Errors
    /// When there is no such function, or its program cannot be started. All that
    /// happens after the start is an [`InvocationOutcome`].
    pub async fn invoke(
        &self,
        function: &str,
        payload: &Value,
    ) -> Result<InvocationOutcome, LocalError> {
        let spec = self.state().specs.get(function).cloned();
        let spec = spec.ok_or_else(|| LocalError::UnknownFunction(function.to_owned()))?;
        let mut environment = match self.take_idle(function) {
            Some(environment) => environment,
            None => self.start(&spec).await?,
        };
        let id = self.next_id();
        environment.process.works_on(Some(id.clone()));
        let began = Instant::now();
        let answer = environment.api.submit(Invocation {
            id: id.clone(),
            payload: payload.to_string().into(),
            deadline_ms: deadline_ms(spec.timeout),
            arn: spec.arn.clone(),
        });
        let (outcome, reusable) = tokio::select! {
            biased;
            answer = answer => match answer {
                Ok(Answer::Response(value)) => (InvocationOutcome::Response(value), true),
                Ok(Answer::Error(failure)) => (failure.into(), true),
                Ok(Answer::InitError(failure)) => (failure.into(), false),
                Err(_) => (InvocationOutcome::Crashed, false),
            },
            ended = environment.process.ended() => {
                let status = ended.status.map(|status| status.to_string());
                tracing::debug!(function, status, "process ended during an invocation");
                (InvocationOutcome::Crashed, false)
            }
            () = tokio::time::sleep(spec.timeout) => {
                environment.process.kill();
                (InvocationOutcome::TimedOut, false)
            }
        };
        self.note_cold_start(function, &mut environment);
        // What it wrote before it answered belongs to this invocation.
        environment.process.flush_logs().await;
        environment.process.works_on(None);
        self.report(&spec, &environment, id, began.elapsed());
        if reusable && environment.process.alive() {
            self.state().idle.entry(function.to_owned()).or_default().push(environment);
        }
        Ok(outcome)
    }

    /// Kills every process at once with SIGKILL, idle or busy, and returns when they
    /// are gone. Invocations under way end as [`InvocationOutcome::Crashed`].
    /// Returns how many there were.
    pub fn kill_all(&self) -> usize {
        let (processes, idle) = {
            let mut state = self.state();
            let processes: Vec<_> =
                state.processes.drain(..).filter_map(|(_, process)| process.upgrade()).collect();
            (processes, std::mem::take(&mut state.idle))
        };
        let alive: Vec<_> = processes.into_iter().filter(|process| process.alive()).collect();
        for process in &alive {
            process.kill();
        }
        for process in &alive {
            process.wait_gone();
        }
        drop(idle);
        alive.len()
    }

    /// [`kill_all`](Self::kill_all) for whoever must not keep the processes alive by
    /// holding it, such as a server that they are connected to.
    pub fn kill_hook(&self) -> impl Fn() + Send + Sync + use<> {
        let functions = Arc::downgrade(&self.0);
        move || {
            if let Some(functions) = functions.upgrade() {
                Self(functions).kill_all();
            }
        }
    }

    /// The living processes: function and process id.
    pub fn running(&self) -> Vec<(String, u32)> {
        let living = |(function, process): &(String, Weak<Process>)| {
            let process = process.upgrade().filter(|process| process.alive())?;
            Some((function.clone(), process.pid()))
        };
        self.state().processes.iter().filter_map(living).collect()
    }

    /// What a function has written so far, oldest first. Complete up to the last
    /// invocation that returned.
    ///
    /// # Errors
    /// When the log file cannot be read.
    pub fn logs(&self, function: &str) -> io::Result<Vec<LogLine>> {
        self.0.logs.read(function)
    }

    /// Where a function's log lies.
    pub fn log_path(&self, function: &str) -> PathBuf {
        self.0.logs.path(function)
    }

    /// How long each process took to start, in the order of their first invocations.
    pub fn cold_starts(&self) -> Vec<ColdStart> {
        self.state().cold_starts.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self, function: &str) -> Option<Environment> {
        loop {
            // The lock is not held while a dead environment is dropped.
            let environment = self.state().idle.get_mut(function)?.pop()?;
            if environment.process.alive() {
                return Some(environment);
            }
        }
    }

    async fn start(&self, spec: &FunctionSpec) -> Result<Environment, LocalError> {
        let api = RuntimeApi::default();
        // Calls of the Runtime API are not calls to the outside: they get a count of their own.
        let server = serve("lambda", 0, Arc::new(api.clone()), CallMonitor::default())
            .await
            .map_err(|source| LocalError::Serve { server: "lambda", port: 0, source })?;
        let number = {
            let mut state = self.state();
            let started = state.started.entry(spec.name.clone()).or_default();
            *started += 1;
            *started
        };
        let mut variables = spec.variables.clone();
        let lambda = [
            ("AWS_LAMBDA_RUNTIME_API", server.addr().to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mib.to_string()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", format!("[$LATEST]{number:032x}")),
        ];
        variables.extend(lambda.map(|(name, value)| (name.to_owned(), value)));
        let started = Instant::now();
        let process = Process::start(&Start {
            function: &spec.name,
            environment: number,
            program: &spec.program,
            args: &spec.args,
            variables: &variables,
            work_dir: &self.0.work_dir,
            logs: &self.0.logs,
        })
        .map_err(|source| LocalError::Start {
            function: spec.name.clone(),
            program: spec.program.clone(),
            source,
        })?;
        let mut state = self.state();
        state.processes.retain(|(_, process)| process.strong_count() > 0);
        state.processes.push((spec.name.clone(), Arc::downgrade(&process)));
        drop(state);
        Ok(Environment { number, process, api, started: Some(started), _server: server })
    }

    /// Ends the log of an invocation as Lambda does: with how long it took and how much memory
    /// its process has had at most ("platform.report", AWS documentation, "Lambda Telemetry API
    /// Event schema reference"). A process that is gone is not asked for its memory.
    fn report(&self, spec: &FunctionSpec, environment: &Environment, id: String, took: Duration) {
        let mut metrics = json!({
            "durationMs": took.as_secs_f64() * 1000.0,
            "memorySizeMB": spec.memory_mib,
        });
        if let Some(peak) = environment.process.peak_memory_mib() {
            metrics["maxMemoryUsedMB"] = peak.into();
        }
        let line = json!({
            "type": "platform.report",
            "record": { "requestId": id, "metrics": metrics },
        });
        let number = environment.number;
        let logs = &self.0.logs;
        if let Err(error) = logs.write(&spec.name, number, Some(id), "platform", &line.to_string())
        {
            tracing::warn!(function = spec.name, %error, "log line lost");
        }
    }

    fn note_cold_start(&self, function: &str, environment: &mut Environment) {
        let Some(polled) = environment.api.first_poll() else { return };
        if let Some(started) = environment.started.take() {
            self.state().cold_starts.push(ColdStart {
                function: function.to_owned(),
                to_first_poll: polled.duration_since(started),
            });
        }
    }

    /// Request ids look like Lambda's, but are counted, so that logs of two runs compare.
    fn next_id(&self) -> String {
        let number = self.0.counter.fetch_add(1, Ordering::SeqCst);
        format!("00000000-0000-4000-8000-{number:012x}")
    }
}

impl From<Failure> for InvocationOutcome {
    fn from(failure: Failure) -> Self {
        Self::Error { kind: failure.kind, message: failure.message }
    }
}

fn deadline_ms(timeout: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from((now + timeout).as_millis()).unwrap_or(i64::MAX)
}
