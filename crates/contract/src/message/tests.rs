use super::*;

fn read<T: Payload>(body: &str) -> Result<T> {
    T::read(Fields::parse(body.as_bytes()).unwrap())
}

#[track_caller]
fn fails<T: Payload>(body: &str, error: &str) {
    match read::<T>(body) {
        Ok(_) => panic!("{body} was accepted"),
        Err(found) => assert_eq!(found.to_string(), error, "{body}"),
    }
}

#[test]
fn a_reaction_is_an_emoji_or_its_removal() {
    for (body, emoji) in [("👍", "👍"), ("❤️", "❤️"), ("1️⃣", "1️⃣"), ("remove", ""), ("", "")] {
        let react: React = read(&format!(r#"{{"Phone":"1","Id":"A","Body":"{body}"}}"#)).unwrap();
        assert_eq!(react.emoji, emoji);
        assert!(!react.target.from_me);
    }
    let own: React = read(r#"{"phone":"1@g.us","id":"me:A","body":"👍"}"#).unwrap();
    assert_eq!((own.target.id.as_str(), own.target.from_me), ("A", true));
    for (body, error) in [
        (r#"{"Id":"A","Body":"👍"}"#, "missing Phone in payload"),
        (r#"{"Phone":"1","Body":"👍"}"#, "missing Id in payload"),
        (r#"{"Phone":"1","Id":"A"}"#, "missing Body in payload"),
        (r#"{"Phone":"1","Id":"A","Body":"yes"}"#, "Body should be one emoji, or remove"),
        (r#"{"Phone":"1","Id":"a b","Body":"👍"}"#, "Id should be printable ASCII without spaces"),
        (r#"{"Phone":"1","Id":"me:","Body":"👍"}"#, "Id should be printable ASCII without spaces"),
        (r#"{"Phone":"1@g.us","Id":"A","Body":"👍"}"#, "missing Participant in payload"),
    ] {
        fails::<React>(body, error);
    }
}

#[test]
fn only_own_messages_are_edited() {
    let edit: Edit = read(r#"{"chat":"1","messageid":"A","message":"new"}"#).unwrap();
    assert!(edit.target.from_me);
    fails::<Edit>(r#"{"Chat":"1","MessageID":"A"}"#, "missing Message in payload");
    fails::<Edit>(r#"{"Chat":"1","Message":"new"}"#, "missing MessageID in payload");
    let others = r#"{"Chat":"1","MessageID":"A","Message":"new","IsFromMe":false}"#;
    fails::<Edit>(others, "IsFromMe should be true: only one's own messages can be edited");
}

#[test]
fn a_message_is_deleted_for_all_or_for_me() {
    let own: Delete = read(r#"{"Chat":"1","MessageID":"A"}"#).unwrap();
    assert!(own.target.from_me && !own.for_me);
    let admins: Delete = read(r#"{"Chat":"1@g.us","MessageID":"A","Participant":"2"}"#).unwrap();
    assert!(!admins.target.from_me);
    let mine: Delete = read(r#"{"Chat":"1","MessageID":"A","IsFromMe":false,"ForMe":true}"#).unwrap();
    assert!(mine.for_me && !mine.target.from_me);
    let error = "IsFromMe should be true: others' messages are deleted for all only in a group";
    fails::<Delete>(r#"{"Chat":"1","MessageID":"A","Participant":"2"}"#, error);
}

#[test]
fn one_or_many_are_marked_as_read() {
    let one: MarkRead = read(r#"{"Id":"A","Chat":"1"}"#).unwrap();
    assert_eq!(one.ids, ["A"]);
    let many: MarkRead = read(r#"{"Id":["A","B"],"Chat":"1@g.us","Sender":"2"}"#).unwrap();
    assert_eq!(many.ids.len(), 2);
    fails::<MarkRead>(r#"{"Chat":"1"}"#, "missing Id in payload");
    fails::<MarkRead>(r#"{"Id":[],"Chat":"1"}"#, "missing Id in payload");
    fails::<MarkRead>(r#"{"Id":["A",""],"Chat":"1"}"#, "Id should be printable ASCII without spaces");
    fails::<MarkRead>(r#"{"Id":"A"}"#, "missing Chat in payload");
    fails::<MarkRead>(r#"{"Id":"A","Chat":"1@g.us"}"#, "missing Sender in payload");
}

#[test]
fn presence_is_one_of_three() {
    for (body, state) in [
        (r#""State":"composing""#, PresenceState::Composing),
        (r#""State":"composing","Media":"audio""#, PresenceState::Recording),
        (r#""State":"composing","isAudio":true"#, PresenceState::Recording),
        (r#""State":"Recording""#, PresenceState::Recording),
        (r#""State":"paused""#, PresenceState::Paused),
    ] {
        assert_eq!(read::<Presence>(&format!(r#"{{"Phone":"1",{body}}}"#)).unwrap().state, state);
    }
    fails::<Presence>(r#"{"Phone":"1"}"#, "missing State in payload");
    fails::<Presence>(r#"{"Phone":"1","State":"x"}"#, "State should be composing, recording or paused");
    fails::<Presence>(r#"{"Phone":"1","State":"paused","Media":"video"}"#, "Media should be audio or empty");
}

#[test]
fn pins_last_as_long_as_whatsapp_lets_them() {
    assert_eq!(read::<Pin>(r#"{"Chat":"1","Id":"A"}"#).unwrap().duration, Some(604_800));
    assert_eq!(read::<Pin>(r#"{"Chat":"1","Id":"A","Pin":false}"#).unwrap().duration, None);
    let error = "Duration should be 86400, 604800 or 2592000 seconds";
    fails::<Pin>(r#"{"Chat":"1","Id":"A","Duration":5}"#, error);
    assert!(!read::<Star>(r#"{"Chat":"1","Id":"A","Star":false}"#).unwrap().on);
}

#[test]
fn a_vote_names_options() {
    assert_eq!(read::<Vote>(r#"{"Phone":"1","Id":"A","Options":["a"]}"#).unwrap().options, ["a"]);
    assert!(read::<Vote>(r#"{"Phone":"1","Id":"A","Options":[]}"#).unwrap().options.is_empty());
    fails::<Vote>(r#"{"Phone":"1","Id":"A"}"#, "missing Options in payload");
    fails::<Vote>(r#"{"Phone":"1","Id":"A","Options":["a","a"]}"#, "Options should be all different");
}

#[test]
fn a_download_needs_the_keys_of_the_file() {
    let key = STANDARD.encode([7; 32]);
    let body = |extra: &str| {
        format!(r#"{{"mediaKey":"{key}","fileEncSHA256":"{key}","fileSHA256":"{key}","fileLength":5{extra}}}"#)
    };
    let download: Download = read(&body(r#","directPath":"/v/a.enc?x=1""#)).unwrap();
    assert_eq!((download.direct_path.as_str(), download.sealed.unwrap().media_key), ("/v/a.enc?x=1", [7; 32]));
    let download: Download = read(&body(r#","url":"https://mmg.whatsapp.net/v/a.enc""#)).unwrap();
    assert_eq!(download.direct_path, "/v/a.enc");
    fails::<Download>(&body(""), "missing DirectPath in payload");
    fails::<Download>(&body(r#","directPath":"v""#), "DirectPath should be a path that begins with /");
    let url = "URL should be a URL that begins with https:// and has a path";
    fails::<Download>(&body(r#","url":"http://127.0.0.1/v""#), url);
    let short = body(r#","directPath":"/v""#).replacen(&key, "AAAA", 1);
    fails::<Download>(&short, "MediaKey should be base64 of 32 bytes");
    // What lies there in the clear has neither.
    let clear = |extra: &str| format!(r#"{{"directPath":"/v/a","fileSHA256":"{key}"{extra}}}"#);
    assert!(read::<Download>(&clear("")).unwrap().sealed.is_none());
    fails::<Download>(&clear(&format!(r#","mediaKey":"{key}""#)), "missing FileEncSHA256 in payload");
    fails::<Download>(&clear(&format!(r#","fileEncSHA256":"{key}""#)), "missing MediaKey in payload");
    fails::<Download>(r#"{"directPath":"/v/a"}"#, "missing MediaKey in payload");
}
