//! How a receiver knows that a delivery is ours: the Standard Webhooks signature, and a plain one of the body alone.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Marks a secret that is base64.
const ENCODED: &str = "whsec_";

/// The value of `webhook-signature`. `timestamp`: Unix seconds, as in `webhook-timestamp`.
pub(crate) fn standard(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> String {
    // A secret that only looks encoded is taken as it stands, like any other.
    let decoded = secret.strip_prefix(ENCODED).and_then(|text| BASE64_STANDARD.decode(text).ok());
    let key = decoded.as_deref().unwrap_or(secret.as_bytes());
    let head = format!("{id}.{timestamp}.");
    format!("v1,{}", BASE64_STANDARD.encode(hmac(key, &[head.as_bytes(), body])))
}

/// The value of `x-hmac-signature`: of the body, in lower-case hexadecimal, the secret taken as it stands.
pub(crate) fn plain(secret: &str, body: &[u8]) -> String {
    hmac(secret.as_bytes(), &[body]).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks libraries.
    #[test]
    fn standard_webhooks_vector() {
        let signature = standard(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// RFC 4231, test case 2.
    #[test]
    fn plain_vector() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(plain("Jefe", b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn a_secret_that_is_not_base64_is_taken_as_it_stands() {
        assert_eq!(
            standard("whsec_!", "a", 1, b""),
            format!("v1,{}", BASE64_STANDARD.encode(hmac(b"whsec_!", &[b"a.1."])))
        );
    }
}
