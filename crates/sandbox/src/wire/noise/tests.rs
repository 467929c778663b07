use wacore_libsignal::protocol::PublicKey;
use wacore_noise::{
    IkHandshakeState, IkServerHelloOutcome, XxFallbackHandshakeState, XxHandshakeOutcome, XxHandshakeState,
};

use super::*;

fn keys() -> KeyPair {
    fresh()
}

fn identity() -> Identity {
    Identity::generate(&mut StdRng::from_rng(&mut rand::rng()))
}

fn payload() -> Vec<u8> {
    wa::ClientPayload { username: Some(15_550_000_001), ..Default::default() }.encode_to_vec()
}

/// Both ends hold the same keys, and the responder knows whom it talks to.
fn agree(secured: &Secured, client: &KeyPair, write: &NoiseCipher, read: &NoiseCipher) {
    assert_eq!(secured.client, public(client));
    assert_eq!(secured.payload.username, Some(15_550_000_001));
    for (from, to) in [(write, &secured.read), (&secured.write, read)] {
        let mut sealed = from.encrypt_with_counter(0, b"stanza").unwrap();
        to.decrypt_in_place_with_counter(0, &mut sealed).unwrap();
        assert_eq!(sealed, b"stanza");
    }
}

fn finish(answer: Answer, step: impl FnOnce(&[u8]) -> (Vec<u8>, XxHandshakeOutcome)) -> (Secured, XxHandshakeOutcome) {
    let Answer::Finish { reply, pending } = answer else { panic!("XX takes another message") };
    let (client_finish, outcome) = step(&reply);
    (pending.finish(&client_finish).unwrap(), outcome)
}

#[test]
fn a_client_that_knows_nothing_comes_by_xx() {
    let (identity, client) = (identity(), keys());
    let mut initiator = XxHandshakeState::new(client.clone(), payload(), &WA_CONN_HEADER).unwrap();
    let answer = answer_hello(&identity, &initiator.build_client_hello().unwrap()).unwrap();
    let (secured, outcome) = finish(answer, |reply| {
        let finish = initiator.read_server_hello_and_build_client_finish(reply).unwrap();
        (finish, initiator.finish().unwrap())
    });
    agree(&secured, &client, &outcome.write_cipher, &outcome.read_cipher);
}

#[test]
fn a_client_that_knows_the_key_comes_by_ik() {
    let (identity, client) = (identity(), keys());
    let mut initiator =
        IkHandshakeState::new(client.clone(), identity.public_key(), payload(), &WA_CONN_HEADER).unwrap();
    let Answer::Done { reply, secured } = answer_hello(&identity, &initiator.build_client_hello().unwrap()).unwrap()
    else {
        panic!("IK is one message each")
    };
    let IkServerHelloOutcome::Continue(outcome) = initiator.read_server_hello(&reply).unwrap() else {
        panic!("the key is the right one")
    };
    agree(&secured, &client, &outcome.write_cipher, &outcome.read_cipher);
}

#[test]
fn a_client_that_knows_another_key_falls_back_to_xx() {
    let (identity, client) = (identity(), keys());
    let old = public(&keys());
    let mut initiator = IkHandshakeState::new(client.clone(), old, payload(), &WA_CONN_HEADER).unwrap();
    let answer = answer_hello(&identity, &initiator.build_client_hello().unwrap()).unwrap();
    let (secured, outcome) = finish(answer, |reply| {
        let IkServerHelloOutcome::Fallback(inputs) = initiator.read_server_hello(reply).unwrap() else {
            panic!("the key is another one")
        };
        let mut fallback = XxFallbackHandshakeState::from_ik_failure(*inputs, &WA_CONN_HEADER).unwrap();
        let finish = fallback.build_client_finish().unwrap();
        (finish, fallback.finish().unwrap())
    });
    agree(&secured, &client, &outcome.write_cipher, &outcome.read_cipher);
}

#[test]
fn the_chain_leads_from_the_root_to_the_responders_key() {
    let identity = identity();
    let again = Identity::from_secret(&identity.secret()).unwrap();
    assert_eq!(again.root_public_key(), identity.root_public_key());
    let chain = wa::CertChain::decode_from_slice(again.chain()).unwrap();
    let mut issuer = identity.root_public_key().to_vec();
    for certificate in [chain.intermediate, chain.leaf] {
        let certificate = certificate.into_option().unwrap();
        let details = certificate.details.unwrap();
        let key = PublicKey::from_djb_public_key_bytes(&issuer).unwrap();
        assert!(key.verify_signature(&details, &certificate.signature.unwrap()));
        issuer = wa::cert_chain::noise_certificate::Details::decode_from_slice(&details).unwrap().key.unwrap();
    }
    assert_eq!(issuer, identity.public_key());
}

#[test]
fn damaged_messages_are_refused() {
    let identity = identity();
    let mut initiator = XxHandshakeState::new(keys(), payload(), &WA_CONN_HEADER).unwrap();
    for hello in [b"".as_slice(), b"hello", &[0xff; 200]] {
        assert!(answer_hello(&identity, hello).is_err());
    }
    let Answer::Finish { reply, pending } = answer_hello(&identity, &initiator.build_client_hello().unwrap()).unwrap()
    else {
        panic!("XX takes another message")
    };
    let mut finish = initiator.read_server_hello_and_build_client_finish(&reply).unwrap();
    *finish.last_mut().unwrap() ^= 1;
    assert!(pending.finish(&finish).is_err());
}
