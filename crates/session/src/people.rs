//! Who is on WhatsApp, under which names, and what they tell of themselves.

use std::collections::{BTreeMap, HashMap, HashSet};

use wacore_binary::Jid;
use wago_contract::user::{Checked, Info, Names, PersonError, Refusal, VerifiedName, VerifiedNameDetails};
use wago_store::SessionId;
use whatsapp_rust::{
    Client,
    usync::{
        UsyncAddressingMode, UsyncContext, UsyncMode, UsyncOutcome, UsyncProtocol, UsyncProtocolKind,
        UsyncProtocolResult, UsyncQuery, UsyncResponse, UsyncSubprotocolError, UsyncUser, UsyncUserResult,
    },
};

use crate::{
    Error, Result, Sessions,
    adapter::error,
    recipients::{answered, person},
};

/// People whom WhatsApp is asked about in one question.
const ASKED_MAX: usize = 250;

/// Both names of a person, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    pub pn: Option<Jid>,
    pub lid: Option<Jid>,
}

impl Identity {
    pub fn names(&self) -> Names {
        let text = |jid: &Option<Jid>| jid.as_ref().map(Jid::to_string).unwrap_or_default();
        Names { jid: text(&self.pn), lid: text(&self.lid) }
    }

    /// The name that people know: the phone number where there is one.
    pub fn shown(&self) -> String {
        self.pn.as_ref().or(self.lid.as_ref()).map(Jid::to_string).unwrap_or_default()
    }
}

impl Sessions {
    /// Whether people are on WhatsApp, in the order of the question. [`Error::Invalid`] if one of them is no person.
    pub async fn check(&self, id: SessionId, people: Vec<String>) -> Result<Vec<Checked>> {
        let jids = people.iter().map(|text| person("Phone", text)).collect::<Result<Vec<_>>>()?;
        self.over(id, |live| async move {
            let found = found(&live.client, &jids).await?;
            Ok(people.into_iter().zip(&jids).map(|(query, jid)| checked(query, jid, found.get(jid))).collect())
        })
        .await
    }

    /// What people tell of themselves, by their names as they were asked for.
    pub async fn user_info(&self, id: SessionId, people: Vec<String>) -> Result<BTreeMap<String, Info>> {
        let jids = people.iter().map(|text| person("Phone", text)).collect::<Result<Vec<_>>>()?;
        self.over(id, |live| async move {
            let told = answered(async {
                live.client.contacts().get_user_info(&jids).await.map_err(|failed| error::any(&failed))
            });
            let told = told.await?;
            let mut infos = BTreeMap::new();
            for jid in jids {
                let of = told.get(&jid).or_else(|| told.values().find(|one| one.lid.as_ref() == Some(&jid)));
                let mut identity = known(&live.client, &jid).await;
                let info = match of {
                    Some(of) => {
                        identity.lid = identity.lid.or_else(|| of.lid.clone());
                        info(of)
                    }
                    None => Info { error: Some(nothing()), ..Info::default() },
                };
                let Names { jid: by_number, lid } = identity.names();
                infos.insert(jid.to_string(), Info { jid: by_number, lid, ..info });
            }
            Ok(infos)
        })
        .await
    }

    /// Both names of a person. `None`: nobody has this one.
    pub async fn names(&self, id: SessionId, text: &str) -> Result<Option<Names>> {
        let jid = person("jid", text)?;
        self.over(id, |live| async move {
            let identity = identity(&live.client, &jid).await?;
            Ok(identity.filter(|both| both.pn.is_some() && both.lid.is_some()).map(|both| both.names()))
        })
        .await
    }
}

/// Both names, as far as they were learnt by now.
pub(crate) async fn known(client: &Client, jid: &Jid) -> Identity {
    let mut identity = Identity::default();
    if jid.is_lid() {
        identity.lid = Some(jid.clone())
    } else {
        identity.pn = Some(jid.clone())
    }
    if let Ok(Some(entry)) = client.get_lid_pn_entry(jid).await {
        identity = Identity { pn: Some(Jid::pn(&*entry.phone_number)), lid: Some(Jid::lid(&*entry.lid)) };
    }
    identity
}

