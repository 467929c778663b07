//! Video calls between sessions and phones.

use serde_json::{Value, json};

use crate::{
    api::Session,
    calls::{ASKED, goes_on, status},
    phones::{ALICE, BOB, Phones},
    world::World,
};

/// Waits until so many pictures more came from WhatsApp, and returns the call.
async fn sees(session: &Session, id: &str, pictures: u64) -> Value {
    let seen = |call: &Value| call["stats"]["seenPictures"].as_u64().unwrap();
    let enough = seen(&status(session, id).await) + pictures;
    let wait = async {
        loop {
            let call = status(session, id).await;
            if seen(&call) >= enough {
                return call;
            }
            tokio::time::sleep(ASKED).await;
        }
    };
    crate::patiently("more pictures", wait).await
}

impl Phones {
    /// Waits until the phone's latest call has shown it so many pictures more, and returns what it saw.
    async fn sees(&self, number: &str, pictures: u64) -> Value {
        let path = format!("/phones/{number}/calls");
        let seen = |calls: &Value| calls.as_array().unwrap().last().unwrap()["seen"].clone();
        let enough = seen(&self.get(&path).await)["pictures"].as_u64().unwrap() + pictures;
        let enough = |seen: &Value| seen["pictures"].as_u64().unwrap() >= enough;
        self.until("more pictures at the phone", &path, |calls| Some(seen(calls)).filter(enough)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_calls_with_picture_and_shows_the_phone_itself() {
    let (world, alice, inbox) = World::linked().await;
    let auto = json!({"then": "answer", "play": "tone:1000:-15", "show": "grey:200"});
    world.phones.call(BOB, "auto", auto).await;
    let made = alice.post("/call/make", json!({"Phone": BOB, "Video": true})).await.data();
    let id = made["callID"].as_str().unwrap().to_owned();
    assert_eq!(made["call"]["media"], "video");
    inbox.call(&id, "active").await;
    let there = world.phones.in_call(BOB, "the sound", |call| call["connected"] == true).await;
    assert_eq!(there["video"], true);
    // Two key frames are two seconds apart.
    let shown = sees(&alice, &id, 60).await;
    assert_eq!(shown["stats"]["shownPictures"], 0, "nobody shows anything here: {shown}");

    alice.post("/call/test", json!({"CallID": id, "Echo": true})).await.data();
    let seen = world.phones.sees(BOB, 60).await;
    assert_eq!((&seen["width"], &seen["height"], &seen["lost"]), (&json!(96), &json!(64), &json!(0)), "{seen}");
    assert!(seen["keyFrames"].as_u64().unwrap() >= 2, "{seen}");
    world.phones.hears(BOB, 1_000.0, -15.0).await;
    let shown = status(&alice, &id).await;
    assert!(shown["stats"]["shownPictures"].as_u64().unwrap() >= 60, "{shown}");
    alice.post("/call/hangup", json!({"CallID": id})).await.data();
    let over = world.phones.in_call(BOB, "the end", |call| call["state"] == "ended").await;
    assert!(over["seen"]["pictures"].as_u64().unwrap() >= 60, "{over}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_calls_with_picture_and_its_camera_goes_off_and_on() {
    let (world, alice, inbox) = World::linked().await;
    let wish = json!({"to": ALICE, "video": true, "show": "grey:60", "play": "tone:700:-15"});
    let id = world.phones.call(BOB, "make", wish).await["id"].as_str().unwrap().to_owned();
    assert_eq!(inbox.call(&id, "ringing").await["Media"], "video");
    alice.post("/call/answer", json!({"CallID": id})).await.data();
    inbox.call(&id, "active").await;
    sees(&alice, &id, 10).await;
    world.phones.call(BOB, "show", json!({"show": "off"})).await;
    // What was under way has come when the sound has gone on for so long.
    goes_on(&alice, &id, 25).await;
    let before = status(&alice, &id).await;
    goes_on(&alice, &id, 25).await;
    let after = status(&alice, &id).await;
    assert_eq!((&before["state"], &after["state"]), (&json!("active"), &json!("active")));
    assert_eq!(before["stats"]["seenPictures"], after["stats"]["seenPictures"], "the camera is off");
    alice.post("/call/test", json!({"CallID": id, "Echo": true})).await.data();
    world.phones.hears(BOB, 700.0, -15.0).await;
    world.phones.call(BOB, "show", json!({"show": "grey:61"})).await;
    sees(&alice, &id, 10).await;
    world.phones.sees(BOB, 10).await;
    world.phones.call(BOB, "hangup", json!({})).await;
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "remote_hangup");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_lost_costs_no_more_than_those_up_to_the_next_key_frame() {
    let (world, alice, inbox) = World::linked().await;
    world.phones.call(BOB, "auto", json!({"then": "answer", "show": "grey:200"})).await;
    let made = alice.post("/call/make", json!({"Phone": BOB, "Video": true})).await.data();
    let id = made["callID"].as_str().unwrap().to_owned();
    inbox.call(&id, "active").await;
    alice.post("/call/test", json!({"CallID": id, "Echo": true})).await.data();
    world.phones.sees(BOB, 10).await;
    assert!(world.phones.post("/relay", json!({"loss": 0.2, "seed": 3})).await.status.is_success());
    let path = format!("/phones/{BOB}/calls");
    let lost = |calls: &Value| calls.as_array()?.last()?["seen"]["lost"].as_u64().filter(|lost| *lost > 0);
    world.phones.until("a lost picture", &path, lost).await;
    world.phones.ask(reqwest::Method::DELETE, "/relay", Value::Null).await;
    world.phones.sees(BOB, 60).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_picture_has_none() {
    let (world, alice, inbox) = World::linked().await;
    world.phones.call(BOB, "auto", json!({"then": "answer"})).await;
    let made = alice.post("/call/make", json!({"Phone": BOB})).await.data();
    let id = made["callID"].as_str().unwrap().to_owned();
    inbox.call(&id, "active").await;
    let call = status(&alice, &id).await;
    assert!(call["media"] == "audio" && call["stats"].get("seenPictures").is_none(), "{call}");
    let there = world.phones.in_call(BOB, "the sound", |call| call["connected"] == true).await;
    assert!(there["video"] == false && there.get("seen").is_none(), "{there}");
    let refused = world.phones.post(&format!("/phones/{BOB}/call/show"), json!({"show": "grey:1"})).await;
    assert_eq!(refused.status.as_u16(), 409);
    world.stop().await;
}
