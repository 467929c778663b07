//! Chats as users name them, and as events are recorded under them.

use wago_store::Session;

use crate::{app::App, error::ApiError, reply::Result};

/// Servers of which a filter may name all chats, as `*@g.us`.
const SERVERS: [&str; 5] = ["s.whatsapp.net", "lid", "g.us", "newsletter", "broadcast"];

/// Filters for a webhook: chats in all the ways in which an event may name them, and whole servers.
pub(crate) async fn filters(
    app: &App,
    session: &Session,
    field: &'static str,
    written: Vec<String>,
) -> Result<Vec<String>> {
    let mut filters: Vec<String> = Vec::new();
    for text in written {
        let text = text.trim();
        let keys = match text.strip_prefix("*@") {
            Some(server) if SERVERS.contains(&server) => vec![text.to_owned()],
            Some(_) => {
                let known = SERVERS.map(|server| format!("*@{server}")).join(", ");
                return Err(ApiError::invalid(field, format!("{field}: of whole kinds there are {known}")));
            }
            None => keys(app, session, field, text).await?,
        };
        for key in keys {
            if !filters.contains(&key) {
                filters.push(key);
            }
        }
    }
    Ok(filters)
}

/// A chat by its number, JID or LID, in all the ways in which an event may name it.
pub(crate) async fn keys(app: &App, session: &Session, field: &'static str, text: &str) -> Result<Vec<String>> {
    match app.sessions.chat_keys(session.id, text).await {
        Ok(keys) => Ok(keys),
        Err(wago_session::Error::Invalid { reason, .. }) => {
            Err(ApiError::invalid(field, format!("{field} {}", reason.trim_start_matches("Phone "))))
        }
        Err(error) => Err(error.into()),
    }
}
