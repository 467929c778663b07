//! The messages that a phone holds: opened, in the order in which they came, with what became of them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use buffa::Message as _;
use serde::{Deserialize, Serialize};
use wacore::proto_helpers::MessageExt as _;
use wago_contract::phone::{Kind, Media, Message, Quoted, State};
use waproto::whatsapp as wa;

use super::{app_state::Until, receipts::Receipts};
use crate::{
    account::Number,
    device::DeviceId,
    journal::{Journal, Tables},
};

const MESSAGES: &str = "phone-message";
/// So many messages of one second are told apart.
const NAMED_MAX: usize = 100;
/// A phone keeps this many messages; the oldest is forgotten first, on disk as well.
pub const MAX_MESSAGES: usize = 5_000;

/// One message with what is not for everyone's eyes.
#[derive(Serialize, Deserialize, Clone)]
pub struct Entry {
    pub message: Message,
    /// Nobody at this phone has looked at it.
    pub unread: bool,
    /// The protobuf: for quoting, for sealing again, and for kinds that phones cannot show.
    #[serde(with = "in_base64")]
    pub raw: Vec<u8>,
    /// How many people it is for, when it is an own one.
    #[serde(default)]
    pub audience: usize,
    /// The code with which the network refused it.
    #[serde(default)]
    pub refused: Option<u16>,
}

mod in_base64 {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A message that is about to be kept.
pub struct New {
    pub id: String,
    /// JID of the other side.
    pub chat: String,
    /// JID of who wrote it.
    pub from: String,
    pub from_me: bool,
    pub kind: Kind,
    pub text: Option<String>,
    pub caption: Option<String>,
    pub media: Option<Media>,
    pub quoted: Option<Quoted>,
    pub mentions: Vec<String>,
    pub target: Option<String>,
    pub timestamp: u64,
    pub state: State,
    pub raw: Vec<u8>,
    /// How many people it is for, when it is an own one.
    pub audience: usize,
}

/// What a device says about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Delivered,
    Read,
    Played,
}

#[derive(Default)]
pub struct Messages {
    entries: VecDeque<Entry>,
    /// Cursors of the entries with an id. Two people may choose the same id, so there can be several.
    by_id: HashMap<String, Vec<u64>>,
    last: u64,
    receipts: Receipts,
    /// Cursors whose entries must be written again, or deleted.
    touched: Vec<u64>,
}

/// The messages of all phones.
pub fn restore(tables: &Tables) -> HashMap<Number, Messages> {
    let mut entries: HashMap<Number, Vec<Entry>> = HashMap::new();
    for (key, value) in tables.get(MESSAGES).into_iter().flatten() {
        let number = key.split_first_chunk::<8>().and_then(|(number, _)| Number::from_key(number));
        if let (Some(number), Ok(entry)) = (number, serde_json::from_slice(value)) {
            entries.entry(number).or_default().push(entry);
        }
    }
    let mut receipts = Receipts::restore(tables);
    let with_receipts = |(number, entries)| {
        let receipts = receipts.remove(&number).unwrap_or_default();
        (number, Messages { receipts, ..Messages::restore(entries) })
    };
    entries.into_iter().map(with_receipts).collect()
}

