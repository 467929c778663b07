use serde_json::{Value, json};
use wacore::{
    iq::mex_operations::{query_catalog, query_catalog_product},
    stanza::business::{BusinessNotification, BusinessNotificationType as News, VerifiedName},
};

use super::*;
use crate::{
    journal::Journal,
    link::{self, Link},
    phone,
    stanza::{self, read::Read as _},
};

fn number(n: u64) -> Number {
    Number::parse(&(15_550_000_000 + n).to_string()).unwrap()
}

fn device(n: u64) -> DeviceId {
    DeviceId { number: number(n), device: 1 }
}

/// Two people who know each other, each with a linked device that is there.
fn two(journal: Journal) -> (State, Vec<Link>) {
    let mut state = State::restore(journal, &Tables::new(), 1);
    let mut links = Vec::new();
    for n in 1..=2 {
        phone::create(&mut state, &number(n).to_string(), &format!("Phone {n}")).unwrap();
        let like = state.devices[&DeviceId::phone(number(n))].clone();
        state.add_device(device(n), like);
        let (mut outlet, link) = link::open(n);
        outlet.active = true;
        state.outlets.insert(device(n), outlet);
        links.push(link);
    }
    state.remember_peers(number(1), number(2));
    phone::answer_all(&mut state);
    (state, links)
}

fn heard(link: &mut Link) -> Vec<Node> {
    std::iter::from_fn(|| link.stanzas.try_recv().ok()).collect()
}

fn ask(
    state: &mut State,
    links: &mut [Link],
    n: u64,
    kind: &'static str,
    namespace: &'static str,
    child: Node,
) -> Node {
    let iq = node("iq").attr("id", "7").attr("xmlns", namespace).attr("type", kind).children([child]).build();
    stanza::receive(state, device(n), iq);
    phone::answer_all(state);
    let told = heard(&mut links[usize::try_from(n - 1).unwrap()]);
    told.into_iter().find(|stanza| stanza.tag == "iq").expect("an answer")
}

fn profile_of(state: &mut State, links: &mut [Link], n: u64, who: u64) -> Option<Node> {
    let jid = state.accounts[&number(who)].jid();
    let wanted = node("business_profile").attr("v", "244").children([node("profile").attr("jid", jid).build()]).build();
    let told = ask(state, links, n, "get", "w:biz", wanted);
    told.child("business_profile").unwrap().child("profile").cloned()
}

fn change(children: Vec<Node>) -> Node {
    node("business_profile").attr("v", "3").attr("mutation_type", "delta").children(children).build()
}

fn said(tag: &'static str, text: &str) -> Node {
    node(tag).string_content(text).build()
}

fn text(profile: &Node, tag: &str) -> String {
    String::from_utf8(profile.child(tag).map(|child| child.content()).unwrap_or_default()).unwrap()
}

fn code(answer: &Node) -> Option<String> {
    answer.child("error").and_then(|error| error.text("code"))
}

fn bread(id: &str, hidden: bool) -> shape::Product {
    shape::Product {
        id: id.to_owned(),
        name: format!("Bread {id}"),
        price: 2_500,
        currency: "EUR".to_owned(),
        hidden,
        ..shape::Product::default()
    }
}

fn bakery() -> shape::SetBusiness {
    shape::SetBusiness {
        name: Some("Bakery".to_owned()),
        categories: Some(vec!["bakery".to_owned()]),
        description: Some("Bread".to_owned()),
        products: Some(vec![bread("a", false), bread("b", true), bread("c", false)]),
        ..shape::SetBusiness::default()
    }
}

fn news(link: &mut Link) -> Vec<BusinessNotification> {
    let told = heard(link).into_iter().filter(|one| one.text("type").as_deref() == Some("business"));
    told.map(|one| BusinessNotification::try_parse(&one.as_node_ref()).unwrap()).collect()
}

