//! People: found, looked at, blocked, and what the account shows them of itself.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api::{self, Session},
    hook::{Delivered, Inbox},
    patiently,
    phones::{ALICE, BOB, Phones, jid},
    world::World,
};

const CAROL: &str = "15550000003";
const NOBODY: &str = "15559999999";
/// One pixel.
pub const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Alice's session, and Bob's.
async fn two() -> (World, [(Session, Inbox); 2]) {
    let (world, alices, inbox) = World::linked().await;
    let (bobs, bobs_inbox) = world.session("bob").await;
    bobs.link(&world.phones, BOB, &bobs_inbox).await;
    (world, [(alices, inbox), (bobs, bobs_inbox)])
}

async fn lid(phones: &Phones, number: &str) -> String {
    let all = phones.get("/phones").await;
    let one = all.as_array().unwrap().iter().find(|one| one["number"] == number).unwrap();
    one["lid"].as_str().unwrap().to_owned()
}

async fn at_phone(phones: &Phones, number: &str, what: &str, body: Value) {
    let done = phones.post(&format!("/phones/{number}/{what}"), body).await;
    assert!(done.status.is_success(), "{what}: {}", done.text);
}

/// A person as a phone's owner sees it.
async fn look(phones: &Phones, viewer: &str, who: &str) -> Value {
    phones.get(&format!("/phones/{viewer}/people/{who}")).await
}

