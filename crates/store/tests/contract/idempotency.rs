use wago_store::{Claim, StoredReply};

use crate::fixture::{Database, session};

crate::on_both_engines!(the_first_answer_is_kept, claims_end);

const DAY_MS: i64 = 24 * 3600 * 1000;

async fn the_first_answer_is_kept(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let b = session(&store, "b").await.id;
    let claim = |session, body| store.claim_idempotency(session, "key", [body; 32], 0, 1_000);
    assert!(matches!(claim(a, 1).await.unwrap(), Claim::Mine));
    assert!(matches!(claim(a, 1).await.unwrap(), Claim::InProgress));
    assert!(matches!(claim(a, 2).await.unwrap(), Claim::Mismatch));
    assert!(matches!(claim(b, 2).await.unwrap(), Claim::Mine), "keys belong to a session");
    store.finish_idempotency(a, "key", StoredReply { status: 200, body: b"{}".to_vec() }).await.unwrap();
    let Claim::Answered(reply) = claim(a, 1).await.unwrap() else { panic!("no answer") };
    assert_eq!((reply.status, reply.body.as_slice()), (200, b"{}".as_slice()));
    store.release_idempotency(a, "key").await.unwrap();
    assert!(matches!(claim(a, 1).await.unwrap(), Claim::Answered(_)), "an answer is not given back");
}

async fn claims_end(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let claim = |now| store.claim_idempotency(a, "key", [1; 32], 0, now);
    claim(0).await.unwrap();
    store.release_idempotency(a, "key").await.unwrap();
    assert!(matches!(claim(0).await.unwrap(), Claim::Mine), "released");
    assert!(matches!(claim(60_000).await.unwrap(), Claim::InProgress));
    assert!(matches!(claim(200_000).await.unwrap(), Claim::Mine), "longer than any request takes");
    let after_a_crash = store.claim_idempotency(a, "key", [1; 32], 200_001, 200_002);
    assert!(matches!(after_a_crash.await.unwrap(), Claim::Mine), "left by a process that died");
    store.finish_idempotency(a, "key", StoredReply { status: 200, body: vec![] }).await.unwrap();
    assert!(matches!(claim(DAY_MS).await.unwrap(), Claim::Answered(_)));
    assert!(matches!(claim(200_003 + DAY_MS).await.unwrap(), Claim::Mine));
}
