//! Linking an account whose owner has to show a passkey.
//!
//! The engine keeps what it agreed with the phone in memory alone, and cannot begin anew on a connection, so neither can
//! this: what begins anew is a connection.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{sync::oneshot, time::timeout};
use wago_contract::session::passkey::{Passkey, PasskeyResponse, PasskeyState, asked};
use wago_store::SessionId;
use whatsapp_rust::passkey::{Assertion, build_webauthn_assertion_json};

use crate::{
    Error, Result, Sessions,
    adapter::error,
    lifecycle::Step,
    supervisor::{Command, Live, Session},
};

/// How long WhatsApp may take to accept an answer, or a confirmation. An answer takes two questions.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What WhatsApp told of it, and how far it came.
#[derive(Clone)]
pub(crate) struct Ceremony {
    /// Tells those of one session apart.
    pub number: u64,
    pub step: Step,
    /// Why it failed.
    pub reason: String,
    options: Arc<Value>,
    /// And whether nobody need compare it.
    pub code: Option<(String, bool)>,
}

impl Default for Ceremony {
    fn default() -> Self {
        Self { number: 0, step: Step::Failed, reason: String::new(), options: Arc::default(), code: None }
    }
}

impl Ceremony {
    /// This one, as far as it came.
    pub fn at(&self, step: Step, reason: &str) -> Self {
        Self { step, reason: reason.to_owned(), ..self.clone() }
    }

    /// The one that begins now.
    pub fn next(&self, options: Value) -> Self {
        Self { number: self.number + 1, options: Arc::new(options), ..Self::default() }
    }
}

/// What a caller is about to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Claim {
    Response,
    Confirmation,
}

/// It may do that, on this connection.
pub(crate) struct Claimed {
    pub live: Live,
    pub ceremony: u64,
}

impl Claim {
    /// Where it leads, if that is what is waited for.
    pub fn after(self, step: Option<Step>) -> Result<Step> {
        let reason = match (self, step) {
            (Self::Response, Some(Step::Requested)) => return Ok(Step::Answered),
            (Self::Confirmation, Some(Step::Confirm)) => return Ok(Step::Confirmed),
            (_, None) => "no passkey is asked for",
            (_, Some(Step::Failed)) => "linking with the passkey failed; a new QR or pair code begins anew",
            (Self::Response, Some(_)) => "the passkey was answered already",
            (Self::Confirmation, Some(Step::Requested)) => "the passkey is to be answered first",
            (Self::Confirmation, Some(Step::Answered)) => "the phone has no code to compare yet",
            (Self::Confirmation, Some(_)) => "the code was confirmed already",
        };
        Err(Error::PasskeyNotAsked { reason })
    }
}

impl Sessions {
    /// What is asked of the account's owner. Nothing, if the session is not running.
    pub fn passkey(&self, id: SessionId) -> Passkey {
        let nothing = Passkey {
            state: PasskeyState::None,
            passkey_pending: false,
            public_key: None,
            code: None,
            skip_handoff_ux: None,
            reason: None,
        };
        let Some(Ceremony { step, reason, options, code, .. }) = self.ceremony(id) else { return nothing };
        let requested = step == Step::Requested;
        let (code, skip) = code.filter(|_| step == Step::Confirm).unzip();
        Passkey {
            state: step.state(),
            passkey_pending: requested,
            public_key: requested.then(|| Value::clone(&options)),
            code,
            skip_handoff_ux: skip,
            reason: (step == Step::Failed).then_some(reason),
        }
    }

    fn ceremony(&self, id: SessionId) -> Option<Ceremony> {
        let session = self.running(id)?;
        let view = session.view.borrow();
        view.passkey.clone().filter(|_| !view.ended)
    }

    /// Returns when WhatsApp has accepted it. The phone then shows a code, and so does [`Sessions::passkey`].
    /// What WhatsApp does not accept ends the attempt.
    pub async fn answer_passkey(&self, id: SessionId, response: PasskeyResponse) -> Result<PasskeyState> {
        let session = self.linking(id)?;
        let other = match self.ceremony(id) {
            Some(ceremony) if ceremony.step == Step::Requested => {
                asked(&ceremony.options).is_some_and(|challenge| challenge != response.challenge)
            }
            _ => false,
        };
        if other {
            let field = PasskeyResponse::CLIENT_DATA;
            return Err(Error::Invalid { field, reason: format!("{field} answers another challenge than was asked") });
        }
        let assertion = Assertion {
            assertion_json: build_webauthn_assertion_json(
                &response.credential_id,
                &response.client_data,
                &response.authenticator_data,
                &response.signature,
                response.user_handle.as_deref(),
            ),
            credential_id: response.credential_id,
        };
        perform(session, Act::Response(assertion)).await?;
        Ok(PasskeyState::Answered)
    }

