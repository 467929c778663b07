//! Groups.

use std::collections::BTreeMap;

use wacore::{
    iq::groups::{GroupInfoResponse, GroupParticipantResponse, ParticipantType},
    protocol::ProtocolNode as _,
    stanza::groups::{GroupNotificationAction as Action, GroupParticipantInfo, GroupParticipantType},
    types::events::GroupUpdate,
};
use wacore_binary::{Jid, Node};
use wago_contract::event;

use super::{
    chats,
    message::{addressing_mode, text, time},
    names::Around,
};
use crate::record::Record;

pub fn update(update: &GroupUpdate, around: Around) -> Record {
    let joined = match &update.action {
        Action::Create { raw } => joined(update, raw, around),
        _ => None,
    };
    let named = chats::of_group(update, joined.as_ref().map(|told| told.name.name.as_str()));
    let record = match joined {
        Some(told) => Record::new("JoinedGroup", &told),
        None => Record::new("GroupInfo", &changed(update, around)),
    };
    let record = record.with_chats(named).in_chat(update.group_jid.to_string());
    match &update.notification_id {
        Some(id) => record.once(format!("group|{}|{id}|{}", update.group_jid, update.action_index)),
        None => record,
    }
}

fn changed(update: &GroupUpdate, around: Around) -> event::GroupInfo {
    let sender = update.participant.as_ref();
    let sender_alt = sender.map(|sender| around.alt(sender, told_pn(update))).unwrap_or_default();
    let at = time(update.timestamp);
    let mut told = event::GroupInfo {
        jid: update.group_jid.to_string(),
        notify: update.notify.clone().unwrap_or_default(),
        sender: text(sender),
        sender_pn: pn(sender, &sender_alt),
        sender_alt,
        timestamp: at.clone(),
        ..event::GroupInfo::default()
    };
    let (by, by_pn) = (told.sender.clone(), told.sender_pn.clone());
    match &update.action {
        Action::Add { participants, reason } => {
            told.join = named(&mut told.participants, participants, around);
            told.join_reason = reason.clone().unwrap_or_default();
        }
        Action::Remove { participants, .. } => told.leave = named(&mut told.participants, participants, around),
        Action::Promote { participants } => told.promote = named(&mut told.participants, participants, around),
        Action::Demote { participants } => told.demote = named(&mut told.participants, participants, around),
        Action::Subject { subject, .. } => {
            told.name = Some(event::GroupName {
                name: subject.clone(),
                name_set_at: at,
                name_set_by: by,
                name_set_by_pn: by_pn,
            });
        }
        Action::Description { id, description } => {
            told.topic = Some(event::GroupTopic {
                topic: description.clone().unwrap_or_default(),
                topic_id: id.clone(),
                topic_set_at: at,
                topic_set_by: by,
                topic_set_by_pn: by_pn,
                topic_deleted: description.is_none(),
            });
        }
        Action::Locked { .. } => told.locked = Some(event::GroupLocked { is_locked: true }),
        Action::Unlocked => told.locked = Some(event::GroupLocked { is_locked: false }),
        Action::Announce => told.announce = Some(event::GroupAnnounce { is_announce: true }),
        Action::NotAnnounce => told.announce = Some(event::GroupAnnounce { is_announce: false }),
        Action::Ephemeral { expiration, .. } => told.ephemeral = Some(ephemeral(*expiration)),
        Action::MembershipApprovalMode { enabled } => {
            told.membership_approval_mode = Some(event::JoinApproval { is_join_approval_required: *enabled });
        }
        Action::Delete { reason } => {
            told.delete = Some(event::GroupDelete { deleted: true, delete_reason: reason.clone().unwrap_or_default() });
        }
        Action::Link { link_type, raw } => told.link = Some(link(link_type, None, raw)),
        Action::Unlink { unlink_type, unlink_reason, raw } => {
            told.unlink = Some(link(unlink_type, unlink_reason.as_deref(), raw));
        }
        Action::Invite { code } => told.new_invite_link = Some(format!("https://chat.whatsapp.com/{code}")),
        Action::Suspended => told.suspended = true,
        Action::Unsuspended => told.unsuspended = true,
        other => told.unknown_changes.push(unknown(other, &mut told.participants, around)),
    }
    told
}

/// What whatsmeow has no field for, by WhatsApp's name and with what is said of it.
fn unknown(action: &Action, people: &mut Vec<event::GroupParticipant>, around: Around) -> event::UnknownChange {
    let mut attrs = BTreeMap::new();
    let mut put = |name: &str, value: String| drop(attrs.insert(name.to_owned(), value));
    match action {
        Action::Modify { participants }
        | Action::LinkedGroupPromote { participants }
        | Action::LinkedGroupDemote { participants } => {
            put("participants", named(people, participants, around).join(","));
        }
        Action::CreatedMembershipRequests { request_method, requests, .. } => {
            put("request_method", request_method.as_str().to_owned());
            put("participants", named(people, requests, around).join(","));
        }
        Action::MembershipApprovalRequest { request_method, .. } => {
            put("request_method", request_method.as_str().to_owned());
        }
        Action::RevokedMembershipRequests { participants } => {
            put("participants", participants.iter().map(Jid::to_string).collect::<Vec<_>>().join(","));
        }
        Action::MemberAddMode { mode } => put("mode", mode.clone()),
        Action::GrowthLocked { expiration, lock_type } => {
            put("expiration", expiration.to_string());
            put("type", lock_type.clone());
        }
        Action::ChangeNumber { new_owner, .. } => put("jid", text(new_owner.as_ref())),
        _ => {}
    }
    event::UnknownChange { tag: action.wire_tag().to_owned(), attrs }
}

