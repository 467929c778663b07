//! What is done with a message that exists. Most of it is a message too.

use wacore::{poll, proto_helpers::build_reaction_message};
use wacore_binary::{Jid, JidExt as _};
use wago_contract::message::{Delete, Edit, MarkRead, Pin, Presence, PresenceState, React, Star, Target, Vote};
use wago_store::{ChatChange, SessionId};
use waproto::{
    buffa::MessageField,
    whatsapp::{
        self as wa,
        message::{
            PinInChatMessage, PollEncValue, PollUpdateMessage, ProtocolMessage, pin_in_chat_message, protocol_message,
        },
    },
};

use super::{ACK_MAX, build::Built, context::person, delivery::deliver, now};
use crate::{
    Error, Result, Sent, Sessions,
    adapter::{error, jid},
    app_state::written,
    newsletters,
    supervisor::Live,
};

/// Where a message is, and who wrote it.
struct Found {
    chat: Jid,
    id: String,
    from_me: bool,
    /// In a group, the other person who wrote it.
    participant: Option<Jid>,
}

impl Found {
    fn key(&self) -> wa::MessageKey {
        wa::MessageKey {
            remote_jid: Some(self.chat.to_string()),
            from_me: Some(self.from_me),
            id: Some(self.id.clone()),
            participant: self.participant.as_ref().map(Jid::to_string),
        }
    }
}

impl Sessions {
    pub async fn react(&self, id: SessionId, react: React) -> Result<Sent> {
        let React { target, emoji, id: own } = react;
        self.over(id, |live| async move {
            let found = self.found(&live, "Phone", target).await?;
            let message = build_reaction_message(found.key(), emoji, now_ms());
            send(&live, found.chat, message, own).await
        })
        .await
    }

    pub async fn edit(&self, id: SessionId, edit: Edit) -> Result<Sent> {
        let Edit { target, text, id: own } = edit;
        self.over(id, |live| async move {
            let found = self.found(&live, "Chat", target).await?;
            if found.chat.is_newsletter() {
                let words = wa::Message { conversation: Some(text), ..Default::default() };
                return newsletters::change_post(&live, &found.chat, found.id, Some(words)).await;
            }
            let message = edited(&found, text, now_ms());
            send(&live, found.chat, message, own).await
        })
        .await
    }

    /// For everyone: one's own message, or as an admin that of another.
    pub async fn revoke(&self, id: SessionId, delete: Delete) -> Result<Sent> {
        let Delete { target, id: own, .. } = delete;
        self.over(id, |live| async move {
            let found = self.found(&live, "Chat", target).await?;
            if found.chat.is_newsletter() {
                return newsletters::change_post(&live, &found.chat, found.id, None).await;
            }
            let message = revoked(&found);
            send(&live, found.chat, message, own).await
        })
        .await
    }

    /// From the account's own devices; WhatsApp is told by its app state, not by a message.
    /// Returns when, in unix seconds.
    pub async fn delete_for_me(&self, id: SessionId, target: Target) -> Result<i64> {
        self.over(id, |live| async move {
            let found = self.found(&live, "Chat", target).await?;
            let actions = live.client.chat_actions();
            let (now, participant) = (now(), found.participant.as_ref());
            let done =
                actions.delete_message_for_me(&found.chat, participant, &found.id, found.from_me, true, Some(now));
            written(&live, done).await.map(|()| now)
        })
        .await
    }

    pub async fn star(&self, id: SessionId, Star { target, on }: Star) -> Result<()> {
        self.over(id, |live| async move {
            let Found { chat, id, from_me, participant } = self.found(&live, "Chat", target).await?;
            let actions = live.client.chat_actions();
            if on {
                written(&live, actions.star_message(&chat, participant.as_ref(), &id, from_me)).await
            } else {
                written(&live, actions.unstar_message(&chat, participant.as_ref(), &id, from_me)).await
            }
        })
        .await
    }

    pub async fn pin(&self, id: SessionId, pin: Pin) -> Result<Sent> {
        let Pin { target, duration, id: own } = pin;
        self.over(id, |live| async move {
            let found = self.found(&live, "Chat", target).await?;
            let message = pinned(&found, duration, now_ms());
            send(&live, found.chat, message, own).await
        })
        .await
    }

    /// [`Error::UnknownMessage`] unless this session has seen the poll: a vote is sealed with the poll's secret.
    pub async fn vote(&self, id: SessionId, vote: Vote) -> Result<Sent> {
        let Vote { target, options, id: own } = vote;
        self.over(id, |live| async move {
            let creator = target.participant.clone();
            let found = self.found(&live, "Chat", target).await?;
            let own_pn = live.client.pn().ok_or(Error::NotLoggedIn)?.to_non_ad();
            let creator = match (&found.participant, creator) {
                (Some(participant), _) => participant.clone(),
                _ if found.from_me => own_pn.clone(),
                (None, Some(given)) => person("Participant", &given)?,
                (None, None) => found.chat.clone(),
            };
            let (secret, creator) = secret(&live, &found, &creator).await?;
            // The voter is named in the address space of the poll's maker.
            let voter = match live.client.lid() {
                Some(lid) if creator.is_lid() => lid.to_non_ad(),
                _ => own_pn,
            };
            let message = voted(&found, &options, &secret, &creator, &voter, now_ms())?;
            send(&live, found.chat, message, own).await
        })
        .await
    }

