use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::api::{Answer, Api};

async fn send(api: &Api, body: Value) -> Answer {
    api.post("/send/text").token("t").body(body.to_string()).send().await
}

async fn later(api: &Api, id: &str) -> Value {
    let body = json!({"Phone": "+1 555 000 0002", "Body": "hello", "Id": id, "SendAt": now() + 3_600});
    let answer = send(api, body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    assert_eq!((&answer.json()["code"], &answer.json()["success"]), (&202.into(), &true.into()));
    answer.json()["data"].clone()
}

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

#[tokio::test]
async fn a_send_with_a_time_waits() {
    let api = Api::with_session("t").await;
    let queued = later(&api, "3EB01").await;
    assert_eq!((&queued["Details"], &queued["Id"]), (&"Queued".into(), &"3EB01".into()));
    let list = api.get("/queue").token("t").send().await.data();
    let entry = &list["queue"][0];
    assert_eq!(entry["Id"], "3EB01");
    assert_eq!(entry["Route"], "/send/text");
    assert_eq!(entry["Phone"], "15550000002@s.whatsapp.net");
    assert_eq!(entry["State"], "waiting");
    assert_eq!(entry["SendAt"], queued["SendAt"]);
    assert_eq!(list["next"], Value::Null);
    assert_eq!(&api.get("/queue/3EB01").token("t").send().await.data(), entry);

    // Without an id it gets one, and RFC 3339 is taken too.
    let answer = send(&api, json!({"Phone": "15550000002", "Body": "x", "SendAt": "2020-01-01T00:00:00Z"})).await;
    let id = answer.json()["data"]["Id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("3EB0") && id.len() == 22, "{id}");
    let list = api.get("/queue?limit=1").token("t").send().await.data();
    assert_eq!(list["queue"][0]["Id"], id);
    let rest = api.get(&format!("/queue?before={}", list["next"])).token("t").send().await.data();
    assert_eq!(rest["queue"][0]["Id"], "3EB01");
    // Each session has its own.
    api.create("customer-2", "t-2").await;
    assert_eq!(api.get("/queue").token("t-2").send().await.data()["queue"], json!([]));
    api.get("/queue/3EB01").token("t-2").send().await.fails(
        404,
        "unknown_message",
        Some("Id"),
        false,
        "there is no message with this Id",
    );
}

#[tokio::test]
async fn a_waiting_send_can_be_cancelled() {
    let api = Api::with_session("t").await;
    later(&api, "3EB01").await;
    for _ in 0..2 {
        let cancelled = api.ask(Method::DELETE, "/queue/3EB01").token("t").send().await.data();
        assert_eq!(cancelled["State"], "cancelled");
    }
    assert_eq!(api.get("/queue").token("t").send().await.data()["queue"], json!([]));
    let all = api.get("/queue?state=all").token("t").send().await.data();
    assert_eq!(all["queue"][0]["State"], "cancelled");
    let unknown = api.ask(Method::DELETE, "/queue/3EB02").token("t").send().await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);

    later(&api, "3EB03").await;
    let session = api.store.session_by_token(&"t".into()).await.unwrap().unwrap().id;
    let row = api.store.queued_send(session, "3EB03").await.unwrap().unwrap().row;
    api.store.begin_send(session, row).await.unwrap().unwrap();
    let late = api.ask(Method::DELETE, "/queue/3EB03").token("t").send().await;
    late.fails(409, "not_waiting", Some("Id"), false, "it is being sent");
}

#[tokio::test]
async fn what_cannot_be_queued_says_why() {
    let api = Api::with_session("t").await;
    let year = now() + 400 * 24 * 3600;
    for (body, field) in [
        (json!({"Phone": "15550000002", "Body": "x", "SendAt": "soon"}), "SendAt"),
        (json!({"Phone": "15550000002", "Body": "x", "SendAt": year}), "SendAt"),
        (json!({"Phone": "15550000002", "Body": "x", "SendAt": now() * 1_000}), "SendAt"),
        (json!({"Phone": "nobody", "Body": "x", "SendAt": now()}), "Phone"),
        (json!({"Phone": "15550000002", "SendAt": now()}), "Body"),
    ] {
        let answer = send(&api, body.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &field.into()), "{body}");
    }
    later(&api, "3EB01").await;
    let other = json!({"Phone": "15550000002", "Body": "other", "Id": "3EB01", "SendAt": now() + 3_600});
    send(&api, other).await.fails(409, "message_id_taken", Some("Id"), false, "another queued send has this Id");
    assert_eq!(api.get("/queue?state=no").token("t").send().await.status, StatusCode::BAD_REQUEST);
    assert_eq!(api.get("/queue?state=all").token("t").send().await.data()["queue"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_key_queues_once() {
    let api = Api::with_session("t").await;
    let body = json!({"Phone": "15550000002", "Body": "x", "SendAt": now() + 3_600}).to_string();
    let once = async || {
        let ask = api.post("/send/text").token("t").header("idempotency-key", "k");
        ask.body(body.clone()).send().await
    };
    let (first, second) = (once().await, once().await);
    assert_eq!((first.status, second.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert_eq!(first.text, second.text);
    assert_eq!(api.get("/queue").token("t").send().await.data()["queue"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_paced_session_queues_everything() {
    let api = Api::with_session("t").await;
    let set = async |body: Value| api.post("/session/pacing").token("t").body(body.to_string()).send().await;
    let off = api.get("/session/pacing").token("t").send().await.data();
    assert_eq!((&off["PerMinute"], &off["QuietHours"]), (&0.into(), &Value::Null));
    let quiet = json!({"From": "22:00", "To": "07:00", "Offset": "-03:00"});
    let paced = set(json!({"PerMinute": 10, "QuietHours": quiet})).await.data();
    assert_eq!((&paced["PerMinute"], &paced["QuietHours"]), (&10.into(), &quiet));
    assert_eq!(api.get("/session/pacing").token("t").send().await.data(), paced);
    let plain = || json!({"Phone": "15550000002", "Body": "x"});
    assert_eq!(send(&api, plain()).await.status, StatusCode::ACCEPTED);
    let wrong = set(json!({"PerMinute": "many"})).await;
    assert_eq!(wrong.json()["field"], "PerMinute");
    set(json!({})).await.data();
    // Straight out again, which here nobody takes.
    assert_eq!(send(&api, plain()).await.json()["errorCode"], "no_session");
}
