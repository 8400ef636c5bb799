//! [`Functions`]: defines functions, keeps warm processes and invokes functions.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use landbridge_local_wire::{CallMonitor, Clock, Server, serve};
use serde_json::{Value, json};

use super::api::{Completion, FunctionError, Invocation, RuntimeApi};
use super::logs::{LogLine, Logs};
use super::process::{Process, ProcessSpec};
use crate::error::LocalError;

/// The definition of a function, like the parameters of `CreateFunction`.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    /// The name.
    pub name: String,
    /// The program, which is `bootstrap` in Lambda.
    pub program: PathBuf,
    /// The arguments of the program; Lambda passes none.
    pub args: Vec<String>,
    /// The environment variables. The process gets these and those of Lambda, and inherits none.
    pub variables: BTreeMap<String, String>,
    /// The memory size that is reported to the function, in MiB. It is not enforced.
    pub memory_mib: u32,
    /// The timeout of an invocation in real time, including the start of the process.
    pub timeout: Duration,
    /// The ARN.
    pub arn: String,
}

/// The outcome of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum InvocationOutcome {
    /// The function returned this.
    Response(Value),
    /// The function reported an error.
    Error {
        /// `errorType`.
        kind: String,
        /// `errorMessage`.
        message: String,
    },
    /// The process ended before it responded.
    Crashed,
    /// The process exceeded the timeout and was killed.
    TimedOut,
}

impl InvocationOutcome {
    /// Whether the function returned a response.
    pub fn is_response(&self) -> bool {
        matches!(self, Self::Response(_))
    }
}

/// The start of a process.
#[derive(Clone, Debug)]
pub struct ColdStart {
    /// The name of the function.
    pub function: String,
    /// The real time from `exec` to the first poll of the Runtime API.
    pub to_first_poll: Duration,
}

/// The functions of an account. Clones share them; the processes end when the last clone is
/// dropped.
#[derive(Clone)]
pub struct Functions(Arc<Inner>);

struct Inner {
    logs: Logs,
    work_dir: PathBuf,
    state: Mutex<FunctionsState>,
    next_request: AtomicU64,
}

#[derive(Default)]
struct FunctionsState {
    specs: BTreeMap<String, FunctionSpec>,
    /// The warm processes by function.
    idle: HashMap<String, Vec<Environment>>,
    /// All processes that may be running, including busy ones, to kill them.
    processes: Vec<(String, Weak<Process>)>,
    /// The number of processes that were started, by function.
    start_counts: HashMap<String, u64>,
    cold_starts: Vec<ColdStart>,
}

