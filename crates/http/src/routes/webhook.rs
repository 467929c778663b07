use axum::extract::State;
use secrecy::SecretString;
use wago_contract::webhook::{Format, SetWebhook, Webhook};
use wago_delivery::guard;
use wago_store::{WebhookChange, WebhookFormat};

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    error::ApiError,
    reply::{Reply, Result},
    routes::webhooks,
};

pub(crate) async fn show(Session(session): Session, State(app): State<App>) -> Result<Reply<Webhook>> {
    let webhook = app.store.session_webhook(session.id).await?;
    Ok(Reply(shown(webhook, session.subscribe)))
}

/// Changes what is named.
pub(crate) async fn set(
    Session(session): Session,
    State(app): State<App>,
    Body(set): Body<SetWebhook>,
) -> Result<Reply<Webhook>> {
    if !set.url.is_empty() {
        check(&app, "WebhookURL", &set.url).await?;
    }
    let change = WebhookChange {
        url: Some(set.url),
        format: set.format.map(webhooks::format),
        secret: set.secret.map(|secret| (!secret.is_empty()).then(|| SecretString::from(secret))),
        headers: set.headers,
        subscribe: set.events.clone(),
        ..WebhookChange::default()
    };
    let webhook = app.store.change_webhook(session.id, change, app.now_ms()).await?;
    Ok(Reply(shown(webhook, set.events.unwrap_or(session.subscribe))))
}

/// Whether a webhook may lead there.
pub(crate) async fn check(app: &App, field: &'static str, url: &str) -> Result<()> {
    let refused = match guard::check(url, app.allow_private_webhooks).await {
        Ok(_) => return Ok(()),
        Err(refused) => refused,
    };
    let advice = match refused {
        guard::Refused::Private => "; start WaGo with --allow-private-webhooks if that is meant",
        _ => "",
    };
    Err(ApiError::invalid(field, format!("{field} is refused: {refused}{advice}")))
}

fn shown(webhook: Option<wago_store::Webhook>, subscribe: Vec<String>) -> Webhook {
    let Some(webhook) = webhook else {
        return Webhook {
            webhook: String::new(),
            subscribe,
            format: Format::Form,
            secret_set: false,
            headers: Default::default(),
            paused: None,
        };
    };
    Webhook {
        paused: webhooks::paused(&webhook),
        webhook: webhook.url,
        subscribe,
        format: match webhook.format {
            WebhookFormat::Form => Format::Form,
            WebhookFormat::Json => Format::Json,
        },
        secret_set: webhook.secret.is_some(),
        headers: webhook.headers.into_iter().collect(),
    }
}