#[test]
fn a_business_is_known_by_its_certificate() {
    let (mut state, mut links) = two(Journal::in_memory());
    set(&mut state, DeviceId::phone(number(1)), bakery()).unwrap();
    let told = news(&mut links[1]);
    let kinds: Vec<_> = told.iter().map(|one| one.notification_type.clone()).collect();
    assert_eq!(kinds, [News::VerifiedNameJid, News::Profile, News::Product]);
    assert_eq!(told[0].verified_name.as_ref().unwrap().name.as_deref(), Some("Bakery"));
    assert_eq!(told[2].product_ids, ["a", "b", "c"]);

    let jid = state.accounts[&number(1)].lid_jid();
    let query = node("query").children([node("business").children([node("verified_name").build()]).build()]).build();
    let list = |who: &wacore_binary::Jid| node("list").children([node("user").attr("jid", who).build()]).build();
    let usync = node("usync").children([query.clone(), list(&jid)]).build();
    let told = ask(&mut state, &mut links, 2, "get", "usync", usync);
    let user = told.get_optional_child_by_tag(&["usync", "list", "user"]).unwrap();
    let name = user.get_optional_child_by_tag(&["business", "verified_name"]).unwrap();
    assert_eq!(VerifiedName::try_from_node(&name.as_node_ref()).unwrap().name.as_deref(), Some("Bakery"));
    let jid = state.accounts[&number(2)].jid();
    let usync = node("usync").children([query, list(&jid)]).build();
    let told = ask(&mut state, &mut links, 1, "get", "usync", usync);
    assert!(told.get_optional_child_by_tag(&["usync", "list", "user", "business"]).is_none());

    // Only what changed is told.
    set(&mut state, DeviceId::phone(number(1)), bakery()).unwrap();
    assert!(news(&mut links[1]).is_empty());
    let less = shape::SetBusiness { products: Some(vec![bread("a", false)]), ..shape::SetBusiness::default() };
    set(&mut state, DeviceId::phone(number(1)), less).unwrap();
    assert_eq!(news(&mut links[1])[0].product_ids, ["b", "c"]);
    end(&mut state, number(1)).unwrap();
    assert!(news(&mut links[1])[0].is_business_removed());
    assert!(matches!(end(&mut state, number(1)), Err(Error::NoBusiness)));
}

#[test]
fn a_profile_is_changed_by_its_owner_alone() {
    let (mut state, mut links) = two(Journal::in_memory());
    assert_eq!(profile_of(&mut state, &mut links, 2, 1), None);
    let wish = change(vec![said("email", "a@b.de")]);
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "w:biz", wish.clone())).as_deref(), Some("403"));
    set(&mut state, DeviceId::phone(number(1)), bakery()).unwrap();
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "w:biz", wish)), None);
    let hours = node("business_hours")
        .attr("timezone", "Europe/Berlin")
        .children([node("business_hours_config")
            .attr("day_of_week", "mon")
            .attr("mode", "specific_hours")
            .attr("open_time", "480")
            .attr("close_time", "720")
            .build()])
        .build();
    let more = vec![said("address", "1 Road"), said("latitude", "52.5"), said("website", "https://b.de"), hours];
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "w:biz", change(more))), None);
    let profile = profile_of(&mut state, &mut links, 2, 1).unwrap();
    let texts = ["email", "address", "latitude", "website", "description"].map(|tag| text(&profile, tag));
    assert_eq!(texts, ["a@b.de", "1 Road", "52.5", "https://b.de", "Bread"]);
    let day = profile.get_optional_child_by_tag(&["business_hours", "business_hours_config"]).unwrap();
    assert_eq!((day.text("mode").as_deref(), day.text("open_time").as_deref()), (Some("specific_hours"), Some("480")));
    assert_eq!(
        profile.get_optional_child_by_tag(&["categories", "category"]).map(|one| one.content()),
        Some(b"Bakery".to_vec())
    );

    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "w:biz", change(vec![node("website").build()]))), None);
    assert!(profile_of(&mut state, &mut links, 2, 1).unwrap().child("website").is_none());
    for (wrong, expected) in [
        (change(vec![said("email", "nobody")]), "406"),
        (change(vec![said("description", &"x".repeat(513))]), "406"),
        (change(vec![said("latitude", "north")]), "400"),
        (change(vec![node("price_tier").build()]), "400"),
        (node("business_profile").attr("v", "3").build(), "400"),
    ] {
        assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "w:biz", wrong)).as_deref(), Some(expected));
    }
}

#[test]
fn what_a_business_is_not_is_refused() {
    let (mut state, _links) = two(Journal::in_memory());
    let mut refused = |wrong: shape::SetBusiness| match set(&mut state, DeviceId::phone(number(1)), wrong) {
        Err(Error::Invalid { field, .. }) => field,
        _ => "",
    };
    let none = shape::SetBusiness::default;
    let day = shape::Day { day: "mon".to_owned(), mode: "open_24h".to_owned(), open: Some(1), close: None };
    let hours = shape::Hours { days: vec![day], ..shape::Hours::default() };
    let url = "https://b.de".to_owned();
    let twice = vec![bread("a", false), bread("a", false)];
    assert_eq!(refused(shape::SetBusiness { name: Some(" ".to_owned()), ..none() }), "name");
    assert_eq!(refused(shape::SetBusiness { categories: Some(vec!["magic".to_owned()]), ..none() }), "categories");
    assert_eq!(refused(shape::SetBusiness { latitude: Some(91.0), ..none() }), "latitude");
    assert_eq!(refused(shape::SetBusiness { websites: Some(vec!["b.de".to_owned()]), ..none() }), "websites");
    assert_eq!(refused(shape::SetBusiness { websites: Some(vec![url; 3]), ..none() }), "websites");
    assert_eq!(refused(shape::SetBusiness { hours: Some(hours), ..none() }), "hours");
    assert_eq!(refused(shape::SetBusiness { products: Some(twice), ..none() }), "products");
    assert!(state.businesses.get(number(1)).is_none());
}

