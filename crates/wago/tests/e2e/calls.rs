//! Calls between sessions and phones.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    api::Session,
    hook::Inbox,
    phones::{ALICE, BOB, Phones},
    world::World,
};

impl Phones {
    pub async fn call(&self, number: &str, action: &str, wish: Value) -> Value {
        self.post(&format!("/phones/{number}/call/{action}"), wish).await.data()
    }

    /// Waits until the phone's latest call is such.
    async fn in_call(&self, number: &str, what: &str, such: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/phones/{number}/calls");
        self.until(what, &path, |calls| calls.as_array()?.last().filter(|call| such(call)).cloned()).await
    }
}

impl Inbox {
    /// Waits until the call came to that state.
    async fn call(&self, id: &str, state: &str) -> Value {
        let told = self.first(&format!("the call to be {state}"), |told| {
            let event = told.event();
            told.kind() == "Call" && event["CallID"] == id && event["State"] == state
        });
        told.await.event().clone()
    }
}

async fn status(session: &Session, id: &str) -> Value {
    session.get(&format!("/call/status?CallID={id}")).await.data()["calls"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_calls_a_phone_and_hangs_up() {
    let (world, alice, inbox) = World::linked().await;
    let made = alice.post("/call/make", json!({"Phone": BOB})).await.data();
    let id = made["callID"].as_str().unwrap();
    assert_eq!(made["call"]["direction"], "outgoing");
    world.phones.in_call(BOB, "a ring", |call| call["state"] == "ringing").await;
    inbox.call(id, "ringing").await;
    world.phones.call(BOB, "answer", json!({})).await;
    inbox.call(id, "accepted").await;
    inbox.call(id, "active").await;
    let shown = status(&alice, id).await;
    assert_eq!((&shown["state"], &shown["media"]), (&json!("active"), &json!("audio")));
    assert!(shown["answeredAt"].is_string() && shown["stats"].is_object());
    alice.post("/call/hangup", json!({"CallID": id})).await.data();
    let ended = inbox.call(id, "ended").await;
    assert_eq!((&ended["Reason"], &ended["Direction"]), (&json!("hangup"), &json!("outgoing")));
    assert!(ended["DurationMs"].as_u64().is_some());
    let there = world.phones.in_call(BOB, "the end", |call| call["state"] == "ended").await;
    assert_eq!(there["reason"], "ended there");
    let again = alice.post("/call/hangup", json!({"CallID": id})).await;
    assert_eq!((again.status, again.json()["error"].as_str()), (StatusCode::CONFLICT, Some("the call is over")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_calls_a_session_which_answers() {
    let (world, alice, inbox) = World::linked().await;
    let id = world.phones.call(BOB, "make", json!({"to": ALICE})).await["id"].as_str().unwrap().to_owned();
    let rings = inbox.call(&id, "ringing").await;
    assert_eq!((&rings["Direction"], &rings["Signal"]), (&json!("incoming"), &json!("state")));
    alice.post("/call/answer", json!({"CallID": id})).await.data();
    inbox.call(&id, "active").await;
    world.phones.in_call(BOB, "the answer", |call| call["state"] == "active" && call["device"] != 0).await;
    // The account's phone rings no more.
    world.phones.in_call(ALICE, "the answer elsewhere", |call| call["reason"] == "accepted_elsewhere").await;
    world.phones.call(BOB, "hangup", json!({})).await;
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "remote_hangup");
    world.stop().await;
}
