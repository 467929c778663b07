//! The engine's storage traits over the neutral key rows of [`wago_store`].
//!
//! One instance serves one life of one engine client. It is sealed when that life ends, so that nothing of it is
//! written after its keys were wiped or its session was deleted.

use std::sync::{Arc, OnceLock};

use tokio::sync::{Mutex, Notify, RwLock, futures::Notified};
use wacore::store::error::{Result, StoreError};
use wago_store::{Key, KeyOp, KeyRow, Kind, SessionId, Store};

use crate::patches::Told;
use app_sync::Unstored;

mod app_sync;
mod codec;
mod device;
mod msg_secret;
mod notes;
mod protocol;
mod signal;
#[cfg(test)]
mod tests;

/// More rows than any session has; a bound for scans that must see all.
const ALL: u64 = 1 << 32;

/// The engine's collections. A number, once stored, keeps its meaning.
mod kind {
    use wago_store::Kind;

    pub const DEVICE: Kind = Kind(1);
    pub const IDENTITY: Kind = Kind(2);
    pub const SESSION: Kind = Kind(3);
    /// The number says whether WhatsApp has it.
    pub const PRE_KEY: Kind = Kind(4);
    pub const SIGNED_PRE_KEY: Kind = Kind(5);
    pub const SENDER_KEY: Kind = Kind(6);
    pub const SYNC_KEY: Kind = Kind(7);
    /// One row: the id of the sync key stored last.
    pub const LATEST_SYNC_KEY: Kind = Kind(8);
    pub const COLLECTION: Kind = Kind(9);
    pub const MUTATION_MAC: Kind = Kind(10);
    /// Group and device; the number says whether the device has our sender key.
    pub const SENDER_KEY_DEVICE: Kind = Kind(11);
    pub const LID: Kind = Kind(12);
    /// Phone number to LID.
    pub const PHONE: Kind = Kind(13);
    pub const BASE_KEY: Kind = Kind(14);
    pub const DEVICE_LIST: Kind = Kind(15);
    pub const GROUP: Kind = Kind(16);
    pub const TC_TOKEN: Kind = Kind(17);
    /// The number is when it was stored (unix seconds).
    pub const SENT_MESSAGE: Kind = Kind(18);
    /// The number is when it was stored (unix seconds).
    pub const PENDING_INBOUND: Kind = Kind(19);
    /// The number is when it expires (unix seconds), `i64::MAX` for never.
    pub const MSG_SECRET: Kind = Kind(20);
    /// Not the engine's: how long messages of a chat stay.
    pub const TIMER: Kind = Kind(21);
    /// Not the engine's: chat and id of a poll; the number is when it was asked (unix seconds).
    pub const POLL: Kind = Kind(22);
    /// Not the engine's. One row: the account is not shown as available.
    pub const AWAY: Kind = Kind(30);
    /// Not the engine's: by the collection's name.
    pub const TOLD_VERSION: Kind = Kind(31);
}

/// What a session may write through, until it is sealed.
#[derive(Default)]
pub(crate) struct Gate(Arc<RwLock<bool>>);

impl Gate {
    /// Waits for the writes that are under way; later ones fail.
    pub async fn seal(&self) {
        *self.0.write().await = true;
    }

    /// Runs a write unless sealed. It goes on to its end even if the caller stops waiting, and the seal waits for it.
    pub async fn write<T: Send + 'static>(
        &self,
        write: impl Future<Output = wago_store::Result<T>> + Send + 'static,
    ) -> Result<T> {
        let open = self.0.clone().read_owned().await;
        if *open {
            return Err(StoreError::InvalidConfig("the session has ended".into()));
        }
        let written = tokio::spawn(async move {
            let _open = open;
            write.await
        });
        match written.await {
            Ok(result) => result.map_err(failed),
            Err(error) => Err(StoreError::Database(Box::new(error))),
        }
    }
}

pub(crate) struct Backend {
    store: Store,
    session: SessionId,
    gate: Gate,
    /// A session is open in one process only, so this makes read-and-merge of its rows atomic.
    merging: Mutex<()>,
    told: OnceLock<Told>,
    unstored: Unstored,
    /// A key of the app state came.
    keys: Notify,
}

impl Backend {
    pub fn new(store: Store, session: SessionId) -> Self {
        Self {
            store,
            session,
            gate: Gate::default(),
            merging: Mutex::new(()),
            told: OnceLock::new(),
            unstored: Unstored::default(),
            keys: Notify::new(),
        }
    }

    /// From now on the engine notes that it has read a collection once that is told.
    pub fn hold_versions(&self, told: Told) {
        // A client has one of them.
        let _ = self.told.set(told);
    }

    /// Told from when it is made.
    pub fn new_key(&self) -> Notified<'_> {
        self.keys.notified()
    }

    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    async fn write(&self, ops: Vec<KeyOp>) -> Result<()> {
        let (store, session) = (self.store.clone(), self.session);
        self.gate.write(async move { store.write_keys(session, ops).await }).await
    }

    async fn put(&self, kind: Kind, key: impl Into<Key>, value: impl Into<Vec<u8>>) -> Result<()> {
        self.write(vec![put(kind, key, value, 0)]).await
    }

    async fn delete(&self, kind: Kind, key: impl Into<Key>) -> Result<()> {
        self.write(vec![delete(kind, key)]).await
    }

    /// Deletes rows whose number is below `number`, and says how many.
    async fn delete_below(&self, kind: Kind, number: i64) -> Result<u32> {
        let (store, session) = (self.store.clone(), self.session);
        let deleted = self.gate.write(async move { store.delete_keys_below(session, kind, number).await }).await?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    }

    /// Runs a read in a task of its own.
    ///
    /// The engine holds futures that it does not poll for a while (streams, selects). One that the pool gave a
    /// connection to meanwhile would keep it, and a few of those stop every session.
    async fn read<T: Send + 'static>(
        &self,
        read: impl Future<Output = wago_store::Result<T>> + Send + 'static,
    ) -> Result<T> {
        match tokio::spawn(read).await {
            Ok(result) => result.map_err(failed),
            Err(error) => Err(StoreError::Database(Box::new(error))),
        }
    }

    async fn row(&self, kind: Kind, key: &[u8]) -> Result<Option<KeyRow>> {
        let (store, session, key) = (self.store.clone(), self.session, key.to_vec());
        self.read(async move { store.key(session, kind, &key).await }).await
    }

    async fn value(&self, kind: Kind, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.row(kind, key).await?.map(|row| row.value))
    }

    async fn rows(&self, kind: Kind, keys: &[Key]) -> Result<Vec<KeyRow>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let (store, session, keys) = (self.store.clone(), self.session, keys.to_vec());
        self.read(async move { store.keys(session, kind, &keys).await }).await
    }

    async fn scan(&self, kind: Kind, prefix: &[u8], limit: u64) -> Result<Vec<KeyRow>> {
        let (store, session, prefix) = (self.store.clone(), self.session, prefix.to_vec());
        self.read(async move { store.keys_with_prefix(session, kind, &prefix, limit).await }).await
    }
}

fn put(kind: Kind, key: impl Into<Key>, value: impl Into<Vec<u8>>, number: i64) -> KeyOp {
    let row = KeyRow { key: key.into(), value: value.into(), number };
    KeyOp::Put { kind, row }
}

fn delete(kind: Kind, key: impl Into<Key>) -> KeyOp {
    KeyOp::Delete { kind, key: key.into() }
}

fn failed(error: wago_store::Error) -> StoreError {
    StoreError::Database(Box::new(error))
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Validation(format!("a stored {what} cannot be read"))
}
