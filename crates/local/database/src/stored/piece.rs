//! A piece of a table on its way into a file.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};

use crate::error::DatabaseError;

/// Bytes that go to a file at once.
const WRITE_BEHIND: usize = 1_000_000;

/// A file that takes batches. Only a closed one can be read.
pub(crate) struct Piece {
    /// `None` only while a batch is being written.
    writer: Option<StreamWriter<BufWriter<File>>>,
}

impl Piece {
    /// A new file at `path`, for batches of this schema.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub(crate) fn create(path: &Path, schema: &SchemaRef) -> Result<Piece, DatabaseError> {
        let io = |source| DatabaseError::Io {
            doing: "create",
            path: path.display().to_string(),
            source,
        };
        let file = BufWriter::with_capacity(WRITE_BEHIND, File::create(path).map_err(io)?);
        let options =
            IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        Ok(Piece { writer: Some(StreamWriter::try_new_with_options(file, schema, options)?) })
    }

    /// Writes a batch, on a blocking thread.
    ///
    /// # Errors
    /// When the disk refuses; the piece takes nothing more then.
    pub(crate) async fn write(&mut self, batch: RecordBatch) -> Result<(), DatabaseError> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let written = tokio::task::spawn_blocking(move || {
            writer.write(&batch)?;
            Ok::<_, ArrowError>(writer)
        });
        self.writer = Some(written.await??);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn close(mut self) -> Result<(), DatabaseError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        tokio::task::spawn_blocking(move || {
            let mut file = writer.into_inner()?;
            std::io::Write::flush(&mut file).map_err(ArrowError::from)
        })
        .await??;
        Ok(())
    }
}
