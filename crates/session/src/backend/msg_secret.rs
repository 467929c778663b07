//! Secrets of messages, for what refers to them later: votes, reactions, edits.

use std::collections::HashMap;

use async_trait::async_trait;
use wacore::store::{
    error::Result,
    traits::{MessageSecret, MsgSecretEntry, MsgSecretStore, merge_msg_secret_expiry, merge_msg_secret_message_ts},
};
use wago_store::Key;

use super::{
    Backend,
    codec::{Reader, Writer, key},
    damaged, kind, put,
};

/// The engine's `0` is "never"; as a number that rows are deleted below, never is the largest.
const NEVER: i64 = i64::MAX;

struct Kept {
    secret: MessageSecret,
    message_ts: i64,
}

fn decode(value: &[u8]) -> Result<Kept> {
    let mut reader = Reader(value);
    let kept = reader.array().zip(reader.i64());
    kept.map(|(secret, message_ts)| Kept { secret, message_ts }).ok_or_else(|| damaged("message secret"))
}

fn to_number(expires_at: i64) -> i64 {
    if expires_at == 0 { NEVER } else { expires_at }
}

fn to_expiry(number: i64) -> i64 {
    if number == NEVER { 0 } else { number }
}

#[async_trait]
impl MsgSecretStore for Backend {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let _merging = self.merging.lock().await;
        let keys: Vec<Key> = entries.iter().map(|entry| key(&[&entry.chat, &entry.sender, &entry.msg_id])).collect();
        let mut known: HashMap<Key, (i64, i64)> = HashMap::new();
        for row in self.rows(kind::MSG_SECRET, &keys).await? {
            let message_ts = decode(&row.value)?.message_ts;
            known.insert(row.key, (to_expiry(row.number), message_ts));
        }
        let mut ops = Vec::with_capacity(entries.len());
        for (key, entry) in keys.into_iter().zip(&entries) {
            let (expires_at, message_ts) = match known.get(&key) {
                Some((expires_at, message_ts)) => (
                    merge_msg_secret_expiry(*expires_at, entry.expires_at),
                    merge_msg_secret_message_ts(*message_ts, entry.message_ts),
                ),
                None => (entry.expires_at, entry.message_ts),
            };
            known.insert(key.clone(), (expires_at, message_ts));
            let value = Writer::default().raw(&entry.secret).i64(message_ts).0;
            ops.push(put(kind::MSG_SECRET, key, value, to_number(expires_at)));
        }
        self.write(ops).await?;
        Ok(entries.len())
    }

    async fn get_msg_secret(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<Vec<u8>>> {
        let found = self.get_msg_secret_with_ts(chat, sender, msg_id).await?;
        Ok(found.map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<(Vec<u8>, i64)>> {
        let Some(value) = self.value(kind::MSG_SECRET, &key(&[chat, sender, msg_id])).await? else {
            return Ok(None);
        };
        let kept = decode(&value)?;
        Ok(Some((kept.secret.to_vec(), kept.message_ts)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.delete_below(kind::MSG_SECRET, cutoff_timestamp.saturating_add(1)).await
    }
}
