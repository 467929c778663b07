/// The 32-byte key kept outside the database (`data/secret.key`): encrypts what must be shown again (session tokens,
/// webhook secrets) with AES-256-GCM, and keys the hashes that tokens are looked up by. Never prints.
#[derive(Clone)]
pub struct SecretKey {}

impl SecretKey {
    pub fn from_bytes(_bytes: [u8; 32]) -> Self {
        unreachable!()
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}
