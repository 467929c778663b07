//! `xmlns="usync"`: who is on WhatsApp, under which names, with which devices.

use wacore_binary::{Jid, Node, Server};

use super::{
    about, pictures,
    read::{Read as _, node, refusal, result},
};
use crate::{
    account::{Account, Number},
    business::Business,
    device::DeviceId,
    privacy,
    state::State,
};

const USERS_MAX: usize = 5_000;

pub(crate) fn query(state: &State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let Some(usync) = iq.child("usync") else { return refusal(id, 400, "bad-request") };
    let (Some(query), Some(list)) = (usync.child("query"), usync.child("list")) else {
        return refusal(id, 400, "bad-request");
    };
    if list.nodes().len() > USERS_MAX {
        return refusal(id, 406, "not-acceptable");
    }
    let users: Vec<Node> = list.nodes().iter().map(|user| answer(state, from.number, query, user)).collect();
    let mut answer = node("usync");
    for key in ["sid", "mode", "context", "index", "last"] {
        if let Some(value) = usync.text(key) {
            answer = answer.attr(key, value);
        }
    }
    let summary = node("result")
        .children(query.nodes().iter().map(|protocol| Node::new(protocol.tag.clone(), Default::default(), None)));
    result(id, [answer.children([summary.build(), node("list").children(users).build()]).build()])
}

fn answer(state: &State, viewer: Number, query: &Node, user: &Node) -> Node {
    let by_number = user.child("contact").map(|contact| String::from_utf8_lossy(&contact.content()).into_owned());
    let asked: Option<Jid> = user.jid("jid").or_else(|| user.jid("pn_jid"));
    let account = match (&asked, &by_number) {
        (Some(jid), _) => state.account_of(jid),
        (None, Some(text)) => Number::parse(text).and_then(|number| state.accounts.get(&number)),
        (None, None) => None,
    };
    let Some(account) = account else { return nobody(query, asked, by_number) };
    // A user asked for by LID is answered by LID.
    let jid = asked
        .map_or_else(|| account.jid(), |jid| if jid.server == Server::Lid { account.lid_jid() } else { account.jid() });
    let mut children = Vec::new();
    for protocol in query.nodes() {
        match protocol.tag.as_ref() {
            "contact" => {
                let mut contact = node("contact").attr("type", "in");
                if let Some(text) = &by_number {
                    contact = contact.string_content(text.as_str());
                }
                children.push(contact.build());
            }
            "lid" => children.push(node("lid").attr("val", account.lid_jid()).build()),
            "devices" => children.push(devices(state, account)),
            "status" => children.push(status(state, viewer, account)),
            "picture" => children.push(picture(state, viewer, account)),
            "disappearing_mode" => children.push(about::disappearing(account.disappearing)),
            // An account that is none says nothing of it.
            "business" => children.extend(state.businesses.get(account.number).map(business)),
            // Protocols that are unknown here.
            _ => {}
        }
    }
    node("user").attr("jid", &jid).attr("pn_jid", account.jid()).children(children).build()
}

fn nobody(query: &Node, asked: Option<Jid>, by_number: Option<String>) -> Node {
    let mut user = node("user");
    if let Some(jid) = &asked {
        user = user.attr("jid", jid);
    } else if let Some(number) = by_number.as_deref().and_then(Number::parse) {
        user = user.attr("jid", Jid::pn(number.to_string()));
    }
    let by_lid = asked.is_some_and(|asked| asked.server == Server::Lid);
    let children = query.nodes().iter().filter_map(|protocol| match protocol.tag.as_ref() {
        "contact" => {
            let mut contact = node("contact").attr("type", "out");
            if let Some(text) = &by_number {
                contact = contact.string_content(text.as_str());
            }
            Some(contact.build())
        }
        "devices" => Some(node("devices").children([error(404, "item-not-found")]).build()),
        "lid" if by_lid => Some(node("lid").children([error(404, "item-not-found")]).build()),
        _ => None,
    });
    user.children(children).build()
}

fn status(state: &State, viewer: Number, account: &Account) -> Node {
    if privacy::shows(state, account.number, "status", viewer) {
        node("status").attr("t", account.about_at).string_content(account.about.as_str()).build()
    } else {
        node("status").attr("code", 401).attr("type", "fail").build()
    }
}

fn picture(state: &State, viewer: Number, account: &Account) -> Node {
    match pictures::seen(state, pictures::Owner::Person(account.number), viewer) {
        Ok(picture) => node("picture").attr("id", picture.id).build(),
        Err(refused) => node("picture").children([error(refused.0, refused.text())]).build(),
    }
}

fn business(business: &Business) -> Node {
    node("business").children([business.verified_name()]).build()
}

fn error(code: u16, text: &str) -> Node {
    node("error").attr("code", code).attr("text", text).build()
}

fn devices(state: &State, account: &Account) -> Node {
    let devices = state.devices_of(account.number).map(|(id, device)| {
        let entry = node("device").attr("id", id.device);
        // The phone's index is 0, and goes without saying.
        if id.is_phone() { entry.build() } else { entry.attr("key-index", device.key_index).build() }
    });
    let mut children = vec![node("device-list").children(devices).build()];
    if !account.key_indexes.is_empty() {
        children.push(node("key-index-list").attr("ts", crate::now()).bytes(account.key_indexes.clone()).build());
    }
    node("devices").children(children).build()
}
