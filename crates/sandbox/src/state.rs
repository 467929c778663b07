//! What the network knows, in memory. Every change goes to the journal in the same step.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use wacore_binary::{Jid, Node, Server, marshal};

use crate::{
    account::{Account, Number},
    business::Businesses,
    calls::Calls,
    collections::Collections,
    device::{Device, DeviceId, PreKey, id_bytes, id_from},
    faults::Faults,
    group::Groups,
    group_calls::GroupCalls,
    journal::{Journal, Tables},
    link::Outlet,
    media::Media,
    newsletter::Newsletters,
    orders::Orders,
    pairing::Pairings,
    passkeys::Passkeys,
    phone::Phones,
    pictures::Pictures,
    queue::Queue,
    relay::Relay,
    screens::Screens,
    stanza::{fan_out::Posted, presence::Presences},
};

const ACCOUNT: &str = "account";
const DEVICE: &str = "device";
const PRE_KEY: &str = "pre-key";
const QUEUE: &str = "queue";
const PEER: &str = "peer";
/// Updates that nobody took yet; a listener that is told of any looks at everything.
const UPDATES_MAX: usize = 64;

pub(crate) struct State {
    pub journal: Journal,
    pub accounts: BTreeMap<Number, Account>,
    pub lids: HashMap<u64, Number>,
    pub devices: BTreeMap<DeviceId, Device>,
    pub by_noise: HashMap<[u8; 32], DeviceId>,
    pub outlets: HashMap<DeviceId, Outlet>,
    pub queues: HashMap<DeviceId, Queue>,
    pub collections: Collections,
    pub groups: Groups,
    pub newsletters: Newsletters,
    pub businesses: Businesses,
    pub passkeys: Passkeys,
    pub orders: Orders,
    pub calls: Calls,
    pub group_calls: GroupCalls,
    pub relay: Relay,
    /// What went to many, to tell a repetition.
    pub posted: Posted,
    pub pairings: Pairings,
    pub faults: Faults,
    pub pictures: Pictures,
    pub presences: Presences,
    pub counters: Counters,
    pub next_link: u64,
    pub rng: StdRng,
    /// Who wrote to whom: they hear of each other's devices.
    peers: BTreeMap<Number, BTreeSet<Number>>,
    /// Where files are uploaded to: the host's name, and the host.
    pub media_host: String,
    pub media: Media,
    pub phones: Phones,
    pub screens: Screens,
    /// What changed since it was last looked at.
    pub updates: Vec<Update>,
}

/// What a person who watches the network would see change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Update {
    /// A phone, its devices or its messages.
    Phone { number: String },
    /// A device came or went.
    Network,
    /// Codes that wait to be scanned.
    Screens,
}

/// What happened so far, by name; the names are those of stanzas and refusals.
#[derive(Default)]
pub(crate) struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// Bounded, since a client chooses some of the names.
    const NAMES_MAX: usize = 500;

    pub fn count(&mut self, name: impl Into<String>) {
        self.add(name, 1);
    }

    pub fn add(&mut self, name: impl Into<String>, more: usize) {
        let name = name.into();
        if self.0.len() < Self::NAMES_MAX || self.0.contains_key(&name) {
            *self.0.entry(name).or_default() += more as u64;
        }
    }

    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0.clone()
    }
}

