//! Proof that the engine checks WhatsApp's certificate chain. A cargo feature turns the check off for the simulated
//! network, and cargo unifies features, so a build can be without it unawares.

use waproto::{
    buffa::{Message as _, MessageField},
    whatsapp::{CertChain, cert_chain::NoiseCertificate, cert_chain::noise_certificate::Details},
};
use whatsapp_rust::wacore::handshake::HandshakeUtils;

/// Proves that this build refuses a forged certificate chain; an error says that it does not.
pub fn prove_chain_is_checked() -> Result<(), String> {
    let key = [7; 32];
    match HandshakeUtils::verify_server_cert(&forged(&key), &key) {
        Err(_) => Ok(()),
        Ok(_) => Err("this build accepts a forged WhatsApp server: it was built with the sandbox's feature \
             and must not connect to WhatsApp"
            .to_owned()),
    }
}

/// All is right with it but the signatures.
fn forged(key: &[u8; 32]) -> Vec<u8> {
    let certificate = |serial, issuer_serial, key: &[u8]| {
        let details = Details {
            serial: Some(serial),
            issuer_serial: Some(issuer_serial),
            key: Some(key.to_vec()),
            not_before: Some(0),
            not_after: Some(u64::MAX >> 1),
        };
        MessageField::some(NoiseCertificate { details: Some(details.encode_to_vec()), signature: Some(vec![0; 64]) })
    };
    let chain = CertChain { intermediate: certificate(1, 0, &[9; 32]), leaf: certificate(2, 1, key) };
    chain.encode_to_vec()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_forged_chain_is_refused_unless_this_is_a_sandbox() {
        let proven = super::prove_chain_is_checked();
        assert_eq!(proven.is_ok(), cfg!(not(feature = "sandbox")));
    }
}
