//! `/webhooks`: several of one session.

use http::Method;
use serde_json::{Value, json};
use wago_store::WEBHOOKS_MAX;

use crate::api::{Answer, Api};

async fn post(api: &Api, token: &str, body: Value) -> Answer {
    api.post("/webhooks").token(token).body(body.to_string()).send().await
}

async fn patch(api: &Api, id: &Value, body: Value) -> Answer {
    api.ask(Method::PATCH, &format!("/webhooks/{id}")).token("t").body(body.to_string()).send().await
}

#[tokio::test]
async fn one_is_made_changed_and_removed() {
    let api = Api::with_session("t").await;
    let made = post(&api, "t", json!({"URL": "http://127.0.0.1:9/a"})).await.data();
    let id = made["id"].clone();
    let mut expected = json!({
        "id": id, "url": "http://127.0.0.1:9/a", "events": null, "chats": [], "format": "form", "secretSet": false,
        "headers": {}, "active": true, "paused": null, "failingSince": null, "createdAt": made["createdAt"],
    });
    assert_eq!(made, expected);

    let all = json!({
        "url": "http://127.0.0.1:9/b", "events": ["message", "CallOffer"], "format": "json", "secret": "hush",
        "headers": {"X-Team": "blue"}, "chats": ["+1 555 000 0001", "*@g.us", "100@lid"],
    });
    let changed = patch(&api, &id, all).await.data();
    expected["url"] = "http://127.0.0.1:9/b".into();
    expected["events"] = json!(["Message", "CallOffer"]);
    expected["format"] = "json".into();
    expected["secretSet"] = true.into();
    expected["headers"] = json!({"x-team": "blue"});
    expected["chats"] = json!(["15550000001@s.whatsapp.net", "*@g.us", "100@lid"]);
    assert_eq!(changed, expected);
    assert_eq!(patch(&api, &id, json!({})).await.data(), expected, "what is not named stays");

    let rotated = patch(&api, &id, json!({"Secret": "new"})).await.data();
    assert!(rotated["oldSecretUntil"].is_string(), "{rotated}");
    let bare = patch(&api, &id, json!({"Secret": "", "Events": [], "Chats": []})).await.data();
    assert_eq!((&bare["secretSet"], &bare["events"], &bare["chats"]), (&false.into(), &Value::Null, &json!([])));
    assert_eq!(bare.get("oldSecretUntil"), None);

    let paused = patch(&api, &id, json!({"Active": false})).await.data();
    assert_eq!((&paused["active"], &paused["paused"]["reason"]), (&false.into(), &"paused on request".into()));
    let first = api.get("/webhook").token("t").send().await.data();
    assert_eq!(first["paused"]["reason"], "paused on request", "it is the session's first");
    assert_eq!(patch(&api, &id, json!({"Active": true})).await.data()["paused"], Value::Null);

    let path = format!("/webhooks/{id}");
    api.ask(Method::DELETE, &path).token("t").send().await.data();
    let gone = api.get(&path).token("t").send().await;
    gone.fails(404, "not_found", None, false, "the session has no webhook with this id");
    assert_eq!(api.get("/webhooks").token("t").send().await.data(), json!([]));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = Api::with_session("t").await;
    post(&api, "t", json!({})).await.fails(
        400,
        "missing_field",
        Some("WebhookURL"),
        false,
        "missing WebhookURL in payload",
    );
    let url = "http://127.0.0.1:9/";
    for (body, field) in [
        (json!({"URL": "ftp://example.com/"}), "WebhookURL"),
        (json!({"URL": url, "Events": ["Massage"]}), "Events"),
        (json!({"URL": url, "Chats": ["nobody"]}), "Chats"),
        (json!({"URL": url, "Chats": ["*@example.com"]}), "Chats"),
        (json!({"URL": url, "Format": "xml"}), "Format"),
        (json!({"URL": url, "Active": "yes"}), "Active"),
        (json!({"URL": url, "Headers": {"host": "x"}}), "Headers"),
    ] {
        let answer = post(&api, "t", body.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &field.into()), "{body} {}", answer.text);
    }
    assert_eq!(api.get("/webhooks").token("t").send().await.data(), json!([]), "nothing was made");
    for path in ["/webhooks/7", "/webhooks/x", "/webhooks/7/deliveries"] {
        let answer = api.get(path).token("t").send().await;
        answer.fails(404, "not_found", None, false, "the session has no webhook with this id");
    }
}

#[tokio::test]
async fn another_sessions_webhook_does_not_exist() {
    let api = Api::with_session("t").await;
    api.create("customer-2", "u").await;
    let id = post(&api, "u", json!({"URL": "http://127.0.0.1:9/"})).await.data()["id"].clone();
    for (method, path) in [
        (Method::GET, format!("/webhooks/{id}")),
        (Method::PATCH, format!("/webhooks/{id}")),
        (Method::DELETE, format!("/webhooks/{id}")),
        (Method::POST, format!("/webhooks/{id}/test")),
        (Method::POST, format!("/webhooks/{id}/replay")),
        (Method::GET, format!("/webhooks/{id}/deliveries")),
    ] {
        let answer = api.ask(method.clone(), &path).token("t").body("{}").send().await;
        assert_eq!(answer.status.as_u16(), 404, "{method} {path} {}", answer.text);
    }
}

#[tokio::test]
async fn there_is_a_most() {
    let api = Api::with_session("t").await;
    for _ in 0..WEBHOOKS_MAX {
        post(&api, "t", json!({"URL": "http://127.0.0.1:9/"})).await.data();
    }
    let one_more = post(&api, "t", json!({"URL": "http://127.0.0.1:9/"})).await;
    let error = "a session has 20 webhooks at most; delete one, or change it";
    one_more.fails(409, "too_many", None, false, error);
}

#[tokio::test]
async fn a_test_says_what_came_back() {
    let api = Api::with_session("t").await;
    // The port is free again at once, and nothing listens on it.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let id = post(&api, "t", json!({"URL": format!("http://127.0.0.1:{port}/")})).await.data()["id"].clone();
    let tested = api.post(&format!("/webhooks/{id}/test")).token("t").send().await.data();
    assert_eq!((&tested["delivered"], &tested["status"]), (&false.into(), &Value::Null));
    assert!(tested["error"].as_str().unwrap().starts_with("cannot connect"), "{tested}");
}
