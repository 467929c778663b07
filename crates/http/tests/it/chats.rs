use serde_json::json;

use crate::api::Api;

/// Each route with a body that says nothing wrong.
const ROUTES: &[(&str, &str)] = &[
    ("/chat/pin", r#"{"Phone":"15550001"}"#),
    ("/chat/unpin", r#"{"Phone":"15550001"}"#),
    ("/chat/mute", r#"{"Phone":"15550001","Duration":60}"#),
    ("/chat/unmute", r#"{"Phone":"15550001"}"#),
    ("/chat/archive", r#"{"Phone":"15550001"}"#),
    ("/chat/unarchive", r#"{"Phone":"15550001"}"#),
    ("/chat/markunread", r#"{"Phone":"15550001"}"#),
    ("/chat/clear", r#"{"Phone":"15550001"}"#),
    ("/chat/delete", r#"{"Phone":"15550001"}"#),
    ("/chat/ephemeral", r#"{"Phone":"15550001","Duration":"off"}"#),
    ("/label/edit", r#"{"labelid":"1","name":"n"}"#),
    ("/label/chat", r#"{"jid":"15550001","labelid":"1"}"#),
    ("/unlabel/chat", r#"{"jid":"15550001","labelid":"1"}"#),
    ("/label/message", r#"{"jid":"15550001","labelid":"1","messageid":"M"}"#),
    ("/unlabel/message", r#"{"jid":"15550001","labelid":"1","messageid":"M"}"#),
];

#[tokio::test]
async fn nothing_is_set_without_a_session() {
    let api = Api::with_session("t").await;
    for (path, body) in ROUTES {
        api.post(path).body(*body).send().await.fails(401, "invalid_token", None, false, "invalid token");
        let answer = api.post(path).token("t").body(*body).send().await;
        answer.fails(500, "no_session", None, false, "No session");
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named() {
    let api = Api::with_session("t").await;
    for (path, _) in ROUTES {
        let field = if *path == "/label/edit" { "labelid" } else { "Phone" };
        let answer = api.post(path).token("t").body("{}").send().await;
        answer.fails(400, "missing_field", Some(field), false, &format!("missing {field} in payload"));
    }
    for (path, body, field) in [
        ("/chat/mute", r#"{"Phone":"1","Duration":"soon"}"#, "Duration"),
        ("/chat/mute", r#"{"Phone":"1","Duration":-5}"#, "Duration"),
        ("/chat/ephemeral", r#"{"Phone":"1","Duration":60}"#, "Duration"),
        ("/chat/archive", r#"{"Phone":"1","Archive":"yes"}"#, "Archive"),
        ("/chat/clear", r#"{"Phone":"1","DeleteStarred":1}"#, "DeleteStarred"),
        ("/label/edit", r#"{"labelid":"x","name":"n"}"#, "labelid"),
        ("/label/edit", r#"{"labelid":"1","name":"n","color":99}"#, "color"),
        ("/label/edit", r#"{"labelid":"1","name":"n","action":"no"}"#, "action"),
        ("/label/chat", r#"{"jid":"1","labelid":"new"}"#, "labelid"),
    ] {
        let answer = api.post(path).token("t").body(body).send().await;
        assert_eq!((answer.status.as_u16(), answer.json()["field"].as_str()), (400, Some(field)), "{path} {body}");
    }
}

#[tokio::test]
async fn lists_are_empty_at_first_and_bounded() {
    let api = Api::with_session("t").await;
    assert_eq!(api.get("/chat/list").token("t").send().await.data(), json!({"chats": [], "next": null}));
    assert_eq!(api.get("/label/list").token("t").send().await.data(), json!({"labels": []}));
    assert_eq!(api.get("/user/contacts").token("t").send().await.data(), json!({}));
    for (path, field) in [
        ("/chat/list?limit=1001", "limit"),
        ("/chat/list?page=0", "page"),
        ("/label/list?limit=x", "limit"),
        ("/user/contacts?limit=10001", "limit"),
    ] {
        let answer = api.get(path).token("t").send().await;
        assert_eq!((answer.status.as_u16(), answer.json()["field"].as_str()), (400, Some(field)), "{path}");
    }
    let unknown = api.get("/label/list?labelid=7").token("t").send().await;
    unknown.fails(404, "not_found", None, false, "there is no label with this labelid");
}
