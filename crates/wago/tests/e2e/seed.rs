use reqwest::Method;

use crate::{
    api::{ADMIN, Answer, send},
    phones::ALICE,
    world::World,
};

/// What WaGo's page on creating a token says, with curl's bytes; then the next steps that it names.
#[tokio::test(flavor = "multi_thread")]
async fn create_a_token() {
    let world = World::start().await;
    let post = async |path: &str, header: (&str, &str), body: &'static str| -> Answer {
        let ask = world.api.ask(Method::POST, path);
        let ask = ask.header("Content-Type", "application/json");
        send(ask.header(header.0, header.1).body(body)).await
    };
    let init = r#"{
    "Name": "customer-1",
    "Token": "customer-token-1",
    "Os": "linux"
  }"#;
    let created = post("/session/init", ("admintoken", ADMIN), init).await;
    assert_eq!(created.status, 200);
    assert_eq!(created.headers["content-type"], "application/json");
    assert_eq!(
        created.text,
        r#"{"code":200,"data":{"details":"user created successfully","name":"customer-1","token":"customer-token-1","osName":"linux"},"success":true}"#
    );

    let taken = post("/session/init", ("admintoken", ADMIN), init).await;
    assert_eq!(taken.status, 500);
    let error = r#"{"code":500,"error":"token or name already exists","success":false,"#;
    assert!(taken.text.starts_with(error), "{}", taken.text);

    let token = ("token", "customer-token-1");
    let connect = r#"{
    "Subscribe": ["Message", "ReadReceipt", "Presence", "Call"],
    "Immediate": true,
    "Phone": ""
  }"#;
    let connected = post("/session/connect", token, connect).await;
    assert_eq!(
        connected.text,
        r#"{"code":200,"data":{"details":"Connected!","events":"Message,ReadReceipt,Presence,Call","jid":"","webhook":""},"success":true}"#
    );
    let get = async |path: &str| {
        let ask = world.api.ask(Method::GET, path);
        send(ask.header(token.0, token.1)).await
    };
    // The page's next step: it waits for the code.
    let qr = get("/session/qr").await;
    let before = r#"{"code":200,"data":{"QRCode":"data:image/png;base64,"#;
    assert!(qr.text.starts_with(before), "{}", qr.text);
    let status = get("/session/status").await;
    let before = r#"{"code":200,"data":{"Connected":false,"LoggedIn":false,"Jid":{"User":"","Server":""},"Lid":{"User":"","Server":""},"Events":"Message,ReadReceipt,Presence,Call","Name":"customer-1","Health":{"state":"waiting_for_scan","#;
    assert!(status.text.starts_with(before), "{}", status.text);

    // Once it is scanned, the same request restores the session.
    let code = serde_json::json!({"qr": qr.data()["Code"]});
    let device = world.phones.link(ALICE, code).await.data();
    let jid = device["jid"].as_str().unwrap();
    let wait = r#"{"Immediate":false}"#;
    let connected = post("/session/connect", token, wait).await;
    assert_eq!(
        connected.text,
        format!(
            r#"{{"code":200,"data":{{"details":"Connected!","events":"Message,ReadReceipt,Presence,Call","jid":"{jid}","webhook":""}},"success":true}}"#
        )
    );
    let status = get("/session/status").await;
    let before = r#"{"code":200,"data":{"Connected":true,"LoggedIn":true,"Jid":{"User":"15550000001","Server":"s.whatsapp.net"},"Lid":{"User":""#;
    assert!(status.text.starts_with(before), "{}", status.text);
    world.stop().await;
}
