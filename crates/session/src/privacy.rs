//! Who may see what of the account.

use std::collections::BTreeSet;

use wacore::{
    iq::privacy::{DisallowedListAction, DisallowedListUpdate, DisallowedListUserEntry, PrivacyCategory, PrivacyValue},
    request::InfoQuery,
    store::commands::DeviceCommand,
    types::events::Event,
};
use wacore_binary::{Jid, NodeContent, Server, builder::NodeBuilder};
use wago_contract::user::privacy::{ALL_CONTACTS_BUT, CATEGORIES, Category, Privacy, SetPrivacy, Setting};
use wago_store::SessionId;
use whatsapp_rust::{
    Client,
    usync::{
        UsyncContext, UsyncMode, UsyncOutcome, UsyncProtocol, UsyncProtocolKind, UsyncProtocolResult, UsyncQuery,
        UsyncUser,
    },
};

use crate::{
    Error, Result, Sessions,
    adapter::error,
    people::{Identity, identity, known},
    recipients::{answered, person},
    supervisor::Live,
};

const READ_RECEIPTS: &str = "readreceipts";
/// What WhatsApp is told of the version of a list that nobody has read yet.
const NO_VERSION: &str = "none";

impl Sessions {
    pub async fn privacy(&self, id: SessionId) -> Result<Privacy> {
        self.over(id, |live| async move { fetch(&live).await }).await
    }

    /// Changes settings one after the other, in the order of the categories, and returns them all. What was changed
    /// before one is refused stays so.
    pub async fn set_privacy(&self, id: SessionId, set: SetPrivacy) -> Result<Privacy> {
        for one in set.settings.iter().flat_map(|setting| setting.except.iter().flatten()) {
            person("Except", one)?;
        }
        self.over(id, |live| async move {
            for setting in &set.settings {
                change(&live, setting).await?;
            }
            if let Some(seconds) = set.disappearing {
                let set = live.client.set_default_disappearing_mode(seconds);
                answered(async { set.await.map_err(|failed| error::any(&failed)) }).await?;
            }
            fetch(&live).await
        })
        .await
    }
}

async fn change(live: &Live, setting: &Setting) -> Result<()> {
    let Setting { category, value, except } = setting;
    let word = PrivacyCategory::from(category.word);
    match except {
        None => {
            let set = live.client.set_privacy_setting(word, PrivacyValue::from(value.as_str()));
            answered(async { set.await.map_err(|failed| error::any(&failed)) }).await?;
        }
        Some(except) => leave_out(live, category, except).await?,
    }
    if category.word == READ_RECEIPTS {
        go_by(&live.client, value).await;
    }
    Ok(())
}

/// Another device of the account, such as its phone, may have changed a setting that the engine goes by.
pub(crate) async fn heed(client: &Client, event: &Event) {
    let Event::RawNode(stanza) = event else { return };
    let Some(privacy) = stanza.get().get_optional_child("privacy") else { return };
    for category in privacy.get_children_by_tag("category") {
        let mut attrs = category.attrs();
        if attrs.optional_string("name").as_deref() == Some(READ_RECEIPTS)
            && let Some(value) = attrs.optional_string("value")
        {
            go_by(client, &value).await;
        }
    }
}

/// The engine asks for it once a connection, and goes by it when messages are marked as read.
async fn go_by(client: &Client, read_receipts: &str) {
    let disabled = DeviceCommand::SetReadReceiptsDisabled(read_receipts == "none");
    client.persistence_manager().process_command(disabled).await;
}

/// Who is left out, and which version of the list that is.
struct LeftOut {
    people: Vec<Identity>,
    version: String,
}

/// Makes the list of those who are left out what it is to be. If another device changes it meanwhile, it is read again, once.
async fn leave_out(live: &Live, category: &Category, except: &[String]) -> Result<()> {
    let mut wanted = Vec::with_capacity(except.len());
    for text in except {
        let jid = person("Except", text)?;
        let who = identity(&live.client, &jid).await?;
        wanted.push(who.ok_or_else(|| Error::NotOnWhatsApp { phone: jid.user.to_string() })?);
    }
    match replace(live, category, &wanted).await {
        Err(Error::Rejected { code: 409, .. }) => replace(live, category, &wanted).await,
        done => done,
    }
}

