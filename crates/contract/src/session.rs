//! `/session/*`.

use serde::Serialize;

/// What is wrong with a session, since when, and what happens next. Truthful before polite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// `ok`, `starting`, `waiting_for_scan`, `reconnecting`, `unreachable`, `stopped`, `logged_out`, `banned`, `outdated`, `replaced`, `failed`.
    pub state: HealthState,
    /// A sentence for a person.
    pub reason: String,
    /// Unix seconds since when the state holds.
    pub since: i64,
    /// What happens next, or what to do.
    pub next: String,
    /// Unix seconds of the next attempt, or of the end of a ban, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    Ok,
    Starting,
    WaitingForScan,
    Reconnecting,
    Unreachable,
    Stopped,
    LoggedOut,
    Banned,
    Outdated,
    Replaced,
    Failed,
}
