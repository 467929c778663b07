//! Who is there, and who is writing.

use wacore::types::{
    events::{ChatPresenceUpdate, PresenceUpdate},
    presence::{ChatPresence, ChatPresenceMedia},
};
use wago_contract::event;

use super::{
    message::{source, time},
    names::Around,
};
use crate::record::Record;

pub fn chat(update: &ChatPresenceUpdate, around: Around) -> Record {
    let from = &update.source;
    let known_as = if from.is_group { None } else { from.sender_alt.as_ref() };
    let told = event::ChatPresence {
        source: source(from, around),
        state: match update.state {
            ChatPresence::Composing => "composing",
            ChatPresence::Paused => "paused",
        },
        media: match update.media {
            ChatPresenceMedia::Text => "",
            ChatPresenceMedia::Audio => "audio",
        },
    };
    Record::new("ChatPresence", &told).in_chat(around.chat(&from.chat, known_as))
}

pub fn presence(update: &PresenceUpdate, around: Around) -> Record {
    let told = event::Presence {
        from: update.from.to_string(),
        from_alt: around.alt(&update.from, None),
        unavailable: update.unavailable,
        last_seen: update.last_seen.map_or_else(|| event::ZERO_TIME.to_owned(), time),
    };
    Record::new("Presence", &told)
        .in_state(if update.unavailable { "offline" } else { "online" })
        .in_chat(around.chat(&update.from, None))
}
