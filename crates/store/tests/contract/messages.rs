use wago_store::{
    Author, Message, MessageChange, MessageCursor, MessageFilter, NewEvent, NewMessage, Reach, Search, SessionId, Store,
};

use crate::fixture::{Database, event, session};

crate::on_both_engines!(
    newest_first_in_pages,
    a_message_is_stored_once,
    comes_with_its_event,
    finds_words_prefixes_and_phrases,
    what_is_asked_is_never_syntax,
    only_the_author_changes_a_message,
    reactions_come_and_go,
    receipts_of_each_recipient,
    forgets_what_is_old,
    takes_any_text
);

const ALICE: &str = "15550000001@s.whatsapp.net";
const GROUP: &str = "1203630@g.us";

pub fn message(chat: &str, id: &str, text: &str, at: i64) -> NewMessage {
    NewMessage {
        chat: chat.into(),
        id: id.into(),
        sender: ALICE.into(),
        from_me: false,
        kind: "text".into(),
        text: text.into(),
        payload: format!(r#"{{"id":"{id}"}}"#).into_bytes(),
        sent_at_ms: at,
    }
}

async fn put(store: &Store, session: SessionId, chat: &str, id: &str, text: &str, at: i64) {
    store.change_messages(session, vec![MessageChange::New(message(chat, id, text, at))]).await.unwrap();
}

fn ids(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.id.as_str()).collect()
}

async fn found(store: &Store, session: SessionId, query: &str) -> Vec<String> {
    let filter = MessageFilter { search: Search::read(query), ..MessageFilter::default() };
    assert!(filter.search.is_some(), "{query}");
    let found = store.messages(session, &filter, 100).await.unwrap();
    found.into_iter().map(|message| message.id).collect()
}

async fn newest_first_in_pages(database: Database) {
    let store = database.open().await;
    let (a, b) = (session(&store, "a").await.id, session(&store, "b").await.id);
    // Two of one moment, and one that came later though it is older.
    for (id, at) in [("1", 1_000), ("2", 2_000), ("3", 2_000), ("4", 3_000), ("0", 500)] {
        put(&store, a, "x", id, "hello", at).await;
    }
    put(&store, a, "y", "other", "hello", 9_000).await;
    put(&store, b, "x", "theirs", "hello", 9_000).await;
    let in_x = MessageFilter { chats: vec!["x".into(), "x@lid".into()], ..MessageFilter::default() };
    let first = store.messages(a, &in_x, 2).await.unwrap();
    assert_eq!(ids(&first), ["4", "3"]);
    let filter = MessageFilter { before: Some(first[1].cursor), ..in_x.clone() };
    let second = store.messages(a, &filter, 2).await.unwrap();
    assert_eq!(ids(&second), ["2", "1"]);
    let filter = MessageFilter { after: Some(second[1].cursor), before: Some(first[0].cursor), ..in_x.clone() };
    assert_eq!(ids(&store.messages(a, &filter, 9).await.unwrap()), ["3", "2"]);
    let filter = MessageFilter { before: Some(MessageCursor::at(2_000)), ..in_x };
    assert_eq!(ids(&store.messages(a, &filter, 9).await.unwrap()), ["1", "0"]);
    let all = store.messages(a, &MessageFilter::default(), 9).await.unwrap();
    assert_eq!(ids(&all), ["other", "4", "3", "2", "1", "0"]);
}

