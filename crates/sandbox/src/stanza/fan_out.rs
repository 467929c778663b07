//! Messages to many: groups, and lists of people such as those who see a status. One ciphertext for all, and the key to
//! it for each device that does not have it yet.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use wacore_binary::{Jid, Node, Server};

use super::{
    message::Refused,
    read::{Read as _, node},
};
use crate::{
    account::{Account, Number},
    device::DeviceId,
    group::GroupId,
    state::State,
};

/// One message may carry keys for this many devices, and go to as many people on a list.
const COPIES_MAX: usize = 16_384;
/// Messages to lists that are remembered; repetitions of older ones go to everybody again.
const POSTED_MAX: usize = 10_000;

/// Which messages went to lists. Only a message itself says who is on its list, and one that is sealed again for a
/// single device must not reach the rest of the list again.
#[derive(Default)]
pub(crate) struct Posted {
    known: HashSet<(DeviceId, String)>,
    order: VecDeque<(DeviceId, String)>,
}

impl Posted {
    /// False: it was there before.
    fn add(&mut self, from: DeviceId, id: &str) -> bool {
        let entry = (from, id.to_owned());
        if !self.known.insert(entry.clone()) {
            return false;
        }
        self.order.push_back(entry);
        if self.order.len() > POSTED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// A message, taken apart.
struct Letter<'a> {
    message: &'a Node,
    /// For single devices.
    copies: BTreeMap<DeviceId, Vec<Node>>,
    /// For everybody.
    shared: Vec<Node>,
    /// Who is named as a reader.
    people: BTreeSet<Number>,
}

pub(super) fn relay(
    state: &mut State,
    from: DeviceId,
    id: &str,
    to: &Jid,
    message: &Node,
) -> Result<Option<String>, Refused> {
    let sender = state.accounts.get(&from.number).cloned().ok_or(Refused(401))?;
    let letter = take_apart(state, message)?;
    let envelope = envelope(from, &sender, id, to, message);
    if to.server == Server::Broadcast {
        let posted = state.posted.add(from, id);
        let mut readers: BTreeSet<DeviceId> = letter.copies.keys().copied().collect();
        if posted {
            let devices = letter.people.iter().flat_map(|number| state.devices_of(*number).map(|(id, _)| id));
            readers.extend(devices);
        }
        // Whom somebody blocked cannot show them anything.
        readers.retain(|reader| {
            !state.accounts.get(&reader.number).is_some_and(|reader| reader.blocked.contains(&from.number))
        });
        deliver(state, from, &letter, &envelope, readers);
        return Ok(None);
    }
    let keys = letter.copies.len();
    let group = GroupId::of(to).and_then(|id| state.groups.get(id)).ok_or(Refused(404))?;
    let member = group.members.get(&from.number).ok_or(Refused(401))?;
    if group.announce && !member.role.is_admin() {
        return Err(Refused(403));
    }
    // In a community nothing is said but in its groups.
    if group.community.is_some() {
        return Err(Refused(405));
    }
    // A sender who takes the group for one that goes by numbers has the wrong keys and names.
    if message.text("addressing_mode").as_deref() == Some("pn") {
        return Err(Refused(421));
    }
    let devices = state.group_devices(group);
    let stale = message.text("phash").and_then(|claimed| stale_hash(state, &devices, &claimed));
    if message.jid("participant").is_some() {
        // Sealed again, for one device that asked.
        let readers = devices.into_iter().filter(|device| letter.copies.contains_key(device));
        deliver(state, from, &letter, &envelope, readers);
        return Ok(None);
    }
    if letter.shared.is_empty() {
        return Err(Refused(400));
    }
    deliver(state, from, &letter, &envelope, devices);
    state.counters.add("group key", keys);
    Ok(stale)
}

fn take_apart<'a>(state: &State, message: &'a Node) -> Result<Letter<'a>, Refused> {
    let enc = |node: &Node| -> Vec<Node> { node.nodes().iter().filter(|child| child.tag == "enc").cloned().collect() };
    let listed = message.child("participants").map(|list| list.nodes()).unwrap_or_default();
    if listed.len() > COPIES_MAX {
        return Err(Refused(400));
    }
    let mut letter = Letter { message, copies: BTreeMap::new(), shared: enc(message), people: BTreeSet::new() };
    for reader in listed {
        let jid = reader.jid("jid").ok_or(Refused(400))?;
        // Somebody who is gone is passed over.
        let Some(number) = state.account_of(&jid).map(|account| account.number) else { continue };
        letter.people.insert(number);
        let sealed = enc(reader);
        if !sealed.is_empty() {
            letter.copies.insert(DeviceId { number, device: jid.device }, sealed);
        }
    }
    if let Some(reader) = message.jid("participant") {
        let device = state.device_of(&reader).ok_or(Refused(404))?;
        letter.copies.insert(device, std::mem::take(&mut letter.shared));
    }
    if letter.shared.is_empty() && letter.copies.is_empty() {
        return Err(Refused(400));
    }
    Ok(letter)
}

