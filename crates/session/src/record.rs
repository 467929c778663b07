//! Recording events: what happened, with the envelope that every sink gets, into the store.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;
use wago_contract::event::{Event, OrderDetails, SessionRef, Vote};
use wago_store::{ChatChange, MessageChange, NewEvent, NewMedia, SessionId, Store};

use crate::Files;

/// Attempts to record what happens once.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Something that happened, ready to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    kind: &'static str,
    topic: &'static str,
    event: Value,
    media: Option<Vec<u8>>,
    state: Option<&'static str>,
    chat: String,
    dedupe: Option<String>,
    stored: Option<MessageChange>,
    chats: Vec<ChatChange>,
    vote: Option<Vote>,
    order: Option<OrderDetails>,
}

impl Record {
    pub fn new(kind: &'static str, event: &impl Serialize) -> Self {
        Self {
            kind,
            topic: kind,
            media: None,
            // Only a map with keys that are no texts would fail, and there are none.
            event: serde_json::to_value(event).unwrap_or_default(),
            state: None,
            chat: String::new(),
            dedupe: None,
            stored: None,
            chats: Vec::new(),
            vote: None,
            order: None,
        }
    }

    /// One more subscription name that it goes by.
    pub fn topic(mut self, topic: &'static str) -> Self {
        self.topic = topic;
        self
    }

    /// The chat whose order it belongs to.
    pub fn in_chat(mut self, chat: String) -> Self {
        self.chat = chat;
        self
    }

    /// What its file can be fetched by.
    pub fn with_file(mut self, descriptor: Option<Vec<u8>>) -> Self {
        self.media = descriptor;
        self
    }

    pub fn in_state(mut self, state: &'static str) -> Self {
        self.state = Some(state);
        self
    }

    /// What the vote was for that it tells of.
    pub fn with_vote(mut self, vote: Vote) -> Self {
        self.vote = Some(vote);
        self
    }

    /// What is in the order that it tells of.
    pub fn with_order(mut self, order: Option<OrderDetails>) -> Self {
        self.order = order;
        self
    }

    pub fn chat(&self) -> &str {
        &self.chat
    }

    /// All of it, for tests to compare.
    #[cfg(test)]
    pub fn told(&self) -> Value {
        serde_json::json!({
            "kind": self.kind,
            "topic": self.topic,
            "state": self.state,
            "chat": self.chat,
            "once": self.dedupe,
            "event": self.event,
        })
    }

    #[cfg(test)]
    pub fn vote(&self) -> Value {
        serde_json::to_value(&self.vote).unwrap_or_default()
    }

    /// Recorded once under this name, however often it happens.
    pub fn once(mut self, name: String) -> Self {
        self.dedupe = Some(name);
        self
    }

    /// What follows from it for the stored messages, if they are kept.
    pub fn stored(mut self, change: Option<MessageChange>) -> Self {
        self.stored = change;
        self
    }

    /// What follows from it for chats, labels and contacts.
    pub fn with_chats(mut self, changes: Vec<ChatChange>) -> Self {
        self.chats = changes;
        self
    }

    /// What is told.
    pub fn event(&self) -> &Value {
        &self.event
    }

    /// The change, with the whole message as its payload.
    pub fn change(&mut self) -> Option<MessageChange> {
        let mut change = self.stored.take()?;
        if let MessageChange::New(new) = &mut change {
            new.payload = serde_json::to_vec(&self.event).unwrap_or_default();
        }
        Some(change)
    }
}

/// Records for one session.
pub(crate) struct Recorder {
    store: Store,
    session: SessionId,
    name: String,
    jid: Mutex<String>,
    keeps_messages: bool,
    files: WantedFiles,
}

/// Whom the files of messages are fetched for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WantedFiles {
    for_webhooks: bool,
    to_keep: bool,
}

impl WantedFiles {
    pub fn by(files: Option<&Files>) -> Self {
        files.map_or_else(Self::default, |files| Self {
            for_webhooks: files.for_webhooks,
            to_keep: files.kept.is_some(),
        })
    }

    fn media(self, descriptor: Vec<u8>) -> Option<NewMedia> {
        let Self { for_webhooks, to_keep } = self;
        (for_webhooks || to_keep).then_some(NewMedia { descriptor, for_webhooks, to_keep })
    }
}

impl Recorder {
    pub fn new(store: Store, session: SessionId, name: String, jid: Option<String>, files: WantedFiles) -> Self {
        Self { store, session, name, jid: Mutex::new(jid.unwrap_or_default()), keeps_messages: false, files }
    }

    /// Whether messages are stored beside the events that tell of them.
    pub fn keeping_messages(self, keeps_messages: bool) -> Self {
        Self { keeps_messages, ..self }
    }

    pub fn keeps_messages(&self) -> bool {
        self.keeps_messages
    }

    /// For what is told by no event.
    pub async fn change_messages(&self, changes: Vec<MessageChange>) -> wago_store::Result<()> {
        self.store.change_messages(self.session, changes).await
    }

    /// The same for chats, labels and contacts.
    pub async fn change_chats(&self, changes: Vec<ChatChange>) -> wago_store::Result<()> {
        self.store.change_chats(self.session, changes).await
    }

    /// The account's JID with its device; empty until linked.
    pub fn jid(&self) -> String {
        self.jid.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn set_jid(&self, jid: String) {
        *self.jid.lock().unwrap_or_else(PoisonError::into_inner) = jid;
    }

    /// Returns once they are on disk.
    pub async fn record(&self, records: Vec<Record>) -> wago_store::Result<()> {
        self.store.record_events(self.envelopes(records)).await.map(|_| ())
    }

    /// For what happens once: tries again when the store fails. False if it did not help, which the log says.
    pub async fn insist(&self, records: Vec<Record>) -> bool {
        if records.is_empty() {
            return true;
        }
        let events = self.envelopes(records);
        for attempt in 1..=ATTEMPTS {
            let Err(error) = self.store.record_events(events.clone()).await else {
                return true;
            };
            tracing::error!(session = %self.name, %error, attempt, events = events.len(), "events could not be recorded");
            if matches!(error, wago_store::Error::Closed) {
                return false;
            }
            if attempt < ATTEMPTS {
                tokio::time::sleep(PAUSE).await;
            }
        }
        false
    }

    fn envelopes(&self, records: Vec<Record>) -> Vec<NewEvent> {
        let now = Utc::now();
        records.into_iter().map(|record| self.envelope(record, now)).collect()
    }

    /// The record as it goes into the store.
    pub fn envelope(&self, mut record: Record, now: DateTime<Utc>) -> NewEvent {
        let message = if self.keeps_messages { record.change() } else { None };
        let event_id = format!("evt_{:032x}", rand::random::<u128>());
        let session = SessionRef { name: self.name.clone(), jid: self.jid() };
        let event = Event {
            kind: record.kind,
            event: record.event,
            event_id: event_id.clone(),
            session,
            timestamp: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            state: record.state,
            vote: record.vote,
            order_details: record.order,
        };
        NewEvent {
            session: self.session,
            event_id,
            dedupe: record.dedupe,
            chat: record.chat,
            kind: record.kind.to_owned(),
            topic: record.topic.to_owned(),
            media: record.media.and_then(|descriptor| self.files.media(descriptor)),
            message,
            chats: record.chats,
            payload: serde_json::to_vec(&event).unwrap_or_default(),
            created_at_ms: now.timestamp_millis(),
        }
    }
}
