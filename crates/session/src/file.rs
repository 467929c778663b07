//! Files on their way through the gateway.

use std::{io, path::Path, sync::Arc};

use tempfile::SpooledTempFile;
use wago_contract::send::media::Kind;

/// Bytes of a file that are kept in memory; a larger one is on disk.
const MEMORY_MAX: usize = 256 << 10;

/// Where files lie while they are on their way. Nothing that is made here has a name, so nothing is left of it when the
/// process ends, however it ends.
#[derive(Clone)]
pub struct Folder(Arc<Path>);

impl Folder {
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self(path.as_ref().into())
    }

    /// An empty file.
    pub fn file(&self) -> SpooledTempFile {
        tempfile::spooled_tempfile_in(MEMORY_MAX, &self.0)
    }

    /// An empty file that is on disk from the start.
    pub(crate) fn file_on_disk(&self) -> io::Result<std::fs::File> {
        tempfile::tempfile_in(&self.0)
    }
}

/// A file that a message is to carry.
pub struct File {
    /// The field that it came in, to be named in an error.
    pub field: String,
    pub content: SpooledTempFile,
    /// Bytes.
    pub length: u64,
    /// What it is sent as.
    pub kind: Kind,
    /// The type that it is said to have.
    pub mimetype: Option<String>,
    /// What it was called where it came from.
    pub name: Option<String>,
    pub folder: Folder,
}
