//! What a body can have wrong, on every route that reads one.

use http::StatusCode;
use wago_contract::subscription;
use wago_http::Limits;

use crate::api::{Answer, Api};

/// Routes with a body, and one that each accepts as far as its form goes.
const ROUTES: &[(&str, &str)] = &[
    ("/session/init", r#"{"Name":"n","Token":"x","Os":"o"}"#),
    ("/session/rotate", r#"{"Token":"x"}"#),
    ("/session/connect", r#"{}"#),
    ("/session/pair", r#"{"Phone":"15550001"}"#),
    ("/webhook", r#"{"WebhookURL":""}"#),
    ("/webhooks", r#"{"URL":"http://127.0.0.1:9/"}"#),
    ("/send/text", r#"{"Phone":"15550001","Body":"hello"}"#),
];

async fn post(api: &Api, path: &str, body: impl Into<axum::body::Body>) -> Answer {
    api.post(path).admin().token("t").body(body).send().await
}

#[tokio::test]
async fn bodies_that_are_not_json_objects() {
    let api = Api::with_session("t").await;
    for (path, _) in ROUTES {
        for (body, error) in [
            (&b"{\"Name\":\"\xff\"}"[..], "payload is not valid UTF-8"),
            (b"hello", "payload is not valid JSON (line 1, column 1)"),
            (b"{\"Name\":", "payload is not valid JSON (line 1, column 8)"),
            (b"{}{}", "payload is not valid JSON (line 1, column 3)"),
            (b"[]", "payload should be a JSON object"),
            (b"\"text\"", "payload should be a JSON object"),
            (b"null", "payload should be a JSON object"),
        ] {
            post(&api, path, body).await.fails(400, "invalid_payload", None, false, error);
        }
        let deep = "[".repeat(500_000);
        assert_eq!(post(&api, path, deep).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn bodies_over_the_limit() {
    let api = Api::with(Limits { body_bytes: 1_000, ..Limits::default() }, true).await;
    api.create("customer-1", "t").await;
    let padded = |body: &str, length: usize| format!("{body}{}", " ".repeat(length - body.len()));
    for (path, body) in ROUTES {
        for length in [1_001, 100_000, 10_000_000] {
            let answer = post(&api, path, padded(body, length)).await;
            answer.fails(413, "body_too_large", None, false, "body is larger than 1000 bytes");
        }
        assert_ne!(post(&api, path, padded("{]", 1_000)).await.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    let announced = api.post("/webhook").token("t").header("content-length", "99999999999").send().await;
    announced.fails(413, "body_too_large", None, false, "body is larger than 1000 bytes");
}

#[tokio::test]
async fn missing_fields() {
    let api = Api::with_session("t").await;
    for (path, body, field) in [
        ("/session/init", r#""#, "Name"),
        ("/session/init", r#"{"Token":"x","Os":"o"}"#, "Name"),
        ("/session/init", r#"{"Name":"","Token":"x","Os":"o"}"#, "Name"),
        ("/session/init", r#"{"Name":" ","Token":"x","Os":"o"}"#, "Name"),
        ("/session/init", r#"{"Name":null,"Token":"x","Os":"o"}"#, "Name"),
        ("/session/init", r#"{"Name":"n","Os":"o"}"#, "Token"),
        ("/session/init", r#"{"Name":"n","Token":" \t ","Os":"o"}"#, "Token"),
        ("/session/init", r#"{"Name":"n","Token":"x"}"#, "Os"),
        ("/session/rotate", r#"{}"#, "Token"),
        ("/session/pair", r#"{"Phone":""}"#, "Phone"),
        ("/session/pair", r#""#, "Phone"),
        ("/webhook", r#"{}"#, "WebhookURL"),
        ("/webhook", r#"{"Events":["Message"],"WebhookURL":null}"#, "WebhookURL"),
        ("/send/text", r#"{"Body":"b"}"#, "Phone"),
        ("/send/text", r#"{"Phone":"15550001"}"#, "Body"),
        ("/send/text", r#"{"Phone":"15550001","Body":""}"#, "Body"),
        ("/send/text", r#"{"Phone":"1-2@g.us","Body":"b","ContextInfo":{"StanzaID":"A"}}"#, "ContextInfo.Participant"),
    ] {
        let error = format!("missing {field} in payload");
        post(&api, path, body).await.fails(400, "missing_field", Some(field), false, &error);
    }
}

#[tokio::test]
async fn fields_of_the_wrong_type() {
    let api = Api::with_session("t").await;
    let text = "a string";
    let flag = "true or false";
    let list = "a list of strings";
    let object = "an object";
    for (path, body, field, expected) in [
        ("/session/init", r#"{"Name":1,"Token":"x","Os":"o"}"#, "Name", text),
        ("/session/init", r#"{"Name":"n","Token":["x"],"Os":"o"}"#, "Token", text),
        ("/session/init", r#"{"Name":"n","Token":"x","Os":{}}"#, "Os", text),
        ("/session/rotate", r#"{"Token":false}"#, "Token", text),
        ("/session/connect", r#"{"Subscribe":{}}"#, "Subscribe", list),
        ("/session/connect", r#"{"Subscribe":[1]}"#, "Subscribe", list),
        ("/session/connect", r#"{"Immediate":"true"}"#, "Immediate", flag),
        ("/session/connect", r#"{"Phone":15550001}"#, "Phone", text),
        ("/session/pair", r#"{"Phone":15550001}"#, "Phone", text),
        ("/session/pair", r#"{"Phone":"15550001","Immediate":1}"#, "Immediate", flag),
        ("/session/pair", r#"{"Phone":"15550001","Subscribe":true}"#, "Subscribe", list),
        ("/webhook", r#"{"WebhookURL":{}}"#, "WebhookURL", text),
        ("/webhook", r#"{"WebhookURL":"","Events":1}"#, "Events", list),
        ("/webhook", r#"{"WebhookURL":"","Format":1}"#, "Format", text),
        ("/webhook", r#"{"WebhookURL":"","Secret":1}"#, "Secret", text),
        ("/webhook", r#"{"WebhookURL":"","Headers":[]}"#, "Headers", object),
        ("/webhook", r#"{"WebhookURL":"","Headers":{"X-A":1}}"#, "Headers.X-A", text),
        ("/send/text", r#"{"Phone":1,"Body":"b"}"#, "Phone", text),
        ("/send/text", r#"{"number":1,"Body":"b"}"#, "Phone", text),
        ("/send/text", r#"{"Phone":"1","Body":[]}"#, "Body", text),
        ("/send/text", r#"{"Phone":"1","Body":"b","Id":1}"#, "Id", text),
        ("/send/text", r#"{"Phone":"1","Body":"b","Forward":"yes"}"#, "Forward", flag),
        ("/send/text", r#"{"Phone":"1","Body":"b","QuotedText":1}"#, "QuotedText", text),
        ("/send/text", r#"{"Phone":"1","Body":"b","ContextInfo":"x"}"#, "ContextInfo", object),
        ("/send/text", r#"{"Phone":"1","Body":"b","contextinfo":{"STANZAID":1}}"#, "ContextInfo.StanzaID", text),
        ("/send/text", r#"{"Phone":"1","Body":"b","ContextInfo":{"Participant":1}}"#, "ContextInfo.Participant", text),
        (
            "/send/text",
            r#"{"Phone":"1","Body":"b","ContextInfo":{"MentionedJID":"x"}}"#,
            "ContextInfo.MentionedJID",
            list,
        ),
        (
            "/send/text",
            r#"{"Phone":"1","Body":"b","ContextInfo":{"MentionedJID":[1]}}"#,
            "ContextInfo.MentionedJID",
            list,
        ),
        ("/send/text", r#"{"Phone":"1","Body":"b","ContextInfo":{"IsForwarded":1}}"#, "ContextInfo.IsForwarded", flag),
    ] {
        let error = format!("{field} should be {expected}");
        post(&api, path, body).await.fails(400, "invalid_field", Some(field), false, &error);
    }
    for expiration in ["1.5", "-1", "4294967296", "99999999999999999999", "\"60\"", "[]"] {
        let body = format!(r#"{{"Phone":"1","Body":"b","ContextInfo":{{"Expiration":{expiration}}}}}"#);
        let error = "ContextInfo.Expiration should be a whole number from 0 to 4294967295";
        post(&api, "/send/text", body).await.fails(400, "invalid_field", Some("ContextInfo.Expiration"), false, error);
    }
}

#[tokio::test]
async fn fields_that_are_too_long() {
    let api = Api::with_session("t").await;
    // `$` stands for the text that is too long.
    for (path, body, field, max) in [
        ("/session/init", r#"{"Name":"$","Token":"x","Os":"o"}"#, "Name", 100),
        ("/session/init", r#"{"Name":"n","Token":"x","Os":"$"}"#, "Os", 100),
        ("/session/connect", r#"{"Phone":"$"}"#, "Phone", 128),
        ("/session/connect", r#"{"Subscribe":["$"]}"#, "Subscribe", 64),
        ("/session/pair", r#"{"Phone":"$"}"#, "Phone", 128),
        ("/webhook", r#"{"WebhookURL":"$"}"#, "WebhookURL", 2_048),
        ("/webhook", r#"{"WebhookURL":"","Format":"$"}"#, "Format", 16),
        ("/webhook", r#"{"WebhookURL":"","Secret":"$"}"#, "Secret", 256),
        ("/webhook", r#"{"WebhookURL":"","Headers":{"x-a":"$"}}"#, "Headers.x-a", 2_048),
        ("/send/text", r#"{"Phone":"$","Body":"b"}"#, "Phone", 128),
        ("/send/text", r#"{"Phone":"1","Body":"$"}"#, "Body", 65_536),
        ("/send/text", r#"{"Phone":"1","Body":"b","Id":"$"}"#, "Id", 128),
        ("/send/text", r#"{"Phone":"1","Body":"b","QuotedText":"$"}"#, "QuotedText", 65_536),
        ("/send/text", r#"{"Phone":"1","Body":"b","ContextInfo":{"StanzaID":"$"}}"#, "ContextInfo.StanzaID", 128),
        ("/send/text", r#"{"Phone":"1","Body":"b","ContextInfo":{"Participant":"$"}}"#, "ContextInfo.Participant", 128),
        (
            "/send/text",
            r#"{"Phone":"1","Body":"b","ContextInfo":{"MentionedJID":["$"]}}"#,
            "ContextInfo.MentionedJID",
            128,
        ),
    ] {
        let body = body.replace('$', &"ä".repeat(max + 1));
        let error = format!("{field} should be at most {max} characters long");
        post(&api, path, body).await.fails(400, "invalid_field", Some(field), false, &error);
    }
    let error = "Token should be 1 to 256 printable ASCII characters";
    for token in ["x".repeat(257), "tökén".to_owned(), "a\\u0000b".to_owned(), "a\\u007fb".to_owned()] {
        for path in ["/session/init", "/session/rotate"] {
            let body = format!(r#"{{"Name":"n","Token":"{token}","Os":"o"}}"#);
            post(&api, path, body).await.fails(400, "invalid_field", Some("Token"), false, error);
        }
    }
}

#[tokio::test]
async fn fields_that_are_just_short_enough() {
    let api = Api::new().await;
    let body = format!(r#"{{"Name":"{0}","Token":"{1}","Os":"{0}"}}"#, "ä".repeat(100), "x".repeat(256));
    post(&api, "/session/init", body).await.data();
    let url =
        format!(r#"{{"WebhookURL":"http://127.0.0.1:9/{0}","Secret":"{1}"}}"#, "a".repeat(2_029), "s".repeat(256));
    api.post("/webhook").token(&"x".repeat(256)).body(url).send().await.data();
}

#[tokio::test]
async fn names_are_printable() {
    let api = Api::new().await;
    for (field, body) in [
        ("Name", r#"{"Name":"a\u0000b","Token":"x","Os":"o"}"#),
        ("Name", r#"{"Name":"a\nb","Token":"x","Os":"o"}"#),
        ("Os", r#"{"Name":"n","Token":"x","Os":"a\u001bb"}"#),
    ] {
        let error = format!("{field} should be free of control characters");
        post(&api, "/session/init", body).await.fails(400, "invalid_field", Some(field), false, &error);
    }
}

#[tokio::test]
async fn unknown_event_types_are_told_the_known_ones() {
    let api = Api::with_session("t").await;
    let known = format!("a list of event types; known are {}", subscription::NAMES.join(", "));
    for (path, body, field) in [
        ("/session/connect", r#"{"Subscribe":["Message","Nonsense"]}"#, "Subscribe"),
        ("/session/connect", r#"{"Subscribe":"Nonsense"}"#, "Subscribe"),
        ("/session/pair", r#"{"Phone":"15550001","Subscribe":["Nonsense"]}"#, "Subscribe"),
        ("/webhook", r#"{"WebhookURL":"","Events":["Nonsense"]}"#, "Events"),
    ] {
        let error = format!("{field} should be {known}");
        post(&api, path, body).await.fails(400, "invalid_field", Some(field), false, &error);
    }
    assert_eq!(api.get("/webhook").token("t").send().await.data()["subscribe"], serde_json::json!(["All"]));
}

#[tokio::test]
async fn webhooks_that_lead_nowhere_good() {
    let api = Api::with(Limits::default(), false).await;
    api.create("customer-1", "t").await;
    for url in
        ["example.org/x", "ftp://example.org/", "file:///etc/passwd", "http:/x", "javascript:alert(1)", "http://a b/"]
    {
        let body = format!(r#"{{"WebhookURL":"{url}"}}"#);
        let error = "WebhookURL should be an http or https URL";
        post(&api, "/webhook", body).await.fails(400, "invalid_field", Some("WebhookURL"), false, error);
    }
    for url in [
        "http://",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://localhost:8080/hook",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
    ] {
        let answer = post(&api, "/webhook", format!(r#"{{"WebhookURL":"{url}"}}"#)).await;
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        answer.fails(400, "invalid_field", Some("WebhookURL"), false, &error);
    }
    assert_eq!(api.get("/webhook").token("t").send().await.data()["webhook"], "");
}

#[tokio::test]
async fn webhook_settings_that_cannot_be() {
    let api = Api::with_session("t").await;
    let many: String = (0..21).map(|number| format!(r#""x-{number}":"","#)).collect();
    let many = format!("{{{}}}", many.trim_end_matches(','));
    let names = "named by HTTP header names of at most 128 characters";
    for (setting, field, expected) in [
        (r#""Format":"xml""#, "Format", "form or json"),
        (r#""Secret":"a b""#, "Secret", "at most 256 printable ASCII characters without spaces"),
        (r#""Headers":{"":"x"}"#, "Headers", names),
        (r#""Headers":{"a b":"x"}"#, "Headers", names),
        (r#""Headers":{"a:b":"x"}"#, "Headers", names),
        (r#""Headers":{"a\r\nb":"x"}"#, "Headers", names),
        (r#""Headers":{"x-a":"a\r\nx-b: c"}"#, "Headers.x-a", "printable ASCII"),
        (r#""Headers":{"x-a":"ä"}"#, "Headers.x-a", "printable ASCII"),
        (&format!(r#""Headers":{many}"#), "Headers", "an object of at most 20 members"),
    ] {
        let error = format!("{field} should be {expected}");
        let body = format!(r#"{{"WebhookURL":"",{setting}}}"#);
        post(&api, "/webhook", body).await.fails(400, "invalid_field", Some(field), false, &error);
    }
    for name in ["Host", "content-length", "Content-Type", "webhook-id", "X-WaGo-Session", "transfer-encoding"] {
        let error = format!("Headers should be without {}, which a delivery sets itself", name.to_lowercase());
        let body = format!(r#"{{"WebhookURL":"","Headers":{{"{name}":"x"}}}}"#);
        post(&api, "/webhook", body).await.fails(400, "invalid_field", Some("Headers"), false, &error);
    }
}

#[tokio::test]
async fn idempotency_keys_that_cannot_be() {
    let api = Api::with_session("t").await;
    for key in [vec![], vec![b'k'; 256], b"k\xff".to_vec()] {
        let ask = api.post("/send/text").token("t").header("idempotency-key", key);
        let answer = ask.body(r#"{"Phone":"15550001","Body":"b"}"#).send().await;
        let error = "Idempotency-Key should be 1 to 255 printable ASCII characters";
        answer.fails(400, "invalid_field", Some("Idempotency-Key"), false, error);
    }
}
