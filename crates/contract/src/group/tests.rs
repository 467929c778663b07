use super::*;

fn read<T: Payload>(body: &str) -> Result<T> {
    T::read(Fields::parse(body.as_bytes()).unwrap())
}

fn error<T: Payload>(body: &str) -> String {
    read::<T>(body).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_group_is_named_in_all_ways() {
    for key in ["GroupJID", "groupjid", "groupJid", "jid", "group"] {
        assert_eq!(read::<Which>(&format!(r#"{{"{key}":"1@g.us"}}"#)).unwrap().group, "1@g.us", "{key}");
    }
    assert_eq!(error::<Which>("{}"), "missing GroupJID in payload");
}

#[test]
fn a_group_has_a_name_and_people() {
    let made = read::<Create>(r#"{"groupName":" Friends ","participants":["1","2"],"description":"d"}"#).unwrap();
    assert_eq!((made.name.as_str(), made.people.len(), made.topic.as_deref()), ("Friends", 2, Some("d")));
    assert!(made.image.is_none());
    assert_eq!(error::<Create>(r#"{"name":" ","participants":["1"]}"#), "missing Name in payload");
    assert_eq!(error::<Create>(r#"{"name":"x","participants":[]}"#), "missing Participants in payload");
    let long = "x".repeat(NAME_MAX + 1);
    let said = error::<Create>(&format!(r#"{{"name":"{long}","participants":["1"]}}"#));
    assert_eq!(said, "Name should be at most 100 characters long");
    let many = serde_json::to_string(&vec!["1"; PEOPLE_MAX + 1]).unwrap();
    let said = error::<Create>(&format!(r#"{{"name":"x","participants":{many}}}"#));
    assert_eq!(said, "Participants should be a list of at most 1023 strings");
}

#[test]
fn actions_have_names() {
    let update = read::<Update>(r#"{"groupjid":"1@g.us","phone":["1"],"action":"Promote"}"#).unwrap();
    assert_eq!((update.action, update.people), (Action::Promote, vec!["1".to_owned()]));
    let said = error::<Update>(r#"{"groupjid":"1@g.us","phone":["1"],"action":"ban"}"#);
    assert_eq!(said, "Action should be add, remove, promote or demote");
    assert!(!read::<Decide>(r#"{"groupjid":"1@g.us","phone":["1"],"action":"reject"}"#).unwrap().approve);
    let said = error::<Decide>(r#"{"groupjid":"1@g.us","phone":["1"],"action":"add"}"#);
    assert_eq!(said, "Action should be approve or reject");
}

#[test]
fn modes_are_flags_or_words() {
    for (given, admins) in [
        ("true", true),
        ("false", false),
        (r#""admin_add""#, true),
        (r#""all_member_add""#, false),
        (r#""false""#, false),
    ] {
        let mode = read::<SetAddMode>(&format!(r#"{{"jid":"1@g.us","mode":{given}}}"#)).unwrap();
        assert_eq!(mode.admins, admins, "{given}");
    }
    assert!(read::<SetApproval>(r#"{"jid":"1@g.us","mode":"on"}"#).unwrap().on);
    assert_eq!(error::<SetApproval>(r#"{"jid":"1@g.us","mode":"maybe"}"#), "Mode should be on or off");
    assert_eq!(error::<SetApproval>(r#"{"jid":"1@g.us","mode":1}"#), "Mode should be on or off");
    assert_eq!(error::<SetApproval>(r#"{"jid":"1@g.us"}"#), "missing Mode in payload");
}

#[test]
fn an_empty_topic_takes_it_away() {
    assert_eq!(read::<SetTopic>(r#"{"jid":"1@g.us","topic":""}"#).unwrap().topic, "");
    assert_eq!(error::<SetTopic>(r#"{"jid":"1@g.us"}"#), "missing Topic in payload");
}

#[test]
fn one_joins_by_a_link_or_an_invitation() {
    assert!(matches!(read::<Join>(r#"{"code":"abc"}"#), Ok(Join::Link(_))));
    let invited = r#"{"code":"abc","groupjid":"1@g.us","expiration":9,"inviter":"15550000001"}"#;
    assert!(matches!(read::<Join>(invited), Ok(Join::Invitation(Invitation { expiration: 9, .. }))));
    assert_eq!(error::<Join>(r#"{"code":"abc","groupjid":"1@g.us"}"#), "missing Inviter in payload");
}