async fn a_message_is_stored_once(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    put(&store, a, "x", "1", "first", 1_000).await;
    put(&store, a, "x", "1", "second", 2_000).await;
    put(&store, a, "y", "1", "elsewhere", 500).await;
    let (message, payload) = store.message(a, "1", &["x".into()]).await.unwrap().unwrap();
    assert_eq!(
        (message.text.as_str(), message.sender.as_str(), payload.as_slice()),
        ("first", ALICE, &br#"{"id":"1"}"#[..])
    );
    assert_eq!(store.message(a, "1", &[]).await.unwrap().unwrap().0.chat, "x", "the newest");
    assert_eq!(store.message(a, "1", &["z".into()]).await.unwrap(), None);
    assert_eq!(found(&store, a, "second").await, [""; 0]);
}

async fn comes_with_its_event(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let with = |n, id: &str| NewEvent {
        dedupe: Some("same".into()),
        message: Some(MessageChange::New(message("x", id, "hello", 1_000))),
        ..event(a, "x", n)
    };
    store.record_events(vec![with(1, "1")]).await.unwrap();
    store.record_events(vec![with(2, "2")]).await.unwrap();
    assert_eq!(found(&store, a, "hello").await, ["1"]);
    // What is not recorded is not stored either.
    let twice = NewEvent { event_id: event(a, "x", 1).event_id, dedupe: None, ..with(3, "3") };
    assert!(store.record_events(vec![twice]).await.is_err());
    assert_eq!(found(&store, a, "hello").await, ["1"]);
}

async fn finds_words_prefixes_and_phrases(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let b = session(&store, "b").await.id;
    for (id, text) in [
        ("1", "The quick brown fox"),
        ("2", "A fox, quick and brown"),
        ("3", "Não há pão, só ação"),
        ("4", "see https://example.com/brownies?id=42 or mail bob@example.com, v1.2.3"),
        ("5", "我们明天见"),
        ("6", "1e5 -7 007"),
    ] {
        put(&store, a, "x", id, text, id.parse().unwrap()).await;
    }
    put(&store, b, "x", "7", "quick brown fox", 7).await;
    for (query, expected) in [
        ("quick", vec!["2", "1"]),
        ("FOX quick", vec!["2", "1"]),
        ("\"quick brown\"", vec!["1"]),
        ("brow", vec![]),
        ("brow*", vec!["4", "2", "1"]),
        ("\"the qui*\"", vec!["1"]),
        ("\"a qui*\"", vec![]),
        ("pao ação", vec!["3"]),
        ("example.com", vec!["4"]),
        ("bob@example.com", vec!["4"]),
        ("2.3", vec!["4"]),
        ("明天", vec!["5"]),
        ("天明", vec![]),
        ("1e5 7", vec!["6"]),
        ("7e5", vec![]),
        ("\"fox", vec!["2", "1"]),
        ("nothing fox", vec![]),
    ] {
        assert_eq!(found(&store, a, query).await, expected, "{query}");
    }
}

async fn what_is_asked_is_never_syntax(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    put(&store, a, "x", "1", "not or and near text words", 1).await;
    for (query, expected) in [
        ("not", 1),
        ("OR", 1),
        ("not AND near", 1),
        ("NEAR(text words)", 1),
        ("words:text", 0),
        ("text:*", 1),
        ("-text", 1),
        ("^text", 1),
        ("text'); DROP TABLE messages; --", 0),
        ("text \\ ' \" & | ! < > ( ) :", 1),
        ("te'xt", 0),
    ] {
        assert_eq!(found(&store, a, query).await.len(), expected, "{query}");
    }
}

fn by(sender: &str, from_me: bool, admin: bool) -> Author {
    Author { sender: sender.into(), from_me, admin }
}

async fn only_the_author_changes_a_message(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    put(&store, a, GROUP, "1", "first words", 1_000).await;
    let edit = |by, text: &str| MessageChange::Edited {
        chat: GROUP.into(),
        id: "1".into(),
        by,
        text: text.into(),
        at_ms: 2_000,
    };
    let revoke = |by| MessageChange::Revoked { chat: GROUP.into(), id: "1".into(), by, at_ms: 3_000 };
    let get = async || store.message(a, "1", &[]).await.unwrap().unwrap();
    store
        .change_messages(
            a,
            vec![
                edit(by("mallory", false, false), "no"),
                edit(by(ALICE, true, false), "no"),
                revoke(by("mallory", false, false)),
            ],
        )
        .await
        .unwrap();
    assert_eq!((get().await.0.text.as_str(), get().await.0.edited_at_ms), ("first words", None));
    store.change_messages(a, vec![edit(by(ALICE, false, false), "second words")]).await.unwrap();
    assert_eq!((get().await.0.text.as_str(), get().await.0.edited_at_ms), ("second words", Some(2_000)));
    assert_eq!(found(&store, a, "second").await, ["1"]);
    assert_eq!(found(&store, a, "first").await, [""; 0]);
    store
        .change_messages(a, vec![revoke(by("an admin", false, true)), edit(by(ALICE, false, false), "third")])
        .await
        .unwrap();
    let (message, payload) = get().await;
    assert_eq!((message.text.as_str(), message.revoked_at_ms, payload.as_slice()), ("", Some(3_000), &b"null"[..]));
    assert_eq!(found(&store, a, "words").await, [""; 0]);

    // In a chat of two there is one other, by whichever address.
    put(&store, a, ALICE, "2", "hello", 1_000).await;
    let change =
        |by| MessageChange::Edited { chat: ALICE.into(), id: "2".into(), by, text: "bye".into(), at_ms: 2_000 };
    store.change_messages(a, vec![change(by("9@lid", false, false))]).await.unwrap();
    assert_eq!(found(&store, a, "bye").await, ["2"]);
}

async fn reactions_come_and_go(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    put(&store, a, "x", "1", "hello", 1_000).await;
    let react = |sender: &str, emoji: &str, at_ms| MessageChange::Reacted {
        chat: "x".into(),
        id: "1".into(),
        sender: sender.into(),
        emoji: emoji.into(),
        at_ms,
    };
    let reactions = async || store.message(a, "1", &[]).await.unwrap().unwrap().0.reactions;
    let pair = |sender: &str, emoji: &str| (sender.to_owned(), emoji.to_owned());
    store
        .change_messages(a, vec![react("bob", "👍", 1), react("carol", "❤️", 2), react("bob", "😂", 3)])
        .await
        .unwrap();
    assert_eq!(reactions().await, [pair("carol", "❤️"), pair("bob", "😂")]);
    store.change_messages(a, vec![react("carol", "", 4)]).await.unwrap();
    assert_eq!(reactions().await, [pair("bob", "😂")]);
}

async fn receipts_of_each_recipient(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let receipt = |id: &str, recipient: &str, reach, at_ms| MessageChange::Receipts {
        ids: vec![id.into(), "another".into()],
        recipient: recipient.into(),
        reach,
        at_ms,
    };
    let changes = vec![
        receipt("1", "bob", Reach::Delivered, 1_000),
        receipt("1", "bob", Reach::Delivered, 1_500),
        receipt("1", "bob", Reach::Read, 2_000),
        receipt("1", "bob", Reach::Read, 2_500),
        receipt("1", "carol", Reach::Played, 5_000),
        receipt("1", "carol", Reach::Delivered, 4_000),
    ];
    store.change_messages(a, changes).await.unwrap();
    let got = store.message_receipts(a, "1").await.unwrap();
    let times: Vec<_> =
        got.iter().map(|one| (one.recipient.as_str(), one.delivered_at_ms, one.read_at_ms, one.played_at_ms)).collect();
    assert_eq!(times, [("bob", 1_000, Some(2_000), None), ("carol", 4_000, Some(5_000), Some(5_000))]);
    assert_eq!(store.message_receipts(a, "another").await.unwrap().len(), 2);
    assert!(store.message_receipts(a, "unknown").await.unwrap().is_empty());
}

async fn forgets_what_is_old(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let many = (0..700).map(|n| MessageChange::New(message("x", &n.to_string(), "hello", 1_000)));
    store.change_messages(a, many.collect()).await.unwrap();
    put(&store, a, "x", "new", "hello", 9_000).await;
    let read = |id: &str, at_ms| MessageChange::Receipts {
        ids: vec![id.into()],
        recipient: "bob".into(),
        reach: Reach::Read,
        at_ms,
    };
    store.change_messages(a, vec![read("1", 1_000), read("new", 9_000)]).await.unwrap();
    let mut removed = 0;
    loop {
        match store.prune_messages(9_000).await.unwrap() {
            0 => break,
            some => removed += some,
        }
    }
    assert_eq!(removed, 701);
    assert_eq!(found(&store, a, "hello").await, ["new"]);
    assert!(store.message_receipts(a, "1").await.unwrap().is_empty());
    assert_eq!(store.message_receipts(a, "new").await.unwrap().len(), 1);
}

async fn takes_any_text(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let long = "длинный текст ".repeat(10_000);
    let one_word = "x".repeat(60_000);
    for (id, text) in [("1", "a\0b"), ("2", long.as_str()), ("3", one_word.as_str()), ("4", ""), ("5\0", "नमस्ते دنیا")]
    {
        put(&store, a, "x", id, text, 1_000).await;
    }
    assert_eq!(store.message(a, "1", &[]).await.unwrap().unwrap().0.text, "ab");
    assert_eq!(store.message(a, "2", &[]).await.unwrap().unwrap().0.text.chars().count(), 65_536);
    assert_eq!(found(&store, a, "\"текст длинный\"").await, ["2"]);
    assert_eq!(found(&store, a, "नमस्ते").await, ["5"]);
    assert_eq!(store.messages(a, &MessageFilter::default(), 9).await.unwrap().len(), 5);
}
