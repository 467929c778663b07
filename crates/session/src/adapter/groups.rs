//! Groups, as they are asked for.

use chrono::DateTime;
use wacore::{
    iq::groups::{GroupInfoResponse, ParticipantChangeResponse},
    protocol::ProtocolNode as _,
};
use wacore_binary::{NodeContentRef, NodeRef};
use wago_contract::{
    community::SubGroup,
    event,
    group::{AddRequest, Group, Member, Outcome},
};
use whatsapp_rust::{GroupMetadata, GroupParticipant};

use super::message::{addressing_mode, text, time};

/// All groups in an answer. `None`: it cannot be read.
pub fn groups(answer: &NodeRef<'_>) -> Option<Vec<Group>> {
    let whole = [("groups", "group"), ("communities", "community")];
    let lists = whole.iter().filter_map(|(list, one)| Some((answer.get_optional_child(list)?, *one)));
    let lists: Vec<_> = lists.collect();
    let nodes: Vec<&NodeRef<'_>> = match lists.is_empty() {
        false => lists.iter().flat_map(|(list, one)| list.get_children_by_tag(one)).collect(),
        true => ["group", "community"].iter().filter_map(|tag| answer.get_optional_child(tag)).collect(),
    };
    nodes.into_iter().map(read).collect()
}

fn read(node: &NodeRef<'_>) -> Option<Group> {
    let mut group = group(&GroupMetadata::from(GroupInfoResponse::try_from_node_ref(node).ok()?));
    // The engine takes it for a text, and it may come as bytes.
    if let Some(mode) = node.get_optional_child("member_add_mode") {
        group.member_add_mode = match mode.content.as_ref() {
            Some(NodeContentRef::String(mode)) => mode.to_string(),
            Some(NodeContentRef::Bytes(mode)) => String::from_utf8_lossy(mode).into_owned(),
            _ => String::new(),
        };
    }
    for participant in node.get_children_by_tag("participant") {
        let Some(code) = participant.attrs().optional_u64("error") else { continue };
        let Some(jid) = participant.attrs().optional_jid("jid") else { continue };
        let jid = jid.to_string();
        if let Some(member) = group.participants.iter_mut().find(|member| member.person.jid == jid) {
            member.error = u16::try_from(code).unwrap_or(u16::MAX);
            member.add_request = add_request(participant);
        }
    }
    Some(group)
}

fn group(told: &GroupMetadata) -> Group {
    let expiration = told.ephemeral.as_ref().and_then(|settings| settings.expiration).unwrap_or(0);
    let participants: Vec<Member> = told.participants.iter().map(member).collect();
    let count = told.size.map_or_else(|| participants.len().try_into().unwrap_or(u64::MAX), u64::from);
    Group {
        jid: told.id.to_string(),
        owner_jid: text(told.creator.as_ref()),
        owner_pn: text(told.creator_pn.as_ref()),
        name: event::GroupName {
            name: told.subject.clone(),
            name_set_at: moment(told.subject_time),
            name_set_by: text(told.subject_owner.as_ref()),
            name_set_by_pn: text(told.subject_owner_pn.as_ref()),
        },
        topic: event::GroupTopic {
            topic: told.description.clone().unwrap_or_default(),
            topic_id: told.description_id.clone().unwrap_or_default(),
            topic_set_at: moment(told.description_time),
            topic_set_by: text(told.description_owner.as_ref()),
            topic_set_by_pn: text(told.description_owner_pn.as_ref()),
            topic_deleted: false,
        },
        locked: event::GroupLocked { is_locked: told.is_locked },
        announce: event::GroupAnnounce { is_announce: told.is_announcement },
        ephemeral: event::GroupEphemeral { is_ephemeral: expiration > 0, disappearing_timer: expiration },
        approval: event::JoinApproval { is_join_approval_required: told.membership_approval },
        is_incognito: told.is_incognito,
        is_parent: told.is_parent_group,
        linked_parent_jid: text(told.parent_group_jid.as_ref()),
        is_default_sub_group: told.is_default_sub_group,
        addressing_mode: addressing_mode(Some(told.addressing_mode)).to_owned(),
        group_created: moment(told.creation_time),
        creator_country_code: told.creator_country_code.clone().unwrap_or_default(),
        participant_version_id: told.participant_version_id.clone().unwrap_or_default(),
        member_add_mode: told.member_add_mode.map(|mode| mode.as_str().to_owned()).unwrap_or_default(),
        suspended: told.is_suspended,
        participant_count: count,
        participants,
        picture_error: None,
    }
}

fn member(told: &GroupParticipant) -> Member {
    let display_name = told.details.as_ref().and_then(|details| details.display_name.as_ref());
    let lid = told.lid.as_ref().or(Some(&told.jid).filter(|jid| jid.is_lid()));
    let number = told.phone_number.as_ref().or(Some(&told.jid).filter(|jid| jid.is_pn()));
    Member {
        person: event::GroupParticipant {
            jid: told.jid.to_string(),
            phone_number: text(number),
            lid: text(lid),
            is_admin: told.is_admin(),
            is_super_admin: told.is_super_admin(),
            display_name: display_name.map(ToString::to_string).unwrap_or_default(),
        },
        error: 0,
        add_request: None,
    }
}

/// What a community is made of.
pub fn sub_groups(answer: &NodeRef<'_>) -> Vec<SubGroup> {
    let Some(list) = answer.get_optional_child("sub_groups") else { return Vec::new() };
    let read = |node: &NodeRef<'_>| {
        let mut attrs = node.attrs();
        // Its JID, or the part of it before the server.
        let jid = match attrs.optional_jid("jid") {
            Some(jid) => jid.to_string(),
            None => format!("{}@g.us", attrs.optional_string("id")?.trim_end_matches("@g.us")),
        };
        Some(SubGroup {
            jid,
            name: attrs.optional_string("subject").map(|name| name.into_owned()).unwrap_or_default(),
            name_set_at: moment(attrs.optional_u64("s_t")),
            is_default_sub_group: node.get_optional_child("default_sub_group").is_some(),
            participant_count: attrs.optional_u64("size").unwrap_or_default(),
        })
    };
    list.get_children_by_tag("group").filter_map(read).collect()
}

pub fn outcome(told: ParticipantChangeResponse, jid_alt: String) -> Outcome {
    let code = told.error.as_deref().map_or(200, |code| code.parse().unwrap_or(500));
    let add_request = told.add_request.map(|request| AddRequest { code: request.code, expiration: request.expiration });
    Outcome { jid: told.jid.to_non_ad_string(), jid_alt, code, error: meaning(code), add_request }
}

fn add_request(participant: &NodeRef<'_>) -> Option<AddRequest> {
    let request = participant.get_optional_child("add_request")?;
    let mut attrs = request.attrs();
    let code = attrs.optional_string("code")?.into_owned();
    Some(AddRequest { code, expiration: attrs.optional_u64("expiration").unwrap_or_default() })
}

/// What WhatsApp's codes for one person mean.
fn meaning(code: u16) -> &'static str {
    match code {
        200 => "",
        401 => "the person has blocked this account",
        403 => "the person wants to be asked: send the invitation",
        404 => "the person is not on WhatsApp, or not in the group",
        406 => "this cannot be done to who made the group",
        408 => "the person left the group a short while ago",
        409 => "the person is that already",
        419 => "the group is full",
        429 => "too many at once",
        _ => "WhatsApp refused",
    }
}

/// Unix seconds.
pub fn moment(seconds: Option<u64>) -> String {
    let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
    let known = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    known.map_or_else(|| event::ZERO_TIME.to_owned(), time)
}
