//! Calls of many: whoever is in one hears all the others.

use serde_json::{Value, json};

use crate::{
    api::Session,
    calls::{ASKED, goes_on, samples, status},
    hook::Inbox,
    phones::{ALICE, BOB, Phones, jid},
    world::World,
};

const CAROL: &str = "15550000003";
const DAVE: &str = "15550000004";
/// What each says, in Hz; phones say it at -15 dB.
const ALICES: u32 = 440;
const BOBS: u32 = 1_000;
const CAROLS: u32 = 1_700;

/// A group that Alice made.
async fn group(phones: &Phones, participants: &[&str]) -> String {
    let new = json!({"subject": "Friends", "owner": ALICE, "participants": participants});
    phones.post("/groups", new).await.data()["jid"].as_str().unwrap().to_owned()
}

/// A session of Alice's, and phones of Bob's and Carol's.
async fn three() -> (World, Session, Inbox) {
    let (world, alice, inbox) = World::linked().await;
    world.phones.create(CAROL).await;
    (world, alice, inbox)
}

impl Phones {
    async fn answers_with(&self, number: &str, hz: u32) {
        self.call(number, "auto", json!({"then": "answer", "play": format!("tone:{hz}:-15")})).await;
    }

    /// Waits until the phone's latest call is such, though nothing makes an event of it.
    async fn asked(&self, number: &str, what: &str, such: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/phones/{number}/calls");
        let mut latest = Value::Null;
        let wait = async {
            loop {
                latest = self.get(&path).await.as_array().and_then(|calls| calls.last()).cloned().unwrap_or_default();
                if such(&latest) {
                    return;
                }
                tokio::time::sleep(ASKED).await;
            }
        };
        let came = tokio::time::timeout(crate::PATIENCE, wait).await.is_ok();
        assert!(came, "waited in vain for {what} on the phone {number}: {latest}");
        latest
    }

    /// Waits until the phone heard that tone for a second, whatever else it heard.
    async fn hears_among_others(&self, number: &str, hz: u32, level: i32) {
        self.asked(number, "its sound", |call| call["connected"] == true).await;
        self.call(number, "expect", json!({"play": format!("tone:{hz}:{level}")})).await;
        let heard = |call: &Value| call["heard"]["good"].as_u64() >= Some(17);
        self.asked(number, &format!("{hz} Hz"), heard).await;
    }
}

/// Waits until these are in the call, and no others.
async fn are_in(session: &Session, id: &str, numbers: &[&str]) -> Value {
    let wait = async {
        loop {
            let call = status(session, id).await;
            let people = call["participants"].as_array().cloned().unwrap_or_default();
            let mut there: Vec<String> = people
                .iter()
                .filter(|one| one["state"] == "connected")
                .map(|one| one["alt"].as_str().unwrap().to_owned())
                .collect();
            there.sort();
            if there == numbers.iter().map(|number| jid(number)).collect::<Vec<_>>() {
                return call;
            }
            tokio::time::sleep(ASKED).await;
        }
    };
    crate::patiently("those who are in the call", wait).await
}

