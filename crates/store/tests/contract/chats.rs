use wago_store::{
    ChatChange, Contact, Facet, Label, Labelled, LastMessage, MessageChange, MessageFilter, NewEvent, NewMessage,
    SessionId, Store, Until,
};

use crate::fixture::{Database, event, session};

crate::on_both_engines!(
    newest_first_pinned_before_all,
    a_phones_list_is_where_it_begins,
    the_later_word_counts,
    a_deleted_chat_begins_anew,
    labels_of_chats_and_messages,
    names_of_people_and_groups,
    comes_with_its_event_once,
    what_is_done_to_messages_before_they_come,
    messages_are_starred_removed_and_cleared,
    of_one_second_those_go_that_are_named
);

const BOB: &str = "15550000002@s.whatsapp.net";
const GROUP: &str = "1203630@g.us";

pub fn said(chat: &str, at_ms: i64, unread: bool) -> ChatChange {
    ChatChange::Message { chat: chat.into(), at_ms, unread }
}

pub fn set(chat: &str, facet: Facet, at_ms: i64) -> ChatChange {
    ChatChange::Set { chat: chat.into(), facet, at_ms, whole: false }
}

async fn names(store: &Store, session: SessionId) -> Vec<String> {
    store.chats(session, 0, 100).await.unwrap().into_iter().map(|chat| chat.chat).collect()
}

async fn newest_first_pinned_before_all(database: Database) {
    let store = database.open().await;
    let (a, b) = (session(&store, "a").await.id, session(&store, "b").await.id);
    let changes = vec![said("x", 10, true), said("y", 30, false), said("z", 20, true), said("x", 5, true)];
    store.change_chats(a, changes).await.unwrap();
    store.change_chats(b, vec![said("w", 99, true)]).await.unwrap();
    assert_eq!(names(&store, a).await, ["y", "z", "x"]);
    let x = store.chats(a, 2, 1).await.unwrap().remove(0);
    assert_eq!((x.last_message_at_ms, x.unread), (10, 2));
    let pins = vec![set("x", Facet::Pinned(true), 40), set("z", Facet::Pinned(true), 41)];
    store.change_chats(a, pins).await.unwrap();
    assert_eq!(names(&store, a).await, ["z", "x", "y"]);
    store.change_chats(a, vec![ChatChange::Read { chat: "x".into() }]).await.unwrap();
    assert_eq!(store.chats(a, 1, 1).await.unwrap()[0].unread, 0);
    assert_eq!(store.last_message(a, "x").await.unwrap(), Some(LastMessage { at_ms: 10, cleared: false }));
    assert_eq!(store.last_message(a, "w").await.unwrap(), None);
}

async fn a_phones_list_is_where_it_begins(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let listed = |chat: &str, at_ms, unread| ChatChange::Listed { chat: chat.into(), at_ms, unread };
    // Some of it is heard before: a pin, a message.
    let changes = vec![
        set("pinned", Facet::Pinned(true), 40),
        said("newer", 30, true),
        listed("pinned", 10, 2),
        listed("newer", 20, 5),
        listed("older", 5, 0),
        said("older", 6, true),
    ];
    store.change_chats(a, changes).await.unwrap();
    let chats = store.chats(a, 0, 10).await.unwrap();
    let of: Vec<_> = chats.iter().map(|chat| (chat.chat.as_str(), chat.last_message_at_ms, chat.unread)).collect();
    assert_eq!(of, [("pinned", 10, 2), ("newer", 30, 1), ("older", 6, 1)]);
}

