//! Other people, and calls with them.

use super::{ANA, ANA_LID, AT, Entry, entry, full, never, s, topic};
use crate::{
    call::{CallState, Direction},
    event::{
        BusinessName, Call, ChatPresence, ContactNumberChange, DisappearingMode, IdentityChange, Picture, Presence,
        Source, UserAbout, ZERO_TIME,
    },
};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        full(
            "Presence",
            &[],
            Some("online"),
            "Somebody whose presence the session watches came online or went offline. `LastSeen` is known only of those who \
             show it.",
            Presence { from: s(ANA), from_alt: s(ANA_LID), unavailable: false, last_seen: s(ZERO_TIME) },
        ),
        entry(
            "ChatPresence",
            "Somebody began or stopped typing, or recording (`Media` is `audio`), in a chat.",
            ChatPresence {
                source: Source {
                    chat: s(ANA),
                    sender: s(ANA),
                    addressing_mode: "pn",
                    sender_alt: s(ANA_LID),
                    ..Source::default()
                },
                state: "composing",
                media: "",
            },
        ),
        full(
            "Call",
            &[
                "CallOffer",
                "CallOfferNotice",
                "CallPreAccept",
                "CallAccept",
                "CallReject",
                "CallTerminate",
                "CallTransport",
                "CallRelayLatency",
            ],
            None,
            "WhatsApp signals something about a call: `Signal` says what. `missed` is a call that nobody took, or that rang \
             while the session was away (`Reason` is then `offline`). A call that another device of the account took or \
             declined ends with the `Reason` `accepted_elsewhere` or `rejected_elsewhere`. With the `Signal` `state` it says how \
             far a call of this session has come, whoever did it: `State` is `ringing`, `accepted`, `active`, `rejected` or \
             `ended`; only these events have `State`, `Direction` and, at the end, `DurationMs`. With the `Signal` `group_update` \
             it says who is in a call of many, each time that changes: `Participants` [{`jid`, `alt`, `state`}], of whom those \
             in it are `connected`.",
            Call {
                from: s(ANA_LID),
                from_alt: s(ANA),
                timestamp: s(AT),
                call_id: s("5A1D0C3B7E2F49C8A6E1F0B2D3C4E5F6"),
                call_creator: s(ANA_LID),
                call_creator_alt: s(ANA),
                group_jid: String::new(),
                media: "audio",
                kind: "",
                signal: s("state"),
                reason: s("remote_hangup"),
                participants: Vec::new(),
                state: Some(CallState::Ended),
                direction: Some(Direction::Incoming),
                duration_ms: Some(61_250),
                remote_platform: String::new(),
                remote_version: String::new(),
            },
        ),
        topic("CallOffer", "Those `Call` events that offer a call: it rings. Also a call that was missed while away."),
        topic("CallOfferNotice", "Those `Call` events that say that a group is called."),
        topic("CallPreAccept", "Those `Call` events that say that a device is ringing."),
        topic("CallAccept", "Those `Call` events that say that somebody took the call."),
        topic("CallReject", "Those `Call` events that say that somebody declined, or is busy (`Reason`)."),
        topic("CallTerminate", "Those `Call` events that end a call, also one that nobody took."),
        topic("CallTransport", "Those `Call` events by which devices find a way to each other."),
        topic("CallRelayLatency", "Those `Call` events by which devices measure the way to each other."),
        entry(
            "Picture",
            "A person's, a group's or the account's own picture was set, or removed (`Remove`). `Author` is who changed a \
             group's.",
            Picture {
                jid: s(ANA),
                jid_alt: s(ANA_LID),
                author: String::new(),
                author_alt: String::new(),
                timestamp: s(AT),
                remove: false,
                picture_id: s("1768472999"),
            },
        ),
        entry(
            "UserAbout",
            "A person changed their \"about\" text.",
            UserAbout { jid: s(ANA), jid_alt: s(ANA_LID), status: s("At the sea"), timestamp: s(AT) },
        ),
        entry(
            "DisappearingMode",
            "A person changed how long messages stay in new chats with them: `Duration` in seconds, 0 for ever.",
            DisappearingMode { from: s(ANA), from_alt: s(ANA_LID), duration: 86_400, timestamp: s(AT) },
        ),
        entry(
            "IdentityChange",
            "A person's security code changed: they registered anew, usually on another phone. `Implicit` if that followed \
             from a message of theirs.",
            IdentityChange { jid: s(ANA), jid_alt: s(ANA_LID), timestamp: s(AT), implicit: false },
        ),
        entry(
            "ContactNumberChange",
            "A person moved to another phone number.",
            ContactNumberChange {
                old_jid: s(ANA),
                old_lid: s(ANA_LID),
                new_jid: s("5511888888888@s.whatsapp.net"),
                new_lid: s("100000087654321@lid"),
                timestamp: s(AT),
            },
        ),
        entry(
            "BusinessName",
            "The verified name of a business changed. `OldBusinessName` is always empty: WaGo does not keep it.",
            BusinessName {
                jid: s(ANA),
                jid_alt: s(ANA_LID),
                timestamp: s(AT),
                old_business_name: String::new(),
                new_business_name: s("Ana's Bakery"),
            },
        ),
        never(
            "PushName",
            "Never sent: WaGo does not keep other people's names, and so does not see them change. Each message has its \
             sender's name in `Info.PushName`.",
        ),
    ]
}
