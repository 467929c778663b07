//! What the phone shows and what a session does, in one form. How many messages are unread is left out: a session that was away
//! is told of what was read and of the messages in no order.

use serde_json::{Map, Value, json};

use super::act::Scene;
use crate::{
    api::Session,
    hook::Inbox,
    phones::{ALICE, Phones, jid},
};

/// As the person at the phone sees it, and the network.
pub async fn of_phone(phones: &Phones, scene: &Scene) -> Value {
    let at = async |what: &str| phones.get(&format!("/phones/{ALICE}/{what}")).await;
    let chats = at("chats").await;
    let chats = list(&chats).map(|chat| {
        let muted = chat["mutedUntil"].as_i64().map(|until| if until > 0 { until / 1_000 } else { until });
        let facets = json!({
            "pinned": chat["pinned"], "muted": muted, "archived": chat["archived"],
            "markedUnread": chat["markedUnread"],
        });
        (text(&chat["chat"]), facets)
    });
    let chats = told(chats);
    let labels = at("labels").await;
    let labels: Map<String, Value> = list(&labels)
        .map(|label| {
            let look = json!({
                "name": label["name"], "color": label["color"], "chats": sorted(&label["chats"]),
                "messages": sorted(&label["messages"]),
            });
            (text(&label["id"]), look)
        })
        .collect();
    let messages = at("messages?limit=1000").await;
    let messages = by_chat(scene, list(&messages).cloned().collect());
    let contacts = at("contacts").await;
    let contacts: Map<String, Value> =
        list(&contacts).map(|one| (jid(&text(&one["number"])), one["name"].clone())).collect();
    let group = phones.get(&format!("/groups/{}", scene.group)).await;
    let members: Map<String, Value> =
        list(&group["participants"]).map(|one| (text(&one["jid"]), json!(one["role"] != "member"))).collect();
    let privacy = at("privacy").await;
    let privacy: Map<String, Value> = list(&privacy).map(|one| (text(&one["name"]), one["value"].clone())).collect();
    let own = at(&format!("people/{ALICE}")).await;
    json!({
        "chats": chats, "labels": labels, "messages": messages, "contacts": contacts,
        "group": {
            "subject": group["subject"], "listed": group["subject"],
            "topic": group["description"].as_str().unwrap_or_default(), "announce": group["announce"],
            "locked": group["locked"], "ephemeral": group["ephemeral"], "members": members,
        },
        "privacy": privacy, "blocked": sorted(&at("block").await), "name": own["name"], "about": own["about"],
    })
}

pub async fn of_session(session: &Session, inbox: &Inbox, scene: &Scene) -> Value {
    let get = async |path: &str| session.get(path).await.data();
    let listed = get("/chat/list?limit=1000").await;
    let chats = list(&listed["chats"]).map(|chat| {
        let facets = json!({
            "pinned": chat["Pinned"], "muted": chat.get("MutedUntil"), "archived": chat["Archived"],
            "markedUnread": chat["MarkedUnread"],
        });
        (text(&chat["JID"]), facets)
    });
    let chats = told(chats);
    let mut labels = Map::new();
    for label in list(&get("/label/list").await["labels"]) {
        let id = text(&label["labelid"]);
        let one = session.get(&format!("/label/list?labelid={id}&limit=1000")).await.json();
        let has = &one["data"]["labels"][0]["labelled"];
        let (messages, chats): (Vec<_>, Vec<_>) = list(has).partition(|one| one["messageid"].is_string());
        let chats: Vec<&Value> = chats.iter().map(|one| &one["jid"]).collect();
        let messages: Vec<&Value> = messages.iter().map(|one| &one["messageid"]).collect();
        let look = json!({
            "name": label["name"], "color": label["color"], "chats": sorted(&json!(chats)),
            "messages": sorted(&json!(messages)),
        });
        labels.insert(id, look);
    }
    let mut messages = Vec::new();
    for chat in scene.chats() {
        let stored = get(&format!("/messages?chat={chat}&limit=500")).await;
        messages.extend(list(&stored["messages"]).cloned());
    }
    let messages = by_chat(scene, messages);
    let contacts = get("/user/contacts").await;
    let contacts: Map<String, Value> = contacts
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, one)| one["FullName"] != "")
        .map(|(jid, one)| (jid.clone(), one["FullName"].clone()))
        .collect();
    let group = get(&format!("/group/info?groupJID={}", scene.group)).await;
    let members: Map<String, Value> = list(&group["Participants"])
        .filter(|one| one["Error"] == 0)
        .map(|one| (text(&one["PhoneNumber"]), one["IsAdmin"].clone()))
        .collect();
    let in_list = list(&listed["chats"]).find(|chat| chat["JID"] == scene.group.as_str());
    let privacy = get("/user/privacy").await;
    let names = [
        ("groupadd", "GroupAdd"),
        ("last", "LastSeen"),
        ("status", "Status"),
        ("profile", "Profile"),
        ("readreceipts", "ReadReceipts"),
        ("calladd", "CallAdd"),
        ("online", "Online"),
        ("messages", "Messages"),
        ("defense", "Defense"),
        ("stickers", "Stickers"),
    ];
    let privacy: Map<String, Value> =
        names.iter().map(|(word, key)| ((*word).to_owned(), privacy[key].clone())).collect();
    let infos = session.post("/user/info", json!({"Phone": [ALICE]})).await.data();
    let name = inbox
        .all()
        .iter()
        .rev()
        .find(|one| one.kind() == "PushNameSetting")
        .map(|one| one.event()["Action"]["name"].clone());
    json!({
        "chats": chats, "labels": labels, "messages": messages, "contacts": contacts,
        "group": {
            "subject": group["Name"], "listed": in_list.map_or(&group["Name"], |chat| &chat["Name"]), "topic": group["Topic"],
            "announce": group["IsAnnounce"], "locked": group["IsLocked"], "ephemeral": group["DisappearingTimer"],
            "members": members,
        },
        "privacy": privacy, "blocked": sorted(&get("/user/blocklist").await["Blocklist"]),
        "name": name, "about": infos["Users"][jid(ALICE)]["Status"],
    })
}

/// Which are there of each chat, and whether they are starred.
fn by_chat(scene: &Scene, messages: Vec<Value>) -> Value {
    let mut chats: Map<String, Value> = scene.chats().into_iter().map(|chat| (chat, json!({}))).collect();
    for message in messages {
        if let Some(of) = chats.get_mut(&text(&message["chat"])).and_then(Value::as_object_mut) {
            of.insert(text(&message["id"]), json!(message["starred"] == true));
        }
    }
    Value::Object(chats)
}

/// Chats of which there is anything to tell: one that is as at first may be listed or not.
fn told(chats: impl Iterator<Item = (String, Value)>) -> Value {
    let plain = json!({
        "pinned": false, "muted": null, "archived": false, "markedUnread": false,
    });
    Value::Object(chats.filter(|(_, facets)| *facets != plain).collect())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn sorted(value: &Value) -> Value {
    let mut all: Vec<String> = list(value).map(text).collect();
    all.sort();
    json!(all)
}

/// Where two views differ.
pub fn differences(place: &str, phone: &Value, seen: &Value, found: &mut Vec<String>) {
    if phone == seen {
        return;
    }
    let (Value::Object(one), Value::Object(other)) = (phone, seen) else {
        found.push(format!("{place} the phone has {phone}, it has {seen}"));
        return;
    };
    let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let side = |side: &Map<String, Value>| side.get(key).cloned().unwrap_or_default();
        differences(&format!("{place} {key}"), &side(one), &side(other), found);
    }
}
