//! What a business sells, as GraphQL tells it. Catalogues are only read here: WhatsApp's own clients write them at
//! Facebook.

use serde_json::{Value, json};
use wacore::iq::mex_operations::{query_catalog, query_catalog_product};
use wacore_binary::Jid;
use wago_contract::phone::business::Product;

use super::Business;
use crate::{account::Number, state::State};

/// Numbers in other clients than the engine's.
const OTHER_CATALOG: &str = "30445081048424116";
const OTHER_PRODUCT: &str = "9660926520672123";
/// Products in one answer.
const LIMIT_MAX: usize = 100;

/// The code and the words of what is not answered.
pub(crate) type Refusal = (u32, &'static str);
type Answer = Result<(&'static str, Value), Refusal>;

const NO_REQUEST: Refusal = (400, "bad-request");
const NO_BUSINESS: Refusal = (404, "item-not-found");
/// Of the servers behind WhatsApp's.
const NO_PRODUCT: Refusal = (2_498_052, "product not found");

/// `None`: the document is not about catalogues.
pub(crate) fn answer(state: &State, viewer: Number, document: &str, variables: &Value) -> Option<Answer> {
    let request = &variables["request"];
    match document {
        query_catalog::DOC_ID | OTHER_CATALOG => Some(page(state, viewer, &request["product_catalog"])),
        query_catalog_product::DOC_ID | OTHER_PRODUCT => Some(one(state, viewer, &request["product"])),
        _ => None,
    }
}

/// What somebody may see of a business's products.
fn shown<'a>(state: &'a State, viewer: Number, asked: &Value) -> Result<Vec<&'a Product>, Refusal> {
    let jid: Jid = asked["jid"].as_str().and_then(|jid| jid.parse().ok()).ok_or(NO_REQUEST)?;
    let number = state.account_of(&jid).map(|account| account.number).ok_or(NO_BUSINESS)?;
    let Business { what, .. } = state.businesses.get(number).ok_or(NO_BUSINESS)?;
    Ok(what.products.iter().filter(|product| viewer == number || !product.hidden).collect())
}

/// The products behind the one that the cursor names.
fn page(state: &State, viewer: Number, asked: &Value) -> Answer {
    let products = shown(state, viewer, asked)?;
    let limit = asked["limit"].as_str().and_then(|limit| limit.parse::<usize>().ok());
    let limit = limit.filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or(NO_REQUEST)?;
    let start = match asked["after"].as_str() {
        Some(last) => products.iter().position(|product| product.id == last).ok_or(NO_REQUEST)? + 1,
        None => 0,
    };
    let rest = &products[start..];
    let page: Vec<Value> = rest.iter().take(limit).map(|product| told(product)).collect();
    let after = if rest.len() > limit { rest[limit - 1].id.as_str() } else { "" };
    let catalog = json!({"products": page, "paging": {"after": after, "before": ""}});
    Ok(("xwa_product_catalog_get_product_catalog", json!({ "product_catalog": catalog })))
}

fn one(state: &State, viewer: Number, asked: &Value) -> Answer {
    let id = asked["product_id"].as_str().ok_or(NO_REQUEST)?;
    let products = shown(state, viewer, asked)?;
    let product = products.into_iter().find(|product| product.id == id).ok_or(NO_PRODUCT)?;
    Ok(("xwa_product_catalog_get_product", json!({"product_catalog": {"product": told(product)}})))
}

fn told(product: &Product) -> Value {
    let images = match product.image.as_str() {
        "" => json!([]),
        url => json!([{"id": product.id, "request_image_url": url, "original_image_url": url}]),
    };
    json!({
        "id": product.id,
        "name": product.name,
        "description": product.description,
        "price": product.price.to_string(),
        "currency": product.currency,
        "retailer_id": product.retailer_id,
        "url": product.url,
        "is_hidden": if product.hidden { "ISHIDDEN_TRUE" } else { "ISHIDDEN_FALSE" },
        "is_sanctioned": false,
        "max_available": "99",
        "product_availability": "IN_STOCK",
        "media": {"images": images, "videos": []},
        "status_info": {"status": "APPROVED", "can_appeal": false},
    })
}
