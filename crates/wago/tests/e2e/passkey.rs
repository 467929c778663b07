//! Linking an account whose owner has to show its passkey.

use serde_json::{Value, json};

use crate::{
    api::{Answer, Session},
    hook::Inbox,
    phones::{ALICE, BOB, jid},
    world::World,
};

/// What the session waits for, once it waits for that.
async fn waits_for(session: &Session, inbox: &Inbox, event: &str, state: &str) -> Value {
    inbox.next_of(0, event).await;
    let shown = session.get("/session/passkey").await.data();
    assert_eq!((&shown["state"], session.get("/session/passkey-status").await.data()), (&json!(state), shown.clone()));
    shown
}

/// The phone scans, and asks for the passkey; `owner` does the rest.
async fn linking(world: &World, session: &Session, owner: impl Future<Output = ()>) -> Answer {
    let qr = session.get("/session/qr").await.data();
    let linked = world.phones.link(ALICE, json!({"qr": qr["Code"], "passkey": true}));
    tokio::join!(linked, owner).0
}

/// What the browser of this account's owner signs.
async fn signed(world: &World, number: &str, asked: &Value) -> Answer {
    world.phones.post(&format!("/phones/{number}/passkey"), json!({"publicKey": asked["publicKey"]})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn its_owner_shows_the_passkey_and_compares_the_code() {
    let world = World::start().await;
    let (session, inbox) = world.session("sales").await;
    session.connect().await.data();
    assert_eq!(session.get("/session/passkey").await.data()["state"], "none");
    let early = session.post("/session/passkey/confirm", json!({})).await;
    early.fails(409, "passkey_not_asked", "no passkey is asked for");

    let phone = format!("/phones/{ALICE}/passkey");
    let at_phone = async || world.phones.get(&phone).await;
    let agree = async || world.phones.post(&format!("{phone}/agree"), json!({})).await;
    let owner = async {
        let asked = waits_for(&session, &inbox, "PasskeyRequest", "requested").await;
        assert_eq!((&asked["passkeyPending"], &asked["publicKey"]["rpId"]), (&json!(true), &json!("web.whatsapp.com")));
        assert_eq!(session.status().await["Health"]["state"], "waiting_for_passkey");
        assert_eq!(signed(&world, BOB, &asked).await.status, 400, "it is another's passkey that is asked for");
        assert_eq!(agree().await.status, 404, "there is nothing to agree to yet");
        let early = session.post("/session/passkey-confirm", json!({})).await;
        early.fails(409, "passkey_not_asked", "the passkey is to be answered first");

        let response = signed(&world, ALICE, &asked).await.data();
        let other = {
            let mut other = asked.clone();
            other["publicKey"]["challenge"] = json!("AAAA");
            signed(&world, ALICE, &other).await.data()
        };
        let refused = session.post("/session/passkey/response", json!({"response": other})).await;
        refused.fails(400, "invalid_field", "answers another challenge");
        let taken = session.post("/session/passkey/response", json!({"response": response.clone()})).await.data();
        assert_eq!(taken["status"], "answered");
        let again = session.post("/session/passkey-response", response).await;
        again.fails(409, "passkey_not_asked", "the passkey was answered already");

        assert_eq!(at_phone().await["state"], "answered");
        agree().await.data();
        let shown = waits_for(&session, &inbox, "PasskeyConfirmation", "confirm").await;
        assert_eq!(shown["skipHandoffUX"], false);
        assert_eq!(at_phone().await, json!({"state": "shown", "code": shown["code"]}), "both show the same");
        let taken = session.post("/session/passkey/confirm", json!({})).await.data();
        assert_eq!(taken["status"], "confirmed");
        assert_eq!(at_phone().await["state"], "confirmed");
        agree().await.data();
    };
    let device = linking(&world, &session, owner).await.data();
    inbox.next_of(0, "Connected").await;
    let status = session.status().await;
    assert_eq!((&status["LoggedIn"], &status["Jid"]["User"]), (&json!(true), &json!(ALICE)));
    assert_eq!(session.connect().await.data()["jid"], device["jid"]);
    assert_eq!(session.get("/session/passkey").await.data()["state"], "none");
    let late = session.post("/session/passkey/confirm", json!({})).await;
    late.fails(500, "already_logged_in", "Already Logged in");
    // It is a device like any other.
    world.phones.text(BOB, ALICE, "hello").await;
    assert_eq!(inbox.text("hello").await.event()["Info"]["Sender"], jid(BOB));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_passkey_links_nothing() {
    let world = World::start().await;
    let (session, inbox) = world.session("sales").await;
    session.connect().await.data();
    let owner = async {
        let asked = waits_for(&session, &inbox, "PasskeyRequest", "requested").await;
        let mut response = signed(&world, ALICE, &asked).await.data();
        // As it would be signed by who has not the key.
        response["response"]["signature"] = json!("MEUCIQDAAAA");
        let refused = session.post("/session/passkey/response", response).await;
        refused.fails(502, "whatsapp_refused", "403");
        let told = inbox.next_of(0, "PairPasskeyError").await;
        assert_eq!(told.event()["Continuation"], false);
        let shown = session.get("/session/passkey").await.data();
        assert_eq!((&shown["state"], &shown["passkeyPending"]), (&json!("failed"), &json!(false)));
    };
    let linked = linking(&world, &session, owner).await;
    assert_eq!(
        (linked.status.as_u16(), linked.text.contains("the passkey is not the account's")),
        (409, true),
        "{}",
        linked.text
    );

    // A pair code begins anew.
    let seen = inbox.count();
    let code = session.post("/session/pair", json!({"Phone": ALICE})).await.data()["LinkingCode"].clone();
    let owner = async {
        inbox.next_of(seen, "PasskeyRequest").await;
        let asked = session.get("/session/passkey").await.data();
        let response = signed(&world, ALICE, &asked).await.data();
        session.post("/session/passkey/response", response).await.data();
        let agree = async || world.phones.post(&format!("/phones/{ALICE}/passkey/agree"), json!({})).await.data();
        agree().await;
        inbox.next_of(seen, "PasskeyConfirmation").await;
        session.post("/session/passkey/confirm", json!({})).await.data();
        agree().await;
    };
    let linked = world.phones.link(ALICE, json!({"code": code, "passkey": true}));
    tokio::join!(linked, owner).0.data();
    inbox.next_of(seen, "Connected").await;
    world.stop().await;
}
