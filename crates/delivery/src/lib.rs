//! From the event log to whoever reads it: webhooks, at least once and in order per chat; live readers, by cursor. And
//! what the log forgets.

mod attempt;
mod client;
mod deliverer;
mod endpoint;
pub mod fetch;
mod form;
mod forward;
pub mod guard;
mod kept;
mod paused;
mod request;
mod retention;
mod schedule;
mod signature;
mod tail;
mod test;

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
pub use deliverer::{Deliverer, Options};
pub use forward::{Forwarded, Forwarder};
pub use kept::Forgetting;
pub use retention::{Retention, RetentionLimits};
pub use schedule::Schedule;
pub use tail::Tail;
pub use test::{Tested, Tester};

/// Unix milliseconds.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339, UTC, milliseconds.
fn timestamp(unix_ms: i64) -> String {
    DateTime::from_timestamp_millis(unix_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
