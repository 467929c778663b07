//! What is set of chats, labels and messages on all of the account's devices: WhatsApp keeps it as "app state".

use std::time::Duration;

use tokio::time::timeout;
use wacore::appstate::schemas::{self, IndexPart, Schema};
use wacore_binary::{Jid, JidExt as _};
use wago_contract::{chat, label};
use wago_store::SessionId;
use waproto::{
    buffa::MessageField,
    whatsapp::{
        self as wa,
        sync_action_value::{LabelAssociationAction, SyncActionMessageRange},
    },
};
use whatsapp_rust::{AppStateError, message_key, message_range};

use crate::{Error, Result, Sessions, adapter::error, supervisor::Live};

/// How long WhatsApp may take to take a change.
const WRITE_MAX: Duration = Duration::from_secs(30);

/// The label of a message. The engine has no action for it.
const LABEL_MESSAGE: Schema = Schema {
    key: "LabelMessage",
    name: "label_message",
    index_parts: &[
        IndexPart::Literal { value: "label_message" },
        IndexPart::StringPart { name: "labelId" },
        IndexPart::Jid { name: "chatJid" },
        IndexPart::StringPart { name: "messageId" },
        IndexPart::StringPart { name: "fromMe" },
        IndexPart::StringPart { name: "participant" },
    ],
    ..schemas::LABEL_JID
};

/// Waits until WhatsApp has taken the change, and it is in our lists, too: the engine reads it back.
pub(crate) async fn written(live: &Live, done: impl Future<Output = Result<(), AppStateError>>) -> Result<()> {
    let done = timeout(WRITE_MAX, done).await.map_err(|_| Error::TimedOut)?;
    done.map_err(|failed| error::any(&failed))?;
    live.barrier.pass().await;
    Ok(())
}

impl Sessions {
    pub async fn pin_chat(&self, id: SessionId, chat: &str, on: bool) -> Result<()> {
        self.over(id, |live| async move {
            let (chat, actions) = (self.resolve(&live, chat).await?, live.client.chat_actions());
            match on {
                true => written(&live, actions.pin_chat(&chat)).await,
                false => written(&live, actions.unpin_chat(&chat)).await,
            }
        })
        .await
    }

    /// For so many seconds; `None`: for good.
    pub async fn mute_chat(&self, id: SessionId, chat::Mute { chat, duration }: chat::Mute) -> Result<()> {
        self.over(id, |live| async move {
            let (chat, actions) = (self.resolve(&live, &chat).await?, live.client.chat_actions());
            match duration {
                Some(seconds) => {
                    let until = chrono::Utc::now().timestamp_millis().saturating_add(seconds.saturating_mul(1_000));
                    written(&live, actions.mute_chat_until(&chat, until)).await
                }
                None => written(&live, actions.mute_chat(&chat)).await,
            }
        })
        .await
    }

    pub async fn unmute_chat(&self, id: SessionId, chat: &str) -> Result<()> {
        self.over(id, |live| async move {
            let chat = self.resolve(&live, chat).await?;
            written(&live, live.client.chat_actions().unmute_chat(&chat)).await
        })
        .await
    }

    pub async fn archive_chat(&self, id: SessionId, chat: &str, on: bool) -> Result<()> {
        self.over(id, |live| async move {
            let (chat, actions) = (self.resolve(&live, chat).await?, live.client.chat_actions());
            let range = self.range(id, &chat).await?;
            match on {
                true => written(&live, actions.archive_chat(&chat, range)).await,
                false => written(&live, actions.unarchive_chat(&chat, range)).await,
            }
        })
        .await
    }

    pub async fn mark_chat(&self, id: SessionId, chat::MarkUnread { chat, on }: chat::MarkUnread) -> Result<()> {
        self.over(id, |live| async move {
            let chat = self.resolve(&live, &chat).await?;
            let range = self.range(id, &chat).await?;
            written(&live, live.client.chat_actions().mark_chat_as_read(&chat, !on, range)).await
        })
        .await
    }

    pub async fn clear_chat(&self, id: SessionId, chat::Clear { chat, starred }: chat::Clear) -> Result<()> {
        self.over(id, |live| async move {
            let chat = self.resolve(&live, &chat).await?;
            let range = self.range(id, &chat).await?;
            written(&live, live.client.chat_actions().clear_chat(&chat, starred, true, range)).await
        })
        .await
    }

    pub async fn delete_chat(&self, id: SessionId, chat: &str) -> Result<()> {
        self.over(id, |live| async move {
            let chat = self.resolve(&live, chat).await?;
            let range = self.range(id, &chat).await?;
            written(&live, live.client.chat_actions().delete_chat(&chat, true, range)).await
        })
        .await
    }

    pub async fn edit_label(&self, id: SessionId, label::EditLabel { label, look }: label::EditLabel) -> Result<()> {
        self.over(id, |live| async move {
            let labels = live.client.labels();
            match look {
                Some(look) => written(&live, labels.create_label(&label, &look.name, look.color)).await,
                None => written(&live, labels.delete_label(&label)).await,
            }
        })
        .await
    }

    pub async fn label_chat(&self, id: SessionId, wish: label::LabelChat) -> Result<()> {
        let label::LabelChat { chat, label, on } = wish;
        self.over(id, |live| async move {
            let (chat, labels) = (self.resolve(&live, &chat).await?, live.client.labels());
            match on {
                true => written(&live, labels.add_chat_label(&label, &chat)).await,
                false => written(&live, labels.remove_chat_label(&label, &chat)).await,
            }
        })
        .await
    }

    /// The engine has no call for it: the patch is made here.
    pub async fn label_message(&self, id: SessionId, wish: label::LabelMessage) -> Result<()> {
        let label::LabelMessage { chat, label, message, on } = wish;
        self.over(id, |live| async move {
            let chat = self.resolve(&live, &chat).await?;
            let labelled = LabelAssociationAction { labeled: Some(on), ..Default::default() };
            let value = wa::SyncActionValue {
                label_association_action: MessageField::some(labelled),
                timestamp: Some(chrono::Utc::now().timestamp_millis()),
                ..Default::default()
            };
            let name = chat.to_string();
            let about = [label.as_str(), &name, &message, "0", "0"];
            written(&live, live.client.send_app_state_action(&LABEL_MESSAGE, &about, &value)).await
        })
        .await
    }

    /// Which messages are meant, as far as they are known: all until the newest. Those of its second are named, as others may
    /// come within it.
    async fn range(&self, id: SessionId, chat: &Jid) -> Result<Option<SyncActionMessageRange>> {
        let name = if chat.is_group() { chat.to_string() } else { self.chat(id, &chat.to_string()).await?.jid };
        if let Some((second, newest)) = self.store().newest_messages(id, &name).await? {
            let named = newest.into_iter().map(|one| {
                let author = one.sender.parse::<Jid>().ok().filter(|_| chat.is_group() && !one.from_me);
                (message_key(one.id, chat, one.from_me, author.as_ref()), second)
            });
            return Ok(Some(message_range(second, None, named.collect())));
        }
        let Some(newest) = self.store().last_message(id, &name).await? else { return Ok(None) };
        // Those of a second that were cleared are not meant again: others of it may have come since, unknown to this session.
        let second = if newest.cleared { newest.at_ms / 1_000 - 1 } else { newest.at_ms / 1_000 };
        Ok(Some(message_range(second, None, Vec::new())))
    }
}
