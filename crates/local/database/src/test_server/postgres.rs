//! A PostgreSQL server that lives as long as a test.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use super::{ANYWHERE, Home, Kind, Running, TestServerError, path_folders, percent};

/// The superuser of the server. It needs no password.
const USER: &str = "landbridge";

const KIND: Kind = Kind {
    server: "PostgreSQL",
    user: "postgres",
    program: "postgres",
    // "Fast shutdown" (PostgreSQL documentation, "Shutting Down the Server").
    signal: "INT",
    ready: "database system is ready to accept connections",
    gave_up: "FATAL",
};

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
pub struct TestPostgres(Running);

impl TestPostgres {
    /// Makes and starts a server; returns when it accepts connections. Blocks
    /// for some two seconds.
    ///
    /// # Errors
    /// [`TestServerError`] says what is missing and what to do.
    pub fn start() -> Result<TestPostgres, TestServerError> {
        Self::start_at(ANYWHERE)
    }

    /// As [`start`](Self::start), with `initdb` and `postgres` of this folder. The user as whom
    /// they run must be able to look into it.
    ///
    /// # Errors
    /// [`TestServerError`] says what is missing and what to do.
    pub fn start_from(programs: &Path) -> Result<TestPostgres, TestServerError> {
        Self::start_of(programs, ANYWHERE)
    }

    /// As [`start`](Self::start), at this address of loopback. Port 0 is any free one; a port
    /// that is taken gives way to one.
    ///
    /// # Errors
    /// [`TestServerError`] says what is missing and what to do.
    pub fn start_at(address: SocketAddrV4) -> Result<TestPostgres, TestServerError> {
        let programs = programs().ok_or(TestServerError::NotInstalled {
            server: "PostgreSQL",
            programs: "PostgreSQL server programs (initdb, postgres)",
            folder: "/usr/lib/postgresql/*/bin",
            script: "scripts/postgres-for-tests.sh",
        })?;
        Self::start_of(&programs, address)
    }

    fn start_of(programs: &Path, address: SocketAddrV4) -> Result<TestPostgres, TestServerError> {
        let home = Home::new(&KIND)?;
        let mut initdb = home.command(&programs.join("initdb"));
        initdb.arg("-D").arg(home.path().join("data"));
        initdb.args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        home.prepare("initdb", initdb)?;
        home.serve(&KIND, &programs.join("postgres"), address, arguments).map(TestPostgres)
    }

    /// The address of its database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The address of one of its databases, which `CREATE DATABASE` has made.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}@{}/{}", self.0.address, percent(database))
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

/// The folder that holds both `initdb` and `postgres`, the newest version first.
pub(crate) fn programs() -> Option<PathBuf> {
    let mut folders = path_folders();
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