    /// Others are told, unless the account keeps that to itself.
    pub async fn mark_read(&self, id: SessionId, read: MarkRead) -> Result<()> {
        self.over(id, |live| async move {
            let chat = chat("Chat", &read.chat)?;
            let sender = match &read.sender {
                Some(sender) if chat.is_group() || chat.is_status_broadcast() => Some(person("Sender", sender)?),
                _ => None,
            };
            let ids: Vec<&str> = read.ids.iter().map(String::as_str).collect();
            let marked = live.client.mark_as_read(&chat, sender.as_ref(), &ids);
            let marked = tokio::time::timeout(ACK_MAX, marked).await.map_err(|_| Error::TimedOut)?;
            marked.map_err(|failed| error::media(&failed))?;
            let chat = self.chat(id, &read.chat).await?.jid;
            live.recorder.change_chats(vec![ChatChange::Read { chat }]).await?;
            Ok(())
        })
        .await
    }

    pub async fn presence(&self, id: SessionId, Presence { phone, state }: Presence) -> Result<()> {
        self.over(id, |live| async move {
            let to = self.resolve(&live, &phone).await?;
            let chat_state = live.client.chatstate();
            let told = match state {
                PresenceState::Composing => chat_state.send_composing(&to).await,
                PresenceState::Recording => chat_state.send_recording(&to).await,
                PresenceState::Paused => chat_state.send_paused(&to).await,
            };
            told.map_err(|failed| error::any(&failed))
        })
        .await
    }

    async fn found(&self, live: &Live, field: &'static str, target: Target) -> Result<Found> {
        // Told by the name that the route gives it.
        chat(field, &target.chat)?;
        let chat = self.resolve(live, &target.chat).await?;
        let participant = match &target.participant {
            Some(given) if chat.is_group() && !target.from_me => Some(person("Participant", given)?),
            _ => None,
        };
        Ok(Found { chat, id: target.id, from_me: target.from_me, participant })
    }
}

fn chat(field: &'static str, given: &str) -> Result<Jid> {
    jid::recipient(given).map_err(|reason| Error::Invalid { field, reason: format!("{field} {reason}") })
}

pub(super) async fn send(live: &Live, to: Jid, message: wa::Message, id: Option<String>) -> Result<Sent> {
    let id = id.unwrap_or_else(|| live.client.generate_message_id());
    deliver(live, to, Built::from(message), id).await
}

/// Unix milliseconds.
fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

fn edited(found: &Found, text: String, now_ms: i64) -> wa::Message {
    let words = wa::Message { conversation: Some(text), ..Default::default() };
    protocol(ProtocolMessage {
        key: MessageField::some(found.key()),
        r#type: Some(protocol_message::Type::MESSAGE_EDIT),
        edited_message: MessageField::some(words),
        timestamp_ms: Some(now_ms),
        ..Default::default()
    })
}

fn revoked(found: &Found) -> wa::Message {
    protocol(ProtocolMessage {
        key: MessageField::some(found.key()),
        r#type: Some(protocol_message::Type::REVOKE),
        ..Default::default()
    })
}

pub(super) fn protocol(message: ProtocolMessage) -> wa::Message {
    wa::Message { protocol_message: MessageField::some(message), ..Default::default() }
}

fn pinned(found: &Found, duration: Option<u32>, now_ms: i64) -> wa::Message {
    use pin_in_chat_message::Type;
    let pin = PinInChatMessage {
        key: MessageField::some(found.key()),
        r#type: Some(if duration.is_some() { Type::PIN_FOR_ALL } else { Type::UNPIN_FOR_ALL }),
        sender_timestamp_ms: Some(now_ms),
    };
    let context =
        wa::MessageContextInfo { message_add_on_duration_in_secs: Some(duration.unwrap_or(0)), ..Default::default() };
    wa::Message {
        pin_in_chat_message: MessageField::some(pin),
        message_context_info: MessageField::some(context),
        ..Default::default()
    }
}

