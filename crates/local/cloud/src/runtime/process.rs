//! A process of a function: its start, its death, and how it is killed.

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

/// How long a read must stay without a line until the pipe counts as drained.
const QUIET: Duration = Duration::from_millis(1);
/// How often to look whether a process has ended while its pipes are still open.
const REAP_INTERVAL: Duration = Duration::from_millis(50);
/// How long a killed process may take to be gone; beyond that something holds it in the kernel.
const KILL_PATIENCE: Duration = Duration::from_millis(500);

/// A running (or ended) process.
pub(super) struct Process {
    child: Mutex<Child>,
    pid: u32,
    ended: watch::Receiver<Option<Ended>>,
    pumps: Vec<mpsc::UnboundedSender<oneshot::Sender<()>>>,
    request_id: Arc<Mutex<Option<String>>>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// What the system says; none when it would not say.
    pub(super) status: Option<ExitStatus>,
}

/// What to start.
pub(super) struct Start<'a> {
    pub(super) function: &'a str,
    pub(super) environment: u64,
    pub(super) program: &'a Path,
    pub(super) args: &'a [String],
    /// The whole environment: nothing is inherited.
    pub(super) variables: &'a BTreeMap<String, String>,
    pub(super) work_dir: &'a Path,
    pub(super) logs: &'a Logs,
}

impl Process {
    /// Starts a program with its output going to the log. It is killed when the last owner lets go.
    pub(super) fn start(start: &Start<'_>) -> io::Result<Arc<Self>> {
        let mut child = Command::new(start.program)
            .args(start.args)
            .env_clear()
            .envs(start.variables)
            .current_dir(start.work_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        let request_id = Arc::new(Mutex::new(None));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (closed, pipes) = mpsc::channel::<()>(1);
        let pump = |stream, pipe: Box<dyn AsyncRead + Send + Unpin>| {
            let (sender, flushes) = mpsc::unbounded_channel();
            tokio::spawn(
                Pump {
                    logs: start.logs.clone(),
                    function: start.function.to_owned(),
                    environment: start.environment,
                    request_id: request_id.clone(),
                    stream,
                    _open: closed.clone(),
                }
                .run(BufReader::new(pipe), flushes),
            );
            sender
        };
        let mut pumps = Vec::new();
        if let Some(pipe) = stdout {
            pumps.push(pump("stdout", Box::new(pipe)));
        }
        if let Some(pipe) = stderr {
            pumps.push(pump("stderr", Box::new(pipe)));
        }
        let (told, ended) = watch::channel(None);
        let process = Arc::new(Self { child: Mutex::new(child), pid, ended, pumps, request_id });
        drop(closed);
        // The reaper holds no strong reference: a process that nobody owns must die.
        tokio::spawn(reap(Arc::downgrade(&process), pipes, told));
        Ok(process)
    }

    /// The operating system's id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The most memory that was resident at once so far (MiB, rounded up); none where the system
    /// does not tell, or when it has ended.
    pub(super) fn peak_memory_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib.div_ceil(1024))
    }

    /// Names the invocation in the log lines that follow.
    pub(super) fn works_on(&self, request_id: Option<String>) {
        *self.request_id.lock().unwrap_or_else(PoisonError::into_inner) = request_id;
    }

    /// Whether it has not ended yet.
    pub(super) fn alive(&self) -> bool {
        matches!(self.child().try_wait(), Ok(None))
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(ended) => (*ended).unwrap_or(Ended { status: None }),
            Err(_) => Ended { status: None },
        }
    }

    /// Waits until all it wrote so far is in the log.
    pub(super) async fn flush_logs(&self) {
        for pump in &self.pumps {
            let (done, wait) = oneshot::channel();
            if pump.send(done).is_ok() {
                let _ = wait.await;
            }
        }
    }

    /// Sends SIGKILL: no handler runs, nothing is flushed.
    pub(super) fn kill(&self) {
        // It may have ended by itself: then there is nothing to do.
        let _ = self.child().start_kill();
    }

    /// Blocks until a killed process is gone, so that it cannot make one more call while
    /// its killer believes it dead. A matter of microseconds, hence no `await`: the
    /// killer is a fault hook that cannot.
    pub(super) fn wait_gone(&self) {
        let patience = Instant::now() + KILL_PATIENCE;
        while self.alive() && Instant::now() < patience {
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries one pipe of a process to the log.
struct Pump {
    logs: Logs,
    function: String,
    environment: u64,
    request_id: Arc<Mutex<Option<String>>>,
    stream: &'static str,
    /// Dropped when the pipe is at its end, which tells the reaper.
    _open: mpsc::Sender<()>,
}

impl Pump {
    async fn run(
        self,
        mut pipe: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
        mut flushes: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    ) {
        let mut line = Vec::new();
        loop {
            tokio::select! {
                biased;
                // Cancelled in the middle of a line, `line` keeps what was read of it.
                read = pipe.read_until(b'\n', &mut line) => {
                    if !self.take(read, &mut line) {
                        return;
                    }
                }
                Some(done) = flushes.recv() => {
                    while let Ok(read) =
                        tokio::time::timeout(QUIET, pipe.read_until(b'\n', &mut line)).await
                    {
                        if !self.take(read, &mut line) {
                            return;
                        }
                    }
                    let _ = done.send(());
                }
            }
        }
    }

    /// Logs a whole line; false at the end of the pipe.
    fn take(&self, read: io::Result<usize>, line: &mut Vec<u8>) -> bool {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if !text.is_empty() {
            let request = self.request_id.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let written =
                self.logs.write(&self.function, self.environment, request, self.stream, text);
            if let Err(error) = written {
                tracing::warn!(function = self.function, %error, "log line lost");
            }
        }
        line.clear();
        matches!(read, Ok(bytes) if bytes > 0)
    }
}

async fn reap(
    process: std::sync::Weak<Process>,
    mut pipes: mpsc::Receiver<()>,
    told: watch::Sender<Option<Ended>>,
) {
    let mut open = true;
    loop {
        {
            let Some(process) = process.upgrade() else { return };
            match process.child().try_wait() {
                Ok(None) => {}
                Ok(status) => {
                    let _ = told.send(Some(Ended { status }));
                    return;
                }
                Err(error) => {
                    tracing::warn!(pid = process.pid, %error, "a function's process cannot be waited for");
                    let _ = told.send(Some(Ended { status: None }));
                    return;
                }
            }
        }
        // The end of its pipes is the first sign of a death, and comes at once.
        tokio::select! {
            _ = pipes.recv(), if open => open = false,
            () = tokio::time::sleep(if open { REAP_INTERVAL } else { QUIET }) => {}
        }
    }
}
