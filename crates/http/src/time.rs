//! Times as users write and read them.

use chrono::{DateTime, SecondsFormat};

/// RFC 3339 in UTC, from Unix milliseconds.
pub(crate) fn show(unix_ms: i64) -> String {
    DateTime::from_timestamp_millis(unix_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Unix milliseconds, from RFC 3339.
pub(crate) fn read(text: &str) -> Option<i64> {
    Some(DateTime::parse_from_rfc3339(text.trim()).ok()?.timestamp_millis())
}
