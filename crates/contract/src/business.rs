//! `/business/*`: what businesses tell of themselves, and what they sell.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    payload::{Fields, Invalid, Name, Payload, Result},
    send::media::{Files, Kind, Media, WithFiles, is_web_url},
    session::PHONE_MAX,
};

/// Characters in each of these, as WhatsApp's clients have it.
const DESCRIPTION_MAX: usize = 512;
const ADDRESS_MAX: usize = 256;
const EMAIL_MAX: usize = 128;
const PRODUCT_NAME_MAX: usize = 150;
const PRODUCT_DESCRIPTION_MAX: usize = 5_000;
const RETAILER_ID_MAX: usize = 100;
const URL_MAX: usize = 2_048;
/// What a category's name is looked for by.
const QUERY_MAX: usize = 100;
/// Products in one answer.
pub const CATALOG_MAX: i64 = 100;
/// Products that are deleted at once.
const DELETE_MAX: usize = 100;
const CURSOR_MAX: usize = 2_048;
const PRODUCT_ID_MAX: usize = 256;

const PHONE: Name = Name { field: "Phone", aliases: &["JID", "number", "business"] };
const QUERY: Name = Name { field: "Query", aliases: &["q", "search"] };
const DESCRIPTION: Name = Name { field: "Description", aliases: &["Desc", "Body", "Text"] };
const LIMIT: Name = Name { field: "Limit", aliases: &["Count"] };
const CURSOR: Name = Name { field: "Cursor", aliases: &["After", "Next"] };
const PRODUCT: Name = Name { field: "ProductID", aliases: &["Id", "Product"] };
const PRODUCTS: Name = Name { field: "ProductID", aliases: &["ProductIDs", "Id", "Ids", "Products"] };
const IMAGE: Name = Name { field: "Image", aliases: &["Picture", "Photo"] };
const HIDDEN: Name = Name { field: "IsHidden", aliases: &["Hidden"] };

fn business(fields: &mut Fields) -> Result<Option<String>> {
    fields.text(PHONE, PHONE_MAX)
}

/// A text that says something.
fn words(fields: &mut Fields, name: impl Into<Name>, max: usize) -> Result<String> {
    let name = name.into();
    let text = fields.required(name)?.text(max)?.trim().to_owned();
    if text.is_empty() { Err(fields.missing(name)) } else { Ok(text) }
}

/// `/business/get/profile`
pub struct AskProfile {
    /// As written. The own one, if absent.
    pub business: Option<String>,
}

impl Payload for AskProfile {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { business: business(&mut fields)? })
    }
}

/// `GET /business/get/categories`
pub struct AskCategories {
    /// What the names have in them. All, if empty.
    pub query: String,
}

impl Payload for AskCategories {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { query: fields.text(QUERY, QUERY_MAX)?.unwrap_or_default() })
    }
}

/// `POST /business/update/desc`
pub struct SetDescription(pub String);

impl Payload for SetDescription {
    fn read(mut fields: Fields) -> Result<Self> {
        words(&mut fields, DESCRIPTION, DESCRIPTION_MAX).map(Self)
    }
}

/// `POST /business/update/address`
pub struct SetAddress {
    pub address: String,
    /// Latitude and longitude, in degrees.
    pub place: Option<(f64, f64)>,
}

impl Payload for SetAddress {
    fn read(mut fields: Fields) -> Result<Self> {
        let address = words(&mut fields, "Address", ADDRESS_MAX)?;
        let latitude = fields.decimal("Latitude", -90.0..=90.0)?;
        let longitude = fields.decimal("Longitude", -180.0..=180.0)?;
        let place = match (latitude, longitude) {
            (Some(latitude), Some(longitude)) => Some((latitude, longitude)),
            (None, None) => None,
            (None, Some(_)) => return Err(fields.missing("Latitude")),
            (Some(_), None) => return Err(fields.missing("Longitude")),
        };
        Ok(Self { address, place })
    }
}

/// `POST /business/update/email`
pub struct SetEmail(pub String);

impl Payload for SetEmail {
    fn read(mut fields: Fields) -> Result<Self> {
        let email = words(&mut fields, "Email", EMAIL_MAX)?;
        if is_email(&email) { Ok(Self(email)) } else { Err(Invalid::field("Email", "an e-mail address")) }
    }
}

/// Something in front of one `@`, and a host with a dot in it behind.
fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.split_once('@') else { return false };
    let whole = !text.chars().any(|char| char.is_whitespace() || char.is_control()) && !host.contains('@');
    let labels = host.split('.').all(|label| !label.is_empty());
    whole && !user.is_empty() && host.contains('.') && labels
}

/// `/business/catalog/list`
pub struct AskCatalog {
    /// As written. The own one, if absent.
    pub business: Option<String>,
    pub limit: i64,
    /// `Next` of the page before.
    pub cursor: Option<String>,
}

