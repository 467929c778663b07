//! What is kept of messages for those that come after them: how long the messages of a chat stay, and what polls ask.

use serde::{Deserialize, Serialize};
use wacore::{
    proto_helpers::MessageExt as _,
    stanza::groups::GroupNotificationAction,
    store::error::Result,
    types::{events::Event, message::MessageInfo},
};
use wacore_binary::JidExt as _;
use waproto::whatsapp::{self as wa, message::protocol_message::Type};

use crate::{
    adapter::{account, names::Around},
    backend::Backend,
    catch_up,
    record::Record,
};

mod polls;

pub(crate) use polls::Poll;

/// How long messages of a chat stay.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    /// 0 for as long as one likes.
    pub seconds: u32,
    /// Unix seconds.
    pub set_at: i64,
}

/// Notes what a message that came in tells, and adds to its record what was noted before.
pub(crate) async fn of_inbound(
    backend: &Backend,
    content: &wa::Message,
    info: &MessageInfo,
    around: Around<'_>,
    record: Record,
) -> Result<Record> {
    let chat = &info.source.chat;
    let timed = chat.is_pn() || chat.is_lid() || chat.is_group();
    if let Some(timer) = timer(content, info).filter(|_| timed) {
        backend.put_timer(record.chat(), timer).await?;
    }
    polls::of_message(backend, content, info, around, record).await
}

/// Like [`of_inbound`], for a message that was sent here: its caller may want it to stay shorter than others.
pub(crate) async fn of_own(
    backend: &Backend,
    content: &wa::Message,
    info: &MessageInfo,
    around: Around<'_>,
    record: Record,
) -> Result<Record> {
    polls::of_message(backend, content, info, around, record).await
}

/// Notes what else tells how long messages stay, and what there is to be read of the app state.
pub(crate) async fn of_event(backend: &Backend, event: &Event) -> Result<()> {
    if let Event::RawNode(stanza) = event {
        return if account::is_server_sync(stanza.get()) {
            catch_up::note(backend, stanza.get()).await
        } else {
            Ok(())
        };
    }
    let Event::GroupUpdate(update) = event else { return Ok(()) };
    let GroupNotificationAction::Ephemeral { expiration, .. } = &update.action else { return Ok(()) };
    let timer = Timer { seconds: *expiration, set_at: update.timestamp.timestamp() };
    backend.put_timer(&update.group_jid.to_string(), timer).await
}

/// A message that disappears is of a chat whose messages do. Of one that stays nothing follows: some kinds always do.
fn timer(content: &wa::Message, info: &MessageInfo) -> Option<Timer> {
    let content = content.get_base_message();
    let told_at = info.timestamp.timestamp();
    if let Some(protocol) = content.protocol_message.as_option() {
        let set_at = protocol.ephemeral_setting_timestamp.unwrap_or(told_at);
        let seconds = protocol.ephemeral_expiration.unwrap_or(0);
        return (protocol.r#type == Some(Type::EPHEMERAL_SETTING)).then_some(Timer { seconds, set_at });
    }
    content.get_ephemeral_expiration().map(|seconds| Timer { seconds, set_at: told_at })
}

#[cfg(test)]
mod tests;