async fn the_later_word_counts(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let of_whole = |facet, at_ms| ChatChange::Set { chat: "x".into(), facet, at_ms, whole: true };
    let changes = vec![
        said("x", 1, true),
        // A whole collection comes in no order; patches come in theirs, whatever their devices' clocks say.
        of_whole(Facet::MutedUntil(-1), 20),
        of_whole(Facet::MutedUntil(0), 10),
        set("x", Facet::Pinned(false), 20),
        set("x", Facet::Pinned(true), 10),
        set("x", Facet::Archived(true), 10),
        set("x", Facet::Archived(false), 10),
        set("x", Facet::MarkedUnread(true), 10),
    ];
    store.change_chats(a, changes).await.unwrap();
    let x = store.chats(a, 0, 9).await.unwrap().remove(0);
    assert_eq!((x.muted_until_ms, x.archived, x.marked_unread, x.unread), (-1, false, true, 1));
    assert!(x.pinned);
    let read = ChatChange::ReadUntil { chat: "x".into(), until: until(1, &[]) };
    store.change_chats(a, vec![set("x", Facet::MarkedUnread(false), 11), read]).await.unwrap();
    let x = store.chats(a, 0, 9).await.unwrap().remove(0);
    assert_eq!((x.marked_unread, x.unread), (false, 0));
}

fn until(at_ms: i64, last: &[&str]) -> Until {
    Until { at_ms, last: last.iter().map(ToString::to_string).collect() }
}

async fn a_deleted_chat_begins_anew(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let deleted = || ChatChange::Deleted { chat: "x".into(), at_ms: 20, until: until(20, &[]) };
    // Whatever the order in which they are told.
    let before = vec![said("x", 10, true), set("x", Facet::Pinned(true), 15), deleted()];
    store.change_chats(a, before).await.unwrap();
    assert_eq!(names(&store, a).await, [""; 0]);
    store.change_chats(a, vec![set("x", Facet::Pinned(true), 15), set("x", Facet::Archived(true), 20)]).await.unwrap();
    assert_eq!(names(&store, a).await, [""; 0]);
    store.change_chats(a, vec![said("x", 30, true), set("x", Facet::MutedUntil(-1), 25), deleted()]).await.unwrap();
    let x = store.chats(a, 0, 9).await.unwrap().remove(0);
    assert_eq!((x.pinned, x.archived, x.muted_until_ms, x.unread), (false, false, -1, 1));
}

async fn labels_of_chats_and_messages(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let label = |id: &str, name: &str| ChatChange::Label {
        id: id.into(),
        name: name.into(),
        color: 3,
        predefined_id: (id == "1").then_some(5),
    };
    let labelled = |label: &str, chat: &str, message: Option<&str>, on| ChatChange::Labelled {
        label: label.into(),
        chat: chat.into(),
        message: message.map(str::to_owned),
        on,
    };
    let changes = vec![
        said("x", 1, false),
        // It may be told before its label.
        labelled("2", "x", None, true),
        label("1", "New"),
        label("2", "Payd"),
        label("2", "Paid"),
        labelled("1", "x", None, true),
        labelled("1", "y", None, true),
        labelled("1", "y", None, false),
        labelled("1", "x", Some("M1"), true),
        labelled("1", "x", Some("M1"), true),
    ];
    store.change_chats(a, changes).await.unwrap();
    assert_eq!(store.chats(a, 0, 9).await.unwrap()[0].labels, ["1", "2"]);
    let one = Label { id: "1".into(), name: "New".into(), color: 3, predefined_id: Some(5), chats: 1, messages: 1 };
    let two = Label { id: "2".into(), name: "Paid".into(), color: 3, predefined_id: None, chats: 1, messages: 0 };
    assert_eq!(store.labels(a, 9).await.unwrap(), [one, two]);
    assert_eq!(store.labels(a, 1).await.unwrap().len(), 1);
    let with = |message: Option<&str>| Labelled { chat: "x".into(), message: message.map(str::to_owned) };
    assert_eq!(store.labelled(a, "1", 0, 9).await.unwrap(), [with(None), with(Some("M1"))]);
    assert_eq!(store.labelled(a, "1", 1, 1).await.unwrap(), [with(Some("M1"))]);
    store.change_chats(a, vec![ChatChange::LabelDeleted { id: "1".into() }]).await.unwrap();
    assert_eq!(store.chats(a, 0, 9).await.unwrap()[0].labels, ["2"]);
}

