//! The history that a phone sends to a new device, in parts that fit into memory.
//!
//! A chunk may be tens of megabytes. It is read one chat at a time and told in several events, each with some chats, and
//! a chat that is large by itself in several.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use wacore::{history_sync::HistorySyncStream, types::events::LazyHistorySync};
use wacore_binary::{Jid, JidExt as _};
use wago_contract::event;
use wago_store::ChatChange;
use waproto::{
    buffa::MessageField,
    whatsapp::{self as wa, history_sync::HistorySyncType as Kind},
};

use super::{names::Around, protobuf::to_json};
use crate::record::Record;

/// JSON bytes of one event's contents, beyond which it is told and another begun. One message may be larger.
const PART_MAX: usize = 512 * 1024;

/// What a chunk is about, one thing at a time.
pub enum Past {
    Chat(Box<wa::Conversation>),
    Names(Vec<wa::Pushname>),
}

/// How a chat stands.
pub fn listed(chat: &wa::Conversation, around: Around) -> Vec<ChatChange> {
    let Ok(jid) = chat.id.parse::<Jid>() else { return Vec::new() };
    // Neither is a chat that a person has.
    if jid.is_status_broadcast() || jid.is_newsletter() {
        return Vec::new();
    }
    let other = if jid.is_lid() { &chat.pn_jid } else { &chat.lid_jid };
    let other = other.as_deref().and_then(|other| other.parse::<Jid>().ok());
    let key = around.chat(&jid, other.as_ref().filter(|_| !jid.is_group()));
    let newest = chat.messages.first().and_then(|newest| newest.message.message_timestamp);
    let at = chat.last_msg_timestamp.or(chat.conversation_timestamp).or(newest).unwrap_or_default();
    let at_ms = i64::try_from(at).unwrap_or_default().saturating_mul(1_000);
    let name = chat.name.clone().filter(|name| jid.is_group() && !name.is_empty());
    let named = name.map(|name| ChatChange::Named { chat: key.clone(), name });
    let listed = ChatChange::Listed { chat: key, at_ms, unread: chat.unread_count.unwrap_or_default() };
    [Some(listed), named].into_iter().flatten().collect()
}

pub fn named(person: &wa::Pushname, around: Around) -> Option<ChatChange> {
    let jid: Jid = person.id.as_deref()?.parse().ok()?;
    // So WhatsApp writes that there is none.
    let name = person.pushname.clone().filter(|name| !name.is_empty() && name != "-")?;
    Some(ChatChange::PushName { jid: around.chat(&jid, None), name })
}

/// A chunk, still packed. Cheap to move to another thread.
pub struct Chunk {
    packed: Bytes,
    unpacked: usize,
    kind: i32,
    order: Option<u32>,
    progress: Option<u32>,
    request: Option<String>,
}

impl Chunk {
    pub fn of(sync: &LazyHistorySync) -> Self {
        Self {
            packed: sync.compressed_bytes().clone(),
            unpacked: sync.decompressed_size(),
            kind: sync.sync_type(),
            order: sync.chunk_order(),
            progress: sync.progress(),
            request: sync.peer_data_request_session_id().map(str::to_owned),
        }
    }

    /// Whether it says how chats stand now, not only what was said in them.
    pub fn lists_chats(&self) -> bool {
        self.kind != Kind::ON_DEMAND as i32
    }

    /// Calls `tell` for each chat, in order, and then for what people call themselves, until there is no more or it answers
    /// false. The error says why the chunk cannot be read to its end.
    pub fn each(&self, mut tell: impl FnMut(Past) -> bool) -> Result<(), String> {
        let mut stream = HistorySyncStream::new(&self.packed, self.unpacked as u64);
        while let Some(chat) = stream.next_conversation().map_err(|error| error.to_string())? {
            if !tell(Past::Chat(Box::new(chat))) {
                return Ok(());
            }
        }
        let rest = stream.remainder().map_err(|error| error.to_string())?;
        if !rest.pushnames.is_empty() {
            tell(Past::Names(rest.pushnames));
        }
        Ok(())
    }

