//! The control API: HTTP routes that drive the network and its phones, the page that shows them, and the WhatsApp socket.

mod answer;
mod businesses;
mod calls;
mod chats;
mod faults;
mod files;
mod groups;
mod media;
mod network;
mod newsletters;
mod page;
mod passkeys;
mod people;
mod phones;
mod screens;
mod updates;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State, WebSocketUpgrade},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{delete, get, post},
};
use http::{HeaderMap, StatusCode, header};
use tokio_util::sync::CancellationToken;

use crate::{
    core::Core,
    media::{CONTENT_BYTES_MAX, Media},
    wire::socket,
};

const BODY_BYTES_MAX: usize = 1 << 20;
/// A message's body: the largest file in base64, and its caption.
const SEND_BYTES_MAX: usize = CONTENT_BYTES_MAX as usize / 3 * 4 + BODY_BYTES_MAX;
/// A profile picture's body.
const PICTURE_BYTES_MAX: usize = 8 << 20;
/// No WhatsApp frame is larger.
const FRAME_BYTES_MAX: usize = 16 << 20;
const SOCKET_PATH: &str = "/ws/chat";

#[derive(Clone)]
pub(crate) struct Control {
    pub core: Core,
    pub media: Media,
    pub address: SocketAddr,
    pub ca_pem: Arc<str>,
    pub stopping: CancellationToken,
}

pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/page.js", get(page::script))
        .route("/page.css", get(page::style))
        .route("/phones", get(phones::list).post(phones::create))
        .route("/phones/{number}/reinstall", post(phones::reinstall))
        .route("/phones/{number}/link", post(phones::link))
        .route("/phones/{number}/devices", get(phones::devices).post(phones::add_device))
        .route("/phones/{number}/lose-keys", post(phones::lose_keys))
        .route("/phones/{number}/devices/{id}", delete(phones::unlink))
        .route("/phones/{number}/send", post(files::send).layer(DefaultBodyLimit::max(SEND_BYTES_MAX)))
        .route("/phones/{number}/react", post(phones::react))
        .route("/phones/{number}/vote", post(phones::vote))
        .route("/phones/{number}/edit", post(phones::edit))
        .route("/phones/{number}/delete", post(phones::delete))
        .route("/phones/{number}/read", post(phones::read))
        .route("/phones/{number}/typing", post(phones::typing))
        .route("/phones/{number}/presence", post(phones::presence))
        .route("/phones/{number}/block", get(people::blocked).post(people::block))
        .route("/phones/{number}/picture", post(people::picture).layer(DefaultBodyLimit::max(PICTURE_BYTES_MAX)))
        .route("/phones/{number}/about", post(people::about))
        .route("/phones/{number}/privacy", get(people::settings).post(people::privacy))
        .route("/phones/{number}/contacts", get(people::contacts).post(people::contact))
        .route("/phones/{number}/people/{who}", get(people::look))
        .route("/phones/{number}/passkey", get(passkeys::show).post(passkeys::sign))
        .route("/phones/{number}/passkey/agree", post(passkeys::agree))
        .route("/phones/{number}/business", get(businesses::show).post(businesses::set).delete(businesses::end))
        .route("/phones/{number}/calls", get(calls::list))
        .route("/phones/{number}/calls/{id}/recording", get(calls::recording))
        .route("/phones/{number}/call/{action}", post(calls::act))
        .route("/relay", post(calls::trouble).delete(calls::end_trouble))
        .route("/relay/{call}", get(calls::traffic))
        .route("/phones/{number}/messages", get(phones::messages))
        .route("/phones/{number}/chats", get(chats::list))
        .route("/phones/{number}/chats/{action}", post(chats::act))
        .route("/phones/{number}/labels", get(chats::labels).post(chats::edit_label))
        .route("/phones/{number}/name", post(chats::rename))
        .route("/phones/{number}/groups/join", post(groups::join))
        .route("/phones/{number}/groups/{group}/requests", get(groups::requests))
        .route("/phones/{number}/groups/{group}/{action}", post(groups::act))
        .route("/newsletters", get(newsletters::list).post(newsletters::create))
        .route("/newsletters/{newsletter}", get(newsletters::one))
        .route("/phones/{number}/newsletters/{newsletter}/{action}", post(newsletters::act))
        .route("/groups", get(groups::list).post(groups::create))
        .route("/groups/{group}", get(groups::one))
        .route("/phones/{number}/messages/{id}/media", get(files::open).delete(files::expire))
        .route("/mms/{kind}/{token}", post(media::upload))
        .route("/newsletter/{kind}/{token}", post(media::upload_in_the_clear))
        .route("/v/{*name}", get(media::download))
        .route("/screens", get(screens::list).post(screens::show))
        .route("/screens/{picture}", get(screens::picture))
        .route("/network", get(network::describe))
        .route("/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/updates", get(updates::stream))
        .route(SOCKET_PATH, get(whatsapp))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(own_pages_only))
        .with_state(control)
}

async fn whatsapp(State(control): State<Control>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .on_upgrade(|socket| socket::serve(control.core, socket, control.stopping))
}

/// Whoever can reach the port may use it; but a web page of somebody else, open in the same person's browser, may not.
async fn own_pages_only(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == SOCKET_PATH || media::is_host_path(path) || same_origin(request.headers()) {
        return next.run(request).await;
    }
    answer::failure(StatusCode::FORBIDDEN, "requests from other sites' pages are refused", None).into_response()
}

fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), headers.get(header::HOST).map(|host| host.to_str())) else {
        return false;
    };
    origin.split_once("://").is_some_and(|(_, authority)| authority == host)
}
