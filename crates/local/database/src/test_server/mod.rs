//! Database servers that exist for the duration of a test or of a restored database.
//!
//! | module | responsibility |
//! |---|---|
//! | this one | what the servers share: programs, users, ports, and stopping a server |
//! | [`postgres`] | [`TestPostgres`] |
//! | [`mariadb`] | [`TestMariaDb`] |

mod mariadb;
mod postgres;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use mariadb::TestMariaDb;
pub use postgres::TestPostgres;

pub(crate) use postgres::programs as postgres_programs;

/// Any free port of 127.0.0.1.
const ANY_PORT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// Time limit for a server to accept connections. It usually takes one second.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Interval between two reads of the server's log.
const START_POLL: Duration = Duration::from_millis(50);
/// Number of ports to try, because another process may take the chosen one first.
const ATTEMPTS: usize = 3;

/// The subdirectory for a server's temporary files. MariaDB deletes all `#sql*` files of its temporary
/// directory when it starts (`mysql_rm_tmp_tables` in its `sql/sql_base.cc`), so with a shared one a
/// starting server breaks the queries of the others.
const TEMPORARY: &str = "tmp";

/// A shell script that runs the server. Its first argument is a signal, the others are the command.
/// When its standard input ends, also because this process was killed, it sends the signal to the
/// server.
const SUPERVISOR: &str = r#"signal=$1; shift; "$@" & server=$!; read -r _; kill -$signal $server 2>/dev/null; wait $server"#;

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestServerError {
    /// The server's programs are not installed.
    #[error(
        "cannot find the {programs} on PATH or in {folder}; run {script}, or install the {server} \
         server package of your system"
    )]
    NotInstalled {
        /// The server's name.
        server: &'static str,
        /// The missing programs.
        programs: &'static str,
        /// The directory that was searched in addition to `PATH`.
        folder: &'static str,
        /// The script that installs them.
        script: &'static str,
    },
    /// The server refuses to run as root, and no other user exists to run it.
    #[error(
        "{server} does not run as root, and neither of the users `{user}` and `nobody` exists; \
         create one of them"
    )]
    NoUser {
        /// The server's name.
        server: &'static str,
        /// The user that its package creates.
        user: &'static str,
    },
    /// A file or a process could not be created.
    #[error("cannot {action}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A program of the server failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// The program's name.
        program: &'static str,
        /// Its output.
        output: String,
    },
}

fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> TestServerError {
    move |source| TestServerError::Io { action, source }
}

/// A database product and how to run its server.
struct ServerKind {
    /// The name for messages.
    server: &'static str,
    /// The user that its package creates, which owns the files when this process is root.
    user: &'static str,
    /// The program of the server.
    program: &'static str,
    /// The signal for an orderly shutdown.
    signal: &'static str,
    /// The text in its log when it accepts connections.
    ready: &'static str,
    /// The text in its log when it does not start.
    failed: &'static str,
}

/// The directory of a server, and the user that its programs run as.
struct ServerDir {
    dir: TempDir,
    owner: Option<(u32, u32)>,
}

/// A running server. Dropping it stops the server and removes its files.
#[derive(Debug)]
struct RunningServer {
    supervisor: Child,
    address: SocketAddrV4,
    _dir: TempDir,
}

