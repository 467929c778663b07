use wago_store::{KeyOp, KeyRow, Kind, SessionId, Store};

use crate::fixture::{Database, session};

crate::on_both_engines!(
    operations,
    eight_hundred_rows_in_one_write,
    prefixes_end_where_they_end,
    take_is_atomic,
    update_is_atomic,
    a_failing_write_fails_alone
);

const KIND: Kind = Kind(3);

fn row(key: &[u8], value: u8, number: i64) -> KeyRow {
    KeyRow { key: key.to_vec(), value: vec![value], number }
}

async fn read(store: &Store, session: SessionId, key: &[u8]) -> Option<(u8, i64)> {
    store.key(session, KIND, key).await.unwrap().map(|row| (row.value[0], row.number))
}

async fn operations(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let write = |ops| store.write_keys(a, ops);
    write(vec![KeyOp::Put { kind: KIND, row: row(b"k", 1, 10) }, KeyOp::Put { kind: KIND, row: row(b"k", 2, 10) }])
        .await
        .unwrap();
    assert_eq!(read(&store, a, b"k").await, Some((2, 10)), "the later write of one key wins");
    write(vec![KeyOp::PutNew { kind: KIND, row: row(b"k", 3, 99) }]).await.unwrap();
    assert_eq!(read(&store, a, b"k").await, Some((2, 10)));
    write(vec![KeyOp::PutNewer { kind: KIND, row: row(b"k", 4, 10) }]).await.unwrap();
    assert_eq!(read(&store, a, b"k").await, Some((2, 10)), "as old is not newer");
    write(vec![KeyOp::PutNewer { kind: KIND, row: row(b"k", 5, 11) }]).await.unwrap();
    assert_eq!(read(&store, a, b"k").await, Some((5, 11)));
    write(vec![
        KeyOp::SetNumber { kind: KIND, key: b"k".to_vec(), number: 7 },
        KeyOp::SetNumber { kind: KIND, key: b"missing".to_vec(), number: 7 },
    ])
    .await
    .unwrap();
    assert_eq!(read(&store, a, b"k").await, Some((5, 7)));
    assert_eq!(read(&store, a, b"missing").await, None);
    write(vec![KeyOp::DeleteBelow { kind: KIND, number: 7 }]).await.unwrap();
    assert!(read(&store, a, b"k").await.is_some());
    assert_eq!(store.delete_keys_below(a, KIND, 8).await.unwrap(), 1);
    write(vec![KeyOp::Put { kind: KIND, row: row(b"k", 1, 0) }, KeyOp::Delete { kind: KIND, key: b"k".to_vec() }])
        .await
        .unwrap();
    assert_eq!(read(&store, a, b"k").await, None);
}

async fn eight_hundred_rows_in_one_write(database: Database) {
    let store = database.open().await;
    let (a, b) = (session(&store, "a").await.id, session(&store, "b").await.id);
    let ops = (0..812u32).map(|i| KeyOp::Put { kind: KIND, row: row(&i.to_be_bytes(), i as u8, 0) }).collect();
    store.write_keys(a, ops).await.unwrap();
    assert_eq!(store.count_keys(a, KIND).await.unwrap(), 812);
    assert_eq!(store.count_keys(b, KIND).await.unwrap(), 0, "sessions do not see each other");
    let wanted: Vec<_> = [5u32, 811, 9999].iter().map(|i| i.to_be_bytes().to_vec()).collect();
    assert_eq!(store.keys(a, KIND, &wanted).await.unwrap().len(), 2);
}

async fn prefixes_end_where_they_end(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let keys: [&[u8]; 5] = [b"user.1", b"user:1", b"user", b"uses", &[0xff, 0xff]];
    store.write_keys(a, keys.iter().map(|key| KeyOp::Put { kind: KIND, row: row(key, 1, 0) }).collect()).await.unwrap();
    let found = |prefix: &'static [u8], limit| {
        let store = store.clone();
        async move {
            store
                .keys_with_prefix(a, KIND, prefix, limit)
                .await
                .unwrap()
                .into_iter()
                .map(|row| row.key)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(found(b"user", 10).await, [b"user".to_vec(), b"user.1".to_vec(), b"user:1".to_vec()]);
    assert_eq!(found(b"", 2).await.len(), 2);
    assert_eq!(found(&[0xff], 10).await.len(), 1);
    store.write_keys(a, vec![KeyOp::DeletePrefix { kind: KIND, prefix: b"user".to_vec() }]).await.unwrap();
    assert_eq!(found(b"", 10).await.len(), 2);
}

async fn take_is_atomic(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    store.write_keys(a, vec![KeyOp::Put { kind: KIND, row: row(b"k", 1, 0) }]).await.unwrap();
    let takers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.take_key(a, KIND, b"k").await.unwrap().is_some() })
    });
    let mut taken = 0;
    for taker in takers.collect::<Vec<_>>() {
        taken += usize::from(taker.await.unwrap());
    }
    assert_eq!(taken, 1);
}

async fn update_is_atomic(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    store.write_keys(a, vec![KeyOp::Put { kind: KIND, row: row(b"k", 0, 0) }]).await.unwrap();
    let updates = (0..20).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .update_key(a, KIND, b"k", |row| row.map(|row| KeyRow { number: row.number + 1, ..row }))
                .await
                .unwrap();
        })
    });
    for update in updates.collect::<Vec<_>>() {
        update.await.unwrap();
    }
    assert_eq!(read(&store, a, b"k").await, Some((0, 20)));
    store.update_key(a, KIND, b"k", |_| None).await.unwrap();
    assert_eq!(read(&store, a, b"k").await, Some((0, 20)));
}

async fn a_failing_write_fails_alone(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let writes = (0..100u32).map(|i| {
        let store = store.clone();
        tokio::spawn(async move {
            // Every tenth belongs to a session that does not exist.
            let session = if i % 10 == 0 { SessionId(999) } else { a };
            (
                i,
                store
                    .write_keys(session, vec![KeyOp::Put { kind: KIND, row: row(&i.to_be_bytes(), 1, 0) }])
                    .await
                    .is_ok(),
            )
        })
    });
    for write in writes.collect::<Vec<_>>() {
        let (i, written) = write.await.unwrap();
        assert_eq!(written, i % 10 != 0, "{i}");
    }
    assert_eq!(store.count_keys(a, KIND).await.unwrap(), 90);
}
