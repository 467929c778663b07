//! Webhook delivery: from the event table to its sessions' endpoints, at least once, in order per chat.

mod client;
mod deliverer;
mod form;
pub mod guard;
mod lane;
mod request;
mod schedule;
mod signature;

use std::time::{SystemTime, UNIX_EPOCH};

pub use deliverer::{Deliverer, Options};
pub use schedule::Schedule;

/// Unix milliseconds.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
