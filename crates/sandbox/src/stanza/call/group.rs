//! Calls of more than two: who is asked to join, who joins and who leaves. What is said in one is addressed to the call
//! itself, and the network tells all who are in it who that is, after each change.

use wacore_binary::{Jid, Node, Server};

use super::{CALL_ID_MAX, OUT_OF_ORDER, Refused, VERSION, envelope};
use crate::{
    account::{Account, Number},
    device::DeviceId,
    faults::RESTRICTED,
    group::GroupId,
    group_calls::{GroupCall, MEMBERS_MAX, Member, Part},
    privacy,
    stanza::read::{Read as _, node},
    state::State,
};

/// What an offer to many, and one to join, has to hold, in this order.
const OFFER: [(&str, bool); 4] = [("audio", true), ("video", false), ("net", true), ("group_info", true)];
const INVITATION: [(&str, bool); 5] =
    [("audio", true), ("video", false), ("net", true), ("destination", true), ("group_info", true)];
/// A call of fewer is one of two.
const MEMBERS_MIN: usize = 3;
const ENDED: &str = "group_call_ended";

/// Whether it is about a call of many, or makes one.
pub(super) fn concerns(state: &State, to: &Jid, action: &Node) -> bool {
    to.server == Server::Call
        || action.child("group_info").is_some()
        || action.text("call-id").is_some_and(|id| state.group_calls.get(&id).is_some())
}

pub(super) fn receive(
    state: &mut State,
    from: DeviceId,
    to: &Jid,
    stanza: &Node,
    action: &Node,
) -> Result<Vec<Node>, Refused> {
    let sender = state.accounts.get(&from.number).cloned().ok_or(Refused(401))?;
    let id = action.text("call-id").filter(|id| !id.is_empty() && id.len() <= CALL_ID_MAX).ok_or(Refused(400))?;
    let said = Said { from, sender: &sender, id: &id, stanza, action };
    let kind = action.tag.as_ref();
    if to.server == Server::Call && to.user.as_str() != id {
        return Err(Refused(400));
    }
    if kind == "offer" {
        return if to.server == Server::Call { offer(state, &said) } else { invite(state, &said, to) };
    }
    // A call that is over, or never was: what is said of it is taken, and nobody is told.
    let Some(call) = state.group_calls.get(&id) else { return Ok(Vec::new()) };
    let part = call.part(from.number).ok_or(Refused(403))?;
    match kind {
        "preaccept" => rings(state, &said, part),
        "accept" => join(state, &said, part)?,
        "reject" => decline(state, &said, part),
        "terminate" if to.server == Server::Call => leave(state, &said, part),
        "terminate" => dismiss(state, &said, to)?,
        "enc_rekey" => rekey(state, &said, to)?,
        _ if call.is_in(from) => to_others(state, &said),
        _ => return Err(Refused(403)),
    }
    Ok(Vec::new())
}

/// What a device says of a call.
struct Said<'a> {
    from: DeviceId,
    sender: &'a Account,
    id: &'a str,
    stanza: &'a Node,
    action: &'a Node,
}

fn in_order(offer: &Node, order: &[(&str, bool)]) -> Result<(), Refused> {
    let mut children = offer.nodes().iter().map(|child| child.tag.to_string()).peekable();
    for (tag, needed) in order {
        let mut found = false;
        while children.next_if(|next| next == tag).is_some() {
            found = true;
        }
        if *needed && !found {
            return Err(Refused(OUT_OF_ORDER));
        }
    }
    if children.next().is_some() { Err(Refused(OUT_OF_ORDER)) } else { Ok(()) }
}

