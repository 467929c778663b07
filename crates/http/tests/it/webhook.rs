use serde_json::json;

use crate::api::Api;
use wago_http::Limits;

const NONE: &str = r#"{"code":200,"data":{"webhook":"","subscribe":["All"],"format":"form","secretSet":false,"headers":{}},"success":true}"#;

#[tokio::test]
async fn what_is_not_named_stays() {
    let api = Api::with_session("t").await;
    let set = |body: &'static str| {
        let ask = api.post("/webhook").token("t").body(body);
        async move { ask.send().await.data() }
    };
    assert_eq!(api.get("/webhook").token("t").send().await.text, NONE);

    let mut expected = json!({
        "webhook": "http://127.0.0.1:9/a", "subscribe": ["All"], "format": "form", "secretSet": false, "headers": {},
    });
    assert_eq!(set(r#"{"WebhookURL":"http://127.0.0.1:9/a"}"#).await, expected);

    expected["format"] = "json".into();
    expected["secretSet"] = true.into();
    expected["headers"] = json!({"authorization": "Basic x", "x-my": "1"});
    expected["subscribe"] = json!(["Message", "Call"]);
    let all = r#"{"webhookurl":" http://127.0.0.1:9/a ","Events":["message","CALL","Message"],"Format":"JSON","Secret":"whsec_c2VjcmV0",
        "Headers":{"X-My":"0","Authorization":" Basic x ","x-my":"1"}}"#;
    assert_eq!(set(all).await, expected);

    expected["webhook"] = "http://127.0.0.1:9/b".into();
    let other = r#"{"WebhookURL":"http://127.0.0.1:9/b","Events":[],"Format":null,"Secret":null}"#;
    assert_eq!(set(other).await, expected);
    assert_eq!(api.get("/webhook").token("t").send().await.data(), expected);

    expected["secretSet"] = false.into();
    expected["headers"] = json!({});
    assert_eq!(set(r#"{"WebhookURL":"http://127.0.0.1:9/b","Secret":"","Headers":{}}"#).await, expected);

    set(r#"{"WebhookURL":"","Events":"All"}"#).await;
    assert_eq!(api.get("/webhook").token("t").send().await.text, NONE);
}

#[tokio::test]
async fn a_webhook_is_its_sessions_own() {
    let api = Api::with_session("t-1").await;
    api.create("customer-2", "t-2").await;
    api.post("/webhook").token("t-1").body(r#"{"WebhookURL":"http://127.0.0.1:9/1"}"#).send().await.data();
    assert_eq!(api.get("/webhook").token("t-2").send().await.text, NONE);
    let all = api.get("/session/all").admin().send().await.data();
    assert_eq!(all[0]["webhook"], "http://127.0.0.1:9/1");
    assert_eq!(all[1]["webhook"], "");
}

#[tokio::test]
async fn a_webhook_may_not_lead_into_the_servers_own_networks() {
    let api = Api::with(Limits::default(), false).await;
    api.create("customer-1", "t").await;
    for (url, why) in [
        ("http://127.0.0.1:9/a", "private"),
        ("http://localhost/", "private"),
        ("http://10.1.2.3/", "private"),
        ("http://192.168.0.1:8080/hook", "private"),
        ("http://169.254.169.254/latest/meta-data", "private"),
        ("http://[::1]/", "private"),
        ("http://[fd00:ec2::254]/", "private"),
        ("http://[::ffff:127.0.0.1]/", "private"),
        ("http://2130706433/", "private"),
        ("http://0x7f.1/", "private"),
        ("http://user:password@93.184.216.34/", "password"),
        ("ftp://93.184.216.34/", "http"),
        ("javascript:alert(1)", "http"),
        ("93.184.216.34", "http"),
        ("http://", "URL"),
    ] {
        let answer = api.post("/webhook").token("t").body(format!(r#"{{"WebhookURL":"{url}"}}"#)).send().await;
        let refusal: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!((&refusal["code"], &refusal["field"]), (&json!(400), &json!("WebhookURL")), "{url}: {refusal}");
        assert!(refusal["error"].as_str().unwrap().contains(why), "{url}: {refusal}");
    }
    let public = api.post("/webhook").token("t").body(r#"{"WebhookURL":"https://93.184.216.34/hook"}"#).send().await;
    assert_eq!(public.data()["webhook"], "https://93.184.216.34/hook");
}
