use serde_json::json;

use crate::api::Api;

/// Each route with a body that says nothing wrong.
const ROUTES: &[(&str, &str)] = &[
    ("/newsletter/create", r#"{"name":"n"}"#),
    ("/newsletter/info", r#"{"jid":"1@newsletter"}"#),
    ("/newsletter/link", r#"{"jid":"1@newsletter"}"#),
    ("/newsletter/subscribe", r#"{"jid":"1@newsletter"}"#),
    ("/newsletter/follow", r#"{"jid":"1@newsletter"}"#),
    ("/newsletter/unsubscribe", r#"{"jid":"1@newsletter"}"#),
    ("/newsletter/unfollow", r#"{"jid":"1@newsletter"}"#),
    ("/newsletter/messages", r#"{"jid":"1@newsletter"}"#),
    ("/newsletter/mute", r#"{"jid":"1@newsletter"}"#),
    ("/newsletter/unmute", r#"{"jid":"1@newsletter"}"#),
    ("/newsletter/react", r#"{"jid":"1@newsletter","serverid":100,"reaction":"👍"}"#),
    ("/newsletter/send", r#"{"jid":"1@newsletter","body":"hello"}"#),
    ("/newsletter/update", r#"{"jid":"1@newsletter","name":"n"}"#),
    ("/newsletter/delete", r#"{"jid":"1@newsletter"}"#),
];

#[tokio::test]
async fn nothing_is_done_without_a_session() {
    let api = Api::with_session("t").await;
    for (path, body) in ROUTES {
        api.post(path).body(*body).send().await.fails(401, "invalid_token", None, false, "invalid token");
        let answer = api.post(path).token("t").body(*body).send().await;
        answer.fails(500, "no_session", None, false, "No session");
    }
    for path in ["/newsletter/list", "/newsletter/info?jid=1@newsletter", "/newsletter/messages?jid=1@newsletter"] {
        api.get(path).send().await.fails(401, "invalid_token", None, false, "invalid token");
        api.get(path).token("t").send().await.fails(500, "no_session", None, false, "No session");
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named() {
    let api = Api::with_session("t").await;
    for (path, _) in ROUTES {
        let field = match *path {
            "/newsletter/create" => "Name",
            "/newsletter/send" => "Phone",
            _ => "NewsletterJID",
        };
        let answer = api.post(path).token("t").body("{}").send().await;
        answer.fails(400, "missing_field", Some(field), false, &format!("missing {field} in payload"));
    }
    let long = json!({"name": "x".repeat(101)}).to_string();
    let longer = json!({"name": "x", "description": "x".repeat(2_049)}).to_string();
    for (path, body, field) in [
        ("/newsletter/create", r#"{"name":" "}"#, "Name"),
        ("/newsletter/create", long.as_str(), "Name"),
        ("/newsletter/create", longer.as_str(), "Description"),
        ("/newsletter/create", r#"{"name":"n","image":"no picture"}"#, "Image"),
        ("/newsletter/info", r#"{"jid":"15550001"}"#, "NewsletterJID"),
        ("/newsletter/info", r#"{"jid":"1@g.us"}"#, "NewsletterJID"),
        ("/newsletter/info", r#"{"link":"https://example.com/x"}"#, "Link"),
        ("/newsletter/subscribe", r#"{"jid":"1@g.us"}"#, "NewsletterJID"),
        ("/newsletter/messages", r#"{"jid":"1@newsletter","count":0}"#, "Count"),
        ("/newsletter/messages", r#"{"jid":"1@newsletter","count":101}"#, "Count"),
        ("/newsletter/react", r#"{"jid":"1@newsletter","reaction":"👍"}"#, "ServerID"),
        ("/newsletter/react", r#"{"jid":"1@newsletter","serverid":100}"#, "Reaction"),
        ("/newsletter/react", r#"{"jid":"1@newsletter","serverid":100,"reaction":"ok"}"#, "Reaction"),
        ("/newsletter/send", r#"{"jid":"1@newsletter"}"#, "Body"),
        ("/newsletter/update", r#"{"jid":"1@newsletter"}"#, "Name"),
    ] {
        let answer = api.post(path).token("t").body(body.to_owned()).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["field"].as_str()),
            (400, Some(field)),
            "{path} {body} {}",
            answer.text
        );
    }
}