impl State {
    pub fn restore(journal: Journal, tables: &Tables, seed: u64) -> Self {
        let mut state = Self {
            journal,
            accounts: BTreeMap::new(),
            lids: HashMap::new(),
            devices: BTreeMap::new(),
            by_noise: HashMap::new(),
            outlets: HashMap::new(),
            queues: HashMap::new(),
            collections: Collections::restore(tables),
            groups: Groups::restore(tables),
            newsletters: Newsletters::restore(tables),
            businesses: Businesses::restore(tables),
            passkeys: Passkeys::restore(tables),
            orders: Orders::restore(tables),
            calls: Calls::default(),
            group_calls: GroupCalls::default(),
            relay: Relay::unreachable(),
            posted: Posted::default(),
            pairings: Pairings::default(),
            faults: Faults::default(),
            pictures: Pictures::restore(tables),
            presences: Presences::restore(tables),
            counters: Counters::default(),
            next_link: 1,
            rng: StdRng::seed_from_u64(seed),
            peers: BTreeMap::new(),
            media_host: String::new(),
            media: Media::in_memory(),
            phones: Phones::restore(tables),
            screens: Screens::default(),
            updates: Vec::new(),
        };
        let rows = |table: &str| tables.get(table).into_iter().flatten();
        for (_, value) in rows(ACCOUNT) {
            if let Ok(account) = serde_json::from_slice::<Account>(value) {
                state.lids.insert(account.lid, account.number);
                state.accounts.insert(account.number, account);
            }
        }
        for (key, value) in rows(DEVICE) {
            if let (Some(id), Ok(device)) = (DeviceId::from_key(key), serde_json::from_slice::<Device>(value)) {
                if let Some(noise) = device.noise {
                    state.by_noise.insert(noise, id);
                }
                state.devices.insert(id, device);
            }
        }
        for (key, value) in rows(PRE_KEY) {
            let (Some(id), Some(key_id)) = (DeviceId::from_key(key), key.get(10..).and_then(id_from)) else { continue };
            if let (Some(device), Ok(key)) = (state.devices.get_mut(&id), value.as_slice().try_into()) {
                device.pre_keys.push_back(PreKey { id: key_id, key });
            }
        }
        for (key, _) in rows(PEER) {
            if let Some((a, b)) =
                key.split_first_chunk::<8>().and_then(|(a, b)| Some((Number::from_key(a)?, Number::from_key(b)?)))
            {
                state.peers.entry(a).or_default().insert(b);
            }
        }
        for (key, value) in rows(QUEUE) {
            let Some(id) = DeviceId::from_key(key) else { continue };
            let number = key.get(10..).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
            let stanza =
                value.get(1..).and_then(|bytes| marshal::unmarshal_ref(bytes).ok()).map(|stanza| stanza.to_owned());
            if let (Some(number), Some(stanza)) = (number, stanza) {
                state.queues.entry(id).or_default().restore(number, stanza);
            }
        }
        for number in state.phones.numbers() {
            state.wake_phone(number);
        }
        state
    }

    pub fn keep_account(&mut self, account: Account) {
        let value = serde_json::to_vec(&account).expect("an account is plain data");
        self.journal.put(ACCOUNT, &account.number.key(), &value);
        self.lids.insert(account.lid, account.number);
        self.accounts.insert(account.number, account);
    }

    /// Changes an account and keeps it. `None` if there is none.
    pub fn change_account<T>(&mut self, number: Number, change: impl FnOnce(&mut Account) -> T) -> Option<T> {
        let mut account = self.accounts.get(&number)?.clone();
        let value = change(&mut account);
        self.keep_account(account);
        Some(value)
    }

    /// Keeps all of a device but its one-time keys.
    pub fn keep_device(&mut self, id: DeviceId) {
        let Some(device) = self.devices.get(&id) else { return };
        self.journal.put(DEVICE, &id.key(), &serde_json::to_vec(device).expect("a device is plain data"));
    }

    pub fn add_device(&mut self, id: DeviceId, device: Device) {
        if let Some(noise) = device.noise {
            self.by_noise.insert(noise, id);
        }
        self.devices.insert(id, device);
        self.keep_device(id);
    }

    pub fn remove_device(&mut self, id: DeviceId) -> bool {
        let Some(device) = self.devices.remove(&id) else { return false };
        if let Some(noise) = device.noise {
            self.by_noise.remove(&noise);
        }
        for key in &device.pre_keys {
            self.journal.delete(PRE_KEY, &pre_key_row(id, key.id));
        }
        if let Some(queue) = self.queues.remove(&id) {
            for number in queue.numbers() {
                self.journal.delete(QUEUE, &queue_row(id, number));
            }
        }
        self.presences.forget(id);
        self.journal.delete(DEVICE, &id.key());
        true
    }

    /// Beyond `most`, the oldest of all are forgotten: nobody was given them.
    pub fn add_pre_keys(&mut self, id: DeviceId, keys: &[PreKey], most: usize) {
        let Some(device) = self.devices.get_mut(&id) else { return };
        let again: HashSet<u32> = keys.iter().map(|key| key.id).collect();
        device.pre_keys.retain(|known| !again.contains(&known.id));
        for key in keys {
            device.pre_keys.push_back(*key);
            self.journal.put(PRE_KEY, &pre_key_row(id, key.id), &key.key);
        }
        for key in device.pre_keys.drain(..device.pre_keys.len().saturating_sub(most)) {
            self.journal.delete(PRE_KEY, &pre_key_row(id, key.id));
        }
    }

    /// Hands out a one-time key, once.
    pub fn take_pre_key(&mut self, id: DeviceId) -> Option<PreKey> {
        let key = self.devices.get_mut(&id)?.pre_keys.pop_front()?;
        self.journal.delete(PRE_KEY, &pre_key_row(id, key.id));
        Some(key)
    }

    /// The account that a JID of either kind names.
    pub fn account_of(&self, jid: &Jid) -> Option<&Account> {
        let number = match jid.server {
            Server::Pn => Number::parse(&jid.user)?,
            Server::Lid => *self.lids.get(&jid.user.parse().ok()?)?,
            _ => return None,
        };
        self.accounts.get(&number)
    }

