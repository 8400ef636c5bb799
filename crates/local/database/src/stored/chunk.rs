//! Writes a chunk of a table into a file.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};

use crate::error::DatabaseError;

/// Size of the write buffer in bytes.
const WRITE_BUFFER: usize = 1_000_000;

/// A file that batches are written to. It can be read after [`ChunkWriter::close`].
pub(crate) struct ChunkWriter {
    /// `None` while a batch is being written, and after an error.
    writer: Option<StreamWriter<BufWriter<File>>>,
}

impl ChunkWriter {
    /// Creates the file at `path`, for batches of this schema.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub(crate) fn create(path: &Path, schema: &SchemaRef) -> Result<ChunkWriter, DatabaseError> {
        let io = |source| DatabaseError::Io {
            action: "create",
            path: path.display().to_string(),
            source,
        };
        let file = BufWriter::with_capacity(WRITE_BUFFER, File::create(path).map_err(io)?);
        let options =
            IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        Ok(ChunkWriter { writer: Some(StreamWriter::try_new_with_options(file, schema, options)?) })
    }

    /// Writes a batch, on a blocking thread.
    ///
    /// # Errors
    /// When the file cannot be written; later batches are then discarded.
    pub(crate) async fn write(&mut self, batch: RecordBatch) -> Result<(), DatabaseError> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let written = tokio::task::spawn_blocking(move || {
            writer.write(&batch)?;
            Ok::<_, ArrowError>(writer)
        });
        self.writer = Some(written.await??);
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// When the file cannot be written.
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