/// A call to many begins: those who are named ring.
fn offer(state: &mut State, said: &Said<'_>) -> Result<Vec<Node>, Refused> {
    let Said { from, sender, id, action, .. } = *said;
    in_order(action, &OFFER)?;
    // Nobody calls in another's name.
    let own = from.lid_jid(sender);
    if action.jid("call-creator").is_none_or(|creator| creator != own) {
        return Err(Refused(400));
    }
    let users = action.child("group_info").map(Node::nodes).unwrap_or_default();
    if !(MEMBERS_MIN..=MEMBERS_MAX).contains(&users.len()) {
        return Err(Refused(400));
    }
    let group = match action.jid("group-jid") {
        Some(jid) => Some(GroupId::of(&jid).filter(|group| state.groups.get(*group).is_some()).ok_or(Refused(404))?),
        None => None,
    };
    let mut members: Vec<Member> = Vec::new();
    let mut capabilities = std::collections::BTreeMap::new();
    for user in users {
        let jid = user.jid("jid").filter(|jid| jid.server == Server::Lid && jid.device == 0).ok_or(Refused(400))?;
        let number = state.account_of(&jid).map(|account| account.number).ok_or(Refused(404))?;
        if members.iter().any(|member| member.number == number) || user.nodes().is_empty() {
            return Err(Refused(400));
        }
        is_member(state, group, number)?;
        for device in user.nodes() {
            let named = device.jid("jid").filter(|named| named.user == jid.user).ok_or(Refused(400))?;
            // A device that is gone by now rings no more.
            let known = state.device_of(&named);
            if let Some((known, capability)) = known.zip(device.child("capability")) {
                capabilities.insert(known, capability.clone());
            }
        }
        let calls = number == from.number;
        members.push(Member {
            number,
            part: if calls { Part::Connected } else { Part::Invited },
            devices: if calls { vec![from] } else { state.devices_of(number).map(|(id, _)| id).collect() },
        });
    }
    if members.iter().all(|member| member.number != from.number) {
        return Err(Refused(400));
    }
    let asked: Vec<Number> =
        members.iter().map(|member| member.number).filter(|number| *number != from.number).collect();
    let peers = state.peers(from.number);
    if group.is_none() && state.faults.is_restricted(from) && asked.iter().any(|number| !peers.contains(number)) {
        return Err(Refused(RESTRICTED));
    }
    let video = action.child("video").is_some();
    let call = GroupCall { creator: from, group, video, transaction: 1, members, capabilities };
    if state.calls.get(id).is_some() || !state.group_calls.begin(id, call) {
        return Err(Refused(400));
    }
    if !state.relay.seat(id, [own.to_string()]) {
        state.group_calls.end(id);
        return Err(Refused(503));
    }
    for number in asked {
        ring(state, said, number);
    }
    // Who calls makes the first key, though nobody is there yet to get it.
    let mut answer = vec![info(state, id, true, true).ok_or(Refused(400))?];
    answer.extend(state.relay.told_group(id, &own.to_string(), 1));
    Ok(answer)
}

/// In a group's call there is nobody but its members.
fn is_member(state: &State, group: Option<GroupId>, number: Number) -> Result<(), Refused> {
    let members = group.and_then(|group| state.groups.get(group)).map(|group| &group.members);
    if members.is_none_or(|members| members.contains_key(&number)) { Ok(()) } else { Err(Refused(403)) }
}

/// One who is in a call asks somebody to join. A call of two becomes one of many by that.
fn invite(state: &mut State, said: &Said<'_>, to: &Jid) -> Result<Vec<Node>, Refused> {
    let Said { from, id, action, .. } = *said;
    in_order(action, &INVITATION)?;
    let callee = state.account_of(to).filter(|_| to.server == Server::Lid).map(|account| account.number);
    let callee = callee.ok_or(Refused(404))?;
    if state.faults.is_restricted(from) && !state.peers(from.number).contains(&callee) {
        return Err(Refused(RESTRICTED));
    }
    let named: Vec<Jid> = action
        .child("destination")
        .map(Node::nodes)
        .unwrap_or_default()
        .iter()
        .filter_map(|device| device.jid("jid"))
        .collect();
    let devices: Vec<DeviceId> = named.iter().filter_map(|jid| state.device_of(jid)).collect();
    if devices.is_empty() || devices.iter().any(|device| device.number != callee) {
        return Err(Refused(400));
    }
    if state.group_calls.get(id).is_none() {
        widen(state, said, callee)?;
    }
    let call = state.group_calls.get(id).ok_or(Refused(404))?;
    let creator = state.accounts.get(&call.creator.number).map(|account| call.creator.lid_jid(account));
    if !call.is_in(from) {
        return Err(Refused(403));
    }
    if action.jid("call-creator") != creator {
        return Err(Refused(400));
    }
    is_member(state, call.group, callee)?;
    let part = call.part(callee);
    if part == Some(Part::Connected) || (part.is_none() && call.members.len() >= MEMBERS_MAX) {
        return Err(Refused(400));
    }
    let Some(call) = state.group_calls.get_mut(id) else { return Err(Refused(404)) };
    match call.member(callee) {
        Some(member) => (member.part, member.devices) = (Part::Invited, devices),
        None => call.members.push(Member { number: callee, part: Part::Invited, devices }),
    }
    changed(state, id, Why::Roster);
    ring(state, said, callee);
    Ok(Vec::new())
}

