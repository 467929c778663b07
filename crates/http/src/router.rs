use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    answer,
    app::App,
    error::ApiError,
    routes::{events, qr, queue, send, server, session, stored, stream, token, webhook, webhooks, ws},
};

/// Every route there is.
pub fn router(app: App) -> Router {
    around(routes(), app)
}

/// The bare routes: the queue's requests go here too.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        // Sessions, by the admin
        .route("/session/init", post(token::init))
        .route("/session/all", get(token::all))
        .route("/session/scanned", post(token::scanned))
        .route("/session/delete", post(token::delete))
        .route("/session/rotate", post(token::rotate))
        // Sessions, by their token
        .route("/session/connect", post(session::connect))
        .route("/session/pair", post(session::pair))
        .route("/session/qr", get(qr::show))
        .route("/session/status", get(session::status))
        .route("/session/disconnect", post(session::disconnect))
        .route("/session/logout", post(session::logout))
        // Webhook, events, realtime
        .route("/webhook", get(webhook::show).post(webhook::set))
        .route("/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/webhooks/{id}", get(webhooks::show).patch(webhooks::update).delete(webhooks::delete))
        .route("/webhooks/{id}/test", post(webhooks::test))
        .route("/webhooks/{id}/deliveries", get(webhooks::deliveries))
        .route("/webhooks/{id}/replay", post(webhooks::replay))
        .route("/events", get(events::list))
        .route("/events/stream", get(stream::open))
        .route("/events/{id}", get(events::show))
        .route("/events/{id}/deliveries", get(events::deliveries))
        .route("/events/{id}/replay", post(events::replay))
        .route("/ws", get(ws::open))
        // Send
        .route("/send/text", post(send::text))
        // Sends that wait
        .route("/queue", get(queue::list))
        .route("/queue/{id}", get(queue::show).delete(queue::cancel))
        .route("/session/pacing", get(queue::pacing).post(queue::set_pacing))
        // Messages
        .route("/messages", get(stored::list))
        .route("/messages/{id}", get(stored::show))
        .route("/message/status", post(stored::status))
        // Server
        .route("/server/ok", get(server::ok))
        .route("/server/ready", get(server::ready))
}

/// The routes, with what happens around each of them.
pub(crate) fn around(routes: Router<App>, app: App) -> Router {
    routes
        .fallback(|| async { ApiError::unknown_route() })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        // The last is the outermost.
        .layer(CatchPanicLayer::custom(answer::panicked))
        .layer(from_fn_with_state(app.clone(), answer::bounds))
        .layer(from_fn(answer::envelope))
        .with_state(app)
}
