//! `xmlns="w:sync:app:state"`: devices read and write what their person set for all of them.

use std::io;

use buffa::Message as _;
use wacore::download::MediaType;
use wacore_binary::Node;
use waproto::whatsapp as wa;

use super::read::{Read as _, node, refusal, result};
use crate::{
    account::Number,
    collections::{NAMES, Refused},
    device::DeviceId,
    media::Sealed,
    state::State,
};

/// Patches sent in one answer; the rest is asked for with the version then reached.
const PATCHES_MAX: usize = 50;

pub(crate) fn is_empty(state: &State, number: Number, name: &str) -> bool {
    state.collections.version(number, name) == 0
}

pub(crate) fn sync(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let Some(sync) = iq.child("sync") else { return refusal(id, 400, "bad-request") };
    let mut collections = Vec::new();
    let mut changed = Vec::new();
    for collection in sync.nodes().iter().filter(|child| child.tag == "collection") {
        let Some(name) = collection.text("name").filter(|name| NAMES.contains(&name.as_str())) else {
            return refusal(id, 400, "bad-request");
        };
        let version = collection.text("version").and_then(|version| version.parse().ok()).unwrap_or(0);
        collections.push(match collection.child("patch").map(|patch| patch.content()) {
            None => {
                let whole = version == 0 && collection.text("return_snapshot").as_deref() == Some("true");
                match whole || state.collections.after(from.number, &name, version).is_none() {
                    true => whole_collection(state, from, &name),
                    false => patches(state, from, &name, version, None),
                }
            }
            Some(patch) => match state.collections.append(from.number, &name, version, &patch, &state.journal) {
                Ok(version) => {
                    changed.push((name.clone(), version));
                    node("collection").attr("name", name).attr("version", version).build()
                }
                Err(refused) => patches(state, from, &name, version, Some(refused)),
            },
        });
    }
    for (name, version) in changed {
        announce(state, from, &name, version);
    }
    result(id, [node("sync").children(collections).build()])
}

fn patches(state: &State, from: DeviceId, name: &str, version: u64, refused: Option<Refused>) -> Node {
    let missing = state.collections.after(from.number, name, version).unwrap_or_default();
    let sent = &missing[..missing.len().min(PATCHES_MAX)];
    let reached = version + u64::try_from(sent.len()).unwrap_or_default();
    let mut collection = node("collection").attr("name", name).attr("version", reached);
    if missing.len() > sent.len() {
        collection = collection.attr("has_more_patches", "true");
    }
    let mut children = Vec::new();
    if let Some((code, text)) = refused {
        collection = collection.attr("type", "error");
        children.push(node("error").attr("code", code).attr("text", text).build());
    }
    if !sent.is_empty() {
        let patches = sent.iter().map(|patch| node("patch").bytes(patch.to_vec()).build());
        children.push(node("patches").children(patches).build());
    }
    collection.children(children).build()
}

/// As a file on the media host: a collection may be large.
fn whole_collection(state: &State, from: DeviceId, name: &str) -> Node {
    let version = state.collections.version(from.number, name);
    let collection = node("collection").attr("name", name).attr("version", version);
    let Some(snapshot) = state.collections.snapshot(from.number, name) else { return collection.build() };
    match reference(state, &snapshot) {
        Ok(reference) => collection.children([node("snapshot").bytes(reference.encode_to_vec()).build()]).build(),
        Err(error) => {
            tracing::error!(%error, "a collection could not be put on the media host");
            let error = node("error").attr("code", 500).attr("text", "internal-server-error").build();
            collection.attr("type", "error").children([error]).build()
        }
    }
}

fn reference(state: &State, snapshot: &wa::SyncdSnapshot) -> io::Result<wa::ExternalBlobReference> {
    let bytes = snapshot.encode_to_vec();
    let Sealed { key, direct_path, plain_sha256, sealed_sha256, .. } = state.media.seal(&bytes, MediaType::AppState)?;
    Ok(wa::ExternalBlobReference {
        media_key: Some(key),
        direct_path: Some(direct_path),
        file_size_bytes: Some(bytes.len() as u64),
        file_sha256: Some(plain_sha256),
        file_enc_sha256: Some(sealed_sha256),
        ..Default::default()
    })
}

fn announce(state: &mut State, from: DeviceId, name: &str, version: u64) {
    let others: Vec<DeviceId> = state.devices_of(from.number).map(|(id, _)| id).filter(|id| *id != from).collect();
    for device in others {
        let id = state.random_id();
        let collection = node("collection").attr("name", name).attr("version", version).build();
        let notification = node("notification")
            .attr("from", wacore_binary::SERVER_JID)
            .attr("type", "server_sync")
            .attr("id", id)
            .attr("t", crate::now())
            .children([collection]);
        state.deliver(device, notification.build());
    }
}
