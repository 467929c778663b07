//! Whom a message is for: what the user wrote, checked, and asked of WhatsApp for a phone number.

use std::time::Duration;

use moka::future::Cache;
use wacore_binary::Jid;
use whatsapp_rust::Client;

use crate::{
    Error, Result,
    adapter::{error, jid},
    sessions::invalid_phone,
};

/// For WhatsApp to answer a question.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Waits for WhatsApp, and not for ever.
pub(crate) async fn answered<T>(question: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(ANSWER_MAX, question).await.unwrap_or(Err(Error::TimedOut))
}

/// A person, as the user wrote it in that field.
pub(crate) fn person(field: &'static str, text: &str) -> Result<Jid> {
    jid::person(text).map_err(|reason| Error::Invalid { field, reason: format!("{field} {reason}") })
}

/// Phone numbers that are known to be on WhatsApp, for all sessions together.
const KNOWN_MAX: u64 = 20_000;
/// After this long a number is asked for again.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 3600);

/// Numbers that WhatsApp is asked for at once.
const ASKED_MAX: usize = 200;

pub(crate) struct Recipients {
    known: Cache<String, Jid>,
}

impl Default for Recipients {
    fn default() -> Self {
        let known = Cache::builder().max_capacity(KNOWN_MAX).time_to_live(KNOWN_FOR).build();
        Self { known }
    }
}

impl Recipients {
    /// [`Error::Invalid`] for what is no recipient, [`Error::NotOnWhatsApp`] for a phone number without an account.
    pub async fn find(&self, client: &Client, to: &str) -> Result<Jid> {
        let jid = jid::recipient(to).map_err(invalid_phone)?;
        if !jid.is_pn() {
            return Ok(jid);
        }
        if let Some(known) = self.known.get(jid.user.as_str()).await {
            return Ok(known);
        }
        let found =
            client.contacts().is_on_whatsapp(std::slice::from_ref(&jid)).await.map_err(|failed| error::any(&failed))?;
        let registered = found.into_iter().find(|one| one.is_registered);
        let Some(registered) = registered else {
            // Not remembered: the number may get an account in a minute.
            return Err(Error::NotOnWhatsApp { phone: jid.user.to_string() });
        };
        // WhatsApp knows some numbers under another spelling (a Brazilian mobile without its ninth digit).
        let known = match (registered.jid, registered.pn_jid) {
            (jid, _) if jid.is_pn() => jid.to_non_ad(),
            (_, Some(pn)) => pn.to_non_ad(),
            (jid, None) => jid.to_non_ad(),
        };
        self.known.insert(jid.user.to_string(), known.clone()).await;
        Ok(known)
    }

    /// People by their LIDs, under which alone stories are sealed.
    pub async fn audience(client: &Client, people: &[Jid]) -> Result<Vec<Jid>> {
        let (mut lids, mut unknown) = (Vec::with_capacity(people.len()), Vec::new());
        for person in people {
            match client.get_lid_pn_entry(person).await {
                _ if person.is_lid() => lids.push(person.clone()),
                Ok(Some(entry)) => lids.push(Jid::lid(&*entry.lid)),
                _ => unknown.push(person.clone()),
            }
        }
        for some in unknown.chunks(ASKED_MAX) {
            let found = client.contacts().is_on_whatsapp(some).await.map_err(|failed| error::any(&failed))?;
            for one in found {
                if !one.is_registered {
                    return Err(Error::NotOnWhatsApp { phone: one.jid.user.to_string() });
                }
                let lid = one.lid.or(Some(one.jid)).filter(Jid::is_lid);
                lids.push(lid.ok_or_else(|| Error::Invalid {
                    field: "Audience",
                    reason: "Audience has somebody whose address for stories WhatsApp does not tell".to_owned(),
                })?);
            }
        }
        Ok(lids)
    }
}
