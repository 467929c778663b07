//! Sending a message, up to WhatsApp's word on it.

use std::time::Duration;

use tokio::time::timeout;
use wacore_binary::Jid;
use wago_contract::session::HealthState;
use wago_store::SessionId;
use waproto::{buffa::MessageField, whatsapp as wa};
use whatsapp_rust::SendOptions;

use crate::{
    Error, Quote, Result, SendText, Sent, Sessions,
    adapter::{error, jid},
    sessions::not_connected,
    supervisor::Live,
};

/// How long a send waits for a session that is starting.
const START_MAX: Duration = Duration::from_secs(10);
/// How long WhatsApp may take to acknowledge a message. A message may still arrive after it.
const ACK_MAX: Duration = Duration::from_secs(30);

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
    let kept = live.to_keep(&to, &message, &id).await;
    let mut options = SendOptions::default().with_message_id(id);
    if let Some(seconds) = expiration {
        options = options.with_ephemeral_expiration(seconds);
    }
    let send = async {
        let sent = live.client.send_message_with_options(to, message, options).await.map_err(error::send)?;
        let ack = ack.await.map_err(|_| unacknowledged())?;
        match ack.error {
            Some(code) => Err(Error::Rejected { code, text: refusal(code).to_owned() }),
            None => Ok(Sent {
                id: sent.message_id,
                // An ack without a time is one of this moment.
                timestamp: ack.timestamp.unwrap_or_else(|| chrono::Utc::now().timestamp()),
            }),
        }
    };
    let sent = timeout(ACK_MAX, send).await.map_err(|_| Error::TimedOut)??;
    live.keep(kept, sent.timestamp).await;
    Ok(sent)
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
    use crate::adapter::protobuf::to_json;

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
    fn a_group_cannot_be_mentioned() {
        let refused = built(&SendText { mentions: vec!["120363021033254949@g.us".into()], ..send() });
        assert!(matches!(refused, Err(Error::Invalid { field: "ContextInfo.MentionedJID", .. })));
    }
}
