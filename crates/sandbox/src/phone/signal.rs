//! A phone's Signal sessions: plain bytes in, sealed bytes out. Knows no network and waits for nothing.
//!
//! People and their devices are addressed by phone number here, whatever address a stanza used, so that a peer who
//! changes between number and LID keeps its session.

use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use wacore_libsignal::protocol::{
    CiphertextMessage, Direction, IdentityChange, IdentityKey, IdentityKeyPair, IdentityKeyStore, PreKeyBundle,
    PreKeyId, PreKeyRecord, PreKeySignalMessage, PreKeyStore, ProtocolAddress, SessionRecord, SessionStore,
    SignalMessage, SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore, UsePQRatchet,
    message_decrypt, message_encrypt, process_prekey_bundle,
};

use super::keys::Keys;

type Signalled<T> = Result<T, SignalProtocolError>;

/// Why a message stayed closed.
#[derive(Debug, PartialEq, Eq)]
pub enum Closed {
    /// It was opened before: answer as if it were new, show it once.
    Duplicate,
    /// The sender must seal it again with fresh keys.
    Undecryptable,
}

/// A sealed message: what goes into `<enc>`.
pub struct Sealed {
    /// `pkmsg` until the peer has answered, `msg` afterwards.
    pub kind: &'static str,
    pub bytes: Vec<u8>,
}

/// What must be written to disk before anything that depends on it leaves the phone.
pub enum Change {
    Session { address: String, record: Vec<u8> },
    PreKeyUsed(u32),
}

/// All that a phone needs to open and to seal.
pub struct Signal {
    own: Own,
    sessions: Sessions,
    pre_keys: PreKeys,
    signed: Signed,
}

impl Signal {
    pub fn new(keys: &Keys) -> Self {
        Self {
            own: Own { identity: keys.identity.clone().into(), registration: keys.registration },
            sessions: Sessions::default(),
            pre_keys: PreKeys::default(),
            signed: Signed(keys.signed.clone()),
        }
    }

    /// Puts back a session that was kept.
    pub fn restore_session(&mut self, address: String, record: Vec<u8>) {
        self.sessions.records.insert(address, record);
    }

    pub fn add_pre_key(&mut self, id: u32, record: PreKeyRecord) {
        self.pre_keys.0.insert(id, record);
    }

    /// All that is kept of it: the addresses of sessions, and the ids of pre-keys.
    pub fn kept(&self) -> (Vec<String>, Vec<u32>) {
        (self.sessions.records.keys().cloned().collect(), self.pre_keys.0.keys().copied().collect())
    }

    pub fn has_session(&self, address: &ProtocolAddress) -> bool {
        self.sessions.records.contains_key(address.as_str())
    }

    /// Starts a session from a bundle that the network handed out, or starts it again.
    pub fn install(&mut self, address: &ProtocolAddress, bundle: &PreKeyBundle) -> Signalled<()> {
        at_once(process_prekey_bundle(
            address,
            &mut self.sessions,
            &mut self.own,
            bundle,
            &mut rand::rng(),
            UsePQRatchet::No,
        ))
        .map(|_| ())
    }

    pub fn seal(&mut self, address: &ProtocolAddress, plaintext: &[u8]) -> Signalled<Sealed> {
        let sealed = at_once(message_encrypt(plaintext, address, &mut self.sessions, &mut self.own))?;
        Ok(Sealed {
            kind: if matches!(sealed, CiphertextMessage::PreKeySignalMessage(_)) { "pkmsg" } else { "msg" },
            bytes: sealed.serialize().to_vec(),
        })
    }

    /// Opens an `<enc>` of type `kind`, padding still on.
    pub fn open(&mut self, address: &ProtocolAddress, kind: &str, bytes: &[u8]) -> Result<Vec<u8>, Closed> {
        let message = match kind {
            "pkmsg" => PreKeySignalMessage::try_from(bytes).map(CiphertextMessage::PreKeySignalMessage),
            "msg" => SignalMessage::try_from(bytes).map(CiphertextMessage::SignalMessage),
            _ => return Err(Closed::Undecryptable),
        }
        .map_err(|_| Closed::Undecryptable)?;
        let opened = at_once(message_decrypt(
            &message,
            address,
            &mut self.sessions,
            &mut self.own,
            &mut self.pre_keys,
            &self.signed,
            &mut rand::rng(),
            UsePQRatchet::No,
        ))
        .map_err(|error| match error {
            SignalProtocolError::DuplicatedMessage(..) => Closed::Duplicate,
            _ => Closed::Undecryptable,
        })?;
        if let Some(id) = opened.consumed_prekey_id {
            let id = u32::from(id);
            self.pre_keys.0.remove(&id);
            self.sessions.changes.push(Change::PreKeyUsed(id));
        }
        Ok(opened.plaintext)
    }

