use secrecy::SecretString;

use crate::{Result, Store};

/// A session's row number; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub i64);

#[derive(Debug, Clone)]
pub struct NewSession {
    pub name: String,
    /// Spaces already removed.
    pub token: SecretString,
    pub os_name: String,
}

/// One row of `sessions`.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: SessionId,
    pub name: String,
    pub token: SecretString,
    pub os_name: String,
    /// Event types the session asked for; `["All"]` until it says otherwise.
    pub subscribe: Vec<String>,
    /// WhatsApp identities once linked: phone-number JID with device, and LID with device.
    pub jid: Option<String>,
    pub lid: Option<String>,
    /// The user wants it connected (so it is brought back at start).
    pub wanted: bool,
    /// Why it was logged out or stopped for good, and when (unix ms): survives restarts so that status stays truthful.
    /// An opaque JSON text of the session crate.
    pub health: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
}

impl Store {
    /// [`crate::Error::Taken`] if the name or the token is in use.
    pub async fn create_session(&self, _new: NewSession, _now_ms: i64) -> Result<Session> {
        unreachable!()
    }
    pub async fn session(&self, _id: SessionId) -> Result<Option<Session>> {
        unreachable!()
    }
    pub async fn session_by_token(&self, _token: &SecretString) -> Result<Option<Session>> {
        unreachable!()
    }
    /// In order of creation. `linked_only`: those with a JID.
    pub async fn list_sessions(&self, _linked_only: bool, _offset: u64, _limit: u64) -> Result<Vec<Session>> {
        unreachable!()
    }
    /// Sessions to bring back at start: wanted and linked.
    pub async fn wanted_sessions(&self) -> Result<Vec<Session>> {
        unreachable!()
    }
    pub async fn set_subscribe(&self, _id: SessionId, _subscribe: &[String]) -> Result<()> {
        unreachable!()
    }
    pub async fn set_wanted(&self, _id: SessionId, _wanted: bool) -> Result<()> {
        unreachable!()
    }
    pub async fn set_identity(&self, _id: SessionId, _jid: Option<&str>, _lid: Option<&str>) -> Result<()> {
        unreachable!()
    }
    pub async fn set_health(&self, _id: SessionId, _health: Option<&str>) -> Result<()> {
        unreachable!()
    }
    /// The old token stops at once. [`crate::Error::Taken`] if another session has the new one.
    pub async fn rotate_token(&self, _id: SessionId, _token: &SecretString) -> Result<()> {
        unreachable!()
    }
    /// One transaction: all of the session's WhatsApp keys, its identity and `wanted` go; the row, its webhook and its events stay.
    pub async fn wipe_keys(&self, _id: SessionId) -> Result<()> {
        unreachable!()
    }
    /// One transaction: the row and everything that belongs to it.
    pub async fn delete_session(&self, _id: SessionId) -> Result<bool> {
        unreachable!()
    }
}
