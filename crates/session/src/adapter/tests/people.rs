use wacore::types::{
    events::{
        BusinessStatusUpdate, BusinessUpdateType, ChatPresenceUpdate, ContactNumberChanged, DisappearingModeChanged,
        IdentityChange, PictureUpdate, PresenceUpdate, UserAboutUpdate,
    },
    message::MessageSource,
    presence::{ChatPresence, ChatPresenceMedia},
};

use super::*;

#[test]
fn presence() {
    let update = PresenceUpdate::builder().from(jid(ANA_LID)).unavailable(true).last_seen(at()).build();
    let mut expected = record(
        "Presence",
        "Presence",
        ANA,
        None,
        json!({"From": ANA_LID, "FromAlt": ANA, "Unavailable": true, "LastSeen": AT}),
    );
    expected["state"] = "offline".into();
    assert_eq!(told(Event::Presence(update)), expected);
    let update = PresenceUpdate::builder().from(jid(BEN)).unavailable(false).build();
    let told = told(Event::Presence(update));
    assert_eq!((&told["state"], &told["event"]["FromAlt"]), (&json!("online"), &json!("")));
    assert_eq!(told["event"]["LastSeen"], "0001-01-01T00:00:00Z");
}

#[test]
fn typing() {
    let source = MessageSource { chat: jid(GROUP), sender: jid(ANA), is_group: true, ..MessageSource::default() };
    let update = ChatPresenceUpdate::builder()
        .source(source)
        .state(ChatPresence::Composing)
        .media(ChatPresenceMedia::Audio)
        .build();
    assert_eq!(
        told(Event::ChatPresence(update)),
        record(
            "ChatPresence",
            "ChatPresence",
            GROUP,
            None,
            json!({
                "Chat": GROUP,
                "Sender": ANA,
                "IsFromMe": false,
                "IsGroup": true,
                "AddressingMode": "",
                "SenderAlt": ANA_LID,
                "RecipientAlt": "",
                "BroadcastListOwner": "",
                "BroadcastRecipients": null,
                "State": "composing",
                "Media": "audio",
            }),
        )
    );
}

#[test]
fn pictures() {
    let update = PictureUpdate::builder()
        .jid(jid(GROUP))
        .author(jid(ANA))
        .timestamp(at())
        .removed(false)
        .picture_id("9".into())
        .build();
    assert_eq!(
        told(Event::PictureUpdate(update)),
        record(
            "Picture",
            "Picture",
            GROUP,
            Some(&format!("picture|{GROUP}|9|{AT}")),
            json!({
                "JID": GROUP,
                "JIDAlt": "",
                "Author": ANA,
                "AuthorAlt": ANA_LID,
                "Timestamp": AT,
                "Remove": false,
                "PictureID": "9",
            }),
        )
    );
}

#[test]
fn about() {
    let update = UserAboutUpdate::builder().jid(jid(ANA)).status("At the sea".into()).timestamp(at()).build();
    assert_eq!(
        told(Event::UserAboutUpdate(update)),
        record(
            "UserAbout",
            "UserAbout",
            ANA,
            Some(&format!("about|{ANA}|{AT}|ab1ba990")),
            json!({"JID": ANA, "JIDAlt": ANA_LID, "Status": "At the sea", "Timestamp": AT}),
        )
    );
}

#[test]
fn identity() {
    let change = IdentityChange::builder().user(jid(BEN)).lid_user(jid("7@lid")).implicit(false).build();
    assert_eq!(
        told(Event::IdentityChange(change)),
        record(
            "IdentityChange",
            "IdentityChange",
            BEN,
            None,
            json!({"JID": BEN, "JIDAlt": "7@lid", "Timestamp": AT, "Implicit": false}),
        )
    );
    let change = IdentityChange::builder().user(jid(ANA_LID)).lid_user(jid(ANA_LID)).implicit(true).build();
    let told = told(Event::IdentityChange(change));
    assert_eq!((&told["chat"], &told["event"]["JIDAlt"]), (&json!(ANA), &json!(ANA)));
}

#[test]
fn disappearing() {
    let change = DisappearingModeChanged::builder().from(jid(ANA)).duration(86_400).setting_timestamp(at()).build();
    assert_eq!(
        told(Event::DisappearingModeChanged(change)),
        record(
            "DisappearingMode",
            "DisappearingMode",
            ANA,
            Some(&format!("disappearing|{ANA}|{AT}")),
            json!({"From": ANA, "FromAlt": ANA_LID, "Duration": 86_400, "Timestamp": AT}),
        )
    );
}

#[test]
fn a_new_number() {
    let change = ContactNumberChanged::builder()
        .old_jid(jid(ANA))
        .new_jid(jid(BEN))
        .new_lid(jid("7@lid"))
        .timestamp(at())
        .build();
    assert_eq!(
        told(Event::ContactNumberChanged(change)),
        record(
            "ContactNumberChange",
            "ContactNumberChange",
            ANA,
            Some(&format!("number|{ANA}|{BEN}|{AT}")),
            json!({"OldJID": ANA, "OldLID": ANA_LID, "NewJID": BEN, "NewLID": "7@lid", "Timestamp": AT}),
        )
    );
}

#[test]
fn a_business() {
    let update = |kind| {
        let update = BusinessStatusUpdate::builder().jid(jid(ANA)).update_type(kind).timestamp(at());
        let update = update.verified_name("Ana's Bakery".into());
        let update = update.product_ids(Vec::new()).collection_ids(Vec::new()).subscriptions(Vec::new());
        Event::BusinessStatusUpdate(update.build())
    };
    assert_eq!(
        told(update(BusinessUpdateType::VerifiedNameChanged)),
        record(
            "BusinessName",
            "BusinessName",
            ANA,
            Some(&format!("business|{ANA}|{AT}")),
            json!({
                "JID": ANA,
                "JIDAlt": ANA_LID,
                "Timestamp": AT,
                "OldBusinessName": "",
                "NewBusinessName": "Ana's Bakery",
            }),
        )
    );
    assert!(silent(&update(BusinessUpdateType::ProfileUpdated)));
}
