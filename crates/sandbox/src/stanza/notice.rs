//! What the network tells people unasked.

use wacore_binary::{Jid, Node, builder::NodeBuilder};

use super::read::node;
use crate::{account::Number, device::DeviceId, state::State};

pub(crate) fn notification(state: &mut State, from: &Jid, kind: &'static str) -> NodeBuilder {
    node("notification").attr("from", from).attr("type", kind).attr("id", state.random_id()).attr("t", crate::now())
}

/// All devices of these people, but for the one that brought it about.
pub(crate) fn tell(
    state: &mut State,
    people: impl IntoIterator<Item = Number>,
    but: Option<DeviceId>,
    notification: &Node,
) {
    for number in people {
        let devices: Vec<DeviceId> = state.devices_of(number).map(|(id, _)| id).collect();
        for device in devices.into_iter().filter(|device| Some(*device) != but) {
            state.deliver(device, notification.clone());
        }
    }
}

/// The account's other devices learn what one of them changed.
pub(crate) fn tell_own(state: &mut State, by: DeviceId, change: Node) {
    let Some(own) = state.accounts.get(&by.number).map(|account| account.jid()) else { return };
    let notification = notification(state, &own, "account_sync").children([change]).build();
    tell(state, [by.number], Some(by), &notification);
}
