//! Sending a message, up to WhatsApp's word on it.

use std::time::Duration;

use tokio::time::timeout;
use wacore_binary::Jid;
use wago_contract::{
    send::{Content, Envelope, status::Status},
    session::HealthState,
};
use wago_store::SessionId;
use whatsapp_rust::{SendOptions, StatusSendOptions};

use crate::{
    Error, File, Result, Sent, Sessions,
    adapter::error,
    sending::build::{Build, Built},
    sessions::not_connected,
    supervisor::Live,
};

mod acting;
mod album;
mod build;
mod context;
mod download;
mod prepare;
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
                    let to = self.recipient(&live, &envelope.phone).await?;
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
        let to = Jid::status_broadcast();
        let content = Content::Status(status);
        let build = Build::begin(live, &to, &envelope, &content, files).await?;
        let id = envelope.id.unwrap_or_else(|| live.client.generate_message_id());
        let Built { message, .. } = build.finish(content)?;
        let options = StatusSendOptions { message_id: Some(id.clone()), ..StatusSendOptions::default() };
        acknowledged(live, &id, live.client.status().send_raw(message, &audience, options)).await
    }

    pub(crate) async fn recipient(&self, live: &Live, phone: &str) -> Result<Jid> {
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

async fn deliver(live: &Live, to: Jid, Built { message, nodes }: Built, id: String) -> Result<Sent> {
    let options = SendOptions::default().with_message_id(&id).with_extra_stanza_nodes(nodes);
    acknowledged(live, &id, live.client.send_message_with_options(to, message, options)).await
}

/// Waits for the word on what `send` sends under this id.
async fn acknowledged(
    live: &Live,
    id: &str,
    send: impl Future<Output = Result<whatsapp_rust::SendResult, whatsapp_rust::SendError>>,
) -> Result<Sent> {
    let Some(ack) = live.acks.expect(id) else {
        return Err(Error::Rejected {
            code: 429,
            text: "too many messages wait for WhatsApp, or one with this Id does".to_owned(),
        });
    };
    let send = async {
        let sent = send.await.map_err(error::send)?;
        let ack = ack.await.map_err(|_| unacknowledged())?;
        match ack.error {
            Some(code) => Err(Error::Rejected { code, text: refusal(code).to_owned() }),
            None => Ok(Sent {
                id: sent.message_id,
                // An ack without a time is one of this moment.
                timestamp: ack.timestamp.unwrap_or_else(now),
                ids: Vec::new(),
            }),
        }
    };
    timeout(ACK_MAX, send).await.map_err(|_| Error::TimedOut)?
}

/// Unix seconds.
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

fn unacknowledged() -> Error {
    Error::NotConnected { reason: "the connection ended before WhatsApp acknowledged the message".to_owned() }
}

/// What the codes of a refused message mean.
fn refusal(code: u16) -> &'static str {
    match code {
        400 | 479 => "the message is not valid",
        403 => "the account may not write to this chat",
        404 => "there is no such chat",
        405 => "this kind of message is not allowed",
        420 => "the group does not take the message",
        429 => "too many messages",
        463 => "the account may not write to people who never wrote to it, for now",
        475 => "the account is restricted",
        500..=599 => "WhatsApp failed",
        _ => "the message was refused",
    }
}