    pub fn device_of(&self, jid: &Jid) -> Option<DeviceId> {
        let id = DeviceId { number: self.account_of(jid)?.number, device: jid.device };
        self.devices.contains_key(&id).then_some(id)
    }

    pub fn devices_of(&self, number: Number) -> impl Iterator<Item = (DeviceId, &Device)> {
        self.devices
            .range(DeviceId::phone(number)..=DeviceId { number, device: u16::MAX })
            .map(|(id, device)| (*id, device))
    }

    /// A device that is told something which it must not miss: it waits in its queue until acknowledged.
    pub fn deliver(&mut self, to: DeviceId, stanza: Node) {
        let bytes = marshal::marshal(&stanza).expect("a stanza made here is well formed");
        let queue = self.queues.entry(to).or_default();
        let pushed = queue.push(stanza.clone());
        self.journal.put(QUEUE, &queue_row(to, pushed.number), &bytes);
        if let Some(dropped) = pushed.dropped {
            self.journal.delete(QUEUE, &queue_row(to, dropped));
        }
        if to.is_phone() {
            self.wake_phone(to.number);
            return;
        }
        // Live only behind what is still waiting, or it would overtake.
        let in_order = queue.waiting().take(2).count() == 1;
        if in_order && self.outlets.get(&to).is_some_and(Outlet::has_room) && self.tell(to, stanza) {
            self.queues.entry(to).or_default().handed_live(pushed.number);
        }
    }

    /// Hands a device, which took something off its connection, what found no room there before.
    pub fn catch_up(&mut self, to: DeviceId) {
        // The backlog is handed over at the device's own pace.
        while self.outlets.get(&to).is_some_and(|outlet| outlet.has_room() && outlet.backlog == 0) {
            let next = self.queues.get_mut(&to).map(|queue| queue.hand_out(1)).unwrap_or_default().pop();
            let Some(stanza) = next else { return };
            self.tell(to, stanza);
        }
    }

    pub fn acknowledged(&mut self, by: DeviceId, tag: &str, id: &str) {
        if let Some(number) = self.queues.get_mut(&by).and_then(|queue| queue.acknowledge(tag, id)) {
            self.journal.delete(QUEUE, &queue_row(by, number));
        }
    }

    /// A device that is told something which is lost if it is away. False if it is, or has stopped listening: then its
    /// connection is closed.
    pub fn tell(&mut self, to: DeviceId, stanza: Node) -> bool {
        if to.is_phone() {
            return self.phones.tell(to.number, stanza);
        }
        let Some(outlet) = self.outlets.get(&to) else { return false };
        let told = outlet.stanzas.try_send(stanza).is_ok();
        if !told {
            self.outlets.remove(&to);
            self.counters.count("link cut: too far behind");
        }
        told
    }

    /// Hands a phone what waits for it, if it is on.
    pub fn wake_phone(&mut self, number: Number) {
        if self.faults.is_offline(number) {
            return;
        }
        if let Some(queue) = self.queues.get_mut(&DeviceId::phone(number)) {
            for stanza in queue.hand_out(usize::MAX) {
                self.phones.tell(number, stanza);
            }
        }
    }

    pub fn remember_peers(&mut self, a: Number, b: Number) {
        for (one, other) in [(a, b), (b, a)] {
            if one != other && self.peers.entry(one).or_default().insert(other) {
                self.journal.put(PEER, &[one.key(), other.key()].concat(), &[]);
            }
        }
    }

    pub fn peers(&self, number: Number) -> Vec<Number> {
        self.peers.get(&number).into_iter().flatten().copied().collect()
    }

    /// Who wrote to somebody, or is in a group with them.
    pub fn acquaintances(&self, number: Number) -> BTreeSet<Number> {
        let mut people: BTreeSet<Number> =
            self.groups.of(number).flat_map(|group| group.members.keys().copied()).collect();
        people.extend(self.peers(number));
        people.remove(&number);
        people
    }

    /// Lets those who watch know. Told once, however often it happens before they look.
    pub fn changed(&mut self, update: Update) {
        if !self.updates.contains(&update) && self.updates.len() < UPDATES_MAX {
            self.updates.push(update);
        }
    }

    pub fn random_bytes(&mut self) -> [u8; 32] {
        self.rng.random()
    }

    pub fn random_id(&mut self) -> String {
        format!("{:016X}", self.rng.random::<u64>())
    }
}

fn pre_key_row(id: DeviceId, key: u32) -> Vec<u8> {
    [id.key().as_slice(), &id_bytes(key)].concat()
}

fn queue_row(id: DeviceId, number: u64) -> Vec<u8> {
    [id.key().as_slice(), &number.to_be_bytes()].concat()
}
