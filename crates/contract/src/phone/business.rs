//! Businesses of the sandbox network.

use serde::{Deserialize, Serialize};

/// `POST /phones/{number}/business`: makes the account a business, or changes it; what is absent stays.
#[derive(Serialize, Deserialize, Default)]
pub struct SetBusiness {
    /// What its certificate says; the account's name at first.
    pub name: Option<String>,
    /// Names or ids, at most three.
    pub categories: Option<Vec<String>>,
    /// At most 512 characters.
    pub description: Option<String>,
    /// At most 256 characters.
    pub address: Option<String>,
    /// In degrees.
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub email: Option<String>,
    /// At most two.
    pub websites: Option<Vec<String>>,
    pub hours: Option<Hours>,
    /// All of them, at most 500. One without an id gets one.
    pub products: Option<Vec<Product>>,
}

/// The answer to it, and to `GET /phones/{number}/business`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Default)]
pub struct Business {
    pub name: String,
    pub categories: Vec<String>,
    pub description: String,
    pub address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    pub email: String,
    pub websites: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    pub products: Vec<Product>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Default)]
#[serde(default)]
pub struct Hours {
    /// Such as `Europe/Berlin`.
    pub timezone: String,
    pub note: String,
    pub days: Vec<Day>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Day {
    /// `sun` to `sat`.
    pub day: String,
    /// `specific_hours`, `open_24h` or `appointment_only`.
    pub mode: String,
    /// Minutes after midnight, with `specific_hours`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close: Option<u16>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Product {
    pub id: String,
    pub name: String,
    pub description: String,
    /// In thousandths of the currency.
    pub price: i64,
    /// Three letters.
    pub currency: String,
    /// What the business calls it.
    pub retailer_id: String,
    pub url: String,
    /// A picture's URL.
    pub image: String,
    /// Only the business itself sees it.
    pub hidden: bool,
}