/// What is the same for all readers. People in groups, and behind a status, go by LID.
fn envelope(from: DeviceId, sender: &Account, id: &str, to: &Jid, message: &Node) -> Node {
    let mut envelope = node("message")
        .attr("id", id)
        .attr("from", to)
        .attr("participant", from.lid_jid(sender))
        .attr("participant_pn", sender.jid())
        .attr("type", message.text("type").unwrap_or_else(|| "text".into()))
        .attr("t", crate::now())
        .attr("notify", sender.name.as_str());
    if to.server == Server::Group {
        envelope = envelope.attr("addressing_mode", "lid");
    }
    if let Some(edit) = message.text("edit") {
        envelope = envelope.attr("edit", edit);
    }
    envelope.build()
}

fn deliver(
    state: &mut State,
    from: DeviceId,
    letter: &Letter<'_>,
    envelope: &Node,
    readers: impl IntoIterator<Item = DeviceId>,
) {
    let mut rest = Vec::new();
    let mut proof = None;
    for child in letter.message.nodes() {
        match child.tag.as_ref() {
            "participants" | "enc" => {}
            // Who is allowed to see a status is between its author and the server.
            "meta" if child.text("status_setting").is_some() => {}
            "device-identity" => proof = Some(child),
            _ => rest.push(child),
        }
    }
    for reader in readers {
        if reader == from || !state.devices.contains_key(&reader) {
            continue;
        }
        let copy = letter.copies.get(&reader).map(Vec::as_slice).unwrap_or_default();
        let begins = copy.iter().any(|enc| enc.text("type").as_deref() == Some("pkmsg"));
        let children = copy.iter().chain(&letter.shared).chain(proof.filter(|_| begins)).chain(rest.iter().copied());
        let content = wacore_binary::NodeContent::Nodes(children.cloned().collect());
        state.deliver(reader, Node { content: Some(content), ..envelope.clone() });
    }
}

/// The hash of the devices that the sender should have thought of, if it thought of others.
fn stale_hash(state: &State, devices: &[DeviceId], claimed: &str) -> Option<String> {
    let devices: Vec<Jid> = devices
        .iter()
        .filter_map(|device| state.accounts.get(&device.number).map(|account| device.lid_jid(account)))
        .collect();
    let hash = wacore::messages::MessageUtils::participant_list_hash(&devices).ok()?;
    (hash != claimed).then_some(hash)
}

/// What became of a message to many: told to who wrote it.
pub(super) fn receipt(state: &mut State, from: DeviceId, id: &str, to: &Jid, receipt: &Node) {
    let Some(reporter) = state.accounts.get(&from.number).cloned() else { return };
    let Some(author) = receipt.jid("participant") else {
        state.counters.count("receipt refused: no participant");
        return;
    };
    let Some(number) = state.account_of(&author).map(|account| account.number) else { return };
    let kind = receipt.text("type");
    let retry = matches!(kind.as_deref(), Some("retry" | "enc_rekey_retry"));
    let for_own = matches!(kind.as_deref(), Some("read-self" | "played-self"));
    // Who is not in the group has nothing to do with its messages.
    if let Some(group) = GroupId::of(to).and_then(|id| state.groups.get(id))
        && !(group.members.contains_key(&from.number) && (group.members.contains_key(&number) || for_own))
    {
        state.counters.count("receipt refused: not in the group");
        return;
    }
    let targets: Vec<DeviceId> = if retry {
        state.device_of(&author).into_iter().collect()
    } else if for_own {
        state.devices_of(from.number).map(|(id, _)| id).filter(|id| *id != from).collect()
    } else if number == from.number {
        // Its own devices report to the server alone.
        Vec::new()
    } else if matches!(kind.as_deref(), Some("read" | "played")) {
        // The person's other devices show it as read, too.
        let own = state.devices_of(from.number).map(|(id, _)| id).filter(|id| *id != from);
        own.chain(state.devices_of(number).map(|(id, _)| id)).collect()
    } else {
        state.devices_of(number).map(|(id, _)| id).collect()
    };
    let mut relayed = node("receipt").attr("id", id).attr("from", to).attr("t", crate::now());
    // To the person's own devices the author is who matters; to the author, the reader.
    relayed = if for_own {
        relayed.attr("participant", author)
    } else {
        relayed.attr("participant", from.lid_jid(&reporter)).attr("participant_pn", reporter.jid())
    };
    for key in ["type", "category"] {
        if let Some(value) = receipt.text(key) {
            relayed = relayed.attr(key, value);
        }
    }
    let relayed = Node { content: receipt.content.clone(), ..relayed.build() };
    state.counters.count(format!("receipt {}", kind.as_deref().unwrap_or("delivery")));
    for target in targets {
        state.deliver(target, relayed.clone());
    }
}