impl Messages {
    /// Puts back what was kept. Entries come in any order.
    fn restore(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| entry.message.cursor);
        let mut messages = Self::default();
        for entry in entries {
            messages.last = entry.message.cursor;
            messages.by_id.entry(entry.message.id.clone()).or_default().push(entry.message.cursor);
            messages.entries.push_back(entry);
        }
        messages
    }

    /// Keeps a message, unless the same author's message with this id is there already.
    pub fn add(&mut self, new: New) -> Option<u64> {
        if self.by_author(&new.id, &new.from).is_some() {
            return None;
        }
        self.last += 1;
        let cursor = self.last;
        // What was opened before can be opened; what cannot says nothing.
        let message = wa::Message::decode_from_slice(&new.raw).unwrap_or_default();
        let raw_for_all = (new.kind == Kind::Unsupported).then(|| BASE64_STANDARD.encode(&new.raw));
        self.by_id.entry(new.id.clone()).or_default().push(cursor);
        self.entries.push_back(Entry {
            unread: !new.from_me && !matches!(new.kind, Kind::Reaction | Kind::Vote),
            message: Message {
                cursor,
                id: new.id,
                chat: new.chat,
                from: new.from,
                from_me: new.from_me,
                kind: new.kind,
                text: new.text,
                caption: new.caption,
                media: new.media,
                quoted: new.quoted,
                mentions: new.mentions,
                expiration: message.get_base_message().get_ephemeral_expiration(),
                view_once: message.is_view_once(),
                target: new.target,
                reactions: BTreeMap::new(),
                edited: false,
                starred: false,
                timestamp: new.timestamp,
                state: new.state,
                receipts: BTreeMap::new(),
                raw: raw_for_all,
            },
            raw: new.raw,
            audience: new.audience,
            refused: None,
        });
        self.touched.push(cursor);
        if self.entries.len() > MAX_MESSAGES {
            self.forget_oldest();
        }
        Some(cursor)
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.gone(&oldest);
    }

    fn gone(&mut self, entry: &Entry) {
        let Message { id, cursor, .. } = &entry.message;
        if let Some(cursors) = self.by_id.get_mut(id) {
            cursors.retain(|known| known != cursor);
            if cursors.is_empty() {
                self.by_id.remove(id);
            }
        }
        self.receipts.forget(*cursor);
        self.touched.push(*cursor);
    }

    fn position(&self, cursor: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&cursor, |entry| entry.message.cursor).ok()
    }

    pub fn get(&self, cursor: u64) -> Option<&Entry> {
        self.position(cursor).and_then(|at| self.entries.get(at))
    }

    fn change(&mut self, cursor: u64, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.position(cursor).and_then(|at| self.entries.get_mut(at)) {
            change(entry);
            self.touched.push(cursor);
        }
    }

    fn cursors(&self, id: &str) -> impl DoubleEndedIterator<Item = &Entry> {
        self.by_id.get(id).into_iter().flatten().filter_map(|cursor| self.get(*cursor))
    }

    /// The newest message with this id, whoever wrote it.
    pub fn by_id(&self, id: &str) -> Option<&Entry> {
        self.cursors(id).next_back()
    }

    /// The message with this id that `from` wrote.
    pub fn by_author(&self, id: &str, from: &str) -> Option<&Entry> {
        self.cursors(id).find(|entry| entry.message.from == from)
    }

    /// The own message with this id.
    pub fn own(&self, id: &str) -> Option<&Entry> {
        self.cursors(id).find(|entry| entry.message.from_me)
    }

    /// The network acknowledged an own message, or refused it with that code.
    pub fn settle(&mut self, cursor: u64, timestamp: u64, refused: Option<u16>) {
        let state = if refused.is_some() { State::Refused } else { State::Sent };
        self.change(cursor, |entry| {
            entry.message.timestamp = timestamp;
            entry.refused = refused;
            // A receipt may overtake the acknowledgement.
            if entry.message.state == State::Pending {
                entry.message.state = state;
            }
        });
    }

    /// A device reported. `counts`: it belongs to a recipient. The message as a whole has come as far as all recipients.
    pub fn receipt(&mut self, id: &str, device: DeviceId, seen: Seen, at: u64, counts: bool) -> Option<u64> {
        let entry = self.own(id)?;
        let (cursor, audience) = (entry.message.cursor, entry.audience);
        let known = entry.message.state;
        let state = self.receipts.add(cursor, device, seen, at, counts, audience)?;
        if state != known && known != State::Read {
            self.change(cursor, |entry| entry.message.state = state);
        }
        Some(cursor)
    }

    /// Someone reacted to message `target`, or took a reaction back with an empty emoji.
    pub fn react(&mut self, target: &str, who: &str, emoji: &str) -> Option<u64> {
        let cursor = self.by_id(target)?.message.cursor;
        self.change(cursor, |entry| {
            if emoji.is_empty() {
                entry.message.reactions.remove(who);
            } else {
                entry.message.reactions.insert(who.to_owned(), emoji.to_owned());
            }
        });
        Some(cursor)
    }

    /// The author changed the words of a message.
    pub fn edit(&mut self, target: &str, author: &str, text: &str, raw: Vec<u8>) -> Option<u64> {
        let cursor = self.by_author(target, author)?.message.cursor;
        self.change(cursor, |entry| {
            let words = match entry.message.media {
                Some(_) => &mut entry.message.caption,
                None => &mut entry.message.text,
            };
            *words = Some(text.to_owned());
            entry.message.edited = true;
            entry.raw = raw;
        });
        Some(cursor)
    }

    /// The author took a message away from everyone.
    pub fn revoke(&mut self, target: &str, author: &str) -> Option<u64> {
        let cursor = self.by_author(target, author)?.message.cursor;
        self.change(cursor, |entry| {
            entry.message.kind = Kind::Deleted;
            entry.message.text = None;
            entry.message.caption = None;
            entry.message.media = None;
            entry.message.quoted = None;
            entry.message.raw = None;
            entry.raw = Vec::new();
            entry.unread = false;
        });
        Some(cursor)
    }

    /// The person of the phone marked a message, or took the mark away.
    pub fn star(&mut self, cursor: u64, on: bool) {
        self.change(cursor, |entry| entry.message.starred = on);
    }

    /// The person of the phone wants to see it no more.
    pub fn remove(&mut self, cursor: u64) {
        let Some(entry) = self.position(cursor).and_then(|at| self.entries.remove(at)) else { return };
        self.gone(&entry);
    }

    /// All of a chat that was said until then, but for starred ones if those stay, which then count as read.
    pub fn clear(&mut self, chat: &str, until: &Until, starred_too: bool) {
        let meant = self.entries.iter().map(|entry| &entry.message).filter(|one| one.chat == chat && until.means(one));
        let meant: Vec<(u64, bool)> = meant.map(|one| (one.cursor, one.starred && !starred_too)).collect();
        for (cursor, stays) in meant {
            if stays { self.mark_read(cursor) } else { self.remove(cursor) }
        }
    }

    /// When the newest message of the chat was, and which there are of that second.
    pub fn newest(&self, chat: &str) -> Option<(u64, Vec<&Message>)> {
        let of_chat = || self.entries.iter().map(|entry| &entry.message).filter(|one| one.chat == chat);
        let at = of_chat().map(|one| one.timestamp).max()?;
        Some((at, of_chat().filter(|one| one.timestamp == at).take(NAMED_MAX).collect()))
    }

    /// Unread messages of others: those with one of `ids`, or all of `chat`.
    pub fn unread(&self, ids: &[String], chat: Option<&str>) -> Vec<&Entry> {
        self.entries
            .iter()
            .filter(|entry| {
                let message = &entry.message;
                entry.unread
                    && chat.is_none_or(|chat| message.chat == chat)
                    && (ids.is_empty() || ids.contains(&message.id))
            })
            .collect()
    }

    pub fn mark_read(&mut self, cursor: u64) {
        self.change(cursor, |entry| entry.unread = false);
    }

    /// How many messages of others nobody has looked at, in each chat that there are any messages in.
    pub fn chats(&self) -> BTreeMap<&str, usize> {
        let mut chats = BTreeMap::new();
        for entry in &self.entries {
            *chats.entry(entry.message.chat.as_str()).or_default() += usize::from(entry.unread);
        }
        chats
    }

    pub fn unread_count(&self) -> usize {
        self.entries.iter().filter(|entry| entry.unread).count()
    }

    pub fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    /// At most `limit` messages behind `after`, oldest first.
    pub fn list(&self, after: u64, chat: Option<&str>, limit: usize) -> Vec<Message> {
        let from = self.entries.partition_point(|entry| entry.message.cursor <= after);
        self.entries
            .range(from..)
            .map(|entry| &entry.message)
            .filter(|message| chat.is_none_or(|chat| message.chat == chat))
            .take(limit)
            .map(|message| Message { receipts: self.receipts.list(message.cursor), ..message.clone() })
            .collect()
    }

    /// Writes what changed. True if anything did.
    pub fn keep(&mut self, number: Number, journal: &Journal) -> bool {
        let receipts = self.receipts.keep(number, journal);
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for cursor in &touched {
            let key = [number.key(), cursor.to_be_bytes()].concat();
            match self.get(*cursor) {
                Some(entry) => {
                    journal.put(MESSAGES, &key, &serde_json::to_vec(entry).expect("a message is plain data"));
                }
                None => journal.delete(MESSAGES, &key),
            }
        }
        receipts || !touched.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use wago_contract::phone::Receipt;

    use super::*;

    fn text(id: &str, from: &str, from_me: bool) -> New {
        New {
            id: id.into(),
            chat: "b@s.whatsapp.net".into(),
            from: from.into(),
            from_me,
            kind: Kind::Text,
            text: Some("hi".into()),
            caption: None,
            media: None,
            quoted: None,
            mentions: Vec::new(),
            target: None,
            timestamp: 1,
            state: if from_me { State::Pending } else { State::Received },
            raw: vec![1],
            audience: 1,
        }
    }

    fn device(number: &str, device: u16) -> DeviceId {
        DeviceId { number: Number::parse(number).expect("digits"), device }
    }

    #[test]
    fn a_message_is_kept_once_and_ids_may_clash_between_people() {
        let mut messages = Messages::default();
        assert_eq!(messages.add(text("X", "a", false)), Some(1));
        assert_eq!(messages.add(text("X", "a", false)), None);
        assert_eq!(messages.add(text("X", "b", false)), Some(2));
        assert_eq!(messages.by_id("X").map(|entry| entry.message.cursor), Some(2));
        assert_eq!(messages.unread_count(), 2);
    }

    #[test]
    fn a_late_delivery_does_not_undo_a_read() {
        let mut messages = Messages::default();
        let cursor = messages.add(text("X", "me", true)).expect("new");
        messages.receipt("X", device("15550000002", 1), Seen::Read, 5, true);
        messages.receipt("X", device("15550000002", 2), Seen::Delivered, 6, true);
        messages.settle(cursor, 4, None);
        let message = &messages.list(0, None, 1)[0];
        assert_eq!(message.state, State::Read);
        assert_eq!(message.timestamp, 4);
        let receipt = Receipt { delivered: Some(5), read: Some(5), played: None };
        assert_eq!(message.receipts["15550000002:1@s.whatsapp.net"], receipt);
    }

    #[test]
    fn a_message_to_several_has_come_as_far_as_the_last_of_them() {
        let mut messages = Messages::default();
        messages.add(New { audience: 2, state: State::Sent, ..text("X", "me", true) });
        let mut state = |number, device_id, seen, counts| {
            messages.receipt("X", device(number, device_id), seen, 5, counts);
            messages.list(0, None, 1)[0].state
        };
        assert_eq!(state("15550000001", 1, Seen::Delivered, false), State::Sent, "an own device");
        assert_eq!(state("15550000002", 0, Seen::Delivered, true), State::Sent);
        assert_eq!(state("15550000002", 1, Seen::Read, true), State::Sent, "the same person");
        assert_eq!(state("15550000003", 0, Seen::Delivered, true), State::Delivered);
        assert_eq!(state("15550000003", 0, Seen::Read, true), State::Read);
        assert_eq!(state("15550000003", 1, Seen::Delivered, true), State::Read);
    }

    #[test]
    fn only_the_author_edits_and_revokes() {
        let mut messages = Messages::default();
        messages.add(text("X", "a", false));
        assert_eq!(messages.edit("X", "b", "no", Vec::new()), None);
        assert_eq!(messages.revoke("X", "b"), None);
        assert_eq!(messages.edit("X", "a", "yes", vec![2]), Some(1));
        assert_eq!(messages.revoke("X", "a"), Some(1));
        assert!(messages.by_id("X").is_some_and(|entry| entry.message.kind == Kind::Deleted));
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_bound() {
        let mut messages = Messages::default();
        for number in 0..=MAX_MESSAGES {
            messages.add(text(&number.to_string(), "a", false));
        }
        assert!(messages.by_id("0").is_none());
        let restored = Messages::restore(messages.entries.into_iter().rev().collect());
        assert_eq!(restored.list(0, None, 2)[0].cursor, 2);
        assert_eq!(restored.last, MAX_MESSAGES as u64 + 1);
    }
}
