use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wacore_binary::Jid;

/// A phone number in its digits. WhatsApp's are 5 to 15 digits and never begin with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(u64);

impl Number {
    /// Digits, with a leading `+`, spaces, dashes, dots and parentheses forgiven.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits = String::new();
        for (at, character) in text.trim().chars().enumerate() {
            match character {
                '0'..='9' => digits.push(character),
                '+' if at == 0 => {}
                ' ' | '-' | '.' | '(' | ')' => {}
                _ => return None,
            }
        }
        (5..=15).contains(&digits.len()).then_some(())?;
        (!digits.starts_with('0')).then_some(())?;
        digits.parse().ok().map(Self)
    }

    pub(crate) fn key(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    pub(crate) fn from_key(key: &[u8]) -> Option<Self> {
        Some(Self(u64::from_be_bytes(key.try_into().ok()?)))
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A WhatsApp account: a phone number, its LID, and the key that speaks for its devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub number: Number,
    /// The user part of the LID, the name that does not give the number away.
    pub lid: u64,
    pub name: String,
    /// Signs the identities of linked devices; the phone has the private half.
    pub key: [u8; 32],
    /// The signed list of valid key indexes, as the phone last published it.
    pub key_indexes: Vec<u8>,
    /// Ids and key indexes are never given twice.
    pub next_device: u16,
    pub about: String,
    /// When it was written: unix seconds.
    #[serde(default)]
    pub about_at: u64,
    pub blocked: BTreeSet<Number>,
    /// Privacy categories that differ from their defaults.
    pub privacy: BTreeMap<String, String>,
    /// Contacts that a category leaves out.
    #[serde(default)]
    pub excepted: BTreeMap<String, BTreeSet<Number>>,
    /// The phone's address book: numbers, which need not be on the network, and what they are called there.
    #[serde(default)]
    pub contacts: BTreeMap<Number, String>,
    #[serde(default)]
    pub disappearing: Disappearing,
}

/// How long messages stay in chats that the account begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disappearing {
    /// 0: for ever.
    pub seconds: u32,
    /// Unix seconds.
    pub set_at: u64,
}

impl Account {
    pub fn jid(&self) -> Jid {
        Jid::pn(self.number.to_string())
    }

    pub fn lid_jid(&self) -> Jid {
        Jid::lid(self.lid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_forgiving_about_their_dress() {
        for text in ["4915200000001", "+49 152 0000-0001", " (49) 152.00000001 "] {
            assert_eq!(
                Number::parse(text).map(|number| number.to_string()).as_deref(),
                Some("4915200000001"),
                "{text}"
            );
        }
        for text in ["", "1234", "1234567890123456", "0123456", "12a45", "12+345", "4915200000001@s.whatsapp.net"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}
