//! `/send/*`. Every send goes through [`Sending`].

use axum::response::Response;
use wago_contract::send::{Content, Message as _, Outgoing, Part, Sent};

use crate::{files, preview, reply::Result, sending::Sending};

/// One for all: what differs is the body's fields.
pub(crate) async fn send<P: Part + Send + 'static>(sending: Sending<Outgoing<P>>) -> Result<Response> {
    sending
        .once_with_files(|app, session, mut outgoing, blobs| async move {
            let mut files = files::gather(&app, outgoing.media(), blobs).await?;
            let Outgoing { envelope, part } = outgoing;
            let mut content = part.content();
            if let Content::Text(text) = &mut content
                && text.look_up
            {
                files = preview::look_up(&app, text).await;
            }
            let sent = app.sessions.send(session.id, envelope, content, files).await?;
            Ok(Sent { details: "Sent", timestamp: sent.timestamp, id: sent.id, ids: sent.ids })
        })
        .await
}
