//! Sending a message, up to WhatsApp's word on it.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::oneshot, time::timeout};
use wacore::types::message::{AddressingMode, EditAttribute, MessageInfo, MessageSource};
use wacore_binary::{Jid, JidExt as _};
use wago_contract::session::HealthState;
use wago_store::SessionId;
use waproto::{buffa::MessageField, whatsapp as wa};
use whatsapp_rust::SendOptions;

use crate::{
    Error, Quote, Result, SendText, Sent, Sessions,
    acks::Ack,
    adapter::{
        self, error, jid,
        names::{Around, Known},
    },
    sessions::not_connected,
    supervisor::Live,
};

/// How long a send waits for a session that is starting.
const START_MAX: Duration = Duration::from_secs(10);
/// How long WhatsApp may take to acknowledge a message. A message may still arrive after it.
const ACK_MAX: Duration = Duration::from_secs(30);
/// How long an ack is still heard that the caller no longer waits for, so that the message is told as sent.
const LATE_MAX: Duration = Duration::from_secs(120);

impl Sessions {
    /// Sends and waits for WhatsApp's ack.
    pub async fn send_text(&self, id: SessionId, send: SendText) -> Result<Sent> {
        let live = self.live(id).await?;
        let sending = self.send_text_over(&live, send);
        // The engine may go on waiting on a connection that is gone, and so would the caller.
        tokio::select! {
            biased;
            sent = sending => sent,
            () = live.acks.ended() => Err(unacknowledged()),
        }
    }

