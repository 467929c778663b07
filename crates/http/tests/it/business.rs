use serde_json::json;

use crate::api::Api;

const DOT: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// Each route that asks WhatsApp, with a body that says nothing wrong.
const ROUTES: &[(&str, &str)] = &[
    ("/business/get/profile", r#"{"phone":"15550000002"}"#),
    ("/business/update/desc", r#"{"description":"Bread"}"#),
    ("/business/update/address", r#"{"address":"1 Road"}"#),
    ("/business/update/email", r#"{"email":"bread@example.com"}"#),
    ("/business/catalog/list", r#"{"phone":"15550000002"}"#),
    ("/business/catalog/info", r#"{"phone":"15550000002","productid":"1"}"#),
];

#[tokio::test]
async fn nothing_is_done_without_a_session() {
    let api = Api::with_session("t").await;
    for (path, body) in ROUTES {
        api.post(path).body(*body).send().await.fails(401, "invalid_token", None, false, "invalid token");
        let answer = api.post(path).token("t").body(*body).send().await;
        answer.fails(500, "no_session", None, false, "No session");
    }
    for path in ["/business/get/profile", "/business/get/categories", "/business/catalog/list?phone=15550000002"] {
        api.get(path).send().await.fails(401, "invalid_token", None, false, "invalid token");
        api.get(path).token("t").send().await.fails(500, "no_session", None, false, "No session");
    }
}

#[tokio::test]
async fn what_whatsapp_does_not_offer_is_said_once_the_wish_is_whole() {
    let api = Api::with_session("t").await;
    let product = json!({"name": "Bread", "price": 2500, "currency": "EUR", "image": DOT}).to_string();
    for (path, body, field) in [
        ("/business/catalog/create", product.as_str(), "Name"),
        ("/business/catalog/edit", r#"{"productid":"1","name":"Rolls"}"#, "ProductID"),
        ("/business/catalog/delete", r#"{"productids":["1","2"]}"#, "ProductID"),
        ("/business/catalog/show", r#"{"productid":"1"}"#, "ProductID"),
        ("/business/catalog/hide", r#"{"productid":"1"}"#, "ProductID"),
    ] {
        api.post(path).body(body.to_owned()).send().await.fails(401, "invalid_token", None, false, "invalid token");
        let answer = api.post(path).token("t").body("{}").send().await;
        answer.fails(400, "missing_field", Some(field), false, &format!("missing {field} in payload"));
        let answer = api.post(path).token("t").body(body.to_owned()).send().await;
        answer.fails(
            501,
            "not_offered",
            None,
            false,
            "WhatsApp does not let linked devices change a catalogue: its own clients do so at Facebook, with the token \
             of an advertising account, which is not to be had over WhatsApp's connection",
        );
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named() {
    let api = Api::with_session("t").await;
    let long = json!({"description": "x".repeat(513)}).to_string();
    for (path, body, field) in [
        ("/business/get/profile", r#"{"phone":"120363021033254949@g.us"}"#, "Phone"),
        ("/business/get/profile", r#"{"phone":"bakery"}"#, "Phone"),
        ("/business/update/desc", "{}", "Description"),
        ("/business/update/desc", long.as_str(), "Description"),
        ("/business/update/address", r#"{"address":" "}"#, "Address"),
        ("/business/update/address", r#"{"address":"1 Road","latitude":1}"#, "Longitude"),
        ("/business/update/email", r#"{"email":"bread"}"#, "Email"),
        ("/business/catalog/list", r#"{"limit":101}"#, "Limit"),
        ("/business/catalog/list", r#"{"phone":"1@newsletter"}"#, "Phone"),
        ("/business/catalog/info", "{}", "ProductID"),
        ("/business/catalog/create", r#"{"name":"Bread","price":1,"currency":"E1R"}"#, "Currency"),
        ("/business/catalog/edit", r#"{"productid":"1","url":"ftp://example.com"}"#, "URL"),
        ("/business/catalog/delete", r#"{"productid":""}"#, "ProductID"),
    ] {
        let answer = api.post(path).token("t").body(body.to_owned()).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["field"].as_str()),
            (400, Some(field)),
            "{path} {body} {}",
            answer.text
        );
    }
    let many = format!("/business/get/categories?query={}", "x".repeat(101));
    let answer = api.get(&many).token("t").send().await;
    answer.fails(400, "invalid_field", Some("Query"), false, "Query should be at most 100 characters long");
}
