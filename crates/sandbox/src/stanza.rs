//! What devices say to the network, a kind of stanza a file. [`read`] holds what every kind needs to look at a node.

pub(crate) mod about;
pub(crate) mod app_state;
pub(crate) mod blocklist;
pub(crate) mod business;
pub(crate) mod call;
pub(crate) mod fan_out;
pub(crate) mod groups;
pub(crate) mod iq;
pub(crate) mod keys;
pub(crate) mod message;
pub(crate) mod mex;
pub(crate) mod newsletter;
pub(crate) mod notice;
pub(crate) mod offline;
pub(crate) mod pictures;
pub(crate) mod presence;
pub(crate) mod privacy;
pub(crate) mod read;
pub(crate) mod receipt;
#[cfg(test)]
mod tests;
pub(crate) mod usync;

use wacore_binary::Node;

use crate::{device::DeviceId, state::State};
use read::Read as _;

/// What a linked device, or a phone, says.
pub(crate) fn receive(state: &mut State, from: DeviceId, stanza: Node) {
    match stanza.tag.as_ref() {
        "iq" => iq::receive(state, from, &stanza),
        "message" => message::receive(state, from, stanza),
        "call" => call::receive(state, from, &stanza),
        "receipt" if stanza.child("offer").is_some() => call::receipt(state, from, &stanza),
        "receipt" => receipt::receive(state, from, stanza),
        "ack" => {
            if let (Some(class), Some(id)) = (stanza.text("class"), stanza.text("id")) {
                state.acknowledged(from, &class, &id);
            }
        }
        "presence" => presence::presence(state, from, &stanza),
        "chatstate" => presence::chat_state(state, from, &stanza),
        "ib" => offline::batch(state, from, &stanza),
        tag => state.counters.count(format!("stanza unknown: {tag}")),
    }
}
