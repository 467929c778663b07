//! Businesses' profiles.

use serde_json::{Map, Value};
use wacore_binary::NodeRef;
use wago_contract::business::{Categories, Category, CoverPhoto, Hours, Profile};

/// How deep what has no place of its own in a profile is passed on.
const DEPTH_MAX: usize = 6;

/// A profile as WhatsApp tells it, with what it has beside the known fields.
pub fn profile(node: &NodeRef<'_>) -> Profile {
    let mut profile = Profile { jid: attribute(node, "jid"), ..Profile::default() };
    for child in node.children().unwrap_or_default() {
        match &*child.tag {
            "description" => profile.description = text(child),
            "address" => profile.address = text(child),
            "latitude" => profile.latitude = text(child).parse().ok(),
            "longitude" => profile.longitude = text(child).parse().ok(),
            "email" => profile.email = text(child),
            "website" => profile.websites.extend(Some(text(child)).filter(|url| !url.is_empty())),
            "categories" => profile.categories = child.get_children_by_tag("category").map(category).collect(),
            "business_hours" => hours(child, &mut profile),
            "profile_options" => profile.profile_options = children(child, DEPTH_MAX),
            "cover_photo" => profile.cover_photo = Some(CoverPhoto { id: attribute(child, "id"), url: text(child) }),
            tag => add(&mut profile.more, tag, plain(child, DEPTH_MAX)),
        }
    }
    profile
}

pub fn categories(response: &NodeRef<'_>) -> Option<Categories> {
    let all = response.get_optional_child("categories")?;
    let none = response.get_optional_child_by_tag(&["not_a_biz", "category"]);
    Some(Categories {
        categories: all.get_children_by_tag("category").map(category).collect(),
        none: none.map(|none| attribute(none, "id")),
    })
}

fn category(node: &NodeRef<'_>) -> Category {
    Category { id: attribute(node, "id"), name: text(node) }
}

fn hours(node: &NodeRef<'_>, profile: &mut Profile) {
    profile.business_hours_time_zone = attribute(node, "timezone");
    profile.business_hours_note = node.get_optional_child("business_hours_note").map(text).unwrap_or_default();
    let day = |day: &NodeRef<'_>| Hours {
        day_of_week: attribute(day, "day_of_week"),
        mode: attribute(day, "mode"),
        open_time: attribute(day, "open_time"),
        close_time: attribute(day, "close_time"),
    };
    profile.business_hours = node.get_children_by_tag("business_hours_config").map(day).collect();
}

fn attribute(node: &NodeRef<'_>, name: &str) -> String {
    node.get_attr(name).map(|value| value.as_str().into_owned()).unwrap_or_default()
}

fn text(node: &NodeRef<'_>) -> String {
    node.content_as_string().map(String::from).unwrap_or_default()
}

/// A node as JSON: its text, or an object of its attributes and children.
fn plain(node: &NodeRef<'_>, depth: usize) -> Value {
    let mut object = children(node, depth);
    for (name, value) in node.attrs_iter() {
        object.insert(name.to_string(), Value::from(value.as_str().into_owned()));
    }
    match text(node) {
        text if object.is_empty() => Value::from(text),
        text if text.is_empty() => Value::Object(object),
        text => {
            object.insert("text".to_owned(), Value::from(text));
            Value::Object(object)
        }
    }
}

fn children(node: &NodeRef<'_>, depth: usize) -> Map<String, Value> {
    let mut object = Map::new();
    if depth > 0 {
        for child in node.children().unwrap_or_default() {
            add(&mut object, &child.tag, plain(child, depth - 1));
        }
    }
    object
}

