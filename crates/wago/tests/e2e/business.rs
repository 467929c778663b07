//! Businesses: what they tell of themselves, and what they sell.

use serde_json::{Value, json};

use crate::{
    phones::{ALICE, BOB, jid},
    world::World,
};

/// Bob's bakery.
async fn bakery(world: &World) -> Value {
    let product = |id: &str, name: &str, hidden: bool| {
        json!({"id": id, "name": name, "price": 2500, "currency": "EUR", "hidden": hidden,
            "image": "https://example.com/bread.jpg"})
    };
    let set = json!({
        "name": "Bob's Bakery", "categories": ["bakery"], "description": "Bread", "address": "1 Road",
        "latitude": 52.5, "longitude": 13.4, "email": "bob@example.com", "websites": ["https://example.com"],
        "hours": {"timezone": "Europe/Berlin", "days": [
            {"day": "mon", "mode": "specific_hours", "open": 480, "close": 1080}, {"day": "tue", "mode": "open_24h"},
        ]},
        "products": [product("1", "Rye", false), product("2", "Wheat", false), product("3", "Secret", true)],
    });
    world.phones.post(&format!("/phones/{BOB}/business"), set).await.data()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_is_looked_at() {
    let (world, alice, inbox) = World::linked().await;
    // Who knows it is told.
    alice.post("/send/text", json!({"Phone": BOB, "Body": "Do you have bread?"})).await.data();
    bakery(&world).await;
    let told = inbox.first("its name", |one| one.kind() == "BusinessName").await;
    assert_eq!(told.event()["NewBusinessName"], "Bob's Bakery");

    let lid = alice.get(&format!("/user/lid/{BOB}")).await.data()["lid"].clone();
    for name in [json!(BOB), lid.clone()] {
        let profile = alice.post("/business/get/profile", json!({"Phone": name})).await.data();
        assert_eq!(
            json!([
                profile["JID"],
                profile["Description"],
                profile["Address"],
                profile["Email"],
                profile["Websites"],
                profile["Latitude"],
                profile["Categories"][0]["Name"],
                profile["BusinessHoursTimeZone"],
                profile["ProfileOptions"]["commerce_experience"],
            ]),
            json!([
                jid(BOB),
                "Bread",
                "1 Road",
                "bob@example.com",
                ["https://example.com"],
                52.5,
                "Bakery",
                "Europe/Berlin",
                "catalog"
            ]),
        );
        assert_eq!(
            profile["BusinessHours"],
            json!([
                {"DayOfWeek": "mon", "Mode": "specific_hours", "OpenTime": "480", "CloseTime": "1080"},
                {"DayOfWeek": "tue", "Mode": "open_24h", "OpenTime": "", "CloseTime": ""},
            ])
        );
    }
    let checked = alice.post("/user/check", json!({"Phone": [BOB]})).await.data();
    assert_eq!(checked["Users"][0]["VerifiedName"], "Bob's Bakery");

    let names = |page: &Value| -> Vec<Value> {
        page["Products"].as_array().unwrap().iter().map(|product| product["name"].clone()).collect()
    };
    let page = alice.post("/business/catalog/list", json!({"Phone": lid, "Limit": 1})).await.data();
    assert_eq!(names(&page), ["Rye"]);
    let rest = json!({"Phone": BOB, "Limit": 1, "Cursor": page["Next"]});
    let rest = alice.post("/business/catalog/list", rest).await.data();
    assert_eq!((names(&rest), rest.get("Next")), (vec![json!("Wheat")], None), "what is hidden is not shown to others");
    let product = alice.get(&format!("/business/catalog/info?phone={BOB}&productid=2")).await.data();
    assert_eq!(json!([product["name"], product["price"], product["currency"]]), json!(["Wheat", "2500", "EUR"]));

    let unknown = json!({"Phone": BOB, "ProductID": "3"});
    alice.post("/business/catalog/info", unknown).await.fails(404, "unknown_product", "no such product");
    for path in ["/business/get/profile", "/business/catalog/list"] {
        alice.post(path, json!({"Phone": ALICE})).await.fails(404, "not_a_business", "the account is no business");
        let nobody = alice.post(path, json!({"Phone": "15559999999"})).await;
        nobody.fails(400, "not_on_whatsapp", "15559999999 is not on WhatsApp");
    }
    let found = alice.get("/business/get/categories?query=shop").await.data();
    let found: Vec<&str> =
        found["Categories"].as_array().unwrap().iter().map(|one| one["Name"].as_str().unwrap()).collect();
    assert_eq!(found, ["Book shop", "Clothing shop", "Grocery shop"]);
    let limit = json!({"kind": "overlimit", "target": ALICE});
    world.phones.post("/faults", limit).await.data();
    let answer = alice.post("/business/get/profile", json!({"Phone": BOB})).await;
    answer.fails(502, "whatsapp_refused", "code 429");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_says_what_it_is() {
    let world = World::start().await;
    let (bob, inbox) = world.session("bob").await;
    bob.link(&world.phones, BOB, &inbox).await;
    bob.post("/business/update/desc", json!({"Description": "x"})).await.fails(502, "whatsapp_refused", "code 403");
    bakery(&world).await;
    bob.post("/business/update/desc", json!({"Description": "Bread and rolls"})).await.data();
    let place = json!({"Address": "2 Road", "Latitude": 48.1, "Longitude": 11.5});
    bob.post("/business/update/address", place).await.data();
    bob.post("/business/update/email", json!({"Email": "rolls@example.com"})).await.data();
    let shown = world.phones.get(&format!("/phones/{BOB}/business")).await;
    assert_eq!(
        json!([shown["description"], shown["address"], shown["latitude"], shown["email"], shown["categories"]]),
        json!(["Bread and rolls", "2 Road", 48.1, "rolls@example.com", ["Bakery"]])
    );
    // Its own, if nobody is named; what is hidden, too.
    let profile = bob.get("/business/get/profile").await.data();
    assert_eq!(json!([profile["JID"], profile["Description"]]), json!([jid(BOB), "Bread and rolls"]));
    let own = bob.get("/business/catalog/list").await.data();
    assert_eq!(own["Products"].as_array().unwrap().len(), 3);
    let hide = json!({"ProductID": "1"});
    for path in ["/business/catalog/hide", "/business/catalog/show", "/business/catalog/delete"] {
        bob.post(path, hide.clone()).await.fails(501, "not_offered", "WhatsApp does not let linked devices");
    }
    world.stop().await;
}
