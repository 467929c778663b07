//! `GET /user/contacts`

use axum::extract::State;
use wago_contract::contact::{Contact, Contacts};

use crate::{
    app::App,
    credentials::Session,
    page::Page,
    reply::{Reply, Result},
};

/// `?page=` and `?limit=`, in the order of their JIDs.
pub(crate) async fn list(Session(session): Session, State(app): State<App>, page: Page) -> Result<Reply<Contacts>> {
    let mut contacts = Contacts::new();
    for contact in app.store.contacts(session.id, page.offset, page.limit).await? {
        let addresses = app.sessions.chat(session.id, &contact.jid).await?;
        let shown = Contact {
            found: true,
            first_name: contact.first_name,
            full_name: contact.full_name,
            push_name: contact.push_name,
            business_name: contact.business_name,
            lid: addresses.alias,
        };
        contacts.insert(addresses.jid, shown);
    }
    Ok(Reply(contacts))
}
