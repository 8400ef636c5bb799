//! A PostgreSQL server that lives as long as a test.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take until it accepts connections; it is usually one second.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks at the server's log.
const START_POLL: Duration = Duration::from_millis(50);
/// Times that another port is tried when someone took the chosen one first.
const ATTEMPTS: usize = 3;
/// The superuser of the server. It needs no password.
const USER: &str = "landbridge";

/// Runs the server named by its arguments and stops it when standard input
/// ends, which it also does when this process is killed.
const KEEPER: &str = r#""$@" & server=$!; read -r _; kill -INT $server 2>/dev/null; wait $server"#;

/// Why no server could be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThrowAwayError {
    /// There are no PostgreSQL server programs on this machine.
    #[error(
        "no PostgreSQL server programs (initdb, postgres) on PATH nor in /usr/lib/postgresql/*/bin; \
         run scripts/postgres-for-tests.sh, or install your system's PostgreSQL server package"
    )]
    NotInstalled,
    /// PostgreSQL refuses to run as root and there is no other user to run it as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as"
    )]
    NoUser,
    /// A file or a process could not be made.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A program of PostgreSQL ended badly; its words are there.
    #[error("{program} failed: {output}")]
    Failed {
        /// `initdb` or `postgres`.
        program: &'static str,
        /// What it wrote.
        output: String,
    },
}

fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> ThrowAwayError {
    move |source| ThrowAwayError::Io { doing, source }
}

/// A PostgreSQL server of one's own: own data directory, own port on
/// 127.0.0.1, superuser `landbridge` without a password, UTF-8, C locale,
/// nothing synced to disk. Programs are found on `PATH` or in
/// `/usr/lib/postgresql/*/bin` (Debian); when this process is root, they run as
/// `postgres` or `nobody`, for PostgreSQL refuses root.
///
/// Dropping it stops the server and removes its files. When this process dies
/// without dropping it, or keeps it in a `static`, the server stops all the
/// same, but its files stay in the temporary directory.
#[derive(Debug)]
pub struct ThrowAwayPostgres {
    keeper: Child,
    port: u16,
    _dir: TempDir,
}

impl ThrowAwayPostgres {
    /// Makes and starts a server; returns when it accepts connections. Blocks
    /// for some two seconds.
    ///
    /// # Errors
    /// [`ThrowAwayError`] says what is missing and what to do.
    pub fn start() -> Result<ThrowAwayPostgres, ThrowAwayError> {
        let programs = programs().ok_or(ThrowAwayError::NotInstalled)?;
        let dir = TempDir::with_prefix("landbridge-postgres-")
            .map_err(io("create a temporary directory"))?;
        let owner = other_user(dir.path())?;
        if let Some((user, group)) = owner {
            chown(dir.path(), Some(user), Some(group))
                .map_err(io("give the temporary directory away"))?;
        }
        let data = dir.path().join("data");
        let mut initdb = command(&programs.join("initdb"), owner, dir.path());
        initdb.arg("-D").arg(&data);
        initdb.args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let output = initdb.output().map_err(io("run initdb"))?;
        if !output.status.success() {
            let output = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(ThrowAwayError::Failed { program: "initdb", output });
        }
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let port = free_port()?;
            let log = dir.path().join("log");
            let mut keeper = serve(&programs, owner, dir.path(), &data, port, &log)?;
            match ready(&mut keeper, &log) {
                Ok(()) => return Ok(ThrowAwayPostgres { keeper, port, _dir: dir }),
                Err(log) => {
                    stop(&mut keeper);
                    last = log;
                }
            }
        }
        Err(ThrowAwayError::Failed { program: "postgres", output: last })
    }

    /// The address of its database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The address of one of its databases, which `CREATE DATABASE` has made.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for ThrowAwayPostgres {
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

/// The folder that holds both `initdb` and `postgres`, the newest version first.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let version = |folder: &PathBuf| {
        let name = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        name.and_then(|name| name.parse::<f64>().ok()).unwrap_or(0.0)
    };
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut debian: Vec<PathBuf> =
            versions.flatten().map(|entry| entry.path().join("bin")).collect();
        debian.sort_by(|a, b| version(b).total_cmp(&version(a)));
        // Debian's own folders first: what it puts on PATH are wrappers of them.
        folders.splice(0..0, debian);
    }
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// The user and group to run as when this process is root.
fn other_user(own_dir: &Path) -> Result<Option<(u32, u32)>, ThrowAwayError> {
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
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or(ThrowAwayError::NoUser)
}

fn command(program: &Path, owner: Option<(u32, u32)>, dir: &Path) -> Command {
    let mut command = Command::new(program);
    // The current directory may be closed to the other user.
    command.current_dir(dir).stdin(Stdio::null()).env("LC_ALL", "C");
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

fn free_port() -> Result<u16, ThrowAwayError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(io("find a free port"))?;
    Ok(listener.local_addr().map_err(io("find a free port"))?.port())
}

fn serve(
    programs: &Path,
    owner: Option<(u32, u32)>,
    dir: &Path,
    data: &Path,
    port: u16,
    log: &Path,
) -> Result<Child, ThrowAwayError> {
    let mut log = std::fs::File::create(log).map_err(io("create the server's log"))?;
    // So that an empty log still tells whose it is.
    writeln!(log, "port {port}").map_err(io("write the server's log"))?;
    let errors = log.try_clone().map_err(io("create the server's log"))?;
    let _ = log.set_permissions(std::fs::Permissions::from_mode(0o644));
    let mut keeper = command(Path::new("/bin/sh"), owner, dir);
    keeper.args(["-c", KEEPER, "keeper"]).arg(programs.join("postgres")).arg("-D").arg(data);
    keeper.args(["-F", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    keeper.args([
        "-c",
        "full_page_writes=off",
        "-c",
        "synchronous_commit=off",
        "-c",
        "shared_buffers=64MB",
    ]);
    keeper.arg("-p").arg(port.to_string());
    keeper.stdin(Stdio::piped()).stdout(log).stderr(errors);
    // Ctrl-C in a terminal goes to the whole group: the server is stopped by
    // its keeper alone, after the tests had their say.
    keeper.process_group(0);
    keeper.spawn().map_err(io("start the server"))
}

/// Waits until the log says that the server is ready; else returns the log.
fn ready(keeper: &mut Child, log: &Path) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let mut text = String::new();
        if let Ok(mut file) = std::fs::File::open(log) {
            // Half a character at the end is read whole the next time.
            let _ = file.read_to_string(&mut text);
        }
        if text.contains("database system is ready to accept connections") {
            return Ok(());
        }
        let ended = text.contains("FATAL") || keeper.try_wait().ok().flatten().is_some();
        if ended || began.elapsed() > START_LIMIT {
            return Err(text);
        }
        std::thread::sleep(START_POLL);
    }
}
