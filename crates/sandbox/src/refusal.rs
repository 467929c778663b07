//! The words that go with WhatsApp's codes for what it does not do.

pub(crate) fn word(code: u16) -> &'static str {
    match code {
        400 => "bad-request",
        401 => "not-authorized",
        403 => "forbidden",
        404 => "item-not-found",
        405 => "not-allowed",
        406 => "not-acceptable",
        409 => "conflict",
        410 => "gone",
        419 => "resource-limit",
        501 => "feature-not-implemented",
        _ => "internal-server-error",
    }
}
