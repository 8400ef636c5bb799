//! Database servers that live as long as a test.
//!
//! | module | what it holds |
//! |---|---|
//! | here | what the servers share: programs, users, ports, and how a server ends |
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
const ANYWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// How long a server may take until it accepts connections; it is usually one second.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks at the server's log.
const START_POLL: Duration = Duration::from_millis(50);
/// Times that another port is tried when someone took the chosen one first.
const ATTEMPTS: usize = 3;

/// Runs the server named by its arguments after the first and, when standard input ends,
/// sends it the signal that the first one names. That also happens when this process is
/// killed.
const KEEPER: &str = r#"signal=$1; shift; "$@" & server=$!; read -r _; kill -$signal $server 2>/dev/null; wait $server"#;

/// Why no server could be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestServerError {
    /// The server's programs are not on this machine.
    #[error(
        "no {programs} on PATH nor in {folder}; run {script}, or install your system's {server} \
         server package"
    )]
    NotInstalled {
        /// Whose server.
        server: &'static str,
        /// What is missing.
        programs: &'static str,
        /// Where else it was looked for.
        folder: &'static str,
        /// What installs it.
        script: &'static str,
    },
    /// The server refuses to run as root and there is no other user to run it as.
    #[error(
        "{server} does not run as root, and there is neither a user {user} nor nobody to run it as"
    )]
    NoUser {
        /// Whose server.
        server: &'static str,
        /// The user that its packages make.
        user: &'static str,
    },
    /// A file or a process could not be made.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A program of the server ended badly; its words are there.
    #[error("{program} failed: {output}")]
    Failed {
        /// The program's name.
        program: &'static str,
        /// What it wrote.
        output: String,
    },
}

fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> TestServerError {
    move |source| TestServerError::Io { doing, source }
}

/// A kind of server.
struct Kind {
    /// Its name, for messages.
    server: &'static str,
    /// The user that its packages make, which owns its files when this process is root.
    user: &'static str,
    /// The program that serves.
    program: &'static str,
    /// The signal that ends it in order.
    signal: &'static str,
    /// What its log says once it accepts connections.
    ready: &'static str,
    /// What its log says when it gave up.
    gave_up: &'static str,
}

/// A directory of a server's own, and as whom its programs run there.
struct Home {
    dir: TempDir,
    owner: Option<(u32, u32)>,
}

/// A server that runs. Dropping it stops the server and removes its files.
#[derive(Debug)]
struct Running {
    keeper: Child,
    address: SocketAddrV4,
    _dir: TempDir,
}

impl Home {
    fn new(kind: &Kind) -> Result<Home, TestServerError> {
        let dir =
            TempDir::with_prefix("landbridge-").map_err(io("create a temporary directory"))?;
        let owner = other_user(kind, dir.path())?;
        if let Some((user, group)) = owner {
            chown(dir.path(), Some(user), Some(group))
                .map_err(io("give the temporary directory away"))?;
        }
        Ok(Home { dir, owner })
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A command that runs as the owner, in the directory: the current one may be closed to
    /// another user.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null()).env("LC_ALL", "C");
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    /// Runs a program that prepares the directory, to its end.
    fn prepare(&self, name: &'static str, mut command: Command) -> Result<(), TestServerError> {
        let output = command.output().map_err(io("run the program that makes a database"))?;
        if output.status.success() {
            return Ok(());
        }
        let words = [output.stdout, output.stderr].concat();
        let output = String::from_utf8_lossy(&words).into_owned();
        Err(TestServerError::Failed { program: name, output })
    }

    /// Serves with `program` and the arguments that `arguments` gives for an address, and
    /// returns when the server accepts connections. Port 0 is any free one; one that is taken
    /// gives way to one.
    fn serve(
        self,
        kind: &Kind,
        program: &Path,
        wanted: SocketAddrV4,
        arguments: impl Fn(&Path, SocketAddrV4) -> Vec<String>,
    ) -> Result<Running, TestServerError> {
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            let address = match wanted.port() {
                port if port > 0 && attempt == 0 => wanted,
                _ => SocketAddrV4::new(*wanted.ip(), free_port(*wanted.ip())?),
            };
            let log = self.path().join("log");
            let mut keeper =
                self.keeper(kind, program, &arguments(self.path(), address), address, &log)?;
            match ready(kind, &mut keeper, &log) {
                Ok(()) => return Ok(Running { keeper, address, _dir: self.dir }),
                Err(log) => {
                    stop(&mut keeper);
                    last = log;
                }
            }
        }
        Err(TestServerError::Failed { program: kind.program, output: last })
    }

    fn keeper(
        &self,
        kind: &Kind,
        program: &Path,
        arguments: &[String],
        address: SocketAddrV4,
        log: &Path,
    ) -> Result<Child, TestServerError> {
        let mut log = std::fs::File::create(log).map_err(io("create the server's log"))?;
        // So that an empty log still tells whose it is.
        writeln!(log, "address {address}").map_err(io("write the server's log"))?;
        let errors = log.try_clone().map_err(io("create the server's log"))?;
        let _ = log.set_permissions(std::fs::Permissions::from_mode(0o644));
        let mut keeper = self.command(Path::new("/bin/sh"));
        keeper.args(["-c", KEEPER, "keeper", kind.signal]).arg(program).args(arguments);
        keeper.stdin(Stdio::piped()).stdout(log).stderr(errors);
        // Ctrl-C in a terminal goes to the whole group: the server is stopped by
        // its keeper alone, after the tests had their say.
        keeper.process_group(0);
        keeper.spawn().map_err(io("start the server"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        stop(&mut self.keeper);
    }
}

/// Ends the server by ending the keeper's standard input, and waits for both.
fn stop(keeper: &mut Child) {
    drop(keeper.stdin.take());
    // Nothing can be done about a process that cannot be waited for.
    let _ = keeper.wait();
}

/// A database's name within an address.
fn percent(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes().fold(String::new(), |text, byte| match plain(byte) {
        true => text + &char::from(byte).to_string(),
        false => text + &format!("%{byte:02X}"),
    })
}

/// The folders of `PATH`.
fn path_folders() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

/// The user and group to run as when this process is root.
fn other_user(kind: &Kind, own_dir: &Path) -> Result<Option<(u32, u32)>, TestServerError> {
    // A directory that this process has just made belongs to its user.
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

/// Waits until the log says that the server is ready; else returns the log.
fn ready(kind: &Kind, keeper: &mut Child, log: &Path) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let mut text = String::new();
        if let Ok(mut file) = std::fs::File::open(log) {
            // Half a character at the end is read whole the next time.
            let _ = file.read_to_string(&mut text);
        }
        if text.contains(kind.ready) {
            return Ok(());
        }
        let ended = text.contains(kind.gave_up) || keeper.try_wait().ok().flatten().is_some();
        if ended || began.elapsed() > START_LIMIT {
            return Err(text);
        }
        std::thread::sleep(START_POLL);
    }
}
