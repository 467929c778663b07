//! One phone: keys, sessions, messages, and how they are kept.

use std::collections::{BTreeMap, HashMap, VecDeque};

use wacore_binary::Node;
use wacore_libsignal::protocol::{PreKeyRecord, ProtocolAddress};
use wago_contract::phone::Kind;

use super::{
    app_state::AppState,
    calls::Calls,
    chat::Chat,
    keys::Keys,
    messages::{self, Messages},
    sender_keys::{self, SenderKeys},
    signal::{Change, Signal},
    to_many::Prepared,
};
use crate::{
    account::Number,
    device::{Device, DeviceId},
    journal::{Journal, Tables},
    stanza::read::node,
    state::State,
};

const KEYS: &str = "phone";
const SESSIONS: &str = "phone-session";
const PRE_KEYS: &str = "phone-pre-key";

/// A phone remembers this many sent stanzas that are no messages (edits, key shares), in case a device asks again.
const RECENT_MAX: usize = 64;
/// How many messages that could not be opened a phone counts attempts for.
const ATTEMPTS_MAX: usize = 256;

/// A sent stanza that can be sealed again.
#[derive(Clone)]
pub(super) struct Recent {
    pub id: String,
    pub chat: Chat,
    /// Who is to see a status; nobody for other chats.
    pub readers: Vec<Number>,
    /// The protobuf.
    pub raw: Vec<u8>,
    pub shape: Shape,
}

/// What a stanza's envelope says about its content.
#[derive(Clone, Copy, Default)]
pub(super) struct Shape {
    /// `text` when absent.
    pub kind: Option<&'static str>,
    pub edit: Option<&'static str>,
    /// Only for the account's own devices, and not wrapped as something that was sent to someone.
    pub peer: bool,
}

impl Shape {
    /// Of a message of its own in a chat.
    pub fn of(kind: Kind) -> Self {
        use Kind::{Audio, Document, Image, Sticker, Video};
        let file = matches!(kind, Image | Video | Audio | Document | Sticker);
        let kind = if kind == Kind::Poll { Some("poll") } else { file.then_some("media") };
        Self { kind, ..Self::default() }
    }
}

pub(crate) struct Handset {
    pub(super) number: Number,
    pub(super) keys: Keys,
    pub(super) signal: Signal,
    pub(super) sender_keys: SenderKeys,
    pub(super) prepared: Prepared,
    pub(crate) messages: Messages,
    pub(super) app_state: AppState,
    pub(super) calls: Calls,
    pub(super) recent: VecDeque<Recent>,
    attempts: HashMap<(DeviceId, String), u8>,
    /// Its keys or pre-keys changed.
    touched: bool,
    new_pre_keys: Vec<(u32, PreKeyRecord)>,
}

pub(super) fn restore(tables: &Tables) -> BTreeMap<Number, Handset> {
    let rows = |table: &str| tables.get(table).into_iter().flatten();
    let of = |key: &[u8]| {
        key.split_first_chunk::<8>().and_then(|(number, rest)| Some((Number::from_key(number)?, rest.to_vec())))
    };
    let mut messages = messages::restore(tables);
    let mut sender_keys = sender_keys::restore(tables);
    let mut handsets = BTreeMap::new();
    for (key, value) in rows(KEYS) {
        let (Some((number, _)), Some(keys)) = (of(key), Keys::from_bytes(value)) else { continue };
        let messages = messages.remove(&number).unwrap_or_default();
        let sender_keys = sender_keys.remove(&number).unwrap_or_default();
        handsets.insert(number, Handset { sender_keys, ..Handset::with(number, keys, messages) });
    }
    for (key, record) in rows(SESSIONS) {
        if let Some((number, address)) = of(key)
            && let Some(phone) = handsets.get_mut(&number)
            && let Ok(address) = String::from_utf8(address)
        {
            phone.signal.restore_session(address, record.clone());
        }
    }
    for (key, record) in rows(PRE_KEYS) {
        if let Some((number, id)) = of(key)
            && let Some(phone) = handsets.get_mut(&number)
            && let (Ok(id), Ok(record)) = (id.try_into(), PreKeyRecord::deserialize(record))
        {
            phone.signal.add_pre_key(u32::from_be_bytes(id), record);
        }
    }
    handsets
}

impl Handset {
    /// A phone as new. It has no pre-keys yet: [`Handset::upload`].
    pub fn new(number: Number) -> Self {
        Self { touched: true, ..Self::with(number, Keys::generate(crate::now_ms()), Messages::default()) }
    }

