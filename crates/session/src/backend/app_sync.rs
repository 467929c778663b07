//! App state: keys shared by the phone, and how far each collection is.

use std::collections::HashMap;

use async_trait::async_trait;
use wacore::{
    appstate::{hash::HashState, processor::AppStateMutationMAC},
    store::{
        error::Result,
        traits::{AppStateSyncKey, AppSyncStore},
    },
};
use wago_store::{Key, KeyOp};

use super::{
    Backend,
    codec::{Reader, Writer, key, to_json},
    damaged, delete, kind, put,
};

/// First byte of a stored [`HashState`], so that a later layout can be told apart.
const LAYOUT: u8 = 1;

fn encode(state: &HashState) -> Vec<u8> {
    let mut writer = Writer::default()
        .raw(&[LAYOUT, u8::from(state.mac_mismatch_fatal)])
        .raw(&state.version.to_be_bytes())
        .raw(&state.hash);
    for (index, value) in &state.index_value_map {
        writer = writer.bytes(index.as_bytes()).bytes(value);
    }
    writer.0
}

fn decode(bytes: &[u8]) -> Option<HashState> {
    let mut reader = Reader(bytes);
    let [LAYOUT, fatal] = reader.array::<2>()? else {
        return None;
    };
    let mut state = HashState {
        version: u64::from_be_bytes(reader.array()?),
        hash: reader.array()?,
        index_value_map: HashMap::new(),
        mac_mismatch_fatal: fatal != 0,
    };
    while !reader.0.is_empty() {
        let index = reader.text()?;
        let value = reader.bytes()?.to_vec();
        state.index_value_map.insert(index, value);
    }
    Some(state)
}

fn mac_key(name: &str, index_mac: &[u8]) -> Key {
    let mut key = key(&[name]);
    key.extend_from_slice(index_mac);
    key
}

#[async_trait]
impl AppSyncStore for Backend {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        self.value(kind::SYNC_KEY, key_id).await?.map(|value| super::codec::from_json(&value)).transpose()
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        self.write(vec![
            put(kind::SYNC_KEY, key_id, to_json(&key)?, 0),
            put(kind::LATEST_SYNC_KEY, Key::new(), key_id, 0),
        ])
        .await
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        match self.value(kind::COLLECTION, name.as_bytes()).await? {
            Some(value) => decode(&value).ok_or_else(|| damaged("collection version")),
            None => Ok(HashState::default()),
        }
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        self.put(kind::COLLECTION, name, encode(&state)).await
    }

    async fn put_mutation_macs(&self, name: &str, version: u64, mutations: &[AppStateMutationMAC]) -> Result<()> {
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        let ops = mutations
            .iter()
            .map(|mac| put(kind::MUTATION_MAC, mac_key(name, &mac.index_mac), mac.value_mac.as_slice(), version))
            .collect();
        self.write(ops).await
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        self.value(kind::MUTATION_MAC, &mac_key(name, index_mac)).await
    }

    async fn get_mutation_macs(&self, name: &str, index_macs: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let keys: Vec<_> = index_macs.iter().map(|mac| mac_key(name, mac)).collect();
        self.rows(kind::MUTATION_MAC, &keys)
            .await?
            .into_iter()
            .map(|row| {
                let index = row
                    .key
                    .get(name.len() + 1..)
                    .and_then(|mac| mac.try_into().ok())
                    .ok_or_else(|| damaged("mutation"))?;
                Ok((index, row.value))
            })
            .collect()
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        let ops = index_macs.iter().map(|mac| delete(kind::MUTATION_MAC, mac_key(name, mac))).collect();
        self.write(ops).await
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        self.write(vec![KeyOp::DeletePrefix { kind: kind::MUTATION_MAC, prefix: key(&[name]) }]).await
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        self.value(kind::LATEST_SYNC_KEY, &[]).await
    }
}
