//! `/session/*`.

use serde::Serialize;

pub mod passkey;

use crate::{
    payload::{Fields, Invalid, PHONE, Payload, Result},
    subscription,
};

/// Characters in a session's name and in its `Os` label.
const NAME_MAX: usize = 100;
/// Characters in a token, once its spaces are gone.
pub const TOKEN_MAX: usize = 256;
/// Characters in a recipient or phone number as written.
pub(crate) const PHONE_MAX: usize = 128;

/// `POST /session/init`
pub struct Init {
    pub name: String,
    /// Without its spaces.
    pub token: String,
    pub os: String,
}

impl Payload for Init {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { name: label(&mut fields, "Name")?, token: token(&mut fields)?, os: label(&mut fields, "Os")? })
    }
}

/// A text that people see: not blank, and no control characters, which would break log lines and terminals.
fn label(fields: &mut Fields, name: &'static str) -> Result<String> {
    let text = fields.required(name)?.text(NAME_MAX)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(fields.missing(name));
    }
    if text.contains(char::is_control) {
        return Err(Invalid::field(name, "free of control characters"));
    }
    Ok(text.to_owned())
}

fn token(fields: &mut Fields) -> Result<String> {
    // Its spaces do not count, so it is measured without them; the body's limit bounds it until then.
    let token = without_spaces(&fields.required("Token")?.text(usize::MAX)?);
    if token.is_empty() {
        return Err(fields.missing("Token"));
    }
    if token.len() > TOKEN_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Invalid::field("Token", format!("1 to {TOKEN_MAX} printable ASCII characters")));
    }
    Ok(token)
}

/// A token as it is stored and compared.
pub fn without_spaces(token: &str) -> String {
    token.split_whitespace().collect()
}

/// The reply to `POST /session/init` and `POST /session/rotate`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    pub details: &'static str,
    pub name: String,
    pub token: String,
    pub os_name: String,
}

/// `POST /session/connect`
pub struct Connect {
    /// `None` keeps what is stored.
    pub subscribe: Option<Vec<String>>,
    /// Answer without waiting for WhatsApp.
    pub immediate: bool,
    /// Asks for a pair code too.
    pub phone: Option<String>,
}

impl Payload for Connect {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self {
            subscribe: subscription::read(&mut fields, "Subscribe".into())?,
            immediate: fields.flag("Immediate")?,
            phone: fields.text(PHONE, PHONE_MAX)?,
        })
    }
}

/// The reply to `POST /session/connect`.
#[derive(Serialize)]
pub struct Connected {
    pub details: &'static str,
    /// With commas between them.
    pub events: String,
    /// Empty until the session is linked.
    pub jid: String,
    /// Empty if there is none.
    pub webhook: String,
    #[serde(rename = "LinkingCode", skip_serializing_if = "Option::is_none")]
    pub linking_code: Option<String>,
}

/// `POST /session/pair`
pub struct Pair {
    pub phone: String,
    pub subscribe: Option<Vec<String>>,
}

impl Payload for Pair {
    fn read(mut fields: Fields) -> Result<Self> {
        // A pair code needs the socket, so it is waited for whatever `Immediate` says; only its type is checked.
        fields.flag("Immediate")?;
        Ok(Self {
            phone: fields.required(PHONE)?.text(PHONE_MAX)?,
            subscribe: subscription::read(&mut fields, "Subscribe".into())?,
        })
    }
}

/// The reply to `POST /session/pair`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Paired {
    /// `ABCD-EFGH`
    pub linking_code: String,
}

/// The reply to `GET /session/qr`.
#[derive(Serialize)]
pub struct Qr {
    /// `data:image/png;base64,…`
    #[serde(rename = "QRCode")]
    pub picture: String,
    /// The text in the picture.
    #[serde(rename = "Code")]
    pub code: String,
    /// Seconds for which WhatsApp accepts it.
    #[serde(rename = "ExpiresIn")]
    pub expires_in: u64,
}

/// The reply to `GET /session/status`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Status {
    /// The socket to WhatsApp is open and answers.
    pub connected: bool,
    pub logged_in: bool,
    pub jid: Identity,
    pub lid: Identity,
    /// With commas between them.
    pub events: String,
    pub name: String,
    pub health: Health,
}

/// A WhatsApp identity without its device; empty texts when the session is not linked.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Identity {
    pub user: String,
    pub server: String,
}

impl Identity {
    /// From `user@server`, `user:device@server` or `user.agent:device@server`.
    pub fn of_jid(jid: &str) -> Self {
        let Some((user, server)) = jid.split_once('@') else {
            return Self::default();
        };
        let user = user.split([':', '.']).next().unwrap_or_default();
        Self { user: user.to_owned(), server: server.to_owned() }
    }
}

/// One item of `GET /session/all` and `POST /session/scanned`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    pub name: String,
    pub token: String,
    pub os_name: String,
    pub webhook: String,
    /// With commas between them.
    pub events: String,
    pub jid: String,
    pub connected: bool,
    pub logged_in: bool,
    /// Unix seconds.
    pub created_at: i64,
}

/// `POST /session/rotate`
pub struct Rotate {
    /// Without its spaces.
    pub token: String,
}

impl Payload for Rotate {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { token: token(&mut fields)? })
    }
}

/// The reply of `POST /session/disconnect` and `/session/logout`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Done {
    pub details: &'static str,
}

/// The reply of `POST /session/delete`.
#[derive(Serialize)]
pub struct Deleted {
    pub details: &'static str,
}

/// What is wrong with a session, since when, and what happens next. Truthful before polite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// `ok`, `starting`, `waiting_for_scan`, `waiting_for_passkey`, `reconnecting`, `unreachable`, `stopped`, `logged_out`, `banned`, `outdated`, `replaced`, `failed`.
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
    WaitingForPasskey,
    Reconnecting,
    Unreachable,
    Stopped,
    LoggedOut,
    Banned,
    Outdated,
    Replaced,
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_leaves_the_device_out() {
        let identity = |user: &str, server: &str| Identity { user: user.into(), server: server.into() };
        for (jid, expected) in [
            ("15550001@s.whatsapp.net", identity("15550001", "s.whatsapp.net")),
            ("15550001:7@s.whatsapp.net", identity("15550001", "s.whatsapp.net")),
            ("15550001.0:7@lid", identity("15550001", "lid")),
            ("", Identity::default()),
        ] {
            assert_eq!(Identity::of_jid(jid), expected, "{jid}");
        }
    }
}
