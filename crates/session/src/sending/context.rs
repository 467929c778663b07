//! What goes with every message: what it replies to, whom it names, how long it stays.

use wacore_binary::Jid;
use wago_contract::send::{Envelope, Quote};
use waproto::{buffa::MessageField, whatsapp as wa};

use crate::{Error, Result, adapter::jid, notes::Timer};

/// `None` when there is nothing to say.
pub(super) fn context(envelope: &Envelope, to: &Jid, timer: Option<Timer>) -> Result<Option<wa::ContextInfo>> {
    let Envelope { forward, quote, mentions, expiration, .. } = envelope;
    // What the caller wants goes before what the chat has.
    let timer = timer.filter(|timer| expiration.is_none() && timer.seconds > 0);
    let expiration = expiration.or(timer.map(|timer| timer.seconds)).filter(|seconds| *seconds > 0);
    if !forward && quote.is_none() && mentions.is_empty() && expiration.is_none() {
        return Ok(None);
    }
    let ephemeral_setting_timestamp = timer.map(|timer| timer.set_at);
    let mut context = wa::ContextInfo { expiration, ephemeral_setting_timestamp, ..Default::default() };
    if *forward {
        context.is_forwarded = Some(true);
        context.forwarding_score = Some(1);
    }
    for mention in mentions {
        context.mentioned_jid.push(person("ContextInfo.MentionedJID", mention)?.to_string());
    }
    if let Some(quote) = quote {
        reply(&mut context, quote, to)?;
    }
    Ok(Some(context))
}

pub(super) fn person(field: &'static str, given: &str) -> Result<Jid> {
    jid::person(given).map_err(|reason| Error::Invalid { field, reason: format!("{field} {reason}") })
}

fn reply(context: &mut wa::ContextInfo, quote: &Quote, to: &Jid) -> Result<()> {
    let author = match &quote.participant {
        Some(participant) => person("ContextInfo.Participant", participant)?,
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
