use wago_delivery::Options;

use crate::{
    fixture::{Fixture, NEVER, options},
    receiver::{PATIENCE, Receiver},
};

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (fixture, mut receiver, mut target) = (Fixture::new().await, Receiver::start().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "chat", &["a"]).await;
    let running = fixture.start(options(&[NEVER]));
    receiver.request().await.answer_with(307, &format!("Location: {}\r\n", target.url()));
    running.stop().await;
    assert!(target.is_idle());
    assert_eq!(fixture.attempts(session).await[0], 1);
}

/// One webhook names a private address, the other a name that leads to one: both fail without a connection.
#[tokio::test]
async fn a_private_address_is_refused_at_delivery() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let literal = fixture.session("literal", &receiver.url()).await;
    let name = fixture.session("name", &format!("http://localhost:{}/", receiver.port)).await;
    fixture.record(literal, "chat", &["a"]).await;
    fixture.record(name, "chat", &["b"]).await;
    let mut once = options(&[]);
    once.allow_private = Options::default().allow_private;
    let running = fixture.start(once);
    let dead = async {
        while fixture.pending().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, dead).await.expect("both are given up");
    running.stop().await;
    assert!(receiver.is_idle());
}
