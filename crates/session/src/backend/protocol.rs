//! What the protocol keeps beside keys: who is who, which devices a user has, what was sent and what is not yet taken in.

use std::collections::HashMap;

use async_trait::async_trait;
use wacore::store::{
    error::Result,
    traits::{DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore, TcTokenEntry},
};
use wago_store::{Key, KeyOp, KeyRow};

use super::{
    ALL, Backend,
    codec::{Reader, Writer, from_json, key, second, to_json},
    damaged, delete, kind, put,
};

fn encode_lid(entry: &LidPnMappingEntry) -> Vec<u8> {
    Writer::default()
        .bytes(entry.phone_number.as_bytes())
        .i64(entry.created_at)
        .i64(entry.updated_at)
        .bytes(entry.learning_source.as_bytes())
        .0
}

fn decode_lid(row: &KeyRow) -> Result<LidPnMappingEntry> {
    let read = || {
        let mut reader = Reader(&row.value);
        Some(LidPnMappingEntry {
            lid: std::str::from_utf8(&row.key).ok()?.to_owned(),
            phone_number: reader.text()?,
            created_at: reader.i64()?,
            updated_at: reader.i64()?,
            learning_source: reader.text()?,
        })
    };
    read().ok_or_else(|| damaged("LID mapping"))
}

fn encode_token(entry: &TcTokenEntry) -> Vec<u8> {
    let mut writer = Writer::default().i64(entry.token_timestamp);
    writer = match entry.sender_timestamp {
        Some(at) => writer.raw(&[1]).i64(at),
        None => writer.raw(&[0]).i64(0),
    };
    writer.raw(&entry.token).0
}

fn decode_token(value: &[u8]) -> Option<TcTokenEntry> {
    let mut reader = Reader(value);
    let token_timestamp = reader.i64()?;
    let [sent] = reader.array()?;
    let sender_timestamp = reader.i64()?;
    Some(TcTokenEntry {
        token: reader.0.to_vec(),
        token_timestamp,
        sender_timestamp: (sent != 0).then_some(sender_timestamp),
    })
}

