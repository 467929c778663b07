//! Keys and ratchets of the Signal protocol.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use wacore::store::{error::Result, traits::SignalStore};
use wago_store::{KeyOp, KeyRow, Kind};

use super::{ALL, Backend, damaged, delete, kind, put};

/// Pre-keys that are asked for by name; more are looked for among all.
const NAMED_MAX: usize = 32;

/// Big-endian, so that the order of keys is the order of ids.
fn id_key(id: u32) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

fn id_of(row: &KeyRow) -> Result<u32> {
    row.key.as_slice().try_into().map(u32::from_be_bytes).map_err(|_| damaged("pre-key id"))
}

impl Backend {
    async fn put_all<'a, V: AsRef<[u8]> + 'a>(
        &self,
        kind: Kind,
        rows: impl Iterator<Item = &'a (Arc<str>, V)>,
    ) -> Result<()> {
        let ops = rows.map(|(address, value)| put(kind, address.as_bytes(), value.as_ref(), 0)).collect();
        self.write(ops).await
    }
}

#[async_trait]
impl SignalStore for Backend {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        self.put(kind::IDENTITY, address, key).await
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        self.put_all(kind::IDENTITY, identities.iter()).await
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        self.value(kind::IDENTITY, address.as_bytes())
            .await?
            .map(|value| value.try_into().map_err(|_| damaged("identity key")))
            .transpose()
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        self.delete(kind::IDENTITY, address).await
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        Ok(self.value(kind::SESSION, address.as_bytes()).await?.map(Bytes::from))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        self.put(kind::SESSION, address, session).await
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.put_all(kind::SESSION, sessions.iter()).await
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        self.delete(kind::SESSION, address).await
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        for kind in [kind::SESSION, kind::IDENTITY] {
            for end in ['@', ':'] {
                let prefix = format!("{user}{end}");
                if !self.scan(kind, prefix.as_bytes(), 1).await?.is_empty() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Result<()> {
        let op = put(kind::PRE_KEY, id_key(id), record, i64::from(uploaded));
        self.write(vec![op]).await
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], uploaded: bool) -> Result<()> {
        let ops = keys
            .iter()
            .map(|(id, record)| put(kind::PRE_KEY, id_key(*id), record.as_ref(), i64::from(uploaded)))
            .collect();
        self.write(ops).await
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(self.value(kind::PRE_KEY, &id_key(id)).await?.map(Bytes::from))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let wanted: HashSet<_> = ids.iter().map(|id| id_key(*id)).collect();
        // Each login compares all that WhatsApp has, which is nearly all there are: naming hundreds of them costs the
        // database more than reading the few beside them.
        let rows = if wanted.len() > NAMED_MAX {
            self.scan(kind::PRE_KEY, &[], ALL).await?
        } else {
            let keys: Vec<_> = wanted.iter().cloned().collect();
            self.rows(kind::PRE_KEY, &keys).await?
        };
        rows.into_iter()
            .filter(|row| wanted.contains(&row.key))
            .map(|row| Ok((id_of(&row)?, Bytes::from(row.value))))
            .collect()
    }

    async fn mark_prekeys_uploaded(&self, ids: &[u32]) -> Result<()> {
        // Never an insert: a key that was used meanwhile must stay gone.
        let ops = ids.iter().map(|id| KeyOp::SetNumber { kind: kind::PRE_KEY, key: id_key(*id), number: 1 }).collect();
        self.write(ops).await
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        self.delete(kind::PRE_KEY, id_key(id)).await
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        let rows = self.scan(kind::PRE_KEY, &[], ALL).await?;
        rows.last().map_or(Ok(0), id_of)
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        self.put(kind::SIGNED_PRE_KEY, id_key(id), record).await
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        self.value(kind::SIGNED_PRE_KEY, &id_key(id)).await
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        self.scan(kind::SIGNED_PRE_KEY, &[], ALL).await?.into_iter().map(|row| Ok((id_of(&row)?, row.value))).collect()
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        self.delete(kind::SIGNED_PRE_KEY, id_key(id)).await
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        self.put(kind::SENDER_KEY, address, record).await
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.put_all(kind::SENDER_KEY, sender_keys.iter()).await
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        self.value(kind::SENDER_KEY, address.as_bytes()).await
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        self.write(vec![delete(kind::SENDER_KEY, address)]).await
    }
}