/// Both names; WhatsApp is asked for what is not known. `None`: nobody has this one.
pub(crate) async fn identity(client: &Client, jid: &Jid) -> Result<Option<Identity>> {
    let before = known(client, jid).await;
    if before.pn.is_some() && before.lid.is_some() {
        return Ok(Some(before));
    }
    let found = found(client, std::slice::from_ref(jid)).await?;
    let Some(found) = found.get(jid).filter(|found| found.registered) else { return Ok(None) };
    Ok(Some(Identity { pn: found.identity.pn.clone().or(before.pn), lid: found.identity.lid.clone().or(before.lid) }))
}

/// What WhatsApp said of one person.
#[derive(Default)]
struct Found {
    registered: bool,
    identity: Identity,
    verified_name: Option<String>,
    error: Option<UsyncSubprotocolError>,
}

/// Asks WhatsApp for people, numbers and LIDs by themselves: those who have one or the other are not found by the same
/// question.
///
/// The engine's own call does not say which number an answer is to, and WhatsApp may know one under another spelling.
async fn found(client: &Client, people: &[Jid]) -> Result<HashMap<Jid, Found>> {
    let mut all = HashMap::new();
    for by_lid in [false, true] {
        let mut wanted: Vec<&Jid> = people.iter().filter(|jid| jid.is_lid() == by_lid).collect();
        // One that is asked for twice is asked for once.
        let mut seen = HashSet::new();
        wanted.retain(|jid| seen.insert(*jid));
        for some in wanted.chunks(ASKED_MAX) {
            let response = answered(ask(client, some, by_lid)).await?;
            for user in response.users {
                let Some((jid, found)) = read(user, by_lid) else { continue };
                if let (Some(pn), Some(lid)) = (&found.identity.pn, &found.identity.lid) {
                    // What could not be kept is asked for again.
                    let _ = client.add_lid_pn_mapping(&lid.user, &pn.user, LEARNT).await;
                }
                all.insert(jid, found);
            }
        }
    }
    Ok(all)
}

const LEARNT: whatsapp_rust::lid_pn_cache::LearningSource = whatsapp_rust::lid_pn_cache::LearningSource::Usync;

async fn ask(client: &Client, people: &[&Jid], by_lid: bool) -> Result<UsyncResponse> {
    let mut protocols = vec![UsyncProtocol::Lid, UsyncProtocol::BusinessVerifiedName];
    if !by_lid {
        protocols.insert(0, UsyncProtocol::Contact { addressing_mode: UsyncAddressingMode::Pn });
    }
    let user = |jid: &&Jid| match by_lid {
        true => UsyncUser::from_jid((*jid).clone()),
        false => UsyncUser::from_phone(jid.user.as_str()),
    };
    let users = people.iter().map(user).collect();
    let query = UsyncQuery::new(UsyncMode::Query, UsyncContext::Interactive, protocols, users);
    let query = query.map_err(|_| Error::Internal("a question about people could not be built".to_owned()))?;
    let response = client.query_usync(query).await.map_err(|failed| error::any(&failed))?;
    match response.protocol_states.iter().find_map(|state| state.error.as_ref()) {
        Some(UsyncSubprotocolError { code, text, .. }) => {
            Err(Error::Rejected { code: code.unwrap_or(0), text: text.clone().unwrap_or_default() })
        }
        None => Ok(response),
    }
}

