use serde::Serialize;

/// What is in an order. Prices are in thousandths of the currency; one that WhatsApp does not say is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderDetails {
    pub id: String,
    /// Unix seconds.
    pub created_at: Option<u64>,
    pub products: Vec<OrderedProduct>,
    pub price: OrderPrice,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderedProduct {
    pub id: String,
    pub name: String,
    /// Of one piece.
    pub price: Option<i64>,
    /// As ISO 4217 has it.
    pub currency: String,
    pub quantity: Option<i64>,
    /// Empty without a picture.
    pub image_url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderPrice {
    pub subtotal: Option<i64>,
    pub total: Option<i64>,
    pub currency: String,
}