    /// The two codes are the same. Returns when WhatsApp has accepted that; the device is linked once the phone agrees.
    pub async fn confirm_passkey(&self, id: SessionId) -> Result<PasskeyState> {
        let session = self.linking(id)?;
        perform(session, Act::Confirmation).await?;
        Ok(PasskeyState::Confirmed)
    }

    /// The session, which is not linked yet.
    fn linking(&self, id: SessionId) -> Result<Arc<Session>> {
        let session = self.running(id).ok_or(Error::NoSession)?;
        if session.view.borrow().linked {
            return Err(Error::AlreadyLoggedIn);
        }
        Ok(session)
    }
}

enum Act {
    Response(Assertion),
    Confirmation,
}

/// To its end, even if the caller goes away: whoever asks how far it came is told the truth.
async fn perform(session: Arc<Session>, act: Act) -> Result<()> {
    let done = tokio::spawn(claim_and_do(session, act)).await;
    done.unwrap_or_else(|_| Err(Error::Internal("a passkey's task broke off".to_owned())))
}

async fn claim_and_do(session: Arc<Session>, act: Act) -> Result<()> {
    let claim = match act {
        Act::Response(_) => Claim::Response,
        Act::Confirmation => Claim::Confirmation,
    };
    let (reply, answer) = oneshot::channel();
    session.commands.send(Command::Claim(claim, reply)).await.map_err(|_| Error::NoSession)?;
    let Claimed { live, ceremony } = answer.await.unwrap_or(Err(Error::Stopping))?;
    let work = async {
        match act {
            Act::Response(assertion) => live.client.send_passkey_response(assertion).await,
            Act::Confirmation => live.client.send_passkey_confirmation().await,
        }
    };
    let done = tokio::select! {
        biased;
        done = timeout(ANSWER_MAX, work) => match done {
            Ok(done) => done.map_err(|failed| error::passkey(&failed)),
            Err(_) => Err(Error::TimedOut),
        },
        () = live.acks.ended() => Err(Error::NotConnected { reason: "the connection was lost".to_owned() }),
    };
    if let Err(error) = &done {
        // A session that takes no commands is ending, and tells so itself.
        let _ = session.commands.send(Command::PasskeyFailed { ceremony, reason: error.to_string() }).await;
    }
    done
}

pub(crate) fn has_failed(session: &Session) -> bool {
    session.view.borrow().passkey.as_ref().is_some_and(|ceremony| ceremony.step == Step::Failed)
}

/// Links it from the beginning. Returns once the session shows nothing any more of what was before.
pub(crate) async fn anew(session: &Session) -> Result<()> {
    let (reply, answer) = oneshot::channel();
    session.commands.send(Command::Anew(reply)).await.map_err(|_| Error::Stopping)?;
    answer.await.map_err(|_| Error::Stopping)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_waited_for_can_be_done() {
        use Step::*;
        assert!(matches!(Claim::Response.after(Some(Requested)), Ok(Answered)));
        assert!(matches!(Claim::Confirmation.after(Some(Confirm)), Ok(Confirmed)));
        for (claim, step) in [
            (Claim::Response, None),
            (Claim::Response, Some(Answered)),
            (Claim::Response, Some(Confirm)),
            (Claim::Response, Some(Confirmed)),
            (Claim::Response, Some(Failed)),
            (Claim::Confirmation, None),
            (Claim::Confirmation, Some(Requested)),
            (Claim::Confirmation, Some(Answered)),
            (Claim::Confirmation, Some(Confirmed)),
            (Claim::Confirmation, Some(Failed)),
        ] {
            assert!(matches!(claim.after(step), Err(Error::PasskeyNotAsked { .. })), "{claim:?} at {step:?}");
        }
    }

    #[test]
    fn each_ceremony_has_a_number_and_nothing_of_the_last() {
        let mut first = Ceremony::default().next(serde_json::json!({"challenge": "AA"}));
        first.code = Some(("ABCD-EFGH".to_owned(), false));
        let second = first.at(Step::Failed, "late").next(Value::Null);
        assert_eq!((first.number, second.number), (1, 2));
        assert_eq!((second.code, second.reason.as_str()), (None, ""));
    }
}