/// Whom an answer is about, in the terms of the question.
fn read(user: UsyncUserResult, by_lid: bool) -> Option<(Jid, Found)> {
    let mut found = Found::default();
    let mut asked = None;
    match user.protocol(UsyncProtocolKind::Contact) {
        Some(UsyncProtocolResult::Contact(UsyncOutcome::Value(contact))) => {
            found.registered = contact.contact_type == "in";
            asked = contact.content.as_ref().map(|number| Jid::pn(number.trim_start_matches('+')));
        }
        Some(UsyncProtocolResult::Contact(UsyncOutcome::Error(error))) => found.error = Some((**error).clone()),
        // One who is asked for by LID is there unless WhatsApp says that nobody has it.
        _ => {
            let nobody =
                matches!(user.protocol(UsyncProtocolKind::Lid), Some(UsyncProtocolResult::Lid(UsyncOutcome::Error(_))));
            found.registered = by_lid && !nobody;
        }
    }
    let id = user.id.as_ref().map(Jid::to_non_ad);
    let told = match user.protocol(UsyncProtocolKind::Lid) {
        Some(UsyncProtocolResult::Lid(UsyncOutcome::Value(lid))) => lid.clone(),
        _ => None,
    };
    found.identity.lid = told.or_else(|| id.clone().filter(Jid::is_lid));
    found.identity.pn = id.clone().filter(Jid::is_pn).or_else(|| user.pn_jid.as_ref().map(Jid::to_non_ad));
    if let Some(UsyncProtocolResult::Business(UsyncOutcome::Value(business))) =
        user.protocol(UsyncProtocolKind::Business)
    {
        found.verified_name = business.verified_name.as_ref().and_then(|verified| verified.name.clone());
    }
    Some((asked.or(id)?, found))
}

fn checked(query: String, jid: &Jid, found: Option<&Found>) -> Checked {
    let Some(found) = found else {
        let names = of_question(jid).names();
        let (jid, lid) = (names.jid, names.lid);
        return Checked {
            query,
            is_in_whatsapp: false,
            jid,
            lid,
            verified_name: String::new(),
            error: Some(nothing()),
        };
    };
    let Names { jid, lid } = match found.registered {
        true => found.identity.names(),
        false => of_question(jid).names(),
    };
    let refused = |error: &UsyncSubprotocolError| {
        let (code, text) = (error.code.unwrap_or(0), error.text.as_deref().unwrap_or_default());
        PersonError { error: format!("WhatsApp refused: {text} (code {code})") }
    };
    Checked {
        query,
        is_in_whatsapp: found.registered,
        jid,
        lid,
        verified_name: found.verified_name.clone().unwrap_or_default(),
        error: found.error.as_ref().map(refused),
    }
}

fn of_question(jid: &Jid) -> Identity {
    match jid.is_lid() {
        true => Identity { pn: None, lid: Some(jid.clone()) },
        false => Identity { pn: Some(jid.clone()), lid: None },
    }
}

fn nothing() -> PersonError {
    PersonError { error: "WhatsApp told nothing of this person".to_owned() }
}

fn info(told: &whatsapp_rust::UserInfo) -> Info {
    let mut info = Info {
        status: told.status.clone().unwrap_or_default(),
        picture_id: told.picture_id.clone().unwrap_or_default(),
        devices: told.devices.iter().map(|device| told.jid.with_device(*device).to_string()).collect(),
        ..Info::default()
    };
    info.verified_name = told.verified_name.as_ref().map(|verified| VerifiedName {
        details: VerifiedNameDetails {
            verified_name: verified.name.clone().unwrap_or_default(),
            serial: verified.serial.clone().unwrap_or_default(),
            issuer: verified.issuer.clone().unwrap_or_default(),
        },
    });
    for (field, error) in [
        ("Status", &told.status_error),
        ("PictureID", &told.picture_error),
        ("Devices", &told.devices_error),
        ("LID", &told.lid_error),
        ("VerifiedName", &told.business_error),
    ] {
        if let Some(error) = error {
            let text = error.text.clone().unwrap_or_default();
            info.errors.insert(field, Refusal { code: error.code.unwrap_or(0), text });
        }
    }
    info
}

#[cfg(test)]
mod tests {
    use wacore::iq::{spec::IqSpec as _, usync::UsyncQuerySpec};
    use wacore_binary::{Node, builder::NodeBuilder};

