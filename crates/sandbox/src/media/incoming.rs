//! A file on its way in: counted, hashed, and kept aside.

use std::{
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::FILE_BYTES_MAX;

/// Why an upload was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    TooLarge,
    /// Its hash is not the one that was claimed.
    Mismatch,
    Disk(io::Error),
}

/// Dropping it leaves nothing behind.
pub(crate) struct Incoming {
    sink: Sink,
    hash: Sha256,
    size: u64,
}

enum Sink {
    Disk(File, Unfinished),
    Memory(Vec<u8>),
}

/// A file that is removed unless it was moved to its place.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It is gone already if it was moved; what cannot be removed now is at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Incoming {
    pub fn on_disk(path: PathBuf) -> io::Result<Self> {
        let file = File::create(&path)?;
        Ok(Self { sink: Sink::Disk(file, Unfinished(path)), hash: Sha256::new(), size: 0 })
    }

    pub fn in_memory() -> Self {
        Self { sink: Sink::Memory(Vec::new()), hash: Sha256::new(), size: 0 }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.size + bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        match &mut self.sink {
            Sink::Disk(file, _) => file.write_all(bytes).map_err(Refused::Disk)?,
            Sink::Memory(kept) => kept.extend_from_slice(bytes),
        }
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    pub fn sha256(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// Moves it to its place on disk; or gives its bytes, if it was never there.
    pub(super) fn settle(self, place: impl FnOnce() -> PathBuf) -> io::Result<Option<Bytes>> {
        match self.sink {
            Sink::Disk(_, unfinished) => std::fs::rename(&unfinished.0, place()).map(|()| None),
            Sink::Memory(bytes) => Ok(Some(Bytes::from(bytes))),
        }
    }
}
