//! Businesses: what they are called, what they tell of themselves, and what they sell. [`catalog`] is how that is asked
//! for.

pub(crate) mod catalog;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use buffa::Message as _;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use wacore_binary::Node;
use wago_contract::phone::business as shape;
use waproto::whatsapp as wa;

use crate::{
    Error, Result,
    account::Number,
    device::DeviceId,
    journal::Tables,
    privacy,
    stanza::{notice, read::node},
    state::State,
};

const BUSINESS: &str = "business";
const NAME_CHARACTERS_MAX: usize = 100;
const DESCRIPTION_CHARACTERS_MAX: usize = 512;
const ADDRESS_CHARACTERS_MAX: usize = 256;
const EMAIL_CHARACTERS_MAX: usize = 128;
const URL_CHARACTERS_MAX: usize = 256;
const WEBSITES_MAX: usize = 2;
const CATEGORIES_MAX: usize = 3;
/// A week with a break on each day.
const DAYS_MAX: usize = 14;
const NOTE_CHARACTERS_MAX: usize = 256;
const PRODUCTS_MAX: usize = 500;
/// Characters in any of a product's texts.
const PRODUCT_CHARACTERS_MAX: usize = 5_000;
const MINUTES: u16 = 24 * 60;
/// Who signs the names of small businesses.
const ISSUER: &str = "smb:wa";

/// What a business can be: ids and names. The first is for who is none.
pub(crate) const CATEGORIES: [(&str, &str); 10] = [
    ("1000000000000001", "Not a business"),
    ("1000000000000002", "Bakery"),
    ("1000000000000003", "Beauty, cosmetic & personal care"),
    ("1000000000000004", "Book shop"),
    ("1000000000000005", "Clothing shop"),
    ("1000000000000006", "Education"),
    ("1000000000000007", "Grocery shop"),
    ("1000000000000008", "Hotel"),
    ("1000000000000009", "Restaurant"),
    ("1000000000000010", "Travel & transport"),
];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Business {
    /// Of the certificate for its name.
    pub serial: u64,
    /// Unix seconds.
    pub issued: u64,
    /// Categories by their ids here.
    pub what: shape::Business,
}

impl Business {
    /// The certificate for its name. The network's is not signed: no client verifies it.
    pub fn certificate(&self) -> Vec<u8> {
        let details = wa::verified_name_certificate::Details {
            serial: Some(self.serial),
            issuer: Some(ISSUER.to_owned()),
            verified_name: Some(self.what.name.clone()),
            issue_time: Some(self.issued),
            ..Default::default()
        };
        wa::VerifiedNameCertificate { details: Some(details.encode_to_vec()), ..Default::default() }.encode_to_vec()
    }

    /// As it is told to people.
    pub fn verified_name(&self) -> Node {
        node("verified_name")
            .attr("v", 2)
            .attr("serial", self.serial)
            .attr("verified_level", "unknown")
            .bytes(self.certificate())
            .build()
    }

    /// As the control API shows it: categories by their names.
    pub fn described(&self) -> shape::Business {
        let name = |id: &String| category(id).map_or_else(String::new, |(_, name)| name.to_owned());
        shape::Business { categories: self.what.categories.iter().map(name).collect(), ..self.what.clone() }
    }
}

/// By its id or its name.
pub(crate) fn category(text: &str) -> Option<(&'static str, &'static str)> {
    CATEGORIES.into_iter().find(|(id, name)| *id == text || name.eq_ignore_ascii_case(text))
}

#[derive(Default)]
pub(crate) struct Businesses(BTreeMap<Number, Business>);

impl Businesses {
    pub fn restore(tables: &Tables) -> Self {
        let rows = tables.get(BUSINESS).into_iter().flatten();
        let row =
            |(key, value): (&Vec<u8>, &Vec<u8>)| Some((Number::from_key(key)?, serde_json::from_slice(value).ok()?));
        Self(rows.filter_map(row).collect())
    }

