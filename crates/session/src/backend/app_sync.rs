//! App state: keys shared by the phone, and how far each collection is.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use wacore::{
    appstate::{hash::HashState, processor::AppStateMutationMAC},
    store::{
        error::{Result, StoreError},
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

/// What the engine has read of a collection: its version, and what it goes on with from there, are stored in one, so that
/// none is without the other, and once it is told. The engine writes them one after the other; until then they are here.
#[derive(Default)]
pub(super) struct Unstored(Mutex<HashMap<String, Group>>);

/// All that belongs to one version. It is whole when the engine writes a version again.
#[derive(Default)]
struct Group {
    version: Option<HashState>,
    /// What was there before goes.
    cleared: bool,
    /// By the hash of what a mutation is about; `None`: it is gone.
    macs: HashMap<Vec<u8>, Option<(Vec<u8>, i64)>>,
}

impl Group {
    fn ops(self, name: &str) -> Vec<KeyOp> {
        let mut ops = Vec::with_capacity(self.macs.len() + 2);
        if self.cleared {
            ops.push(KeyOp::DeletePrefix { kind: kind::MUTATION_MAC, prefix: key(&[name]) });
        }
        ops.extend(self.macs.into_iter().map(|(index, mac)| match mac {
            Some((mac, version)) => put(kind::MUTATION_MAC, mac_key(name, &index), mac, version),
            None => delete(kind::MUTATION_MAC, mac_key(name, &index)),
        }));
        ops.extend(self.version.map(|state| put(kind::COLLECTION, name, encode(&state), 0)));
        ops
    }

    /// `None`: what is on disk is so.
    fn mac(&self, index: &[u8]) -> Option<Option<Vec<u8>>> {
        match self.macs.get(index) {
            Some(mac) => Some(mac.as_ref().map(|(mac, _)| mac.clone())),
            None => self.cleared.then_some(None),
        }
    }
}

impl Unstored {
    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Group) -> T) -> T {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(groups.entry(name.to_owned()).or_default())
    }
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
        .await?;
        self.keys.notify_waiters();
        Ok(())
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        if let Some(state) = self.unstored.with(name, |group| group.version.clone()) {
            return Ok(state);
        }
        match self.value(kind::COLLECTION, name.as_bytes()).await? {
            Some(value) => decode(&value).ok_or_else(|| damaged("collection version")),
            None => Ok(HashState::default()),
        }
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        let before = self.unstored.with(name, |group| group.version.is_some().then(|| std::mem::take(group)));
        let Some(before) = before else {
            self.unstored.with(name, |group| group.version = Some(state));
            return Ok(());
        };
        let again = before.version.as_ref().is_some_and(|before| before.version == state.version);
        // While this waits it is read as it was before: nobody else works at the collection.
        if let Some(told) = self.told.get()
            && !told.pass().await
        {
            return Err(StoreError::InvalidConfig("the connection ended before the collection was told".into()));
        }
        self.write(before.ops(name)).await?;
        if again {
            self.put(kind::COLLECTION, name, encode(&state)).await?;
        } else {
            self.unstored.with(name, |group| group.version = Some(state));
        }
        Ok(())
    }

    async fn put_mutation_macs(&self, name: &str, version: u64, mutations: &[AppStateMutationMAC]) -> Result<()> {
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        self.unstored.with(name, |group| {
            group
                .macs
                .extend(mutations.iter().map(|mac| (mac.index_mac.clone(), Some((mac.value_mac.clone(), version)))));
        });
        Ok(())
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.unstored.with(name, |group| group.mac(index_mac)) {
            Some(mac) => Ok(mac),
            None => self.value(kind::MUTATION_MAC, &mac_key(name, index_mac)).await,
        }
    }

    async fn get_mutation_macs(&self, name: &str, index_macs: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let mut found = HashMap::new();
        let mut keys = Vec::new();
        self.unstored.with(name, |group| {
            for index in index_macs {
                match group.mac(index) {
                    Some(mac) => found.extend(mac.map(|mac| (*index, mac))),
                    None => keys.push(mac_key(name, index)),
                }
            }
        });
        for row in self.rows(kind::MUTATION_MAC, &keys).await? {
            let index =
                row.key.get(name.len() + 1..).and_then(|mac| mac.try_into().ok()).ok_or_else(|| damaged("mutation"))?;
            found.insert(index, row.value);
        }
        Ok(found)
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        self.unstored.with(name, |group| group.macs.extend(index_macs.iter().map(|mac| (mac.clone(), None))));
        Ok(())
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        self.unstored.with(name, |group| {
            group.cleared = true;
            group.macs.clear();
        });
        Ok(())
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        self.value(kind::LATEST_SYNC_KEY, &[]).await
    }
}
