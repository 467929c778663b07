//! What follows from the answer to a queued send.

use axum::response::Response;
use wago_contract::error::ErrorCode;

use crate::error::ApiError;

/// Attempts that got no clear answer, before the send has failed.
const ATTEMPTS_MAX: u32 = 8;
const FIRST_RETRY_MS: i64 = 5_000;

#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// The session cannot send now, and nothing left.
    PutBack,
    /// The connection broke: it may have left. It is tried again once the session is connected, however often.
    Interrupted(String),
    /// After so many milliseconds.
    Retry(i64, String),
    Failed(String),
}

impl Outcome {
    /// `attempts`: this one included.
    pub fn of(answer: &Response, attempts: u32) -> Self {
        use ErrorCode::*;
        let Some(error) = answer.extensions().get::<ApiError>() else {
            return match answer.status().is_success() {
                true => Self::Sent,
                false => Self::Failed(format!("it was answered with {}", answer.status().as_u16())),
            };
        };
        let text = error.text().to_owned();
        let may_pass = match error.code() {
            NoSession | NotLoggedIn | ShuttingDown => return Self::PutBack,
            NotConnected => return Self::Interrupted(text),
            WhatsappTimeout | Timeout | Overloaded | StorageFailed | Internal => true,
            _ => error.is_retryable(),
        };
        match may_pass && attempts < ATTEMPTS_MAX {
            true => Self::Retry(FIRST_RETRY_MS << attempts.saturating_sub(1).min(ATTEMPTS_MAX), text),
            false => Self::Failed(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use http::StatusCode;
    use wago_session::Error;

    use super::*;

    fn of(error: Error, attempts: u32) -> Outcome {
        Outcome::of(&ApiError::from(error).into_response(), attempts)
    }

    #[test]
    fn the_answer_decides() {
        assert_eq!(Outcome::of(&StatusCode::OK.into_response(), 1), Outcome::Sent);
        let unknown = ApiError::unknown_route().into_response();
        assert_eq!(Outcome::of(&unknown, 1), Outcome::Failed("unknown route".into()));
        assert_eq!(of(Error::NoSession, 9), Outcome::PutBack);
        assert!(matches!(of(Error::NotConnected { reason: "x".into() }, 99), Outcome::Interrupted(_)));
        assert!(matches!(of(Error::NotOnWhatsApp { phone: "1".into() }, 1), Outcome::Failed(_)));
        assert!(matches!(of(Error::Rejected { code: 403, text: "no".into() }, 1), Outcome::Failed(_)));
        for (attempts, wait) in [(1, 5_000), (2, 10_000), (7, 320_000)] {
            for error in [Error::TimedOut, Error::Rejected { code: 503, text: "later".into() }] {
                assert!(matches!(of(error, attempts), Outcome::Retry(after, _) if after == wait));
            }
        }
        assert!(matches!(of(Error::TimedOut, ATTEMPTS_MAX), Outcome::Failed(_)));
    }
}
