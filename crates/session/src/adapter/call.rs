//! Calls.

use chrono::{DateTime, Utc};
use wacore::types::{
    call::{CallAction, CallEndedElsewhere, ElsewhereOutcome, IncomingCall, MissedCall, MissedReason},
    group_call::GroupCallParticipant,
};
use wacore_binary::Jid;
use wago_contract::{call::Participant, event};

use super::{
    message::{text, time},
    names::Around,
};
use crate::{calls::Entry, record::Record};

/// Nothing of what carries keys.
pub fn signal(call: &IncomingCall, around: Around) -> Option<Record> {
    let action = &call.action;
    let topic = match action {
        CallAction::Offer { .. } => "CallOffer",
        CallAction::OfferNotice { .. } => "CallOfferNotice",
        CallAction::PreAccept { .. } => "CallPreAccept",
        CallAction::Accept { .. } => "CallAccept",
        CallAction::Reject { .. } => "CallReject",
        CallAction::Terminate { .. } => "CallTerminate",
        CallAction::Transport { .. } => "CallTransport",
        CallAction::RelayLatency { .. } => "CallRelayLatency",
        CallAction::EncRekey { .. } => return None,
        _ => "Call",
    };
    let media = |video: bool| if video { "video" } else { "audio" };
    let mut told = event::Call {
        call_creator: action.call_creator().to_string(),
        signal: action.wire_tag().to_owned(),
        remote_platform: call.platform.clone().unwrap_or_default(),
        remote_version: call.version.clone().unwrap_or_default(),
        ..bare(&call.from, action.call_id(), around)
    };
    told.timestamp = time(call.timestamp);
    let mut pn = None;
    let mut group = None;
    match action {
        CallAction::GroupUpdate { update } => {
            (told.media, told.kind) = (media(update.media == "video"), "group");
            group = update.group_jid.as_ref();
            told.group_jid = text(group);
            told.participants = participants(&update.participants, |jid| around.names.is_own(jid));
        }
        CallAction::Offer { group_jid, is_video, caller_pn, .. } => {
            (told.media, pn, group) = (media(*is_video), caller_pn.as_ref(), group_jid.as_ref());
            told.group_jid = text(group);
            told.kind = if group.is_some() || call.group.is_some() { "group" } else { "" };
        }
        CallAction::OfferNotice { is_video, is_group, .. } => {
            (told.media, told.kind) = (media(*is_video), if *is_group { "group" } else { "" });
        }
        CallAction::Reject { reason, .. } | CallAction::Terminate { reason, .. } => {
            told.reason = reason.clone().unwrap_or_default();
        }
        _ => {}
    }
    let creator = action.call_creator();
    // The caller's phone number says nothing of a creator that is one.
    told.call_creator_alt = around.alt(creator, pn.filter(|_| creator.is_lid()));
    let dedupe = format!("call|{}|{}|{}", call.from, call.stanza_id, told.signal);
    let chat = around.chat(group.unwrap_or(&call.from), None);
    Some(Record::new("Call", &told).topic(topic).in_chat(chat).once(dedupe))
}

/// Who is in a call of many, without the account itself.
pub fn participants(all: &[GroupCallParticipant], is_own: impl Fn(&Jid) -> bool) -> Vec<Participant> {
    let others = all.iter().filter(|one| !is_own(&one.jid));
    others
        .map(|one| Participant {
            jid: one.jid.to_string(),
            alt: text(one.pn.as_ref()),
            state: one.state.clone().unwrap_or_default(),
        })
        .collect()
}

/// How far a call has come.
pub fn state(call: &Entry, now: DateTime<Utc>) -> Record {
    let over = call.state.is_over();
    let told = event::Call {
        from: call.peer.clone(),
        from_alt: call.peer_alt.clone(),
        timestamp: time(now),
        call_id: call.id.clone(),
        call_creator: String::new(),
        call_creator_alt: String::new(),
        group_jid: call.group.clone(),
        media: if call.video { "video" } else { "audio" },
        kind: if call.many { "group" } else { "" },
        signal: "state".to_owned(),
        reason: call.reason.to_owned(),
        participants: Vec::new(),
        state: Some(call.state),
        direction: Some(call.direction),
        duration_ms: over.then(|| call.duration_ms(now)),
        remote_platform: String::new(),
        remote_version: String::new(),
    };
    Record::new("Call", &told).in_chat(call.chat.clone()).once(format!("call|state|{}|{:?}", call.id, call.state))
}

/// Either it rang before we were there, or nobody took it.
pub fn missed(call: &MissedCall, around: Around) -> Record {
    let (topic, reason) = match call.reason {
        MissedReason::Offline => ("CallOffer", "offline"),
        _ => ("CallTerminate", ""),
    };
    let told = event::Call {
        timestamp: time(call.timestamp),
        signal: "missed".to_owned(),
        reason: reason.to_owned(),
        ..bare(&call.from, &call.call_id, around)
    };
    ended(topic, &told, &call.from, around)
}

/// Another device of the account took or declined it.
pub fn elsewhere(call: &CallEndedElsewhere, around: Around) -> Record {
    let told = event::Call {
        timestamp: time(call.timestamp),
        signal: "terminate".to_owned(),
        reason: match call.outcome {
            ElsewhereOutcome::Rejected => "rejected_elsewhere".to_owned(),
            _ => "accepted_elsewhere".to_owned(),
        },
        ..bare(&call.from, &call.call_id, around)
    };
    ended("CallTerminate", &told, &call.from, around)
}

fn ended(topic: &'static str, told: &event::Call, from: &Jid, around: Around) -> Record {
    Record::new("Call", told)
        .topic(topic)
        .in_chat(around.chat(from, None))
        .once(format!("call|{}|{}|{}|{}", from, told.call_id, told.signal, told.reason))
}

fn bare(from: &Jid, id: &str, around: Around) -> event::Call {
    event::Call {
        from: from.to_string(),
        from_alt: around.alt(from, None),
        timestamp: String::new(),
        call_id: id.to_owned(),
        call_creator: String::new(),
        call_creator_alt: String::new(),
        group_jid: String::new(),
        media: "",
        kind: "",
        signal: String::new(),
        reason: String::new(),
        participants: Vec::new(),
        state: None,
        direction: None,
        duration_ms: None,
        remote_platform: String::new(),
        remote_version: String::new(),
    }
}
