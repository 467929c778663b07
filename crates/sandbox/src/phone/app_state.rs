//! The phone's part in app state: it makes the key and hands it to the account's other devices; what they set it reads and
//! follows; and what its own person sets it writes.
//!
//! What was set is kept by the network alone: a phone that lost it, as by a restart of the network, asks for it again.

mod action;
mod effect;
mod range;
mod view;

use std::{collections::BTreeMap, sync::Arc};

use buffa::{Message as _, MessageField};
use rand::RngExt as _;
use wacore::download::{DownloadUtils, MediaType};
use wacore_appstate::{
    AppStateError, ExpandedAppStateKeys,
    decode::Mutation,
    encode::encode_record,
    hash::{HashState, generate_patch_mac},
    keys::expand_app_state_keys,
    patch_decode::parse_patch_list,
    processor::{process_patch, process_snapshot},
    schemas::{self, IndexPart, Schema},
};
use wacore_binary::{Node, SERVER_JID};
use waproto::whatsapp::{self as wa, syncd_mutation::SyncdOperation};

pub(crate) use action::{chat, contact, label, rename};
pub(crate) use range::Until;
pub(crate) use view::{chats, labels};

use super::{Handset, ask, content, outbound};
use crate::{
    Error, Result,
    device::DeviceId,
    media::{Found, Hash},
    stanza::{
        app_state::is_empty,
        read::{Read as _, node},
    },
    state::State,
};

