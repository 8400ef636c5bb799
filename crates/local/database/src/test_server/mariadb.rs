//! A MariaDB server that lives as long as a test.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use super::{ANYWHERE, Home, Kind, Running, TestServerError, path_folders, percent};

/// The user that may do everything. It needs no password.
const USER: &str = "root";

/// How often a data directory is made before the failure counts.
const INSTALLS: u32 = 3;
/// The kernel grants so many asynchronous requests to all processes together
/// (`fs.aio-max-nr`), which several servers at once use up.
const NO_AIO: &str = "--innodb-use-native-aio=OFF";

/// Where Debian has the programs.
const DEBIANS: &str = "/usr/sbin";

const KIND: Kind = Kind {
    server: "MariaDB",
    user: "mysql",
    program: "mariadbd",
    signal: "TERM",
    ready: "ready for connections",
    gave_up: "Aborting",
};

/// A MariaDB server of one's own: own data directory, own port on 127.0.0.1, own socket,
/// user `root` without a password, InnoDB, nothing synced to disk. Programs are found on
/// `PATH` or in `/usr/sbin` (Debian); when this process is root, they run as `mysql` or
/// `nobody`, for MariaDB refuses root.
///
/// Dropping it stops the server and removes its files, as of
/// [`TestPostgres`](super::TestPostgres).
#[derive(Debug)]
pub struct TestMariaDb(Running);

impl TestMariaDb {
    /// Makes and starts a server; returns when it accepts connections. Blocks for some three
    /// seconds.
    ///
    /// # Errors
    /// [`TestServerError`] says what is missing and what to do.
    pub fn start() -> Result<TestMariaDb, TestServerError> {
        Self::start_at(ANYWHERE)
    }

    /// As [`start`](Self::start), at this address of loopback. Port 0 is any free one; a port
    /// that is taken gives way to one.
    ///
    /// # Errors
    /// [`TestServerError`] says what is missing and what to do.
    pub fn start_at(address: SocketAddrV4) -> Result<TestMariaDb, TestServerError> {
        Self::launch(address, &[])
    }

    /// As [`start`](Self::start), with further arguments of `mariadbd`. Files that they name
    /// must be open to its user.
    ///
    /// # Errors
    /// [`TestServerError`] says what is missing and what to do.
    pub fn start_with(further: &[String]) -> Result<TestMariaDb, TestServerError> {
        Self::launch(ANYWHERE, further)
    }

    fn launch(address: SocketAddrV4, further: &[String]) -> Result<TestMariaDb, TestServerError> {
        let mut folders = path_folders();
        // Often not on the PATH of people who are not root.
        folders.push(PathBuf::from(DEBIANS));
        let (install, server) = programs(&folders)?;
        let mut attempt = 1;
        let home = loop {
            let home = Home::new(&KIND)?;
            let mut command = home.command(&install);
            command.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
            command.args(["--skip-test-db", "--skip-name-resolve", NO_AIO]);
            command.arg(format!("--datadir={}", home.path().join("data").display()));
            match home.prepare("mariadb-install-db", command) {
                Ok(()) => break home,
                // Seen once where many servers began at the same time: again, somewhere else.
                Err(TestServerError::Failed { .. }) if attempt < INSTALLS => attempt += 1,
                Err(error) => return Err(error),
            }
        };
        let all = |dir: &Path, address| [arguments(dir, address), further.to_vec()].concat();
        home.serve(&KIND, &server, address, all).map(TestMariaDb)
    }

    /// The address of one of its databases, which `CREATE DATABASE` has made; `mysql` is
    /// always there.
    pub fn url_of(&self, database: &str) -> String {
        format!("mysql://{USER}@{}/{}", self.0.address, percent(database))
    }
}

fn arguments(dir: &Path, address: SocketAddrV4) -> Vec<String> {
    let file = |name: &str| dir.join(name).display().to_string();
    vec![
        // Nothing of the machine's own configuration. It must come first.
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
        // Zero dates and what else strict servers refuse must be there to be carried.
        "--sql-mode=".to_owned(),
        "--character-set-server=utf8mb4".to_owned(),
        "--local-infile=ON".to_owned(),
        // The longest row that the protocol has.
        "--max-allowed-packet=1G".to_owned(),
    ]
}

/// The program that makes a data directory, and the one that serves it.
fn programs(folders: &[PathBuf]) -> Result<(PathBuf, PathBuf), TestServerError> {
    let find = |name: &str| {
        let found = folders.iter().map(|it| it.join(name)).find(|path| path.is_file());
        found.ok_or(TestServerError::NotInstalled {
            server: "MariaDB",
            programs: "MariaDB server programs (mariadb-install-db, mariadbd)",
            folder: DEBIANS,
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
    fn a_restore_without_the_programs_says_what_to_install() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mariadb-install-db"), "").unwrap();
        let error = DatabaseError::from(programs(&[dir.path().to_owned()]).unwrap_err());
        assert_eq!(
            error.to_string(),
            "cannot start a server from the snapshot: no MariaDB server programs \
             (mariadb-install-db, mariadbd) on PATH nor in /usr/sbin; run \
             scripts/mariadb-for-tests.sh, or install your system's MariaDB server package"
        );
    }
}
