//! A phone's keys for chats of many: its own, which all of a chat's devices are given, and those that others gave it.
//! Devices are addressed by phone number, as in [`super::signal`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use wacore_libsignal::protocol::{
    ProtocolAddress, SenderKeyDistributionMessage, SenderKeyName, SenderKeyRecord, SenderKeyStore, SignalProtocolError,
    create_sender_key_distribution_message, group_decrypt, group_encrypt, process_sender_key_distribution_message,
};

use super::signal::Closed;
use crate::{
    account::Number,
    device::DeviceId,
    journal::{Journal, Tables},
};

const KEYS: &str = "phone-sender-key";
const GIVEN: &str = "phone-sender-key-given";
const DEVICE_KEY_BYTES: usize = 10;

type Signalled<T> = Result<T, SignalProtocolError>;

#[derive(Default)]
pub struct SenderKeys {
    store: Store,
    /// Which devices have the own key of a chat.
    given: BTreeMap<String, BTreeSet<DeviceId>>,
    given_changed: BTreeSet<String>,
}

/// Records stay serialised, by chat and address.
#[derive(Default)]
struct Store {
    records: HashMap<String, Vec<u8>>,
    changed: BTreeSet<String>,
}

fn name(chat: &str, of: &ProtocolAddress) -> SenderKeyName {
    SenderKeyName::from_parts(chat, of.as_str())
}

/// As with sessions: stores in memory answer at once.
fn at_once<T>(work: impl Future<Output = Signalled<T>>) -> Signalled<T> {
    work.now_or_never().expect("stores in memory answer at once")
}

pub fn restore(tables: &Tables) -> HashMap<Number, SenderKeys> {
    let mut all: HashMap<Number, SenderKeys> = HashMap::new();
    let rows = |table: &str| tables.get(table).into_iter().flatten();
    let of = |key: &[u8]| {
        let (number, rest) = key.split_first_chunk::<8>()?;
        Some((Number::from_key(number)?, String::from_utf8(rest.to_vec()).ok()?))
    };
    for (key, record) in rows(KEYS) {
        if let Some((number, name)) = of(key) {
            all.entry(number).or_default().store.records.insert(name, record.clone());
        }
    }
    for (key, value) in rows(GIVEN) {
        if let Some((number, chat)) = of(key) {
            let devices = value.chunks_exact(DEVICE_KEY_BYTES).filter_map(DeviceId::from_key).collect();
            all.entry(number).or_default().given.insert(chat, devices);
        }
    }
    all
}

impl SenderKeys {
    /// What a device needs to open what is sealed for the whole chat from now on. The first time, it makes the key.
    pub fn distribution(&mut self, chat: &str, own: &ProtocolAddress) -> Signalled<Vec<u8>> {
        let (name, mut rng) = (name(chat, own), rand::rng());
        let made = at_once(create_sender_key_distribution_message(&name, &mut self.store, &mut rng));
        made.map(|made| made.into_serialized().into_vec())
    }

    pub fn has_own(&self, chat: &str, own: &ProtocolAddress) -> bool {
        self.store.records.contains_key(name(chat, own).cache_key())
    }

    pub fn take(&mut self, chat: &str, from: &ProtocolAddress, bytes: &[u8]) -> Signalled<()> {
        let given = SenderKeyDistributionMessage::try_from(bytes)?;
        at_once(process_sender_key_distribution_message(&name(chat, from), &given, &mut self.store))
    }

    /// Seals for everybody who was given the key.
    pub fn seal(&mut self, chat: &str, own: &ProtocolAddress, plaintext: &[u8]) -> Signalled<Vec<u8>> {
        let sealed = at_once(group_encrypt(&mut self.store, &name(chat, own), plaintext, &mut rand::rng()))?;
        Ok(sealed.into_serialized().into_vec())
    }

    pub fn open(&mut self, chat: &str, from: &ProtocolAddress, bytes: &[u8]) -> Result<Vec<u8>, Closed> {
        at_once(group_decrypt(bytes, &mut self.store, &name(chat, from))).map_err(|error| match error {
            SignalProtocolError::DuplicatedMessage(..) => Closed::Duplicate,
            _ => Closed::Undecryptable,
        })
    }

