//! What a queue of sends needs from its session.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::Utc;
use serde::Serialize;
use tokio::{sync::Notify, time::timeout};
use wago_store::{NewEvent, SessionId};

use crate::{
    Error, Result, Sessions,
    adapter::{error, jid},
    record::{Record, Recorder, WantedFiles},
    sessions::invalid_phone,
};

/// How long it may take to say that somebody is typing.
const TYPING_MAX: Duration = Duration::from_secs(10);

/// Sessions that began to be connected. Bounded by how many there are.
#[derive(Default)]
pub(crate) struct Opened {
    sessions: Mutex<HashSet<SessionId>>,
    changed: Arc<Notify>,
}

impl Opened {
    pub fn tell(&self, session: SessionId) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(session);
        self.changed.notify_one();
    }
}

impl Sessions {
    /// Whether the session can send now.
    pub fn is_open(&self, id: SessionId) -> bool {
        self.running(id).is_some_and(|session| session.view.borrow().open)
    }

    /// Told when [`Self::take_opened`] has something. One listener.
    pub fn opened(&self) -> Arc<Notify> {
        self.shared().opened.changed.clone()
    }

    /// Sessions that were connected since the last call.
    pub fn take_opened(&self) -> HashSet<SessionId> {
        std::mem::take(&mut *self.shared().opened.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The recipient's JID as events name it. [`Error::Invalid`] for what is no recipient.
    pub fn recipient_jid(text: &str) -> Result<String> {
        jid::recipient(text).map(|jid| jid.to_string()).map_err(invalid_phone)
    }

    /// Shows the recipient that somebody is typing, until something is sent or some seconds have passed.
    pub async fn typing(&self, id: SessionId, to: &str) -> Result<()> {
        let live = self.running(id).and_then(|session| session.view.borrow().live.clone()).ok_or(Error::NoSession)?;
        let typing = async {
            let to = self.recipients().find(&live.client, to).await?;
            live.client.chatstate().send_composing(&to).await.map_err(|failed| error::any(&failed))
        };
        timeout(TYPING_MAX, typing).await.map_err(|_| Error::TimedOut)?
    }

    /// An event of a session, connected or not, ready to be recorded.
    pub fn event(
        &self,
        session: &wago_store::Session,
        kind: &'static str,
        chat: &str,
        event: &impl Serialize,
    ) -> NewEvent {
        let files = WantedFiles::default();
        let recorder =
            Recorder::new(self.store().clone(), session.id, session.name.clone(), session.jid.clone(), files);
        recorder.envelope(Record::new(kind, event).in_chat(chat.to_owned()), Utc::now())
    }
}
