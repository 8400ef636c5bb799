//! The data directory of a local cloud, and the files that it gets when the command runs outside the repository.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Copies of the schedules, used when the command runs outside the repository.
pub(crate) const SCHEDULE_FILES: [(&str, &str); 7] = [
    ("snapshot.json", include_str!("../../../../infra/schedules/snapshot.json")),
    ("export.json", include_str!("../../../../infra/schedules/export.json")),
    ("transfer.json", include_str!("../../../../infra/schedules/transfer.json")),
    ("load.json", include_str!("../../../../infra/schedules/load.json")),
    ("protect.json", include_str!("../../../../infra/schedules/protect.json")),
    ("views.json", include_str!("../../../../infra/schedules/views.json")),
    ("notify.json", include_str!("../../../../infra/schedules/notify.json")),
];
/// The directory of the schedules in the repository.
pub(crate) const SCHEDULES_DIR: &str = "infra/schedules";

/// The subdirectories of a data directory that belong to one run. The next run removes them.
const RUN_DIRS: [&str; 5] = ["aws", "deployed", "google", "logs", "task"];

/// The directory `name` of the repository if the command runs there, otherwise a copy of its files
/// in the data directory.
pub(crate) fn repository_dir_or_copy(
    name: &str,
    files: &[(&str, &str)],
    data_dir: &Path,
) -> Result<PathBuf> {
    let in_repository = PathBuf::from(name);
    if files.iter().all(|(file, _)| in_repository.join(file).is_file()) {
        return Ok(in_repository);
    }
    let dir = data_dir.join("files").join(name);
    for (file, text) in files {
        write_file(&dir.join(file), text)?;
    }
    Ok(dir)
}

/// Removes the data of the previous run: only [`RUN_DIRS`], which a local cloud creates. Creates the
/// data directory if it does not exist.
pub(crate) fn remove_previous_run(data_dir: &Path) -> Result {
    for name in RUN_DIRS {
        let dir = data_dir.join(name);
        match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(data_dir_failure(&dir, &error));
            }
            _ => {}
        }
    }
    std::fs::create_dir_all(data_dir).map_err(|error| data_dir_failure(data_dir, &error))
}

/// Writes a file; creates its directory if it does not exist.
pub(crate) fn write_file(path: &Path, text: &str) -> Result {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| data_dir_failure(path, &error))
}

fn data_dir_failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!(
        "cannot write to {}: {error}; choose another --data-dir",
        path.display()
    ))
}