    /// Calls `tell` for each part, in order, until there are no more or it answers false. The error says why the chunk
    /// cannot be read to its end.
    pub fn tell(&self, tell: impl FnMut(Record) -> bool) -> Result<(), String> {
        let digest = Sha256::digest(&self.packed);
        let name: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let mut parts = Parts { chunk: self, name, part: 0, chats: Vec::new(), size: 0, tell };
        let mut stream = HistorySyncStream::new(&self.packed, self.unpacked as u64);
        let mut chat = wa::Conversation::default();
        while stream.next_conversation_into(&mut chat).map_err(|error| error.to_string())? {
            if !parts.add(&mut chat) {
                return Ok(());
            }
        }
        let mut rest = stream.remainder().map_err(|error| error.to_string())?;
        // Secrets of the account's devices among each other.
        rest.thread_id_user_secret = None;
        rest.companion_meta_nonce = None;
        rest.shareable_chat_identifier_encryption_key = None;
        rest.nct_salt = None;
        parts.end(&to_json(&rest));
        Ok(())
    }
}

struct Parts<'a, F> {
    chunk: &'a Chunk,
    name: String,
    part: u32,
    chats: Vec<Value>,
    size: usize,
    tell: F,
}

impl<F: FnMut(Record) -> bool> Parts<'_, F> {
    /// False when nobody listens any more.
    fn add(&mut self, chat: &mut wa::Conversation) -> bool {
        let messages = std::mem::take(&mut chat.messages);
        // Signal keys and what proves that the account knows somebody.
        chat.tc_token = None;
        chat.contact_primary_identity_key = None;
        let about = to_json(chat);
        self.size += length(&about);
        let mut told = Vec::new();
        for message in messages {
            if has_keys(&message.message) {
                continue;
            }
            let message = to_json(&message);
            let length = length(&message);
            if self.size + length > PART_MAX && !(told.is_empty() && self.chats.is_empty()) {
                if !told.is_empty() {
                    self.chats.push(with_messages(&about, std::mem::take(&mut told)));
                }
                if !self.flush(None) {
                    return false;
                }
                self.size += self::length(&about);
            }
            self.size += length;
            told.push(message);
        }
        self.chats.push(with_messages(&about, told));
        true
    }

    /// The last part has what is not of a chat.
    fn end(&mut self, rest: &Value) {
        if self.size + length(rest) > PART_MAX && !self.chats.is_empty() && !self.flush(None) {
            return;
        }
        self.flush(Some(rest));
    }

    fn flush(&mut self, rest: Option<&Value>) -> bool {
        let mut data = match rest {
            Some(Value::Object(rest)) => rest.clone(),
            _ => Map::new(),
        };
        data.insert("syncType".to_owned(), self.chunk.kind.into());
        for (name, value) in [("chunkOrder", self.chunk.order), ("progress", self.chunk.progress)] {
            if let Some(value) = value {
                data.insert(name.to_owned(), value.into());
            }
        }
        if let Some(request) = &self.chunk.request {
            data.insert("peerDataRequestSessionID".to_owned(), json!(request));
        }
        if !self.chats.is_empty() {
            data.insert("conversations".to_owned(), std::mem::take(&mut self.chats).into());
        }
        self.size = 0;
        let told = event::HistorySync { data: data.into(), part: self.part, last_part: rest.is_some() };
        let dedupe = format!("history|{}|{}", self.name, self.part);
        self.part += 1;
        (self.tell)(Record::new("HistorySync", &told).once(dedupe))
    }
}

fn length(value: &Value) -> usize {
    value.to_string().len()
}

fn with_messages(chat: &Value, messages: Vec<Value>) -> Value {
    let mut chat = chat.clone();
    if let (Value::Object(chat), false) = (&mut chat, messages.is_empty()) {
        chat.insert("messages".to_owned(), messages.into());
    }
    chat
}

fn has_keys(message: &MessageField<wa::WebMessageInfo>) -> bool {
    let content = message.as_option().and_then(|message| message.message.as_option());
    let protocol = content.and_then(|content| content.protocol_message.as_option());
    protocol.is_some_and(|protocol| protocol.app_state_sync_key_share.is_set())
}