impl Payload for AskCatalog {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self {
            business: business(&mut fields)?,
            limit: fields.integer(LIMIT, 1..=CATALOG_MAX)?.unwrap_or(50),
            cursor: fields.text(CURSOR, CURSOR_MAX)?,
        })
    }
}

/// `/business/catalog/info`
pub struct AskProduct {
    /// As written. The own one, if absent.
    pub business: Option<String>,
    pub product: String,
}

impl Payload for AskProduct {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { business: business(&mut fields)?, product: words(&mut fields, PRODUCT, PRODUCT_ID_MAX)? })
    }
}

/// `POST /business/catalog/create`, checked. It holds nothing: linked devices cannot write catalogues.
pub struct NewProduct;

impl Payload for NewProduct {
    fn read(mut fields: Fields) -> Result<Self> {
        words(&mut fields, "Name", PRODUCT_NAME_MAX)?;
        let priced = product(&mut fields)?;
        if priced {
            Media::required(&mut fields, IMAGE, Kind::Image).map(|_| Self)
        } else {
            Err(fields.missing("Price"))
        }
    }
}

impl WithFiles for NewProduct {
    const FILES: Files = Files::one("Image", Kind::Image);
}

/// `POST /business/catalog/edit`, checked. It holds nothing: linked devices cannot write catalogues.
pub struct EditProduct;

impl Payload for EditProduct {
    fn read(mut fields: Fields) -> Result<Self> {
        words(&mut fields, PRODUCT, PRODUCT_ID_MAX)?;
        fields.text("Name", PRODUCT_NAME_MAX)?;
        product(&mut fields)?;
        Media::optional(&mut fields, IMAGE, Kind::Image)?;
        Ok(Self)
    }
}

impl WithFiles for EditProduct {
    const FILES: Files = Files::one("Image", Kind::Image);
}

/// What a product has beside its name and picture, checked. Whether it has a price.
fn product(fields: &mut Fields) -> Result<bool> {
    fields.text("Description", PRODUCT_DESCRIPTION_MAX)?;
    fields.text("RetailerID", RETAILER_ID_MAX)?;
    let url = fields.text("URL", URL_MAX)?;
    if url.is_some_and(|url| !is_web_url(&url)) {
        return Err(Invalid::field("URL", "an http or https URL"));
    }
    fields.flag(HIDDEN)?;
    let price = fields.integer("Price", 0..=i64::MAX)?;
    let currency = fields.text("Currency", 3)?;
    match &currency {
        Some(code) if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            Err(Invalid::field("Currency", "three letters, such as EUR"))
        }
        None if price.is_some() => Err(fields.missing("Currency")),
        _ => Ok(price.is_some()),
    }
}

/// `POST /business/catalog/delete`, checked. It holds nothing: linked devices cannot write catalogues.
pub struct DeleteProducts;

impl Payload for DeleteProducts {
    fn read(mut fields: Fields) -> Result<Self> {
        let products = fields.required(PRODUCTS)?.words(DELETE_MAX, PRODUCT_ID_MAX)?;
        if products.is_empty() { Err(fields.missing(PRODUCTS)) } else { Ok(Self) }
    }
}

/// `POST /business/catalog/show` and `/business/catalog/hide`, checked. It holds nothing: linked devices cannot write
/// catalogues.
pub struct ShowProduct;

impl Payload for ShowProduct {
    fn read(mut fields: Fields) -> Result<Self> {
        words(&mut fields, PRODUCT, PRODUCT_ID_MAX).map(|_| Self)
    }
}

/// What a business tells of itself. What it does not tell is empty or absent.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Profile {
    #[serde(rename = "JID")]
    pub jid: String,
    pub description: String,
    pub address: String,
    /// In degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    pub email: String,
    pub websites: Vec<String>,
    pub categories: Vec<Category>,
    /// Such as `Europe/Berlin`.
    pub business_hours_time_zone: String,
    pub business_hours_note: String,
    pub business_hours: Vec<Hours>,
    /// Such as `commerce_experience`, by name.
    pub profile_options: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover_photo: Option<CoverPhoto>,
    /// Everything else that WhatsApp told, by its own names.
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Category {
    #[serde(rename = "ID")]
    pub id: String,
    pub name: String,
}

/// When a business is open on a day; a day with a break has two of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Hours {
    /// `sun` to `sat`.
    pub day_of_week: String,
    /// `specific_hours`, `open_24h` or `appointment_only`.
    pub mode: String,
    /// Minutes after midnight, in digits; empty unless the hours are specific.
    pub open_time: String,
    pub close_time: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoverPhoto {
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "URL")]
    pub url: String,
}

/// `GET /business/get/categories`
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Categories {
    pub categories: Vec<Category>,
    /// The id of the one for who is no business.
    #[serde(rename = "NotABusiness", skip_serializing_if = "Option::is_none")]
    pub none: Option<String>,
}

