//! `xmlns="w:biz"`: what businesses tell of themselves. And what a business can be, which is asked at `fb:thrift_iq`.

use wacore_binary::Node;
use wago_contract::phone::business as shape;

use super::read::{Read as _, node, refusal, result};
use crate::{
    account::Account,
    business::{self, Business, CATEGORIES},
    device::DeviceId,
    state::State,
};

/// The version of profiles that the network tells.
const VERSION: &str = "116";
/// Profiles in one answer.
const PROFILES_MAX: usize = 100;

pub(super) fn get(state: &State, id: &str, iq: &Node) -> Node {
    let Some(asked) = iq.child("business_profile") else { return refusal(id, 501, "feature-not-implemented") };
    if asked.nodes().len() > PROFILES_MAX {
        return refusal(id, 406, "not-acceptable");
    }
    let profile = |asked: &Node| {
        let account = asked.jid("jid").and_then(|jid| state.account_of(&jid))?;
        Some(profile(account, state.businesses.get(account.number)?))
    };
    // Nothing is said of who is no business.
    let profiles: Vec<Node> = asked.nodes().iter().filter_map(profile).collect();
    result(id, [node("business_profile").attr("v", VERSION).children(profiles).build()])
}

fn profile(account: &Account, business: &Business) -> Node {
    let what = &business.what;
    let said = |tag: &'static str, text: &str| node(tag).bytes(text.as_bytes().to_vec()).build();
    let texts = [("address", &what.address), ("description", &what.description), ("email", &what.email)];
    let mut parts: Vec<Node> =
        texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(tag, text)| said(tag, text)).collect();
    let places = [("latitude", what.latitude), ("longitude", what.longitude)];
    parts.extend(places.into_iter().filter_map(|(tag, degrees)| Some(said(tag, &degrees?.to_string()))));
    parts.extend(what.websites.iter().map(|url| said("website", url)));
    let category = |id: &String| {
        let (id, name) = business::category(id)?;
        Some(node("category").attr("id", id).bytes(name.as_bytes().to_vec()).build())
    };
    parts.push(node("categories").children(what.categories.iter().filter_map(category)).build());
    if let Some(hours) = &what.hours {
        parts.push(open(hours));
    }
    let experience = if what.products.is_empty() { "none" } else { "catalog" };
    parts.push(node("profile_options").children([said("commerce_experience", experience)]).build());
    node("profile").attr("jid", account.jid()).children(parts).build()
}

fn open(hours: &shape::Hours) -> Node {
    let day = |day: &shape::Day| {
        let mut config =
            node("business_hours_config").attr("day_of_week", day.day.as_str()).attr("mode", day.mode.as_str());
        if let (Some(open), Some(close)) = (day.open, day.close) {
            config = config.attr("open_time", open).attr("close_time", close);
        }
        config.build()
    };
    let note = Some(&hours.note).filter(|note| !note.is_empty());
    let note = note.map(|note| node("business_hours_note").bytes(note.as_bytes().to_vec()).build());
    let days = hours.days.iter().map(day);
    node("business_hours").attr("timezone", hours.timezone.as_str()).children(note.into_iter().chain(days)).build()
}

/// Only the own profile is changed, and only that of a business.
pub(super) fn set(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let Some(change) = iq.child("business_profile") else { return refusal(id, 501, "feature-not-implemented") };
    if state.businesses.get(from.number).is_none() {
        return refusal(id, 403, "forbidden");
    }
    let Some(wish) = read(change) else { return refusal(id, 400, "bad-request") };
    match business::set(state, from, wish) {
        Ok(()) => result(id, []),
        Err(_) => refusal(id, 406, "not-acceptable"),
    }
}

/// What is not named stays. `None`: the change cannot be read.
fn read(change: &Node) -> Option<shape::SetBusiness> {
    if change.text("mutation_type").as_deref() != Some("delta") {
        return None;
    }
    let mut wish = shape::SetBusiness::default();
    for part in change.nodes() {
        let text = String::from_utf8(part.content()).ok()?;
        match part.tag.as_ref() {
            "address" => wish.address = Some(text),
            "description" => wish.description = Some(text),
            "email" => wish.email = Some(text),
            "latitude" => wish.latitude = Some(text.parse().ok()?),
            "longitude" => wish.longitude = Some(text.parse().ok()?),
            // An empty one takes all away.
            "website" => wish.websites.get_or_insert_default().extend(Some(text).filter(|url| !url.is_empty())),
            "categories" => {
                wish.categories = Some(part.nodes().iter().map(|one| one.text("id")).collect::<Option<_>>()?);
            }
            "business_hours" => wish.hours = Some(read_hours(part)?),
            _ => return None,
        }
    }
    Some(wish)
}

fn read_hours(node: &Node) -> Option<shape::Hours> {
    let note = node.child("business_hours_note").map(|note| String::from_utf8(note.content())).transpose().ok()?;
    let mut hours = shape::Hours {
        timezone: node.text("timezone").unwrap_or_default(),
        note: note.unwrap_or_default(),
        days: Vec::new(),
    };
    for config in node.nodes().iter().filter(|part| part.tag == "business_hours_config") {
        let minutes = |name: &str| config.text(name).map(|text| text.parse().ok());
        hours.days.push(shape::Day {
            day: config.text("day_of_week")?,
            mode: config.text("mode")?,
            open: minutes("open_time").unwrap_or_default(),
            close: minutes("close_time").unwrap_or_default(),
        });
    }
    Some(hours)
}

/// What a business can be: those whose name has the text in it.
pub(super) fn categories(state: &mut State, id: &str, request: &Node) -> Node {
    let typeahead = request.text("op").as_deref() == Some("profile_typeahead");
    if !typeahead || request.text("type").as_deref() != Some("catkit") {
        state.counters.count("iq unknown: a request of fb:thrift_iq");
        return refusal(id, 501, "feature-not-implemented");
    }
    let query = request.child("query").map(|query| query.content()).unwrap_or_default();
    let query = String::from_utf8_lossy(&query).to_lowercase();
    let category =
        |(id, name): (&'static str, &'static str)| node("category").attr("id", id).string_content(name).build();
    let found = CATEGORIES.into_iter().filter(|(_, name)| name.to_lowercase().contains(&query)).map(category);
    let none = node("not_a_biz").children([category(CATEGORIES[0])]).build();
    result(id, [node("response").children([none, node("categories").children(found).build()]).build()])
}