    fn with(number: Number, keys: Keys, messages: Messages) -> Self {
        Self {
            number,
            signal: Signal::new(&keys),
            keys,
            sender_keys: SenderKeys::default(),
            prepared: Prepared::default(),
            messages,
            app_state: AppState::default(),
            calls: Calls::default(),
            recent: VecDeque::new(),
            attempts: HashMap::new(),
            touched: false,
            new_pre_keys: Vec::new(),
        }
    }

    /// A new installation on the same number: new keys, and the messages put back. What was sealed for the old keys cannot
    /// be opened any more.
    pub fn reinstalled(mut self, journal: &Journal) -> Self {
        let row = |rest: &[u8]| [self.number.key().as_slice(), rest].concat();
        let (sessions, pre_keys) = self.signal.kept();
        for address in sessions {
            journal.delete(SESSIONS, &row(address.as_bytes()));
        }
        for id in pre_keys {
            journal.delete(PRE_KEYS, &row(&id.to_be_bytes()));
        }
        self.sender_keys.forget_all(self.number, journal);
        Self { messages: self.messages, ..Self::new(self.number) }
    }

    /// As by an accident: what comes to its groups and statuses it cannot open until it was given the keys again.
    pub(crate) fn lose_sender_keys(&mut self, journal: &Journal) {
        self.sender_keys.forget_all(self.number, journal);
    }

    /// Writes what changed. True if that was a message.
    pub fn keep(&mut self, journal: &Journal) -> bool {
        let row = |rest: &[u8]| [self.number.key().as_slice(), rest].concat();
        if std::mem::take(&mut self.touched) {
            journal.put(KEYS, &row(&[]), &self.keys.to_bytes());
        }
        for (id, record) in std::mem::take(&mut self.new_pre_keys) {
            let record = record.serialize().expect("a pre-key made here is whole");
            journal.put(PRE_KEYS, &row(&id.to_be_bytes()), &record);
        }
        for change in self.signal.take_changes() {
            match change {
                Change::Session { address, record } => journal.put(SESSIONS, &row(address.as_bytes()), &record),
                Change::PreKeyUsed(id) => journal.delete(PRE_KEYS, &row(&id.to_be_bytes())),
            }
        }
        self.sender_keys.keep(self.number, journal);
        self.messages.keep(self.number, journal)
    }

    /// What the network knows of it from the start.
    pub fn device(&self) -> Device {
        self.keys.device("Phone")
    }

    /// One more pre-key, and its public half.
    pub fn make_pre_key(&mut self) -> (u32, [u8; 32]) {
        let (id, record) = self.keys.one_pre_key();
        self.touched = true;
        let public = record
            .public_key()
            .expect("it was just made")
            .public_key_bytes()
            .try_into()
            .expect("curve keys have 32 bytes");
        self.signal.add_pre_key(id, record.clone());
        self.new_pre_keys.push((id, record));
        (id, public)
    }

    /// The question by which the network is given a fresh batch of keys.
    pub fn upload(&mut self, state: &mut State) -> Node {
        let fresh: Vec<(u32, [u8; 32])> = (0..super::keys::PRE_KEYS).map(|_| self.make_pre_key()).collect();
        let signed = self.keys.signed_pre_key();
        let keys = wacore::prekeys::PreKeyUtils::build_upload_prekeys_request(
            self.keys.registration,
            &self.keys.public(),
            signed.id,
            &signed.key,
            &signed.signature,
            fresh.iter().map(|(id, key)| (*id, key.as_slice())),
        );
        let id = state.random_id();
        node("iq")
            .attr("id", id)
            .attr("xmlns", "encrypt")
            .attr("type", "set")
            .attr("to", wacore_binary::SERVER_JID)
            .children(keys)
            .build()
    }

    /// Remembers a sent stanza for devices that cannot open it.
    pub(super) fn remember(&mut self, recent: Recent) {
        self.recent.push_back(recent);
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }

    /// Counts another failure to open a device's message.
    pub(super) fn attempt(&mut self, from: DeviceId, id: &str) -> u8 {
        if self.attempts.len() >= ATTEMPTS_MAX {
            // Forgetting grants old messages a few more attempts.
            self.attempts.clear();
        }
        let count = self.attempts.entry((from, id.to_owned())).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }
}

/// Where the Signal session with a device is kept. Always by phone number, so that a peer who changes between number and
/// LID keeps its session.
pub(super) fn address(device: DeviceId) -> ProtocolAddress {
    ProtocolAddress::new(&device.number.to_string(), u32::from(device.device).into())
}