/// WhatsApp takes who is added to the list that it had at that version, and who is removed from it.
async fn replace(live: &Live, category: &Category, wanted: &[Identity]) -> Result<()> {
    let before = left_out(live, category).await?;
    let of = |people: &[Identity]| people.iter().map(Identity::shown).collect::<BTreeSet<_>>();
    let (had, has) = (of(&before.people), of(wanted));
    let added = wanted.iter().filter(|who| !had.contains(&who.shown())).map(|who| (who, DisallowedListAction::Add));
    let gone = before.people.iter().filter(|who| !has.contains(&who.shown()));
    let gone = gone.map(|who| (who, DisallowedListAction::Remove));
    let mut users: Vec<DisallowedListUserEntry> = Vec::new();
    for (who, action) in added.chain(gone) {
        let Some(jid) = who.lid.clone().or_else(|| who.pn.clone()) else { continue };
        if !users.iter().any(|user| user.jid == jid) {
            users.push(DisallowedListUserEntry { action, pn_jid: who.pn.clone().filter(|pn| *pn != jid), jid });
        }
    }
    let update = DisallowedListUpdate { dhash: before.version, users };
    let set = live.client.set_privacy_disallowed_list(PrivacyCategory::from(category.word), update);
    answered(async { set.await.map_err(|failed| error::any(&failed)) }).await?;
    Ok(())
}

/// The engine has no call that reads such a list. WhatsApp answers without one when another setting is in force.
async fn left_out(live: &Live, category: &Category) -> Result<LeftOut> {
    let list = NodeBuilder::new("list").attr("name", category.word).attr("value", ALL_CONTACTS_BUT).build();
    let privacy = NodeBuilder::new("privacy").attr("addressing_mode", "lid").children([list]).build();
    let question = InfoQuery::get("privacy", Jid::new("", Server::Pn), Some(NodeContent::Nodes(vec![privacy])));
    let answer = answered(async { live.client.send_iq(question).await.map_err(|failed| error::any(&failed)) }).await?;
    let privacy = answer.get().get_optional_child("privacy");
    let Some(list) = privacy.and_then(|privacy| privacy.get_optional_child("list")) else {
        return Ok(LeftOut { people: Vec::new(), version: NO_VERSION.to_owned() });
    };
    let version = list.attrs().optional_string("dhash").map_or_else(|| NO_VERSION.to_owned(), |it| it.into_owned());
    let mut people = Vec::new();
    for user in list.get_children_by_tag("user") {
        let mut attrs = user.attrs();
        let Some(jid) = attrs.optional_jid("jid") else { continue };
        let told = attrs.optional_jid("pn_jid");
        let who = known(&live.client, &jid.to_non_ad()).await;
        people.push(Identity { pn: who.pn.or(told), lid: who.lid });
    }
    Ok(LeftOut { people, version })
}

async fn fetch(live: &Live) -> Result<Privacy> {
    let told = answered(async { live.client.fetch_privacy_settings().await.map_err(|failed| error::any(&failed)) });
    let told = told.await?;
    let mut privacy = Privacy { disappearing: disappearing(live).await?, ..Privacy::default() };
    for category in &CATEGORIES {
        let value = told.settings.iter().find(|setting| setting.category.as_str() == category.word);
        let value = value.map(|setting| setting.value.as_str().to_owned()).unwrap_or_default();
        if value == ALL_CONTACTS_BUT {
            let LeftOut { people, .. } = left_out(live, category).await?;
            privacy.except.insert(category.key, people.iter().map(Identity::shown).collect());
        }
        privacy.values.insert(category.key, value);
    }
    Ok(privacy)
}

/// How long messages stay in chats that the account begins: asked of WhatsApp as others would ask it.
async fn disappearing(live: &Live) -> Result<u32> {
    let own = live.client.pn().ok_or(Error::NotLoggedIn)?.to_non_ad();
    let protocols = vec![UsyncProtocol::DisappearingMode];
    let query = UsyncQuery::new(UsyncMode::Query, UsyncContext::Interactive, protocols, vec![UsyncUser::from_jid(own)]);
    let query = query.map_err(|_| Error::Internal("a question about the account could not be built".to_owned()))?;
    let told = answered(async { live.client.query_usync(query).await.map_err(|failed| error::any(&failed)) }).await?;
    let mode = told.users.first().and_then(|user| user.protocol(UsyncProtocolKind::DisappearingMode));
    Ok(match mode {
        Some(UsyncProtocolResult::DisappearingMode(UsyncOutcome::Value(mode))) => mode.duration_seconds,
        _ => 0,
    })
}