fn graphql(state: &mut State, links: &mut [Link], n: u64, document: &str, request: Value) -> Value {
    let asked = json!({"variables": {"request": request}}).to_string();
    let query = node("query").attr("query_id", document).bytes(asked.into_bytes()).build();
    let told = ask(state, links, n, "get", "w:mex", query);
    serde_json::from_slice(&told.child("result").unwrap().content()).unwrap()
}

#[test]
fn a_catalogue_is_read_page_by_page() {
    let (mut state, mut links) = two(Journal::in_memory());
    let jid = state.accounts[&number(1)].jid().to_string();
    let first = json!({"product_catalog": {"jid": jid, "limit": "1"}});
    let told = graphql(&mut state, &mut links, 2, query_catalog::DOC_ID, first.clone());
    assert_eq!(told["errors"][0]["extensions"]["error_code"], 404);
    set(&mut state, DeviceId::phone(number(1)), bakery()).unwrap();

    let told = graphql(&mut state, &mut links, 2, query_catalog::DOC_ID, first);
    let page = &told["data"]["xwa_product_catalog_get_product_catalog"]["product_catalog"];
    assert_eq!((page["products"][0]["id"].as_str(), page["paging"]["after"].as_str()), (Some("a"), Some("a")));
    let next = json!({"product_catalog": {"jid": jid, "limit": "9", "after": "a"}});
    let told = graphql(&mut state, &mut links, 2, query_catalog::DOC_ID, next.clone());
    let page = &told["data"]["xwa_product_catalog_get_product_catalog"]["product_catalog"];
    assert_eq!((page["products"][0]["id"].as_str(), page["paging"]["after"].as_str()), (Some("c"), Some("")));
    assert_eq!(page["products"].as_array().unwrap().len(), 1, "what is hidden, others do not see");
    let own = graphql(&mut state, &mut links, 1, query_catalog::DOC_ID, next);
    let page = &own["data"]["xwa_product_catalog_get_product_catalog"]["product_catalog"];
    assert_eq!(page["products"][0]["is_hidden"], "ISHIDDEN_TRUE");
    for wrong in [json!({"jid": jid, "limit": "0"}), json!({"jid": jid, "limit": "9", "after": "z"})] {
        let told = graphql(&mut state, &mut links, 2, query_catalog::DOC_ID, json!({ "product_catalog": wrong }));
        assert_eq!(told["errors"][0]["extensions"]["error_code"], 400);
    }

    let one = |id: &str| json!({"product": {"jid": jid, "product_id": id}});
    let told = graphql(&mut state, &mut links, 2, query_catalog_product::DOC_ID, one("c"));
    assert_eq!(told["data"]["xwa_product_catalog_get_product"]["product_catalog"]["product"]["price"], "2500");
    let told = graphql(&mut state, &mut links, 2, query_catalog_product::DOC_ID, one("b"));
    assert_eq!(told["errors"][0]["extensions"]["error_code"], 2_498_052);
}

#[test]
fn categories_are_found_by_their_names() {
    let (mut state, mut links) = two(Journal::in_memory());
    let request = |query: &str| {
        let query = node("query").string_content(query).build();
        node("request").attr("op", "profile_typeahead").attr("type", "catkit").attr("v", "1").children([query]).build()
    };
    let mut found = |query: &str| {
        let told = ask(&mut state, &mut links, 1, "get", "fb:thrift_iq", request(query));
        let response = told.child("response").unwrap().clone();
        assert_eq!(
            response.get_optional_child_by_tag(&["not_a_biz", "category"]).unwrap().text("id").unwrap(),
            CATEGORIES[0].0
        );
        response.child("categories").unwrap().nodes().len()
    };
    assert_eq!((found(""), found("SHOP"), found("magic")), (CATEGORIES.len(), 3, 0));
    let other = node("request").attr("op", "other").build();
    assert_eq!(code(&ask(&mut state, &mut links, 1, "get", "fb:thrift_iq", other)).as_deref(), Some("501"));
}

#[test]
fn businesses_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut state, _links) = two(Journal::open(&path).unwrap().0);
    set(&mut state, DeviceId::phone(number(1)), bakery()).unwrap();
    set(&mut state, DeviceId::phone(number(2)), bakery()).unwrap();
    end(&mut state, number(2)).unwrap();
    let before = state.businesses.get(number(1)).unwrap().certificate();
    drop(state);
    let (journal, tables) = Journal::open(&path).unwrap();
    let state = State::restore(journal, &tables, 1);
    assert_eq!(state.businesses.get(number(1)).unwrap().certificate(), before);
    assert_eq!(state.businesses.get(number(1)).unwrap().described().categories, ["Bakery"]);
    assert!(state.businesses.get(number(2)).is_none());
}
