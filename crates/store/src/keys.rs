//! WhatsApp key material, per session, as opaque bytes under a kind and a key.
//!
//! One table serves all of the engine's storage traits; the session crate maps them onto it.

use crate::{Result, SessionId, Store};

/// Which of the engine's collections a row belongs to. A small number chosen by the session crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub i16);

pub type Key = Vec<u8>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub key: Key,
    pub value: Vec<u8>,
    /// A number the owner can sort, compare and expire by (a time, a flag); 0 if it has no use for one.
    pub number: i64,
}

#[derive(Debug, Clone)]
pub enum KeyOp {
    Put { kind: Kind, row: KeyRow },
    /// Written only if no row exists.
    PutNew { kind: Kind, row: KeyRow },
    /// Written if no row exists or the stored number is smaller than (`newer`) the row's.
    PutNewer { kind: Kind, row: KeyRow },
    /// Only the number of an existing row changes; a missing row stays missing.
    SetNumber { kind: Kind, key: Key, number: i64 },
    Delete { kind: Kind, key: Key },
    DeletePrefix { kind: Kind, prefix: Vec<u8> },
    /// Rows of the kind whose number is below `number`.
    DeleteBelow { kind: Kind, number: i64 },
}

impl Store {
    /// Applies all in order, or none. Concurrent calls of different sessions share a commit.
    pub async fn write_keys(&self, _session: SessionId, _ops: Vec<KeyOp>) -> Result<()> {
        unreachable!()
    }
    pub async fn key(&self, _session: SessionId, _kind: Kind, _key: &[u8]) -> Result<Option<KeyRow>> {
        unreachable!()
    }
    pub async fn keys(&self, _session: SessionId, _kind: Kind, _keys: &[Key]) -> Result<Vec<KeyRow>> {
        unreachable!()
    }
    /// All rows of a kind with the key prefix (empty for all), ordered by key, at most `limit`.
    pub async fn keys_with_prefix(&self, _session: SessionId, _kind: Kind, _prefix: &[u8], _limit: u64) -> Result<Vec<KeyRow>> {
        unreachable!()
    }
    pub async fn count_keys(&self, _session: SessionId, _kind: Kind) -> Result<u64> {
        unreachable!()
    }
    /// Deletes and returns, atomically.
    pub async fn take_key(&self, _session: SessionId, _kind: Kind, _key: &[u8]) -> Result<Option<KeyRow>> {
        unreachable!()
    }
    /// Reads one row, lets `change` decide its replacement (`None` leaves it), and writes that, atomically.
    pub async fn update_key<F>(&self, _session: SessionId, _kind: Kind, _key: &[u8], _change: F) -> Result<()>
    where
        F: FnOnce(Option<KeyRow>) -> Option<KeyRow> + Send,
    {
        unreachable!()
    }
    /// Number of rows deleted: rows of the kind whose number is below `number`.
    pub async fn delete_keys_below(&self, _session: SessionId, _kind: Kind, _number: i64) -> Result<u64> {
        unreachable!()
    }
}