/// The group of a `<create>`; nothing if it does not describe one.
fn joined(update: &GroupUpdate, create: &Node, around: Around) -> Option<event::JoinedGroup> {
    let group = create.get_optional_child("group")?;
    let group = GroupInfoResponse::try_from_node_ref(&group.as_node_ref()).ok()?;
    let word = |name: &str| create.attrs().optional_string(name).map(|word| word.to_string()).unwrap_or_default();
    let at = |seconds: Option<u64>| {
        let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
        let known = seconds.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
        known.map_or_else(|| event::ZERO_TIME.to_owned(), time)
    };
    let person = |jid: Option<&Jid>, told: Option<&Jid>| {
        let alt = jid.map(|jid| around.alt(jid, told.filter(|_| jid.is_lid()))).unwrap_or_default();
        (text(jid), pn(jid, &alt), alt)
    };
    let (sender, sender_pn, sender_alt) = person(update.participant.as_ref(), told_pn(update));
    let (owner_jid, owner_pn, _) = person(group.creator.as_ref(), group.creator_pn.as_ref());
    let (name_set_by, name_set_by_pn, _) = person(group.subject_owner.as_ref(), group.subject_owner_pn.as_ref());
    let (topic_set_by, topic_set_by_pn, _) =
        person(group.description_owner.as_ref(), group.description_owner_pn.as_ref());
    let expiration = group.ephemeral.and_then(|settings| settings.expiration).unwrap_or(0);
    Some(event::JoinedGroup {
        reason: word("reason"),
        kind: word("type"),
        create_key: word("key"),
        sender,
        sender_pn,
        sender_alt,
        notify: update.notify.clone().unwrap_or_default(),
        jid: update.group_jid.to_string(),
        owner_jid,
        owner_pn,
        name: event::GroupName {
            name: group.subject.as_str().to_owned(),
            name_set_at: at(group.subject_time),
            name_set_by,
            name_set_by_pn,
        },
        topic: event::GroupTopic {
            topic: group.description.unwrap_or_default(),
            topic_id: group.description_id.unwrap_or_default(),
            topic_set_at: at(group.description_time),
            topic_set_by,
            topic_set_by_pn,
            topic_deleted: false,
        },
        locked: event::GroupLocked { is_locked: group.is_locked },
        announce: event::GroupAnnounce { is_announce: group.is_announcement },
        ephemeral: ephemeral(expiration),
        membership_approval: event::JoinApproval { is_join_approval_required: group.membership_approval },
        is_parent: group.is_parent_group,
        linked_parent_jid: text(group.parent_group_jid.as_ref()),
        is_default_sub_group: group.is_default_sub_group,
        addressing_mode: addressing_mode(Some(group.addressing_mode)).to_owned(),
        group_created: at(group.creation_time),
        participants: group.participants.iter().map(|member| member_of(member, around)).collect(),
    })
}

fn member_of(member: &GroupParticipantResponse, around: Around) -> event::GroupParticipant {
    let tier = member.participant_type;
    event::GroupParticipant {
        is_admin: tier != ParticipantType::Member,
        is_super_admin: tier == ParticipantType::SuperAdmin,
        display_name: String::new(),
        ..identities(&member.jid, member.phone_number.as_ref(), member.lid.as_ref(), around)
    }
}

/// Their JIDs; who they are is noted beside.
fn named(
    people: &mut Vec<event::GroupParticipant>,
    participants: &[GroupParticipantInfo],
    around: Around,
) -> Vec<String> {
    people.extend(participants.iter().map(|person| event::GroupParticipant {
        is_admin: matches!(person.r#type, Some(GroupParticipantType::Admin | GroupParticipantType::SuperAdmin)),
        is_super_admin: person.r#type == Some(GroupParticipantType::SuperAdmin),
        display_name: person.display_name.clone().unwrap_or_default(),
        ..identities(&person.jid, person.phone_number.as_ref(), person.lid.as_ref(), around)
    }));
    participants.iter().map(|person| person.jid.to_string()).collect()
}

fn identities(jid: &Jid, pn: Option<&Jid>, lid: Option<&Jid>, around: Around) -> event::GroupParticipant {
    let (pn, lid) =
        if jid.is_lid() { (around.alt(jid, pn), jid.to_string()) } else { (jid.to_string(), around.alt(jid, lid)) };
    event::GroupParticipant { jid: jid.to_string(), phone_number: pn, lid, ..event::GroupParticipant::default() }
}

/// What the stanza tells beside a sender that is a LID.
fn told_pn(update: &GroupUpdate) -> Option<&Jid> {
    update.participant_pn.as_ref().filter(|_| update.participant.as_ref().is_some_and(Jid::is_lid))
}

fn pn(jid: Option<&Jid>, alt: &str) -> String {
    if jid.is_some_and(Jid::is_lid) { alt.to_owned() } else { String::new() }
}

fn ephemeral(seconds: u32) -> event::GroupEphemeral {
    event::GroupEphemeral { is_ephemeral: seconds > 0, disappearing_timer: seconds }
}

fn link(kind: &str, reason: Option<&str>, link: &Node) -> event::GroupLink {
    let group = link.get_optional_child("group");
    let word = |name: &str| {
        group.and_then(|group| group.attrs().optional_string(name)).map(|word| word.to_string()).unwrap_or_default()
    };
    event::GroupLink {
        kind: kind.to_owned(),
        unlink_reason: reason.unwrap_or_default().to_owned(),
        group: event::GroupLinkTarget {
            jid: group
                .and_then(|group| group.attrs().optional_jid("jid"))
                .as_ref()
                .map(Jid::to_string)
                .unwrap_or_default(),
            name: word("subject"),
            is_default_sub_group: group.is_some_and(|group| group.get_optional_child("default_sub_group").is_some()),
        },
    }
}
