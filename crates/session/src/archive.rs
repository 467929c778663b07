//! A chat is stored under one of its addresses, and found by either.

use wacore::store::traits::ProtocolStore as _;
use wacore_binary::Jid;
use wago_store::SessionId;

use crate::{Error, Result, Sessions, adapter::jid, backend::Backend};

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
