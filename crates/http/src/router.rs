use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;
use wago_contract::send::{
    album::Album, carousel, contact::Contacts, event::Event, interactive, invite::Invite, list::List,
    location::Location, media, payment, poll::Poll, preview, status::Status, text::Text,
};

use crate::{
    answer,
    app::App,
    error::ApiError,
    routes::{
        business, call, call_player, call_recording, call_stream, call_webrtc, chat, community, contact, event_file,
        events, group, label, message, newsletter, passkey, qr, queue, send::send, server, session, stored, stream,
        token, user, webhook, webhooks, ws,
    },
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
        .route("/session/passkey", get(passkey::show))
        .route("/session/passkey-status", get(passkey::show))
        .route("/session/passkey/response", post(passkey::respond))
        .route("/session/passkey-response", post(passkey::respond))
        .route("/session/passkey/confirm", post(passkey::confirm))
        .route("/session/passkey-confirm", post(passkey::confirm))
        .route("/session/disconnect", post(session::disconnect))
        .route("/session/logout", post(session::logout))
        .route("/session/proxy", get(session::proxy).post(session::set_proxy))
        .route("/session/history", get(session::history).post(session::history))
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
        .route("/events/{id}/file", get(event_file::show))
        .route("/events/{id}/deliveries", get(events::deliveries))
        .route("/events/{id}/replay", post(events::replay))
        .route("/ws", get(ws::open))
        // Send
        .route("/send/text", post(send::<Text>))
        .route("/send/image", post(send::<media::Image>))
        .route("/send/audio", post(send::<media::Audio>))
        .route("/send/document", post(send::<media::Document>))
        .route("/send/video", post(send::<media::Video>))
        .route("/send/ptv", post(send::<media::VideoNote>))
        .route("/send/sticker", post(send::<media::Sticker>))
        .route("/send/mediaurl", post(send::<media::MediaUrl>))
        .route("/send/album", post(send::<Album>))
        .route("/send/poll", post(send::<Poll>))
        .route("/send/event", post(send::<Event>))
        .route("/send/location", post(send::<Location>))
        .route("/send/contact", post(send::<Contacts>))
        .route("/send/groupinvite", post(send::<Invite>))
        .route("/send/preview", post(send::<preview::Below>))
        .route("/send/preview2", post(send::<preview::AsAd>))
        .route("/send/status", post(send::<Status>))
        .route("/send/buttons", post(send::<interactive::Buttons>))
        .route("/send/mediabutton", post(send::<interactive::MediaButton>))
        .route("/send/template", post(send::<interactive::Template>))
        .route("/send/locationbutton", post(send::<interactive::LocationButton>))
        .route("/send/list", post(send::<List>))
        .route("/send/pixbutton", post(send::<payment::PixButton>))
        .route("/send/reviewpay", post(send::<payment::ReviewPay>))
        .route("/send/carousel", post(send::<carousel::Plain>))
        .route("/send/carouselmedia", post(send::<carousel::WithMedia>))
        // Sends that wait
        .route("/queue", get(queue::list))
        .route("/queue/{id}", get(queue::show).delete(queue::cancel))
        .route("/session/pacing", get(queue::pacing).post(queue::set_pacing))
        // Messages
        .route("/messages", get(stored::list))
        .route("/messages/{id}", get(stored::show))
        .route("/message/status", post(stored::status))
        .route("/message/react", post(message::react))
        .route("/message/edit", post(message::edit))
        .route("/message/delete", post(message::delete))
        .route("/message/markread", post(message::mark_read))
        .route("/message/presence", post(message::presence))
        .route("/message/star", post(message::star))
        .route("/message/pin", post(message::pin))
        .route("/message/vote", post(message::vote))
        .route("/message/download/image", post(message::download_image))
        .route("/message/download/video", post(message::download_video))
        .route("/message/download/audio", post(message::download_audio))
        .route("/message/download/document", post(message::download_document))
        .route("/message/download/sticker", post(message::download_sticker))
        .route("/message/downloadimage", post(message::download_image))
        // Chats, labels
        .route("/chat/list", get(chat::list))
        .route("/chat/pin", post(chat::pin))
        .route("/chat/unpin", post(chat::unpin))
        .route("/chat/mute", post(chat::mute))
        .route("/chat/unmute", post(chat::unmute))
        .route("/chat/archive", post(chat::archive))
        .route("/chat/unarchive", post(chat::unarchive))
        .route("/chat/markunread", post(chat::mark_unread))
        .route("/chat/clear", post(chat::clear))
        .route("/chat/delete", post(chat::delete))
        .route("/chat/ephemeral", post(chat::ephemeral))
        .route("/label/list", get(label::list))
        .route("/label/edit", post(label::edit))
        .route("/label/chat", post(label::chat))
        .route("/unlabel/chat", post(label::unlabel_chat))
        .route("/label/message", post(label::message))
        .route("/unlabel/message", post(label::unlabel_message))
        // Users
        .route("/user/contacts", get(contact::list))
        .route("/user/info", post(user::info))
        .route("/user/check", post(user::check))
        .route("/user/avatar", get(user::avatar).post(user::avatar))
        .route("/user/privacy", get(user::privacy).post(user::set_privacy))
        .route("/user/block", post(user::block))
        .route("/user/unblock", post(user::unblock))
        .route("/user/blocklist", get(user::blocklist))
        .route("/user/profile", post(user::set_picture).delete(user::remove_picture))
        .route("/user/name", post(user::name))
        .route("/user/about", post(user::about))
        .route("/status/set/text", post(user::about))
        .route("/user/presence", post(user::presence))
        .route("/user/presence/subscribe", post(user::follow_presence))
        .route("/user/lid/{jid}", get(user::names))
        // Groups
        .route("/group/create", post(group::create))
        .route("/group/list", get(group::list))
        .route("/group/myall", get(group::own))
        .route("/group/info", get(group::info).post(group::info))
        .route("/group/invitelink", get(group::invite_link).post(group::invite_link))
        .route("/group/inviteinfo", post(group::invite_info))
        .route("/group/join", post(group::join))
        .route("/group/leave", post(group::leave))
        .route("/group/update", post(group::update))
        .route("/group/updateparticipants", post(group::update))
        .route("/group/requests", get(group::requests))
        .route("/group/requestparticipants", get(group::requests))
        .route("/group/requests/update", post(group::decide))
        .route("/group/updaterequestparticipants", post(group::decide))
        .route("/group/name", post(group::name))
        .route("/group/topic", post(group::topic))
        .route("/group/photo", post(group::photo))
        .route("/group/photo/remove", post(group::remove_photo))
        .route("/group/announce", post(group::announce))
        .route("/group/locked", post(group::locked))
        .route("/group/ephemeral", post(group::ephemeral))
        .route("/group/joinapprovalmode", post(group::approval))
        .route("/group/memberaddmode", post(group::add_mode))
        // Communities
        .route("/community/create", post(community::create))
        .route("/community/add", post(community::add))
        .route("/community/link", post(community::add))
        .route("/community/remove", post(community::remove))
        .route("/community/unlink", post(community::remove))
        .route("/community/info", get(community::info).post(community::info))
        .route("/community/subgroups", get(community::sub_groups).post(community::sub_groups))
        // Newsletters
        .route("/newsletter/list", get(newsletter::list))
        .route("/newsletter/create", post(newsletter::create))
        .route("/newsletter/info", get(newsletter::info).post(newsletter::info))
        .route("/newsletter/link", get(newsletter::link).post(newsletter::link))
        .route("/newsletter/subscribe", post(newsletter::subscribe))
        .route("/newsletter/follow", post(newsletter::subscribe))
        .route("/newsletter/unsubscribe", post(newsletter::unsubscribe))
        .route("/newsletter/unfollow", post(newsletter::unsubscribe))
        .route("/newsletter/messages", get(newsletter::messages).post(newsletter::messages))
        .route("/newsletter/mute", post(newsletter::mute))
        .route("/newsletter/unmute", post(newsletter::unmute))
        .route("/newsletter/react", post(newsletter::react))
        .route("/newsletter/send", post(send::<Text>))
        .route("/newsletter/update", post(newsletter::update))
        .route("/newsletter/delete", post(newsletter::delete))
        // Businesses
        .route("/business/get/profile", get(business::profile).post(business::profile))
        .route("/business/get/categories", get(business::categories))
        .route("/business/update/desc", post(business::set_description))
        .route("/business/update/address", post(business::set_address))
        .route("/business/update/email", post(business::set_email))
        .route("/business/catalog/list", get(business::catalog).post(business::catalog))
        .route("/business/catalog/info", get(business::product).post(business::product))
        .route("/business/catalog/create", post(business::create_product))
        .route("/business/catalog/edit", post(business::edit_product))
        .route("/business/catalog/delete", post(business::delete_products))
        .route("/business/catalog/show", post(business::show_product))
        .route("/business/catalog/hide", post(business::show_product))
        // Calls
        .route("/call/make", post(call::make))
        .route("/call/answer", post(call::answer))
        .route("/call/reject", post(call::reject))
        .route("/call/hangup", post(call::hang_up))
        .route("/call/mute", post(call::mute))
        .route("/call/status", get(call::status))
        .route("/call/settings", get(call::settings).post(call::set_settings))
        .route("/call/dtmf", post(call::press))
        .route("/call/test", post(call::test))
        .route("/call/webrtc/config", get(call_webrtc::config))
        .route("/call/webrtc/offer", post(call_webrtc::offer).delete(call_webrtc::leave))
        .route("/call/webrtc/candidate", post(call_webrtc::candidate))
        .route("/call/player/play", post(call_player::play))
        .route("/call/player/pause", post(call_player::pause))
        .route("/call/player/resume", post(call_player::resume))
        .route("/call/player/stop", post(call_player::stop))
        .route("/call/player/status", get(call_player::status))
        .route("/call/audio", get(call_player::files).post(call_player::upload).delete(call_player::delete))
        .route("/call/recording/start", post(call_recording::start))
        .route("/call/recording/stop", post(call_recording::stop))
        .route("/call/recordings", get(call_recording::list))
        .route("/call/recordings/{id}", get(call_recording::show).delete(call_recording::delete))
        .route("/call/stream", get(call_stream::open))
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
