//! Pins, mutes, labels and the like: the same on the phone and on all that is linked to it.

use serde_json::{Value, json};

use crate::{
    api::Session,
    hook::Inbox,
    phones::{ALICE, BOB, jid},
    world::World,
};

const STORED: &[(&str, &str)] = &[("storemessage", "true")];
/// 2100.
const LATER: i64 = 4_102_444_800;

/// What the session lists of the chat with Bob.
async fn listed(session: &Session) -> Value {
    let chats = session.get("/chat/list").await.data()["chats"].take();
    chats.as_array().unwrap().iter().find(|chat| chat["JID"] == jid(BOB)).cloned().unwrap_or_default()
}

/// What Alice's phone shows of it.
async fn shown(world: &World) -> Value {
    let chats = world.phones.get(&format!("/phones/{ALICE}/chats")).await;
    chats.as_array().unwrap().iter().find(|chat| chat["chat"] == jid(BOB)).cloned().unwrap_or_default()
}

async fn set(session: &Session, path: &str, more: Value) {
    let mut body = json!({"Phone": BOB});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    session.post(path, body).await.data();
}

/// On the phone, and waits until the session was told.
async fn set_on_phone(world: &World, inbox: &Inbox, action: &str, more: Value, kind: &str) -> Value {
    let seen = inbox.count();
    let mut body = json!({"chat": BOB});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.phones.post(&format!("/phones/{ALICE}/chats/{action}"), body).await.data();
    inbox.next_of(seen, kind).await.event().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_sets_the_phone_shows() {
    let (world, session, inbox) = World::linked_with(STORED).await;
    world.phones.text(BOB, ALICE, "hello").await;
    inbox.text("hello").await;
    let chat = listed(&session).await;
    assert_eq!(
        json!([chat["Name"], chat["UnreadCount"], chat["Pinned"], chat["IsGroup"], chat["Labels"]]),
        json!(["Bob", 1, false, false, []])
    );
    assert!(chat["LastMessageAt"].as_i64() > Some(1_700_000_000) && chat["LID"].as_str().unwrap().ends_with("@lid"));

    // By the other address of the same person, too.
    let lid = chat["LID"].clone();
    set(&session, "/chat/pin", json!({"Phone": lid})).await;
    set(&session, "/chat/archive", json!({})).await;
    set(&session, "/chat/mute", json!({"Duration": "8h"})).await;
    set(&session, "/chat/markunread", json!({})).await;
    let (listed_now, shown_now) = (listed(&session).await, shown(&world).await);
    let facets = |one: &Value, names: [&str; 3]| json!(names.map(|name| one[name].clone()));
    assert_eq!(facets(&listed_now, ["Pinned", "Archived", "MarkedUnread"]), json!([true, true, true]));
    assert_eq!(facets(&shown_now, ["pinned", "archived", "markedUnread"]), json!([true, true, true]));
    assert_eq!(listed_now["Muted"], true);
    assert_eq!(listed_now["MutedUntil"].as_i64(), shown_now["mutedUntil"].as_i64().map(|until| until / 1_000));
    // The session is told of it as of what others set.
    let pin = inbox.first("the pin", |one| one.kind() == "Pin").await;
    assert_eq!(pin.event()["Action"]["pinned"], true);

    set(&session, "/chat/unpin", json!({})).await;
    set(&session, "/chat/unarchive", json!({})).await;
    set(&session, "/chat/mute", json!({})).await;
    assert_eq!((&listed(&session).await["MutedUntil"], &shown(&world).await["mutedUntil"]), (&json!(-1), &json!(-1)));
    set(&session, "/chat/unmute", json!({})).await;
    set(&session, "/chat/markunread", json!({"Unread": false})).await;
    let (listed_now, shown_now) = (listed(&session).await, shown(&world).await);
    assert_eq!(facets(&listed_now, ["Pinned", "Archived", "MarkedUnread"]), json!([false, false, false]));
    assert_eq!(facets(&shown_now, ["pinned", "archived", "markedUnread"]), json!([false, false, false]));
    assert_eq!((&listed_now["Muted"], &listed_now["UnreadCount"]), (&json!(false), &json!(0)));

    // Labels, of the chat and of a message.
    let id = world.phones.text(BOB, ALICE, "an order").await;
    inbox.text("an order").await;
    session.post("/label/edit", json!({"labelid": "7", "name": "Paid", "color": 3, "action": true})).await.data();
    session.post("/label/chat", json!({"jid": BOB, "labelid": "7"})).await.data();
    session.post("/label/message", json!({"jid": BOB, "labelid": "7", "messageid": id})).await.data();
    let label = json!({"labelid": "7", "name": "Paid", "color": 3, "chatCount": 1, "messageCount": 1});
    assert_eq!(session.get("/label/list").await.data()["labels"], json!([label]));
    let one = session.get("/label/list?labelid=7").await.data()["labels"][0]["labelled"].clone();
    assert_eq!(one, json!([{"jid": jid(BOB)}, {"jid": jid(BOB), "messageid": id}]));
    let labels = world.phones.get(&format!("/phones/{ALICE}/labels")).await;
    let label = json!({"id": "7", "name": "Paid", "color": 3, "chats": [jid(BOB)], "messages": [id]});
    assert_eq!(labels, json!([label]));
    assert_eq!((&listed(&session).await["Labels"], &shown(&world).await["labels"]), (&json!(["7"]), &json!(["7"])));
    session.post("/unlabel/message", json!({"jid": BOB, "labelid": "7", "messageid": id})).await.data();
    session.post("/unlabel/chat", json!({"jid": BOB, "labelid": "7"})).await.data();
    let labels = world.phones.get(&format!("/phones/{ALICE}/labels")).await;
    assert_eq!((&labels[0]["chats"], &labels[0]["messages"]), (&json!([]), &json!([])));
    session.post("/label/edit", json!({"labelid": "7", "action": false})).await.data();
    assert_eq!(world.phones.get(&format!("/phones/{ALICE}/labels")).await, json!([]));
    session.get("/label/list?labelid=7").await.fails(404, "not_found", "label");

    // Stars, and what goes.
    let texts = async || {
        let messages = session.get(&format!("/messages?chat={BOB}")).await.data()["messages"].take();
        let messages = messages.as_array().unwrap().iter();
        json!(messages.map(|one| json!([one["text"], one["starred"]])).collect::<Vec<_>>())
    };
    let on_phone = async || {
        let messages = world.phones.messages(ALICE).await;
        json!(messages.iter().rev().map(|one| json!([one["text"], one["starred"]])).collect::<Vec<_>>())
    };
    session.post("/message/star", json!({"Chat": BOB, "MessageID": id})).await.data();
    let expected = json!([["an order", true], ["hello", null]]);
    assert_eq!((texts().await, on_phone().await), (expected.clone(), expected));
    set(&session, "/chat/clear", json!({})).await;
    let expected = json!([["an order", true]]);
    assert_eq!((texts().await, on_phone().await), (expected.clone(), expected));
    set(&session, "/chat/delete", json!({})).await;
    assert_eq!((texts().await, on_phone().await), (json!([]), json!([])));
    assert_eq!((listed(&session).await, shown(&world).await), (Value::Null, Value::Null));

    // How long messages stay.
    set(&session, "/chat/ephemeral", json!({"Duration": "24h"})).await;
    let sent = session.text(BOB, "for a day").await.data();
    assert_eq!(world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await["expiration"], 86_400);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_phone_sets_its_devices_learn() {
    let (world, session, inbox) = World::linked_with(STORED).await;
    let id = world.phones.text(BOB, ALICE, "hello").await;
    inbox.text("hello").await;
    set_on_phone(&world, &inbox, "pin", json!({}), "Pin").await;
    set_on_phone(&world, &inbox, "mute", json!({"until": LATER * 1_000}), "Mute").await;
    let told = set_on_phone(&world, &inbox, "archive", json!({}), "Archive").await;
    assert_eq!(json!([told["JID"], told["Action"]["archived"], told["FromFullSync"]]), json!([jid(BOB), true, false]));
    set_on_phone(&world, &inbox, "unread", json!({}), "MarkChatAsRead").await;
    set_on_phone(&world, &inbox, "star", json!({"message": id}), "Star").await;
    let seen = inbox.count();
    world.phones.post(&format!("/phones/{ALICE}/labels"), json!({"id": "1", "name": "New", "color": 2})).await.data();
    inbox.next_of(seen, "LabelEdit").await;
    set_on_phone(&world, &inbox, "label", json!({"label": "1"}), "LabelAssociationChat").await;
    let labelled = json!({"label": "1", "message": id});
    let told = set_on_phone(&world, &inbox, "label", labelled, "LabelAssociationMessage").await;
    assert_eq!(
        json!([told["JID"], told["LabelID"], told["MessageID"], told["Action"], told["FromFullSync"]]),
        json!([jid(BOB), "1", id, {"labeled": true}, false])
    );
    let with_label = async |session: &Session| session.get("/label/list?labelid=1").await.data()["labels"][0].take();
    let on_both = json!([{"jid": jid(BOB)}, {"jid": jid(BOB), "messageid": id}]);
    assert_eq!(with_label(&session).await["labelled"], on_both);
    let told = async |session: &Session| {
        let chat = listed(session).await;
        json!([chat["Pinned"], chat["MutedUntil"], chat["Archived"], chat["MarkedUnread"], chat["Labels"]])
    };
    let expected = json!([true, LATER, true, true, ["1"]]);
    assert_eq!(told(&session).await, expected);
    assert_eq!(session.get(&format!("/messages/{id}")).await.data()["starred"], true);

    // Another device of the account is given all of it when it is linked, and learns what comes after.
    let (other, others_inbox) = world.session("other").await;
    other.link(&world.phones, ALICE, &others_inbox).await;
    others_inbox.first("its labels", |one| one.kind() == "LabelAssociationChat").await;
    others_inbox.first("its mutes", |one| one.kind() == "Mute").await;
    others_inbox.first("its marks", |one| one.kind() == "MarkChatAsRead").await;
    assert_eq!(told(&other).await, expected);
    others_inbox.first("its labels on messages", |one| one.kind() == "LabelAssociationMessage").await;
    assert_eq!(with_label(&other).await["labelled"], on_both);
    let seen = inbox.count();
    set(&other, "/chat/unpin", json!({})).await;
    assert_eq!(inbox.next_of(seen, "Pin").await.event()["Action"]["pinned"], false);
    for session in [&session, &other] {
        assert_eq!(listed(session).await["Pinned"], false);
    }
    assert_eq!(shown(&world).await["pinned"], false);

    // The name of the account is app state, too.
    let seen = inbox.count();
    world.phones.post(&format!("/phones/{ALICE}/name"), json!({"name": "Alicia"})).await.data();
    assert_eq!(inbox.next_of(seen, "PushNameSetting").await.event()["Action"]["name"], "Alicia");
    // People are known by what they call themselves, and by what the phone's person calls them.
    let contacts = session.get("/user/contacts").await.data();
    let bob = &contacts[jid(BOB)];
    assert_eq!((&bob["Found"], &bob["PushName"], &bob["FullName"]), (&json!(true), &json!("Bob"), &json!("")));

    let seen = inbox.count();
    let saved = json!({"number": BOB, "name": "Bob Builder"});
    world.phones.post(&format!("/phones/{ALICE}/contacts"), saved).await.data();
    let told = inbox.next_of(seen, "Contact").await.event().clone();
    assert_eq!(json!([told["JID"], told["Action"]["fullName"]]), json!([jid(BOB), "Bob Builder"]));
    let contacts = session.get("/user/contacts").await.data();
    let bob = &contacts[jid(BOB)];
    assert_eq!(json!([bob["FullName"], bob["FirstName"], bob["PushName"]]), json!(["Bob Builder", "Bob", "Bob"]));
    assert_eq!(listed(&session).await["Name"], "Bob Builder");
    let seen = inbox.count();
    world.phones.post(&format!("/phones/{ALICE}/contacts"), json!({"number": BOB, "name": ""})).await.data();
    let told = inbox.next_of(seen, "Contact").await.event().clone();
    assert_eq!(json!([told["JID"], told["Action"]]), json!([jid(BOB), null]));
    let contacts = session.get("/user/contacts").await.data();
    assert_eq!(json!([contacts[jid(BOB)]["FullName"], contacts[jid(BOB)]["PushName"]]), json!(["", "Bob"]));

    set_on_phone(&world, &inbox, "delete-message", json!({"message": id}), "DeleteForMe").await;
    session.get(&format!("/messages/{id}")).await.fails(404, "unknown_message", "");
    set_on_phone(&world, &inbox, "clear", json!({}), "ClearChat").await;
    set_on_phone(&world, &inbox, "delete", json!({}), "DeleteChat").await;
    assert_eq!(listed(&session).await, Value::Null);
    world.stop().await;
}
