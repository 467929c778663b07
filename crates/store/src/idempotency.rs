//! `Idempotency-Key`: the first answer is kept for 24 h.

use crate::{Result, SessionId, Store};

#[derive(Debug, Clone)]
pub struct StoredReply {
    pub status: u16,
    pub body: Vec<u8>,
}

#[derive(Debug, Clone)]
pub enum Claim {
    /// Nobody used the key: it is now the caller's to finish.
    Mine,
    /// The same key and body were answered before.
    Answered(StoredReply),
    /// The same key and body are being worked on now (by a live request).
    InProgress,
    /// The key was used with another body.
    Mismatch,
}

impl Store {
    /// `body_hash` is SHA-256 over method, path and body. Claims older than 24 h are void.
    pub async fn claim_idempotency(&self, _session: SessionId, _key: &str, _body_hash: [u8; 32], _now_ms: i64) -> Result<Claim> {
        unreachable!()
    }
    pub async fn finish_idempotency(&self, _session: SessionId, _key: &str, _reply: StoredReply) -> Result<()> {
        unreachable!()
    }
    /// Gives the key back after a failure that sent nothing.
    pub async fn release_idempotency(&self, _session: SessionId, _key: &str) -> Result<()> {
        unreachable!()
    }
}
