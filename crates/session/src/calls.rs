//! Calls: making, taking and ending them, and how they stand.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::Utc;
use wacore_binary::{Jid, JidExt as _};
use wago_calls::Line;
use wago_contract::{
    call::{Call, CallSettings, CallStats, MakeCall},
    send::{Content, Envelope, text::Text},
};
use wago_store::{SessionId, Store};

use crate::{Error, Result, Sessions, adapter::jid, sessions::invalid_phone, supervisor::Live};

mod book;
mod desk;
mod film;
pub(crate) mod reason;
mod regrets;
mod sound;

pub(crate) use book::{Book, Entry};
pub(crate) use desk::Desk;
pub(crate) use regrets::{Regret, Regrets, Waiting};

/// The books of all sessions, and the texts for those who were declined.
pub(crate) struct Calls {
    books: Mutex<HashMap<SessionId, Arc<Book>>>,
    pub regrets: Regrets,
    pub waiting: Waiting,
}

impl Default for Calls {
    fn default() -> Self {
        let (regrets, waiting) = Regrets::new();
        Self { books: Mutex::default(), regrets, waiting }
    }
}

impl Calls {
    /// Made when it is first asked for.
    pub fn book(&self, session: SessionId) -> Arc<Book> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.entry(session).or_default().clone()
    }

    /// Of a session that is no more.
    pub fn forget(&self, session: SessionId) {
        self.books.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
    }
}

impl Sessions {
    /// Rings. [`Error::Rejected`] if WhatsApp does not let it through.
    pub async fn make_call(&self, id: SessionId, wish: MakeCall) -> Result<Call> {
        self.over(id, |live| async move {
            let peer = self.resolve(&live, &wish.phone).await?;
            if !(peer.is_pn() || peer.is_lid()) {
                return Err(invalid_phone("should be a phone number or a person's JID".to_owned()));
            }
            let own = if peer.is_lid() { live.client.lid() } else { live.client.pn() };
            if own.is_some_and(|own| own.is_same_user_as(&peer)) {
                return Err(invalid_phone("should not be the account's own".to_owned()));
            }
            let peer = peer.to_non_ad();
            let alt = other(&live, &peer).await;
            let chat = jid::chat_key(&peer, alt.as_ref());
            let alt = alt.map(|alt| alt.to_string()).unwrap_or_default();
            live.desk.make(peer, alt, chat, wish.video).await
        })
        .await
    }

    /// Takes a call that rings here.
    pub async fn answer_call(&self, id: SessionId, call: String) -> Result<Call> {
        self.known_call(id, &call)?;
        self.over(id, |live| async move { live.desk.answer(call).await }).await
    }

    /// Declines a call that rings here.
    pub async fn reject_call(&self, id: SessionId, call: String) -> Result<()> {
        self.known_call(id, &call)?;
        self.over(id, |live| async move { live.desk.reject(call).await }).await
    }

    /// Ends a call, or declines it if it rings here.
    pub async fn hang_up(&self, id: SessionId, call: String) -> Result<()> {
        self.known_call(id, &call)?;
        self.over(id, |live| async move { live.desk.hang_up(call).await }).await
    }

    pub async fn mute_call(&self, id: SessionId, call: String, muted: bool) -> Result<()> {
        self.known_call(id, &call)?;
        self.over(id, |live| async move { live.desk.mute(&call, muted).await }).await
    }

    /// All calls that are remembered, the newest first.
    pub fn calls(&self, id: SessionId) -> Vec<Call> {
        self.shared().calls.book(id).all().iter().map(|call| self.shown(id, call)).collect()
    }

    pub fn call(&self, id: SessionId, call: &str) -> Result<Call> {
        let found = self.shared().calls.book(id).find(call).ok_or(Error::UnknownCall)?;
        Ok(self.shown(id, &found))
    }

    /// What the session does by itself when it is called.
    pub async fn call_settings(&self, id: SessionId) -> Result<CallSettings> {
        settings(self.store(), id).await
    }

    pub async fn set_call_settings(&self, id: SessionId, settings: &CallSettings) -> Result<()> {
        let text = serde_json::to_string(settings).map_err(|error| Error::Internal(error.to_string()))?;
        let text = (*settings != CallSettings::default()).then_some(text);
        Ok(self.store().set_call_settings(id, text.as_deref()).await?)
    }

    /// The line of a call that was made or answered, and goes on.
    pub fn line(&self, id: SessionId, call: &str) -> Result<Line> {
        self.known_call(id, call)?;
        let session = self.running(id).ok_or(Error::NoSession)?;
        let live = session.view.borrow().live.clone();
        live.ok_or(Error::UnknownCall)?.desk.line(call)
    }

    fn shown(&self, id: SessionId, call: &Entry) -> Call {
        let stats = self.line(id, &call.id).ok().map(|line| stats(&line));
        Call { stats, ..call.told(Utc::now()) }
    }

    /// A call that goes on.
    fn known_call(&self, id: SessionId, call: &str) -> Result<()> {
        let found = self.shared().calls.book(id).find(call).ok_or(Error::UnknownCall)?;
        if found.state.is_over() {
            return Err(Error::CallState { reason: "the call is over" });
        }
        Ok(())
    }

    /// Sends the texts for those who were declined.
    pub(crate) async fn send_regrets(self) {
        let Some(mut waiting) = self.shared().calls.waiting.take() else { return };
        while let Some(Regret { session, to, text }) = waiting.recv().await {
            let content = Content::Text(Text { body: text, preview: None, look_up: false });
            if let Err(failed) = self.send(session, Envelope::to(to), content, Vec::new()).await {
                tracing::warn!(session = session.0, %failed, "who was declined could not be sent the text");
            }
        }
    }
}

async fn settings(store: &Store, id: SessionId) -> Result<CallSettings> {
    let text = store.call_settings(id).await?;
    let settings = text.map(|text| serde_json::from_str(&text)).transpose();
    settings.map(Option::unwrap_or_default).map_err(|error| Error::Internal(error.to_string()))
}

fn stats(line: &Line) -> CallStats {
    let stats = line.stats();
    CallStats {
        heard_packets: stats.heard,
        lost_packets: stats.lost,
        late_packets: stats.late,
        said_packets: stats.said,
        passed_packets: stats.passed,
        encoded_packets: stats.encoded,
        seen_pictures: stats.seen,
        shown_pictures: stats.shown,
        jitter_ms: stats.jitter_ms,
        heard_level: stats.heard_level,
        said_level: stats.said_level,
        legs: stats.legs.into_iter().map(str::to_owned).collect(),
    }
}

/// The other identity of a person, where it is known.
async fn other(live: &Live, jid: &Jid) -> Option<Jid> {
    let entry = live.client.get_lid_pn_entry(jid).await.ok()??;
    Some(if jid.is_lid() { Jid::pn(&*entry.phone_number) } else { Jid::lid(&*entry.lid) })
}
