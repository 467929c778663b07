//! Calls: who is rung, and what the two ends tell each other. The server knows nothing of the sound but by which relay it
//! goes, which it tells each device.

mod group;

use wacore_binary::{Jid, Node, Server};

use super::read::{Read as _, node};
use crate::{account::Account, calls::Ongoing, device::DeviceId, faults::RESTRICTED, privacy, state::State};

/// What an offer has to hold, in this order; a client that mixes it up is refused.
const OFFER: [(&[&str], bool); 8] = [
    (&["privacy"], false),
    (&["audio"], true),
    (&["video"], false),
    (&["net"], true),
    (&["capability"], false),
    (&["destination", "enc"], true),
    (&["encopt"], true),
    (&["device-identity"], false),
];
const OUT_OF_ORDER: u16 = 439;
const CALL_ID_MAX: usize = 64;
/// What devices that are rung are told of the caller's client.
const VERSION: &str = "2.26.1.5";

struct Refused(u16);

pub(crate) fn receive(state: &mut State, from: DeviceId, stanza: &Node) {
    let Some(to) = stanza.jid("to") else {
        state.counters.count("call refused: no addressee");
        return;
    };
    let Some(action) = stanza.nodes().first() else {
        state.counters.count("call refused: empty");
        return;
    };
    let kind = action.tag.to_string();
    let id = stanza.text("id");
    // Without an id there can be no answer, and what must be answered goes nowhere.
    let quiet = matches!(kind.as_str(), "transport" | "relaylatency" | "mute_v2");
    if id.is_none() && !quiet {
        state.counters.count(format!("call refused: {kind} without id"));
        return;
    }
    let done = match kind.as_str() {
        "heartbeat" => Ok(Vec::new()),
        _ if group::concerns(state, &to, action) => group::receive(state, from, &to, stanza, action),
        "offer" => offer(state, from, &to, stanza, action).map(Vec::from_iter),
        _ => pass(state, from, &to, stanza, action).map(Vec::from_iter),
    };
    let Some(id) = id else { return };
    let mut ack = node("ack")
        .attr("class", "call")
        .attr("type", kind.as_str())
        .attr("id", id)
        .attr("from", &to)
        .attr("t", crate::now());
    match done {
        Ok(more) => {
            state.counters.count(format!("call {kind}"));
            ack = ack.children(more);
        }
        Err(Refused(code)) => {
            state.counters.count(format!("call refused: {kind} {code}"));
            ack = ack.attr("error", code);
        }
    }
    state.tell(from, ack.build());
}

fn offer(state: &mut State, from: DeviceId, to: &Jid, stanza: &Node, offer: &Node) -> Result<Option<Node>, Refused> {
    in_order(offer)?;
    let caller = state.accounts.get(&from.number).cloned().ok_or(Refused(401))?;
    let id = offer.text("call-id").filter(|id| !id.is_empty() && id.len() <= CALL_ID_MAX).ok_or(Refused(400))?;
    // Nobody calls in another's name; keys follow from the LIDs.
    let own = from.lid_jid(&caller);
    if offer.jid("call-creator").is_none_or(|creator| creator != own) || to.server != Server::Lid {
        return Err(Refused(400));
    }
    let callee = state.account_of(to).cloned().ok_or(Refused(404))?;
    if callee.number == caller.number {
        return Err(Refused(400));
    }
    let stranger = !state.peers(caller.number).contains(&callee.number);
    if stranger && state.faults.is_restricted(from) {
        return Err(Refused(RESTRICTED));
    }
    let rung: Vec<DeviceId> = state.devices_of(callee.number).map(|(id, _)| id).collect();
    if !state.calls.begin(&id, Ongoing { caller: from, callee: callee.number, answered: None }) {
        return Err(Refused(400));
    }
    let seats = std::iter::once(own.to_string()).chain(rung.iter().map(|device| device.lid_jid(&callee).to_string()));
    if !state.relay.seat(&id, seats) {
        state.calls.end(&id);
        return Err(Refused(503));
    }
    // It is taken, and rings nowhere: the caller is not told by whom it is not heard.
    if privacy::shows(state, callee.number, "calladd", caller.number) {
        for device in rung {
            let told = rings(state, from, &caller, &callee, device, stanza, offer, &id);
            state.deliver(device, told);
        }
    } else {
        state.counters.count("call not shown");
    }
    state.remember_peers(caller.number, callee.number);
    Ok(state.relay.told(&id, &own.to_string()))
}

fn in_order(offer: &Node) -> Result<(), Refused> {
    let mut children = offer.nodes().iter().map(|child| child.tag.to_string()).peekable();
    for (tags, needed) in OFFER {
        let is = |tag: &String| tags.contains(&tag.as_str());
        let mut found = false;
        while children.next_if(is).is_some() {
            found = true;
        }
        if needed && !found {
            return Err(Refused(OUT_OF_ORDER));
        }
    }
    if children.next().is_some() { Err(Refused(OUT_OF_ORDER)) } else { Ok(()) }
}