async fn names_of_people_and_groups(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let push = |name: &str| ChatChange::PushName { jid: BOB.into(), name: name.into() };
    let changes = vec![
        said(BOB, 2, true),
        said(GROUP, 1, true),
        push("bobby"),
        ChatChange::Named { chat: GROUP.into(), name: "Friends\0".into() },
    ];
    store.change_chats(a, changes).await.unwrap();
    let named =
        async || -> Vec<String> { store.chats(a, 0, 9).await.unwrap().into_iter().map(|chat| chat.name).collect() };
    assert_eq!(named().await, ["bobby", "Friends"]);
    let saved = ChatChange::Contact { jid: BOB.into(), full_name: "Bob B.".into(), first_name: "Bob".into() };
    let business = ChatChange::BusinessName { jid: BOB.into(), name: "Bob's".into() };
    store.change_chats(a, vec![saved, push("robert"), business]).await.unwrap();
    assert_eq!(named().await, ["Bob B.", "Friends"]);
    let bob = Contact {
        jid: BOB.into(),
        full_name: "Bob B.".into(),
        first_name: "Bob".into(),
        push_name: "robert".into(),
        business_name: "Bob's".into(),
    };
    assert_eq!(store.contacts(a, 0, 9).await.unwrap(), [bob]);
    assert_eq!(store.contacts(a, 1, 9).await.unwrap(), []);
}

async fn comes_with_its_event_once(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let with = |n| NewEvent { dedupe: Some("same".into()), chats: vec![said("x", 1, true)], ..event(a, "x", n) };
    store.record_events(vec![with(1)]).await.unwrap();
    store.record_events(vec![with(2)]).await.unwrap();
    assert_eq!(store.chats(a, 0, 9).await.unwrap()[0].unread, 1);
}

async fn what_is_done_to_messages_before_they_come(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let comes = |id: &str, at: i64| NewEvent {
        chats: vec![said(BOB, at, true)],
        message: Some(MessageChange::New(crate::messages::message(BOB, id, "hello", at))),
        ..event(a, BOB, usize::try_from(at).unwrap())
    };
    let (chat, id) = (|| BOB.to_owned(), |id: &str| id.to_owned());
    store.record_events(vec![comes("1", 1_000)]).await.unwrap();
    let done = vec![
        MessageChange::Starred { chat: chat(), id: id("starred"), on: true },
        MessageChange::Starred { chat: chat(), id: id("not starred"), on: true },
        MessageChange::Starred { chat: chat(), id: id("not starred"), on: false },
        MessageChange::Removed { chat: chat(), id: id("removed") },
        MessageChange::Starred { chat: chat(), id: id("starred before"), on: true },
        MessageChange::Cleared { chat: chat(), until: until(5_000, &["named"]), starred_too: false },
    ];
    store.change_messages(a, done).await.unwrap();
    let last = |at_ms, cleared| Some(LastMessage { at_ms, cleared });
    assert_eq!(store.last_message(a, BOB).await.unwrap(), last(1_000, true));
    for (id, at) in [
        ("before", 4_000),
        ("starred before", 4_001),
        ("named", 5_000),
        ("not named", 5_001),
        ("removed", 6_000),
        ("starred", 6_001),
        ("not starred", 6_002),
    ] {
        store.record_events(vec![comes(id, at)]).await.unwrap();
    }
    assert_eq!(store.last_message(a, BOB).await.unwrap(), last(6_002, false));
    let left = store.messages(a, &MessageFilter::default(), 9).await.unwrap();
    let left: Vec<_> = left.iter().map(|one| (one.id.as_str(), one.starred)).collect();
    assert_eq!(left, [("not starred", false), ("starred", true), ("not named", false), ("starred before", true)]);
    assert_eq!(store.chats(a, 0, 9).await.unwrap()[0].unread, 5, "nor do those count that are gone");
    // The history of before is another matter: what of it is left is sent.
    let past = MessageChange::New(crate::messages::message(BOB, "old", "hello", 2_000));
    store.change_messages(a, vec![past]).await.unwrap();
    assert_eq!(store.messages(a, &MessageFilter::default(), 9).await.unwrap().len(), 5);
}