    use super::*;

    const ANA: &str = "5511999999999";
    const LID: &str = "100000012345678@lid";

    fn node(tag: &'static str) -> NodeBuilder {
        NodeBuilder::new(tag)
    }

    /// What is made of WhatsApp's answer about one person.
    fn made_of(user: Node, by_lid: bool) -> Option<(Jid, Found)> {
        let asked = vec![UsyncUser::from_jid(Jid::lid("1"))];
        let query = UsyncQuery::new(UsyncMode::Query, UsyncContext::Interactive, vec![UsyncProtocol::Lid], asked);
        let spec = UsyncQuerySpec::new(query.unwrap(), "sid").unwrap();
        let usync = node("usync").children([node("result").build(), node("list").children([user]).build()]).build();
        let answer = node("iq").attr("type", "result").children([usync]).build();
        let mut response = spec.parse_response(&answer.as_node_ref()).unwrap();
        read(response.users.pop()?, by_lid)
    }

    fn contact(kind: &str, number: &str) -> Node {
        node("contact").attr("type", kind).string_content(number).build()
    }

    #[test]
    fn an_answer_is_to_the_number_that_was_asked_for() {
        // WhatsApp knows it without its ninth digit.
        let lid = node("lid").attr("val", LID).build();
        let user =
            node("user").attr("jid", "551199999999@s.whatsapp.net").children([contact("in", "+5511999999999"), lid]);
        let (asked, found) = made_of(user.build(), false).unwrap();
        assert_eq!(asked, Jid::pn(ANA));
        let told = checked("as written".to_owned(), &asked, Some(&found));
        assert_eq!((told.query.as_str(), told.is_in_whatsapp), ("as written", true));
        assert_eq!((told.jid.as_str(), told.lid.as_str()), ("551199999999@s.whatsapp.net", LID));

        let by_lid = node("user").attr("jid", LID).attr("pn_jid", format!("{ANA}@s.whatsapp.net"));
        let (asked, found) = made_of(by_lid.children([contact("in", "+5511999999999")]).build(), false).unwrap();
        assert_eq!(
            (asked, found.identity.names()),
            (Jid::pn(ANA), Names { jid: format!("{ANA}@s.whatsapp.net"), lid: LID.to_owned() })
        );
    }

    #[test]
    fn who_is_not_there_keeps_the_name_that_was_asked_for() {
        let user =
            node("user").attr("jid", format!("{ANA}@s.whatsapp.net")).children([contact("out", "+5511999999999")]);
        let (asked, found) = made_of(user.build(), false).unwrap();
        let told = checked(ANA.to_owned(), &asked, Some(&found));
        assert_eq!(
            (told.is_in_whatsapp, told.jid.as_str(), told.lid.as_str()),
            (false, "5511999999999@s.whatsapp.net", "")
        );
        assert_eq!(told.error, None);
        let error = node("error").attr("code", 404).attr("text", "item-not-found").build();
        let nobody = node("user").attr("jid", LID).children([node("lid").children([error]).build()]).build();
        assert!(!made_of(nobody, true).unwrap().1.registered);
        let somebody = node("user").attr("jid", LID).attr("pn_jid", format!("{ANA}@s.whatsapp.net")).build();
        assert!(made_of(somebody, true).unwrap().1.registered);
        assert!(checked(ANA.to_owned(), &asked, None).error.is_some(), "nothing was told");
    }

    #[test]
    fn a_refusal_of_one_is_told_with_it() {
        let error = node("error").attr("code", 429).attr("text", "rate-overlimit").build();
        let contact = node("contact").children([error]).build();
        let user = node("user").attr("jid", format!("{ANA}@s.whatsapp.net")).children([contact]).build();
        let (asked, found) = made_of(user, false).unwrap();
        let told = checked(ANA.to_owned(), &asked, Some(&found));
        assert_eq!(told.error.unwrap().error, "WhatsApp refused: rate-overlimit (code 429)");
    }
}
