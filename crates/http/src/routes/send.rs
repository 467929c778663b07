//! `/send/*`. Every send goes through [`Sending`].

use axum::response::Response;
use wago_contract::send::{Envelope, Sent, Text};
use wago_session::{Quote, SendText};

use crate::{reply::Result, sending::Sending};

pub(crate) async fn text(sending: Sending<Text>) -> Result<Response> {
    sending
        .once(|app, session, text| async move {
            let sent = app.sessions.send_text(session.id, command(text)).await?;
            Ok(Sent { details: "Sent", timestamp: sent.timestamp, id: sent.id })
        })
        .await
}

fn command(Text { envelope, body }: Text) -> SendText {
    let Envelope { phone, id, forward, quote, mentions, expiration } = envelope;
    SendText {
        to: phone,
        body,
        id,
        forward,
        quote: quote.map(|quote| Quote {
            stanza_id: quote.stanza_id,
            participant: quote.participant,
            text: quote.text,
        }),
        mentions,
        expiration,
    }
}
