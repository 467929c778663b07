//! `xmlns="w:sync:app:state"`: versioned collections of what a person set on one device for all of them. The network
//! cannot read them; it keeps the patches and counts.

use std::collections::BTreeMap;

use buffa::{Message as _, MessageField};
use wacore_binary::Node;
use waproto::whatsapp as wa;

use super::read::{Read as _, node, refusal, result};
use crate::{account::Number, device::DeviceId, journal::Tables, state::State};

const COLLECTION: &str = "collection";
const NAMES: [&str; 5] = ["critical_block", "critical_unblock_low", "regular_high", "regular", "regular_low"];
/// Patches sent in one answer; the rest is asked for with the version then reached.
const PATCHES_MAX: usize = 50;

/// Patches by account and name; the first has version 1.
#[derive(Default)]
pub(crate) struct Collections(BTreeMap<(Number, String), Vec<Vec<u8>>>);

impl Collections {
    pub fn restore(tables: &Tables) -> Self {
        let mut collections = Self::default();
        // Keys sort by number, name and version, so the patches come in order.
        for (key, patch) in tables.get(COLLECTION).into_iter().flatten() {
            let Some((number, name, _)) = parse_row(key) else { continue };
            collections.0.entry((number, name)).or_default().push(patch.clone());
        }
        collections
    }

    fn version(&self, number: Number, name: &str) -> u64 {
        self.0.get(&(number, name.to_owned())).map_or(0, |patches| patches.len() as u64)
    }

    fn after(&self, number: Number, name: &str, version: u64) -> &[Vec<u8>] {
        let patches = self.0.get(&(number, name.to_owned())).map(Vec::as_slice).unwrap_or_default();
        patches.get(usize::try_from(version).unwrap_or(usize::MAX)..).unwrap_or_default()
    }
}

pub(crate) fn is_empty(state: &State, number: Number, name: &str) -> bool {
    state.collections.version(number, name) == 0
}

fn row(number: Number, name: &str, version: u64) -> Vec<u8> {
    [number.key().as_slice(), name.as_bytes(), &[0], &version.to_be_bytes()].concat()
}

fn parse_row(key: &[u8]) -> Option<(Number, String, u64)> {
    let (number, rest) = key.split_first_chunk::<8>()?;
    let (name, version) = rest.split_last_chunk::<8>()?;
    let name = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?;
    Some((Number::from_key(number)?, name.to_owned(), u64::from_be_bytes(*version)))
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
        collections.push(match collection.child("patch") {
            None => answer(state, from, &name, version, None),
            Some(patch) => match append(state, from, &name, version, &patch.content()) {
                Ok(version) => {
                    changed.push((name.clone(), version));
                    node("collection").attr("name", name).attr("version", version).build()
                }
                Err((code, text)) => answer(state, from, &name, version, Some((code, text))),
            },
        });
    }
    for (name, version) in changed {
        announce(state, from, &name, version);
    }
    result(id, [node("sync").children(collections).build()])
}

fn answer(state: &State, from: DeviceId, name: &str, version: u64, error: Option<(u16, &str)>) -> Node {
    let missing = state.collections.after(from.number, name, version);
    let sent = &missing[..missing.len().min(PATCHES_MAX)];
    let mut collection = node("collection").attr("name", name).attr("version", version + sent.len() as u64);
    if missing.len() > sent.len() {
        collection = collection.attr("has_more_patches", "true");
    }
    let mut children = Vec::new();
    if let Some((code, text)) = error {
        collection = collection.attr("type", "error");
        children.push(node("error").attr("code", code).attr("text", text).build());
    }
    if !sent.is_empty() {
        children.push(
            node("patches").children(sent.iter().map(|patch| node("patch").bytes(patch.clone()).build())).build(),
        );
    }
    collection.children(children).build()
}

/// The version that the patch made. Refused when it was not built on the newest one.
fn append(
    state: &mut State,
    from: DeviceId,
    name: &str,
    version: u64,
    patch: &[u8],
) -> Result<u64, (u16, &'static str)> {
    if version != state.collections.version(from.number, name) {
        return Err((409, "conflict"));
    }
    let mut patch = wa::SyncdPatch::decode_from_slice(patch).map_err(|_| (400, "bad-request"))?;
    patch.version = MessageField::some(wa::SyncdVersion { version: Some(version + 1) });
    let bytes = patch.encode_to_vec();
    state.journal.put(COLLECTION, &row(from.number, name, version), &bytes);
    state.collections.0.entry((from.number, name.to_owned())).or_default().push(bytes);
    Ok(version + 1)
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
