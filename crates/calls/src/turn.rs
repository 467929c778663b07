//! The servers that a page is told of: STUN, by which its browser learns its address, and TURN, which passes sound on
//! where no direct way leads.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha1::Sha1;

/// As configured.
#[derive(Clone, Default)]
pub struct IceServers {
    /// URLs such as `stun:stun.example.org:3478`.
    pub stun: Vec<String>,
    pub turn: Option<Turn>,
}

/// A TURN server, at one or more URLs.
#[derive(Clone)]
pub struct Turn {
    /// Such as `turn:turn.example.org:3478?transport=udp` and `turns:turn.example.org:5349`.
    pub urls: Vec<String>,
    pub access: Access,
}

/// How a page may use a TURN server.
#[derive(Clone)]
pub enum Access {
    /// With an account of the server.
    Account { username: String, password: SecretString },
    /// With a name that expires, signed with a secret that the server knows too: `use-auth-secret` and
    /// `static-auth-secret` of coturn.
    Timed { secret: SecretString, lifetime: Duration },
}

/// One entry of a page's `RTCConfiguration.iceServers`. It is made to be shown to a page, and to nobody else.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl IceServers {
    /// What a page is to use. `name` says in the TURN server's log who it is.
    pub fn list(&self, name: &str, now: SystemTime) -> Vec<IceServer> {
        let stun =
            (!self.stun.is_empty()).then(|| IceServer { urls: self.stun.clone(), username: None, credential: None });
        let turn = self.turn.as_ref().map(|turn| {
            let (username, credential) = turn.access.credentials(name, now);
            IceServer { urls: turn.urls.clone(), username: Some(username), credential: Some(credential) }
        });
        stun.into_iter().chain(turn).collect()
    }
}

impl Access {
    /// Username and password.
    fn credentials(&self, name: &str, now: SystemTime) -> (String, String) {
        match self {
            Self::Account { username, password } => (username.clone(), password.expose_secret().to_owned()),
            Self::Timed { secret, lifetime } => {
                let expiry = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(*lifetime).as_secs();
                let username = format!("{expiry}:{name}");
                let credential = BASE64_STANDARD.encode(sign(secret, &username));
                (username, credential)
            }
        }
    }
}

fn sign(secret: &SecretString, username: &str) -> impl AsRef<[u8]> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose_secret().as_bytes()).expect("any length is a key");
    mac.update(username.as_bytes());
    mac.finalize().into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_name_that_expires_is_signed_as_the_server_does() {
        let turn = Turn {
            urls: vec!["turn:turn.example.org:3478".into()],
            access: Access::Timed { secret: "north".into(), lifetime: Duration::from_secs(3_600) },
        };
        let servers = IceServers { stun: vec!["stun:stun.example.org".into()], turn: Some(turn) };
        let expected = json!([
            { "urls": ["stun:stun.example.org"] },
            {
                "urls": ["turn:turn.example.org:3478"],
                "username": "1700003600:wago",
                "credential": "qlssEnT2u3ZQ56QQxe1n5RpsEBo=",
            },
        ]);
        assert_eq!(serde_json::to_value(servers.list("wago", at(1_700_000_000))).unwrap(), expected);
    }

    #[test]
    fn an_account_is_shown_as_it_is() {
        let access = Access::Account { username: "me".into(), password: "west".into() };
        let turn = Turn { urls: vec!["turn:192.0.2.1".into(), "turns:192.0.2.1".into()], access };
        let servers = IceServers { stun: Vec::new(), turn: Some(turn) };
        let expected = json!([
            { "urls": ["turn:192.0.2.1", "turns:192.0.2.1"], "username": "me", "credential": "west" },
        ]);
        assert_eq!(serde_json::to_value(servers.list("wago", at(0))).unwrap(), expected);
    }

    #[test]
    fn without_servers_the_list_is_empty() {
        assert!(IceServers::default().list("wago", at(0)).is_empty());
    }
}