fn voted(
    found: &Found,
    options: &[String],
    secret: &[u8],
    creator: &Jid,
    voter: &Jid,
    now_ms: i64,
) -> Result<wa::Message> {
    let chosen: Vec<Vec<u8>> = options.iter().map(|option| poll::compute_option_hash(option).to_vec()).collect();
    let (creator, voter) = (creator.to_non_ad_string(), voter.to_non_ad_string());
    let (payload, iv) = poll::encrypt_poll_vote_with_secret(&chosen, secret, &found.id, &creator, &voter)
        .map_err(|_| Error::Internal("the vote could not be encrypted".to_owned()))?;
    let vote = PollEncValue { enc_payload: Some(payload), enc_iv: Some(iv.to_vec()) };
    let update = PollUpdateMessage {
        poll_creation_message_key: MessageField::some(found.key()),
        vote: MessageField::some(vote),
        sender_timestamp_ms: Some(now_ms),
        ..Default::default()
    };
    Ok(wa::Message { poll_update_message: MessageField::some(update), ..Default::default() })
}

/// The secret of a message, and the address of its maker under which it is kept: a chat and a person each have two
/// addresses, and which of them was used when the message came is not known any more.
async fn secret(live: &Live, found: &Found, creator: &Jid) -> Result<(Vec<u8>, Jid)> {
    let chats = addresses(live, &found.chat).await;
    let creators = addresses(live, creator).await;
    let backend = live.client.persistence_manager().backend();
    for chat in &chats {
        for creator in &creators {
            // Read in a task of its own: the engine's other reads share the pool.
            let (backend, chat, by, id) =
                (backend.clone(), chat.to_non_ad_string(), creator.to_non_ad_string(), found.id.clone());
            let read = tokio::spawn(async move { backend.get_msg_secret(&chat, &by, &id).await });
            let read = read.await.map_err(|_| Error::Internal("a secret could not be read".to_owned()))?;
            if let Some(secret) = read.map_err(|failed| error::any(&failed))? {
                return Ok((secret, creator.to_non_ad()));
            }
        }
    }
    Err(Error::UnknownMessage { field: "Id" })
}

async fn addresses(live: &Live, jid: &Jid) -> Vec<Jid> {
    let mut all = vec![jid.to_non_ad()];
    if let Ok(Some(entry)) = live.client.get_lid_pn_entry(jid).await {
        let other = if jid.is_lid() { Jid::pn(&*entry.phone_number) } else { Jid::lid(&*entry.lid) };
        all.push(other);
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::adapter::protobuf::to_json;

    fn found() -> Found {
        Found { chat: Jid::pn("5511999999999"), id: "3EB0".into(), from_me: true, participant: None }
    }

    fn in_group() -> Found {
        Found { chat: Jid::group("1203"), from_me: false, participant: Some(Jid::pn("5511888888888")), ..found() }
    }

    #[test]
    fn an_edit_carries_the_new_words() {
        assert_eq!(
            to_json(&edited(&found(), "new".into(), 5)),
            json!({"protocolMessage": {
                "key": {"remoteJID": "5511999999999@s.whatsapp.net", "fromMe": true, "ID": "3EB0"},
                "type": 14,
                "editedMessage": {"conversation": "new"},
                "timestampMS": 5,
            }})
        );
    }

    #[test]
    fn an_admin_deletes_what_another_wrote() {
        assert_eq!(
            to_json(&revoked(&in_group())),
            json!({"protocolMessage": {
                "key": {
                    "remoteJID": "1203@g.us",
                    "fromMe": false,
                    "ID": "3EB0",
                    "participant": "5511888888888@s.whatsapp.net",
                },
                "type": 0,
            }})
        );
    }

    #[test]
    fn a_pin_has_a_duration() {
        let message = to_json(&pinned(&found(), Some(86_400), 5));
        assert_eq!(message["pinInChatMessage"]["type"], 1);
        assert_eq!(message["messageContextInfo"]["messageAddOnDurationInSecs"], 86_400);
        let message = to_json(&pinned(&found(), None, 5));
        assert_eq!(message["pinInChatMessage"]["type"], 2);
    }

    #[test]
    fn a_vote_opens_with_the_polls_secret() {
        let (creator, voter) = (Jid::pn("5511888888888"), Jid::pn("5511777777777"));
        let message = voted(&in_group(), &["yes".into()], &[7; 32], &creator, &voter, 5).unwrap();
        let update = message.poll_update_message.as_option().unwrap();
        let vote = update.vote.as_option().unwrap();
        let opened = poll::decrypt_poll_vote_with_secret(
            poll::PollVoteCiphertext {
                enc_payload: vote.enc_payload.as_deref().unwrap(),
                enc_iv: vote.enc_iv.as_deref().unwrap(),
            },
            &[7; 32],
            "3EB0",
            "5511888888888@s.whatsapp.net",
            "5511777777777@s.whatsapp.net",
        )
        .unwrap();
        assert_eq!(opened, [poll::compute_option_hash("yes").to_vec()]);
        let key = to_json(update.poll_creation_message_key.as_option().unwrap());
        assert_eq!(key["participant"], "5511888888888@s.whatsapp.net");
    }
}
