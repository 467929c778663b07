//! Businesses: their profiles and their catalogues.
//!
//! Profiles and categories are questions in nodes, as WhatsApp Web puts them: the engine reads a part of a profile and
//! sets none. Catalogues are asked by GraphQL; the questions of the namespace `w:biz:catalog`, which older clients put,
//! WhatsApp leaves unanswered. Nor does it take changes of a catalogue over this connection: WhatsApp Web makes them at
//! Facebook's HTTPS interface, with the token of an advertising account.

use serde_json::{Value, json};
use wacore::{
    iq::mex_operations::{query_catalog, query_catalog_product},
    request::InfoQuery,
};
use wacore_binary::{Jid, Node, NodeContent, Server, builder::NodeBuilder};
use wago_contract::business::{
    AskCatalog, AskCategories, AskProduct, AskProfile, Catalog, Categories, Profile, SetAddress, SetDescription,
    SetEmail,
};
use wago_store::SessionId;

use crate::{
    Error, Result, Sessions,
    adapter::{business as shown, error},
    mex::{self, documents},
    people::identity,
    recipients::{answered, person},
    supervisor::Live,
};

const XMLNS: &str = "w:biz";
/// What WhatsApp's clients ask for: the more recent, the more a profile has.
const PROFILE_VERSION: &str = "244";
/// The form of changes.
const CHANGE_VERSION: &str = "3";
/// Pixels of the small pictures in a catalogue, to a side.
const THUMBNAIL: &str = "100";
/// What the servers behind WhatsApp's say of a product that is not there.
const NO_PRODUCT: u64 = 2_498_052;

documents! {
    CATALOG = query_catalog, "xwa_product_catalog_get_product_catalog";
    PRODUCT = query_catalog_product, "xwa_product_catalog_get_product";
}

impl Sessions {
    /// [`Error::NotABusiness`] if the account tells nothing as one.
    pub async fn business_profile(&self, id: SessionId, ask: AskProfile) -> Result<Profile> {
        let business = named(ask.business)?;
        self.over(id, |live| async move {
            let jid = self.business(&live, business).await?;
            let wanted = NodeBuilder::new("profile").attr("jid", &jid).build();
            let wanted = NodeBuilder::new("business_profile").attr("v", PROFILE_VERSION).children([wanted]).build();
            let question = InfoQuery::get(XMLNS, Jid::new("", Server::Pn), Some(NodeContent::Nodes(vec![wanted])));
            let answer = answered(async { live.client.send_iq(question).await.map_err(|failed| error::any(&failed)) });
            let answer = answer.await.map_err(no_business)?;
            let profile = answer.get().get_optional_child_by_tag(&["business_profile", "profile"]);
            profile.map(shown::profile).ok_or(Error::NotABusiness)
        })
        .await
    }

    /// What a business can be.
    pub async fn business_categories(&self, id: SessionId, ask: AskCategories) -> Result<Categories> {
        self.over(id, |live| async move {
            let wanted = NodeBuilder::new("request")
                .attr("op", "profile_typeahead")
                .attr("type", "catkit")
                .attr("v", "1")
                .children([field("query", ask.query)])
                .build();
            let to = Jid::new("", Server::Pn);
            let question = InfoQuery::get("fb:thrift_iq", to, Some(NodeContent::Nodes(vec![wanted])));
            let answer = answered(async { live.client.send_iq(question).await.map_err(|failed| error::any(&failed)) });
            let answer = answer.await?;
            answer.get().get_optional_child("response").and_then(shown::categories).ok_or_else(unread)
        })
        .await
    }

    pub async fn set_business_description(&self, id: SessionId, set: SetDescription) -> Result<()> {
        self.change_profile(id, vec![field("description", set.0)]).await
    }

    pub async fn set_business_address(&self, id: SessionId, set: SetAddress) -> Result<()> {
        let mut fields = vec![field("address", set.address)];
        if let Some((latitude, longitude)) = set.place {
            fields.extend([field("latitude", latitude.to_string()), field("longitude", longitude.to_string())]);
        }
        self.change_profile(id, fields).await
    }

    pub async fn set_business_email(&self, id: SessionId, set: SetEmail) -> Result<()> {
        self.change_profile(id, vec![field("email", set.0)]).await
    }