const FIRST: &str = "critical_block";
/// A message's label. It is not among the actions that WhatsApp Web lists, but its clients send it.
const LABEL_MESSAGE: Schema = Schema {
    key: "LabelMessage",
    name: "label_message",
    value_field: Some("labelAssociationAction"),
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

/// What a phone has read of its account's app state.
#[derive(Default)]
pub(super) struct AppState {
    /// By their names.
    collections: BTreeMap<String, Known>,
}

#[derive(Default)]
struct Known {
    hash: HashState,
    /// By the hash of what they are about.
    entries: BTreeMap<Vec<u8>, Entry>,
}

struct Entry {
    mac: Vec<u8>,
    /// What it is about: an action, and its chat, message or label.
    about: Vec<String>,
    value: wa::SyncActionValue,
}

impl AppState {
    /// All that was set by an action.
    fn set(&self, action: &'static str) -> impl Iterator<Item = (&[String], &wa::SyncActionValue)> {
        let entries = self.collections.values().flat_map(|known| known.entries.values());
        let of = entries.filter(move |entry| entry.about.first().is_some_and(|name| name == action));
        of.map(|entry| (&entry.about[1..], &entry.value))
    }
}

/// Hands a device the key; unless it asked for others only.
pub(super) fn share(phone: &mut Handset, state: &mut State, device: DeviceId, asked: &[Vec<u8>]) {
    let (id, key) = phone.keys.app_state_key();
    if !asked.is_empty() && !asked.iter().any(|asked| asked == &id) {
        return;
    }
    let key = wa::message::AppStateSyncKey {
        key_id: MessageField::some(wa::message::AppStateSyncKeyId { key_id: Some(id.to_vec()) }),
        key_data: MessageField::some(wa::message::AppStateSyncKeyData {
            key_data: Some(key.to_vec()),
            fingerprint: MessageField::some(wa::message::AppStateSyncKeyFingerprint {
                raw_id: Some(phone.keys.raw_id),
                current_index: Some(0),
                device_indexes: vec![0],
            }),
            timestamp: i64::try_from(crate::now_ms()).ok(),
        }),
    };
    outbound::to_own_device(phone, state, device, &content::key_share(vec![key]));
}

/// Writes the account's name, if nothing was written yet.
pub(super) fn begin(phone: &mut Handset, state: &mut State) {
    if !is_empty(state, phone.number, FIRST) {
        return;
    }
    let Some(name) = state.accounts.get(&phone.number).map(|account| account.name.clone()) else { return };
    let written = rename(phone, state, &name).and_then(|()| action::contacts(phone, state));
    if written.is_err() {
        state.counters.count("phone could not write its app state");
    }
}

/// The network says that another device wrote.
pub(super) fn changed(phone: &mut Handset, state: &mut State, notification: &Node) {
    for name in notification.nodes().iter().filter_map(|collection| collection.text("name")) {
        read(phone, state, &name);
    }
}

/// Reads what it has not seen of all collections.
fn read_all(phone: &mut Handset, state: &mut State) {
    for name in crate::collections::NAMES {
        read(phone, state, name);
    }
}

fn read(phone: &mut Handset, state: &mut State, name: &str) {
    loop {
        let known = phone.app_state.collections.entry(name.to_owned()).or_default();
        let version = known.hash.version;
        let collection = node("collection")
            .attr("name", name)
            .attr("version", version)
            .attr("return_snapshot", if version == 0 { "true" } else { "false" });
        let Some(answer) = question(phone, state, "get", collection.build()) else { return };
        match take(phone, state, name, &answer) {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => {
                state.counters.count("phone could not read its app state");
                return;
            }
        }
    }
}

fn question(phone: &mut Handset, state: &mut State, kind: &'static str, collection: Node) -> Option<Node> {
    let question = node("iq")
        .attr("id", state.random_id())
        .attr("xmlns", "w:sync:app:state")
        .attr("type", kind)
        .attr("to", SERVER_JID)
        .children([node("sync").children([collection]).build()]);
    ask(phone, state, question.build())
}

/// True if there is more.
fn take(phone: &mut Handset, state: &mut State, name: &str, answer: &Node) -> Result<bool, AppStateError> {
    let list = parse_patch_list(answer).map_err(|_| AppStateError::DecodeFailed)?;
    let (id, key) = phone.keys.app_state_key();
    let keys = Arc::new(expand_app_state_keys(&key));
    let keys = |asked: &[u8]| if asked == id { Ok(keys.clone()) } else { Err(AppStateError::KeyNotFound) };
    if let Some(reference) = &list.snapshot_ref {
        let snapshot = fetch(state, reference).ok_or(AppStateError::DecodeFailed)?;
        let mut known = Known::default();
        let whole = process_snapshot(&snapshot, &mut known.hash, keys, true, name)?;
        let set = whole.mutations.into_iter().zip(whole.mutation_macs);
        let set: Vec<_> = set.map(|(mutation, macs)| (macs.index_mac, macs.value_mac, mutation)).collect();
        phone.app_state.collections.insert(name.to_owned(), known);
        follow(phone, state, name, set);
    }
    for patch in &list.patches {
        apply(phone, state, name, patch, keys)?;
    }
    Ok(list.has_more_patches)
}

fn apply(
    phone: &mut Handset,
    state: &mut State,
    name: &str,
    patch: &wa::SyncdPatch,
    keys: impl FnMut(&[u8]) -> Result<Arc<ExpandedAppStateKeys>, AppStateError>,
) -> Result<(), AppStateError> {
    let known = phone.app_state.collections.entry(name.to_owned()).or_default();
    let mut hash = known.hash.clone();
    let before = |index: &[u8]| Ok(known.entries.get(index).map(|entry| entry.mac.clone()));
    let done = process_patch(patch, &mut hash, keys, before, true, name)?;
    known.hash = hash;
    for index in &done.removed_index_macs {
        known.entries.remove(index);
    }
    let (set, gone): (Vec<_>, Vec<_>) =
        done.mutations.into_iter().partition(|mutation| mutation.operation == SyncdOperation::SET);
    for Mutation { index: about, .. } in gone {
        effect::undone(phone, state, &about);
    }
    let set = set
        .into_iter()
        .zip(done.added_macs)
        .map(|(mutation, macs)| (macs.index_mac, macs.value_mac, mutation))
        .collect();
    follow(phone, state, name, set);
    Ok(())
}

fn follow(phone: &mut Handset, state: &mut State, name: &str, set: Vec<(Vec<u8>, Vec<u8>, Mutation)>) {
    for (index, mac, mutation) in set {
        let Mutation { index: about, action_value: Some(value), .. } = mutation else { continue };
        effect::of(phone, state, &about, &value);
        let known = phone.app_state.collections.entry(name.to_owned()).or_default();
        known.entries.insert(index, Entry { mac, about, value });
    }
}

/// A file on the media host.
fn fetch(state: &State, reference: &wa::ExternalBlobReference) -> Option<wa::SyncdSnapshot> {
    let Found::Here(blob) = state.media.find(Hash::of_path(reference.direct_path.as_deref()?)?).ok()? else {
        return None;
    };
    let mut bytes = Vec::new();
    let key = reference.media_key.as_deref()?;
    DownloadUtils::decrypt_stream_to_writer(blob.reader(0).ok()?, key, MediaType::AppState, &mut bytes).ok()?;
    wa::SyncdSnapshot::decode_from_slice(&bytes).ok()
}

/// Something that the phone's person set, or took back if it has no value. `about` has what the action names, in its
/// order.
struct Change<'a> {
    about: Vec<&'a str>,
    value: Option<wa::SyncActionValue>,
}