/// Records what is heard in the call for two seconds, and has their second half.
async fn recorded(session: &Session, id: &str) -> Vec<i16> {
    let start = json!({"CallID": id, "What": "inbound", "Format": "wav"});
    let recording = session.post("/call/recording/start", start).await.data();
    // Of each who speaks.
    goes_on(session, id, 80).await;
    session.post("/call/recording/stop", json!({"CallID": id})).await.data();
    let path = format!("/call/recordings/{}", recording["id"].as_str().unwrap());
    let whole = async {
        loop {
            let list = session.get(&format!("/call/recordings?CallID={id}")).await.data();
            let all = list["recordings"].as_array().unwrap().clone();
            if all.iter().any(|one| one["id"] == recording["id"] && one["endedAt"].is_string()) {
                return;
            }
            tokio::time::sleep(ASKED).await;
        }
    };
    crate::patiently("the recording", whole).await;
    let file = session.ask(reqwest::Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
    let sound = samples(&file);
    sound[sound.len() / 2..].to_vec()
}

fn level(sound: &[i16], hz: u32) -> f32 {
    wago_media::tone::level_at(sound, hz as f32)
}

#[track_caller]
fn has(sound: &[i16], hz: u32) {
    let found = level(sound, hz);
    assert!((found + 15.0).abs() < 3.0, "{hz} Hz at {found} dB");
}

#[track_caller]
fn has_not(sound: &[i16], hz: u32) {
    let found = level(sound, hz);
    assert!(found < -45.0, "{hz} Hz at {found} dB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_calls_a_group_and_all_hear_all_the_others() {
    let (world, alice, inbox) = three().await;
    let phones = &world.phones;
    let group = group(phones, &[BOB, CAROL]).await;
    phones.answers_with(BOB, BOBS).await;
    phones.answers_with(CAROL, CAROLS).await;
    let made = alice.post("/call/make", json!({"Phone": group})).await.data();
    let id = made["callID"].as_str().unwrap();
    assert_eq!((&made["call"]["group"], &made["call"]["direction"]), (&json!(group), &json!("outgoing")));
    let rings = inbox.call(id, "ringing").await;
    assert_eq!((&rings["GroupJID"], &rings["Type"]), (&json!(group), &json!("group")));
    inbox.call(id, "active").await;
    are_in(&alice, id, &[BOB, CAROL]).await;
    let told = inbox.first("who is in it", |told| {
        let event = told.event();
        let connected = |one: &&Value| one["state"] == "connected";
        told.kind() == "Call"
            && event["Signal"] == "group_update"
            && event["Participants"].as_array().is_some_and(|all| all.iter().filter(connected).count() == 2)
    });
    assert_eq!(told.await.event()["GroupJID"], group);

    alice.post("/call/test", json!({"CallID": id, "Tone": ALICES})).await.data();
    for (number, others) in [(BOB, [(ALICES, -12), (CAROLS, -15)]), (CAROL, [(ALICES, -12), (BOBS, -15)])] {
        for (hz, level) in others {
            phones.hears_among_others(number, hz, level).await;
        }
    }
    let heard = recorded(&alice, id).await;
    has(&heard, BOBS);
    has(&heard, CAROLS);

    phones.call(BOB, "hangup", json!({})).await;
    are_in(&alice, id, &[CAROL]).await;
    // What was on its way is over by then.
    goes_on(&alice, id, 20).await;
    let heard = recorded(&alice, id).await;
    has(&heard, CAROLS);
    has_not(&heard, BOBS);
    phones.hears_among_others(CAROL, ALICES, -12).await;
    alice.post("/call/hangup", json!({"CallID": id})).await.data();
    let ended = inbox.call(id, "ended").await;
    assert_eq!((&ended["Reason"], &ended["Direction"]), (&json!("hangup"), &json!("outgoing")));
    let there = phones.in_call(CAROL, "the end", |call| call["state"] == "ended").await;
    assert_eq!(there["reason"], "group_call_ended");
    let before = phones.in_call(BOB, "the end", |call| call["state"] == "ended").await;
    assert_eq!((&before["reason"], &before["group"]), (&json!("ended here"), &json!(group)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_calls_a_group_and_a_session_answers() {
    let (world, alice, inbox) = three().await;
    let phones = &world.phones;
    let group = group(phones, &[BOB, CAROL]).await;
    phones.answers_with(CAROL, CAROLS).await;
    let wish = json!({"to": group, "play": format!("tone:{BOBS}:-15")});
    let id = phones.call(BOB, "make", wish).await["id"].as_str().unwrap().to_owned();
    let rings = inbox.call(&id, "ringing").await;
    assert_eq!((&rings["GroupJID"], &rings["Direction"]), (&json!(group), &json!("incoming")));
    phones.asked(BOB, "Carol", |call| call["state"] == "active").await;
    let answered = alice.post("/call/answer", json!({"CallID": id})).await.data();
    assert_eq!(answered["call"]["group"], group);
    inbox.call(&id, "active").await;
    // The account's phone rings no more.
    phones.in_call(ALICE, "the answer elsewhere", |call| call["reason"] == "accepted_elsewhere").await;
    let call = are_in(&alice, &id, &[BOB, CAROL]).await;
    assert!(call["peerAlt"].as_str().unwrap().contains(BOB) || call["peer"].as_str().unwrap().contains(BOB), "{call}");
    alice.post("/call/test", json!({"CallID": id, "Tone": ALICES})).await.data();
    for (number, other) in [(BOB, CAROLS), (CAROL, BOBS)] {
        phones.hears_among_others(number, ALICES, -12).await;
        phones.hears_among_others(number, other, -15).await;
    }
    let heard = recorded(&alice, &id).await;
    has(&heard, BOBS);
    has(&heard, CAROLS);
    alice.post("/call/mute", json!({"CallID": id})).await.data();
    phones.asked(CAROL, "word of the silence", |call| call["peerMuted"] == true).await;
    alice.post("/call/mute", json!({"CallID": id, "Muted": false})).await.data();

    // Who leaves leaves the others to each other.
    alice.post("/call/hangup", json!({"CallID": id})).await.data();
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "hangup");
    let left = |call: &Value| {
        call["participants"].as_array().unwrap().iter().any(|one| one["number"] == ALICE && one["state"] == "left")
    };
    phones.asked(CAROL, "that Alice left", left).await;
    phones.hears_among_others(CAROL, BOBS, -15).await;
    phones.call(CAROL, "hangup", json!({})).await;
    // Nobody is left.
    let there = phones.in_call(BOB, "the end", |call| call["state"] == "ended").await;
    assert_eq!(there["reason"], "group_call_ended");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_many_that_come_to_nothing_say_why() {
    let (world, alice, inbox) = three().await;
    let phones = &world.phones;
    let many = json!({"Phones": [BOB, CAROL]});
    for number in [BOB, CAROL] {
        phones.call(number, "auto", json!({"then": "reject"})).await;
    }
    let id = alice.post("/call/make", many.clone()).await.data()["callID"].as_str().unwrap().to_owned();
    assert_eq!(inbox.call(&id, "rejected").await["Reason"], "rejected");

    // One declines, and the other takes it, and goes again: then nobody is left.
    phones.answers_with(CAROL, CAROLS).await;
    let made = alice.post("/call/make", many).await.data();
    let id = made["callID"].as_str().unwrap().to_owned();
    assert_eq!((&made["call"]["group"], &made["call"]["peer"]), (&json!(""), &json!("")));
    inbox.call(&id, "active").await;
    let call = are_in(&alice, &id, &[CAROL]).await;
    let bob = call["participants"].as_array().unwrap().iter().find(|one| one["alt"] == jid(BOB)).unwrap();
    assert_eq!(bob["state"], "rejected");
    phones.call(CAROL, "hangup", json!({})).await;
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "remote_hangup");

    // Who calls gives up before anybody took it; then it is declined here.
    let group = group(phones, &[BOB, CAROL]).await;
    phones.call(CAROL, "auto", json!({"then": "ring"})).await;
    let calls = async || phones.call(BOB, "make", json!({"to": group})).await["id"].as_str().unwrap().to_owned();
    let id = calls().await;
    inbox.call(&id, "ringing").await;
    phones.call(BOB, "hangup", json!({})).await;
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "missed");
    let id = calls().await;
    inbox.call(&id, "ringing").await;
    alice.post("/call/reject", json!({"CallID": id})).await.data();
    assert_eq!(inbox.call(&id, "rejected").await["Reason"], "rejected");
    phones.in_call(ALICE, "the refusal elsewhere", |call| call["reason"] == "rejected_elsewhere").await;
    phones.call(CAROL, "reject", json!({})).await;
    phones.in_call(BOB, "the end", |call| call["reason"] == "group_call_ended").await;

    for (wish, why) in [
        (json!({"Phones": [BOB]}), "Phones should be a list of 2 to 31 people"),
        (json!({"Phones": [BOB, CAROL], "Phone": BOB}), "Phones should be absent"),
        (json!({"Phones": [BOB, BOB]}), "nobody twice"),
        (json!({"Phones": [BOB, ALICE]}), "each of Phones should not be the account's own"),
        (json!({"Phones": [BOB, group]}), "each of Phones should be a phone number"),
    ] {
        alice.post("/call/make", wish).await.fails(400, "invalid_field", why);
    }
    let small = json!({"subject": "Two", "owner": ALICE, "participants": [BOB]});
    let small = phones.post("/groups", small).await.data()["jid"].clone();
    alice.post("/call/make", json!({"Phone": small})).await.fails(400, "invalid_field", "a group of 3 to 32 members");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_is_asked_to_join_a_call_of_two() {
    let (world, alice, inbox) = three().await;
    let phones = &world.phones;
    phones.answers_with(BOB, BOBS).await;
    let id = alice.post("/call/make", json!({"Phone": BOB})).await.data()["callID"].as_str().unwrap().to_owned();
    inbox.call(&id, "active").await;
    assert_eq!(status(&alice, &id).await["participants"], Value::Null);
    alice.post("/call/test", json!({"CallID": id, "Tone": ALICES})).await.data();
    phones.hears_among_others(BOB, ALICES, -12).await;
    phones.answers_with(CAROL, CAROLS).await;
    let invite = json!({"CallID": id, "Phone": CAROL});
    alice.post("/call/invite", invite.clone()).await.data();
    are_in(&alice, &id, &[BOB, CAROL]).await;
    for (number, others) in [(BOB, [(ALICES, -12), (CAROLS, -15)]), (CAROL, [(ALICES, -12), (BOBS, -15)])] {
        for (hz, level) in others {
            phones.hears_among_others(number, hz, level).await;
        }
    }
    let heard = recorded(&alice, &id).await;
    has(&heard, BOBS);
    has(&heard, CAROLS);
    alice.post("/call/invite", invite.clone()).await.fails(409, "call_state", "in the call already");
    // Who left can be asked again.
    phones.call(CAROL, "hangup", json!({})).await;
    are_in(&alice, &id, &[BOB]).await;
    alice.post("/call/invite", invite.clone()).await.data();
    are_in(&alice, &id, &[BOB, CAROL]).await;
    phones.hears_among_others(CAROL, BOBS, -15).await;
    alice.post("/call/hangup", json!({"CallID": id})).await.data();
    inbox.call(&id, "ended").await;
    for number in [BOB, CAROL] {
        let there = phones.in_call(number, "the end", |call| call["state"] == "ended").await;
        assert_eq!(there["reason"], "group_call_ended");
    }
    alice.post("/call/invite", invite).await.fails(409, "call_state", "the call is over");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_asks_a_session_to_join_and_another_to_a_call_with_it() {
    let (world, alice, inbox) = three().await;
    let phones = &world.phones;
    phones.create(DAVE).await;
    // Into a call of two, which the session is no part of yet.
    phones.answers_with(CAROL, CAROLS).await;
    phones.call(BOB, "make", json!({"to": CAROL, "play": format!("tone:{BOBS}:-15")})).await;
    let id = phones.in_call(BOB, "Carol", |call| call["state"] == "active").await["id"].as_str().unwrap().to_owned();
    phones.call(BOB, "invite", json!({"to": ALICE})).await;
    let rings = inbox.call(&id, "ringing").await;
    assert_eq!((&rings["GroupJID"], &rings["Type"]), (&json!(""), &json!("group")));
    alice.post("/call/answer", json!({"CallID": id})).await.data();
    are_in(&alice, &id, &[BOB, CAROL]).await;
    let heard = recorded(&alice, &id).await;
    has(&heard, BOBS);
    has(&heard, CAROLS);
    phones.call(BOB, "hangup", json!({})).await;
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "remote_hangup");

    // Into one that the session took.
    let wish = json!({"to": ALICE, "play": format!("tone:{BOBS}:-15")});
    let id = phones.call(BOB, "make", wish).await["id"].as_str().unwrap().to_owned();
    inbox.call(&id, "ringing").await;
    alice.post("/call/answer", json!({"CallID": id})).await.data();
    inbox.call(&id, "active").await;
    phones.asked(BOB, "the answer", |call| call["state"] == "active").await;
    phones.call(BOB, "invite", json!({"to": DAVE})).await;
    let asked = inbox.first("word that Dave was asked", |told| {
        let event = told.event();
        let dave = |one: &Value| one["alt"] == jid(DAVE) && one["state"] == "ringing";
        event["CallID"] == id && event["Participants"].as_array().is_some_and(|all| all.iter().any(dave))
    });
    asked.await;
    phones.call(DAVE, "answer", json!({"play": format!("tone:{CAROLS}:-15")})).await;
    are_in(&alice, &id, &[BOB, DAVE]).await;
    alice.post("/call/test", json!({"CallID": id, "Tone": ALICES})).await.data();
    phones.hears_among_others(DAVE, BOBS, -15).await;
    phones.hears_among_others(BOB, CAROLS, -15).await;
    for number in [BOB, DAVE] {
        phones.hears_among_others(number, ALICES, -12).await;
    }
    let heard = recorded(&alice, &id).await;
    has(&heard, BOBS);
    has(&heard, CAROLS);
    world.stop().await;
}
