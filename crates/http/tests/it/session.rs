use serde_json::json;

use crate::api::{ADMIN, Api};

/// The request and the replies of WaGo's page on creating a token.
#[tokio::test]
async fn create_a_token() {
    let api = Api::new().await;
    let body = r#"{
    "Name": "customer-1",
    "Token": "customer-token-1",
    "Os": "linux"
  }"#;
    let create = || api.post("/session/init").header("content-type", "application/json").admin().body(body);
    let created = create().send().await;
    assert_eq!(
        created.text,
        r#"{"code":200,"data":{"details":"user created successfully","name":"customer-1","token":"customer-token-1","osName":"linux"},"success":true}"#
    );
    assert_eq!(created.header("content-type"), "application/json");

    let taken = create().send().await;
    taken.fails(500, "token_or_name_taken", None, false, "token or name already exists");
    assert!(taken.text.starts_with(r#"{"code":500,"error":"token or name already exists","success":false,"#));
}

#[tokio::test]
async fn names_and_tokens_are_taken_separately() {
    let api = Api::with_session("token-1").await;
    for body in [
        r#"{"Name":"customer-1","Token":"token-2","Os":"linux"}"#,
        r#"{"Name":"customer-2","Token":"token-1","Os":"linux"}"#,
        r#"{"Name":"customer-2","Token":" tok en-1 ","Os":"linux"}"#,
    ] {
        let answer = api.post("/session/init").admin().body(body).send().await;
        answer.fails(500, "token_or_name_taken", None, false, "token or name already exists");
    }
}

#[tokio::test]
async fn spaces_in_a_token_are_dropped() {
    let api = Api::new().await;
    let body = r#"{"name":" A b ","TOKEN":" a b\tc\n","os":"my os"}"#;
    let created = api.post("/session/init").admin().body(body).send().await.data();
    assert_eq!(
        created,
        json!({"details": "user created successfully", "name": "A b", "token": "abc", "osName": "my os"})
    );
    assert_eq!(api.get("/session/status").token("abc").send().await.data()["Name"], "A b");
}

#[tokio::test]
async fn a_token_is_not_the_admins() {
    let api = Api::with_session("t").await;
    let init = format!(r#"{{"Name":"n","Token":"{ADMIN}","Os":"o"}}"#);
    let text = "Token should not be the admin token";
    let answer = api.post("/session/init").admin().body(init.clone()).send().await;
    answer.fails(400, "invalid_field", Some("Token"), false, text);
    let answer = api.post("/session/rotate").admin().token("t").body(init).send().await;
    answer.fails(400, "invalid_field", Some("Token"), false, text);
}

#[tokio::test]
async fn sessions_are_listed_in_order() {
    let api = Api::new().await;
    for number in 1..=3 {
        api.create(&format!("customer-{number}"), &format!("token-{number}")).await;
    }
    let names = |path: &'static str| {
        let ask = api.get(path).admin();
        async move {
            let data = ask.send().await.data();
            data.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("/session/all").await, ["customer-1", "customer-2", "customer-3"]);
    assert_eq!(names("/session/all?limit=2").await, ["customer-1", "customer-2"]);
    assert_eq!(names("/session/all?page=2&limit=2").await, ["customer-3"]);
    assert!(names("/session/all?page=3&limit=2").await.is_empty());

    let mut first = api.get("/session/all").admin().send().await.data()[0].clone();
    assert!(first["createdAt"].as_i64().unwrap() > 1_700_000_000);
    first["createdAt"] = 0.into();
    assert_eq!(
        first.to_string(),
        json!({
            "name": "customer-1", "token": "token-1", "osName": "linux", "webhook": "", "events": "All", "jid": "",
            "connected": false, "loggedIn": false, "createdAt": 0,
        })
        .to_string()
    );
    let scanned = api.post("/session/scanned").admin().send().await;
    assert_eq!(scanned.text, r#"{"code":200,"data":[],"success":true}"#);
}

#[tokio::test]
async fn only_linked_sessions_are_scanned() {
    let api = Api::with_session("t-1").await;
    api.create("customer-2", "t-2").await;
    let second = api.store.session_by_token(&"t-2".to_owned().into()).await.unwrap().unwrap();
    let jid = "15550002:3@s.whatsapp.net";
    api.store.set_identity(second.id, Some(jid), Some("9:3@lid")).await.unwrap();
    let scanned = api.post("/session/scanned").admin().send().await.data();
    assert_eq!(scanned.as_array().unwrap().len(), 1);
    assert_eq!((&scanned[0]["name"], &scanned[0]["jid"]), (&"customer-2".into(), &jid.into()));
}

#[tokio::test]
async fn pages_are_numbers_from_1() {
    let api = Api::new().await;
    for (path, field, max) in [
        ("/session/all?page=0", "page", 1_000_000),
        ("/session/all?page=x", "page", 1_000_000),
        ("/session/all?page=99999999999999999999", "page", 1_000_000),
        ("/session/all?limit=-1", "limit", 10_000),
        ("/session/all?limit=10001", "limit", 10_000),
    ] {
        let text = format!("{field} should be a whole number from 1 to {max}");
        api.get(path).admin().send().await.fails(400, "invalid_field", Some(field), false, &text);
    }
    api.get("/session/all?page=1000000&limit=10000").admin().send().await.data();
    api.get("/session/all?page=&limit=").admin().send().await.data();
}

#[tokio::test]
async fn a_rotated_token_stops_at_once() {
    let api = Api::with_session("old").await;
    let rotated = api.post("/session/rotate").admin().token("old").body(r#"{"Token":"n e w"}"#).send().await;
    assert_eq!(
        rotated.text,
        r#"{"code":200,"data":{"details":"token rotated successfully","name":"customer-1","token":"new","osName":"linux"},"success":true}"#
    );
    api.get("/webhook").token("old").send().await.fails(401, "invalid_token", None, false, "invalid token");
    api.get("/webhook").token("new").send().await.data();

    api.create("customer-2", "other").await;
    let taken = api.post("/session/rotate").admin().token("new").body(r#"{"Token":"other"}"#).send().await;
    taken.fails(500, "token_or_name_taken", None, false, "token or name already exists");
}

#[tokio::test]
async fn a_deleted_session_is_gone_and_its_names_are_free() {
    let api = Api::with_session("t").await;
    let deleted = api.post("/session/delete").admin().token("t").send().await;
    assert_eq!(deleted.text, r#"{"code":200,"data":{"details":"session deleted successfully"},"success":true}"#);
    api.get("/session/status").token("t").send().await.fails(401, "invalid_token", None, false, "invalid token");
    api.create("customer-1", "t").await;
}

#[tokio::test]
async fn status_before_the_first_connect() {
    let api = Api::with_session("t").await;
    let mut status = api.get("/session/status").token("t").send().await.data();
    let health = status["Health"].take();
    for member in ["state", "reason", "next"] {
        assert!(!health[member].as_str().unwrap().is_empty(), "{health}");
    }
    assert!(health["since"].is_i64());
    let nobody = json!({"User": "", "Server": ""});
    assert_eq!(
        status,
        json!({
            "Connected": false, "LoggedIn": false, "Jid": nobody, "Lid": nobody, "Events": "All",
            "Name": "customer-1", "Health": null,
        })
    );
}

#[tokio::test]
async fn what_needs_a_connection_says_so() {
    let api = Api::with_session("t").await;
    let text = r#"{"Phone":"15550001","Body":"hello"}"#;
    for ask in [api.post("/send/text").token("t").body(text), api.get("/session/qr").token("t")] {
        ask.send().await.fails(500, "no_session", None, false, "No session");
    }
}

#[tokio::test]
async fn history_is_asked_for_by_chat() {
    let api = Api::with_session("t").await;
    let ask = |body: &'static str| api.post("/session/history").token("t").body(body).send();
    ask("{}").await.fails(400, "missing_field", Some("Chat"), false, "missing Chat in payload");
    let none = r#"{"Chat":"15550000002","MessageID":"A"}"#;
    ask(none).await.fails(400, "missing_field", Some("Timestamp"), false, "missing Timestamp in payload");
    for (body, field) in [
        (r#"{"Chat":"15550000002","Count":0}"#, "Count"),
        (r#"{"Chat":"15550000002","Count":501}"#, "Count"),
        (r#"{"Chat":"nobody","Count":1}"#, "Chat"),
        (r#"{"Chat":"15550000002","MessageID":"A","IsFromMe":"?","Timestamp":1}"#, "IsFromMe"),
        (r#"{"Chat":"15550000002"}"#, "MessageID"),
    ] {
        let answer = ask(body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["field"].as_str()), (400, Some(field)), "{body}");
    }
    let known = r#"{"Chat":"15550000002","MessageID":"A","Timestamp":1700000000}"#;
    ask(known).await.fails(500, "no_session", None, false, "No session");
}

#[tokio::test]
async fn a_proxy_is_public_and_its_password_is_not_shown() {
    let api = Api::with_session("t").await;
    let set = |body: &'static str| api.post("/session/proxy").token("t").body(body).send();
    set("{}").await.fails(400, "missing_field", Some("ProxyURL"), false, "missing ProxyURL in payload");
    for (body, said) in [
        (r#"{"ProxyURL":"proxy.example:1"}"#, "ProxyURL should begin with http:// or socks5://"),
        (r#"{"ProxyURL":"https://proxy.example"}"#, "ProxyURL should begin with http:// or socks5://"),
        (
            r#"{"ProxyURL":"socks5://"}"#,
            "ProxyURL should be a proxy's URL, such as socks5://user:password@proxy.example.com:1080",
        ),
        (
            r#"{"ProxyURL":"http://proxy.example/path"}"#,
            "ProxyURL should be a proxy's URL, such as socks5://user:password@proxy.example.com:1080",
        ),
        (r#"{"ProxyURL":"http://127.0.0.1:3128"}"#, "ProxyURL leads to a private or reserved address"),
        (r#"{"ProxyURL":"socks5://u:p@[::1]"}"#, "ProxyURL leads to a private or reserved address"),
        (
            r#"{"ProxyURL":"socks5://nowhere.invalid:1"}"#,
            "ProxyURL cannot be reached: its host name cannot be resolved",
        ),
    ] {
        set(body).await.fails(400, "invalid_field", Some("ProxyURL"), false, said);
    }
    let webhooks = r#"{"ProxyURL":"http://1.1.1.1:1","webhook_use_proxy":true}"#;
    set(webhooks).await.fails(
        400,
        "invalid_field",
        Some("webhook_use_proxy"),
        false,
        "webhook_use_proxy should be false: webhooks never go through a session's proxy",
    );
    let got = || async { api.get("/session/proxy").token("t").send().await.data() };
    assert_eq!(got().await, json!({"Details": "Proxy", "Enable": false, "ProxyURL": ""}));
    set(r#"{"ProxyURL":"socks5://u:secret@1.1.1.1:1080"}"#).await.data();
    assert_eq!(got().await["ProxyURL"], "socks5://u:***@1.1.1.1:1080");
    set(r#"{"Enable":false}"#).await.data();
    assert_eq!(got().await["Enable"], false);
}