/// Writes one thing that the phone's person set.
fn write(
    phone: &mut Handset,
    state: &mut State,
    action: &Schema,
    about: &[&str],
    value: wa::SyncActionValue,
) -> Result<()> {
    write_all(phone, state, action, &[Change { about: about.to_vec(), value: Some(value) }])
}

fn index(action: &Schema, about: &[&str]) -> Vec<u8> {
    let mut given = about.iter();
    let index: Vec<&str> = action
        .index_parts
        .iter()
        .map(|part| match part {
            IndexPart::Literal { value } => value,
            _ => given.next().copied().unwrap_or("0"),
        })
        .collect();
    serde_json::to_vec(&index).expect("a list of texts is JSON")
}

/// Writes several things of one kind, in one patch.
fn write_all(phone: &mut Handset, state: &mut State, action: &Schema, changes: &[Change]) -> Result<()> {
    let name = action.collection.as_str();
    read(phone, state, name);
    let (key_id, key) = phone.keys.app_state_key();
    let keys = expand_app_state_keys(&key);
    let schema = i32::try_from(action.version).unwrap_or_default();
    let mutation = |change: &Change| {
        let operation = if change.value.is_some() { SyncdOperation::SET } else { SyncdOperation::REMOVE };
        let value = change.value.clone().unwrap_or_default();
        let value = wa::SyncActionValue { timestamp: i64::try_from(crate::now_ms()).ok(), ..value };
        let iv: [u8; 16] = rand::rng().random();
        encode_record(operation, &index(action, &change.about), &value, &keys, &key_id, &iv, schema).0
    };
    let mutations: Vec<wa::SyncdMutation> = changes.iter().map(mutation).collect();

    let known = phone.app_state.collections.entry(name.to_owned()).or_default();
    let version = known.hash.version;
    let mut hash = known.hash.clone();
    let before = |index: &[u8], _| Ok(known.entries.get(index).map(|entry| entry.mac.clone()));
    let (_, counted) = hash.update_hash(&mutations, before);
    counted.map_err(|_| Error::Refused(500))?;
    hash.version = version + 1;
    let mut patch = wa::SyncdPatch {
        version: MessageField::some(wa::SyncdVersion { version: Some(hash.version) }),
        mutations,
        snapshot_mac: Some(hash.generate_snapshot_mac(name, &keys.snapshot_mac)),
        key_id: MessageField::some(wa::KeyId { id: Some(key_id.to_vec()) }),
        ..Default::default()
    };
    patch.patch_mac = Some(generate_patch_mac(&patch, name, &keys.patch_mac, hash.version));
    let collection = node("collection")
        .attr("name", name)
        .attr("version", version)
        .attr("return_snapshot", "false")
        .children([node("patch").bytes(patch.encode_to_vec()).build()]);
    let answer = question(phone, state, "set", collection.build());
    let verdict = answer.as_ref().and_then(|answer| answer.child("sync")?.child("collection"));
    if let Some(error) = verdict.and_then(|collection| collection.child("error")) {
        return Err(Error::Refused(error.text("code").and_then(|code| code.parse().ok()).unwrap_or(500)));
    }
    // It follows its own word as it follows others'.
    read(phone, state, name);
    Ok(())
}

#[cfg(test)]
mod tests;
