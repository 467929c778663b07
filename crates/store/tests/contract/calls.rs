use wago_store::{Recording, SessionId};

use crate::fixture::{Database, session};

crate::on_both_engines!(settings_for_calls_are_the_sessions, recordings_begin_end_and_go, whose_file_waits_is_found);

pub fn recording(session: SessionId, id: &str, started_at: i64) -> Recording {
    Recording {
        id: id.to_owned(),
        session,
        call_id: format!("call-of-{id}"),
        peer: "15550000002@s.whatsapp.net".to_owned(),
        what: "mixed".to_owned(),
        format: "ogg".to_owned(),
        started_at,
        ended_at: None,
        duration_ms: 0,
        bytes: 0,
        place: None,
    }
}

fn ids(recordings: Vec<Recording>) -> Vec<String> {
    recordings.into_iter().map(|recording| recording.id).collect()
}

async fn settings_for_calls_are_the_sessions(database: Database) {
    let store = database.open().await;
    let (a, b) = (session(&store, "a").await.id, session(&store, "b").await.id);
    assert_eq!(store.call_settings(a).await.unwrap(), None);
    store.set_call_settings(a, Some("{}")).await.unwrap();
    assert_eq!(store.call_settings(a).await.unwrap().as_deref(), Some("{}"));
    assert_eq!(store.call_settings(b).await.unwrap(), None);
    store.set_call_settings(a, None).await.unwrap();
    assert_eq!(store.call_settings(a).await.unwrap(), None);
    assert_eq!(store.call_settings(SessionId(9_999)).await.unwrap(), None);
}

async fn recordings_begin_end_and_go(database: Database) {
    let store = database.open().await;
    let (a, b) = (session(&store, "a").await.id, session(&store, "b").await.id);
    for (id, at) in [("1", 1_000), ("2", 2_000), ("3", 3_000)] {
        store.begin_recording(&recording(a, id, at)).await.unwrap();
    }
    assert_eq!(store.recording(a, "1").await.unwrap(), Some(recording(a, "1", 1_000)));
    assert_eq!(store.recording(b, "1").await.unwrap(), None, "it is another's");
    assert_eq!(ids(store.recordings(a, None, 10, 0).await.unwrap()), ["3", "2", "1"]);
    assert_eq!(ids(store.recordings(a, None, 1, 1).await.unwrap()), ["2"]);
    assert_eq!(ids(store.recordings(a, Some("call-of-1"), 10, 0).await.unwrap()), ["1"]);
    assert!(store.recordings(b, None, 10, 0).await.unwrap().is_empty());
    store.end_recording("1", 5_000, 4_000, 12_345).await.unwrap();
    let ended = Recording { ended_at: Some(5_000), duration_ms: 4_000, bytes: 12_345, ..recording(a, "1", 1_000) };
    assert_eq!(store.recording(a, "1").await.unwrap(), Some(ended.clone()));
    store.shelve_recording("1", "1/recordings/1").await.unwrap();
    let shelved = Recording { place: Some("1/recordings/1".to_owned()), ..ended };
    assert_eq!(store.recording(a, "1").await.unwrap(), Some(shelved));
    assert!(!store.delete_recording(b, "1").await.unwrap());
    assert!(store.delete_recording(a, "1").await.unwrap());
    assert!(!store.delete_recording(a, "1").await.unwrap());
    assert_eq!(store.recording(a, "1").await.unwrap(), None);
}

async fn whose_file_waits_is_found(database: Database) {
    let store = database.open().await;
    let (a, gone) = (session(&store, "a").await.id, session(&store, "gone").await.id);
    for (session, id, at) in [(a, "cut", 1_000), (a, "whole", 2_000), (gone, "orphan", 3_000), (a, "new", 4_000)] {
        store.begin_recording(&recording(session, id, at)).await.unwrap();
    }
    store.end_recording("whole", 2_500, 500, 1).await.unwrap();
    assert_eq!(ids(store.unfinished_recordings(4_000).await.unwrap()), ["cut", "orphan"]);
    assert_eq!(ids(store.unshelved_recordings(9_000).await.unwrap()), ["whole"]);
    store.shelve_recording("whole", "x").await.unwrap();
    assert!(store.unshelved_recordings(9_000).await.unwrap().is_empty());
    assert_eq!(ids(store.old_recordings(2_000).await.unwrap()), ["cut"]);
    store.delete_session(gone).await.unwrap();
    assert_eq!(ids(store.old_recordings(0).await.unwrap()), ["orphan"], "nobody else knows of its file");
    assert!(store.delete_recording(gone, "orphan").await.unwrap());
    assert!(store.old_recordings(0).await.unwrap().is_empty());
}
