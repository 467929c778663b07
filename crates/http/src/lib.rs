//! WaGo's HTTP API. Only this crate knows axum.
//!
//! [`router`](mod@router) is the table of contents: from there a route leads to its file in `routes/`, and on to a
//! session's command or the store.

mod answer;
mod app;
mod asked;
mod body;
mod calls;
mod chat;
mod credentials;
mod download;
mod error;
mod files;
mod intake;
mod page;
mod part;
mod preview;
mod query;
mod queue;
mod recordings;
mod reply;
mod router;
mod routes;
mod sending;
mod serve;
mod streams;
mod time;
mod upload;

pub use app::{App, Limits, Options, admin_token_hash};
pub use calls::CallOptions;
pub use intake::MediaLimits;
pub use queue::Queue;
pub use recordings::look_after as look_after_recordings;
pub use router::router;
pub use serve::serve;
pub use streams::StreamLimits;
