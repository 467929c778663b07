//! `/events`: the log by cursor, deliveries, replays.

use http::StatusCode;
use serde_json::{Value, json};
use wago_store::{Attempt, NewEvent, Outcome, SessionId};

use crate::api::Api;

pub fn event(session: SessionId, kind: &str, chat: &str, n: usize) -> NewEvent {
    let event_id = format!("evt_{}_{kind}_{chat}_{n}", session.0);
    NewEvent {
        session,
        payload: format!(r#"{{"type":"{kind}","event":{{"n":{n}}},"eventId":"{event_id}"}}"#).into_bytes(),
        event_id,
        dedupe: None,
        chat: chat.into(),
        kind: kind.into(),
        topic: kind.into(),
        media: None,
        message: None,
        chats: Vec::new(),
        created_at_ms: 1_700_000_000_000,
    }
}

pub async fn session(api: &Api, token: &str) -> SessionId {
    api.store.session_by_token(&token.into()).await.unwrap().unwrap().id
}

fn numbers(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap().iter().map(|event| event["event"]["n"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_log_is_read_by_cursor() {
    let api = Api::with_session("t").await;
    let id = session(&api, "t").await;
    let get = async |query: &str| api.get(&format!("/events{query}")).token("t").send().await.data();
    assert_eq!(get("").await, json!({"events": [], "next": 0, "more": false, "gap": false}));

    let new = (0..5).map(|n| event(id, "Message", "1@s.whatsapp.net", n)).collect();
    let recorded = api.store.record_events(new).await.unwrap();
    let first = get("?limit=2").await;
    assert_eq!((&first["next"], &first["more"]), (&recorded[1].cursor.into(), &true.into()));
    assert_eq!(
        first["events"][0],
        json!({"cursor": recorded[0].cursor, "type": "Message", "event": {"n": 0}, "eventId": "evt_1_Message_1@s.whatsapp.net_0"})
    );
    let rest = get(&format!("?limit=10&after={}", first["next"])).await;
    assert_eq!((numbers(&rest), &rest["more"]), (vec![2, 3, 4], &false.into()));
    let one = api.get("/events/evt_1_Message_1@s.whatsapp.net_3").token("t").send().await.data();
    assert_eq!(one["cursor"], recorded[3].cursor);
}

#[tokio::test]
async fn filters_choose() {
    let api = Api::with_session("t").await;
    let id = session(&api, "t").await;
    let new = vec![
        event(id, "Message", "15550000001@s.whatsapp.net", 0),
        event(id, "Presence", "15550000001@s.whatsapp.net", 1),
        event(id, "Message", "5@g.us", 2),
        event(id, "Connected", "", 3),
    ];
    api.store.record_events(new).await.unwrap();
    for (query, expected) in [
        ("?type=message", &[0, 2][..]),
        ("?type=Message&chat=%2B1%20555%20000%200001", &[0]),
        ("?chat=15550000001", &[0, 1]),
        ("?chat=5@g.us,15550000001&type=Message", &[0, 2]),
        ("?type=Presence,Connected", &[1, 3]),
        ("?type=Presence&type=All", &[0, 1, 2, 3]),
        ("?type=Receipt", &[]),
    ] {
        let page = api.get(&format!("/events{query}")).token("t").send().await.data();
        assert_eq!(numbers(&page), expected, "{query}");
    }
    for (query, field) in [
        ("?type=Massage", "type"),
        ("?chat=nobody", "chat"),
        ("?after=-1", "after"),
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?wait=61", "wait"),
    ] {
        let answer = api.get(&format!("/events{query}")).token("t").send().await;
        assert_eq!((answer.status, &answer.json()["field"]), (StatusCode::BAD_REQUEST, &field.into()), "{query}");
    }
}

#[tokio::test]
async fn a_request_may_wait_for_an_event() {
    let api = Api::with_session("t").await;
    let id = session(&api, "t").await;
    let wait = async { api.get("/events?wait=60&type=Message").token("t").send().await.data() };
    let record = async {
        // Neither of the others', nor of another type.
        for kind in ["Presence", "Message"] {
            tokio::task::yield_now().await;
            api.store.record_events(vec![event(id, kind, "c", 0)]).await.unwrap();
        }
    };
    let (page, ()) = tokio::join!(wait, record);
    assert_eq!(page["events"][0]["type"], "Message");
}

#[tokio::test]
async fn what_retention_removed_is_a_gap() {
    let api = Api::with_session("t").await;
    let id = session(&api, "t").await;
    let old = NewEvent { created_at_ms: 1, ..event(id, "Message", "c", 1) };
    let recorded = api.store.record_events(vec![event(id, "Message", "c", 0), old]).await.unwrap();
    api.store.prune_events(1_000).await.unwrap();
    let get = async |after: i64| api.get(&format!("/events?after={after}")).token("t").send().await.data();
    assert_eq!(get(recorded[0].cursor).await["gap"], true);
    assert_eq!(get(recorded[1].cursor).await["gap"], false);
    assert_eq!(get(0).await["gap"], false, "who begins has missed nothing that it asked for");
}

#[tokio::test]
async fn deliveries_and_replays() {
    let api = Api::with_session("t").await;
    let id = session(&api, "t").await;
    let post = async |path: &str, body: Value| api.post(path).token("t").body(body.to_string()).send().await;
    let webhook = post("/webhooks", json!({"URL": "http://127.0.0.1:9/"})).await.data()["id"].as_i64().unwrap();
    api.store.record_events(vec![event(id, "Message", "c", 0)]).await.unwrap();
    let due = api.store.due(wago_store::WebhookId(webhook), i64::MAX - 1, 1, &[]).await.unwrap().unwrap();
    let attempt = Attempt {
        at_ms: 1_700_000_000_500,
        url: "http://127.0.0.1:9/".into(),
        latency_ms: 12,
        status: Some(503),
        error: Some("responded 503".into()),
        response: b"busy \xff".into(),
    };
    api.store.finish_attempt(id, due.deliveries[0].id, attempt, Outcome::Dead).await.unwrap();

    let event_path = "/events/evt_1_Message_c_0";
    let shown = api.get(&format!("{event_path}/deliveries")).token("t").send().await.data();
    let expected = json!({"deliveries": [{
        "id": due.deliveries[0].id, "webhookId": webhook, "eventId": "evt_1_Message_c_0", "type": "Message",
        "status": "failed", "nextAttemptAt": null,
        "attempts": [{
            "at": "2023-11-14T22:13:20.500Z", "url": "http://127.0.0.1:9/", "status": 503, "latencyMs": 12,
            "error": "responded 503", "response": "busy \u{fffd}",
        }],
    }]});
    assert_eq!(shown, expected);
    let failed = api.get(&format!("/webhooks/{webhook}/deliveries?status=failed")).token("t").send().await.data();
    assert_eq!(failed, expected);

    let replay = format!("/webhooks/{webhook}/replay");
    let late = json!({"since": "2023-11-14T22:13:21Z"});
    assert_eq!(post(&replay, late).await.data(), json!({"replayed": 0, "next": null}));
    assert_eq!(post(&replay, json!({"since": 1_700_000_000})).await.data()["replayed"], 1);
    assert_eq!(post(&replay, json!({})).await.data()["replayed"], 0, "it waits now");
    assert_eq!(post(&replay, json!({"status": "all", "since": 0})).await.data()["replayed"], 0);
    for (body, field) in [
        (json!({"status": "some"}), "Status"),
        (json!({"status": "all"}), "Since"),
        (json!({"since": "yesterday"}), "Since"),
        (json!({"until": true}), "Until"),
    ] {
        let answer = post(&replay, body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &field.into()), "{}", answer.text);
    }
    let replay = format!("{event_path}/replay");
    assert_eq!(post(&replay, json!({})).await.data()["replayed"], 0);
    post(&replay, json!({"webhook": webhook + 1})).await.fails(
        404,
        "not_found",
        None,
        false,
        "the session has no webhook with this id",
    );
    post("/events/evt_none/replay", json!({})).await.fails(
        404,
        "not_found",
        None,
        false,
        "the session's log has no event with this id",
    );
}

#[tokio::test]
async fn another_sessions_event_does_not_exist() {
    let api = Api::with_session("t").await;
    api.create("customer-2", "u").await;
    let id = session(&api, "u").await;
    api.store.record_events(vec![event(id, "Message", "c", 0)]).await.unwrap();
    for path in ["/events/evt_2_Message_c_0", "/events/evt_2_Message_c_0/deliveries"] {
        assert_eq!(api.get(path).token("u").send().await.status, StatusCode::OK, "{path}");
        assert_eq!(api.get(path).token("t").send().await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