    /// What changed since the last call, in the order in which it must be written.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.sessions.changes)
    }
}

/// Signal's stores are asynchronous for those who keep them on disk; these are in memory, so every future is ready.
fn at_once<T>(work: impl Future<Output = Signalled<T>>) -> Signalled<T> {
    work.now_or_never().expect("stores in memory answer at once")
}

/// The phone's own identity. It trusts whoever it talks to: that a contact's key changed is the network's news.
struct Own {
    identity: IdentityKeyPair,
    registration: u32,
}

#[async_trait]
impl IdentityKeyStore for Own {
    async fn get_identity_key_pair(&self) -> Signalled<IdentityKeyPair> {
        Ok(self.identity.clone())
    }
    async fn get_local_registration_id(&self) -> Signalled<u32> {
        Ok(self.registration)
    }
    async fn save_identity(&mut self, _: &ProtocolAddress, _: &IdentityKey) -> Signalled<IdentityChange> {
        Ok(IdentityChange::NewOrUnchanged)
    }
    async fn is_trusted_identity(&self, _: &ProtocolAddress, _: &IdentityKey, _: Direction) -> Signalled<bool> {
        Ok(true)
    }
    async fn get_identity(&self, _: &ProtocolAddress) -> Signalled<Option<IdentityKey>> {
        Ok(None)
    }
}

/// Sessions stay serialised: a phone has many and uses few at a time.
#[derive(Default)]
struct Sessions {
    records: HashMap<String, Vec<u8>>,
    changes: Vec<Change>,
}

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> Signalled<Option<SessionRecord>> {
        let Some(bytes) = self.records.get(address.as_str()) else { return Ok(None) };
        let mut record = SessionRecord::deserialize(bytes)?;
        // Every change is handed to the journal before a ciphertext leaves, so no counter is ever used twice.
        record.waive_counter_lease();
        Ok(Some(record))
    }
    async fn has_session(&self, address: &ProtocolAddress) -> Signalled<bool> {
        Ok(self.records.contains_key(address.as_str()))
    }
    async fn store_session(&mut self, address: &ProtocolAddress, mut record: SessionRecord) -> Signalled<()> {
        record.waive_counter_lease();
        let bytes = record.serialize()?;
        self.records.insert(address.as_str().to_owned(), bytes.clone());
        self.changes.push(Change::Session { address: address.as_str().to_owned(), record: bytes });
        Ok(())
    }
}

#[derive(Default)]
struct PreKeys(HashMap<u32, PreKeyRecord>);

#[async_trait]
impl PreKeyStore for PreKeys {
    async fn get_pre_key(&self, id: PreKeyId) -> Signalled<PreKeyRecord> {
        self.0.get(&id.into()).cloned().ok_or(SignalProtocolError::InvalidPreKeyId)
    }
    async fn save_pre_key(&mut self, id: PreKeyId, record: &PreKeyRecord) -> Signalled<()> {
        self.0.insert(id.into(), record.clone());
        Ok(())
    }
    async fn remove_pre_key(&mut self, id: PreKeyId) -> Signalled<()> {
        self.0.remove(&id.into());
        Ok(())
    }
}

struct Signed(SignedPreKeyRecord);

#[async_trait]
impl SignedPreKeyStore for Signed {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> Signalled<SignedPreKeyRecord> {
        use wacore_libsignal::protocol::GenericSignedPreKey as _;
        if self.0.id()? == id { Ok(self.0.clone()) } else { Err(SignalProtocolError::InvalidSignedPreKeyId) }
    }
    async fn save_signed_pre_key(&mut self, _: SignedPreKeyId, record: &SignedPreKeyRecord) -> Signalled<()> {
        self.0 = record.clone();
        Ok(())
    }
}