    async fn send_text_over(&self, live: &Live, send: SendText) -> Result<Sent> {
        let deadline = tokio::time::Instant::now() + ACK_MAX;
        let to = tokio::time::timeout_at(deadline, self.recipients().find(&live.client, &send.to))
            .await
            .map_err(|_| Error::TimedOut)??;
        let message = text(&send, &to)?;
        let id = match send.id {
            Some(id) => id,
            None => live.client.generate_message_id(),
        };
        deliver(live, to, message, id, send.expiration).await
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

async fn deliver(live: &Live, to: Jid, message: wa::Message, id: String, expiration: Option<u32>) -> Result<Sent> {
    let Some(ack) = live.acks.expect(&id) else {
        return Err(Error::Rejected {
            code: 429,
            text: "too many messages wait for WhatsApp, or one with this Id does".to_owned(),
        });
    };
    let mut options = SendOptions::default().with_message_id(id);
    if let Some(seconds) = expiration {
        options = options.with_ephemeral_expiration(seconds);
    }
    // A task of its own: what WhatsApp has taken is told, whether or not the caller still waits for the answer.
    let sending = tokio::spawn({
        let live = live.clone();
        async move { timeout(LATE_MAX, send(&live, to, message, options, ack)).await.map_err(|_| Error::TimedOut)? }
    });
    let sent = timeout(ACK_MAX, sending).await.map_err(|_| Error::TimedOut)?;
    sent.map_err(|_| Error::Internal("the protocol engine failed".to_owned()))?
}

async fn send(
    live: &Live,
    to: Jid,
    message: wa::Message,
    options: SendOptions,
    ack: oneshot::Receiver<Ack>,
) -> Result<Sent> {
    let content = message.clone();
    let sent = live.client.send_message_with_options(to, message, options).await.map_err(error::send)?;
    let ack = ack.await.map_err(|_| unacknowledged())?;
    if let Some(code) = ack.error {
        return Err(Error::Rejected { code, text: refusal(code).to_owned() });
    }
    // An ack without a time is one of this moment.
    let timestamp = ack.timestamp.unwrap_or_else(|| Utc::now().timestamp());
    let names = Known { client: live.client.clone(), unknown: Arc::default() };
    let around = Around { names: &names, now: Utc::now() };
    let info = sent_info(&sent.to, live.client.pn(), live.client.lid(), &sent.message_id, timestamp, &content);
    // The message is on its way in any case; if its event cannot be stored, the log says so.
    live.recorder.insist(adapter::event::message(&content, &info, around).into_iter().collect()).await;
    Ok(Sent { id: sent.message_id, timestamp })
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

fn text(send: &SendText, to: &Jid) -> Result<wa::Message> {
    let plain = send.quote.is_none() && send.mentions.is_empty() && !send.forward && send.expiration.is_none();
    if plain {
        return Ok(wa::Message { conversation: Some(send.body.clone()), ..Default::default() });
    }
    let mut context = wa::ContextInfo { expiration: send.expiration, ..Default::default() };
    if send.forward {
        context.is_forwarded = Some(true);
        context.forwarding_score = Some(1);
    }
    for mention in &send.mentions {
        let person = jid::person(mention).map_err(|reason| Error::Invalid {
            field: "ContextInfo.MentionedJID",
            reason: format!("ContextInfo.MentionedJID {reason}"),
        })?;
        context.mentioned_jid.push(person.to_string());
    }
    if let Some(quote) = &send.quote {
        reply(&mut context, quote, to)?;
    }
    let extended = wa::message::ExtendedTextMessage {
        text: Some(send.body.clone()),
        context_info: MessageField::some(context),
        ..Default::default()
    };
    Ok(wa::Message { extended_text_message: MessageField::some(extended), ..Default::default() })
}

fn reply(context: &mut wa::ContextInfo, quote: &Quote, to: &Jid) -> Result<()> {
    let author = match &quote.participant {
        Some(participant) => jid::person(participant).map_err(|reason| Error::Invalid {
            field: "ContextInfo.Participant",
            reason: format!("ContextInfo.Participant {reason}"),
        })?,
        // In a chat of two the other one wrote it, unless the caller says otherwise.
        None => to.clone(),
    };
    context.stanza_id = Some(quote.stanza_id.clone());
    context.participant = Some(author.to_string());
    context.quoted_message = MessageField::some(wa::Message {
        // Phones show nothing of a quote without content.
        conversation: Some(quote.text.clone().unwrap_or_default()),
        ..Default::default()
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{
        names::{Ana, around},
        protobuf::to_json,
    };

    fn send() -> SendText {
        SendText { to: "5511999999999".into(), body: "hi".into(), ..SendText::default() }
    }

    fn built(send: &SendText) -> Result<serde_json::Value> {
        text(send, &Jid::pn("5511999999999")).map(|message| to_json(&message))
    }

    #[test]
    fn a_plain_text_has_no_context() {
        let message = built(&send()).unwrap();
        assert_eq!(message, serde_json::json!({"conversation": "hi"}));
    }

    #[test]
    fn a_reply_names_what_it_replies_to() {
        let message = built(&SendText {
            quote: Some(Quote { stanza_id: "3EB0".into(), participant: None, text: Some("before".into()) }),
            mentions: vec!["+49 151 23456789".into()],
            forward: true,
            expiration: Some(86_400),
            ..send()
        })
        .unwrap();
        assert_eq!(message["extendedTextMessage"]["text"], "hi");
        assert_eq!(
            message["extendedTextMessage"]["contextInfo"],
            serde_json::json!({
                "stanzaID": "3EB0",
                "participant": "5511999999999@s.whatsapp.net",
                "quotedMessage": {"conversation": "before"},
                "mentionedJID": ["4915123456789@s.whatsapp.net"],
                "isForwarded": true,
                "forwardingScore": 1,
                "expiration": 86_400,
            })
        );
    }

    #[test]
    fn what_we_send_is_told_as_if_another_device_had_sent_it() {
        let content = text(&send(), &Jid::pn("5511999999999")).unwrap();
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

    #[test]
    fn a_group_cannot_be_mentioned() {
        let refused = built(&SendText { mentions: vec!["120363021033254949@g.us".into()], ..send() });
        assert!(matches!(refused, Err(Error::Invalid { field: "ContextInfo.MentionedJID", .. })));
    }
}