/// Makes a call of many of one of two, in which both ends stay where they are.
fn widen(state: &mut State, said: &Said<'_>, callee: Number) -> Result<(), Refused> {
    let Said { from, id, action, .. } = *said;
    let call = state.calls.get(id).ok_or(Refused(404))?;
    let (caller, answered) = (call.caller, call.answered.ok_or(Refused(403))?);
    if (from != caller && from != answered) || callee == caller.number || callee == answered.number {
        return Err(Refused(403));
    }
    if action.jid("call-creator") != creator_jid(state, caller) {
        return Err(Refused(400));
    }
    let two = [caller, answered];
    let members =
        two.iter().map(|device| Member { number: device.number, part: Part::Connected, devices: vec![*device] });
    // What the two can do, as the one who asks heard it of the other.
    let mut capabilities = std::collections::BTreeMap::new();
    let users = action.child("group_info").map(Node::nodes).unwrap_or_default();
    for device in users.iter().flat_map(|user| user.nodes()) {
        let known = device.jid("jid").and_then(|jid| state.device_of(&jid)).filter(|known| two.contains(known));
        if let Some((known, capability)) = known.zip(device.child("capability")) {
            capabilities.insert(known, capability.clone());
        }
    }
    let video = action.child("video").is_some();
    let call =
        GroupCall { creator: caller, group: None, video, transaction: 0, members: members.collect(), capabilities };
    if !state.group_calls.begin(id, call) {
        return Err(Refused(503));
    }
    // Until somebody joins, the two have the key that they have.
    state.calls.end(id);
    Ok(())
}

/// Offers a call to all of somebody's devices that are to ring.
fn ring(state: &mut State, said: &Said<'_>, number: Number) {
    let Said { from, sender, id, stanza, action } = *said;
    let Some(call) = state.group_calls.get(id) else { return };
    let Some(member) = call.members.iter().find(|member| member.number == number) else { return };
    let (devices, group, creator) = (member.devices.clone(), call.group, call.creator);
    // It rings nowhere, and who calls is not told so.
    if !privacy::shows(state, number, "calladd", from.number) {
        state.counters.count("call not shown");
        return;
    }
    let (Some(creator), Some(info)) = (creator_jid(state, creator), info(state, id, false, false)) else { return };
    let kept = |child: &&Node| matches!(child.tag.as_ref(), "audio" | "video" | "net");
    let children: Vec<Node> = action.nodes().iter().filter(kept).cloned().chain([info]).collect();
    let mut offer = node("offer")
        .attr("call-id", id)
        .attr("call-creator", creator)
        .attr("caller_pn", sender.jid())
        .attr("device_class", "2016")
        .attr("joinable", "1");
    if let Some(group) = group {
        offer = offer.attr("group-jid", group.jid());
    }
    let told = envelope(from, sender, stanza).attr("e", "0").children([offer.children(children).build()]).build();
    for device in devices {
        state.deliver(device, told.clone());
    }
    state.remember_peers(from.number, number);
}

fn creator_jid(state: &State, creator: DeviceId) -> Option<Jid> {
    state.accounts.get(&creator.number).map(|account| creator.lid_jid(account))
}

/// Who is in a call, and who was asked. `rekey` asks who gets it for a new key; where it stands alone it says of which call
/// it is.
fn info(state: &State, id: &str, rekey: bool, alone: bool) -> Option<Node> {
    let call = state.group_calls.get(id)?;
    let mut users = Vec::new();
    for member in &call.members {
        let account = state.accounts.get(&member.number)?;
        let devices = member.devices.iter().map(|device| {
            let jid = device.lid_jid(account);
            let mut told = node("device").attr("jid", &jid);
            if member.part == Part::Connected
                && let Some(pid) = state.relay.pid(id, &jid.to_string())
            {
                told = told.attr("pid", pid);
            }
            told = told.attr("platform", if device.is_phone() { "android" } else { "web" });
            told.children(call.capabilities.get(device).cloned()).build()
        });
        let user = node("user").attr("jid", account.lid_jid()).attr("user_pn", account.jid());
        users.push(user.attr("state", member.part.word()).children(devices).build());
    }
    let mut info = node("group_info")
        .attr("transaction-id", call.transaction)
        .attr("connected-limit", MEMBERS_MAX)
        .attr("media", if call.video { "video" } else { "audio" })
        .attr("joinable", "1")
        .attr("rekey", if rekey { "1" } else { "0" });
    if alone {
        info = info.attr("call-id", id).attr("call-creator", creator_jid(state, call.creator)?);
    }
    if let Some(group) = call.group {
        info = info.attr("group-jid", group.jid());
    }
    Some(info.children(users).build())
}

