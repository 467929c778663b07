//! What a device missed: announced when it becomes active, and handed over in batches at its pace.

use wacore_binary::Node;

use super::read::{Read as _, node};
use crate::{
    device::DeviceId,
    state::{State, Update},
};

/// Handed over when a client does not say how many it can take.
const BATCH: usize = 200;

/// The device left passive mode: its queue begins.
pub(crate) fn begin(state: &mut State, to: DeviceId) {
    // Said twice, it is one beginning.
    if state.outlets.get(&to).is_none_or(|outlet| outlet.active) {
        return;
    }
    let queue = state.queues.entry(to).or_default();
    queue.rewind();
    let count = |tag: &str| queue.waiting().filter(|stanza| stanza.tag == tag).count();
    let (messages, receipts, notifications) = (count("message"), count("receipt"), count("notification"));
    let total = queue.len();
    if let Some(outlet) = state.outlets.get_mut(&to) {
        outlet.active = true;
        outlet.backlog = total;
        outlet.backlog_total = total;
    }
    state.changed(Update::Network);
    if total == 0 {
        end(state, to, 0);
        return;
    }
    let preview = node("offline_preview")
        .attr("count", total)
        .attr("message", messages)
        .attr("receipt", receipts)
        .attr("notification", notifications)
        .attr("appdata", 0)
        .attr("call", 0);
    state.tell(to, node("ib").attr("from", wacore_binary::SERVER_JID).children([preview.build()]).build());
}

/// The device asks for the next of them.
pub(crate) fn batch(state: &mut State, to: DeviceId, ib: &Node) {
    let Some(asked) = ib.child("offline_batch") else { return };
    let count = asked.text("count").and_then(|count| count.parse().ok()).unwrap_or(BATCH).min(1_000);
    let Some(left) = state.outlets.get(&to).map(|outlet| outlet.backlog) else { return };
    if left == 0 {
        return;
    }
    let stanzas = state.queues.entry(to).or_default().hand_out(count.min(left));
    let mut handed = 0;
    for mut stanza in stanzas {
        stanza.attrs.insert("offline", "1");
        if !state.tell(to, stanza) {
            return;
        }
        handed += 1;
    }
    let Some(outlet) = state.outlets.get_mut(&to) else { return };
    // What was acknowledged or dropped meanwhile shortens the backlog too.
    outlet.backlog = if handed == 0 { 0 } else { left - handed };
    if outlet.backlog == 0 {
        let total = outlet.backlog_total;
        end(state, to, total);
    }
}

fn end(state: &mut State, to: DeviceId, total: usize) {
    let offline = node("offline").attr("count", total).build();
    state.tell(to, node("ib").attr("from", wacore_binary::SERVER_JID).children([offline]).build());
    // What came in while the backlog was on its way follows it.
    state.catch_up(to);
}
