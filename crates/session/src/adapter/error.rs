//! The engine's errors, as what a caller can act on.

use whatsapp_rust::{
    ErrorChainExt, SendError,
    pair_code::{PairCodeError, PairError},
    passkey::PasskeyError,
};

use crate::Error;

pub fn send(error: SendError) -> Error {
    match &error {
        SendError::NotLoggedIn => Error::NotLoggedIn,
        SendError::InvalidRequest(_) => Error::Invalid {
            field: "Phone",
            reason: "WhatsApp has no such recipient for this kind of message".to_owned(),
        },
        _ => any(&error),
    }
}

pub fn pair(error: PairError) -> Error {
    match &error {
        PairError::PairCode(
            PairCodeError::PhoneNumberRequired
            | PairCodeError::PhoneNumberTooShort
            | PairCodeError::PhoneNumberNotInternational,
        ) => {
            Error::Invalid { field: "Phone", reason: "Phone should be a phone number with its country code".to_owned() }
        }
        _ => any(&error),
    }
}

/// The engine tells what went wrong with a passkey in words alone.
pub fn passkey(failed: &PasskeyError) -> Error {
    let PasskeyError::Flow(words) = failed else {
        return Error::Internal("the protocol engine did not take the passkey".to_owned());
    };
    if let Some(refused) = refusal(words) {
        return refused;
    }
    if words.ends_with("IQ request timed out") {
        return Error::TimedOut;
    }
    let lost = ["client is not connected", "socket error", "client state prevented send", "received disconnect node"];
    if lost.iter().any(|lost| words.contains(lost)) {
        return Error::NotConnected { reason: "the connection was lost".to_owned() };
    }
    Error::Internal("the protocol engine did not take the passkey".to_owned())
}

/// Out of `…: code=401, text='not-authorized'`.
fn refusal(words: &str) -> Option<Error> {
    let (_, told) = words.rsplit_once("code=")?;
    let (code, text) = told.split_once(", text='")?;
    Some(Error::Rejected { code: code.parse().ok()?, text: text.strip_suffix('\'')?.to_owned() })
}

/// The engine's texts may name people, so none of them is passed on.
pub fn any(error: &(impl ErrorChainExt + ?Sized)) -> Error {
    if let Some(refused) = error.server_rejection() {
        return Error::Rejected { code: refused.code, text: refused.text.to_owned() };
    }
    if error.is_timeout() {
        return Error::TimedOut;
    }
    if error.is_transport_unavailable() {
        return Error::NotConnected { reason: "the connection was lost".to_owned() };
    }
    if error.store_failure().is_some() {
        return Error::Internal("the session's keys could not be stored".to_owned());
    }
    Error::Internal("the protocol engine failed".to_owned())
}

/// Of what the engine tells without a type.
pub fn untyped(error: &whatsapp_rust::anyhow::Error) -> Error {
    let error: &(dyn std::error::Error + Send + Sync + 'static) = error.as_ref();
    any(error)
}

/// What went wrong on the way to or from the media hosts.
pub fn media(failed: &whatsapp_rust::anyhow::Error) -> Error {
    let failed: &(dyn std::error::Error + Send + Sync + 'static) = failed.as_ref();
    match failed.http_status() {
        Some(404 | 410) => Error::FileGone,
        Some(status) => Error::Rejected { code: status, text: "the media host did not take the request".to_owned() },
        None => any(failed),
    }
}

/// Why a file could not be had. What neither the hosts nor the network brought about lies in the file or its key.
pub fn download(failed: &whatsapp_rust::anyhow::Error) -> Error {
    let of_network = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<reqwest::Error>() || cause.is::<std::io::Error>() || cause.is::<tokio::time::error::Elapsed>()
    };
    match media(failed) {
        Error::Internal(_) if failed.chain().any(of_network) => {
            Error::NotConnected { reason: "no media host of WhatsApp gave the file".to_owned() }
        }
        Error::Internal(_) => Error::Sealed,
        // So does a host say that an address has run out.
        Error::Rejected { code: 401 | 403, .. } => Error::FileGone,
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_with_a_passkey() {
        let told = |words: &str| passkey(&PasskeyError::Flow(words.to_owned())).to_string();
        let refused = "passkey_prologue iq failed: passkey linking flow error: received a server error response: \
                       code=401, text='not-authorized'";
        assert_eq!(told(refused), "WhatsApp refused: not-authorized (code 401)");
        assert_eq!(told("companion_nonce iq failed: IQ request timed out"), "WhatsApp did not answer in time");
        assert_eq!(
            told("ref iq failed: client is not connected"),
            "not connected to WhatsApp: the connection was lost"
        );
        for other in ["", "code=", "code=x, text='y'", "code=1, text='y", "a passkey link is already in progress"] {
            assert_eq!(told(other), "the protocol engine did not take the passkey");
        }
    }
}
