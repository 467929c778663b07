//! How long messages of the chat stay that something is sent to.

use std::sync::Arc;

use chrono::Utc;
use tokio::time::timeout;
use wacore_binary::{Jid, JidExt as _};
use wago_contract::chat;
use wago_store::SessionId;
use waproto::whatsapp::message::{ProtocolMessage, protocol_message::Type};

use super::{
    ACK_MAX,
    acting::{protocol, send},
    now,
};
use crate::{
    Error, Result, Sessions,
    adapter::{
        error,
        names::{Around, Known},
    },
    notes::Timer,
    supervisor::Live,
};

/// `None`: nothing was heard of it. A group is asked once, and tells when it changes.
pub(super) async fn of_chat(live: &Live, to: &Jid) -> Result<Option<Timer>> {
    if !(to.is_pn() || to.is_lid() || to.is_group()) {
        return Ok(None);
    }
    let names = Known { client: live.client.clone(), unknown: Arc::default() };
    let chat = Around { names: &names, now: Utc::now() }.chat(to, None);
    let unread = |_| Error::Internal("it could not be read how long messages of the chat stay".to_owned());
    let known = live.backend.timer(&chat).await.map_err(unread)?;
    if known.is_some() || !to.is_group() {
        return Ok(known);
    }
    let groups = live.client.groups();
    let asked = timeout(ACK_MAX, groups.get_metadata(to)).await.map_err(|_| Error::TimedOut)?;
    let seconds = match asked {
        Ok(group) => group.ephemeral.and_then(|ephemeral| ephemeral.expiration).unwrap_or(0),
        Err(failed) => {
            return match error::any(&failed) {
                // The send itself is told why.
                Error::Rejected { .. } | Error::Internal(_) => Ok(None),
                error => Err(error),
            };
        }
    };
    // Whatever is told of it from now on has a later time.
    let timer = Timer { seconds, set_at: 0 };
    live.backend.put_timer(&chat, timer).await.map_err(unread)?;
    Ok(Some(timer))
}

impl Sessions {
    /// How long new messages of a chat stay. To a person it is told by a message; a group's is a setting of the group.
    pub async fn set_timer(&self, id: SessionId, chat::Timer { chat, seconds }: chat::Timer) -> Result<()> {
        self.over(id, |live| async move {
            let chat = self.resolve(&live, &chat).await?;
            if chat.is_group() {
                let groups = live.client.groups();
                let set = timeout(ACK_MAX, groups.set_ephemeral(&chat, seconds)).await.map_err(|_| Error::TimedOut)?;
                return set.map_err(|failed| error::any(&failed));
            }
            if !(chat.is_pn() || chat.is_lid()) {
                let reason = "Phone should be a person or a group: messages of others do not disappear".to_owned();
                return Err(Error::Invalid { field: "Phone", reason });
            }
            let timer = Timer { seconds, set_at: now() };
            let told = protocol(ProtocolMessage {
                r#type: Some(Type::EPHEMERAL_SETTING),
                ephemeral_expiration: Some(seconds),
                ephemeral_setting_timestamp: Some(timer.set_at),
                ..Default::default()
            });
            send(&live, chat.clone(), told, None).await?;
            let chat = self.chat(id, &chat.to_string()).await?.jid;
            let unkept = |_| Error::Internal("it could not be kept how long messages of the chat stay".to_owned());
            live.backend.put_timer(&chat, timer).await.map_err(unkept)
        })
        .await
    }
}
