//! The truth about a session's health, as a state machine without I/O: what happened and when goes in, what to do comes out.

use serde::{Deserialize, Serialize};
use wago_contract::session::{Health, HealthState};

mod passkey;
#[cfg(test)]
mod tests;

pub use passkey::Step;

/// The first attempt after a loss comes within this time, spread so that many sessions do not come back at once.
const FIRST_RETRY_MS: i64 = 1_000;
/// No two attempts are further apart than this, jitter aside.
const RETRY_MAX_MS: i64 = 60_000;
/// A connection that lasted this long clears the count of failures.
const STABLE_MS: i64 = 30_000;
/// How long an unlinked session goes on after somebody last asked for it.
const SCAN_MS: i64 = 300_000;
/// A pair code is good for 180 s; a session whose QR codes ran out waits this long for it.
const PAIR_CODE_MS: i64 = 200_000;
/// WhatsApp refused this client version. It may be that a newer one is published meanwhile.
const OUTDATED_MS: i64 = 3_600_000;
/// After a refusal that is not understood: first pause, doubled each time up to the second.
const REFUSED_MS: i64 = 300_000;
const REFUSED_MAX_MS: i64 = 3_600_000;
/// Ban ends further away than this are nonsense; the attempt after it tells.
const BAN_MAX_MS: i64 = 366 * 86_400_000;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Somebody wants the session: it is started, or asked for its QR or pair code again.
    Asked,
    QrShown,
    /// The last QR code ran out. The socket stays open only for an outstanding pair code.
    QrOver {
        pair_code_outstanding: bool,
    },
    /// Linking with a passkey came further.
    Passkey(Step),
    /// It came to nothing; `continuation`: after its first step.
    PasskeyFailed {
        reason: String,
        continuation: bool,
    },
    /// Somebody wants to link it from the beginning, with a new code.
    Anew,
    Paired,
    /// WhatsApp let us in and start-up is complete.
    LoggedIn,
    /// A dial failed.
    Unreached {
        reason: String,
    },
    /// An established connection ended.
    Closed {
        reason: String,
    },
    LoggedOut {
        reason: String,
        on_connect: bool,
    },
    Replaced,
    Banned {
        for_ms: i64,
        reason: String,
    },
    Outdated,
    Refused {
        reason: String,
    },
    Panicked,
    /// [`Lifecycle::wake_at`] has come.
    Woken,
    /// The user disconnects it.
    Stopped,
    /// The process ends; the session comes back at the next start.
    ShutDown,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open a connection.
    Dial,
    /// Close what is open and end the session's tasks.
    End,
    /// Delete the WhatsApp keys; it is no longer linked, nor wanted.
    Wipe,
    /// It does not come back by itself at the next start.
    Unwant,
    /// Keep [`Lifecycle::kept`] for the next start.
    Keep,
    /// Nothing is wrong any more: forget what was kept.
    Forget,
    /// Record an event.
    Tell(Notice),
}

