//! Questions, each answered at once. One that the network does not know is refused and counted, never left open.

use std::collections::BTreeMap;

use wacore_binary::Node;

use super::{
    app_state, groups, keys, offline,
    read::{Read as _, node, refusal, result},
    usync,
};
use crate::{account::Number, device::DeviceId, media::AUTH_SECONDS, orders, state::State};

const PRIVACY: [(&str, &str); 10] = [
    ("last", "all"),
    ("online", "all"),
    ("profile", "all"),
    ("status", "contacts"),
    ("groupadd", "all"),
    ("readreceipts", "all"),
    ("calladd", "all"),
    ("messages", "all"),
    ("defense", "off"),
    ("stickers", "contacts"),
];

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
    let answer = match (namespace.as_str(), kind.as_str()) {
        ("encrypt", "get") => keys::get(state, from, &id, iq),
        ("encrypt", "set") => keys::set(state, from, &id, iq),
        ("usync", _) => usync::query(state, &id, iq),
        ("w:sync:app:state", "set" | "get") => app_state::sync(state, from, &id, iq),
        ("passive", "set") => {
            state.tell(from, result(&id, []));
            if iq.child("active").is_some() {
                offline::begin(state, from);
            }
            return;
        }
        ("w:p", _) => result(&id, []),
        ("privacy", "get") => privacy(state, from, &id),
        ("privacy", "set") => set_privacy(state, from, &id, iq),
        ("blocklist", "get") => blocklist(state, from, &id),
        ("blocklist", "set") => block(state, from, &id, iq),
        ("abt", "get") => {
            result(&id, [node("props").attr("protocol", "1").attr("hash", "").attr("refresh", 86_400).build()])
        }
        ("w", "get") if iq.child("props").is_some() => result(&id, [node("props").build()]),
        ("w:m", _) if iq.child("media_conn").is_some() => result(&id, [media_conn(state, from)]),
        ("md", "set") if iq.child("remove-companion-device").is_some() => remove_companions(state, from, &id, iq),
        ("urn:xmpp:whatsapp:dirty", "set") | ("tos" | "w:stats" | "urn:xmpp:whatsapp:push", _) => result(&id, []),
        ("w:profile:picture", "get") => refusal(&id, 404, "item-not-found"),
        ("status", "set") => {
            let about = iq
                .child("status")
                .map(|status| String::from_utf8_lossy(&status.content()).into_owned())
                .unwrap_or_default();
            state.change_account(from.number, |account| account.about = about);
            result(&id, [])
        }
        ("disappearing_mode", _) => result(&id, [node("disappearing_mode").attr("duration", 0).attr("t", 0).build()]),
        ("w:g2", _) => groups::receive(state, from, &id, &kind, iq),
        ("fb:thrift_iq", "get") => orders::tell(state, &id, iq),
        ("w:biz", "get") => result(&id, [node("business_profile").attr("v", "116").build()]),
        _ => {
            state.counters.count(format!("iq unknown: {namespace} {kind}"));
            refusal(&id, 501, "feature-not-implemented")
        }
    };
    state.tell(from, answer);
}

fn privacy(state: &State, from: DeviceId, id: &str) -> Node {
    let set = state.accounts.get(&from.number).map(|account| account.privacy.clone()).unwrap_or_default();
    let mut settings: BTreeMap<&str, &str> = PRIVACY.into();
    settings.extend(set.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let categories =
        settings.into_iter().map(|(name, value)| node("category").attr("name", name).attr("value", value).build());
    result(id, [node("privacy").children(categories).build()])
}

fn set_privacy(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    // Tokens of trust for contacts go the same way; the network trusts everybody.
    if iq.child("tokens").is_some() {
        return result(id, []);
    }
    let Some(settings) = iq.child("privacy") else { return refusal(id, 400, "bad-request") };
    let known = |name: &str| PRIVACY.iter().any(|(category, _)| *category == name);
    for category in settings.nodes() {
        match (category.text("name"), category.text("value")) {
            (Some(name), Some(value)) if known(&name) && value.len() <= 32 => {
                state.change_account(from.number, |account| account.privacy.insert(name, value));
            }
            _ => return refusal(id, 400, "bad-request"),
        }
    }
    privacy(state, from, id)
}

fn blocklist(state: &State, from: DeviceId, id: &str) -> Node {
    let blocked = state.accounts.get(&from.number).map(|account| account.blocked.clone()).unwrap_or_default();
    let items = blocked
        .iter()
        .filter_map(|number| state.accounts.get(number))
        .map(|account| node("item").attr("jid", account.jid()).build());
    result(id, [node("list").children(items).build()])
}

fn block(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let Some(item) = iq.child("item") else { return refusal(id, 400, "bad-request") };
    let Some(number) = item.jid("jid").and_then(|jid| state.account_of(&jid).map(|account| account.number)) else {
        return refusal(id, 404, "item-not-found");
    };
    let block = item.text("action").as_deref() == Some("block");
    set_blocked(state, from.number, number, block);
    blocklist(state, from, id)
}

pub(crate) fn set_blocked(state: &mut State, by: Number, number: Number, block: bool) {
    state.change_account(
        by,
        |account| if block { account.blocked.insert(number) } else { account.blocked.remove(&number) },
    );
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
