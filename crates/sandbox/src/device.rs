use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, Server};

use crate::account::{Account, Number};

/// A device of an account; 0 is the phone itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId {
    pub number: Number,
    pub device: u16,
}

impl DeviceId {
    pub fn phone(number: Number) -> Self {
        Self { number, device: 0 }
    }

    pub fn is_phone(self) -> bool {
        self.device == 0
    }

    pub(crate) fn key(self) -> Vec<u8> {
        [self.number.key().as_slice(), &self.device.to_be_bytes()].concat()
    }

    pub(crate) fn from_key(key: &[u8]) -> Option<Self> {
        let (number, rest) = key.split_first_chunk::<8>()?;
        let (device, _) = rest.split_first_chunk::<2>()?;
        let number = Number::from_key(number)?;
        Some(Self { number, device: u16::from_be_bytes(*device) })
    }

    /// By phone number.
    pub fn jid(self) -> Jid {
        Jid::pn_device(self.number.to_string(), self.device)
    }

    /// By LID.
    pub fn lid_jid(self, account: &Account) -> Jid {
        Jid::lid_device(account.lid.to_string(), self.device)
    }

    /// In the same terms as `like`.
    pub fn jid_like(self, account: &Account, like: &Jid) -> Jid {
        if like.server == Server::Lid { self.lid_jid(account) } else { self.jid() }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SignedPreKey {
    pub id: u32,
    pub key: [u8; 32],
    pub signature: Vec<u8>,
}

/// What the network knows of a device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    /// The Noise key that it logs in with; none for a phone, which has no socket.
    pub noise: Option<[u8; 32]>,
    pub identity: [u8; 32],
    pub registration: u32,
    pub signed_pre_key: SignedPreKey,
    /// The ADV identity with the signatures of account and device; empty for a phone.
    pub identity_proof: Vec<u8>,
    pub key_index: u32,
    /// What it calls itself, e.g. `Chrome (Linux)`.
    pub platform: String,
    /// It takes the first part of a history within a message, if that is small.
    #[serde(default)]
    pub inline_history: bool,
    /// Unix seconds.
    pub linked_at: u64,
    /// One-time pre-keys, each handed out once; kept in rows of their own.
    #[serde(skip)]
    pub pre_keys: VecDeque<PreKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PreKey {
    pub id: u32,
    pub key: [u8; 32],
}

/// Key ids travel as three bytes.
pub(crate) fn id_bytes(id: u32) -> [u8; 3] {
    let [_, a, b, c] = id.to_be_bytes();
    [a, b, c]
}

pub(crate) fn id_from(bytes: &[u8]) -> Option<u32> {
    let [a, b, c] = bytes.try_into().ok()?;
    Some(u32::from_be_bytes([0, a, b, c]))
}
