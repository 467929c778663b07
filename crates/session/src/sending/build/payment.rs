//! What WhatsApp's clients read of a payment, as JSON inside of a button.

use serde_json::{Value, json};
use wago_contract::send::payment::{Item, Order, Pix};

use super::Build;

/// Amounts are told in thousandths.
fn amount(value: i64) -> Value {
    json!({"value": value, "offset": 1000})
}

fn setting(pix: Pix) -> Value {
    let Pix { key, key_type, merchant, code } = pix;
    match code {
        Some(code) => json!({
            "type": "pix_dynamic_code",
            "pix_dynamic_code": {"code": code, "merchant_name": merchant, "key": key, "key_type": key_type},
        }),
        None => json!({
            "type": "pix_static_code",
            "pix_static_code": {"merchant_name": merchant, "key": key, "key_type": key_type},
        }),
    }
}

/// Payments are told apart by their reference.
fn reference(build: &Build) -> String {
    build.secret[..8].iter().map(|byte| format!("{byte:02X}")).collect()
}

pub fn pix(build: &Build, pix: Pix) -> Value {
    json!({
        "currency": "BRL",
        "total_amount": amount(0),
        "reference_id": reference(build),
        "type": "physical-goods",
        "order": {
            "status": "pending",
            "subtotal": amount(0),
            "order_type": "ORDER",
            "items": [{"name": "", "amount": amount(0), "quantity": 0, "sale_amount": amount(0)}],
        },
        "payment_settings": [setting(pix)],
        "share_payment_status": false,
    })
}

pub fn order(build: &Build, order: Order) -> Value {
    let Order { reference: given, currency, items, total, pix } = order;
    let item = |(at, Item { id, name, amount: price, quantity }): (usize, Item)| {
        let id = id.unwrap_or_else(|| format!("custom-item-{}", at + 1));
        json!({"retailer_id": id, "name": name, "amount": amount(price), "quantity": quantity})
    };
    let items: Vec<Value> = items.into_iter().enumerate().map(item).collect();
    json!({
        "currency": currency,
        "total_amount": amount(total),
        "reference_id": given.unwrap_or_else(|| reference(build)),
        "type": "physical-goods",
        "order": {"status": "pending", "subtotal": amount(total), "order_type": "ORDER", "items": items},
        "payment_settings": pix.map(setting).into_iter().collect::<Vec<_>>(),
        "native_payment_methods": [],
        "share_payment_status": false,
    })
}