    /// Those of `devices` that lack the own key. Once it was given to a device that is not among them any more, there is a
    /// new key, which all lack.
    pub fn lacking(&mut self, chat: &str, own: &ProtocolAddress, devices: &[DeviceId]) -> Vec<DeviceId> {
        let Some(given) = self.given.get(chat) else { return devices.to_vec() };
        let present: BTreeSet<DeviceId> = devices.iter().copied().collect();
        if !given.is_subset(&present) {
            self.renew(chat, own);
            return devices.to_vec();
        }
        devices.iter().copied().filter(|device| !given.contains(device)).collect()
    }

    /// The next message to the chat is sealed with a new key.
    fn renew(&mut self, chat: &str, own: &ProtocolAddress) {
        let name = name(chat, own);
        self.store.records.remove(name.cache_key());
        self.store.changed.insert(name.cache_key().to_owned());
        self.given.remove(chat);
        self.given_changed.insert(chat.to_owned());
    }

    pub fn gave(&mut self, chat: &str, devices: impl IntoIterator<Item = DeviceId>) {
        self.given.entry(chat.to_owned()).or_default().extend(devices);
        self.given_changed.insert(chat.to_owned());
    }

    /// Perhaps no device has the own key.
    pub fn not_given(&mut self, chat: &str) {
        if self.given.remove(chat).is_some() {
            self.given_changed.insert(chat.to_owned());
        }
    }

    /// A device says that it lacks the key after all.
    pub fn lost(&mut self, chat: &str, device: DeviceId) {
        if self.given.get_mut(chat).is_some_and(|given| given.remove(&device)) {
            self.given_changed.insert(chat.to_owned());
        }
    }

    /// A device began anew: it lacks all keys.
    pub fn lost_all(&mut self, device: DeviceId) {
        for (chat, given) in &mut self.given {
            if given.remove(&device) {
                self.given_changed.insert(chat.clone());
            }
        }
    }

    /// Writes what changed since the last time.
    pub fn keep(&mut self, number: Number, journal: &Journal) {
        let row = |rest: &str| [number.key().as_slice(), rest.as_bytes()].concat();
        for name in std::mem::take(&mut self.store.changed) {
            match self.store.records.get(&name) {
                Some(record) => journal.put(KEYS, &row(&name), record),
                None => journal.delete(KEYS, &row(&name)),
            }
        }
        for chat in std::mem::take(&mut self.given_changed) {
            match self.given.get(&chat) {
                Some(devices) => {
                    let devices: Vec<u8> = devices.iter().flat_map(|device| device.key()).collect();
                    journal.put(GIVEN, &row(&chat), &devices);
                }
                None => journal.delete(GIVEN, &row(&chat)),
            }
        }
    }

    /// On disk as well.
    pub fn forget_all(&mut self, number: Number, journal: &Journal) {
        self.store.changed.extend(std::mem::take(&mut self.store.records).into_keys());
        self.given_changed.extend(std::mem::take(&mut self.given).into_keys());
        self.keep(number, journal);
    }
}

#[async_trait]
impl SenderKeyStore for Store {
    async fn store_sender_key(&mut self, name: &SenderKeyName, mut record: SenderKeyRecord) -> Signalled<()> {
        record.waive_counter_lease()?;
        self.records.insert(name.cache_key().to_owned(), record.serialize()?);
        self.changed.insert(name.cache_key().to_owned());
        Ok(())
    }

    async fn load_sender_key(&self, name: &SenderKeyName) -> Signalled<Option<SenderKeyRecord>> {
        let Some(bytes) = self.records.get(name.cache_key()) else { return Ok(None) };
        let mut record = SenderKeyRecord::deserialize(bytes)?;
        // Every change is handed to the journal before a ciphertext leaves, so no iteration is ever used twice.
        record.waive_counter_lease()?;
        Ok(Some(record))
    }
}
