//! Groups and newsletters.

use std::collections::BTreeMap;

use serde_json::json;

use super::{ANA, ANA_LID, AT, Entry, GROUP, NEWSLETTER, OWN_USER, entry, s};
use crate::event::{
    GroupAnnounce, GroupEphemeral, GroupInfo, GroupLocked, GroupName, GroupParticipant, GroupTopic, JoinApproval,
    JoinedGroup, NewsletterJoin, NewsletterLeave, NewsletterLiveUpdate, NewsletterMessage, NewsletterMuteChange,
    ZERO_TIME,
};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry(
            "GroupInfo",
            "Something about a group changed: its people, name, description, settings, invite link, or its place in a \
             community. One event has one change; the rest is null or empty. What has no field of its own is in \
             `UnknownChanges`, by WhatsApp's name.",
            GroupInfo {
                jid: s(GROUP),
                notify: s("Ana"),
                sender: s(ANA_LID),
                sender_pn: s(ANA),
                sender_alt: s(ANA),
                timestamp: s(AT),
                join_reason: s("invite"),
                join: vec![s("100000055555555@lid")],
                participants: vec![GroupParticipant {
                    jid: s("100000055555555@lid"),
                    phone_number: s("34600111222@s.whatsapp.net"),
                    lid: s("100000055555555@lid"),
                    ..GroupParticipant::default()
                }],
                ..GroupInfo::default()
            },
        ),
        entry(
            "JoinedGroup",
            "The account is in a group from now on: it was made with the account in it, or the account was added.",
            joined(),
        ),
        entry(
            "NewsletterJoin",
            "The account follows a newsletter from now on, by whichever of its devices. Keys are WhatsApp's own.",
            NewsletterJoin {
                id: s(NEWSLETTER),
                state: json!({"type": "active"}),
                thread_metadata: json!({
                    "creation_time": "1700000000",
                    "invite": "0029Va0000000000000000",
                    "name": {"id": "1700000000000000", "text": "Harbour news", "update_time": "1700000000000000"},
                    "subscribers_count": "240",
                    "verification": "unverified"
                }),
                viewer_metadata: json!({"mute": "on", "role": "subscriber"}),
            },
        ),
        entry(
            "NewsletterLeave",
            "The account no longer follows a newsletter.",
            NewsletterLeave { id: s(NEWSLETTER), role: s("guest") },
        ),
        entry(
            "NewsletterMuteChange",
            "The account muted or unmuted a newsletter.",
            NewsletterMuteChange { id: s(NEWSLETTER), mute: s("on") },
        ),
        entry(
            "NewsletterLiveUpdate",
            "Reactions to messages of a newsletter were counted anew.",
            NewsletterLiveUpdate {
                jid: s(NEWSLETTER),
                time: s(AT),
                messages: vec![NewsletterMessage {
                    message_server_id: 117,
                    reaction_counts: BTreeMap::from([(s("👍"), 12)]),
                }],
            },
        ),
    ]
}

fn joined() -> JoinedGroup {
    JoinedGroup {
        reason: String::new(),
        kind: s("new"),
        create_key: s("3EB0A1B2C3D4E5F60718"),
        sender: s(ANA),
        sender_pn: String::new(),
        sender_alt: s(ANA_LID),
        notify: s("Ana"),
        jid: s(GROUP),
        owner_jid: s(ANA),
        owner_pn: String::new(),
        name: GroupName { name: s("Regatta"), name_set_at: s(AT), name_set_by: s(ANA), name_set_by_pn: String::new() },
        topic: GroupTopic { topic_set_at: s(ZERO_TIME), ..GroupTopic::default() },
        locked: GroupLocked { is_locked: false },
        announce: GroupAnnounce { is_announce: false },
        ephemeral: GroupEphemeral { is_ephemeral: false, disappearing_timer: 0 },
        membership_approval: JoinApproval { is_join_approval_required: false },
        is_parent: false,
        linked_parent_jid: String::new(),
        is_default_sub_group: false,
        addressing_mode: s("pn"),
        group_created: s(AT),
        participants: vec![
            GroupParticipant {
                jid: s(ANA),
                phone_number: s(ANA),
                lid: s(ANA_LID),
                is_admin: true,
                is_super_admin: true,
                display_name: String::new(),
            },
            GroupParticipant { jid: s(OWN_USER), phone_number: s(OWN_USER), ..GroupParticipant::default() },
        ],
    }
}
