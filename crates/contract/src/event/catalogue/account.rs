//! The account itself, and its own view of chats.

use serde_json::json;

use super::{ANA, ANA_LID, AT, Entry, entry, full, never, s, topic};
use crate::event::{
    AppStateSyncError, Blocklist, BlocklistChange, ChatAction, ClearChat, DeleteChat, LabelAssociationChat,
    LabelAssociationMessage, LabelEdit, MessageAction, PrivacySettings, PrivacyValues, PushNameSetting, UserStatusMute,
};

const APP_STATE: &[&str] = &["AppState"];

pub(super) fn entries() -> Vec<Entry> {
    let state = |name, tells, event: ChatAction| full(name, APP_STATE, None, tells, event);
    vec![
        topic(
            "AppState",
            "Every change that another device of the account made to its contacts, chats, labels and name: the events from \
             `Contact` to `PushNameSetting` below. A device that was just linked is told all that is so \
             (`FromFullSync`).",
        ),
        state(
            "Contact",
            "A contact was saved or renamed in the account's address book, or taken out of it (`Action` is null).",
            chat(json!({"fullName": "Ana Souza", "firstName": "Ana", "saveOnPrimaryAddressbook": true})),
        ),
        state("Pin", "A chat was pinned or unpinned.", chat(json!({"pinned": true}))),
        state(
            "Mute",
            "A chat was muted, until a time in Unix milliseconds (-1 for ever), or unmuted.",
            chat(json!({"muted": true, "muteEndTimestamp": 1_768_501_799_000_i64})),
        ),
        state("Archive", "A chat was archived, or taken out of the archive.", chat(json!({"archived": true}))),
        state("MarkChatAsRead", "A chat was marked as read or unread.", chat(json!({"read": true}))),
        full("Star", APP_STATE, None, "A message was starred, or no longer is.", message(json!({"starred": true}))),
        full(
            "DeleteForMe",
            APP_STATE,
            None,
            "A message was deleted for the account alone.",
            message(json!({"deleteMedia": false, "messageTimestamp": 1_768_472_999})),
        ),
        full(
            "ClearChat",
            APP_STATE,
            None,
            "All messages of a chat were deleted for the account; the chat stays.",
            ClearChat {
                jid: s(ANA),
                jid_alt: s(ANA_LID),
                timestamp: s(AT),
                delete_starred: false,
                delete_media: true,
                action: json!({}),
                from_full_sync: false,
            },
        ),
        full(
            "DeleteChat",
            APP_STATE,
            None,
            "A chat was deleted for the account.",
            DeleteChat {
                jid: s(ANA),
                jid_alt: s(ANA_LID),
                timestamp: s(AT),
                delete_media: true,
                action: json!({}),
                from_full_sync: false,
            },
        ),
        full(
            "UserStatusMute",
            APP_STATE,
            None,
            "A person's status updates were muted or unmuted.",
            UserStatusMute {
                jid: s(ANA),
                jid_alt: s(ANA_LID),
                timestamp: s(AT),
                muted: true,
                action: json!({"muted": true}),
                from_full_sync: false,
            },
        ),
        full(
            "LabelEdit",
            APP_STATE,
            None,
            "A label of a business account was made, renamed, recoloured or deleted (`Action.deleted`).",
            LabelEdit {
                timestamp: s(AT),
                label_id: s("5"),
                action: json!({"name": "New order", "color": 3, "deleted": false}),
                from_full_sync: false,
            },
        ),
        full(
            "LabelAssociationChat",
            APP_STATE,
            None,
            "A label was put on a chat or taken off (`Action.labeled`).",
            LabelAssociationChat {
                jid: s(ANA),
                jid_alt: s(ANA_LID),
                timestamp: s(AT),
                label_id: s("5"),
                action: json!({"labeled": true}),
                from_full_sync: false,
            },
        ),
        full(
            "LabelAssociationMessage",
            APP_STATE,
            None,
            "A label was put on a message or taken off (`Action.labeled`). `JID` is the chat.",
            LabelAssociationMessage {
                jid: s(ANA),
                jid_alt: s(ANA_LID),
                timestamp: s(AT),
                label_id: s("5"),
                message_id: s("3EB0C767D71D39C5A1"),
                action: json!({"labeled": true}),
                from_full_sync: false,
            },
        ),
        full(
            "PushNameSetting",
            APP_STATE,
            None,
            "The account's own name, as others see it, changed.",
            PushNameSetting {
                timestamp: s(AT),
                action: json!({"name": "Shop"}),
                old_name: s("My shop"),
                from_full_sync: false,
            },
        ),
        entry(
            "AppStateSyncError",
            "Some of what `AppState` tells of could not be read: WhatsApp refused it (`Fatal`), or a later attempt may \
             bring it (`Retryable`). The collections are WhatsApp's.",
            AppStateSyncError { fatal: vec![s("critical_block")], retryable: Vec::new() },
        ),
        never(
            "AppStateSyncComplete",
            "Never sent: the protocol engine reports only what could not be read, see `AppStateSyncError`.",
        ),
        full(
            "Blocklist",
            &["BlocklistChange"],
            None,
            "Another device of the account blocked or unblocked somebody. With the `Action` `modify` the list is another, \
             and has to be fetched.",
            Blocklist {
                action: String::new(),
                dhash: s("2:aGFzaCBhZnRlcg"),
                prev_dhash: s("2:aGFzaCBiZWZvcmU"),
                changes: vec![BlocklistChange { jid: s(ANA_LID), jid_alt: s(ANA), action: s("block") }],
            },
        ),
        topic("BlocklistChange", "Another name for `Blocklist`."),
        entry(
            "PrivacySettings",
            "Another device changed the account's privacy settings. `NewSettings` has what changed; the rest is empty.",
            PrivacySettings {
                new_settings: PrivacyValues { last_seen: s("contacts"), ..PrivacyValues::default() },
                last_seen_changed: true,
                ..PrivacySettings::default()
            },
        ),
    ]
}

fn chat(action: serde_json::Value) -> ChatAction {
    ChatAction { jid: s(ANA), jid_alt: s(ANA_LID), timestamp: s(AT), action, from_full_sync: false }
}

fn message(action: serde_json::Value) -> MessageAction {
    MessageAction {
        chat_jid: s(ANA),
        chat_alt: s(ANA_LID),
        sender_jid: String::new(),
        sender_alt: String::new(),
        is_from_me: false,
        message_id: s("3EB0C767D097B7C4030D"),
        timestamp: s(AT),
        action,
        from_full_sync: false,
    }
}