/// An execution environment: a process and the Runtime API that it polls. Dropping it kills the
/// process.
struct Environment {
    /// The number within the function, from 1.
    number: u64,
    process: Arc<Process>,
    api: RuntimeApi,
    /// The time of its start, until its cold start is recorded.
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
    /// Creates an empty set. Logs go to `logs_dir`; processes run in `work_dir`, which must exist.
    pub fn new(logs_dir: PathBuf, work_dir: PathBuf, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            logs: Logs::new(logs_dir, clock),
            work_dir,
            state: Mutex::default(),
            next_request: AtomicU64::new(1),
        }))
    }

    /// Defines a function, or redefines it and ends its warm processes.
    pub fn define(&self, spec: FunctionSpec) {
        let mut state = self.state();
        let outdated = state.idle.remove(&spec.name);
        state.specs.insert(spec.name.clone(), spec);
        drop(state);
        drop(outdated);
    }

    /// The names of all functions.
    pub fn names(&self) -> Vec<String> {
        self.state().specs.keys().cloned().collect()
    }

    /// Invokes a function and waits for the outcome. Uses an idle warm process or starts a new one,
    /// so concurrent invocations run in different processes. Dropping the future kills the
    /// process.
    ///
    /// # Errors
    /// The function does not exist, or its program cannot be started. Everything that happens
    /// after the start is an [`InvocationOutcome`].
    pub async fn invoke(
        &self,
        function: &str,
        payload: &Value,
    ) -> Result<InvocationOutcome, LocalError> {
        let spec = self.state().specs.get(function).cloned();
        let spec = spec.ok_or_else(|| LocalError::UnknownFunction(function.to_owned()))?;
        let mut environment = match self.take_idle_environment(function) {
            Some(environment) => environment,
            None => self.start_environment(&spec).await?,
        };
        let id = self.next_request_id();
        environment.process.set_request_id(Some(id.clone()));
        let start = Instant::now();
        let completion = environment.api.submit(Invocation {
            id: id.clone(),
            payload: payload.to_string().into(),
            deadline_ms: deadline_ms(spec.timeout),
            arn: spec.arn.clone(),
        });
        let (outcome, reusable) = tokio::select! {
            biased;
            completion = completion => match completion {
                Ok(Completion::Response(value)) => (InvocationOutcome::Response(value), true),
                Ok(Completion::Error(error)) => (error.into(), true),
                Ok(Completion::InitError(error)) => (error.into(), false),
                Err(_) => (InvocationOutcome::Crashed, false),
            },
            ended = environment.process.ended() => {
                let status = ended.status.map(|status| status.to_string());
                tracing::debug!(function, status, "the process ended during an invocation");
                (InvocationOutcome::Crashed, false)
            }
            () = tokio::time::sleep(spec.timeout) => {
                environment.process.kill();
                (InvocationOutcome::TimedOut, false)
            }
        };
        self.record_cold_start(function, &mut environment);
        // The output before the response belongs to this invocation.
        environment.process.flush_logs().await;
        environment.process.set_request_id(None);
        self.log_report(&spec, &environment, id, start.elapsed());
        if reusable && environment.process.is_alive() {
            self.state().idle.entry(function.to_owned()).or_default().push(environment);
        }
        Ok(outcome)
    }

    /// Sets the timeout of every function, for the invocations from now on.
    pub fn set_timeout(&self, timeout: Duration) {
        for spec in self.state().specs.values_mut() {
            spec.timeout = timeout;
        }
    }

    /// Kills all processes, idle or busy, with SIGKILL and waits for their end. Invocations in
    /// progress end as [`InvocationOutcome::Crashed`]. Returns the number of running processes.
    pub fn kill_all(&self) -> usize {
        let (processes, idle) = {
            let mut state = self.state();
            let processes: Vec<_> =
                state.processes.drain(..).filter_map(|(_, process)| process.upgrade()).collect();
            (processes, std::mem::take(&mut state.idle))
        };
        let alive: Vec<_> = processes.into_iter().filter(|process| process.is_alive()).collect();
        for process in &alive {
            process.kill();
        }
        for process in &alive {
            process.wait_until_ended();
        }
        drop(idle);
        alive.len()
    }

    /// [`kill_all`](Self::kill_all) as a hook that does not keep the processes alive, for example for
    /// a server to which they are connected.
    pub fn kill_hook(&self) -> impl Fn() + Send + Sync + use<> {
        let functions = Arc::downgrade(&self.0);
        move || {
            if let Some(functions) = functions.upgrade() {
                Self(functions).kill_all();
            }
        }
    }

    /// The running processes: function and process id.
    pub fn running(&self) -> Vec<(String, u32)> {
        let running = |(function, process): &(String, Weak<Process>)| {
            let process = process.upgrade().filter(|process| process.is_alive())?;
            Some((function.clone(), process.pid()))
        };
        self.state().processes.iter().filter_map(running).collect()
    }

    /// The log of a function so far, oldest first. It is complete up to the last invocation that
    /// has ended.
    ///
    /// # Errors
    /// The I/O error of reading the log file.
    pub fn logs(&self, function: &str) -> io::Result<Vec<LogLine>> {
        self.0.logs.read(function)
    }

    /// The path of a function's log file.
    pub fn log_path(&self, function: &str) -> PathBuf {
        self.0.logs.path(function)
    }

    /// The cold starts, in the order of the first invocations of the processes.
    pub fn cold_starts(&self) -> Vec<ColdStart> {
        self.state().cold_starts.clone()
    }

    fn state(&self) -> MutexGuard<'_, FunctionsState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle_environment(&self, function: &str) -> Option<Environment> {
        loop {
            // A new lock per iteration: it must not be held while an ended environment is dropped.
            let environment = self.state().idle.get_mut(function)?.pop()?;
            if environment.process.is_alive() {
                return Some(environment);
            }
        }
    }

    async fn start_environment(&self, spec: &FunctionSpec) -> Result<Environment, LocalError> {
        let api = RuntimeApi::default();
        // Calls to the Runtime API have a monitor of their own: they are not external calls.
        let server = serve("lambda", 0, Arc::new(api.clone()), CallMonitor::default())
            .await
            .map_err(|source| LocalError::Serve { server: "lambda", port: 0, source })?;
        let number = {
            let mut state = self.state();
            let started = state.start_counts.entry(spec.name.clone()).or_default();
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
        let process = Process::start(&ProcessSpec {
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

    /// Writes the last log line of an invocation, with duration and peak memory, as Lambda does
    /// ("platform.report", AWS documentation, "Lambda Telemetry API Event schema reference"). The
    /// peak memory is missing if the process has ended.
    fn log_report(
        &self,
        spec: &FunctionSpec,
        environment: &Environment,
        id: String,
        duration: Duration,
    ) {
        let mut metrics = json!({
            "durationMs": duration.as_secs_f64() * 1000.0,
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
            tracing::warn!(function = spec.name, %error, "could not write a log line");
        }
    }

    fn record_cold_start(&self, function: &str, environment: &mut Environment) {
        let Some(first_poll) = environment.api.first_poll() else { return };
        if let Some(started) = environment.started.take() {
            self.state().cold_starts.push(ColdStart {
                function: function.to_owned(),
                to_first_poll: first_poll.duration_since(started),
            });
        }
    }

    /// A request id in the format of Lambda. Ids are counted, not random, so that the logs of two
    /// runs are comparable.
    fn next_request_id(&self) -> String {
        let number = self.0.next_request.fetch_add(1, Ordering::SeqCst);
        format!("00000000-0000-4000-8000-{number:012x}")
    }
}

impl From<FunctionError> for InvocationOutcome {
    fn from(error: FunctionError) -> Self {
        Self::Error { kind: error.kind, message: error.message }
    }
}

fn deadline_ms(timeout: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from((now + timeout).as_millis()).unwrap_or(i64::MAX)
}
