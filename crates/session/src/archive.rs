//! The stored messages: what we send goes into them too, and a chat is found by either of its addresses.

use chrono::DateTime;
use wacore::{
    store::traits::ProtocolStore as _,
    types::message::{MessageInfo, MessageSource},
};
use wacore_binary::{Jid, JidExt as _};
use wago_store::SessionId;
use waproto::whatsapp as wa;

use crate::{Error, Result, Sessions, adapter, adapter::jid, backend::Backend, supervisor::Live};

/// A message on its way, for the stored messages.
pub(crate) struct OnItsWay {
    message: wa::Message,
    info: MessageInfo,
}

/// A chat, or a person, by the addresses that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// The phone number's JID where it is known.
    pub jid: String,
    /// The other address, where there is one.
    pub alias: Option<String>,
}

impl Chat {
    /// All of its addresses.
    pub fn names(self) -> Vec<String> {
        std::iter::once(self.jid).chain(self.alias).collect()
    }
}

impl Live {
    /// What is to be stored of a message once WhatsApp has it; nothing if messages are not kept.
    pub async fn to_keep(&self, to: &Jid, message: &wa::Message, id: &str) -> Option<OnItsWay> {
        if !self.recorder.keeps_messages() {
            return None;
        }
        let recipient_alt = match self.client.get_lid_pn_entry(to).await {
            Ok(Some(entry)) if to.is_lid() => Some(Jid::pn(entry.phone_number.as_ref())),
            _ => None,
        };
        let source = MessageSource {
            chat: to.to_non_ad(),
            sender: self.client.pn().or_else(|| self.client.lid())?,
            is_from_me: true,
            is_group: to.is_group(),
            recipient_alt,
            ..Default::default()
        };
        let info = MessageInfo { id: id.to_owned(), source, ..Default::default() };
        Some(OnItsWay { message: message.clone(), info })
    }

    /// `timestamp` is WhatsApp's, in unix seconds. The message is sent, whether or not it can be stored.
    pub async fn keep(&self, kept: Option<OnItsWay>, timestamp: i64) {
        let Some(OnItsWay { message, mut info }) = kept else { return };
        info.timestamp = DateTime::from_timestamp(timestamp, 0).unwrap_or_default();
        let changes = adapter::event::message(&message, &info).and_then(|mut record| record.change());
        if let Err(error) = self.recorder.change_messages(changes.into_iter().collect()).await {
            tracing::error!(session = self.recorder.name(), %error, "a sent message could not be stored");
        }
    }
}

impl Sessions {
    /// Whether messages are stored.
    pub fn keeps_messages(&self) -> bool {
        self.shared().keep.messages
    }

    /// The chat that the text names, as a recipient is written. [`Error::Invalid`] for what is none.
    pub async fn chat(&self, id: SessionId, text: &str) -> Result<Chat> {
        let chat = jid::recipient(text)
            .map_err(|reason| Error::Invalid { field: "chat", reason: format!("chat {reason}") })?;
        let backend = Backend::new(self.store().clone(), id);
        let known = match () {
            () if chat.is_lid() => backend.get_lid_mapping(&chat.user).await,
            () if chat.is_pn() => backend.get_pn_mapping(&chat.user).await,
            () => Ok(None),
        };
        let known = known.map_err(|error| Error::Internal(error.to_string()))?;
        let jid = chat.to_non_ad_string();
        Ok(match known {
            Some(known) if chat.is_lid() => {
                Chat { jid: Jid::pn(known.phone_number.as_str()).to_string(), alias: Some(jid) }
            }
            Some(known) => Chat { jid, alias: Some(Jid::lid(known.lid.as_str()).to_string()) },
            None => Chat { jid, alias: None },
        })
    }
}
