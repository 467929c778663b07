//! Calls: making, taking and ending them, and how they stand.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::Utc;
use tokio::time::timeout;
use wacore::types::group_call::GROUP_CALL_MAX_REMOTE_PARTICIPANTS;
use wacore_binary::{Jid, JidExt as _};
use wago_calls::Line;
use wago_contract::{
    call::{Call, CallSettings, CallStats, MakeCall, Whom},
    send::{Content, Envelope, text::Text},
};
use wago_store::{SessionId, Store};

use crate::{Error, Result, Sessions, adapter::jid, groups, sessions::invalid_phone, supervisor::Live};

mod book;
mod desk;
mod film;
mod mlow;
pub(crate) mod reason;
mod regrets;
mod sound;
mod speakers;

/// For WhatsApp's word on who is in a group.
const GROUP_MAX: Duration = Duration::from_secs(15);
/// A call of fewer is one of two.
const OTHERS_MIN: usize = 2;

pub(crate) use book::{Book, Entry};
pub(crate) use desk::{Desk, Many, Ring};
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
        let MakeCall { whom, video, rings: lasts } = wish;
        self.over(id, |live| async move {
            let peer = match whom {
                Whom::Many(phones) => return self.make_call_of(&live, &phones, video, lasts).await,
                Whom::One(phone) => self.resolve(&live, &phone).await?,
            };
            if peer.is_group() {
                return call_group(&live, peer, video, lasts).await;
            }
            let peer = person(&live, peer, "should be a phone number, a person's JID or a group's")?;
            let alt = other(&live, &peer).await;
            let chat = jid::chat_key(&peer, alt.as_ref());
            let alt = alt.map(|alt| alt.to_string()).unwrap_or_default();
            live.desk.make(Ring { peer, alt, chat, video, lasts }).await
        })
        .await
    }

    /// Rings at several people.
    async fn make_call_of(&self, live: &Live, phones: &[String], video: bool, lasts: Duration) -> Result<Call> {
        let mut whom: Vec<Jid> = Vec::new();
        for phone in phones {
            let peer = self.resolve(live, phone).await.and_then(|peer| person(live, peer, NO_PERSON));
            let peer = peer.map_err(|failed| match failed {
                Error::Invalid { reason, .. } => {
                    Error::Invalid { field: "Phones", reason: reason.replacen("Phone", "each of Phones", 1) }
                }
                failed => failed,
            })?;
            let alt = other(live, &peer).await;
            if whom.iter().any(|known| *known == peer || Some(known) == alt.as_ref()) {
                let reason = "Phones should name nobody twice".to_owned();
                return Err(Error::Invalid { field: "Phones", reason });
            }
            whom.push(peer);
        }
        live.desk.make_many(Many { group: None, whom, chat: None, video, lasts }).await
    }

    /// Asks somebody to join a call that goes on.
    pub async fn invite_to_call(&self, id: SessionId, call: String, phone: String) -> Result<()> {
        self.known_call(id, &call)?;
        self.over(id, |live| async move {
            let whom = person(&live, self.resolve(&live, &phone).await?, NO_PERSON)?;
            live.desk.invite(call, whom).await
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

const NO_PERSON: &str = "should be a phone number or a person's JID";

/// Somebody else.
fn person(live: &Live, jid: Jid, otherwise: &str) -> Result<Jid> {
    if !(jid.is_pn() || jid.is_lid()) {
        return Err(invalid_phone(otherwise.to_owned()));
    }
    let own = if jid.is_lid() { live.client.lid() } else { live.client.pn() };
    if own.is_some_and(|own| own.is_same_user_as(&jid)) {
        return Err(invalid_phone("should not be the account's own".to_owned()));
    }
    Ok(jid.to_non_ad())
}

/// Rings at all other members of a group.
async fn call_group(live: &Live, group: Jid, video: bool, lasts: Duration) -> Result<Call> {
    let asked = async { live.client.groups().query_info(&group).await.map_err(groups::unknown) };
    let info = timeout(GROUP_MAX, asked).await.map_err(|_| Error::TimedOut)??;
    let own = |jid: &Jid| person(live, jid.clone(), "").is_err();
    let whom: Vec<Jid> = info.participants.iter().filter(|jid| !own(jid)).map(Jid::to_non_ad).collect();
    if !(OTHERS_MIN..=GROUP_CALL_MAX_REMOTE_PARTICIPANTS).contains(&whom.len()) {
        return Err(invalid_phone(
            "should be a group of 3 to 32 members: WhatsApp calls no other; name up to 31 in Phones".to_owned(),
        ));
    }
    let chat = Some(jid::chat_key(&group, None));
    live.desk.make_many(Many { group: Some(group), whom, chat, video, lasts }).await
}

/// The other identity of a person, where it is known.
async fn other(live: &Live, jid: &Jid) -> Option<Jid> {
    let entry = live.client.get_lid_pn_entry(jid).await.ok()??;
    Some(if jid.is_lid() { Jid::pn(&*entry.phone_number) } else { Jid::lid(&*entry.lid) })
}