    pub fn get(&self, number: Number) -> Option<&Business> {
        self.0.get(&number)
    }
}

impl State {
    fn keep_business(&mut self, number: Number, business: Business) {
        let value = serde_json::to_vec(&business).expect("a business is plain data");
        self.journal.put(BUSINESS, &number.key(), &value);
        self.businesses.0.insert(number, business);
    }
}

/// Makes an account a business, or changes it; people who know it hear of what changed. [`Error::Invalid`] for what
/// WhatsApp would not take.
pub(crate) fn set(state: &mut State, by: DeviceId, set: shape::SetBusiness) -> Result<()> {
    let account = state.accounts.get(&by.number).ok_or(Error::UnknownPhone)?;
    let own = account.name.clone();
    let before = state.businesses.get(by.number).cloned();
    let mut what = before
        .as_ref()
        .map_or_else(|| shape::Business { name: own, ..shape::Business::default() }, |business| business.what.clone());
    merge(&mut what, set, state)?;
    check(&what)?;
    let (serial, issued) = match &before {
        Some(before) if before.what.name == what.name => (before.serial, before.issued),
        _ => (state.rng.random(), crate::now()),
    };
    let business = Business { serial, issued, what };
    state.keep_business(by.number, business.clone());
    tell(state, by.number, before.as_ref(), &business);
    Ok(())
}

/// It is a person's again.
pub(crate) fn end(state: &mut State, number: Number) -> Result<()> {
    let jid = state.accounts.get(&number).ok_or(Error::UnknownPhone)?.jid();
    state.businesses.0.remove(&number).ok_or(Error::NoBusiness)?;
    state.journal.delete(BUSINESS, &number.key());
    let removed = node("remove").attr("jid", &jid).build();
    let told = notice::notification(state, &jid, "business").children([removed]).build();
    let people = privacy::knowing(state, number);
    notice::tell(state, people, None, &told);
    Ok(())
}

fn merge(what: &mut shape::Business, set: shape::SetBusiness, state: &mut State) -> Result<()> {
    let texts = [
        (&mut what.name, set.name),
        (&mut what.description, set.description),
        (&mut what.address, set.address),
        (&mut what.email, set.email),
    ];
    for (old, new) in texts {
        if let Some(new) = new {
            *old = new.trim().to_owned();
        }
    }
    what.latitude = set.latitude.or(what.latitude);
    what.longitude = set.longitude.or(what.longitude);
    what.hours = set.hours.or(what.hours.take());
    if let Some(websites) = set.websites {
        what.websites = websites;
    }
    if let Some(categories) = set.categories {
        let id = |text: &String| category(text).map(|(id, _)| id.to_owned());
        let ids: Option<Vec<String>> = categories.iter().map(id).collect();
        what.categories =
            ids.ok_or(Error::Invalid { field: "categories", expected: "must be of those that the network has" })?;
    }
    if let Some(products) = set.products {
        what.products = products;
        for product in what.products.iter_mut().filter(|product| product.id.is_empty()) {
            product.id = state.rng.random_range(1_000_000_000_000_000_u64..10_000_000_000_000_000).to_string();
        }
    }
    Ok(())
}