/// What changed of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Who is awaited.
    Roster,
    /// Who is in it: what is said from now on is sealed with a new key, which the one who made the call makes.
    Keys,
    /// One more is in it, and is told of the relay.
    Joined(DeviceId),
}

/// A stanza of a call, from the call itself, in the name of one of its devices.
fn of_call(state: &mut State, id: &str, device: DeviceId) -> Option<wacore_binary::builder::NodeBuilder> {
    let participant = creator_jid(state, device)?;
    let stanza = state.random_id();
    let told = node("call").attr("from", Jid::new(id, Server::Call)).attr("participant", participant);
    Some(told.attr("id", stanza).attr("t", crate::now()).attr("version", VERSION))
}

/// Tells all who are in it who that is now.
fn changed(state: &mut State, id: &str, why: Why) {
    let Some(call) = state.group_calls.get_mut(id) else { return };
    call.transaction += 1;
    let (creator, transaction, devices) = (call.creator, call.transaction, call.connected());
    for device in devices {
        let asked = device == creator && why != Why::Roster;
        let (Some(info), Some(envelope)) = (info(state, id, asked, false), of_call(state, id, creator)) else { return };
        let Some(by) = creator_jid(state, creator) else { return };
        let mut children = vec![info];
        if why == Why::Joined(device)
            && let Some(own) = creator_jid(state, device)
        {
            children.extend(state.relay.told_group(id, &own.to_string(), transaction));
        }
        let update = node("group_update").attr("call-id", id).attr("call-creator", by).children(children).build();
        state.deliver(device, envelope.children([update]).build());
    }
}

/// Passes on what one of the call's devices says to the others.
fn to_others(state: &mut State, said: &Said<'_>) {
    let others = state.group_calls.get(said.id).map(GroupCall::connected).unwrap_or_default();
    for device in others.into_iter().filter(|device| *device != said.from) {
        let Some(envelope) = of_call(state, said.id, said.from) else { return };
        state.deliver(device, envelope.children([said.action.clone()]).build());
    }
}

fn rings(state: &mut State, said: &Said<'_>, part: Part) {
    to_others(state, said);
    if part == Part::Invited {
        if let Some(member) = state.group_calls.get_mut(said.id).and_then(|call| call.member(said.from.number)) {
            member.part = Part::Ringing;
        }
        changed(state, said.id, Why::Roster);
    }
}

fn join(state: &mut State, said: &Said<'_>, part: Part) -> Result<(), Refused> {
    let Said { from, sender, id, action, .. } = *said;
    let Some(call) = state.group_calls.get_mut(id) else { return Ok(()) };
    if let Some(capability) = action.child("capability") {
        call.capabilities.insert(from, capability.clone());
    }
    if part == Part::Connected {
        // Said again, it has more of what the device can do. Another device of the account has it already otherwise.
        if call.is_in(from) {
            to_others(state, said);
        }
        return Ok(());
    }
    if !part.is_awaited() && part != Part::Left {
        return Err(Refused(403));
    }
    let own = from.lid_jid(sender);
    if !state.relay.seat_another(id, &own.to_string()) {
        return Err(Refused(503));
    }
    let Some(member) = call.member(from.number) else { return Ok(()) };
    member.part = Part::Connected;
    let others = std::mem::replace(&mut member.devices, vec![from]);
    let creator = call.creator;
    for device in others.into_iter().filter(|device| *device != from) {
        end(state, id, creator, device, "accepted_elsewhere");
    }
    to_others(state, said);
    changed(state, id, Why::Joined(from));
    Ok(())
}

/// Tells a device that the call is over for it.
fn end(state: &mut State, id: &str, creator: DeviceId, device: DeviceId, reason: &str) {
    let (Some(envelope), Some(by)) = (of_call(state, id, creator), creator_jid(state, creator)) else { return };
    let ended = node("terminate").attr("call-id", id).attr("call-creator", by).attr("reason", reason).build();
    state.deliver(device, envelope.children([ended]).build());
}