/// The bytes behind a picture's address.
async fn picture(url: &Value) -> Vec<u8> {
    let answer = api::client().get(url.as_str().unwrap()).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    answer.bytes().await.unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_number_and_by_lid() {
    let (world, alice, _) = World::linked().await;
    let bobs_lid = lid(&world.phones, BOB).await;
    let asked = json!(["+1 555 000-0002", NOBODY, &bobs_lid, jid(BOB), "100000000000001@lid"]);
    let users = alice.post("/user/check", json!({"Phone": asked})).await.data()["Users"].clone();
    let told = |at: usize| {
        let one: &Value = &users[at];
        json!([one["Query"], one["IsInWhatsapp"], one["JID"], one["LID"], one["VerifiedName"]])
    };
    assert_eq!(users.as_array().unwrap().len(), 5, "{users}");
    assert_eq!(told(0), json!(["+1 555 000-0002", true, jid(BOB), bobs_lid, ""]));
    assert_eq!(told(1), json!([NOBODY, false, jid(NOBODY), "", ""]));
    assert_eq!(told(2), json!([bobs_lid, true, jid(BOB), bobs_lid, ""]));
    assert_eq!(told(3), json!([jid(BOB), true, jid(BOB), bobs_lid, ""]));
    assert_eq!(told(4)[1], false);

    let names = json!({"jid": jid(BOB), "lid": bobs_lid});
    for way in [BOB.to_owned(), jid(BOB), bobs_lid.clone(), format!("{BOB}:3@s.whatsapp.net")] {
        assert_eq!(alice.get(&format!("/user/lid/{way}")).await.data(), names, "{way}");
    }
    // Of somebody whom nobody here has heard of yet, by the LID alone.
    world.phones.create(CAROL).await;
    let carols_lid = lid(&world.phones, CAROL).await;
    let found = alice.get(&format!("/user/lid/{carols_lid}")).await.data();
    assert_eq!(found, json!({"jid": jid(CAROL), "lid": carols_lid}));
    for unknown in [NOBODY, "100000000000001@lid"] {
        alice.get(&format!("/user/lid/{unknown}")).await.fails(404, "not_found", "nobody by this name");
    }
    alice.get("/user/lid/120363021033254949@g.us").await.fails(400, "invalid_field", "jid should be");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_tell_of_themselves_is_seen_by_those_whom_they_show_it() {
    let (world, [(alice, inbox), (bob, bobs_inbox)]) = two().await;
    world.phones.text(BOB, ALICE, "hello").await;
    inbox.text("hello").await;
    let bobs_lid = lid(&world.phones, BOB).await;

    // About.
    bob.post("/user/about", json!({"Body": "at the sea"})).await.data();
    let told = inbox.first("Bob's about text", |one| one.kind() == "UserAbout").await;
    assert_eq!((&told.event()["JID"], &told.event()["Status"]), (&json!(jid(BOB)), &json!("at the sea")));
    bob.post("/status/set/text", json!({"Body": "in the hills"})).await.data();
    inbox.first("the next", |one| one.kind() == "UserAbout" && one.event()["Status"] == "in the hills").await;
    at_phone(&world.phones, ALICE, "about", json!({"about": "here"})).await;
    bobs_inbox.first("Alice's about text", |one| one.kind() == "UserAbout" && one.event()["Status"] == "here").await;

    // The name goes with what is written.
    bob.post("/user/name", json!({"Name": "Robert"})).await.data();
    bob.text(ALICE, "it is me").await.data();
    assert_eq!(inbox.text("it is me").await.event()["Info"]["PushName"], "Robert");

    // A picture.
    let none = alice.post("/user/avatar", json!({"Phone": BOB})).await;
    none.fails(404, "no_picture", "no profile picture (code 404)");
    let set = bob.post("/user/profile", json!({"Image": PNG})).await.data();
    let told = inbox.first("Bob's picture", |one| one.kind() == "Picture").await;
    let event = told.event();
    assert_eq!(json!([event["JID"], event["JIDAlt"], event["Remove"]]), json!([jid(BOB), bobs_lid, false]));
    assert_eq!(event["PictureID"], set["PictureID"]);
    let seen = alice.post("/user/avatar", json!({"Phone": bobs_lid})).await.data();
    assert_eq!((&seen["id"], &seen["type"], &seen["unchanged"]), (&set["PictureID"], &json!("image"), &json!(false)));
    assert!(seen["direct_path"].as_str().unwrap().starts_with("/v/"), "{seen}");
    let jpeg = picture(&seen["url"]).await;
    assert!(jpeg.starts_with(b"\xff\xd8"));
    let jpeg = format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(jpeg));
    let query = format!("/user/avatar?Phone={BOB}&Preview=true&ExistingID={}", set["PictureID"].as_str().unwrap());
    let same = alice.get(&query).await.data();
    assert_eq!(json!([same["unchanged"], same["id"], same["url"]]), json!([true, set["PictureID"], ""]));
    let small = alice.get(&format!("/user/avatar?phone={BOB}&preview=true")).await.data();
    assert_eq!(small["type"], "preview");
    let own = bob.post("/user/avatar", json!({"Phone": BOB})).await.data();
    assert_eq!(own["id"], set["PictureID"]);

    for (image, said) in [
        ("data:text/plain;base64,aGVsbG8=", "should be a JPEG, PNG, WebP or GIF picture"),
        ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", "cannot be used"),
    ] {
        bob.post("/user/profile", json!({"Image": image})).await.fails(400, "invalid_field", said);
    }

    // All at once.
    let asked = json!({"Phone": [BOB, bobs_lid, NOBODY]});
    let infos = alice.post("/user/info", asked).await.data()["Users"].clone();
    for name in [jid(BOB), bobs_lid.clone()] {
        let info = &infos[&name];
        assert_eq!(json!([info["Status"], info["PictureID"]]), json!(["in the hills", set["PictureID"]]), "{infos}");
        assert_eq!(json!([info["JID"], info["LID"]]), json!([jid(BOB), bobs_lid]));
        assert_eq!(info["Devices"].as_array().unwrap().len(), 2, "{infos}");
        assert_eq!(info["VerifiedName"], Value::Null);
    }
    assert_eq!(infos[jid(NOBODY)]["Errors"]["Devices"]["Code"], 404, "{infos}");

    // What is hidden is not there for others.
    let hidden = json!({"Profile": "contacts", "Status": "none"});
    bob.post("/user/privacy", hidden).await.data();
    let hidden = alice.post("/user/avatar", json!({"Phone": BOB})).await;
    hidden.fails(403, "picture_hidden", "not shown to this account (code 401)");
    let infos = alice.post("/user/info", json!({"Phone": BOB})).await.data()["Users"].clone();
    let info = &infos[jid(BOB)];
    assert_eq!(json!([info["Status"], info["PictureID"]]), json!(["", ""]), "{infos}");
    assert_eq!(info["Errors"]["PictureID"]["Code"], 401, "{infos}");
    at_phone(&world.phones, BOB, "contacts", json!({"number": ALICE, "name": "Alice"})).await;
    assert_eq!(alice.post("/user/avatar", json!({"Phone": BOB})).await.data()["id"], set["PictureID"]);

    // It goes as it came.
    bob.post("/user/profile", json!({"Remove": true})).await.data();
    inbox.first("its end", |one| one.kind() == "Picture" && one.event()["Remove"] == true).await;
    alice.post("/user/avatar", json!({"Phone": BOB})).await.fails(404, "no_picture", "no profile picture");
    let form = reqwest::multipart::Form::new();
    let file =
        reqwest::multipart::Part::bytes(BASE64_STANDARD.decode(&jpeg["data:image/jpeg;base64,".len()..]).unwrap());
    let form = form.part("Image", file.file_name("me.jpg"));
    api::send(bob.ask(Method::POST, "/user/profile").multipart(form)).await.data();
    let removed = api::send(bob.ask(Method::DELETE, "/user/profile")).await.data();
    assert_eq!(removed["PictureID"], "");

    // The phone's own changes are told to the session, and a group's picture to its members.
    at_phone(&world.phones, ALICE, "picture", json!({"picture": jpeg})).await;
    inbox.first("the own picture", |one| one.kind() == "Picture" && one.event()["JID"] == jid(ALICE)).await;
    let group = json!({"subject": "Friends", "owner": ALICE, "participants": [BOB]});
    let group = world.phones.post("/groups", group).await.data()["jid"].clone();
    at_phone(&world.phones, ALICE, "picture", json!({"picture": jpeg, "group": group})).await;
    let told =
        bobs_inbox.first("the group's picture", |one| one.kind() == "Picture" && one.event()["JID"] == group).await;
    let seen = bob.post("/user/avatar", json!({"Phone": group})).await.data();
    assert_eq!(seen["id"], told.event()["PictureID"]);

    for (body, said) in [
        (json!({"Phone": NOBODY}), "is not on WhatsApp"),
        (json!({"Phone": "120363298765432100@newsletter"}), "should be a person or a group"),
    ] {
        let refused = alice.post("/user/avatar", body).await;
        assert_eq!(refused.status.as_u16(), 400, "{}", refused.text);
        assert!(refused.text.contains(said), "{}", refused.text);
    }
    let strange = alice.post("/user/avatar", json!({"Phone": "120363999999999999@g.us"})).await;
    strange.fails(404, "no_picture", "code 404");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn privacy_is_read_and_set_and_has_its_effects() {
    let (world, [(alice, inbox), (bob, bobs_inbox)]) = two().await;
    world.phones.text(BOB, ALICE, "hello").await;
    inbox.text("hello").await;
    let defaults = alice.get("/user/privacy").await.data();
    assert_eq!(
        json!([defaults["LastSeen"], defaults["Online"], defaults["ReadReceipts"], defaults["DefaultDisappearing"]]),
        json!(["all", "all", "all", 0])
    );
    let set = json!({"Name": "last", "Value": "contacts"});
    assert_eq!(alice.post("/user/privacy", set).await.data()["LastSeen"], "contacts");

    // Some contacts are left out, by number or LID; then others instead of them.
    world.phones.create(CAROL).await;
    at_phone(&world.phones, ALICE, "contacts", json!({"number": BOB, "name": "Bob"})).await;
    at_phone(&world.phones, ALICE, "contacts", json!({"number": CAROL, "name": "Carol da Silva"})).await;
    inbox.first("Carol in the address book", |one| one.kind() == "Contact" && one.event()["JID"] == jid(CAROL)).await;
    assert_eq!(alice.get("/user/contacts").await.data()[jid(CAROL)]["FullName"], "Carol da Silva");
    let carols_lid = lid(&world.phones, CAROL).await;
    let set =
        json!({"Except": {"Status": [BOB, carols_lid]}, "Online": "match_last_seen", "DefaultDisappearing": 604_800});
    let privacy = alice.post("/user/privacy", set).await.data();
    assert_eq!(json!([privacy["Status"], privacy["Online"]]), json!(["contact_blacklist", "match_last_seen"]));
    assert_eq!(privacy["Except"]["Status"], json!([jid(BOB), jid(CAROL)]), "{privacy}");
    assert_eq!(privacy["DefaultDisappearing"], 604_800);
    let told = bobs_inbox.first("how long messages stay", |one| one.kind() == "DisappearingMode").await;
    assert_eq!(json!([told.event()["From"], told.event()["Duration"]]), json!([jid(ALICE), 604_800]));
    assert_eq!(look(&world.phones, BOB, ALICE).await["about"], Value::Null);
    let privacy = alice.post("/user/privacy", json!({"Except": {"Status": [CAROL]}})).await.data();
    assert_eq!(privacy["Except"]["Status"], json!([jid(CAROL)]));
    assert!(look(&world.phones, BOB, ALICE).await["about"].is_string());
    assert_eq!(look(&world.phones, CAROL, ALICE).await["about"], Value::Null);
    assert_eq!(alice.get("/user/privacy").await.data(), privacy);
    let unknown = alice.post("/user/privacy", json!({"Except": {"Status": [NOBODY]}})).await;
    unknown.fails(400, "not_on_whatsapp", NOBODY);

    // What the phone sets is told to the session.
    at_phone(&world.phones, ALICE, "privacy", json!({"name": "profile", "value": "none"})).await;
    let told = inbox.first("the phone's setting", |one| one.kind() == "PrivacySettings").await;
    let event = told.event();
    assert_eq!(json!([event["NewSettings"]["Profile"], event["ProfileChanged"]]), json!(["none", true]));

    // Nobody who hides what was read is told what others read.
    bob.post("/user/privacy", json!({"readreceipts": "none"})).await.data();
    let id = alice.text(BOB, "read me").await.data()["Id"].clone();
    bobs_inbox.text("read me").await;
    bob.post("/message/markread", json!({"Chat": ALICE, "Id": id})).await.data();
    let second = bob.text(ALICE, "and me").await.data()["Id"].as_str().unwrap().to_owned();
    inbox.text("and me").await;
    world.phones.shows(ALICE, &second).await;
    world.phones.read(ALICE, &second).await;
    let path = "/network";
    let kept = |network: &Value| network["counters"]["receipt not told"].as_u64().filter(|count| *count >= 1);
    world.phones.until("a receipt that is not told", path, kept).await;
    // What comes later arrived after the receipt would have.
    bob.text(ALICE, "later").await.data();
    inbox.text("later").await;
    // The account's own devices are told in any case.
    let of_others = |one: &Delivered| one.json["state"] == "Read" && one.event()["IsFromMe"] == false;
    let read = |inbox: &Inbox| inbox.all().iter().any(of_others);
    assert!(!read(&inbox) && !read(&bobs_inbox));

    // If the phone hides it, the session keeps what it reads to the account.
    let seen = inbox.count();
    at_phone(&world.phones, ALICE, "privacy", json!({"name": "readreceipts", "value": "none"})).await;
    inbox.next_of(seen, "PrivacySettings").await;
    let own = |network: &Value| network["counters"]["receipt read-self"].as_u64().unwrap_or(0);
    let before = own(&world.phones.get(path).await);
    let later = inbox.text("later").await.event()["Info"]["ID"].clone();
    alice.post("/message/markread", json!({"Chat": BOB, "Id": later})).await.data();
    world.phones.until("it to be told to the account alone", path, |now| (own(now) > before).then_some(())).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_there_is_told_to_those_who_may_know() {
    let (mut world, [(alice, inbox), (bob, _)]) = two().await;
    let there = |there: bool| move |seen: &Value| (seen["available"] == there).then_some(());
    bob.post("/user/presence", json!({"type": "unavailable"})).await.data();
    // WhatsApp does not say that it has heard of a presence.
    world.phones.until("Bob away", &format!("/phones/{ALICE}/people/{BOB}"), there(false)).await;
    alice.post("/user/presence/subscribe", json!({"Phone": BOB})).await.data();
    let of_bob = |state: &'static str| {
        move |one: &crate::hook::Delivered| {
            one.kind() == "Presence" && one.event()["From"] == jid(BOB) && one.json["state"] == state
        }
    };
    inbox.first("Bob away", of_bob("offline")).await;
    bob.post("/user/presence", json!({"type": "available"})).await.data();
    inbox.first("Bob there", of_bob("online")).await;
    let seen = inbox.count();
    bob.post("/user/presence", json!({"State": "unavailable"})).await.data();
    let away = inbox.next_of(seen, "Presence").await;
    assert!(!away.event()["LastSeen"].as_str().unwrap().starts_with("0001"), "{}", away.json);

    // A hidden last-seen is hidden, and who hides it does not see that of others.
    let seen = inbox.count();
    bob.post("/user/privacy", json!({"LastSeen": "none"})).await.data();
    let hidden = inbox.next_of(seen, "Presence").await;
    assert!(hidden.event()["LastSeen"].as_str().unwrap().starts_with("0001"), "{}", hidden.json);
    assert_eq!(look(&world.phones, BOB, ALICE).await["lastSeen"], Value::Null);
    bob.post("/user/privacy", json!({"Online": "match_last_seen"})).await.data();
    let seen = inbox.count();
    bob.post("/user/presence", json!({"type": "available"})).await.data();
    bob.text(ALICE, "nobody saw me come").await.data();
    inbox.text("nobody saw me come").await;
    assert!(!inbox.all()[seen..].iter().any(of_bob("online")));
    let lid = lid(&world.phones, BOB).await;
    alice.post("/user/presence/subscribe", json!({"Phone": lid})).await.data();
    alice.post("/user/presence/subscribe", json!({"Phone": NOBODY})).await.fails(400, "not_on_whatsapp", NOBODY);

    // Who wants to be away is so after a restart, too.
    world.phones.create(CAROL).await;
    let path = format!("/phones/{CAROL}/people/{ALICE}");
    world.phones.until("Alice there", &path, there(true)).await;
    alice.post("/user/presence", json!({"type": "unavailable"})).await.data();
    world.phones.until("Alice away", &path, there(false)).await;
    world.stop_gateway().await;
    let seen = inbox.count();
    world.start_gateway().await;
    inbox.next_of(seen, "Connected").await;
    world.phones.until("Alice away again", &path, there(false)).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_is_not_heard() {
    let (world, [(alice, inbox), (bob, _)]) = two().await;
    let bobs_lid = lid(&world.phones, BOB).await;
    // Another session of the same account hears of all that.
    let (other, others_inbox) = world.session("other").await;
    other.link(&world.phones, ALICE, &others_inbox).await;
    let before = alice.get("/user/blocklist").await.data();
    assert_eq!(before["Blocklist"], json!([]));
    let blocked = alice.post("/user/block", json!({"JID": bobs_lid})).await.data();
    assert_eq!(json!([blocked["JID"], blocked["RequestedJID"]]), json!([jid(BOB), bobs_lid]));
    assert_eq!(blocked["Blocklist"], json!([jid(BOB)]));
    assert_ne!(blocked["DHash"], before["DHash"]);
    let told = others_inbox.first("the block", |one| one.kind() == "Blocklist").await;
    assert_eq!(json!([told.event()["DHash"], told.event()["PrevDHash"]]), json!([blocked["DHash"], before["DHash"]]));
    assert_eq!(other.get("/user/blocklist").await.data()["Blocklist"], json!([jid(BOB)]));
    let list = alice.get("/user/blocklist").await.data();
    assert_eq!(json!([list["Blocklist"], list["DHash"]]), json!([[jid(BOB)], blocked["DHash"]]));
    assert_eq!(list["People"], json!([{"jid": jid(BOB), "lid": bobs_lid}]));

    // It is sent, and does not arrive; nothing of Alice is to be seen.
    bob.text(ALICE, "can you hear me?").await.data();
    bob.post("/user/avatar", json!({"Phone": ALICE})).await.fails(403, "picture_hidden", "code 401");
    let seen = look(&world.phones, BOB, ALICE).await;
    assert_eq!(json!([seen["about"], seen["available"], seen["lastSeen"]]), json!([null, null, null]));
    let group = json!({"subject": "Us", "owner": BOB, "participants": [ALICE]});
    let group = world.phones.post("/groups", group).await.data();
    assert_eq!(group["failed"][0]["code"], 401);
    let unblocked = alice.post("/user/unblock", json!({"Phone": BOB})).await.data();
    assert_eq!((&unblocked["Blocklist"], &unblocked["DHash"]), (&json!([]), &before["DHash"]));
    bob.text(ALICE, "and now?").await.data();
    inbox.text("and now?").await;
    assert!(!inbox.all().iter().any(|one| one.is_text("can you hear me?")));

    // The phone's own changes are told to the session.
    at_phone(&world.phones, ALICE, "block", json!({"who": BOB})).await;
    let told = inbox.first("the phone's block", |one| one.kind() == "Blocklist").await;
    let change = &told.event()["Changes"][0];
    let expected = json!([bobs_lid, jid(BOB), "block"]);
    assert_eq!(json!([change["JID"], change["JIDAlt"], change["Action"]]), expected);
    assert_eq!(alice.get("/user/blocklist").await.data()["Blocklist"], json!([jid(BOB)]));
    alice.post("/user/block", json!({"Phone": NOBODY})).await.fails(400, "not_on_whatsapp", NOBODY);
    alice.post("/user/block", json!({"Phone": ALICE})).await.fails(502, "whatsapp_refused", "code 406");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatsapp_refuses_what_is_too_much() {
    let (world, alice, _) = World::linked().await;
    world.phones.fault(json!({"kind": "overlimit", "target": ALICE})).await;
    for refused in [
        alice.post("/user/check", json!({"Phone": [BOB]})).await,
        alice.post("/user/info", json!({"Phone": [BOB]})).await,
        alice.post("/user/profile", json!({"Image": PNG})).await,
        alice.get("/user/privacy").await,
        alice.get("/user/blocklist").await,
    ] {
        refused.fails(502, "whatsapp_refused", "code 429");
        assert_eq!(refused.json()["retryable"], true);
    }
    world.phones.repair().await;
    world.phones.fault(json!({"kind": "restricted", "target": ALICE})).await;
    let stranger = alice.text(BOB, "you do not know me").await;
    stranger.fails(502, "whatsapp_refused", "code 463");
    assert_eq!(stranger.json()["retryable"], false);
    patiently("a text from Bob", world.phones.text(BOB, ALICE, "I do now")).await;
    alice.text(BOB, "well then").await.data();
    world.stop().await;
}
