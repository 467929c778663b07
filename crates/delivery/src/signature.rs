//! How a receiver knows that a delivery is ours: the Standard Webhooks signature, and a plain one of the body alone.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Marks a secret that is base64.
const ENCODED: &str = "whsec_";

/// Signs a body that comes in pieces.
pub(crate) struct Signer {
    standard: Hmac<Sha256>,
    plain: Hmac<Sha256>,
}

/// Both signatures with one secret.
pub(crate) struct Signed {
    standard: [u8; 32],
    plain: [u8; 32],
}

impl Signer {
    /// `timestamp`: Unix seconds, as in `webhook-timestamp`.
    pub fn new(secret: &str, id: &str, timestamp: i64) -> Self {
        // A secret that only looks encoded is taken as it stands, like any other.
        let decoded = secret.strip_prefix(ENCODED).and_then(|text| BASE64_STANDARD.decode(text).ok());
        let mut standard = hmac(decoded.as_deref().unwrap_or(secret.as_bytes()));
        standard.update(format!("{id}.{timestamp}.").as_bytes());
        Self { standard, plain: hmac(secret.as_bytes()) }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.standard.update(bytes);
        self.plain.update(bytes);
    }

    pub fn finish(self) -> Signed {
        Signed {
            standard: self.standard.finalize().into_bytes().into(),
            plain: self.plain.finalize().into_bytes().into(),
        }
    }
}

/// The value of `webhook-signature`, with a second signature while an old secret still holds.
pub(crate) fn standard_header(new: &Signed, old: Option<&Signed>) -> String {
    let each = |signed: &Signed| format!("v1,{}", BASE64_STANDARD.encode(signed.standard));
    std::iter::once(new).chain(old).map(each).collect::<Vec<_>>().join(" ")
}

/// The value of `x-hmac-signature`: of the body alone, in lower-case hexadecimal, the secret taken as it stands.
pub(crate) fn plain_header(signed: &Signed) -> String {
    signed.plain.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Signed {
        let mut signer = Signer::new(secret, id, timestamp);
        body.chunks(5).for_each(|piece| signer.update(piece));
        signer.finish()
    }

    /// The example of the Standard Webhooks libraries.
    #[test]
    fn standard_webhooks_vector() {
        let signed = signed(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(standard_header(&signed, None), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// RFC 4231, test case 2.
    #[test]
    fn plain_vector() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(plain_header(&signed("Jefe", "id", 1, b"what do ya want for nothing?")), expected);
    }

    #[test]
    fn a_secret_that_is_not_base64_is_taken_as_it_stands() {
        let mut plain = hmac(b"whsec_!");
        plain.update(b"a.1.body");
        let expected = format!("v1,{}", BASE64_STANDARD.encode(plain.finalize().into_bytes()));
        assert_eq!(standard_header(&signed("whsec_!", "a", 1, b"body"), None), expected);
    }

    #[test]
    fn both_secrets_sign_while_one_follows_the_other() {
        let (new, old) = (signed("new", "a", 1, b"body"), signed("old", "a", 1, b"body"));
        let both = standard_header(&new, Some(&old));
        assert_eq!(both, format!("{} {}", standard_header(&new, None), standard_header(&old, None)));
    }
}
