//! A PostgreSQL server for tests.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use super::{
    ANY_PORT, RunningServer, ServerDir, ServerKind, TestServerError, path_dirs, percent_encode,
};

/// The superuser of the server. It needs no password.
const USER: &str = "landbridge";

const KIND: ServerKind = ServerKind {
    server: "PostgreSQL",
    user: "postgres",
    program: "postgres",
    // "Fast shutdown" (PostgreSQL documentation, "Shutting Down the Server").
    signal: "INT",
    ready: "database system is ready to accept connections",
    failed: "FATAL",
};

/// A PostgreSQL server with its own data directory and its own port on 127.0.0.1. The superuser
/// `landbridge` has no password, the encoding is UTF-8, the locale C, and nothing is synced to disk.
/// Programs are searched in `/usr/lib/postgresql/*/bin` (Debian) and on `PATH`. When this process is
/// root, they run as `postgres` or `nobody`, because PostgreSQL refuses to run as root.
///
/// Dropping it stops the server and removes its files. When this process ends without dropping it,
/// or keeps it in a `static`, the server also stops, but its files stay in the temporary directory.
#[derive(Debug)]
pub struct TestPostgres(RunningServer);

impl TestPostgres {
    /// Creates and starts a server, and returns when it accepts connections. Blocks for about two
    /// seconds.
    ///
    /// # Errors
    /// Any [`TestServerError`].
    pub fn start() -> Result<TestPostgres, TestServerError> {
        Self::start_at(ANY_PORT)
    }

    /// As [`start`](Self::start), with `initdb` and `postgres` of this directory. The user that the
    /// server runs as must be able to read it.
    ///
    /// # Errors
    /// Any [`TestServerError`].
    pub fn start_from(programs: &Path) -> Result<TestPostgres, TestServerError> {
        Self::start_with_programs(programs, ANY_PORT)
    }

    /// As [`start`](Self::start), at this loopback address. Port 0, or a port that is taken, becomes
    /// any free port.
    ///
    /// # Errors
    /// Any [`TestServerError`].
    pub fn start_at(address: SocketAddrV4) -> Result<TestPostgres, TestServerError> {
        let programs = programs().ok_or(TestServerError::NotInstalled {
            server: "PostgreSQL",
            programs: "PostgreSQL server programs (initdb, postgres)",
            folder: "/usr/lib/postgresql/*/bin",
            script: "scripts/postgres-for-tests.sh",
        })?;
        Self::start_with_programs(&programs, address)
    }

    fn start_with_programs(
        programs: &Path,
        address: SocketAddrV4,
    ) -> Result<TestPostgres, TestServerError> {
        let home = ServerDir::new(&KIND)?;
        let mut initdb = home.command(&programs.join("initdb"));
        initdb.arg("-D").arg(home.path().join("data"));
        initdb.args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        home.prepare("initdb", initdb)?;
        home.start(&KIND, &programs.join("postgres"), address, arguments).map(TestPostgres)
    }

    /// The URL of its database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of a database on this server. The caller creates the database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}@{}/{}", self.0.address, percent_encode(database))
    }
}

fn arguments(dir: &Path, address: SocketAddrV4) -> Vec<String> {
    let data = dir.join("data").display().to_string();
    let port = address.port().to_string();
    let listen = format!("listen_addresses={}", address.ip());
    let mut arguments = vec!["-D", &data, "-p", &port, "-F"];
    for setting in [
        &listen,
        "unix_socket_directories=",
        "full_page_writes=off",
        "synchronous_commit=off",
        "shared_buffers=64MB",
    ] {
        arguments.extend(["-c", setting]);
    }
    arguments.into_iter().map(str::to_owned).collect()
}

/// The directory with both `initdb` and `postgres`, of the newest version.
pub(crate) fn programs() -> Option<PathBuf> {
    let mut dirs = path_dirs();
    let version = |dir: &PathBuf| {
        let name = dir.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        name.and_then(|name| name.parse::<f64>().ok()).unwrap_or(0.0)
    };
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut debian: Vec<PathBuf> =
            versions.flatten().map(|entry| entry.path().join("bin")).collect();
        debian.sort_by(|a, b| version(b).total_cmp(&version(a)));
        // Debian's own directories first: its programs on PATH are wrappers of these.
        dirs.splice(0..0, debian);
    }
    dirs.into_iter().find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
}
