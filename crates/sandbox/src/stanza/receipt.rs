//! Receipts: what became of a message, told to the devices of the one who sent it.

use wacore_binary::{Jid, Node, Server};

use super::{
    fan_out, newsletter,
    read::{Read as _, node},
};
use crate::{account::Account, device::DeviceId, privacy, state::State};

pub(crate) fn receive(state: &mut State, from: DeviceId, receipt: Node) {
    let (Some(id), Some(to)) = (receipt.text("id"), receipt.jid("to")) else {
        state.counters.count("receipt refused: no id or addressee");
        return;
    };
    let kind = receipt.text("type");
    let listed: Vec<String> = receipt
        .child("list")
        .map(|list| list.nodes().iter().filter_map(|item| item.text("id")).collect())
        .unwrap_or_default();
    // Whatever it says, the device has the messages now.
    for id in std::iter::once(&id).chain(&listed) {
        state.acknowledged(from, "message", id);
    }
    let mut ack =
        node("ack").attr("class", "receipt").attr("id", id.as_str()).attr("from", &to).attr("t", crate::now());
    if let Some(kind) = &kind {
        ack = ack.attr("type", kind.as_str());
    }
    if let Some(author) = receipt.jid("participant") {
        ack = ack.attr("participant", author);
    }
    state.tell(from, ack.build());

    if to.server == Server::Newsletter {
        if kind.as_deref() == Some("view") {
            newsletter::viewed(state, from, &to, &receipt);
        }
        return;
    }
    if matches!(to.server, Server::Group | Server::Broadcast) {
        fan_out::receipt(state, from, &id, &to, &receipt);
        return;
    }
    let Some(sender) = state.accounts.get(&from.number).cloned() else { return };
    let Some(addressee) = state.account_of(&to).map(|account| account.number) else { return };
    let own = addressee == from.number;
    // Said to the server alone.
    if own && kind.as_deref() == Some("sender") {
        return;
    }
    // The person's other devices show it as read, too, whoever else is told.
    if !own && matches!(kind.as_deref(), Some("read" | "played" | "read-self" | "played-self")) {
        tell_own(state, from, &sender, &to, &receipt);
    }
    // Who does not tell others what they read is not told it of others.
    let tells = |number| privacy::category("readreceipts").zip(state.accounts.get(&number));
    let hides = |number| tells(number).is_some_and(|(category, account)| category.of(account) == "none");
    if !own && kind.as_deref() == Some("read") && (hides(from.number) || hides(addressee)) {
        state.counters.count("receipt not told");
        return;
    }
    if !own && matches!(kind.as_deref(), Some("read-self" | "played-self")) {
        return;
    }
    // A retry is meant for the device whose message could not be read; the rest is for all of a person's devices.
    let targets: Vec<DeviceId> = if matches!(kind.as_deref(), Some("retry" | "enc_rekey_retry")) {
        state.device_of(&to).into_iter().collect()
    } else if matches!(kind.as_deref(), Some("server-error" | "hist_sync")) {
        // Only the phone can upload anew, and only the own; and it sent the history.
        own.then_some(DeviceId::phone(from.number)).into_iter().collect()
    } else if own {
        state.devices_of(from.number).map(|(id, _)| id).filter(|id| *id != from).collect()
    } else {
        state.devices_of(addressee).map(|(id, _)| id).collect()
    };
    let mut relayed = node("receipt").attr("id", id.as_str()).attr("t", crate::now());
    relayed = relayed.attr("from", from.jid_like(&sender, &to));
    relayed = match to.server {
        Server::Lid => relayed.attr("sender_pn", sender.jid()),
        _ => relayed.attr("sender_lid", sender.lid_jid()),
    };
    for key in ["type", "recipient", "participant", "category"] {
        if let Some(value) = receipt.attrs.get(key) {
            relayed = relayed.attr(key, value.as_str().as_ref());
        }
    }
    let relayed = Node { content: receipt.content.clone(), ..relayed.build() };
    state.counters.count(format!("receipt {}", kind.as_deref().unwrap_or("delivery")));
    for target in targets {
        state.deliver(target, relayed.clone());
    }
}

/// Tells the account's other devices what was read on one of them: the chat is the `recipient`.
fn tell_own(state: &mut State, from: DeviceId, reader: &Account, chat: &Jid, receipt: &Node) {
    let mut told =
        node("receipt").attr("from", from.jid_like(reader, chat)).attr("recipient", chat).attr("t", crate::now());
    for key in ["id", "type"] {
        if let Some(value) = receipt.text(key) {
            told = told.attr(key, value);
        }
    }
    let told = Node { content: receipt.content.clone(), ..told.build() };
    if matches!(receipt.text("type").as_deref(), Some("read-self" | "played-self")) {
        state.counters.count(format!("receipt {}", receipt.text("type").unwrap_or_default()));
    }
    let others: Vec<DeviceId> = state.devices_of(from.number).map(|(id, _)| id).filter(|id| *id != from).collect();
    for other in others {
        state.deliver(other, told.clone());
    }
}