    /// What is not named stays.
    async fn change_profile(&self, id: SessionId, fields: Vec<Node>) -> Result<()> {
        self.over(id, |live| async move {
            let change = NodeBuilder::new("business_profile")
                .attr("v", CHANGE_VERSION)
                .attr("mutation_type", "delta")
                .children(fields)
                .build();
            let order = InfoQuery::set(XMLNS, Jid::new("", Server::Pn), Some(NodeContent::Nodes(vec![change])));
            answered(async { live.client.send_iq(order).await.map_err(|failed| error::any(&failed)) }).await.map(|_| ())
        })
        .await
    }

    /// A page of what a business sells. [`Error::NotABusiness`] if it has no catalogue.
    pub async fn catalog(&self, id: SessionId, ask: AskCatalog) -> Result<Catalog> {
        let business = named(ask.business)?;
        self.over(id, |live| async move {
            let jid = self.business(&live, business).await?;
            let mut asked = json!({
                "jid": jid.to_string(),
                // As WhatsApp Web writes numbers here.
                "limit": ask.limit.to_string(),
                "width": THUMBNAIL, "height": THUMBNAIL,
                "allow_shop_source": "ALLOWSHOPSOURCE_TRUE",
            });
            // A first page is asked for without: `null` would be a cursor.
            if let Some(cursor) = ask.cursor {
                asked["after"] = cursor.into();
            }
            let told = mex::ask(&live, &CATALOG, json!({"request": {"product_catalog": asked}})).await?;
            let mut told = told.map_err(|refusal| no_business(refusal.into()))?;
            let mut catalog = match told["product_catalog"].take() {
                Value::Null => return Err(Error::NotABusiness),
                catalog => catalog,
            };
            let Value::Array(products) = catalog["products"].take() else { return Err(unread()) };
            let next = catalog["paging"]["after"].as_str().filter(|next| !next.is_empty()).map(str::to_owned);
            Ok(Catalog { products, next })
        })
        .await
    }

    /// As WhatsApp tells of it. [`Error::UnknownProduct`] if the business has none with this id.
    pub async fn product(&self, id: SessionId, ask: AskProduct) -> Result<Value> {
        let business = named(ask.business)?;
        self.over(id, |live| async move {
            let jid = self.business(&live, business).await?;
            let asked = json!({
                "jid": jid.to_string(), "product_id": ask.product,
                "width": THUMBNAIL, "height": THUMBNAIL,
                "fetch_compliance_info": "true",
            });
            let mut told = match mex::ask(&live, &PRODUCT, json!({"request": {"product": asked}})).await? {
                Ok(told) => told,
                Err(refusal) if refusal.code == Some(NO_PRODUCT) => return Err(Error::UnknownProduct),
                Err(refusal) => return Err(no_business(refusal.into())),
            };
            match told["product_catalog"]["product"].take() {
                Value::Null => Err(Error::UnknownProduct),
                product => Ok(product),
            }
        })
        .await
    }

    /// By its phone number, under which WhatsApp has businesses; the account itself if none is named.
    async fn business(&self, live: &Live, named: Option<String>) -> Result<Jid> {
        let Some(text) = named else { return live.client.pn().map(|own| own.to_non_ad()).ok_or(Error::NotLoggedIn) };
        let jid = self.resolve(live, &text).await?;
        if jid.is_pn() {
            return Ok(jid);
        }
        let identity = identity(&live.client, &jid).await?.ok_or(Error::NotOnWhatsApp { phone: jid.to_string() })?;
        Ok(identity.pn.unwrap_or(jid))
    }
}

/// Checked before WhatsApp is asked for anything.
fn named(business: Option<String>) -> Result<Option<String>> {
    if let Some(text) = &business {
        person("Phone", text)?;
    }
    Ok(business)
}

/// In bytes: a text with an `@` would be written as a JID.
fn field(tag: &'static str, text: String) -> Node {
    NodeBuilder::new(tag).bytes(text.into_bytes()).build()
}

fn no_business(error: Error) -> Error {
    match error {
        Error::Rejected { code: 404, .. } => Error::NotABusiness,
        error => error,
    }
}

fn unread() -> Error {
    Error::Internal("WhatsApp's answer about businesses could not be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_is_a_person() {
        for text in ["15550000001", "15550000001@s.whatsapp.net", "100000012345678@lid"] {
            assert!(named(Some(text.to_owned())).is_ok(), "{text}");
        }
        for text in ["120363021033254949@g.us", "120363021033254949@newsletter", "status@broadcast", "bakery"] {
            assert!(matches!(named(Some(text.to_owned())), Err(Error::Invalid { field: "Phone", .. })), "{text}");
        }
        assert!(matches!(named(None), Ok(None)));
    }
}
