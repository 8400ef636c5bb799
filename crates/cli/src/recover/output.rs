//! The file: only its owner reads it, it is never in a git work tree, and no half of it is left.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::sql::Sink;
use crate::failure::{Failure, Result};

/// Readable and writable by its owner.
const MODE: u32 = 0o600;

/// A file that is deleted again unless [`OutputFile::finish`] succeeds.
pub(super) struct OutputFile {
    path: PathBuf,
    writer: BufWriter<File>,
    is_finished: bool,
}

impl OutputFile {
    /// Creates the file.
    ///
    /// # Errors
    /// `Usage` if it exists, if its directory does not, or if that is in a git work tree: rows would be
    /// committed by mistake.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let shown = path.display();
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let parent = parent
            .canonicalize()
            .map_err(|error| Failure::Usage(format!("--to {shown}: its directory: {error}")))?;
        if let Some(tree) = parent.ancestors().find(|it| it.join(".git").exists()) {
            return Err(Failure::Usage(format!(
                "--to {shown}: {} is a git work tree, and rows of the database do not belong into one; write to another directory, for example ~/recovered",
                tree.display()
            )));
        }
        let opened = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
        let file = opened.map_err(|error| Failure::Usage(format!("--to {shown}: {error}")))?;
        Ok(Self { path: path.to_owned(), writer: BufWriter::new(file), is_finished: false })
    }

    /// Writes text.
    ///
    /// # Errors
    /// `Failed` if it cannot be written, for example because the disk is full.
    fn write_text(&mut self, text: &str) -> Result {
        self.writer.write_all(text.as_bytes()).map_err(|error| self.failed(&error))
    }

    /// Writes what is in memory to the disk, and keeps the file.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) fn finish(&mut self) -> Result {
        let written = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        written.map_err(|error| self.failed(&error))?;
        self.is_finished = true;
        Ok(())
    }

    /// The error of a file that cannot be written.
    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::Failed(format!("{}: {error}", self.path.display()))
    }
}

impl Sink for OutputFile {
    fn put(&mut self, text: &str) -> Result {
        self.write_text(text)
    }
}

/// For the writer of Parquet.
impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.is_finished {
            // Nothing more can be done if this fails, and the command's own error is printed.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_its_owner_reads_the_file_and_a_half_is_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.sql");
        let mut file = OutputFile::create(&path).unwrap();
        file.put("one").unwrap();
        drop(file);
        assert!(!path.exists());
        let mut file = OutputFile::create(&path).unwrap();
        file.put("two").unwrap();
        file.finish().unwrap();
        drop(file);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(OutputFile::create(&path), Err(Failure::Usage(_))), "it exists");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
    }

    #[test]
    fn no_file_is_written_into_a_work_tree() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("tree/deep")).unwrap();
        // A work tree that `git worktree` made has a file of this name.
        std::fs::write(directory.path().join("tree/.git"), "gitdir: elsewhere").unwrap();
        let refused = OutputFile::create(&directory.path().join("tree/deep/rows.sql"));
        let message = refused.err().expect("a refusal").to_string();
        assert!(message.contains("is a git work tree"), "{message}");
        assert!(OutputFile::create(&directory.path().join("missing/rows.sql")).is_err());
    }
}