impl ServerDir {
    fn new(kind: &ServerKind) -> Result<ServerDir, TestServerError> {
        let dir =
            TempDir::with_prefix("landbridge-").map_err(io("create a temporary directory"))?;
        let owner = other_user(kind, dir.path())?;
        let temporary = dir.path().join(TEMPORARY);
        std::fs::create_dir(&temporary).map_err(io("create a temporary directory"))?;
        if let Some((user, group)) = owner {
            for path in [dir.path(), &temporary] {
                chown(path, Some(user), Some(group))
                    .map_err(io("give the temporary directory away"))?;
            }
        }
        Ok(ServerDir { dir, owner })
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A command that runs as the owner, in the directory: the owner may not be allowed to read the
    /// current one.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null()).env("LC_ALL", "C");
        command.env("TMPDIR", self.path().join(TEMPORARY));
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    /// Runs a program that prepares the directory, and waits for it.
    fn prepare(&self, name: &'static str, mut command: Command) -> Result<(), TestServerError> {
        let output = command.output().map_err(io("run the program that makes a database"))?;
        if output.status.success() {
            return Ok(());
        }
        let text = [output.stdout, output.stderr].concat();
        let output = String::from_utf8_lossy(&text).into_owned();
        Err(TestServerError::Failed { program: name, output })
    }

    /// Starts `program` with the `arguments` for an address and returns when the server accepts
    /// connections. Port 0, or a port that is taken, becomes any free port.
    fn start(
        self,
        kind: &ServerKind,
        program: &Path,
        requested: SocketAddrV4,
        arguments: impl Fn(&Path, SocketAddrV4) -> Vec<String>,
    ) -> Result<RunningServer, TestServerError> {
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            let address = match requested.port() {
                port if port > 0 && attempt == 0 => requested,
                _ => SocketAddrV4::new(*requested.ip(), free_port(*requested.ip())?),
            };
            let log = self.path().join("log");
            let mut supervisor =
                self.supervisor(kind, program, &arguments(self.path(), address), address, &log)?;
            match wait_until_ready(kind, &mut supervisor, &log) {
                Ok(()) => return Ok(RunningServer { supervisor, address, _dir: self.dir }),
                Err(log) => {
                    stop(&mut supervisor);
                    last = log;
                }
            }
        }
        Err(TestServerError::Failed { program: kind.program, output: last })
    }

    fn supervisor(
        &self,
        kind: &ServerKind,
        program: &Path,
        arguments: &[String],
        address: SocketAddrV4,
        log: &Path,
    ) -> Result<Child, TestServerError> {
        let mut log = std::fs::File::create(log).map_err(io("create the server's log"))?;
        // So that an empty log still identifies its server.
        writeln!(log, "address {address}").map_err(io("write the server's log"))?;
        let errors = log.try_clone().map_err(io("create the server's log"))?;
        let _ = log.set_permissions(std::fs::Permissions::from_mode(0o644));
        let mut supervisor = self.command(Path::new("/bin/sh"));
        supervisor.args(["-c", SUPERVISOR, "supervisor", kind.signal]).arg(program).args(arguments);
        supervisor.stdin(Stdio::piped()).stdout(log).stderr(errors);
        // Ctrl-C in a terminal is sent to the whole process group. In a group of its own, the
        // server is stopped only by its supervisor, after the tests have finished.
        supervisor.process_group(0);
        supervisor.spawn().map_err(io("start the server"))
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        stop(&mut self.supervisor);
    }
}

/// Stops the server by closing the supervisor's standard input, and waits for both.
fn stop(supervisor: &mut Child) {
    drop(supervisor.stdin.take());
    // An error leaves nothing else to do.
    let _ = supervisor.wait();
}

/// Encodes a database's name for a URL.
fn percent_encode(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes().fold(String::new(), |text, byte| match plain(byte) {
        true => text + &char::from(byte).to_string(),
        false => text + &format!("%{byte:02X}"),
    })
}

/// The directories of `PATH`.
fn path_dirs() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

/// The user and group to run as when this process is root.
fn other_user(kind: &ServerKind, own_dir: &Path) -> Result<Option<(u32, u32)>, TestServerError> {
    // A directory that this process has just created belongs to the user of this process.
    let me = own_dir.metadata().map_err(io("look at the temporary directory"))?.uid();
    if me != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(io("read /etc/passwd"))?;
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = find(kind.user).or_else(|| find("nobody"));
    found.map(Some).ok_or(TestServerError::NoUser { server: kind.server, user: kind.user })
}

fn free_port(host: Ipv4Addr) -> Result<u16, TestServerError> {
    let listener = TcpListener::bind((host, 0)).map_err(io("find a free port"))?;
    Ok(listener.local_addr().map_err(io("find a free port"))?.port())
}

/// Waits until the log shows that the server is ready.
///
/// # Errors
/// The content of the log, when the server fails or the time limit expires.
fn wait_until_ready(kind: &ServerKind, supervisor: &mut Child, log: &Path) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let mut text = String::new();
        if let Ok(mut file) = std::fs::File::open(log) {
            // An incomplete character at the end is complete in the next read.
            let _ = file.read_to_string(&mut text);
        }
        if text.contains(kind.ready) {
            return Ok(());
        }
        let ended = text.contains(kind.failed) || supervisor.try_wait().ok().flatten().is_some();
        if ended || began.elapsed() > START_LIMIT {
            return Err(text);
        }
        std::thread::sleep(START_POLL);
    }
}
