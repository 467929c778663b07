//! What is kept of messages for those that come after them.

use serde::{Serialize, de::DeserializeOwned};
use wacore::store::error::Result;
use wago_store::Kind;

use super::{
    Backend,
    codec::{from_json, key, to_json},
    kind, put,
};
use crate::notes::{Poll, Timer};

/// Seconds that a poll is kept. WhatsApp takes votes for longer, but hardly anybody gives them.
const POLL_KEPT: i64 = 90 * 86_400;

impl Backend {
    pub async fn timer(&self, chat: &str) -> Result<Option<Timer>> {
        self.noted(kind::TIMER, &[chat]).await
    }

    /// Unless a later one is known.
    pub async fn put_timer(&self, chat: &str, timer: Timer) -> Result<()> {
        let _merging = self.merging.lock().await;
        let known = self.timer(chat).await?;
        if known.is_some_and(|known| known.seconds == timer.seconds || known.set_at > timer.set_at) {
            return Ok(());
        }
        self.note(kind::TIMER, &[chat], &timer, 0).await
    }

    pub async fn poll(&self, chat: &str, id: &str) -> Result<Option<Poll>> {
        self.noted(kind::POLL, &[chat, id]).await
    }

    /// `at` in unix seconds. Old ones are forgotten.
    pub async fn put_poll(&self, chat: &str, id: &str, poll: &Poll, at: i64) -> Result<()> {
        self.note(kind::POLL, &[chat, id], poll, at).await?;
        self.delete_below(kind::POLL, at.saturating_sub(POLL_KEPT)).await.map(drop)
    }

    /// Whether the account is to be shown as away, whenever it connects.
    pub async fn is_away(&self) -> Result<bool> {
        Ok(self.noted(kind::AWAY, &[]).await?.unwrap_or_default())
    }

    pub async fn put_away(&self, away: bool) -> Result<()> {
        self.note(kind::AWAY, &[], &away, 0).await
    }

    /// The newest version of a collection of the app state that WhatsApp told of.
    pub async fn told_version(&self, collection: &str) -> Result<Option<u64>> {
        self.noted(kind::TOLD_VERSION, &[collection]).await
    }

    pub async fn put_told_version(&self, collection: &str, version: u64) -> Result<()> {
        self.note(kind::TOLD_VERSION, &[collection], &version, 0).await
    }

    async fn note(&self, kind: Kind, parts: &[&str], value: &impl Serialize, number: i64) -> Result<()> {
        self.write(vec![put(kind, key(parts), to_json(value)?, number)]).await
    }

    async fn noted<T: DeserializeOwned>(&self, kind: Kind, parts: &[&str]) -> Result<Option<T>> {
        self.value(kind, &key(parts)).await?.map(|value| from_json(&value)).transpose()
    }
}
