//! What a phone says to many: sealed once, with the key to it for each device that lacks it.

use std::collections::{BTreeMap, BTreeSet};

use buffa::{Message as _, MessageField};
use wacore::messages::MessageUtils;
use wacore_binary::{Jid, Node, builder::NodeBuilder};
use waproto::whatsapp as wa;

use super::{
    Handset,
    chat::Chat,
    handset::{Recent, Shape, address},
    outbound::ensure_session,
    say,
};
use crate::{account::Number, device::DeviceId, stanza::read::node, state::State};

/// Devices that the key is sealed for within one step.
const SEALED_MAX: usize = 32;

/// Seals for the whole chat, or for one device that asks for it again (`count` times by now).
pub(super) fn seal(phone: &mut Handset, state: &mut State, what: &Recent, only: Option<DeviceId>, count: u8) {
    let sealed = match only {
        Some(device) => again(phone, state, what, device, count),
        None => whole(phone, state, what),
    };
    if let Some(stanza) = sealed {
        say(phone, state, stanza);
    }
}

/// All devices that are to read it; the phone is one of them.
fn devices(phone: &Handset, state: &State, what: &Recent) -> Vec<DeviceId> {
    match what.chat {
        Chat::Group(id) => state.groups.get(id).map(|group| state.group_devices(group)).unwrap_or_default(),
        _ => {
            let of = |number: Number| state.devices_of(number).map(|(id, _)| id).collect::<Vec<_>>();
            what.readers.iter().copied().chain([phone.number]).flat_map(of).collect()
        }
    }
}

fn lid(state: &State, device: DeviceId) -> Option<Jid> {
    state.accounts.get(&device.number).map(|account| device.lid_jid(account))
}

fn envelope(what: &Recent) -> NodeBuilder {
    let mut stanza = node("message")
        .attr("id", what.id.as_str())
        .attr("type", what.shape.kind.unwrap_or("text"))
        .attr("to", what.chat.jid());
    if let Chat::Group(_) = what.chat {
        stanza = stanza.attr("addressing_mode", "lid");
    }
    if let Some(edit) = what.shape.edit {
        stanza = stanza.attr("edit", edit);
    }
    stanza
}

fn with_mediatype(enc: NodeBuilder, message: &wa::Message) -> NodeBuilder {
    match wacore::send::media_type_from_message(message) {
        Some(mediatype) => enc.attr("mediatype", mediatype),
        None => enc,
    }
}

fn key_message(chat: Chat, key: Vec<u8>) -> MessageField<wa::message::SenderKeyDistributionMessage> {
    MessageField::some(wa::message::SenderKeyDistributionMessage {
        group_id: Some(chat.name()),
        axolotl_sender_key_distribution_message: Some(key),
    })
}

/// Copies of a chat's key that are sealed already, for a message that is about to follow.
#[derive(Default)]
pub(super) struct Prepared {
    chat: Option<Chat>,
    /// Those without a copy have no keys.
    tried: BTreeSet<DeviceId>,
    copies: BTreeMap<DeviceId, Node>,
}

/// Seals the key for some devices of the chat that lack it, before there is a message: for a large group that takes long.
/// True: for others it is still to be done.
pub(super) fn prepare(phone: &mut Handset, state: &mut State, chat: Chat, readers: Vec<Number>) -> bool {
    let id = String::new();
    let what = Recent { id, chat, readers, raw: Vec::new(), shape: Shape::default() };
    let all = devices(phone, state, &what);
    seal_keys(phone, state, &what, &all, SEALED_MAX).is_some_and(|done| !done)
}

