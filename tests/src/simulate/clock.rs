//! The virtual clock. `clock.c` says how it works, and what it assumes.
//!
//! Tokio's own paused time would not do: it also moves when a socket becomes ready, so timeouts fire while data arrives,
//! and the budgets of the product's ticks are of the standard library's clock, which it does not replace.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Set in the process that has the virtual clock.
const IS_VIRTUAL: &str = "LANDBRIDGE_VIRTUAL_CLOCK";
const SOURCE: &str = include_str!("clock.c");

/// Whether this process has the virtual clock.
pub fn is_virtual() -> bool {
    std::env::var_os(IS_VIRTUAL).is_some()
}

/// The command that runs this program again, with the virtual clock. `directory` is where the library is built.
///
/// # Errors
/// The library cannot be built: there is no C compiler, or this is not Linux.
pub fn command(directory: &Path) -> Result<Command, String> {
    let library = build(directory)?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.env("LD_PRELOAD", library).env(IS_VIRTUAL, "1");
    Ok(command)
}

fn build(directory: &Path) -> Result<PathBuf, String> {
    if !cfg!(target_os = "linux") {
        return Err("the virtual clock needs Linux: it replaces epoll_wait".to_owned());
    }
    let failed = |what: &str, error: std::io::Error| format!("{what}: {error}");
    std::fs::create_dir_all(directory).map_err(|error| failed("no directory", error))?;
    let (source, library) = (directory.join("clock.c"), directory.join("clock.so"));
    std::fs::write(&source, SOURCE).map_err(|error| failed("no file", error))?;
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let built = Command::new(&compiler)
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .output()
        .map_err(|error| failed(&compiler, error))?;
    match built.status.success() {
        true => Ok(library),
        false => Err(String::from_utf8_lossy(&built.stderr).into_owned()),
    }
}

/// The runtime for which the clock is made: one thread, and one event loop.
///
/// # Errors
/// The I/O error of creating it.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build()
}

/// Time since `start`, on the virtual clock.
pub fn minutes_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() / 60.0
}

/// A duration of so many seconds.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.max(0.0))
}