/// The offer as one device gets it: with the key that was sealed for it, if one was, and what leads it to the relay.
#[expect(clippy::too_many_arguments, reason = "each is a different part of the one envelope")]
fn rings(
    state: &State,
    from: DeviceId,
    caller: &Account,
    callee: &Account,
    device: DeviceId,
    stanza: &Node,
    offer: &Node,
    id: &str,
) -> Node {
    let own = device.lid_jid(callee);
    let sealed = match offer.child("destination") {
        Some(all) => {
            let copy = all.nodes().iter().find(|copy| copy.jid("jid").is_some_and(|jid| jid == own));
            copy.and_then(|copy| copy.child("enc"))
        }
        // For the one device there was when it was sealed.
        None => offer.child("enc").filter(|_| device.is_phone()),
    };
    let begins = sealed.is_some_and(|enc| enc.text("type").as_deref() == Some("pkmsg"));
    let mut children = Vec::new();
    for child in offer.nodes() {
        match child.tag.as_ref() {
            "privacy" => {}
            "destination" | "enc" => children.extend(sealed.cloned()),
            "device-identity" if !begins => {}
            _ => children.push(child.clone()),
        }
    }
    children.extend(state.relay.told(id, &own.to_string()));
    let offer = node("offer")
        .attr("call-id", id)
        .attr("call-creator", from.lid_jid(caller))
        .attr("caller_pn", caller.jid())
        .attr("device_class", "2016")
        .attr("joinable", "0")
        .children(children)
        .build();
    envelope(from, caller, stanza).attr("e", "0").children([offer]).build()
}

fn envelope(from: DeviceId, sender: &Account, stanza: &Node) -> wacore_binary::builder::NodeBuilder {
    let mut envelope = node("call")
        .attr("from", from.lid_jid(sender))
        .attr("t", crate::now())
        .attr("notify", sender.name.as_str())
        .attr("platform", if from.is_phone() { "android" } else { "web" })
        .attr("version", VERSION);
    if let Some(id) = stanza.text("id") {
        envelope = envelope.attr("id", id);
    }
    envelope
}

/// What is told between the two ends.
fn pass(state: &mut State, from: DeviceId, to: &Jid, stanza: &Node, action: &Node) -> Result<Option<Node>, Refused> {
    let sender = state.accounts.get(&from.number).cloned().ok_or(Refused(401))?;
    let id = action.text("call-id").ok_or(Refused(400))?;
    // A call that is over, or never was: what is said of it is taken, and nobody is told.
    let Some(call) = state.calls.get(&id) else { return Ok(None) };
    let (caller, callee, answered) = (call.caller, call.callee, call.answered);
    let told = state.account_of(to).map(|account| account.number).ok_or(Refused(404))?;
    let calls = from == caller;
    let takes_part = (calls && told == callee) || (from.number == callee && told == caller.number);
    if !takes_part {
        return Err(Refused(403));
    }
    let reason = action.text("reason").unwrap_or_default();
    let elsewhere = reason.ends_with("_elsewhere");
    match action.tag.as_ref() {
        "accept" if !calls && !state.calls.answer(&id, from) => return Ok(None),
        // Who did not get it cannot end it.
        "terminate" | "reject" if !calls && answered.is_some_and(|answered| answered != from) => return Ok(None),
        _ => {}
    }
    let addressed = DeviceId { number: told, device: to.device };
    let devices: Vec<DeviceId> = if !calls {
        vec![caller]
    } else if elsewhere || addressed.device != 0 {
        vec![addressed]
    } else if let Some(answered) = answered {
        vec![answered]
    } else {
        state.devices_of(callee).map(|(id, _)| id).collect()
    };
    let stanza = envelope(from, &sender, stanza).children([action.clone()]).build();
    for device in devices {
        if stanza.text("id").is_some() {
            state.deliver(device, stanza.clone());
        } else {
            state.tell(device, stanza.clone());
        }
    }
    let busy = action.tag == "reject" && reason == "busy";
    if matches!(action.tag.as_ref(), "terminate" | "reject") && !elsewhere && !busy {
        // The other devices of the callee are told by the caller's client.
        let rings_on = action.tag == "reject";
        state.relay.close(&id);
        if !rings_on {
            state.calls.end(&id);
        }
    }
    Ok(None)
}

/// A device says that it got an offer.
pub(crate) fn receipt(state: &mut State, from: DeviceId, receipt: &Node) {
    let (Some(id), Some(to)) = (receipt.text("id"), receipt.jid("to")) else { return };
    state.acknowledged(from, "call", &id);
    let ack = node("ack").attr("class", "receipt").attr("id", id).attr("from", to).attr("t", crate::now());
    state.tell(from, ack.build());
}
