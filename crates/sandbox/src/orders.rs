//! What people ordered: kept by the network, and told to whoever has the token that went with the message.

use std::collections::BTreeMap;

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use wacore_binary::Node;
use wago_contract::phone as shape;

use crate::{
    Error, Result,
    journal::Tables,
    stanza::read::{Read as _, node, refusal, result},
    state::State,
};

const TABLE: &str = "order";
/// The oldest is forgotten first.
const ORDERS_MAX: usize = 10_000;
const PRODUCTS_MAX: usize = 100;

#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    token: String,
    /// Unix seconds.
    created: u64,
    what: shape::Order,
}

#[derive(Default)]
pub(crate) struct Orders(BTreeMap<u64, Order>);

/// What a message says of an order.
pub(crate) struct Placed {
    pub id: u64,
    pub token: String,
    /// Thousandths.
    pub total: i64,
}

impl Orders {
    pub fn restore(tables: &Tables) -> Self {
        let rows = tables.get(TABLE).into_iter().flatten();
        let order = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            Some((u64::from_be_bytes(key.as_slice().try_into().ok()?), serde_json::from_slice(value).ok()?))
        };
        Self(rows.filter_map(order).collect())
    }
}

pub(crate) fn place(state: &mut State, what: &shape::Order) -> Result<Placed> {
    if what.products.is_empty() || what.products.len() > PRODUCTS_MAX {
        return Err(Error::Invalid { field: "order.products", expected: "must be 1 to 100" });
    }
    let id = state.orders.0.last_key_value().map_or(1_000_000_000, |(id, _)| id + 1);
    let token = format!("{:032X}", state.rng.random::<u128>());
    let order = Order { token: token.clone(), created: crate::now(), what: what.clone() };
    state.journal.put(TABLE, &id.to_be_bytes(), &serde_json::to_vec(&order).expect("an order is plain data"));
    state.orders.0.insert(id, order);
    if state.orders.0.len() > ORDERS_MAX
        && let Some((oldest, _)) = state.orders.0.pop_first()
    {
        state.journal.delete(TABLE, &oldest.to_be_bytes());
    }
    Ok(Placed { id, token, total: total(what) })
}

fn total(what: &shape::Order) -> i64 {
    what.products.iter().map(|product| product.price.saturating_mul(i64::from(product.quantity))).sum()
}

/// Somebody asks what is in an order.
pub(crate) fn tell(state: &State, id: &str, question: &Node) -> Node {
    let Some(asked) = question.child("order") else { return refusal(id, 501, "feature-not-implemented") };
    let token = asked.child("token").map(|token| token.content()).unwrap_or_default();
    let key = asked.text("id").and_then(|id| id.parse().ok());
    let known = key.and_then(|key: u64| state.orders.0.get(&key));
    let Some(order) = known.filter(|order| order.token.as_bytes() == token) else {
        return refusal(id, 404, "item-not-found");
    };
    let text = |tag: &'static str, text: String| node(tag).bytes(text.into_bytes()).build();
    let currency = || text("currency", order.what.currency.clone());
    let products = order.what.products.iter().enumerate().map(|(at, product)| {
        let parts = [
            text("id", (at + 1).to_string()),
            text("name", product.name.clone()),
            text("price", product.price.to_string()),
            currency(),
            text("quantity", product.quantity.to_string()),
        ];
        node("product").children(parts).build()
    });
    let total = total(&order.what).to_string();
    let price = node("price").children([text("subtotal", total.clone()), text("total", total), currency()]).build();
    let told = node("order")
        .attr("id", asked.text("id").unwrap_or_default())
        .attr("creation_ts", order.created)
        .children(products.chain([price]));
    result(id, [told.build()])
}
