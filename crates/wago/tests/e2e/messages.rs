//! A journey for each kind of message that carries no file, and for what is done with messages.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api::{Session, send},
    phones::{ALICE, BOB, jid},
    world::World,
};

/// Sends it to Bob, and returns what his phone shows.
async fn shown(world: &World, session: &Session, path: &str, mut body: Value) -> Value {
    body["Phone"] = BOB.into();
    let sent = session.post(path, body).await.data();
    assert_eq!(sent["Details"], "Sent");
    world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_shows_every_kind_without_a_file() {
    let (world, session, _) = World::linked().await;
    let button = json!([{"label": "Yes", "id": "y"}, {"label": "Site", "type": "url", "url": "https://a.b"}]);
    let card = "BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nEND:VCARD";
    for (path, body, kind, text) in [
        ("/send/poll", json!({"Question": "Q", "Options": ["a", "b"]}), "poll", "Q\na\nb"),
        ("/send/location", json!({"Latitude": 1.5, "Longitude": -2, "Name": "N"}), "location", "1.5,-2\nN"),
        ("/send/contact", json!({"Name": "Ana", "Vcard": card}), "contact", "Ana"),
        (
            "/send/contact",
            json!({"Contacts": [{"Vcard": card}, {"FullName": "Bo", "PhoneNumber": "15550003"}]}),
            "contact",
            "Ana\nBo",
        ),
        ("/send/event", json!({"Name": "N", "Start": 1_900_000_000, "Description": "D"}), "event", "N\nD"),
        ("/send/groupinvite", json!({"GroupJID": "1203@g.us", "Code": "AbC", "GroupName": "G"}), "invite", "G\nAbC"),
        ("/send/buttons", json!({"Body": "B", "Buttons": button}), "interactive", "B\nYes\nSite"),
        ("/send/template", json!({"Content": "B", "Buttons": button}), "interactive", "B\nYes\nSite"),
        ("/send/locationbutton", json!({"Body": "Where?"}), "interactive", "Where?\nLocation"),
        ("/send/list", json!({"Body": "B", "List": [{"Title": "R"}]}), "interactive", "B\nR"),
        (
            "/send/pixbutton",
            json!({"Body": "Pay", "Key": "k", "KeyType": "EVP", "MerchantName": "M"}),
            "interactive",
            "Pay\npayment_info",
        ),
        (
            "/send/reviewpay",
            json!({"Body": "Pay", "Items": [{"Name": "I", "Amount": 2}]}),
            "interactive",
            "Pay\nreview_and_pay",
        ),
        (
            "/send/carousel",
            json!({"message": "M", "carousel": [{"text": "C", "buttons": [{"label": "L"}]}]}),
            "interactive",
            "M\nC\nL",
        ),
        ("/send/preview", json!({"Body": "See https://a.b", "Title": "T"}), "text", "See https://a.b"),
    ] {
        let shown = shown(&world, &session, path, body).await;
        assert_eq!((&shown["kind"], &shown["text"]), (&kind.into(), &text.into()), "{path}");
        assert_eq!(shown["from"], jid(ALICE), "{path}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_with_every_kind() {
    let (world, session, inbox) = World::linked().await;
    let asked = world.phones.text(BOB, ALICE, "Where?").await;
    inbox.text("Where?").await;
    let body = json!({
        "Latitude": 1, "Longitude": 2, "QuotedText": "Where?",
        "ContextInfo": {"StanzaID": asked, "Participant": jid(BOB)},
    });
    let shown = shown(&world, &session, "/send/location", body).await;
    assert_eq!(shown["quoted"]["id"], asked);
    assert_eq!(shown["quoted"]["text"], "Where?");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_reacted_to_edited_and_deleted() {
    let (world, session, inbox) = World::linked().await;
    let path = format!("/phones/{BOB}/messages");
    let until = async |what: &str, id: &str, fits: &dyn Fn(&Value) -> bool| {
        let one = |messages: &Value| {
            let message = messages.as_array()?.iter().find(|message| message["id"] == id)?;
            fits(message).then_some(())
        };
        world.phones.until(what, &path, one).await;
    };

    // Bob's message, with a thumb, and without it again.
    let asked = world.phones.text(BOB, ALICE, "Like it?").await;
    inbox.text("Like it?").await;
    let react = |emoji: &str| json!({"Phone": BOB, "Id": asked, "Body": emoji});
    session.post("/message/react", react("👍")).await.data();
    until("a reaction", &asked, &|message| message["reactions"][jid(ALICE)] == "👍").await;
    session.post("/message/react", react("remove")).await.data();
    until("no reaction", &asked, &|message| message["reactions"][jid(ALICE)].is_null()).await;

    let sent = session.text(BOB, "frist").await.data();
    let id = sent["Id"].as_str().unwrap();
    world.phones.shows(BOB, id).await;
    let edit = json!({"Chat": jid(BOB), "MessageID": id, "Message": "first"});
    assert_eq!(session.post("/message/edit", edit).await.data()["Details"], "Edited");
    until("an edit", id, &|message| message["text"] == "first" && message["edited"] == true).await;

    let delete = json!({"Chat": jid(BOB), "MessageID": id});
    let once = || send(session.ask(Method::POST, "/message/delete").header("Idempotency-Key", "d").json(&delete));
    let (deleted, again) = (once().await, once().await);
    assert_eq!(deleted.data()["Details"], "Deleted");
    assert_eq!(deleted.text, again.text);
    until("a deletion", id, &|message| message["kind"] == "deleted").await;

    // Bob sees that his message was read.
    let read = json!({"Id": [asked], "Chat": jid(BOB)});
    session.post("/message/markread", read).await.data();
    until("a read receipt", &asked, &|message| message["state"] == "read").await;

    let presence = json!({"Phone": BOB, "State": "composing", "Media": "audio"});
    session.post("/message/presence", presence).await.data();
    for (pin, details) in [(true, "Pinned"), (false, "Unpinned")] {
        let body = json!({"Chat": BOB, "Id": asked, "IsFromMe": false, "Pin": pin});
        assert_eq!(session.post("/message/pin", body).await.data()["Details"], details);
    }
    for (star, details) in [(true, "Starred"), (false, "Unstarred")] {
        let body = json!({"Chat": BOB, "Id": asked, "Star": star});
        assert_eq!(session.post("/message/star", body).await.data()["Details"], details);
    }
    // Gone from Alice's devices, and not from Bob's.
    let body = json!({"Chat": BOB, "Id": asked, "IsFromMe": false, "ForMe": true});
    assert_eq!(session.post("/message/delete", body).await.data()["Details"], "Deleted");
    assert_eq!(world.phones.shows(BOB, &asked).await["text"], "Like it?");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_opens_at_the_other_end() {
    let (world, session, _) = World::linked().await;
    let body = json!({"Question": "Q", "Options": ["a", "b", "c"], "MaxAnswer": 2});
    let poll = shown(&world, &session, "/send/poll", body).await;
    let vote = json!({"Phone": BOB, "Id": poll["id"], "IsFromMe": true, "Options": ["c", "a"]});
    let sent = session.post("/message/vote", vote).await.data();
    let vote = world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await;
    assert_eq!((&vote["kind"], &vote["text"]), (&json!("vote"), &json!("a\nc")));
    assert_eq!(vote["target"], poll["id"]);

    let unknown = json!({"Phone": BOB, "Id": "3EB0NOBODY", "Options": ["a"]});
    session.post("/message/vote", unknown).await.fails(404, "unknown_message", "unknown message");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_it_is_sent_as_is_refused() {
    let (world, session, _) = World::linked().await;
    let picture = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==";
    // "hello"
    for (path, body, field) in [
        ("/send/image", json!({"Phone": BOB, "Image": "data:image/png;base64,aGVsbG8="}), "Image"),
        ("/send/video", json!({"Phone": BOB, "Video": "aGVsbG8="}), "Video"),
        ("/send/audio", json!({"Phone": BOB, "Audio": "aGVsbG8="}), "Audio"),
        ("/send/sticker", json!({"Phone": BOB, "Sticker": "aGVsbG8="}), "Sticker"),
        ("/send/preview", json!({"Phone": BOB, "Body": "https://a.b", "Image": "aGVsbG8="}), "Image"),
        ("/send/preview2", json!({"Phone": BOB, "Body": "https://a.b", "Image": "aGVsbG8="}), "Image"),
        // The first could be sent.
        ("/send/album", json!({"Phone": BOB, "Media": [{"Image": picture}, {"Video": "aGVsbG8="}]}), "Media[1].Video"),
    ] {
        let answer = session.post(path, body).await;
        answer.fails(400, "invalid_field", field);
        assert_eq!(answer.json()["field"], field);
    }
    assert!(world.phones.messages(BOB).await.is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_acts_on_what_others_wrote() {
    let (world, session, inbox) = World::linked().await;
    let group = json!({"subject": "G", "owner": ALICE, "participants": [BOB]});
    let group = world.phones.ask(Method::POST, "/groups", group).await.data()["jid"].as_str().unwrap().to_owned();
    let path = format!("/phones/{BOB}/messages");
    let until = async |what: &str, id: &str, fits: &dyn Fn(&Value) -> bool| {
        let one = |messages: &Value| {
            let message = messages.as_array()?.iter().find(|message| message["id"] == id)?;
            fits(message).then_some(())
        };
        world.phones.until(what, &path, one).await;
    };
    let wrote = world.phones.text(BOB, &group, "rude").await;
    inbox.text("rude").await;
    // In a group it has to be said whose it is.
    let nobodys = json!({"Phone": group, "Id": wrote, "Body": "👎"});
    let answer = session.post("/message/react", nobodys).await;
    assert_eq!(answer.json()["field"], "Participant", "{}", answer.text);
    let react = json!({"Phone": group, "Id": wrote, "Body": "👎", "Participant": jid(BOB)});
    session.post("/message/react", react).await.data();
    until("a reaction", &wrote, &|message| message["reactions"][jid(ALICE)] == "👎").await;
    let read = json!({"Id": [wrote], "Chat": group, "Sender": jid(BOB)});
    session.post("/message/markread", read).await.data();
    until("a read receipt", &wrote, &|message| message["state"] == "read").await;
    let delete = json!({"Chat": group, "MessageID": wrote, "Participant": jid(BOB)});
    session.post("/message/delete", delete).await.data();
    until("a deletion", &wrote, &|message| message["kind"] == "deleted").await;

    let sent = session.text(&group, "frist").await.data();
    let id = sent["Id"].as_str().unwrap();
    let edit = json!({"Chat": group, "MessageID": id, "Message": "first"});
    session.post("/message/edit", edit).await.data();
    until("an edit", id, &|message| message["text"] == "first").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_told_with_what_is_in_it() {
    let (mut world, _, inbox) = World::linked().await;
    let order = |title: &str| {
        let products = json!([{"name": "Tea", "price": 4_500, "quantity": 2}]);
        json!({"to": ALICE, "order": {"title": title, "currency": "EUR", "products": products}})
    };
    let told = async |id: String| {
        let told = inbox.first("an order", |one| one.event()["Info"]["ID"] == id.as_str()).await;
        assert_eq!(told.event()["Message"]["orderMessage"]["itemCount"], 1);
        let details = &told.json["orderDetails"];
        let tea = json!({"id": "1", "name": "Tea", "price": 4_500, "currency": "EUR", "quantity": 2, "imageUrl": ""});
        assert_eq!(details["products"], json!([tea]), "{}", told.json);
        assert_eq!(details["price"], json!({"subtotal": 9_000, "total": 9_000, "currency": "EUR"}));
    };
    let id = world.phones.send(BOB, order("live")).await;
    told(id).await;
    // And those that wait for the gateway.
    world.stop_gateway().await;
    let waiting = [world.phones.send(BOB, order("one")).await, world.phones.send(BOB, order("two")).await];
    world.start_gateway().await;
    for id in waiting {
        told(id).await;
    }
    world.stop().await;
}