async fn messages_are_starred_removed_and_cleared(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let new = |chat: &str, id: &str, at| MessageChange::New(crate::messages::message(chat, id, "hello", at));
    let of = |id: &str| (BOB.to_owned(), id.to_owned());
    let star = |id, on| {
        let (chat, id) = of(id);
        MessageChange::Starred { chat, id, on }
    };
    let (chat, id) = of("3");
    let changes = vec![
        new(BOB, "1", 1),
        new(BOB, "2", 2),
        new(BOB, "3", 3),
        new(BOB, "4", 4),
        new("y", "5", 1),
        star("1", true),
        star("2", true),
        star("2", false),
        MessageChange::Removed { chat, id },
    ];
    store.change_messages(a, changes).await.unwrap();
    let left = async || -> Vec<(String, bool)> {
        let messages = store.messages(a, &MessageFilter::default(), 9).await.unwrap();
        messages.into_iter().map(|one| (one.id, one.starred)).collect()
    };
    let is = |expected: &[(&str, bool)]| expected.iter().map(|(id, on)| ((*id).to_owned(), *on)).collect::<Vec<_>>();
    assert_eq!(left().await, is(&[("4", false), ("2", false), ("5", false), ("1", true)]));
    let clear = |starred_too| MessageChange::Cleared { chat: BOB.into(), until: until(3, &[]), starred_too };
    store.change_messages(a, vec![clear(false)]).await.unwrap();
    assert_eq!(left().await, is(&[("4", false), ("5", false), ("1", true)]));
    store.change_messages(a, vec![clear(true)]).await.unwrap();
    assert_eq!(left().await, is(&[("4", false), ("5", false)]));
}

async fn of_one_second_those_go_that_are_named(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let message = |id: &str, sent_at_ms| {
        MessageChange::New(NewMessage {
            chat: BOB.into(),
            id: id.into(),
            sender: BOB.into(),
            from_me: false,
            kind: "text".into(),
            text: id.into(),
            payload: Vec::new(),
            sent_at_ms,
        })
    };
    let new = vec![message("1", 1_000), message("2", 2_000), message("3", 2_000), message("4", 2_000)];
    store.change_messages(a, new).await.unwrap();
    store.change_chats(a, [1_000, 2_000, 2_000, 2_000].map(|at| said(BOB, at, true)).to_vec()).await.unwrap();
    let (second, newest) = store.newest_messages(a, BOB).await.unwrap().unwrap();
    assert_eq!((second, newest.iter().map(|one| one.id.as_str()).collect::<Vec<_>>()), (2, vec!["4", "3", "2"]));
    let unread = async || store.chats(a, 0, 9).await.unwrap()[0].unread;
    let read = ChatChange::ReadUntil { chat: BOB.into(), until: until(2_000, &["2"]) };
    store.change_chats(a, vec![read]).await.unwrap();
    assert_eq!(unread().await, 2);
    store.change_messages(a, vec![MessageChange::Removed { chat: BOB.into(), id: "1".into() }]).await.unwrap();
    assert_eq!(unread().await, 2, "it was read");
    store.change_messages(a, vec![MessageChange::Removed { chat: BOB.into(), id: "4".into() }]).await.unwrap();
    assert_eq!(unread().await, 1);
    let gone = until(2_000, &["2"]);
    store
        .change_messages(a, vec![MessageChange::Cleared { chat: BOB.into(), until: gone.clone(), starred_too: true }])
        .await
        .unwrap();
    store.change_chats(a, vec![ChatChange::Deleted { chat: BOB.into(), at_ms: 2_900, until: gone }]).await.unwrap();
    let chats = store.chats(a, 0, 9).await.unwrap();
    assert_eq!((chats[0].last_message_at_ms, chats[0].unread), (2_000, 1), "one came just after");
    assert_eq!(store.newest_messages(a, BOB).await.unwrap().unwrap().1[0].id, "3");
}
