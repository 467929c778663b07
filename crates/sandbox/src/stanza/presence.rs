//! Who is there, and who is typing. Nothing of it is kept for a device that is away.

use wacore_binary::Node;

use super::read::{Read as _, node};
use crate::{account::Number, device::DeviceId, group::GroupId, state::State};

/// A device may follow this many people; further ones are not followed.
const WATCHERS_MAX: usize = 10_000;

pub(crate) fn presence(state: &mut State, from: DeviceId, presence: &Node) {
    match presence.text("type").as_deref().unwrap_or("available") {
        "subscribe" => subscribe(state, from, presence),
        "unsubscribe" => {
            if let Some(number) = presence.jid("to").and_then(|to| state.account_of(&to).map(|account| account.number))
            {
                state.presence_watchers.entry(number).or_default().retain(|watcher| *watcher != from);
            }
        }
        kind => {
            let available = kind == "available";
            if let Some(outlet) = state.outlets.get_mut(&from) {
                outlet.available = available;
            } else if from.is_phone() && available {
                state.phones.available.insert(from.number);
            } else if from.is_phone() {
                state.phones.available.remove(&from.number);
            }
            announce(state, from.number);
        }
    }
}

fn subscribe(state: &mut State, from: DeviceId, presence: &Node) {
    let Some(to) = presence.jid("to") else { return };
    let Some(number) = state.account_of(&to).map(|account| account.number) else { return };
    let watchers = state.presence_watchers.entry(number).or_default();
    if !watchers.contains(&from) && watchers.len() < WATCHERS_MAX {
        watchers.push(from);
    }
    let stanza = current(state, number, &to.to_non_ad());
    state.tell(from, stanza);
}

/// Tells those who follow the person, once any of the person's devices came or went.
pub(crate) fn announce(state: &mut State, number: Number) {
    let Some(jid) = state.accounts.get(&number).map(|account| account.jid()) else { return };
    let stanza = current(state, number, &jid);
    for watcher in state.presence_watchers.get(&number).cloned().unwrap_or_default() {
        state.tell(watcher, stanza.clone());
    }
}

fn current(state: &State, number: Number, jid: &wacore_binary::Jid) -> Node {
    let linked = state.outlets.iter().any(|(id, outlet)| id.number == number && outlet.available);
    let available = linked || state.phones.available.contains(&number);
    let presence = node("presence").attr("from", jid);
    if available { presence.build() } else { presence.attr("type", "unavailable").attr("last", crate::now()).build() }
}

pub(crate) fn chat_state(state: &mut State, from: DeviceId, chat_state: &Node) {
    let Some(to) = chat_state.jid("to") else { return };
    if let Some(group) = GroupId::of(&to) {
        group_state(state, from, group, chat_state);
        return;
    }
    let (Some(sender), Some(addressee)) = (state.accounts.get(&from.number), state.account_of(&to)) else { return };
    let stanza = Node {
        content: chat_state.content.clone(),
        ..node("chatstate").attr("from", DeviceId::phone(sender.number).jid_like(sender, &to)).build()
    };
    for device in state.devices_of(addressee.number).map(|(id, _)| id).collect::<Vec<_>>() {
        state.tell(device, stanza.clone());
    }
}

/// Somebody types in a group: those who are in it and there see it.
fn group_state(state: &mut State, from: DeviceId, id: GroupId, chat_state: &Node) {
    let (Some(sender), Some(group)) = (state.accounts.get(&from.number), state.groups.get(id)) else { return };
    if !group.members.contains_key(&from.number) {
        return;
    }
    let envelope = node("chatstate")
        .attr("from", id.jid())
        .attr("participant", DeviceId::phone(sender.number).lid_jid(sender))
        .attr("participant_pn", sender.jid());
    let stanza = Node { content: chat_state.content.clone(), ..envelope.build() };
    for device in state.group_devices(group) {
        // Phones do not show it.
        if !device.is_phone() && device.number != from.number {
            state.tell(device, stanza.clone());
        }
    }
}
