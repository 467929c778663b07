//! Linking with a passkey: what is waited for next.

use wago_contract::session::{HealthState, passkey::PasskeyState};

use super::{Effect, Lifecycle, Notice, State};

/// How long WhatsApp waits for a passkey. The engine gives up when its QR codes run out, which is sooner unless a pair code
/// is out.
pub(super) const PASSKEY_MS: i64 = 600_000;

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Requested,
    Answered,
    Confirm,
    Confirmed,
    Failed,
}

impl Step {
    pub fn state(self) -> PasskeyState {
        match self {
            Self::Requested => PasskeyState::Requested,
            Self::Answered => PasskeyState::Answered,
            Self::Confirm => PasskeyState::Confirm,
            Self::Confirmed => PasskeyState::Confirmed,
            Self::Failed => PasskeyState::Failed,
        }
    }

    /// Whether it may come after `before`.
    fn follows(self, before: Self) -> bool {
        match self {
            // WhatsApp may ask anew, and the phone may be faster than we know that the answer arrived.
            Self::Requested => true,
            Self::Answered => before == Self::Requested,
            Self::Confirm => matches!(before, Self::Requested | Self::Answered),
            Self::Confirmed => before == Self::Confirm,
            Self::Failed => before != Self::Failed,
        }
    }

    /// State, reason and what to do, for [`Lifecycle::health`].
    pub(super) fn health(self) -> (HealthState, &'static str, &'static str) {
        let (reason, next) = match self {
            Self::Requested => (
                "WhatsApp wants the passkey of the account's owner",
                "answer what GET /session/passkey asks with POST /session/passkey/response",
            ),
            Self::Answered => (
                "the passkey's answer was sent; the phone goes on",
                "GET /session/passkey will have a code to compare with the phone's",
            ),
            Self::Confirm => (
                "the passkey was accepted; its code waits to be confirmed",
                "compare the code of GET /session/passkey with the phone's, then POST /session/passkey/confirm",
            ),
            Self::Confirmed => ("confirmed; the phone is about to link the device", "it will be connected in a moment"),
            Self::Failed => {
                let next = "ask for a new QR code with GET /session/qr, or for a pair code";
                return (HealthState::Failed, "linking with a passkey failed", next);
            }
        };
        (HealthState::WaitingForPasskey, reason, next)
    }
}

impl Lifecycle {
    /// How far linking with a passkey came, if that is what goes on.
    pub fn passkey(&self) -> Option<Step> {
        match self.state {
            State::Passkey(step) => Some(step),
            _ => None,
        }
    }

    /// It came further. What does not fit where it is changes nothing.
    pub(super) fn came_to(&mut self, step: Step, reason: &str, now_ms: i64) {
        let fits = match self.state {
            State::Passkey(before) => step.follows(before),
            State::Starting | State::WaitingForScan => !self.linked && matches!(step, Step::Requested | Step::Failed),
            _ => false,
        };
        if fits {
            let until = self.wake_at.filter(|_| step != Step::Requested);
            self.enter(State::Passkey(step), reason, now_ms);
            self.wake_at = until.or(Some(now_ms + PASSKEY_MS));
        }
    }

    /// It comes to nothing, for a reason that nobody else tells.
    pub(super) fn passkey_lost(&self, reason: &str) -> Option<Effect> {
        let step = self.passkey().filter(|step| *step != Step::Failed)?;
        Some(Effect::Tell(Notice::PasskeyFailed { reason: reason.to_owned(), continuation: step != Step::Requested }))
    }
}