/// Seals the key for devices that lack it and have no copy of it, for so many at most. Whether that were all.
fn seal_keys(phone: &mut Handset, state: &mut State, what: &Recent, all: &[DeviceId], at_most: usize) -> Option<bool> {
    let own = DeviceId::phone(phone.number);
    let (name, own_address) = (what.chat.name(), address(own));
    let others: Vec<DeviceId> = all.iter().copied().filter(|device| *device != own).collect();
    let lacking = phone.sender_keys.lacking(&name, &own_address, &others);
    // Without a key there is a new one, of which there is no copy.
    if phone.prepared.chat != Some(what.chat) || !phone.sender_keys.has_own(&name, &own_address) {
        phone.prepared = Prepared { chat: Some(what.chat), ..Prepared::default() };
    }
    let key = phone.sender_keys.distribution(&name, &own_address).ok()?;
    let message = wa::Message { sender_key_distribution_message: key_message(what.chat, key), ..Default::default() };
    let message = message.encode_to_vec();
    let mut waiting: Vec<DeviceId> =
        lacking.into_iter().filter(|device| !phone.prepared.tried.contains(device)).collect();
    let rest = waiting.split_off(at_most.min(waiting.len()));
    for device in waiting {
        phone.prepared.tried.insert(device);
        let Some(jid) = lid(state, device).filter(|_| ensure_session(phone, state, device)) else { continue };
        let padded = MessageUtils::pad_message_v2(message.clone());
        let Ok(sealed) = phone.signal.seal(&address(device), &padded) else { continue };
        let enc = node("enc").attr("v", "2").attr("type", sealed.kind).bytes(sealed.bytes).build();
        phone.prepared.copies.insert(device, node("to").attr("jid", jid).children([enc]).build());
    }
    Some(rest.is_empty())
}

fn whole(phone: &mut Handset, state: &mut State, what: &Recent) -> Option<Node> {
    let (name, own_address) = (what.chat.name(), address(DeviceId::phone(phone.number)));
    let all = devices(phone, state, what);
    seal_keys(phone, state, what, &all, usize::MAX)?;
    let present: BTreeSet<DeviceId> = all.iter().copied().collect();
    let copies = std::mem::take(&mut phone.prepared).copies.into_iter().filter(|(device, _)| present.contains(device));
    let (gave, mut listed): (Vec<DeviceId>, Vec<Node>) = copies.unzip();
    // Only a message itself says who may see a status.
    if what.chat == Chat::Status {
        let sealed_for: BTreeSet<Number> = gave.iter().map(|device| device.number).collect();
        let bare = what.readers.iter().filter(|reader| !sealed_for.contains(reader));
        let bare = bare.filter_map(|reader| lid(state, DeviceId::phone(*reader)));
        listed.extend(bare.map(|jid| node("to").attr("jid", jid).build()));
    }
    phone.sender_keys.gave(&name, gave);
    let sealed = phone.sender_keys.seal(&name, &own_address, &MessageUtils::pad_message_v2(what.raw.clone())).ok()?;
    let mut stanza = envelope(what);
    if let Chat::Group(_) = what.chat {
        let jids: Vec<Jid> = all.iter().filter_map(|device| lid(state, *device)).collect();
        if let Ok(hash) = MessageUtils::participant_list_hash(&jids) {
            stanza = stanza.attr("phash", hash);
        }
    }
    let mut children = Vec::new();
    if !listed.is_empty() {
        children.push(node("participants").children(listed).build());
    }
    let enc = node("enc").attr("v", "2").attr("type", "skmsg");
    let message = wa::Message::decode_from_slice(&what.raw).ok()?;
    children.push(with_mediatype(enc, &message).bytes(sealed).build());
    Some(stanza.children(children).build())
}

/// Message and key in one, for a device that could not open it.
fn again(phone: &mut Handset, state: &mut State, what: &Recent, device: DeviceId, count: u8) -> Option<Node> {
    let (name, own) = (what.chat.name(), address(DeviceId::phone(phone.number)));
    let key = phone.sender_keys.distribution(&name, &own).ok()?;
    let mut message = wa::Message::decode_from_slice(&what.raw).ok()?;
    message.sender_key_distribution_message = key_message(what.chat, key);
    let jid = lid(state, device).filter(|_| ensure_session(phone, state, device))?;
    let padded = MessageUtils::pad_message_v2(message.encode_to_vec());
    let sealed = phone.signal.seal(&address(device), &padded).ok()?;
    phone.sender_keys.gave(&name, [device]);
    let enc = node("enc").attr("v", "2").attr("type", sealed.kind).attr("count", u32::from(count));
    let enc = with_mediatype(enc, &message);
    Some(envelope(what).attr("participant", jid).children([enc.bytes(sealed.bytes).build()]).build())
}
