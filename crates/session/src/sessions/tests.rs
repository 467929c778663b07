use secrecy::SecretString;
use tempfile::TempDir;
use wago_contract::send::{Content, Envelope, text::Text};
use wago_store::{NewSession, SecretKey};

use super::*;
use crate::Network;

async fn gateway() -> (Sessions, Store, SessionId, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", data.path().join("wago.db").display());
    let store = Store::open(&url, SecretKey::from_bytes([7; 32])).await.unwrap();
    let new = NewSession { name: "one".into(), token: SecretString::from("one"), os_name: "linux".into() };
    let row = store.create_session(new, 5_000).await.unwrap();
    let options = Options {
        network: Network::WhatsApp,
        dialling_max: 1,
        qr_shown: None,
        files: None,
        keep: Default::default(),
        audio: wago_calls::AudioFolder::new("."),
        proxies: |_| true,
    };
    let sessions = Sessions::new(store.clone(), options);
    (sessions, store, row.id, data)
}

#[tokio::test]
async fn a_session_that_does_not_run_says_so() {
    let (sessions, store, id, _data) = gateway().await;
    let status = sessions.status(id).await.unwrap();
    assert!(!status.connected && !status.logged_in);
    assert_eq!(status.health.state, HealthState::Stopped);
    assert_eq!(status.health.since, 5);
    let send = sessions
        .send(
            id,
            Envelope::default(),
            Content::Text(Text { body: String::new(), preview: None, look_up: false }),
            Vec::new(),
        )
        .await;
    assert!(matches!(send, Err(Error::NoSession)));
    assert!(matches!(sessions.logout(id).await, Err(Error::NoSession)));
    assert!(matches!(sessions.disconnect(id).await, Err(Error::NoSession)));
    store.set_identity(id, Some("1:2@s.whatsapp.net"), None).await.unwrap();
    assert!(matches!(sessions.qr(id).await, Err(Error::AlreadyLoggedIn)));
    assert!(sessions.status(id).await.unwrap().logged_in);
    let pair = sessions.pair(id, "bob").await;
    assert!(matches!(pair, Err(Error::Invalid { field: "Phone", .. })));
}

#[tokio::test]
async fn a_deleted_session_is_gone() {
    let (sessions, store, id, _data) = gateway().await;
    sessions.delete(id).await.unwrap();
    assert!(store.session(id).await.unwrap().is_none());
    for gone in
        [sessions.delete(id).await, sessions.status(id).await.map(|_| ()), sessions.connect(id, None).await.map(|_| ())]
    {
        assert!(matches!(gone, Err(Error::NoSession)));
    }
}

#[tokio::test]
async fn after_the_shutdown_nothing_starts() {
    let (sessions, _store, id, _data) = gateway().await;
    assert_eq!(sessions.restore().await.unwrap(), 0);
    sessions.shutdown().await;
    let connect = sessions.connect(id, None).await;
    assert!(matches!(connect, Err(Error::Stopping)));
}
