//! `GET /call-demo`: a page that makes and takes calls with a microphone. It uses the routes of this API and nothing else.

use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, header};

/// Nothing from elsewhere runs on it, as a token is typed into it; and it stands in nobody's frame.
const POLICY: &str =
    "default-src 'self'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

fn file(kind: &'static str, content: &'static str) -> impl IntoResponse {
    let head = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    let policy = head(header::CONTENT_SECURITY_POLICY, POLICY);
    ([head(header::CONTENT_TYPE, kind), policy, head(header::X_CONTENT_TYPE_OPTIONS, "nosniff")], content)
}

pub(crate) async fn index() -> impl IntoResponse {
    file("text/html; charset=utf-8", include_str!("call_demo/index.html"))
}

pub(crate) async fn script() -> impl IntoResponse {
    file("text/javascript; charset=utf-8", include_str!("call_demo/demo.js"))
}

pub(crate) async fn style() -> impl IntoResponse {
    file("text/css; charset=utf-8", include_str!("call_demo/demo.css"))
}
