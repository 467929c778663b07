//! Who is there, and who is typing. Nothing of it is kept for a device that is away, but for when somebody was last there.

use std::collections::{BTreeSet, HashMap};

use wacore_binary::{Jid, Node};

use super::read::{Read as _, node};
use crate::{
    account::Number,
    device::DeviceId,
    group::GroupId,
    journal::Tables,
    privacy,
    state::{State, Update},
};

const LAST_SEEN: &str = "last-seen";
/// As many devices may follow one person; further ones do not.
const WATCHERS_MAX: usize = 10_000;
const NAME_CHARACTERS_MAX: usize = 100;

#[derive(Default)]
pub(crate) struct Presences {
    /// Who asked to hear of whom, and by which name.
    watchers: HashMap<Number, Vec<(DeviceId, Jid)>>,
    /// Who is there on any device.
    there: BTreeSet<Number>,
    /// When somebody who is not there was: unix seconds.
    last_seen: HashMap<Number, u64>,
}

impl Presences {
    pub fn restore(tables: &Tables) -> Self {
        let row = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            Some((Number::from_key(key)?, u64::from_be_bytes(value.as_slice().try_into().ok()?)))
        };
        let last_seen = tables.get(LAST_SEEN).into_iter().flatten().filter_map(row).collect();
        Self { last_seen, ..Self::default() }
    }

    pub fn forget(&mut self, device: DeviceId) {
        for watchers in self.watchers.values_mut() {
            watchers.retain(|(watcher, _)| *watcher != device);
        }
    }
}

pub(crate) fn presence(state: &mut State, from: DeviceId, presence: &Node) {
    if let Some(name) = presence.text("name") {
        take_name(state, from.number, &name);
    }
    match presence.text("type").as_deref() {
        Some("subscribe") => subscribe(state, from, presence),
        Some("unsubscribe") => {
            if let Some(number) = presence.jid("to").and_then(|to| state.account_of(&to).map(|account| account.number))
            {
                let watchers = state.presences.watchers.entry(number).or_default();
                watchers.retain(|(watcher, _)| *watcher != from);
            }
        }
        // Only a name was told.
        None if presence.text("name").is_some() => {}
        kind => {
            let available = kind.unwrap_or("available") == "available";
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

/// What others see above the account's messages from now on.
fn take_name(state: &mut State, number: Number, name: &str) {
    let fits = !name.trim().is_empty() && name.chars().count() <= NAME_CHARACTERS_MAX;
    if fits && state.accounts.get(&number).is_some_and(|account| account.name != name) {
        state.change_account(number, |account| account.name = name.to_owned());
    }
}

fn subscribe(state: &mut State, from: DeviceId, presence: &Node) {
    let Some(to) = presence.jid("to").map(|to| to.to_non_ad()) else { return };
    let Some(number) = state.account_of(&to).map(|account| account.number) else { return };
    let watchers = state.presences.watchers.entry(number).or_default();
    if watchers.len() < WATCHERS_MAX {
        watchers.retain(|(watcher, _)| *watcher != from);
        watchers.push((from, to.clone()));
    }
    if let Some(stanza) = seen(state, number, from.number, &to, true) {
        state.tell(from, stanza);
    }
}

/// Tells those who follow the person, once it came or went.
pub(crate) fn announce(state: &mut State, number: Number) {
    let linked = state.outlets.iter().any(|(id, outlet)| id.number == number && outlet.available);
    let there = linked || state.phones.available.contains(&number);
    let changed = match there {
        true => state.presences.there.insert(number),
        false => state.presences.there.remove(&number),
    };
    if !changed {
        return;
    }
    state.changed(Update::Phone { number: number.to_string() });
    if !there {
        let now = crate::now();
        state.presences.last_seen.insert(number, now);
        state.journal.put(LAST_SEEN, &number.key(), &now.to_be_bytes());
    }
    tell(state, number, false);
}

/// What the person shows of itself may have changed.
pub(super) fn show_again(state: &mut State, number: Number) {
    tell(state, number, true);
}

fn tell(state: &mut State, number: Number, asked: bool) {
    for (watcher, name) in state.presences.watchers.get(&number).cloned().unwrap_or_default() {
        if let Some(stanza) = seen(state, number, watcher.number, &name, asked) {
            state.tell(watcher, stanza);
        }
    }
}

/// Whether a person is there, and when it was, as another sees it. Who hides either is not shown it of others.
pub(crate) struct Glimpse {
    /// `None`: hidden.
    pub there: Option<bool>,
    /// Unix seconds; `None`: hidden.
    pub last: Option<Option<u64>>,
}

pub(crate) fn glimpse(state: &State, number: Number, viewer: Number) -> Glimpse {
    let mutual = |what| privacy::shows(state, number, what, viewer) && privacy::shows(state, viewer, what, number);
    Glimpse {
        there: mutual("online").then(|| state.presences.there.contains(&number)),
        last: mutual("last").then(|| state.presences.last_seen.get(&number).copied()),
    }
}

/// `asked`: the viewer is told that something is hidden. Nothing is said to whom the person blocked, nor of whom the
/// viewer blocked.
fn seen(state: &State, number: Number, viewer: Number, name: &Jid, asked: bool) -> Option<Node> {
    let blocks =
        |one: Number, other: Number| state.accounts.get(&one).is_some_and(|account| account.blocked.contains(&other));
    if blocks(number, viewer) || blocks(viewer, number) {
        return None;
    }
    let presence = node("presence").attr("from", name);
    let Glimpse { there, last } = glimpse(state, number, viewer);
    match (there, last) {
        (Some(true), _) => Some(presence.attr("type", "available").build()),
        (None, None) if !asked => None,
        // That it came would show.
        (None, Some(_)) if !asked && state.presences.there.contains(&number) => None,
        (_, None) => Some(presence.attr("type", "unavailable").attr("last", "deny").build()),
        (_, Some(Some(last))) => Some(presence.attr("type", "unavailable").attr("last", last).build()),
        (_, Some(None)) => Some(presence.attr("type", "unavailable").build()),
    }
}

pub(crate) fn chat_state(state: &mut State, from: DeviceId, chat_state: &Node) {
    let Some(to) = chat_state.jid("to") else { return };
    if let Some(group) = GroupId::of(&to) {
        group_state(state, from, group, chat_state);
        return;
    }
    let (Some(sender), Some(addressee)) = (state.accounts.get(&from.number), state.account_of(&to)) else { return };
    if addressee.blocked.contains(&from.number) {
        return;
    }
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
