//! Messages: relayed to each device they were encrypted for, acknowledged to the sender with the server's time.

use wacore_binary::{Jid, Node, Server};

use super::{
    fan_out, newsletter,
    read::{Read as _, node},
};
use crate::{
    account::{Account, Number},
    device::DeviceId,
    faults::RESTRICTED,
    newsletter::act as newsletter_act,
    privacy,
    state::State,
};

/// One message may be encrypted for this many devices.
const COPIES_MAX: usize = 2_048;

/// A refusal's code in the ack.
pub(super) struct Refused(pub u16);

/// Ciphertext for one device.
struct Copy {
    to: Jid,
    enc: Vec<Node>,
}

pub(crate) fn receive(state: &mut State, from: DeviceId, message: Node) {
    let (Some(id), Some(to)) = (message.text("id"), message.jid("to")) else {
        state.counters.count("message refused: no id or addressee");
        return;
    };
    let mut ack =
        node("ack").attr("class", "message").attr("id", id.as_str()).attr("from", &to).attr("t", crate::now());
    if to.server == Server::Newsletter {
        let posted = state.faults.refuse_message(from).map_or(Ok(()), |code| Err(newsletter_act::Refused(code)));
        let ack = match posted.and_then(|()| newsletter::post(state, from, &id, &to, &message)) {
            Ok(server_id) => ack.attr("server_id", server_id),
            Err(refused) => {
                state.counters.count(format!("message refused: {}", refused.0));
                ack.attr("error", refused.0)
            }
        };
        state.tell(from, ack.build());
        return;
    }
    match relay(state, from, &id, &to, &message) {
        Ok(phash) => {
            state.counters.count("message");
            if let Some(phash) = phash {
                ack = ack.attr("phash", phash);
            }
        }
        Err(Refused(code)) => {
            state.counters.count(format!("message refused: {code}"));
            ack = ack.attr("error", code);
        }
    }
    state.tell(from, ack.build());
}

/// The hash of the device list that the sender should have used, if it used another.
fn relay(state: &mut State, from: DeviceId, id: &str, to: &Jid, message: &Node) -> Result<Option<String>, Refused> {
    if let Some(code) = state.faults.refuse_message(from) {
        return Err(Refused(code));
    }
    if matches!(to.server, Server::Group | Server::Broadcast) {
        return fan_out::relay(state, from, id, to, message);
    }
    let sender = state.accounts.get(&from.number).cloned().ok_or(Refused(401))?;
    let addressee = state.account_of(to).cloned().ok_or(Refused(404))?;
    let stranger = addressee.number != sender.number && !state.peers(sender.number).contains(&addressee.number);
    if stranger && state.faults.is_restricted(from) {
        return Err(Refused(RESTRICTED));
    }
    let heard = privacy::shows(state, addressee.number, "messages", sender.number);
    let copies = copies(message, to)?;
    let mut reached = vec![from];
    for copy in copies {
        // A device that was unlinked meanwhile is passed over: the hash in the ack tells the sender.
        let Some(device) = state.device_of(&copy.to) else { continue };
        if device.number != addressee.number && device.number != sender.number {
            return Err(Refused(400));
        }
        reached.push(device);
        // It is taken, and goes nowhere: the sender is not told by whom it is not heard.
        if !heard && device.number == addressee.number {
            continue;
        }
        let stanza = addressed(message, from, &sender, &addressee, device, to, &copy, id);
        state.deliver(device, stanza);
    }
    state.remember_peers(sender.number, addressee.number);
    Ok(message.text("phash").and_then(|claimed| stale_hash(state, &sender, &addressee, to, &claimed)))
}

fn copies(message: &Node, to: &Jid) -> Result<Vec<Copy>, Refused> {
    let enc = |node: &Node| -> Vec<Node> { node.nodes().iter().filter(|child| child.tag == "enc").cloned().collect() };
    let mut copies = Vec::new();
    for participant in message.child("participants").map(|p| p.nodes()).unwrap_or_default() {
        copies.push(Copy { to: participant.jid("jid").ok_or(Refused(400))?, enc: enc(participant) });
    }
    let direct = enc(message);
    if !direct.is_empty() {
        copies.push(Copy { to: to.clone(), enc: direct });
    }
    let sound = !copies.is_empty() && copies.len() <= COPIES_MAX && copies.iter().all(|copy| !copy.enc.is_empty());
    if sound { Ok(copies) } else { Err(Refused(400)) }
}

/// The stanza as one device gets it.
#[expect(clippy::too_many_arguments, reason = "each is a different part of the one envelope")]
fn addressed(
    message: &Node,
    from: DeviceId,
    sender: &Account,
    addressee: &Account,
    device: DeviceId,
    to: &Jid,
    copy: &Copy,
    id: &str,
) -> Node {
    let mut stanza = node("message")
        .attr("id", id)
        .attr("from", from.jid_like(sender, to))
        .attr("type", message.text("type").unwrap_or_else(|| "text".into()))
        .attr("t", crate::now())
        .attr("notify", sender.name.as_str());
    stanza = match to.server {
        Server::Lid => stanza.attr("addressing_mode", "lid").attr("sender_pn", sender.jid()),
        _ => stanza.attr("sender_lid", sender.lid_jid()),
    };
    for key in ["edit", "category", "push_priority"] {
        if let Some(value) = message.text(key) {
            stanza = stanza.attr(key, value);
        }
    }
    // An own device is told whom the message is for.
    if device.number == sender.number && message.text("category").as_deref() != Some("peer") {
        stanza = match to.server {
            Server::Lid => stanza.attr("recipient", addressee.lid_jid()).attr("peer_recipient_pn", addressee.jid()),
            _ => stanza.attr("recipient", addressee.jid()).attr("peer_recipient_lid", addressee.lid_jid()),
        };
    }
    let mut children = copy.enc.clone();
    for child in message.nodes() {
        let own_business = matches!(child.tag.as_ref(), "participants" | "enc" | "tctoken" | "cstoken");
        let proof = child.tag == "device-identity";
        // The proof of identity is wanted where a session begins.
        let begins = copy.enc.iter().any(|enc| enc.text("type").as_deref() == Some("pkmsg"));
        if !own_business && (!proof || begins) {
            children.push(child.clone());
        }
    }
    stanza.children(children).build()
}

fn stale_hash(state: &State, sender: &Account, addressee: &Account, to: &Jid, claimed: &str) -> Option<String> {
    let of = |number: Number, account: &Account| -> Vec<Jid> {
        state.devices_of(number).map(|(id, _)| id.jid_like(account, to)).collect()
    };
    let mut devices = of(addressee.number, addressee);
    if sender.number != addressee.number {
        devices.extend(of(sender.number, sender));
    }
    let hash = wacore::messages::MessageUtils::participant_list_hash(&devices).ok()?;
    (hash != claimed).then_some(hash)
}
