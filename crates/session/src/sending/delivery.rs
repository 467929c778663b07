//! A message on its way: handed to the engine, acknowledged by WhatsApp, and told to whoever listens.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::oneshot, time::timeout};
use wacore::{
    send::{media_type_from_message, stanza_type_from_message},
    types::message::{AddressingMode, EditAttribute, MessageInfo, MessageSource},
};
use wacore_binary::{Jid, JidExt as _, Node, builder::NodeBuilder};
use waproto::{buffa::Message as _, whatsapp as wa};
use whatsapp_rust::{SendOptions, StatusSendOptions};

use super::{ACK_MAX, build::Built, now};
use crate::{
    Error, Result, Sent,
    acks::Ack,
    adapter::{
        self, error,
        names::{Around, Known},
    },
    notes,
    supervisor::Live,
};

/// How long an ack is still heard that the caller no longer waits for, so that the message is told as sent.
const LATE_MAX: Duration = Duration::from_secs(120);

/// Where a message goes.
enum Way {
    Chat {
        to: Jid,
        nodes: Vec<Node>,
    },
    /// With the file that the media host calls so. The engine's own call leaves that out.
    Post {
        to: Jid,
        handle: String,
    },
    /// To everyone who is shown a story.
    Story {
        audience: Vec<Jid>,
    },
}

pub(super) async fn deliver(live: &Live, to: Jid, Built { message, nodes, handle }: Built, id: String) -> Result<Sent> {
    let way = match handle {
        Some(handle) => Way::Post { to, handle },
        None => Way::Chat { to, nodes },
    };
    hand_over(live, way, message, id).await
}

pub(super) async fn tell(live: &Live, audience: Vec<Jid>, message: wa::Message, id: String) -> Result<Sent> {
    hand_over(live, Way::Story { audience }, message, id).await
}

async fn hand_over(live: &Live, way: Way, message: wa::Message, id: String) -> Result<Sent> {
    let Some(ack) = live.acks.expect(&id) else {
        return Err(Error::Rejected {
            code: 429,
            text: "too many messages wait for WhatsApp, or one with this Id does".to_owned(),
        });
    };
    // A task of its own: what WhatsApp has taken is told, whether or not the caller still waits for the answer.
    let sending = tokio::spawn({
        let live = live.clone();
        async move { timeout(LATE_MAX, send(&live, way, message, id, ack)).await.map_err(|_| Error::TimedOut)? }
    });
    let sent = timeout(ACK_MAX, sending).await.map_err(|_| Error::TimedOut)?;
    sent.map_err(|_| Error::Internal("the protocol engine failed".to_owned()))?
}

async fn send(live: &Live, way: Way, message: wa::Message, id: String, ack: oneshot::Receiver<Ack>) -> Result<Sent> {
    let content = message.clone();
    let (to, id) = match way {
        Way::Chat { to, nodes } => {
            let options = SendOptions::default().with_message_id(id).with_extra_stanza_nodes(nodes);
            let sent = live.client.send_message_with_options(to, message, options).await.map_err(error::send)?;
            (sent.to, sent.message_id)
        }
        Way::Post { to, handle } => {
            let post = post(&to, &id, &handle, &message);
            live.client.send_node(post).await.map_err(|failed| error::any(&failed))?;
            (to, id)
        }
        Way::Story { audience } => {
            let options = StatusSendOptions { message_id: Some(id), ..StatusSendOptions::default() };
            let sent = live.client.status().send_raw(message, &audience, options).await.map_err(error::send)?;
            (sent.to, sent.message_id)
        }
    };
    let ack = ack.await.map_err(|_| unacknowledged())?;
    if let Some(code) = ack.error {
        return Err(Error::Rejected { code, text: refusal(code).to_owned() });
    }
    // An ack without a time is one of this moment.
    let timestamp = ack.timestamp.unwrap_or_else(now);
    let names = Known { client: live.client.clone(), unknown: Arc::default() };
    let around = Around { names: &names, now: Utc::now() };
    let info = sent_info(&to, live.client.pn(), live.client.lid(), &id, timestamp, &content);
    // The message is on its way in any case; if its event cannot be stored, the log says so.
    if let Some(record) = adapter::event::message(&content, &info, around) {
        let noted = notes::of_own(&live.backend, &content, &info, around, record.clone()).await;
        let record = noted.unwrap_or_else(|error| {
            tracing::error!(session = live.recorder.name(), %error, "a poll could not be kept or found");
            record
        });
        live.recorder.insist(vec![record]).await;
    }
    Ok(Sent { id, timestamp, ids: Vec::new() })
}

