use super::{
    privacy::{CATEGORIES, SetPrivacy},
    *,
};

fn read<T: Payload>(body: &str) -> Result<T> {
    T::read(Fields::parse(body.as_bytes()).unwrap())
}

fn refused<T: Payload>(body: &str) -> String {
    match read::<T>(body) {
        Ok(_) => panic!("{body} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn people_come_as_a_list() {
    assert_eq!(read::<Check>(r#"{"Phone":["15550001","+1 5550002"]}"#).unwrap().0, ["15550001", "+1 5550002"]);
    assert_eq!(read::<AskInfo>(r#"{"number":"15550001, 15550002"}"#).unwrap().0, ["15550001", "15550002"]);
    for body in ["{}", r#"{"Phone":[]}"#, r#"{"Phone":""}"#, r#"{"Phone":","}"#] {
        assert_eq!(refused::<Check>(body), "missing Phone in payload", "{body}");
    }
    let many = |count: usize| format!(r#"{{"Phone":{}}}"#, serde_json::json!(vec!["15550001"; count]));
    assert_eq!(read::<Check>(&many(CHECK_MAX)).unwrap().0.len(), CHECK_MAX);
    assert_eq!(refused::<Check>(&many(CHECK_MAX + 1)), "Phone should be a list of at most 500 strings");
    assert_eq!(refused::<AskInfo>(&many(INFO_MAX + 1)), "Phone should be a list of at most 100 strings");
    assert_eq!(refused::<Check>(r#"{"Phone":[15550001]}"#), "Phone should be a list of strings");
}

#[test]
fn names_and_texts_have_whatsapps_lengths() {
    assert_eq!(read::<SetName>(r#"{"Name":" Ana "}"#).unwrap().0, "Ana");
    assert!(read::<SetName>(&format!(r#"{{"name":"{}"}}"#, "ä".repeat(25))).is_ok());
    for (body, error) in [
        (r#"{"Name":""}"#.to_owned(), "missing Name in payload"),
        (r#"{"Name":"  "}"#.to_owned(), "missing Name in payload"),
        (
            format!(r#"{{"Name":"{}"}}"#, "a".repeat(26)),
            "Name should be at most 25 characters long, all of them printable",
        ),
        (r#"{"Name":"a\nb"}"#.to_owned(), "Name should be at most 25 characters long, all of them printable"),
    ] {
        assert_eq!(refused::<SetName>(&body), error);
    }
    assert_eq!(read::<SetAbout>(r#"{"Status":"at sea"}"#).unwrap().0, "at sea");
    assert_eq!(refused::<SetAbout>("{}"), "missing Body in payload");
    let long = format!(r#"{{"Body":"{}"}}"#, "é".repeat(140));
    assert_eq!(refused::<SetAbout>(&long), "Body should be at most 139 characters long");
}

#[test]
fn presence_is_one_of_two() {
    assert_eq!(read::<OwnPresence>(r#"{"type":"Available"}"#).unwrap(), OwnPresence::Available);
    assert_eq!(read::<OwnPresence>(r#"{"state":"unavailable"}"#).unwrap(), OwnPresence::Unavailable);
    assert_eq!(refused::<OwnPresence>(r#"{"type":"away"}"#), "Type should be available or unavailable");
    assert_eq!(refused::<OwnPresence>("{}"), "missing Type in payload");
}

#[test]
fn privacy_is_set_one_by_one_or_several_at_once() {
    let one = read::<SetPrivacy>(r#"{"Name":"last","Value":"contacts"}"#).unwrap();
    assert_eq!(one, read(r#"{"LastSeen":"Contacts"}"#).unwrap());
    assert_eq!((one.settings[0].category.key, one.settings[0].value.as_str()), ("LastSeen", "contacts"));
    let several = r#"{"readreceipts":"none","Online":"match_last_seen","Except":{"Profile":["15550001"]},"DefaultDisappearing":86400}"#;
    let several = read::<SetPrivacy>(several).unwrap();
    let told: Vec<_> = several.settings.iter().map(|one| (one.category.word, one.value.as_str())).collect();
    assert_eq!(told, [("profile", "contact_blacklist"), ("readreceipts", "none"), ("online", "match_last_seen")]);
    assert_eq!(several.settings[0].except.as_deref(), Some(&["15550001".to_owned()][..]));
    assert_eq!(several.disappearing, Some(86_400));
    let nobody = read::<SetPrivacy>(r#"{"Name":"status","Except":[]}"#).unwrap();
    assert_eq!(nobody.settings[0].except, Some(Vec::new()));
    assert_eq!(read::<SetPrivacy>(r#"{"DefaultDisappearing":0}"#).unwrap().disappearing, Some(0));
}

#[test]
fn privacy_that_there_is_not_is_refused() {
    for (body, error) in [
        ("{}", "missing Name in payload"),
        (r#"{"Name":"last"}"#, "missing Value in payload"),
        (
            r#"{"Name":"shoes","Value":"all"}"#,
            "Name should be groupadd, last, status, profile, readreceipts, calladd, online, messages, defense, stickers",
        ),
        (r#"{"Name":"last","Value":"some"}"#, "Value should be all, contacts, contact_blacklist, none"),
        (r#"{"ReadReceipts":"contacts"}"#, "ReadReceipts should be all, none"),
        (
            r#"{"Except":{"Online":["15550001"]}}"#,
            "Except.Online should be given with contact_blacklist alone, for GroupAdd, LastSeen, Status or Profile",
        ),
        (
            r#"{"LastSeen":"all","Except":{"LastSeen":["15550001"]}}"#,
            "Except.LastSeen should be given with contact_blacklist alone, for GroupAdd, LastSeen, Status or Profile",
        ),
        (r#"{"DefaultDisappearing":60}"#, "DefaultDisappearing should be 0, 86400, 604800 or 7776000 seconds"),
    ] {
        assert_eq!(refused::<SetPrivacy>(body), error);
    }
    assert_eq!(CATEGORIES.iter().filter(|category| category.takes_exceptions()).count(), 4);
}
