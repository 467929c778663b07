//! Whatever goes wrong becomes one [`ApiError`], and that the envelope.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use wago_contract::{
    envelope::Failure,
    error::ErrorCode::{self, *},
    payload::Invalid,
};

/// A failed request. Its body is written by [`crate::answer`], which knows the request's id.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    text: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    retryable: bool,
}

impl ApiError {
    pub fn new(status: StatusCode, code: ErrorCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, text: text.into(), field: None, retryable: false }
    }

    fn at(self, field: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    fn retryable(self) -> Self {
        Self { retryable: true, ..self }
    }

    /// Trying again could do the thing twice.
    pub fn not_retryable(self) -> Self {
        Self { retryable: false, ..self }
    }

    pub fn invalid(field: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, InvalidField, text).at(field)
    }

    pub fn invalid_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, InvalidToken, "invalid token")
    }

    pub fn invalid_admin_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, InvalidAdminToken, "invalid admin token")
    }

    pub fn unknown_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, UnknownRoute, "unknown route")
    }

    pub fn not_found(text: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, NotFound, text)
    }

    pub fn full(text: String) -> Self {
        Self::new(StatusCode::CONFLICT, TooMany, text)
    }

    pub fn too_many(text: String) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, TooMany, text)
    }

    pub fn not_a_websocket() -> Self {
        Self::new(StatusCode::BAD_REQUEST, InvalidPayload, "this route speaks WebSocket: ask for an upgrade")
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            MethodNotAllowed,
            "this route has other methods: see the Allow header",
        )
    }

    pub fn body_too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, BodyTooLarge, format!("body is larger than {limit} bytes"))
    }

    pub fn body_too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, BodyTooSlow, "body did not arrive in time").retryable()
    }

    pub fn body_broken() -> Self {
        Self::new(StatusCode::BAD_REQUEST, InvalidPayload, "body could not be read to its end").retryable()
    }

    pub fn not_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, InvalidPayload, "payload is not valid JSON")
    }

    pub fn not_form() -> Self {
        Self::new(StatusCode::BAD_REQUEST, InvalidPayload, "payload is not a valid form, or has too many parts")
    }

    /// The disk is full, or fails.
    pub fn no_room() -> Self {
        tracing::error!("a file could not be kept while it was on its way");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, StorageFailed, "the file could not be kept").retryable()
    }

    pub fn unfetched(field: &str, failed: &wago_delivery::fetch::Failed) -> Self {
        let text = format!("{field} cannot be fetched: {failed}");
        Self::new(StatusCode::BAD_REQUEST, InvalidField, text).at(field.to_owned())
    }

    pub fn idempotency_mismatch() -> Self {
        let text = "Idempotency-Key was used with another request";
        Self::new(StatusCode::CONFLICT, IdempotencyMismatch, text).at("Idempotency-Key")
    }

    pub fn idempotency_in_progress() -> Self {
        let text = "a request with this Idempotency-Key is being worked on";
        Self::new(StatusCode::CONFLICT, IdempotencyInProgress, text).at("Idempotency-Key").retryable()
    }

    pub fn not_connected(reason: &str) -> Self {
        let text = format!("not connected to WhatsApp: {reason}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, NotConnected, text).retryable()
    }

    pub fn no_call_port() -> Self {
        let text = "no UDP port for browsers can be opened: see call-ports in the configuration";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, CallMediaFailed, text).retryable()
    }

    pub fn no_call_id() -> Self {
        Self::missing("CallID")
    }

    /// In the query, as in a body.
    pub fn missing(field: &str) -> Self {
        Invalid::Missing { field: field.to_owned() }.into()
    }

    /// Of a call that goes on, but in another way than this needs.
    pub fn call_state(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, CallState, text).at("CallID")
    }

    pub fn overloaded() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Overloaded, "too many requests at once").retryable()
    }

    pub fn shutting_down() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ShuttingDown, "shutting down").retryable()
    }

    pub fn database_unreachable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, StorageFailed, "the database does not answer").retryable()
    }

    /// `safe`: the request only reads, so that asking again does no harm.
    pub fn timeout(safe: bool) -> Self {
        let text = "the request took too long";
        let error = Self::new(StatusCode::GATEWAY_TIMEOUT, Timeout, text);
        Self { retryable: safe, ..error }
    }

    /// What happened is in the log, where the request's id leads.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Internal, "internal error")
    }

    pub fn unknown_message() -> Self {
        Self::new(StatusCode::NOT_FOUND, UnknownMessage, "there is no message with this Id").at("Id")
    }

    pub fn message_id_taken() -> Self {
        Self::new(StatusCode::CONFLICT, MessageIdTaken, "another queued send has this Id").at("Id")
    }

    pub fn not_waiting(text: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, NotWaiting, text).at("Id")
    }

    pub fn queue_full() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, QueueFull, "too many sends of this session wait already").retryable()
    }

    pub fn messages_not_stored() -> Self {
        let text = "messages are not stored: start WaGo with -storemessage";
        Self::new(StatusCode::NOT_IMPLEMENTED, MessagesNotStored, text)
    }

    pub fn catalogues_are_read_only() -> Self {
        let text = "WhatsApp does not let linked devices change a catalogue: its own clients do so at Facebook, with \
                    the token of an advertising account, which is not to be had over WhatsApp's connection";
        Self::new(StatusCode::NOT_IMPLEMENTED, NotOffered, text)
    }

    pub fn no_file() -> Self {
        Self::not_found("there is no such event, or it has no file that was fetched")
    }

    pub fn file_coming() -> Self {
        let text = "the file is still being fetched from WhatsApp";
        Self::new(StatusCode::CONFLICT, FileNotReady, text).retryable()
    }

    pub fn file_failed(reason: &str) -> Self {
        Self::new(StatusCode::GONE, MediaGone, format!("the file could not be had: {reason}"))
    }

    pub fn file_gone() -> Self {
        Self::new(StatusCode::GONE, MediaGone, "the file is not kept any more")
    }

    pub fn shelf_failed() -> Self {
        let text = "the file cannot be read from where it is kept";
        Self::new(StatusCode::BAD_GATEWAY, StorageFailed, text).retryable()
    }

    pub fn no_such_range() -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, InvalidField, "the file is shorter than that").at("Range")
    }

    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn code(&self) -> ErrorCode {
        self.code
    }

    pub fn body(self, request_id: String) -> Failure {
        Failure {
            code: self.status.as_u16(),
            error: self.text.into_owned(),
            success: false,
            error_code: self.code,
            field: self.field.map(Cow::into_owned),
            retryable: self.retryable,
            request_id,
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ApiError {}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Invalid> for ApiError {
    fn from(error: Invalid) -> Self {
        let text = error.to_string();
        let bad = |code| Self::new(StatusCode::BAD_REQUEST, code, text.clone());
        match error {
            Invalid::NotUtf8 | Invalid::NotJson { .. } | Invalid::NotObject => bad(InvalidPayload),
            Invalid::Missing { field } => bad(MissingField).at(field),
            Invalid::Field { field, .. } => bad(InvalidField).at(field),
            Invalid::TooLarge { field, .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, BodyTooLarge, text).at(field),
        }
    }
}

impl From<wago_store::Error> for ApiError {
    fn from(error: wago_store::Error) -> Self {
        use wago_store::Error;
        let failed = |text: &'static str| Self::new(StatusCode::INTERNAL_SERVER_ERROR, StorageFailed, text);
        match error {
            Error::Taken => Self::new(StatusCode::INTERNAL_SERVER_ERROR, TokenOrNameTaken, error.to_string()),
            Error::Database(cause) => {
                tracing::error!(%cause, "database error");
                failed("the database failed").retryable()
            }
            // The store is closed last of all.
            Error::Closed => Self::shutting_down(),
            Error::NewerSchema { .. } | Error::WrongSecret | Error::Open(_) | Error::Damaged { .. } => {
                tracing::error!(%error, "store failed");
                failed("the database failed")
            }
        }
    }
}

impl From<wago_session::Error> for ApiError {
    fn from(error: wago_session::Error) -> Self {
        use wago_session::Error;
        let text = error.to_string();
        let new = |status, code| Self::new(status, code, text);
        match error {
            Error::NoSession => new(StatusCode::INTERNAL_SERVER_ERROR, NoSession),
            Error::NotLoggedIn => new(StatusCode::INTERNAL_SERVER_ERROR, NotLoggedIn),
            Error::AlreadyLoggedIn => new(StatusCode::INTERNAL_SERVER_ERROR, AlreadyLoggedIn),
            Error::PasskeyNotAsked { .. } => new(StatusCode::CONFLICT, PasskeyNotAsked),
            Error::PasskeyAwaited => new(StatusCode::CONFLICT, PasskeyAwaited),
            Error::NotConnected { .. } => new(StatusCode::SERVICE_UNAVAILABLE, NotConnected).retryable(),
            Error::Invalid { field, .. } => new(StatusCode::BAD_REQUEST, InvalidField).at(field),
            Error::File { field, .. } => new(StatusCode::BAD_REQUEST, InvalidField).at(field),
            Error::Sealed => new(StatusCode::BAD_REQUEST, InvalidField).at("MediaKey"),
            Error::FileGone => new(StatusCode::NOT_FOUND, MediaGone),
            Error::UnknownMessage { field } => new(StatusCode::NOT_FOUND, UnknownMessage).at(field),
            Error::NotOnWhatsApp { .. } => new(StatusCode::BAD_REQUEST, NotOnWhatsapp).at("Phone"),
            Error::NoPicture => new(StatusCode::NOT_FOUND, NoPicture).at("Phone"),
            Error::PictureHidden => new(StatusCode::FORBIDDEN, PictureHidden).at("Phone"),
            Error::UnknownNewsletter => new(StatusCode::NOT_FOUND, UnknownNewsletter).at("NewsletterJID"),
            Error::UnknownGroup => new(StatusCode::NOT_FOUND, UnknownGroup).at("GroupJID"),
            Error::NotABusiness => new(StatusCode::NOT_FOUND, NotABusiness).at("Phone"),
            Error::UnknownProduct => new(StatusCode::NOT_FOUND, UnknownProduct).at("ProductID"),
            Error::UnknownCall => new(StatusCode::NOT_FOUND, UnknownCall).at("CallID"),
            Error::CallState { .. } => new(StatusCode::CONFLICT, CallState).at("CallID"),
            Error::CallMedia { .. } => new(StatusCode::BAD_GATEWAY, CallMediaFailed),
            Error::Rejected { code, .. } => {
                let refused = new(StatusCode::BAD_GATEWAY, WhatsappRefused);
                // Too many requests, or WhatsApp's own trouble.
                if code == 429 || code >= 500 { refused.retryable() } else { refused }
            }
            Error::TimedOut => new(StatusCode::GATEWAY_TIMEOUT, WhatsappTimeout).retryable(),
            Error::Stopping => new(StatusCode::SERVICE_UNAVAILABLE, ShuttingDown).retryable(),
            Error::Store(error) => error.into(),
            Error::Internal(cause) => {
                tracing::error!(%cause, "session failed");
                Self::internal()
            }
        }
    }
}
