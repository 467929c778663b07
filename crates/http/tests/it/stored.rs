use http::StatusCode;
use serde_json::{Value, json};
use wago_store::{MessageChange, NewMessage, Reach, SessionId};

use crate::api::Api;

const BOB: &str = "15550000002@s.whatsapp.net";

fn message(id: &str, from_me: bool, text: &str, at: i64) -> MessageChange {
    MessageChange::New(NewMessage {
        chat: BOB.into(),
        id: id.into(),
        sender: if from_me { "15550000001@s.whatsapp.net".into() } else { BOB.into() },
        from_me,
        kind: "text".into(),
        text: text.into(),
        payload: json!({"Info": {"ID": id}}).to_string().into_bytes(),
        sent_at_ms: at * 1_000,
    })
}

async fn filled() -> (Api, SessionId) {
    let api = Api::keeping_messages("t").await;
    let session = api.store.session_by_token(&"t".into()).await.unwrap().unwrap().id;
    let changes = vec![
        message("1", false, "Good morning", 100),
        message("2", true, "good evening", 200),
        message("3", false, "good night", 300),
    ];
    api.store.change_messages(session, changes).await.unwrap();
    (api, session)
}

async fn ids(api: &Api, query: &str) -> Vec<Value> {
    let data = api.get(&format!("/messages{query}")).token("t").send().await.data();
    data["messages"].as_array().unwrap().iter().map(|message| message["id"].clone()).collect()
}

#[tokio::test]
async fn without_the_flag_it_says_which_it_needs() {
    let api = Api::with_session("t").await;
    for answer in [
        api.get("/messages").token("t").send().await,
        api.get("/messages/1").token("t").send().await,
        api.post("/message/status").token("t").body(r#"{"Id":"1"}"#).send().await,
    ] {
        let text = "messages are not stored: start WaGo with -storemessage";
        answer.fails(501, "messages_not_stored", None, false, text);
    }
}

#[tokio::test]
async fn messages_are_listed_and_searched() {
    let (api, _) = filled().await;
    assert_eq!(ids(&api, "").await, ["3", "2", "1"]);
    assert_eq!(ids(&api, "?chat=%2B1-555-000-0002").await, ["3", "2", "1"]);
    assert_eq!(ids(&api, "?chat=15550000003").await, [""; 0]);
    assert_eq!(ids(&api, "?q=GOOD%20mor*").await, ["1"]);
    assert_eq!(ids(&api, "?after=200").await, ["3", "2"]);
    assert_eq!(ids(&api, "?before=1970-01-01T00:05:00Z").await, ["2", "1"]);
    let page = api.get("/messages?limit=2").token("t").send().await.data();
    let next = page["next"].as_str().unwrap();
    assert_eq!(next, page["messages"][1]["cursor"]);
    assert_eq!(ids(&api, &format!("?before={next}")).await, ["1"]);
    assert_eq!(ids(&api, &format!("?after={next}")).await, ["3"]);
    let first = &page["messages"][0];
    assert_eq!(
        (&first["fromMe"], &first["kind"], &first["text"]),
        (&false.into(), &"text".into(), &"good night".into())
    );
    assert_eq!((&first["chat"], &first["timestamp"]), (&BOB.into(), &300.into()));
    for (query, field) in [
        ("?chat=bob", "chat"),
        ("?before=soon", "before"),
        ("?q=%2A%20!", "q"),
        ("?limit=0", "limit"),
        ("?limit=501", "limit"),
    ] {
        let answer = api.get(&format!("/messages{query}")).token("t").send().await;
        assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &field.into()), "{query}");
    }
}

#[tokio::test]
async fn one_message_has_all_of_it() {
    let (api, session) = filled().await;
    let whole = api.get("/messages/2").token("t").send().await.data();
    assert_eq!((&whole["text"], &whole["event"]["Info"]["ID"]), (&"good evening".into(), &"2".into()));
    assert_eq!(api.get("/messages/9").token("t").send().await.status, StatusCode::NOT_FOUND);
    let elsewhere = api.get("/messages/2?chat=15550000003").token("t").send().await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    api.create("customer-2", "t-2").await;
    assert_eq!(api.get("/messages/2").token("t-2").send().await.status, StatusCode::NOT_FOUND);

    let status = async || api.post("/message/status").token("t").body(r#"{"messageid":"2"}"#).send().await.data();
    let sent = json!({"JID": BOB, "state": "sent"});
    let first = &status().await["Recipients"][0];
    assert_eq!((&first["JID"], &first["State"], &first["Sent"]), (&sent["JID"], &sent["state"], &200.into()));
    let read =
        MessageChange::Receipts { ids: vec!["2".into()], recipient: BOB.into(), reach: Reach::Read, at_ms: 250_000 };
    api.store.change_messages(session, vec![read]).await.unwrap();
    let recipients = status().await["Recipients"].clone();
    assert_eq!(
        recipients,
        json!([{"JID": BOB, "State": "read", "Sent": 200, "Delivered": 250, "Read": 250, "Played": null}])
    );
    let unknown = api.post("/message/status").token("t").body(r#"{"Id":"9"}"#).send().await;
    unknown.fails(404, "unknown_message", Some("Id"), false, "there is no message with this Id");
    let missing = api.post("/message/status").token("t").body("{}").send().await;
    assert_eq!(missing.json()["field"], "Id");
}