/// What comes more than once becomes a list.
fn add(object: &mut Map<String, Value>, tag: &str, value: Value) {
    match object.get_mut(tag) {
        Some(Value::Array(list)) => list.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
        None => {
            object.insert(tag.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wacore_binary::{Node, builder::NodeBuilder};

    use super::*;

    fn node(tag: &'static str) -> NodeBuilder {
        NodeBuilder::new(tag)
    }

    fn said(tag: &'static str, text: &str) -> Node {
        node(tag).bytes(text.as_bytes().to_vec()).build()
    }

    #[test]
    fn a_profile_is_passed_on_whole() {
        let day = |name: &str| node("business_hours_config").attr("day_of_week", name);
        let told = node("profile")
            .attr("jid", "15550000001@s.whatsapp.net")
            .children([
                said("description", "Bread"),
                said("address", "1 Road"),
                said("latitude", "52.5"),
                said("longitude", "13.25"),
                said("email", "a@b.de"),
                said("website", "https://b.de"),
                node("website").build(),
                node("categories")
                    .children([node("category").attr("id", "7").string_content("Bakery").build()])
                    .build(),
                node("business_hours")
                    .attr("timezone", "Europe/Berlin")
                    .children([
                        said("business_hours_note", "Ring twice"),
                        day("mon")
                            .attr("mode", "specific_hours")
                            .attr("open_time", "480")
                            .attr("close_time", "720")
                            .build(),
                        day("tue").attr("mode", "open_24h").build(),
                    ])
                    .build(),
                node("profile_options").children([said("commerce_experience", "catalog")]).build(),
                node("cover_photo").attr("id", "9").string_content("https://b.de/cover.jpg").build(),
                said("member_since_text", "2024"),
                node("price_tier").attr("id", "2").attr("symbol", "$$").string_content("Moderate").build(),
                node("service_areas")
                    .children([
                        node("service_area").children([said("area_description", "Here")]).build(),
                        node("service_area").children([said("area_description", "There")]).build(),
                    ])
                    .build(),
            ])
            .build();
        let told = serde_json::to_value(profile(&told.as_node_ref())).unwrap();
        assert_eq!(
            told,
            json!({
                "JID": "15550000001@s.whatsapp.net",
                "Description": "Bread",
                "Address": "1 Road",
                "Latitude": 52.5,
                "Longitude": 13.25,
                "Email": "a@b.de",
                "Websites": ["https://b.de"],
                "Categories": [{"ID": "7", "Name": "Bakery"}],
                "BusinessHoursTimeZone": "Europe/Berlin",
                "BusinessHoursNote": "Ring twice",
                "BusinessHours": [
                    {"DayOfWeek": "mon", "Mode": "specific_hours", "OpenTime": "480", "CloseTime": "720"},
                    {"DayOfWeek": "tue", "Mode": "open_24h", "OpenTime": "", "CloseTime": ""},
                ],
                "ProfileOptions": {"commerce_experience": "catalog"},
                "CoverPhoto": {"ID": "9", "URL": "https://b.de/cover.jpg"},
                "More": {
                    "member_since_text": "2024",
                    "price_tier": {"id": "2", "symbol": "$$", "text": "Moderate"},
                    "service_areas": {"service_area": [{"area_description": "Here"}, {"area_description": "There"}]},
                },
            })
        );
    }

    #[test]
    fn what_is_too_deep_ends() {
        let mut deep = said("x", "bottom");
        for _ in 0..2 * DEPTH_MAX {
            deep = node("x").children([deep]).build();
        }
        let told = node("profile").children([deep]).build();
        let told = profile(&told.as_node_ref()).more["x"].to_string();
        assert_eq!(told.matches('x').count(), DEPTH_MAX, "{told}");
    }

    #[test]
    fn categories_have_one_for_who_is_none() {
        let named = |id: &str, name: &str| node("category").attr("id", id).string_content(name).build();
        let told = node("response")
            .children([
                node("not_a_biz").children([named("1", "Not a business")]).build(),
                node("categories").children([named("1", "Not a business"), named("2", "Bakery")]).build(),
            ])
            .build();
        let told = categories(&told.as_node_ref()).unwrap();
        assert_eq!((told.categories.len(), told.none.as_deref()), (2, Some("1")));
        assert_eq!(told.categories[1], Category { id: "2".to_owned(), name: "Bakery".to_owned() });
        assert_eq!(categories(&node("response").build().as_node_ref()), None);
    }
}