/// In the clear.
fn post(to: &Jid, id: &str, handle: &str, message: &wa::Message) -> Node {
    let content = NodeBuilder::new("plaintext");
    let content = match media_type_from_message(message) {
        Some(kind) => content.attr("mediatype", kind),
        None => content,
    };
    NodeBuilder::new("message")
        .attr("to", to)
        .attr("id", id)
        .attr("type", stanza_type_from_message(message))
        .attr("media_id", handle)
        .children([content.bytes(message.encode_to_vec()).build()])
        .build()
}

/// An own message as another device of the account would hear of it.
fn sent_info(
    to: &Jid,
    pn: Option<Jid>,
    lid: Option<Jid>,
    id: &str,
    timestamp: i64,
    content: &wa::Message,
) -> MessageInfo {
    // People are written to as who they are addressed by, and groups as who we are known by first: the phone number.
    let (sender, alt, mode) = if to.is_lid() { (lid, pn, AddressingMode::Lid) } else { (pn, lid, AddressingMode::Pn) };
    MessageInfo {
        id: id.to_owned(),
        source: MessageSource {
            chat: to.clone(),
            sender: sender.unwrap_or_default(),
            sender_alt: alt,
            is_from_me: true,
            is_group: to.is_group() || to.is_status_broadcast(),
            addressing_mode: Some(mode),
            ..MessageSource::default()
        },
        timestamp: DateTime::from_timestamp(timestamp, 0).unwrap_or_default(),
        edit: EditAttribute::infer_from_message(content).unwrap_or(EditAttribute::Empty),
        ..MessageInfo::default()
    }
}

pub(super) fn unacknowledged() -> Error {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::names::{Ana, around};

    #[test]
    fn what_we_send_is_told_as_if_another_device_had_sent_it() {
        let content = wa::Message { conversation: Some("hi".into()), ..Default::default() };
        let own = |jid: &str| Some(jid.parse::<Jid>().unwrap());
        let told = |to: &str| {
            let to: Jid = to.parse().unwrap();
            let info =
                sent_info(&to, own("4915123456789:3@s.whatsapp.net"), own("7:3@lid"), "3EB0", 1_700_000_000, &content);
            serde_json::to_value(adapter::message::message(&content, &info, around(&Ana))).unwrap()
        };
        let info = &told("5511999999999@s.whatsapp.net")["Info"];
        assert_eq!(info["Chat"], "5511999999999@s.whatsapp.net");
        assert_eq!(info["RecipientAlt"], "100000012345678@lid");
        assert_eq!(
            (&info["Sender"], &info["SenderAlt"]),
            (&"4915123456789:3@s.whatsapp.net".into(), &"7:3@lid".into())
        );
        assert_eq!((&info["IsFromMe"], &info["Type"]), (&true.into(), &"text".into()));
        let info = &told("100000012345678@lid")["Info"];
        assert_eq!((&info["Sender"], &info["AddressingMode"]), (&"7:3@lid".into(), &"lid".into()));
        assert_eq!(info["RecipientAlt"], "5511999999999@s.whatsapp.net");
        let info = &told("120363021033254949@g.us")["Info"];
        assert_eq!((&info["IsGroup"], &info["RecipientAlt"]), (&true.into(), &"".into()));
    }
}
