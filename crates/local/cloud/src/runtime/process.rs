//! [`Process`]: starts, observes and kills a process of a function.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};

use super::logs::Logs;

/// A pipe without a line for this long is considered drained.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1);
/// The interval of checks whether a process has ended while its pipes are open.
const REAP_INTERVAL: Duration = Duration::from_millis(50);
/// The maximum time to wait for the end of a killed process. It takes longer only if the kernel
/// blocks it.
const KILL_TIMEOUT: Duration = Duration::from_millis(500);

/// A process, running or ended.
pub(super) struct Process {
    child: Mutex<Child>,
    pid: u32,
    ended: watch::Receiver<Option<Ended>>,
    /// Requests to the log pumps to write everything that is in their pipes.
    flush_requests: Vec<mpsc::UnboundedSender<oneshot::Sender<()>>>,
    request_id: Arc<Mutex<Option<String>>>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// The exit status; `None` if the system did not provide it.
    pub(super) status: Option<ExitStatus>,
}

/// The parameters of a process to start.
pub(super) struct ProcessSpec<'a> {
    pub(super) function: &'a str,
    pub(super) environment: u64,
    pub(super) program: &'a Path,
    pub(super) args: &'a [String],
    /// All environment variables: none are inherited.
    pub(super) variables: &'a BTreeMap<String, String>,
    pub(super) work_dir: &'a Path,
    pub(super) logs: &'a Logs,
}

impl Process {
    /// Starts a process and writes its output to the log. The process is killed when the last
    /// reference is dropped.
    pub(super) fn start(spec: &ProcessSpec<'_>) -> io::Result<Arc<Self>> {
        let mut child = Command::new(spec.program)
            .args(spec.args)
            .env_clear()
            .envs(spec.variables)
            .current_dir(spec.work_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        let request_id = Arc::new(Mutex::new(None));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (closed, pipes) = mpsc::channel::<()>(1);
        let start_pump = |stream, pipe: Box<dyn AsyncRead + Send + Unpin>| {
            let (sender, flushes) = mpsc::unbounded_channel();
            tokio::spawn(
                LogPump {
                    logs: spec.logs.clone(),
                    function: spec.function.to_owned(),
                    environment: spec.environment,
                    request_id: request_id.clone(),
                    stream,
                    _open: closed.clone(),
                }
                .run(BufReader::new(pipe), flushes),
            );
            sender
        };
        let mut flush_requests = Vec::new();
        if let Some(pipe) = stdout {
            flush_requests.push(start_pump("stdout", Box::new(pipe)));
        }
        if let Some(pipe) = stderr {
            flush_requests.push(start_pump("stderr", Box::new(pipe)));
        }
        let (report_end, ended) = watch::channel(None);
        let process =
            Arc::new(Self { child: Mutex::new(child), pid, ended, flush_requests, request_id });
        drop(closed);
        // The reaper holds a weak reference only, so that it does not keep the process alive.
        tokio::spawn(reap(Arc::downgrade(&process), pipes, report_end));
        Ok(process)
    }

    /// The process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The peak resident memory so far, in MiB rounded up; `None` if the process has ended or the
    /// system does not provide it.
    pub(super) fn peak_memory_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib.div_ceil(1024))
    }

    /// Sets the invocation that the following log lines belong to.
    pub(super) fn set_request_id(&self, request_id: Option<String>) {
        *self.request_id.lock().unwrap_or_else(PoisonError::into_inner) = request_id;
    }

    /// Whether the process is running.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.child().try_wait(), Ok(None))
    }

    /// Waits for the end of the process.
    pub(super) async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(ended) => (*ended).unwrap_or(Ended { status: None }),
            Err(_) => Ended { status: None },
        }
    }

    /// Waits until all output so far is in the log.
    pub(super) async fn flush_logs(&self) {
        for request in &self.flush_requests {
            let (done, wait) = oneshot::channel();
            if request.send(done).is_ok() {
                let _ = wait.await;
            }
        }
    }

    /// Sends SIGKILL, so no handler runs and nothing is flushed.
    pub(super) fn kill(&self) {
        // Fails if the process has already ended, which is fine.
        let _ = self.child().start_kill();
    }

    /// Blocks until a killed process has ended, so that it cannot make another call. This takes
    /// microseconds. It is not async because the caller is a fault hook that cannot await.
    pub(super) fn wait_until_ended(&self) {
        let deadline = Instant::now() + KILL_TIMEOUT;
        while self.is_alive() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies one pipe of a process to the log.
struct LogPump {
    logs: Logs,
    function: String,
    environment: u64,
    request_id: Arc<Mutex<Option<String>>>,
    stream: &'static str,
    /// Dropped at the end of the pipe, which notifies the reaper.
    _open: mpsc::Sender<()>,
}

impl LogPump {
    async fn run(
        self,
        mut pipe: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
        mut flushes: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    ) {
        let mut line = Vec::new();
        loop {
            tokio::select! {
                biased;
                // If a flush request interrupts this read, `line` keeps the part that was read.
                read = pipe.read_until(b'\n', &mut line) => {
                    if !self.log_line(read, &mut line) {
                        return;
                    }
                }
                Some(done) = flushes.recv() => {
                    while let Ok(read) =
                        tokio::time::timeout(DRAIN_TIMEOUT, pipe.read_until(b'\n', &mut line)).await
                    {
                        if !self.log_line(read, &mut line) {
                            return;
                        }
                    }
                    let _ = done.send(());
                }
            }
        }
    }

    /// Logs a complete line. Returns false at the end of the pipe.
    fn log_line(&self, read: io::Result<usize>, line: &mut Vec<u8>) -> bool {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if !text.is_empty() {
            let request = self.request_id.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let written =
                self.logs.write(&self.function, self.environment, request, self.stream, text);
            if let Err(error) = written {
                tracing::warn!(function = self.function, %error, "could not write a log line");
            }
        }
        line.clear();
        matches!(read, Ok(bytes) if bytes > 0)
    }
}

/// Reports the end of a process.
async fn reap(
    process: std::sync::Weak<Process>,
    mut pipes: mpsc::Receiver<()>,
    report_end: watch::Sender<Option<Ended>>,
) {
    let mut open = true;
    loop {
        {
            let Some(process) = process.upgrade() else { return };
            match process.child().try_wait() {
                Ok(None) => {}
                Ok(status) => {
                    let _ = report_end.send(Some(Ended { status }));
                    return;
                }
                Err(error) => {
                    tracing::warn!(pid = process.pid, %error, "could not wait for the process of a function");
                    let _ = report_end.send(Some(Ended { status: None }));
                    return;
                }
            }
        }
        // A process that ends closes its pipes, so their end is noticed immediately.
        tokio::select! {
            _ = pipes.recv(), if open => open = false,
            () = tokio::time::sleep(if open { REAP_INTERVAL } else { DRAIN_TIMEOUT }) => {}
        }
    }
}