/// `/business/catalog/list`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Catalog {
    /// As WhatsApp tells of them.
    pub products: Vec<Value>,
    /// The next page's `Cursor`, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Payload>(body: &str) -> Result<T> {
        T::read(Fields::parse(body.as_bytes()).unwrap())
    }

    fn error<T: Payload>(body: &str) -> String {
        read::<T>(body).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_profile_is_the_own_one_unless_somebody_is_named() {
        assert_eq!(read::<AskProfile>("{}").unwrap().business, None);
        assert_eq!(read::<AskProfile>(r#"{"jid":"1555"}"#).unwrap().business.as_deref(), Some("1555"));
        let ask = read::<AskCatalog>(r#"{"phone":"1555","after":"x"}"#).unwrap();
        assert_eq!((ask.business.as_deref(), ask.limit, ask.cursor.as_deref()), (Some("1555"), 50, Some("x")));
        assert!(error::<AskCatalog>(r#"{"limit":101}"#).starts_with("Limit should be"));
        assert!(error::<AskCatalog>(r#"{"limit":0}"#).starts_with("Limit should be"));
        let long = "x".repeat(2_049);
        assert!(error::<AskCatalog>(&format!(r#"{{"cursor":"{long}"}}"#)).starts_with("Cursor should be"));
        assert_eq!(error::<AskProduct>("{}"), "missing ProductID in payload");
        assert_eq!(error::<AskProduct>(r#"{"productid":" "}"#), "missing ProductID in payload");
    }

    #[test]
    fn a_profile_says_something() {
        assert_eq!(read::<SetDescription>(r#"{"desc":" Bread "}"#).unwrap().0, "Bread");
        assert_eq!(error::<SetDescription>("{}"), "missing Description in payload");
        assert_eq!(error::<SetDescription>(r#"{"description":" "}"#), "missing Description in payload");
        let long = "x".repeat(513);
        let said = error::<SetDescription>(&format!(r#"{{"description":"{long}"}}"#));
        assert_eq!(said, "Description should be at most 512 characters long");
        let place = read::<SetAddress>(r#"{"address":"1 Road","latitude":1.5,"longitude":-2}"#).unwrap();
        assert_eq!((place.address.as_str(), place.place), ("1 Road", Some((1.5, -2.0))));
        assert_eq!(error::<SetAddress>(r#"{"address":"1 Road","latitude":1}"#), "missing Longitude in payload");
        assert!(error::<SetAddress>(r#"{"address":"x","latitude":91,"longitude":0}"#).starts_with("Latitude should"));
    }

    #[test]
    fn an_email_address_looks_like_one() {
        for good in ["a@b.de", "bread+rolls@shop.example.com"] {
            assert_eq!(read::<SetEmail>(&format!(r#"{{"email":"{good}"}}"#)).unwrap().0, good);
        }
        for bad in ["bread", "@b.de", "a@", "a@b", "a@b@c.de", "a b@c.de", "a@.de", "a@b."] {
            let said = error::<SetEmail>(&format!(r#"{{"email":"{bad}"}}"#));
            assert_eq!(said, "Email should be an e-mail address", "{bad}");
        }
    }

    #[test]
    fn a_product_is_whole() {
        let whole = r#"{"name":"Bread","price":2500,"currency":"EUR","image":"data:image/png;base64,AAAA"}"#;
        assert!(read::<NewProduct>(whole).is_ok());
        for (body, said) in [
            ("{}", "missing Name in payload"),
            (r#"{"name":"Bread"}"#, "missing Price in payload"),
            (r#"{"name":"Bread","price":2500}"#, "missing Currency in payload"),
            (r#"{"name":"Bread","price":1,"currency":"EURO"}"#, "Currency should be at most 3 characters long"),
            (r#"{"name":"Bread","price":1,"currency":"E1R"}"#, "Currency should be three letters, such as EUR"),
            (r#"{"name":"Bread","price":1,"currency":"EUR"}"#, "missing Image in payload"),
            (r#"{"name":"Bread","url":"ftp://x"}"#, "URL should be an http or https URL"),
        ] {
            assert_eq!(error::<NewProduct>(body), said, "{body}");
        }
        assert!(error::<NewProduct>(r#"{"name":"x","price":-1}"#).starts_with("Price should be a whole number"));
        assert!(read::<EditProduct>(r#"{"productid":"1","description":"new"}"#).is_ok());
        assert_eq!(error::<EditProduct>(r#"{"name":"x"}"#), "missing ProductID in payload");
        assert!(read::<DeleteProducts>(r#"{"productids":["1","2"]}"#).is_ok());
        assert_eq!(error::<DeleteProducts>(r#"{"productids":","}"#), "missing ProductID in payload");
        assert_eq!(error::<ShowProduct>("{}"), "missing ProductID in payload");
    }
}
