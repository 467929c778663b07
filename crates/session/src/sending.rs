//! Sending a message, up to WhatsApp's word on it.

use std::time::Duration;

use tokio::time::timeout;
use wacore_binary::Jid;
use wago_contract::{
    send::{Content, Envelope, status::Status},
    session::HealthState,
};
use wago_store::SessionId;

use crate::{
    Error, File, Result, Sent, Sessions,
    recipients::Recipients,
    sending::{
        build::{Build, Built},
        delivery::{deliver, tell, unacknowledged},
    },
    sessions::not_connected,
    supervisor::Live,
};

mod acting;
mod album;
mod build;
mod context;
mod delivery;
mod download;
mod prepare;
mod timer;
mod upload;

pub use prepare::kind_of;

/// How long a send waits for a session that is starting.
const START_MAX: Duration = Duration::from_secs(10);
/// How long WhatsApp may take to acknowledge a message. A message may still arrive after it.
const ACK_MAX: Duration = Duration::from_secs(30);

impl Sessions {
    /// Sends and waits for WhatsApp's ack. `files` are those of the content, in its order.
    pub async fn send(&self, id: SessionId, envelope: Envelope, content: Content, files: Vec<File>) -> Result<Sent> {
        self.over(id, |live| async move {
            match content {
                Content::Status(status) => self.tell_story(&live, envelope, status, files).await,
                Content::Album(album) => self.send_album(&live, envelope, album, files).await,
                content => {
                    let to = self.resolve(&live, &envelope.phone).await?;
                    let build = Build::begin(&live, &to, &envelope, &content, files).await?;
                    let id = envelope.id.unwrap_or_else(|| live.client.generate_message_id());
                    deliver(&live, to, build.finish(content)?, id).await
                }
            }
        })
        .await
    }

    async fn tell_story(&self, live: &Live, envelope: Envelope, status: Status, files: Vec<File>) -> Result<Sent> {
        let mut audience = Vec::with_capacity(status.audience.len());
        for person in &status.audience {
            audience.push(context::person("Audience", person)?);
        }
        let audience = Recipients::audience(&live.client, &audience);
        let audience = timeout(ACK_MAX, audience).await.map_err(|_| Error::TimedOut)??;
        let to = Jid::status_broadcast();
        let content = Content::Status(status);
        let build = Build::begin(live, &to, &envelope, &content, files).await?;
        let id = envelope.id.unwrap_or_else(|| live.client.generate_message_id());
        let Built { message, .. } = build.finish(content)?;
        tell(live, audience, message, id).await
    }

    pub(crate) async fn resolve(&self, live: &Live, phone: &str) -> Result<Jid> {
        timeout(ACK_MAX, self.recipients().find(&live.client, phone)).await.map_err(|_| Error::TimedOut)?
    }

    /// Does something over the session's open connection, which ends when the connection does: the engine may go on
    /// waiting on one that is gone, and so would the caller.
    pub(crate) async fn over<T, F>(&self, id: SessionId, work: impl FnOnce(Live) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let live = self.live(id).await?;
        let acks = live.acks.clone();
        tokio::select! {
            biased;
            done = work(live) => done,
            () = acks.ended() => Err(unacknowledged()),
        }
    }

    /// The open connection of a session. One that is just being made is waited for: a device that was linked a moment
    /// ago has to come back once before it can send.
    async fn live(&self, id: SessionId) -> Result<Live> {
        let session = self.running(id).ok_or(Error::NoSession)?;
        let mut view = session.view.clone();
        let settled = view.wait_for(|view| view.open || !(view.linked && view.health.state == HealthState::Starting));
        let _ = timeout(START_MAX, settled).await;
        let view = session.view.borrow();
        match &view.live {
            Some(live) if view.open => Ok(live.clone()),
            _ if view.ended => Err(Error::NoSession),
            _ if view.linked => Err(not_connected(&view)),
            _ => Err(Error::NotLoggedIn),
        }
    }
}

/// Unix seconds.
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
