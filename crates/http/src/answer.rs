//! What happens around every route: the request's id, the access log, the bound on time, panics, and the envelope of
//! errors.

use std::{any::Any, time::Instant};

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, header::CONTENT_LENGTH};
use tracing::{Instrument, field::Empty};

use crate::{app::App, error::ApiError};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a caller's request id; a longer one is replaced.
const REQUEST_ID_MAX: usize = 128;
/// Characters of a path that are logged.
const PATH_MAX: usize = 200;

/// In a request's extensions and in the `x-request-id` of its reply.
#[derive(Clone)]
pub(crate) struct RequestId(pub String);

/// The outermost layer: gives the request its id, writes the envelope of an [`ApiError`], and logs. The log line has
/// the path without its query, where a token may be.
pub(crate) async fn envelope(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let path: String = request.uri().path().chars().take(PATH_MAX).collect();
    let span = tracing::info_span!("request", id, method = %request.method(), path, session = Empty);
    request.extensions_mut().insert(RequestId(id.clone()));
    let start = Instant::now();

    let mut response = next.run(request).instrument(span.clone()).await;
    let error = response.extensions_mut().remove::<ApiError>();
    let code = error.as_ref().map(ApiError::code);
    if let Some(error) = error {
        let (parts, body) = Json(error.body(id.clone())).into_response().into_parts();
        // It told of the empty body.
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().extend(parts.headers);
        *response.body_mut() = body;
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    log(&span, &response, code, start);
    response
}

fn log(span: &tracing::Span, response: &Response, code: Option<wago_contract::error::ErrorCode>, start: Instant) {
    let (status, latency_ms) = (response.status().as_u16(), start.elapsed().as_millis());
    let code = code.map(tracing::field::debug);
    if status >= 500 {
        tracing::warn!(parent: span, status, code, latency_ms, "answered");
    } else {
        tracing::info!(parent: span, status, code, latency_ms, "answered");
    }
}

/// The caller's own id if it is a plain word, so that logs can be joined; else a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=REQUEST_ID_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    given.filter(plain).map_or_else(|| format!("{:032x}", rand::random::<u128>()), str::to_owned)
}

/// Bounds the request in time, and turns it away while the process stops.
pub(crate) async fn bounds(State(app): State<App>, request: Request, next: Next) -> Response {
    // Liveness is about the process, which lives.
    if app.stopping.is_cancelled() && request.uri().path() != "/server/ok" {
        return ApiError::shutting_down().into_response();
    }
    let safe = request.method().is_safe();
    let path = request.uri().path();
    let files = ["/send/", "/message/download", "/user/profile"].iter().any(|start| path.starts_with(start));
    let time = if files { app.limits.file_time } else { app.limits.request_time };
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timeout(safe).into_response(),
    }
}

/// A panic is the request's alone. What it says may hold secrets, so only the panic hook tells it.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    ApiError::internal().into_response()
}
