//! `/user/*`: what a request can have wrong, told before WhatsApp is asked anything.

use crate::api::{Answer, Api};

async fn post(api: &Api, path: &str, body: &str) -> Answer {
    api.post(path).token("t").body(body.to_owned()).send().await
}

const PERSON: &str = "Phone should be a phone number with its country code, or a JID ending in @s.whatsapp.net, @g.us, @lid, @newsletter or @broadcast";

#[tokio::test]
async fn what_is_missing_is_named() {
    let api = Api::with_session("t").await;
    for (path, body, field) in [
        ("/user/check", "{}", "Phone"),
        ("/user/check", r#"{"Phone":[]}"#, "Phone"),
        ("/user/info", "{}", "Phone"),
        ("/user/info", r#"{"Phone":[]}"#, "Phone"),
        ("/user/avatar", "{}", "Phone"),
        ("/user/avatar", "", "Phone"),
        ("/user/privacy", "{}", "Name"),
        ("/user/privacy", r#"{"Name":"last"}"#, "Value"),
        ("/user/block", "{}", "Phone"),
        ("/user/unblock", r#"{"Phone":""}"#, "Phone"),
        ("/user/profile", "{}", "Image"),
        ("/user/profile", r#"{"Image":""}"#, "Image"),
        ("/user/name", "{}", "Name"),
        ("/user/name", r#"{"Name":""}"#, "Name"),
        ("/user/about", "{}", "Body"),
        ("/status/set/text", r#"{"Body":""}"#, "Body"),
        ("/user/presence", "{}", "Type"),
        ("/user/presence/subscribe", "{}", "Phone"),
    ] {
        let error = format!("missing {field} in payload");
        post(&api, path, body).await.fails(400, "missing_field", Some(field), false, &error);
    }
    let asked = api.get("/user/avatar?Preview=true").token("t").send().await;
    asked.fails(400, "missing_field", Some("Phone"), false, "missing Phone in payload");
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let api = Api::with_session("t").await;
    let many = |count: usize| format!(r#"{{"Phone":{}}}"#, serde_json::json!(vec!["15550000001"; count]));
    let long = |field: &str, count: usize| format!(r#"{{"{field}":"{}"}}"#, "a".repeat(count));
    for (path, body, field, error) in [
        ("/user/check", many(501), "Phone", "Phone should be a list of at most 500 strings"),
        ("/user/info", many(101), "Phone", "Phone should be a list of at most 100 strings"),
        ("/user/check", r#"{"Phone":["bob"]}"#.into(), "Phone", PERSON),
        (
            "/user/check",
            r#"{"Phone":["120363021033254949@g.us"]}"#.into(),
            "Phone",
            "Phone should be a phone number or a person's JID",
        ),
        (
            "/user/info",
            r#"{"Phone":["15550000001","120363298765432100@newsletter"]}"#.into(),
            "Phone",
            "Phone should be a phone number or a person's JID",
        ),
        (
            "/user/block",
            r#"{"Phone":"120363021033254949@g.us"}"#.into(),
            "Phone",
            "Phone should be a phone number or a person's JID",
        ),
        (
            "/user/unblock",
            r#"{"JID":"status@broadcast"}"#.into(),
            "Phone",
            "Phone should be a phone number or a person's JID",
        ),
        (
            "/user/privacy",
            r#"{"Name":"last","Except":["120363021033254949@g.us"]}"#.into(),
            "Except",
            "Except should be a phone number or a person's JID",
        ),
        (
            "/user/privacy",
            r#"{"LastSeen":"friends"}"#.into(),
            "LastSeen",
            "LastSeen should be all, contacts, contact_blacklist, none",
        ),
        (
            "/user/privacy",
            r#"{"Name":"shoes","Value":"all"}"#.into(),
            "Name",
            "Name should be groupadd, last, status, profile, readreceipts, calladd, online, messages, defense, stickers",
        ),
        (
            "/user/privacy",
            r#"{"DefaultDisappearing":5}"#.into(),
            "DefaultDisappearing",
            "DefaultDisappearing should be 0, 86400, 604800 or 7776000 seconds",
        ),
        ("/user/name", long("Name", 26), "Name", "Name should be at most 25 characters long, all of them printable"),
        ("/user/about", long("Body", 140), "Body", "Body should be at most 139 characters long"),
        ("/user/presence", r#"{"type":"away"}"#.into(), "Type", "Type should be available or unavailable"),
        (
            "/user/profile",
            r#"{"Image":"no picture"}"#.into(),
            "Image",
            "Image should be a data URL (data:image/png;base64,…), base64 or an http(s) URL",
        ),
    ] {
        post(&api, path, &body).await.fails(400, "invalid_field", Some(field), false, error);
    }
    let jid = api.get("/user/lid/120363021033254949@g.us").token("t").send().await;
    jid.fails(400, "invalid_field", Some("jid"), false, "jid should be a phone number or a person's JID");
}

#[tokio::test]
async fn a_picture_that_is_too_large_is_refused() {
    let limits = wago_http::Limits::default();
    let limit = limits.media.image;
    let api = Api::with(limits, true).await;
    api.create("customer-1", "t").await;
    let large = "A".repeat(usize::try_from(limit).unwrap() / 3 * 4 + 8);
    let refused = post(&api, "/user/profile", &format!(r#"{{"Image":"{large}"}}"#)).await;
    refused.fails(413, "body_too_large", Some("Image"), false, &format!("Image is larger than {limit} bytes"));
}

#[tokio::test]
async fn a_session_that_is_not_running_can_do_none_of_it() {
    let api = Api::with_session("t").await;
    for (path, body) in [
        ("/user/check", r#"{"Phone":["15550000001"]}"#),
        ("/user/info", r#"{"Phone":["15550000001"]}"#),
        ("/user/avatar", r#"{"Phone":"15550000001"}"#),
        ("/user/privacy", r#"{"Name":"last","Value":"all"}"#),
        ("/user/block", r#"{"Phone":"15550000001"}"#),
        ("/user/unblock", r#"{"Phone":"15550000001"}"#),
        ("/user/profile", r#"{"Remove":true}"#),
        ("/user/name", r#"{"Name":"Ana"}"#),
        ("/user/about", r#"{"Body":"here"}"#),
        ("/status/set/text", r#"{"Body":"here"}"#),
        ("/user/presence", r#"{"type":"available"}"#),
        ("/user/presence/subscribe", r#"{"Phone":"15550000001"}"#),
    ] {
        post(&api, path, body).await.fails(500, "no_session", None, false, "No session");
    }
    for path in ["/user/privacy", "/user/blocklist", "/user/lid/15550000001"] {
        api.get(path).token("t").send().await.fails(500, "no_session", None, false, "No session");
    }
    let removed = api.ask(http::Method::DELETE, "/user/profile").token("t").send().await;
    removed.fails(500, "no_session", None, false, "No session");
    for path in ["/user/check", "/user/profile", "/user/blocklist"] {
        let without = api.post(path).send().await;
        assert!([401, 405].contains(&without.status.as_u16()), "{path}");
    }
}