fn check(what: &shape::Business) -> Result<()> {
    let fits = |text: &str, max: usize| text.chars().count() <= max;
    let is_url =
        |url: &String| (url.starts_with("https://") || url.starts_with("http://")) && fits(url, URL_CHARACTERS_MAX);
    let is_email = |text: &str| text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    let rules = [
        ("name", "must have 1 to 100 characters", !what.name.is_empty() && fits(&what.name, NAME_CHARACTERS_MAX)),
        ("description", "must have at most 512 characters", fits(&what.description, DESCRIPTION_CHARACTERS_MAX)),
        ("address", "must have at most 256 characters", fits(&what.address, ADDRESS_CHARACTERS_MAX)),
        ("latitude", "must be -90 to 90", what.latitude.is_none_or(|degrees| (-90.0..=90.0).contains(&degrees))),
        ("longitude", "must be -180 to 180", what.longitude.is_none_or(|degrees| (-180.0..=180.0).contains(&degrees))),
        (
            "email",
            "must be an e-mail address of at most 128 characters",
            what.email.is_empty() || is_email(&what.email) && fits(&what.email, EMAIL_CHARACTERS_MAX),
        ),
        (
            "websites",
            "must be at most two http or https URLs",
            what.websites.len() <= WEBSITES_MAX && what.websites.iter().all(is_url),
        ),
        ("categories", "must be at most three", what.categories.len() <= CATEGORIES_MAX),
        ("hours", "must be days, and minutes after midnight", what.hours.as_ref().is_none_or(are_hours)),
        (
            "products",
            "must be at most 500, each with an id of its own, a name, and a price with a currency",
            what.products.len() <= PRODUCTS_MAX
                && what.products.iter().all(is_product)
                && what.products.iter().map(|product| &product.id).collect::<BTreeSet<_>>().len()
                    == what.products.len(),
        ),
    ];
    match rules.into_iter().find(|(_, _, kept)| !kept) {
        Some((field, expected, _)) => Err(Error::Invalid { field, expected }),
        None => Ok(()),
    }
}

fn are_hours(hours: &shape::Hours) -> bool {
    let short = hours.timezone.len() <= 64 && hours.note.chars().count() <= NOTE_CHARACTERS_MAX;
    let is_day = |day: &shape::Day| {
        let named = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"].contains(&day.day.as_str());
        let times = match (day.mode.as_str(), day.open, day.close) {
            ("specific_hours", Some(open), Some(close)) => open < MINUTES && close <= MINUTES,
            ("open_24h" | "appointment_only", None, None) => true,
            _ => false,
        };
        named && times
    };
    short && hours.days.len() <= DAYS_MAX && hours.days.iter().all(is_day)
}

fn is_product(product: &shape::Product) -> bool {
    let shape::Product { id, name, description, currency, retailer_id, url, image, .. } = product;
    let priced = product.price >= 0 && currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    let short = |text: &String| text.chars().count() <= PRODUCT_CHARACTERS_MAX;
    priced && !name.is_empty() && [id, name, description, retailer_id, url, image].into_iter().all(short)
}

/// People who know the account hear of what is new.
fn tell(state: &mut State, number: Number, before: Option<&Business>, now: &Business) {
    let Some(own) = state.accounts.get(&number).map(|account| account.jid()) else { return };
    let mut news = Vec::new();
    if before.is_none_or(|before| before.serial != now.serial) {
        let mut name = now.verified_name();
        name.attrs.insert("jid", own.clone());
        news.push(name);
    }
    let known = before.map(|before| before.what.products.as_slice()).unwrap_or_default();
    let changed = now.what.products.iter().filter(|product| !known.contains(product)).map(|product| &product.id);
    let kept: BTreeSet<&String> = now.what.products.iter().map(|product| &product.id).collect();
    let gone = known.iter().map(|product| &product.id).filter(|id| !kept.contains(id));
    let ids: Vec<&String> = changed.chain(gone).collect();
    let profile =
        |business: &Business| shape::Business { name: String::new(), products: Vec::new(), ..business.what.clone() };
    if before.map(profile) != Some(profile(now)) {
        news.push(node("profile").attr("jid", &own).build());
    }
    if !ids.is_empty() {
        let product = |id: &&String| node("product").children([node("id").string_content(id.as_str()).build()]).build();
        news.push(node("product_catalog").children(ids.iter().map(product)).build());
    }
    let people = privacy::knowing(state, number);
    for one in news {
        let told = notice::notification(state, &own, "business").children([one]).build();
        notice::tell(state, people.iter().copied(), None, &told);
    }
}