/// An event about the session itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    Connected,
    Disconnected { reason: String },
    LoggedOut { reason: String, on_connect: bool },
    StreamReplaced,
    TemporaryBan { until: i64, reason: String },
    ClientOutdated,
    ConnectFailure { reason: String },
    PasskeyFailed { reason: String, continuation: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    WaitingForScan,
    /// The phone agreed, and the account's passkey is to be shown.
    Passkey(Step),
    /// The phone agreed; WhatsApp now closes the socket, and we come back as the new device.
    Linking,
    Open,
    /// Between connections; the next attempt is at `wake_at`, or under way if that is unset.
    Retrying {
        reached: bool,
    },
    /// Refused by WhatsApp; the next attempt is at `wake_at`.
    Resting(Rest),
    Ended(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rest {
    Banned,
    Outdated,
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Stopped,
    /// Nobody scanned.
    ScanOver,
    LoggedOut,
    Replaced,
}

/// What survives a restart, as an opaque text in the session's row.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    why: Why,
    reason: String,
    /// Unix milliseconds.
    since: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(tag = "kind", content = "state", rename_all = "snake_case")]
enum Why {
    Rest(Rest),
    End(End),
}

#[derive(Debug, Clone)]
pub struct Lifecycle {
    state: State,
    /// Times are unix milliseconds.
    since: i64,
    reason: String,
    linked: bool,
    wake_at: Option<i64>,
    /// Attempts that failed since the last stable connection.
    failures: u32,
    asked_at: i64,
    kept: bool,
}

impl Lifecycle {
    /// A session that is about to start. `kept` is what [`Self::kept`] gave before.
    pub fn start(linked: bool, kept: Option<&str>, now_ms: i64) -> (Self, Vec<Effect>) {
        let mut life = Self {
            state: State::Starting,
            since: now_ms,
            reason: String::new(),
            linked,
            wake_at: None,
            failures: 0,
            asked_at: now_ms,
            kept: kept.is_some(),
        };
        // A ban or refusal that still holds is not tried against, restart or not.
        let still = kept
            .and_then(|text| serde_json::from_str::<Kept>(text).ok())
            .filter(|kept| kept.until.is_some_and(|until| until > now_ms));
        if linked && let Some(Kept { why: Why::Rest(rest), reason, since, until }) = still {
            life.state = State::Resting(rest);
            life.since = since;
            life.reason = reason;
            life.wake_at = until;
            return (life, Vec::new());
        }
        (life, vec![Effect::Dial])
    }

    /// The health of a session that is not running.
    pub fn at_rest(kept: Option<&str>, linked: bool, created_at_ms: i64) -> Health {
        let kept = kept.and_then(|text| serde_json::from_str::<Kept>(text).ok());
        let life = match kept {
            Some(Kept { why, reason, since, .. }) => Self {
                state: match why {
                    Why::Rest(rest) => State::Resting(rest),
                    Why::End(end) => State::Ended(end),
                },
                since,
                reason,
                ..Self::stopped(linked, created_at_ms)
            },
            None => Self::stopped(linked, created_at_ms),
        };
        life.health()
    }

    fn stopped(linked: bool, since: i64) -> Self {
        Self {
            state: State::Ended(End::Stopped),
            since,
            reason: "not started".into(),
            linked,
            wake_at: None,
            failures: 0,
            asked_at: since,
            kept: false,
        }
    }

    /// The text to keep for the next start, if there is something to keep.
    pub fn kept(&self) -> Option<String> {
        let why = match self.state {
            State::Resting(rest) => Why::Rest(rest),
            State::Ended(end) => Why::End(end),
            _ => return None,
        };
        let kept = Kept { why, reason: self.reason.clone(), since: self.since, until: self.wake_at };
        serde_json::to_string(&kept).ok()
    }

    /// When [`Input::Woken`] is due (unix milliseconds).
    pub fn wake_at(&self) -> Option<i64> {
        self.wake_at
    }

    /// Why it is in its state, beyond what the state says itself.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    pub fn is_linked(&self) -> bool {
        self.linked
    }

    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// `jitter` is a random number from 0 to 1.
    pub fn step(&mut self, input: Input, now_ms: i64, jitter: f64) -> Vec<Effect> {
        if self.has_ended() {
            // What the dying connection still reports changes nothing.
            return Vec::new();
        }
        match input {
            Input::Asked => {
                self.asked_at = now_ms;
                // A user who asks need not wait for the timer. A ban is kept: attempts may prolong it.
                match self.state {
                    State::Retrying { .. } | State::Resting(Rest::Outdated | Rest::Refused)
                        if self.wake_at.is_some() =>
                    {
                        self.wake_at = None;
                        vec![Effect::Dial]
                    }
                    _ => Vec::new(),
                }
            }
            // The code is a phone's already.
            Input::QrShown if self.passkey().is_some() => Vec::new(),
            Input::QrShown => {
                if self.state != State::WaitingForScan {
                    self.enter(State::WaitingForScan, "", now_ms);
                }
                self.failures = 0;
                // If it was linked, its keys are gone.
                self.linked = false;
                Vec::new()
            }
            Input::QrOver { pair_code_outstanding: true } => {
                if self.passkey().is_none() {
                    self.wake_at = Some(now_ms + PAIR_CODE_MS);
                }
                Vec::new()
            }
            Input::QrOver { pair_code_outstanding: false } => self.give_up(now_ms),
            Input::Passkey(step) => {
                self.came_to(step, "", now_ms);
                Vec::new()
            }
            Input::PasskeyFailed { reason, continuation } => {
                self.came_to(Step::Failed, &reason, now_ms);
                vec![Effect::Tell(Notice::PasskeyFailed { reason, continuation })]
            }
            Input::Anew => {
                if self.passkey().is_none() {
                    return self.step(Input::Asked, now_ms, jitter);
                }
                self.asked_at = now_ms;
                self.enter(State::Starting, "", now_ms);
                vec![Effect::Dial]
            }
            Input::Paired => {
                self.linked = true;
                self.enter(State::Linking, "", now_ms);
                Vec::new()
            }
            Input::LoggedIn => {
                self.linked = true;
                self.enter(State::Open, "", now_ms);
                let mut effects = vec![Effect::Tell(Notice::Connected)];
                if std::mem::take(&mut self.kept) {
                    effects.push(Effect::Forget);
                }
                effects
            }
            Input::Unreached { reason } => self.retry(false, &reason, now_ms, jitter),
            Input::Closed { reason } => self.closed(&reason, now_ms, jitter),
            Input::LoggedOut { reason, on_connect } => {
                self.linked = false;
                self.enter(State::Ended(End::LoggedOut), &reason, now_ms);
                vec![Effect::Tell(Notice::LoggedOut { reason, on_connect }), Effect::Wipe, Effect::Keep, Effect::End]
            }
            Input::Replaced => {
                let reason = "another connection with this device's keys took over";
                self.enter(State::Ended(End::Replaced), reason, now_ms);
                vec![Effect::Tell(Notice::StreamReplaced), Effect::Unwant, Effect::Keep, Effect::End]
            }
            Input::Banned { for_ms, reason } => {
                let until = now_ms + for_ms.clamp(0, BAN_MAX_MS);
                let notice = Notice::TemporaryBan { until: seconds(until), reason: reason.clone() };
                self.rest(Rest::Banned, &reason, until, notice, now_ms)
            }
            Input::Outdated => {
                let reason = "WhatsApp refuses this client version";
                let until = now_ms + spread(OUTDATED_MS, jitter);
                self.rest(Rest::Outdated, reason, until, Notice::ClientOutdated, now_ms)
            }
            Input::Refused { reason } => {
                self.failures = self.failures.saturating_add(1);
                let pause = doubled(REFUSED_MS, self.failures, REFUSED_MAX_MS);
                let notice = Notice::ConnectFailure { reason: reason.clone() };
                let until = now_ms + spread(pause, jitter);
                self.rest(Rest::Refused, &reason, until, notice, now_ms)
            }
            Input::Panicked => self.retry(true, "an internal error", now_ms, jitter),
            Input::Woken => self.woken(now_ms),
            Input::Stopped => {
                let open = self.is_open();
                self.enter(State::Ended(End::Stopped), "disconnected on request", now_ms);
                let notice = Notice::Disconnected { reason: self.reason.clone() };
                let told = open.then_some(Effect::Tell(notice));
                told.into_iter().chain([Effect::End]).collect()
            }
            Input::ShutDown => {
                self.enter(State::Ended(End::Stopped), "WaGo is shutting down", now_ms);
                vec![Effect::End]
            }
        }
    }

    fn enter(&mut self, state: State, reason: &str, now_ms: i64) {
        self.state = state;
        self.since = now_ms;
        self.reason = reason.to_owned();
        self.wake_at = None;
    }

    fn closed(&mut self, reason: &str, now_ms: i64, jitter: f64) -> Vec<Effect> {
        match self.state {
            State::Linking => {
                self.enter(State::Starting, "", now_ms);
                vec![Effect::Dial]
            }
            // The refusal came first, then the socket closed: the pause is set already.
            State::Resting(_) => Vec::new(),
            State::Open => {
                if now_ms - self.since >= STABLE_MS {
                    self.failures = 0;
                }
                let mut effects = vec![Effect::Tell(Notice::Disconnected { reason: reason.to_owned() })];
                effects.extend(self.retry(true, reason, now_ms, jitter));
                effects
            }
            _ => {
                let lost = self.passkey_lost(reason);
                lost.into_iter().chain(self.retry(true, reason, now_ms, jitter)).collect()
            }
        }
    }

    fn retry(&mut self, reached: bool, reason: &str, now_ms: i64, jitter: f64) -> Vec<Effect> {
        if !self.linked && now_ms - self.asked_at > SCAN_MS {
            return self.give_up(now_ms);
        }
        // Unreachable since the first failure, not since the latest.
        let since = match self.state {
            State::Retrying { .. } => self.since,
            _ => now_ms,
        };
        self.enter(State::Retrying { reached }, reason, now_ms);
        self.since = since;
        let pause = match self.failures {
            0 if reached => (FIRST_RETRY_MS as f64 * jitter) as i64,
            failures => spread(doubled(FIRST_RETRY_MS, failures, RETRY_MAX_MS), jitter),
        };
        self.failures = self.failures.saturating_add(1);
        self.wake_at = Some(now_ms + pause);
        Vec::new()
    }

    fn rest(&mut self, rest: Rest, reason: &str, until: i64, notice: Notice, now_ms: i64) -> Vec<Effect> {
        self.enter(State::Resting(rest), reason, now_ms);
        let mut effects = vec![Effect::Tell(notice)];
        if !self.linked {
            // Nobody is waiting for it to come back: a new QR code is a new attempt.
            self.state = State::Ended(End::Stopped);
            effects.push(Effect::End);
            return effects;
        }
        self.wake_at = Some(until);
        self.kept = true;
        effects.push(Effect::Keep);
        effects
    }

    fn woken(&mut self, now_ms: i64) -> Vec<Effect> {
        if self.wake_at.is_none_or(|at| at > now_ms) {
            return Vec::new();
        }
        self.wake_at = None;
        match self.state {
            State::Retrying { .. } => vec![Effect::Dial],
            State::Resting(_) => {
                self.enter(State::Starting, "", now_ms);
                vec![Effect::Dial]
            }
            State::WaitingForScan | State::Passkey(_) => self.give_up(now_ms),
            _ => Vec::new(),
        }
    }

    fn give_up(&mut self, now_ms: i64) -> Vec<Effect> {
        let reason = match self.state {
            State::Retrying { reached: false } => {
                format!("WhatsApp could not be reached: {}", self.reason)
            }
            State::Passkey(Step::Failed) => format!("linking with a passkey failed: {}", self.reason),
            State::Passkey(Step::Requested) => "the passkey was not shown in time".to_owned(),
            State::Passkey(_) => "linking with a passkey was not completed in time".to_owned(),
            _ => "nobody scanned the QR code in time".to_owned(),
        };
        let lost = self.passkey_lost(&reason);
        self.enter(State::Ended(End::ScanOver), &reason, now_ms);
        lost.into_iter().chain([Effect::End]).collect()
    }

    pub fn health(&self) -> Health {
        let (state, reason, next) = match self.state {
            State::Starting => (HealthState::Starting, "connecting to WhatsApp", "it will be connected in a moment"),
            State::Linking => {
                (HealthState::Starting, "the phone accepted; linking", "it will be connected in a moment")
            }
            State::WaitingForScan => (
                HealthState::WaitingForScan,
                "not linked to a phone",
                "scan the QR code from GET /session/qr, or use a pair code",
            ),
            State::Passkey(step) => step.health(),
            State::Open => (HealthState::Ok, "connected", "nothing to do"),
            State::Retrying { reached: true } => {
                (HealthState::Reconnecting, "the connection was lost", "it reconnects by itself")
            }
            State::Retrying { reached: false } => {
                (HealthState::Unreachable, "WhatsApp cannot be reached", "it tries again by itself")
            }
            State::Resting(Rest::Banned) => {
                (HealthState::Banned, "WhatsApp banned the account for a time", "it tries again when the ban ends")
            }
            State::Resting(Rest::Outdated) => (HealthState::Outdated, "", "update WaGo; it tries again by itself"),
            State::Resting(Rest::Refused) => {
                (HealthState::Failed, "WhatsApp refused the connection", "it tries again by itself")
            }
            State::Ended(End::Stopped) => (HealthState::Stopped, "", "connect it with POST /session/connect"),
            State::Ended(End::ScanOver) => (HealthState::Stopped, "", "ask for a new QR code with GET /session/qr"),
            State::Ended(End::LoggedOut) => (HealthState::LoggedOut, "", "connect it and scan again"),
            State::Ended(End::Replaced) => (
                HealthState::Replaced,
                "",
                "connect it with POST /session/connect to take it back; make sure that it runs in one place only",
            ),
        };
        let reason = match (reason, self.reason.as_str()) {
            ("", own) => own.to_owned(),
            (general, "") => general.to_owned(),
            (general, own) => format!("{general}: {own}"),
        };
        // A passkey may be given up sooner than that.
        let until = self.wake_at.filter(|_| self.passkey().is_none()).map(seconds);
        Health { state, reason, since: seconds(self.since), next: next.to_owned(), until }
    }
}

fn seconds(ms: i64) -> i64 {
    ms.div_euclid(1000)
}

/// `first` doubled for each failure after the first, at most `max`.
fn doubled(first: i64, failures: u32, max: i64) -> i64 {
    let doublings = failures.saturating_sub(1).min(30);
    first.saturating_mul(1 << doublings).min(max)
}

/// The pause, a fifth more or less.
fn spread(pause: i64, jitter: f64) -> i64 {
    (pause as f64 * (0.8 + 0.4 * jitter)) as i64
}