fn decline(state: &mut State, said: &Said<'_>, part: Part) {
    let Said { from, sender, id, stanza, action } = *said;
    if !part.is_awaited() {
        return;
    }
    let Some(call) = state.group_calls.get_mut(id) else { return };
    let (creator, connected) = (call.creator, call.connected());
    let busy = action.text("reason").as_deref() == Some("busy");
    let Some(member) = call.member(from.number) else { return };
    member.devices.retain(|device| *device != from);
    // A device that cannot take it speaks for itself alone.
    let rings_on = busy && !from.is_phone() && !member.devices.is_empty();
    let others = if rings_on { Vec::new() } else { std::mem::take(&mut member.devices) };
    if !rings_on {
        member.part = Part::Rejected;
        member.devices.push(from);
    }
    if action.tag == "reject" {
        let told = envelope(from, sender, stanza).children([action.clone()]).build();
        for device in connected {
            state.deliver(device, told.clone());
        }
    }
    for device in others {
        end(state, id, creator, device, "rejected_elsewhere");
    }
    if !rings_on {
        gone(state, id, Why::Roster);
    }
}

fn leave(state: &mut State, said: &Said<'_>, part: Part) {
    let Some(call) = state.group_calls.get(said.id) else { return };
    if said.from == call.creator {
        // Who made it takes it along: as far as is known, a client ends a call when that one does.
        over(state, said.id, Some(said.from));
        return;
    }
    if !call.is_in(said.from) {
        if part.is_awaited() {
            decline(state, said, part);
        }
        return;
    }
    depart(state, said.id, said.from);
}

/// Who made the call sends somebody away, or takes back that it rings there.
fn dismiss(state: &mut State, said: &Said<'_>, to: &Jid) -> Result<(), Refused> {
    let Said { from, id, action, .. } = *said;
    let Some(call) = state.group_calls.get_mut(id) else { return Ok(()) };
    let creator = call.creator;
    if from != creator {
        return Err(Refused(403));
    }
    let number = state.account_of(to).map(|account| account.number).filter(|number| *number != from.number);
    let number = number.ok_or(Refused(404))?;
    let Some(call) = state.group_calls.get_mut(id) else { return Ok(()) };
    let member = call.member(number).ok_or(Refused(404))?;
    let devices = member.devices.clone();
    let reason = action.text("reason").unwrap_or_else(|| ENDED.to_owned());
    match member.part {
        Part::Connected => {
            for device in devices {
                end(state, id, creator, device, &reason);
                depart(state, id, device);
            }
        }
        part if part.is_awaited() => {
            member.part = Part::Left;
            for device in devices {
                end(state, id, creator, device, &reason);
            }
            gone(state, id, Why::Roster);
        }
        _ => {}
    }
    Ok(())
}

fn depart(state: &mut State, id: &str, device: DeviceId) {
    if let Some(member) = state.group_calls.get_mut(id).and_then(|call| call.member(device.number)) {
        member.part = Part::Left;
    }
    if let Some(jid) = creator_jid(state, device) {
        state.relay.vacate(id, &jid.to_string());
    }
    gone(state, id, Why::Keys);
}

/// After somebody went: the others go on, if they are two, or may become it.
fn gone(state: &mut State, id: &str, why: Why) {
    let deserted = state.group_calls.get(id).is_some_and(GroupCall::is_deserted);
    if deserted {
        over(state, id, None);
    } else {
        changed(state, id, why);
    }
}

/// Over for all, and told to all but who ended it.
fn over(state: &mut State, id: &str, by: Option<DeviceId>) {
    let Some(call) = state.group_calls.end(id) else { return };
    state.relay.close(id);
    let there = call.members.iter().filter(|member| member.part == Part::Connected || member.part.is_awaited());
    for device in there.flat_map(|member| &member.devices).filter(|device| Some(**device) != by) {
        end(state, id, call.creator, *device, ENDED);
    }
}

/// A key, sealed for one of the call's devices.
fn rekey(state: &mut State, said: &Said<'_>, to: &Jid) -> Result<(), Refused> {
    let Said { from, sender, id, stanza, action } = *said;
    let device = state.device_of(to).ok_or(Refused(404))?;
    let Some(call) = state.group_calls.get(id) else { return Ok(()) };
    if !call.is_in(from) || !call.is_in(device) {
        return Err(Refused(403));
    }
    let transaction = action.text("transaction-id").and_then(|text| text.parse::<u32>().ok());
    if transaction.is_none_or(|transaction| transaction == 0 || transaction > call.transaction) {
        return Err(Refused(400));
    }
    state.deliver(device, envelope(from, sender, stanza).children([action.clone()]).build());
    Ok(())
}