impl Backend {
    /// Lets `change` decide the token that follows from the stored one; `None` leaves it.
    async fn change_token(
        &self,
        jid: &str,
        change: impl FnOnce(Option<TcTokenEntry>) -> Option<TcTokenEntry>,
    ) -> Result<()> {
        let _merging = self.merging.lock().await;
        let stored = self.get_tc_token(jid).await?;
        match change(stored) {
            Some(entry) => self.put(kind::TC_TOKEN, jid, encode_token(&entry)).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl ProtocolStore for Backend {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        self.scan(kind::SENDER_KEY_DEVICE, &key(&[group_jid]), ALL)
            .await?
            .iter()
            .map(|row| {
                let device = second(&row.key).ok_or_else(|| damaged("sender key device"))?;
                Ok((device.to_owned(), row.number != 0))
            })
            .collect()
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        let ops = entries
            .iter()
            .map(|(device, has_key)| {
                put(kind::SENDER_KEY_DEVICE, key(&[group_jid, device]), Vec::new(), i64::from(*has_key))
            })
            .collect();
        self.write(ops).await
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        self.write(vec![KeyOp::DeletePrefix { kind: kind::SENDER_KEY_DEVICE, prefix: key(&[group_jid]) }]).await
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        if device_jids.is_empty() {
            return Ok(());
        }
        let ops = self
            .scan(kind::SENDER_KEY_DEVICE, &[], ALL)
            .await?
            .into_iter()
            .filter(|row| second(&row.key).is_some_and(|device| device_jids.contains(&device)))
            .map(|row| delete(kind::SENDER_KEY_DEVICE, row.key))
            .collect();
        self.write(ops).await
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        self.write(vec![KeyOp::DeletePrefix { kind: kind::SENDER_KEY_DEVICE, prefix: Vec::new() }]).await
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        let row = self.row(kind::LID, lid.as_bytes()).await?;
        row.as_ref().map(decode_lid).transpose()
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        let Some(lid) = self.value(kind::PHONE, phone.as_bytes()).await? else {
            return Ok(None);
        };
        let row = self.row(kind::LID, &lid).await?;
        row.as_ref().map(decode_lid).transpose()
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        self.put_lid_mappings(std::slice::from_ref(entry)).await
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        let _merging = self.merging.lock().await;
        let keys: Vec<Key> = entries.iter().map(|entry| entry.lid.as_bytes().to_vec()).collect();
        let mut phones: HashMap<String, String> = HashMap::new();
        for row in self.rows(kind::LID, &keys).await? {
            let entry = decode_lid(&row)?;
            phones.insert(entry.lid, entry.phone_number);
        }
        let mut ops = Vec::with_capacity(2 * entries.len());
        for entry in entries {
            // A LID that moved to another number no longer answers for the old one.
            let old = phones.insert(entry.lid.clone(), entry.phone_number.clone());
            if let Some(old) = old.filter(|old| *old != entry.phone_number) {
                ops.push(delete(kind::PHONE, old));
            }
            ops.push(put(kind::PHONE, entry.phone_number.as_bytes(), entry.lid.as_bytes(), 0));
            ops.push(put(kind::LID, entry.lid.as_bytes(), encode_lid(entry), 0));
        }
        self.write(ops).await
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        let rows = self.scan(kind::LID, &[], ALL).await?;
        rows.iter().map(decode_lid).collect()
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        self.put(kind::BASE_KEY, key(&[address, message_id]), base_key).await
    }

    async fn has_same_base_key(&self, address: &str, message_id: &str, current_base_key: &[u8]) -> Result<bool> {
        let stored = self.value(kind::BASE_KEY, &key(&[address, message_id])).await?;
        Ok(stored.is_some_and(|stored| stored == current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        self.delete(kind::BASE_KEY, key(&[address, message_id])).await
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        self.update_device_lists(vec![record]).await
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        let ops = records
            .iter()
            .map(|record| {
                let value = to_json(record)?;
                Ok(put(kind::DEVICE_LIST, record.user.as_bytes(), value, 0))
            })
            .collect::<Result<_>>()?;
        self.write(ops).await
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        self.value(kind::DEVICE_LIST, user.as_bytes()).await?.map(|value| from_json(&value)).transpose()
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        self.delete(kind::DEVICE_LIST, user).await
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        self.value(kind::GROUP, group_jid.as_bytes()).await
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        self.put(kind::GROUP, group_jid, blob).await
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        self.delete(kind::GROUP, group_jid).await
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        let Some(value) = self.value(kind::TC_TOKEN, jid.as_bytes()).await? else {
            return Ok(None);
        };
        decode_token(&value).map(Some).ok_or_else(|| damaged("contact token"))
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        self.change_token(jid, |_| Some(entry.clone())).await
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        self.delete(kind::TC_TOKEN, jid).await
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        self.scan(kind::TC_TOKEN, &[], ALL)
            .await?
            .into_iter()
            .map(|row| String::from_utf8(row.key).map_err(|_| damaged("contact token")))
            .collect()
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        let _merging = self.merging.lock().await;
        let mut ops = Vec::new();
        for row in self.scan(kind::TC_TOKEN, &[], ALL).await? {
            let entry = decode_token(&row.value).ok_or_else(|| damaged("contact token"))?;
            let token_lives = !entry.token.is_empty() && entry.token_timestamp >= token_cutoff;
            let sender_lives = entry.sender_timestamp.is_some_and(|at| at >= sender_cutoff);
            if !token_lives && !sender_lives {
                ops.push(delete(kind::TC_TOKEN, row.key));
            }
        }
        let deleted = u32::try_from(ops.len()).unwrap_or(u32::MAX);
        self.write(ops).await?;
        Ok(deleted)
    }

    async fn touch_tc_token_sender_timestamp(&self, jid: &str, sender_timestamp: i64) -> Result<()> {
        self.change_token(jid, |stored| {
            // A token that we do not have yet still remembers when we sent ours.
            let mut entry = stored.unwrap_or(TcTokenEntry {
                token: Vec::new(),
                token_timestamp: sender_timestamp,
                sender_timestamp: None,
            });
            entry.sender_timestamp = entry.sender_timestamp.max(Some(sender_timestamp));
            Some(entry)
        })
        .await
    }

    async fn store_received_tc_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Result<()> {
        self.change_token(jid, |stored| {
            let newer = stored
                .as_ref()
                .is_none_or(|stored| stored.token.is_empty() || token_timestamp >= stored.token_timestamp);
            newer.then(|| TcTokenEntry {
                token: token.to_vec(),
                token_timestamp,
                sender_timestamp: stored.and_then(|stored| stored.sender_timestamp),
            })
        })
        .await
    }

    async fn store_sent_message(&self, chat_jid: &str, message_id: &str, payload: &[u8]) -> Result<()> {
        let op = put(kind::SENT_MESSAGE, key(&[chat_jid, message_id]), payload, wacore::time::now_secs());
        self.write(vec![op]).await
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        let (store, session) = (self.store.clone(), self.session);
        let key = key(&[chat_jid, message_id]);
        let taken = self.gate.write(async move { store.take_key(session, kind::SENT_MESSAGE, &key).await }).await?;
        Ok(taken.map(|row| row.value))
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.delete_below(kind::SENT_MESSAGE, cutoff_timestamp).await
    }

    async fn store_pending_inbound(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> Result<()> {
        let row = PendingInboundRow { chat, sender, id, message };
        self.store_pending_inbound_batch(&[row]).await
    }

    async fn get_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<Option<Vec<u8>>> {
        self.value(kind::PENDING_INBOUND, &key(&[chat, sender, id])).await
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        self.delete_pending_inbound_batch(&[PendingInboundKey { chat, sender, id }]).await
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.delete_below(kind::PENDING_INBOUND, cutoff_timestamp).await
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let now = wacore::time::now_secs();
        let ops = rows
            .iter()
            .map(|row| put(kind::PENDING_INBOUND, key(&[row.chat, row.sender, row.id]), row.message, now))
            .collect();
        self.write(ops).await
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        let ops = keys.iter().map(|row| delete(kind::PENDING_INBOUND, key(&[row.chat, row.sender, row.id]))).collect();
        self.write(ops).await
    }
}
