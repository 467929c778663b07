//! What the account tells of itself: name, about text, presence.

use std::time::Duration;

use tokio::time::timeout;
use wacore_binary::builder::NodeBuilder;
use wago_contract::user::OwnPresence;
use wago_store::SessionId;
use whatsapp_rust::PresenceError;

use crate::{Error, Result, Sessions, adapter::error, recipients::answered, sessions::invalid_phone, supervisor::Live};

/// For a few bytes to be handed to an open socket.
const SAY_MAX: Duration = Duration::from_secs(5);

impl Sessions {
    /// The name that others see: told to WhatsApp at once, and to the account's other devices through its app state.
    pub async fn set_name(&self, id: SessionId, name: String) -> Result<()> {
        self.over(id, |live| async move {
            answered(async { live.client.profile().set_push_name(&name).await.map_err(|failed| error::any(&failed)) })
                .await
        })
        .await
    }

    pub async fn set_about(&self, id: SessionId, about: String) -> Result<()> {
        self.over(id, |live| async move {
            answered(async {
                live.client.profile().set_status_text(&about).await.map_err(|failed| error::any(&failed))
            })
            .await
        })
        .await
    }

    /// Now, and whenever the session connects.
    pub async fn show_presence(&self, id: SessionId, presence: OwnPresence) -> Result<()> {
        self.over(id, |live| async move {
            let own = live.client.presence();
            let shown = async {
                match presence {
                    OwnPresence::Available => own.set_available().await,
                    OwnPresence::Unavailable => own.set_unavailable().await,
                }
            };
            answered(async { shown.await.map_err(|failed| told(&failed)) }).await?;
            let away = presence == OwnPresence::Unavailable;
            live.backend.put_away(away).await.map_err(|failed| error::any(&failed))
        })
        .await
    }

    /// From now on the person's coming and going is told by events, as far as the person shows it.
    pub async fn follow_presence(&self, id: SessionId, who: String) -> Result<()> {
        self.over(id, |live| async move {
            let jid = self.resolve(&live, &who).await?;
            if !(jid.is_pn() || jid.is_lid()) {
                return Err(invalid_phone("should be a phone number or a person's JID".to_owned()));
            }
            answered(async { live.client.presence().subscribe(jid).await.map_err(|failed| told(&failed)) }).await
        })
        .await
    }
}

/// A session that wants to be away says so again: the engine shows each new connection as available.
pub(crate) async fn stay_away(live: &Live) {
    if live.backend.is_away().await.unwrap_or_default() {
        // What cannot be said now is said with the next connection.
        let _ = timeout(SAY_MAX, live.client.presence().set_unavailable()).await;
    }
}

/// Another device gave the account this name while WhatsApp may have heard the old one from here: a connection begins by
/// saying the name that is known then.
pub(crate) async fn show_name(live: &Live, name: &str) {
    let presence = NodeBuilder::new("presence").attr("name", name).build();
    // What cannot be said now is said with the next connection.
    let _ = timeout(SAY_MAX, live.client.send_node(presence)).await;
}

fn told(failed: &PresenceError) -> Error {
    match failed {
        PresenceError::PushNameEmpty => Error::Invalid {
            field: "Type",
            reason: "Type needs a name to be shown with: the account has none yet".to_owned(),
        },
        failed => error::any(failed),
    }
}
