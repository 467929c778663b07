//! Questions, each answered at once. One that the network does not know is refused and counted, never left open.

use wacore_binary::Node;

use super::{
    about, app_state, blocklist, business, groups, keys, mex, newsletter, offline, pictures, privacy,
    read::{Read as _, node, refusal, result},
    usync,
};
use crate::{device::DeviceId, media::AUTH_SECONDS, orders, state::State};

/// What a fault refuses for being too much: questions about people, groups, newsletters and businesses.
const LIMITED: [&str; 9] =
    ["usync", "w:profile:picture", "status", "privacy", "blocklist", "w:g2", "w:biz", "w:mex", "newsletter"];

pub(crate) fn receive(state: &mut State, from: DeviceId, iq: &Node) {
    let kind = iq.text("type").unwrap_or_default();
    // Answers to the network's own questions; nobody waits for them once a device is linked.
    if matches!(kind.as_str(), "result" | "error") {
        return;
    }
    let Some(id) = iq.text("id") else {
        state.counters.count("iq refused: no id");
        return;
    };
    let namespace = iq.text("xmlns").unwrap_or_default();
    state.counters.count(format!("iq {namespace} {kind}"));
    if LIMITED.contains(&namespace.as_str()) && state.faults.is_over_limit(from, &namespace) {
        state.counters.count("iq refused: over the limit");
        state.tell(from, refusal(&id, 429, "rate-overlimit"));
        return;
    }
    let answer = match (namespace.as_str(), kind.as_str()) {
        ("encrypt", "get") => keys::get(state, from, &id, iq),
        ("encrypt", "set") => keys::set(state, from, &id, iq),
        ("usync", _) => usync::query(state, from, &id, iq),
        ("w:sync:app:state", "set" | "get") => app_state::sync(state, from, &id, iq),
        ("passive", "set") => {
            state.tell(from, result(&id, []));
            if iq.child("active").is_some() {
                offline::begin(state, from);
            }
            return;
        }
        ("w:p", _) => result(&id, []),
        ("privacy", "get") => privacy::get(state, from, &id, iq),
        ("privacy", "set") => privacy::set(state, from, &id, iq),
        ("blocklist", "get") => blocklist::get(state, from, &id, iq),
        ("blocklist", "set") => blocklist::set(state, from, &id, iq),
        ("abt", "get") => {
            result(&id, [node("props").attr("protocol", "1").attr("hash", "").attr("refresh", 86_400).build()])
        }
        ("w", "get") if iq.child("props").is_some() => result(&id, [node("props").build()]),
        ("w:m", _) if iq.child("media_conn").is_some() => result(&id, [media_conn(state, from)]),
        ("md", "set") if iq.child("remove-companion-device").is_some() => remove_companions(state, from, &id, iq),
        ("urn:xmpp:whatsapp:dirty", "set") | ("tos" | "w:stats" | "urn:xmpp:whatsapp:push", _) => result(&id, []),
        ("w:profile:picture", "get") => pictures::get(state, from, &id, iq),
        ("w:profile:picture", "set") => pictures::set(state, from, &id, iq),
        ("status", "set") => about::set(state, from, &id, iq),
        ("disappearing_mode", "set") => about::set_disappearing(state, from, &id, iq),
        ("w:mex", _) => mex::receive(state, from, &id, iq),
        ("newsletter", _) => newsletter::receive(state, from, &id, &kind, iq),
        ("w:g2", _) => groups::receive(state, from, &id, &kind, iq),
        ("fb:thrift_iq", "get") => match iq.child("request") {
            Some(request) => business::categories(state, &id, request),
            None => orders::tell(state, &id, iq),
        },
        ("w:biz", "get") => business::get(state, &id, iq),
        ("w:biz", "set") => business::set(state, from, &id, iq),
        _ => {
            state.counters.count(format!("iq unknown: {namespace} {kind}"));
            refusal(&id, 501, "feature-not-implemented")
        }
    };
    state.tell(from, answer);
}

fn media_conn(state: &State, from: DeviceId) -> Node {
    let host = node("host").attr("hostname", state.media_host.as_str()).attr("type", "primary").build();
    node("media_conn")
        .attr("auth", state.media.auth(from.number, crate::now()))
        .attr("ttl", AUTH_SECONDS)
        .attr("auth_ttl", AUTH_SECONDS)
        .attr("max_buckets", 12)
        .attr("is_new", 1)
        .children([host])
        .build()
}

/// A device that unlinks itself, or its phone that unlinks it.
fn remove_companions(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let Some(remove) = iq.child("remove-companion-device") else { return refusal(id, 400, "bad-request") };
    let named = remove.jid("jid").and_then(|jid| state.device_of(&jid)).filter(|device| device.number == from.number);
    let targets: Vec<DeviceId> = match (remove.text("all"), named) {
        (Some(_), _) if from.is_phone() => {
            state.devices_of(from.number).map(|(id, _)| id).filter(|id| !id.is_phone()).collect()
        }
        (_, Some(device)) if from.is_phone() || device == from => vec![device],
        _ => return refusal(id, 403, "forbidden"),
    };
    let answer = result(id, []);
    for device in targets {
        if device == from {
            state.tell(from, answer.clone());
        }
        crate::pairing::unlink(state, device);
    }
    answer
}
