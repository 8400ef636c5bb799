//! A MariaDB server for tests.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use super::{
    ANY_PORT, RunningServer, ServerDir, ServerKind, TestServerError, path_dirs, percent_encode,
};

/// The user with all rights. It has no password.
const USER: &str = "root";

/// Number of attempts to create a data directory.
const INSTALLS: u32 = 3;
/// The kernel limits the asynchronous requests of all processes together (`fs.aio-max-nr`), and
/// several servers at a time exceed the limit.
const NO_AIO: &str = "--innodb-use-native-aio=OFF";

/// The directory of the programs on Debian.
const DEBIAN_DIR: &str = "/usr/sbin";

const KIND: ServerKind = ServerKind {
    server: "MariaDB",
    user: "mysql",
    program: "mariadbd",
    signal: "TERM",
    ready: "ready for connections",
    failed: "Aborting",
};

/// A MariaDB server with its own data directory, port on 127.0.0.1 and socket. The user `root` has no
/// password, the storage engine is InnoDB, and nothing is synced to disk. Programs are searched on
/// `PATH` and in `/usr/sbin` (Debian). When this process is root, they run as `mysql` or `nobody`,
/// because MariaDB refuses to run as root.
///
/// Dropping it stops the server and removes its files, as for
/// [`TestPostgres`](super::TestPostgres).
#[derive(Debug)]
pub struct TestMariaDb(RunningServer);

impl TestMariaDb {
    /// Creates and starts a server, and returns when it accepts connections. Blocks for about three
    /// seconds.
    ///
    /// # Errors
    /// Any [`TestServerError`].
    pub fn start() -> Result<TestMariaDb, TestServerError> {
        Self::start_at(ANY_PORT)
    }

    /// As [`start`](Self::start), at this loopback address. Port 0, or a port that is taken, becomes
    /// any free port.
    ///
    /// # Errors
    /// Any [`TestServerError`].
    pub fn start_at(address: SocketAddrV4) -> Result<TestMariaDb, TestServerError> {
        Self::launch(address, &[])
    }

    /// As [`start`](Self::start), with additional arguments of `mariadbd`. Its user must be able to
    /// read the files that they name.
    ///
    /// # Errors
    /// Any [`TestServerError`].
    pub fn start_with(extra: &[String]) -> Result<TestMariaDb, TestServerError> {
        Self::launch(ANY_PORT, extra)
    }

    fn launch(address: SocketAddrV4, extra: &[String]) -> Result<TestMariaDb, TestServerError> {
        let mut folders = path_dirs();
        // Often not on the PATH of users other than root.
        folders.push(PathBuf::from(DEBIAN_DIR));
        let (install, server) = programs(&folders)?;
        let mut attempt = 1;
        let home = loop {
            let home = ServerDir::new(&KIND)?;
            let mut command = home.command(&install);
            command.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
            command.args(["--skip-test-db", "--skip-name-resolve", NO_AIO]);
            command.arg(format!("--datadir={}", home.path().join("data").display()));
            match home.prepare("mariadb-install-db", command) {
                Ok(()) => break home,
                // Observed once when many servers started at the same time: retry in another
                // directory.
                Err(TestServerError::Failed { .. }) if attempt < INSTALLS => attempt += 1,
                Err(error) => return Err(error),
            }
        };
        let all = |dir: &Path, address| [arguments(dir, address), extra.to_vec()].concat();
        home.start(&KIND, &server, address, all).map(TestMariaDb)
    }

    /// The URL of a database on this server. The caller creates the database; `mysql` always
    /// exists.
    pub fn url_of(&self, database: &str) -> String {
        format!("mysql://{USER}@{}/{}", self.0.address, percent_encode(database))
    }
}

fn arguments(dir: &Path, address: SocketAddrV4) -> Vec<String> {
    let file = |name: &str| dir.join(name).display().to_string();
    vec![
        // Ignore the configuration of the machine. This option must come first.
        "--no-defaults".to_owned(),
        format!("--datadir={}", file("data")),
        format!("--socket={}", file("socket")),
        format!("--pid-file={}", file("pid")),
        format!("--port={}", address.port()),
        format!("--bind-address={}", address.ip()),
        "--skip-name-resolve".to_owned(),
        "--skip-log-bin".to_owned(),
        NO_AIO.to_owned(),
        "--innodb-flush-log-at-trx-commit=0".to_owned(),
        "--innodb-fast-shutdown=2".to_owned(),
        "--innodb-buffer-pool-size=128M".to_owned(),
        // Accept zero dates and other values that a strict server refuses.
        "--sql-mode=".to_owned(),
        "--character-set-server=utf8mb4".to_owned(),
        "--local-infile=ON".to_owned(),
        // The maximum size of a row in the protocol.
        "--max-allowed-packet=1G".to_owned(),
    ]
}

/// The program that creates a data directory, and the server's program.
fn programs(folders: &[PathBuf]) -> Result<(PathBuf, PathBuf), TestServerError> {
    let find = |name: &str| {
        let found = folders.iter().map(|it| it.join(name)).find(|path| path.is_file());
        found.ok_or(TestServerError::NotInstalled {
            server: "MariaDB",
            programs: "MariaDB server programs (mariadb-install-db, mariadbd)",
            folder: DEBIAN_DIR,
            script: "scripts/mariadb-for-tests.sh",
        })
    };
    Ok((find("mariadb-install-db")?, find("mariadbd")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DatabaseError;

    #[test]
    fn an_error_about_missing_programs_says_what_to_install() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mariadb-install-db"), "").unwrap();
        let error = DatabaseError::from(programs(&[dir.path().to_owned()]).unwrap_err());
        assert_eq!(
            error.to_string(),
            "cannot start a server for the snapshot: cannot find the MariaDB server programs \
             (mariadb-install-db, mariadbd) on PATH or in /usr/sbin; run \
             scripts/mariadb-for-tests.sh, or install the MariaDB server package of your system"
        );
    }
}
