//! Whom the account does not want to hear of.

use wacore::request::InfoQuery;
use wacore_binary::{Jid, NodeContent, NodeRef, Server, builder::NodeBuilder};
use wago_contract::user::{Blocked, Blocklist};
use wago_store::SessionId;

use crate::{
    Error, Result, Sessions,
    adapter::error,
    people::{Identity, identity, known},
    recipients::{answered, person},
    supervisor::Live,
};

const NAMESPACE: &str = "blocklist";

impl Sessions {
    /// The question is put as a node: the engine's own call does not tell the list's version.
    pub async fn blocklist(&self, id: SessionId) -> Result<Blocklist> {
        self.over(id, |live| async move { fetch(&live).await }).await
    }

    /// Blocks a person, or takes the block away. [`Error::NotOnWhatsApp`] if there is none of that name.
    pub async fn block(&self, id: SessionId, who: String, block: bool) -> Result<Blocked> {
        let asked = person("Phone", &who)?;
        self.over(id, |live| async move {
            let identity = identity(&live.client, &asked).await?;
            let identity = identity.ok_or_else(|| Error::NotOnWhatsApp { phone: asked.user.to_string() })?;
            let changed = answered(change(&live, &identity, block)).await?;
            // With an old version of the list, WhatsApp gives the whole; else it says that it fits.
            let list = match changed {
                Some(list) => list,
                None => fetch(&live).await?,
            };
            let jid = identity.shown();
            let details = if block { "Blocked" } else { "Unblocked" };
            Ok(Blocked { details, requested: Some(who).filter(|who| *who != jid), jid, list })
        })
        .await
    }
}

async fn fetch(live: &Live) -> Result<Blocklist> {
    answered(async {
        let answer = live.client.send_iq(InfoQuery::get(NAMESPACE, server(), None)).await;
        let answer = answer.map_err(|failed| error::any(&failed))?;
        read(live, answer.get()).await.ok_or_else(no_list)
    })
    .await
}

/// People go by LID; a block also names the number, without which WhatsApp refuses it.
async fn change(live: &Live, who: &Identity, block: bool) -> Result<Option<Blocklist>> {
    let action = if block { "block" } else { "unblock" };
    let mut item = NodeBuilder::new("item").attr("action", action);
    item = match (&who.lid, &who.pn) {
        (Some(lid), Some(pn)) if block => item.attr("jid", lid).attr("pn_jid", pn),
        (Some(lid), _) if block => item.attr("jid", lid).attr("unknown_identifier", "true"),
        (Some(lid), _) => item.attr("jid", lid),
        (None, Some(pn)) => item.attr("jid", pn),
        (None, None) => return Err(Error::Internal("a person without a name".to_owned())),
    };
    let question = InfoQuery::set(NAMESPACE, server(), Some(NodeContent::Nodes(vec![item.build()])));
    let answer = live.client.send_iq(question).await.map_err(|failed| error::any(&failed))?;
    let matched = answer
        .get()
        .get_optional_child("list")
        .is_none_or(|list| list.get_attr("matched").is_some_and(|matched| matched.as_str() == "true"));
    if matched { Ok(None) } else { Ok(read(live, answer.get()).await) }
}

async fn read(live: &Live, answer: &NodeRef<'_>) -> Option<Blocklist> {
    let list = answer.get_optional_child("list")?;
    let dhash = list.attrs().optional_string("dhash").map(|dhash| dhash.into_owned()).unwrap_or_default();
    let mut blocked = Blocklist { blocklist: Vec::new(), people: Vec::new(), dhash };
    for item in list.get_children_by_tag("item") {
        let mut attrs = item.attrs();
        let Some(jid) = attrs.optional_jid("jid") else { continue };
        let told = attrs.optional_jid("pn_jid");
        let mut who = known(&live.client, &jid.to_non_ad()).await;
        who.pn = who.pn.or(told);
        blocked.blocklist.push(who.shown());
        blocked.people.push(who.names());
    }
    Some(blocked)
}

fn server() -> Jid {
    Jid::new("", Server::Pn)
}

fn no_list() -> Error {
    Error::Internal("WhatsApp answered without a list".to_owned())
}
